#!/bin/sh
# Analyses two million outcomes of 500,000 users from SQLite. Goal: below 15 s and 300 MB.
# Usage: benches/experiments.sh [path of the binary]
set -eu
binary=$(realpath "${1:-target/release/promptassay}")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
mkdir -p .git prompts/p/experiments
printf 'name: p\nvariables: []\n' > prompts/p/prompt.yaml
printf 'One\n' > prompts/p/v1.0.0.txt
printf 'Two\n' > prompts/p/v1.1.0.txt
cat > prompts/p/experiments/big.yaml <<'YAML'
name: big
variants:
  - {name: control, version: v1.0.0, weight: 1}
  - {name: treatment, version: v1.1.0, weight: 1}
seed: 000102030405060708090a0b0c0d0e0f
window: 1d
metrics:
  score: {kind: mean, role: primary, direction: higher}
  failed: {kind: binary, role: guardrail, direction: lower, margin: 0.01}
plan: {smallest_effect: 0.01, sd: 1, units: 400000}
YAML
seq 500000 | sed 's/^/user-/' | "$binary" assign big - | awk -F'\t' 'BEGIN {srand(1); print "unit,variant,metric,value,at,id"} {
  at = sprintf("2026-01-%02dT%02d:00:00Z", 1 + NR % 14, NR % 24)
  print $1 "," $2 ",,," at ","
  for (i = 0; i < 3; i++) print $1 ",,score," rand() "," at "," i
  print $1 ",,failed," (rand() < 0.05) "," at ",f" }' > events.csv
echo "import:"; time "$binary" import big events.csv --store big.db
echo "analyze:"
if [ -x /usr/bin/time ]; then
  /usr/bin/time -f '%e s, %M kB resident' "$binary" analyze big --store big.db --at 2026-03-01T00:00:00Z
else
  time "$binary" analyze big --store big.db --at 2026-03-01T00:00:00Z
fi

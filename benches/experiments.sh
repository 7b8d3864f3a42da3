#!/bin/sh
# Analyses two million outcomes of 500,000 users from SQLite. Goal: below 15 s and 300 MB.
# Usage: benches/experiments.sh [path of the binary]
#   USERS=N         so many instead of 500,000: to try the script
set -eu
binary=${1:-target/release/promptassay}
. "$(dirname "$0")/common.sh"
users=${USERS:-500000}
[ -n "${WITHOUT_HEADING:-}" ] || heading

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
seq "$users" | sed 's/^/user-/' | "$binary" assign big - | awk -F'\t' 'BEGIN {srand(1); print "unit,variant,metric,value,at,id"} {
  at = sprintf("2026-01-%02dT%02d:00:00Z", 1 + NR % 14, NR % 24)
  print $1 "," $2 ",,," at ","
  for (i = 0; i < 3; i++) print $1 ",,score," rand() "," at "," i
  print $1 ",,failed," (rand() < 0.05) "," at ",f" }' > events.csv

measure "$binary" import big events.csv --store big.db
[ "$code" = 0 ] || { cat complained >&2; exit 1; }
outcomes=$((users * 4))
row "import $outcomes outcomes and $users exposures into SQLite" '<' - "$seconds" ' s'
measure "$binary" analyze big --store big.db --at 2026-03-01T00:00:00Z
[ "$code" = 0 ] || { cat complained >&2; exit 1; }
row "analyse $outcomes outcomes: time" '<' 15 "$seconds" ' s'
row 'the same: resident' '<' 300 "$(awk "BEGIN {print $kilobytes / 1024}")" ' MB'

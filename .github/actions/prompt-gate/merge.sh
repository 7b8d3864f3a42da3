#!/usr/bin/env bash
# Merges what the shards left, and judges. A shard that left nothing is never taken for one that had nothing to do.
#
#   PROMPT_GATE_MERGE   the directory with prompt-gate-shard-1, prompt-gate-shard-2, …: each what one shard uploaded
#   PROMPT_GATE_SHARDS  how many there must be
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

binary=$(get binary) shards=${PROMPT_GATE_SHARDS:?}
left=$PROMPT_GATE_MERGE/prompt-gate-shard-
unchanged=0 runs=()

for index in $(seq 1 "$shards"); do
  if [ ! -s "$left$index/state/code" ]; then
    annotate error "shard $index of $shards left nothing behind: its job did not come to its end"
    conclude 4
    exit 0
  fi
  code=$(cat "$left$index/state/code") verdict=$(cat "$left$index/state/verdict")
  if [ "$code" = 2 ]; then
    # Every shard checks the same files; one message is enough.
    cp "$left$index/reports/check.txt" "$reports_dir/" 2>/dev/null || true
    conclude 2
    exit 0
  fi
  [ "$verdict" != unchanged ] || unchanged=$((unchanged + 1))
  for run in "$left$index"/runs/*/run.json; do
    [ ! -e "$run" ] || runs+=("$(dirname "$run")")
  done
done

if [ "$unchanged" = "$shards" ]; then
  conclude 0
  exit 0
fi
report_arguments
code=0
verbatim "$binary" merge "${runs[@]}" --runs "$runs_dir" "${reports[@]}" || code=$?
conclude "$code"

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

# What a shard said, for the comment.
messages_of() {
  for file in check.txt messages.txt; do
    cp "$left$1/reports/$file" "$reports_dir/" 2>/dev/null || true
  done
}

# lost WHY: a shard without a run. Nobody can judge then.
lost() {
  annotate error "shard $index of $shards left nothing behind: $1"
  printf 'error: shard %s of %s left nothing behind: %s\n' "$index" "$shards" "$1" >>"$reports_dir/messages.txt"
  conclude 4
  exit 0
}

for index in $(seq 1 "$shards"); do
  if [ ! -s "$left$index/state/code" ]; then
    lost 'its job did not come to its end'
  fi
  code=$(cat "$left$index/state/code") verdict=$(cat "$left$index/state/verdict")
  if [ "$code" = 2 ]; then
    # Every shard checks the same files; one message is enough.
    messages_of "$index"
    conclude 2
    exit 0
  fi
  found=0
  for run in "$left$index"/runs/*/run.json; do
    if [ -e "$run" ]; then
      runs+=("$(dirname "$run")")
      found=$((found + 1))
    fi
  done
  if [ "$verdict" = unchanged ]; then
    unchanged=$((unchanged + 1))
    messages_of "$index"
  elif [ "$found" = 0 ]; then
    messages_of "$index"
    lost 'its run is not there'
  fi
done

if [ "$unchanged" = "$shards" ]; then
  conclude 0
  exit 0
fi
report_arguments
code=0
verbatim with_messages "$binary" merge "${runs[@]}" --runs "$runs_dir" "${reports[@]}" || code=$?
conclude "$code"

#!/usr/bin/env bash
# Checks the files, and asks the prompts that changed: all cases, or those of one shard. It ends with 0 whatever came out, and
# leaves exit code and verdict for later steps: reports are uploaded and the comment is written before the job goes red.
#
#   PROMPT_GATE_PROMPTS    names of prompts, separated by spaces; without any, all
#   PROMPT_GATE_SHARD      I/N: one of N parts; `merge.sh` judges
#   PROMPT_GATE_LOCKED     true: a version that is not registered is an error
#   PROMPT_GATE_REFRESH    true: ask every question anew
#   PROMPT_GATE_BASELINE   true: compare with the blessed baseline of each prompt
#   PROMPT_GATE_ARGUMENTS  further options of `promptassay eval`, separated by spaces, such as `--max-cost 5 --max-time 30m`
#   PROMPT_GATE_MERGE      a directory with what the shards left: they are merged, and nothing is asked
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

if [ -n "${PROMPT_GATE_MERGE:-}" ]; then
  exec "$(dirname "$0")/merge.sh"
fi

binary=$(get binary) mode=$(get mode) base=$(get base) shard=${PROMPT_GATE_SHARD:-}
# Words, and no shell: what stands in them is never run.
read -r -a prompts <<<"${PROMPT_GATE_PROMPTS:-}"
read -r -a further <<<"${PROMPT_GATE_ARGUMENTS:-}"

# What only matters where models are asked; a replay asks none, and refuses them. Programs of a suite are not run by it either.
without_asking() {
  local word skip=''
  local -a kept=()
  for word in ${further[@]+"${further[@]}"}; do
    if [ -n "$skip" ]; then
      skip=''
      continue
    fi
    case $word in
      --no-cache | --refresh | --record) ;;
      --allow-commands) put programs left-out ;;
      --max-reply-age | --max-concurrency | --timeout | --deadline | --attempts | --backoff | --ca-file) skip=yes ;;
      --max-reply-age=* | --max-concurrency=* | --timeout=* | --deadline=* | --attempts=* | --backoff=* | --ca-file=*) ;;
      *) kept+=("$word") ;;
    esac
  done
  further=(${kept[@]+"${kept[@]}"})
}

check_files() {
  local code=0 arguments=(check ${prompts[@]+"${prompts[@]}"})
  if is_true "${PROMPT_GATE_LOCKED:-}"; then
    arguments+=(--locked)
  fi
  "$binary" "${arguments[@]}" >"$reports_dir/check.txt" 2>&1 || code=$?
  verbatim cat "$reports_dir/check.txt"
  if [ "$code" != 0 ]; then
    "$binary" "${arguments[@]}" --format json 2>/dev/null | jq -r -f "$(dirname "$0")/problems.jq" || true
  fi
  return "$code"
}

ask() {
  local code=0 arguments=(eval ${prompts[@]+"${prompts[@]}"} --runs "$runs_dir")
  if [ -n "$base" ]; then
    arguments+=(--changed-since "$base")
  fi
  if [ "$mode" = replay ]; then
    arguments+=(--offline)
    without_asking
  elif is_true "${PROMPT_GATE_REFRESH:-}"; then
    arguments+=(--refresh)
  fi
  if is_true "${PROMPT_GATE_BASELINE:-}"; then
    arguments+=(--against-baseline)
  fi
  if [ -n "$shard" ]; then
    arguments+=(--shard "$shard")
  else
    report_arguments
    arguments+=("${reports[@]}")
  fi
  arguments+=(${further[@]+"${further[@]}"})
  if [ "$mode" = replay ]; then
    echo 'recorded replies are replayed; this is no verdict'
  fi
  verbatim with_messages "$binary" "${arguments[@]}" || code=$?
  return "$code"
}

code=0
check_files || code=$?
if [ "$code" = 0 ]; then
  ask || code=$?
fi
conclude "$code"

#!/usr/bin/env bash
# Compares a run with the last one that came to its end, and names models that are served as others than then.
#
#   PROMPT_GATE_PREVIOUS  the directory with the last run, if there is one; afterwards it holds this one, if that came to its end
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

previous=${PROMPT_GATE_PREVIOUS:-}
[ -n "$previous" ] || exit 0
run=$(compgen -G "$runs_dir/*/run.json" | tail -n 1 || true)
if [ -z "$run" ]; then
  echo 'there is no run to compare'
  exit 0
fi
run=$(dirname "$run") report=$reports_dir/previous.md

# The models that answered and judged, as their providers call them.
served() {
  jq -r -s '[.[].trial_finished | values | .answer.reply.reply.served_model?, (.judging.models // [])[] | values]
    | unique | if . == [] then "models that do not say their names" else join(", ") end' "$1/events.jsonl"
}

is_complete() {
  jq -e -s 'any(.[]; .run_finished.end == "completed")' "$1/events.jsonl" >/dev/null
}

if [ -s "$previous/run.json" ]; then
  before=$(served "$previous") today=$(served "$run")
  {
    printf '### Since the last run, of %s\n\n' "$(jq -r '.started_at' "$previous/run.json")"
    if [ "$before" = "$today" ]; then
      printf 'The same models answered: %s.\n\n' "$today"
    else
      printf '**Other models answered**: %s then, %s now.\n\n' "$before" "$today"
      annotate warning "other models answered than in the last run: $before then, $today now" >&2
    fi
    if [ -s "$previous/report.json" ] && [ -s "$reports_dir/report.json" ]; then
      jq -r -s -f "$(dirname "$0")/since.jq" "$previous/report.json" "$reports_dir/report.json"
    fi
    code=0
    "$(get binary)" compare "$previous" "$run" >"$reports_dir/previous.txt" 2>&1 || code=$?
    printf '\n<details><summary>promptassay compare: %s</summary>\n\n' "$(verdict_of "$code")"
    preformatted "$reports_dir/previous.txt"
    printf '</details>\n'
    if [ "$code" = 1 ]; then
      annotate warning 'worse than the last run; the summary says where' >&2
    fi
  } >"$report"
else
  printf 'There is no earlier run to compare with; the next one is compared with this.\n' >"$report"
fi

if is_complete "$run"; then
  rm -rf "$previous"
  mkdir -p "$previous"
  cp "$run/run.json" "$run/events.jsonl" "$reports_dir/report.json" "$previous/"
fi

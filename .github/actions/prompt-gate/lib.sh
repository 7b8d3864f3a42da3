# shellcheck shell=bash
# What the steps of the prompt gate share. It is sourced and never run.
#
# Steps talk to each other through files below PROMPT_GATE_DIR, so that the same scripts run on a laptop, in a test, or in
# another pipeline. No directory in it is hidden: uploads leave hidden files out.

set -euo pipefail

: "${PROMPT_GATE_DIR:=${RUNNER_TEMP:-${TMPDIR:-/tmp}}/prompt-gate}"
state_dir=$PROMPT_GATE_DIR/state
reports_dir=$PROMPT_GATE_DIR/reports
# shellcheck disable=SC2034  # for whoever sources this
runs_dir=$PROMPT_GATE_DIR/runs
mkdir -p "$state_dir" "$reports_dir"

# put NAME VALUE: a value for later steps, as a file and as an output of this step.
put() {
  printf '%s' "$2" >"$state_dir/$1"
  if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
  fi
}

# get NAME: what an earlier step has put there; nothing where none has.
get() {
  if [ -f "$state_dir/$1" ]; then
    cat "$state_dir/$1"
  fi
}

# Workflow commands are lines of standard output, so what stands in them is escaped as the runner reads it.
data() {
  local text=${1//\%/%25}
  text=${text//$'\r'/%0D}
  printf '%s' "${text//$'\n'/%0A}"
}

# annotate error|warning|notice TEXT
annotate() {
  if [ "${GITHUB_ACTIONS:-}" = true ]; then
    printf '::%s title=prompt gate::%s\n' "$1" "$(data "$2")"
  else
    printf 'prompt gate: %s: %s\n' "$1" "$2" >&2
  fi
}

# refuse TEXT: the step cannot do its work, because of how it was called.
refuse() {
  annotate error "$1"
  printf 'error: %s\n' "$1" >"$reports_dir/messages.txt"
  put code 2
  put verdict invalid
  exit 2
}

# verbatim COMMAND…: runs it so that nothing it prints is taken for a workflow command: replies of models are strangers' text.
verbatim() {
  local code=0 token
  if [ "${GITHUB_ACTIONS:-}" != true ]; then
    "$@" || code=$?
    return "$code"
  fi
  token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '::stop-commands::%s\n' "$token"
  "$@" 2>&1 || code=$?
  printf '\n::%s::\n' "$token"
  return "$code"
}

# with_messages COMMAND…: runs it, and keeps what it says on standard error, where the reason stands, in `reports`.
with_messages() {
  local code=0
  # An interruption is for the program: what it says of it is still to be written.
  { "$@" 2>&1 >&3 3>&- | tee -i "$reports_dir/messages.txt" >&2 3>&-; } 3>&1 || code=$?
  return "$code"
}

# event FILTER: a value of the event that started the workflow; nothing where it is not there.
event() {
  if [ -s "${GITHUB_EVENT_PATH:-}" ]; then
    jq -r "$1 // empty" "$GITHUB_EVENT_PATH"
  fi
}

# verdict_of CODE: what an exit code of `promptassay eval` and `merge` means, in a word.
verdict_of() {
  case $1 in
    0) echo passed ;;
    1) echo failed ;;
    2) echo invalid ;;
    3) echo inconclusive ;;
    130) echo interrupted ;;
    *) echo broken ;;
  esac
}

# preformatted FILE: its text for a comment, between tags that keep every character as it is.
preformatted() {
  printf '<pre>\n'
  sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g' -e 's/@/\&#64;/g' "$1"
  printf '</pre>\n'
}

# last_of FILE: its last lines, as many as a reader takes in, for a comment.
last_of() {
  local lines=60
  tail -n "$lines" "$1" >"$PROMPT_GATE_DIR/last.txt"
  [ "$(wc -l <"$1")" -le "$lines" ] || printf 'The end of what was said; the rest is in the log of the job.\n\n'
  preformatted "$PROMPT_GATE_DIR/last.txt"
}

# report_arguments: the options that write every report, in `reports`.
report_arguments() {
  # shellcheck disable=SC2034  # for whoever calls this
  reports=(
    --report "json=$reports_dir/report.json"
    --report "junit=$reports_dir/junit.xml"
    --report "markdown=$reports_dir/report.md"
    --report "github=$reports_dir/annotations"
  )
}

# conclude CODE: from an exit code to the verdict of this run.
conclude() {
  local code=$1 verdict
  verdict=$(verdict_of "$code")
  if [ "$verdict" = passed ] && ! compgen -G "$runs_dir/*/run.json" >/dev/null; then
    verdict=unchanged
  elif [ "$verdict" = passed ] && [ -n "${PROMPT_GATE_SHARD:-}" ]; then
    # A shard has no verdict.
    verdict=asked
  elif [ "$(get mode)" = replay ] && is_only_a_replay "$code"; then
    # Without a model nobody knows. It is no failure of this pull request, and no success either.
    verdict=skipped
  fi
  put code "$code"
  put verdict "$verdict"
  if [ "$verdict" != skipped ] && [ -s "$reports_dir/annotations" ]; then
    cat "$reports_dir/annotations"
  fi
  printf 'prompt gate: %s\n' "$verdict"
}

# is_only_a_replay CODE: whether the replies that are recorded speak for the change, or there are none for it.
is_only_a_replay() {
  case $1 in
    0) return 0 ;;
    2) lacks_only_programs ;;
    4) lacks_only_replies && ! failed_what_must_pass ;;
    *) return 1 ;;
  esac
}

# Whether the run came to its end, and every question without an answer has none because no reply is recorded for it. Where it is a
# judge's reply that is not recorded, the check is unscored or an error, and the answer to the question is there.
lacks_only_replies() {
  cat "$runs_dir"/*/events.jsonl 2>/dev/null | jq -e -s '
    any(.[]; .run_finished.end == "completed")
    and any(.[]; .trial_finished.outcome | IN("errored", "unscored"))
    and all(.[].trial_finished.answer.error.kind // empty; IN("no_recorded_reply", "stale_reply"))' >/dev/null
}

# Whether a recorded reply fails a case that must pass: no reply that is missing changes that. A shard writes no report; whoever merges
# them does.
failed_what_must_pass() {
  jq -e 'any(.prompts[]?.variants[].gate; .must_pass_failed // [] | any)' "$reports_dir/report.json" >/dev/null 2>&1
}

# Whether the only fault is that checks would run programs, which `arguments` allow where a model is asked, and which a replay
# does not run: they may be a stranger's.
lacks_only_programs() {
  local said=$reports_dir/messages.txt
  [ "$(get programs)" = left-out ] && grep -q '^error' "$said" 2>/dev/null &&
    ! grep '^error' "$said" | grep -q -v '^error: this check runs a program, and programs are not allowed$'
}

is_true() {
  case ${1:-} in
    true) return 0 ;;
    false | '') return 1 ;;
    *) refuse "\`$1\` is neither true nor false" ;;
  esac
}

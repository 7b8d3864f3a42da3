# What the scripts beside it share; they read it with `.`. Needs $binary, and works in a directory of its own that is removed at the end.
# shellcheck shell=sh disable=SC2034

binary=$(realpath "$binary")
place=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi; rm -rf "$place"' EXIT
trap 'exit 130' INT TERM
if [ ! -x /usr/bin/time ]; then
  echo 'benches need GNU time at /usr/bin/time: install the package `time` of your distribution' >&2
  exit 2
fi
cd "$place" || exit

# A server of scripted answers, $1 after the default answer's first line (a delay, or nothing); its address stands in $uri.
serve() {
  stop_server
  printf 'default:\n  answer: {text: "Thank you, the parcel arrives on Monday."}\n%s' "$1" > script.yaml
  rm -f listening
  "$binary" mock --script script.yaml --port 0 2> listening > counted &
  server=$!
  while ! grep -qs http listening; do kill -0 "$server"; sleep 0.05; done
  uri=$(grep -o 'http://[0-9.:]*' listening)
}

# Ends it. Leaves the number of questions that it got in $asked, and the most that it had at once in $peak.
stop_server() {
  if [ -n "$server" ]; then
    kill -INT "$server"
    wait "$server" || true
    server=
    asked=$(counted calls)
    peak=$(counted peak_in_flight)
  fi
}

counted() { grep -o "\"$1\": *[0-9]*" counted | grep -o '[0-9]*$'; }

# The questions of $1 cases, a JSON object a line, into the file $2.
questions() {
  seq "$1" | awk '{print "{\"name\":\"case_" $1 "\",\"question\":\"Where is parcel number " $1 "?\"}"}' > "$2"
}

# A prompt `p`, and its suite of $1 cases with three validators, asked $2 at a time from the server.
suite() {
  mkdir -p .git prompts/p/tests
  printf 'name: p\nvariables: [question]\n' > prompts/p/prompt.yaml
  printf 'Answer in a sentence: {question}\n' > prompts/p/v1.0.0.txt
  printf 'models:\n  default: {provider: openai, base_url: "%s/v1", model: m, limits: {max_concurrency: %s}}\n' "$uri" "$2" > prompts/registry.yaml
  cat > prompts/p/tests/test_cases.yaml <<'YAML'
validators:
  - contains: {value: parcel, ignore_case: true}
  - regex: '\b(Monday|Tuesday)\b'
  - max_words: 50
datasets: [{file: cases.jsonl}]
YAML
  questions "$1" prompts/p/tests/cases.jsonl
}

# Runs the command, what it says into the files `printed` and `complained`. Leaves seconds in $seconds, the highest resident memory of
# the largest of its processes in $kilobytes, processor time in $cpu, the exit code in $code.
measure() {
  code=0
  /usr/bin/time -q -o spent -f '%e %M %U %S' "$@" > printed 2> complained || code=$?
  read -r seconds kilobytes user system < spent
  cpu=$(awk "BEGIN {print $user + $system}")
}

# Asks the suite $1 at a time, and writes both reports.
evaluate() {
  rm -rf .promptassay
  measure "$binary" eval --no-cache --quiet --format json --junit report.xml --max-concurrency "$1"
  if [ "$code" != 0 ]; then
    echo "eval ended with $code" >&2
    tail -c 500 printed complained >&2
    exit 1
  fi
}

# A row of the table: what, `<` or `>`, goal, measured, unit, and what it is compared with in the same run: a number of that unit, and
# its name. Ratios above 1 are too much time or memory, or too low a rate. A goal or a baseline that does not exist is `-`.
row() {
  awk -v what="$1" -v relation="$2" -v goal="$3" -v measured="$4" -v unit="$5" -v baseline="${6:--}" -v name="${7:-}" 'BEGIN {
    high = relation == ">"
    shown = goal == "-" ? "–" : (high ? "≥ " : "≤ ") number(goal) unit
    of_goal = goal == "-" ? "–" : sprintf("%.2f", high ? goal / measured : measured / goal)
    of_baseline = baseline == "-" ? "–" : sprintf("%.2f", high ? baseline / measured : measured / baseline)
    base = baseline == "-" ? "–" : number(baseline) unit ": " name
    printf "| %s | %s | %s | %s | %s | %s |\n", what, shown, number(measured) unit, of_goal, base, of_baseline
  }
  function number(value) { return value >= 100 ? sprintf("%.0f", value) : sprintf("%.3g", value) }'
}

heading() {
  echo '| what | goal | measured | of the goal | compared with, in the same run | ratio |'
  echo '|---|---|---|---|---|---|'
}

# The machine, so that a table can be read later.
machine() {
  echo "$("$binary" --version), $(wc -c < "$binary" | awk '{printf "%.1f MB", $1 / 1e6}')"
  echo "$(nproc) cores of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), Linux $(uname -r)"
  echo "load average at the start $(cut -d' ' -f1-3 /proc/loadavg), $(date -u +%Y-%m-%d)"
}

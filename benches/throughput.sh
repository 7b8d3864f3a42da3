#!/bin/sh
# Runs the two throughput goals of an evaluation end to end against `promptassay mock` on this machine, and prints goal, measured
# and ratio. The machine must have nothing else to do: the server shares its cores.
#
#   5,000 cases, replies after 100 ms, 100 at a time, three validators each: at most 1.05 × 5.0 s; below 60 MB resident
#   100,000 cases, instant replies: at least 10,000 cases/s; below 200 MB resident, reports included
#
# Beside them, the bytes that a trial takes in memory: resident at 100,000 trials less resident at 1,000, by trial.
#
# Usage: benches/throughput.sh [path of the binary]       (Linux; reads /proc)
set -eu
binary=$(realpath "${1:-target/release/promptassay}")
place=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi; rm -rf "$place"' EXIT
cd "$place"
mkdir -p .git prompts/p/tests
printf 'name: p\nvariables: [question]\n' > prompts/p/prompt.yaml
printf 'Answer in a sentence: {question}\n' > prompts/p/v1.0.0.txt

# The server with answers after $1; its address stands in $uri.
serve() {
  printf 'default:\n  answer: {text: "Thank you, the parcel arrives on Monday."}\n%s' "$1" > script.yaml
  "$binary" mock --script script.yaml --port 0 2> listening > counted &
  server=$!
  while ! grep -q listening listening; do kill -0 "$server"; sleep 0.05; done
  uri=$(grep -o 'http://[0-9.:]*' listening)
}

# A suite of $1 cases, asked $2 at a time.
suite() {
  printf 'models:\n  default: {provider: openai, base_url: "%s/v1", model: m, limits: {max_concurrency: %s}}\n' "$uri" "$2" > prompts/registry.yaml
  cat > prompts/p/tests/test_cases.yaml <<'YAML'
validators:
  - contains: {value: parcel, ignore_case: true}
  - regex: '\b(Monday|Tuesday)\b'
  - max_words: 50
datasets: [{file: cases.jsonl}]
YAML
  seq "$1" | awk '{print "{\"name\":\"case_" $1 "\",\"question\":\"Where is parcel number " $1 "?\"}"}' > prompts/p/tests/cases.jsonl
}

# Runs it; leaves seconds in $seconds, the highest resident memory in $kilobytes, processor time of the client in $cpu.
run() {
  rm -rf .promptassay
  start=$(date +%s%N)
  "$binary" eval --no-cache --quiet --format json --junit report.xml --max-concurrency "$1" > report.json &
  client=$!
  kilobytes=0
  while [ -r "/proc/$client/status" ]; do
    now=$(awk '/VmHWM/ {print $2}' "/proc/$client/status" 2>/dev/null || true)
    ticks=$(awk '{print $14 + $15}' "/proc/$client/stat" 2>/dev/null || true)
    if [ -n "$now" ]; then kilobytes=$now; cpu=$ticks; else break; fi
    sleep 0.02
  done
  wait "$client" || { echo "eval ended with $?"; tail -c 500 report.json; exit 1; }
  seconds=$(awk "BEGIN {print ($(date +%s%N) - $start) / 1e9}")
  cpu=$(awk "BEGIN {print $cpu / $(getconf CLK_TCK)}")
}

row() { awk "BEGIN {printf \"%-46s %12s %12s %7.2f\n\", \"$1\", \"$2\", \"$3\", $4}"; }

printf '%-46s %12s %12s %7s\n' what goal measured ratio
serve '  delay: {fixed: 100ms}
'
suite 5000 100
run 100
row '5,000 cases, 100 ms, 100 at a time: time' '<= 5.25 s' "$seconds s" "$seconds / 5.25"
row '                                    resident' '< 60 MB' "$((kilobytes / 1024)) MB" "$kilobytes / 61440"
kill "$server"; wait "$server" || true
serve ''
suite 1000 64
run 64
base=$kilobytes
suite 100000 64
run 64
rate=$(awk "BEGIN {printf \"%d\", 100000 / $seconds}")
row '100,000 cases, instant replies: rate' '>= 10,000/s' "$rate/s" "10000 / $rate"
row '                                resident' '< 200 MB' "$((kilobytes / 1024)) MB" "$kilobytes / 204800"
row '                                client, CPU' '' "$cpu s" 0
row 'a case in memory, all that belongs to it' '' "$(((kilobytes - base) * 1024 / 99000)) B" 0

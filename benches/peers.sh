#!/bin/sh
# The same suite through Promptassay, promptfoo and Inspect, one after the other in the same run, against the same scripted model on
# this machine: 5,000 cases, replies after 100 ms, 100 at a time, three checks each, no cache, a report of every case written.
#
# Each peer is asked in the way that its own documentation gives for this; docs/performance.md says what is not alike. Telemetry and
# update checks of the peers are off, and a proxy that does not exist stands before everything that is not on this machine.
#
# Usage: benches/peers.sh [--install DIRECTORY] [path of the binary]
#   --install DIRECTORY    first install the peers there (npm and pip; some minutes), or use what an earlier call installed
#   PROMPTFOO=COMMAND      promptfoo's command, where it is not `promptfoo` on the path
#   INSPECT=COMMAND        Inspect's command, where it is not `inspect` on the path
#   CASES=N  DELAY=N  AT_ONCE=N    instead of 5,000 cases, 100 ms, and 100 at a time
set -eu
if [ "${1:-}" = --install ]; then
  mkdir -p "$2"
  peers=$(realpath "$2")
  shift 2
  if [ ! -x "$peers/npm/node_modules/.bin/promptfoo" ]; then
    # Its own Node.js: promptfoo wants a newer one than many machines have.
    mkdir -p "$peers/npm"
    (cd "$peers/npm" && npm init --yes && npm install --no-fund --no-audit node@22 && npm install --no-fund --no-audit promptfoo) >&2 || true
  fi
  if [ ! -x "$peers/py/bin/inspect" ]; then
    { python3 -m venv "$peers/py" && "$peers/py/bin/pip" install --quiet inspect-ai openai; } >&2 || true
  fi
  PATH="$peers/npm/node_modules/.bin:$peers/py/bin:$PATH"
fi
binary=${1:-target/release/promptassay}
. "$(dirname "$0")/common.sh"
cases=${CASES:-5000} delay=${DELAY:-100} at_once=${AT_ONCE:-100}
promptfoo=${PROMPTFOO:-promptfoo} inspect=${INSPECT:-inspect}

export HTTPS_PROXY=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9 NO_PROXY=127.0.0.1,localhost NO_COLOR=1
export PROMPTFOO_DISABLE_TELEMETRY=1 PROMPTFOO_DISABLE_UPDATE=1 PROMPTFOO_DISABLE_SHARING=1 PROMPTFOO_DISABLE_REMOTE_GENERATION=1
export PROMPTFOO_CONFIG_DIR="$place/promptfoo"

ideal=$(awk "BEGIN {print $cases * $delay / $at_once / 1000}")
# A row for the command that `measure` has just run: name, version.
peer() {
  stop_server
  awk -v name="$1" -v version="$2" -v seconds="$seconds" -v cpu="$cpu" -v kilobytes="$kilobytes" -v ideal="$ideal" -v asked="$asked, $peak" 'BEGIN {
    printf "| %s | %s | %.2f s | %s | %.1f s | %.0f MB | %s |\n", name, version, seconds, (ideal > 0 ? sprintf("%.2f", seconds / ideal) : "–"), cpu, kilobytes / 1024, asked }'
}
# Starts the server anew, so that everyone meets the same one.
anew() { serve "  delay: {fixed: ${delay}ms}
"; }

echo "| $cases cases, replies after $delay ms, $at_once at a time | version | time | of the ideal $ideal s | processor time | resident | questions asked, most at once |"
echo '|---|---|---|---|---|---|---|'
anew
suite "$cases" "$at_once"
evaluate "$at_once"
peer promptassay "$("$binary" --version | awk '{print $2}')"

if "$promptfoo" --version > version 2>&1; then
  mkdir -p peer && anew
  cat > peer/promptfooconfig.yaml <<YAML
prompts: ['Answer in a sentence: {{question}}']
providers:
  - {id: 'openai:chat:m', config: {apiBaseUrl: '$uri/v1', apiKey: none}}
defaultTest:
  assert:
    - {type: icontains, value: parcel}
    - {type: regex, value: '\\b(Monday|Tuesday)\\b'}
    - {type: word-count, value: {max: 50}}
tests: file://tests.jsonl
YAML
  seq "$cases" | awk '{print "{\"description\":\"case_" $1 "\",\"vars\":{\"question\":\"Where is parcel number " $1 "?\"}}"}' > peer/tests.jsonl
  cd peer
  measure "$promptfoo" eval --config promptfooconfig.yaml --max-concurrency "$at_once" --no-cache --no-table --no-progress-bar --no-share --output report.json --output report.junit.xml
  passed=$(grep -o '"successes": *[0-9]*' report.json | tail -1 | grep -o '[0-9]*$' || true)
  mv printed complained ..; cd ..
  [ "$passed" = "$cases" ] || { echo "promptfoo ended with $code; $passed of $cases passed" >&2; tail -n 20 printed complained >&2; }
  peer promptfoo "$(tail -1 version)"
else
  echo "SKIPPED: promptfoo is not here (\`$promptfoo --version\`): give PROMPTFOO=COMMAND or --install DIRECTORY" >&2
fi

if "$inspect" --version > version 2>&1; then
  anew
  cat > task.py <<'PYTHON'
from inspect_ai import Task, task
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.scorer import Score, accuracy, includes, scorer
from inspect_ai.solver import generate, prompt_template
import re


@scorer(metrics=[accuracy()])
def weekday():
    async def score(state, target):
        return Score(value=1 if re.search(r"\b(Monday|Tuesday)\b", state.output.completion) else 0)

    return score


@scorer(metrics=[accuracy()])
def max_words():
    async def score(state, target):
        return Score(value=1 if len(state.output.completion.split()) <= 50 else 0)

    return score


@task
def parcels():
    dataset = json_dataset("questions.jsonl", FieldSpec(input="question", id="name", target="word"))
    return Task(
        dataset=dataset,
        solver=[prompt_template("Answer in a sentence: {prompt}"), generate()],
        scorer=[includes(ignore_case=True), weekday(), max_words()],
    )
PYTHON
  questions "$cases" plain.jsonl
  sed 's/}$/,"word":"parcel"}/' plain.jsonl > questions.jsonl
  export LOCAL_API_KEY=none LOCAL_BASE_URL="$uri/v1"
  measure "$inspect" eval task.py --model openai-api/local/m --max-connections "$at_once" --display none --log-dir logs
  [ "$code" = 0 ] || { echo "inspect ended with $code" >&2; tail -n 20 printed complained >&2; }
  peer inspect-ai "$(tail -1 version)"
else
  echo "SKIPPED: Inspect is not here (\`$inspect --version\`): give INSPECT=COMMAND or --install DIRECTORY" >&2
fi

#!/bin/sh
# Measures every number that docs/performance.md has a goal for, in one run, and prints a Markdown table: goal, measured, how much of
# the goal is used (1 or less: reached), and the ratio to the ideal or to a baseline of the same run.
#
# It wants a machine that does nothing else, about 10 minutes of it, and a release build: `cargo build --release -p promptassay`.
#
# Usage: benches/all.sh [--cold-build] [--peers | --install-peers DIRECTORY] [path of the binary]
#   --cold-build            also builds the binary from nothing, into a directory of its own (a quarter of an hour)
#   --peers                 also `peers.sh`, with the peers that are on the path
#   --install-peers DIR     the same, and installs them there first
#   CASES=N  USERS=N        smaller throughput and analysis: to try the script
set -eu
cold=''
peers=''
while [ $# -gt 0 ]; do
  case $1 in
    --cold-build) cold=yes; shift ;;
    --peers) peers=yes; shift ;;
    --install-peers)
      [ $# -gt 1 ] || { echo "--install-peers needs a directory to install the peers into" >&2; exit 2; }
      peers=$(mkdir -p "$2" && realpath "$2"); shift 2 ;;
    -*) echo "unknown option $1; benches/all.sh says at its head which there are" >&2; exit 2 ;;
    *) break ;;
  esac
done
here=$(realpath "$(dirname "$0")")
binary=${1:-target/release/promptassay}
criterion=$(realpath -m "${CARGO_TARGET_DIR:-$here/../target}")/criterion
. "$here/common.sh"

# The median that Criterion estimated for the bench $1 (a path below target/criterion), in units of $2 nanoseconds.
median() {
  sed 's/.*"median":{[^}]*},"point_estimate":\([0-9.e+]*\).*/\1/' "$criterion/$1/new/estimates.json" | awk -v unit="$2" '{print $1 / unit}'
}

# Microseconds to start and end the command, the mean of 300 times.
start_of() {
  began=$(date +%s%N)
  for _ in $(seq 300); do "$@" > started; done
  awk "BEGIN {print ($(date +%s%N) - $began) / 300 / 1e3}"
}

machine
cd "$here/.."
rustc --version
cd "$place"
echo
echo 'benches of single functions are built and run; that takes a while' >&2
(cd "$here/.." && cargo bench --workspace --bench assign --bench resolve --bench render --bench load --bench verdict --bench raw_front) > cargo-bench.txt 2> cargo-bench.err ||
  { tail -n 20 cargo-bench.txt cargo-bench.err >&2; exit 1; }
BARE=$(sed -n 's/^one text: .* \([0-9]*\)\/s$/\1/p' cargo-bench.txt)
export BARE WITHOUT_HEADING=yes

heading
"$here/throughput.sh" "$binary"
row 'start and end: `--version`' '<' 10 "$(start_of "$binary" --version | awk '{print $1 / 1000}')" ' ms' "$(start_of /bin/true | awk '{print $1 / 1000}')" '`/bin/true`'
for kind in registered unregistered; do
  row "load and check 1,000 prompts × 10 versions, $kind" '<' 300 "$(median "load_$kind/load_and_check" 1e6)" ' ms' "$(median "load_$kind/read_the_same_files" 1e6)" 'reading the same files'
done
render='render 2 kB, 5 variables'
joined=$(median "$render/String concatenation (baseline)" 1)
row 'render a 2 kB template with 5 variables, `format`' '<' 500 "$(median "$render/format" 1)" ' ns' "$joined" 'the same pieces joined'
row 'the same as Jinja' '<' - "$(median "$render/jinja" 1)" ' ns' "$joined" 'the same pieces joined'
row 'assign a unit to a variant, `sha256-u64-v2`' '<' 300 "$(median sha256-u64-v2 1)" ' ns'
row 'the same, with an exposure below 1: two draws' '<' 300 "$(median 'sha256-u64-v2, exposure 0.9' 1)" ' ns'
row 'assign a unit to a variant, `md5-10000-v1`' '<' 300 "$(median md5-10000-v1 1)" ' ns'
alone=$(median 'resolve/without a user' 1)
row 'resolve a prompt for a user, with a canary' '<' 1000 "$(median 'resolve/a user, with a canary' 1)" ' ns' "$alone" 'without a user'
row 'the same, in a snapshot of 1,000 prompts' '<' 1000 "$(median 'resolve/a user, in a snapshot of 1,000 prompts' 1)" ' ns' "$alone" 'without a user'
verdict='verdict of 10,000 cases × 2 versions × 3 repeats'
row 'summary, comparison and verdict of 10,000 cases × 2 versions × 3 repeats, from a stored journal' '<' 500 "$(median "$verdict/from the journal" 1e6)" ' ms' "$(median "$verdict/the same lines, tokens only" 1e6)" 'the same lines, read for their tokens only'
row 'the same, from the record in memory' '<' - "$(median "$verdict/from the record" 1e6)" ' ms'
"$here/experiments.sh" "$binary"
row 'size of the binary' '<' - "$(wc -c < "$binary" | awk '{print $1 / 1e6}')" ' MB'
if [ -n "$cold" ]; then
  (cd "$here/.." && CARGO_TARGET_DIR="$place/target" /usr/bin/time -o "$place/built" -f %e cargo build --release --quiet -p promptassay)
  row 'build from nothing, dependencies included' '<' - "$(tail -1 built | awk '{print $1 / 60}')" ' min'
fi
echo
echo "load average at the end $(cut -d' ' -f1-3 /proc/loadavg)"

case $peers in
  '') ;;
  yes) echo; "$here/peers.sh" "$binary" ;;
  *) echo; "$here/peers.sh" --install "$peers" "$binary" ;;
esac

#!/usr/bin/env bash
# Finds the program, or downloads it and compares its checksum.
#
#   PROMPT_GATE_BINARY         a program that is there already; nothing is downloaded then
#   PROMPT_GATE_DOWNLOAD_FROM  the address of a release's files, such as https://…/releases/download/v0.1.0
#   PROMPT_GATE_SHA256         the digest that the archive must have; without it, the one that the release's SHA256SUMS names
# Without any of them, `promptassay` on the PATH is taken.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# The name that releases have for this machine; nothing where there is none.
target() {
  case "$(uname -s)/$(uname -m)" in
    Linux/x86_64) echo x86_64-unknown-linux-musl ;;
    Linux/aarch64 | Linux/arm64) echo aarch64-unknown-linux-musl ;;
    Darwin/x86_64) echo x86_64-apple-darwin ;;
    Darwin/arm64) echo aarch64-apple-darwin ;;
  esac
}

digest() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

fetch() {
  curl --fail --silent --show-error --location --retry 3 --max-time 300 --output "$2" "$1" ||
    refuse "cannot download $1"
}

download() {
  local target archive expected actual directory=$PROMPT_GATE_DIR/bin
  target=$(target)
  [ -n "$target" ] || refuse "there is no release for $(uname -s) on $(uname -m); build promptassay and name it with \`binary\`"
  archive=promptassay-$target.tar.gz
  mkdir -p "$directory"
  fetch "${PROMPT_GATE_DOWNLOAD_FROM%/}/$archive" "$directory/$archive"
  expected=${PROMPT_GATE_SHA256:-}
  if [ -z "$expected" ]; then
    fetch "${PROMPT_GATE_DOWNLOAD_FROM%/}/SHA256SUMS" "$directory/SHA256SUMS"
    expected=$(awk -v file="$archive" '$2 == file || $2 == "*" file { print $1 }' "$directory/SHA256SUMS")
    [ -n "$expected" ] || refuse "the release's SHA256SUMS has no line for $archive"
  fi
  actual=$(digest "$directory/$archive")
  [ "$actual" = "$expected" ] || refuse "$archive has the SHA-256 $actual, and not $expected"
  tar -xzf "$directory/$archive" -C "$directory" promptassay || refuse "$archive does not hold the program promptassay"
  binary=$directory/promptassay
}

# What another use of the gate in this job has left says nothing about this one.
rm -rf "$state_dir" "$reports_dir" "$runs_dir"
mkdir -p "$state_dir" "$reports_dir"

if [ -n "${PROMPT_GATE_BINARY:-}" ]; then
  binary=$PROMPT_GATE_BINARY
elif [ -n "${PROMPT_GATE_DOWNLOAD_FROM:-}" ]; then
  download
else
  binary=$(command -v promptassay) ||
    refuse 'promptassay is not on the PATH; name the program with `binary`, or a release with `download-from`'
fi
version=$("$binary" --version) || refuse "\`$binary\` cannot be run"
put binary "$(cd "$(dirname "$binary")" && pwd)/$(basename "$binary")"
put directory "$PROMPT_GATE_DIR"
printf '%s\n' "$version"

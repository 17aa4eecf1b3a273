#!/usr/bin/env bash
# Runs all benches, the whole path among them, and writes what they print into a dated file with the facts of this machine.
#
#   scripts/bench.sh [--config FILE] [--out FOLDER] [--tiny]
#
#   --config FILE  also runs the whole path between the two real servers that a file of settings names
#   --out FOLDER   where the file goes; target/bench by default
#   --tiny         sizes that say nothing, to see that everything runs
set -euo pipefail
cd "$(dirname "$0")/.."

config="" out=target/bench size=()
while [ $# -gt 0 ]; do
  case "$1" in
    --config) config=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --tiny) size=(--test); shift ;;
    *)
      sed -n '2,8p' "$0" >&2
      exit 2
      ;;
  esac
done

mkdir -p "$out"
file="$out/$(date -u +%Y-%m-%dT%H%M%SZ).txt"

facts() {
  echo "sluice   $(git describe --always --dirty 2> /dev/null || echo "not a checkout")"
  echo "date     $(date -u +%Y-%m-%dT%H:%M:%SZ)"
  echo "rustc    $(rustc --version)"
  echo "kernel   $(uname -srm)"
  echo "cpu      $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
  echo "memory   $(awk '/^MemTotal/ { printf "%.1f GiB", $2 / 1048576 }' /proc/meminfo)"
  echo "load     $(cut -d ' ' -f 1-3 /proc/loadavg) before the first bench"
}

run() {
  printf '\n== cargo bench --bench %s\n' "$*"
  cargo bench --quiet --locked --bench "$@"
}

{
  facts
  for bench in stages pipeline spool; do
    run "$bench" -- "${size[@]}"
  done
  if [ -n "$config" ]; then
    run pipeline -- "${size[@]}" --config "$config"
  fi
} 2>&1 | tee "$file"
echo "written to $file" >&2

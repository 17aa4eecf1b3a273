#!/usr/bin/env bash
# The one gate: what passes here may be merged.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

step "format"
cargo fmt --all -- --check

step "lints"
cargo clippy --locked --all-targets -- -D warnings

step "tests"
cargo test --locked

# Benches use a tiny size unless told otherwise, so that they cannot rot.
step "benches at their tiny size"
if compgen -G "benches/*.rs" > /dev/null; then
  cargo test --locked --benches
else
  echo "no benches yet"
fi

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

step "dependencies"
skipped=()
if cargo deny --version > /dev/null 2>&1; then
  cargo deny check bans licenses sources
  # The advisories come over the network; without it the rest of the gate still counts.
  if cargo deny fetch db; then
    cargo deny check advisories
  else
    skipped+=("advisories: the database could not be fetched")
  fi
else
  skipped+=("all rules of deny.toml: cargo-deny is missing (cargo install cargo-deny --locked)")
fi

if [ ${#skipped[@]} -eq 0 ]; then
  step "everything passed"
else
  step "everything passed BUT THIS WAS NOT CHECKED:"
  printf '!!! %s\n' "${skipped[@]}"
fi

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
if cargo deny --version > /dev/null 2>&1; then
  cargo deny check
  step "everything passed"
else
  step "everything passed BUT THE DEPENDENCIES WERE NOT CHECKED"
  echo "cargo-deny is missing: cargo install cargo-deny --locked"
fi

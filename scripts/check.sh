#!/usr/bin/env bash
# The one gate: what passes here may be merged. `--after-tests` leaves out `cargo test`, for a caller that ran it.
set -euo pipefail
cd "$(dirname "$0")/.."

tests=yes
case "${1:-}" in
  "") ;;
  --after-tests) tests=no ;;
  *)
    echo "usage: scripts/check.sh [--after-tests]" >&2
    exit 2
    ;;
esac

step() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }

# A download that slips in at the top would stay in the history for ever.
step "top level"
known='(\.ci|benches|docs|scripts|src|tests)/.*|\.gitignore|Cargo\.(lock|toml)|README\.md|(clippy|deny|rustfmt)\.toml'
if git ls-files | grep -vxE "$known"; then
  echo "these belong nowhere" >&2
  exit 1
fi

step "format"
cargo fmt --all -- --check

# The benches are among them at a tiny size, so that they cannot rot.
if [ "$tests" = yes ]; then
  step "tests"
  cargo test --locked
fi

step "lints"
cargo clippy --locked --all-targets -- -D warnings

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

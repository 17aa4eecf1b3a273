#!/usr/bin/env bash
# The one gate: what passes here may be merged. Its last lines say what did not run, and why. `--after-tests` leaves out
# `cargo test` and those lines, for a caller that has both itself.
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
known='(\.ci|benches|docs|scripts|src|tests)/.*|\.gitignore|Cargo\.(lock|toml)|(CHANGELOG|CONTRIBUTING|README)\.md|LICENSE-(APACHE|MIT)|(clippy|deny|rustfmt)\.toml'
if git ls-files | grep -vxE "$known"; then
  echo "these belong nowhere" >&2
  exit 1
fi

step "format"
cargo fmt --all -- --check

# The benches are among them at a tiny size, so that they cannot rot.
if [ "$tests" = yes ]; then
  step "tests"
  scripts/not_run.sh --forget
  cargo test --locked
fi

step "lints"
cargo clippy --locked --all-targets -- -D warnings

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

step "dependencies"
not_run() { scripts/not_run.sh --note "$1"; }
if cargo deny --version > /dev/null 2>&1; then
  cargo deny check bans licenses sources
  # The advisories come over the network; without it the rest of the gate still counts.
  if cargo deny fetch db; then
    cargo deny check advisories
  else
    not_run "advisories of dependencies (their database could not be fetched)"
  fi
else
  not_run "all rules of deny.toml (cargo-deny is missing: cargo install cargo-deny --locked)"
fi

step "everything that ran has passed"
if [ "$tests" = yes ]; then
  scripts/not_run.sh
fi

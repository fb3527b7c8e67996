#!/usr/bin/env bash
# The differential test of the policy engine: our decisions against an independent simulator's, on thousands of cases.
#
#   crates/policy/differential/run.sh               the test
#   crates/policy/differential/run.sh --seed 7      other cases; fails on a disagreement that no class explains
#   crates/policy/differential/run.sh --update      writes disagreements.json anew, to be reviewed before it is committed
#   crates/policy/differential/run.sh --show 4260   one case of the test with both answers
#
# The simulator is AGPL-3.0: it is installed on demand, in the pinned version, into the target folder, runs as a program
# of its own and is never linked, copied or shipped. Without node, npm or a network the test says SKIPPED and why.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../.."
target=${CARGO_TARGET_DIR:-$PWD/target}
folder=$target/differential

skip() {
  echo "SKIPPED: the differential test of the policy engine was NOT run: $1" >&2
  exit 0
}

command -v node >/dev/null || skip "node is not installed"
command -v npm >/dev/null || skip "npm is not installed"
major=$(node -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 20 ] || skip "node $major is older than 20"

mkdir -p "$folder"
if ! cmp -s "$here/package-lock.json" "$folder/installed.json"; then
  cp "$here/package.json" "$here/package-lock.json" "$folder/"
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) ||
    skip "the simulator could not be installed"
  cp "$here/package-lock.json" "$folder/installed.json"
fi

cargo build --quiet -p yakumo-policy --example judge_cases
exec node "$here/compare.mjs" "$folder" "$target/debug/examples/judge_cases" "$@"

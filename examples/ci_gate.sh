#!/bin/sh
# A release gate, offline: a run that is good, a change that breaks something, the run that fails, and the case that got worse.
#   sh examples/ci_gate.sh [BUILD FOLDER, default build/dev]
set -eu
cd "$(dirname "$0")/.."
build=${1:-build/dev}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# run NAME: the eval as an experiment of that name, with its gate. (How to see it, which follows, names a folder that
# will be gone.)
run() {
  printf '\n==> ci_gate --experiment %s --min-score "Right team=0.9" --max-regressions 0\n' "$1"
  status=0
  "$build/src/local/braintrust-local" run --db "$folder/gate.db" "$build/examples/ci_gate" \
    --experiment "$1" --min-score "Right team=0.9" --max-regressions 0 >"$folder/log" 2>&1 || status=$?
  sed '/^See the experiment:/d' "$folder/log"
  printf 'exit code %s\n' "$status"
}

run good
test "$status" = 0
CI_GATE_WORSE=1
export CI_GATE_WORSE
run broken
test "$status" = 1
unset CI_GATE_WORSE

printf '\n==> braintrust-local show --experiment broken\n'
"$build/src/local/braintrust-local" show --db "$folder/gate.db" --experiment broken

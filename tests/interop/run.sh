#!/usr/bin/env bash
# The official JavaScript SDK logs to braintrust-local and evaluates against it, and everything must be there. Then it and ours
# work together: each reads the datasets and experiments of the other, and both make the same requests of the same prompts.
# OpenTelemetry's JavaScript SDK logs to it by every exporter there is for HTTP, and by Braintrust's own. The official autoevals
# and our scorers grade the same answers.
#
#   tests/interop/run.sh BUILD_DIR
#
# Needs node and npm. Installs the SDKs into BUILD_DIR/interop. Closes with "N passed, N failed".
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build_dir=$(cd "${1:?usage: run.sh BUILD_DIR}" && pwd)
program=$build_dir/src/local/braintrust-local
cases=$build_dir/tests/interop/interop_cases
scorers=$build_dir/tests/interop/interop_scorers
work=$build_dir/interop
server=

fail() {
  echo "$1" >&2
  echo "0 passed, 1 failed"
  exit 1
}

[ -x "$program" ] || fail "no $program: build the target braintrust-local first"
[ -x "$cases" ] || fail "no $cases: build the target interop_cases first (with interop in BRAINTRUST_TEST_ROOMS)"
[ -x "$scorers" ] || fail "no $scorers: build the target interop_scorers first"
command -v npm >/dev/null || fail "npm is not installed"

mkdir -p "$work"
cp "$source_dir"/package.json "$source_dir"/*.mjs "$source_dir"/cases.json "$work"
cd "$work"
# Our own settings must not leak in, nor may the SDK be led to the real service by them.
for name in $(compgen -e | grep -E '^(BRAINTRUST|OTEL)_|^TRACEPARENT$' || true); do unset "$name"; done
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error >npm.log 2>&1 || {
  cat npm.log >&2
  fail "npm install did not succeed"
}

timeout 120 node scorers.mjs "$scorers" scorers.json || fail "scorers.mjs did not succeed"

rm -f {traces,run}.db{,-wal,-shm} serve.out
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true' EXIT
mkfifo serve.out
"$program" serve --port 0 --db traces.db >serve.out &
server=$!
{ read -r _ _ url && read -r _ && read -r _ && read -r _ otel_settings; } <serve.out ||
  fail "braintrust-local serve did not start"

# Copies of prompts stay in memory: an earlier run's must not answer for this one's server.
export BRAINTRUST_API_KEY=anything BRAINTRUST_APP_URL=$url BRAINTRUST_CACHE_LOCATION=memory
timeout 120 node log.mjs || fail "log.mjs did not succeed"
timeout 120 node evaluate.mjs seen.json || fail "evaluate.mjs did not succeed"
timeout 120 node together.mjs "$cases" together.json || fail "together.mjs did not succeed"

export BRAINTRUST_API_URL=$url
timeout 60 node otel.mjs json || fail "otel.mjs json did not succeed"
timeout 60 node otel.mjs braintrust || fail "otel.mjs braintrust did not succeed"
# As a user would: what `serve` printed, and nothing else.
(unset "${!BRAINTRUST_@}" && eval "$otel_settings" && export OTEL_EXPORTER_OTLP_COMPRESSION=gzip &&
  timeout 60 node otel.mjs protobuf) || fail "otel.mjs protobuf did not succeed"
timeout 60 "$cases" call node otel.mjs join || fail "interop_cases call did not succeed"
timeout 60 node projects.mjs "$program" traces.db projects.json || fail "projects.mjs did not succeed"
export TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
timeout 60 "$program" run --db run.db -- node otel.mjs protobuf >run.txt || fail "otel.mjs did not succeed under run"

kill "$server"
wait "$server" || fail "braintrust-local serve did not stop cleanly"
server=

node check.mjs "$program" traces.db seen.json together.json scorers.json projects.json run.txt

#!/usr/bin/env bash
# Recorded exchanges of model providers, replayed to real HTTP clients, and what is recorded of them.
#
#   tests/conformance/run.sh BUILD_DIR [CONFORMANCE_DIR]
#
# The recordings lie outside this repository: beside it, or where $BRAINTRUST_CONFORMANCE says. Where there are none, this says
# "skipped". Needs python3 and curl. Closes with a line "conformance CLIENT: N passed, N failed" for each client.
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build_dir=$(cd "${1:?usage: run.sh BUILD_DIR [CONFORMANCE_DIR]}" && pwd)
recordings=${2:-${BRAINTRUST_CONFORMANCE:-$source_dir/../../../shared/conformance}}

if [ ! -d "$recordings" ]; then
  echo "conformance: skipped, there are no recordings in $recordings"
  exit 0
fi
exec python3 "$source_dir/run.py" "$build_dir" "$recordings"

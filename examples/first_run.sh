#!/bin/sh
# From a fresh checkout to a first trace: installs what is missing, builds, and runs the example `support_agent` against
# the local backend, which prints the trace as a tree. Needs no account and no key.
set -eu
cd "$(dirname "$0")/.."

sh cmake/setup.sh
# In the folder where tests/run.sh will find what is compiled.
printf '==> building (build/dev)\n'
mkdir -p build
cmake --preset dev -D BRAINTRUST_BUILD_TESTS=OFF >build/first_run.log 2>&1 || { cat build/first_run.log; exit 1; }
cmake --build --preset dev --target braintrust-local support_agent
printf '==> braintrust-local run support_agent\n'
exec build/dev/src/local/braintrust-local run build/dev/examples/support_agent

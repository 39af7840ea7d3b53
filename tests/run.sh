#!/bin/sh
# Installs what is missing, builds, and runs the tests (all but the slow ones; `cmake --workflow --preset slow` runs those).
set -eu
cd "$(dirname "$0")/.."

sh cmake/setup.sh tests
printf '==> building (build/dev)\n'
cmake --preset dev
cmake --build --preset dev
ctest --preset dev

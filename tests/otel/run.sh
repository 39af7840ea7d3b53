#!/bin/sh
# On Debian 13, as root: installs opentelemetry-cpp, then builds and runs what needs it.
#   sh tests/otel/run.sh             in the build folder of tests/run.sh
#   sh tests/otel/run.sh sanitized   with the address and undefined-behaviour sanitizers, in a folder of its own. All of the
#                                    library is compiled anew: about ten minutes on two cores
set -eu
cd "$(dirname "$0")/../.."
mkdir -p build

# Its package's CMake files look for everything that it was built with, and depend on none of it.
DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install \
  opentelemetry-cpp-dev libgrpc++-dev libprotobuf-dev protobuf-compiler-grpc >build/otel-install.log 2>&1 ||
  { cat build/otel-install.log; exit 1; }
if [ "${1:-}" = sanitized ]; then
  exec cmake --workflow --preset otel-asan
fi
cmake --preset dev >build/otel-configure.log 2>&1 || { cat build/otel-configure.log; exit 1; }
cmake --build --preset dev --target otel_tests
ctest --preset dev -L otel
ctest --preset slow -L otel  # a program that uses the installed package

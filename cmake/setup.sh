#!/bin/sh
# Installs what a build needs and this machine lacks: compiler, CMake, libraries. Says what it will do before it does it,
# leaves alone what is there, and reaches for the network only if something is missing.
#   sh cmake/setup.sh          what the library, the local backend and the examples need
#   sh cmake/setup.sh tests    that, and what the tests need
set -eu

with_tests=no
[ "${1:-}" = tests ] && with_tests=yes

say() { printf '==> %s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }

# Root as we are, else through sudo, else not at all: then the user is told what to type.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    say "not root and no sudo; as root, run: $*"
    exit 1
  fi
}

# Each family: the packages, how to ask whether one is there, how to install some.
if have apt-get; then
  manager=apt-get
  packages="g++ cmake ninja-build ccache pkg-config ca-certificates nlohmann-json3-dev libcurl4-openssl-dev libfmt-dev
    libsqlite3-dev libcpp-httplib-dev libcli11-dev zlib1g-dev"
  test_packages="libgtest-dev libgmock-dev libbenchmark-dev libasio-dev libcurl3-gnutls curl git mold python3-pycurl"
  is_there() {
    case $1 in
      libcurl4-openssl-dev) set -- 'libcurl4-*-dev' ;;  # its siblings do as well, and would be removed for it
    esac
    dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q 'ok installed'
  }
  install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 update
    # dpkg's progress is worth a page only if it fails.
    log=$(mktemp)
    if ! as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -qq -y -o DPkg::Lock::Timeout=300 \
      --no-install-recommends install "$@" >"$log" 2>&1 </dev/null; then
      cat "$log"
      rm -f "$log"
      return 1
    fi
    rm -f "$log"
  }
elif have dnf; then
  manager=dnf
  packages="gcc-c++ cmake ninja-build ccache pkgconf-pkg-config ca-certificates json-devel libcurl-devel fmt-devel
    sqlite-devel cpp-httplib-devel cli11-devel zlib-devel"
  test_packages="gtest-devel gmock-devel google-benchmark-devel asio-devel mold"
  is_there() { rpm -q --whatprovides "$1" >/dev/null 2>&1; }
  install() { as_root dnf -q -y install "$@"; }
elif have brew; then
  manager=brew
  packages="cmake ninja ccache pkgconf nlohmann-json curl fmt sqlite cpp-httplib cli11 zlib"
  test_packages="googletest google-benchmark asio"
  is_there() { brew list --versions "$1" >/dev/null 2>&1; }
  install() { brew install -q "$@"; }
else
  say "no apt-get, dnf or brew here: taking it that C++20, CMake 3.25, Ninja, nlohmann_json, libcurl, fmt, SQLite are there"
  exit 0
fi

[ "$with_tests" = yes ] && packages="$packages $test_packages"

# A tool counts as there when it can be run, wherever it came from; a library when its package is installed.
tool_of() {
  case $1 in
    g++ | gcc-c++) echo g++ ;;
    cmake | ccache | mold) echo "$1" ;;
    ninja | ninja-build) echo ninja ;;
    pkg-config | pkgconf*) echo pkg-config ;;
  esac
}
missing=
for package in $packages; do
  tool=$(tool_of "$package")
  if [ -n "$tool" ] && have "$tool"; then continue; fi
  is_there "$package" || missing="$missing $package"
done

if [ -z "$missing" ]; then
  say "everything needed is installed"
else
  say "installing with $manager:$missing"
  # shellcheck disable=SC2086  # a list of words
  install $missing
fi

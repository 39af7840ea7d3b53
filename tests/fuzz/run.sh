#!/bin/bash
# Runs every fuzzer of a build for libFuzzer, each dialect and each framing by itself, on all cores. Prints what was found.
#   tests/fuzz/run.sh BUILD SECONDS     seconds for each; BUILD from the preset `fuzz` or `clang`
# Corpora stay in BUILD/corpus from run to run; an input that breaks a promise is kept in BUILD/findings.
set -u
build=$1
export seconds=$2 corpora="$1/corpus" findings="$1/findings"
mkdir -p "$corpora" "$findings"

# One line for each run: the program, and the kind of input where it has several.
runs() {
  local fuzzer kind
  for fuzzer in "$build"/tests/fuzz/*_fuzz; do
    if ! grep -q BRAINTRUST_FUZZ_KIND "$fuzzer"; then
      echo "$fuzzer"
      continue
    fi
    for ((kind = 0;; ++kind)); do
      BRAINTRUST_FUZZ_KIND=$kind "$fuzzer" -runs=1 -seed=1 <<<"" >/dev/null 2>&1
      (($? == 3)) && break
      echo "$fuzzer $kind"
    done
  done
}

one_run() {
  local fuzzer=$1 kind=${2-} name
  name=$(basename "$fuzzer" _fuzz)${kind:+.$kind}
  [[ -n $kind ]] && export BRAINTRUST_FUZZ_KIND=$kind
  mkdir -p "$corpora/$name"
  export BRAINTRUST_FUZZ_SEEDS=$corpora/$name
  if "$fuzzer" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -artifact_prefix="$findings/$name-" "$corpora/$name" \
    >"$findings/$name.log" 2>&1; then
    echo "ok      $name: $(grep -o 'Done .*' "$findings/$name.log")"
  else
    tail -n 30 "$findings/$name.log"
    echo "BROKEN  $name"
  fi
}
export -f one_run

report=$(runs | xargs -P "$(nproc)" -L 1 bash -c 'one_run "$@"' _)
printf '%s\n' "$report"
passed=$(grep -c '^ok ' <<<"$report")
failed=$(grep -c '^BROKEN ' <<<"$report")
echo "fuzzers: $passed passed, $failed failed"
((failed == 0 && passed > 0))

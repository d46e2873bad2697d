#!/bin/bash
# Installs what is missing, builds, and runs every test: formatting, release and sanitizer builds,
# the whole ctest suite on the release build and under ASan + UBSan, the concurrent tests and the
# e2e tests under TSan, each fuzz target for FUZZ_SECONDS (6), clang-tidy, and the quickstart.
# A failing step does not stop the others; the last line counts everything.
#
#   tests/run.sh                 everything
#   tests/run.sh asan fuzz       only these steps (see `steps` below)
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

readonly root=$PWD logs=$PWD/build/logs
readonly python=/usr/bin/python3
readonly steps="install format release release_tests asan asan_tests quickstart tsan fuzz tidy"
readonly jobs=$(nproc) e2e_jobs=$((2 * $(nproc)))  # e2e tests mostly wait
readonly fuzz_seconds=${FUZZ_SECONDS:-6}
readonly tidy_limit_s=${TIDY_SECONDS:-420}
export CCACHE_DIR=$root/build/.ccache CCACHE_MAXSIZE=2G CCACHE_NOHASHDIR=1
export PYTHONDONTWRITEBYTECODE=1 CTEST_OUTPUT_ON_FAILURE=1 CMAKE_COLOR_DIAGNOSTICS=OFF
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=0:second_deadlock_stack=1}
passed=0 failed=0 failures=()

note() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }

configure_and_build() {  # preset, extra configure arguments, --, targets
  local preset=$1 extra=()
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do extra+=("$1") && shift; done
  [ $# -gt 0 ] && shift
  cmake --preset "$preset" "${extra[@]}" && cmake --build "build/$preset" -j "$jobs" -- "${@:-all}"
}

# Adds ctest's own counts to ours, so that the last line speaks of tests and not of steps.
run_ctest() {  # preset, ctest arguments
  local preset=$1 log status
  log=$logs/ctest-$preset.log
  shift
  ctest --test-dir "build/$preset" --no-tests=error "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  local counts bad total
  counts=$(sed -nE 's/.* tests passed, ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log" | tail -1)
  read -r bad total <<<"${counts:-0 0}"
  echo "$((total - bad)) $bad" >>"$logs/ctest-counts"
  [ "$status" = 0 ] || why_failed "$log" >>"$logs/why"
  return "$status"
}

# Of each failed test, what ctest shows of it: the lines that say what is wrong, and the last ones.
why_failed() {  # ctest log
  awk '/^ *[0-9]+\/[0-9]+ Test +#/ { shown = /\*\*\*|Exception/ } /^Label Time Summary/ { shown = 0 } shown' "$1" |
    grep -vE '(\.\.\. ok|^ok .*)$' | grep -E -A12 '\*\*\*|error: |^(FAIL|ERROR): |Error|Sanitizer|left:' | tail -n 150
}

do_install() { tests/support/install.sh build test clients image docker && "$python" -B tests/e2e/client_setup.py; }

do_format() {
  git ls-files -z '*.cpp' '*.hpp' | xargs -0 clang-format-14 --dry-run -Werror
}

do_release() { configure_and_build release; }
do_asan() { configure_and_build asan; }

# The e2e tests run after the rest, which does not wait.
do_asan_tests() {
  local status=0
  run_ctest asan -LE e2e -j "$jobs" || status=1
  SLUICE_E2E_CONNECTIONS=${SLUICE_E2E_CONNECTIONS:-4000} run_ctest asan -L e2e -j "$e2e_jobs" || status=1
  return $status
}

# Lints read sources, not binaries, except check_docs, which runs the README with this one.
do_release_tests() {
  local status=0
  SLUICE_BIN=$root/build/release/sluice run_ctest release -LE 'e2e|lint' -j "$jobs" || status=1
  SLUICE_BIN=$root/build/release/sluice SLUICE_E2E_CONNECTIONS=20000 run_ctest release -L e2e -j "$e2e_jobs" || status=1
  return $status
}

# The data plane is driven by the e2e tests, but for those that add no concurrency: other programs
# around the same proxy, and verbs that read files. An abort would hide behind a client's retry, so
# every report goes to a file, and one file fails the step.
readonly no_concurrency='test_(compose|captured|evidence_(forgery|query|retention)|aws_sigv4|cli|schema|policy_(test|diff|signature|inherit)|rule_facts|overlay)'
do_tsan() {
  local targets status=0
  targets=$(sed -nE 's|^ *sluice_test_folder\((\S+) .*CONCURRENT.*|test_\1|p' tests/CMakeLists.txt | tr / _)
  # shellcheck disable=SC2086
  configure_and_build tsan -- sluice $targets || return 1
  rm -f "$logs"/tsan-report.*
  export TSAN_OPTIONS="$TSAN_OPTIONS:log_path=$logs/tsan-report"
  SLUICE_E2E_CONNECTIONS=${SLUICE_E2E_CONNECTIONS:-1000} run_ctest tsan -L 'concurrent|e2e' -E "$no_concurrency" -j "$jobs" || status=1
  if compgen -G "$logs/tsan-report.*" >/dev/null; then
    status=1
    head -60 "$logs"/tsan-report.*
  fi
  return $status
}

do_fuzz() {
  local status=0 target name corpus seeds
  local targets=()
  for target in tests/fuzz/*_fuzz.cpp; do
    name=$(basename "$target" _fuzz.cpp)
    targets+=("fuzz_$name")
  done
  configure_and_build fuzz -- "${targets[@]}" || return 1
  for target in "${targets[@]}"; do
    name=${target#fuzz_}
    corpus=build/fuzz/corpus/$name seeds=tests/fuzz/corpus/$name
    mkdir -p "$corpus" build/fuzz/findings
    [ -d "$seeds" ] || seeds=
    echo "fuzz $name for $fuzz_seconds s"
    find build/fuzz -type f -name "$target" -perm -u+x -print -quit | {
      read -r binary
      "$binary" -max_total_time="$fuzz_seconds" -timeout=10 -rss_limit_mb=3000 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/findings/$name-" "$corpus" ${seeds:+"$seeds"}
    } >"$logs/fuzz-$name.log" 2>&1 || {
      status=1
      grep -aE -B2 -A12 'ERROR|SUMMARY|Test unit written' "$logs/fuzz-$name.log" | tail -n 40 | tee -a "$logs/why"
      find build/fuzz/findings -name "$name-*" -size -4k -exec sh -c 'echo "$1"; base64 "$1"' sh {} \; | tee -a "$logs/why"
    }
    grep -E 'stat::number_of_executed_units|DONE' "$logs/fuzz-$name.log"
  done
  return $status
}

# Of the files one by one: what is built is some of them put together.
# Over the unity builds' files: headers are read once for several sources. Not those with generated
# ones, which are not there.
do_tidy() {
  local files
  cmake --preset asan -B build/tidy -DSLUICE_PRECOMPILE=OFF >/dev/null || return 1
  files=$(find build/tidy/CMakeFiles -path '*.dir/Unity/*.cxx' | grep -vE '/sluice_(io|runtime)\.dir/' | xargs grep -L /generated/)
  # shellcheck disable=SC2086
  timeout "$tidy_limit_s" run-clang-tidy-14 -quiet -p build/tidy -j "$jobs" $files
}

do_quickstart() { examples/quickstart.sh; }

run_step() {
  local name=$1 log=$logs/$1.log started=$SECONDS
  note "$name …"
  : >"$logs/ctest-counts"
  : >"$logs/why"
  if "do_$name" >"$log" 2>&1 </dev/null; then
    note "$name ok ($((SECONDS - started)) s)"
    passed=$((passed + 1))
  else
    note "$name FAILED ($((SECONDS - started)) s), the end of $log:"
    { [ -s "$logs/why" ] && cat "$logs/why" || tail -n 60 "$log"; } | cut -c 1-400 | sed 's/^/    /'
    failed=$((failed + 1)) failures+=("$name")
  fi
  local good bad
  while read -r good bad; do
    passed=$((passed + good)) failed=$((failed + bad))
    note "$name: $good tests passed, $bad failed"
  done <"$logs/ctest-counts"
}

mkdir -p "$logs" "$CCACHE_DIR"
for step in ${*:-$steps}; do
  case " $steps " in
  *" $step "*) run_step "$step" ;;
  *) echo "run.sh: no step named '$step' (steps: $steps)" >&2 && exit 2 ;;
  esac
done
[ ${#failures[@]} -eq 0 ] || note "failed: ${failures[*]} (logs in build/logs)"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

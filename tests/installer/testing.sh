# shellcheck shell=sh
# How a file of tests runs: every function test_* of the script, each in a shell of its own.
#
# What always holds: a test fails by the first `must` that does not hold, and then what it printed is shown; the exit
# code of the file is 0 only if every test passed; a test that was left out says why, and in CI that is a failure.

# run_tests [SETTING UP...]: those named in TESTS, or all of the script in their order.
run_tests() {
    run_failed='' run_count=0
    run_all=${TESTS:-$(sed -n 's/^\(test_[a-z0-9_]*\)() {$/\1/p' "$0")}
    for run_test in $run_all; do
        run_began=$(date +%s)
        run_count=$((run_count + 1))
        : >"$T/note"
        (
            set -u
            "$run_test"
        ) >"$T/shown" 2>&1 </dev/null
        run_code=$?
        run_took=$(($(date +%s) - run_began))
        case $run_code in
        0)
            printf 'ok      %s%s (%s s)\n' "$run_test" "${MODE:+ [$MODE]}" "$run_took"
            sed 's/^/        /' "$T/note"
            ;;
        77)
            printf 'skipped %s%s: %s\n' "$run_test" "${MODE:+ [$MODE]}" "$(tail -n 1 "$T/note")"
            [ "${CI:-}" != true ] || run_failed="$run_failed $run_test"
            ;;
        *)
            printf 'FAILED  %s%s (%s s)\n' "$run_test" "${MODE:+ [$MODE]}" "$run_took"
            sed 's/^/    | /' "$T/shown"
            run_failed="$run_failed $run_test"
            ;;
        esac
    done
    if [ -n "$run_failed" ]; then
        printf '%s: failed:%s\n' "$(basename "$0")" "$run_failed"
        return 1
    fi
    printf '%s: %s passed%s\n' "$(basename "$0")" "$run_count" "${MODE:+ [$MODE]}"
}

# must WORDS COMMAND...: the command has to succeed; the words say what that means.
must() {
    must_words=$1
    shift
    "$@" || failed "$must_words: $*"
}

# must_not WORDS COMMAND...
must_not() {
    must_words=$1
    shift
    if "$@"; then failed "$must_words: $*"; fi
}

# equal WHAT FOUND EXPECTED
equal() {
    [ "$2" = "$3" ] || failed "$1 is \`$2\`, not \`$3\`"
}

# said WORDS: in the output of the last run of the installer.
said() {
    grep -qF -- "$1" "$T/out" || failed "it did not say \`$1\`"
}

failed() {
    printf 'FAILED: %s\n' "$*"
    exit 1
}

# A figure that the reader is to see although the test passed.
figure() {
    printf '%s\n' "$*" >>"$T/note"
}

skipped() {
    printf '%s\n' "$*" >>"$T/note"
    exit 77
}

# until_true SECONDS COMMAND...: polls.
until_true() {
    until_left=$(($1 * 10))
    shift
    until "$@"; do
        until_left=$((until_left - 1))
        [ "$until_left" -gt 0 ] || return 1
        sleep 0.1
    done
}

#!/bin/sh
# The unit tests of the installer under every shell that it is to run under, and all scripts through shellcheck.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=testing.sh
. "$here/testing.sh"
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT

under() {
    command -v "$1" >/dev/null 2>&1 || skipped "no $1 here"
    "$@" "$here/test_lib.sh" || failed "under $*"
    for script in install uninstall; do
        "$@" "$here/../../installer/$script.sh" --help >"$T/out" || failed "$script.sh --help under $*"
        said "usage: $script.sh"
    done
}

test_under_dash() {
    under dash
}

test_under_busybox_ash() {
    under busybox ash
}

test_under_bash_posix() {
    under bash --posix
}

test_shellcheck() {
    command -v shellcheck >/dev/null 2>&1 || skipped "no shellcheck here"
    must "no warnings" shellcheck -s sh -x "$here"/../../installer/*.sh "$here"/../../installer/lib/*.sh
}

# Half a download must do nothing: all is in functions until the last line.
test_nothing_runs_before_the_last_line() {
    for script in install uninstall; do
        equal "the last line of $script.sh" "$(tail -n 1 "$here/../../installer/$script.sh")" 'main "$@"'
        sed '$d' "$here/../../installer/$script.sh" >"$T/$script.sh"
        equal "what the rest of $script.sh does" "$(cd "$T" && sh "$T/$script.sh" --help 2>&1)" ""
    done
    for part in "$here"/../../installer/lib/*.sh; do
        equal "what $(basename "$part") does by itself" "$(env -i PATH="$PATH" sh -u "$part" 2>&1)" ""
    done
}

run_tests

# shellcheck shell=sh
# What is said, and where it goes.
#
# One place for every line, so that the terminal and the log of the run tell the same story. What always holds: a
# secret goes through `show_secret` alone, which never writes to the log; a log that cannot be written (a full disk)
# stops nothing; warnings and errors are on stderr also with --quiet.

# log_open DIR: from here on every line is kept in a file of its own, and the oldest files go.
log_open() {
    mkdir -p "$1" || return 1
    LOG_FILE=$1/$(date -u +%Y-%m-%dT%H%M%SZ)-$$.log
    refuse_symlink "$LOG_FILE" || return 1
    : >"$LOG_FILE" || return 1
    for log_old in $(find "$1" -name '*.log' -type f | sort -r | tail -n +21); do
        rm -f "$log_old"
    done
}

logged() {
    [ -n "${LOG_FILE:-}" ] || return 0
    printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*" 2>/dev/null >>"$LOG_FILE" || :
}

# What everybody wants to read.
say() {
    logged "$*"
    [ "${QUIET:-0}" = 1 ] || printf '%s\n' "$*"
}

# What helps when something went wrong: on the terminal with --verbose, in the log always.
note() {
    logged "$*"
    [ "${VERBOSE:-0}" != 1 ] || printf '  %s\n' "$*"
}

warn() {
    logged "warning: $*"
    printf 'warning: %s\n' "$*" >&2
}

fail() {
    logged "error: $*"
    printf 'error: %s\n' "$*" >&2
}

# Never in the log, and with --quiet too: it cannot be asked for again.
show_secret() {
    printf '%s\n' "$*"
}

# die CODE WORDS: the end of the run; what is half done is undone by the trap on EXIT.
die() {
    die_code=$1
    shift
    fail "$*"
    exit "$die_code"
}

# show_lines FILE [COUNT]: the last lines of what a command or a container said, set off.
show_lines() {
    [ -s "$1" ] || return 0
    tail -n "${2:-20}" "$1" | while IFS= read -r log_line; do
        logged "  | $log_line"
        printf '  | %s\n' "$log_line" >&2
    done
}

# quoted WORD...: as it could be typed.
quoted() {
    quoted_all=
    for quoted_word in "$@"; do
        case $quoted_word in
        '' | *[!A-Za-z0-9_./:=,@%+-]*)
            quoted_word=\'$(printf '%s' "$quoted_word" | sed "s/'/'\\\\''/g")\'
            ;;
        esac
        quoted_all="$quoted_all${quoted_all:+ }$quoted_word"
    done
    printf '%s\n' "$quoted_all"
}

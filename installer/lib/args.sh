# shellcheck shell=sh
# What the operator asks for: flags, environment variables, what was chosen last time, defaults, in this order.
#
# Every option is one word of OPTIONS, which is its flag (--config-dir), its variable (AI_PROXY_CONFIG_DIR) and its
# name in the saved settings (config-dir). What is not asked for again stays as it was chosen last time, so that an
# upgrade never opens a port that an earlier run had bound to loopback.

OPTIONS="engine config-dir work-dir port bind version base-image memory cpus pids log-size log-files stop-timeout health-timeout settle keep"
SWITCHES="dry-run yes quiet verbose"
# Those that the next run takes over. The port is not among them: it is in .env, and one truth is enough.
SAVED="engine config-dir bind base-image memory cpus pids log-size log-files stop-timeout keep"

usage() {
    cat <<'TEXT'
usage: install.sh [install | rollback] [OPTIONS]

Puts ai-proxy into a container that survives crashes and reboots, or upgrades the one that is there. The new one is
proved to be healthy before the old one is stopped; on any failure the old one serves again. Running it again with
nothing new changes nothing.

commands:
  install    what happens without a command
  rollback   back to what ran before the last change; once more goes forward again

options (each also as a variable, --config-dir as AI_PROXY_CONFIG_DIR):
  --engine NAME          docker or podman; found by asking both when not given
  --config-dir DIR       .env and provider-config.yaml (/srv/ai-proxy; rootless: ~/.config/ai-proxy)
  --work-dir DIR         journal, lock and logs (/var/lib/ai-proxy; rootless: ~/.local/state/ai-proxy)
  --port N               for a first installation: PORT of the new .env (8080). Afterwards PORT is changed there
  --bind ADDRESS         where the port is published (0.0.0.0); 127.0.0.1 for a reverse proxy in front
  --version V            a version whose image is here, instead of the one beside this script
  --base-image REF       what the image is built from, such as alpine@sha256:...
  --memory SIZE          limit (2g)
  --cpus N               limit (all cores)
  --pids N               limit (512)
  --log-size SIZE        where a container's log file is begun anew (10m)
  --log-files N          how many of them are kept, with Docker (3)
  --stop-timeout SECONDS the grace of the proxy and 10 s when not given
  --health-timeout SECONDS  how long the new one may take until it is healthy (30)
  --settle SECONDS       how long it is watched after the switch (10)
  --keep N               old images that are kept (2)
  --dry-run              print every command that would change something, and change nothing
  --yes                  ask nothing; nothing is asked without a terminal either
  --quiet                warnings and errors alone
  --verbose              more of what is done
  --help                 this text
A switch as a variable is on when it is 1, true or yes: AI_PROXY_YES=1.

exit codes:
  0    done, or nothing to do
  1    any other failure
  2    the command line is wrong
  3    no usable engine
  4    the preflight found something; it tells all at once
  5    another run is under way
  6    the configuration could not be made, or `ai-proxy check` does not accept it
  7    the image could not be built
  8    the new one did not become healthy beside the old one, which was never stopped
  9    the new one failed after the switch; the old one serves again
  10   the old one could not be brought back: this needs a hand
  11   nothing to go back to
  129, 130, 143   ended by HUP, INT, TERM; the old one serves again
TEXT
}

variable_of() {
    printf '%s' "$1" | tr '[:lower:]-' '[:upper:]_'
}

# option NAME: what was asked for; nothing when it was not.
option() {
    eval "printf '%s\n' \"\${OPT_$(variable_of "$1"):-}\""
}

set_option() {
    eval "OPT_$(variable_of "$1")=\$2"
}

is_word_of() {
    case " $2 " in *" $1 "*) return 0 ;; esac
    return 1
}

wrong_usage() {
    fail "$*"
    printf 'install.sh --help tells what can be asked for\n' >&2
    exit 2
}

# options_from_environment: first, so that a flag goes before a variable.
options_from_environment() {
    for option_name in $OPTIONS; do
        eval "option_value=\${AI_PROXY_$(variable_of "$option_name"):-}"
        set_option "$option_name" "$option_value"
    done
    for option_name in $SWITCHES; do
        eval "option_value=\${AI_PROXY_$(variable_of "$option_name"):-}"
        case $option_value in
        1 | true | yes) set_option "$option_name" 1 ;;
        '' | 0 | false | no) set_option "$option_name" 0 ;;
        *) wrong_usage "AI_PROXY_$(variable_of "$option_name") is neither 1 nor 0" ;;
        esac
    done
}

# parse_args ARGUMENT...: sets the options, and COMMAND.
parse_args() {
    COMMAND=
    options_from_environment
    while [ $# -gt 0 ]; do
        case $1 in
        --help | -h)
            usage
            exit 0
            ;;
        --*=*)
            option_name=${1%%=*}
            option_name=${option_name#--}
            is_word_of "$option_name" "$OPTIONS" || wrong_usage "no such option: --$option_name"
            set_option "$option_name" "${1#*=}"
            ;;
        --*)
            option_name=${1#--}
            if is_word_of "$option_name" "$SWITCHES"; then
                set_option "$option_name" 1
            else
                is_word_of "$option_name" "$OPTIONS" || wrong_usage "no such option: $1"
                [ $# -ge 2 ] || wrong_usage "$1 needs a value"
                set_option "$option_name" "$2"
                shift
            fi
            ;;
        install | rollback)
            [ -z "$COMMAND" ] || wrong_usage "one command at a time"
            COMMAND=$1
            ;;
        *) wrong_usage "no such command: $1" ;;
        esac
        shift
    done
    COMMAND=${COMMAND:-install}
    # shellcheck disable=SC2034 # read in other files
    DRY_RUN=$(option dry-run) QUIET=$(option quiet) VERBOSE=$(option verbose) YES=$(option yes)
    check_options
}

check_options() {
    # The patterns below judge line by line, and a second line would be a line of its own in a unit file, the settings
    # or the journal.
    for option_name in $OPTIONS; do
        case $(option "$option_name") in
        *[[:cntrl:]]*) wrong_usage "--$option_name takes one line, without control characters" ;;
        esac
    done
    for option_name in port pids log-files stop-timeout health-timeout settle keep; do
        option_value=$(option "$option_name")
        case $option_value in
        '') ;;
        *[!0-9]* | ??????*) wrong_usage "--$option_name takes a whole number" ;;
        esac
    done
    option_value=$(option port)
    [ -z "$option_value" ] || { [ "$option_value" -ge 1 ] && [ "$option_value" -le 65535 ]; } ||
        wrong_usage "--port takes a number from 1 to 65535"
    for option_name in settle health-timeout pids log-files; do
        [ "$(option "$option_name")" != 0 ] || wrong_usage "--$option_name takes at least 1"
    done
    case $(option engine) in
    '' | docker | podman) ;;
    *) wrong_usage "--engine takes docker or podman" ;;
    esac
    for option_name in memory log-size; do
        printf '%s\n' "$(option "$option_name")" | grep -Eq '^([1-9][0-9]*[kmgKMG])?$' ||
            wrong_usage "--$option_name takes a size such as 512m or 2g"
    done
    printf '%s\n' "$(option cpus)" | grep -Eq '^([0-9]+(\.[0-9]+)?)?$' || wrong_usage "--cpus takes a number such as 2 or 0.5"
    printf '%s\n' "$(option bind)" | grep -Eq '^([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|\[?[0-9a-fA-F:]*:[0-9a-fA-F:.]*\]?)?$' ||
        wrong_usage "--bind takes an address, not a name"
    printf '%s\n' "$(option version)" | grep -Eq '^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$' || wrong_usage "--version takes the tag of an image"
    for option_name in config-dir work-dir; do
        [ -z "$(option "$option_name")" ] || check_path "--$option_name" "$(option "$option_name")"
    done
}

# check_path WHAT PATH: it can stand in a volume's option, a unit file and the settings.
check_path() {
    case $2 in
    *[:,\"\\]* | *[[:cntrl:]]*) wrong_usage "$1 takes a path without colons, commas, quotes, backslashes and line ends" ;;
    /) wrong_usage "$1 takes a folder of its own" ;;
    /*) ;;
    *) wrong_usage "$1 takes a path from the root" ;;
    esac
}

# chosen NAME DEFAULT: what was asked for, else what was chosen last time, else the default.
chosen() {
    chosen_value=$(option "$1")
    [ -n "$chosen_value" ] || ! is_word_of "$1" "$SAVED" || chosen_value=$(saved "$1")
    printf '%s\n' "${chosen_value:-$2}"
}

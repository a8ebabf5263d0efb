#!/bin/sh
# Removes what install.sh has installed, and nothing else: uninstall.sh --help tells what.
#
# By names and labels that are ours alone, so it also works when the installer's own notes are lost.
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

uninstall_usage() {
    cat <<'TEXT'
usage: uninstall.sh [--purge] [OPTIONS]

Stops ai-proxy and removes its containers, images, state volume and systemd unit, and the installer's journal and logs.
The configuration is kept unless --purge is given.

options (each also as a variable, --config-dir as AI_PROXY_CONFIG_DIR):
  --purge            the configuration too, with the keys in it
  --engine NAME      docker or podman; the one that was installed with when not given
  --config-dir DIR   where the configuration is; what was installed with when not given
  --work-dir DIR     as for install.sh
  --dry-run          print every command that would change something, and change nothing
  --yes              ask nothing; nothing is asked without a terminal either
  --quiet            warnings and errors alone
  --verbose          more of what is done
  --help             this text

exit codes: 0 removed, or nothing was there; 1 something could not be removed; 2 the command line is wrong; 3 no usable
engine; 5 an installation is under way
TEXT
}

# shellcheck source-path=SCRIPTDIR
load() {
    . "$here/lib/log.sh"
    . "$here/lib/system.sh"
    . "$here/lib/args.sh"
    . "$here/lib/state.sh"
    . "$here/lib/detect.sh"
    . "$here/lib/container.sh"
    . "$here/lib/rollback.sh"
    . "$here/lib/service.sh"
    . "$here/lib/uninstall.sh"
}

# own_args ARGUMENT...: those that install.sh does not know are taken out first.
own_args() {
    PURGE=${AI_PROXY_PURGE:-0}
    own_count=$#
    while [ "$own_count" -gt 0 ]; do
        own_arg=$1
        shift
        case $own_arg in
        --purge) PURGE=1 ;;
        --help | -h)
            uninstall_usage
            exit 0
            ;;
        *) set -- "$@" "$own_arg" ;;
        esac
        own_count=$((own_count - 1))
    done
    parse_args "$@"
    [ "$COMMAND" = install ] || wrong_usage "uninstall.sh takes no command"
}

main() {
    load
    umask 077
    CHILD='' LOG_FILE=''
    TMP=$(mktemp -d "${TMPDIR:-/tmp}/ai-proxy-uninstall.XXXXXX") || exit 1
    trap 'stop_child; rm -rf "$TMP"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    own_args "$@"
    places
    find_engine
    uninstall
}

main "$@"

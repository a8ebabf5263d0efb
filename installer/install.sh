#!/bin/sh
# Installs or upgrades ai-proxy in a container of Docker or Podman: install.sh --help tells how.
#
# POSIX sh, and thin: the order of the steps is here, each step is in lib/. Nothing runs before the last line, so half
# a file does nothing.
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

# shellcheck source-path=SCRIPTDIR
load() {
    . "$here/lib/log.sh"
    . "$here/lib/system.sh"
    . "$here/lib/args.sh"
    . "$here/lib/state.sh"
    . "$here/lib/settings.sh"
    . "$here/lib/detect.sh"
    . "$here/lib/preflight.sh"
    . "$here/lib/container.sh"
    . "$here/lib/image.sh"
    . "$here/lib/config.sh"
    . "$here/lib/health.sh"
    . "$here/lib/switch.sh"
    . "$here/lib/rollback.sh"
    . "$here/lib/service.sh"
    . "$here/lib/next.sh"
}

# The exit code is kept through whatever has to be undone; a signal during that is not heard.
on_exit() {
    exit_code=$?
    trap '' INT TERM HUP
    trap - EXIT
    stop_child
    if [ "$ATTEMPT" = 1 ]; then
        undo || exit_code=10
    elif [ "$exit_code" -ne 0 ] && [ "$MADE_WORK_DIR" = 1 ] && ! has_journal; then
        remove_work_dir
    fi
    rm -rf "$TMP"
    exit "$exit_code"
}

prepare() {
    umask 077
    ATTEMPT=0 MADE_WORK_DIR=0 CHILD='' LOG_FILE='' MADE_TOKEN='' PORT=8080
    TMP=$(mktemp -d "${TMPDIR:-/tmp}/ai-proxy-install.XXXXXX") || exit 1
    trap on_exit EXIT
    trap 'fail "interrupted"; exit 130' INT
    trap 'fail "told to end"; exit 143' TERM
    trap 'exit 129' HUP
    # A reader that has gone is no reason to stop half-way.
    trap : PIPE
}

# has_nothing_to_do: the image is here and runs as it would be deployed, and is well.
has_nothing_to_do() {
    [ -n "$IMAGE" ] || return 1
    # A wish for another port is refused by the preflight, not passed over.
    [ "$(chosen port "$PORT")" = "$PORT" ] || return 1
    [ -e "$CONFIG_DIR/.env" ] || return 1
    [ -e "$CONFIG_DIR/provider-config.yaml" ] || return 1
    is_current "$IMAGE" "$VERSION" && container_is_running ai-proxy && is_well ai-proxy "$(final_url)"
}

# Only on a terminal, and once.
ask_to_go_on() {
    if [ "$YES" = 1 ] || [ "$DRY_RUN" = 1 ] || [ ! -t 0 ] || [ ! -t 1 ]; then
        return 0
    fi
    printf 'Go on? [Y/n] '
    read -r answer
    case $answer in
    '' | [Yy]*) ;;
    *) die 1 "stopped as you wished; nothing was changed" ;;
    esac
}

tell_plan() {
    plan_version=$(container_label ai-proxy ai-proxy.version)
    if [ -z "$plan_version" ]; then
        say "installing ai-proxy $VERSION: configuration in $CONFIG_DIR, port $PORT"
    elif [ "$COMMAND" = rollback ]; then
        say "going back from ai-proxy $plan_version to $VERSION"
    else
        say "ai-proxy: $plan_version is here, $VERSION is to be deployed"
    fi
    say_ignored_limits
}

deploy() {
    begin_attempt
    build_image
    make_config
    read_settings
    check_config "$IMAGE"
    if [ "$DRY_RUN" = 0 ]; then
        write_settings "$WORK_DIR/settings.new" || die 1 "the settings cannot be written (is the disk full?)"
    fi
    journal target_version "$VERSION"
    journal target_id "$IMAGE"
    prove_candidate
    switch
    journal step proved
    ATTEMPT=0
    commit "$IMAGE" "$VERSION"
    install_service
}

main() {
    load
    ROOT=$(dirname "$here")
    prepare
    parse_args "$@"
    places
    HEALTH_TIMEOUT=$(chosen health-timeout 30)
    SETTLE=$(chosen settle 10)
    need_commands
    find_engine
    look_at_work_dir
    open_work_dir
    recover
    choose_version
    read_settings
    look_around
    find_image
    if has_nothing_to_do; then
        say "nothing to do: ai-proxy $VERSION is deployed like this and healthy on $(final_url)"
        [ -z "$MADE_TOKEN" ] || next_steps
        exit 0
    fi
    preflight
    tell_plan
    ask_to_go_on
    deploy
    if [ "$DRY_RUN" = 1 ]; then
        say "nothing was changed (--dry-run)"
        exit 0
    fi
    next_steps
    end_journal
}

main "$@"

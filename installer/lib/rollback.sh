# shellcheck shell=sh
# Back to what there was, whatever was half done.
#
# One function undoes an attempt, for a failure, for a signal, and for a run that was killed: it goes by the journal
# and by what is there, not by where the attempt had come to. What always holds: every step may be taken twice; what
# serves is brought back first, and only then is the rest tidied; what somebody else has edited since stays.

# undo: fails when the old one could not be brought back.
undo() {
    undo_failed=0
    undo_old=$(journalled old_id)
    undo_version=$(journalled old_version)
    undo_served=1
    for undo_name in ai-proxy-candidate ai-proxy-check; do
        remove_container "$undo_name" || :
    done
    if [ -n "$undo_old" ]; then
        bring_back "$undo_old" || undo_failed=1
    else
        remove_container ai-proxy || :
    fi
    remove_container ai-proxy-next || :
    if [ "$undo_failed" = 1 ]; then
        fail "version $undo_version could not be brought back; its container is $undo_old: $ENGINE start $undo_old; $ENGINE logs $undo_old"
        return 1
    fi
    undo_files
    [ -z "$(journalled making_volume)" ] || ! engine volume inspect ai-proxy-state >/dev/null 2>&1 ||
        change 30 "$ENGINE" volume rm ai-proxy-state || :
    remove_unnamed_images
    undo_work_dir=$(journalled made_work_dir)
    end_journal
    if [ -z "$undo_old" ]; then
        say "nothing of the attempt was left behind"
        if [ -n "$undo_work_dir" ] && [ "${KEEP_WORK_DIR:-0}" = 0 ]; then
            remove_work_dir
        fi
    elif [ "$undo_served" = 1 ]; then
        say "rolled back to $undo_version (it served all along)"
    else
        say "rolled back to $undo_version"
    fi
}

# bring_back ID: the old container has its name, and runs if it ran.
bring_back() {
    back_name=$(container_name "$1")
    if [ -z "$back_name" ]; then
        fail "the old container is gone"
        return 1
    fi
    if [ "$back_name" != ai-proxy ]; then
        # Whatever has its name now is what failed.
        if container_exists ai-proxy; then
            remove_container ai-proxy || return 1
        fi
        change 30 "$ENGINE" rename "$1" ai-proxy || return 1
    fi
    [ -n "$(journalled old_running)" ] || return 0
    if [ -n "$(journalled stopping)" ]; then
        undo_served=0
        let_it_finish "$(journalled stopping)" || return 1
    fi
    container_is_running ai-proxy || change 120 "$ENGINE" start ai-proxy || return 1
    as_before prove_again
}

# let_it_finish PID: the process that was told to stop is past the point of return. It is not told again, because a
# second signal ends its streams at once; it is waited for, and then started anew.
let_it_finish() {
    finish_until=$(($(centis) + $(stop_limit_of ai-proxy) * 100))
    if finishes "$1"; then
        say "the old one is finishing what it has; then it starts again"
    fi
    while finishes "$1"; do
        if [ "$(centis)" -ge "$finish_until" ]; then
            change 60 "$ENGINE" stop --time 5 ai-proxy
            return
        fi
        nap 0.2
    done
}

# Podman calls it `stopping`, in which it cannot be started; a running one with another process was started anew already.
finishes() {
    case $(engine container inspect --format '{{.State.Status}} {{.State.Pid}}' ai-proxy 2>/dev/null) in
    "running $1" | stopping*) return 0 ;;
    esac
    return 1
}

# as_before COMMAND...: with the settings of the last success instead of those of this run, and on the port of the old
# one.
as_before() {
    (
        for before_name in $OPTIONS; do
            set_option "$before_name" ''
        done
        before_port=$(container_label ai-proxy ai-proxy.port)
        PORT=${before_port:-$PORT}
        "$@"
    )
}

prove_again() {
    prove ai-proxy "$(final_url)" 60
}

# undo_files: those that this attempt made and that are still as it made them.
undo_files() {
    every_journalled making_file | while IFS= read -r undo_file; do
        rm -f "$undo_file"
    done
    every_journalled made_file | while read -r undo_sum undo_file; do
        [ -f "$undo_file" ] || continue
        if [ "$(checksum "$undo_file")" = "$undo_sum" ]; then
            rm -f "$undo_file"
        else
            warn "$undo_file was made by the attempt and has been edited since: it stays"
        fi
    done
    undo_folder=$(journalled made_folder)
    if [ -n "$undo_folder" ] && [ -d "$undo_folder" ]; then
        rmdir "$undo_folder" 2>/dev/null || warn "$undo_folder is not empty: it stays"
    fi
}

# remove_work_dir: of a first installation that failed nothing stays, its own log neither; it was on the terminal.
remove_work_dir() {
    # shellcheck disable=SC2034 # read in other files
    LOG_FILE=
    rm -rf "$WORK_DIR/log"
    rm -f "$WORK_DIR/lock" "$WORK_DIR/pid" "$WORK_DIR/journal" "$WORK_DIR/settings" "$WORK_DIR/settings.new" \
        "$WORK_DIR/history" "$WORK_DIR/history.new"
    rmdir "$WORK_DIR" 2>/dev/null || warn "$WORK_DIR is not empty: it stays"
}

# recover: a run before this one was killed in the middle.
recover() {
    has_journal || return 0
    if [ "$DRY_RUN" = 1 ]; then
        warn "an earlier run was killed in the middle; a run without --dry-run would first finish or undo what it began"
        return
    fi
    warn "an earlier run was killed in the middle ($(journalled begun))"
    read_settings
    # shellcheck disable=SC2034 # read in other files
    HEALTH_TIMEOUT=$(chosen health-timeout 30)
    if [ "$(journalled step)" = proved ]; then
        say "it had come to its end but for names: finishing that"
        commit "$(journalled target_id)" "$(journalled target_version)"
        # It may not have come to showing the token of a first installation.
        if every_journalled made_file | grep -q "/\.env\$"; then
            # shellcheck disable=SC2034 # read in other files
            MADE_TOKEN=$(env_value AUTH_TOKEN "$CONFIG_DIR/.env")
        fi
        end_journal
        return
    fi
    KEEP_WORK_DIR=1
    MADE_WORK_DIR=${MADE_WORK_DIR:-0}
    [ -z "$(journalled made_work_dir)" ] || MADE_WORK_DIR=1
    undo || exit 10
}

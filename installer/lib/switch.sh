# shellcheck shell=sh
# From the old one to the new one.
#
# The order is the promise. The new one is proved on a spare port with the real configuration while the old one serves;
# the final container is made before anything is stopped; names are changed before, so that between the old one's exit
# and the new one's start there is a single command. What always holds: until `proved` is in the journal, everything
# here can be undone by rollback.sh.
#
#   ai-proxy            the one that serves
#   ai-proxy-previous   the one before it, stopped: what `rollback` goes back to
#   ai-proxy-candidate, ai-proxy-next, ai-proxy-old, ai-proxy-check    only while an attempt is under way

# begin_attempt: what there was is written down first.
begin_attempt() {
    [ "$DRY_RUN" = 0 ] || return 0
    # shellcheck disable=SC2034 # read by the trap
    ATTEMPT=1
    journal begun "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    [ "$MADE_WORK_DIR" = 0 ] || journal made_work_dir 1
    if container_exists ai-proxy; then
        journal old_id "$(container_id ai-proxy)"
        journal old_version "$(container_label ai-proxy ai-proxy.version)"
        container_is_running ai-proxy && journal old_running 1
    else
        journal first 1
        engine volume inspect ai-proxy-state >/dev/null 2>&1 || journal making_volume 1
    fi
    return 0
}

# prove_candidate: with the real configuration, but not with the real state: two processes must not write it.
prove_candidate() {
    candidate_tries=3
    while :; do
        candidate_port=$(spare_port) || die 8 "no spare port is free between 18080 and 18280"
        remove_container ai-proxy-candidate
        hardened run_candidate --name ai-proxy-candidate --restart no --publish "127.0.0.1:$candidate_port:$PORT" \
            --tmpfs /app/state:rw,noexec,nosuid,nodev,size=16m,mode=1777 --label "ai-proxy.version=$VERSION" && break
        candidate_tries=$((candidate_tries - 1))
        [ "$candidate_tries" -gt 0 ] || die 8 "the new one cannot be started"
    done
    [ "$DRY_RUN" = 0 ] || return 0
    if ! prove ai-proxy-candidate "$SCHEME://127.0.0.1:$candidate_port" "$HEALTH_TIMEOUT"; then
        tell_why ai-proxy-candidate
        die 8 "version $VERSION does not become healthy"
    fi
    say "version $VERSION is healthy on the spare port $candidate_port, $IN_A_ROW times in a row"
    remove_container ai-proxy-candidate || die 8 "the container that was used for the proof cannot be removed"
}

run_candidate() {
    change 120 "$ENGINE" run --detach "$@" "$IMAGE"
}

# switch: sets GAP and DRAIN, in hundredths of a second.
switch() {
    remove_container ai-proxy-next
    create_container ai-proxy-next "$IMAGE" "$VERSION" || die 9 "the new container cannot be made"
    journal step switching
    GAP=0 DRAIN=0 switch_old=0
    if [ "$DRY_RUN" = 1 ] && container_exists ai-proxy; then
        switch_old=1
    elif [ -n "$(journalled old_id)" ]; then
        switch_old=1
    fi
    if [ "$switch_old" = 0 ]; then
        change 30 "$ENGINE" rename ai-proxy-next ai-proxy || die 9 "the new container cannot be named"
        switch_gone=$(centis)
    elif is_run_by_systemd ai-proxy; then
        set_unit_aside
    else
        switch_pid=$(engine container inspect --format '{{.State.Pid}}' ai-proxy 2>/dev/null)
        change 30 "$ENGINE" rename ai-proxy ai-proxy-old || die 9 "the old container cannot be renamed"
        change 30 "$ENGINE" rename ai-proxy-next ai-proxy || die 9 "the new container cannot be named"
        journal stopping "$switch_pid"
        stop_and_measure ai-proxy-old "$switch_pid"
    fi
    if [ "$DRY_RUN" = 1 ]; then
        change 120 "$ENGINE" start ai-proxy
        return
    fi
    start_and_measure
    if [ "$switch_old" = 1 ]; then
        say "switched: the old one finished what it had in $(seconds "$DRAIN") s; from its exit to the first answer of the new one $(seconds "$GAP") s"
    fi
    if ! prove ai-proxy "$(final_url)" "$HEALTH_TIMEOUT" || ! watch_over ai-proxy "$(final_url)" "$SETTLE"; then
        tell_why ai-proxy
        die 9 "version $VERSION did not stay healthy"
    fi
}

# stop_and_measure NAME PID: the moment of the exit is when its process is gone, if it can be seen from here.
stop_and_measure() {
    stop_limit=$(stop_limit_of "$1")
    stop_began=$(centis)
    switch_gone=
    if [ "$DRY_RUN" = 1 ]; then
        change "$stop_limit" "$ENGINE" stop --time "$stop_limit" "$1"
        return
    fi
    note "+ $ENGINE stop --time $stop_limit $1"
    timeout -k 5 $((stop_limit + 60)) "$ENGINE" stop --time "$stop_limit" "$1" >"$TMP/output" 2>&1 </dev/null 9>&- &
    # Not CHILD: a signal ends this run, but what was told to stop is let finish.
    stop_process=$!
    if [ "${2:-0}" -gt 0 ] && [ -d "/proc/$2" ]; then
        while [ -d "/proc/$2" ] && kill -0 "$stop_process" 2>/dev/null; do
            nap 0.05
        done
        switch_gone=$(centis)
    fi
    wait "$stop_process"
    stop_code=$?
    switch_gone=${switch_gone:-$(centis)}
    DRAIN=$((switch_gone - stop_began))
    if [ "$stop_code" -ne 0 ]; then
        show_lines "$TMP/output"
        die 9 "the old one cannot be stopped"
    fi
}

# start_and_measure: it is asked while the engine is still busy starting it, because it may answer before that is over.
start_and_measure() {
    start_url=$(final_url)
    note "+ $ENGINE start ai-proxy"
    timeout -k 5 120 "$ENGINE" start ai-proxy >"$TMP/output" 2>&1 </dev/null 9>&- &
    CHILD=$!
    start_until=$(($(centis) + HEALTH_TIMEOUT * 100))
    until is_well ai-proxy "$start_url" || [ "$(centis)" -ge "$start_until" ]; do
        nap 0.05
    done
    GAP=$(($(centis) - switch_gone))
    wait "$CHILD"
    start_code=$?
    CHILD=
    if [ "$start_code" -ne 0 ]; then
        show_lines "$TMP/output"
        die 9 "the new one cannot be started on port $PORT"
    fi
    if [ "$(centis)" -ge "$start_until" ]; then
        tell_why ai-proxy
        die 9 "the new one does not answer on port $PORT"
    fi
}

# stop_limit_of NAME: what it was made with, or what its configuration asks for now, whichever is longer.
stop_limit_of() {
    stop_made=$(engine container inspect --format '{{.Config.StopTimeout}}' "$1" 2>/dev/null)
    case $stop_made in
    '' | *[!0-9]*) stop_made=0 ;;
    esac
    if [ "$stop_made" -gt "$STOP_TIMEOUT" ]; then echo "$stop_made"; else echo "$STOP_TIMEOUT"; fi
}

# commit: from here on the new one is the one. Each step may be taken twice, because a killed run takes them again.
commit() {
    commit_image=$1 commit_version=$2
    tag_image "$commit_image" "$commit_version" || die 1 "the image cannot be named"
    if container_exists ai-proxy-old; then
        remove_container ai-proxy-previous
        change 30 "$ENGINE" rename ai-proxy-old ai-proxy-previous || warn "the old container keeps the name ai-proxy-old"
    fi
    if [ "$DRY_RUN" = 0 ]; then
        [ ! -f "$WORK_DIR/settings.new" ] || mv "$WORK_DIR/settings.new" "$WORK_DIR/settings"
        remember_image "$commit_version" "$commit_image" || warn "the history of images cannot be written"
    fi
    [ "$(chosen keep 2)" != 0 ] || remove_container ai-proxy-previous
    forget_old_images "$(chosen keep 2)"
}

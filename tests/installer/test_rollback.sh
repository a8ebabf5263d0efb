#!/bin/sh
# Upgrades that go wrong, in every way and at every step: the old version serves on, and nothing of the attempt is left.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=testing.sh
. "$here/testing.sh"
# shellcheck source=scenario.sh
. "$here/scenario.sh"
for_each_mode "$0"
MAIN="test_bad_versions_are_rolled_back test_unhealthy_after_the_switch test_killed_while_the_old_one_finishes test_killed_at_every_step"

# attempt MOOD CODE: to the version that behaves so; the old one serves afterwards.
attempt() {
    mood "$1"
    before=$(inventory) id=$(serving_id)
    install v1 --version 9.0.0 --health-timeout 5 --settle 8
    ended "$2"
    said "rolled back to $V1"
    serves "$V1"
    equal "what is there" "$(inventory)" "$before"
}

test_bad_versions_are_rolled_back() {
    installed
    moody
    mood never
    attempt never 8
    said "was not well"
    said "waiting for something that never comes"
    said "it served all along"
    equal "the one that serves" "$(serving_id)" "$id"
    attempt crash 8
    said "has ended (exit code 3)"
    said "out of luck"
    equal "the one that serves" "$(serving_id)" "$id"
    attempt check 6
    said "this version wants it otherwise"
    equal "the one that serves" "$(serving_id)" "$id"
}

test_unhealthy_after_the_switch() {
    installed
    moody
    mood late
    attempt late 9
    said "switched: "
    said "was well and is not any more"
    must_not "it served all along" grep -q 'all along' "$T/out"
}

test_crash_loop_after_the_switch() {
    installed
    moody
    mood later-crash
    attempt later-crash 9
    said "switched: "
}

test_a_good_one_after_bad_ones() {
    installed
    moody
    mood crash
    attempt crash 8
    mood well
    install v1 --version 9.0.0
    ended 0
    must "it answers" answers
    equal "its label" "$(engine container inspect --format '{{index .Config.Labels "ai-proxy.version"}}' ai-proxy)" 9.0.0
    install v1
    ended 0
    serves "$V1"
}

# begin ARGUMENT...: a run of the installer in the background, RUN. A shell starts those deaf to INT.
begin() {
    in_mode env --default-signal=INT PATH="${SHIM:+$SHIM:}$PATH" sh "$T/v2/installer/install.sh" --engine "$ENGINE" --config-dir "$CONFIG" --work-dir "$WORK" \
        --settle 1 "$@" >"$T/out" 2>&1 &
    RUN=$!
}

# begin_and_hold_a_stream: until the old one has been told to stop, with 10 s of a stream before it.
begin_and_hold_a_stream() {
    rm -f "$T/stream" "$T/home/held" "$T/home/go"
    # The last command before the old one is stopped waits for the stream to have begun.
    shim "$ENGINE" <<SHIM
if [ "\$1" = create ]; then
    : >$T/home/held
    while [ ! -e $T/home/go ]; do sleep 0.1; done
fi
exec $(command -v "$ENGINE") "\$@"
SHIM
    SHIM=$T/shim
    begin
    SHIM=
    must "the proof is over" until_true 60 [ -e "$T/home/held" ]
    curl -sN -m 60 "$(url /v1/chat/completions)" -H "authorization: Bearer $(token)" -H 'content-type: application/json' \
        -d "{\"model\":\"demo-slow\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"$(printf 'word %.0s' $(seq 1 80))\"}]}" >"$T/stream" &
    must "the stream has begun" until_true 20 grep -qs '"content"' "$T/stream"
    : >"$T/home/go"
    must "the old one is being stopped" until_true 60 journal_says stopping
}

stream_is_whole() {
    grep -q 'data: \[DONE\]' "$T/stream" || { tail -n 2 "$T/stream" && return 1; }
}

journal_says() {
    in_mode grep -q "^$1=" "$WORK/journal" 2>/dev/null
}

# told_to_end SIGNAL CODE: what begin has begun ends so, and the old one serves.
told_to_end() {
    kill "-$1" "$(in_mode cat "$WORK/pid")"
    wait "$RUN"
    CODE=$?
    cat "$T/out"
    ended "$2"
    said "rolled back to $V1"
    serves "$V1"
    equal "what is there" "$(inventory)" "$before"
}

test_signals_roll_back() {
    installed
    # While the old one finishes a stream: past the point of return, so it finishes, and starts again.
    before=$(inventory)
    begin_and_hold_a_stream
    told_to_end TERM 143
    said "the old one is finishing what it has"
    must "the stream came whole" until_true 20 stream_is_whole
    # In the middle of the proof, when nothing has been stopped.
    moody
    mood never
    before=$(inventory) id=$(serving_id)
    for pair in INT=130 HUP=129 TERM=143; do
        begin --version 9.0.0
        must "the proof is under way" until_true 60 is_there ai-proxy-candidate
        told_to_end "${pair%=*}" "${pair#*=}"
        said "it served all along"
        equal "the one that serves" "$(serving_id)" "$id"
    done
}

is_there() {
    engine container inspect "$1" >/dev/null 2>&1
}

test_killed_while_the_old_one_finishes() {
    installed
    begin_and_hold_a_stream
    kill -9 "$(in_mode cat "$WORK/pid")"
    wait "$RUN"
    install v2
    ended 0
    said "an earlier run was killed in the middle"
    said "rolled back to $V1"
    serves "$V2"
    must "the stream came whole" until_true 20 stream_is_whole
    equal "containers" "$(names)" "ai-proxy ai-proxy-previous "
    must_not "a journal is left" [ -e "$WORK/journal" ]
}

# The engine's command is preceded by one that counts what changes something, and ends the installer with -9 once that many
# were done. So every step is met, and the next run has to get on from there.
killing_shim() {
    shim "$ENGINE" <<SHIM
real=$(command -v "$ENGINE")
case \$1 in
build | run | create | rename | start | stop | tag | rm | rmi | unshare) ;;
*) exec "\$real" "\$@" ;;
esac
count=\$((\$(cat $T/home/count) + 1))
echo "\$count" >$T/home/count
"\$real" "\$@"
code=\$?
if [ "\$count" = "\$(cat $T/home/kill_at)" ]; then
    echo "\$*" >$T/home/killed_after
    kill -9 "\$(cat $WORK/pid)"
fi
exit \$code
SHIM
}

# killed_after N VERSION: how far a run to the version came is in $T/home/killed_after, if it came so far.
killed_after() {
    # Not truncated by us: the user of the mode has to be able to write them.
    for file in count kill_at killed_after; do
        rm -f "$T/home/$file"
        : >"$T/home/$file"
        chmod 666 "$T/home/$file"
    done
    echo 0 >"$T/home/count"
    echo "$1" >"$T/home/kill_at"
    SHIM=$T/shim
    install "$2" --port "$PORT" >/dev/null
    SHIM=
}

test_killed_at_every_step() {
    installed
    next=v2 step=1 steps=0
    killing_shim
    while :; do
        killed_after "$step" "$next"
        [ -s "$T/home/killed_after" ] || break
        steps=$((steps + 1))
        printf 'killed after: %s\n' "$(cut -c 1-100 "$T/home/killed_after")"
        install "$next"
        ended 0
        case $next in v1) serves "$V1" ;; *) serves "$V2" ;; esac
        equal "containers" "$(names)" "ai-proxy ai-proxy-previous "
        must_not "a journal is left" [ -e "$WORK/journal" ]
        case $next in v1) next=v2 ;; *) next=v1 ;; esac
        # Where all tests run, all steps are met; elsewhere every fourth.
        if [ "$MODE" = docker ] || [ "${FULL:-0}" = 1 ]; then step=$((step + 1)); else step=$((step + 4)); fi
    done
    ended 0
    must "several steps were met" [ "$steps" -ge 3 ]
    figure "killed and recovered $steps times"
}

test_first_installation_killed_at_every_step() {
    step=1 steps=0
    while :; do
        clean
        killing_shim
        killed_after "$step" v1
        [ -s "$T/home/killed_after" ] || break
        printf 'killed after: %s\n' "$(cut -c 1-100 "$T/home/killed_after")"
        install v1 --port "$PORT"
        ended 0
        serves "$V1"
        equal "containers" "$(names)" "ai-proxy "
        # The token of the first attempt went with its file; the one that counts is shown.
        must "the token is shown" grep -q "TOKEN=$(token)" "$T/out"
        step=$((step + 3))
        steps=$((steps + 1))
    done
    must "several steps were met" [ "$steps" -ge 3 ]
    figure "killed and recovered $steps times"
}

# What was written after the kill is the operator's.
test_what_was_edited_since_is_kept() {
    clean
    killing_shim
    # After the build and the check: the files are made by then.
    killed_after 2 v1
    must "it was killed" [ -s "$T/home/killed_after" ]
    printf 'GROQ_API_KEY=gsk_example\n' >>"$CONFIG/.env"
    install v1 --port "$PORT"
    ended 0
    said "has been edited since: it stays"
    must "the edit is there" grep -qx GROQ_API_KEY=gsk_example "$CONFIG/.env"
}

test_back_when_the_notes_are_lost() {
    installed
    install v2
    ended 0
    rm -rf "$WORK"
    install v2 rollback
    ended 0
    serves "$V1"
}

# run_by_systemd: V1 as a Quadlet would run it: with the options it was made with, but removed when it is stopped. Test machines
# have no systemd; a systemctl that stops the container stands in for it.
run_by_systemd() {
    shim systemctl <<SHIM
case "\$*" in "--user stop ai-proxy.service") exec $(command -v podman) stop -t 40 ai-proxy ;; esac
exit 0
SHIM
    shim loginctl <<'SHIM'
echo yes
SHIM
    mkdir -p "$T/systemd"
    SHIM=$T/shim SYSTEMD_RUNS=$T/systemd
    made_by=$(engine container inspect --format '{{json .Config.CreateCommand}}' ai-proxy)
    engine rm -f ai-proxy >/dev/null
    printf '%s' "$made_by" | python3 -c '
import json, sys
made = json.load(sys.stdin)
made = made[made.index("create") + 1 :]
at = made.index("--restart")
del made[at : at + 2]
made[made.index("--name") + 1] = "ai-proxy"
print("\n".join(made))' >"$T/made"
    set -- run -d --rm --label PODMAN_SYSTEMD_UNIT=ai-proxy.service
    while IFS= read -r word; do
        set -- "$@" "$word"
    done <"$T/made"
    engine "$@" >/dev/null || failed "it cannot be run as systemd would"
    must "it answers" until_true 20 answers
}

# A user's unit is written into his own home, so this is for rootless Podman alone.
in_rootless_a_container_that_systemd_runs() {
    installed
    moody
    run_by_systemd
    mood late
    install v1 --version 9.0.0 --settle 8
    ended 9
    said "rolled back to $V1"
    serves "$V1"
    equal "containers" "$(names)" "ai-proxy "
    mood well
    run_by_systemd
    install v2
    ended 0
    serves "$V2"
    equal "containers" "$(names)" "ai-proxy ai-proxy-previous "
    said "which brings ai-proxy back after a reboot"
    unit=$(sed -n 's/^installed \(.*\), which brings.*/\1/p' "$T/out")
    must "the unit is there" in_mode test -f "$unit"
    install v2 rollback
    ended 0
    serves "$V1"
    installer v2 uninstall.sh
    ended 0
    must_not "the unit is there" in_mode test -e "$unit"
}

[ "$MODE" != rootless ] || MAIN="$MAIN in_rootless_a_container_that_systemd_runs"
set_stage
run_tests

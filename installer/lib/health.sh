# shellcheck shell=sh
# Is it healthy? Asked over HTTP from outside, alike for both engines.
#
# The engine's word is not taken: a container in a crash loop reads `running`, and health timers need systemd. What
# always holds: healthy means /health and /readyz both answer 200, several times in a row; a provider that is down
# changes neither, so it never rolls anything back.

# Answers in a row that are believed.
IN_A_ROW=3

# fetch URL: the body of a 200. A certificate is for the name that clients use, not for this one.
fetch() {
    if have curl; then
        curl -fsSk --noproxy '*' -m 2 "$1" 2>/dev/null 9>&-
    else
        # Both busybox and GNU know these; certificates are checked by GNU's alone.
        fetch_flag=
        ! wget --version 2>/dev/null | grep -q GNU || fetch_flag=--no-check-certificate
        # shellcheck disable=SC2086 # a flag or nothing
        http_proxy='' https_proxy='' timeout 3 wget $fetch_flag -q -T 2 -O - "$1" 2>/dev/null 9>&-
    fi
}

# final_url: where the deployed one is reached from this machine.
final_url() {
    final_host=$(chosen bind '')
    case $final_host in
    '' | 0.0.0.0) final_host=127.0.0.1 ;;
    :: | '[::]') final_host='[::1]' ;;
    \[*) ;;
    *:*) final_host="[$final_host]" ;;
    esac
    printf '%s\n' "$SCHEME://$final_host:$PORT"
}

# is_well NAME URL: one look.
is_well() {
    if [ "$MUTUAL_TLS" = 1 ]; then
        # Nobody without a client's certificate is answered from outside; the program asks HEALTH_LISTEN.
        engine exec "$1" ai-proxy health >/dev/null 2>&1
        return
    fi
    fetch "$2/health" >/dev/null && fetch "$2/readyz" >/dev/null
}

# prove NAME URL SECONDS: until it was well several times in a row. It fails at once when the container has ended.
prove() {
    prove_until=$(($(centis) + $3 * 100))
    prove_row=0
    while [ "$prove_row" -lt "$IN_A_ROW" ]; do
        if is_well "$1" "$2"; then
            prove_row=$((prove_row + 1))
            continue_after=0.2
        else
            prove_row=0
            continue_after=0.1
            case $(container_status "$1") in
            exited | stopped | dead)
                fail "$1 has ended (exit code $(engine container inspect --format '{{.State.ExitCode}}' "$1" 2>/dev/null))"
                return 1
                ;;
            esac
        fi
        if [ "$(centis)" -ge "$prove_until" ]; then
            fail "$1 was not well $IN_A_ROW times in a row within $3 s ($2/health, $2/readyz)"
            return 1
        fi
        nap "$continue_after"
    done
}

# watch_over NAME URL SECONDS: it must stay well, and must not have been started anew by the engine.
watch_over() {
    watch_until=$(($(centis) + $3 * 100))
    watch_starts=$(container_starts "$1")
    watch_bad=0
    while [ "$(centis)" -lt "$watch_until" ]; do
        if is_well "$1" "$2"; then
            watch_bad=0
        else
            watch_bad=$((watch_bad + 1))
        fi
        if [ "$watch_bad" -ge "$IN_A_ROW" ]; then
            fail "$1 was well and is not any more"
            return 1
        fi
        watch_now=$(container_starts "$1")
        if [ "$watch_now" != "$watch_starts" ] && [ -n "$watch_now" ]; then
            fail "$1 crashed and was started anew"
            return 1
        fi
        nap 0.5
    done
}

# tell_why NAME: the last lines it said, and what may be read from them.
tell_why() {
    container_exists "$1" || return 0
    container_log "$1" "$TMP/why"
    if [ -s "$TMP/why" ]; then
        printf 'the last lines of %s:\n' "$1" >&2
        show_lines "$TMP/why"
    fi
    why_port=$(sed -n 's,.*listens on https\{0,1\}://.*:\([0-9][0-9]*\).*,\1,p' "$TMP/why" | tail -n 1)
    if [ -n "$why_port" ] && [ "$why_port" != "$PORT" ]; then
        fail "it listens on port $why_port, but what was read from the configuration is $PORT: set PORT in $CONFIG_DIR/.env"
    fi
}

#!/bin/sh
# Upgrades that go well: under load, back by hand, with settings that changed.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=testing.sh
. "$here/testing.sh"
# shellcheck source=scenario.sh
. "$here/scenario.sh"
for_each_mode "$0"
MAIN="test_under_load_no_stream_is_cut test_back_by_hand_and_forward_again"

# load [STREAMS] [WORDS]: begins, and waits until all streams have had content. LOAD is its process.
load() {
    rm -rf "$T/load"
    mkdir "$T/load"
    python3 "$here/load.py" "$PORT" "$(token)" "$T/load" "$@" >"$T/load/log" 2>&1 &
    LOAD=$!
    until_true 60 [ -e "$T/load/ready" ] || {
        cat "$T/load/log"
        failed "the streams did not all open"
    }
}

# loaded NAME: what it came to.
loaded() {
    sed -n "s/^$1=//p" "$T/load/result"
}

end_load() {
    : >"$T/load/stop"
    until_true 120 [ -s "$T/load/result" ] || {
        cat "$T/load/log"
        kill "$LOAD"
        failed "the load did not come to its end"
    }
    cat "$T/load/result"
}

# measured WHAT: of the line that begins with `switched:`, in hundredths of a second.
measured() {
    case $1 in
    drain) sed -n 's/^switched: .* had in \([0-9]*\)\.\([0-9]*\) s;.*/\1\2/p' "$T/out" ;;
    gap) sed -n 's/^switched: .* new one \([0-9]*\)\.\([0-9]*\) s$/\1\2/p' "$T/out" ;;
    esac | sed 's/^0*\(.\)/\1/'
}

test_under_load_no_stream_is_cut() {
    installed
    load 50 200
    install v2
    end_load
    ended 0
    serves "$V2"
    equal "streams that came whole" "$(loaded whole)" 50
    equal "streams that were cut silently" "$(loaded silent)" 0
    # Some were open when the old one was told to stop, or this would prove nothing.
    must "the old one had streams to finish" [ "$(measured drain)" -gt 100 ]
    must "the gap is at most 2 s" [ "$(measured gap)" -le 200 ]
    must "requests were answered" [ "$(loaded ok)" -gt 50 ]
    # What is refused while the old one finishes is refused at the door: nothing that was let in is lost.
    must_not "something but a refused connection failed: $(loaded reasons)" sh -c "echo '$(loaded reasons)' | tr ',' '\n' | grep -v '^ConnectionRefusedError:\|^ConnectionResetError:\|^RemoteDisconnected:\|^BrokenPipeError:\|^503:\|^$'"
    figure "requests: $(loaded ok) answered, $(loaded failed) refused ($(loaded reasons)), within $(loaded refused_for_ms) ms; streams: 50 of 50 whole"
    figure "$(grep '^switched:' "$T/out")"
}

test_a_stream_longer_than_the_grace_is_told() {
    installed
    printf 'server: { shutdown_grace: 3s }\n' >>"$CONFIG/provider-config.yaml"
    engine restart ai-proxy >/dev/null
    must "it is back" until_true 20 answers
    load 10 400
    install v2
    end_load
    ended 0
    serves "$V2"
    must "none was cut before the grace of 3 s" [ "$(measured drain)" -ge 295 ]
    must "the gap is at most 2 s" [ "$(measured gap)" -le 200 ]
    equal "streams that were told of their end" "$(loaded told)" 10
    equal "streams that were cut silently" "$(loaded silent)" 0
    equal "the time to stop of the new one" "$(engine container inspect --format '{{.Config.StopTimeout}}' ai-proxy)" 13
    figure "$(grep '^switched:' "$T/out")"
}

test_back_by_hand_and_forward_again() {
    installed
    install v1 rollback
    ended 11
    said "nothing to go back to"
    serves "$V1"
    install v2
    ended 0
    equal "containers" "$(names)" "ai-proxy ai-proxy-previous "
    install v2 rollback
    ended 0
    said "going back from ai-proxy $V2 to $V1"
    serves "$V1"
    equal "the latest" "$(engine images -q ai-proxy:latest)" "$(engine images -q "ai-proxy:$V1")"
    install v2 rollback
    ended 0
    serves "$V2"
    # By its version, too: the image is kept.
    install v2 --version "$V1"
    ended 0
    serves "$V1"
    install v2 --version 7.7.7
    ended 4
    said "neither beside this installer"
    serves "$V1"
}

test_an_edited_port_and_grace_are_deployed() {
    installed
    old_port=$PORT
    PORT=$(free_port)
    sed -i "s/^PORT=.*/PORT=$PORT/" "$CONFIG/.env"
    printf 'server: { shutdown_grace: 5s }\n' >>"$CONFIG/provider-config.yaml"
    install v1
    ended 0
    serves "$V1"
    must_not "the old port answers" curl -fs -m 2 -o /dev/null "http://127.0.0.1:$old_port/health"
    equal "the time to stop" "$(engine container inspect --format '{{.Config.StopTimeout}}' ai-proxy)" 15
    install v1 --port "$old_port"
    ended 4
    said "change it there"
}

test_only_so_many_old_images_are_kept() {
    installed
    mkdir -p "$T/more"
    for number in 2 3; do
        rm -rf "$T/more"
        cp -R "$T/v1" "$T/more"
        LC_ALL=C sed "s/$(printf '%s' "$V1" | sed 's/\./\\./g')/${V1%?}$((number + 4))/g" "$BINARY" >"$T/more/dist/ai-proxy"
        install more --keep 1
        ended 0
    done
    serves "${V1%?}7"
    equal "images" "$(engine images --format '{{.Tag}}' --filter label=ai-proxy.source | grep -v latest | sort | tr '\n' ' ')" "${V1%?}6 ${V1%?}7 "
    # The same version built anew: the old build is an old image too.
    printf 'x' >>"$T/more/dist/ai-proxy"
    install more --keep 1
    ended 0
    serves "${V1%?}7"
    install more rollback
    ended 0
    serves "${V1%?}7"
    rm -rf "$T/more"
}

test_a_provider_that_is_down_is_no_reason_to_go_back() {
    installed
    cat >"$CONFIG/provider-config.yaml" <<'YAML'
providers:
  demo:
  gone: { kind: openai, base_url: "http://127.0.0.1:9/v1", api_key: none, models: [lost], breaker: { failures: 1, open: 2m } }
retry: { max_retries: 0 }
YAML
    must "it is taken up" until_true 20 sh -c "curl -s -m 5 '$(url /v1/models)' -H 'authorization: Bearer $(token)' | grep -q lost"
    curl -s -m 10 -o /dev/null "$(url /v1/chat/completions)" -H "authorization: Bearer $(token)" -H 'content-type: application/json' \
        -d '{"model":"lost","messages":[{"role":"user","content":"x"}]}'
    must "its health says so" sh -c "curl -s -m 5 '$(url /health)' | grep -q degraded"
    install v2
    ended 0
    serves "$V2"
}

set_stage
run_tests

#!/bin/sh
# The image: what is in it, that it needs no right and no writable root, how it starts and stops, and that every builder
# makes the same of the same binary.
# shellcheck source-path=SCRIPTDIR
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=testing.sh
. "$here/testing.sh"
# shellcheck source=lib.sh
. "$here/lib.sh"
for_each_mode "$0"

# The most that the layers above Alpine may weigh, compressed.
MOST_BYTES=6000000

# started: CONTAINER serves on PORT.
started() {
    PORT=$(free_port)
    CONTAINER=$NAME-$PORT
    configuration "$T/config-$PORT" "PORT=$PORT"
    must "it starts" hardened "$CONTAINER" "$PORT" "$T/config-$PORT"
    healthy "$CONTAINER" "$PORT"
}

within() {
    engine exec "$CONTAINER" "$@"
}

inspected() {
    engine image inspect --format "$1" "$IMAGE"
}

test_what_it_says_of_itself() {
    equal "the user" "$(inspected '{{.Config.User}}')" 1001:1001
    equal "a health check" "$(inspected '{{json .}}' | grep -ci healthcheck)" 0
    equal "a port in its environment" "$(inspected '{{json .Config.Env}}' | grep -c '"PORT=')" 0
    equal "the port that is documented" "$(inspected '{{json .Config.ExposedPorts}}')" '{"8080/tcp":{}}'
    equal "the volumes" "$(inspected '{{json .Config.Volumes}}')" '{"/app/config":{},"/app/state":{}}'
    equal "its version" "$(inspected '{{index .Config.Labels "org.opencontainers.image.version"}}')" "$(cat "$RELEASE_ROOT/VERSION")"
    equal "its licence" "$(inspected '{{index .Config.Labels "org.opencontainers.image.licenses"}}')" Apache-2.0
    for label in revision source; do
        equal "its $label" "$(inspected "{{index .Config.Labels \"org.opencontainers.image.$label\"}}")" \
            "$(sed -n "s/^ARG $(printf '%s' "$label" | tr '[:lower:]' '[:upper:]')=//p" "$RELEASE_ROOT/Dockerfile")"
    done
    must "the revision is a commit's" sh -c "grep -Eq '^ARG REVISION=([0-9a-f]{40}(-dirty)?|unknown)$' '$RELEASE_ROOT/Dockerfile'"
}

test_users_and_files() {
    # shellcheck disable=SC2016 # for the shell within
    engine run --rm --name "$NAME-files" --entrypoint /bin/sh "$IMAGE" -c '
        id -u; id -g; id -G; id -un
        stat -c "%n %a %u:%g" /usr/local/bin/ai-proxy /app /app/config /app/state
        for path in /usr/local/bin/ai-proxy /usr/local/bin /app /app/config /etc/passwd; do [ ! -w "$path" ] || echo "may write $path"; done
        [ -w /app/state ] && echo "may write /app/state"
        command -v ai-proxy
        find / -xdev \( -perm -4000 -o -perm -2000 \) -type f -newer /etc/alpine-release 2>/dev/null
        exit 0' >"$T/files" || failed "it cannot be looked into"
    cat >"$T/wanted" <<'WANTED'
1001
1001
1001
ai-proxy
/usr/local/bin/ai-proxy 755 0:0
/app 755 0:0
/app/config 755 0:0
/app/state 750 1001:1001
may write /app/state
/usr/local/bin/ai-proxy
WANTED
    diff "$T/wanted" "$T/files" || failed "users and files are not as promised"
}

test_needs_no_right_and_no_writable_root() {
    started
    must "a real request" answers "$PORT"
    within cat /proc/1/status >"$T/status"
    equal "its rights" "$(sed -n 's/^CapEff:[[:space:]]*//p' "$T/status") $(sed -n 's/^CapBnd:[[:space:]]*//p' "$T/status")" "0000000000000000 0000000000000000"
    equal "new privileges" "$(sed -n 's/^NoNewPrivs:[[:space:]]*//p' "$T/status")" 1
    equal "its user" "$(sed -n 's/^Uid:[[:space:]]*//p' "$T/status" | cut -f 1)" 1001
    equal "process 1" "$(within cat /proc/1/comm)" ai-proxy
    must_not "the root is written to" within sh -c ': >/here' 2>/dev/null
    must_not "the configuration is written to" within sh -c ': >/app/config/here' 2>/dev/null
    must "the state is written to" within sh -c ': >/app/state/here'
    must "its own probe is content" within ai-proxy health
    engine rm -f -v "$CONTAINER"
}

# The same image, another port: only the mounted file says so.
test_the_port_is_that_of_the_mounted_file() {
    started
    first=$PORT
    engine rm -f -v "$CONTAINER"
    started
    must_not "the same port twice proves nothing" [ "$first" = "$PORT" ]
    must "it answers" answers "$PORT"
    engine rm -f -v "$CONTAINER"
    # Without one in the file it is 8080; seen from within, for 8080 of this machine may be somebody's.
    CONTAINER=$NAME-default
    configuration "$T/config-default"
    must "it starts" engine run --detach --name "$CONTAINER" --volume "$T/config-default:/app/config:ro" "$IMAGE"
    must "it listens on 8080" until_true 30 within wget -q -O /dev/null http://127.0.0.1:8080/readyz
    engine rm -f -v "$CONTAINER"
}

test_refuses_to_be_open_to_everybody() {
    must_not "it serves without a token" engine run --rm --name "$NAME-open" "$IMAGE" >"$T/said" 2>&1
    must "and says why" grep -q AUTH_TOKEN "$T/said"
}

test_sdk() {
    started
    sdk "$PORT"
    engine rm -f -v "$CONTAINER"
}

# Idle it stops at once; with a stream that is open the stream is finished first.
test_stops_in_good_order() {
    started
    began=$(date +%s)
    must "it stops" engine stop --time 40 "$CONTAINER"
    must "idle, it stops within 10 s" [ $(($(date +%s) - began)) -lt 10 ]
    equal "its exit code" "$(engine container inspect --format '{{.State.ExitCode}}' "$CONTAINER")" 0
    must "it starts again" engine start "$CONTAINER"
    healthy "$CONTAINER" "$PORT"

    curl -sS -N --noproxy '*' -m 60 "http://127.0.0.1:$PORT/v1/chat/completions" -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \
        -d '{"model":"demo-slow","stream":true,"messages":[{"role":"user","content":"one two three four five six seven eight nine ten"}]}' >"$T/stream" &
    stream=$!
    must "the stream begins" until_true 20 grep -q 'delta' "$T/stream"
    must_not "the stream is over before the stop" grep -q 'DONE' "$T/stream"
    must "it stops" engine stop --time 40 "$CONTAINER"
    wait "$stream" || failed "the stream was cut"
    equal "the end of the stream" "$(grep . "$T/stream" | tail -n 1)" 'data: [DONE]'
    equal "its exit code" "$(engine container inspect --format '{{.State.ExitCode}}' "$CONTAINER")" 0
    engine rm -f -v "$CONTAINER"
}

log_says() {
    engine logs "$CONTAINER" 2>&1 | grep -q "$1"
}

is_running() {
    [ "$(engine container inspect --format '{{.State.Running}}' "$CONTAINER")" = true ]
}

is_stopped() {
    ! is_running
}

# Process 1 gets no default action from the kernel: what it does not catch is lost.
test_process_1_hears_signals() {
    started
    must "a signal to reload" engine kill --signal HUP "$CONTAINER"
    must "it reloads" until_true 10 log_says reload
    must "it runs on" is_running
    must "a signal to end" engine kill --signal INT "$CONTAINER"
    must "it ends" until_true 10 is_stopped
    equal "its exit code" "$(engine container inspect --format '{{.State.ExitCode}}' "$CONTAINER")" 0
    engine rm -f -v "$CONTAINER"
}

has_no_zombies() {
    [ "$(within sh -c 'grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l')" = 0 ]
}

is_an_orphan() {
    # shellcheck disable=SC2016 # for the shell within
    within sh -c 'for one in /proc/[0-9]*; do if [ "$(tr "\0" " " <"$one/cmdline" 2>/dev/null)" = "sleep 2.75 " ]; then grep -q "^PPid:.1$" "$one/status" && exit 0; fi; done; exit 1'
}

is_no_orphan() {
    ! is_an_orphan
}

test_process_1_lays_orphans_to_rest() {
    started
    must "a shell leaves an orphan" within sh -c 'sleep 2.75 >/dev/null 2>&1 & exit 0'
    must "it is a child of process 1" is_an_orphan
    must "it ends" until_true 20 is_no_orphan
    must "no zombie stays" until_true 5 has_no_zombies
    must "it serves on" answers "$PORT"
    engine rm -f -v "$CONTAINER"
}

# saved REFERENCE FILE: as `docker save` writes it, whichever engine.
saved() {
    if [ "$ENGINE" = docker ]; then engine save "$1" >"$2"; else engine save --format docker-archive "$1" >"$2"; fi
}

# measured REFERENCE FILE: what it adds to the base, in $T/FILE, and its size in $T/FILE.size.
measured() {
    must "it is saved" saved "$1" "$T/image.tar"
    must "the base is saved" saved "$BASE_IMAGE" "$T/base.tar"
    python3 "$here/layers.py" "$T/base.tar" "$T/image.tar" >"$T/lines" || failed "$1 cannot be measured"
    head -n 1 "$T/lines" >"$T/$2.size"
    sed 1d "$T/lines" >"$T/$2"
    rm -f "$T/image.tar" "$T/base.tar"
}

test_is_small() {
    measured "$IMAGE" first.list
    bytes=$(cat "$T/first.list.size")
    figure "above Alpine: $bytes bytes, compressed"
    must "at most $MOST_BYTES bytes" [ "$bytes" -le "$MOST_BYTES" ]
}

test_the_same_binary_gives_the_same_files() {
    measured "$IMAGE" first.list
    must "the binary is among them" grep -q "^usr/local/bin/ai-proxy file 755 0:0 $(sha256sum "$RELEASE_ROOT/dist/ai-proxy" | cut -d ' ' -f 1)\$" "$T/first.list"
    context "$T/again"
    # Other times, and a mode as a careless umask leaves it.
    find "$T/again" -exec touch -d @1000000000 {} +
    chmod 700 "$T/again/dist/ai-proxy"
    must "it is built again" engine build --no-cache --tag "$NAME:again" "$T/again"
    measured "$NAME:again" again.list
    diff "$T/first.list" "$T/again.list" || failed "two builds differ"
    # Across engines: the first one leaves its list for the others. Without the places where Podman mounts something of
    # its own while it builds, which stay behind empty.
    grep -vE '^(etc/resolv\.conf|run) ' "$T/first.list" >"$T/common.list"
    if [ -s "$LISTS/files-of-the-image" ]; then
        diff "$LISTS/files-of-the-image" "$T/common.list" || failed "another engine made something else"
    else
        cp "$T/common.list" "$LISTS/files-of-the-image"
    fi
}

# A client of this version can ask the daemon for BuildKit, newer ones need a plugin for it.
buildkit_client() {
    for client in docker /usr/bin/docker; do
        if "$client" buildx version >/dev/null 2>&1 || "$client" --version 2>/dev/null | grep -Eq 'version (18\.09|19|20|21|22)'; then
            echo "$client"
            return
        fi
    done
}

test_buildkit() {
    client=$(buildkit_client)
    [ -n "$client" ] || skipped "no docker client here can use BuildKit"
    context "$T/kit"
    DOCKER_BUILDKIT=1 timeout -k 5 300 "$client" build --no-cache --tag "$NAME:kit" "$T/kit" >"$T/said" 2>&1 </dev/null || { cat "$T/said" && failed "BuildKit does not build it"; }
    must "it was BuildKit" grep -q 'load build context' "$T/said"
    measured "$IMAGE" first.list
    measured "$NAME:kit" kit.list
    diff "$T/first.list" "$T/kit.list" || failed "BuildKit makes something else"
    rm "$T/kit/dist/ai-proxy"
    ! DOCKER_BUILDKIT=1 timeout -k 5 300 "$client" build --tag "$NAME:bare" "$T/kit" >"$T/said" 2>&1 </dev/null || failed "it is built without a binary"
    must "it says what makes one" grep -q 'installer/build-release.sh' "$T/said"
}

test_without_a_binary_it_says_what_to_do() {
    context "$T/bare"
    rm "$T/bare/dist/ai-proxy"
    must_not "it is built without a binary" engine build --tag "$NAME:bare" "$T/bare" >"$T/said" 2>&1
    must "it says what makes one" grep -q 'installer/build-release.sh' "$T/said"
    must "and names it" grep -q 'dist/ai-proxy' "$T/said"
}

# What is sent to the engine is what a Dockerfile that copies everything would put into an image.
test_secrets_stay_out_of_the_build() {
    context "$T/secrets"
    mkdir "$T/secrets/ai-proxy-config" "$T/secrets/dist/ai-proxy-config"
    for place in . config dist ai-proxy-config dist/ai-proxy-config; do
        echo "AUTH_TOKEN=$TOKEN" >"$T/secrets/$place/.env"
    done
    printf 'FROM %s\nCOPY . /context\nRUN find /context -type f | sort >/list\n' "$BASE_IMAGE" >"$T/secrets/Dockerfile"
    [ "$MODE" != rootless ] || chown -R "$ROOTLESS_USER:$ROOTLESS_USER" "$T/secrets"
    must "it is built" engine build --tag "$NAME:secrets" "$T/secrets"
    equal "what the engine got" "$(engine run --rm --name "$NAME-list" "$NAME:secrets" grep -v '/\(Dockerfile\|\.dockerignore\)$' /list)" /context/dist/ai-proxy
}

main() {
    begin
    IMAGE=$NAME:image
    LISTS=$(dirname "$RELEASE")
    context "$T/context"
    engine build --tag "$IMAGE" "$T/context" >"$T/build.log" 2>&1 || {
        echo "FAILED  $(basename "$0") [$MODE]: the image cannot be built"
        sed 's/^/    | /' "$T/build.log"
        exit 1
    }
    # BuildKit is Docker's.
    [ "$MODE" = docker ] || TESTS=${TESTS:-$(sed -n 's/^\(test_[a-z0-9_]*\)() {$/\1/p' "$0" | grep -v buildkit)}
    run_tests
}

main

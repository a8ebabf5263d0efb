# shellcheck shell=sh
# The stage for tests of the installer on a real engine: two versions of the real program, one that misbehaves on
# demand, and questions about what is there.
#
# MODE says which engine: docker, podman (root's) or rootless. Without it the script runs itself once for each. All tests
# run with Docker; with the others those that a script names in MAIN, or all with FULL=1. What always holds: each test finds
# the machine as it was before, and a test that fails leaves nothing for the next one to trip over.
#
# From the environment, as engines.sh gives it: DOCKER_HOST, CONTAINERS_CONF, ROOTLESS_USER, AS_ROOTLESS; and from `run`
# AI_PROXY_BINARY, or else the one that build-release.sh has put into dist/.

# for_each_mode SCRIPT: returns within a mode; the whole of it is elsewhere.
for_each_mode() {
    [ -z "${MODE:-}" ] || return 0
    mode_failed=0
    for mode_name in docker podman rootless; do
        MODE=$mode_name sh "$1" || mode_failed=1
    done
    exit "$mode_failed"
}

# set_stage: T, the trees of two versions, and the image that misbehaves.
set_stage() {
    checkout=$(cd "$(dirname "$0")/../.." && pwd)
    T=$(mktemp -d "${TMPDIR:-/tmp}/ai-proxy-test.XXXXXX")
    chmod 755 "$T"
    trap 'strike' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    case $MODE in docker) ENGINE=docker ;; *) ENGINE=podman ;; esac
    engine info >/dev/null 2>&1 || {
        echo "skipped $(basename "$0") [$MODE]: $ENGINE does not answer here"
        [ "${CI:-}" != true ] || exit 1
        exit 0
    }
    BINARY=${AI_PROXY_BINARY:-$checkout/dist/ai-proxy}
    [ -x "$BINARY" ] || {
        echo "no $BINARY: installer/build-release.sh makes it"
        exit 1
    }
    V1=$("$BINARY" --version | sed 's/^ai-proxy //')
    V2=${V1%?}9
    [ "$V1" != "$V2" ] || V2=${V1%?}8
    tree v1 "$V1"
    tree v2 "$V2"
    CONFIG=$T/home/config WORK=$T/home/work
    mkdir "$T/home"
    [ "$MODE" != rootless ] || chown "$ROOTLESS_USER" "$T/home"
    PORT=$(free_port)
    MOODY=ai-proxy:9.0.0
    clean
    engine rmi -f "$MOODY" >/dev/null 2>&1
    if [ "$MODE" = docker ] || [ "${FULL:-0}" = 1 ]; then :; else TESTS=${TESTS:-$MAIN}; fi
}

# tree NAME VERSION: as it comes out of a release archive. Another version is the same program with another number in it.
tree() {
    mkdir -p "$T/$1/dist" "$T/$1/config"
    cp -R "$checkout/installer" "${AI_PROXY_DOCKERFILE:-$checkout/Dockerfile}" "$T/$1/"
    [ ! -f "$checkout/.dockerignore" ] || cp "$checkout/.dockerignore" "$T/$1/"
    cp "$checkout/config/.env.example" "$checkout/config/"*.yaml "$T/$1/config/"
    LC_ALL=C sed "s/$(printf '%s' "$V1" | sed 's/\./\\./g')/$2/g" "$BINARY" >"$T/$1/dist/ai-proxy"
    chmod -R a+rX "$T/$1"
    chmod 755 "$T/$1/dist/ai-proxy"
}

strike() {
    clean
    engine rmi -f "$MOODY" >/dev/null 2>&1
    rm -rf "$T"
}

# clean: as before any installation, also after a test that failed in the middle.
clean() {
    for clean_name in ai-proxy ai-proxy-previous ai-proxy-old ai-proxy-next ai-proxy-candidate ai-proxy-check ai-proxy-squatter; do
        engine rm -f -v "$clean_name" >/dev/null 2>&1
    done
    for clean_image in $(engine images -q --no-trunc --filter label=ai-proxy.source 2>/dev/null | sort -u); do
        [ "$(engine image inspect --format '{{index .Config.Labels "ai-proxy.moody"}}' "$clean_image" 2>/dev/null)" = 1 ] ||
            engine rmi -f "$clean_image" >/dev/null 2>&1
    done
    engine volume rm ai-proxy-state >/dev/null 2>&1
    rm -rf "$CONFIG" "$WORK" "$T/shim"
    return 0
}

# in_mode COMMAND...: as the user of this mode, with his engine.
in_mode() {
    if [ "$MODE" = rootless ]; then "$AS_ROOTLESS" "$@"; else "$@"; fi
}

engine() {
    in_mode timeout 120 "$ENGINE" "$@" </dev/null
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# installer VERSION SCRIPT ARGUMENT...: CODE is how it ended, $T/out what it said. SHIM goes before PATH; UNDER is the
# shell it runs under.
installer() {
    installer_tree=$1 installer_script=$2
    shift 2
    in_mode env PATH="${SHIM:+$SHIM:}$PATH" "${UNDER:-sh}" "$T/$installer_tree/installer/$installer_script" --engine "$ENGINE" \
        --config-dir "$CONFIG" --work-dir "$WORK" "$@" >"$T/out" 2>&1
    CODE=$?
    cat "$T/out"
}

# install VERSION ARGUMENT...: with a short watch, but where the watch is what is tested.
install() {
    install_tree=$1
    shift
    installer "$install_tree" install.sh --settle 1 "$@"
}

ended() {
    [ "$CODE" = "$1" ] || failed "the exit code is $CODE, not $1"
}

# installed: V1 is there, on PORT, freshly made.
installed() {
    installed_with --port "$PORT"
}

installed_with() {
    clean
    install v1 "$@" >/dev/null
    [ "$CODE" = 0 ] || {
        cat "$T/out"
        failed "the installation that the test needs"
    }
}

url() {
    printf 'http://127.0.0.1:%s%s' "$PORT" "$1"
}

token() {
    in_mode sed -n 's/^AUTH_TOKEN=//p' "$CONFIG/.env"
}

# answers: one real request with the real token.
answers() {
    curl -fsS -m 10 "$(url /v1/chat/completions)" -H "authorization: Bearer $(token)" -H 'content-type: application/json' \
        -d '{"model":"demo","messages":[{"role":"user","content":"hello"}]}' 2>/dev/null | grep -q 'You said: hello'
}

# serves VERSION: it answers, and what answers is that version.
serves() {
    must "it answers" answers
    equal "the version that runs" "$(engine exec ai-proxy /usr/local/bin/ai-proxy --version)" "ai-proxy $1"
    equal "its label" "$(engine container inspect --format '{{index .Config.Labels "ai-proxy.version"}}' ai-proxy)" "$1"
}

# names: containers of ours, in order.
names() {
    engine ps -a --format '{{.Names}}' | grep '^ai-proxy' | sort | tr '\n' ' '
}

# inventory: everything that an attempt may leave behind.
inventory() {
    echo "containers: $(names)"
    engine images --format '{{.Repository}}:{{.Tag}} {{.ID}}' | sort
    echo "volumes: $(engine volume ls -q | sort | tr '\n' ' ')"
    for inventory_file in "$CONFIG" "$CONFIG/.env" "$CONFIG/provider-config.yaml" "$CONFIG/provider-config-example.yaml"; do
        [ ! -e "$inventory_file" ] || stat -c '%n %a %u %g %Y %s' "$inventory_file"
    done
    [ ! -e "$WORK/journal" ] || echo "a journal is left"
}

# serving_id: changes when the container is replaced or started anew.
serving_id() {
    engine container inspect --format '{{.Id}} {{.State.StartedAt}}' ai-proxy
}

# shim COMMAND: stands before the real one on PATH when SHIM is $T/shim; what it does is on stdin.
shim() {
    mkdir -p "$T/shim"
    { echo '#!/bin/sh' && cat; } >"$T/shim/$1"
    chmod -R a+rx "$T/shim"
}

# moody: an image that passes for version 9.0.0 and behaves as the file `mood` in the configuration says: well, never
# (becomes healthy), crash, check (is refused), late (stops answering 5 s after its start), later-crash.
moody() {
    ! engine image inspect "$MOODY" >/dev/null 2>&1 || return 0
    mkdir -p "$T/moody"
    cat >"$T/moody/moody.sh" <<'MOOD'
#!/bin/sh
mood=$(cat /app/config/mood 2>/dev/null)
real=/usr/local/bin/real
case $1:$mood in
check:check) echo "provider-config.yaml:1: this version wants it otherwise" >&2; exit 1 ;;
check:*) exec "$real" "$@" ;;
serve:never) trap 'exit 0' TERM; echo "waiting for something that never comes" >&2; while :; do sleep 0.2; done ;;
serve:crash) echo "cannot go on: out of luck" >&2; exit 3 ;;
serve:late) "$real" serve & sleep 5; kill -9 $!; trap 'exit 0' TERM; while :; do sleep 0.2; done ;;
serve:later-crash) "$real" serve & sleep 5; kill -9 $!; exit 4 ;;
*) exec "$real" "$@" ;;
esac
MOOD
    chmod 755 "$T/moody/moody.sh" "$T/moody"
    cat >"$T/moody/Dockerfile" <<DOCKER
FROM ai-proxy:$V1
USER 0:0
RUN cp /usr/local/bin/ai-proxy /usr/local/bin/real
COPY moody.sh /usr/local/bin/ai-proxy
USER 1001:1001
LABEL ai-proxy.moody=1
ENTRYPOINT ["/usr/local/bin/ai-proxy"]
CMD ["serve"]
DOCKER
    chmod 644 "$T/moody/Dockerfile"
    engine build -t "$MOODY" "$T/moody" >"$T/moody/log" 2>&1 || {
        cat "$T/moody/log"
        failed "the misbehaving image cannot be built"
    }
}

mood() {
    printf '%s\n' "$1" >"$CONFIG/mood"
    chmod 644 "$CONFIG/mood"
}

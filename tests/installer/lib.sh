# shellcheck shell=sh
# For tests of image, compose and README on a real engine: which engine it is, a configuration for it, and asking what
# runs there. testing.sh has how a test is run.
#
# MODE says which engine: docker, podman (root's) or rootless. What always holds: everything is made below T or has NAME
# in its name, and is gone when the file ends; every wait has a bound.

# TOKEN is what every configuration of these tests lets in.
TOKEN=a-token-of-the-tests-and-of-no-use-elsewhere

# for_each_mode SCRIPT: returns within a mode; without one the script is run once for each.
for_each_mode() {
    [ -z "${MODE:-}" ] || return 0
    mode_failed=0
    for mode_name in docker podman rootless; do
        MODE=$mode_name sh "$1" || mode_failed=1
    done
    exit "$mode_failed"
}

# begin [MODE IS NEEDED]: T, ROOT; with a mode also that its engine is there. Ends by `finish`.
begin() {
    ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
    if [ -z "${ENGINES:-}" ] || [ -z "${RELEASE_ROOT:-}" ]; then
        echo "FAILED  $(basename "$0"): started by itself; tests/installer/run $(basename "$0") brings up what it needs"
        exit 1
    fi
    T=$(mktemp -d "${TMPDIR:-/tmp}/ai-proxy-test.XXXXXX")
    chmod 755 "$T"
    trap finish EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    NAME=ai-proxy-test-$$
    [ -n "${MODE:-}" ] || return 0
    case $MODE in
    docker) begin_reason=$NO_DOCKER ;;
    podman) begin_reason=$NO_PODMAN ;;
    rootless) begin_reason=$NO_ROOTLESS ;;
    esac
    if [ -n "$begin_reason" ]; then
        printf 'skipped %s [%s]: %s\n' "$(basename "$0")" "$MODE" "$begin_reason"
        [ "${CI:-}" != true ] || exit 1
        exit 0
    fi
    case $MODE in docker) ENGINE=docker ;; *) ENGINE=podman ;; esac
}

finish() {
    finish_code=$?
    trap - EXIT
    if [ -n "${MODE:-}" ]; then
        for finish_id in $(engine ps --all --quiet --filter "name=$NAME" 2>/dev/null); do
            engine rm --force --volumes "$finish_id" >/dev/null 2>&1
        done
        case $0 in
        *compose.sh | *readme.sh) engine rm --force --volumes ai-proxy >/dev/null 2>&1 ;;
        esac
        for finish_id in $(engine images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null | grep -F "$NAME"); do
            engine rmi --force "$finish_id" >/dev/null 2>&1
        done
        for finish_id in $(engine volume ls --quiet 2>/dev/null | grep -F "$NAME"); do
            engine volume rm --force "$finish_id" >/dev/null 2>&1
        done
    fi
    rm -rf --one-file-system "$T"
    exit "$finish_code"
}

# in_mode COMMAND...: as the user of this mode, in an environment in which his engine is found.
in_mode() {
    if [ "$MODE" = rootless ]; then "$AS_ROOTLESS" "$@"; else "$@"; fi
}

engine() {
    in_mode timeout -k 5 "${ENGINE_TIME:-120}" "$ENGINE" "$@" </dev/null
}

# A port that nobody has at this moment, below those that the kernel hands out by itself: what is asked for later by
# somebody else does not get it.
free_port() {
    python3 -c 'import random, socket
while True:
    port = random.randrange(20000, 32000)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            continue
    print(port)
    break'
}

# context DIR: the unpacked release, as this mode's user has it.
context() {
    cp -R "$RELEASE_ROOT" "$1"
    [ "$MODE" != rootless ] || chown -R "$ROOTLESS_USER:$ROOTLESS_USER" "$1"
}

# owned PATH...: root's and of group 1001, as the container sees it; modes as the installer gives them.
owned() {
    for owned_path in "$@"; do
        if [ -d "$owned_path" ]; then chmod 750 "$owned_path"; else chmod 640 "$owned_path"; fi
        if [ "$MODE" = rootless ]; then
            chown "$ROOTLESS_USER:$ROOTLESS_USER" "$owned_path"
            in_mode podman unshare chown 0:1001 "$owned_path"
        else
            chown 0:1001 "$owned_path"
        fi
    done
}

# configuration DIR [LINE OF .env...]: the demo provider and a token.
configuration() {
    configuration_dir=$1
    shift
    mkdir -p "$configuration_dir"
    env_file "$configuration_dir" "$@"
    printf 'providers:\n  demo:\n' >"$configuration_dir/provider-config.yaml"
    owned "$configuration_dir/.env" "$configuration_dir/provider-config.yaml" "$configuration_dir"
}

env_file() {
    env_dir=$1
    shift
    {
        printf 'AUTH_TOKEN=tester:%s\n' "$TOKEN"
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >"$env_dir/.env"
}

# hardened NAME PORT CONFIGURATION [OPTION...]: starts $IMAGE as the installer does.
hardened() {
    hardened_name=$1 hardened_port=$2 hardened_config=$3
    shift 3
    engine run --detach --name "$hardened_name" --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp:rw,noexec,nosuid,nodev,size=16m \
        --publish "127.0.0.1:$hardened_port:$hardened_port" --volume "$hardened_config:/app/config:ro" "$@" "$IMAGE"
}

# get URL [OPTION OF CURL...]
get() {
    curl -fsS --noproxy '*' -m 10 "$@"
}

is_healthy() {
    get "http://127.0.0.1:$1/readyz" >/dev/null 2>&1 && get "http://127.0.0.1:$1/health" >/dev/null 2>&1
}

# healthy NAME PORT: within 30 s, or the container's log is shown.
healthy() {
    until_true 30 is_healthy "$2" && return
    engine ps --all
    engine logs "$1"
    failed "$1 does not become healthy on port $2"
}

# ask PORT [TOKEN]: one request, and its answer.
ask() {
    get "http://127.0.0.1:$1/v1/chat/completions" -H "authorization: Bearer ${2:-$TOKEN}" -H 'content-type: application/json' \
        -d '{"model":"demo","messages":[{"role":"user","content":"hello"}]}'
}

# answers PORT [TOKEN]
answers() {
    ask "$@" 2>/dev/null | grep -q 'You said: hello'
}

# sdk PORT: the official SDK for Python, with the checks that it is put to elsewhere, too.
sdk() {
    timeout -k 5 300 "$ROOT/tests/clients/setup" "$ENGINES/clients" || failed "the SDK cannot be installed"
    BASE_URL=http://127.0.0.1:$1/v1 TOKEN=$TOKEN MODEL=demo NO_PROXY='*' \
        timeout -k 5 120 "$ENGINES/clients/venv/bin/python" "$ROOT/tests/clients/openai_python.py" chat chat_streams embeddings_base64_and_float models error_401 ||
        failed "the SDK is not content"
}

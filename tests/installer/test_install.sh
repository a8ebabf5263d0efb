#!/bin/sh
# Installing on a clean host, and everything that may be in the way.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=testing.sh
. "$here/testing.sh"
# shellcheck source=scenario.sh
. "$here/scenario.sh"
for_each_mode "$0"
MAIN="test_clean_host test_a_real_sdk_is_answered test_again_changes_nothing test_first_installation_that_fails_leaves_nothing test_killed_process_comes_back"

# id_seen FIELD FILE: the owner (%u) or group (%g) as the container sees it.
id_seen() {
    if [ "$MODE" = rootless ]; then
        in_mode podman unshare stat -c "$1" "$2"
    else
        stat -c "$1" "$2"
    fi
}

test_clean_host() {
    clean
    before=$(inventory)
    install v1 --port "$PORT" --verbose
    ended 0
    serves "$V1"
    said "go back "
    said "uninstall "
    said "logs -f ai-proxy"
    equal "containers" "$(names)" "ai-proxy "
    must "the version is named" [ -n "$(engine images -q "ai-proxy:$V1")" ]
    equal "and is the latest" "$(engine images -q ai-proxy:latest)" "$(engine images -q "ai-proxy:$V1")"

    equal "the folder's mode" "$(stat -c %a "$CONFIG")" 750
    for file in "$CONFIG" "$CONFIG/.env" "$CONFIG/provider-config.yaml"; do
        [ -d "$file" ] || equal "the mode of $file" "$(stat -c %a "$file")" 640
        equal "the owner of $file" "$(id_seen %u "$file")" 0
        equal "the group of $file" "$(id_seen %g "$file")" 1001
    done
    must "the proxy reads them" engine exec ai-proxy cat /app/config/.env /app/config/provider-config.yaml >/dev/null
    equal "as" "$(engine exec ai-proxy id -u):$(engine exec ai-proxy id -g)" 1001:1001
    must_not "the proxy writes them" engine exec ai-proxy sh -c ': >>/app/config/.env' 2>/dev/null
    must_not "its root is writable" engine exec ai-proxy sh -c ': >/usr/local/bin/x' 2>/dev/null
    must "its state is writable" engine exec ai-proxy sh -c ': >/app/state/probe && rm /app/state/probe'

    # The token: once on the terminal, and nowhere else.
    token=$(token)
    equal "its length" "${#token}" 48
    equal "how often it was shown" "$(grep -c "$token" "$T/out")" 1
    must_not "it is in the log" in_mode grep -rq "$token" "$WORK"
    must_not "it is in inspect" sh -c "echo '$(engine container inspect ai-proxy | tr -d "'")' | grep -q $token"
    must_not "it is in the container's log" sh -c "echo '$(engine logs ai-proxy 2>&1 | tr -d "'")' | grep -q $token"
    equal "logs of the run" "$(in_mode find "$WORK/log" -name '20*Z-*.log' | grep -c .)" 1
    equal "the mode of the work folder" "$(stat -c %a "$WORK")" 700

    restart=$(engine container inspect --format '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.ReadonlyRootfs}} {{.Config.StopTimeout}}' ai-proxy)
    equal "restart, read-only, time to stop" "$restart" "unless-stopped true 40"
    equal "capabilities of the process" "$(engine exec ai-proxy sed -n 's/^CapBnd:[[:space:]]*//p' /proc/1/status)" 0000000000000000
    equal "no new privileges" "$(engine exec ai-proxy sed -n 's/^NoNewPrivs:[[:space:]]*//p' /proc/1/status)" 1
    if [ "$MODE" = docker ]; then
        limits=$(engine container inspect --format '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{index .HostConfig.LogConfig.Config "max-size"}}' ai-proxy)
        equal "limits" "$limits" "2147483648 512 10m"
    fi
    installer v1 uninstall.sh --purge
    ended 0
    equal "what is left of it all" "$(inventory)" "$before"
}

test_a_real_sdk_is_answered() {
    sdks=${CARGO_TARGET_DIR:-$checkout/target}/tmp/clients
    "$checkout/tests/clients/setup" "$sdks" >"$T/sdks" 2>&1 || {
        cat "$T/sdks"
        skipped "the SDKs cannot be installed: $(tail -n 1 "$T/sdks")"
    }
    installed
    BASE_URL=$(url /v1) TOKEN=$(token) timeout 60 "$sdks/venv/bin/python" - <<'PY' || failed "the SDK"
import os
import openai

client = openai.OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["TOKEN"], max_retries=0, timeout=20)
hello = [{"role": "user", "content": "hello"}]
whole = client.chat.completions.create(model="demo", messages=hello).choices[0].message.content
pieces = client.chat.completions.create(model="demo", messages=hello, stream=True)
streamed = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
assert whole == streamed == "You said: hello", (whole, streamed)
try:
    openai.OpenAI(base_url=os.environ["BASE_URL"], api_key="wrong", max_retries=0).models.list()
except openai.AuthenticationError:
    pass
else:
    raise SystemExit("a wrong token was let in")
PY
}

test_again_changes_nothing() {
    installed
    before=$(inventory) id=$(serving_id)
    install v1
    ended 0
    said "nothing to do"
    equal "what is there" "$(inventory)" "$before"
    equal "the one that serves" "$(serving_id)" "$id"
    # Also without its notes, which are no more than memory.
    rm -rf "$WORK"
    install v1
    ended 0
    said "nothing to do"
    equal "the one that serves" "$(serving_id)" "$id"
}

test_first_installation_that_fails_leaves_nothing() {
    clean
    mkdir -p "$T/bad"
    cp -R "$T/v1/." "$T/bad"
    sed 's/^FROM .*/&\nRUN false/' "$T/v1/Dockerfile" >"$T/bad/Dockerfile"
    before=$(inventory)
    install bad --port "$PORT"
    ended 7
    said "the image could not be built"
    said "nothing of the attempt was left behind"
    equal "what is there" "$(inventory)" "$before"
    must_not "its notes are there" [ -e "$WORK" ]
    # The same after the configuration was made.
    cp "$T/v1/Dockerfile" "$T/bad/Dockerfile"
    printf 'providers: { demo: { no_such_key: 1 } }\n' >"$T/bad/installer/templates/provider-config.yaml"
    install bad --port "$PORT"
    ended 6
    said "no_such_key"
    said "nothing of the attempt was left behind"
    equal "what is there" "$(inventory)" "$before"
    must_not "its notes are there" [ -e "$WORK" ]
    rm -rf "$T/bad"
}

has_another_process() {
    set -- "$1" "$(engine container inspect --format '{{.State.Pid}}' ai-proxy)"
    [ "$2" != "$1" ] && [ "$2" != 0 ]
}

test_killed_process_comes_back() {
    installed
    pid=$(engine container inspect --format '{{.State.Pid}}' ai-proxy)
    kill -9 "$pid"
    must "the engine started it anew" until_true 20 has_another_process "$pid"
    must "it answers" until_true 20 answers
}

test_existing_configuration_is_kept() {
    clean
    mkdir -p "$CONFIG"
    chmod 751 "$CONFIG"
    printf 'AUTH_TOKEN=alice:0123456789abcdef0123   \nPORT="%s"\n# mine\n' "$PORT" >"$CONFIG/.env"
    chmod 644 "$CONFIG/.env"
    before=$(stat -c '%n %a %u %g %Y %i' "$CONFIG" "$CONFIG/.env"; cksum "$CONFIG/.env")
    install v1
    ended 0
    # The other file was missing and is made, so the folder has a new time.
    equal "the file" "$(stat -c '%a %u %g %Y %i' "$CONFIG/.env") $(cksum <"$CONFIG/.env")" \
        "$(printf '%s' "$before" | sed -n '2s/^[^ ]* //p') $(cksum <"$CONFIG/.env")"
    equal "its content" "$(cksum "$CONFIG/.env")" "$(printf '%s' "$before" | tail -n 1)"
    equal "the folder's mode" "$(stat -c %a "$CONFIG")" 751
    must_not "a token was made" grep -q 'shown once' "$T/out"
    must "it serves on the port of the file" curl -fsS -m 5 "$(url /health)" -o /dev/null
    equal "the file that was missing" "$(stat -c '%a %g' "$CONFIG/provider-config.yaml")" "640 1001"
}

test_dry_run_changes_nothing() {
    clean
    before=$(inventory)
    install v1 --port "$PORT" --dry-run
    ended 0
    for words in "would run: $ENGINE build" "would make: $CONFIG/.env" "would run: $ENGINE create" "would run: $ENGINE start ai-proxy"; do
        said "$words"
    done
    equal "what is there" "$(inventory)" "$before"
    must_not "its notes are there" [ -e "$WORK" ]
    installed
    before=$(inventory) id=$(serving_id)
    install v2 --dry-run
    ended 0
    said "would run: $ENGINE stop"
    equal "what is there" "$(inventory)" "$before"
    equal "the one that serves" "$(serving_id)" "$id"
    installer v1 uninstall.sh --dry-run --purge
    ended 0
    said "would run: $ENGINE rm"
    equal "what is there" "$(inventory)" "$before"
}

test_port_taken() {
    clean
    before=$(inventory)
    python3 -m http.server --bind 127.0.0.1 "$PORT" >/dev/null 2>&1 &
    holder=$!
    must "somebody listens" until_true 10 curl -fs -o /dev/null "$(url /)"
    install v1 --port "$PORT"
    kill "$holder"
    ended 4
    said "port: $PORT is taken by"
    said "process $holder"
    equal "what is there" "$(inventory)" "$before"
    must_not "its notes are there" [ -e "$WORK" ]
    engine run -d --name ai-proxy-squatter -p "127.0.0.1:$PORT:80" alpine:3.23 sleep 60 >/dev/null
    install v1 --port "$PORT"
    engine rm -f ai-proxy-squatter >/dev/null
    ended 4
    said "the container ai-proxy-squatter"
}

test_all_findings_at_once() {
    clean
    python3 -m http.server --bind 127.0.0.1 "$PORT" >/dev/null 2>&1 &
    holder=$!
    must "somebody listens" until_true 10 curl -fs -o /dev/null "$(url /)"
    cp -R "$T/v1" "$T/bad"
    (cd "$T/bad" && sha256sum Dockerfile dist/ai-proxy >SHA256SUMS)
    printf 'not a program' >"$T/bad/dist/ai-proxy"
    install bad --port "$PORT"
    kill "$holder"
    ended 4
    said "the preflight found 3"
    said "archive: not as it was released: dist/ai-proxy"
    said "architecture: dist/ai-proxy is for nothing that Linux runs"
    said "port: $PORT is taken"
    rm -rf "$T/bad"
}

test_a_link_is_not_followed() {
    clean
    mkdir -p "$T/elsewhere"
    ln -s "$T/elsewhere" "$CONFIG"
    install v1 --port "$PORT"
    ended 4
    said "symbolic link"
    equal "what was written through it" "$(ls -A "$T/elsewhere")" ""
    rm "$CONFIG"
    mkdir "$CONFIG"
    ln -s "$T/elsewhere/env" "$CONFIG/.env"
    install v1 --port "$PORT"
    ended 4
    must_not "it was written through" [ -e "$T/elsewhere/env" ]
    rm -rf "$CONFIG"
    ln -s "$T/elsewhere" "$WORK"
    install v1 --port "$PORT"
    ended 4
    equal "what was written through it" "$(ls -A "$T/elsewhere")" ""
    rm "$WORK"
}

test_read_only_configuration() {
    clean
    mkdir -p "$CONFIG"
    mount -t tmpfs -o size=4m,mode=755 tmpfs "$CONFIG" || skipped "no tmpfs can be mounted here"
    # shellcheck disable=SC2064 # the folder of now
    trap "umount '$CONFIG'" EXIT
    mount -o remount,ro "$CONFIG"
    install v1 --port "$PORT"
    ended 4
    said "cannot be written to"
    # One that is complete needs no writing.
    mount -o remount,rw "$CONFIG"
    printf 'AUTH_TOKEN=0123456789abcdef0123\nPORT=%s\n' "$PORT" >"$CONFIG/.env"
    printf 'providers: { demo: }\n' >"$CONFIG/provider-config.yaml"
    chmod 644 "$CONFIG/.env" "$CONFIG/provider-config.yaml"
    mount -o remount,ro "$CONFIG"
    install v1
    ended 0
    serves "$V1"
    clean 2>/dev/null
}

test_disk_full() {
    clean
    before=$(inventory)
    mkdir -p "$CONFIG"
    # Full from the start: the preflight says so.
    mount -t tmpfs -o size=64k,mode=755 tmpfs "$CONFIG" || skipped "no tmpfs can be mounted here"
    # shellcheck disable=SC2064 # the folder of now
    trap "umount '$CONFIG'" EXIT
    install v1 --port "$PORT"
    ended 4
    said "disk: $CONFIG has 0 MiB left"
    # Room, but for no more files: found in the middle, and undone.
    mount -o remount,size=16m,nr_inodes=3 "$CONFIG"
    install v1 --port "$PORT"
    ended 6
    said "is the disk full?"
    said "nothing of the attempt was left behind"
    equal "files in it" "$(ls -A "$CONFIG")" ""
    umount "$CONFIG"
    trap - EXIT
    rmdir "$CONFIG"
    equal "what is there" "$(inventory)" "$before"
    # No room for the settings, in the middle of an upgrade.
    installed
    mv "$WORK" "$T/home/kept"
    mkdir "$WORK"
    mount -t tmpfs -o size=4m,mode=700 tmpfs "$WORK"
    # shellcheck disable=SC2064 # the folder of now
    trap "umount '$WORK'" EXIT
    cp -p "$T/home/kept/"[a-z]* "$WORK/" 2>/dev/null
    rm -rf "$T/home/kept"
    mkdir "$WORK/log"
    # For the log of the run and its journal, and no more.
    mount -o "remount,nr_inodes=$(($(df --output=iused "$WORK" | tail -n 1) + 2))" "$WORK"
    before=$(inventory) id=$(serving_id)
    install v2
    ended 1
    said "the settings cannot be written"
    said "rolled back to $V1 (it served all along)"
    equal "the one that serves" "$(serving_id)" "$id"
    equal "what is there" "$(inventory)" "$before"
    mount -o remount,nr_inodes=1000 "$WORK"
    install v2
    ended 0
    serves "$V2"
    clean 2>/dev/null
}

# bare_path: all commands of this machine but the engines.
bare_path() {
    mkdir -p "$T/bare"
    for bare_dir in /usr/local/bin /usr/bin /bin /usr/sbin /sbin; do
        for bare_command in "$bare_dir"/*; do
            case ${bare_command##*/} in
            docker* | podman* | containerd* | runc | crun) ;;
            *) [ -e "$T/bare/${bare_command##*/}" ] || ln -s "$bare_command" "$T/bare/${bare_command##*/}" ;;
            esac
        done
    done
}

test_no_engine() {
    clean
    bare_path
    PATH=$T/bare sh "$T/v1/installer/install.sh" --config-dir "$CONFIG" --work-dir "$WORK" >"$T/out" 2>&1
    CODE=$?
    ended 3
    said "docker: not on PATH"
    said "podman: not on PATH"
    said "apt-get install podman"
    must_not "anything was changed" [ -e "$CONFIG" ]
    must_not "its notes are there" [ -e "$WORK" ]
    # A client without a daemon is no engine.
    ln -s "$(command -v docker)" "$T/bare/docker"
    PATH=$T/bare DOCKER_HOST=unix://$T/nobody.sock sh "$T/v1/installer/install.sh" --config-dir "$CONFIG" --work-dir "$WORK" >"$T/out" 2>&1
    CODE=$?
    ended 3
    said "docker: the command is here, but \`docker info\` fails:"
    said "nobody.sock"
    must_not "anything was changed" [ -e "$WORK" ]
    rm -rf "$T/bare"
}

test_engine_that_hangs() {
    clean
    shim docker <<'SHIM'
case $1 in --version) echo "Docker version 99" ;; *) exec sleep 300 ;; esac
SHIM
    SHIM=$T/shim
    install v1 --port "$PORT"
    ended 3
    said "no answer within 20 s"
}

test_docker_client_without_daemon_beside_podman() {
    command -v podman >/dev/null 2>&1 || skipped "no podman here"
    podman info >/dev/null 2>&1 || skipped "podman does not answer here"
    clean
    DOCKER_HOST=unix://$T/nobody.sock sh "$T/v1/installer/install.sh" --dry-run --port "$PORT" \
        --config-dir "$CONFIG" --work-dir "$WORK" >"$T/out" 2>&1
    CODE=$?
    cat "$T/out"
    ended 0
    said "engine: podman"
    # A `docker` that is Podman is spoken to as Podman.
    shim docker <<'SHIM'
exec podman "$@"
SHIM
    PATH=$T/shim:$PATH sh "$T/v1/installer/install.sh" --dry-run --port "$PORT" --engine docker \
        --config-dir "$CONFIG" --work-dir "$WORK" >"$T/out" 2>&1
    CODE=$?
    cat "$T/out"
    ended 0
    said "engine: podman (called docker here)"
    said "would run: docker build"
    said -- "--log-driver k8s-file"
}

test_two_runs_exclude_each_other() {
    installed
    # The first run is held in its build until the second has been refused.
    shim "$ENGINE" <<SHIM
if [ "\$1" = build ]; then
    : >$T/home/held
    while [ ! -e $T/home/go ]; do sleep 0.1; done
fi
exec $(command -v "$ENGINE") "\$@"
SHIM
    (
        in_mode env PATH="$T/shim:$PATH" sh "$T/v2/installer/install.sh" --engine "$ENGINE" --config-dir "$CONFIG" \
            --work-dir "$WORK" --settle 1 >"$T/first" 2>&1
        echo "$?" >"$T/first.code"
    ) &
    must "the first run has begun" until_true 60 [ -e "$T/home/held" ]
    install v2
    ended 5
    said "another run is under way"
    installer v2 uninstall.sh
    ended 5
    : >"$T/home/go"
    must "the first run ended" until_true 120 [ -s "$T/first.code" ]
    equal "and well" "$(cat "$T/first.code")" 0
    serves "$V2"
    rm -f "$T/home/held" "$T/home/go"
}

test_bind_is_kept_by_an_upgrade() {
    installed_with --port "$PORT" --bind 127.0.0.1
    must_not "a warning about open ports" grep -q 'open to other machines' "$T/out"
    install v2
    ended 0
    serves "$V2"
    equal "published on" "$(engine port ai-proxy | sed 's/.*-> //' | sort -u)" "127.0.0.1:$PORT"
}

test_quiet_says_nothing_but_warnings_and_the_token() {
    clean
    install v1 --port "$PORT" --bind 127.0.0.1 --quiet
    ended 0
    equal "lines" "$(grep -vc '^warning: ' "$T/out")" 2
    install v1 --quiet
    ended 0
    equal "what it says when there is nothing to do" "$(cat "$T/out")" ""
}

test_under_other_shells() {
    for UNDER in dash "bash --posix" "busybox ash"; do
        clean
        mkdir "$T/sh"
        printf '#!/bin/sh\nexec %s "$@"\n' "$UNDER" >"$T/sh/it"
        chmod -R a+rx "$T/sh"
        UNDER=$T/sh/it
        install v1 --port "$PORT"
        ended 0
        serves "$V1"
        installer v1 uninstall.sh --purge
        ended 0
        rm -rf "$T/sh"
    done
}

test_tls_and_its_port_are_proved_too() {
    command -v openssl >/dev/null 2>&1 || skipped "no openssl here"
    installed
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$CONFIG/key.pem" -out "$CONFIG/cert.pem" 2>/dev/null
    chmod 644 "$CONFIG/key.pem" "$CONFIG/cert.pem"
    printf 'TLS_CERT=/app/config/cert.pem\nTLS_KEY=/app/config/key.pem\n' >>"$CONFIG/.env"
    install v2
    ended 0
    said "https://127.0.0.1:$PORT"
    must "it answers over TLS" curl -fsSk -m 5 -o /dev/null "https://127.0.0.1:$PORT/health"
}

set_stage
run_tests

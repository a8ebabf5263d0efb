#!/bin/sh
# docker-compose.yml: what README.md shows of it, with docker-compose and with podman-compose.
# shellcheck source-path=SCRIPTDIR
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=testing.sh
. "$here/testing.sh"
# shellcheck source=lib.sh
. "$here/lib.sh"
for_each_mode "$0"

# compose ARGUMENT...: in the unpacked release, by the compose of this engine; PORT is what is asked for.
compose() {
    in_mode env -C "$PROJECT" PORT="$PORT" timeout -k 5 300 "$COMPOSE" "$@" </dev/null
}

# Compose gives the container its plain name, so what a test that failed has left is removed first.
clean() {
    engine rm --force --volumes ai-proxy >/dev/null 2>&1
    PROJECT=$T/$NAME
    rm -rf "$PROJECT"
    context "$PROJECT"
    PORT=$(free_port)
}

# up: a fresh project, healthy. Its folder gives containers, network and volume their names.
up() {
    clean
    configuration "$PROJECT/ai-proxy-config" "$@"
    must "up" compose up -d
    healthy ai-proxy "$PORT"
}

down() {
    must "down" compose down -v
    must_not "the container is still there" engine container inspect ai-proxy >/dev/null 2>&1
    equal "volumes that are left" "$(engine volume ls --quiet | grep -c "$NAME")" 0
}

inspected() {
    engine container inspect --format "$1" ai-proxy
}

test_up_and_down() {
    up
    must "a real request" answers "$PORT"
    equal "its root is read-only" "$(inspected '{{.HostConfig.ReadonlyRootfs}}')" true
    equal "its restart policy" "$(inspected '{{.HostConfig.RestartPolicy.Name}}')" unless-stopped
    must "no new privileges" sh -c "printf '%s' '$(inspected '{{.HostConfig.SecurityOpt}}')' | grep -q no-new-privileges"
    equal "its rights" "$(engine exec ai-proxy sed -n 's/^CapBnd:[[:space:]]*//p' /proc/1/status)" 0000000000000000
    equal "its user" "$(engine exec ai-proxy id -u)" 1001
    must "the state is kept in the project's volume" sh -c "printf '%s' '$(inspected '{{json .Mounts}}')' | grep -q '${NAME}_ai-proxy-state'"
    if [ "$MODE" = docker ]; then
        equal "memory and processes" "$(inspected '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}')" "2147483648 512"
        equal "the log's size" "$(inspected '{{index .HostConfig.LogConfig.Config "max-size"}}')" 10m
        equal "the time to stop" "$(inspected '{{.Config.StopTimeout}}')" 40
    fi
    sdk "$PORT"
    down
}

# As README.md says it: edit, restart, in force.
test_an_edit_of_both_files_is_in_force_after_a_restart() {
    up
    new=$TOKEN-that-is-new
    printf 'AUTH_TOKEN=tester:%s\nLOG_FORMAT=json\n' "$new" >"$PROJECT/ai-proxy-config/.env"
    printf 'providers:\n  demo:\nmodels:\n  named-by-the-edit:\n    targets: [demo/demo]\n' >"$PROJECT/ai-proxy-config/provider-config.yaml"
    must "restart" compose restart
    healthy ai-proxy "$PORT"
    must "the new token is taken" answers "$PORT" "$new"
    must_not "the old token is taken" answers "$PORT"
    models=$(get "http://127.0.0.1:$PORT/v1/models" -H "authorization: Bearer $new")
    must "the new model is there" sh -c "printf '%s' '$models' | grep -q named-by-the-edit"
    # What only a start reads, so that a reload alone cannot have done it.
    must "the log's form is the new one" until_true 10 log_is_json
    # The engine's own restart does the same.
    printf 'AUTH_TOKEN=tester:%s\n' "$TOKEN" >"$PROJECT/ai-proxy-config/.env"
    must "restart by the engine" engine restart --time 40 ai-proxy
    healthy ai-proxy "$PORT"
    must "the token is taken" answers "$PORT"
    down
}

log_is_json() {
    engine logs ai-proxy 2>&1 | grep -q '^{"'
}

new_token_is_taken() {
    answers "$PORT" "$TOKEN-by-reload"
}

test_an_edit_is_in_force_without_a_restart() {
    up
    before=$(inspected '{{.Id}} {{.State.StartedAt}}')
    printf 'AUTH_TOKEN=tester:%s-by-reload\n' "$TOKEN" >"$PROJECT/ai-proxy-config/.env"
    must "the new token is taken" until_true 20 new_token_is_taken
    equal "the container" "$(inspected '{{.Id}} {{.State.StartedAt}}')" "$before"
    down
}

test_another_port_by_another_up() {
    up "LOG_FORMAT=json"
    first=$PORT
    PORT=$(free_port)
    must "up again" compose up -d
    healthy ai-proxy "$PORT"
    must "it answers on the new port" answers "$PORT"
    must_not "the old port is still served" is_healthy "$first"
    down
}

# Its own file may be the source of PORT.
test_the_port_of_the_configuration() {
    clean
    configuration "$PROJECT/ai-proxy-config" "PORT=$PORT"
    must "up" in_mode env -C "$PROJECT" timeout -k 5 300 "$COMPOSE" --env-file ai-proxy-config/.env up -d </dev/null
    healthy ai-proxy "$PORT"
    must "it answers" answers "$PORT"
    down
}

test_another_folder_for_the_configuration() {
    clean
    configuration "$T/elsewhere"
    must "up" in_mode env -C "$PROJECT" PORT="$PORT" AI_PROXY_CONFIG_DIR="$T/elsewhere" timeout -k 5 300 "$COMPOSE" up -d </dev/null
    healthy ai-proxy "$PORT"
    must "it answers" answers "$PORT"
    down
}

test_what_is_kept_survives_down_and_up() {
    up
    must "something is kept" engine exec ai-proxy sh -c 'echo kept >/app/state/of-the-test'
    must "down" compose down
    must "up again" compose up -d
    healthy ai-proxy "$PORT"
    equal "what was kept" "$(engine exec ai-proxy cat /app/state/of-the-test)" kept
    down
}

begin
case $MODE in
docker) COMPOSE=docker-compose ;;
*) COMPOSE=$TOOLS/bin/podman-compose ;;
esac
if in_mode "$COMPOSE" version >/dev/null 2>&1; then
    run_tests
    code=$?
    # Its name is the installer's, too, whose tests begin on a clean host.
    engine rmi --force ai-proxy:latest >/dev/null 2>&1
    exit $code
else
    printf 'skipped %s [%s]: %s does not run here\n' "$(basename "$0")" "$MODE" "$COMPOSE"
    [ "${CI:-}" != true ]
fi

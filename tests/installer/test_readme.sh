#!/bin/sh
# The commands of README.md for a host with an engine, in their order and as they stand.
#
# What is put in their place: the ports, which may be somebody's here, and the folders of the installer, for this machine
# is not the tests' own. A command that would never end is ended.
# shellcheck source-path=SCRIPTDIR
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=testing.sh
. "$here/testing.sh"
# shellcheck source=lib.sh
. "$here/lib.sh"

# blocks KIND: those of both engines and those of this one; one file each, named by its line, in $T/blocks.
blocks() {
    mkdir "$T/blocks"
    awk -v to="$T/blocks" -v common="sh host" -v own="$1" '
        /^```/ && out != "" { close(out); out = ""; next }
        $0 == "```" common || $0 == "```" own { out = sprintf("%s/%05d", to, NR); next }
        out != "" { print >out }' "$ROOT/README.md"
}

# What a host has and a test must not: commands that wait for ever, and an error of HTTP that goes by unseen.
prelude() {
    cat <<'PRELUDE'
set -eu
curl() { command curl --fail-with-body -sS --noproxy '*' -m 60 "$@"; }
followed() {
    code=0
    timeout 3 "$@" || code=$?
    [ "$code" = 124 ] || { echo "it did not follow the log: exit code $code"; exit 1; }
}
docker() { case "$1 ${2:-}" in "logs -f") followed docker "$@" ;; *) command docker "$@" ;; esac; }
podman() { case "$1 ${2:-}" in "logs -f") followed podman "$@" ;; *) command podman "$@" ;; esac; }
PRELUDE
}

# run_block FILE ENGINE: in the folder that the block before has left.
run_block() {
    # What a reader has without saying so is port 8080. Here another one has to be asked for: of the installer for a first
    # installation, and of compose as long as no file says it. Nobody who reads this has it in .env already.
    first=
    [ -e "$T/srv/.env" ] || first=AI_PROXY_PORT=$FIRST_PORT
    grep -q -e --env-file "$1" || first="$first PORT=$FIRST_PORT"
    if grep -q 'echo PORT=.*/srv/' "$1"; then sed -i '/^PORT=/d' "$T/srv/.env"; fi
    {
        prelude
        printf 'cd "%s"\n' "$(cat "$T/folder")"
        sed -e "s,8080,$FIRST_PORT,g" -e "s,9090,$SECOND_PORT,g" -e "s,/srv/ai-proxy,$T/srv,g" "$1"
        printf 'pwd >"%s"\n' "$T/folder"
    } >"$T/script"
    # Compose knows a variable of this name, too, and is to take what README.md gives it.
    ! grep -q '^installer/' "$1" || first="$first AI_PROXY_CONFIG_DIR=$T/srv"
    # shellcheck disable=SC2086 # words
    env $first AI_PROXY_ENGINE="$2" AI_PROXY_WORK_DIR="$T/work" AI_PROXY_SETTLE=1 \
        PATH="$T/commands:$PATH" timeout -k 5 300 sh "$T/script" >"$T/said" 2>&1 </dev/null
}

# clear ENGINE: what a block that failed has left.
clear() {
    timeout -k 5 120 "$1" rm --force --volumes ai-proxy ai-proxy-previous >/dev/null 2>&1 </dev/null
    timeout -k 5 60 "$1" volume rm --force ai-proxy-state >/dev/null 2>&1 </dev/null
    return 0
}

# on ENGINE KIND
on() {
    clear "$1"
    (all_blocks "$@") && return
    clear "$1"
    exit 1
}

all_blocks() {
    FIRST_PORT=$(free_port)
    SECOND_PORT=$(free_port)
    rm -rf "$T/host" "$T/blocks" "$T/commands" "$T/srv" "$T/work"
    mkdir "$T/host" "$T/commands"
    cp "$RELEASE" "$T/host/"
    printf '%s\n' "$T/host" >"$T/folder"
    ln -s "$TOOLS/bin/podman-compose" "$T/commands/podman-compose"
    blocks "$2"
    ran=0
    for block in "$T"/blocks/*; do
        case $(cat "$block") in
        # What the archive that lies here was made with.
        installer/build-release.sh) continue ;;
        esac
        line=$(basename "$block" | sed 's/^0*//')
        run_block "$block" "$1" || {
            cat "$T/said"
            failed "README.md:$line: $(cat "$block")"
        }
        ran=$((ran + 1))
    done
    must "most of the blocks were run ($ran)" [ "$ran" -ge 12 ]
    must_not "the configuration is left after --purge" [ -e "$T/srv" ]
    must_not "a container is left" "$1" container inspect ai-proxy >/dev/null 2>&1
}

test_with_docker() {
    [ -z "$NO_DOCKER" ] || skipped "$NO_DOCKER"
    on docker "sh docker"
}

test_with_podman() {
    [ -z "$NO_PODMAN" ] || skipped "$NO_PODMAN"
    on podman "sh podman"
}

begin
run_tests

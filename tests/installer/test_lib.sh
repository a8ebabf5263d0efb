#!/bin/sh
# Unit tests of the installer's functions: no engine, no network. Run by whatever shell runs this file; test_shells.sh
# runs it under all of them.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
lib=$here/../../installer/lib
# shellcheck source-path=SCRIPTDIR source=testing.sh
. "$here/testing.sh"
# shellcheck source=../../installer/lib/log.sh
. "$lib/log.sh"
# shellcheck source=../../installer/lib/system.sh
. "$lib/system.sh"
# shellcheck source=../../installer/lib/args.sh
. "$lib/args.sh"
# shellcheck source=../../installer/lib/state.sh
. "$lib/state.sh"
# shellcheck source=../../installer/lib/settings.sh
. "$lib/settings.sh"
# shellcheck source=../../installer/lib/detect.sh
. "$lib/detect.sh"
# shellcheck source=../../installer/lib/preflight.sh
. "$lib/preflight.sh"
# shellcheck source=../../installer/lib/container.sh
. "$lib/container.sh"
# shellcheck source=../../installer/lib/image.sh
. "$lib/image.sh"
# shellcheck source=../../installer/lib/config.sh
. "$lib/config.sh"
# shellcheck source=../../installer/lib/health.sh
. "$lib/health.sh"
# shellcheck source=../../installer/lib/switch.sh
. "$lib/switch.sh"
# shellcheck source=../../installer/lib/rollback.sh
. "$lib/rollback.sh"
# shellcheck source=../../installer/lib/service.sh
. "$lib/service.sh"
# shellcheck source=../../installer/lib/next.sh
. "$lib/next.sh"

T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
DRY_RUN=0 QUIET=0 VERBOSE=0 LOG_FILE='' TMP=$T CHILD=''
WORK_DIR=$T/work CONFIG_DIR=$T/config
ENGINE=docker KIND=docker ROOTLESS=0 SELINUX=0 LIMITS=' memory cpus pids' ENGINE_VERSION=24.0 PORT=8080 STOP_TIMEOUT=40
mkdir -p "$WORK_DIR" "$CONFIG_DIR"

# parsed ARGUMENT...: in a shell of its own; prints the code when it ends the run.
parsed() {
    (
        parse_args "$@" >"$T/out" 2>&1
        echo "$COMMAND port=$(option port) bind=$(option bind) dry=$DRY_RUN keep=$(option keep)"
    )
}

test_flags_and_their_forms() {
    equal "both forms" "$(parsed --port 9000 --bind=127.0.0.1 --dry-run)" "install port=9000 bind=127.0.0.1 dry=1 keep="
    equal "a command" "$(parsed rollback --keep 5)" "rollback port= bind= dry=0 keep=5"
}

test_a_variable_is_a_flag_and_the_flag_goes_first() {
    export AI_PROXY_PORT=7000 AI_PROXY_DRY_RUN=yes AI_PROXY_KEEP=3
    equal "from the environment" "$(parsed)" "install port=7000 bind= dry=1 keep=3"
    equal "flag over variable" "$(parsed --port 7001)" "install port=7001 bind= dry=1 keep=3"
}

test_every_option_is_in_the_help() {
    for name in $OPTIONS $SWITCHES; do
        must "--help names it" grep -q -- "--$name" <<HELP
$(usage)
HELP
    done
}

test_what_is_wrong_on_the_command_line_is_code_2() {
    for wrong in --nonsense --port --port=0 --port=70000 --port=x --bind=example.org --memory=lots --cpus=-1 \
        --engine=lxc --config-dir=relative --config-dir=/a:b --config-dir=/ --work-dir=/a\"b --version=a/b --version=-x \
        --keep=-1 --settle=0 --log-size=10 frobnicate; do
        (parse_args "$wrong") >"$T/out" 2>&1
        equal "the exit code of $wrong" "$?" 2
        must "it says where to look" grep -q -- --help "$T/out"
    done
    (export AI_PROXY_YES=maybe && parse_args) >"$T/out" 2>&1
    equal "the exit code of a switch that is neither on nor off" "$?" 2
}

test_no_value_has_two_lines() {
    for name in $OPTIONS; do
        (parse_args "--$name" "127.0.0.1
PodmanArgs=--privileged") >"$T/out" 2>&1
        equal "the exit code of --$name" "$?" 2
        must "it is said" grep -q "one line" "$T/out"
    done
    (export AI_PROXY_CONFIG_DIR="/a
made_folder=/etc" && parse_args) >"$T/out" 2>&1
    equal "the exit code of a variable" "$?" 2
    set_option config-dir ''
    (export HOME="/home/x:ro" && unset XDG_CONFIG_HOME && id() { echo 1000; } && places) >"$T/out" 2>&1
    equal "the exit code of a home that no volume takes" "$?" 2
}

test_a_folder_that_others_can_exchange_is_no_place_for_root() {
    mkdir -p "$T/roots/own" "$T/bobs/cfg" "$T/open/cfg" "$T/sticky/cfg"
    chmod 777 "$T/open"
    chmod 1777 "$T/sticky"
    equal "root's own" "$(foreign_folder "$T/roots/own/not/yet")" ""
    equal "below a folder with the sticky bit" "$(foreign_folder "$T/sticky/cfg")" ""
    equal "below one that everybody may write to" "$(foreign_folder "$T/open/cfg")" "$T/open"
    chown 1000 "$T/bobs"
    equal "another's" "$(foreign_folder "$T/bobs/cfg/not/yet")" "$T/bobs"
    ln -s "$T/bobs" "$T/link"
    equal "another's, by a link" "$(foreign_folder "$T/link/cfg")" "$T/bobs"
    ln -s "$T/roots" "$T/bobs/link"
    equal "root's, by a link in another's" "$(foreign_folder "$T/bobs/link/own")" "$T/bobs"
    ln -s ../roots "$T/sticky/mine"
    ln -s mine "$T/sticky/chain"
    equal "root's, by a link of root's" "$(foreign_folder "$T/sticky/chain/own")" ""
    chown -h 1000 "$T/sticky/mine"
    equal "root's, by a link of another's" "$(foreign_folder "$T/sticky/chain/own")" "$T/sticky/mine"
    ln -s "$T/bobs/later" "$T/dangling"
    equal "another's, by a link to what may come" "$(foreign_folder "$T/dangling/cfg")" "$T/bobs"
    ln -s "$T/round" "$T/round"
    equal "a link that goes round" "$(foreign_folder "$T/round")" ""
    mkdir "$T/groups"
    chgrp 1000 "$T/groups"
    chmod 2775 "$T/groups"
    equal "a group's" "$(foreign_folder "$T/groups/cfg")" "$T/groups"
    foreign_words "$T/groups" x >"$T/out"
    must "whose is told" grep -q "by the group" "$T/out"
    (ROOTLESS=0 DRY_RUN=0 && make_file "$T/groups/new" true) >"$T/out" 2>&1
    equal "the exit code where another could swap what is made" "$?" 6
    must_not "nothing was made" [ -e "$T/groups/new" ]
    CONFIG_DIR=$T/bobs/cfg TMP=$T FINDINGS=0
    : >"$T/findings"
    look_at_rights
    must "it is a finding" grep -q 'put a link in the way' "$T/findings"
    : >"$CONFIG_DIR/.env"
    : >"$CONFIG_DIR/provider-config.yaml"
    : >"$T/findings"
    look_at_rights
    must_not "nothing would be written" [ -s "$T/findings" ]
}

# shellcheck disable=SC2317 # the functions in the place of commands are called by the installer's
test_who_has_the_proxys_id_on_this_host_is_told() {
    engine() { :; }
    getent() { case "$1 $2" in "passwd 1001") echo "bob:x:1001:1001::/home/bob:/bin/sh" ;; *) return 2 ;; esac; }
    look_at_ids 2>"$T/out"
    said "the user bob of this host has the id 1001"
    getent() { case "$1 $2" in "group 1001") echo "staff:x:1001:ann" ;; *) return 2 ;; esac; }
    look_at_ids 2>"$T/out"
    said "the group staff of this host"
    getent() { case "$1" in passwd) echo "ai-proxy:x:1001:1001::/:/sbin/nologin" ;; *) echo "ai-proxy:x:1001:" ;; esac; }
    equal "an account made for it" "$(look_at_ids 2>&1)" ""
    getent() { echo "bob:x:1001:1001::/home/bob:/bin/sh"; }
    engine() { echo "[name=seccomp,profile=default name=userns]"; }
    equal "an engine with ids of its own" "$(look_at_ids 2>&1)" ""
}

test_addresses() {
    for bind in 127.0.0.1=127.0.0.1: ::1='[::1]:' '[::1]=[::1]:' fe80::1='[fe80::1]:'; do
        given=${bind%%=*} want=${bind#*=}
        set_option bind "$given"
        must "--bind takes $given" parsed --bind "$given" >/dev/null
        equal "published on $given" "$(published_address)" "$want"
    done
    set_option bind ''
    SCHEME=http
    equal "all interfaces" "$(published_address)" ""
    equal "asked on loopback" "$(final_url)" "http://127.0.0.1:8080"
    set_option bind ::
    equal "asked on loopback" "$(final_url)" "http://[::1]:8080"
}

test_what_was_chosen_stays() {
    printf 'bind=127.0.0.1\nmemory=1g\n' >"$WORK_DIR/settings"
    set_option memory 3g
    equal "kept" "$(chosen bind '')" 127.0.0.1
    equal "asked for anew" "$(chosen memory 2g)" 3g
    equal "never chosen" "$(chosen keep 2)" 2
    write_settings "$T/settings"
    must "written" grep -qx 'memory=3g' "$T/settings"
    must "carried on" grep -qx 'bind=127.0.0.1' "$T/settings"
    rm "$WORK_DIR/settings"
}

test_env_values() {
    cat >"$CONFIG_DIR/.env" <<'ENV'
#PORT=1
A=plain
export B = spaced out # a comment
C="quoted # not a comment" # a comment
D='single'
E=has#hash
F=
AA=other
H= # nothing
I=# nothing
J=	# nothing
K=" 9201 "
L='' # nothing
M= 'one' # two
ENV
    for pair in A=plain 'B=spaced out' 'C=quoted # not a comment' D=single E=has#hash F= PORT= G= H= I= J= K=9201 L= M=one; do
        equal "${pair%%=*}" "$(env_value "${pair%%=*}" "$CONFIG_DIR/.env")" "${pair#*=}"
    done
}

test_server_values_in_both_styles() {
    cat >"$T/a.yaml" <<'YAML'
providers:
  demo: { port: 1 }
server:
  # port: 2
  host: "0.0.0.0"
  port: 9090   # the port
  shutdown_grace: '1m30s'
models: { x: { port: 3 } }
YAML
    printf 'server: { body_limit: 1MiB, port: 7070, shutdown_grace: 5s }\n' >"$T/b.yaml"
    printf 'retry: { port: 5 }\n' >"$T/c.yaml"
    equal "block" "$(server_value port "$T/a.yaml")" 9090
    equal "quoted" "$(server_value shutdown_grace "$T/a.yaml")" 1m30s
    equal "flow" "$(server_value port "$T/b.yaml")" 7070
    equal "flow, last" "$(server_value shutdown_grace "$T/b.yaml")" 5s
    equal "another section" "$(server_value port "$T/c.yaml")" ""
    printf '\357\273\277"server":\n  port: 6060\n' >"$T/d.yaml"
    equal "behind the mark of an encoding, in quotes" "$(server_value port "$T/d.yaml")" 6060
    printf '\357\273\277PORT=5050\r\n' >"$T/bom.env"
    equal "the same in .env" "$(env_value PORT "$T/bom.env")" 5050
    printf 'PORT=5050\n\357\273\277PORT=5051\n' >"$T/bom.env"
    equal "also within it" "$(env_value PORT "$T/bom.env")" 5051
    printf 'server:\n  "port": 6061\n' >"$T/d.yaml"
    equal "a key in quotes" "$(server_value port "$T/d.yaml")" 6061
    printf "server: { 'port': 6062 }\n" >"$T/d.yaml"
    equal "the same in flow" "$(server_value port "$T/d.yaml")" 6062
    printf 'server:\n  report: 6063\n' >"$T/d.yaml"
    equal "another key" "$(server_value port "$T/d.yaml")" ""
    equal "no file" "$(server_value port "$T/none.yaml")" ""
}

test_durations_round_up() {
    for pair in 0=0 30s=30 1m30s=90 250ms=1 1.5s=2 1h=3600; do
        equal "${pair%%=*}" "$(whole_seconds "${pair%%=*}")" "${pair#*=}"
    done
    for wrong in '' 30 x 5d -1s "\${GRACE}"; do
        must_not "$wrong is no duration" whole_seconds "$wrong"
    done
}

test_settings_that_the_container_depends_on() {
    rm -f "$CONFIG_DIR/.env"
    printf 'server: { port: 7070, shutdown_grace: 5s }\n' >"$CONFIG_DIR/provider-config.yaml"
    read_settings
    equal "port and time to stop" "$PORT $STOP_TIMEOUT $SCHEME" "7070 15 http"
    printf 'PORT=9191\nTLS_CERT=/app/config/c.pem\n' >"$CONFIG_DIR/.env"
    read_settings
    equal ".env goes first" "$PORT $SCHEME" "9191 https"
    printf 'PORT= # the port\nTLS_CERT= # none\nTLS_CLIENT_CA= # later\n' >"$CONFIG_DIR/.env"
    read_settings
    equal "a comment is no value" "$PORT $SCHEME $MUTUAL_TLS" "7070 http 0"
    printf 'PORT=08080\n' >"$CONFIG_DIR/.env"
    read_settings
    equal "no octal number" "$PORT" 8080
    printf 'PORT_FILE=/app/config/port\nTLS_CERT_FILE=/app/config/cert\n' >"$CONFIG_DIR/.env"
    printf '9202\r\n' >"$CONFIG_DIR/port"
    read_settings
    equal "by a file of the container" "$PORT $SCHEME" "9202 https"
    rm "$CONFIG_DIR/port"
    read_settings 2>"$T/out"
    equal "which is not there" "$PORT" 7070
    said "PORT_FILE in $CONFIG_DIR/.env names a file that cannot be read from here"
    printf 'PORT=9191\n' >"$CONFIG_DIR/.env"
    printf 'server: { shutdown_grace: 5s, drain_delay: 20s }\n' >"$CONFIG_DIR/provider-config.yaml"
    read_settings
    equal "the port stays open before the grace" "$STOP_TIMEOUT" 35
    printf 'server: { shutdown_grace: forever }\n' >"$CONFIG_DIR/provider-config.yaml"
    read_settings 2>"$T/out"
    equal "what cannot be read is an hour" "$STOP_TIMEOUT" 3610
    said "cannot be read"
    rm -f "$CONFIG_DIR/.env" "$CONFIG_DIR/provider-config.yaml"
    set_option port 9999
    read_settings
    equal "a first installation takes --port" "$PORT $STOP_TIMEOUT" "9999 40"
}

test_the_token_is_long_and_never_twice_the_same() {
    token=$(new_token)
    equal "its length" "${#token}" 48
    must_not "twice the same" [ "$token" = "$(new_token)" ]
}

test_the_template_gets_its_token_and_port() {
    ROOT=$here/../.. MADE_TOKEN=0123456789abcdef PORT=9000
    env_content >"$T/env"
    must "the token" grep -qx 'AUTH_TOKEN=0123456789abcdef' "$T/env"
    must "the port" grep -qx 'PORT=9000' "$T/env"
    equal "the rest is the template" "$(grep -cv '^AUTH_TOKEN=\|^PORT=' "$T/env")" "$(grep -cv '^#AUTH_TOKEN=\|^#PORT=' "$ROOT/config/.env.example")"
    PORT=8080
    env_content >"$T/env"
    must "the default stays a comment" grep -qx '#PORT=8080' "$T/env"
}

test_quoting() {
    equal "plain words" "$(quoted docker run -p 80:80)" "docker run -p 80:80"
    equal "others" "$(quoted a 'b c' "d'e" '')" "a 'b c' 'd'\\''e' ''"
}

test_a_link_is_refused() {
    ln -s /etc/passwd "$T/link"
    must_not "a link is taken" refuse_symlink "$T/link" 2>"$T/out"
    said "symbolic link"
    must "what is not there is taken" refuse_symlink "$T/nothing"
    rm "$T/link"
}

test_a_secret_is_not_in_the_log() {
    log_open "$T/log"
    say "to be read"
    show_secret "TOKEN=abc" >/dev/null
    must "what was said is in it" grep -q 'to be read' "$LOG_FILE"
    must_not "the secret is in it" grep -q TOKEN "$LOG_FILE"
    equal "its mode" "$(umask 077 && log_open "$T/log2" && stat -c %a "$LOG_FILE")" 600
}

test_a_log_that_cannot_be_written_stops_nothing() {
    LOG_FILE=$T/nowhere/log
    equal "said all the same" "$(say "still here")" "still here"
}

test_only_the_newest_logs_stay() {
    mkdir "$T/logs"
    for number in 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
        : >"$T/logs/2020-01-01T0000${number}Z-1.log"
        : >"$T/logs/2020-01-02T0000${number}Z-1.log"
    done
    log_open "$T/logs"
    equal "how many are kept" "$(find "$T/logs" -type f | grep -c .)" 20
    must "the newest" [ -f "$LOG_FILE" ]
    must_not "the oldest" [ -e "$T/logs/2020-01-01T000010Z-1.log" ]
}

test_dry_run_only_tells() {
    DRY_RUN=1
    equal "told" "$(change 5 touch "$T/x y")" "would run: touch '$T/x y'"
    must_not "done" [ -e "$T/x y" ]
}

test_a_change_that_fails_shows_why_and_one_that_hangs_ends() {
    must_not "a failure counts as success" change 5 sh -c 'echo because; exit 3' 2>"$T/out"
    said because
    must_not "a hang counts as success" change 1 sleep 20 2>"$T/out"
    said "longer than 1 s"
}

test_ports_in_use_are_seen() {
    # A listener of the kernel's table, in the form of /proc/net/tcp: the real one is looked at in the other tests.
    python3 - "$T/port" <<'PY' &
import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
open(sys.argv[1] + ".new", "w").write(str(s.getsockname()[1]))
import os; os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(20)
PY
    listener=$!
    must "the listener came up" until_true 10 [ -s "$T/port" ]
    taken=$(cat "$T/port")
    must "the port is taken" port_is_taken "$taken"
    must "who holds it is told" test "$(holder_by_inode "$taken" | grep -c "process $listener")" = 1
    PORT=18080
    must_not "the spare port is the port" [ "$(spare_port)" = 18080 ]
    kill "$listener"
}

test_architectures() {
    printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\003\000\076\000' >"$T/x86"
    printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\003\000\267\000' >"$T/arm"
    printf '#!/bin/sh' >"$T/script"
    equal "x86_64" "$(elf_machine "$T/x86")" x86_64
    equal "aarch64" "$(elf_machine "$T/arm")" aarch64
    equal "a script" "$(elf_machine "$T/script")" "nothing that Linux runs"
}

test_the_journal_tells_the_last_value() {
    journal step one
    journal step two
    journal made_file "sum /a file"
    journal made_file "sum /another"
    equal "the last" "$(journalled step)" two
    equal "all" "$(every_journalled made_file | grep -c .)" 2
    equal "none" "$(journalled nothing)" ""
    end_journal
    must_not "it is over" has_journal
}

test_the_history_has_each_image_once() {
    remember_image 1 sha256:aa
    remember_image 2 sha256:bb
    remember_image 1 sha256:aa
    equal "oldest first" "$(tr '\n' ' ' <"$WORK_DIR/history")" "2 sha256:bb 1 sha256:aa "
    rm "$WORK_DIR/history"
}

test_undone_files_are_only_those_that_nobody_touched() {
    mkdir "$CONFIG_DIR/new"
    journal made_folder "$CONFIG_DIR/new"
    echo ours >"$CONFIG_DIR/new/a file"
    journal made_file "$(checksum "$CONFIG_DIR/new/a file") $CONFIG_DIR/new/a file"
    echo ours >"$CONFIG_DIR/new/edited"
    journal made_file "$(checksum "$CONFIG_DIR/new/edited") $CONFIG_DIR/new/edited"
    echo theirs >>"$CONFIG_DIR/new/edited"
    undo_files 2>"$T/out"
    must_not "ours is gone" [ -e "$CONFIG_DIR/new/a file" ]
    must "theirs is there" [ -e "$CONFIG_DIR/new/edited" ]
    said "edited since"
    rm "$CONFIG_DIR/new/edited"
    undo_files
    must_not "the folder is gone" [ -e "$CONFIG_DIR/new" ]
    end_journal
}

# What a container is made with, as one text.
container_text() {
    with_options quoted 1.2.3
}

test_what_the_container_is_made_with() {
    set_option bind 127.0.0.1
    set_option cpus 2
    text=$(container_text)
    for words in "--restart unless-stopped" "--security-opt no-new-privileges" "--cap-drop ALL" --read-only \
        "--memory 2g" "--cpus 2" "--pids-limit 512" "--stop-timeout 40" "max-size=10m" "max-file=3" \
        "--publish 127.0.0.1:8080:8080" "--volume $CONFIG_DIR:/app/config:ro" "--volume ai-proxy-state:/app/state" \
        "--label ai-proxy.version=1.2.3"; do
        case $text in *"$words"*) ;; *) failed "no $words in: $text" ;; esac
    done
    LIMITS='' SELINUX=1 KIND=podman
    text=$(container_text)
    case $text in *--memory* | *--cpus* | *--pids*) failed "a limit that does not work is asked for" ;; esac
    case $text in *"/app/config:ro,z"*) ;; *) failed "SELinux is not thought of" ;; esac
}

test_any_option_changes_the_checksum() {
    one=$(with_options options_checksum 1)
    set_option memory 1g
    must_not "the limit is in it" [ "$one" = "$(with_options options_checksum 1)" ]
    set_option memory ''
    equal "it repeats" "$(with_options options_checksum 1)" "$one"
}

test_quadlet_is_for_podman_4_4() {
    for version in 4.4.0 4.9.3 5.0.1 10.2; do must "$version knows it" knows_quadlet "$version"; done
    for version in 3.4.4 4.3.1 4.3 '' unknown; do must_not "$version knows it" knows_quadlet "$version"; done
}

# unit_lines FILE: as systemd reads it: a section, a name and a value on every line.
sound_unit() {
    awk '
        /^$/ || /^#/ { next }
        /^\[(Unit|Container|Service|Install)\]$/ { section = $0; next }
        section != "" && /^[A-Z][A-Za-z]*=./ { next }
        { print "not a line of a unit: " $0; bad = 1 }
        END { exit bad }' "$1"
}

test_the_quadlet_says_what_the_container_is() {
    KIND=podman ENGINE=podman ENGINE_VERSION=4.9.3 IMAGE=abc123 VERSION=1.2.3
    set_option bind 127.0.0.1
    quadlet_unit >"$T/unit"
    must "it is sound" sound_unit "$T/unit"
    for line in ContainerName=ai-proxy Image=abc123 ReadOnly=true NoNewPrivileges=true DropCapability=ALL \
        "Volume=$CONFIG_DIR:/app/config:ro" Volume=ai-proxy-state:/app/state PublishPort=127.0.0.1:8080:8080 \
        "PodmanArgs=--memory 2g" "PodmanArgs=--stop-timeout 40" "PodmanArgs=--log-driver k8s-file" Label=ai-proxy.version=1.2.3 \
        "Label=ai-proxy.settings=$(with_options options_checksum 1.2.3)" Restart=always WantedBy=multi-user.target; do
        must "the unit has $line" grep -qxF "$line" "$T/unit"
    done
    must_not "the restart is left to podman too" grep -q -- --restart "$T/unit"
    equal "where it goes" "$(unit_path)" /etc/containers/systemd/ai-proxy.container
    ROOTLESS=1 XDG_CONFIG_HOME=$T/home
    equal "where a user's goes" "$(unit_path)" "$T/home/containers/systemd/ai-proxy.container"
    quadlet_unit >"$T/unit"
    must "a user's target" grep -qx WantedBy=default.target "$T/unit"
}

test_the_plain_unit_starts_and_stops_the_container() {
    KIND=podman ENGINE=sh ENGINE_VERSION=4.3.1
    plain_unit >"$T/unit"
    must "it is sound" sound_unit "$T/unit"
    must "starts" grep -qx "ExecStart=$(command -v sh) start ai-proxy" "$T/unit"
    must "stops within the grace" grep -qx "ExecStop=$(command -v sh) stop --time 40 ai-proxy" "$T/unit"
    must "systemd waits longer" grep -qx TimeoutStopSec=60 "$T/unit"
    equal "where it goes" "$(unit_path)" /etc/systemd/system/ai-proxy.service
}

# A systemctl that only notes how it was called stands in for systemd, which test machines do not have.
test_the_unit_is_written_once_and_removed() {
    mkdir -p "$T/bin" "$T/run"
    printf '#!/bin/sh\necho "$*" >>"%s/systemctl"\n' "$T" >"$T/bin/systemctl"
    printf '#!/bin/sh\necho no\n' >"$T/bin/loginctl"
    chmod +x "$T/bin/systemctl" "$T/bin/loginctl"
    PATH=$T/bin:$PATH SYSTEMD_RUNS=$T/run KIND=podman ENGINE=sh ENGINE_VERSION=4.3.1 ROOTLESS=1 XDG_CONFIG_HOME=$T/home
    install_service >"$T/out" 2>&1
    said "brings ai-proxy back"
    said "enable-linger"
    must "the unit is there" [ -f "$T/home/systemd/user/ai-proxy.service" ]
    equal "its mode" "$(stat -c %a "$T/home/systemd/user/ai-proxy.service")" 644
    must "it is enabled" grep -qx -- '--user enable ai-proxy.service' "$T/systemctl"
    must "it is read" grep -qx -- '--user daemon-reload' "$T/systemctl"
    : >"$T/systemctl"
    install_service >"$T/out" 2>&1
    must_not "it is written again" grep -q daemon-reload "$T/systemctl"
    remove_service >"$T/out" 2>&1
    must_not "the unit is gone" [ -e "$T/home/systemd/user/ai-proxy.service" ]
    must "it is disabled" grep -qx -- '--user disable ai-proxy.service' "$T/systemctl"
    echo "somebody else's" >"$T/home/systemd/user/ai-proxy.service"
    remove_service
    must "a unit of somebody else stays" [ -e "$T/home/systemd/user/ai-proxy.service" ]
}

test_without_systemd_it_says_so() {
    SYSTEMD_RUNS=$T/nowhere KIND=podman ENGINE=podman
    install_service 2>"$T/out"
    said "no systemd here"
}

test_centis_go_forward() {
    before=$(centis)
    sleep 0.2
    passed=$(($(centis) - before))
    must "a fifth of a second is about 20" [ "$passed" -ge 15 ]
    equal "as people read it" "$(seconds 105)" 1.05
    equal "with its nought" "$(seconds 7)" 0.07
}

run_tests

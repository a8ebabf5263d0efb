# shellcheck shell=sh
# Containers and images of ours: questions about them, and how one is made.
#
# All that a container is made with stands in `with_options`, so that what is compared (has anything changed?), what is
# proved and what is deployed cannot differ. What always holds: no secret is among it; the configuration is mounted,
# not passed.

container_exists() {
    engine container inspect --format '{{.Id}}' "$1" >/dev/null 2>&1
}

container_id() {
    engine container inspect --format '{{.Id}}' "$1" 2>/dev/null
}

container_image() {
    engine container inspect --format '{{.Image}}' "$1" 2>/dev/null
}

# container_label NAME LABEL: nothing where there is none.
container_label() {
    label_value=$(engine container inspect --format "{{index .Config.Labels \"$2\"}}" "$1" 2>/dev/null) || return 0
    [ "$label_value" = '<no value>' ] || printf '%s\n' "$label_value"
}

container_status() {
    engine container inspect --format '{{.State.Status}}' "$1" 2>/dev/null
}

container_is_running() {
    [ "$(engine container inspect --format '{{.State.Running}}' "$1" 2>/dev/null)" = true ]
}

# container_starts NAME: changes whenever the engine had to start it anew.
container_starts() {
    engine container inspect --format '{{.RestartCount}} {{.State.Pid}}' "$1" 2>/dev/null
}

# The name of a container that is known by its id.
container_name() {
    engine container inspect --format '{{.Name}}' "$1" 2>/dev/null | sed 's,^/,,'
}

image_id() {
    engine image inspect --format '{{.Id}}' "$1" 2>/dev/null
}

image_label() {
    label_value=$(engine image inspect --format "{{index .Config.Labels \"$2\"}}" "$1" 2>/dev/null) || return 0
    [ "$label_value" = '<no value>' ] || printf '%s\n' "$label_value"
}

# remove_container NAME: it and its anonymous volumes; named ones stay.
remove_container() {
    container_exists "$1" || return 0
    change 90 "$ENGINE" rm -f -v "$1"
}

# container_log NAME FILE: its last lines.
container_log() {
    engine logs --tail 20 "$1" >"$2" 2>&1 || :
}

# hardened THEN: calls THEN with the options of everything that runs the image.
hardened() {
    hardened_then=$1
    shift
    hardened_mount=$CONFIG_DIR:/app/config:ro
    # Shared, because the old one and the new one read it at the same time.
    [ "$SELINUX" = 0 ] || hardened_mount=$hardened_mount,z
    "$hardened_then" --security-opt no-new-privileges --cap-drop ALL --read-only \
        --tmpfs /tmp:rw,noexec,nosuid,nodev,size=16m --volume "$hardened_mount" "$@"
}

# with_options THEN VERSION: calls THEN with all that the deployed container is made with, but name and image.
with_options() {
    options_then=$1 options_version=$2
    set -- --restart unless-stopped --stop-timeout "$STOP_TIMEOUT"
    for options_limit in $LIMITS; do
        case $options_limit in
        memory) set -- "$@" --memory "$(chosen memory 2g)" ;;
        cpus) set -- "$@" --cpus "$(chosen cpus "$(cores)")" ;;
        pids) set -- "$@" --pids-limit "$(chosen pids 512)" ;;
        esac
    done
    case $KIND in
    docker) set -- "$@" --log-driver json-file --log-opt "max-size=$(chosen log-size 10m)" --log-opt "max-file=$(chosen log-files 3)" ;;
    podman) set -- "$@" --log-driver k8s-file --log-opt "max-size=$(chosen log-size 10m)b" ;;
    esac
    set -- "$@" --publish "$(published_address)$PORT:$PORT" --volume ai-proxy-state:/app/state \
        --label "ai-proxy.version=$options_version" --label "ai-proxy.port=$PORT"
    hardened "$options_then" "$@"
}

# The address in front of a published port, with its colon; nothing for all interfaces, IPv6 included.
published_address() {
    published=$(chosen bind '')
    case $published in
    '') ;;
    \[*) printf '%s:' "$published" ;;
    *:*) printf '[%s]:' "$published" ;;
    *) printf '%s:' "$published" ;;
    esac
}

options_checksum() {
    printf '%s\n' "$@" | sha256sum | cut -c 1-16
}

# create_container NAME IMAGE VERSION: all but started.
create_container() {
    created_name=$1 created_image=$2
    created_sum=$(with_options options_checksum "$3")
    with_options create_with "$3"
}

create_with() {
    change 120 "$ENGINE" create --name "$created_name" "$@" --label "ai-proxy.settings=$created_sum" "$created_image"
}

# is_current IMAGE VERSION: whether the running one is that image with these options.
is_current() {
    [ "$(container_image ai-proxy)" = "$1" ] &&
        [ "$(container_label ai-proxy ai-proxy.settings)" = "$(with_options options_checksum "$2")" ]
}

say_ignored_limits() {
    ignored_all=
    for ignored in memory cpus pids; do
        is_word_of "$ignored" "$LIMITS" || ignored_all="$ignored_all $ignored"
    done
    [ -z "$ignored_all" ] || warn "$KIND cannot enforce these limits here, so the container runs without them:$ignored_all"
}

# shellcheck shell=sh
# What would go wrong later is found first, and told all at once.
#
# What always holds: nothing is changed here; each finding says what is wrong and what to do about it.

# Room for the image and its layers, and for the configuration and the journal.
IMAGE_KIB=204800
FILES_KIB=2048

# need_commands: before anything else can be asked.
need_commands() {
    needed_missing=
    for needed in awk cat chmod chown cut date df dirname find flock grep head id mkdir mktemp mv od readlink rm sed sha256sum sleep sort tail timeout tr; do
        have "$needed" || needed_missing="$needed_missing $needed"
    done
    have curl || have wget || needed_missing="$needed_missing curl-or-wget"
    [ -z "$needed_missing" ] || die 4 "these commands are missing:$needed_missing"
}

# look_at_work_dir: ahead of all others, for the run's own log is in it.
look_at_work_dir() {
    [ "$(id -u)" -eq 0 ] || return 0
    work_foreign=$(foreign_folder "$WORK_DIR")
    [ -z "$work_foreign" ] || die 4 "$(foreign_words "$work_foreign" "$WORK_DIR") (--work-dir names another place)"
}

finding() {
    FINDINGS=$((FINDINGS + 1))
    printf '%s\n' "$*" >>"$TMP/findings"
}

# preflight: ends the run with exit code 4 when anything was found.
preflight() {
    FINDINGS=0
    : >"$TMP/findings"
    look_at_rights
    look_at_names
    look_at_disk
    look_at_archive
    look_at_port
    [ "$FINDINGS" -gt 0 ] || return 0
    fail "the preflight found $FINDINGS; nothing was changed:"
    show_lines "$TMP/findings" 100
    exit 4
}

look_at_rights() {
    if [ "$ROOTLESS" = 0 ] && [ "$(id -u)" -ne 0 ]; then
        finding "rights: $ENGINE runs as root, so the configuration must be root's: run this with sudo"
        return
    fi
    if [ "$KIND" = podman ] && [ "$ROOTLESS" = 1 ]; then
        look_at_id_map
    fi
    refuse_symlink "$CONFIG_DIR" "$CONFIG_DIR/.env" "$CONFIG_DIR/provider-config.yaml" 2>>"$TMP/findings" || FINDINGS=$((FINDINGS + 1))
    if [ -e "$CONFIG_DIR" ] && [ ! -d "$CONFIG_DIR" ]; then
        finding "configuration: $CONFIG_DIR is not a folder (--config-dir names another)"
        return
    fi
    # One that is complete may be read-only: nothing would be written to it.
    if [ ! -e "$CONFIG_DIR/.env" ] || [ ! -e "$CONFIG_DIR/provider-config.yaml" ]; then
        rights_at=$(nearest "$CONFIG_DIR")
        can_write "$rights_at" || finding "rights: $rights_at cannot be written to, so no configuration can be made in $CONFIG_DIR (--config-dir names another place)"
        if [ "$ROOTLESS" = 0 ]; then
            rights_foreign=$(foreign_folder "$CONFIG_DIR")
            [ -z "$rights_foreign" ] || finding "configuration: $(foreign_words "$rights_foreign" "$CONFIG_DIR") (--config-dir)"
        fi
    fi
    [ "$ROOTLESS" = 1 ] || look_at_ids
    return 0
}

# Root may write anywhere but on a read-only file system, which `test -w` knows of.
can_write() {
    [ -w "$1" ] && [ -d "$1" ]
}

# In its container the proxy is user and group 1001. Where the engine gives containers no ids of their own, an account of
# this host with that id is the same user to the kernel. Said and not refused: it may be the machine's only person.
look_at_ids() {
    ! engine_maps_ids || return 0
    ids_user=$(name_of_id passwd 1001) ids_group=$(name_of_id group 1001)
    case $ids_user in
    '' | ai-proxy) ;;
    *)
        warn "the user $ids_user of this host has the id 1001, which is the proxy's in its container: $ids_user can read the keys in $CONFIG_DIR and in the proxy's memory, and end it. Give that account another id (usermod --uid), or run this as a user with rootless Podman"
        return 0
        ;;
    esac
    case $ids_group in
    '' | ai-proxy) ;;
    *) warn "the group $ids_group of this host has the id 1001, which is the proxy's in its container: its members can read the keys in $CONFIG_DIR. Give that group another id (groupmod --gid)" ;;
    esac
}

# Docker with userns-remap.
engine_maps_ids() {
    [ "$KIND" = docker ] && engine info --format '{{.SecurityOptions}}' 2>/dev/null | grep -q 'name=userns'
}

# Without ids beside his own a user cannot hand a file to group 1001 of the container.
look_at_id_map() {
    id_room=$(engine unshare cat /proc/self/gid_map 2>/dev/null | awk '{ if ($1 + $3 > most) most = $1 + $3 } END { print most + 0 }')
    [ "${id_room:-0}" -gt 1001 ] ||
        finding "rights: this user has too few ids of his own for rootless containers: add lines to /etc/subuid and /etc/subgid (usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $(id -un)), then podman system migrate"
}

# The names are taken as ours only if the label of this installer is on them.
look_at_names() {
    for name_of in ai-proxy ai-proxy-previous; do
        if container_exists "$name_of" && [ -z "$(container_label "$name_of" ai-proxy.version)" ]; then
            finding "name: a container $name_of is there that this installer did not make: remove it, or give it another name ($ENGINE rename $name_of ai-proxy-by-hand)"
        fi
    done
}

look_at_disk() {
    disk_root=$(engine_root)
    if [ -n "$disk_root" ] && [ -d "$disk_root" ]; then
        enough_room "$disk_root" "$IMAGE_KIB" "the images of $ENGINE"
    fi
    enough_room "$CONFIG_DIR" "$FILES_KIB" "the configuration"
    enough_room "$WORK_DIR" "$FILES_KIB" "journal and logs"
}

engine_root() {
    case $KIND in
    docker) engine info --format '{{.DockerRootDir}}' 2>/dev/null ;;
    podman) engine info --format '{{.Store.GraphRoot}}' 2>/dev/null ;;
    esac
}

enough_room() {
    room_left=$(free_kib "$1")
    [ "${room_left:-$2}" -ge "$2" ] ||
        finding "disk: $1 has $((room_left / 1024)) MiB left; $3 may need $(($2 / 1024))"
}

# look_at_archive: what came is what was sent, and is for this machine. Nothing of it is needed for an image that is here.
look_at_archive() {
    [ "$FROM_ARCHIVE" = 1 ] || return 0
    if [ ! -f "$ROOT/Dockerfile" ] || [ ! -f "$ROOT/dist/ai-proxy" ]; then
        finding "archive: $ROOT lacks Dockerfile or dist/ai-proxy (in a checkout installer/build-release.sh makes it)"
        return
    fi
    if [ -f "$ROOT/SHA256SUMS" ]; then
        if ! (cd "$ROOT" && sha256sum -c SHA256SUMS) >"$TMP/sums" 2>/dev/null; then
            finding "archive: not as it was released: $(sed -n 's/: FAILED.*//p' "$TMP/sums" | head -n 5 | tr '\n' ' ')(download it again)"
        fi
    else
        note "no SHA256SUMS beside the installer: this is a checkout, its files are taken as they are"
    fi
    archive_arch=$(elf_machine "$ROOT/dist/ai-proxy")
    [ "$archive_arch" = "$(uname -m)" ] ||
        finding "architecture: dist/ai-proxy is for $archive_arch, this machine is $(uname -m)"
}

# elf_machine FILE: e_machine of the ELF header, as uname names it.
elf_machine() {
    case $(od -An -tx1 -N4 "$1" | tr -d ' \n') in
    7f454c46) ;;
    *)
        echo "nothing that Linux runs"
        return
        ;;
    esac
    case $(od -An -tx1 -j18 -N2 "$1" | tr -d ' \n') in
    3e00) echo x86_64 ;;
    b700) echo aarch64 ;;
    *) echo "another machine" ;;
    esac
}

look_at_port() {
    case $PORT in
    '' | *[!0-9]* | ??????*)
        finding "port: PORT of the configuration is not a number: $PORT"
        return
        ;;
    esac
    if [ -n "$(option port)" ] && [ "$(option port)" != "$PORT" ]; then
        finding "port: --port $(option port), but the configuration in $CONFIG_DIR says $PORT: change it there, and run this again"
    fi
    if [ "$ROOTLESS" = 1 ] && [ "$PORT" -lt "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start 2>/dev/null || echo 1024)" ]; then
        finding "port: $PORT may not be used by this user: set PORT to a higher one, or net.ipv4.ip_unprivileged_port_start lower"
    fi
    # The one that is to be replaced holds it by right.
    if container_is_running ai-proxy && [ "$(container_label ai-proxy ai-proxy.port)" = "$PORT" ]; then
        return
    fi
    ! port_is_taken "$PORT" || finding "port: $PORT is taken by $(port_holder "$PORT"): stop it, or choose another port (PORT in $CONFIG_DIR/.env, or --port on a first installation)"
}

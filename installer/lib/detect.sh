# shellcheck shell=sh
# Which engine is there, and what it can do.
#
# An engine is believed only when it answers `info`: a client on PATH proves nothing. What always holds: ENGINE is the
# command that is run, KIND what really answers behind it (a `docker` may be Podman), ROOTLESS is 1 or 0; everything
# that was looked at and why it would not do is kept in LOOKED_AT.

# engine ARGUMENT...: a question to the engine, bounded.
engine() {
    timeout -k 5 60 "$ENGINE" "$@" </dev/null 9>&-
}

# find_engine: asks the wanted one, or both; ends the run when none will do.
find_engine() {
    LOOKED_AT=
    engine_wanted=$(option engine)
    if [ -n "$engine_wanted" ]; then
        look_at_engine "$engine_wanted" || no_engine
        return
    fi
    # The one that was used last time first: what runs there is what is to be upgraded.
    engine_last=$(saved engine)
    if [ -n "$engine_last" ] && look_at_engine "$engine_last"; then
        return
    fi
    for engine_name in docker podman; do
        [ "$engine_name" != "$engine_last" ] || continue
        look_at_engine "$engine_name" && return
    done
    no_engine
}

# look_at_engine COMMAND: sets ENGINE, KIND, ROOTLESS when it can be used by this user.
look_at_engine() {
    ENGINE=$1
    if ! have "$1"; then
        looked_at "$1: not on PATH"
        return 1
    fi
    case $("$1" --version 2>/dev/null </dev/null) in
    *[Pp]odman*) KIND=podman ;;
    *) KIND=docker ;;
    esac
    case $KIND in
    docker) info_format='{{.SecurityOptions}}' ;;
    podman) info_format='{{.Host.Security.Rootless}} selinux={{.Host.Security.SELinuxEnabled}}' ;;
    esac
    if ! engine_info=$(timeout -k 5 20 "$1" info --format "$info_format" </dev/null 9>&- 2>"$TMP/info"); then
        looked_at "$1: the command is here, but \`$1 info\` fails: $(why_info_failed)"
        return 1
    fi
    # A Docker client without its daemon may print what it knows of itself and still end well.
    if [ "$KIND" = docker ] && grep -qi 'cannot connect' "$TMP/info"; then
        looked_at "$1: the command is here, but \`$1 info\` fails: $(why_info_failed)"
        return 1
    fi
    ROOTLESS=0 SELINUX=0
    case $KIND:$engine_info in
    docker:*name=rootless* | podman:true*) ROOTLESS=1 ;;
    esac
    case $engine_info in *name=selinux* | *selinux=true*) SELINUX=1 ;; esac
    # A user may be allowed to ask root's Docker; the files of an installation there are root's all the same.
    if [ "$ROOTLESS" = 0 ] && [ "$(id -u)" -ne 0 ] && [ -z "$(option engine)" ]; then
        looked_at "$1: runs as root, and this user is not root (sudo, or --engine $1)"
        return 1
    fi
    return 0
}

looked_at() {
    LOOKED_AT="$LOOKED_AT  $1
"
}

why_info_failed() {
    info_why=$(grep -v '^[[:space:]]*$' "$TMP/info" | grep -i 'error\|cannot\|denied' | head -n 1)
    printf '%s\n' "${info_why:-no answer within 20 s}"
}

no_engine() {
    printf '%s' "$LOOKED_AT" >"$TMP/looked"
    fail "no engine that can be used was found; nothing was changed. What was looked at:"
    show_lines "$TMP/looked"
    printf '%s\n' "Install one, or start the one that is there:" \
        "  Debian, Ubuntu:  apt-get install podman        or  apt-get install docker.io && systemctl enable --now docker" \
        "  Fedora, RHEL:    dnf install podman" \
        "  Alpine:          apk add docker && rc-update add docker && service docker start" >&2
    exit 3
}

# look_around: what else matters: versions, compose, limits that work.
look_around() {
    ENGINE_VERSION=$(engine version --format '{{.Server.Version}}' 2>/dev/null) || ENGINE_VERSION=
    [ -n "$ENGINE_VERSION" ] || ENGINE_VERSION=$(engine version --format '{{.Client.Version}}' 2>/dev/null)
    COMPOSE=
    for compose_name in "$ENGINE compose" docker-compose podman-compose; do
        # shellcheck disable=SC2086 # two words
        if timeout -k 5 20 $compose_name version </dev/null >/dev/null 2>&1 9>&-; then
            COMPOSE=$compose_name
            break
        fi
    done
    look_at_limits
    engine_shown=$KIND
    [ "$ENGINE" = "$KIND" ] || engine_shown="$KIND (called $ENGINE here)"
    [ "$ROOTLESS" = 0 ] || engine_shown="rootless $engine_shown"
    say "engine: $engine_shown ${ENGINE_VERSION}"
    note "compose: ${COMPOSE:-none}; SELinux: $SELINUX; limits that work:${LIMITS:- none}"
}

# look_at_limits: LIMITS, those of memory, cpus and pids that the kernel and the engine enforce.
look_at_limits() {
    LIMITS=
    if [ "$KIND" = docker ]; then
        limits_known=$(engine info --format '{{.MemoryLimit}} {{.CPUCfsQuota}} {{.PidsLimit}}' 2>/dev/null)
        # shellcheck disable=SC2086 # three words
        set -- $limits_known
        [ "${1:-}" != true ] || LIMITS="$LIMITS memory"
        [ "${2:-}" != true ] || LIMITS="$LIMITS cpus"
        [ "${3:-}" != true ] || LIMITS="$LIMITS pids"
        return
    fi
    limits_known=$(engine info --format '{{.Host.CgroupsVersion}} {{.Host.CgroupControllers}}' 2>/dev/null)
    case $ROOTLESS:$limits_known in
    1:v1*) return ;;
    0:v1*) limits_known=$(tr '\n' ' ' </proc/cgroups) ;;
    esac
    limits_known=$(printf '%s' "$limits_known" | tr '[]' '  ')
    case " $limits_known " in *[[:space:]]memory[[:space:]]*) LIMITS="$LIMITS memory" ;; esac
    case " $limits_known " in *[[:space:]]cpu[[:space:]]*) LIMITS="$LIMITS cpus" ;; esac
    case " $limits_known " in *[[:space:]]pids[[:space:]]*) LIMITS="$LIMITS pids" ;; esac
}

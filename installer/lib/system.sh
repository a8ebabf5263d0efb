# shellcheck shell=sh
# The machine below: running commands so that a signal is heard, clocks, ports, files.
#
# What always holds: whatever may take long runs in the background and is waited for, because a shell hears a signal
# only between two commands; every wait has a bound; no child keeps the lock's file (descriptor 9) open.

# attend COMMAND...: runs it; a signal is heard at once and CHILD says whom to stop.
attend() {
    "$@" </dev/null 9>&- &
    CHILD=$!
    wait "$CHILD"
    attend_code=$?
    CHILD=
    return "$attend_code"
}

# stop_child: what a signal interrupted is ended, within 10 s.
stop_child() {
    [ -n "${CHILD:-}" ] || return 0
    kill -TERM "$CHILD" 2>/dev/null || :
    stop_left=50
    while kill -0 "$CHILD" 2>/dev/null && [ "$stop_left" -gt 0 ]; do
        nap 0.2
        stop_left=$((stop_left - 1))
    done
    kill -KILL "$CHILD" 2>/dev/null || :
    CHILD=
}

# nap SECONDS: a part of a second where sleep can do that.
nap() {
    sleep "$1" 2>/dev/null || sleep 1
}

# change SECONDS COMMAND...: what changes something. Under --dry-run it is only told. Its output is kept, and shown if
# it fails.
change() {
    change_limit=$1
    shift
    if [ "$DRY_RUN" = 1 ]; then
        printf 'would run: %s\n' "$(quoted "$@")"
        return 0
    fi
    note "+ $(quoted "$@")"
    attend timeout -k 5 "$change_limit" "$@" >"$TMP/output" 2>&1
    change_code=$?
    if [ -n "${LOG_FILE:-}" ]; then
        sed 's/^/         | /' "$TMP/output" 2>/dev/null >>"$LOG_FILE" || :
    fi
    if [ "$change_code" -ne 0 ]; then
        [ "$change_code" -ne 124 ] || fail "this took longer than $change_limit s: $(quoted "$@")"
        show_lines "$TMP/output"
    fi
    return "$change_code"
}

# Hundredths of a second since the machine came up: every Linux has it, and nobody sets it back.
centis() {
    read -r centis_up _ </proc/uptime
    centis_part=${centis_up#*.}
    printf '%s\n' "$((${centis_up%.*} * 100 + ${centis_part#0}))"
}

# seconds CENTIS: as people read it, 1.05.
seconds() {
    printf '%d.%02d\n' "$(($1 / 100))" "$(($1 % 100))"
}

have() {
    command -v "$1" >/dev/null 2>&1
}

cores() {
    nproc 2>/dev/null || grep -c '^processor' /proc/cpuinfo
}

# checksum FILE
checksum() {
    sha256sum "$1" | cut -d ' ' -f 1
}

# refuse_symlink PATH...: where a file or folder of ours should be there must be no link to somewhere else.
refuse_symlink() {
    for refused in "$@"; do
        if [ -L "$refused" ]; then
            fail "$refused is a symbolic link; a file of ours is not written through one: remove it, or name the real place"
            return 1
        fi
    done
}

# port_is_taken PORT: whether anybody on this machine listens on it, on whatever address.
port_is_taken() {
    port_hex=$(printf '%04X' "$1")
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port=":$port_hex" '
        $4 == "0A" && substr($2, length($2) - 4) == port { found = 1 }
        END { exit !found }'
}

# port_holder PORT: who, as far as it can be known.
port_holder() {
    holder=$(engine ps --format '{{.Names}} {{.Ports}}' 2>/dev/null | awk -v port=":$1->" 'index($0, port) { print $1; exit }')
    if [ -n "$holder" ]; then
        echo "the container $holder"
        return
    fi
    if have ss; then
        holder=$(ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:((\("[^"]*"\),pid=\([0-9]*\).*/\1, process \2/p' | head -n 1)
    fi
    [ -n "$holder" ] || holder=$(holder_by_inode "$1")
    echo "${holder:-a process that this user may not see}"
}

# Where there is no ss: the socket's inode, looked for among what processes hold open.
holder_by_inode() {
    inode=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port=":$(printf '%04X' "$1")" '
        $4 == "0A" && substr($2, length($2) - 4) == port { print $10; exit }')
    [ -n "$inode" ] || return 0
    for holder_fd in /proc/[0-9]*/fd/*; do
        [ "$(readlink "$holder_fd" 2>/dev/null)" = "socket:[$inode]" ] || continue
        holder_pid=${holder_fd#/proc/}
        holder_pid=${holder_pid%%/*}
        printf '"%s", process %s\n' "$(cat "/proc/$holder_pid/comm")" "$holder_pid"
        return
    done
}

# A port that nobody listens on, for the proof beside the running one.
spare_port() {
    spare=18080
    while [ "$spare" -lt 18280 ]; do
        if [ "$spare" != "$PORT" ] && ! port_is_taken "$spare"; then
            echo "$spare"
            return
        fi
        spare=$((spare + 1))
    done
    return 1
}

# free_kib PATH: what is left on its file system, or on that of the nearest folder above that exists.
free_kib() {
    free_path=$(nearest "$1")
    df -Pk "$free_path" 2>/dev/null | awk 'NR == 2 { print $4 }'
}

# nearest PATH: the path, or the nearest folder above it that exists.
nearest() {
    nearest_path=$1
    while [ ! -e "$nearest_path" ] && [ -n "$nearest_path" ] && [ "$nearest_path" != . ]; do
        nearest_path=$(dirname "$nearest_path")
    done
    echo "$nearest_path"
}

# foreign_folder PATH: the first folder or link on the way to it, from below, by which somebody beside root could put
# something else in the place of what root writes. Nothing where there is none. The way is walked as it is written, and
# each link's own: where all of it is root's, it leads tomorrow where it leads now.
foreign_folder() {
    case $1 in
    /*) foreign_at=$1 ;;
    *) foreign_at=$PWD/$1 ;;
    esac
    while :; do
        # In a folder with the sticky bit nobody touches what is root's.
        if [ -n "$(find "$foreign_at" -prune \( ! -user 0 -o ! -type l ! -perm -1000 \( -perm -0002 -o -perm -0020 ! -group 0 \) \) 2>/dev/null)" ]; then
            printf '%s\n' "$foreign_at"
            return
        fi
        if [ -L "$foreign_at" ]; then
            foreign_links=$((${2:-0} + 1))
            [ "$foreign_links" -le 40 ] || return 0
            foreign_to=$(readlink "$foreign_at")
            case $foreign_to in
            /*) ;;
            *) foreign_to=$(dirname "$foreign_at")/$foreign_to ;;
            esac
            foreign_found=$(foreign_folder "$foreign_to" "$foreign_links")
            if [ -n "$foreign_found" ]; then
                printf '%s\n' "$foreign_found"
                return
            fi
        fi
        [ "$foreign_at" != / ] || return 0
        foreign_at=$(dirname "$foreign_at")
    done
}

# foreign_words FOLDER PATH
foreign_words() {
    # shellcheck disable=SC2012 # the owner's and the group's name, and no file's
    if [ -z "$(find "$1" -prune -user 0 2>/dev/null)" ]; then
        foreign_whose="is owned by $(ls -ld -- "$1" | awk '{ print $3; exit }')"
    elif [ -n "$(find "$1" -prune -perm -0002 2>/dev/null)" ]; then
        foreign_whose="may be written to by everybody"
    else
        foreign_whose="may be written to by the group $(ls -ld -- "$1" | awk '{ print $4; exit }')"
    fi
    printf '%s\n' "$1 $foreign_whose, who could put a link in the way of what root writes in $2: choose a folder whose parents are root's alone"
}

# name_of_id FILE ID: who has it on this host, of /etc/FILE (passwd or group); nothing where nobody has.
name_of_id() {
    # Where there is getent its word counts: it knows of directories, too.
    if have getent; then
        getent "$1" "$2" 2>/dev/null
    else
        awk -F: -v id="$2" '$3 == id' "/etc/$1" 2>/dev/null
    fi | head -n 1 | cut -d : -f 1
}

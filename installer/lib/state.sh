# shellcheck shell=sh
# What outlives a run: the lock, the settings chosen last, the history of images, and the journal of an attempt.
#
# The journal is the memory that `kill -9` cannot take: each step is written down before it is taken, so that the next
# run knows what was half done. What always holds: there is a journal only while an attempt is under way or was
# killed; nothing here is ever sourced, only read line by line.

# open_work_dir: makes it, 700, and takes the lock. Under --dry-run nothing is made.
open_work_dir() {
    refuse_symlink "$WORK_DIR" "$WORK_DIR/lock" "$WORK_DIR/journal" "$WORK_DIR/settings" "$WORK_DIR/history" "$WORK_DIR/log" || exit 4
    [ "$DRY_RUN" = 0 ] || return 0
    if [ ! -d "$WORK_DIR" ]; then
        # shellcheck disable=SC2034 # read in other files
        MADE_WORK_DIR=1
        if ! { (umask 022 && mkdir -p "$(dirname "$WORK_DIR")") && mkdir -m 700 "$WORK_DIR"; }; then
            die 4 "cannot make $WORK_DIR, where the journal and the logs are kept (--work-dir names another place)"
        fi
    fi
    take_lock
    log_open "$WORK_DIR/log" || die 4 "cannot write to $WORK_DIR/log (is the disk full?)"
}

# The kernel lets go of it when the run ends, however it ends. Descriptor 9 is closed for every child.
take_lock() {
    # The redirection of `exec` ends the shell when it fails; so it is tried apart first.
    ( : >>"$WORK_DIR/lock" ) 2>/dev/null || die 4 "cannot write to $WORK_DIR (is the disk full, or whose is it?)"
    exec 9>>"$WORK_DIR/lock"
    if ! flock -n 9; then
        die 5 "another run is under way (process $(cat "$WORK_DIR/pid" 2>/dev/null)); wait until it has ended"
    fi
    echo "$$" >"$WORK_DIR/pid" 2>/dev/null || :
}

# saved NAME: what was chosen at the last success.
saved() {
    [ -f "$WORK_DIR/settings" ] || return 0
    sed -n "s/^$1=//p" "$WORK_DIR/settings" | tail -n 1
}

# write_settings FILE: the settings of this run.
write_settings() {
    for settings_name in $SAVED; do
        case $settings_name in
        engine) settings_value=$ENGINE ;;
        config-dir) settings_value=$CONFIG_DIR ;;
        *) settings_value=$(chosen "$settings_name" '') ;;
        esac
        [ -z "$settings_value" ] || printf '%s=%s\n' "$settings_name" "$settings_value"
    done >"$1"
}

# journal KEY VALUE: written before what it tells of is done. Under --dry-run there is no attempt.
journal() {
    [ "$DRY_RUN" = 0 ] || return 0
    printf '%s=%s\n' "$1" "$2" >>"$WORK_DIR/journal" || die 1 "cannot write the journal (is the disk full?)"
}

has_journal() {
    [ -f "$WORK_DIR/journal" ]
}

# journalled KEY: the last value. A line cut short by a full disk or a kill has no line end and does not count.
journalled() {
    has_journal || return 0
    sed -n "s/^$1=//p" "$WORK_DIR/journal" | tail -n 1
}

# every_journalled KEY: all values, one a line.
every_journalled() {
    has_journal || return 0
    sed -n "s/^$1=//p" "$WORK_DIR/journal"
}

end_journal() {
    rm -f "$WORK_DIR/journal" "$WORK_DIR/settings.new"
}

# remember_image VERSION ID: the history is oldest first and has each image once.
remember_image() {
    [ -f "$WORK_DIR/history" ] && grep -v " $2\$" "$WORK_DIR/history" >"$WORK_DIR/history.new"
    printf '%s %s\n' "$1" "$2" >>"$WORK_DIR/history.new" && mv "$WORK_DIR/history.new" "$WORK_DIR/history"
}

# places: where things are, for root and for a user.
places() {
    if [ "$(id -u)" -eq 0 ]; then
        places_config=/srv/ai-proxy places_work=/var/lib/ai-proxy
    else
        places_config=${XDG_CONFIG_HOME:-${HOME:?}/.config}/ai-proxy
        places_work=${XDG_STATE_HOME:-$HOME/.local/state}/ai-proxy
    fi
    WORK_DIR=$(chosen work-dir "$places_work")
    CONFIG_DIR=$(chosen config-dir "$places_config")
    # Also where they come from HOME or from what was saved.
    check_path --work-dir "$WORK_DIR"
    check_path --config-dir "$CONFIG_DIR"
}

# shellcheck shell=sh
# Taking it all away again.
#
# What always holds: a container or an image goes only if the label of this installer is on it; the configuration goes
# only when that was asked for, and of it only what the installer had made, so that nobody's certificates are lost;
# what was left is said.

uninstall() {
    LEFT=0
    if [ -d "$WORK_DIR" ] && [ "$DRY_RUN" = 0 ]; then
        refuse_symlink "$WORK_DIR" "$WORK_DIR/lock" || exit 1
        take_lock
    fi
    ask_to_uninstall
    remove_service
    for uninstall_name in ai-proxy-candidate ai-proxy-check ai-proxy-next ai-proxy ai-proxy-old ai-proxy-previous; do
        uninstall_container "$uninstall_name"
    done
    uninstall_images
    if engine volume inspect ai-proxy-state >/dev/null 2>&1; then
        change 60 "$ENGINE" volume rm ai-proxy-state || left "the volume ai-proxy-state"
    fi
    [ "$PURGE" = 0 ] || purge_config
    if [ "$DRY_RUN" = 1 ]; then
        say "nothing was changed (--dry-run)"
        return
    fi
    [ ! -d "$WORK_DIR" ] || remove_work_dir
    if [ -d "$CONFIG_DIR" ]; then
        say "left: $CONFIG_DIR, the configuration with its keys (uninstall.sh --purge removes it)"
    fi
    [ "$LEFT" = 0 ] || exit 1
    say "ai-proxy is uninstalled"
}

left() {
    LEFT=1
    fail "left, because it could not be removed: $*"
}

ask_to_uninstall() {
    if [ "$YES" = 1 ] || [ "$DRY_RUN" = 1 ] || [ ! -t 0 ] || [ ! -t 1 ]; then
        return 0
    fi
    if [ "$PURGE" = 1 ]; then
        printf 'Remove ai-proxy and its configuration with all keys in it? [y/N] '
    else
        printf 'Remove ai-proxy? [y/N] '
    fi
    read -r answer
    case $answer in
    [Yy]*) ;;
    *)
        say "nothing was changed"
        exit 0
        ;;
    esac
}

# uninstall_container NAME: what serves may finish what it has.
uninstall_container() {
    container_exists "$1" || return 0
    case $1 in
    ai-proxy | ai-proxy-old | ai-proxy-previous)
        if [ -z "$(container_label "$1" ai-proxy.version)" ]; then
            say "left: the container $1, which this installer did not make"
            return 0
        fi
        ;;
    esac
    if container_is_running "$1"; then
        uninstall_grace=$(engine container inspect --format '{{.Config.StopTimeout}}' "$1" 2>/dev/null)
        case $uninstall_grace in '' | *[!0-9]*) uninstall_grace=40 ;; esac
        say "stopping $1 (up to $uninstall_grace s for what is under way)"
        change $((uninstall_grace + 60)) "$ENGINE" stop --time "$uninstall_grace" "$1" || :
    fi
    remove_container "$1" || left "the container $1"
}

# Names first: an image with several of them is not removed by its id.
uninstall_images() {
    for uninstall_image in $(our_images); do
        for uninstall_tag in $(engine image inspect --format '{{range .RepoTags}}{{.}} {{end}}' "$uninstall_image" 2>/dev/null); do
            case $uninstall_tag in
            ai-proxy:* | localhost/ai-proxy:*) change 60 "$ENGINE" rmi "$uninstall_tag" || left "the image $uninstall_tag" ;;
            *) say "left: the image $uninstall_tag, a name that this installer did not give" ;;
            esac
        done
        [ -z "$(engine image inspect --format '{{.Id}}' "$uninstall_image" 2>/dev/null)" ] || [ "$DRY_RUN" = 1 ] ||
            [ -n "$(engine image inspect --format '{{range .RepoTags}}{{.}}{{end}}' "$uninstall_image" 2>/dev/null)" ] ||
            change 60 "$ENGINE" rmi "$uninstall_image" || left "the image $uninstall_image"
    done
}

our_images() {
    {
        engine images --quiet --no-trunc --filter label=ai-proxy.source
        [ ! -f "$WORK_DIR/history" ] || sed 's/.* //' "$WORK_DIR/history"
    } 2>/dev/null | awk '!seen[$0]++'
}

purge_config() {
    for purge_file in .env provider-config.yaml provider-config-example.yaml; do
        [ ! -e "$CONFIG_DIR/$purge_file" ] || change 10 rm -f "$CONFIG_DIR/$purge_file" || left "$CONFIG_DIR/$purge_file"
    done
    [ -d "$CONFIG_DIR" ] || return 0
    if [ "$DRY_RUN" = 0 ] && [ -n "$(find "$CONFIG_DIR" -mindepth 1 | head -n 1)" ]; then
        say "left: what you have put into $CONFIG_DIR: $(find "$CONFIG_DIR" -mindepth 1 -maxdepth 1 | tr '\n' ' ')"
        return
    fi
    change 10 rmdir "$CONFIG_DIR" || left "$CONFIG_DIR"
}

# shellcheck shell=sh
# The image: which one is wanted, and building it.
#
# An image carries a label with the checksum of what it was built from, so that the same archive never builds twice.
# What always holds: tags move only once the new one has been proved; until then the image has an id and no name.

# choose_version: VERSION, and whether it is the one beside the installer.
choose_version() {
    FROM_ARCHIVE=1
    archive_version=$(archived_version)
    VERSION=$(option version)
    if [ "$COMMAND" = rollback ]; then
        choose_previous
    elif [ -z "$VERSION" ]; then
        VERSION=$archive_version
        [ -n "$VERSION" ] || VERSION=unknown
    elif [ "$VERSION" != "$archive_version" ]; then
        FROM_ARCHIVE=0
        IMAGE=$(image_id "ai-proxy:$VERSION")
        [ -n "$IMAGE" ] || die 4 "version $VERSION is neither beside this installer (${archive_version:-nothing} is) nor here as the image ai-proxy:$VERSION"
    fi
}

# The program says it itself; on a machine that cannot run it, the release does.
archived_version() {
    [ -f "$ROOT/dist/ai-proxy" ] || return 0
    archive_says=$(timeout 10 "$ROOT/dist/ai-proxy" --version 2>/dev/null </dev/null | sed -n '1s/^ai-proxy //p')
    [ -n "$archive_says" ] || archive_says=$(head -n 1 "$ROOT/VERSION" 2>/dev/null)
    printf '%s\n' "$archive_says"
}

choose_previous() {
    FROM_ARCHIVE=0
    container_exists ai-proxy-previous || die 11 "there is nothing to go back to: no container ai-proxy-previous is here"
    IMAGE=$(container_image ai-proxy-previous)
    VERSION=$(container_label ai-proxy-previous ai-proxy.version)
}

# find_image: IMAGE, if what would be built is here already.
find_image() {
    [ "$FROM_ARCHIVE" = 1 ] || return 0
    IMAGE=
    SOURCE=$( (
        checksum "$ROOT/dist/ai-proxy"
        checksum "$ROOT/Dockerfile"
        chosen base-image ''
    ) | sha256sum | cut -c 1-32)
    found_image=$(image_id "ai-proxy:$VERSION")
    if [ -n "$found_image" ] && [ "$(image_label "$found_image" ai-proxy.source)" = "$SOURCE" ]; then
        IMAGE=$found_image
    fi
}

# build_image: sets IMAGE. It has no name yet.
build_image() {
    if [ -n "$IMAGE" ]; then
        note "image: $VERSION is here already"
        return
    fi
    say "building the image of $VERSION"
    set -- build --force-rm --build-arg "VERSION=$VERSION" --label "ai-proxy.source=$SOURCE" --iidfile "$TMP/image"
    build_base=$(chosen base-image '')
    [ -z "$build_base" ] || set -- "$@" --build-arg "BASE_IMAGE=$build_base"
    # The format that keeps all that Docker keeps; the default one drops parts of it.
    [ "$KIND" = docker ] || set -- "$@" --format docker
    journal building "$SOURCE"
    if ! change 900 "$ENGINE" "$@" "$ROOT"; then
        remove_torso
        die 7 "the image could not be built"
    fi
    if [ "$DRY_RUN" = 1 ]; then
        IMAGE=ai-proxy:$VERSION
        return
    fi
    IMAGE=$(cat "$TMP/image")
    IMAGE=$(image_id "$IMAGE")
    [ -n "$IMAGE" ] || die 7 "the image was built, but the engine does not know it"
}

# remove_torso: the last layer of a build that failed, with those under it that nobody else has.
remove_torso() {
    torso=$(sed -n 's/^ *--*> *\([0-9a-f]\{11,64\}\)$/\1/p' "$TMP/output" | tail -n 1)
    [ -n "$torso" ] || return 0
    [ -n "$(engine image inspect --format '{{range .RepoTags}}{{.}}{{end}}' "$torso" 2>/dev/null)" ] || in_use "$torso" ||
        engine rmi "$torso" >/dev/null 2>&1 || :
}

# tag_image IMAGE VERSION: the names by which it is known from now on.
tag_image() {
    change 30 "$ENGINE" tag "$1" "ai-proxy:$2" && change 30 "$ENGINE" tag "$1" ai-proxy:latest
}

# remove_unnamed_images: what builds that came to nothing have left.
remove_unnamed_images() {
    for unnamed in $(engine images --quiet --no-trunc --filter label=ai-proxy.source --filter dangling=true 2>/dev/null | sort -u); do
        in_use "$unnamed" || in_history "$unnamed" || change 60 "$ENGINE" rmi "$unnamed" || :
    done
}

in_use() {
    [ -n "$(engine ps --all --quiet --filter "ancestor=$1" 2>/dev/null)" ]
}

in_history() {
    [ -f "$WORK_DIR/history" ] && grep -q " $1\$" "$WORK_DIR/history"
}

# forget_old_images KEEP: besides the current one, which is the last of the history.
forget_old_images() {
    [ -f "$WORK_DIR/history" ] || return 0
    forget_count=$(($(grep -c . "$WORK_DIR/history") - 1 - $1))
    [ "$forget_count" -gt 0 ] || return 0
    head -n "$forget_count" "$WORK_DIR/history" >"$TMP/forget"
    while read -r forget_version forget_image; do
        if in_use "$forget_image"; then
            continue
        fi
        remove_image "$forget_version" "$forget_image"
        grep -v " $forget_image\$" "$WORK_DIR/history" >"$WORK_DIR/history.new" && mv "$WORK_DIR/history.new" "$WORK_DIR/history"
    done <"$TMP/forget"
}

# remove_image VERSION ID: its name if it still has it, and then itself.
remove_image() {
    [ "$(image_id "ai-proxy:$1")" != "$2" ] || change 60 "$ENGINE" rmi "ai-proxy:$1"
    [ -z "$(image_id "$2")" ] || change 60 "$ENGINE" rmi "$2"
}

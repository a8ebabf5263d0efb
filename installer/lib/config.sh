# shellcheck shell=sh
# The configuration: made where a file is missing, and judged by the program that will read it.
#
# What always holds: a file that is there is never touched, not even its mode; a file of ours has its owner and mode
# before its content, is written beside its place and moved into it whole; nothing is chowned but what was just made.

# In the container the proxy is this group; it reads, and root (rootless: the user) writes.
PROXY_ID=1001

# make_config: MADE_TOKEN is set when one was generated.
make_config() {
    MADE_TOKEN=
    if [ ! -d "$CONFIG_DIR" ]; then
        say "making the configuration in $CONFIG_DIR"
        make_folder "$CONFIG_DIR"
    fi
    if [ ! -e "$CONFIG_DIR/.env" ]; then
        MADE_TOKEN=$(new_token)
        make_file "$CONFIG_DIR/.env" env_content
    fi
    if [ ! -e "$CONFIG_DIR/provider-config.yaml" ]; then
        make_file "$CONFIG_DIR/provider-config.yaml" yaml_content
        if [ ! -e "$CONFIG_DIR/provider-config-example.yaml" ] && [ ! -L "$CONFIG_DIR/provider-config-example.yaml" ]; then
            make_file "$CONFIG_DIR/provider-config-example.yaml" example_content
        fi
    fi
}

make_folder() {
    if [ "$DRY_RUN" = 1 ]; then
        printf 'would make: %s (mode 750, group %s)\n' "$1" "$PROXY_ID"
        return
    fi
    refuse_foreign "$1"
    journal made_folder "$1"
    # Those above it are made as anybody would make them; the last one is ours.
    if ! { (umask 022 && mkdir -p "$(dirname "$1")") && mkdir "$1" && own "$1" && chmod 750 "$1"; }; then
        die 6 "cannot make $1"
    fi
}

# make_file PATH CONTENT: CONTENT is the function that prints it.
make_file() {
    if [ "$DRY_RUN" = 1 ]; then
        printf 'would make: %s (mode 640, group %s)\n' "$1" "$PROXY_ID"
        return
    fi
    refuse_foreign "$1"
    made_new=$1.ai-proxy-new
    rm -f "$made_new"
    journal making_file "$made_new"
    # noclobber: whoever puts something there in this moment is not followed.
    if ! { (set -C && : >"$made_new") && own "$made_new" && chmod 640 "$made_new" && "$2" >"$made_new"; }; then
        die 6 "cannot make $1 (is the disk full?)"
    fi
    journal made_file "$(checksum "$made_new") $1"
    mv -n "$made_new" "$1"
    [ ! -e "$made_new" ] || die 6 "cannot make $1: something is there now"
}

# refuse_foreign PATH: a file that was there at the preflight, and another user has removed since, is not made in his folder.
refuse_foreign() {
    [ "$ROOTLESS" = 0 ] || return 0
    refused_foreign=$(foreign_folder "$(dirname "$1")")
    [ -z "$refused_foreign" ] || die 6 "$(foreign_words "$refused_foreign" "$1")"
}

# own PATH: root's, and of the proxy's group; rootless, as the container sees it.
own() {
    if [ "$ROOTLESS" = 0 ]; then
        chown "0:$PROXY_ID" "$1"
    elif [ "$KIND" = podman ]; then
        change 30 "$ENGINE" unshare chown "0:$PROXY_ID" "$1"
    else
        # Rootless Docker has no `unshare`; the image that was just built has chown.
        change 60 "$ENGINE" run --rm --network none --read-only --cap-drop ALL --cap-add CHOWN --cap-add DAC_READ_SEARCH --user 0:0 \
            --volume "$1:/own" --entrypoint chown "$IMAGE" "0:$PROXY_ID" /own
    fi
}

# 192 bits; no command that gets it as an argument, where every user could see it.
new_token() {
    head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'
}

# The template, with the token in its place.
env_content() {
    content_has_token=0
    while IFS= read -r content_line || [ -n "$content_line" ]; do
        case $content_line in
        '#AUTH_TOKEN='*)
            printf 'AUTH_TOKEN=%s\n' "$MADE_TOKEN"
            content_has_token=1
            ;;
        '#PORT='*)
            if [ "$PORT" = 8080 ]; then printf '%s\n' "$content_line"; else printf 'PORT=%s\n' "$PORT"; fi
            ;;
        *) printf '%s\n' "$content_line" ;;
        esac
    done <"$ROOT/config/.env.example" || return 1
    [ "$content_has_token" = 1 ] || printf 'AUTH_TOKEN=%s\n' "$MADE_TOKEN"
}

yaml_content() {
    cat "$ROOT/installer/templates/provider-config.yaml"
}

example_content() {
    cat "$ROOT/config/provider-config-example.yaml"
}

# check_config IMAGE: by the program that is to read it, as the user that it will be.
check_config() {
    check_image=$1
    remove_container ai-proxy-check
    hardened run_check --name ai-proxy-check --network none
}

run_check() {
    if [ "$DRY_RUN" = 1 ]; then
        change 60 "$ENGINE" run --rm "$@" "$check_image" check
        return
    fi
    note "+ $ENGINE run ... check"
    attend timeout -k 5 60 "$ENGINE" run --rm "$@" "$check_image" check >"$TMP/check" 2>&1
    check_code=$?
    if [ "$check_code" -ne 0 ]; then
        fail "ai-proxy check of $VERSION does not accept the configuration in $CONFIG_DIR:"
        show_lines "$TMP/check" 40
        ! grep -q 'may not be read' "$TMP/check" ||
            fail "the proxy is user and group $PROXY_ID: chgrp $PROXY_ID the files and chmod 640 them (rootless: podman unshare chgrp)"
        die 6 "nothing was stopped"
    fi
    note "$(tail -n 1 "$TMP/check")"
}

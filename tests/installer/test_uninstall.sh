#!/bin/sh
# Uninstalling: exactly what was installed, and nothing of anybody else.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=testing.sh
. "$here/testing.sh"
# shellcheck source=scenario.sh
. "$here/scenario.sh"
for_each_mode "$0"
MAIN="test_leaves_nothing_but_the_configuration"

test_leaves_nothing_but_the_configuration() {
    clean
    before=$(inventory)
    installed
    install v2
    ended 0
    kept=$(in_mode cat "$CONFIG/.env" "$CONFIG/provider-config.yaml" | cksum)
    installer v2 uninstall.sh
    ended 0
    said "left: $CONFIG, the configuration"
    equal "containers" "$(names)" ""
    equal "images" "$(engine images -q --filter label=ai-proxy.source)" ""
    must_not "the volume is there" engine volume inspect ai-proxy-state >/dev/null 2>&1
    must_not "the notes are there" [ -e "$WORK" ]
    equal "the configuration" "$(in_mode cat "$CONFIG/.env" "$CONFIG/provider-config.yaml" | cksum)" "$kept"
    # What was kept is taken up by the next installation.
    install v1
    ended 0
    serves "$V1"
    must_not "a token was made" grep -q 'shown once' "$T/out"
    installer v1 uninstall.sh --purge
    ended 0
    equal "what is left of it all" "$(inventory)" "$before"
    must_not "the folder is there" [ -e "$CONFIG" ]
    installer v1 uninstall.sh --purge
    ended 0
}

test_what_others_have_is_left() {
    installed
    echo certificate >"$CONFIG/cert.pem"
    engine tag "ai-proxy:$V1" somebody/elses:1
    engine run -d --name ai-proxy-squatter alpine:3.23 sleep 60 >/dev/null
    installer v1 uninstall.sh --purge
    ended 0
    said "cert.pem"
    must "the certificate is there" [ -f "$CONFIG/cert.pem" ]
    must_not "the keys are there" [ -e "$CONFIG/.env" ]
    must "the other name is there" engine image inspect somebody/elses:1 >/dev/null
    must "the other container is there" engine container inspect ai-proxy-squatter >/dev/null
    engine rm -f ai-proxy-squatter >/dev/null
    engine rmi -f somebody/elses:1 >/dev/null
    # One by the same name that is not ours is neither replaced nor removed.
    clean
    engine run -d --name ai-proxy alpine:3.23 sleep 60 >/dev/null
    install v1 --port "$PORT"
    ended 4
    said "that this installer did not make"
    installer v1 uninstall.sh
    ended 0
    said "left: the container ai-proxy"
    must "it is there" engine container inspect ai-proxy >/dev/null
    engine rm -f ai-proxy >/dev/null
}

test_without_notes_and_in_the_middle_of_an_attempt() {
    installed
    install v2
    ended 0
    engine rename ai-proxy-previous ai-proxy-old
    engine create --name ai-proxy-next "ai-proxy:$V1" >/dev/null
    rm -rf "$WORK"
    installer v1 uninstall.sh
    ended 0
    equal "containers" "$(names)" ""
    equal "images" "$(engine images -q --filter label=ai-proxy.source)" ""
}

set_stage
run_tests

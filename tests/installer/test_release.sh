#!/bin/sh
# The release: what is in the archive, that it can be trusted, that it can be made again to the byte, and what
# build-release.sh says where something is missing.
# shellcheck source-path=SCRIPTDIR
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=testing.sh
. "$here/testing.sh"
# shellcheck source=lib.sh
. "$here/lib.sh"

test_contents() {
    top=$(basename "$RELEASE" .tar.gz)
    equal "its name" "$top" "ai-proxy-$(cat "$RELEASE_ROOT/VERSION")-$(uname -m)"
    tar -tzf "$RELEASE" | grep -v '/$' | sed "s,^$top/,," | LC_ALL=C sort >"$T/found"
    {
        printf '%s\n' .dockerignore CHANGELOG.md Dockerfile LICENSE README.md SHA256SUMS VERSION ai-proxy.cdx.json config/.env.example \
            config/provider-config-example.yaml config/provider-config.schema.json config/providers.yaml dist/ai-proxy docker-compose.yml \
            installer/install.sh installer/uninstall.sh
        (cd "$ROOT" && ls installer/lib/*.sh installer/templates/*)
    } | LC_ALL=C sort >"$T/wanted"
    diff "$T/wanted" "$T/found" || failed "the contents are not as promised"
    equal "folders above" "$(tar -tzf "$RELEASE" | grep -vc "^$top/")" 0
    for file in docker-compose.yml .dockerignore README.md CHANGELOG.md LICENSE config/.env.example installer/install.sh; do
        must "$file is that of the checkout" cmp "$ROOT/$file" "$RELEASE_ROOT/$file"
    done
}

test_modes_owners_and_times() {
    tar -tvzf "$RELEASE" --numeric-owner --full-time --utc >"$T/list"
    equal "owners" "$(awk '{ print $2 }' "$T/list" | sort -u)" 0/0
    equal "times" "$(awk '{ print $4, $5 }' "$T/list" | sort -u | grep -c .)" 1
    equal "modes" "$(awk '{ print $1 }' "$T/list" | sort -u | tr '\n' ' ')" "-rw-r--r-- -rwxr-xr-x drwxr-xr-x "
    equal "what can be executed" "$(awk '$1 == "-rwxr-xr-x" { sub(/^[^\/]*\//, "", $6); print $6 }' "$T/list" | sort | tr '\n' ' ')" \
        "dist/ai-proxy installer/install.sh installer/uninstall.sh "
    if commit_time=$(git -c safe.directory="$ROOT" -C "$ROOT" log -1 --format=%ct 2>/dev/null); then
        equal "the time of the binary" "$(stat -c %Y "$RELEASE_ROOT/dist/ai-proxy")" "$commit_time"
    fi
}

test_checksums() {
    must "of the archive" sh -c "cd '$(dirname "$RELEASE")' && sha256sum --check --strict --quiet SHA256SUMS"
    must "of what is in it" sh -c "cd '$RELEASE_ROOT' && sha256sum --check --strict --quiet SHA256SUMS"
    equal "files without a checksum" "$(cd "$RELEASE_ROOT" && find . -type f ! -name SHA256SUMS | wc -l)" "$(grep -c . "$RELEASE_ROOT/SHA256SUMS")"
    cp -R "$RELEASE_ROOT" "$T/tampered"
    printf x >>"$T/tampered/dist/ai-proxy"
    must_not "a changed binary is accepted" sh -c "cd '$T/tampered' && sha256sum --check --quiet SHA256SUMS" >/dev/null 2>&1
}

test_the_binary_is_static_and_tells_nothing_of_this_machine() {
    equal "what it says" "$("$RELEASE_ROOT/dist/ai-proxy" --version)" "ai-proxy $(cat "$RELEASE_ROOT/VERSION")"
    python3 - "$RELEASE_ROOT/dist/ai-proxy" "$ROOT" "$HOME" "${CARGO_HOME:-$HOME/.cargo}" <<'PYTHON' || failed "the binary is not as promised"
import struct
import sys

binary = open(sys.argv[1], "rb").read()
assert binary[:4] == b"\x7fELF" and binary[4] == 2, "not a 64-bit ELF"
at, size, count = struct.unpack_from("<Q", binary, 32)[0], *struct.unpack_from("<HH", binary, 54)
kinds = [struct.unpack_from("<I", binary, at + size * n)[0] for n in range(count)]
assert 3 not in kinds, "it asks for an interpreter, so it is not static"
for path in sys.argv[2:]:
    # `/` and `/root` say nothing.
    if path.count("/") > 1:
        assert path.encode() + b"/" not in binary, f"the path {path} is in it"
PYTHON
}

test_bill_of_materials() {
    timeout -k 5 120 "$TOOLS/bin/python" - "$RELEASE_ROOT/ai-proxy.cdx.json" "$ROOT/Cargo.lock" "$(cat "$RELEASE_ROOT/VERSION")" <<'PYTHON' || failed "the bill of materials is not as promised"
import json
import sys
import tomllib

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

text = open(sys.argv[1]).read()
mistake = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
assert mistake is None, mistake
bom = json.loads(text)
assert bom["metadata"]["component"]["name"] == "ai-proxy" and bom["metadata"]["component"]["version"] == sys.argv[3]
locked = {f"{p['name']}@{p['version']}": p for p in tomllib.load(open(sys.argv[2], "rb"))["package"]}
listed = {c["bom-ref"]: c for c in bom["components"]}
assert len(listed) == len(bom["components"]), "something stands in it twice"
for ref, component in listed.items():
    package = locked[ref]
    assert component["hashes"][0]["content"] == package["checksum"] if "checksum" in package else "purl" not in component, ref
    assert component["licenses"], ref
for linked in ("actix-web", "awc", "rustls", "ring", "tokio", "actors", "dialects"):
    assert any(c["name"] == linked and c["scope"] == "required" for c in bom["components"]), linked
assert any(c["name"] == "derive_more-impl" and c["scope"] == "excluded" for c in bom["components"]), "what runs while building"
for test_only in ("rcgen", "upstream"):
    assert not any(c["name"] == test_only for c in bom["components"]), test_only
known = set(listed) | {bom["metadata"]["component"]["bom-ref"]}
for edge in bom["dependencies"]:
    assert {edge["ref"], *edge["dependsOn"]} <= known, edge
print(len(listed), "components")
PYTHON
}

# Elsewhere, from nothing, with the same content: another folder, another build folder, another umask.
test_made_again_it_is_the_same() {
    command -v cargo >/dev/null || skipped "no cargo here"
    mkdir "$T/another"
    copy "$T/another/place"
    (umask 077 && cd / && timeout -k 5 1800 "$T/another/place/installer/build-release.sh" >"$T/said" 2>&1) || { tail -n 20 "$T/said" && failed "it is not made"; }
    again="$T/another/place/dist/$(basename "$RELEASE")"
    cmp "$RELEASE" "$again" || {
        mkdir "$T/unpacked" && tar -C "$T/unpacked" -xzf "$again" && diff -rq "$RELEASE_ROOT" "$T/unpacked/$(basename "$RELEASE" .tar.gz)"
        failed "the archives differ"
    }
    must "the checkout has its binary" cmp "$T/another/place/dist/ai-proxy" "$RELEASE_ROOT/dist/ai-proxy"
}

# copy DIR: the checkout as it is, with its history if it has one, and without what was built in it.
copy() {
    if git_of "$ROOT" rev-parse HEAD >/dev/null 2>&1; then
        git -c safe.directory='*' clone --quiet --no-hardlinks "$ROOT" "$1" || failed "the checkout cannot be cloned"
        origin=$(git_of "$ROOT" remote get-url origin 2>/dev/null)
        git_of "$1" remote set-url origin "${origin:-none}"
        git_of "$ROOT" ls-files -z --deleted | (cd "$1" && xargs -0 -r rm -f)
        git_of "$ROOT" ls-files -z --cached --others --exclude-standard --deduplicate | tar -C "$ROOT" --null --ignore-failed-read -cf - -T - 2>/dev/null | tar -C "$1" -xf -
    else
        mkdir -p "$1"
        tar -C "$ROOT" --exclude=./target --exclude=./dist -cf - . | tar -C "$1" -xf -
    fi
}

git_of() {
    git_dir=$1
    shift
    git -c safe.directory='*' -C "$git_dir" "$@"
}

# without_cargo: PATHS, a PATH with all of the system's commands but cargo's.
without_cargo() {
    mkdir -p "$T/commands"
    for folder in /usr/sbin /usr/bin /usr/local/bin; do
        find "$folder" -maxdepth 1 ! -type d ! -name 'cargo*' ! -name 'rust*' ! -name docker ! -name podman -exec ln -sf -t "$T/commands" {} +
    done
    PATHS=$T/commands
}

# built CODE ARGUMENT...: build-release.sh of a copy of the checkout, with PATHS.
built() {
    built_code=$1
    shift
    [ -d "$T/checkout" ] || copy "$T/checkout"
    PATH=$PATHS timeout -k 5 "${BUILD_LIMIT:-300}" "$T/checkout/installer/build-release.sh" "$@" >"$T/said" 2>&1
    equal "its exit code ($(tail -n 1 "$T/said"))" $? "$built_code"
}

# says WORDS
says() {
    grep -qF -- "$1" "$T/said" || { cat "$T/said" && failed "it does not say \`$1\`"; }
}

test_without_cargo_and_engine_it_says_what_is_missing() {
    without_cargo
    built 3
    says cargo
    says docker
    says podman
    equal "what it left" "$(find "$T/checkout/dist" -type f 2>/dev/null | wc -l)" 0
}

# with_engine WHICH: PATHS has that engine besides.
with_engine() {
    without_cargo
    ln -s "$(command -v "$1")" "$PATHS/$1"
}

# A builder image, as far as it can be had here: its cargo hands out what the real one has made before. That it is
# called rightly, in the container, with the checkout and the folders where they belong, is what this shows.
builder_of() {
    mkdir -p "$T/builder/dist"
    cp "$RELEASE_ROOT/dist/ai-proxy" "$T/builder/ai-proxy"
    cp "$ROOT/target/release-static/tree.normal,build" "$T/builder/tree.all"
    cp "$ROOT/target/release-static/tree.normal,no-proc-macro" "$T/builder/tree.linked"
    cat >"$T/builder/cargo" <<'CARGO'
#!/bin/sh
set -eu
[ -f /src/Cargo.lock ] && [ -f Cargo.toml ] && [ -w "$CARGO_HOME" ]
case "$*" in
*"--edges normal,build"*) cat /made/tree.all ;;
*"--edges normal,no-proc-macro"*) cat /made/tree.linked ;;
"build --release --locked --target $(uname -m)-unknown-linux-gnu --target-dir /build"*)
    case $RUSTFLAGS in *+crt-static*) ;; *) exit 9 ;; esac
    mkdir -p "/build/$(uname -m)-unknown-linux-gnu/release"
    cp /made/ai-proxy "/build/$(uname -m)-unknown-linux-gnu/release/ai-proxy"
    ;;
*) echo "cargo: not expected: $*" >&2; exit 8 ;;
esac
CARGO
    cat >"$T/builder/rustc" <<'RUSTC'
#!/bin/sh
[ "$*" = "--print sysroot" ] && echo /made/sysroot
RUSTC
    cat >"$T/builder/Dockerfile" <<BUILDER
FROM $BASE_IMAGE
COPY ai-proxy tree.all tree.linked /made/
COPY cargo rustc /usr/local/bin/
RUN chmod 755 /usr/local/bin/* && ln -s /bin/true /usr/local/bin/gcc && mkdir -p /made/sysroot/lib/rustlib/$(uname -m)-unknown-linux-gnu/lib
BUILDER
    timeout -k 5 300 "$1" build --tag "$NAME:builder" "$T/builder" >"$T/said" 2>&1 </dev/null || { cat "$T/said" && failed "the builder cannot be made"; }
}

in_a_container_of() {
    with_engine "$1"
    built 3 --builder "$NAME:there-is-none"
    says "$NAME:there-is-none"
    says "pull"
    builder_of "$1"
    built 0 --builder "$NAME:builder"
    timeout -k 5 60 "$1" rmi --force "$NAME:builder" >/dev/null 2>&1 </dev/null
    made=$T/checkout/dist/$(basename "$RELEASE")
    mkdir -p "$T/made"
    tar -C "$T/made" -xzf "$made" || failed "there is no archive"
    diff -r "$RELEASE_ROOT" "$T/made/$(basename "$RELEASE" .tar.gz)" || failed "the archive differs from that made with cargo"
    rm -rf "$T/made" "$T/checkout" "$T/builder" "$T/commands"
}

test_without_cargo_in_a_container_of_docker() {
    [ -z "$NO_DOCKER" ] || skipped "$NO_DOCKER"
    in_a_container_of docker
}

test_without_cargo_in_a_container_of_podman() {
    [ -z "$NO_PODMAN" ] || skipped "$NO_PODMAN"
    in_a_container_of podman
}

# Either it is told what is missing, or it is made.
test_for_another_machine() {
    command -v rustc >/dev/null || skipped "no Rust toolchain here"
    PATHS=$PATH
    case $(uname -m) in x86_64) other=aarch64 ;; *) other=x86_64 ;; esac
    target=$other-unknown-linux-gnu
    if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
        built 3 --target "$target"
        says "rustup target add $target"
        figure "$target is not installed here; that is told, and nothing was made for it"
    elif ! command -v "$other-linux-gnu-gcc" >/dev/null; then
        built 3 --target "$target"
        says "no C compiler for $target"
        figure "there is no C compiler for $target here; that is told, and nothing was made for it"
    else
        BUILD_LIMIT=1800 built 0 --target "$target"
        must "an archive for it" [ -s "$T/checkout/dist/ai-proxy-$(cat "$RELEASE_ROOT/VERSION")-$other.tar.gz" ]
        must_not "the binary for images of this machine is replaced" [ -e "$T/checkout/dist/ai-proxy" ]
        rm -rf "$T/other"
        mkdir "$T/other"
        tar -C "$T/other" --strip-components=1 -xzf "$T/checkout/dist/ai-proxy-$(cat "$RELEASE_ROOT/VERSION")-$other.tar.gz"
        case $other in aarch64) machine=183 ;; *) machine=62 ;; esac
        equal "the machine it is for" "$(od -An -tu2 -j18 -N2 "$T/other/dist/ai-proxy" | tr -d ' ')" "$machine"
    fi
    rm -rf "$T/checkout"
}

test_a_blank_in_the_path_is_told() {
    command -v cargo >/dev/null || skipped "no cargo here"
    copy "$T/a blank"
    "$T/a blank/installer/build-release.sh" >"$T/said" 2>&1
    equal "its exit code" $? 3
    says "a blank in one of the paths"
}

test_wrong_command_lines() {
    PATHS=$PATH
    built 2 --no-such-option
    built 2 --target
    built 2 --target riscv64gc-unknown-linux-gnu
    built 2 --version 'one;two'
    built 0 --help
    says usage:
}

begin
run_tests

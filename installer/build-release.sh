#!/bin/sh
# Makes a release: the static binary, and the archive that installs it.
#
# What always holds: two runs on one commit give the same archive to the byte, wherever the checkout lies; nothing in
# the checkout is changed but dist/ and the build folder target/release-static; a file in dist/ is there whole or not at
# all. Nothing runs before the last line.
set -eu

# The tag of the official image with a toolchain and a C compiler, for machines without cargo.
DEFAULT_BUILDER=rust:1.95-bookworm

usage() {
    cat <<'TEXT'
usage: build-release.sh [--target TRIPLE] [--version V] [--source URL] [--builder IMAGE] [--out DIR]

Makes in dist/ (or DIR):
  ai-proxy-<version>-<arch>.tar.gz   all that install.sh, compose and `docker build` need, with a bill of materials
  SHA256SUMS                         its checksum
  ai-proxy                           the binary, where it is for this machine: `docker build .` works in the checkout

options:
  --target TRIPLE   {x86_64,aarch64}-unknown-linux-{musl,gnu}. Without it: for this machine, with musl where target and
                    C compiler are installed, else with glibc; static either way
  --version V       instead of the one in Cargo.toml; the binary says it too
  --source URL      where the source is to be found, for the image's label (default: git's remote `origin`)
  --builder IMAGE   without cargo here: the image to build in (rust:1.95-bookworm, or $AI_PROXY_BUILDER)
  --out DIR         instead of dist/

exit codes: 0 done, 1 the build failed, 2 the command line is wrong, 3 something that it needs is missing
TEXT
}

say() {
    printf 'build-release: %s\n' "$*" >&2
}

die() {
    die_code=$1
    shift
    printf 'build-release: error: %s\n' "$*" >&2
    exit "$die_code"
}

have() {
    command -v "$1" >/dev/null 2>&1
}

parse_args() {
    TARGET='' VERSION='' SOURCE=${SOURCE_URL:-} BUILDER=${AI_PROXY_BUILDER:-$DEFAULT_BUILDER} OUT=$ROOT/dist COMPILE_ONLY=0
    while [ $# -gt 0 ]; do
        case $1 in
        --help | -h) usage && exit 0 ;;
        --target | --version | --source | --builder | --out) [ $# -ge 2 ] || die 2 "$1 needs a value (--help)" ;;
        esac
        case $1 in
        --target) TARGET=$2 && shift ;;
        --version) VERSION=$2 && shift ;;
        --source) SOURCE=$2 && shift ;;
        --builder) BUILDER=$2 && shift ;;
        --out) OUT=$2 && shift ;;
        # What runs within the builder's container.
        --compile-only) COMPILE_ONLY=1 ;;
        *) die 2 "no such option: $1 (--help)" ;;
        esac
        shift
    done
    case $TARGET in
    '' | x86_64-unknown-linux-musl | x86_64-unknown-linux-gnu | aarch64-unknown-linux-musl | aarch64-unknown-linux-gnu) ;;
    *) die 2 "not a target that is known here: $TARGET (--help)" ;;
    esac
    [ -n "$VERSION" ] || VERSION=$(manifest_version)
    printf '%s\n' "$VERSION" | grep -Eqx '[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?' || die 2 "not a version: $VERSION"
}

manifest_version() {
    sed -n '/^\[workspace\.package\]/,/^\[/ s/^version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml"
}

machine() {
    case $(uname -m) in
    x86_64 | amd64) echo x86_64 ;;
    aarch64 | arm64) echo aarch64 ;;
    *) die 3 "no release is made for machines of the kind $(uname -m)" ;;
    esac
}

target_is_installed() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]
}

# c_compiler TRIPLE: that makes objects for it; nothing where there is none.
c_compiler() {
    c_arch=${1%%-*}
    case $1 in
    *-musl) c_known="$c_arch-linux-musl-gcc musl-gcc" ;;
    *) c_known="$c_arch-linux-gnu-gcc gcc cc" ;;
    esac
    for c_name in $c_known; do
        # Without an architecture in its name it makes what this machine runs.
        case $c_name in "$c_arch"-*) ;; *) [ "$c_arch" = "$(machine)" ] || continue ;; esac
        if have "$c_name"; then
            echo "$c_name"
            return
        fi
    done
}

# choose_target: TARGET and COMPILER.
choose_target() {
    if [ -z "$TARGET" ]; then
        TARGET=$(machine)-unknown-linux-musl
        if ! target_is_installed "$TARGET" || [ -z "$(c_compiler "$TARGET")" ]; then
            TARGET=$(machine)-unknown-linux-gnu
        fi
    fi
    target_is_installed "$TARGET" || die 3 "the toolchain has no target $TARGET: rustup target add $TARGET"
    COMPILER=$(c_compiler "$TARGET")
    if [ -z "$COMPILER" ]; then
        case $TARGET in
        *-musl) die 3 "no C compiler for $TARGET (Debian: apt-get install musl-tools)" ;;
        aarch64-*) die 3 "no C compiler for $TARGET (Debian: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross)" ;;
        *) die 3 "no C compiler for $TARGET (Debian: apt-get install gcc libc6-dev)" ;;
        esac
    fi
}

# call_itself VERSION: a program put before the compiler, for our own crates alone. Cargo keeps what each such program
# compiled apart by its name, which is why the version is in it; it is found on PATH, because a path would be of this machine.
call_itself() {
    mkdir -p "$BUILD/as"
    printf '#!/bin/sh\nCARGO_PKG_VERSION=%s exec "$@"\n' "$1" >"$BUILD/as/rustc-as-$1"
    chmod 755 "$BUILD/as/rustc-as-$1"
    export PATH="$BUILD/as:$PATH" RUSTC_WORKSPACE_WRAPPER="rustc-as-$1"
}

# compile: leaves the binary, and beside it the two trees of crates for the bill of materials.
compile() {
    choose_target
    say "compiling ai-proxy $VERSION for $TARGET"
    cargo_home=${CARGO_HOME:-$HOME/.cargo}
    sysroot=$(rustc --print sysroot)
    # No path of this machine gets into the binary: neither Rust's nor C's. Flags of the user's are replaced, because
    # two machines would differ by them; the separator lets a path have blanks.
    separator=$(printf '\037')
    flags="-Ctarget-feature=+crt-static"
    flags="$flags$separator--remap-path-prefix=$cargo_home=/cargo"
    flags="$flags$separator--remap-path-prefix=$sysroot=/rust"
    flags="$flags$separator--remap-path-prefix=$ROOT=/src"
    upper=$(printf '%s' "$TARGET" | tr '[:lower:]-' '[:upper:]_')
    (
        unset RUSTFLAGS
        export CARGO_ENCODED_RUSTFLAGS="$flags" CARGO_INCREMENTAL=0
        [ "$VERSION" = "$(manifest_version)" ] || call_itself "$VERSION"
        export "CC_$(printf '%s' "$TARGET" | tr - _)=$COMPILER" "CARGO_TARGET_${upper}_LINKER=$COMPILER"
        export CFLAGS="-ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$ROOT=/src"
        # Kernels for ARM have pages of 4, 16 or 64 KiB: the allocator is made for the largest.
        case $TARGET in aarch64-*) export JEMALLOC_SYS_WITH_LG_PAGE=16 ;; esac
        cargo build --release --locked --target "$TARGET" --target-dir "$BUILD" --package ai-proxy --bin ai-proxy
    ) || die 1 "it does not compile"
    for edges in normal,no-proc-macro normal,build; do
        cargo tree --locked --target "$TARGET" --edges "$edges" --package ai-proxy --prefix depth --format ' {p}|{l}' >"$BUILD/tree.$edges" ||
            die 1 "cargo cannot tell the dependencies"
    done
    printf '%s\n' "$TARGET" >"$BUILD/target"
}

# find_engine: ENGINE, one that answers.
find_engine() {
    for ENGINE in docker podman; do
        if have "$ENGINE" && timeout -k 5 30 "$ENGINE" info >/dev/null 2>&1 </dev/null; then
            return
        fi
    done
    return 1
}

# compile_in_container: the same, by this script within an image that has a toolchain.
compile_in_container() {
    find_engine || die 3 "neither cargo (https://rustup.rs) is on PATH, nor does docker or podman answer \`info\` so that it could be built in a container"
    timeout -k 5 60 "$ENGINE" image inspect "$BUILDER" >/dev/null 2>&1 </dev/null ||
        die 3 "no cargo on PATH (https://rustup.rs), and $ENGINE has no image $BUILDER to build in: $ENGINE pull $BUILDER, or --builder with another that has cargo and a C compiler"
    say "no cargo here: building in a container of $BUILDER"
    mkdir -p "$BUILD/cargo-home"
    set -- --compile-only --version "$VERSION" ${TARGET:+--target "$TARGET"}
    # Files come out as ours: root of a rootless engine is this user.
    as_user="--user $(id -u):$(id -g)"
    ! "$ENGINE" info 2>/dev/null </dev/null | grep -qi rootless || as_user=
    case $ENGINE:$(id -u) in podman:[1-9]*) as_user= ;; esac
    # shellcheck disable=SC2086 # two words or none
    "$ENGINE" run --rm --security-opt label=disable $as_user --volume "$ROOT:/src:ro" --volume "$BUILD:/build" --workdir /src \
        --env CARGO_HOME=/build/cargo-home --env HOME=/tmp --env AI_PROXY_BUILD=/build \
        "$BUILDER" sh /src/installer/build-release.sh "$@" </dev/null || die 1 "the build in the container failed"
}

# identify: REVISION, EPOCH, SOURCE. An archive of the source has no git: then the time is what the caller says.
identify() {
    REVISION=unknown
    EPOCH=${SOURCE_DATE_EPOCH:-}
    if have git && git_here rev-parse HEAD >/dev/null 2>&1; then
        REVISION=$(git_here rev-parse HEAD)
        [ -n "$EPOCH" ] || EPOCH=$(git_here log -1 --format=%ct)
        if [ -n "$(git_here status --porcelain)" ]; then
            REVISION=$REVISION-dirty
            say "the checkout has changes that are not committed: this release is not that of the commit"
        fi
        # As anybody can open it, and without a password that may stand in it.
        [ -n "$SOURCE" ] || SOURCE=$(git_here remote get-url origin 2>/dev/null |
            sed -n -e 's,^git@\([^:/]*\):,https://\1/,' -e 's,^ssh://git@,https://,' -e 's,^https://[^/@]*@,https://,' -e '/^https:\/\//p')
    fi
    EPOCH=${EPOCH:-0} SOURCE=${SOURCE:-unknown}
}

git_here() {
    # Root may build in somebody else's checkout.
    git -c safe.directory="$ROOT" -C "$ROOT" "$@"
}

# judge BINARY: it is what it should be, before anything is made of it.
judge() {
    [ -s "$1" ] || die 1 "there is no binary at $1"
    if have readelf; then
        ! readelf --program-headers --wide "$1" 2>/dev/null | grep -q INTERP || die 1 "the binary is not static"
    fi
    if [ "$ARCH" = "$(machine)" ]; then
        judge_says=$("$1" --version) || die 1 "the binary does not run on this machine"
        [ "$judge_says" = "ai-proxy $VERSION" ] || die 1 "the binary says \`$judge_says\` and not \`ai-proxy $VERSION\`"
    fi
}

# put MODE FROM TO: a file of the archive.
put() {
    mkdir -p "$(dirname "$STAGE/$3")"
    cp "$2" "$STAGE/$3"
    chmod "$1" "$STAGE/$3"
}

# fill_stage BINARY: the layout of the checkout, so that installer, compose and Dockerfile are the same in both.
fill_stage() {
    put 755 "$1" dist/ai-proxy
    for file in .dockerignore docker-compose.yml README.md CHANGELOG.md LICENSE config/.env.example config/provider-config-example.yaml \
        config/provider-config.schema.json config/providers.yaml; do
        put 644 "$ROOT/$file" "$file"
    done
    # Only the defaults of three arguments: a plain `docker build .` gives the labels, too.
    sed -e "s|^ARG VERSION=.*|ARG VERSION=$VERSION|" -e "s|^ARG REVISION=.*|ARG REVISION=$REVISION|" -e "s|^ARG SOURCE=.*|ARG SOURCE=$SOURCE|" \
        "$ROOT/Dockerfile" >"$TMP/Dockerfile"
    put 644 "$TMP/Dockerfile" Dockerfile
    for file in install.sh uninstall.sh; do
        put 755 "$ROOT/installer/$file" "installer/$file"
    done
    for file in "$ROOT"/installer/lib/*.sh "$ROOT"/installer/templates/*; do
        put 644 "$file" "installer/${file#"$ROOT"/installer/}"
    done
    printf '%s\n' "$VERSION" >"$TMP/VERSION"
    put 644 "$TMP/VERSION" VERSION
    awk -v name=ai-proxy -v version="$VERSION" -v target="$TARGET" -v stamp="$(date -u -d "@$EPOCH" +%Y-%m-%dT%H:%M:%SZ)" \
        -f "$ROOT/installer/sbom.awk" "$ROOT/Cargo.lock" "$BUILD/tree.normal,no-proc-macro" "$BUILD/tree.normal,build" >"$TMP/sbom" ||
        die 1 "the bill of materials cannot be made"
    put 644 "$TMP/sbom" ai-proxy.cdx.json
    (cd "$STAGE" && find . -type f | LC_ALL=C sort | sed 's,^\./,,' | xargs sha256sum) >"$TMP/sums"
    put 644 "$TMP/sums" SHA256SUMS
    find "$STAGE" -type d -exec chmod 755 {} +
}

# pack: everything that may differ between two machines is laid down: order, times, owners, modes, gzip's header.
pack() {
    tar -C "$TMP" --sort=name --format=ustar --mtime="@$EPOCH" --owner=0 --group=0 --numeric-owner -cf - "$NAME" | gzip -n -9 >"$OUT/.$NAME.new"
    mv "$OUT/.$NAME.new" "$OUT/$NAME.tar.gz"
    (cd "$OUT" && LC_ALL=C sha256sum "ai-proxy-$VERSION"-*.tar.gz) >"$TMP/archive.sums"
    cp "$TMP/archive.sums" "$OUT/.SHA256SUMS.new"
    mv "$OUT/.SHA256SUMS.new" "$OUT/SHA256SUMS"
}

# for_checkout BINARY: what the Dockerfile copies.
for_checkout() {
    if [ "$ARCH" != "$(machine)" ]; then
        say "$OUT/ai-proxy is left as it is: this binary is for another machine"
        return
    fi
    cp "$1" "$OUT/.ai-proxy.new"
    chmod 755 "$OUT/.ai-proxy.new"
    mv "$OUT/.ai-proxy.new" "$OUT/ai-proxy"
}

main() {
    ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
    BUILD=${AI_PROXY_BUILD:-$ROOT/target/release-static}
    umask 022
    parse_args "$@"
    case $OUT in /*) ;; *) OUT=$PWD/$OUT ;; esac
    cd "$ROOT"
    if [ "$COMPILE_ONLY" = 1 ]; then
        compile
        exit 0
    fi
    tar --version 2>/dev/null | grep -q GNU || die 3 "GNU tar is needed: no other one makes the same archive twice"
    identify
    TMP=$(mktemp -d)
    trap 'rm -rf "$TMP"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    mkdir -p "$BUILD" "$OUT"
    OUT=$(CDPATH='' cd -- "$OUT" && pwd)
    if have cargo; then compile; else compile_in_container; fi
    TARGET=$(cat "$BUILD/target")
    ARCH=${TARGET%%-*}
    NAME=ai-proxy-$VERSION-$ARCH
    STAGE=$TMP/$NAME
    judge "$BUILD/$TARGET/release/ai-proxy"
    fill_stage "$BUILD/$TARGET/release/ai-proxy"
    pack
    for_checkout "$BUILD/$TARGET/release/ai-proxy"
    say "done: $OUT/$NAME.tar.gz"
}

main "$@"

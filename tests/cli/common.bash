# tests/cli/common.bash - what every suite needs: a scratch home and store, small images, and words for skips.
#   load common; setup_file() { suite_setup; }; teardown_file() { suite_teardown; }

bats_require_minimum_version 1.5.0

# One home and one store a suite, on disk (a tmpfs may lack extended attributes). `suite_setup mirror` is for suites that fetch
# packages: by the proxy of the machine, if it has one.
suite_setup() {
    umask 022
    SUITE_DIR=$(mktemp -d "${TMPDIR:-/var/tmp}/cooper-cli.XXXXXX")
    export SUITE_DIR HOME=$SUITE_DIR/home COOPER_ROOT=$SUITE_DIR/store
    export TZ=UTC LC_ALL=C.UTF-8 NO_COLOR=1
    forget_environment
    if [ "${1:-}" = mirror ]; then export NO_PROXY=127.0.0.1,localhost; else unset {http,https,all}_proxy {HTTP,HTTPS,ALL}_PROXY; fi
    mkdir -p "$HOME"
}

# What a shell, a CI or a hook of git may have set and cooper, git, skopeo or curl would obey.
forget_environment() {
    unset XDG_DATA_HOME XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_CACHE_HOME SOURCE_DATE_EPOCH COOPER_IDENTITY COOPER_POLICY COSIGN_PASSWORD \
        DOCKER_CONFIG DOCKER_CONTENT_TRUST DOCKER_DEFAULT_PLATFORM BUILDKIT_PROGRESS REGISTRY_AUTH_FILE CONTAINERS_REGISTRIES_CONF \
        no_proxy NO_PROXY SSH_AUTH_SOCK COLUMNS LINES "${!GIT_@}" "${!HADOLINT_@}"
}

# wait_until CMD...: until that is true. The limit is no part of what is tested: only what never comes reaches it.
wait_until() {
    local end=$((SECONDS + 300))
    until "$@"; do
        [ $SECONDS -lt $end ] || { echo "this never came true: $*"; return 1; }
        sleep 0.02
    done
}

# ended PID: a process that nobody has waited for yet has ended too.
ended() {
    local state
    { read -r _ _ state _ <"/proc/$1/stat"; } 2>/dev/null || return 0
    [ "$state" = Z ]
}

# serve NAME CMD...: each connection to port $NAME of this machine is the standard input and output of a CMD of its own; $SERVER
# is to be killed at the end.
serve() {
    local name=$1 ports; shift
    ports=$(mktemp -d "$SUITE_DIR/serve.XXXXXX")/port
    mkfifo "$ports"
    "$SOURCE_ROOT/tests/cli/serve" "$@" >"$ports" 2>"$ports.errors" 3>&- &
    SERVER=$!
    read -r "$name" <"$ports" || { cat "$ports.errors"; return 1; }
}

# The store may hold files of ids that only its own namespace can remove.
suite_teardown() {
    "$COOPER" prune --all --quiet >/dev/null 2>&1 || true
    rm -rf "$SUITE_DIR"
}

cooper() { "$COOPER" "$@"; }

shared() { [ -e "$CONFORMANCE/$1" ] || skip "the conformance data ($1) is not beside the project"; }
need() { command -v "$1" >/dev/null || skip "$1 is not installed"; }
need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }

# A root file system of one static busybox with its names, in the directory $1.
busybox_root() {
    local root=$1 name
    mkdir -p "$root"/{bin,etc,tmp,root,usr/bin,var,home}
    chmod 1777 "$root/tmp"
    chmod 0700 "$root/root"
    cp /bin/busybox "$root/bin/busybox"
    for name in $("$root/bin/busybox" --list); do
        [ "$name" = busybox ] || ln -s busybox "$root/bin/$name"
    done
    ln -s ../../bin/busybox "$root/usr/bin/env"
    printf 'root:x:0:0:root:/root:/bin/sh\nbin:x:2:2:bin:/bin:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n' >"$root/etc/passwd"
    printf 'root:x:0:\nbin:x:2:\nusers:x:100:nobody\nnobody:x:65534:\n' >"$root/etc/group"
}

flip() { # FILE OFFSET: another byte than the one that stands there
    python3 -c 'import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2])); old = f.read(1)[0]
    f.seek(-1, 1); f.write(bytes([old ^ 0x55]))' "$@"
}

blob() { # LAYOUT FILE: moves the file in, prints "sha256:<hex> <size>"
    local hex size
    hex=$(sha256sum <"$2" | cut -d' ' -f1)
    size=$(stat -c %s "$2")
    mv "$2" "$1/blobs/sha256/$hex"
    echo "sha256:$hex $size"
}

# An OCI layout in the directory $1, tag $2, of the root file system in the directory $3.
oci_layout() {
    local layout=$1 tag=$2 root=$3 diff config layer manifest
    mkdir -p "$layout/blobs/sha256"
    tar -C "$root" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@1700000000 -cf "$layout/layer" .
    diff=$(sha256sum <"$layout/layer" | cut -d' ' -f1)
    gzip -n "$layout/layer"
    read -r layer layer_size <<<"$(blob "$layout" "$layout/layer.gz")"
    printf '{"created":"2023-11-14T22:13:20Z","architecture":"%s","os":"linux","config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created":"2023-11-14T22:13:20Z","created_by":"rootfs"}]}' \
        "$(oci_arch)" "$diff" >"$layout/config"
    read -r config config_size <<<"$(blob "$layout" "$layout/config")"
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"%s","size":%s}]}' \
        "$config" "$config_size" "$layer" "$layer_size" >"$layout/manifest"
    read -r manifest manifest_size <<<"$(blob "$layout" "$layout/manifest")"
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"%s"}}]}' \
        "$manifest" "$manifest_size" "$tag" >"$layout/index.json"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
}

oci_arch() {
    case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) uname -m ;;
    esac
}

# $SUITE_DIR/busybox: a layout, tag latest.
busybox_layout() {
    busybox_root "$SUITE_DIR/busybox-root"
    oci_layout "$SUITE_DIR/busybox" latest "$SUITE_DIR/busybox-root"
    rm -rf "$SUITE_DIR/busybox-root"
}

# as_user subids|single CMD...: runs it as an ordinary user that exists only in a mount namespace of its own, with a
# range of subordinate ids or without one. $USER_HOME is its home, below the suite's directory.
as_user() {
    local kind=$1; shift
    export USER_HOME=$SUITE_DIR/user-$kind
    if [ ! -d "$USER_HOME" ]; then
        mkdir -p "$USER_HOME"
        chmod 0755 "$SUITE_DIR"
        { cat /etc/passwd; echo "cooper-test:x:54321:54321::$USER_HOME:/bin/sh"; } >"$SUITE_DIR/passwd.$kind"
        { cat /etc/group; echo "cooper-test:x:54321:"; } >"$SUITE_DIR/group.$kind"
        [ "$kind" = single ] || echo cooper-test:3000000:65536 >"$SUITE_DIR/subids.$kind"
        touch "$SUITE_DIR/subids.$kind"
        chown 54321:54321 "$USER_HOME"
    fi
    SUITE_KIND=$kind unshare -m --propagation private sh -c '
        mount --bind "$SUITE_DIR/passwd.$SUITE_KIND" /etc/passwd
        mount --bind "$SUITE_DIR/group.$SUITE_KIND" /etc/group
        # open to everybody, as udev makes it
        [ ! -c /dev/net/tun ] || { mount -t tmpfs none /mnt && mknod -m 0666 /mnt/tun c 10 200 && mount --bind /mnt/tun /dev/net/tun && umount -l /mnt; }
        for f in /etc/subuid /etc/subgid; do
            [ -e $f ] || { mount -t tmpfs none /mnt && cp -a /etc/. /mnt && touch /mnt/subuid /mnt/subgid && mount --move /mnt /etc; }
            mount --bind "$SUITE_DIR/subids.$SUITE_KIND" $f
        done
        exec setpriv --reuid 54321 --regid 54321 --clear-groups --inh-caps=-all \
            env -u COOPER_ROOT -u XDG_RUNTIME_DIR HOME="$USER_HOME" "$@"' sh "$@"
}

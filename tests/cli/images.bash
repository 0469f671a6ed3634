# tests/cli/images.bash - an OCI layout written without cooper, and its enemies.

put_blob() { # LAYOUT FILE: prints the digest
    local hex
    hex=$(sha256sum <"$2" | cut -c1-64)
    cp "$2" "$1/blobs/sha256/$hex"
    echo "$hex"
}
size_of() { stat -c %s "$1"; }

# Two trees in $1/l1 and $1/l2 whose archives hold links, owners, attributes, a setuid file and a whiteout.
sample_trees() {
    mkdir -p "$1"/l1/{bin,etc,home} "$1"/l2/{etc,new}
    cp /bin/busybox "$1/l1/bin/busybox"
    ln "$1/l1/bin/busybox" "$1/l1/bin/hard"
    ln -s busybox "$1/l1/bin/sh"
    echo hello >"$1/l1/etc/hello"
    echo gone >"$1/l1/etc/gone"
    chmod 4755 "$1/l1/bin/busybox"
    echo new >"$1/l2/new/f"
    touch "$1/l2/etc/.wh.gone"
    tar -C "$1/l1" --sort=name --owner=5 --group=7 -cf "$1/l1.tar" .
    tar -C "$1/l2" --sort=name --owner=0 --group=0 -cf "$1/l2.tar" .
    gzip -nk "$1/l1.tar" "$1/l2.tar"
}

# sample_layout DIR: a layout of the trees above, named example.com/app:1.
sample_layout() {
    local work=$1.work lay=$1 b1 b2 c m
    mkdir -p "$work" "$lay/blobs/sha256"
    sample_trees "$work"
    b1=$(put_blob "$lay" "$work/l1.tar.gz")
    b2=$(put_blob "$lay" "$work/l2.tar.gz")
    printf '{"architecture":"amd64","config":{"Env":["PATH=/bin"],"Cmd":["sh"],"Labels":{"a":"b"}},"created":"2026-01-01T00:00:00Z","history":[{"created_by":"ADD l1"},{"created_by":"ENV PATH","empty_layer":true},{"created_by":"ADD l2"}],"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s","sha256:%s"]},"x-unknown":[1]}' \
        "$(sha256sum <"$work/l1.tar" | cut -c1-64)" "$(sha256sum <"$work/l2.tar" | cut -c1-64)" >"$work/config"
    c=$(put_blob "$lay" "$work/config")
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:%s","size":%s},{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:%s","size":%s}]}' \
        "$c" "$(size_of "$work/config")" "$b1" "$(size_of "$work/l1.tar.gz")" "$b2" "$(size_of "$work/l2.tar.gz")" >"$work/manifest"
    m=$(put_blob "$lay" "$work/manifest")
    printf '{"imageLayoutVersion":"1.0.0"}' >"$lay/oci-layout"
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"example.com/app:1"}}]}' \
        "$m" "$(size_of "$work/manifest")" >"$lay/index.json"
}

biggest_blob() { ls -S "$1"/blobs/sha256/* | head -1; }

# The comparison that is not ours; without it the test is skipped.
image_diff() {
    local tool=$SOURCE_ROOT/../shared/tools/image-diff
    [ -e "$tool" ] || skip "image-diff is not beside the project"
    python3 "$tool" "$@"
}

PEERS=${PEERS:-/opt/peers}
peer() { "$SOURCE_ROOT/../shared/peers/setup-peers" "$@"; }
need_docker() {
    need_root
    [ -x "$PEERS/usr/bin/docker" ] && peer docker version >/dev/null 2>&1 || skip "no docker to compare with"
}
need_podman() {
    need_root
    [ -x "$PEERS/usr/bin/podman" ] || skip "no podman to compare with"
}
# A directory that peers in their chroot see as well: prints both names.
peer_dir() { mktemp -d "$PEERS/var/tmp/cooper-cli.XXXXXX"; }

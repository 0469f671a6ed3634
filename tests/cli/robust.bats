# What strangers send, what machines lack, and what kills: each with one clear error, a sound store, and nothing left.
load common

setup_file() {
    suite_setup
    busybox_layout
    chmod 755 "$SUITE_DIR"
}
teardown_file() {
    for kind in subids single; do
        [ ! -d "$SUITE_DIR/user-$kind" ] || as_user $kind "$COOPER" prune --all --quiet >/dev/null 2>&1 || true
    done
    suite_teardown
}

setup() {
    CTX=$SUITE_DIR/ctx.$BATS_TEST_NUMBER
    mkdir -p "$CTX"
    chmod 755 "$CTX"
}
dockerfile() { cat >"$CTX/Dockerfile"; }
build() {
    local options=()
    [[ ${1:-} != -* ]] || { options=("$1"); shift; }
    "$@" "$COOPER" build --progress plain "${options[@]}" --build-context "busybox=oci-layout://$SUITE_DIR/busybox:latest" -t robust "$CTX"
}
hostile() { python3 "$BATS_TEST_DIRNAME/hostile.py" "$@"; }
no_escape() { [ ! -e /tmp/escaped-by-cooper-test ] && [ ! -e /escaped-by-cooper-test ] && [ ! -e "$SUITE_DIR/escaped-by-cooper-test" ]; }
torture() {
    run "$SOURCE_ROOT/scripts/torture" "$@"
    echo "$output"
    [ "$status" = 0 ]
    [[ $output != *skipped,* ]] || skip "$output"
}

@test "ten kills in the middle of builds and loads" { torture -n 10 kill; }
@test "five kills of parallel stages with cache mounts" { torture -n 5 stages; }
@test "ten builds on a store of 64 MiB" { need_root; torture -n 10 small; }
@test "disks of many small sizes" { need_root; torture disk; }
@test "eight power cuts" { need_root; torture -n 8 power; }
@test "two and four builders on one store run each step once" { torture builders; }
@test "an archive of 10^6 entries in 256 MiB" { torture huge; }
@test "directories 10,000 levels deep" { torture deep; }

@test "archives that must be refused are, with a reason, and write nothing" {
    need python3
    local name reason
    while IFS='|' read -r name reason; do
        hostile image "$name" "$CTX/image.tar"
        run "$COOPER" load -i "$CTX/image.tar"
        echo "# $name: $output"
        [ "$status" = 1 ]
        [[ $output == *"$reason"* ]]
        no_escape
    done <<'END'
dotdot|leaves the root
dotdot-inside|leaves the root
whiteout-up|leaves the root
hardlink-up|leaves the root
pax-path|leaves the root
pax-linkpath|leaves the root
sparse-name|leaves the root
symlink-loop|too many symlinks
symlink-long|target of 6001 bytes
hardlink-self|not there
hardlink-ring|not there
hardlink-dir|hard link to the directory
hardlink-whiteout|not there
xattr-cooper|is reserved
xattr-name|name of 305 bytes
xattr-value|more than 65536 bytes
xattr-many|more than 256 extended attributes
whiteout-root|whiteout of no plain name
whiteout-dot|whiteout of no plain name
whiteout-dotdot|whiteout of no plain name
opaque-file|not a directory
device-zero|would be a whiteout
device-huge|beyond what Linux has
name-256|has a part
path-4096|bytes
path-deep|bytes
nothing|the root cannot be replaced
root-as-file|the root cannot be replaced
root-as-link|the root cannot be replaced
file-as-dir|not a directory
fifo-as-dir|not a directory
size-beyond|ends in the middle
size-negative|bytes
size-huge|bytes
size-garbage|bad size
size-pax|not a number
size-pax-negative|not a number
sparse-huge|beyond its end
sparse-overlap|out of order
ids|beyond 32 bits
times|not a time
truncated|ends in the middle
checksum|not a tar archive
not-tar|not a tar archive
END
    run -0 "$COOPER" du --verify
}

@test "archives that point outside stay inside, in every identity" {
    need python3
    local name kind
    for name in absolute dot slashes symlink-absolute symlink-up symlink-chain symlink-proc symlink-swap write-through \
        hardlink-absolute hardlink-symlink hardlink-to-symlink xattr-overlay xattr-metacopy xattr-acl whiteout-dir \
        whiteout-link opaque-link opaque-dir opaque-root whiteout-aufs fifo name-255 path-4095 name-control \
        name-backslash duplicates size-symlink pax-nul; do
        hostile image "$name" "$CTX/image.tar"
        chmod 644 "$CTX/image.tar"
        echo "# $name"
        "$COOPER" load -q -i "$CTX/image.tar"
        "$COOPER" unpack hostile:1 "$CTX/out"
        rm -rf "$CTX/out"
        no_escape
        [ "$(id -u)" = 0 ] || continue
        for kind in subids single; do as_user $kind "$COOPER" load -q -i "$CTX/image.tar"; done
        no_escape
    done
    run -0 "$COOPER" du --verify
    [ "$(id -u)" = 0 ] || return 0
    for kind in subids single; do run -0 as_user $kind "$COOPER" du --verify; done
}

@test "ADD of hostile archives" {
    need python3
    local name
    printf 'FROM busybox\nADD a.tar /srv/\n' | dockerfile
    local reason
    while IFS='|' read -r name reason; do
        hostile archive "$name" "$CTX/a.tar"
        run build
        echo "# $name: $output"
        [ "$status" = 1 ]
        [[ $output == *"Dockerfile:2"*"a.tar"*"$reason"* ]]
        no_escape
    done <<'END'
dotdot|leaves the root
dotdot-inside|leaves the root
pax-path|leaves the root
hardlink-up|leaves the root
symlink-loop|too many symlinks
xattr-cooper|is reserved
size-beyond|ends in the middle
END
    for name in absolute symlink-absolute symlink-swap duplicates; do
        hostile archive "$name" "$CTX/a.tar"
        run -0 build
        no_escape
    done
    run -0 "$COOPER" du --verify
}

@test "Dockerfiles that want to explode are stopped with their line" {
    need python3
    python3 -c 'print("FROM scratch\nENV a=xxxxxxxxxx"); [print("ENV a=$a$a") for _ in range(40)]' | dockerfile
    run -1 build timeout 300
    [[ $output == *"Dockerfile:23:"*"grows beyond"* ]]
    python3 -c 'print("FROM scratch"); [print("LABEL a%d=1" % i) for i in range(100000)]' | dockerfile
    run -1 build timeout 300
    [[ $output == *"more than 10000 instructions"* ]]
    python3 -c 'print("FROM scratch\nLABEL a=" + "x" * 70000)' | dockerfile
    run -1 build timeout 300
    [[ $output == *"Dockerfile:2:1: a line is longer than 65535 bytes"* ]]
    for i in $(seq 100); do : >"$CTX/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa$i"; done
    printf 'FROM scratch\nCOPY **********a**********b**********c Dockerfile /x/\n' | dockerfile
    run build timeout 300
    [ "$status" != 124 ]
    printf 'FROM scratch\nCOPY . /x/\n' | dockerfile
    python3 -c 'print("\n".join(["**/*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"] * 200 + ["!" + "**/" * 200 + "x"]))' >"$CTX/.dockerignore"
    run -0 build timeout 300
}

@test "sparse files: holes stay holes, a terabyte of them is refused at once" {
    truncate -s 1T "$CTX/huge"
    printf 'FROM scratch\nCOPY huge /\n' | dockerfile
    run -1 build timeout 300
    echo "$output"
    [[ $output == *"Dockerfile:2"*"'huge'"*"more than 64 GiB of holes"* ]]
    rm "$CTX/huge"
    printf 'FROM busybox\nRUN truncate -s 1024G /huge\n' | dockerfile
    run -1 build timeout 300
    echo "$output"
    [[ $output == *"Dockerfile:2"*"'huge'"*"more than 64 GiB of holes"* ]]
    truncate -s 64M "$CTX/large"
    printf 'FROM scratch AS a\nCOPY large /\nFROM scratch\nCOPY --from=a large /again\n' | dockerfile
    run -0 build timeout 300
    local file
    for file in "$COOPER_ROOT"/trees/*/fs/again; do
        [ "$(stat -c %s "$file")" = 67108864 ]
        [ "$(stat -c %b "$file")" -lt 1024 ]
    done
}

@test "a .dockerignore or a Dockerfile that is no file" {
    printf 'FROM scratch\nCOPY . /\n' | dockerfile
    mkfifo "$CTX/.dockerignore"
    run -1 build timeout 300
    [[ $output == *".dockerignore"*"not a regular file"* ]]
    rm "$CTX/.dockerignore"
    ln -s /dev/zero "$CTX/.dockerignore"
    run -1 build timeout 300
    [[ $output == *".dockerignore"*"not a regular file"* ]]
    rm "$CTX/.dockerignore" "$CTX/Dockerfile"
    ln -s /dev/zero "$CTX/Dockerfile"
    run -1 build timeout 300
    [[ $output == *"Dockerfile' is not a regular file"* ]]
    rm "$CTX/Dockerfile"
    mkfifo "$CTX/Dockerfile"
    run -1 build timeout 300
    [[ $output == *"Dockerfile' is not a regular file"* ]]
}

# image_of COMMANDS: a layout "odd" whose root file system those commands changed
image_of() {
    rm -rf "$CTX/root" "$CTX/odd"
    busybox_root "$CTX/root"
    (cd "$CTX/root" && eval "$1")
    oci_layout "$CTX/odd" latest "$CTX/root"
    rm -rf "$CTX/root"
}
build_odd() { timeout 300 "$COOPER" build --progress plain --build-context "busybox=oci-layout://$CTX/odd:latest" -t odd "$CTX"; }

@test "images with hostile /etc/passwd, /etc, /proc, /dev" {
    need_root
    printf '*\n!Dockerfile\n' >"$CTX/.dockerignore"
    printf 'FROM busybox\nUSER bin\nRUN id\n' | dockerfile
    local change
    for change in 'rm etc/passwd; mkfifo etc/passwd' 'rm etc/passwd; mknod etc/passwd c 1 5' \
        'rm etc/passwd; ln -s /proc/self/mem etc/passwd' 'rm etc/passwd; ln -s ../../../../../../etc/passwd etc/passwd' \
        'rm etc/passwd; head -c 20000000 /dev/zero | tr "\0" ":" >etc/passwd' 'rm etc/passwd; truncate -s 5G etc/passwd'; do
        image_of "$change"
        run build_odd
        echo "# $change: $output"
        [ "$status" = 1 ]
        [[ $output == *passwd* ]]
    done
    printf 'FROM busybox\nRUN id && ls /\n' | dockerfile
    for change in 'ln -s /tmp proc' 'echo f >proc' 'ln -s /proc/self/root dev'; do
        image_of "$change"
        run -1 build_odd
        [[ $output == *"of the image is not a directory"* ]]
    done
    for change in 'mv etc etc2; ln -s /etc2 etc' 'mv etc etc2; ln -s ../../../../../tmp etc' 'rm -r tmp; ln -s ../../../../tmp tmp' \
        'mkdir -p dev; ln -s /etc/passwd dev/null'; do
        image_of "$change"
        run -0 build_odd
    done
}

@test "what odd RUN steps leave is kept, verified and removed" {
    printf '%s\n' 'FROM busybox' \
        'RUN mkfifo /p; mkdir -m 0 /locked /locked2; touch /locked2/f; chmod 0 /locked2/f; mkdir -p /l/a/b; chmod 0 /l/a/b /l/a /l; touch /f000; chmod 0 /f000' \
        'RUN touch "$(printf "\377\376\n\033x")" $(yes n | head -n 255 | tr -d "\n") && touch /f && for i in 1 2 3; do ln /f /f$i; done' \
        'RUN touch /.wh.x && mkdir /d && touch /d/.wh..wh..opq && (sleep 100 &) && kill -9 -1; true' \
        'RUN test -e /.wh.x && test -e /l/a/b && rm -rf /l /locked' | dockerfile
    local kind
    for kind in root subids single; do
        [ "$kind" = root ] || [ "$(id -u)" = 0 ] || continue
        if [ $kind = root ]; then set --; else set -- as_user $kind; fi
        run build "$@"
        echo "# $kind: $output"
        [ "$status" = 0 ]
        run "$@" "$COOPER" du --verify
        echo "# $kind: $output"
        [ "$status" = 0 ]
        run -0 "$@" "$COOPER" rmi robust
        run -0 "$@" "$COOPER" prune --all
        if [ $kind = root ]; then [ -z "$(ls -A "$COOPER_ROOT/tmp")" ]; else [ -z "$(ls -A "$SUITE_DIR/user-$kind/.local/share/cooper/tmp")" ]; fi
    done
}

@test "du --verify finds what was changed behind the store's back" {
    printf 'FROM busybox\nRUN echo hello >/file\n' | dockerfile
    run -0 build
    local tree
    tree=$(dirname "$(dirname "$(ls "$COOPER_ROOT"/trees/*/fs/file)")")
    echo HELLO >"$tree/fs/file"
    run -3 "$COOPER" du --verify
    [[ $output == *"the content of 'file' is not as the index says"* ]]
    run -0 "$COOPER" prune --damaged
    [ ! -e "$tree" ]
    run -0 "$COOPER" du --verify
    run -0 build
}

@test "what an earlier build left is synced beside the work of a later one" {
    printf 'FROM busybox\nRUN true\n' | dockerfile
    run -0 build
    local tries before
    before=$(cat "$COOPER_ROOT/durable")
    for tries in $(seq 50); do # a build that ends first takes the sync along
        touch -d '1 hour ago' "$COOPER_ROOT/images"
        touch -d '2 hours ago' "$COOPER_ROOT/durable"
        run -0 build --no-cache
        [ "$(cat "$COOPER_ROOT/durable")" = "$before" ] || break
    done
    [ "$(cat "$COOPER_ROOT/durable")" != "$before" ]
    [ -z "$(find "$COOPER_ROOT/blobs/sha256" -type f -perm 0600)" ]
}

@test "after a restart what did not reach the disk is taken out, and said" {
    need_root
    local name tree
    printf 'FROM busybox\nRUN echo one >/file\n' | dockerfile
    run -0 build
    printf 'FROM busybox\nRUN echo two >/file\n' | dockerfile
    run -0 build
    tree=$(dirname "$(dirname "$(grep -l two "$COOPER_ROOT"/trees/*/fs/file)")")
    : >"$tree/fs/file" # as a file system leaves what it had not yet written
    cat /proc/sys/kernel/random/uuid >"$CTX/boot"
    restarted() { unshare -m --propagation private sh -c 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"' "$CTX/boot" "$@"; }
    run -0 restarted "$COOPER" run robust cat /file
    echo "$output"
    [[ $output == *"checking what may not have reached the disk"* ]]
    [[ $output == *"layer ${tree##*/}"*"'file'"* ]]
    [[ $output == *"image docker.io/library/robust:latest: layer"*"is missing"* ]]
    [ "${lines[-1]}" = one ] # the image before has the name again
    run -0 restarted "$COOPER" run robust cat /file
    [ "$output" = one ]
    run -0 restarted "$COOPER" du --verify
    run -0 "$COOPER" du --verify # and the store is of this boot again
}

@test "no user namespaces" {
    need_root
    printf 'FROM busybox\nRUN true\n' | dockerfile
    run unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh \
        env COOPER_ROOT="$CTX/store" "$COOPER" build --build-context "busybox=oci-layout://$SUITE_DIR/busybox:latest" "$CTX"
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"user namespace"* ]]
    [[ $output == *"hint:"* ]]
}

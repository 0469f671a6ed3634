load common
load images

setup_file() {
    suite_setup
    export LAYOUT=$SUITE_DIR/layout
    sample_layout "$LAYOUT"
    "$COOPER" load -q -i "$LAYOUT" >/dev/null
}
teardown_file() { suite_teardown; }
setup() { cd "$BATS_TEST_TMPDIR"; }

tail_layer() { # LAYOUT: the digest of its upper layer
    local manifest
    manifest=$(jq -r '.manifests[0].digest' "$1/index.json")
    jq -r '.layers[-1].digest' "$1/blobs/sha256/${manifest#*:}" | cut -d: -f2
}

@test "a layout is loaded and listed" {
    run cooper images
    [ "$status" -eq 0 ]
    [[ ${lines[0]} =~ ^REPOSITORY\ +TAG\ +IMAGE\ ID\ +CREATED\ +SIZE$ ]]
    [[ ${lines[1]} =~ ^example.com/app\ +1\ +[0-9a-f]{12}\  ]]
    [ "$(cooper images --format json | jq -r '.[0].ID')" = "sha256:$(sha256sum <"$LAYOUT.work/config" | cut -c1-64)" ]
    id=$(sha256sum <"$LAYOUT.work/config" | cut -c1-12)
    [ "$(cooper images --format '{{.Repository}}:{{.Tag}} {{.ID}} {{json .Tag}} {{.Nope}}')" = "example.com/app:1 $id \"1\" <no value>" ]
    [[ $(cooper images --no-trunc --format '{{.ID}} {{.Size}}') =~ ^sha256:"$id"[0-9a-f]{52}\ [0-9.]+[kMG]?B$ ]]
    run cooper images --format '{{range .}}'
    [ "$status" -eq 2 ]
}

@test "loading again does nothing but say so" {
    run cooper load -i "$LAYOUT"
    [ "$output" = "Loaded image: example.com/app:1" ]
}

@test "inspect speaks docker's words" {
    run cooper inspect -f '{{.Os}}/{{.Architecture}} {{json .Config.Env}} {{.Config.Cmd}} {{index .Config.Labels "a"}}' example.com/app:1
    [ "$output" = 'linux/amd64 ["PATH=/bin"] [sh] b' ]
    [ "$(cooper inspect example.com/app:1 | jq -r '.[0].RootFS.Layers | length')" = 2 ]
    run cooper inspect -f '{{range .}}' example.com/app:1
    [ "$status" -eq 2 ]
}

@test "history pairs steps with layers" {
    run cooper history --no-trunc example.com/app:1
    [ "${#lines[@]}" -eq 4 ]
    [[ ${lines[1]} =~ "ADD l2 " ]]
    [[ ${lines[2]} =~ "ENV PATH".*" 0B" ]]
    [ "$(cooper history --format json example.com/app:1 | jq '.[2].Size > 100000')" = true ]
}

@test "an image is found by id, and its beginning" {
    id=$(cooper images -q --no-trunc)
    [ "$(cooper inspect -f '{{.Id}}' "$id")" = "$id" ]
    [ "$(cooper inspect -f '{{.Id}}' "${id:7:12}")" = "$id" ]
    run cooper inspect 0000000000
    [ "$status" -eq 1 ]
    [[ $output =~ "there is no image" ]]
}

@test "names come and go; the image goes with its last" {
    cooper tag example.com/app:1 other
    [ "$(cooper inspect -f '{{.RepoTags}}' other)" = '[other:latest example.com/app:1]' ] ||
        [ "$(cooper inspect -f '{{.RepoTags}}' other)" = '[example.com/app:1 other:latest]' ]
    run cooper rmi "$(cooper images -q --no-trunc | head -1)"
    [ "$status" -eq 1 ]
    [[ $output =~ "has 2 names" ]]
    cooper tag example.com/app:1 third
    run -1 cooper rmi nosuch third nobody # one that is not there keeps no other
    [[ $output == *"no image 'nosuch'"* && $output == *"Untagged: third:latest"* && $output == *"no image 'nobody'"* ]]
    run cooper rmi other
    [ "$output" = "Untagged: other:latest" ]
    run cooper rmi other
    [ "$status" -eq 1 ]
    run cooper rmi -f other
    [ "$status" -eq 0 ]
    run cooper tag example.com/app:1 Bad_Name
    [ "$status" -eq 2 ]
}

@test "export keeps the manifest that came, and every output holds the same image" {
    cooper export example.com/app:1 -o type=oci,dest=oci -o type=oci-archive,dest=oci.tar \
        -o type=docker-archive,dest=docker.tar -o type=oci,dest=zstd,compression=zstd,force-compression=true
    cmp "$LAYOUT.work/manifest" "oci/blobs/sha256/$(sha256sum <"$LAYOUT.work/manifest" | cut -c1-64)"
    for it in oci oci.tar docker.tar zstd; do
        image_diff "$LAYOUT" "$it" --mtime
    done
    jq -e '.layers | all(.mediaType | endswith("+zstd"))' "zstd/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' zstd/index.json)"
}

@test "export twice is the same bytes, and a layout keeps what it has" {
    cooper export example.com/app:1 -o type=docker-archive,dest=a.tar
    cooper export example.com/app:1 >b.tar
    cmp a.tar b.tar
    cooper tag example.com/app:1 second:2
    cooper export example.com/app:1 -o type=oci,dest=both
    cooper export second:2 -o type=oci,dest=both
    cooper export second:2 -o type=oci,dest=both
    [ "$(jq -c '[.manifests[].annotations["org.opencontainers.image.ref.name"]]' both/index.json)" = '["1","2"]' ]
    cooper rmi second:2
}

@test "unpack and tar apply whiteouts and keep links" {
    cooper unpack example.com/app:1 files
    [ ! -e files/etc/gone ]
    [ files/bin/hard -ef files/bin/busybox ]
    [ "$(stat -c %a files/bin/busybox)" = 4755 ]
    [ "$(cat files/new/f)" = new ]
    run cooper unpack example.com/app:1 files
    [ "$status" -eq 1 ]
    [[ $output =~ "not empty" ]]
    cooper export example.com/app:1 -o - | tar -tf - >list
    grep -qx bin/hard list
    ! grep -q gone list || false
    cooper export example.com/app:1 -o type=local,dest=files
    echo changed >files/etc/hello
    cooper export example.com/app:1 -o type=local,dest=files
    [ "$(cat files/etc/hello)" = hello ]
}

@test "unpack of a layout: the store gets nothing, and what is damaged leaves nothing" {
    one=$SUITE_DIR/one
    cooper unpack example.com/app:1 files
    cooper --root "$one" unpack "oci:$LAYOUT" direct
    diff -r --no-dereference files direct
    list() { (cd "$1" && find . -mindepth 1 -printf '%p %m %U %G %T@ %n %l\n' | sort); }
    diff <(list files) <(list direct)
    [ -z "$(find "$one/blobs" "$one/trees" -mindepth 2)" ]
    run -1 cooper --root "$one" unpack "oci:$LAYOUT" direct
    [[ $output =~ "not empty" ]]
    [[ $output != *interrupted* ]]
    mkdir -p killed/.cooper-0123456789abcdef/etc
    run -1 cooper --root "$one" unpack "oci:$LAYOUT" killed
    [[ $output == *"'.cooper-0123456789abcdef' is left of an interrupted unpack: delete it"* ]]
    # the last layer: what lies below it was good
    cp -r "$LAYOUT" bad
    blob=bad/blobs/sha256/$(tail_layer bad)
    size=$(stat -c %s "$blob")
    for at in 4 $((size / 2)) $((size - 6)); do # a time in gzip's head, its data, its checksum
        cp "$LAYOUT/${blob#bad/}" "$blob"
        printf '\x5a\xa5' | dd of="$blob" bs=1 seek=$at conv=notrunc status=none
        run -1 cooper --root "$one" unpack oci:bad new/out
        [[ $output =~ (damaged|"digest of the layer") ]]
        [ ! -e new ]
        mkdir out
        run -1 cooper --root "$one" unpack oci:bad out
        [ -z "$(ls -A out)" ]
        rmdir out
    done
}

# one_layer DIR TAR: a layout, tag 1, of the archive
one_layer() {
    mkdir -p "$1/blobs/sha256"
    gzip -nk "$2"
    local layer config manifest
    layer=$(put_blob "$1" "$2.gz")
    printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$(sha256sum <"$2" | cut -c1-64)" >config
    config=$(put_blob "$1" config)
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:%s","size":%s}]}' \
        "$config" "$(size_of config)" "$layer" "$(size_of "$2.gz")" >manifest
    manifest=$(put_blob "$1" manifest)
    printf '{"imageLayoutVersion":"1.0.0"}' >"$1/oci-layout"
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"1"}}]}' \
        "$manifest" "$(size_of manifest)" >"$1/index.json"
}

@test "unpack: the directory is the image's root; attributes are the layer's; only root makes devices" {
    need setfattr
    mkdir -p root/dev && echo x >root/file
    setfattr -n user.overlay.opaque -v y root/file 2>/dev/null || skip "no user attributes here"
    setfattr -n user.key -v value root
    chmod 0751 root && touch -d @1000000 root
    # a device needs no root in an archive: type 3, 1:3, and a second name of it
    tar --xattrs --sort=name --owner=33 --group=44 --numeric-owner -C root -cf some.tar .
    python3 -c 'import sys, tarfile
with tarfile.open("some.tar", "a", format=tarfile.USTAR_FORMAT) as t:
    for name, kind in ("dev/null", tarfile.CHRTYPE), ("dev/zero", tarfile.LNKTYPE):
        i = tarfile.TarInfo(name); i.type = kind; i.devmajor, i.devminor = 1, 3; i.linkname = "dev/null" if kind == tarfile.LNKTYPE else ""
        t.addfile(i)'
    one_layer lay some.tar
    look() { stat -c '%a %Y' "$1" && getfattr --absolute-names --only-values -n user.key "$1" && getfattr --absolute-names --only-values -n user.overlay.opaque "$1/file"; }
    cooper pull -q oci:lay:1 >id
    mkdir -m 0700 old
    cooper unpack oci:lay:1 new
    cooper --root "$SUITE_DIR/two" unpack oci:lay:1 old
    cooper unpack "$(cat id)" stored
    for it in new old stored; do
        [ "$(look $it)" = $'751 1000000\nvaluey' ]
        [ "$(id -u)" != 0 ] || { [ "$(stat -c %u:%g $it)" = 33:44 ] && [ -c $it/dev/null ] && [ $it/dev/zero -ef $it/dev/null ]; }
    done
    [ "$(id -u)" = 0 ] || return 0
    mkdir bare
    unshare -m sh -c 'mount -t ramfs none bare && "$COOPER" --root "$SUITE_DIR/two" unpack oci:lay:1 bare/x' 2>bare.log
    grep -q 'warning: 1 extended attributes could not be set' bare.log
    cooper unpack "store:$(cut -c8- id)" named && [ -e named/file ]
    run -2 cooper unpack docker://example.com/app:1 not
    [[ $output == *"cooper pull it first"* ]]
    for kind in subids single; do
        rm -rf "$SUITE_DIR/lay" && cp -r lay "$SUITE_DIR/lay"
        as_user $kind "$COOPER" unpack "oci:$SUITE_DIR/lay:1" "$SUITE_DIR/user-$kind/direct" 2>direct
        as_user $kind "$COOPER" pull -q "oci:$SUITE_DIR/lay:1" >id
        as_user $kind "$COOPER" unpack "$(cat id)" "$SUITE_DIR/user-$kind/stored" 2>stored.log
        for log in direct stored.log; do
            [ "$(grep -c 'warning: 2 device files are left out: only root makes them' $log)" = 1 ]
        done
        for it in direct stored; do
            [ "$(look "$SUITE_DIR/user-$kind/$it")" = $'751 1000000\nvaluey' ]
            [ "$(stat -c %u "$SUITE_DIR/user-$kind/$it")" = 54321 ] && [ -z "$(ls -A "$SUITE_DIR/user-$kind/$it/dev")" ]
        done
    done
}

@test "unpack that is interrupted leaves nothing" {
    python3 -c 'import sys, tarfile
head = bytearray(tarfile.TarInfo("d/000000").tobuf(tarfile.USTAR_FORMAT))
zero = int(bytes(head[148:154]), 8) - 6 * ord("0")
for i in range(50000): # files, so that there is time to interrupt
    head[2:8] = b"%06d" % i
    head[148:154] = b"%06o" % (zero + sum(head[2:8]))
    sys.stdout.buffer.write(head)
sys.stdout.buffer.write(bytes(1024))' >many.tar
    one_layer lay many.tar
    cooper pull -q oci:lay:1 >id
    begun_or_ended() { [ -n "$(ls -A "$1" 2>/dev/null)" ] || ended "$2"; }
    # until_hit SIGNAL DIR CMD...: one that is done before the signal comes says nothing, and is begun anew
    until_hit() {
        local signal=$1 dir=$2 code=0 pid; shift 2
        while [ $code = 0 ]; do
            rm -rf "${dir%%/*}"
            [ "$signal" = INT ] || mkdir "$dir"
            "$@" 2>log 3>&- &
            pid=$!
            wait_until begun_or_ended "$dir" $pid
            kill -"$signal" $pid 2>/dev/null || true
            wait $pid || code=$?
        done
        [ $code = 1 ]
        grep -q "unpack to '$dir': interrupted by SIG$signal" log
    }
    until_hit INT new/direct env --default-signal=INT "$COOPER" --root "$SUITE_DIR/empty" unpack oci:lay:1 new/direct
    [ ! -e new ]
    until_hit TERM old "$COOPER" unpack "$(cat id)" old
    [ -z "$(ls -A old)" ]
}

@test "umoci unpacks what is exported to the same files" {
    need umoci
    need_root
    cooper export example.com/app:1 -o type=oci,dest=oci
    umoci unpack --image oci:1 umoci >/dev/null 2>&1
    cooper unpack example.com/app:1 ours
    diff -r --no-dereference ours umoci/rootfs
}

@test "skopeo reads what is exported, cooper what skopeo writes" {
    need skopeo
    cooper export example.com/app:1 -o type=oci,dest=oci -o type=oci-archive,dest=oci.tar -o type=docker-archive,dest=docker.tar
    cooper unpack example.com/app:1 files
    cooper images -q --no-trunc >before
    for it in oci:oci:1 oci-archive:oci.tar:1 docker-archive:docker.tar; do
        rm -rf direct
        cooper unpack "$it" direct # into no image of the store
        diff -r --no-dereference files direct
        cooper images -q --no-trunc | diff before -
        skopeo inspect "$it" | jq -e '.Architecture == "amd64" and .Labels.a == "b"'
        rm -rf copy back
        skopeo copy -q "$it" oci:copy:x
        image_diff "$LAYOUT" copy --mtime
        skopeo copy -q "$it" "docker-archive:back.tar:example.com/app:1"
        cooper --root "$SUITE_DIR/skopeo" load -q -i back.tar
        rm -rf again back.tar
        cooper --root "$SUITE_DIR/skopeo" export example.com/app:1 -o type=oci,dest=again
        image_diff "$LAYOUT" again --mtime
    done
}

@test "docker loads and saves the same image" {
    need_docker
    dir=$(peer_dir)
    inside=${dir#"$PEERS"}
    cooper export example.com/app:1 -o type=docker-archive,dest="$dir/in.tar"
    peer docker load -q -i "$inside/in.tar"
    peer docker save -o "$inside/out.tar" example.com/app:1
    peer docker rmi example.com/app:1 >/dev/null
    image_diff "$LAYOUT" "$dir/out.tar" --mtime
    cooper --root "$SUITE_DIR/docker" load -i "$dir/out.tar"
    cooper --root "$SUITE_DIR/docker" export example.com/app:1 -o type=oci,dest=again
    image_diff "$LAYOUT" again --mtime
    rm -rf "$dir"
}

@test "podman loads and saves the same image, both kinds" {
    need_podman
    dir=$(peer_dir)
    inside=${dir#"$PEERS"}
    cooper export example.com/app:1 -o type=docker-archive,dest="$dir/in.tar" -o type=oci-archive,dest="$dir/in-oci.tar"
    peer enter sh -c "podman load -q -i $inside/in.tar && podman save -q -o $inside/out.tar example.com/app:1 &&
        podman save -q --format oci-archive -o $inside/out-oci.tar example.com/app:1 && podman rmi -f example.com/app:1 &&
        podman load -q -i $inside/in-oci.tar" || skip "podman does not run here"
    for it in out.tar out-oci.tar; do
        cooper --root "$SUITE_DIR/podman-$it" load -i "$dir/$it"
        rm -rf again
        cooper --root "$SUITE_DIR/podman-$it" export example.com/app:1 -o type=oci,dest=again
        image_diff "$LAYOUT" again --mtime
    done
    rm -rf "$dir"
}

# Forms other than gzip, read by the others: landmark and table of estargz are files to them.
FORMS="zstd zstd:chunked estargz uncompressed"

@test "skopeo and umoci read every compression" {
    need skopeo
    for it in $FORMS; do
        rm -rf out copy
        cooper export example.com/app:1 -o "type=oci,dest=out,compression=$it,compression-level=max,force-compression=true" 2>/dev/null ||
            cooper export example.com/app:1 -o "type=oci,dest=out,compression=$it,force-compression=true"
        skopeo inspect oci:out:1 | jq -e '.Layers | length == 2'
        skopeo copy -q oci:out:1 dir:copy
        image_diff "$LAYOUT" out --mtime --ignore /stargz.index.json --ignore /.no.prefetch.landmark
        [ "$it" != estargz ] || python3 "$SOURCE_ROOT/tests/cli/estargz.py" out
        # umoci knows no zstd
        [[ $it = zstd* ]] || [ "$(id -u)" != 0 ] || ! command -v umoci >/dev/null || umoci unpack --image out:1 "umoci.$it" >/dev/null 2>&1
    done
}

@test "docker loads every compression" {
    need_docker
    dir=$(peer_dir)
    inside=${dir#"$PEERS"}
    for it in $FORMS; do
        cooper export example.com/app:1 -o "type=docker,dest=$dir/in.tar,compression=$it,force-compression=true"
        peer docker load -q -i "$inside/in.tar"
        peer docker save -o "$inside/out.tar" example.com/app:1
        peer docker rmi example.com/app:1 >/dev/null
        image_diff "$LAYOUT" "$dir/out.tar" --mtime --ignore /stargz.index.json --ignore /.no.prefetch.landmark
    done
    rm -rf "$dir"
}

@test "podman loads every compression" {
    need_podman
    dir=$(peer_dir)
    inside=${dir#"$PEERS"}
    for it in $FORMS; do
        cooper export example.com/app:1 -o "type=oci-archive,dest=$dir/in.tar,compression=$it,force-compression=true"
        peer enter sh -c "podman load -q -i $inside/in.tar && rm -f $inside/out.tar && podman save -q -o $inside/out.tar example.com/app:1 &&
            podman rmi -f example.com/app:1" || skip "podman does not run here"
        image_diff "$LAYOUT" "$dir/out.tar" --mtime --ignore /stargz.index.json --ignore /.no.prefetch.landmark
    done
    rm -rf "$dir"
}

@test "archives come through pipes and compressed" {
    cooper export example.com/app:1 >a.tar
    cat a.tar | cooper --root "$SUITE_DIR/pipe" load
    gzip -c a.tar | cooper --root "$SUITE_DIR/gzip" load
    zstd -qc a.tar | cooper --root "$SUITE_DIR/zstd" load
    for store in pipe gzip zstd; do
        [ "$(cooper --root "$SUITE_DIR/$store" images -q)" = "$(cooper images -q | head -1)" ]
    done
}

@test "diff shows files and settings, exit status 3" {
    cp -r "$LAYOUT.work" work
    run cooper diff example.com/app:1 example.com/app:1
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    mkdir -p lay/blobs/sha256
    printf '{"architecture":"amd64","config":{"Env":["PATH=/sbin"]},"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$(sha256sum <work/l1.tar | cut -c1-64)" >config
    printf '[{"Config":"config","RepoTags":["one:1"],"Layers":["l1.tar"]}]' >manifest.json
    tar -cf one.tar config manifest.json -C work l1.tar
    cooper load -q -i one.tar
    run cooper diff one:1 example.com/app:1
    [ "$status" -eq 3 ]
    [[ $output =~ only-a$'\t'/etc/gone ]]
    [[ $output =~ only-b$'\t'/new/f ]]
    [[ $output =~ config$'\t'Env$'\t'.*/sbin.*/bin ]]
    [ "$(cooper diff --format json one:1 example.com/app:1 | jq -r '.[] | select(.Path == "Cmd") | .B')" = '["sh"]' ]
    cooper rmi one:1
}

# An ordinary user: owners and modes of the layers are those of the archives, whatever the disk can hold.
through_user() {
    need_root
    chmod -R a+rX "$LAYOUT"
    as_user "$1" sh -c 'set -e
        export COOPER_ROOT=$HOME/images.store
        cd "$HOME"
        "$COOPER" --progress none load -i "$LAYOUT"
        "$COOPER" --progress none export example.com/app:1 -o type=oci,dest=packed,compression=zstd,force-compression=true \
            -o type=tar,dest=files.tar -o type=local,dest=files'
    image_diff "$LAYOUT" "$USER_HOME/packed" --mtime
    tar --numeric-owner -tvf "$USER_HOME/files.tar" | grep -q 'rwsr-xr-x 5/7 .* bin/busybox'
    [ "$(stat -c %u "$USER_HOME/files/bin/busybox")" = 54321 ]
}

@test "an ordinary user with subordinate ids keeps owners" { through_user subids; }

@test "an ordinary user with one id keeps owners" { through_user single; }

@test "an output that cannot be meant is refused with a suggestion" {
    run cooper export example.com/app:1 -o type=oc,dest=x
    [ "$status" -eq 2 ]
    [[ $output =~ "did you mean 'type=oci'" ]]
    run cooper export example.com/app:1 -o type=oci,des=x
    [[ $output =~ "did you mean 'dest'" ]]
    run cooper export example.com/app:1 -o type=local
    [ "$status" -eq 2 ]
    [[ $output =~ "dest=DIR" ]]
    run -2 cooper export example.com/app:1 -o "$BATS_TEST_TMPDIR/app.tar"
    [[ $output =~ "would make a directory of that name" && $output =~ "type=docker-archive,dest=$BATS_TEST_TMPDIR/app.tar" ]]
    [ ! -e "$BATS_TEST_TMPDIR/app.tar" ]
    [ ! -e x ]
}

# A load that must fail with these words, in a store where nothing may stay.
refuse() {
    run cooper --root "$BATS_TEST_TMPDIR/store" load -i "$1"
    [ "$status" -eq 1 ] || { echo "status $status: $output"; return 1; }
    [[ $output =~ $2 ]] || { echo "said: $output"; return 1; }
    [ "$(grep -c '^cooper: ' <<<"$output")" -eq 1 ]
    [ -z "$(ls "$BATS_TEST_TMPDIR/store/images" "$BATS_TEST_TMPDIR/store/tmp" | grep -v :)" ]
}

@test "a truncated layer" {
    cp -r "$LAYOUT" bad
    truncate -s -100 "$(biggest_blob bad)"
    refuse bad "has [0-9]+ bytes, not [0-9]+ as its descriptor says"
}

@test "a flipped bit in a layer, a config, a manifest" {
    for file in "$(biggest_blob "$LAYOUT")" "$LAYOUT/blobs/sha256/$(sha256sum <"$LAYOUT.work/config" | cut -c1-64)" \
        "$LAYOUT/blobs/sha256/$(sha256sum <"$LAYOUT.work/manifest" | cut -c1-64)"; do
        rm -rf bad
        cp -r "$LAYOUT" bad
        flip "bad/${file#"$LAYOUT"/}" 200
        # the archive may be refused before its end, where the digest is known
        refuse bad "damaged|not match|malformed|digest|not a tar archive|wrong checksum"
    done
}

@test "a diff id that lies" {
    mkdir d
    sed 's/"diff_ids":\["sha256:..../"diff_ids":["sha256:0000/' "$LAYOUT.work/config" >d/config
    printf '[{"Config":"config","RepoTags":["x:1"],"Layers":["l1.tar","l2.tar"]}]' >d/manifest.json
    cp "$LAYOUT.work"/l[12].tar d/
    tar -C d -cf bad.tar .
    refuse bad.tar "sha256:"
}

@test "manifest.json that names files of the host" {
    mkdir d
    cp "$LAYOUT.work/config" d/
    for name in ../../etc/passwd /etc/passwd link; do
        ln -sfn ../../../../etc/passwd d/link
        printf '[{"Config":"config","Layers":["%s","%s"]}]' "$name" "$name" >d/manifest.json
        tar -C d -cf bad.tar .
        refuse bad.tar "is not in the archive"
    done
}

@test "JSON bombs" {
    mkdir d
    head -c 4000000 /dev/zero | tr '\0' '[' >d/manifest.json
    tar -C d -cf bad.tar .
    refuse bad.tar "not valid JSON"
    printf '[{"Config":"c","Config":"d"}]' >d/manifest.json
    tar -C d -cf bad.tar .
    refuse bad.tar "duplicate"
    { printf '[{"Config":"c","Layers":["x"'; for i in {1..5000}; do printf ',"x"'; done; printf ']}]'; } >d/manifest.json
    cp "$LAYOUT.work/config" d/c
    tar -C d -cf bad.tar .
    refuse bad.tar "5001 layers are more than"
}

@test "an archive that ends too early, and one that is none" {
    cooper export example.com/app:1 >a.tar
    head -c 100000 a.tar >bad.tar
    refuse bad.tar "cut short"
    head -c 100000 /dev/urandom >bad.tar
    refuse bad.tar "damaged header"
    tar -cf bad.tar a.tar
    refuse bad.tar "neither 'manifest.json' nor 'index.json'"
}

@test "an image of a thousand layers" {
    mkdir d
    echo x >d/x
    tar -C d -cf l.tar x
    diff=$(sha256sum <l.tar | cut -c1-64)
    ids=$(for i in {1..1000}; do printf '"sha256:%s",' "$diff"; done)
    names=$(for i in {1..1000}; do printf '"l.tar",'; done)
    printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[%s]}}' "${ids%,}" >config
    printf '[{"Config":"config","RepoTags":["many:1"],"Layers":[%s]}]' "${names%,}" >manifest.json
    tar -cf many.tar config manifest.json l.tar
    cooper load -q -i many.tar
    cooper export many:1 -o type=tar,dest=- | tar -tf - >list
    [ "$(cat list)" = x ]
    cooper rmi many:1
}

@test "an archive is the same bytes whether its layers are packed on the way, known, or go through a pipe" {
    cp -r "$LAYOUT.work" work
    for it in oci-archive docker-archive; do
        rm -rf store && cooper --root store load -q -i "$LAYOUT" -t x
        for n in 1 2; do
            cooper --root store export x -o "type=$it,dest=$n.tar,compression=zstd,force-compression=true"
        done
        cmp 1.tar 2.tar
        rm -rf store && cooper --root store load -q -i "$LAYOUT" -t x
        cooper --root store export x -o "type=$it,dest=-,compression=zstd,force-compression=true" | cmp - 1.tar
        # a directory, too, has each blob once and nothing unfinished
        rm -rf store dir && cooper --root store load -q -i "$LAYOUT" -t x
        cooper --root store export x -o "type=oci,dest=dir,compression=zstd,force-compression=true"
        [ "$(find dir/blobs -type f | wc -l)" -eq "$(tar -tf 1.tar | grep -c '^blobs/sha256/.')" ]
        (cd dir/blobs/sha256 && sha256sum * | awk '$1 != $2 {exit 1}')
    done
}

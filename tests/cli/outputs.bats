# What a build puts out: forms, places, layers, codecs.
load common
load images
load builds

# manifest LAYOUT: the first manifest of a layout directory
manifest() { cat "$1/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$1/index.json")"; }

@test "outputs: every type, ids, metadata" {
    echo x >"$CTX/x"
    printf 'FROM scratch\nCOPY x /\n' | dockerfile
    run -0 build -t out:1 --output "type=oci,dest=$CTX.oci" --output "type=docker-archive,dest=$CTX.docker.tar" \
        --output "type=tar,dest=$CTX.tar" --output "type=local,dest=$CTX.local" --output "type=oci-archive,dest=$CTX.oci.tar" \
        --iidfile "$CTX.iid" --metadata-file "$CTX.json"
    [ -f "$CTX.oci/index.json" ] && [ -f "$CTX.local/x" ]
    tar -tf "$CTX.tar" | grep -qx x
    tar -tf "$CTX.docker.tar" | grep -qx manifest.json
    grep -q '"containerimage.config.digest": "sha256:' "$CTX.json"
    [[ $(cat "$CTX.iid") == sha256:* ]]
    run -0 --separate-stderr cooper build -q -t out:1 "$CTX"
    [ "$output" = "$(cat "$CTX.iid")" ]
}

@test "outputs: the words of buildx, several at once as one by one" {
    small_image
    cd "$SUITE_DIR"
    run -0 build -t words:1 --output "type=oci,dest=$CTX.a.tar" --output "type=oci,dest=$CTX.b,tar=false,compression=zstd" \
        --output "type=docker,dest=$CTX.c.tar" --output "type=docker,dest=$CTX.d,tar=false" --output type=docker \
        --output "type=image,name=words:2" --output "type=cacheonly" --output "type=oci,name=other:3,dest=$CTX.e"
    cooper inspect words:1 && cooper inspect words:2
    tar -tf "$CTX.a.tar" | grep -qx index.json
    [ -f "$CTX.b/index.json" ] && [ -f "$CTX.d/manifest.json" ] && [ -f "$CTX.d/index.json" ]
    manifest "$CTX.b" | jq -e '.layers[0].mediaType | endswith("+zstd")'
    [ "$(jq -c '[.manifests[].annotations["org.opencontainers.image.ref.name"]]' "$CTX.e/index.json")" = '["1","3"]' ]
    # on its own each is the same bytes
    build -q -t words:1 --output "type=oci,dest=$CTX.a2.tar" && cmp "$CTX.a.tar" "$CTX.a2.tar"
    build -q -t words:1 --output "type=oci,dest=$CTX.e2,name=other:3" && diff -r "$CTX.e" "$CTX.e2"
    build -q -t words:1 --output "type=docker,dest=$CTX.c2.tar" && cmp "$CTX.c.tar" "$CTX.c2.tar"
    # --load is the store beside another output
    run -1 cooper inspect loaded
    run -0 build -t loaded --load --output "type=oci,dest=$CTX.g"
    cooper inspect loaded
    # a file that is there stays one
    : >"$CTX.f"
    build -t words:1 --output "type=oci,dest=$CTX.f"
    tar -tf "$CTX.f" | grep -qx oci-layout
}

@test "outputs: standard output is for one, what is not meant is refused before any work" {
    small_image
    while read -r words; do
        IFS='|' read -r options want <<<"$words"
        # shellcheck disable=SC2086
        run build $options
        [ "$status" -eq 2 ] || { echo "$options: $status $output"; return 1; }
        [[ $output == *"$want"* ]] || { echo "$options: $output"; return 1; }
    done <<'E'
-o - -o type=oci,dest=-|another one is on standard output
-o type=tar -o type=oci|another one is on standard output
-o type=oci,tar=false|needs a dest
-o type=local|needs a dest
--build-arg =x|has no name
--sbom|--sbom cannot be had
--sbom=generator=x|--sbom cannot be had
--attest type=sbom|type=sbom cannot be had
--attest mode=max|begins with type=provenance
--attest type=provenance,mode=full|no 'mode=full'
--provenance mode=max,builder-id=x|no 'builder-id=x'
--secret token|not key=value
--secret src=x|has no id
--build-context x|not NAME=WHAT
--build-context x::a/b/c/d=.|malformed
-o type=image,name=a,push=maybe|true or false
-o type=oci,dest=x,compression=lzma|choose one of gzip
-o type=local,dest=x,compression-level=99|compression-level
--annotation nothing|KEY=VALUE
--annotation indx:a=b|did you mean 'index'
E
    # what cannot end well
    touch "$CTX.file"
    while read -r words; do
        IFS='|' read -r options want <<<"$words"
        # shellcheck disable=SC2086
        run -1 build $options
        [[ $output == *"$want"* && $output != *"#1"* ]] || { echo "$options: $output"; return 1; }
    done <<E
-o type=docker,dest=$CTX|'$CTX' is a directory
-o type=oci,dest=$CTX/none/x.tar|there is no directory '$CTX/none/'
-o $CTX.file|'$CTX.file' is a file
-o type=oci,tar=false,dest=$CTX.file|'$CTX.file' is a file
--push|no name to be pushed under
-o type=image,push=true|no name to be pushed under
-o type=image,name=a:1,push-by-digest=true,push=true|a name with a tag is not pushed by digest
--platform linux/amd64,linux/arm64 -o type=docker,dest=x|images of one platform
--annotation index:a=b|no index
E
    [ ! -e "$COOPER_ROOT/trees" ] || [ -z "$(ls "$COOPER_ROOT/trees")" ]
    run -0 --separate-stderr build --quiet -o - -o "type=local,dest=$CTX.l"
    [ -f "$CTX.l/x" ]
    # as in buildx, a file without dest
    [ "$(build --quiet -o type=tar | tar -tf -)" = x ]
    build --quiet -o type=oci | tar -tf - | grep -qx index.json
    build --quiet -o type=docker-archive | tar -tf - | grep -qx manifest.json
}

@test "outputs: annotations of the manifest and of what names it" {
    small_image
    run -0 build -t notes --annotation all=1 --annotation manifest-descriptor:on=descriptor \
        --output "type=oci,dest=$CTX.a,annotation.own=2,annotation-manifest[linux/mips].not=here" --output type=image
    [ "$(manifest "$CTX.a" | jq -cS .annotations)" = '{"all":"1","own":"2"}' ]
    jq -e '.manifests[0].annotations.on == "descriptor"' "$CTX.a/index.json"
    # the store keeps them for a later export
    cooper export notes -o "type=oci,dest=$CTX.b"
    [ "$(manifest "$CTX.b" | jq -cS .annotations)" = '{"all":"1"}' ]
    run -1 build --annotation index:a=b
    [[ $output == *"no index"* ]]
}

@test "outputs: mode=delete leaves what the image has, below this directory only" {
    small_image
    mkdir -p "$CTX.cwd/out/old/deep" "$CTX.cwd/out/x"
    touch "$CTX.cwd/out/old/deep/f" "$CTX.cwd/out/f" "$CTX.cwd/out/x/f"
    cd "$CTX.cwd"
    run -1 build -o type=local,dest=out
    [[ $output == *"'x' is a directory"* && -f out/f ]]
    rm -r out/x
    run -0 build -o type=local,dest=out
    [ -f out/f ] && [ "$(cat out/x)" = x ]
    run -0 build -o type=local,dest=out,mode=delete
    [ "$(find out -mindepth 1)" = out/x ]
    mkdir -p out/x.d && cd out/x.d
    run -1 build -o type=local,dest=..,mode=delete
    [[ $output == *"below this one"* ]]
    run -1 build -o type=local,dest=.,mode=delete
    [ -f ../x ]
}

# The layers do to each other all that layers can; the base has what they remove and replace.
layered() {
    mkdir -p "$CTX/d/sub" && echo 1 >"$CTX/d/a" && echo 2 >"$CTX/d/sub/b"
    dockerfile <<'E'
FROM busybox AS base
RUN mkdir -p /gone /kept /to-file /opaque/old && echo 1 >/gone/f && echo 1 >/kept/f && echo 1 >/kept/g && echo 1 >/to-dir && ln -s kept /link
FROM base AS all
COPY d /d
RUN rm -r /gone /to-dir /to-file /d/sub && mkdir /to-dir && echo new >/to-file && echo x >/to-dir/x && rm -r /opaque && mkdir /opaque && echo 2 >/opaque/new
RUN echo 1 >/tmp/big && ln /tmp/big /tmp/hard && chown 7:8 /d/a && chmod 4711 /d/a
RUN rm /tmp/big /kept/f && mkfifo /pipe && mkdir /gone && ln /kept/g /kept/h && rm /link && mkdir /link
LABEL a=b
E
}

@test "squash: one layer is what several were, for new ones and for all" {
    layered
    run -0 build -t plain -o "type=oci,dest=$CTX.plain"
    for how in "--squash 1" "--squash=new 1" "--squash=all 0"; do
        rm -rf "$CTX.squashed"
        # shellcheck disable=SC2086
        run -0 build ${how% *} -t squashed -o "type=oci,dest=$CTX.squashed" -o type=image
        image_diff "$CTX.plain" "$CTX.squashed" --mtime
        manifest "$CTX.squashed" >"$CTX.m"
        [ "$(jq '.layers | length' "$CTX.m")" -eq $((1 + ${how#* })) ]
        [ "${how#* }" -eq 0 ] || [ "$(jq '.layers[0].digest' "$CTX.m")" = "$(manifest "$CTX.plain" | jq '.layers[0].digest')" ]
        jq -e --argjson n $((1 + ${how#* })) '([.history[] | select(.empty_layer | not)] | length) == $n and (.rootfs.diff_ids | length) == $n' \
            "$CTX.squashed/blobs/sha256/$(jq -r '.config.digest[7:]' "$CTX.m")"
        # nothing of what came and went in between
        layer=$(jq -r '.layers[-1].digest[7:]' "$CTX.m")
        tar -tzf "$CTX.squashed/blobs/sha256/$layer" >"$CTX.list"
        ! grep -E 'big|sub|wh\.d$' "$CTX.list"
    done
    cooper du --verify
    run -2 cooper build --squash=some "$CTX"
    [[ $output == *"new"*"all"* ]]
}

@test "squash: a single layer stays what it is, and whiteouts of nothing go" {
    small_image
    run -0 build -t one -o "type=oci,dest=$CTX.a"
    run -0 build -t one --squash=all -o "type=oci,dest=$CTX.b"
    diff -r "$CTX.a" "$CTX.b"
    printf 'FROM scratch\nCOPY x /a/b\nCOPY x /a/c\n' | dockerfile
    run -0 build -t two --squash -o "type=oci,dest=$CTX.c"
    [ "$(tar -tzf "$CTX.c/blobs/sha256/$(manifest "$CTX.c" | jq -r '.layers[0].digest[7:]')" | tr '\n' ' ')" = "a/ a/b a/c " ]
    [ "$(manifest "$CTX.c" | jq '.layers | length')" -eq 1 ]
}

@test "compression: every codec gives the same image, estargz as its specification wants it" {
    need zstd
    layered
    head -c 3000000 /dev/urandom >"$CTX/d/noise"
    head -c 1048576 /dev/zero >"$CTX/d/zeros"
    : >"$CTX/d/empty"
    printf x >"$CTX/d/odd"
    : >"$CTX/d/odd$(printf 'n%.0s' {1..150})" # pax records behind the padding of a content
    printf 'RUN mknod /null c 1 3 2>/dev/null; chmod 1777 /d; touch "/n\303\244me"\n' >>"$CTX/Dockerfile"
    run -0 build -t packed -o "type=oci,dest=$CTX.gzip" -o "type=oci,dest=$CTX.none,compression=uncompressed" \
        -o "type=oci,dest=$CTX.zstd,compression=zstd,compression-level=19" -o "type=oci,dest=$CTX.max,compression-level=max" \
        -o "type=oci,dest=$CTX.estargz,compression=estargz,force-compression=true" -o type=image \
        -o "type=oci,dest=$CTX.chunked,compression=zstd:chunked,force-compression=true"
    for it in none zstd max chunked; do image_diff "$CTX.gzip" "$CTX.$it" --mtime; done
    image_diff "$CTX.gzip" "$CTX.estargz" --mtime --ignore /stargz.index.json --ignore /.no.prefetch.landmark
    python3 "$SOURCE_ROOT/tests/cli/estargz.py" "$CTX.estargz"
    python3 "$SOURCE_ROOT/tests/cli/zstdchunked.py" "$CTX.chunked"
    # the archives of new layers are those of the others
    diff_ids() { local d; d=$(manifest "$1" | jq -r '.config.digest[7:]'); jq -c '.rootfs.diff_ids[1:]' "$1/blobs/sha256/$d"; }
    [ "$(diff_ids "$CTX.chunked")" = "$(diff_ids "$CTX.gzip")" ]
    [ "$(du -sb "$CTX.max" | cut -f1)" -lt "$(du -sb "$CTX.gzip" | cut -f1)" ]
    # the second time it comes out of the store, the same
    run -0 --separate-stderr cooper export packed -o "type=oci,dest=$CTX.again,compression=estargz,force-compression=true"
    [[ $stderr != *pack* ]]
    [ "$(jq -r '.manifests[0].digest' "$CTX.again/index.json")" = "$(jq -r '.manifests[0].digest' "$CTX.estargz/index.json")" ]
    run -0 --separate-stderr cooper export packed -o "type=oci,dest=$CTX.again2,compression=zstd:chunked,force-compression=true"
    [[ $stderr != *pack* ]]
    [ "$(jq -r '.manifests[0].digest' "$CTX.again2/index.json")" = "$(jq -r '.manifests[0].digest' "$CTX.chunked/index.json")" ]
    # a table that came with a blob stays with it, whatever else of the manifest is new
    cooper --root "$CTX.other" load -q -i "$CTX.chunked" -t chunked
    cooper --root "$CTX.other" export chunked -o "type=oci,dest=$CTX.noted,annotation.a=b"
    [ "$(manifest "$CTX.noted" | jq -c .layers)" = "$(manifest "$CTX.chunked" | jq -c .layers)" ]
    # without force the base's blob stays as it came, and there is no table in it
    run -0 cooper export packed -o "type=oci,dest=$CTX.new,compression=estargz"
    [ "$(manifest "$CTX.new" | jq '.layers[0].digest')" = "$(manifest "$CTX.gzip" | jq '.layers[0].digest')" ]
    python3 "$SOURCE_ROOT/tests/cli/estargz.py" "$CTX.new" 1 2 3
    # it comes back, and another conversion has one table only
    cooper --root "$CTX.other" load -q -i "$CTX.estargz" -t back
    run -0 cooper --root "$CTX.other" export back -o "type=oci,dest=$CTX.back,compression=estargz,compression-level=9,force-compression=true"
    python3 "$SOURCE_ROOT/tests/cli/estargz.py" "$CTX.back"
    image_diff "$CTX.estargz" "$CTX.back" --mtime --ignore /stargz.index.json
}

@test "a base keeps its blobs when the cache is forgotten" {
    printf 'FROM busybox\nRUN echo 1 >/f\n' | dockerfile
    cooper load -q -i "$SUITE_DIR/busybox" -t busybox
    run -0 cooper build -t one "$CTX"
    cooper prune --all -q
    run -0 cooper build -t two -o "type=oci,dest=$CTX.two,compression=zstd" "$CTX"
    manifest "$SUITE_DIR/busybox" >"$CTX.base"
    [ "$(manifest "$CTX.two" | jq -c '.layers[0]')" = "$(jq -c '.layers[0]' "$CTX.base")" ]
}

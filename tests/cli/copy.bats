# Images from one place to another: registries, layouts, archives, directories, the store.
load common
load registries

@test "copy: between registries and layouts, digests stay" {
    cd "$BATS_TEST_TMPDIR"
    "$COOPER" copy "docker://$REGISTRY/app:1" oci:here:1
    [ "$(digest_of_layout here)" = "$WANT" ]
    [ "$("$COOPER" copy -q oci:here:1 oci:there:2)" = "$WANT" ]
    skopeo --insecure-policy copy -q oci:there:2 oci:skopeo:2
    "$COOPER" push oci:there:2 "docker://$LIAR/copied:1"
    "$COOPER" copy "$LIAR/copied:1" "$REGISTRY/copied:1"
    "$COOPER" copy "$REGISTRY/copied:1" "$REGISTRY/within:1"
    "$COOPER" pull "$REGISTRY/within:1" oci:back:1
    [ "$(digest_of_layout back)" = "$WANT" ]
    [ ! -e "$COOPER_ROOT/blobs" ]
    # nothing twice, and from one repository into the other without a byte
    : >"$LIAR_LOG"
    "$COOPER" copy "$LIAR/copied:1" "$LIAR/mine:1"
    [ -z "$(requests "$LIAR_LOG" '.method == "GET" and (.path | contains("/blobs/"))')" ]
    for fault in nomount mount405 relative foreign reset-3; do
        echo "$fault"
        "$COOPER" copy "$LIAR/copied:1" "$LIAR/f.$fault/into-$fault:1"
    done
    run "$COOPER" copy "$LIAR/f.swapped/copied:1" oci:bad:1
    [ "$status" = 1 ]
    run "$COOPER" copy docker-archive:x oci:bad:1
    [ "$status" = 1 ]
    # a name with a digest is for that digest
    "$COOPER" copy "$LIAR/copied:1" "$REGISTRY/bydigest@$WANT"
    run "$COOPER" copy "$LIAR/copied:1" "$REGISTRY/byother@sha256:$(printf '%064d' 1)"
    [ "$status" = 1 ]
    [[ $output == *"its digest is $WANT"* ]]
}

@test "copy: more blobs than files may be open" {
    cd "$BATS_TEST_TMPDIR"
    python3 - <<'END'
import hashlib, json, os
os.makedirs("many/blobs/sha256")
def put(data, media):
    digest = hashlib.sha256(data).hexdigest()
    with open("many/blobs/sha256/" + digest, "wb") as f:
        f.write(data)
    return {"mediaType": media, "digest": "sha256:" + digest, "size": len(data)}
v1 = "application/vnd.oci.image."
config = put(b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}', v1 + "config.v1+json")
layers = [put(b"%d" % i, v1 + "layer.v1.tar") for i in range(400)]
image = {"schemaVersion": 2, "mediaType": v1 + "manifest.v1+json", "config": config, "layers": layers}
index = {"schemaVersion": 2, "manifests": [put(json.dumps(image).encode(), v1 + "manifest.v1+json")]}
with open("many/index.json", "w") as f:
    json.dump(index, f)
with open("many/oci-layout", "w") as f:
    f.write('{"imageLayoutVersion":"1.0.0"}')
END
    ulimit -n 256
    want=$("$COOPER" copy -q oci:many "$REGISTRY/many:1")
    [ "$("$COOPER" copy -q "$REGISTRY/many:1" "$LIAR/many:1")" = "$want" ]
    [ "$("$COOPER" copy -q "$LIAR/many:1" oci:back)" = "$want" ]
    [ "$(ls -A back/blobs/sha256)" = "$(ls -A many/blobs/sha256)" ]
}

@test "copy: the directories of a layout are no links" {
    cd "$BATS_TEST_TMPDIR"
    "$COOPER" copy -q "$REGISTRY/app:1" oci:good:1
    for link in blobs blobs/sha256; do
        rm -rf linked victim
        mkdir -p linked victim/sha256
        [ "$link" = blobs ] || mkdir linked/blobs
        ln -s "$PWD/victim" "linked/$link"
        run "$COOPER" copy "$REGISTRY/app:1" oci:linked:1
        [ "$status" = 1 ]
        [[ $output == *"the directories of a layout are no links"* ]]
        run "$COOPER" copy oci:good:1 oci:linked:1
        [ "$status" = 1 ]
        [ "$(find victim -type f)" = "" ]
    done
}

@test "copy: a damaged layout is not passed on" {
    cd "$BATS_TEST_TMPDIR"
    cp -r "$SUITE_DIR/layout" damaged
    big=$(biggest_blob damaged)
    printf x | dd of="$big" bs=1 seek=100 conv=notrunc status=none
    run "$COOPER" copy oci:damaged:1 oci:out:1
    [ "$status" = 1 ]
    [[ $output == *"damaged"* ]]
    run "$COOPER" copy oci:damaged:1 "$REGISTRY/damaged:1"
    [ "$status" = 1 ]
    truncate -s 10 "$big"
    run "$COOPER" copy oci:damaged:1 "$REGISTRY/damaged:1"
    [ "$status" = 1 ]
    [[ $output == *"descriptor says"* ]]
}

@test "copy: one platform, all of them, and what speaks of an image" {
    cd "$BATS_TEST_TMPDIR"
    mkdir c
    printf 'FROM scratch\nCOPY Dockerfile /\n' >c/Dockerfile
    "$COOPER" build -q --push --provenance=true --annotation index:com.example.k=v --platform linux/amd64,linux/arm64 -t "$REGISTRY/multi:1" c
    index=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/multi:1" | sha256sum | cut -c1-64)
    [ "$("$COOPER" copy -q --all-platforms "$REGISTRY/multi:1" oci:all:1)" = "sha256:$index" ]
    [ "$(ls all/blobs/sha256 | wc -l)" -ge 6 ]
    "$COOPER" copy --platform linux/arm64 oci:all:1 oci:arm:1
    "$COOPER" load -q -i arm --platform linux/arm64 -t arm
    [ "$("$COOPER" inspect -f '{{.Architecture}}' arm)" = arm64 ]
    "$COOPER" copy --all --dest-compress-format zstd oci:all:1 oci:packed:1 # an index stays one, whatever is in it
    [ "$("$COOPER" copy -q --platform linux/arm64,linux/arm64 oci:all:1 oci:one:1)" != "$("$COOPER" copy -q --all --dest-compress-format zstd oci:one:1 dir:packed1)" ]
    jq -e '.annotations["com.example.k"] == "v" and (.manifests | length) == 2' "packed/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' packed/index.json)"
    jq -e '.annotations["com.example.k"] == "v" and [.manifests[].platform.architecture] == ["arm64"]' packed1/manifest.json
    run "$COOPER" copy --platform linux/s390x oci:all:1 oci:no:1
    [ "$status" = 1 ]
    "$COOPER" audit --no-fail --platform linux/arm64 "docker://$REGISTRY/multi:1"
    run "$COOPER" audit --no-fail --platform linux/s390x "docker://$REGISTRY/multi:1"
    [ "$status" = 1 ]
    start_liar LISTS --referrers
    "$COOPER" copy --all-platforms --referrers "$REGISTRY/multi:1" "$LISTS/multi:1"
    "$COOPER" copy --all-platforms --referrers "$LISTS/multi:1" oci:full:1
    [ "$(jq '[.manifests[] | select(.artifactType == "application/vnd.in-toto+json")] | length' full/index.json)" = 2 ]
}

# refers LAYOUT FIELDS TAG: FIELDS, with the image of the tag as its subject, is one more entry of the layout; prints its digest.
refers() {
    local digest size type
    jq -cn --argjson s "$(jq -c --arg t "$3" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $t)
        | del(.annotations)' "$1/index.json")" "{schemaVersion: 2, subject: \$s} + $2" >"$1/new"
    type=$(jq -r .mediaType "$1/new")
    read -r digest size <<<"$(blob "$1" "$1/new")"
    jq -c --arg d "$digest" --argjson s "$size" --arg t "$type" '.manifests += [{mediaType: $t, digest: $d, size: $s}]' "$1/index.json" >"$1/new"
    mv "$1/new" "$1/index.json"
    echo "$digest"
}

@test "copy: whatever has a subject is a referrer, by any name, manifest or index, in every kind of place" {
    local config index manifest subject empty='{mediaType: "application/vnd.oci.empty.v1+json", digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", size: 2}'
    cd "$BATS_TEST_TMPDIR"
    cp -r "$SUITE_DIR/layout" l
    subject=$(digest_of_layout l)
    printf '{}' >e
    blob l e >/dev/null
    manifest='mediaType: "application/vnd.oci.image.manifest.v1+json", layers: ['$empty']'
    config=$(refers l "{$manifest, config: ($empty + {mediaType: \"application/vnd.acme.config+json\"}), annotations: {a: \"b\"}}" example.com/app:1)
    index=$(refers l '{mediaType: "application/vnd.oci.image.index.v1+json", artifactType: "application/vnd.acme.list", manifests: []}' example.com/app:1)
    "$COOPER" copy --referrers oci:l:example.com/app:1 "$REGISTRY/refer:1"
    curl -s -H "Accept: application/vnd.oci.image.index.v1+json" "http://$REGISTRY/v2/refer/manifests/${subject/:/-}" >list
    jq -e --arg c "$config" --arg x "$index" '[.manifests[] | {d: .digest, t: .artifactType, a: .annotations}] | sort_by(.t) ==
        [{d: $c, t: "application/vnd.acme.config+json", a: {a: "b"}}, {d: $x, t: "application/vnd.acme.list", a: null}]' list
    "$COOPER" copy --referrers "$REGISTRY/refer:1" oci:back:1
    [ "$(jq '.manifests | length' back/index.json)" = 3 ]
    "$COOPER" tree --format json oci:back:1 | jq -e '.referrers | length == 2'

    # by itself: under a tag, and where nothing else can be
    "$COOPER" copy "$REGISTRY/refer@$config" "$REGISTRY/alone:note"
    curl -s -H "Accept: application/vnd.oci.image.index.v1+json" "http://$REGISTRY/v2/alone/manifests/${subject/:/-}" | jq -e --arg c "$config" '[.manifests[].digest] == [$c]'
    [ "$("$COOPER" copy -q "$REGISTRY/refer@$config" dir:alone)" = "$config" ]
    run "$COOPER" copy --referrers "$REGISTRY/refer:1" dir:no
    [ "$status" = 1 ]
    [[ $output == *"nothing can lie beside"* ]]

    # a list may outlive what it lists
    curl -sf -X DELETE "http://$REGISTRY/v2/refer/manifests/$config"
    run "$COOPER" copy --referrers "$REGISTRY/refer:1" oci:less:1
    [ "$status" = 0 ]
    [[ $output == *"not there"* ]]
    [ "$(jq '.manifests | length' less/index.json)" = 2 ]
    run "$COOPER" copy oci-archive:none.tar oci:less:2
    [[ $output == *"No such file"* ]]
}

# two_platforms: an index with two images, pushed and in a layout.
two_platforms() {
    printf 'FROM scratch\nCOPY f /f\nENV a=b\n' >"$BATS_TEST_TMPDIR/Dockerfile"
    echo hi >"$BATS_TEST_TMPDIR/f"
    cd "$BATS_TEST_TMPDIR"
    "$COOPER" build -q --platform linux/amd64,linux/arm64 --annotation note=kept --push --load -t "$REGISTRY/two/app:1" .
    "$COOPER" copy -q --all "docker://$REGISTRY/two/app:1" oci:o:1
    "$COOPER" copy -q --all oci:o:1 oci-archive:a.tar:1
    "$COOPER" copy -q --all oci:o:1 dir:d
}

@test "copy: every pair of places keeps the digest, of an index and of an image" {
    two_platforms
    all=$(raw "docker://$REGISTRY/two/app:1")
    "$COOPER" copy -q oci:o:1 oci:one:1
    one=$(raw oci:one:1)
    [ "$one" != "$all" ]
    n=0
    for from in "docker://$REGISTRY/two/app:1" oci:o:1 oci-archive:a.tar:1 dir:d; do
        for to in "docker://$REGISTRY/two/to" oci:to oci-archive:to.tar dir:to.d; do
            n=$((n + 1)) where=$to
            [[ $to == dir:* ]] || where=$to:$n
            rm -rf to.d
            "$COOPER" copy -q --all --digestfile digest "$from" "$where"
            [ "$(cat digest)" = "$all" ] || { echo "$from $where"; false; }
            [ $((n % 5)) != 1 ] || [ "$(raw "$where")" = "$all" ] || { echo "$from $where"; false; }
            [ $((n % 5)) = 3 ] || continue
            rm -rf to.d
            "$COOPER" copy -q "$from" "$where"
            [ "$(raw "$where")" = "$one" ] || { echo "one of $from $where"; false; }
        done
    done
    # and skopeo finds all blobs
    skopeo --insecure-policy copy -q --all --src-tls-verify=false "docker://$REGISTRY/two/app:1" dir:theirs
    "$COOPER" copy -q --all dir:theirs oci:theirs.o:1
    [ "$(raw oci:theirs.o:1)" = "$all" ]
    rm -rf to.d
    "$COOPER" copy -q --all oci:o:1 dir:to.d
    diff -r theirs to.d
    skopeo --insecure-policy copy -q --all dir:to.d oci:back:1
    [ "$(raw oci:back:1)" = "$all" ]
    # an artifact by its name, beside an image and alone
    python3 -c '
import hashlib, json
put = lambda data: (open("o/blobs/sha256/" + hashlib.sha256(data).hexdigest(), "wb").write(data), {"digest": "sha256:" + hashlib.sha256(data).hexdigest(), "size": len(data)})[1]
m = put(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": "text/x",
    "config": dict(put(b"{}"), mediaType="application/vnd.oci.empty.v1+json"), "layers": [dict(put(b"words"), mediaType="text/plain")]}).encode())
index = json.load(open("o/index.json"))
index["manifests"].append(dict(m, mediaType="application/vnd.oci.image.manifest.v1+json", artifactType="text/x", annotations={"org.opencontainers.image.ref.name": "words"}))
json.dump(index, open("o/index.json", "w"))'
    [ "$("$COOPER" copy -q --all oci:o oci:still:1)" = "$all" ]
    words=$("$COOPER" copy -q oci:o:words "docker://$REGISTRY/two/words:1")
    rm -rf to.d
    for hop in "docker://$REGISTRY/two/words:1 oci:words" "oci:words oci-archive:words.tar" "oci-archive:words.tar dir:to.d" "dir:to.d oci:words:again"; do
        [ "$("$COOPER" copy -q $hop)" = "$words" ]
    done
    mkdir other && touch other/file
    run "$COOPER" copy oci:o:1 dir:other
    [ "$status" = 1 ]
    [[ $output == *"no 'version' that says it is a 'dir:'"* ]]
}

@test "copy: out of the store and into it, and docker's archives" {
    two_platforms
    all=$(raw "docker://$REGISTRY/two/app:1")
    for from in "docker://$REGISTRY/two/app:1" oci:o:1 oci-archive:a.tar:1 dir:d; do
        fresh_store
        "$COOPER" copy -q --all "$from" store:app:1
        "$COOPER" inspect --platform linux/arm64 app:1 >/dev/null
        "$COOPER" copy -q --all store:app:1 "docker://$REGISTRY/two/back:1"
        skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/two/back:1" | jq -e '.manifests | length == 2'
    done
    id=$("$COOPER" inspect -f '{{.Id}}' app:1)
    for to in docker-archive:x.tar:app:2 oci:x:2 oci-archive:x.oci:2 dir:x.d store:app:2; do
        "$COOPER" copy -q store:app:1 "$to"
        [ "$to" = store:app:2 ] || [ "$(skopeo inspect --raw --config "$to" | sha256sum | cut -d' ' -f1)" = "${id#sha256:}" ] || { echo "$to"; false; }
    done
    [ "$("$COOPER" inspect -f '{{.Id}}' app:2)" = "$id" ]
    fresh_store
    for to in "docker://$REGISTRY/two/from:1" oci:y:2 oci-archive:y.oci:2 dir:y.d docker-archive:y.tar:app:3 store:app:3; do
        "$COOPER" copy -q docker-archive:x.tar "$to"
        [ "$to" = store:app:3 ] || [ "$(skopeo inspect --raw --config --tls-verify=false "$to" | sha256sum | cut -d' ' -f1)" = "${id#sha256:}" ] || { echo "$to"; false; }
    done
    "$COOPER" pull -q dir:y.d app:4
    "$COOPER" push -q app:4 dir:z.d
    [ "$("$COOPER" images -q --no-trunc | sort -u)" = "$id" ]
    # several names of an image, and images without one, by their number; whose names are of programs we do not ask
    skopeo copy -q oci:x:2 docker-archive:n.tar:app:5 --additional-tag app:6 --additional-tag other:7
    [ "$("$COOPER" --root "$BATS_TEST_TMPDIR/n" load -i n.tar)" = $'Loaded image: app:5\nLoaded image: app:6\nLoaded image: other:7' ]
    "$COOPER" copy -q docker-archive:n.tar:@0 oci:n:1
    run -1 "$COOPER" copy docker-archive:n.tar:@1 oci:n:2
    [[ $output == *"no image '@1'"* ]]
    for it in docker-daemon:app:1 containers-storage:app:1; do
        run "$COOPER" copy "$it" oci:n:2
        [ "$status" != 0 ] && [[ $output == *"is of other programs alone"*"hint: "* ]]
    done
    # what is only on its way is in no record
    fresh_store
    "$COOPER" copy -q --dest-compress-format zstd oci:o:1 oci:packed:1
    [ -z "$("$COOPER" images -aq)" ]
    skopeo inspect --raw oci:packed:1 | jq -e '.layers[0].mediaType | endswith("+zstd")'
    run "$COOPER" copy --referrers store:app:4 oci:w:1
    [ "$status" = 2 ]
}

@test "copy: other forms, and some platforms" {
    two_platforms
    "$COOPER" copy -q --all --format v2s2 oci:o:1 "docker://$REGISTRY/two/v2s2:1"
    skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/two/v2s2:1" |
        jq -e '.mediaType == "application/vnd.docker.distribution.manifest.list.v2+json" and ([.manifests[].mediaType] | unique) == ["application/vnd.docker.distribution.manifest.v2+json"] and (has("annotations") | not)'
    skopeo --insecure-policy copy -q --all --src-tls-verify=false "docker://$REGISTRY/two/v2s2:1" dir:v2s2
    jq -e '.config.mediaType == "application/vnd.docker.container.image.v1+json" and .layers[0].mediaType == "application/vnd.docker.image.rootfs.diff.tar.gzip"' \
        "v2s2/$(jq -r '.manifests[0].digest[7:]' v2s2/manifest.json).manifest.json"
    "$COOPER" copy -q --all --format oci dir:v2s2 oci:oci:1
    [ "$(skopeo inspect --raw oci:oci:1 | jq -c '[.manifests[].mediaType] | unique')" = '["application/vnd.oci.image.manifest.v1+json"]' ]
    [ "$(skopeo inspect --config --raw oci:oci:1 | sha256sum)" = "$(skopeo inspect --config --raw oci:o:1 | sha256sum)" ]
    # what has the form already stays as it is
    "$COOPER" copy -q --all --format oci oci:o:1 oci:same:1
    [ "$(raw oci:same:1)" = "$(raw oci:o:1)" ]
    "$COOPER" copy -q --dest-compress-format zstd oci:o:1 oci:z:1
    run "$COOPER" copy --format v2s2 oci:z:1 dir:z2
    [ "$status" = 1 ]
    [[ $output == *"has no layers of type"*"--dest-compress-format gzip"* ]] || { echo "$output"; false; }
    "$COOPER" copy -q --format v2s2 --dest-compress-format gzip oci:z:1 dir:z.d
    run "$COOPER" copy --referrers --all --format v2s2 oci:o:1 oci:w:1
    [ "$status" = 1 ]
    [[ $output == *"it has another digest"* ]]

    "$COOPER" copy -q --platform linux/arm64,linux/amd64 oci:o:1 oci:both:1
    [ "$(raw oci:both:1)" = "$(raw oci:o:1)" ]
    "$COOPER" build -q --platform linux/amd64,linux/arm64,linux/s390x -o type=oci,dest=three --build-arg x=1 . >/dev/null
    "$COOPER" copy -q --platform linux/arm64,linux/s390x oci:three oci:shorter:1
    [ "$(skopeo inspect --raw oci:shorter:1 | jq -c '[.manifests[].platform.architecture]')" = '["arm64","s390x"]' ]
    [ "$(ls shorter/blobs/sha256 | wc -l)" = 6 ] # index, 2 manifests, 2 configurations, their layer
    run "$COOPER" copy --platform linux/arm64,linux/riscv64 oci:three oci:none:1
    [ "$status" = 1 ]
    [[ $output == *riscv64* ]]
    # no digest changes unasked, and none where that is asked for
    "$COOPER" copy -q --preserve-digests --all oci:three oci:kept:1
    [ "$(raw oci:kept:1)" = "$(raw oci:three)" ]
    for words in "--format v2s2 --all" "--platform linux/arm64,linux/s390x"; do
        run "$COOPER" copy --preserve-digests $words oci:three "$REGISTRY/two/app:kept"
        [ "$status" = 1 ]
        [[ $output == *"it would have another digest"* ]]
        run "$COOPER" pull "$REGISTRY/two/app:kept"
        [ "$status" = 1 ]
    done
    run "$COOPER" copy --preserve-digests --dest-compress-format zstd oci:three oci:none:1
    [ "$status" = 2 ]
    "$COOPER" copy -q --multi-arch index-only oci:o:1 "docker://$REGISTRY/two/app:index"
    [ "$(raw "docker://$REGISTRY/two/app:index")" = "$(raw oci:o:1)" ]
    run "$COOPER" copy --multi-arch some oci:o:1 oci:none:1
    [ "$status" = 2 ]
}

# foreign URL...: a layout whose only layer must not be passed on and is there.
foreign() {
    mkdir -p foreign/blobs/sha256
    echo '{"imageLayoutVersion":"1.0.0"}' >foreign/oci-layout
    python3 -c '
import hashlib, json, sys
def blob(data):
    digest = hashlib.sha256(data).hexdigest()
    open("foreign/blobs/sha256/" + digest, "wb").write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}
base = open("o/index.json").read()
manifest = lambda d: json.load(open("o/blobs/sha256/" + d["digest"][7:]))
m = manifest(json.loads(base)["manifests"][0])
if "manifests" in m: m = manifest(m["manifests"][0])
for part in [m["config"], *m["layers"]]: blob(open("o/blobs/sha256/" + part["digest"][7:], "rb").read())
for l in m["layers"]: l.update(mediaType="application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", urls=[u.replace("DIGEST", l["digest"]) for u in sys.argv[1:]])
d = blob(json.dumps(m).encode())
d.update(mediaType=m["mediaType"], annotations={"org.opencontainers.image.ref.name": "1"})
json.dump({"schemaVersion": 2, "manifests": [d]}, open("foreign/index.json", "w"))' "$@"
}

@test "layers that must not be passed on: fetched from their urls without a word of who asks, not sent" {
    two_platforms
    start_liar SHY --auth token --login me:secret --referrers
    "$COOPER" login -u me --password-stdin "$SHY" <<<secret >/dev/null
    "$COOPER" copy -q oci:o:1 "docker://$SHY/has/app:1" # the other host has the layer now
    layer=$(jq -r '.layers[0].digest' "o/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "o/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' o/index.json)")")
    foreign "http://$SHY_OTHER/nowhere/DIGEST" "http://$SHY_OTHER/storage/DIGEST?sig=a%2Fb%2Bc%3D"
    "$COOPER" copy -q oci:foreign:1 "docker://$SHY/lacks/app:1"
    ! curl -sf "http://$SHY_OTHER/v2/lacks/app/blobs/$layer"
    : >"$SHY_LOG"
    fresh_store
    "$COOPER" pull -q "$SHY/lacks/app:1" far
    [ "$(requests "$SHY_LOG" ".host == \"other\" and (.path | contains(\"$layer\"))" | awk '{print $3}' | tr '\n' ' ')" = "404 200 " ]
    no_secret_left "$SHY_LOG"
    # into a layout it goes, to a registry it does not, from the store neither
    "$COOPER" copy -q "docker://$SHY/lacks/app:1" oci:got:1
    [ -e "got/blobs/sha256/${layer#sha256:}" ]
    : >"$SHY_LOG"
    "$COOPER" push -q far "$SHY/again/app:1"
    "$COOPER" copy -q "docker://$SHY/lacks/app:1" "docker://$SHY/third/app:1"
    [ -z "$(requests "$SHY_LOG" ".method != \"GET\" and (.path | contains(\"$layer\"))")" ]
    # who builds on it has no more right to send it, whatever form is asked for
    mkdir -p on && echo new >on/f && printf 'FROM far\nCOPY f /new\n' >on/Dockerfile
    "$COOPER" build -q -t "$SHY/on/app:1" on >/dev/null
    for form in "" "--compression zstd"; do
        : >"$SHY_LOG"
        "$COOPER" push -q $form "$SHY/on/app:1"
        [ -z "$(requests "$SHY_LOG" ".method != \"GET\" and (.path | contains(\"$layer\"))")" ]
        rm -rf onto && "$COOPER" copy -q "docker://$SHY/on/app:1" oci:onto:1
        jq -e --arg d "$layer" '.layers | length == 2 and (.[0] | .digest == $d and (.urls | length) == 2 and (.mediaType | contains("nondistributable"))) and (.[1] | has("urls") | not)' \
            "onto/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' onto/index.json)"
    done
    # nor does one layer of everything make it his own
    printf 'FROM far\nCOPY f /new\nCOPY f /newer\n' >on/Dockerfile
    "$COOPER" build -t "$SHY/one/app:1" --squash=all on 2>said >/dev/null
    grep -q 'layer 1 of the base must not be passed on' said
    : >"$SHY_LOG"
    "$COOPER" push -q "$SHY/one/app:1"
    [ -z "$(requests "$SHY_LOG" ".method != \"GET\" and (.path | contains(\"$layer\"))")" ]
    rm -rf onto && "$COOPER" copy -q "docker://$SHY/one/app:1" oci:onto:1
    jq -e --arg d "$layer" '.layers | length == 2 and .[0].digest == $d and (.[0].mediaType | contains("nondistributable"))' \
        "onto/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' onto/index.json)"
    [ "$(raw oci:foreign:1)" = "sha256:$(sha256sum <"got/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' got/index.json)" | cut -d' ' -f1)" ]
    "$COOPER" copy -q --allow-nondistributable-artifacts oci:got:1 "docker://$SHY/all/app:1"
    [ -n "$(requests "$SHY_LOG" ".method == \"PUT\" and (.path | contains(\"all/app/blobs\"))")" ]
    # what comes is held against digest and size
    config=$(skopeo inspect --config --raw oci:got:1 | sha256sum | cut -d' ' -f1)
    foreign "http://$SHY_OTHER/storage/sha256:$config?sig=a%2Fb%2Bc%3D"
    "$COOPER" copy -q oci:foreign:1 "docker://$SHY/lies/app:1"
    fresh_store
    run "$COOPER" pull "$SHY/lies/app:1"
    [ "$status" = 1 ]
    [[ $output == *" bytes, not "*"as its descriptor says"* || $output == *"longer than announced"* ]] || { echo "$output"; false; }
}

# Signatures beside images in a registry.
load common
load registry
setup_file() {
    suite_setup
    start_registry
    export COSIGN_PASSWORD=secret
    cd "$SUITE_DIR"
    "$COOPER" keygen >/dev/null
    "$COOPER" keygen --output-key-prefix other >/dev/null
    mkdir -p root/bin && echo hello >root/hello
    cp /bin/busybox root/bin/
    oci_layout layout 1.0 root
    upload layout "$REGISTRY" team/app 1.0
}
teardown_file() { stop_registries; suite_teardown; }
setup() { cd "$SUITE_DIR"; }

# upload LAYOUT HOST REPOSITORY TAG
upload() {
    python3 -c '
import json, os, sys, urllib.request
layout, host, repository, tag = sys.argv[1:]
base = f"http://{host}/v2/{repository}"
blob = lambda d: open(f"{layout}/blobs/sha256/{d[7:]}", "rb").read()
def send(url, data, method, kind="application/octet-stream"):
    return urllib.request.urlopen(urllib.request.Request(url, data=data, method=method, headers={"Content-Type": kind}))
entry = json.load(open(f"{layout}/index.json"))["manifests"][0]
manifest = json.loads(blob(entry["digest"]))
for d in [manifest["config"], *manifest["layers"]]:
    where = send(f"{base}/blobs/uploads/", b"", "POST").headers["Location"]
    send(where + ("&" if "?" in where else "?") + "digest=" + d["digest"], blob(d["digest"]), "PUT")
send(f"{base}/manifests/{tag}", blob(entry["digest"]), "PUT", entry["mediaType"])' "$@"
}

digest() { python3 -c 'import json; print(json.load(open("layout/index.json"))["manifests"][0]["digest"])'; }
manifest() { curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json' "http://$REGISTRY/v2/$1/manifests/$2"; }

@test "sign and verify, tag form and bundle" {
    run -1 --separate-stderr cooper verify --key cosign.pub "$REGISTRY/team/app:1.0"
    [[ $stderr == *"none beside the image"* ]]
    run -0 cooper sign --key cosign.key "$REGISTRY/team/app:1.0"
    [[ $output == "Signed $(digest) as '$REGISTRY/team/app'"* ]]
    run -0 cooper verify --key cosign.pub "$REGISTRY/team/app:1.0"
    [[ $output == *"simple $REGISTRY/team/app,"* ]]
    run -1 cooper verify --key other.pub "$REGISTRY/team/app:1.0"
    cooper sign -q --key other.key --new-bundle-format "$REGISTRY/team/app@$(digest)"
    run -0 cooper verify --key other.pub "$REGISTRY/team/app:1.0"
    [[ $output == *"bundle https://sigstore.dev/cosign/sign/v1"* ]]
    manifest team/app "$(digest | tr : -).sig" | jq -e '.layers | length == 1'
    # no referrers API there: the client keeps the list
    manifest team/app "$(digest | tr : -)" | jq -e '.manifests | length == 1 and .[0].artifactType == "application/vnd.dev.sigstore.bundle.v0.3+json"'
}

@test "statements, and a second signature beside the first" {
    echo '{"a": 1}' >predicate
    cooper attest -q --key cosign.key --type slsaprovenance1 --predicate predicate "$REGISTRY/team/app:1.0"
    cooper attest -q --key cosign.key --type spdxjson --predicate predicate --new-bundle-format "$REGISTRY/team/app:1.0"
    cooper verify -q --key cosign.pub --type slsaprovenance1 "$REGISTRY/team/app:1.0"
    cooper verify -q --key cosign.pub --type spdxjson "$REGISTRY/team/app:1.0"
    run -1 cooper verify -q --key cosign.pub --type cyclonedx "$REGISTRY/team/app:1.0"
    cooper sign -q --key cosign.key "$REGISTRY/team/app:1.0"
    cooper sign -q --key cosign.key -a nr=2 "$REGISTRY/team/app:1.0"
    manifest team/app "$(digest | tr : -).sig" | jq -e '.layers | length >= 2'
}

@test "tree: what speaks of an image, by referrers and by tags, and what speaks of that" {
    upload layout "$REGISTRY" team/tree 1.0
    run -0 cooper tree "$REGISTRY/team/tree:1.0"
    [ "$output" = "$REGISTRY/team/tree:1.0 $(digest)" ]
    echo '{"a": 1}' >predicate
    cooper sign -q --key cosign.key "$REGISTRY/team/tree:1.0"
    cooper sign -q --key cosign.key --new-bundle-format "$REGISTRY/team/tree:1.0"
    cooper attest -q --key cosign.key --type slsaprovenance1 --predicate predicate "$REGISTRY/team/tree:1.0"
    cooper attest -q --key cosign.key --type spdxjson --predicate predicate --new-bundle-format "$REGISTRY/team/tree:1.0"
    run -0 cooper tree "$REGISTRY/team/tree:1.0"
    [ "${#lines[@]}" = 5 ]
    [[ $output == *"├── signature https://sigstore.dev/cosign/sign/v1 sha256:"* ]]
    [[ $output == *"└── attestation https://slsa.dev/provenance/v1 sha256:"*"(tag $(digest | tr : -).att)"* ]]
    run -0 cooper tree --format json "$REGISTRY/team/tree:1.0"
    jq -e --arg d "$(digest)" '.digest == $d and ([.referrers[].kind] | sort) == ["attestation", "sbom", "signature", "signature"]
        and ([.referrers[].size] | min > 0) and .referrers[0].layers[0].size > 0' <<<"$output"
    # a signature of the SBOM, and the same in a layout
    sbom=$(jq -r '.referrers[] | select(.kind == "sbom") | .digest' <<<"$output")
    cooper sign -q --key cosign.key --new-bundle-format "$REGISTRY/team/tree@$sbom"
    cooper copy -q --referrers "$REGISTRY/team/tree:1.0" oci:tree:1.0
    for place in "$REGISTRY/team/tree:1.0" oci:tree:1.0; do
        cooper tree --format json "$place" | jq -e '.referrers[] | select(.kind == "sbom") | .referrers[0].kind == "signature"'
    done
    # but in skopeo's directory there is no room, and what is there stays
    cooper copy -q "$REGISTRY/team/tree:1.0" dir:tree.d
    cp -r tree.d before
    for words in "copy --referrers oci:tree:1.0 dir:tree.d" "sign --key cosign.key dir:tree.d" "sign --key cosign.key --new-bundle-format dir:tree.d"; do
        # shellcheck disable=SC2086 # words
        run -1 --separate-stderr cooper $words
        [[ $stderr == *"nothing can lie beside the image in 'dir:'"* ]]
        cmp before/manifest.json tree.d/manifest.json
    done
    # what calls itself by a word that is no media type, and has annotations of null, is there as well
    cp -r tree tree.word
    python3 - tree.word <<'EOF'
import hashlib, json, sys
index = json.load(open(f"{sys.argv[1]}/index.json"))
def put(data):
    digest = hashlib.sha256(data).hexdigest()
    open(f"{sys.argv[1]}/blobs/sha256/{digest}", "wb").write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}
image = next(m for m in index["manifests"] if m.get("annotations", {}).get("org.opencontainers.image.ref.name") == "1.0")
kind = "application/vnd.oci.image.manifest.v1+json"
manifest = {"schemaVersion": 2, "mediaType": kind, "artifactType": "sbom", "config": {"mediaType": "application/vnd.oci.empty.v1+json", **put(b"{}")},
    "layers": [{"mediaType": "text/spdx+json", **put(b"{ }"), "annotations": {"a": None}}], "annotations": None,
    "subject": {"mediaType": image["mediaType"], "digest": image["digest"], "size": image["size"]}}
index["manifests"].append({"mediaType": kind, **put(json.dumps(manifest).encode()), "artifactType": "sbom", "annotations": {"b": None}})
json.dump(index, open(f"{sys.argv[1]}/index.json", "w"))
EOF
    cooper tree --format json oci:tree.word:1.0 | jq -e '[.referrers[].artifactType] | contains(["sbom"]) and length == 5'
    cooper copy -q --referrers oci:tree.word:1.0 "$REGISTRY/team/word:1.0"
    cooper tree --format json "$REGISTRY/team/word:1.0" | jq -e '[.referrers[].artifactType] | contains(["sbom"]) and length == 5'
    # an archive has room for what came with it
    cooper copy -q --referrers oci:tree:1.0 oci-archive:tree.tar:1.0
    [ "$(cooper tree --format json oci-archive:tree.tar:1.0 | jq '.referrers | length')" = 4 ]
    cooper verify -q --key cosign.pub oci-archive:tree.tar:1.0
    # all of it is for podman's and cosign's readers at the other end, too
    cooper copy -q --referrers oci:tree:1.0 "$REGISTRY/team/tree2:1.0"
    cooper verify -q --key cosign.pub "$REGISTRY/team/tree2:1.0"
    [ "$(cooper tree --format json "$REGISTRY/team/tree2:1.0" | jq -S 'del(.reference)')" = \
        "$(cooper tree --format json "$REGISTRY/team/tree:1.0" | jq -S 'del(.reference)')" ]
    run -1 cooper tree "$REGISTRY/team/none:1"
    run -2 cooper tree --format yaml "$REGISTRY/team/tree:1.0"
}

@test "tree: an image of the store, and the platforms of an index" {
    mkdir -p said
    printf 'FROM scratch\nCOPY hello /\n' >said/Dockerfile
    echo hello >said/hello
    cooper build -q --platform linux/amd64,linux/arm64 --provenance mode=min -t "said:1" said
    run -0 cooper tree said:1
    [ "$(grep -c 'attestation https://slsa.dev/provenance/v1' <<<"$output")" = 2 ]
    cooper push -q said:1 "$REGISTRY/team/said:1"
    run -0 cooper tree --format json "$REGISTRY/team/said:1"
    jq -e '[.manifests[] | {platform, kinds: [.referrers[].kind]}] == [{platform: "linux/amd64", kinds: ["attestation"]}, {platform: "linux/arm64", kinds: ["attestation"]}]' <<<"$output"
    cooper tree --format json store:said:1 | jq -e '.manifests | length == 2'
    run -1 cooper tree store:none
}

@test "an image that is not there, and a place that holds no signatures" {
    run -1 --separate-stderr cooper verify --key cosign.pub "$REGISTRY/team/none:1.0"
    run -1 --separate-stderr cooper verify --key cosign.pub oci-archive:x.tar
    [[ $stderr == *"open 'x.tar': No such file or directory"* ]]
    run -1 --separate-stderr cooper sign --key cosign.key oci-archive:x.tar
    [[ $stderr == *"nothing can lie beside an image in an archive"* ]]
}

# ---- policies ----

policy() { # RULE for $REGISTRY/team
    printf '{"version": 1, "default": "accept", "images": {"%s/team": %s}}' "$REGISTRY" "$1" >policy.json
    export COOPER_POLICY=$SUITE_DIR/policy.json
}

@test "pull obeys the policy of the machine" {
    upload layout "$REGISTRY" team/guarded 1.0
    policy '"reject"'
    run -1 --separate-stderr cooper pull "$REGISTRY/team/guarded:1.0"
    [[ $stderr == *"pull $REGISTRY/team/guarded:1.0: 'policy.json"* ]] || [[ $stderr == *"policy.json': the policy for '$REGISTRY/team' refuses it: it is not to be used"* ]]
    policy '[{"signed-by": ["cosign.pub"]}]'
    run -1 --separate-stderr cooper pull "$REGISTRY/team/guarded:1.0"
    [[ $stderr == *"no signature of the keys"* ]]
    run -1 cooper inspect "$REGISTRY/team/guarded:1.0"
    cooper sign -q --key cosign.key "$REGISTRY/team/guarded:1.0"
    run -0 --separate-stderr cooper pull "$REGISTRY/team/guarded:1.0"
    [[ $output == "Pulled $REGISTRY/team/guarded:1.0: $(digest)" ]]
    echo broken >policy.json
    run -1 cooper pull "$REGISTRY/team/guarded:1.0"
}

@test "copy obeys it too" {
    upload layout "$REGISTRY" team/copied 1.0
    policy '[{"signed-by": ["cosign.pub"]}]'
    run -1 --separate-stderr cooper copy "$REGISTRY/team/copied:1.0" oci:copied:1.0
    [[ $stderr == *"no signature of the keys"* ]]
    [ ! -e copied/blobs ]
    cooper sign -q --key cosign.key "$REGISTRY/team/copied:1.0"
    run -0 cooper copy "$REGISTRY/team/copied:1.0" oci:copied:1.0
    [[ $output == *"$(digest)"* ]]
    # where nothing comes, no place is made for it
    printf '{"version": 1, "default": "accept", "images": {"oci:%s": "reject"}}' "$SUITE_DIR/copied" >policy.json
    for words in oci:copied:1.0 "$REGISTRY/team/none:1.0" "oci:layout:none"; do
        for to in oci:vain/o:1.0 dir:vain; do
            run -1 cooper copy "$words" "$to"
            [ ! -e vain ]
        done
    done
}

@test "containers' own file is found" {
    upload layout "$REGISTRY" team/home 1.0
    unset COOPER_POLICY
    mkdir -p "$HOME/.config/containers"
    echo '{"default": [{"type": "reject"}]}' >"$HOME/.config/containers/policy.json"
    run -1 --separate-stderr cooper pull "$REGISTRY/team/home:1.0"
    rm "$HOME/.config/containers/policy.json"
    [[ $stderr == *".config/containers/policy.json"*"not to be used"* ]]
    # a link to nowhere is no permission
    ln -s gone.json "$HOME/.config/containers/policy.json"
    run -1 --separate-stderr cooper pull "$REGISTRY/team/home:1.0"
    rm "$HOME/.config/containers/policy.json"
    [[ $stderr == *".config/containers/policy.json"* ]]
}

@test "DOCKER_CONTENT_TRUST is spoken of where nothing is verified" {
    upload layout "$REGISTRY" team/plain 1.0
    policy '"accept"'
    name=$REGISTRY/team/plain:1.0
    export DOCKER_CONTENT_TRUST=1
    mkdir -p plain && echo "FROM $name" >plain/Dockerfile
    for words in "pull $name" "build -t plain plain" "run --rm $name /none"; do
        # shellcheck disable=SC2086 # words
        stderr=$(cooper $words 2>&1 >/dev/null) || true # there is no /none
        [[ $stderr == *"Notary v1 is not asked, and nothing was verified of '$name'"* ]]
        [ "$(grep -c CONTENT_TRUST <<<"$stderr")" = 1 ]
    done
    for words in "push plain $REGISTRY/team/plain:2" "build --push -t $REGISTRY/team/plain:2 plain"; do
        # shellcheck disable=SC2086 # words
        run -0 --separate-stderr cooper $words
        [[ $stderr == *"nothing was signed of '$REGISTRY/team/plain:2'; 'cooper sign' does"* ]]
    done
    # where something was verified, or nobody asked, there is no word
    cooper sign -q --key cosign.key "$name"
    policy '[{"signed-by": ["cosign.pub"]}]'
    for words in "pull $name" "build -t plain plain" "run --rm $name /none"; do
        # shellcheck disable=SC2086 # words
        stderr=$(cooper $words 2>&1 >/dev/null) || true # there is no /none
        [[ $stderr != *CONTENT_TRUST* ]]
    done
    policy '"accept"'
    DOCKER_CONTENT_TRUST=0 run -0 --separate-stderr cooper pull "$name"
    [[ $stderr != *CONTENT_TRUST* ]]
}

@test "a build obeys it for what FROM needs" {
    upload layout "$REGISTRY" team/base 1.0
    policy '[{"signed-by": ["cosign.pub"]}]'
    mkdir -p context
    printf 'FROM %s/team/base:1.0\nLABEL a=b\n' "$REGISTRY" >context/Dockerfile
    run -1 --separate-stderr cooper build -q context
    [[ $stderr == *"no signature of the keys"* ]]
    cooper sign -q --key cosign.key "$REGISTRY/team/base:1.0"
    cooper build -q context
}

@test "a build asks once, about what FROM names: an index, a tag" {
    mkdir -p lists onto
    printf 'FROM scratch\nCOPY hello /\n' >lists/Dockerfile
    echo hello | tee lists/hello >onto/more
    policy '"accept"'
    cooper build -q --platform linux/amd64,linux/arm64 --push -t "$REGISTRY/team/list:1.0" lists
    printf 'FROM %s/team/list:1.0\nCOPY more /\n' "$REGISTRY" >onto/Dockerfile
    policy '[{"signed-by": ["cosign.pub"]}]'
    export COOPER_ROOT=$BATS_TEST_TMPDIR/store
    run -1 cooper build -q onto
    cooper sign -q --key cosign.key "$REGISTRY/team/list:1.0"
    cooper build -q onto
    printf '{"version": 1, "default": "reject", "images": {"%s/team/list:1.0": "accept"}}' "$REGISTRY" >policy.json
    export COOPER_ROOT=$BATS_TEST_TMPDIR/other
    cooper build -q onto
}

# expect 0|1 WORDS COMMAND...: how it ends, and what is said
expect() {
    local status_wanted=$1 words=$2; shift 2
    run --separate-stderr "$@"
    [ "$status" = "$status_wanted" ] && [[ $stderr == *"$words"* ]] || { echo "$*: $status $stderr"; false; }
}

# theirs STATUS [OPTION...]: skopeo says the same of it, where it is there ($SKOPEO is another one) and not Debian's, which knows nothing of it.
theirs() {
    local wanted=$1; shift
    command -v "${SKOPEO:-skopeo}" >/dev/null || return 0
    rm -rf theirs.dir
    run "${SKOPEO:-skopeo}" --policy policy.json --registries.d registries.d copy -q --src-tls-verify=false "$@" "docker://$IMAGE" dir:theirs.dir
    [ "$status" = "$wanted" ] || [[ $output == *"sigstore disabled"* ]] || { echo "skopeo $*: $status $output"; false; }
}

@test "containers' policy: the signature of the image that is used, not of the index that led to it" {
    mkdir -p lists onto registries.d
    printf 'docker:\n  %s:\n    use-sigstore-attachments: true\n' "$REGISTRY" >registries.d/default.yaml
    printf 'FROM scratch\nCOPY hello /\n' >lists/Dockerfile
    echo hello | tee lists/hello >onto/more
    unset COOPER_POLICY
    IMAGE=$REGISTRY/instances/list:1
    cooper build -q --platform linux/amd64,linux/arm64 --provenance=false --push -t "$IMAGE" lists
    printf 'FROM %s\nCOPY more /\n' "$IMAGE" >onto/Dockerfile
    manifest instances/list 1 >list.json
    own=$(jq -r --arg a "$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')" '.manifests[] | select(.platform.architecture == $a).digest' list.json)
    others=$(jq -r --arg d "$own" '.manifests[] | select(.digest != $d).digest' list.json)
    printf '{"default": [{"type": "reject"}], "transports": {"docker": {"%s/instances": [{"type": "sigstoreSigned", "keyPath": "%s/cosign.pub", "signedIdentity": {"type": "matchRepository"}}]}, "oci": {"": [{"type": "sigstoreSigned", "keyPath": "%s/cosign.pub", "signedIdentity": {"type": "exactRepository", "dockerRepository": "%s/instances/list"}}]}}}' \
        "$REGISTRY" "$SUITE_DIR" "$SUITE_DIR" "$REGISTRY" >policy.json
    export COOPER_POLICY=$SUITE_DIR/policy.json COOPER_ROOT=$BATS_TEST_TMPDIR/store

    # the index alone
    cooper sign -q --key cosign.key "$IMAGE"
    expect 1 "no signature" cooper pull "$IMAGE"
    theirs 1
    expect 1 "no signature" cooper copy --all-platforms "$IMAGE" oci:lists/whole:1
    theirs 1 --all
    expect 1 "no signature" cooper build -q onto
    expect 0 "" cooper copy --multi-arch index-only "$IMAGE" "$REGISTRY/instances/list:index"

    # and this image
    cooper sign -q --key cosign.key "$REGISTRY/instances/list@$own"
    expect 0 "" cooper verify --policy policy.json "$IMAGE"
    expect 0 "" cooper pull "$IMAGE"
    theirs 0
    expect 0 "" cooper build -q -t made onto
    expect 1 "no signature" cooper copy --all-platforms "$IMAGE" oci:lists/whole:1
    theirs 1 --all
    expect 1 "no signature" cooper copy -a --dest-compress-format zstd "$IMAGE" "oci:lists/packed:1"
    expect 1 "no signature" cooper pull --platform "linux/$(jq -r --arg d "$others" '.manifests[] | select(.digest == $d).platform.architecture' list.json)" "$IMAGE" other

    # and the others
    for d in $others; do cooper sign -q --key cosign.key "$REGISTRY/instances/list@$d"; done
    expect 0 "" cooper copy --all-platforms --referrers "$IMAGE" oci:lists/whole:1
    theirs 0 --all
    expect 0 "" cooper copy -a --dest-compress-format zstd "$IMAGE" "oci:lists/packed:1"
    expect 0 "" cooper load -q -i lists/whole -t list:1

    # all images, and not the index
    IMAGE=$REGISTRY/instances/unsigned:1
    COOPER_POLICY='' cooper copy -q -a "$REGISTRY/instances/list:1" "$IMAGE"
    for d in $own $others; do
        cooper sign -q --key cosign.key "$REGISTRY/instances/unsigned@$d"
        cooper sign -q --key cosign.key --sign-container-identity "$REGISTRY/instances/list" "$REGISTRY/instances/unsigned@$d"
    done
    expect 0 "" cooper pull "$IMAGE"
    theirs 0
    expect 0 "" cooper copy --all-platforms --referrers "$IMAGE" oci:lists/none:1
    theirs 0 --all
    expect 0 "" cooper copy -a oci:lists/none:1 "$REGISTRY/elsewhere:1"
    expect 0 "" cooper copy --platform linux/amd64,linux/arm64 oci:lists/none:1 "$REGISTRY/elsewhere:2"
    expect 0 "" cooper copy -a --dest-compress-format zstd "$IMAGE" "oci:lists/none:2"
    COOPER_POLICY='' cooper copy -q "$REGISTRY/instances/unsigned@$own" "$REGISTRY/instances/bare:1" # no index
    expect 1 "no signature" cooper copy -a "$REGISTRY/instances/bare:1" oci:lists/none:3
    expect 1 "no signature" cooper copy --multi-arch index-only "$REGISTRY/instances/bare:1" oci:lists/none:3

    # cooper's own policy asks about what was named, as cosign does
    printf '{"version": 1, "default": "reject", "images": {"%s/instances": [{"signed-by": ["cosign.pub"]}]}}' "$REGISTRY" >policy.json
    expect 0 "" cooper pull -q "$REGISTRY/instances/list:1"
    expect 1 "no signature" cooper pull "$IMAGE"
    expect 0 "" cooper build -q onto
    expect 0 "" cooper build -q onto # what it loaded is known by its index
}

# ---- images of the store ----

own_store() {
    export COOPER_ROOT=$BATS_TEST_TMPDIR/${1:-store}
    IMAGE=$REGISTRY/team/$BATS_TEST_NUMBER:1
    upload layout "$REGISTRY" "team/$BATS_TEST_NUMBER" 1
}
busy() { run --separate-stderr cooper run --network none "$1" /bin/busybox cat /hello; }
# builds DOCKERFILE: without a look at any registry.
builds() {
    mkdir -p context
    printf '%b' "$1" >context/Dockerfile
    run --separate-stderr cooper build -q --pull never -t made context
}
refused() { [ "$status" != 0 ] && [[ $stderr == *"$1"* ]] || { echo "$status $stderr"; false; }; }

@test "an image that is here is asked about wherever it is used; what was signed is remembered" {
    own_store
    unset COOPER_POLICY
    cooper pull -q "$IMAGE"
    uses=("FROM $IMAGE\\nLABEL a=b\\n" "FROM scratch\\nCOPY --from=$IMAGE /hello /\\n"
        "FROM $IMAGE AS other\\nFROM scratch\\nCOPY --from=other /hello /\\n"
        "FROM base\\nRUN --mount=from=$IMAGE,target=/m [\"/bin/busybox\", \"cat\", \"/m/hello\"]\\n"
        "FROM $IMAGE@$(digest)\\nLABEL c=d\\n" "FROM $(cooper images -q --no-trunc "$IMAGE" | head -1)\\nLABEL e=f\\n")
    builds "FROM scratch\nCOPY hello /\n"
    cp root/hello context/ && cp root/bin/busybox context/
    printf 'FROM scratch\nCOPY busybox /bin/\n' >context/Dockerfile
    cooper build -q -t base context
    policy '[{"signed-by": ["cosign.pub"]}]'
    for use in "${uses[@]}"; do
        builds "$use"
        refused "of the store: "
        [[ $stderr == *"'cooper pull' it again"* ]]
    done
    for name in "$IMAGE" "$IMAGE@$(digest)" "$(cooper images -q --no-trunc "$IMAGE" | head -1)"; do
        busy "$name"
        refused "no signature is known of it"
    done
    run -1 cooper pull "$IMAGE"
    cooper sign -q --key cosign.key "$IMAGE"
    cooper pull -q "$IMAGE"
    for use in "${uses[@]}"; do
        builds "$use"
        [ "$status" = 0 ] || { echo "$use: $stderr"; false; }
    done
    busy "$IMAGE"
    [ "$status" = 0 ] && [ "$output" = hello ]
    # verified each time, by the keys of now
    policy '[{"signed-by": ["other.pub"]}]'
    busy "$IMAGE"
    refused "no signature of the keys"
    policy '[{"signed-by": ["cosign.pub"]}]'
    blob=$(grep -l -r docker-manifest-digest "$COOPER_ROOT/signed")
    flip "$blob" 30
    busy "$IMAGE"
    refused "no signature of the keys"
}

@test "a build that was made before is as good as its base is now" {
    own_store
    policy '"accept"'
    cooper pull -q "$IMAGE"
    builds "FROM $IMAGE\nRUN [\"/bin/busybox\", \"true\"]\n"
    [ "$status" = 0 ]
    builds "FROM made\nLABEL x=y\n"
    [ "$status" = 0 ]
    busy made
    [ "$status" = 0 ]
    policy '"reject"'
    busy made
    refused "not to be used"
    builds "FROM made\nLABEL x=y\n"
    refused "not to be used"
    builds "FROM $IMAGE\nRUN [\"/bin/busybox\", \"true\"]\n" # all of it is in the cache
    refused "not to be used"
    cooper tag made "$REGISTRY/free/made:1"
    busy "$REGISTRY/free/made:1"
    refused "not to be used"
    # what is made of nothing from elsewhere asks nobody
    echo '{"default": [{"type": "reject"}]}' >policy.json
    cp root/bin/busybox root/hello context/
    builds "FROM scratch\nCOPY busybox /bin/\nCOPY hello /\n"
    [ "$status" = 0 ]
    busy made
    [ "$status" = 0 ]
}

@test "load, tag and copy do not lead around a policy" {
    own_store
    tar -C layout -cf archive.tar .
    policy '[{"signed-by": ["cosign.pub"]}]'
    for from in archive.tar layout; do # a name that the policy protects
        run -1 --separate-stderr cooper load -i $from -t "$IMAGE"
        [[ $stderr == *"as '$IMAGE'"* ]]
        run -1 cooper inspect "$IMAGE"
        cooper load -q -i $from -t free:1
        cooper tag free:1 "$IMAGE"
        busy "$IMAGE"
        refused "as '$IMAGE'"
        busy free:1
        [ "$status" = 0 ]
        cooper rmi "$IMAGE" free:1
    done
    # where it came from decides, whatever it is called
    printf '{"version": 1, "default": "reject", "images": {"docker-archive:/": "accept", "oci:%s": "reject", "%s": "accept"}}' \
        "$SUITE_DIR" "$REGISTRY" >policy.json
    for from in archive.tar layout; do
        run -1 --separate-stderr cooper load -i $from -t "$IMAGE"
        [[ $stderr == *"it is not to be used"* ]]
    done
    run -1 --separate-stderr cooper copy oci:layout "$REGISTRY/free/app:1"
    [[ $stderr == *"it is not to be used"* ]]
    mkdir -p context
    printf 'FROM base\n' >context/Dockerfile
    run -1 --separate-stderr cooper build -q --build-context "base=oci-layout://$SUITE_DIR/layout" context
    [[ $stderr == *"it is not to be used"* ]]
    unset COOPER_POLICY
    cooper load -q -i layout -t free:1
    cooper tag free:1 "$IMAGE"
    policy '"accept"'
    printf '{"version": 1, "default": "reject", "images": {"%s": "accept"}}' "$REGISTRY" >policy.json
    busy "$IMAGE"
    refused "it is not to be used"
}

@test "signatures come along in a layout, without a network" {
    own_store
    cooper sign -q --key cosign.key "$IMAGE"
    cooper sign -q --key other.key --new-bundle-format "$IMAGE"
    unset COOPER_POLICY
    rm -rf carried
    cooper copy -q --referrers "$IMAGE" oci:carried:1
    policy '[{"signed-by": ["cosign.pub"]}, {"signed-by": ["other.pub"]}]'
    cooper load -q -i carried:1 -t "$IMAGE"
    rm -rf carried
    busy "$IMAGE"
    [ "$status" = 0 ]
    # and they leave with the image, a day later
    cooper prune -f >/dev/null
    [ -d "$COOPER_ROOT/signed" ] && [ -n "$(ls "$COOPER_ROOT/signed")" ]
    cooper rmi "$IMAGE"
    touch -d '2 days ago' "$COOPER_ROOT"/signed/*
    cooper prune -f >/dev/null
    [ -z "$(ls "$COOPER_ROOT/signed")" ]
}

@test "attest signs what the build said; a policy asks for it, of a base and of what is built on it, and for its age" {
    own_store
    mkdir -p context
    cp root/bin/busybox root/hello context/
    printf 'FROM scratch\nCOPY busybox /bin/\nCOPY hello /\n' >context/Dockerfile
    name=$REGISTRY/team/proved:1
    cooper build -q --provenance=max -t "$name" context
    cooper push -q "$name"
    policy '[{"signed-by": ["cosign.pub"]}, {"signed-by": ["cosign.pub"], "statement": "slsaprovenance1", "max-age": "1h"}]'
    run -1 --separate-stderr cooper pull "$name"
    [[ $stderr == *"no signature of the keys"* ]]
    cooper sign -q --key cosign.key "$name"
    run -1 --separate-stderr cooper pull "$name"
    [[ $stderr == *"no statement 'https://slsa.dev/provenance/v1'"* ]]
    run -1 --separate-stderr cooper attest --key cosign.key --type spdxjson "$name"
    [[ $stderr == *"has a statement of type 'spdxjson'"* ]]
    cooper attest -q --key cosign.key --type slsaprovenance1 "$name"
    run -0 cooper verify --key cosign.pub --type slsaprovenance1 --format json "$name"
    jq -e '.evidence[0].predicate.buildDefinition.buildType == "urn:cooper:build:v1"' <<<"$output"
    # another store, which has but the policy and the registry
    export COOPER_ROOT=$BATS_TEST_TMPDIR/elsewhere
    printf 'FROM %s\nRUN ["/bin/busybox", "true"]\n' "$name" >context/Dockerfile
    cooper build -q -t onto context
    busy onto
    [ "$status" = 0 ]
    run -1 --separate-stderr cooper attest --key cosign.key --type slsaprovenance1 "$name" # not built here
    [[ $stderr == *"no image of the store is this one"* ]]
    # what is old by now: another image, whose build was long ago
    export COOPER_ROOT=$BATS_TEST_TMPDIR/store
    printf 'FROM scratch\nCOPY busybox /bin/\nLABEL old=yes\n' >context/Dockerfile
    SOURCE_DATE_EPOCH=1000000000 cooper build -q --provenance=max -t "$REGISTRY/team/old:1" context
    cooper push -q "$REGISTRY/team/old:1"
    cooper sign -q --key cosign.key "$REGISTRY/team/old:1"
    cooper attest -q --key cosign.key --type slsaprovenance1 "$REGISTRY/team/old:1"
    run -1 --separate-stderr cooper pull "$REGISTRY/team/old:1" there
    [[ $stderr == *"it is too old"* ]]
}

@test "what strangers lay beside an image has an end, and hides nothing for less" {
    own_store
    unset COOPER_POLICY
    rm -rf heaped
    cooper copy -q "$IMAGE" oci:heaped:1
    cooper sign -q --key cosign.key oci:heaped:1
    heap() { # COUNT SIZE: manifests that refer to it, with so many bytes of annotations; 0: 300 signatures
        python3 - "$1" "$2" <<'END'
import hashlib, json, sys
count, size = map(int, sys.argv[1:])
index = json.load(open("heaped/index.json"))
subject = {k: index["manifests"][0][k] for k in ("mediaType", "digest", "size")}
def put(data):
    name = hashlib.sha256(data).hexdigest()
    open("heaped/blobs/sha256/" + name, "wb").write(data)
    return {"digest": "sha256:" + name, "size": len(data)}
empty = {"mediaType": "application/vnd.oci.empty.v1+json", **put(b"{}")}
for i in range(count):
    layer = {"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", **put(b"{}"), "annotations": {"dev.cosignproject.cosign/signature": "x" * 100}}
    text = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": empty, "layers": [layer] * 300 if size == 0 else [empty],
        "subject": subject, "annotations": {"n": str(i), "x": "y" * size}}).encode()
    index["manifests"].append({"mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": "a/b", **put(text)})
json.dump(index, open("heaped/index.json", "w"))
END
    }
    heap 20 1000000
    cooper verify -q --key cosign.pub oci:heaped:1
    heap 20 3900000
    run -1 --separate-stderr cooper verify --key cosign.pub oci:heaped:1
    [[ $stderr == *"more than 64 MiB"* ]]
    rm -rf heaped
    cooper copy -q "$IMAGE" oci:heaped:1
    heap 1 0
    run -1 --separate-stderr cooper verify --key cosign.pub oci:heaped:1
    [[ $stderr == *"more than 256 signatures"* ]]
    rm -rf heaped
}

@test "a signature behind hundreds of referrers that say nothing, in pages; and what is too much is named" {
    start_liar MANY --referrers
    upload layout "$MANY" team/app 1.0
    cooper sign -q --key cosign.key --new-bundle-format "$MANY/team/app:1.0"
    for faults in many-300 many-300.pages-100 many-20.pages-1; do
        cooper verify -q --key cosign.pub "$MANY/f.$faults/team/app:1.0"
    done
    run -1 --separate-stderr cooper verify --key cosign.pub "$MANY/f.many-1025/team/app:1.0"
    [[ $stderr == *"hint: of 1026 manifests that refer to the image 1024 were read"* ]]
}

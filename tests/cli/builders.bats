# Builders that share nothing but a registry: each has a store of its own, and what one ran the others take.
load common
load registry

setup_file() {
    suite_setup
    need skopeo
    need jq
    start_registry
    start_liar LIAR --auth token --login me:secret
    busybox_layout
    skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$SUITE_DIR/busybox:latest" "docker://$REGISTRY/busybox:1"
}
teardown_file() { stop_registries; suite_teardown; }

setup() {
    CTX=$BATS_TEST_TMPDIR/ctx
    mkdir "$CTX"
    STORES=$SUITE_DIR/stores.$BATS_TEST_NUMBER
    cat >"$CTX/Dockerfile" <<END
FROM $REGISTRY/busybox:1 AS inner
RUN date +%s%N >/inner; mkdir /deep; echo deep >/deep/file
FROM $REGISTRY/busybox:1
COPY a /a
RUN date +%s%N >/when; rm /etc/group
COPY --from=inner /inner /inner
CMD ["cat", "/when"]
END
    echo a >"$CTX/a"
}
teardown() {
    for store in "$STORES"/*; do "$COOPER" --root "$store" prune --all --quiet >/dev/null 2>&1 || true; done
}

on() { # BUILDER OPTION...: builds there
    local store=$STORES/$1; shift
    "$COOPER" --root "$store" build --progress plain "$@" "$CTX"
}
ids_equal() { cmp "$CTX.$1" "$CTX.$2"; }

@test "two builders, one cache in a registry: the second runs nothing, and has the same image" {
    for mode in min max; do
        ref=$REGISTRY/cache/app:$mode
        run -0 on "one$mode" -t app --iidfile "$CTX.1" --cache-to "type=registry,ref=$ref,mode=$mode"
        [[ $output != *"every step from the cache"* ]]
        run -0 on "two$mode" -t app --iidfile "$CTX.2" --cache-from "type=registry,ref=$ref"
        [[ $output == *"every step from the cache"* ]]
        ids_equal 1 2
        "$COOPER" --root "$STORES/two$mode" unpack app "$CTX.$mode"
        [ -s "$CTX.$mode/when" ]
        [ ! -e "$CTX.$mode/etc/group" ]
    done
    # a name alone
    run -0 on bare -t app --cache-to "$REGISTRY/cache/bare"
    run -0 on else -t app --cache-from "$REGISTRY/cache/bare"
    [[ $output == *"every step from the cache"* ]]
    # the stage that is in no image is in the cache of mode=max alone
    sed -i 's,/inner /inner,/inner /other,' "$CTX/Dockerfile"
    run -0 on three --cache-from "type=registry,ref=$REGISTRY/cache/app:min" -t app
    [[ $output == *"2 of 4 steps from the cache"* ]]
    run -0 on four --cache-from "type=registry,ref=$REGISTRY/cache/app:max" -t app
    [[ $output == *"3 of 4 steps from the cache"* ]]
}

@test "push-by-digest makes no tag, and leaves nothing in the store" {
    run -0 on digest --metadata-file "$CTX.json" \
        -o "type=image,name=$REGISTRY/bydigest,push-by-digest=true,name-canonical=true,push=true"
    skopeo inspect --raw --tls-verify=false \
        "docker://$REGISTRY/bydigest@$(jq -r '."containerimage.digest"' "$CTX.json")" | jq -e .config
    run -1 skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/bydigest:latest"
    [ -z "$("$COOPER" --root "$STORES/digest" images -q "$REGISTRY/bydigest")" ]
    # further names of one repository are no tags either
    run -0 on digest -t "$REGISTRY/twice" -o "type=registry,name=$REGISTRY/twice,push-by-digest=true"
    run -1 skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/twice:latest"
}

@test "they take turns: each adds what it ran" {
    ref=type=registry,ref=$REGISTRY/cache/turns
    run -0 on one -t app --cache-to "$ref,mode=max" --cache-from "$ref"
    [[ $output == *"is not used"*"[404]"* ]]
    echo b >"$CTX/a"
    run -0 on two -t app --cache-to "$ref,mode=max" --cache-from "$ref"
    [[ $output == *"2 of 4 steps from the cache"* ]]
    run -0 on three -t app --iidfile "$CTX.3" --cache-from "$ref"
    [[ $output == *"every step from the cache"* ]]
}

@test "an image with an inline cache, by its name alone as with docker" {
    run -0 on one -t "$REGISTRY/app:1" --iidfile "$CTX.1" --cache-to type=inline --push
    run -0 on two -t app --iidfile "$CTX.2" --cache-to type=inline --cache-from "type=registry,ref=$REGISTRY/app:1"
    [[ $output == *"3 of 4 steps from the cache"* || $output == *"every step from the cache"* ]]
    ids_equal 1 2
    run -0 on three -t app --iidfile "$CTX.3" --cache-to type=inline --cache-from "$REGISTRY/app:1"
    ids_equal 1 3
}

@test "a cache behind a login; one that cannot be written ends the build, unless it may" {
    run on one -t app --cache-to "type=registry,ref=$LIAR/cache:1"
    [ "$status" = 1 ]
    [[ $output == *"write cache"*"cooper login $LIAR"* ]]
    run -0 on one -t app --cache-to "type=registry,ref=$LIAR/cache:1,ignore-error=true"
    [[ $output == *"warning: write cache"* ]]
    "$COOPER" login -q -u me --password-stdin "$LIAR" <<<secret
    run -0 on one -t app --iidfile "$CTX.1" --cache-to "type=registry,ref=$LIAR/cache:1,mode=max,compression=zstd,image-manifest=true"
    run -0 on two -t app --iidfile "$CTX.2" --cache-from "type=registry,ref=$LIAR/cache:1"
    [[ $output == *"every step from the cache"* ]]
    ids_equal 1 2
    no_secret_left "$LIAR_LOG"
    "$COOPER" logout -q "$LIAR"
}

@test "a cache that lies or breaks is a warning: the step runs" {
    "$COOPER" login -q -u me --password-stdin "$LIAR" <<<secret
    run -0 on one -t app --cache-to "type=registry,ref=$LIAR/cache:2,mode=max"
    for fault in swapped both; do
        run -0 on "$fault" -t app --cache-from "type=registry,ref=$LIAR/f.$fault/cache:2"
        [[ $output == *"is not used"* ]] || { echo "$fault: $output"; false; }
        [[ $output != *"every step from the cache"* ]]
    done
    "$COOPER" logout -q "$LIAR"
}

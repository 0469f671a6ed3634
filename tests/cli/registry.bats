# Images to and from registries: Debian's docker-registry, and one that goes wrong on purpose.
load common
load images
load registry

setup_file() {
    suite_setup
    need skopeo
    need jq
    start_registry
    start_liar
    sample_layout "$SUITE_DIR/layout"
    for host in "$REGISTRY" "$LIAR"; do
        skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$SUITE_DIR/layout:example.com/app:1" "docker://$host/app:1"
    done
    WANT=$(digest_of_layout "$SUITE_DIR/layout")
    export WANT
}
teardown_file() { stop_registries; suite_teardown; }

digest_of_layout() { jq -r '.manifests[0].digest' "$1/index.json"; }
fresh_store() {
    COOPER_ROOT=$(mktemp -d "$BATS_TEST_TMPDIR/storeXXXXXX")
    export COOPER_ROOT
}
setup() { fresh_store; }

# pull_from FAULT: of the liar, into an empty store.
pull_from() {
    fresh_store
    "$COOPER" pull "$LIAR/f.$1/app:1" web
}
# asked FAULT WORDS: what the log of the liar has of blobs behind the fault.
asked() { requests "$LIAR_LOG" "(.path | contains(\"/f.$1/\")) and (.path | contains(\"/$2/\"))"; }

@test "pull: what skopeo pushed, with its digest; again it costs one request" {
    run "$COOPER" pull "$REGISTRY/app:1"
    [ "$status" = 0 ]
    [[ $output == *"Pulled $REGISTRY/app:1: $WANT"* ]]
    "$COOPER" unpack "$REGISTRY/app:1" "$BATS_TEST_TMPDIR/root"
    [ "$(cat "$BATS_TEST_TMPDIR/root/etc/hello")" = hello ]
    [ ! -e "$BATS_TEST_TMPDIR/root/etc/gone" ]
    "$COOPER" pull "$LIAR/app:1" there
    : >"$LIAR_LOG"
    "$COOPER" pull "$LIAR/app:1" again
    [ "$(asked '' blobs | grep -c layer)" = 0 ]
    [ "$(grep -c . "$LIAR_LOG")" -le 3 ] # TLS is tried first, which the log does not see; manifest, configuration
}

@test "pull: by digest, under another name, and where the digest is another one" {
    "$COOPER" pull -q "$REGISTRY/app@$WANT" pinned:1
    "$COOPER" inspect pinned:1
    run "$COOPER" pull "$LIAR/f.othermanifest/app@$WANT"
    [ "$status" = 1 ]
    [[ $output == *"what came has the digest"* ]]
    run "$COOPER" pull "$REGISTRY/app@sha256:$(printf '%064d' 0)"
    [ "$status" = 1 ]
    [[ $output == *"404"* ]]
}

@test "pull: what passes is waited for" {
    for fault in busy-1 busydate-1 unavailable-1 reset-3 stale nodigest nolength typeparam notype cutonce-50 droponce-50; do
        echo "$fault"
        run pull_from "$fault"
        [ "$status" = 0 ]
        [[ $output == *"$WANT"* ]]
    done
}

@test "pull: what broke goes on where it broke, and begins anew where the registry cannot" {
    for fault in droponce-50 norange.droponce-50 badrange.droponce-50 badtotal.droponce-50; do
        echo "$fault"
        run pull_from "$fault"
        [ "$status" = 0 ]
    done
    : >"$LIAR_LOG"
    fresh_store
    "$COOPER" pull "$LIAR/f.cutonce-40/app:1" web
    [ -n "$(jq -c 'select((.path | contains("/blobs/")) and .headers.range)' "$LIAR_LOG")" ]
}

@test "pull: what does not pass says what it is" {
    while read -r fault words; do
        run pull_from "$fault"
        [ "$status" = 1 ] || { echo "$fault: $status $output"; false; }
        [[ $output == *"$words"* ]] || { echo "$fault: $output"; false; }
        run "$COOPER" images -q
        [ -z "$output" ]
    done <<'END'
htmlerror what stands behind it failed [502]
error not
endlessheader the head of the answer has no end
wrongdigest but has the digest
swapped but has the digest
endless has more than
redirectloop more than 10 redirects
redirectfile is no URL of HTTP
redirectauth [401]
gzipped but has the digest
schema1 docker's schema 1 only
wrongtype but was sent as
both is not that of an index
huge has more than
deep maximum parsing depth
END
}

@test "pull: a redirect takes no credential with it" {
    : >"$LIAR_LOG"
    run pull_from redirect
    [ "$status" = 0 ]
    [ "$(jq -r 'select(.host == "other") | .path' "$LIAR_LOG" | wc -l)" -gt 0 ]
    no_secret_left "$LIAR_LOG"
}

@test "pull: a warning of the registry is said once" {
    run pull_from warning
    [ "$status" = 0 ]
    [ "$(grep -c "warning: $LIAR" <<<"$output")" = 1 ]
}

@test "pull: TLS, with its authority and without" {
    need openssl
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=registry.test \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$BATS_TEST_TMPDIR/key" -out "$BATS_TEST_TMPDIR/cert" 2>/dev/null
    start_liar SAFE --tls "$BATS_TEST_TMPDIR/cert" "$BATS_TEST_TMPDIR/key"
    skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$SUITE_DIR/layout:example.com/app:1" "docker://$SAFE/app:1"
    "$COOPER" pull -q "$SAFE/app:1" # loopback: no certificate is asked
    fresh_store
    run "$COOPER" pull --tls-verify "$SAFE/app:1"
    [ "$status" = 1 ]
    [[ $output == *"certs.d/$SAFE/ca.crt"* ]]
    mkdir -p "$HOME/.config/containers/certs.d/$SAFE"
    cp "$BATS_TEST_TMPDIR/cert" "$HOME/.config/containers/certs.d/$SAFE/ca.crt"
    "$COOPER" pull -q --tls-verify "$SAFE/app:1"
    rm -rf "$HOME/.config/containers"
    run "$COOPER" pull --tls-verify "$LIAR/app:1" # plain HTTP
    [ "$status" = 1 ]
    [[ $output == *"--tls-verify=false"* ]]
}

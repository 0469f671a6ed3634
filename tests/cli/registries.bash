# tests/cli/registries.bash - for suites that need both registries: the same image is app:1 in each, with the digest WANT, and in
# $SUITE_DIR/layout; a test begins with an empty store.
load images
load registry

setup_file() {
    local host
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
setup() { fresh_store; }

digest_of_layout() { jq -r '.manifests[0].digest' "$1/index.json"; }
# raw PLACE: the digest of what skopeo sees there.
raw() { echo "sha256:$(skopeo inspect --raw --tls-verify=false "$1" | sha256sum | cut -d' ' -f1)"; }
fresh_store() {
    COOPER_ROOT=$(mktemp -d "$BATS_TEST_TMPDIR/storeXXXXXX")
    export COOPER_ROOT
}

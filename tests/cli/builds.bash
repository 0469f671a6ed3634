# tests/cli/builds.bash - for suites that build over a busybox of our own: a context and a store a test, so that hits can
# be counted; the base is cheap to load.
setup_file() {
    suite_setup
    busybox_layout
}
teardown_file() { suite_teardown; }
setup() {
    CTX=$SUITE_DIR/ctx.$BATS_TEST_NUMBER
    mkdir -p "$CTX"
    export COOPER_ROOT=$SUITE_DIR/store.$BATS_TEST_NUMBER
}
teardown() { "$COOPER" prune --all --quiet >/dev/null 2>&1 || true; }

dockerfile() { cat >"$CTX/Dockerfile"; }
build() { cooper build --progress plain --build-context "busybox=oci-layout://$SUITE_DIR/busybox:latest" "$@" "$CTX"; }
small_image() {
    echo x >"$CTX/x"
    printf 'FROM scratch\nCOPY x /\nLABEL a=b\n' | dockerfile
}
# files NAME: the merged files of an image below $CTX.out
files() {
    rm -rf "$CTX.out"
    cooper unpack "$1" "$CTX.out"
}

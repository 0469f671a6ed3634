# cooper build: what is kept from build to build, and what it costs.
load common
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
# files NAME: the merged files of an image below $CTX.out
files() {
    rm -rf "$CTX.out"
    cooper unpack "$1" "$CTX.out"
}

@test "a step opens what it needs, not every layer below it" {
    { echo FROM busybox
      for i in $(seq 300); do
          echo $i >"$CTX/f$i"
          echo "COPY --chown=bin f$i /d$((i % 7))/f$i"
      done; } | dockerfile
    ulimit -n 200
    run -0 build -t many
    run -0 build -t many
    [[ $output == *"every step from the cache"* ]]
    # the steps above lie on another one below: found by what they read
    echo changed >"$CTX/f1"
    run -0 build -t many
    [[ $output == *"299 of 300 steps from the cache"* ]]
}

@test "a step that was made above another run of the step below it is not taken" {
    dockerfile <<'E'
FROM busybox AS base
RUN cat /proc/sys/kernel/random/uuid >/when
FROM base
RUN cp /when /copy
E
    run -0 build -t pair
    run -0 build -t pair --no-cache-filter base
    files pair
    cmp "$CTX.out/when" "$CTX.out/copy"
}

# cooper audit IMAGE: from the store, from a layout, from an archive. The rules have their tables in test_audit_image.
load common

setup_file() {
    suite_setup
    local c=$SUITE_DIR/context
    mkdir -p "$c"
    printf 'root:x:0:0:root:/root:/bin/sh\napp:x:10001:10001::/app:/bin/false\n' >"$c/passwd"
    printf -- '-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n' \
        MC4CAQAwBQYDK2VwBCIEIAvfGG3f3LWYcUMCrhmtY0dKFHUVAQ9lqvBd6vRnPKjC >"$c/key.pem"
    head -c 3000000 /dev/urandom >"$c/big"
    echo '#!/bin/sh' >"$c/helper"
    printf '#!/bin/sh\n/app "$@"\n' >"$c/entry"
    cat >"$c/Dockerfile.base" <<'EOF'
FROM scratch
COPY passwd /etc/passwd
COPY --chmod=4755 helper /usr/bin/su
EOF
    cat >"$c/Dockerfile" <<'EOF'
FROM base:1
COPY --chmod=0600 key.pem /app/key.pem
COPY big /app/big
COPY --chown=10001 big /app/big
COPY passwd /app/key.pem
COPY --chmod=2755 helper /usr/local/bin/helper
COPY --chmod=755 entry /entry
ENV DB_PASSWORD=hunter2
USER app
ENTRYPOINT ["/entry"]
EOF
    cat >"$c/Dockerfile.good" <<'EOF'
FROM scratch
COPY --chmod=755 helper /app
USER 65532
ENTRYPOINT ["/app"]
EOF
    cooper build -q -t base:1 -f "$c/Dockerfile.base" "$c" >/dev/null
    cooper build -q -t app:1 "$c" >/dev/null
    cooper build -q -t good:1 -f "$c/Dockerfile.good" "$c" >/dev/null
    cooper push -q app:1 "oci:$SUITE_DIR/layout:1" >/dev/null
    cooper push -q app:1 "docker-archive:$SUITE_DIR/app.tar" >/dev/null
}
teardown_file() { suite_teardown; }

@test "findings name the layer, what is hidden, and what came with the base" {
    run -3 --separate-stderr cooper audit --brief --exit-on info app:1
    local want
    while read -r want; do
        grep -qF "$want" <<<"$output" || { echo "lacks: $want"; echo "$output"; false; }
    done <<'EOF'
layer 3: /app/key.pem CP705 error: a private key: PKCS #8; a later layer hides it
layer 7: /usr/local/bin/helper CP701 warning: runs as its group
image CP702 info: setuid or setgid programs of the base: /usr/bin/su
image CP361 info: 2.9 MiB (50 % of the image) are there twice
config: Env DL3064 warning
/entry, which starts CP504 info
EOF
    [[ $output != *"/usr/bin/su CP701"* ]]
    [[ $output != *hunter2* ]]
}

@test "a layout and an archive say the same as the store, and are left as they are" {
    local before
    before=$(find "$COOPER_ROOT/trees" | sort | sha256sum)
    cooper audit --brief --no-fail app:1 | sed 's/^[^ ]*: //' >"$BATS_TEST_TMPDIR/store"
    cooper audit --brief --no-fail "oci:$SUITE_DIR/layout:1" | sed 's/^[^ ]*: //' >"$BATS_TEST_TMPDIR/layout"
    cooper audit --brief --no-fail "docker-archive:$SUITE_DIR/app.tar" | sed 's/^[^ ]*: //' >"$BATS_TEST_TMPDIR/archive"
    [ -s "$BATS_TEST_TMPDIR/store" ]
    diff "$BATS_TEST_TMPDIR/store" "$BATS_TEST_TMPDIR/layout"
    diff "$BATS_TEST_TMPDIR/store" "$BATS_TEST_TMPDIR/archive"
    [ "$before" = "$(find "$COOPER_ROOT/trees" | sort | sha256sum)" ]
}

@test "an image of one program is clean; rules can be left out" {
    cooper audit --exit-on warning good:1
    cooper audit --exit-on error --ignore CP705 app:1
    run -3 cooper audit --exit-on error app:1
}

@test "an image may be named by its id, and have no layers" {
    printf 'FROM scratch\nUSER 7\nLABEL a=b\n' >"$BATS_TEST_TMPDIR/Dockerfile"
    cooper build -q -t empty "$BATS_TEST_TMPDIR" >/dev/null
    run -0 cooper audit --brief --no-fail empty
    [[ $output == *"DL3007 warning"* ]]
    run -0 cooper audit --brief --no-fail "$(cooper inspect -f '{{.Id}}' empty)"
    [[ $output != *DL3007* ]]
}

@test "what is not there, or is not what it says, is an error" {
    run -1 cooper audit nowhere:1
    [[ $output == *"there is no image 'nowhere:1'"*pull* ]]
    cp -r "$SUITE_DIR/layout" "$BATS_TEST_TMPDIR/bad"
    local blob
    blob=$(ls -S "$BATS_TEST_TMPDIR"/bad/blobs/sha256/* | head -1)
    printf x | dd of="$blob" bs=1 seek=1000 conv=notrunc status=none
    run -1 cooper audit "oci:$BATS_TEST_TMPDIR/bad:1"
    [[ $output == *layer* ]]
    truncate -s 5000 "$blob"
    run -1 cooper audit "oci:$BATS_TEST_TMPDIR/bad:1"
}

@test "lint asks the store who runs a base, and makes no store for it" {
    printf 'FROM good:1\nENV A=b\n' >"$BATS_TEST_TMPDIR/Dockerfile"
    run cooper lint --no-fail --format gnu "$BATS_TEST_TMPDIR/Dockerfile"
    [[ $output != *"no USER"* ]]
    printf 'FROM base:1 AS a\nFROM a\nENV A=b\n' >"$BATS_TEST_TMPDIR/Dockerfile"
    run cooper lint --no-fail --format gnu "$BATS_TEST_TMPDIR/Dockerfile"
    [[ $output == *"no USER is set, and the base runs as root"* ]]
    printf 'FROM nowhere:1\nENV A=b\n' >"$BATS_TEST_TMPDIR/Dockerfile"
    run cooper lint --no-fail --format gnu "$BATS_TEST_TMPDIR/Dockerfile"
    [[ $output == *"whom the base image says"* ]]
    COOPER_ROOT=$BATS_TEST_TMPDIR/none cooper lint --no-fail "$BATS_TEST_TMPDIR/Dockerfile" >/dev/null
    [ ! -e "$BATS_TEST_TMPDIR/none" ]
}

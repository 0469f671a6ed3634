# What one process has moved when it is killed another one does not move again; and layers that are read while they come.
load common
load registries

# large_layout: an image of two layers that do not pack, 8 MB, as $SUITE_DIR/large; its digest is LARGE.
large_layout() {
    local c=$BATS_TEST_TMPDIR/large
    if [ ! -d "$SUITE_DIR/large" ]; then
        mkdir "$c"
        head -c 5000000 /dev/urandom >"$c/a"
        head -c 3000000 /dev/urandom >"$c/b"
        printf 'FROM scratch\nCOPY a /\nCOPY b /\n' >"$c/Dockerfile"
        "$COOPER" build -q -o "type=oci,tar=false,dest=$SUITE_DIR/large" -t "example.com/large:1" "$c"
    fi
    LARGE=$(digest_of_layout "$SUITE_DIR/large")
}
# until_killed ARGUMENTS...: cooper, killed by the liar.
until_killed() {
    run setsid -w sh -c 'echo $$ >"$LIAR_LOG.pid"; exec "$COOPER" "$@"' sh "$@"
    [ "$status" = 137 ]
}
# moved: bytes of blobs that went either way since the last kill, by the log of the liar.
moved() {
    jq -s '([.[].kills] | max) as $kills | [.[] | select(.kills == $kills and (.path | contains("/blobs/"))) |
        if .method == "GET" then .size else (.headers["content-length"] // "0" | tonumber) end] | add' "$LIAR_LOG"
}

@test "push: large layers go in chunks, whatever the registry makes of them" {
    large_layout
    for fault in relative foreign lost unordered nochunk zero minchunk-1500000 minchunk-9000000 drop-50 refuse reset-4; do
        echo "$fault"
        : >"$LIAR_LOG"
        run "$COOPER" copy "oci:$SUITE_DIR/large:1" "$LIAR/f.$fault/large-${fault%%-*}:1"
        [ "$status" = 0 ]
        [ "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$LIAR/large-${fault%%-*}:1")" = "$LARGE" ]
        [ "$(grep -c '"PATCH"' "$LIAR_LOG")" -gt 0 ] || [ "$fault" = minchunk-9000000 ]
    done
    no_secret_left "$LIAR_LOG"
    [ -z "$(ls "$COOPER_ROOT/tmp")" ]
}

@test "killed at 50 % and started again: at most 55 % of the bytes move, both ways" {
    large_layout
    cd "$BATS_TEST_TMPDIR"
    export LIAR_LOG
    until_killed copy "oci:$SUITE_DIR/large:1" "$LIAR/f.kill-3906/twice:1"
    "$COOPER" copy "oci:$SUITE_DIR/large:1" "$LIAR/f.kill-3906/twice:1"
    echo "pushed $(moved)"
    [ "$(moved)" -le 4400000 ]
    [ -z "$(ls "$COOPER_ROOT/tmp")" ]
    fresh_store
    until_killed pull "$LIAR/f.kill-3906.x/twice:1"
    "$COOPER" pull "$LIAR/f.kill-3906.x/twice:1"
    echo "pulled $(moved)"
    [ "$(moved)" -le 4400000 ]
    [ -z "$(ls "$COOPER_ROOT/tmp")" ]
    until_killed copy "$LIAR/f.kill-3906.z/twice:1" oci:twice:1
    "$COOPER" copy "$LIAR/f.kill-3906.z/twice:1" oci:twice:1
    echo "copied $(moved)"
    [ "$(moved)" -le 4400000 ]
    [ "$(ls -A twice/blobs/sha256 | wc -l)" = 4 ]
    for blob in twice/blobs/sha256/*; do sha256sum "$blob" | grep -q "^${blob##*/} "; done
    # the store pushes as layouts do
    "$COOPER" tag "$LIAR/f.kill-3906.x/twice:1" web
    until_killed push web "$LIAR/f.killall-3906/thrice:1"
    "$COOPER" push web "$LIAR/f.killall-3906/thrice:1"
    echo "pushed $(moved)"
    [ "$(moved)" -le 4400000 ]
}

@test "pull: a process that was killed has left the next one less to do" {
    # a layer that does not pack, so that half of it is half of everything
    mkdir "$BATS_TEST_TMPDIR/c"
    head -c 8000000 /dev/urandom >"$BATS_TEST_TMPDIR/c/big"
    printf 'FROM scratch\nCOPY big /\n' >"$BATS_TEST_TMPDIR/c/Dockerfile"
    "$COOPER" build -q --push -t "$LIAR/large:1" "$BATS_TEST_TMPDIR/c"
    fresh_store
    layer=$(skopeo inspect --raw --tls-verify=false "docker://$LIAR/large:1" | jq -r '.layers[0].digest')
    "$COOPER" images -q
    curl -sf "http://$LIAR/v2/large/blobs/$layer" | head -c 5000000 >"$COOPER_ROOT/tmp/part-${layer#sha256:}"
    "$COOPER" images -q # whatever else opens the store leaves it there
    : >"$LIAR_LOG"
    "$COOPER" pull "$LIAR/large:1"
    [ "$(jq -s '[.[] | select(.path | contains("/blobs/")) | .size] | add' "$LIAR_LOG")" -lt 3400000 ]
    [ -n "$(jq -c 'select(.headers.range == "bytes=5000000-")' "$LIAR_LOG")" ]
    [ -z "$(ls "$COOPER_ROOT/tmp")" ]
    "$COOPER" unpack "$LIAR/large:1" "$BATS_TEST_TMPDIR/out"
    cmp "$BATS_TEST_TMPDIR/out/big" "$BATS_TEST_TMPDIR/c/big"
}

# held REFERENCE: begins to pull, until the tree of a layer that is not all there has a file; its process is PULL.
held() {
    fresh_store
    rm -f "$LIAR_LOG.go"
    : >"$LIAR_LOG"
    "$COOPER" pull -q "$1" >"$BATS_TEST_TMPDIR/pull.out" 2>&1 3>&- &
    PULL=$!
    wait_until grows_or_ended
    ! ended "$PULL" || { cat "$BATS_TEST_TMPDIR/pull.out"; return 1; }
}
grows_or_ended() { [ -n "$(find "$COOPER_ROOT/tmp" -path '*/fs/*' -size +500k 2>/dev/null)" ] || ended "$PULL"; }

# let_go on|reset: in one step, as the server looks for the file and then into it
let_go() { echo "$1" >"$LIAR_LOG.going" && mv "$LIAR_LOG.going" "$LIAR_LOG.go"; }

@test "pull: a layer becomes a tree while it comes" {
    large_layout
    "$COOPER" copy -q "oci:$SUITE_DIR/large:1" "$LIAR/grow:1"
    held "$LIAR/f.hold-2000/grow:1"
    [ -z "$(find "$COOPER_ROOT/trees" "$COOPER_ROOT/blobs/sha256" -mindepth 1)" ] # nothing has a name
    let_go on
    wait "$PULL"
    [ -z "$(ls "$COOPER_ROOT/tmp")" ]
    "$COOPER" unpack "$LIAR/f.hold-2000/grow:1" "$BATS_TEST_TMPDIR/grown"
    # goes on where it broke, or begins anew: the tree with it
    layer=$(jq -r '.layers[0].digest' "$SUITE_DIR/large/blobs/sha256/${LARGE#sha256:}")
    for fault in hold-2000.x hold-2000.norange.strange; do
        held "$LIAR/f.$fault/grow:1"
        let_go reset
        wait "$PULL"
        [ "$(jq -s '[.[] | select(.headers.range)] | length > 0' "$LIAR_LOG")" = true ]
        [ -z "$(ls "$COOPER_ROOT/tmp")" ]
        "$COOPER" unpack "$LIAR/f.$fault/grow:1" "$BATS_TEST_TMPDIR/$fault"
        diff -r "$BATS_TEST_TMPDIR/grown" "$BATS_TEST_TMPDIR/$fault"
        sha256sum "$COOPER_ROOT/blobs/sha256/${layer#sha256:}" | grep -q "^${layer#sha256:}"
    done
    # killed meanwhile: what came is there for the next one, and no tree
    held "$LIAR/f.hold-2000.y/grow:1"
    kill -9 "$PULL"
    wait "$PULL" || true
    let_go reset
    "$COOPER" pull -q "$LIAR/grow:1"
    [ -n "$(jq -c 'select(.headers.range)' "$LIAR_LOG")" ]
    [ -z "$(ls "$COOPER_ROOT/tmp")" ]
}

@test "pull: what is left of a blob is not believed" {
    layer=$(jq -r '.layers[0].digest' "$SUITE_DIR/layout/blobs/sha256/${WANT#sha256:}")
    size=$(jq -r '.layers[0].size' "$SUITE_DIR/layout/blobs/sha256/${WANT#sha256:}")
    "$COOPER" images -q
    head -c "$size" /dev/zero >"$COOPER_ROOT/tmp/part-${layer#sha256:}"
    run "$COOPER" pull "$LIAR/app:1"
    [ "$status" = 1 ]
    "$COOPER" pull "$LIAR/app:1"
    [ -z "$(ls "$COOPER_ROOT/tmp")" ]
    # neither is what is no archive at all, or one that is refused before its end
    python3 -c 'import gzip, sys, tarfile
link = tarfile.TarInfo("a")
link.type = tarfile.SYMTYPE
sys.stdout.buffer.write(gzip.compress(link.tobuf()).ljust(int(sys.argv[1]), b"\0"))' "$size" >"$BATS_TEST_TMPDIR/refused"
    yes nonsense | head -c "$size" >"$BATS_TEST_TMPDIR/nonsense"
    for part in nonsense refused; do
        fresh_store
        "$COOPER" images -q
        head -c "$size" "$BATS_TEST_TMPDIR/$part" >"$COOPER_ROOT/tmp/part-${layer#sha256:}"
        run "$COOPER" pull "$LIAR/app:1"
        [ "$status" = 1 ]
        "$COOPER" pull "$LIAR/app:1"
        [ -z "$(ls "$COOPER_ROOT/tmp")" ]
    done
}

# cooper build --reproducible and SOURCE_DATE_EPOCH: the same bytes wherever, whenever and by whomever it is built.
load common

EPOCH=1600000000

setup_file() {
    suite_setup
    chmod 0755 "$SUITE_DIR"
    busybox_layout
    make_context "$SUITE_DIR/context"
}
teardown_file() {
    for kind in subids single; do
        [ ! -d "$SUITE_DIR/user-$kind" ] || as_user $kind "$COOPER" prune --all --quiet >/dev/null 2>&1 || true
    done
    suite_teardown
}

# Everything that makes a layer: RUN, COPY, ADD of an archive, WORKDIR, heredocs, a stage that another one copies from.
make_context() {
    mkdir -p "$1/src/deep"
    echo hello >"$1/src/hello"
    printf '#!/bin/sh\necho hi\n' >"$1/src/deep/run"
    chmod 0755 "$1/src/deep/run"
    ln -s hello "$1/src/link"
    mkdir -p "$1/packed"
    echo in >"$1/packed/in"
    tar -C "$1/packed" --sort=name --owner=3 --group=4 --mtime=@1500000000 -cf "$1/packed.tar" .
    rm -r "$1/packed"
    cat >"$1/Dockerfile" <<'END'
FROM busybox AS made
ARG TARGETARCH
WORKDIR /made
COPY src/ ./
RUN date >/dev/null; echo "$SOURCE_DATE_EPOCH" >epoch; mkdir -p out; cp hello out/$TARGETARCH; ln out/$TARGETARCH out/hard; touch out/new; chown 7:8 out/new
RUN chmod 0600 hello; touch -d '2001-02-03 04:05:06' out/old
FROM busybox
WORKDIR /srv/app
COPY --from=made /made/ ./
ADD packed.tar /packed/
ADD src/hello /srv/
COPY <<EOF /etc/motd
welcome
EOF
RUN umask 077; echo x >/private; rm /srv/hello
ENV A=b
CMD ["cat", "/etc/motd"]
END
}

# build OUT [WRAPPER...]: the image as a layout in $SUITE_DIR/OUT, in the store of OUT unless the wrapper has its own.
build() {
    local out=$1; shift
    mkdir -p "$SUITE_DIR/$out"
    chmod 0777 "$SUITE_DIR/$out"
    COOPER_ROOT=$SUITE_DIR/$out/store "$@" "$COOPER" build --progress plain $OPTIONS \
        --build-context "busybox=oci-layout://$SUITE_DIR/busybox:latest" \
        --output "type=oci,dest=$SUITE_DIR/$out/layout" --metadata-file "$SUITE_DIR/$out/metadata" "${CONTEXT:-$SUITE_DIR/context}"
}
digest() { jq -r '.manifests[0].digest' "$SUITE_DIR/$1/layout/index.json"; }
document() { jq . "$SUITE_DIR/$1/layout/blobs/sha256/${2#sha256:}"; }
manifest() { document "$1" "$(digest "$1")"; }
config() { document "$1" "$(manifest "$1" | jq -r .config.digest)"; }
# Names and seconds of all files of a layout's layers from the Nth on.
times() {
    local layer
    for layer in $(manifest "$1" | jq -r ".layers[$2:][].digest"); do
        tar --full-time --utc -tvf "$SUITE_DIR/$1/layout/blobs/sha256/${layer#sha256:}"
    done | awk '{print $4 "T" $5, $6}'
}
# same A B: manifest, so configuration and compressed layers, are equal; says what differs.
same() {
    [ "$(digest "$1")" = "$(digest "$2")" ] && return 0
    diff <(config "$1") <(config "$2") || true
    diff <(manifest "$1") <(manifest "$2") || true
    return 1
}
reference() {
    need jq
    [ -d "$SUITE_DIR/first/layout" ] || OPTIONS=--reproducible=$EPOCH build first env
}

@test "another store, another day, no cache" {
    reference
    OPTIONS=--reproducible=$EPOCH build second env
    same first second
    OPTIONS="--reproducible=$EPOCH --no-cache" build first env
    same first second
}

@test "another umask, time zone, language, number of processors, number of jobs" {
    reference
    OPTIONS=--reproducible=$EPOCH build odd sh -c 'umask 077; exec "$@"' sh env TZ=Pacific/Kiritimati LC_ALL=tr_TR.UTF-8
    same first odd
    OPTIONS="--reproducible=$EPOCH -j 1" build narrow taskset -c 0
    same first narrow
}

@test "another checkout: other times, other umask, another name" {
    reference
    (umask 077 && make_context "$SUITE_DIR/elsewhere")
    find "$SUITE_DIR/elsewhere" -exec touch -h -d 1999-12-31 {} +
    # the archive is content
    cp "$SUITE_DIR/context/packed.tar" "$SUITE_DIR/elsewhere/packed.tar"
    CONTEXT=$SUITE_DIR/elsewhere OPTIONS=--reproducible=$EPOCH build elsewhere env
    same first elsewhere
    CONTEXT=$SUITE_DIR/elsewhere OPTIONS=--reproducible=$EPOCH run -0 build first env
    [[ $output == *"every step from the cache"* ]]
    same first elsewhere
}

@test "another user, with subordinate ids and with a single id" {
    need_root
    reference
    chmod -R a+rX "$SUITE_DIR/context" "$SUITE_DIR/busybox"
    OPTIONS=--reproducible=$EPOCH build subids as_user subids
    same first subids
    OPTIONS=--reproducible=$EPOCH build single as_user single
    same first single
}

@test "configuration, history and all files of new layers have the moment; the base stays" {
    reference
    [ "$(config first | jq -r .created)" = 2020-09-13T12:26:40Z ]
    [ "$(config first | jq -r '[.history[1:][].created] | unique | .[]')" = 2020-09-13T12:26:40Z ]
    [ "$(config first | jq -r '.history[0].created')" = 2023-11-14T22:13:20Z ]
    [ "$(manifest first | jq -r '.layers[0].digest')" = "$(jq -r '.layers[0].digest' "$SUITE_DIR/busybox/blobs/sha256/$(jq -r '.manifests[0].digest' "$SUITE_DIR/busybox/index.json" | cut -d: -f2)")" ]
    run -0 times first 1
    [ -n "$output" ]
    [ -z "$(grep -v '^2020-09-13T12:26:40 ' <<<"$output")" ]
    [ "$(jq -r '."containerimage.digest"' "$SUITE_DIR/first/metadata")" = "$(digest first)" ]
}

@test "RUN sees the moment, and the history does not" {
    reference
    mkdir -p "$SUITE_DIR/files"
    COOPER_ROOT=$SUITE_DIR/first/store cooper build --quiet --reproducible=$EPOCH --build-context "busybox=oci-layout://$SUITE_DIR/busybox:latest" \
        --output "$SUITE_DIR/files" "$SUITE_DIR/context"
    [ "$(cat "$SUITE_DIR/files/srv/app/epoch")" = $EPOCH ]
    [ "$(stat -c %Y "$SUITE_DIR/files/srv/app/epoch" "$SUITE_DIR/files/etc/passwd" "$SUITE_DIR/files/srv" | sort -u)" = $EPOCH ]
    run -0 config first
    [[ $output != *SOURCE_DATE_EPOCH* ]]
}

@test "an image of the store keeps the moment, and what is built on it too" {
    reference
    local root=$SUITE_DIR/on/store
    mkdir -p "$SUITE_DIR/on/ctx"
    COOPER_ROOT=$root cooper build --quiet --reproducible=$EPOCH --build-context "busybox=oci-layout://$SUITE_DIR/busybox:latest" -t base "$SUITE_DIR/context"
    COOPER_ROOT=$root cooper export base --output "type=oci,dest=$SUITE_DIR/on/layout" --quiet
    same first on
    # files that come out of the store have the times of the image
    COOPER_ROOT=$root cooper unpack base "$SUITE_DIR/on/files"
    [ "$(stat -c %Y "$SUITE_DIR/on/files/srv/app/hello" "$SUITE_DIR/on/files/private")" = $EPOCH$'\n'$EPOCH ]
    [ "$(stat -c %Y "$SUITE_DIR/on/files/bin/busybox")" = 1700000000 ]
    printf 'FROM base\nRUN touch /more\n' >"$SUITE_DIR/on/ctx/Dockerfile"
    COOPER_ROOT=$root cooper build --quiet -t above --output type=oci,dest="$SUITE_DIR/on/layout" "$SUITE_DIR/on/ctx"
    manifest first | jq -r '.layers[].digest' >"$SUITE_DIR/on/below"
    manifest first >/dev/null
    local above
    above=$(jq -r '.manifests[] | select(.annotations."org.opencontainers.image.ref.name" == "latest" and (.annotations."io.containerd.image.name" | test("above"))) | .digest' "$SUITE_DIR/on/layout/index.json")
    document on "$above" | jq -r '.layers[:-1][].digest' | diff "$SUITE_DIR/on/below" -
}

@test "SOURCE_DATE_EPOCH alone: configuration and history, no file; an ARG has it" {
    need jq
    local begun
    begun=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    mkdir -p "$SUITE_DIR/env.ctx"
    printf 'FROM busybox\nRUN test -z "$SOURCE_DATE_EPOCH"\nARG SOURCE_DATE_EPOCH\nRUN echo $SOURCE_DATE_EPOCH >/epoch\n' >"$SUITE_DIR/env.ctx/Dockerfile"
    CONTEXT=$SUITE_DIR/env.ctx OPTIONS="" build env env SOURCE_DATE_EPOCH=$EPOCH
    [ "$(config env | jq -r .created)" = 2020-09-13T12:26:40Z ]
    [ "$(config env | jq -r '.history[-1].created')" = 2020-09-13T12:26:40Z ]
    run -0 times env 1
    grep ' epoch$' <<<"$output" | grep -v 2020-09-13
    tar -xOf "$SUITE_DIR/env/layout/blobs/sha256/$(manifest env | jq -r '.layers[-1].digest' | cut -d: -f2)" epoch | grep -x $EPOCH
    # the argument wins over the environment, and it may be taken back
    CONTEXT=$SUITE_DIR/env.ctx OPTIONS="--build-arg SOURCE_DATE_EPOCH=86400" build env env SOURCE_DATE_EPOCH=$EPOCH
    [ "$(config env | jq -r .created)" = 1970-01-02T00:00:00Z ]
    CONTEXT=$SUITE_DIR/env.ctx OPTIONS="--build-arg SOURCE_DATE_EPOCH=" build env env SOURCE_DATE_EPOCH=$EPOCH
    [[ ! $(config env | jq -r .created) < $begun ]]
}

@test "rewrite-timestamp clamps the files of new layers" {
    need jq
    mkdir -p "$SUITE_DIR/clamp.ctx"
    printf 'FROM busybox\nCOPY old new /\n' >"$SUITE_DIR/clamp.ctx/Dockerfile"
    touch -d @1000000000 "$SUITE_DIR/clamp.ctx/old"
    touch "$SUITE_DIR/clamp.ctx/new"
    cd "$SUITE_DIR/clamp.ctx"
    local args=(build --quiet --build-context "busybox=oci-layout://$SUITE_DIR/busybox:latest")
    mkdir -p "$SUITE_DIR/clamp"
    SOURCE_DATE_EPOCH=$EPOCH cooper "${args[@]}" --output "type=oci,dest=$SUITE_DIR/clamp/layout,rewrite-timestamp=true" .
    [ "$(times clamp 1 | sort)" = $'2001-09-09T01:46:40 old\n2020-09-13T12:26:40 new' ]
    [ "$(times clamp 0 | grep bin/busybox)" = "2023-11-14T22:13:20 ./bin/busybox" ]
    run -0 --separate-stderr cooper "${args[@]}" --quiet=false --output "type=oci,dest=$SUITE_DIR/clamp/other,rewrite-timestamp=true" .
    [[ $stderr == *"without SOURCE_DATE_EPOCH"* ]]
    run -1 --separate-stderr cooper export nothing --output "type=oci,dest=$SUITE_DIR/clamp/other,rewrite-timestamp=true"
}

@test "the moment of a commit, of an archive, of a base; nothing better than 1980" {
    need git
    need jq
    local ctx=$SUITE_DIR/git.ctx
    mkdir -p "$ctx/sub"
    printf 'FROM scratch AS nothing\nFROM busybox AS base\nFROM base AS child\nFROM scratch\nCOPY f /\n' >"$ctx/sub/Dockerfile"
    echo f >"$ctx/sub/f"
    CONTEXT=$ctx/sub OPTIONS=--reproducible build moment env
    [ "$(config moment | jq -r .created)" = 1980-01-01T00:00:00Z ]
    CONTEXT=$ctx/sub OPTIONS=--reproducible=git run -1 build moment env
    [[ $output == *"no checkout of git"* ]]
    git -C "$ctx" init -q
    git -C "$ctx" add .
    GIT_COMMITTER_DATE="1234567890 +0900" git -C "$ctx" -c user.name=a -c user.email=b commit -qm c
    for options in --reproducible --reproducible=git "--build-arg SOURCE_DATE_EPOCH=context"; do
        CONTEXT=$ctx/sub OPTIONS=$options build moment env
        [ "$(config moment | jq -r .created)" = 2009-02-13T23:31:30Z ]
    done
    for what in base child busybox; do
        CONTEXT=$ctx/sub OPTIONS="--build-arg SOURCE_DATE_EPOCH=$what" build moment env
        [ "$(config moment | jq -r .created)" = 2023-11-14T22:13:20Z ]
    done
    touch -d @1111111111 "$ctx/sub/f"
    touch -d @1111111110 "$ctx/sub/Dockerfile"
    tar -C "$ctx/sub" -cf "$ctx/all.tar" f Dockerfile
    CONTEXT=- OPTIONS="--build-arg SOURCE_DATE_EPOCH=context" build moment env <"$ctx/all.tar"
    [ "$(config moment | jq -r .created)" = 2005-03-18T01:58:31Z ]
    CONTEXT=$ctx/sub OPTIONS="--build-arg SOURCE_DATE_EPOCH=yesterday" run -1 build moment env
    [[ $output == *"'yesterday' is no moment"* ]]
    # the file may say it itself
    sed -i '1i ARG SOURCE_DATE_EPOCH=86400' "$ctx/sub/Dockerfile"
    CONTEXT=$ctx/sub OPTIONS="" build moment env
    [ "$(config moment | jq -r .created)" = 1970-01-02T00:00:00Z ]
}

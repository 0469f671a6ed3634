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

@test "audit: an image of a registry is read there as in the store, and nothing of it is kept" {
    "$COOPER" audit --no-fail --brief "docker://$REGISTRY/app:1" | sed 's/^[^ ]*: //' >"$BATS_TEST_TMPDIR/there"
    "$COOPER" audit --no-fail --brief "$REGISTRY/app:1" | sed 's/^[^ ]*: //' | diff "$BATS_TEST_TMPDIR/there" -
    [ -s "$BATS_TEST_TMPDIR/there" ]
    [ -z "$("$COOPER" images -q)" ]
    [ -z "$(find "$COOPER_ROOT/blobs" "$COOPER_ROOT/trees" "$COOPER_ROOT/tmp" -type f)" ]
    "$COOPER" pull -q "$REGISTRY/app:1" >/dev/null
    "$COOPER" audit --no-fail --brief "store:$REGISTRY/app:1" | sed 's/^[^ ]*: //' |
        grep -v CP223 | diff "$BATS_TEST_TMPDIR/there" -
    fresh_store
    run "$COOPER" audit "docker://$LIAR/f.swapped/app:1"
    [ "$status" = 1 ]
    [[ $output == *digest* ]]
}

@test "lint: the digest of a base that was pulled is written where it is asked for" {
    cd "$BATS_TEST_TMPDIR"
    printf 'FROM %s AS a\nFROM a\nFROM other:1\nUSER 1001\n' "$REGISTRY/app:1" >Dockerfile
    "$COOPER" lint --no-fail --fix --enable CP204 >/dev/null
    run -1 grep @ Dockerfile
    "$COOPER" pull -q "$REGISTRY/app:1"
    "$COOPER" pull -q "$REGISTRY/app:1" other:1
    "$COOPER" lint --no-fail --fix >/dev/null
    run -1 grep @ Dockerfile
    "$COOPER" lint --no-fail --fix --enable base-no-digest >/dev/null
    diff Dockerfile - <<<"FROM $REGISTRY/app:1@$WANT AS a
FROM a
FROM other:1
USER 1001"
    "$COOPER" build -q --target a . # what it names is what was pulled
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
    for fault in busy-1 busydate-1 unavailable-1 reset-3 stale nodigest nolength typeparam notype cutonce-50 droponce-50 cutonce-5 droponce-5; do
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
big.swapped : layer sha256:
big.cut-50 bytes remaining to read
big.long longer than announced
big.endless longer than announced
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
pathdigest etc/passwd' is malformed
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
    [[ $output == *'"closes" soon?]0;owned?'* ]]
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
    # build asks the same way
    fresh_store
    printf 'FROM %s/app:1\n' "$SAFE" >"$BATS_TEST_TMPDIR/Dockerfile"
    "$COOPER" build -q --tls-verify "$BATS_TEST_TMPDIR"
    # what it leads to has its certificate of the same authority
    fresh_store
    "$COOPER" pull -q --tls-verify "$SAFE/f.redirect/app:1"
    rm -rf "$HOME/.config/containers"
    run "$COOPER" pull --tls-verify "$LIAR/app:1" # plain HTTP
    [ "$status" = 1 ]
    [[ $output == *"--tls-verify=false"* ]]
    run "$COOPER" build --tls-verify --pull "$BATS_TEST_TMPDIR"
    [ "$status" = 1 ]
    [[ $output == *"certs.d/$SAFE/ca.crt"* ]]
    "$COOPER" build -q --tls-verify=false --pull "$BATS_TEST_TMPDIR"
}

@test "pull: a certificate of ours is shown to its registry, and to nobody else" {
    need openssl
    cd "$BATS_TEST_TMPDIR"
    for n in server client; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$n \
            -addext subjectAltName=IP:127.0.0.1 -keyout $n.key -out $n.cert 2>/dev/null
    done
    start_liar MUTUAL --tls server.cert server.key --client-ca client.cert
    run "$COOPER" pull "$MUTUAL/app:1"
    [ "$status" = 1 ]
    dir=$HOME/.config/containers/certs.d/$MUTUAL
    mkdir -p "$dir"
    cp server.cert "$dir/ca.crt"
    cp client.cert client.key "$dir/"
    "$COOPER" load -q -i "$SUITE_DIR/layout" -t web
    "$COOPER" push -q --tls-verify web "$MUTUAL/app:1"
    fresh_store
    "$COOPER" pull -q --tls-verify "$MUTUAL/app:1"
    fresh_store
    "$COOPER" pull -q --tls-verify "$MUTUAL/f.redirect/app:1"
    # one folder of the command line, for the side that it is of
    mv "$dir" "$BATS_TEST_TMPDIR/folder"
    "$COOPER" copy -q --src-cert-dir "$BATS_TEST_TMPDIR/folder" --src-tls-verify "$MUTUAL/app:1" "$LIAR/fetched/app:1"
    "$COOPER" copy -q --dest-cert-dir "$BATS_TEST_TMPDIR/folder" "$LIAR/fetched/app:1" "$MUTUAL/sent/app:1"
    run "$COOPER" copy --dest-cert-dir "$BATS_TEST_TMPDIR/folder" "$MUTUAL/app:1" "$LIAR/fetched/app:2"
    [ "$status" = 1 ]
    run "$COOPER" copy --src-cert-dir "$BATS_TEST_TMPDIR/folder" "$MUTUAL/app:1" "$MUTUAL/sent/app:2"
    [ "$status" = 1 ]
    mv "$BATS_TEST_TMPDIR/folder" "$dir"
    rm "$dir/client.key"
    fresh_store
    run "$COOPER" pull "$MUTUAL/app:1"
    [ "$status" = 1 ]
    [[ $output == *"belong together"* ]]
    rm -rf "$HOME/.config/containers"
}

# start_proxy PORT: a proxy on $PROXY; whatever host it is asked for, it goes to PORT. $BATS_TEST_TMPDIR/proxy.log has the heads.
start_proxy() {
    cat >proxy.py <<'END'
import select, socket, sys, threading
target, listener = int(sys.argv[1]), socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
log = open(sys.argv[2], "a", buffering=1)
def serve(client):
    head = b""
    while b"\r\n\r\n" not in head:
        more = client.recv(4096)
        if not more:
            return
        head += more
    log.write(head.decode(errors="replace"))
    upstream = socket.create_connection(("127.0.0.1", target))
    if head.startswith(b"CONNECT "):
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    else:
        method, url, rest = head.split(b" ", 2)
        upstream.sendall(method + b" /" + url.split(b"/", 3)[3] + b" " + rest.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    while True:
        for s in select.select([client, upstream], [], [])[0]:
            data = s.recv(65536)
            (upstream if s is client else client).sendall(data)
            if not data:
                client.close(), upstream.close()
                return
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
END
    mkfifo proxy.port
    python3 proxy.py "$1" proxy.log >proxy.port 2>/dev/null 3>&- &
    echo $! >>"$SUITE_DIR/registries.pids"
    read -r port <proxy.port
    PROXY=http://127.0.0.1:$port
}

@test "pull: by the proxy of the environment, CONNECT for TLS; not where NO_PROXY says so, and not this machine" {
    need openssl
    cd "$BATS_TEST_TMPDIR"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=registry.test \
        -addext subjectAltName=DNS:registry.test,IP:127.0.0.1 -keyout key -out cert 2>/dev/null
    start_liar BEHIND --tls cert key
    skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$SUITE_DIR/layout:example.com/app:1" "docker://$BEHIND/app:1"
    start_proxy "${BEHIND#*:}"
    mkdir -p "$HOME/.config/containers/certs.d/registry.test"
    cp cert "$HOME/.config/containers/certs.d/registry.test/ca.crt"
    HTTPS_PROXY=$PROXY "$COOPER" pull -q registry.test/app:1
    grep -q '^CONNECT registry.test:443 ' proxy.log
    ! grep -qi '^authorization' proxy.log
    https_proxy=http://me:word@${PROXY#http://} "$COOPER" pull -q registry.test/app:1
    grep -qi '^proxy-authorization: basic bWU6d29yZA==' proxy.log
    : >proxy.log
    HTTPS_PROXY=$PROXY NO_PROXY=other,.test run "$COOPER" pull registry.test/app:1 again
    [ "$status" = 1 ]
    HTTPS_PROXY=$PROXY "$COOPER" pull -q "$BEHIND/app:1" here
    [ ! -s proxy.log ]
    rm -rf "$HOME/.config/containers"
}

# ---- push ----

# push_to FAULT: the sample, to a repository of the liar that nobody has seen.
push_to() { "$COOPER" push web "$LIAR/f.$1/new$((RANDOM)):1"; }
load_sample() { "$COOPER" load -q -i "$SUITE_DIR/layout" -t web >/dev/null; }

@test "push: what skopeo pulls is what came in; again it sends nothing" {
    load_sample
    run "$COOPER" push web "$REGISTRY/there:1"
    [ "$status" = 0 ]
    [[ $output == *"Pushed $REGISTRY/there:1: $WANT"* ]]
    skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$REGISTRY/there:1" "oci:$BATS_TEST_TMPDIR/back:1"
    [ "$(digest_of_layout "$BATS_TEST_TMPDIR/back")" = "$WANT" ]
    "$COOPER" push -q web "$LIAR/there:1"
    : >"$LIAR_LOG"
    "$COOPER" push -q web "$LIAR/there:2"
    [ "$(requests "$LIAR_LOG" | grep -vc '^HEAD .* 200$')" = 1 ] # the manifest
    [ "$(grep -c . "$LIAR_LOG")" -le 5 ] # one a blob, and two
}

@test "push: many layers need few descriptors" {
    mkdir "$BATS_TEST_TMPDIR/many"
    {
        echo FROM scratch
        for i in $(seq 90); do echo "COPY Dockerfile /$i"; done
    } >"$BATS_TEST_TMPDIR/many/Dockerfile"
    "$COOPER" build -q -t many "$BATS_TEST_TMPDIR/many"
    (ulimit -n 64 && "$COOPER" push -q many "$LIAR/many:1")
    [ "$(skopeo inspect --tls-verify=false --format '{{len .Layers}}' "docker://$LIAR/many:1")" = 90 ]
}

@test "push: a pulled image keeps docker's types and its digest" {
    skopeo --insecure-policy copy -q --format v2s2 --src-tls-verify=false --dest-tls-verify=false \
        "docker://$REGISTRY/app:1" "docker://$REGISTRY/v2s2:1"
    "$COOPER" pull -q "$REGISTRY/v2s2:1"
    want=$(skopeo inspect --format '{{.Digest}}' --tls-verify=false "docker://$REGISTRY/v2s2:1")
    [ "$want" != "$WANT" ]
    [ "$("$COOPER" push -q "$REGISTRY/v2s2:1" "$REGISTRY/other:1")" = "$want" ]
    [ "$(skopeo inspect --format '{{.Digest}}' --tls-verify=false "docker://$REGISTRY/other:1")" = "$want" ]
}

@test "push: layers of another repository of the registry are mounted" {
    "$COOPER" pull -q "$LIAR/app:1"
    : >"$LIAR_LOG"
    "$COOPER" push -q "$LIAR/app:1" "$LIAR/mounted:1"
    [ "$(requests "$LIAR_LOG" | grep -c 'mount=.*201$')" = 2 ]
    [ "$(requests "$LIAR_LOG" | grep -c '^PUT .*uploads')" = 1 ] # the configuration
    for fault in mount405 nomount nofrom; do
        "$COOPER" push -q "$LIAR/app:1" "$LIAR/f.$fault/mounted$fault:1"
    done
}

@test "push: --compression packs all layers anew" {
    load_sample
    "$COOPER" push -q --compression zstd web "$REGISTRY/packed:zstd"
    skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/packed:zstd" |
        jq -e '[.layers[].mediaType] | all(endswith("tar+zstd"))'
    fresh_store
    "$COOPER" pull -q "$REGISTRY/packed:zstd"
    "$COOPER" unpack "$REGISTRY/packed:zstd" "$BATS_TEST_TMPDIR/zstd"
    [ "$(cat "$BATS_TEST_TMPDIR/zstd/new/f")" = new ]
}

@test "push: what passes is waited for, Locations are followed, nothing leaks" {
    load_sample
    : >"$LIAR_LOG"
    for fault in relative foreign busy-1 busydate-1 unavailable-1 reset-3 stale nodigest nolength dropput-5 dropput-50 \
        putelsewhere unordered lost zero nochunk minchunk-100000; do
        echo "$fault"
        run push_to "$fault"
        [ "$status" = 0 ]
    done
    [ -n "$(requests "$LIAR_LOG" '.host == "other" and .method == "PUT" and (.path | contains("putelsewhere")|not)')" ]
    no_secret_left "$LIAR_LOG"
    # one that does not say how long what it has is has it
    "$COOPER" push -q web "$LIAR/f.nolength/twice:1"
    : >"$LIAR_LOG"
    "$COOPER" push -q web "$LIAR/f.nolength/twice:2"
    [ -z "$(requests "$LIAR_LOG" '.method == "POST"')" ]
}

@test "push: what does not pass says what it is" {
    load_sample
    while read -r fault words; do
        run push_to "$fault"
        [ "$status" = 1 ] || { echo "$fault: $status $output"; false; }
        [[ $output == *"$words"* ]] || { echo "$fault: $output"; false; }
    done <<'END'
fileurl is no URL of HTTP
badput it was kept as
error access is denied
toomany [429]
chatty has more than
END
}

@test "push: layouts and archives, and names that cannot be" {
    load_sample
    "$COOPER" push -q web "oci:$BATS_TEST_TMPDIR/out:9"
    [ "$(digest_of_layout "$BATS_TEST_TMPDIR/out")" = "$WANT" ]
    [ "$(skopeo inspect --format '{{.Digest}}' "oci:$BATS_TEST_TMPDIR/out:9")" = "$WANT" ]
    "$COOPER" push -q web "docker-archive:$BATS_TEST_TMPDIR/out.tar:some/name:3"
    tar -xOf "$BATS_TEST_TMPDIR/out.tar" manifest.json | jq -e '.[0].RepoTags == ["some/name:3"]'
    for name in "app@$WANT" "app:1@sha256:$(printf '%064d' 1)"; do
        run "$COOPER" push web "$REGISTRY/$name"
        [ "$status" = 1 ]
        [[ $output == *"a digest is no name to push to"* ]]
    done
    run "$COOPER" push "$("$COOPER" images -q)"
    [ "$status" = 2 ]
    run "$COOPER" push nothing "$REGISTRY/app:1"
    [ "$status" = 1 ]
    # what is said is said in words that were typed
    run "$COOPER" push --compression lzma web "$REGISTRY/app:1"
    [ "$status" = 2 ]
    [ "${lines[0]}" = "cooper: there is no compression 'lzma'" ]
    run "$COOPER" pull dir:nowhere
    [ "$status" = 1 ]
    [ "$output" = "cooper: copy dir:nowhere to the store: open 'nowhere': No such file or directory" ]
    run "$COOPER" pull "https://$REGISTRY/app:1"
    [ "$status" = 2 ]
    [[ $output == *"it is a URL"*"HOST[:PORT]/NAME[:TAG]"* ]]
}

# ---- build ----

@test "build: FROM pulls what the store has not, and only when a step has to run" {
    mkdir "$BATS_TEST_TMPDIR/c"
    printf 'FROM %s/app:1\nRUN ["/bin/busybox", "true"]\n' "$LIAR" >"$BATS_TEST_TMPDIR/c/Dockerfile"
    run "$COOPER" build --pull never -t made "$BATS_TEST_TMPDIR/c"
    [ "$status" = 1 ]
    [[ $output == *"neither in the store"* ]]
    "$COOPER" build -t made "$BATS_TEST_TMPDIR/c"
    "$COOPER" inspect "$LIAR/app:1"
    : >"$LIAR_LOG"
    "$COOPER" build -t made "$BATS_TEST_TMPDIR/c"
    [ ! -s "$LIAR_LOG" ]
    # without the image everything is known still: its manifest and configuration are all that is asked for
    "$COOPER" rmi "$LIAR/app:1"
    run "$COOPER" build -t again "$BATS_TEST_TMPDIR/c"
    [[ $output == *"every step from the cache"* ]]
    [ "$(grep -c . "$LIAR_LOG")" = 2 ]
    # a newer one under the same name
    "$COOPER" build -q -t "$LIAR/moving:1" --push "$BATS_TEST_TMPDIR/c"
    printf 'FROM %s/moving:1\n' "$LIAR" >"$BATS_TEST_TMPDIR/c/Dockerfile"
    "$COOPER" build -q -t one "$BATS_TEST_TMPDIR/c"
    printf 'FROM scratch\nLABEL newer=yes\n' | "$COOPER" build -q -t "$LIAR/moving:1" --push - </dev/stdin
    "$COOPER" build -q -t two "$BATS_TEST_TMPDIR/c"
    [ "$("$COOPER" inspect -f '{{.Id}}' one)" = "$("$COOPER" inspect -f '{{.Id}}' two)" ]
    "$COOPER" build --pull -q -t three "$BATS_TEST_TMPDIR/c"
    [ "$("$COOPER" inspect -f '{{.Config.Labels.newer}}' three)" = yes ]
    # what the store has is not looked at with --pull: that it is not there would be no answer
    "$COOPER" tag three 127.0.0.1:1/gone:1
    printf 'FROM 127.0.0.1:1/gone:1\n' >"$BATS_TEST_TMPDIR/c/Dockerfile"
    run "$COOPER" build --pull "$BATS_TEST_TMPDIR/c"
    [ "$status" = 1 ]
    [[ $output == *"ask for image '127.0.0.1:1/gone:1'"*"hint: --pull=missing"* ]]
    # an id is asked of nobody
    printf 'FROM %s\n' "$("$COOPER" inspect -f '{{.Id}}' three)" >"$BATS_TEST_TMPDIR/c/Dockerfile"
    "$COOPER" build -q --pull "$BATS_TEST_TMPDIR/c"
}

@test "build: what the store has by tag or digest is asked for nowhere" {
    mkdir "$BATS_TEST_TMPDIR/c"
    "$COOPER" build -q --push --platform linux/amd64,linux/arm64 -t "$LIAR/index:1" - <<<$'FROM scratch\nLABEL a=b'
    index=$(curl -sfI -H 'Accept: application/vnd.oci.image.index.v1+json' "http://$LIAR/v2/index/manifests/1" | tr -d '\r' | sed -n 's/^docker-content-digest: //Ip')
    fresh_store
    "$COOPER" pull -q "$LIAR/app:1"
    "$COOPER" pull -q "$LIAR/index@$index"
    : >"$LIAR_LOG"
    for from in "$LIAR/app:1" "$LIAR/app@$WANT" "$LIAR/app:1@$WANT" "$LIAR/app:gone@$WANT" "$LIAR/index@$index"; do
        printf 'FROM %s\nLABEL c=d\n' "$from" >"$BATS_TEST_TMPDIR/c/Dockerfile"
        "$COOPER" build -q -t one "$BATS_TEST_TMPDIR/c"
        "$COOPER" inspect "$from"
    done
    printf 'FROM scratch\nCOPY --from=%s /etc/hello /\n' "$LIAR/app@$WANT" >"$BATS_TEST_TMPDIR/c/Dockerfile"
    "$COOPER" build -q "$BATS_TEST_TMPDIR/c"
    [ "$(grep -c . "$LIAR_LOG")" = 0 ]
    printf 'FROM %s\n' "$LIAR/app@$WANT" >"$BATS_TEST_TMPDIR/c/Dockerfile"
    "$COOPER" build --pull -q "$BATS_TEST_TMPDIR/c"
    [ "$(grep -c . "$LIAR_LOG")" -gt 0 ]
    # another platform of the index is not here
    : >"$LIAR_LOG"
    printf 'FROM %s\n' "$LIAR/index@$index" >"$BATS_TEST_TMPDIR/c/Dockerfile"
    "$COOPER" build --platform linux/arm64 -q -t two "$BATS_TEST_TMPDIR/c"
    [ "$("$COOPER" inspect -f '{{.Architecture}}' two)" = arm64 ]
    [ "$(grep -c . "$LIAR_LOG")" -gt 0 ]
}

@test "build: --push and outputs with push=true, several names, an index" {
    mkdir "$BATS_TEST_TMPDIR/c"
    printf 'FROM scratch\nCOPY Dockerfile /\n' >"$BATS_TEST_TMPDIR/c/Dockerfile"
    "$COOPER" build -q --push -t "$REGISTRY/built:1" -t "$REGISTRY/built:2" -t "$REGISTRY/elsewhere:1" \
        --metadata-file "$BATS_TEST_TMPDIR/meta" "$BATS_TEST_TMPDIR/c"
    want=$(jq -r '."containerimage.digest"' "$BATS_TEST_TMPDIR/meta")
    for name in built:1 built:2 elsewhere:1; do
        [ "$(skopeo inspect --format '{{.Digest}}' --tls-verify=false "docker://$REGISTRY/$name")" = "$want" ]
    done
    [ -z "$("$COOPER" images -q)" ]
    "$COOPER" build -q -o "type=image,name=$REGISTRY/both:1,push=true,compression=zstd,force-compression=true" "$BATS_TEST_TMPDIR/c"
    "$COOPER" inspect "$REGISTRY/both:1"
    skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/both:1" | grep -q tar+zstd
    "$COOPER" build -q --push --platform linux/amd64,linux/arm64 -t "$REGISTRY/many:1" "$BATS_TEST_TMPDIR/c"
    skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/many:1" | jq -e '[.manifests[].platform.architecture] == ["amd64", "arm64"]'
    "$COOPER" pull -q --platform linux/arm64 "$REGISTRY/many:1" arm
    [ "$("$COOPER" inspect -f '{{.Architecture}}' arm)" = arm64 ]
    run "$COOPER" pull --platform linux/s390x "$REGISTRY/many:1"
    [ "$status" = 1 ]
    [[ $output == *"linux/arm64"* ]]
}

@test "build: provenance goes along, by the tag of referrers where there is nothing better" {
    mkdir "$BATS_TEST_TMPDIR/c"
    printf 'FROM scratch\nCOPY Dockerfile /\n' >"$BATS_TEST_TMPDIR/c/Dockerfile"
    start_liar KNOWS --referrers
    for host in "$REGISTRY" "$KNOWS"; do
        "$COOPER" build -q --provenance=mode=max --push -t "$host/proved:1" --metadata-file "$BATS_TEST_TMPDIR/meta" "$BATS_TEST_TMPDIR/c"
        digest=$(jq -r '."containerimage.digest"' "$BATS_TEST_TMPDIR/meta")
        path=manifests/${digest/:/-}
        [ "$host" = "$REGISTRY" ] || path=referrers/$digest
        curl -sf -H 'Accept: application/vnd.oci.image.index.v1+json' "http://$host/v2/proved/$path" |
            jq -e '.manifests | length == 1 and .[0].artifactType == "application/vnd.in-toto+json"'
    done
}

# ---- cache ----

@test "cache: two builders, one registry: the second runs nothing" {
    mkdir "$BATS_TEST_TMPDIR/c"
    cat >"$BATS_TEST_TMPDIR/c/Dockerfile" <<END
FROM $REGISTRY/app:1 AS tools
RUN ["/bin/busybox", "true"]
FROM $REGISTRY/app:1
COPY --from=tools /etc/hello /copied
COPY Dockerfile /srv/
END
    cd "$BATS_TEST_TMPDIR/c"
    "$COOPER" build -t one --cache-to "type=registry,ref=$REGISTRY/cache:max,mode=max" .
    fresh_store
    run "$COOPER" build -t two --cache-from "type=registry,ref=$REGISTRY/cache:max" .
    [ "$status" = 0 ]
    [[ $output == *"every step from the cache"* ]]
    "$COOPER" unpack two "$BATS_TEST_TMPDIR/two"
    [ "$(cat "$BATS_TEST_TMPDIR/two/copied")" = hello ]
    # what is inline in an image that was pushed
    fresh_store
    "$COOPER" build -q -t "$REGISTRY/inline:1" --push --cache-to type=inline .
    fresh_store
    run "$COOPER" build -t three --cache-from "$REGISTRY/inline:1" .
    [[ $output == *"every step from the cache"* ]]
}

@test "cache: one that cannot be read or written" {
    mkdir "$BATS_TEST_TMPDIR/c"
    printf 'FROM scratch\nCOPY Dockerfile /\n' >"$BATS_TEST_TMPDIR/c/Dockerfile"
    cd "$BATS_TEST_TMPDIR/c"
    run "$COOPER" build -t one --cache-from "type=registry,ref=$LIAR/nothing:1" .
    [ "$status" = 0 ]
    [[ $output == *"is not used"* ]]
    run "$COOPER" build -t one --cache-to "type=registry,ref=$LIAR/f.error/cache:1" .
    [ "$status" = 1 ]
    run "$COOPER" build -t one --cache-to "type=registry,ref=$LIAR/f.error/cache:1,ignore-error=true" .
    [ "$status" = 0 ]
    run "$COOPER" build --cache-to type=registry .
    [ "$status" = 2 ]
    [[ $output == *"ref="* ]]
}

# ---- copy ----

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

# ---- in another process ----

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
    for _ in $(seq 600); do
        [ -z "$(find "$COOPER_ROOT/tmp" -path '*/fs/*' -size +500k 2>/dev/null)" ] || return 0
        sleep 0.05
    done
    cat "$BATS_TEST_TMPDIR/pull.out"
    kill "$PULL"
    return 1
}

@test "pull: a layer becomes a tree while it comes" {
    large_layout
    "$COOPER" copy -q "oci:$SUITE_DIR/large:1" "$LIAR/grow:1"
    held "$LIAR/f.hold-2000/grow:1"
    [ -z "$(find "$COOPER_ROOT/trees" "$COOPER_ROOT/blobs/sha256" -mindepth 1)" ] # nothing has a name
    echo on >"$LIAR_LOG.go"
    wait "$PULL"
    [ -z "$(ls "$COOPER_ROOT/tmp")" ]
    "$COOPER" unpack "$LIAR/f.hold-2000/grow:1" "$BATS_TEST_TMPDIR/grown"
    # goes on where it broke, or begins anew: the tree with it
    layer=$(jq -r '.layers[0].digest' "$SUITE_DIR/large/blobs/sha256/${LARGE#sha256:}")
    for fault in hold-2000.x hold-2000.norange.strange; do
        held "$LIAR/f.$fault/grow:1"
        echo reset >"$LIAR_LOG.go"
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
    echo reset >"$LIAR_LOG.go"
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

# tags HOST REPOSITORY: all of them in one line.
tags() { curl -sf "http://$1/v2/$2/tags/list" | jq -r '.tags // [] | sort | join(" ")'; }

@test "--immutable: no tag of a registry is moved, by build, push or copy" {
    printf 'FROM scratch\nLABEL a=1\n' >"$BATS_TEST_TMPDIR/Dockerfile"
    ours() { "$COOPER" build -q --push --immutable -t "$REGISTRY/fixed/app:1.0.0" "$@" "$BATS_TEST_TMPDIR"; }
    ours
    ours # the same again is no move
    fresh_store
    echo 'LABEL b=2' >>"$BATS_TEST_TMPDIR/Dockerfile"
    was=$(raw "docker://$REGISTRY/fixed/app:1.0.0")
    run ours -t "$REGISTRY/fixed/app:1.0.1"
    [ "$status" = 1 ]
    [[ $output == *"'$REGISTRY/fixed/app:1.0.0' names another image: $was"* ]]
    [ "$(tags "$REGISTRY" fixed/app)" = 1.0.0 ] # nor is the other name there
    run "$COOPER" inspect "$REGISTRY/fixed/app:1.0.0"
    [ "$status" = 1 ]
    "$COOPER" build -q -t other "$BATS_TEST_TMPDIR"
    for words in "push other" "copy store:other" "copy $REGISTRY/app:1"; do
        # shellcheck disable=SC2086 # words
        run "$COOPER" $words --immutable "$REGISTRY/fixed/app:1.0.0"
        [ "$status" = 1 ]
        [[ $output == *"another image: $was"* ]] || { echo "$output"; false; }
    done
    "$COOPER" push -q --immutable other "$REGISTRY/fixed/app:1.0.2"
    "$COOPER" push -q --immutable other "$REGISTRY/fixed/app:1.0.2"
    # nor out of a layout, which does not go by way of the store
    "$COOPER" push -q other "oci:$BATS_TEST_TMPDIR/other:1"
    run "$COOPER" push -q --immutable "oci:$BATS_TEST_TMPDIR/other:1" "$REGISTRY/fixed/app:1.0.0"
    [ "$status" = 1 ]
    [[ $output == *"has another image: $was"* ]]
    [ "$(raw "docker://$REGISTRY/fixed/app:1.0.0")" = "$was" ]
    "$COOPER" push -q other "$REGISTRY/fixed/app:1.0.0"
    [ "$(raw "docker://$REGISTRY/fixed/app:1.0.0")" != "$was" ]
}

@test "rmi docker://: a tag goes, and no other one with it" {
    for host in "$REGISTRY" "$LIAR"; do
        for tag in a b c; do "$COOPER" copy -q "$REGISTRY/app:1" "$host/tags/app:$tag"; done
        run "$COOPER" rmi "docker://$host/tags/app:b"
        [ "$status" = 0 ]
        [ "$output" = "Untagged: $host/tags/app:b" ]
        [ "$(tags "$host" tags/app)" = "a c" ]
        "$COOPER" pull -q "$host/tags/app:a"
        run "$COOPER" rmi "docker://$host/tags/app:b"
        [ "$status" = 1 ]
        [[ $output == *"[404]"* ]]
        run "$COOPER" rmi "docker://$host/tags/app@$WANT"
        [ "$status" = 1 ]
        [[ $output == *"tag '"[ac]"' has this digest too"* ]]
        "$COOPER" rmi "docker://$host/tags/app:a" "docker://$host/tags/app:c"
        [ "$(tags "$host" tags/app)" = "" ]
        [ "$host" != "$LIAR" ] || "$COOPER" rmi "docker://$host/tags/app@$WANT"
    done
}

@test "rmi docker://: where tags cannot be deleted, nor anything else" {
    for tag in 1 2 3; do "$COOPER" copy -q "$REGISTRY/app:1" "$LIAR/old/app:$tag"; done
    : >"$LIAR_LOG"
    "$COOPER" rmi "docker://$LIAR/f.notagdelete/old/app:2"
    [ "$(tags "$LIAR" old/app)" = "1 3" ]
    ! grep -q "\"DELETE\".*$WANT" "$LIAR_LOG" # not by the digest that the others have
    run "$COOPER" rmi "docker://$LIAR/f.nodelete/old/app:1"
    [ "$status" = 1 ]
    [[ $output == *"the registry deletes nothing"*"its owner has to allow it"* ]]
    [ "$(tags "$LIAR" old/app)" = "1 3" ]
    # no dummy is taken: only what nobody else has goes
    run "$COOPER" rmi "docker://$LIAR/f.notagdelete.noput/old/app:1"
    [ "$status" = 1 ]
    [[ $output == *"tag '3' has this digest too"* ]]
    "$COOPER" rmi "docker://$LIAR/old/app:3"
    "$COOPER" rmi "docker://$LIAR/f.notagdelete.noput.pages-1/old/app:1"
    [ "$(tags "$LIAR" old/app)" = "" ]
    # an index that lists it would be broken
    printf 'FROM scratch\nLABEL a=b\n' >"$BATS_TEST_TMPDIR/Dockerfile"
    "$COOPER" build -q --platform linux/amd64,linux/arm64 --push -t "$LIAR/listed/app:all" "$BATS_TEST_TMPDIR"
    "$COOPER" copy -q "$LIAR/listed/app:all" "$LIAR/listed/app:one"
    run "$COOPER" rmi "docker://$LIAR/f.notagdelete.noput/listed/app:one"
    [ "$status" = 1 ]
    [[ $output == *"tag 'all' has this digest too"* ]]
    # whatever type the registry says that it has
    run "$COOPER" rmi "docker://$LIAR/f.notagdelete.noput.notype/listed/app:one"
    [ "$status" = 1 ]
    [[ $output == *"tag 'all' has this digest too"* ]]
    [ "$(tags "$LIAR" listed/app)" = "all one" ]
    # a dummy that was taken and called refused leaves no tag behind, and takes nothing else along
    "$COOPER" rmi "docker://$LIAR/f.notagdelete.badput/listed/app:one"
    [ "$(tags "$LIAR" listed/app)" = "all" ]
    "$COOPER" copy -q --all "$LIAR/listed/app:all" "$LIAR/listed/app:again"
}

# raw PLACE: the digest of what skopeo sees there.
raw() { echo "sha256:$(skopeo inspect --raw --tls-verify=false "$1" | sha256sum | cut -d' ' -f1)"; }
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

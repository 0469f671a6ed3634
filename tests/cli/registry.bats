# Images to and from registries: Debian's docker-registry, and one that goes wrong on purpose.
load common
load registries

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
push_to() { "$COOPER" push web "$LIAR/f.$1/new$BATS_TEST_NUMBER-$1:1"; }
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

# cooper build: real builds over a busybox of our own.
load common
load images
load builds

ran() { [[ $output != *"CACHED"* ]]; }

@test "RUN, COPY, WORKDIR, metadata: one of each" {
    echo hello >"$CTX/hello.txt"
    dockerfile <<'E'
FROM busybox
ENV GREETING=hi
WORKDIR /srv/app
COPY hello.txt ./
RUN echo "$GREETING" >said; cat hello.txt >>said
USER 1000:1000
CMD ["sh", "-c", "cat said"]
E
    run -0 build -t one
    files one
    [ "$(cat "$CTX.out/srv/app/said")" = $'hi\nhello' ]
    run -0 cooper inspect one
    [[ $output == *'"WorkingDir": "/srv/app"'* ]]
    [[ $output == *'"User": "1000:1000"'* ]]
}

@test "iidfile and metadata-file: of this build or of none; --load, --pull, --label" {
    printf 'FROM scratch\nLABEL a=file b=file\n' | dockerfile
    run -0 cooper build --load --pull=never --label a=line --label=c= -t loaded --output "type=tar,dest=$CTX.tar" --iidfile "$CTX.id" --metadata-file "$CTX.json" "$CTX"
    [ "$(cooper inspect -f '{{.Id}}' loaded)" = "$(cat "$CTX.id")" ]
    [ "$(cooper inspect -f '{{json .Config.Labels}}' loaded)" = '{"a":"line","b":"file","c":""}' ]
    printf 'FROM nowhere:1\n' | dockerfile
    run -1 cooper build --iidfile "$CTX.id" --metadata-file "$CTX.json" "$CTX"
    [ ! -e "$CTX.id" ] && [ ! -e "$CTX.json" ]
    # a link (/dev/stdout is one), a pipe or a device is written through, and never removed
    ln -s "$CTX.where" "$CTX.link"
    mkfifo "$CTX.fifo"
    run -1 cooper build --iidfile "$CTX.link" --metadata-file "$CTX.fifo" "$CTX"
    [ -L "$CTX.link" ] && [ -p "$CTX.fifo" ]
    printf 'FROM scratch\nLABEL a=file b=file\n' | dockerfile
    cat "$CTX.fifo" >"$CTX.piped" &
    cooper build --iidfile "$CTX.link" --metadata-file "$CTX.fifo" -t linked "$CTX"
    wait $!
    [ -L "$CTX.link" ] && [ -p "$CTX.fifo" ]
    [ "$(cat "$CTX.where")" = "$(cooper inspect -f '{{.Id}}' linked)" ]
    grep -q containerimage.config.digest "$CTX.piped"
    run -1 cooper build --iidfile "$CTX.none/id" "$CTX"
    [[ $output == *"write --iidfile"* ]]
    run -2 cooper build --pull=sometimes "$CTX"
}

@test "nothing changed: nothing runs, and the image is the same" {
    echo a >"$CTX/a"
    dockerfile <<'E'
FROM busybox
COPY a /a
RUN cat /proc/sys/kernel/random/uuid >/when
LABEL x=y
E
    run -0 build -t same --iidfile "$CTX.1"
    sleep 1 # so that a time of now in the image would be another one
    run -0 build -t same --iidfile "$CTX.2" --explain
    [[ $output == *CACHED* ]]
    [[ $output != *"changed"* ]]
    cmp "$CTX.1" "$CTX.2"
}

@test "a changed file runs its step and those above, and --explain says so" {
    echo a >"$CTX/a"
    dockerfile <<'E'
FROM busybox
RUN echo first
COPY a /a
RUN cat /a
E
    run -0 build -t changed
    echo b >"$CTX/a"
    run -0 build -t changed --explain
    [[ $output == *"COPY a /a"*"content of 'a' changed"* ]]
    [[ $output != *"RUN echo first: "* ]]
    run -0 build -t changed
    [[ $output == *CACHED* ]]
}

@test "touch is no change, chmod is one" {
    echo a >"$CTX/a"
    dockerfile <<'E'
FROM busybox
COPY a /a
E
    run -0 build -t touched --iidfile "$CTX.1"
    touch -d @1000000000 "$CTX/a"
    run -0 build -t touched --explain
    [[ $output != *"is new"* && $output != *" changed"* ]]
    chmod 0600 "$CTX/a"
    run -0 build -t touched --explain
    [[ $output == *" changed"* ]]
}

@test "a rebuilt but equal parent rebuilds nothing above it" {
    dockerfile <<'E'
FROM busybox
ARG X=1
RUN echo same >/file; touch -d @1 /file
COPY Dockerfile.keep /keep
RUN cat /proc/sys/kernel/random/uuid >/when
E
    touch "$CTX/Dockerfile.keep"
    run -0 build -t cutoff
    files cutoff
    before=$(cat "$CTX.out/when")
    sed -i 's/^RUN echo same/RUN true; echo same/' "$CTX/Dockerfile"
    run -0 build -t cutoff
    files cutoff
    [ "$(cat "$CTX.out/when")" = "$before" ]
}

@test "--no-cache runs every step" {
    dockerfile <<'E'
FROM busybox
RUN cat /proc/sys/kernel/random/uuid >/when
E
    run -0 build -t nocache
    files nocache
    before=$(cat "$CTX.out/when")
    run -0 build -t nocache --no-cache --explain
    [[ $output == *--no-cache* ]]
    files nocache
    [ "$(cat "$CTX.out/when")" != "$before" ]
}

@test "stages: by name, by number, pruned, --target" {
    dockerfile <<'E'
FROM busybox AS a
RUN echo a >/a
FROM busybox AS broken
RUN exit 9
FROM scratch AS final
COPY --from=a /a /by-name
COPY --from=0 /a /by-number
FROM final
COPY --from=broken / /
E
    run -0 build -t stages --target final
    files stages
    [ "$(cat "$CTX.out/by-name" "$CTX.out/by-number")" = $'a\na' ]
    run -1 build -t stages
    [[ $output == *"exit code: 9"* ]]
}

@test "stages run side by side" {
    # each waits for the others, as long as nobody else would
    dockerfile <<'E'
FROM busybox AS a
RUN --mount=type=cache,target=/all mkfifo /x; touch /all/a; n=0; until [ -e /all/b ] && [ -e /all/c ]; do sleep 0.02; [ $((n += 1)) -lt 5000 ] || exit 1; done; echo a >/a
FROM busybox AS b
RUN --mount=type=cache,target=/all touch /all/b; n=0; until [ -e /all/a ] && [ -e /all/c ]; do sleep 0.02; [ $((n += 1)) -lt 5000 ] || exit 1; done; echo b >/b
FROM busybox AS c
RUN --mount=type=cache,target=/all touch /all/c; n=0; until [ -e /all/a ] && [ -e /all/b ]; do sleep 0.02; [ $((n += 1)) -lt 5000 ] || exit 1; done; echo c >/c
FROM scratch
COPY --from=a /a /
COPY --from=b /b /
COPY --from=c /c /
E
    run -0 build -t parallel
}

@test "a failing step: its line, its status, its last words; siblings are stopped" {
    dockerfile <<'E'
FROM busybox AS slow
RUN sleep 100000
FROM busybox
COPY --from=slow / /
RUN true
FROM busybox AS bad
RUN echo before; \
    echo the reason >&2; exit 42
FROM scratch
COPY --from=slow / /a
COPY --from=bad / /b
E
    cooper() { timeout 600 "$COOPER" "$@"; }
    run -1 build -t failing
    [[ $output == *"exit code: 42"* ]]
    [[ $output == *"the reason"* ]]
    [[ $output == *"Dockerfile:7"* ]]
    [ -z "$(ls "$COOPER_ROOT/tmp" 2>/dev/null)" ]
}

@test "an interrupted build leaves nothing behind" {
    local word=61.$$$RANDOM # nobody else's sleep
    dockerfile <<E
FROM busybox
RUN echo started; sleep $word
E
    "$COOPER" build --progress plain --build-context "busybox=oci-layout://$SUITE_DIR/busybox:latest" "$CTX" >"$CTX.log" 2>&1 3>&- &
    pid=$!
    wait_until grep -q '[0-9] started$' "$CTX.log"
    kill -INT $pid
    local status=0
    wait $pid || status=$? # not by run: a subshell has no such child
    [ "$status" -ne 0 ]
    run -1 pgrep -f "sleep $word"
    [ -z "$(ls "$COOPER_ROOT/tmp" 2>/dev/null)" ]
}

@test "COPY: a missing source says whether .dockerignore did it" {
    mkdir "$CTX/logs"
    touch "$CTX/logs/x"
    printf '# nothing\nlogs\n' >"$CTX/.dockerignore"
    dockerfile <<'E'
FROM scratch
COPY logs/x /x
E
    run -1 build
    [[ $output == *"logs/x"* && $output == *".dockerignore line 2"* && $output == *"Dockerfile:2"* ]]
    sed -i 's/^COPY.*/COPY nowhere \/x/' "$CTX/Dockerfile"
    run -1 build
    [[ $output == *"'nowhere' is not in the build context"* && $output != *hint:* ]]
    # what was perhaps meant: the name, or that of a directory on the way
    rm "$CTX/.dockerignore"
    for it in 'Logs/x logs' 'log logs' 'logs/X logs/x' 'lgos/deep/file logs'; do
        sed -i "s,^COPY.*,COPY ${it% *} /x," "$CTX/Dockerfile"
        run -1 build
        [[ $output == *"did you mean '${it#* }'?"* ]] || { echo "$it: $output"; return 1; }
    done
    printf 'FROM busybox AS other\nFROM scratch\nCOPY --from=other /bin/busbyox /\n' | dockerfile
    run -1 build
    [[ $output == *"did you mean 'bin/busybox'?"* ]]
    printf 'FROM busybox AS other\nFROM busybox\nRUN --mount=from=other,source=bni,target=/x true\n' | dockerfile
    run -1 build
    [[ $output == *"did you mean 'bin'?"* ]]
}

@test "COPY: the rules of slashes, patterns and links" {
    mkdir -p "$CTX/dir/sub"
    for f in a.txt b.txt dir/one dir/sub/two; do echo $f >"$CTX/$f"; done
    ln -s a.txt "$CTX/link"
    dockerfile <<'E'
FROM busybox
RUN mkdir -p /real /there && ln -s real /linked
COPY *.txt /texts/
COPY a.txt /there
COPY a.txt /new-name
COPY dir /dir
COPY none* /never/
COPY link /from-link
COPY a.txt /linked/
COPY dir/s*/t?? /globbed/
E
    run -0 build -t rules
    files rules
    cd "$CTX.out"
    [ -f texts/a.txt ] && [ -f texts/b.txt ] && [ -f there/a.txt ] && [ -f new-name ]
    [ -f dir/one ] && [ -f dir/sub/two ] && [ ! -e never ]
    [ -f from-link ] && [ ! -L from-link ]
    [ -L linked ] && [ -f real/a.txt ] && [ -f globbed/two ]
}

@test "COPY onto a merged /usr follows the links instead of failing" {
    mkdir -p "$CTX/rootfs/bin" "$CTX/rootfs/etc"
    echo tool >"$CTX/rootfs/bin/tool"
    echo conf >"$CTX/rootfs/etc/conf"
    dockerfile <<'E'
FROM busybox
RUN rm -rf /usr/bin && cp -a /bin /usr/bin && rm -rf /bin && /usr/bin/busybox ln -s usr/bin /bin
COPY rootfs /
RUN test -L /bin && cat /bin/tool /etc/conf
E
    run -0 build -t merged
    files merged
    [ -L "$CTX.out/bin" ] && [ -f "$CTX.out/usr/bin/tool" ] && [ -f "$CTX.out/etc/conf" ]
}

@test "COPY --chown and --chmod, by name, number and symbol" {
    echo x >"$CTX/x"
    dockerfile <<'E'
FROM busybox
RUN echo 'app:x:1234:77:app:/home/app:/bin/sh' >>/etc/passwd && echo 'web:x:88:' >>/etc/group
COPY --chown=app x /a
COPY --chown=app:web --chmod=640 x /b
COPY --chown=55 --chmod=u=rw,go= x /c
RUN stat -c '%n %u:%g %a' /a /b /c >/stat
E
    run -0 build -t owners
    files owners
    [ "$(cat "$CTX.out/stat")" = $'/a 1234:77 644\n/b 1234:88 640\n/c 55:55 600' ]
    sed -i 's/chown=app:web/chown=nobodyhere/' "$CTX/Dockerfile"
    run -1 build -t owners
    [[ $output == *nobodyhere* ]]
}

@test "ADD unpacks what is an archive by its bytes, whatever its name" {
    mkdir "$CTX/in"
    echo in >"$CTX/in/file"
    tar -C "$CTX/in" -czf "$CTX/archive.txt" file
    echo plain >"$CTX/not.tar"
    dockerfile <<'E'
FROM busybox
RUN mkdir -m 1777 /sticky
ADD archive.txt /unpacked
ADD archive.txt /sticky/
ADD not.tar /plain/
E
    run -0 build -t archives
    files archives
    [ "$(cat "$CTX.out/unpacked/file")" = in ]
    [ "$(cat "$CTX.out/plain/not.tar")" = plain ]
    [ "$(stat -c %a "$CTX.out/sticky")" = 1777 ]
}

@test "ADD of an archive: a rebuilt but equal parent unpacks nothing again" {
    mkdir "$CTX/in"
    echo in >"$CTX/in/file"
    tar -C "$CTX/in" -cf "$CTX/archive" file
    dockerfile <<'E'
FROM busybox
RUN mkdir /sub; ln -s /sub /to
ADD archive /to/
E
    run -0 build -t addkey
    sed -i 's/^RUN mkdir/RUN true; mkdir/' "$CTX/Dockerfile"
    run -0 build -t addkey
    [ "$(grep -c CACHED <<<"$output")" = 1 ]
    sed -i 's/^RUN true; mkdir .sub/RUN mkdir \/sub \/other/' "$CTX/Dockerfile"
    run -0 build -t addkey
    [ "$(grep -c CACHED <<<"$output")" = 0 ]
    files addkey
    [ "$(cat "$CTX.out/sub/file")" = in ]
}

@test "a file that changes between its key and its copy ends the build, and spoils no cache" {
    echo before >"$CTX/a"
    printf '#!/bin/sh\necho after >"%s"\n' "$CTX/a" >"$CTX.change"
    chmod +x "$CTX.change"
    serve PORT "$CTX.change"
    # the step ends when the file was changed
    dockerfile <<E
FROM busybox
RUN --network=host nc 127.0.0.1 $PORT
COPY a /a
E
    run -1 build --allow network.host -t changing
    kill $SERVER
    [[ $output == *"'a' of the build context changed during the build"* ]]
    run -0 build --allow network.host -t changing
    files changing
    [ "$(cat "$CTX.out/a")" = after ]
    echo before >"$CTX/a"
    run -0 build --allow network.host -t changing
    files changing
    [ "$(cat "$CTX.out/a")" = before ]
}

@test "a context or a Dockerfile on standard input" {
    echo hello >"$CTX/hello"
    dockerfile <<'E'
FROM scratch
COPY hello /
E
    tar -C "$CTX" -cz . | cooper build -t piped -
    files piped
    [ "$(cat "$CTX.out/hello")" = hello ]
    printf 'FROM scratch\nLABEL a=b\n' | cooper build -t typed -
    run -0 cooper inspect typed
    [[ $output == *'"a": "b"'* ]]
    printf 'FROM scratch\nCOPY hello /other\n' | cooper build -t mixed -f - "$CTX"
    files mixed
    [ "$(cat "$CTX.out/other")" = hello ]
    run -1 cooper build - <<<$'FROM scratch\nCOPY x /\n'
    [[ $output == *"no context"* ]]
}

@test "dockerfile and Containerfile are found; FILE.dockerignore wins" {
    echo x >"$CTX/x"
    echo y >"$CTX/y"
    echo y >"$CTX/.dockerignore"
    printf 'FROM scratch\nCOPY . /\n' >"$CTX/Containerfile"
    run -0 build -t found
    files found
    [ -e "$CTX.out/x" ] && [ ! -e "$CTX.out/y" ]
    cp "$CTX/Containerfile" "$CTX/other"
    echo x >"$CTX/other.dockerignore"
    run -0 build -t found -f "$CTX/other"
    files found
    [ ! -e "$CTX.out/x" ] && [ -e "$CTX.out/y" ]
}

@test "named contexts: directories, images, layouts" {
    mkdir "$CTX.more"
    echo more >"$CTX.more/file"
    dockerfile <<'E'
FROM base
COPY --from=more file /more
COPY --from=busybox /bin/busybox /bb
E
    run -0 build -t baseimage -f - <<<$'FROM busybox\nRUN echo base >/base'
    run -0 build -t named --build-context "more=$CTX.more" --build-context base=docker-image://baseimage
    files named
    [ "$(cat "$CTX.out/more" "$CTX.out/base")" = $'more\nbase' ]
}

@test "a layout that is a named context leaves no names in the store" {
    cp -a "$SUITE_DIR/busybox" "$CTX.layout"
    sed -i 's/"org.opencontainers.image.ref.name":"[^"]*"/"org.opencontainers.image.ref.name":"example.com\/full\/name:1"/' "$CTX.layout/index.json"
    dockerfile <<<$'FROM base\nRUN true'
    run -0 cooper build --build-context "base=oci-layout://$CTX.layout" -t unnamed "$CTX"
    run -0 cooper images
    [[ $output != *example.com* ]]
}

@test "an image that is nowhere: what, and three ways to mend it" {
    dockerfile <<<'FROM nowhere/at-all:1'
    run -1 build
    [[ $output == *"nowhere/at-all:1"* && $output == *"cooper load"* && $output == *"cooper base"* ]]
    [[ $output == *"--build-context"* && $output == *"Dockerfile:1"* ]]
}

@test "unknown instruction and flag: before any work" {
    printf 'FROM busybox\nRUN touch /x\nRUM touch /y\n' | dockerfile
    run -1 build
    [[ $output == *"Dockerfile:3"* && $output == *"RUN"* ]]
    [ ! -e "$COOPER_ROOT/trees" ] || [ -z "$(ls "$COOPER_ROOT/trees")" ]
    printf 'FROM busybox\nCOPY --form=a b c\n' | dockerfile
    run -1 build
    [[ $output == *"from"* ]]
    # words of which there are few are listed
    while read -r words; do
        IFS='|' read -r line want <<<"$words"
        printf 'FROM busybox\n%s\n' "$line" | dockerfile
        run -1 build
        [[ $output == *"hint: $want"* ]] || { echo "$line: $output"; return 1; }
    done <<'E'
RUN --mount=type=bogus,target=/x true|there are bind, cache, tmpfs, secret and ssh
RUN --mount=type=cache,target=/x,sharing=one true|there are shared, private and locked
EXPOSE web|write PORT or FIRST-LAST
STOPSIGNAL SIGFOO|it is a number, or a name
E
    run -1 build -f "$CTX"
    [[ $output == *"hint: FILE of -f is a file"* ]]
}

@test "outputs: every type, ids, metadata" {
    echo x >"$CTX/x"
    printf 'FROM scratch\nCOPY x /\n' | dockerfile
    run -0 build -t out:1 --output "type=oci,dest=$CTX.oci" --output "type=docker-archive,dest=$CTX.docker.tar" \
        --output "type=tar,dest=$CTX.tar" --output "type=local,dest=$CTX.local" --output "type=oci-archive,dest=$CTX.oci.tar" \
        --iidfile "$CTX.iid" --metadata-file "$CTX.json"
    [ -f "$CTX.oci/index.json" ] && [ -f "$CTX.local/x" ]
    tar -tf "$CTX.tar" | grep -qx x
    tar -tf "$CTX.docker.tar" | grep -qx manifest.json
    grep -q '"containerimage.config.digest": "sha256:' "$CTX.json"
    [[ $(cat "$CTX.iid") == sha256:* ]]
    run -0 --separate-stderr cooper build -q -t out:1 "$CTX"
    [ "$output" = "$(cat "$CTX.iid")" ]
}

@test "two builds at once run each step once" {
    dockerfile <<E
FROM busybox
RUN sleep 1; cat /proc/sys/kernel/random/uuid >/when
E
    build --progress plain -t twin1 >"$CTX.1" 2>&1 &
    run -0 build -t twin2
    wait
    files twin1
    cp "$CTX.out/when" "$CTX.when"
    files twin2
    cmp "$CTX.when" "$CTX.out/when"
}

@test "--print plan and context" {
    mkdir "$CTX/d"
    touch "$CTX/d/keep" "$CTX/d/drop"
    echo d/drop >"$CTX/.dockerignore"
    dockerfile <<'E'
FROM scratch
COPY d /d
E
    run -0 cooper build --print context "$CTX"
    [ "$output" = $'.dockerignore\nDockerfile\nd/\nd/keep' ]
    run -0 cooper build --print plan "$CTX"
    [[ $output == *'"action": "copy"'* ]]
    # nothing runs, so nothing needs to be given or allowed
    printf 'FROM scratch\nRUN --mount=type=secret,id=s,required --network=host true\n' | dockerfile
    run -0 cooper build --print plan "$CTX"
}

@test "RUN: user, environment, working directory, standard input, network none" {
    dockerfile <<'E'
FROM busybox
RUN echo 'app:x:1234:77:app:/home/app:/bin/sh' >>/etc/passwd && mkdir -p /home/app
ARG A=arg
ENV E=env
WORKDIR /w
USER app
RUN echo "$A $E $(pwd) $(id -u):$(id -g) $HOME" >/tmp/out; cat >>/tmp/out; echo to-stdout >/dev/stdout
USER root
RUN --network=none ip link 2>/dev/null | grep -c '^[0-9]' >/tmp/links
E
    run -0 build -t env
    files env
    [ "$(cat "$CTX.out/tmp/out")" = "arg env /w 1234:77 /home/app" ]
    [ "$(cat "$CTX.out/tmp/links")" = 1 ]
}

@test "what RUN is given is not in the layer" {
    dockerfile <<'E'
FROM busybox
RUN cat /etc/resolv.conf /etc/hosts >/dev/null; ls /proc /dev /sys >/dev/null
E
    run -0 build -t clean
    files clean
    [ ! -e "$CTX.out/etc/resolv.conf" ] && [ ! -e "$CTX.out/etc/hosts" ]
    [ ! -e "$CTX.out/proc" ] && [ ! -e "$CTX.out/dev" ] && [ ! -e "$CTX.out/sys" ]
}

@test "deletions become whiteouts, replaced directories leave nothing" {
    dockerfile <<'E'
FROM busybox
RUN mkdir -p /d/e /f && touch /d/e/x /f/y
RUN rm -r /d/e && rm -r /f && echo file >/f
E
    run -0 build -t whiteouts
    files whiteouts
    [ -d "$CTX.out/d" ] && [ ! -e "$CTX.out/d/e" ] && [ -f "$CTX.out/f" ]
}

@test "the layers of the base stay what they were, byte for byte" {
    dockerfile <<'E'
FROM busybox
RUN echo more >/more
E
    build -q --output "type=oci,dest=$CTX.oci"
    layers() { jq -r '.layers[].digest' "$1/blobs/$(jq -r '.manifests[0].digest | sub(":"; "/")' "$1/index.json")"; }
    [ "$(layers "$CTX.oci" | wc -l)" = 2 ]
    [ "$(layers "$CTX.oci" | head -1)" = "$(layers "$SUITE_DIR/busybox")" ]
}

small_image() {
    echo x >"$CTX/x"
    printf 'FROM scratch\nCOPY x /\nLABEL a=b\n' | dockerfile
}
# manifest LAYOUT: the first manifest of a layout directory
manifest() { cat "$1/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$1/index.json")"; }

@test "outputs: the words of buildx, several at once as one by one" {
    small_image
    cd "$SUITE_DIR"
    run -0 build -t words:1 --output "type=oci,dest=$CTX.a.tar" --output "type=oci,dest=$CTX.b,tar=false,compression=zstd" \
        --output "type=docker,dest=$CTX.c.tar" --output "type=docker,dest=$CTX.d,tar=false" --output type=docker \
        --output "type=image,name=words:2" --output "type=cacheonly" --output "type=oci,name=other:3,dest=$CTX.e"
    cooper inspect words:1 && cooper inspect words:2
    tar -tf "$CTX.a.tar" | grep -qx index.json
    [ -f "$CTX.b/index.json" ] && [ -f "$CTX.d/manifest.json" ] && [ -f "$CTX.d/index.json" ]
    manifest "$CTX.b" | jq -e '.layers[0].mediaType | endswith("+zstd")'
    [ "$(jq -c '[.manifests[].annotations["org.opencontainers.image.ref.name"]]' "$CTX.e/index.json")" = '["1","3"]' ]
    # on its own each is the same bytes
    build -q -t words:1 --output "type=oci,dest=$CTX.a2.tar" && cmp "$CTX.a.tar" "$CTX.a2.tar"
    build -q -t words:1 --output "type=oci,dest=$CTX.e2,name=other:3" && diff -r "$CTX.e" "$CTX.e2"
    build -q -t words:1 --output "type=docker,dest=$CTX.c2.tar" && cmp "$CTX.c.tar" "$CTX.c2.tar"
    # --load is the store beside another output
    run -1 cooper inspect loaded
    run -0 build -t loaded --load --output "type=oci,dest=$CTX.g"
    cooper inspect loaded
    # a file that is there stays one
    : >"$CTX.f"
    build -t words:1 --output "type=oci,dest=$CTX.f"
    tar -tf "$CTX.f" | grep -qx oci-layout
}

@test "outputs: standard output is for one, what is not meant is refused before any work" {
    small_image
    while read -r words; do
        IFS='|' read -r options want <<<"$words"
        # shellcheck disable=SC2086
        run build $options
        [ "$status" -eq 2 ] || { echo "$options: $status $output"; return 1; }
        [[ $output == *"$want"* ]] || { echo "$options: $output"; return 1; }
    done <<'E'
-o - -o type=oci,dest=-|another one is on standard output
-o type=tar -o type=oci|another one is on standard output
-o type=oci,tar=false|needs a dest
-o type=local|needs a dest
--build-arg =x|has no name
--sbom|--sbom cannot be had
--sbom=generator=x|--sbom cannot be had
--attest type=sbom|type=sbom cannot be had
--attest mode=max|begins with type=provenance
--attest type=provenance,mode=full|no 'mode=full'
--provenance mode=max,builder-id=x|no 'builder-id=x'
--secret token|not key=value
--secret src=x|has no id
--build-context x|not NAME=WHAT
--build-context x::a/b/c/d=.|malformed
-o type=image,name=a,push=maybe|true or false
-o type=oci,dest=x,compression=lzma|choose one of gzip
-o type=local,dest=x,compression-level=99|compression-level
--annotation nothing|KEY=VALUE
--annotation indx:a=b|did you mean 'index'
E
    # what cannot end well
    touch "$CTX.file"
    while read -r words; do
        IFS='|' read -r options want <<<"$words"
        # shellcheck disable=SC2086
        run -1 build $options
        [[ $output == *"$want"* && $output != *"#1"* ]] || { echo "$options: $output"; return 1; }
    done <<E
-o type=docker,dest=$CTX|'$CTX' is a directory
-o type=oci,dest=$CTX/none/x.tar|there is no directory '$CTX/none/'
-o $CTX.file|'$CTX.file' is a file
-o type=oci,tar=false,dest=$CTX.file|'$CTX.file' is a file
--push|no name to be pushed under
-o type=image,push=true|no name to be pushed under
-o type=image,name=a:1,push-by-digest=true,push=true|a name with a tag is not pushed by digest
--platform linux/amd64,linux/arm64 -o type=docker,dest=x|images of one platform
--annotation index:a=b|no index
E
    [ ! -e "$COOPER_ROOT/trees" ] || [ -z "$(ls "$COOPER_ROOT/trees")" ]
    run -0 --separate-stderr build --quiet -o - -o "type=local,dest=$CTX.l"
    [ -f "$CTX.l/x" ]
    # as in buildx, a file without dest
    [ "$(build --quiet -o type=tar | tar -tf -)" = x ]
    build --quiet -o type=oci | tar -tf - | grep -qx index.json
    build --quiet -o type=docker-archive | tar -tf - | grep -qx manifest.json
}

@test "options of docker build that mean nothing here are taken, with a word where something is lost" {
    small_image
    run -0 --separate-stderr build --rm --force-rm=false --compress -D --sbom=false --attest type=sbom,disabled=true
    [[ $stderr != *"does nothing"* ]]
    run -0 --separate-stderr build -m 2g --memory-swap=4g -c 512 --cpuset-cpus 0-1 --cgroup-parent a.slice --isolation x --security-opt y --builder z
    for it in memory memory-swap cpu-shares cpuset-cpus cgroup-parent isolation security-opt builder; do
        [[ $stderr == *"--$it does nothing: "* ]] || { echo "$it: $stderr"; return 1; }
    done
    run -0 cooper build --help
    [[ $output != *--memory* ]]
    # the words for provenance; docker's digest of what is in the store alone
    for it in --attest=type=provenance,mode=max --provenance=type=provenance,mode=max,version=v1,inline-only=true; do
        run -0 build "$it" -t words:1 --metadata-file "$CTX.json" --iidfile "$CTX.iid"
        jq -e '."buildx.build.provenance".buildDefinition.internalParameters.buildConfig' "$CTX.json"
    done
    [ "$(jq -r '."containerimage.digest"' "$CTX.json")" = "$(cat "$CTX.iid")" ]
    run -0 --separate-stderr build --print=targets,format=json
    jq -e .targets <<<"$output"
    # buildah's and kaniko's: what does it here
    run -0 build --layers --cache=true --skip-unused-stages
    for it in squash-all pull-always timestamp=0 ignorefile=x env=A=1 destination=x context=dir://x cache-repo=x; do
        run -2 build "--$it"
        [[ $output == *"--${it%%=*} cannot be had"*hint:* ]] || { echo "$it: $output"; return 1; }
    done
    run -2 build --volume /a:/b
    run -2 build --format docker
    [[ $output == *oci-mediatypes=false* ]]
    # what docker's users have in their environment; an option wins
    DOCKER_DEFAULT_PLATFORM=linux/arm64 build -t words:2 -q
    [ "$(cooper inspect words:2 | jq -r '.[0].Architecture')" = arm64 ]
    DOCKER_DEFAULT_PLATFORM=linux/arm64 BUILDKIT_PROGRESS=plain build -t words:2 -q --platform local
    [ "$(cooper inspect words:2 | jq -r '.[0].Architecture')" = "$(oci_arch)" ]
    BUILDKIT_PROGRESS=rawjson run -0 cooper build -f "$CTX/Dockerfile" "$CTX"
    [[ $output == *'{"event":"built"'* ]]
    BUILDKIT_PROGRESS=x run -2 cooper build "$CTX"
}

@test "outputs: annotations of the manifest and of what names it" {
    small_image
    run -0 build -t notes --annotation all=1 --annotation manifest-descriptor:on=descriptor \
        --output "type=oci,dest=$CTX.a,annotation.own=2,annotation-manifest[linux/mips].not=here" --output type=image
    [ "$(manifest "$CTX.a" | jq -cS .annotations)" = '{"all":"1","own":"2"}' ]
    jq -e '.manifests[0].annotations.on == "descriptor"' "$CTX.a/index.json"
    # the store keeps them for a later export
    cooper export notes -o "type=oci,dest=$CTX.b"
    [ "$(manifest "$CTX.b" | jq -cS .annotations)" = '{"all":"1"}' ]
    run -1 build --annotation index:a=b
    [[ $output == *"no index"* ]]
}

@test "outputs: mode=delete leaves what the image has, below this directory only" {
    small_image
    mkdir -p "$CTX.cwd/out/old/deep" "$CTX.cwd/out/x"
    touch "$CTX.cwd/out/old/deep/f" "$CTX.cwd/out/f" "$CTX.cwd/out/x/f"
    cd "$CTX.cwd"
    run -1 build -o type=local,dest=out
    [[ $output == *"'x' is a directory"* && -f out/f ]]
    rm -r out/x
    run -0 build -o type=local,dest=out
    [ -f out/f ] && [ "$(cat out/x)" = x ]
    run -0 build -o type=local,dest=out,mode=delete
    [ "$(find out -mindepth 1)" = out/x ]
    mkdir -p out/x.d && cd out/x.d
    run -1 build -o type=local,dest=..,mode=delete
    [[ $output == *"below this one"* ]]
    run -1 build -o type=local,dest=.,mode=delete
    [ -f ../x ]
}

# The layers do to each other all that layers can; the base has what they remove and replace.
layered() {
    mkdir -p "$CTX/d/sub" && echo 1 >"$CTX/d/a" && echo 2 >"$CTX/d/sub/b"
    dockerfile <<'E'
FROM busybox AS base
RUN mkdir -p /gone /kept /to-file /opaque/old && echo 1 >/gone/f && echo 1 >/kept/f && echo 1 >/kept/g && echo 1 >/to-dir && ln -s kept /link
FROM base AS all
COPY d /d
RUN rm -r /gone /to-dir /to-file /d/sub && mkdir /to-dir && echo new >/to-file && echo x >/to-dir/x && rm -r /opaque && mkdir /opaque && echo 2 >/opaque/new
RUN echo 1 >/tmp/big && ln /tmp/big /tmp/hard && chown 7:8 /d/a && chmod 4711 /d/a
RUN rm /tmp/big /kept/f && mkfifo /pipe && mkdir /gone && ln /kept/g /kept/h && rm /link && mkdir /link
LABEL a=b
E
}

@test "squash: one layer is what several were, for new ones and for all" {
    layered
    run -0 build -t plain -o "type=oci,dest=$CTX.plain"
    for how in "--squash 1" "--squash=new 1" "--squash=all 0"; do
        rm -rf "$CTX.squashed"
        # shellcheck disable=SC2086
        run -0 build ${how% *} -t squashed -o "type=oci,dest=$CTX.squashed" -o type=image
        image_diff "$CTX.plain" "$CTX.squashed" --mtime
        manifest "$CTX.squashed" >"$CTX.m"
        [ "$(jq '.layers | length' "$CTX.m")" -eq $((1 + ${how#* })) ]
        [ "${how#* }" -eq 0 ] || [ "$(jq '.layers[0].digest' "$CTX.m")" = "$(manifest "$CTX.plain" | jq '.layers[0].digest')" ]
        jq -e --argjson n $((1 + ${how#* })) '([.history[] | select(.empty_layer | not)] | length) == $n and (.rootfs.diff_ids | length) == $n' \
            "$CTX.squashed/blobs/sha256/$(jq -r '.config.digest[7:]' "$CTX.m")"
        # nothing of what came and went in between
        layer=$(jq -r '.layers[-1].digest[7:]' "$CTX.m")
        tar -tzf "$CTX.squashed/blobs/sha256/$layer" >"$CTX.list"
        ! grep -E 'big|sub|wh\.d$' "$CTX.list"
    done
    cooper du --verify
    run -2 cooper build --squash=some "$CTX"
    [[ $output == *"new"*"all"* ]]
}

@test "squash: a single layer stays what it is, and whiteouts of nothing go" {
    small_image
    run -0 build -t one -o "type=oci,dest=$CTX.a"
    run -0 build -t one --squash=all -o "type=oci,dest=$CTX.b"
    diff -r "$CTX.a" "$CTX.b"
    printf 'FROM scratch\nCOPY x /a/b\nCOPY x /a/c\n' | dockerfile
    run -0 build -t two --squash -o "type=oci,dest=$CTX.c"
    [ "$(tar -tzf "$CTX.c/blobs/sha256/$(manifest "$CTX.c" | jq -r '.layers[0].digest[7:]')" | tr '\n' ' ')" = "a/ a/b a/c " ]
    [ "$(manifest "$CTX.c" | jq '.layers | length')" -eq 1 ]
}

@test "compression: every codec gives the same image, estargz as its specification wants it" {
    need zstd
    layered
    head -c 3000000 /dev/urandom >"$CTX/d/noise"
    head -c 1048576 /dev/zero >"$CTX/d/zeros"
    : >"$CTX/d/empty"
    printf x >"$CTX/d/odd"
    : >"$CTX/d/odd$(printf 'n%.0s' {1..150})" # pax records behind the padding of a content
    printf 'RUN mknod /null c 1 3 2>/dev/null; chmod 1777 /d; touch "/n\303\244me"\n' >>"$CTX/Dockerfile"
    run -0 build -t packed -o "type=oci,dest=$CTX.gzip" -o "type=oci,dest=$CTX.none,compression=uncompressed" \
        -o "type=oci,dest=$CTX.zstd,compression=zstd,compression-level=19" -o "type=oci,dest=$CTX.max,compression-level=max" \
        -o "type=oci,dest=$CTX.estargz,compression=estargz,force-compression=true" -o type=image \
        -o "type=oci,dest=$CTX.chunked,compression=zstd:chunked,force-compression=true"
    for it in none zstd max chunked; do image_diff "$CTX.gzip" "$CTX.$it" --mtime; done
    image_diff "$CTX.gzip" "$CTX.estargz" --mtime --ignore /stargz.index.json --ignore /.no.prefetch.landmark
    python3 "$SOURCE_ROOT/tests/cli/estargz.py" "$CTX.estargz"
    python3 "$SOURCE_ROOT/tests/cli/zstdchunked.py" "$CTX.chunked"
    # the archives of new layers are those of the others
    diff_ids() { local d; d=$(manifest "$1" | jq -r '.config.digest[7:]'); jq -c '.rootfs.diff_ids[1:]' "$1/blobs/sha256/$d"; }
    [ "$(diff_ids "$CTX.chunked")" = "$(diff_ids "$CTX.gzip")" ]
    [ "$(du -sb "$CTX.max" | cut -f1)" -lt "$(du -sb "$CTX.gzip" | cut -f1)" ]
    # the second time it comes out of the store, the same
    run -0 --separate-stderr cooper export packed -o "type=oci,dest=$CTX.again,compression=estargz,force-compression=true"
    [[ $stderr != *pack* ]]
    [ "$(jq -r '.manifests[0].digest' "$CTX.again/index.json")" = "$(jq -r '.manifests[0].digest' "$CTX.estargz/index.json")" ]
    run -0 --separate-stderr cooper export packed -o "type=oci,dest=$CTX.again2,compression=zstd:chunked,force-compression=true"
    [[ $stderr != *pack* ]]
    [ "$(jq -r '.manifests[0].digest' "$CTX.again2/index.json")" = "$(jq -r '.manifests[0].digest' "$CTX.chunked/index.json")" ]
    # a table that came with a blob stays with it, whatever else of the manifest is new
    cooper --root "$CTX.other" load -q -i "$CTX.chunked" -t chunked
    cooper --root "$CTX.other" export chunked -o "type=oci,dest=$CTX.noted,annotation.a=b"
    [ "$(manifest "$CTX.noted" | jq -c .layers)" = "$(manifest "$CTX.chunked" | jq -c .layers)" ]
    # without force the base's blob stays as it came, and there is no table in it
    run -0 cooper export packed -o "type=oci,dest=$CTX.new,compression=estargz"
    [ "$(manifest "$CTX.new" | jq '.layers[0].digest')" = "$(manifest "$CTX.gzip" | jq '.layers[0].digest')" ]
    python3 "$SOURCE_ROOT/tests/cli/estargz.py" "$CTX.new" 1 2 3
    # it comes back, and another conversion has one table only
    cooper --root "$CTX.other" load -q -i "$CTX.estargz" -t back
    run -0 cooper --root "$CTX.other" export back -o "type=oci,dest=$CTX.back,compression=estargz,compression-level=9,force-compression=true"
    python3 "$SOURCE_ROOT/tests/cli/estargz.py" "$CTX.back"
    image_diff "$CTX.estargz" "$CTX.back" --mtime --ignore /stargz.index.json
}

@test "a base keeps its blobs when the cache is forgotten" {
    printf 'FROM busybox\nRUN echo 1 >/f\n' | dockerfile
    cooper load -q -i "$SUITE_DIR/busybox" -t busybox
    run -0 cooper build -t one "$CTX"
    cooper prune --all -q
    run -0 cooper build -t two -o "type=oci,dest=$CTX.two,compression=zstd" "$CTX"
    manifest "$SUITE_DIR/busybox" >"$CTX.base"
    [ "$(manifest "$CTX.two" | jq -c '.layers[0]')" = "$(jq -c '.layers[0]' "$CTX.base")" ]
}

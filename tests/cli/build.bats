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

@test "proxies of docker's config.json are build arguments of the name, in no image and no key" {
    local seen
    export DOCKER_CONFIG=$CTX.docker
    mkdir "$DOCKER_CONFIG"
    config() { echo "{\"proxies\": {\"default\": {\"httpProxy\": \"$1\", \"noProxy\": \"\", \"allProxy\": \"http://all\"}, \"tcp://far\": {\"httpsProxy\": \"http://far\"}}}" >"$DOCKER_CONFIG/config.json"; }
    unset DOCKER_HOST {http,https,ftp,no,all}_proxy {HTTP,HTTPS,FTP,NO,ALL}_PROXY
    dockerfile <<'E'
FROM busybox
RUN env | grep -i _proxy= | sort | tr '\n' ' ' >/seen
E
    seen() { # WANT [OPTION...]
        local want=$1; shift
        run -0 build -t proxied "$@"
        files proxied
        [ "$(cat "$CTX.out/seen")" = "$want" ]
    }
    config http://secret:1
    seen 'ALL_PROXY=http://all HTTP_PROXY=http://secret:1 all_proxy=http://all http_proxy=http://secret:1 '
    [[ $(cooper inspect proxied; cooper history --no-trunc proxied) != *secret:1* ]]
    config http://other
    run -0 build
    ! ran
    seen 'ALL_PROXY=http://all HTTP_PROXY=http://line all_proxy=http://all http_proxy=http://line ' --no-cache --build-arg http_proxy=http://line
    DOCKER_HOST=tcp://far seen 'HTTPS_PROXY=http://far https_proxy=http://far ' --no-cache
    http_proxy=http://env seen 'ALL_PROXY=http://all HTTP_PROXY=http://other all_proxy=http://all http_proxy=http://other ' --no-cache
    echo '{"proxies": {"default": "x"}}' >"$DOCKER_CONFIG/config.json"
    seen '' --no-cache
    [[ $output == *"config.json"*"no proxies from there"* ]]
    # who asks for it has it in the history, as with docker
    config http://asked
    printf 'FROM busybox\nARG HTTP_PROXY\nRUN true\n' | dockerfile
    run -0 build -t asked
    [[ $(cooper history --no-trunc asked) == *"|1 HTTP_PROXY=http://asked"* ]]
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
    # an image of a layout by its digest: what index.json lists, what is below that; the tag before it says nothing
    run -0 build --platform linux/amd64,linux/arm64 --output "type=oci,tar=false,dest=$CTX.two" -f - <<<$'FROM scratch\nENV a=b'
    index=$(jq -r '.manifests[0].digest' "$CTX.two/index.json")
    arm=$(jq -r '.manifests[1].digest' "$CTX.two/blobs/sha256/${index#*:}")
    for it in "@$index $(oci_arch)" "@$arm arm64" ":none@$arm arm64"; do
        run -0 build -t digest:1 --build-context "base=oci-layout://$CTX.two${it% *}" -f - <<<'FROM base'
        [ "$(cooper inspect digest:1 | jq -r '.[0].Architecture')" = "${it#* }" ] || { echo "$it"; return 1; }
    done
    run -1 build --build-context "base=oci-layout://$CTX.two@sha256:$(printf '%064d' 1)" -f - <<<'FROM base'
    [[ $output == *"it has no image 'sha256:00"* ]]
}

@test "a named context that is docker-image://scratch is empty, as FROM scratch is" {
    dockerfile <<'E'
FROM busybox AS made
COPY <<F /f
F
FROM busybox
COPY --from=made / /m/
COPY --from=busybox / /n/
E
    run -0 cooper build -t empty --build-context busybox=docker-image://scratch "$CTX"
    files empty
    [ "$(cd "$CTX.out" && find . ! -type d)" = ./m/f ]
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

# RUN steps: what a failure leaves, what a cancelled build leaves, what becomes of secrets.
load common
load builds

setup_file() {
    suite_setup
    busybox_layout
    chmod 755 "$SUITE_DIR"
}
child() { tr -d " " <"/proc/$1/task/$1/children"; }
kept_id() { sed -n "s/.*'cooper run -it \([0-9a-f]*\)'.*/\1/p" <<<"$output"; }

failing() {
    dockerfile <<'E'
FROM busybox
ENV COLOR=green
ARG SIZE=large
WORKDIR /srv
RUN echo 'worker:x:77:77::/srv:/bin/sh' >>/etc/passwd && chown 77 /srv
USER worker
RUN --mount=type=cache,target=/cache,uid=77 --mount=type=secret,id=key,uid=77 --mount=type=bind,source=given,target=/given \
    echo made >/srv/file; touch /cache/been-there; exit 42
E
    echo given >"$CTX/given"
    echo the-key-itself >"$SUITE_DIR/key"
}

@test "images that have a layer twice are run: equal steps, and roots that are kept" {
    echo f >"$CTX/f"
    dockerfile <<'E'
FROM busybox
RUN true
COPY f /f
RUN rm /f
COPY f /f
RUN true
E
    run -0 build -t twice
    run -0 cooper run --network none twice ls /f
    echo 'RUN ls /f && false' >>"$CTX/Dockerfile"
    run -1 build --on-error=keep
    [[ $output =~ "cooper run -it "([0-9a-f]+) ]]
    run -0 cooper run --network none "${BASH_REMATCH[1]}" ls /f
}

@test "--on-error=keep: the root of a failed step is an image until prune" {
    failing
    run -1 build --secret "id=key,src=$SUITE_DIR/key" --on-error=keep
    [[ $output == *"Dockerfile:7"*"exit code: 42"* ]]
    local id
    id=$(kept_id)
    [ ${#id} = 12 ]
    run -0 "$COOPER" run --network none "$id" sh -c 'echo $(id -u) $COLOR $SIZE $PWD $(cat file); ls -d /cache /given /run/secrets 2>/dev/null; true'
    [ "$output" = "77 green large /srv made" ] # mount points are gone
    run -0 "$COOPER" run -i --network none "$id" <<<'echo in $0'
    [ "$output" = "in /bin/sh" ]
    run -0 "$COOPER" unpack "$id" "$CTX.out"
    [ "$(cat "$CTX.out/srv/file")" = made ]
    run -0 "$COOPER" prune
    run -1 "$COOPER" unpack "$id" "$CTX.again"
    # what failed is in no cache
    run -1 build --secret "id=key,src=$SUITE_DIR/key"
    [[ $output == *"exit code: 42"*"--on-error=shell"* ]]
}

@test "--on-error=shell: its environment, directory, user, mounts; nothing of it is kept" {
    failing
    run -1 build --secret "id=key,src=$SUITE_DIR/key" --on-error=shell <<'E'
echo at $(id -u) $COLOR $SIZE $PWD $(cat file)
echo mounts: $(ls /cache) $(cat /given) $(cat /run/secrets/key)
echo more >>/srv/file; touch /cache/from-the-shell
E
    [[ $output == *"exit code: 42"*"at 77 green large /srv made"*"mounts: been-there given the-key-itself"* ]]
    [ -z "$(ls "$COOPER_ROOT/tmp")" ]
    run -1 build --secret "id=key,src=$SUITE_DIR/key" --on-error=shell <<<'echo $(cat file) $(ls /cache)'
    [[ $output == *"made been-there from-the-shell"* ]]
}

@test "--on-error=shell gives a terminal where there is one" {
    need script
    failing
    echo 'tty; exit' | script -qec "$COOPER build --secret id=key,src=$SUITE_DIR/key --build-context busybox=oci-layout://$SUITE_DIR/busybox:latest --on-error=shell $CTX" /dev/null >"$CTX.log" || true
    cat "$CTX.log"
    grep -q '^/dev/' "$CTX.log"
}

@test "--on-error: the shell is SHELL's; an image without one is no other failure; standard input is one's own" {
    dockerfile <<'E'
FROM busybox
SHELL ["/bin/ash", "-c"]
RUN exit 3
E
    run -1 build --on-error=shell <<<'echo this is $0'
    [[ $output == *"this is /bin/ash"* ]]
    cp /bin/busybox "$CTX/busybox"
    dockerfile <<'E'
FROM scratch
COPY busybox /
RUN ["/busybox", "false"]
E
    run -1 build --on-error=shell </dev/null
    [[ $output == *"exit code: 1"*"no such file in the image"* ]]
    run -1 build --on-error=keep
    run -0 "$COOPER" run --network none "$(kept_id)" /busybox ls /
    [[ $output == *busybox* ]]
    run -2 "$COOPER" build --on-error=shell - <<<"FROM scratch"
    [[ $output == *"standard input"* ]]
    run -2 build --on-error=later
    [[ $output == *"stop, shell, keep"* ]]
}

@test "all that a step prints is kept, and the error says where" {
    dockerfile <<'E'
FROM busybox AS one
RUN seq 300000; printf 'no\0text\033[1m'; exit 1
E
    run -1 build --progress none
    local log
    log=$(sed -n 's/^  full output: //p' <<<"$output")
    [ -f "$log" ]
    [ "${#output}" -lt 2000 ]
    { seq 300000; printf 'no\0text\033[1m'; } | cmp - "$log"
    run -0 "$COOPER" prune
    [ ! -e "$log" ]
}

@test "logs of the newest builds are kept, not of all" {
    dockerfile <<'E'
FROM busybox
ARG n
RUN echo $n
E
    run -0 build --build-arg n=0
    local i
    for i in $(seq 100 170); do mkdir "$COOPER_ROOT/logs/20200101-000000-$i"; done
    run -0 build --build-arg n=1
    [ "$(ls "$COOPER_ROOT/logs" | wc -l)" = 50 ]
    [ "$(sort "$COOPER_ROOT"/logs/*/*.log)" = $'0\n1' ] # in one second they have no order
}

all_started() { [ "$(grep -c '[0-9] started-.$' "$CTX.log")" = 3 ]; }

@test "INT, TERM and HUP end parallel steps, leave no process, no mount, nothing unfinished" {
    local word=9700.$$$RANDOM signal kind pid status mounts
    dockerfile <<E
FROM busybox AS a
RUN echo started-a; (trap '' TERM INT HUP; sleep $word) & sleep $word
FROM busybox AS b
RUN --mount=type=cache,target=/c echo started-b; (setsid sleep $word); true
FROM busybox AS c
RUN --mount=type=tmpfs,target=/t echo started-c; exec sleep $word
FROM busybox
COPY --from=a / /a
COPY --from=b / /b
COPY --from=c / /c
E
    chmod -R a+rX "$CTX"
    for kind in root subids single; do
        [ $kind = root ] || [ "$(id -u)" = 0 ] || continue
        for signal in INT TERM HUP; do
            [ $signal != HUP ] || [ $kind = root ] || continue
            local -a as=(as_user $kind)
            [ $kind != root ] || as=()
            : >"$CTX.log" # the words of the one before are not those of this one
            "${as[@]}" env --default-signal=INT "$COOPER" build --progress plain --network none \
                --build-context "busybox=oci-layout://$SUITE_DIR/busybox:latest" "$CTX" >"$CTX.log" 2>&1 3>&- &
            pid=$!
            wait_until all_started
            if [ $kind = root ]; then kill -$signal $pid; else kill -$signal "$(child $pid)"; fi
            status=0
            wait $pid || status=$?
            echo "# $kind $signal: $status"; cat "$CTX.log"
            [ "$status" = 1 ]
            grep -q "interrupted by SIG$signal" "$CTX.log"
            run -1 pgrep -f "sleep $word"
            run -1 pgrep -f "$CTX\$"
            run -1 grep -F "$SUITE_DIR" /proc/self/mountinfo
            [ $kind != root ] || [ -z "$(ls "$COOPER_ROOT/tmp")" ]
            [ $kind = root ] || [ -z "$(ls "$SUITE_DIR/user-$kind/.local/share/cooper/tmp")" ]
        done
    done
}

# ---- secrets ----

leaks() { python3 "$BATS_TEST_DIRNAME/leaks.py" "$@"; }

@test "secrets: nothing of them in the store, logs, history, outputs, caches; failures and kept roots included" {
    need python3
    need zstd
    local secret=$SUITE_DIR/secret.$BATS_TEST_NUMBER out=$CTX.out
    head -c 30 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$secret"
    # the search finds what is there, in every form that it looks for
    mkdir "$out" "$out/bad"
    cp "$secret" "$out/bad/plain"
    { printf 'user:'; cat "$secret"; } | base64 -w0 >"$out/bad/base64"
    gzip <"$secret" >"$out/bad/gzip"
    zstd -q <"$out/bad/gzip" >"$out/bad/zstd-gzip"
    ln -s "$(cat "$secret")" "$out/bad/link"
    run -1 leaks "$secret" "$out/bad"
    [[ $output == *"6 files, 5 leaks"* ]]
    rm -r "$out/bad"

    dockerfile <<'E'
FROM busybox AS build
RUN --mount=type=secret,id=file,target=/etc/deep/token cat /etc/deep/token && test -s /etc/deep/token
RUN --mount=type=secret,id=file,env=TOKEN echo "$TOKEN"; base64 </proc/self/environ; printf %s "user:$TOKEN" | base64 -w0
RUN --mount=type=secret,id=variable,target=/run/v --mount=type=secret,id=variable,env=V --mount=type=cache,target=/c \
    test "$(cat /run/v)" = "$V" && mkdir -p /a/b && touch /a/b/c && base64 /run/v
FROM build AS bad
RUN --mount=type=secret,id=file --mount=type=secret,id=file,env=T touch /bad; cat /run/secrets/file; echo $T | base64; exit 9
FROM build
COPY --from=build /a /a2
RUN --mount=type=bind,from=build,target=/b --mount=type=secret,id=file,mode=0444,uid=5 cat /run/secrets/file
E
    local -a with=(--secret "id=file,src=$secret" --secret id=variable,env=SECRET_VARIABLE)
    export SECRET_VARIABLE=$(cat "$secret")
    run -0 build "${with[@]}" -t kept --explain --metadata-file "$out/metadata"
    run -0 build "${with[@]}" --no-cache --explain -o "type=oci-archive,dest=$out/gzip.tar,compression=gzip" \
        -o "type=oci,dest=$out/oci,compression=zstd" -o "type=docker-archive,dest=$out/docker.tar" -o "type=local,dest=$out/local"
    run -0 build "${with[@]}" --cache-to "type=local,dest=$out/cache,mode=max,compression=gzip"
    run -1 build "${with[@]}" --target bad --on-error=keep
    "$COOPER" unpack "$(kept_id)" "$out/root"
    [ -e "$out/root/bad" ]
    run -1 build "${with[@]}" --target bad --on-error=shell <<<'cat /run/secrets/file; touch "/$T"'
    "$COOPER" history --no-trunc kept >"$out/history"
    "$COOPER" inspect kept >"$out/inspect"
    build "${with[@]}" --print plan >"$out/plan"
    "$COOPER" export kept -o "type=oci,dest=$out/exported,compression=gzip"
    mkdir "$out/gzip"
    tar -C "$out/gzip" -xf "$out/gzip.tar"
    grep -q '^\[secret\]' "$COOPER_ROOT"/logs/*/*.log
    run -0 leaks "$secret" "$COOPER_ROOT" "$out"
    echo "$output"
    [ "${output%% *}" -gt 500 ]
}

@test "secrets: sizes and forms that cannot be" {
    head -c 512000 /dev/zero | tr '\0' a >"$CTX/most"
    head -c 512001 /dev/zero | tr '\0' a >"$CTX/more"
    head -c 131000 /dev/zero | tr '\0' a >"$CTX/variable"
    printf 'FROM busybox\nRUN --mount=type=secret,id=s test $(wc -c </run/secrets/s) = 512000\n' | dockerfile
    run -0 build --secret "id=s,src=$CTX/most"
    run -1 build --secret "id=s,src=$CTX/more"
    [[ $output == *"secret 's' ($CTX/more) is larger than 512000 bytes"*"hint:"* ]]
    run -1 build --secret id=s,src=/dev/zero
    [[ $output == *"is larger than 512000 bytes"* ]]
    printf 'FROM busybox\nRUN --mount=type=secret,id=s,env=SECRET test ${#SECRET} = 131000\n' | dockerfile
    run -0 build --secret "id=s,src=$CTX/variable"
    run -1 build --no-cache --secret "id=s,src=$CTX/most"
    [[ $output == *"Dockerfile:2"*"secret 's' has 512000 bytes, too many for the variable SECRET"*"mount it as a file"* ]]
    printf 'a\0b' >"$CTX/nul"
    run -1 build --no-cache --secret "id=s,src=$CTX/nul"
    [[ $output == *"Dockerfile:2"*"has a NUL"* ]]
}

# ---- what the builder grants ----

@test "RUN --network=host and --security=insecure want to be allowed" {
    dockerfile <<'E'
FROM busybox
RUN --network=host readlink /proc/self/ns/net >/net
E
    run -1 build
    [[ $output == *"Dockerfile:2:5"*"network.host is not allowed"*"--allow network.host"* ]]
    run -0 build --allow network.host -o "$CTX.out"
    [ "$(cat "$CTX.out/net")" = "$(readlink /proc/self/ns/net)" ]
    run -0 build --network host
    run -0 build --print outline
    dockerfile <<'E'
FROM busybox
RUN --security=insecure grep -E 'Cap(Eff|Bnd)|Seccomp:' /proc/self/status >/status; test -d /proc/acpi && ls /proc/acpi >/acpi; echo >/proc/sys/kernel/domainname 2>/dev/null; mount -t tmpfs none /tmp && echo mounted
RUN grep -E 'Cap(Eff|Bnd)|Seccomp:' /proc/self/status; ! mount -t tmpfs none /tmp
E
    run -1 build
    [[ $output == *"Dockerfile:2:5"*"security.insecure is not allowed"*"--allow security.insecure"* ]]
    run -0 build --network none --allow security.insecure -o "$CTX.insecure"
    [[ $output == *mounted* ]]
    grep -q '^Seccomp:.0$' "$CTX.insecure/status"
    [[ $output == *"Seccomp:"*2* ]]
    run -0 build --network none --allow network.host,security.insecure -o "$CTX.both"
    run -2 build --allow network.host,everything
    [[ $output == *"--allow 'everything' is not known"* ]]
    run -2 build --allow everything
    [[ $output == *"network.host or security.insecure"* ]]
}

@test "RUN --network=default is that of the command" {
    dockerfile <<'E'
FROM busybox
RUN --network=default test "$(ls /sys/class/net)" = lo
RUN test "$(ls /sys/class/net)" = lo
E
    run -0 build --network none
}

@test "--ulimit, --shm-size, --add-host" {
    dockerfile <<'E'
FROM busybox
RUN test "$(ulimit -Sn):$(ulimit -Hn)" = 512:1024 && test "$(ulimit -c)" = 0
RUN test "$(df -k /dev/shm | awk 'END { print $2 }')" = 32768
RUN grep -q "^10.9.8.7	db$" /etc/hosts && grep -q "^::7	six$" /etc/hosts
E
    run -0 build --network none --ulimit nofile=512:1024 --ulimit core=0 --shm-size 32m --add-host db:10.9.8.7 --add-host six=::7
    # addresses are no reason to run again, limits are
    dockerfile <<'E'
FROM busybox
RUN true
E
    run -0 build --network none --add-host db:10.9.8.7 --ulimit nofile=512
    run -0 build --network none --add-host db:10.9.8.8 --ulimit nofile=512
    [[ $output == *CACHED* ]]
    run -0 build --network none --add-host db:10.9.8.8 --ulimit nofile=513
    [[ $output != *CACHED* ]]
    run -0 build --network host --add-host me:host-gateway -f - <<<'FROM busybox
RUN grep -q "^127.0.0.1	me$" /etc/hosts'
    run -2 build --ulimit nofile=2:1
    [[ $output == *"the soft limit is above the hard one"* ]]
    run -2 build --add-host db
    [[ $output == *"not NAME:ADDRESS"* ]]
    run -2 build --add-host db:nowhere
    [[ $output == *"'nowhere' is no IP address"* ]]
}

@test "--ulimit: what may not be raised is said" {
    need_root
    dockerfile <<'E'
FROM busybox
RUN ulimit -Hn
E
    chmod -R a+rX "$CTX"
    # root may (where it has CAP_SYS_RESOURCE), an ordinary user may not
    ! bash -c 'ulimit -n 4096 && ulimit -n 8192' 2>/dev/null || run -0 bash -c 'ulimit -n 4096; exec "$@"' sh "$COOPER" build --progress plain --network none --ulimit nofile=8192 \
        --build-context "busybox=oci-layout://$SUITE_DIR/busybox:latest" "$CTX"
    run -1 as_user single bash -c 'ulimit -n 4096; exec "$@"' sh "$COOPER" build --progress plain --network none --ulimit nofile=8192 \
        --build-context "busybox=oci-layout://$SUITE_DIR/busybox:latest" "$CTX"
    [[ $output == *"limit 'nofile=8192' cannot be set: Operation not permitted"* ]]
}

@test "host-gateway is this machine, on a private network" {
    need pasta
    [ -e /dev/net/tun ] || skip "there is no /dev/net/tun"
    serve PORT echo hello from outside
    dockerfile <<E
FROM busybox
RUN { nc me $PORT; echo end; } >/got & n=0; until [ -s /got ] || [ \$((n += 1)) = 5000 ]; do sleep 0.02; done; grep hello /got
E
    run build --add-host me:host-gateway
    local reached=$output
    run build --no-cache --add-host me:127.0.0.1 # its own
    kill $SERVER
    [[ $reached != *"no private network"* ]] || skip "no private network here"
    [[ $reached == *"hello from outside"* ]]
    [ "$status" = 1 ]
    [[ $output != *"hello from outside"* ]]
}

# ---- inside of another container ----

@test "cooper builds the same image in a container of cooper's, whoever it is there; what keeps it from it is named" {
    need_root
    local nest=$SUITE_DIR/nest options name says words=(build --progress plain --reproducible=0)
    mkdir "$nest" "$nest/context"
    chmod 0777 "$nest"
    cp "$COOPER" "$nest/cooper"
    cp -a "$SUITE_DIR/busybox" "$nest/busybox"
    cat >"$nest/context/Dockerfile" <<'E'
FROM busybox
RUN id -u >/who && chown 7:7 /who && touch /tmp/x && mknod /null c 1 3
COPY --chown=3:4 --chmod=4755 Dockerfile /dir/
RUN --mount=type=cache,target=/cache --mount=type=tmpfs,target=/tmp --mount=type=bind,target=/ctx,rw touch /cache/x /tmp/y /ctx/z && mknod /pipe p && chown -R 5:6 /dir
USER 8
WORKDIR /home/of/8
RUN --mount=type=bind,target=/ctx umask 027 && cp /ctx/Dockerfile .
E
    chmod -R a+rX "$nest"
    nested() { # NAME OPTION...: a build in a container whose root is ours, read-only
        local name=$1; shift
        "$COOPER" run --network none --rootfs / --read-only --tmpfs /tmp -v "$nest:/mnt" -w /mnt -e "COOPER_ROOT=/mnt/store.$name" -e HOME=/mnt "$@" \
            --entrypoint /mnt/cooper -- "${words[@]}" --build-context busybox=oci-layout:///mnt/busybox:latest --iidfile "/mnt/id.$name" /mnt/context
    }
    "$COOPER" --root "$SUITE_DIR/nest.store" "${words[@]}" --build-context "busybox=oci-layout://$nest/busybox:latest" --iidfile "$nest/id" "$nest/context"
    # root of a container that may mount and not trace; without pasta each step asks for namespaces anew
    PATH=/nowhere "$(command -v setpriv)" --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace "$COOPER" --root "$SUITE_DIR/nest.store" "${words[@]}" \
        --no-cache --build-context "busybox=oci-layout://$nest/busybox:latest" --iidfile "$nest/id.traceless" "$nest/context"
    diff "$nest/id" "$nest/id.traceless"
    while read -r name options; do
        run nested "$name" --security-opt seccomp=unconfined $options
        echo "# $name: $output"
        [ "$status" = 0 ]
        diff "$nest/id" "$nest/id.$name"
    done <<'E'
few
all --cap-add ALL
admin --cap-add SYS_ADMIN
user --user 4321:4321
E
    while IFS='|' read -r name options says; do
        for _ in 1 2; do # the second one finds a store
            run nested "$name" $options
            echo "# $name: $output"
            [ "$status" = 1 ]
            [[ $output == *$says* ]]
        done
    done <<'E'
filtered||user namespace*seccomp=unconfined
unmapped|--security-opt seccomp=unconfined --cap-drop SETFCAP|map ids*--cap-add SETFCAP
E
}

# A root with ssh-add and what it needs.
ssh_root() {
    local program file
    program=$(command -v ssh-add)
    for file in "$program" $(ldd "$program" | grep -o '/[^ )]*'); do
        install -D "$(realpath "$file")" "$CTX/ssh$file"
    done
    mkdir "$CTX/ssh/etc"
    echo root:x:0:0::/:/bin/sh >"$CTX/ssh/etc/passwd"
}
agents() { find "$CTX.tmp" -name 'cooper-ssh.*'; }

@test "--ssh with keys: a step lists and signs, nothing more; the agent goes with the build, however that ends" {
    command -v ssh-agent ssh-add ssh-keygen >/dev/null || skip "no OpenSSH here"
    ssh_root
    ssh-keygen -q -t ed25519 -N '' -C first -f "$CTX.a"
    ssh-keygen -q -t rsa -N '' -C second -f "$CTX.b"
    ssh-keygen -q -t ed25519 -N secret -f "$CTX.locked"
    chmod 644 "$CTX.a"
    mkdir "$CTX.tmp"
    cp "$CTX.a.pub" "$CTX/ssh/a.pub"
    cp "$CTX.b.pub" "$CTX/ssh/b.pub"
    cp "$CTX.a" "$CTX.another"
    dockerfile <<'E'
FROM busybox
COPY ssh /
RUN --mount=type=ssh,id=k --mount=type=secret,id=own,target=/own,mode=0600 set -e; ssh-add -L | cut -d' ' -f1,2 >/keys; ssh-add -T /a.pub; ssh-add -T /b.pub; \
    ! ssh-add -D; ! ssh-add -d /a.pub; ! ssh-add /own; ssh-add -L | cut -d' ' -f1,2 | cmp - /keys
FROM scratch
COPY --from=0 /keys /keys
E
    TMPDIR=$CTX.tmp run -0 build --ssh "k=$CTX.a,$CTX.b" --secret "id=own,src=$CTX.another" -o "type=local,dest=$CTX.out"
    cut -d' ' -f1,2 "$CTX.a.pub" "$CTX.b.pub" | cmp - "$CTX.out/keys"
    [ -z "$(agents)" ]
    # as with the socket of an agent, which keeps what it has
    eval "$(ssh-agent -s -a "$CTX.sock")" >/dev/null
    SSH_AUTH_SOCK=$CTX.sock ssh-add -q - <"$CTX.a"
    SSH_AUTH_SOCK=$CTX.sock ssh-add -q - <"$CTX.b"
    run build --no-cache --ssh "k=$CTX.sock" --secret "id=own,src=$CTX.another" -o "type=local,dest=$CTX.out2"
    SSH_AUTH_SOCK=$CTX.sock ssh-add -l >"$CTX.left"
    kill "$SSH_AGENT_PID"
    [ "$status" = 0 ]
    [ "$(wc -l <"$CTX.left")" = 2 ]
    cmp "$CTX.out/keys" "$CTX.out2/keys"

    for it in "$CTX.locked protected*passphrase" "$CTX.a.pub cannot*be*used" "$CTX.none No*such*file" "$CTX.a,$CTX.locked protected*passphrase" \
        "$CTX neither*a*key*file*nor*a*socket"; do
        TMPDIR=$CTX.tmp run -1 build --ssh "k=${it% *}"
        # shellcheck disable=SC2053
        [[ $output == *--ssh*${it##* }* ]]
        [ -z "$(agents)" ]
    done
}

@test "--ssh with keys: a killed build leaves no agent" {
    command -v ssh-agent ssh-add ssh-keygen >/dev/null || skip "no OpenSSH here"
    ssh-keygen -q -t ed25519 -N '' -f "$CTX.a"
    mkdir "$CTX.tmp"
    printf '%s\n' 'FROM busybox' 'RUN --mount=type=ssh,id=k echo it runs && tail -f /dev/null' | dockerfile
    mkfifo "$CTX.said"
    TMPDIR=$CTX.tmp "$COOPER" build --progress plain --build-context "busybox=oci-layout://$SUITE_DIR/busybox:latest" --ssh "k=$CTX.a" "$CTX" >"$CTX.said" 2>&1 3>&- &
    local pid=$! line keeper agent
    while read -r line; do [[ $line != *" it runs" ]] || break; done <"$CTX.said"
    keeper=$(pgrep -P $pid -f '^@agent')
    agent=$(child "$keeper")
    [ -n "$(agents)" ]
    kill -9 $pid
    wait_until ended "$keeper"
    [ -z "$(agents)" ]
    ended "$agent"
}

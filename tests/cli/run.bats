# cooper run: statuses, signals, terminals, options, isolation, ports; as root, as a user with subordinate ids and with one.
load common

setup_file() {
    suite_setup
    busybox_layout
    chmod 0755 "$SUITE_DIR"
    mkdir -p "$SUITE_DIR/context"
    cat >"$SUITE_DIR/context/Dockerfile" <<'END'
FROM scratch AS static
COPY busybox /busybox
FROM busybox AS plain
RUN mkdir -p /data /www && echo kept >/data/file && echo hello >/www/index.html && touch /plain && chmod 644 /plain \
    && printf 'www:x:33:33::/srv:/bin/sh\n' >>/etc/passwd && printf 'www:x:33:\nextra:x:50:www\n' >>/etc/group \
    && printf '#!/no/such/shell\n' >/script && chmod 755 /script
ENV FROM_IMAGE=yes
CMD ["echo", "image command"]
FROM plain AS exec
ENTRYPOINT ["echo", "entry"]
CMD ["default"]
FROM plain AS shell
ENTRYPOINT echo shell form
CMD ["ignored"]
FROM plain AS entry-only
ENTRYPOINT ["echo", "only"]
FROM plain AS empty
CMD []
FROM plain AS shaped
USER www
WORKDIR /deep/er
VOLUME /data
STOPSIGNAL SIGUSR1
EXPOSE 80
END
    cp /bin/busybox "$SUITE_DIR/context/busybox"
    chmod -R a+rX "$SUITE_DIR/context" "$SUITE_DIR/busybox"
    for kind in $(kinds); do prepare_images $kind; done
}
teardown_file() {
    for kind in subids single; do
        [ ! -d "$SUITE_DIR/user-$kind" ] || as_user $kind "$COOPER" prune --all --quiet >/dev/null 2>&1 || true
    done
    suite_teardown
}

# Who can be tried: an ordinary user is what it is.
kinds() {
    if [ "$(id -u)" = 0 ]; then echo root subids single; else echo self; fi
}
as() { # KIND CMD...
    local kind=$1; shift
    case $kind in
    root | self) "$@" ;;
    *) as_user "$kind" "$@" ;;
    esac
}
prepare_images() {
    local target
    for target in static plain exec shell entry-only empty shaped; do
        as "$1" "$COOPER" build --quiet --build-context "busybox=oci-layout://$SUITE_DIR/busybox" --target $target \
            --network none -t $target "$SUITE_DIR/context" >/dev/null
    done
}

# cooper itself, below the shell that `as ... &` is
child() { tr -d " " <"/proc/$1/task/$1/children"; }

# want STATUS OUTPUT ARGUMENTS...: cooper run, as every identity, ends so and prints just this.
want() {
    local want_status=$1 text=$2 kind; shift 2
    for kind in $(kinds); do
        run "-$want_status" --separate-stderr as "$kind" "$COOPER" run --network none "$@"
        check "$kind" "$text" "$@"
    done
}
check() {
    local kind=$1 want_text=$2; shift 2
    # shellcheck disable=SC2154
    if [ "$output" != "$want_text" ]; then
        echo "as $kind: cooper run $*"
        echo "output: $output"; echo "wanted: $want_text"; echo "stderr: $stderr"
        return 1
    fi
}

@test "the program's own status, 126, 127, 128+n, 125" {
    want 0 "" plain true
    want 7 "" plain sh -c 'exit 7'
    want 255 "" plain sh -c 'exit 255'
    want 137 "" plain sh -c 'kill -KILL $$'
    want 143 "" plain sh -c 'kill -TERM $$'
    want 127 "" plain no-such-program
    [[ $stderr == *"no-such-program"* ]]
    want 127 "" plain /no/such/program
    want 127 "" plain /script
    [[ $stderr == *interpreter* ]]
    want 126 "" plain /plain
    want 126 "" plain /data
    want 125 "" no-such-image true
    [[ $stderr == *"no image 'no-such-image'"* && $stderr == *hint* ]]
    want 125 "" plain-typo
    want 125 "" empty
    [[ $stderr == *"no program to run"* && $stderr == *"cooper run empty PROGRAM"* ]]
    want 125 "" -u nobody-here plain true
    [[ $stderr == *"nobody-here"* ]]
    run -125 --separate-stderr cooper run
    [[ $stderr == *"wants an image"* ]]
}

@test "ENTRYPOINT and CMD, as docker combines them" {
    want 0 "image command" plain
    want 0 "entry default" exec
    want 0 "entry given words" exec given words
    want 0 "shell form" shell
    want 0 "shell form" shell ignored too
    want 0 "only" entry-only # ENTRYPOINT drops the base's CMD
    want 0 "only x" entry-only x
    want 0 "" --entrypoint true exec
    want 0 "other words" --entrypoint echo exec other words
    want 0 "words" --entrypoint "" exec echo words
    want 0 "hello" static /busybox echo hello
    want 127 "" static sh
}

@test "environment, directory, user, groups, home" {
    want 0 "yes" plain sh -c 'echo $FROM_IMAGE'
    want 0 "no" -e FROM_IMAGE=no plain sh -c 'echo $FROM_IMAGE'
    HANDED=on want 0 "on:" -e HANDED -e NOT_SET_HERE plain sh -c 'echo $HANDED:$NOT_SET_HERE'
    want 0 "a=b" -e X=a=b plain sh -c 'echo $X'
    want 0 "/" plain pwd
    want 0 "/data" -w /data plain pwd
    want 0 "/new/dir" -w /new/dir plain pwd
    want 0 "/root" plain sh -c 'echo $HOME'
    want 0 "/elsewhere" -e HOME=/elsewhere plain sh -c 'echo $HOME'
    want 0 "cooper cooper" plain sh -c 'echo $(hostname) $HOSTNAME'
    want 0 "box" -h box plain hostname
    want 0 "10.0.0.1 db" --add-host db:10.0.0.1 plain sh -c 'grep db /etc/hosts | tr "\t" " "'
    want 0 "/deep/er" shaped pwd
    for kind in $(kinds); do
        [ "$kind" != single ] || continue # one id is root whoever it is
        run -0 as $kind "$COOPER" run --network none -u www plain sh -c 'echo $(id -u) $(id -g) $(id -G) $HOME'
        [ "$output" = "33 33 33 50 /srv" ]
        run -0 as $kind "$COOPER" run --network none shaped id -u
        [ "$output" = 33 ]
        run -0 as $kind "$COOPER" run --network none -u 4242 plain sh -c 'echo $(id -u) $(id -g) $HOME'
        [ "$output" = "4242 0 /" ]
        run -0 as $kind "$COOPER" run --network none -u 4242:4343 plain sh -c 'echo $(id -u) $(id -g) $(id -G)'
        [ "$output" = "4242 4343 4343" ]
        run -0 as $kind "$COOPER" run --network none -u www:root plain sh -c 'echo $(id -u) $(id -G)'
        [ "$output" = "33 0" ]
    done
}

@test "streams: stdin with -i only, both outputs, large ones, closed ones" {
    for kind in $(kinds); do
        run -0 as $kind sh -c 'printf "a\nb\n" | "$0" run --network none -i plain wc -l' "$COOPER"
        [ "$output" = 2 ]
        run -0 as $kind sh -c 'echo unread | "$0" run --network none plain wc -c' "$COOPER"
        [ "$output" = 0 ]
        run -3 --separate-stderr as $kind "$COOPER" run --network none plain sh -c 'echo out; echo err >&2; exit 3'
        [ "$output" = out ]
        [ "$stderr" = err ]
        run -0 as $kind sh -c 'head -c 3000000 /dev/zero | "$0" run --network none -i plain cat | wc -c' "$COOPER"
        [ "$output" = 3000000 ]
        # the reader goes away: the program is told, as in any pipe
        run -0 as $kind sh -c '"$0" run --network none plain yes | head -1' "$COOPER"
        [ "$output" = y ]
    done
}

@test "signals are handed on" {
    for kind in $(kinds); do
        for signal in TERM INT HUP USR1; do
            out=$SUITE_DIR/signal.$kind
            mkfifo "$out"
            as $kind env --default-signal=INT "$COOPER" run --network none plain \
                sh -c 'trap "exit 41" TERM; trap "exit 42" INT; trap "exit 43" HUP; trap "exit 44" USR1; echo on; while :; do sleep 0.05; done' >"$out" 3>&- &
            local pid=$!
            read -r line <"$out"
            rm "$out"
            kill -$signal "$(child $pid)"
            status=0
            wait $pid || status=$?
            case $signal in TERM) [ $status = 41 ] ;; INT) [ $status = 42 ] ;; HUP) [ $status = 43 ] ;; USR1) [ $status = 44 ] ;; esac
        done
    done
}

# PTY: runs a command on a terminal, waits for "on", types, prints what came and the status.
typed() { # KEYS CMD...
    python3 - "$@" <<'END'
import os, pty, sys, termios
keys, argv = sys.argv[1].encode().decode("unicode_escape").encode(), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
seen, sent = b"", False
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    seen += data
    if not sent and b"on\r\n" in seen:
        os.write(fd, keys)
        sent = True
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(seen.decode().replace("\r\n", " ").strip(), "status", status)
END
}

@test "a terminal: ctrl-C is 130, ctrl-D ends input, it is the container's own" {
    need python3
    for kind in $(kinds); do
        export -f typed as as_user
        run -0 typed '\x03' bash -c 'as "$@"' - $kind "$COOPER" run --network none -it plain sh -c 'echo on; exec sleep 1000'
        [[ $output == *"status 130" ]]
        run -0 typed '\x04' bash -c 'as "$@"' - $kind "$COOPER" run --network none -it plain sh -c 'echo on; cat; echo end'
        [[ $output == *"end status 0" ]]
        run -0 typed 'x' bash -c 'as "$@"' - $kind "$COOPER" run --network none -t plain sh -c 'tty; test -t 0 && test -t 1 && test -t 2 && echo on'
        [[ $output == "/dev/pts/0 on"*"status 0" ]]
    done
}

@test "what is mounted: binds, tmpfs, read-only roots" {
    mkdir -p "$SUITE_DIR/share/below"
    echo shared >"$SUITE_DIR/share/file"
    chmod -R a+rwX "$SUITE_DIR/share"
    want 0 "shared" -v "$SUITE_DIR/share:/mnt/deep" plain cat /mnt/deep/file
    want 0 "shared" -v "$SUITE_DIR/share/file:/etc/one" plain cat /etc/one
    want 1 "" -v "$SUITE_DIR/share:/mnt:ro" plain touch /mnt/new
    want 1 "" --mount "type=bind,source=$SUITE_DIR/share,target=/mnt,readonly" plain touch /mnt/new
    want 1 "" -v "$SUITE_DIR/share:/mnt:ro" plain touch /mnt/below/new
    want 0 "" -v "$SUITE_DIR/share:/mnt" plain sh -c 'echo x >/mnt/written && rm /mnt/written'
    want 125 "" -v "$SUITE_DIR/missing:/mnt" plain true
    [[ $stderr == *"missing"* && $stderr == *"No such file"* ]]
    want 125 "" -v named:/mnt plain true
    [[ $stderr == *"named volumes"* ]]
    want 125 "" -v "$SUITE_DIR/share:/mnt:odd" plain true
    want 0 "2048" --tmpfs /t:size=2m,mode=755 plain sh -c 'df -k /t | tail -1 | { read -r a b c; echo $b; }'
    want 0 "" --tmpfs /t plain touch /t/x
    want 1 "" --read-only plain touch /x
    want 0 "" --read-only --tmpfs /tmp plain touch /tmp/x
    want 0 "kept" --read-only plain cat /data/file
    want 0 "1024" --shm-size 1m plain sh -c 'df -k /dev/shm | tail -1 | { read -r a b c; echo $b; }'
    want 0 "kept" shaped cat /data/file # VOLUME hides nothing
}

@test "what is kept in: namespaces, capabilities, seccomp, masks, devices" {
    want 0 "lo" plain ls /sys/class/net
    want 0 "1" plain sh -c 'grep NoNewPrivs /proc/self/status | cut -f2'
    want 0 "2" plain sh -c 'grep Seccomp: /proc/self/status | cut -f2'
    want 0 "0" --security-opt seccomp=unconfined --security-opt no-new-privileges=false plain \
        sh -c 'grep NoNewPrivs /proc/self/status | cut -f2'
    want 0 "00000000a80425fb" plain sh -c 'grep CapBnd /proc/self/status | cut -f2'
    want 0 "0000000000000000" --cap-drop ALL plain sh -c 'grep CapEff /proc/self/status | cut -f2'
    want 0 "0000000000000400" --cap-drop ALL --cap-add net_bind_service plain sh -c 'grep CapEff /proc/self/status | cut -f2'
    want 125 "" --cap-add nonsense plain true
    want 0 "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero" plain sh -c 'echo $(ls /dev)'
    want 0 "0" plain sh -c 'cat /proc/kcore 2>/dev/null | wc -c'
    want 1 "" plain sh -c 'echo x >/proc/sys/kernel/hostname'
    want 1 "" plain mount -t tmpfs none /mnt
    want 1 "" plain unshare -U true
    want 0 "2" plain sh -c 'echo $$'
    want 0 "1" --pid1 plain sh -c 'echo $$'
    want 0 "0" plain sh -c 'i=0; while [ $i -lt 50 ]; do (: &); i=$((i+1)); done
        n=9 t=0; while [ $n -gt 0 ] && [ $t -lt 5000 ]; do sleep 0.01; n=$(grep -ls "^State:.Z" /proc/[0-9]*/status | wc -l); t=$((t+1)); done; echo $n'
    for kind in $(kinds); do
        run -0 as $kind "$COOPER" run --network host plain sh -c 'ls /sys/class/net | wc -l'
        [ "$output" -ge 1 ]
        run -0 --separate-stderr as $kind "$COOPER" run --network host -p 1:1 plain true
        [[ $stderr == *"not published"* ]]
    done
    want 125 "" --network odd plain true
}

# asked PORT: the answer of the server there, once it listens
asked() { wait_until curl -sS --max-time 60 "http://127.0.0.1:$1/" 2>"$SUITE_DIR/curl" || { cat "$SUITE_DIR/curl"; return 1; }; }
# published PID WORDS: the port of this machine, by what the cooper of that process says
published() { wait_until said_or_ended "$@" && sed -n 's/.*127.0.0.1:\([0-9]*\) is port 80 .*/\1/p' "$2"; }
said_or_ended() { grep -q 'is port 80' "$2" || { ended "$1" && cat "$2"; }; }

@test "a published port answers on a network without a way out" {
    need curl
    for kind in $(kinds); do
        : >"$SUITE_DIR/words" # not those of the one before
        as $kind "$COOPER" run --network none -p :80 --read-only plain httpd -f -p 80 -h /www 2>"$SUITE_DIR/words" 3>&- &
        local pid=$!
        local number; number=$(published $pid "$SUITE_DIR/words")
        run -0 asked "$number"
        [ "$output" = hello ]
        kill -TERM "$(child $pid)"
        status=0
        wait $pid || status=$?
        [ $status = 143 ]
        run curl -sS --max-time 60 "http://127.0.0.1:$number/"
        [ "$output" != hello ] # whoever may have the port by now
    done
}

@test "a private network that cannot be had is said; ports go on without" {
    need_root
    need curl
    run -125 --separate-stderr as_user single env PATH=/nowhere "$COOPER" run plain true
    [[ $stderr == *pasta* && $stderr == *"--network none or host"* ]]
    : >"$SUITE_DIR/words"
    as_user single env PATH=/nowhere "$COOPER" run -p :80 plain httpd -f -p 80 -h /www 2>"$SUITE_DIR/words" 3>&- &
    local pid=$!
    local number; number=$(published $pid "$SUITE_DIR/words")
    grep -q 'cannot reach anything' "$SUITE_DIR/words"
    run -0 asked "$number"
    [ "$output" = hello ]
    kill -TERM "$(child $pid)"
    wait $pid || true
    run -125 --separate-stderr as_user single env PATH=/nowhere "$COOPER" run -p 5353:53/udp plain true
    [[ $stderr == *UDP* ]]
}

@test "ports: refused, taken, malformed, too low" {
    need python3
    want 125 "" -p 8080:80:90:1 plain true
    want 125 "" -p nonsense plain true
    [[ $stderr == *malformed* && $stderr == *hint* ]]
    want 125 "" -p 5353:53/udp plain true
    [[ $stderr == *"UDP"* ]]
    serve TAKEN true
    want 125 "" -p "$TAKEN:80" plain true
    [[ $stderr == *"Address already in use"* && $stderr == *"another program"* ]]
    kill $SERVER
    [ "$(id -u)" != 0 ] || [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -lt 81 ] || {
        run -125 --separate-stderr as_user single "$COOPER" run --network none -p 80:80 plain true
        [[ $stderr == *"Permission denied"* && $stderr == *"choose a higher one"* ]]
    }
}

@test "a directory in place: what is written stays, mount points do not" {
    for kind in $(kinds); do
        root=$SUITE_DIR/rootfs-$kind
        busybox_root "$root"
        [ "$(id -u)" != 0 ] || [ $kind = root ] || chown -R 54321:54321 "$root"
        (cd "$root" && find . | sort) >"$SUITE_DIR/before"
        run -0 as $kind "$COOPER" run --network none --tmpfs /made/here --rootfs "$root" sh -c 'echo x >/root/written; ls -d /proc/1 /dev/null'
        (cd "$root" && find . | sort) >"$SUITE_DIR/after"
        run diff "$SUITE_DIR/before" "$SUITE_DIR/after"
        [ "${lines[1]}" = "> ./root/written" ]
        [ ${#lines[@]} = 2 ]
    done
}

@test "nothing is left behind" {
    for kind in $(kinds); do
        as $kind "$COOPER" run --network none plain sh -c 'mkdir -p /a/b && echo x >/a/b/c; sleep 1000 & sleep 1000 & exit 0'
        case $kind in root | self) store=$COOPER_ROOT ;; *) store=$SUITE_DIR/user-$kind/.local/share/cooper ;; esac
        [ -d "$store/tmp" ]
        run -0 ls -A "$store/tmp" "$store/leases"
        [ "$output" = "$(printf '%s:\n\n%s:' "$store/leases" "$store/tmp")" ]
    done
    run ! grep -F "$SUITE_DIR" /proc/self/mountinfo
    for exe in /proc/[0-9]*/exe; do
        [ "$(readlink "$exe")" = "$COOPER" ] || continue
        ! tr '\0' '\n' <"${exe%/exe}/environ" | grep -F "$SUITE_DIR" || { cat "${exe%/exe}/cmdline"; false; }
    done
}

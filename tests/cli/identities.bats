# Root, an ordinary user with subordinate ids and one with a single id build the same image.
load common

setup_file() {
    suite_setup mirror
    [ "$(id -u)" = 0 ] || return 0
    cooper base --quiet -t debian:bookworm
    cooper export debian:bookworm --quiet --output "type=oci,dest=$SUITE_DIR/debian"
    chmod -R a+rX "$SUITE_DIR/debian"
    mkdir -p "$SUITE_DIR/context"
    cat >"$SUITE_DIR/context/Dockerfile" <<'END'
FROM debian
RUN echo 'Acquire::Retries 5;' >/etc/apt/apt.conf.d/retries && apt-get update && apt-get install -y --no-install-recommends cron libcap2-bin && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
RUN groupadd -g 2000 app && useradd -u 2000 -g 2000 -m app && adduser --quiet --disabled-password --gecos '' second \
    && install -o app -g app -m 4755 /bin/true /usr/local/bin/setuid-tool \
    && mkdir /data /data/deep && touch /data/deep/file && chown -R 33:33 /data && chmod 2770 /data \
    && ln -s deep /data/link && chown -h 12:34 /data/link && mkfifo /data/fifo && chown 56:78 /data/fifo \
    && ln /data/deep/file /data/deep/second
COPY --chown=app:app --chmod=640 file /srv/app/
WORKDIR /srv/app/work
RUN chgrp 33 /srv/app/file && mv /data/deep /data/moved && mv /data /data2 && rm -rf /usr/share/doc
# who processes are, and what they make
RUN set -e; test "$(id -u)" = 0; cd /srv; chmod 0777 .; \
    setpriv --reuid 33 --regid 33 --init-groups sh -c 'test "$(id -u):$(id -g):$(id -G)" = 33:33:33; touch by-setpriv; mkdir -m 3750 dir; ln -s x dir/link; ! chown 0 by-setpriv; ! chmod 600 /etc/shadow' 2>/dev/null; \
    su app -c 'test "$(whoami)" = app; test "$HOME" = /home/app; umask 077; echo x >by-su; umask 002; mkdir -p tree/of/app; : >tree/of/app/file'; \
    runuser -u second -- cp -r /etc/skel skel; \
    su app -s /bin/sh -c 'cp -p /bin/true /srv/mine; chmod 4711 /srv/mine; chgrp app /srv/mine'
# groups handed on by directories, records that are shown, copied, removed and replaced
RUN set -e; mkdir /g; chgrp 50 /g; chmod 2775 /g; touch /g/file; mkdir /g/dir; umask 027; touch /g/masked; \
    test "$(stat -c %u:%g:%a /g/file /g/dir /g/masked | tr '\n' ' ')" = '0:50:644 0:50:2755 0:50:640 '; \
    cp -a /etc/shadow /shadow.copy; cp /etc/shadow /shadow.plain; test "$(stat -c %G /shadow.copy)" = shadow; \
    tar -C / -cf /tmp/t.tar srv data2 g; mkdir /untarred; tar -C /untarred -xpf /tmp/t.tar; rm /tmp/t.tar; \
    find /untarred -user app | grep -q tree/of/app; chown --from=app:app -R second: /untarred; \
    cp -a /data2/link /link.copy; rm /data2/link; ln -s other /data2/link
RUN set -e; dpkg-statoverride --add root shadow 2755 /bin/ping --force-all >/dev/null 2>&1 || true; \
    touch /file; dpkg-statoverride --update --add app www-data 4750 /file; \
    sed -i s/x/y/ /srv/by-su; test "$(stat -c %U:%G:%a /srv/by-su)" = app:app:600; \
    cp /bin/true /capable; setcap cap_net_raw+ep /capable; getcap /capable | grep -q cap_net_raw; \
    cp /bin/true /no-longer; setcap cap_net_raw+ep /no-longer; setcap -r /no-longer; \
    chmod 0400 /srv/app/file; chmod 0600 /srv/app/file; chmod 000 /srv/app/work; rm /etc/passwd-
# devices: seen as such where the step speaks of mknod, in the layer always
RUN set -e; mkdir -m 2775 /devices; chgrp 50 /devices; cd /devices; umask 027; mknod -m 640 null c 1 3; chown app:app null; mknod disk b 8 0; \
    mknod nothing b 0 0; ! mknod whiteout c 0 0 2>/dev/null; ! mknod null c 1 3 2>/dev/null; mkdir below; mknod -m 600 below/tty c 5 0; ln disk again; \
    mv null moved; echo x >moved; test "$(stat -c '%F %t:%T %a %u:%g' moved disk nothing | tr '\n' ' ')" = 'character special file 1:3 640 2000:2000 block special file 8:0 640 0:50 block special file 0:0 640 0:50 '; \
    cp -a moved copy; test -c copy; tar -cf t.tar moved disk again; mkdir untarred; tar -C untarred -xf t.tar; rm t.tar; test -b untarred/again; \
    su app -s /bin/sh -c '! mknod /tmp/x c 1 3 2>/dev/null'; rm copy; ! test -e copy; mknod gone c 1 3; rm gone; chroot . /bin/true 2>/dev/null || true
RUN set -e; make=mk; make=${make}nod; $make /devices/unspoken c 1 5; cp -a /devices/unspoken /devices/unspoken2; chmod 600 /devices/unspoken2; \
    python=0; tar -C /devices -cf /tmp/t.tar untarred; rm -r /devices/untarred; tar -C /devices -xf /tmp/t.tar; rm /tmp/t.tar; mv /devices/below /devices/beneath
RUN ["/bin/bash", "-c", "touch /tmp/kept; chown app /tmp/kept; chmod u+s /tmp/kept; chown app /tmp/kept; test \"$(stat -c %a /tmp/kept)\" = 644"]
USER app
RUN set -e; cd; test "$(id -un):$(id -gn):$(id -Gn)" = app:app:app; echo hello >hello; mkdir -p a/b; ln -s b a/link; ln hello again; mkfifo fifo; \
    install -m 711 /bin/true tool; mv a c; ! mkdir /root/x/y 2>/dev/null; cat hello >c/b/file; tar -cf t.tar c; rm -r c; tar -xf t.tar; rm t.tar
USER second:33
RUN touch /tmp/second && test "$(id -u):$(id -g)" = "$(stat -c %u:%g /tmp/second)"
USER 4321
RUN touch /tmp/number && mkdir /tmp/numbers && test "$(id -u):$(id -g)" = 4321:0
END
    echo hello >"$SUITE_DIR/context/file"
    chmod -R a+rX "$SUITE_DIR/context"
}
teardown_file() {
    for kind in subids single; do
        [ ! -d "$SUITE_DIR/user-$kind" ] || as_user $kind "$COOPER" prune --all --quiet >/dev/null 2>&1 || true
    done
    suite_teardown
}

build() { # OUT [as_user KIND]
    local out=$1; shift
    mkdir -p "$SUITE_DIR/$out"
    chmod 0777 "$SUITE_DIR/$out"
    "$@" "$COOPER" build --progress plain --build-context "debian=oci-layout://$SUITE_DIR/debian" -t same --output type=image \
        --output "type=oci,dest=$SUITE_DIR/$out/layout" "$SUITE_DIR/context"
}

# Paths that a package installation writes with the time of day in them.
differ() {
    "$SOURCE_ROOT/../shared/tools/image-diff" "$1" "$2" --ignore '/var/log/*' --ignore '/var/cache/*' --ignore /etc/shadow \
        --ignore /etc/shadow- --ignore '/var/lib/dpkg/*-old' --ignore '/etc/*-'
}

@test "three identities, one image" {
    need_root
    [ -x "$SOURCE_ROOT/../shared/tools/image-diff" ] || skip "image-diff is not beside the project"
    build root env
    build subids as_user subids
    build single as_user single
    differ "$SUITE_DIR/root/layout" "$SUITE_DIR/subids/layout"
    differ "$SUITE_DIR/root/layout" "$SUITE_DIR/single/layout"
}

@test "a single id keeps the owners of set-id programs and links" {
    need_root
    as_user single "$COOPER" export same --output "type=tar,dest=$SUITE_DIR/user-single/same.tar"
    run -0 tar --numeric-owner -tvf "$SUITE_DIR/user-single/same.tar"
    grep -E '^-rwxr-sr-x 0/[1-9][0-9]* .* (\./)?usr/bin/crontab$' <<<"$output"
    grep -E '^-rwsr-xr-x 2000/2000 .*usr/local/bin/setuid-tool$' <<<"$output"
    grep -E '^lrwxrwxrwx 12/34 .*untarred/data2/link -> deep$' <<<"$output"
    grep -E '^lrwxrwxrwx 0/33 .* (\./)?data2/link -> other$' <<<"$output"
    grep -E '^drwxrws--- 33/33 .*data2/$' <<<"$output"
    grep -E '^-rw------- 2000/33 .*srv/app/file$' <<<"$output"
    grep -E '^-rw-r--r-- 2000/2000 .*home/app/again$' <<<"$output"
    grep -E '^-rw-r--r-- 4321/0 .*tmp/number$' <<<"$output"
}

# $1: who builds
devices() {
    local out=$SUITE_DIR/$1-devices
    mkdir -p "$SUITE_DIR/devices"
    printf '%s\n' 'FROM debian' 'RUN mknod -m 640 /null c 1 3 && chown 5:6 /null && test -c /null && mv /null /null2' >"$SUITE_DIR/devices/Dockerfile"
    chmod -R a+rX "$SUITE_DIR/devices"
    mkdir -p -m 0777 "$out"
    chmod 0777 "$out"
    "${@:2}" "$COOPER" build --quiet --build-context "debian=oci-layout://$SUITE_DIR/debian" --output "type=tar,dest=$out/out.tar" "$SUITE_DIR/devices"
    run -0 tar --numeric-owner -tvf "$out/out.tar"
    grep -E '^crw-r----- 5/6 +1,3 .*null2$' <<<"$output"
}

@test "devices that no user namespace may make are in the layer" {
    need_root
    devices root env
    devices subids as_user subids
    devices single as_user single
}

@test "a missing user namespace is said in so many words" {
    need_root
    # the limit is per user namespace: set in one of our own, nobody else sees it
    run -1 --separate-stderr unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; setpriv --inh-caps=-all "$COOPER" build --progress plain --build-context "debian=oci-layout://$SUITE_DIR/debian" "$SUITE_DIR/context"'
    [[ $stderr == *"user namespace"* ]]
    [[ $stderr == *"max_user_namespaces"* ]]
}

# Root, an ordinary user with subordinate ids and one with a single id build the same image.
load common

setup_file() {
    suite_setup
    [ "$(id -u)" = 0 ] || return 0
    cooper base --quiet -t debian:bookworm
    cooper export debian:bookworm --quiet --output "type=oci,dest=$SUITE_DIR/debian"
    chmod -R a+rX "$SUITE_DIR/debian"
    mkdir -p "$SUITE_DIR/context"
    cat >"$SUITE_DIR/context/Dockerfile" <<'END'
FROM debian
RUN apt-get update && apt-get install -y --no-install-recommends cron && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
RUN groupadd -g 2000 app && useradd -u 2000 -g 2000 -M app \
    && install -o app -g app -m 4755 /bin/true /usr/local/bin/setuid-tool \
    && mkdir /data /data/deep && touch /data/deep/file && chown -R 33:33 /data && chmod 2770 /data \
    && ln -s deep /data/link && chown -h 12:34 /data/link \
    && ln /data/deep/file /data/deep/second
COPY --chown=app:app --chmod=640 file /srv/app/
WORKDIR /srv/app/work
RUN chgrp 33 /srv/app/file && mv /data/deep /data/moved && rm -rf /usr/share/doc
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
    "$@" "$COOPER" build --progress plain --build-context "debian=oci-layout://$SUITE_DIR/debian" -t same \
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
    as_user single "$COOPER" export same --output "type=tar,dest=$USER_HOME/same.tar"
    run -0 tar --numeric-owner -tvf "$SUITE_DIR/user-single/same.tar"
    grep -E '^-rwxr-sr-x 0/[1-9][0-9]* .* (\./)?usr/bin/crontab$' <<<"$output"
    grep -E '^-rwsr-xr-x 2000/2000 .*usr/local/bin/setuid-tool$' <<<"$output"
    grep -E '^lrwxrwxrwx 12/34 .*data/link -> deep$' <<<"$output"
    grep -E '^drwxrws--- 33/33 .*data/$' <<<"$output"
    grep -E '^-rw-r----- 2000/33 .*srv/app/file$' <<<"$output"
}

@test "a missing user namespace is said in so many words" {
    need_root
    run -1 --separate-stderr as_user single unshare -U true || true
    # the limit is per user namespace: set in one of our own, nobody else sees it
    run -1 --separate-stderr unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; setpriv --inh-caps=-all "$COOPER" build --progress plain --build-context "debian=oci-layout://$SUITE_DIR/debian" "$SUITE_DIR/context"'
    [[ $stderr == *"user namespace"* ]]
    [[ $stderr == *"max_user_namespaces"* ]]
}

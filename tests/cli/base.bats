#!/usr/bin/env bats
# cooper base: against a small archive of our own, signed with a key of the moment; and, where the machine's
# mirror answers, against Debian.
load common

setup_file() {
    suite_setup mirror
    export REPO=$SUITE_DIR/repo KEYS=$SUITE_DIR/keys ARCH
    ARCH=$(dpkg --print-architecture 2>/dev/null || oci_arch)
    command -v gpg >/dev/null || return 0
    mkdir -m 700 "$KEYS"
    gpg --homedir "$KEYS" --batch --quiet --passphrase '' --quick-gen-key tester@example.org rsa2048 sign never
    gpg --homedir "$KEYS" --batch --export >"$SUITE_DIR/keys.gpg"
    for p in netbase tzdata ca-certificates; do package "$p"; done
    package base-files 'Essential: yes'
    package hello 'Depends: base-files, world (>= 2) | planet'
    package planet
    package lonely 'Depends: nowhere (>= 3)'
    release
    cp -a "$REPO" "$SUITE_DIR/good"
}
teardown_file() {
    [ ! -d "$KEYS" ] || gpgconf --homedir "$KEYS" --kill gpg-agent || true
    suite_teardown
}
setup() {
    need gpg
    need gpgv
    need dpkg-deb
    rm -rf "$REPO"
    cp -a "$SUITE_DIR/good" "$REPO"
}

# package NAME [further control lines]: a .deb in the pool
package() {
    local dir=$SUITE_DIR/build/$1
    mkdir -p "$dir/DEBIAN" "$dir/usr/share/doc/$1" "$dir/etc" "$REPO/pool"
    chmod -R u=rwX,go=rX "$dir"
    printf 'Package: %s\nVersion: 1.0-1\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: x\n' "$1" >"$dir/DEBIAN/control"
    [ -z "${2:-}" ] || printf '%s\n' "$2" >>"$dir/DEBIAN/control"
    echo "of $1" >"$dir/etc/$1"
    echo free >"$dir/usr/share/doc/$1/copyright"
    echo long >"$dir/usr/share/doc/$1/changelog"
    (cd "$dir" && find etc usr -type f -exec md5sum {} + | LC_ALL=C sort -k2 >DEBIAN/md5sums)
    find "$dir" -exec touch -h -d @1700000000 {} +
    dpkg-deb --root-owner-group -Zxz -b "$dir" "$REPO/pool/$1.deb" >/dev/null
}

index() { # Packages of everything in the pool
    local d
    for d in "$REPO"/pool/*.deb; do
        dpkg-deb -f "$d"
        printf 'Filename: pool/%s\nSize: %s\nSHA256: %s\n\n' "${d##*/}" "$(stat -c %s "$d")" "$(sha256sum <"$d" | cut -d' ' -f1)"
    done
}

release() { # [Release lines]
    local dists=$REPO/dists/test
    mkdir -p "$dists/main/binary-$ARCH"
    index >"$dists/main/binary-$ARCH/Packages"
    xz -kf "$dists/main/binary-$ARCH/Packages"
    sign "$@"
}

release_date() { date -u -d "$1" '+%a, %d %b %Y %H:%M:%S UTC'; }
sign() {
    local dists=$REPO/dists/test f
    {
        printf 'Origin: Test\nSuite: test\nCodename: test\nVersion: 7\nDate: %s\n' "$(release_date '2 days ago')"
        [ $# = 0 ] || printf '%s\n' "$@"
        echo 'SHA256:'
        for f in "main/binary-$ARCH/Packages" "main/binary-$ARCH/Packages.xz"; do
            printf ' %s %s %s\n' "$(sha256sum <"$dists/$f" | cut -d' ' -f1)" "$(stat -c %s "$dists/$f")" "$f"
        done
    } >"$dists/Release"
    rm -f "$dists/InRelease"
    gpg --homedir "$KEYS" --batch --quiet --clearsign -o "$dists/InRelease" "$dists/Release"
}

base() { cooper base --from debian:test --variant static --keyring "$SUITE_DIR/keys.gpg" --mirror "file://$REPO" --progress none "$@"; }
fails() { # WORDS COMMAND...: fails, says them, and prints no image
    local words=$1
    shift
    run "$@"
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"$words"* ]]
    [[ $output != sha256:* ]]
}
fresh() { COOPER_ROOT=$SUITE_DIR/$1 "${@:2}"; }

@test "a static image: files, users, records, and no documentation" {
    base --include hello --user nonroot --output type=tar,dest="$SUITE_DIR/a.tar"
    tar -tf "$SUITE_DIR/a.tar" | sed 's,^\./,,' >"$SUITE_DIR/list"
    for f in etc/hello etc/planet etc/passwd etc/nsswitch.conf var/lib/dpkg/status.d/hello var/lib/dpkg/status.d/hello.md5sums \
        usr/share/doc/hello/copyright home/nonroot/ bin; do
        grep -qx "$f" "$SUITE_DIR/list" || { echo "no $f"; false; }
    done
    ! grep -q changelog "$SUITE_DIR/list" || false
    ! grep -qE 'var/lib/dpkg/(status|info)$' "$SUITE_DIR/list" || false
    tar -tvf "$SUITE_DIR/a.tar" | grep -E '^drwx------ 65532/65532 .* (\./)?home/nonroot/'
    tar -tvf "$SUITE_DIR/a.tar" | grep -E '^drwxrwxrwt 0/0 .* (\./)?tmp/'
    tar -xOf "$SUITE_DIR/a.tar" "$(tar -tf "$SUITE_DIR/a.tar" | grep 'status.d/hello$')" | grep -x 'Version: 1.0-1'
}

@test "the same packages make the same image in another store" {
    one=$(fresh s1 base)
    two=$(fresh s2 base)
    [[ $one == sha256:* ]]
    [ "$one" = "$two" ]
}

@test "an ordinary user makes the same image, with subordinate ids or with one id" {
    need_root
    one=$(fresh s8 base)
    for kind in subids single; do
        two=$(as_user "$kind" "$COOPER" base --from debian:test --variant static --keyring "$SUITE_DIR/keys.gpg" \
            --mirror "file://$REPO" --progress none)
        [ "$one" = "$two" ]
    done
}

@test "a lock is written, reproduces without an index, and names the package that changed" {
    one=$(fresh s3 base --lock "$SUITE_DIR/lock" --include hello)
    grep -q '"name":"planet","version":"1.0-1"' "$SUITE_DIR/lock"
    rm -rf "$REPO/dists"
    two=$(fresh s4 base --lock "$SUITE_DIR/lock" --include hello)
    [ "$one" = "$two" ]
    flip "$REPO/pool/planet.deb" 100
    fails "package 'planet' 1.0-1" fresh s5 base --lock "$SUITE_DIR/lock"
    [[ $output == *"is not the file with SHA256"* ]]
    rm "$REPO/pool/planet.deb"
    fails "package 'planet' 1.0-1" fresh s5 base --lock "$SUITE_DIR/lock"
    [[ $output == *"hint: the mirror no longer has it"* ]]
    fails "it has no package 'lonely'" base --lock "$SUITE_DIR/lock" --include lonely
    fails "it is of another variant" base --lock "$SUITE_DIR/lock" --variant cc
    fails "it is of suite 'test'" base --lock "$SUITE_DIR/lock" --from debian:other
}

@test "a second run fetches no package again" {
    fresh s6 base >"$SUITE_DIR/id1"
    rm -rf "$REPO/pool"
    fresh s6 base --no-cache >"$SUITE_DIR/id2"
    cmp "$SUITE_DIR/id1" "$SUITE_DIR/id2"
}

@test "an InRelease that was altered, signed by others, or not at all" {
    sed -i 's/^Version: 7/Version: 8/' "$REPO/dists/test/InRelease"
    fails "is bad: the file was altered" base
    cp "$REPO/dists/test/Release" "$REPO/dists/test/InRelease"
    fails "is not a signed message" base
    cp "$SUITE_DIR/good/dists/test/InRelease" "$REPO/dists/test/InRelease"
    echo 'Suite: evil' >>"$REPO/dists/test/InRelease"
    fails "text behind the signature" base
    cp "$SUITE_DIR/good/dists/test/InRelease" "$REPO/dists/test/InRelease"
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || skip "no other keyring"
    fails "is not among the trusted ones" base --keyring /usr/share/keyrings/debian-archive-keyring.gpg
}

@test "an armoured keyring and trusted=yes" {
    gpg --homedir "$KEYS" --batch --armor --export >"$SUITE_DIR/keys.asc"
    base --keyring "$SUITE_DIR/keys.asc"
    cp "$REPO/dists/test/Release" "$REPO/dists/test/InRelease"
    cooper base --from debian:test --variant static --progress none --mirror "deb [trusted=yes] file:$REPO test main"
}

@test "a release that has expired, is of the future, or of another suite" {
    local end
    end=$(date -u -d '1 day ago' +%Y-%m-%dT%H:%M:%SZ)
    sign "Valid-Until: $(release_date "$end")"
    fails "has expired: it was valid until $end" base --mirror "deb [check-valid-until=yes] file:$REPO test main"
    cooper base --from debian:test --variant static --keyring "$SUITE_DIR/keys.gpg" --progress none \
        --mirror "deb [check-valid-until=no] file:$REPO test main"
    sed -i "s/^Date: .*/Date: $(release_date '10 days')/" "$REPO/dists/test/Release"
    rm "$REPO/dists/test/InRelease"
    gpg --homedir "$KEYS" --batch --quiet --clearsign -o "$REPO/dists/test/InRelease" "$REPO/dists/test/Release"
    fails "is of the future" cooper base --from debian:test --variant static --keyring "$SUITE_DIR/keys.gpg" --progress none \
        --mirror "deb [check-date=yes] file:$REPO test main"
    mv "$REPO/dists/test" "$REPO/dists/other"
    fails "asked for suite 'other', the mirror sent 'test'" base --from debian:other
}

@test "an index or a package that is not what was signed" {
    echo >>"$REPO/dists/test/main/binary-$ARCH/Packages.xz"
    fails "index main/binary-$ARCH/Packages.xz" fresh s7 base
    cp "$SUITE_DIR/good/dists/test/main/binary-$ARCH/Packages.xz" "$REPO/dists/test/main/binary-$ARCH/"
    truncate -s -1 "$REPO/pool/netbase.deb"
    fails "package 'netbase' 1.0-1" fresh s7 base
    rm -r "$REPO/dists/test"
    fails "InRelease" fresh s7 base
}

@test "a package that points out of its tree" {
    need ar
    mkdir -p "$SUITE_DIR/evil/x"
    cd "$SUITE_DIR/evil"
    echo bad >x/y
    tar -cJf data.tar.xz -P --transform 's,x/y,../../../escaped,' x/y
    dpkg-deb --ctrl-tarfile "$REPO/pool/netbase.deb" | xz >control.tar.xz
    echo 2.0 >debian-binary
    rm "$REPO/pool/netbase.deb"
    ar rc "$REPO/pool/netbase.deb" debian-binary control.tar.xz data.tar.xz
    release
    fails "package 'netbase' 1.0-1" base
    [[ $output == *"data.tar"* ]]
    echo junk >"$REPO/pool/netbase.deb"
    printf 'Package: netbase\nVersion: 1.0-1\nArchitecture: all\nFilename: pool/netbase.deb\nSize: 5\nSHA256: %s\n\n' \
        "$(sha256sum <"$REPO/pool/netbase.deb" | cut -d' ' -f1)" >"$SUITE_DIR/one"
    mv "$REPO/pool/netbase.deb" "$SUITE_DIR/netbase.deb"
    index >"$REPO/dists/test/main/binary-$ARCH/Packages"
    cat "$SUITE_DIR/one" >>"$REPO/dists/test/main/binary-$ARCH/Packages"
    mv "$SUITE_DIR/netbase.deb" "$REPO/pool/"
    xz -kf "$REPO/dists/test/main/binary-$ARCH/Packages"
    sign
    fails "package 'netbase' 1.0-1" base
}

@test "passwords in a mirror's URL are not shown" {
    fails "fetch http://127.0.0.1:9/debian/dists/test/InRelease" cooper base --from debian:test --progress none \
        --mirror http://user:secret@127.0.0.1:9/debian
    [[ $output != *secret* ]]
}

@test "what cannot be had is said before anything is fetched" {
    fails "package 'nothing' is in none of the sources" base --include nothing
    fails "'lonely' needs 'nowhere (>= 3)', which no source has" base --include lonely
    run base --variant tiny
    [ "$status" = 2 ]
    [[ $output == *"minbase, distroless, static, cc, python3"* ]]
    run cooper base --from fedora:40
    [ "$status" = 2 ]
    fails "is no URL" base --mirror nonsense
}

# ---- Debian itself ----

debian() { # skips unless the machine's mirror answers
    cooper base --variant static --progress none -t probe:1 >"$SUITE_DIR/probe" 2>&1 || skip "no Debian mirror: $(tail -1 "$SUITE_DIR/probe")"
}
unpacked() { # IMAGE-OPTIONS: a directory with the files
    mkdir -p "$SUITE_DIR/$1"
    cooper base "${@:2}" --progress none --output type=tar,dest=- | tar -C "$SUITE_DIR/$1" -x
}

@test "Debian: certificates and users in static; a dynamic program starts in cc, Python in python3" {
    debian
    need_root
    unpacked cc --variant cc
    [ "$(grep -c 'BEGIN CERT' "$SUITE_DIR/cc/etc/ssl/certs/ca-certificates.crt")" -gt 100 ]
    [ ! -e "$SUITE_DIR/cc/bin/sh" ]
    cp -L "$(command -v ldconfig)" "$SUITE_DIR/cc/static-program"
    cp -L "$(command -v env)" "$SUITE_DIR/cc/dynamic-program"
    chroot "$SUITE_DIR/cc" /static-program --version >/dev/null
    chroot "$SUITE_DIR/cc" /dynamic-program --version >/dev/null
    unpacked python --variant python3
    [ "$(chroot "$SUITE_DIR/python" /usr/bin/python3 -c 'import ssl, sqlite3, ctypes, json; print(6 * 7)')" = 42 ]
}

@test "Debian: minbase is configured, quiet and complete" {
    debian
    need_root
    unpacked minbase
    root=$SUITE_DIR/minbase
    ! grep -E '^Status: ' "$root/var/lib/dpkg/status" | grep -v 'install ok installed' || false
    [ -z "$(chroot "$root" dpkg --audit)" ]
    [ -z "$(find "$root/var/log" "$root/var/lib/apt/lists" "$root/run" "$root/tmp" -type f -size +0 ! -name faillog ! -name lastlog)" ]
    [ -x "$root/bin/sh" ] && [ -s "$root/etc/passwd" ] && [ -s "$root/etc/apt/sources.list" ]
    [ "$(stat -c %a "$root/usr/bin/su")" = 4755 ]
    [ "$(stat -c %g "$root/etc/shadow")" = 42 ]
    [ ! -e "$root/usr/sbin/policy-rc.d" ] && [ ! -e "$root/var/lib/dpkg/tmp.ci" ]
    chroot "$root" apt-get --version >/dev/null
}

# Names that git completes, and names that do not move.
load common

setup_file() {
    need git
    suite_setup
    export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a \
        GIT_COMMITTER_EMAIL=a@b GIT_AUTHOR_DATE='2021-01-02T03:04:05Z' GIT_COMMITTER_DATE='2021-01-02T03:04:05Z'
}
teardown_file() { suite_teardown; }

setup() {
    C=$BATS_TEST_TMPDIR/c
    git init -q -b main "$C"
    mkdir "$C/sub"
    printf 'FROM scratch\nCOPY x /\n' | tee "$C/Dockerfile" >"$C/sub/Dockerfile"
    echo 1 | tee "$C/x" >"$C/sub/x"
    commit one
}
commit() { git -C "$C" add . && git -C "$C" commit -qm "$1" --allow-empty; }
hash() { git -C "$C" rev-parse --short HEAD; }
names() { "$COOPER" images | awk 'NR > 1 {print $1 ":" $2}'; }
build() { "$COOPER" build -q "$@" >/dev/null; }

@test "{git} is the commit, {semver} the version: exact, ahead, before a release, dirty" {
    run "$COOPER" build -t 'app:{semver}' "$C"
    [ "$status" = 2 ]
    [[ $output == *"no tag such as v1.2.3"* ]]
    build -t 'a:{git}' "$C"
    names | grep -qx "a:$(hash)"
    for t in v1.2.3 v1.10.0-rc.1 1.9.9 latest v2; do git -C "$C" tag "$t"; done
    build -t 'a:{semver}' "$C/sub" # a part of a checkout
    names | grep -qx a:1.10.0-rc.1
    git -C "$C" tag -d v1.10.0-rc.1 1.9.9 >/dev/null
    build -t 'b:{semver}' -t 'b:x-{semver}-{git}' "$C"
    names | grep -qx b:1.2.3
    names | grep -qx "b:x-1.2.3-$(hash)"
    commit two
    commit three
    build -t 'c:{semver}' "$C"
    names | grep -qx "c:1.2.4-2.g$(hash)"
    echo 2 >"$C/x"
    build -t 'd:{semver}' -t 'd:{git}' "$C"
    names | grep -qx "d:1.2.4-2.g$(hash).dirty"
    names | grep -qx "d:$(hash)-dirty"
}

@test "what has another time only is not dirty; what is new to git is not either" {
    git -C "$C" update-index -q --refresh
    touch -d '2001-01-01' "$C/x" "$C/sub/x"
    echo new >"$C/new"
    build -t 'e:{git}' "$C/sub"
    names | grep -qx "e:$(hash)"
    chmod +x "$C/x"
    build -t 'e:{git}' "$C/sub"
    names | grep -qx "e:$(hash)-dirty"
    git -C "$C" checkout -q -- x
    rm "$C/sub/x"
    echo 'FROM scratch' >"$C/Dockerfile"
    git -C "$C" checkout -q Dockerfile
    build -t 'f:{git}' -f - "$C" <<<'FROM scratch'
    names | grep -qx "f:$(hash)-dirty"
}

@test "no program of a stranger's checkout is started" {
    printf 'x filter=evil\nDockerfile filter=more\n' >"$C/.gitattributes"
    commit attributes
    touch -d '2001-01-01' "$C/sub/x"
    git -C "$C" config include.path more
    printf '[filter "more"]\n\tclean = "touch %s/ran; cat"\n' "$BATS_TEST_TMPDIR" >"$C/.git/more"
    git -C "$C" config filter.evil.clean "touch '$BATS_TEST_TMPDIR/ran'; cat"
    git -C "$C" config core.fsmonitor "$BATS_TEST_TMPDIR/monitor"
    printf '#!/bin/sh\ntouch "%s/ran"\n' "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/monitor"
    chmod +x "$BATS_TEST_TMPDIR/monitor"
    touch "$C/x" "$C/Dockerfile"
    build -t 'g:{git}' "$C"
    names | grep -qx "g:$(git -C "$C" rev-parse --short HEAD)"
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
    # nor where the user's environment has settings of git, which stay
    touch "$C/x" "$C/Dockerfile"
    GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.abbrev GIT_CONFIG_VALUE_0=20 build -t 'g2:{git}' "$C"
    names | grep -qx "g2:$(git -C "$C" rev-parse --short=20 HEAD)"
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "placeholders need git and a word that there is" {
    mkdir "$BATS_TEST_TMPDIR/plain"
    cp "$C/Dockerfile" "$C/x" "$BATS_TEST_TMPDIR/plain/"
    run "$COOPER" build -t 'a:{git}' "$BATS_TEST_TMPDIR/plain"
    [ "$status" = 2 ]
    [[ $output == *"is no checkout of git"* ]]
    run "$COOPER" build -t 'a:{git}' - <<<'FROM scratch'
    [ "$status" = 2 ]
    [[ $output == *"need a directory as context"* ]]
    run "$COOPER" build -t 'a:{version}' "$C"
    [ "$status" = 2 ]
    [[ $output == *"no {version} in a tag"* ]]
}

@test "--immutable: a name stays with its image, whatever else is asked for" {
    build --immutable -t h:1.0.0 "$C"
    build --immutable -t h:1.0.0 "$C"
    echo 2 >"$C/x"
    run "$COOPER" build --immutable -t h:1.0.1 -t h:1.0.0 -o type=oci-archive,dest="$BATS_TEST_TMPDIR/out.tar" "$C"
    [ "$status" = 1 ]
    [[ $output == *"'docker.io/library/h:1.0.0' names another image: sha256:"* ]]
    [ ! -e "$BATS_TEST_TMPDIR/out.tar" ]
    ! names | grep -qx h:1.0.1
    build -t h:1.0.0 "$C"
    build --immutable -t h:1.0.0 "$C"
    run "$COOPER" build --immutable -t h:newest -t "h:$(hash)" -t h:1.0.0 "$C"
    [ "$status" = 0 ]
    [[ $output == *"the tag 'newest' is neither a version nor a commit"* ]]
    [ "$(grep -c 'neither a version' <<<"$output")" = 1 ]
}

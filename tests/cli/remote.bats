#!/usr/bin/env bats
# Sources that are elsewhere: ADD of URLs and repositories, contexts, named contexts. The servers are on loopback.
load common

setup_file() {
    need git
    need python3
    suite_setup
    export WWW=$SUITE_DIR/www LOG=$SUITE_DIR/www.log REPOS=$SUITE_DIR/repos
    export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a \
        GIT_COMMITTER_EMAIL=a@b GIT_AUTHOR_DATE='2021-01-02T03:04:05Z' GIT_COMMITTER_DATE='2021-01-02T03:04:05Z'
    mkdir -p "$WWW" "$REPOS"
    touch "$LOG"
    serve_http
    make_repositories >/dev/null 2>&1
    serve_git
}

teardown_file() {
    kill "$HTTP_PID" "$GIT_PID" 2>/dev/null || true
    suite_teardown
}

setup() {
    : >"$LOG"
    C=$BATS_TEST_TMPDIR/c
    mkdir -p "$C"
}

# The port comes through a fifo: it is there as soon as the server listens.
serve_http() {
    mkfifo "$SUITE_DIR/port"
    "$BATS_TEST_DIRNAME/remote-server" "$WWW" "$LOG" >"$SUITE_DIR/port" 2>/dev/null 3>&- &
    export HTTP_PID=$!
    read -r PORT <"$SUITE_DIR/port"
    export U=http://127.0.0.1:$PORT
}

make_repositories() {
    (
        set -e
        umask 077 # modes are git's, not ours
        cd "$SUITE_DIR"
        git init -q -b main sub
        mkdir sub/in
        echo s >sub/s
        echo t >sub/in/t
        git -C sub add .
        git -C sub commit -qm sub
        git clone -q --bare sub repos/sub.git
        git init -q -b main top
        cd top
        mkdir -p dir/deep
        printf 'FROM scratch\nCOPY . /all/\n' >Dockerfile
        printf 'FROM scratch\nCOPY . /sub/\n' >dir/Dockerfile
        echo dir/x >.dockerignore
        echo x >dir/x
        echo y >dir/deep/run
        chmod 700 dir/deep/run
        ln -s dir/x link
        git add .
        git commit -qm one
        git tag -a -m v1 v1
        git branch old
        echo two >two
        git -c protocol.file.allow=always submodule --quiet add ../repos/sub.git mod
        git config -f .gitmodules submodule.mod.url ../sub.git
        git add .
        git commit -qm two
        git clone -q --bare . ../repos/top.git
        cd ..
        git clone -q --bare top repos/moving.git
    )
}

serve_git() {
    serve PORT git daemon --inetd --export-all --base-path="$REPOS" "$REPOS"
    export GIT_PID=$SERVER G=git://127.0.0.1:$PORT
}

# build OPTION... CONTEXT: the result is the archive $OUT.
build() {
    OUT=$BATS_TEST_TMPDIR/out.tar
    rm -f "$OUT"
    run cooper build --progress none --output "type=tar,dest=$OUT" "$@"
}
good() { build "$@"; [ "$status" = 0 ] || { echo "$output"; false; }; }
bad() { # MESSAGE OPTION... CONTEXT
    local message=$1
    shift
    build "$@"
    [ "$status" = 1 ] && [[ $output == *"$message"* ]] || { echo "$output"; false; }
}
dockerfile() { printf '%b\n' "FROM scratch" "$@" >"$C/Dockerfile"; }
# mode, owner, size or nothing, time or nothing, name
listing() { tar -tvf "$OUT" --full-time --numeric-owner | sed -E 's/ +/ /g'; }
has() { listing | grep -qxF -- "$1" || { listing; echo "wanted: $1"; false; }; }
content() { tar -xOf "$OUT" "$1"; }
requests() { cat "$LOG"; }

@test "ADD of a URL: mode, time, name; never unpacked unless asked; beside local files" {
    echo hello >"$WWW/file.txt"
    touch -d '2020-02-03T04:05:06Z' "$WWW/file.txt"
    mkdir -p "$BATS_TEST_TMPDIR/a"
    echo in >"$BATS_TEST_TMPDIR/a/inside"
    tar -C "$BATS_TEST_TMPDIR/a" --owner=5 --group=6 --mtime=@1600000000 -czf "$WWW/a.tgz" inside
    echo local >"$C/local"
    dockerfile "ADD $U/file.txt?query=/x local /d/" "ADD $U/bare/file.txt/ /g/" "ADD --chown=3:4 --chmod=640 $U/a.tgz /new" \
        "ADD --unpack $U/a.tgz /un" "ADD $U/a.tgz /e/" "ADD --unpack=false $U/a.tgz $U/file.txt /f/"
    good "$C"
    has "-rw------- 0/0 6 2020-02-03 04:05:06 d/file.txt"
    has "-rw------- 0/0 6 1970-01-01 00:00:00 g/file.txt" # the same bytes, of no time
    [ "$(content d/local)" = local ]
    listing | grep -q '^-rw-r----- 3/4 .* new$'
    listing | grep -q '^-rw------- 0/0 .* e/a.tgz$'
    listing | grep -q '^-rw------- 0/0 .* f/a.tgz$'
    has "-rw-r--r-- 5/6 3 2020-09-13 12:26:40 un/inside"
    [ "$(requests | grep -c a.tgz)" = 1 ] # the same URL is one
}

@test "a URL is asked for again and fetched only when the server has another one" {
    local path
    for path in cond.txt dated/cond.txt bare/cond.txt; do
        echo one >"$WWW/cond.txt"
        touch -d '2020-01-01T00:00:00Z' "$WWW/cond.txt"
        dockerfile "ADD $U/$path /"
        good "$C"
        : >"$LOG"
        good "$C"
        case $path in
        bare/*) [ "$(requests)" = "GET /$path 200 4" ] ;;
        *) [ "$(requests)" = "GET /$path 304 0" ] ;;
        esac
        echo another >"$WWW/cond.txt"
        good "$C"
        [ "$(content cond.txt)" = another ]
    done
}

@test "--checksum: checked, and what the store has needs no server" {
    local sum
    echo sum >"$WWW/sum.txt"
    sum=sha256:$(sha256sum <"$WWW/sum.txt" | cut -d' ' -f1)
    dockerfile "ARG SUM" "ADD --checksum=\$SUM $U/sum.txt /"
    good --build-arg "SUM=$sum" "$C"
    : >"$LOG"
    good --build-arg "SUM=$sum" "$C"
    [ -z "$(requests)" ]
    # the same bytes of another server under another name
    dockerfile "ADD --checksum=$sum http://127.0.0.1:9/other.txt /"
    good "$C"
    [ "$(content other.txt)" = sum ]
    [ -z "$(requests)" ]
    echo forged >"$WWW/sum.txt"
    dockerfile "ADD --checksum=${sum/sum/sum} $U/forged.txt /"
    cp "$WWW/sum.txt" "$WWW/forged.txt"
    good "$C"
    [ "$(content forged.txt)" = sum ]
    dockerfile "ADD --checksum=sha256:$(printf other | sha256sum | cut -d' ' -f1) $U/forged.txt /"
    bad "checksum mismatch: $U/forged.txt is sha256:$(sha256sum <"$WWW/forged.txt" | cut -d' ' -f1), not sha256:" "$C"
    [[ $output == *"Dockerfile:2:1"* ]]
    bad "checksum mismatch" "$C" # and it is not remembered as anything
    dockerfile "ADD --checksum=sha256:xyz $U/forged.txt /" # the flag is what is marked
    bad "Dockerfile:2:5: checksum" "$C"
    [[ $output == *"     ^~~~~~~~~~~~~~~~~~~~~"* ]]
}

@test "what a server said of a URL is forgotten with the tree that it is about" {
    echo said >"$WWW/said.txt"
    dockerfile "ADD $U/said.txt /"
    good "$C"
    # results that name no tree would stay for ever; those of package indexes are not of a build
    run -0 python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*), sum(length(trees) = 0) FROM results").fetchone())' "$COOPER_ROOT/cache.db"
    [[ $output == "("[1-9]*", 0)" ]]
}

@test "servers that lie, break off, never end, redirect without end or are not there" {
    head -c 100000 /dev/zero >"$WWW/zero"
    dockerfile "ADD $U/cut/zero /"
    bad "fetch $U/cut/zero: " "$C"
    dockerfile "ADD $U/long/zero /z"
    good "$C" # what Content-Length says is the file, as everywhere
    has "-rw------- 0/0 100000 1970-01-01 00:00:00 z"
    dockerfile "ADD $U/to/5/zero /"
    good "$C"
    dockerfile "ADD $U/busy/2/zero /"
    good "$C"
    dockerfile "ADD $U/loop/ /"
    bad "Maximum (10) redirects followed" "$C"
    dockerfile "ADD $U/away/file:///etc/passwd /"
    bad 'Protocol "file" not supported or disabled' "$C"
    dockerfile "ADD $U/same/zero /"
    bad "said to be unchanged" "$C"
    dockerfile "ADD $U/none /"
    bad "404" "$C"
    [[ $output == *"Dockerfile:2:1: fetch $U/none"* ]]
    dockerfile "ADD http://127.0.0.1:9/none /"
    bad "127.0.0.1" "$C"
}

@test "passwords in URLs go to the server and nowhere else" {
    echo secret >"$WWW/auth.txt"
    dockerfile "ADD http://u:p@${U#http://}/auth/auth.txt /"
    good "$C"
    [ "$(content auth.txt)" = secret ]
    dockerfile "ADD http://u:wrong@${U#http://}/auth/auth.txt /"
    bad "fetch $U/auth/auth.txt: " "$C"
}

@test "passwords in URLs are in no image, title, key or .git, not of submodules either" {
    export COOPER_ROOT=$BATS_TEST_TMPDIR/store
    local name host=http://user:sEcr3tPw@${U#http://}
    echo x >"$WWW/plain.txt"
    for name in top sub; do
        git clone -q --bare "$REPOS/$name.git" "$WWW/with/$name.git"
        git -C "$WWW/with/$name.git" update-server-info
    done
    dockerfile "ADD --keep-git-dir=true $host/with/top.git /r" "ADD $host/plain.txt /"
    run cooper build --progress plain --provenance --metadata-file "$BATS_TEST_TMPDIR/meta" \
        -o "type=oci,tar=false,compression=uncompressed,dest=$BATS_TEST_TMPDIR/oci" \
        --cache-to "type=local,mode=max,compression=uncompressed,dest=$BATS_TEST_TMPDIR/cache" "$C"
    [ "$status" = 0 ] || { echo "$output"; false; }
    [[ $output == *"ADD --keep-git-dir=true $U/with/top.git /r"* && $output != *sEcr3tPw* ]]
    grep -rqa "url = $U/with/sub.git" "$BATS_TEST_TMPDIR/oci"
    ! grep -rla sEcr3tPw "$BATS_TEST_TMPDIR"/{oci,cache,meta} "$COOPER_ROOT" || false
}

@test "a proxy of the environment is used, and NO_PROXY" {
    echo proxied >"$WWW/proxied"
    dockerfile "ADD http://elsewhere.invalid/proxied /"
    http_proxy=$U bad "404" "$C" # the server was asked for the whole URL
    grep -q "^GET http://elsewhere.invalid/proxied 404" "$LOG"
    dockerfile "ADD $U/proxied /"
    http_proxy=http://127.0.0.1:9 no_proxy=127.0.0.1 good "$C"
}

@test "ADD of a repository: files, modes, submodules, no .git; the commit is the key" {
    dockerfile "ADD $G/top.git /r/" "ADD $G/top.git#v1:dir /s" "ADD --chown=5:6 $G/top.git?branch=old&subdir=dir/deep /t"
    good "$C"
    has "-rw-r--r-- 0/0 2 2021-01-02 03:04:05 r/dir/x"
    has "-rwxr-xr-x 0/0 2 2021-01-02 03:04:05 r/dir/deep/run"
    has "drwxr-xr-x 0/0 0 2021-01-02 03:04:05 r/dir/deep/"
    has "lrwxrwxrwx 0/0 0 2021-01-02 03:04:05 r/link -> dir/x"
    ! listing | grep ' 1970-' || false # a tree's top is in no index: the time is now
    has "-rw-r--r-- 0/0 2 2021-01-02 03:04:05 r/mod/in/t"
    has "-rw-r--r-- 0/0 2 2021-01-02 03:04:05 s/x"
    has "-rwxr-xr-x 5/6 2 2021-01-02 03:04:05 t/run"
    ! listing | grep -q '\.git/\|mod/\.git' || false
    run cooper build --progress plain "$C"
    [ "$status" = 0 ]
    [[ $output == *"every step from the cache"* ]]
}

@test "git: keep-git-dir, without submodules, a commit, a checksum, an older commit" {
    local old=$(git -C "$REPOS/top.git" rev-parse old) main=$(git -C "$REPOS/top.git" rev-parse main)
    dockerfile "ADD --keep-git-dir=true $G/top.git#v1 /k" "ADD $G/top.git?submodules=false /n" "ADD $G/top.git#$old /o" \
        "ADD --checksum=${main:0:12} $G/top.git#main /m" "ADD $G/top.git?keep-git-dir=1&ref=v1 /q" \
        "ADD --keep-git-dir=true $G/top.git#main /s"
    good "$C"
    listing | grep -q ' k/\.git/HEAD$'
    listing | grep -q ' q/\.git/HEAD$'
    content k/.git/config | grep -q "url = $G/top.git"
    listing | grep -q ' s/\.git/modules/mod/HEAD$'
    [ -z "$(listing | grep -E ' [ks]/\.git/(.*/)?(logs/|FETCH_HEAD$|ORIG_HEAD$)')" ]
    ! listing | grep -q ' n/mod/s$\| o/two$' || false
    listing | grep -q ' m/two$'
    dockerfile "ADD --checksum=${old:0:12} $G/top.git#main /m"
    bad "checksum mismatch: the commit is $main, not ${old:0:12}" "$C"
    # a commit and a store that has it need no server
    dockerfile "ADD git://127.0.0.1:9/top.git?submodules=false#$main /m"
    good "$C"
    dockerfile "ADD $G/top.git#nothing /m"
    bad "the repository has no branch or tag 'nothing'" "$C"
    dockerfile "ADD $G/top.git#v1:nothing /m"
    bad "the repository has no directory 'nothing'" "$C"
    dockerfile "ADD $G/top.git#v1:link /m"
    bad "the repository has no directory 'link'" "$C"
}

@test "git: a branch that moved is another commit" {
    dockerfile "ADD $G/moving.git?submodules=false /m"
    good "$C"
    ! listing | grep -q ' m/three$' || false
    (cd "$SUITE_DIR/top" && echo 3 >three && git add three && git commit -qm three && git push -q ../repos/moving.git main)
    good "$C"
    listing | grep -q ' m/three$'
}

@test "git over http: a server of plain files, secrets for one host" {
    git clone -q --bare "$REPOS/top.git" "$WWW/dumb.git" 2>/dev/null
    git -C "$WWW/dumb.git" update-server-info
    printf p >"$BATS_TEST_TMPDIR/token"
    local url=$U/dumb.git?submodules=false host=${U#http://}
    dockerfile "ADD $url /r" "ADD $url#$(git -C "$REPOS/top.git" rev-parse old) /o"
    good "$C"
    listing | grep -q ' r/two$'
    ! listing | grep -q ' o/two$' || false
    dockerfile "ADD $U/auth/dumb.git?submodules=false#v1 /r"
    bad "could not read Username for '$U': terminal prompts disabled" "$C"
    GIT_AUTH_TOKEN=p good --secret id=GIT_AUTH_TOKEN "$C"
    cooper prune --all --quiet >/dev/null
    good --secret "id=GIT_AUTH_TOKEN.$host,src=$BATS_TEST_TMPDIR/token" "$C"
    cooper prune --all --quiet >/dev/null
    HEADER="basic $(printf u:p | base64)" good --secret id=GIT_AUTH_HEADER,env=HEADER "$C"
    cooper prune --all --quiet >/dev/null
    HEADER="basic $(printf u:wrong | base64)" bad "git ls-remote" --secret id=GIT_AUTH_HEADER,env=HEADER "$C"
    HEADER="basic $(printf u:p | base64)" bad "git ls-remote" --secret id=GIT_AUTH_HEADER.elsewhere,env=HEADER "$C"
}

@test "what prune took is fetched again; a cache in a directory saves the fetching" {
    local sum
    echo pruned >"$WWW/pruned.txt"
    sum=sha256:$(sha256sum <"$WWW/pruned.txt" | cut -d' ' -f1)
    dockerfile "ADD $U/pruned.txt /" "ADD --checksum=$sum $U/pruned.txt $G/top.git#v1 /d/"
    sed -i 's/--checksum=[^ ]* //' "$C/Dockerfile"
    good "$C"
    cooper prune --all --quiet >/dev/null
    good "$C"
    [ "$(content pruned.txt)" = pruned ]
    [ "$(content d/dir/x)" = x ]
    dockerfile "ADD --checksum=$sum $U/pruned.txt /" "COPY <<E /y\ny\nE"
    good --cache-to "type=local,dest=$BATS_TEST_TMPDIR/cache,mode=max" "$C"
    cooper prune --all --quiet >/dev/null
    : >"$LOG"
    good --cache-from "type=local,src=$BATS_TEST_TMPDIR/cache" "$C"
    [ "$(content pruned.txt)" = pruned ]
    [ -z "$(requests)" ]
}

# The server says so when the last one has closed the connection.
until_logged() { wait_until grep -q "$1" "$LOG" || { cat "$LOG"; return 1; }; }

@test "a build that is interrupted while it fetches leaves nobody behind" {
    local signal flag
    for signal in INT TERM; do
        for flag in "" "--checksum=sha256:$(printf x | sha256sum | cut -d' ' -f1) "; do
            : >"$LOG"
            dockerfile "ADD $flag$U/endless/ /x"
            env --default-signal=INT "$COOPER" build --progress none "$C" >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
            until_logged 'endless/ 200'
            kill -$signal $!
            run wait $!
            [ "$status" != 0 ]
            until_logged 'endless/ gone'
        done
    done
}

@test "git: repositories that want more than files" {
    local evil=$SUITE_DIR/evil blob tree
    git init -q -b main "$evil"
    echo x >"$evil/x"
    printf '[submodule "a"]\n\tpath = a\n\turl = ext::sh -c "touch %s/owned"\n' "$SUITE_DIR" >"$evil/.gitmodules"
    git -C "$evil" add .
    git -C "$evil" update-index --add --cacheinfo "160000,$(git -C "$SUITE_DIR/sub" rev-parse HEAD),a"
    git -C "$evil" commit -qm ext
    git clone -q --bare "$evil" "$REPOS/ext.git"
    dockerfile "ADD $G/ext.git /"
    bad "transport 'ext' not allowed" "$C"
    printf '[submodule "a"]\n\tpath = a\n\turl = file://%s/sub.git\n' "$REPOS" >"$evil/.gitmodules"
    git -C "$evil" add .gitmodules
    git -C "$evil" commit -qm file
    git clone -q --bare "$evil" "$REPOS/file.git"
    dockerfile "ADD $G/file.git /"
    bad "transport 'file' not allowed" "$C"
    printf '[submodule "a"]\n\tpath = a\n\turl = -oProxyCommand=touch\n' >"$evil/.gitmodules"
    git -C "$evil" add .gitmodules
    git -C "$evil" commit -qm dash
    git clone -q --bare "$evil" "$REPOS/dash.git"
    dockerfile "ADD $G/dash.git /"
    build "$C" # a submodule that git does not believe in
    [ ! -e "$SUITE_DIR/owned" ]
    blob=$(printf x | git -C "$evil" hash-object -w --stdin)
    tree=$(printf '120000 blob %s\t.gitmodules\n' "$blob" | git -C "$evil" mktree)
    git -C "$evil" update-ref refs/heads/main "$(git -C "$evil" commit-tree -m link "$tree")"
    git clone -q --bare "$evil" "$REPOS/link.git"
    dockerfile "ADD $G/link.git /"
    build "$C"
    [ "$status" = 1 ]
    [[ $output == *".gitmodules"* ]]
}

@test "git: what is no name is refused before git sees it" {
    local u
    for u in "$G/top.git#--upload-pack=touch" "ssh://-oProxyCommand=touch/x.git" "$G/top.git#../x" "$G/top.git#main:../.." \
        "$G/top.git?what=x" "$G/top.git?tag=a&branch=b"; do
        dockerfile "ADD $u /"
        bad "git repository '" "$C"
    done
    dockerfile "ADD -oProxyCommand=x@h:y /"
    bad "is not in the build context" "$C"
}

@test "nothing of the user's git is believed" {
    printf '[url "git://127.0.0.1:9/"]\n\tinsteadOf = %s/\n[core]\n\thooksPath = %s/hooks\n' "$G" "$SUITE_DIR" >"$HOME/.gitconfig"
    mkdir -p "$SUITE_DIR/hooks"
    printf '#!/bin/sh\ntouch %s/hooked\n' "$SUITE_DIR" >"$SUITE_DIR/hooks/post-checkout"
    chmod +x "$SUITE_DIR/hooks/post-checkout"
    dockerfile "ADD $G/top.git?submodules=false#old /"
    GIT_CONFIG_GLOBAL=$HOME/.gitconfig good "$C"
    rm "$HOME/.gitconfig"
    [ ! -e "$SUITE_DIR/hooked" ]
}

@test "a repository as the context: a directory of it, another file, no .dockerignore" {
    good "$G/top.git#v1"
    has "-rw-r--r-- 0/0 2 2021-01-02 03:04:05 all/dir/x"
    has "-rw-r--r-- 0/0 6 2021-01-02 03:04:05 all/.dockerignore"
    good "$G/top.git#v1:dir"
    has "-rwxr-xr-x 0/0 2 2021-01-02 03:04:05 sub/deep/run"
    good -f dir/Dockerfile "$G/top.git#v1"
    has "-rw-r--r-- 0/0 2 2021-01-02 03:04:05 sub/dir/x"
    printf 'FROM scratch\nCOPY dir/x /from-stdin\n' >"$C/df"
    good -f - "$G/top.git#v1" <"$C/df"
    [ "$(content from-stdin)" = x ]
    printf 'FROM scratch\nCOPY . /\n' >"$C/df"
    good -f - --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=1 "$G/top.git#v1" <"$C/df"
    listing | grep -q ' \.git/HEAD$'
    good -f - --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=0 "$G/top.git#v1" <"$C/df"
    ! listing | grep -q '\.git/' || false
    bad "there is no nothing in '$G/top.git#v1'" -f nothing "$G/top.git#v1"
    bad "the repository has no branch or tag 'x'" "$G/top.git#x"
}

@test "an archive as the context, from a URL and on standard input: owners stay, no .dockerignore" {
    printf 'FROM scratch\nCOPY . /all/\n' >"$C/Dockerfile"
    printf 'FROM scratch\nCOPY d /other/\n' >"$C/other"
    echo d/y >"$C/.dockerignore"
    mkdir "$C/d"
    echo y >"$C/d/y"
    chmod 600 "$C/d/y"
    tar -C "$C" --owner=12 --group=13 --mtime=@1600000000 -cf "$WWW/c.tar" .
    gzip -k "$WWW/c.tar"
    for source in - "$U/c.tar" "$U/c.tar.gz"; do
        good "$source" <"$WWW/c.tar.gz"
        has "-rw------- 12/13 2 2020-09-13 12:26:40 all/d/y"
        listing | grep -q ' all/.dockerignore$'
        good -f other "$source" <"$WWW/c.tar.gz"
        has "-rw------- 12/13 2 2020-09-13 12:26:40 other/y"
        bad "there is no nothing in '" -f nothing "$source" <"$WWW/c.tar.gz"
    done
    : >"$LOG"
    good "$U/c.tar"
    [ "$(requests)" = "GET /c.tar 304 0" ]
    run cooper build --print context - <"$WWW/c.tar"
    [ "$status" = 0 ]
    [ "$(sort <<<"$output" | tr '\n' ' ')" = ".dockerignore Dockerfile d/ d/y other " ]
}

@test "a Dockerfile as the context: on standard input there is nothing else, of a URL only itself" {
    printf 'FROM scratch\nCOPY <<E /x\nhi\nE\n' >"$WWW/plain"
    good - <"$WWW/plain"
    [ "$(content x)" = hi ]
    good "$U/plain"
    [ "$(content x)" = hi ]
    printf 'FROM scratch\nCOPY . /all/\n' >"$WWW/copies"
    good "$U/copies"
    [ "$(content all/context)" = "$(cat "$WWW/copies")" ]
    bad "this build has no context" - <"$WWW/copies"
    bad "cannot both come from standard input" -f - -
    bad "-f has no meaning" -f x "$U/plain"
    printf 'FROM scratch\nCOPY x /y\n' >"$C/df"
    echo x >"$C/x"
    good -f - "$C" <"$C/df"
    [ "$(content y)" = x ]
    # the file of a URL beside a directory, as for buildx
    printf 'FROM scratch\nCOPY x /z\n' >"$WWW/df"
    good -f "$U/df" "$C"
    [ "$(content z)" = x ]
    bad "404" -f "$U/none" "$C"
}

@test "contexts that are attacks" {
    local evil=$BATS_TEST_TMPDIR/evil.py source
    cat >"$evil" <<'P'
import io, sys, tarfile
def add(t, name, data=b"", **more):
    i = tarfile.TarInfo(name); i.size = len(data)
    for k, v in more.items(): setattr(i, k, v)
    t.addfile(i, io.BytesIO(data))
kind = sys.argv[1]
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as t:
    add(t, "Dockerfile", b"FROM scratch\nCOPY . /all/\n")
    if kind == "up": add(t, "../up", b"x")
    if kind == "middle": add(t, "a/../../up", b"x")
    if kind == "link":
        add(t, "out", type=tarfile.SYMTYPE, linkname=sys.argv[2]); add(t, "out/up", b"x")
    if kind == "hard": add(t, "h", type=tarfile.LNKTYPE, linkname="../../etc/passwd")
    if kind == "absolute": add(t, "/" + sys.argv[2].strip("/") + "/up", b"x")
    if kind == "cut": t.fileobj.write(b"")
P
    for kind in up middle hard; do
        python3 "$evil" "$kind" >"$WWW/evil.tar"
        bad "unpack" - <"$WWW/evil.tar"
        bad "unpack" "$U/evil.tar"
    done
    mkdir "$BATS_TEST_TMPDIR/out"
    for kind in link absolute; do
        python3 "$evil" "$kind" "$BATS_TEST_TMPDIR/out" >"$WWW/evil.tar"
        build - <"$WWW/evil.tar"
        [ ! -e "$BATS_TEST_TMPDIR/out/up" ]
    done
    # a Dockerfile that is a link stays in its context
    mkdir "$BATS_TEST_TMPDIR/l"
    ln -s ../../../../../../../../etc/passwd "$BATS_TEST_TMPDIR/l/Dockerfile"
    tar -C "$BATS_TEST_TMPDIR/l" -cf "$WWW/l.tar" .
    bad "there is no Dockerfile in" - <"$WWW/l.tar"
}

@test "named contexts of every kind replace FROM, --from and mounts, stages too" {
    busybox_layout
    echo n >"$WWW/named.txt"
    mkdir "$BATS_TEST_TMPDIR/dir"
    echo d >"$BATS_TEST_TMPDIR/dir/x"
    dockerfile "COPY --from=repo dir/x /repo" "COPY --from=url named.txt /url" "COPY --from=dir x /dir" \
        "COPY --from=stage /made /stage" "COPY --from=box /bin/busybox /box"
    sed -i '1i FROM scratch AS early\nCOPY <<E /made\nearly\nE\nFROM scratch AS box\nCOPY <<E /wrong\nE' "$C/Dockerfile"
    good --build-context "repo=$G/top.git#v1" --build-context "url=$U/named.txt" --build-context "dir=$BATS_TEST_TMPDIR/dir" \
        --build-context "stage=target:early" --build-context "box=oci-layout://$SUITE_DIR/busybox:latest" "$C"
    [ "$(content repo)" = x ]
    [ "$(content url)" = n ]
    [ "$(content dir)" = d ]
    [ "$(content stage)" = early ]
    listing | grep -q '^-rw------- 0/0 .* url$'
    printf 'FROM scratch AS early\nCOPY <<E /made\nearly\nE\nFROM replaced\nCOPY <<E /more\nE\n' >"$C/Dockerfile"
    good --build-context replaced:latest=target:early "$C"
    [ "$(content made)" = early ]
    bad "is the stage 'late', which is not defined before" --build-context replaced=target:late "$C"
    printf 'FROM base\nRUN --mount=from=repo,source=dir,target=/m cp /m/x /got\n' >"$C/Dockerfile"
    good --build-context "base=oci-layout://$SUITE_DIR/busybox" --build-context "repo=$G/top.git#v1" "$C"
    [ "$(content got)" = x ]
}

@test "named contexts: a platform of their own, :latest, chains and their end" {
    busybox_layout
    local layout=oci-layout://$SUITE_DIR/busybox:latest i options=() other=arm64
    [ "$(oci_arch)" != arm64 ] || other=amd64
    dockerfile
    echo "FROM alpine:latest" >"$C/Dockerfile"
    good --build-context "alpine=$layout" "$C"
    good --build-context "docker.io/library/alpine::linux/$(oci_arch)=$layout" --build-context "alpine=$BATS_TEST_TMPDIR" "$C"
    listing | grep -q ' bin/busybox$'
    bad "neither in the store nor a named context" --build-context "alpine::linux/$other=$layout" "$C"
    # a stage, for one platform of two
    printf 'FROM scratch AS part\nCOPY <<E /own\nE\nFROM part\n' >"$C/Dockerfile"
    good --build-context "part::linux/$other=$BATS_TEST_TMPDIR/c" --platform "linux/$other" "$C"
    ! listing | grep -q ' own$' || false
    good --build-context "part::linux/$other=$BATS_TEST_TMPDIR/c" "$C"
    listing | grep -q ' own$'
    for i in 1 2 3 4 5 6 7 8 9 10 11; do options+=(--build-context "n$i=docker-image://n$((i + 1))"); done
    echo "FROM n1" >"$C/Dockerfile"
    bad "leads through more than 10 others" "${options[@]}" --build-context "n12=$layout" "$C"
    echo "FROM n5" >"$C/Dockerfile"
    good "${options[@]}" --build-context "n12=$layout" "$C"
    build --build-context x "$C"
    [ "$status" = 2 ]
    [[ $output == *"is not NAME=WHAT"* ]]
}

@test "the plan names remote sources and asks nobody" {
    dockerfile "ADD http://u:p@127.0.0.1:9/x git://127.0.0.1:9/x.git#v /d/"
    run cooper build --print plan "$C"
    [ "$status" = 0 ]
    [[ $output == *'"name": "http://127.0.0.1:9/x"'* && $output == *'"name": "git://127.0.0.1:9/x.git#v"'* ]]
}

@test "an ordinary user fetches too, with subordinate ids or one id" {
    need_root
    local kind
    echo u >"$WWW/u.txt"
    C=$SUITE_DIR/c
    mkdir "$C"
    dockerfile "ADD $U/u.txt $G/top.git#v1 /d/"
    chmod a+rx "$SUITE_DIR" "$C"
    chmod a+r "$C/Dockerfile"
    tar -C "$C" --owner=12 --group=13 -cf "$WWW/user.tar" .
    for kind in subids single; do
        [ "$kind" = single ] || command -v newuidmap >/dev/null || continue
        as_user "$kind" "$COOPER" build --progress none --output "type=tar,dest=-" "$C" >"$BATS_TEST_TMPDIR/$kind.tar"
        as_user "$kind" "$COOPER" build --progress none --output "type=tar,dest=-" "$U/user.tar" >"$BATS_TEST_TMPDIR/$kind-context.tar"
        OUT=$BATS_TEST_TMPDIR/$kind.tar
        [ "$(content d/u.txt)" = u ]
        [ "$(content d/dir/x)" = x ]
    done
}

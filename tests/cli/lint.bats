# Rules over Dockerfiles: files, configuration, formats, exit statuses. What each rule finds is in the unit tables.
load common

setup_file() { suite_setup; }
teardown_file() { suite_teardown; }

setup() {
    cd "$BATS_TEST_TMPDIR"
    unset XDG_CONFIG_HOME
    printf 'FROM debian\nMAINTAINER me\nUSER 1001\n' >Dockerfile
    printf 'FROM debian:12.5\nCOPY a /a\nUSER 1001\n' >good
}
codes() { "$COOPER" lint --no-fail --no-shellcheck --format json "$@" | jq -r '.[].code' | sort -u | xargs; }

@test "a finding has its place, its line, why and how to mend it; the status is 3" {
    run -3 --separate-stderr "$COOPER" lint
    [[ $output == *"Dockerfile:1:6 DL3006 warning: 'debian' has no tag"* ]]
    [[ $output == *"     1 | FROM debian"*"       |      ^~~~~~"*"  why: "*"  fix: "* ]]
    [ -z "$stderr" ]
}

@test "thresholds and statuses are hadolint's, the number is cooper's" {
    run -0 "$COOPER" lint good
    run -3 "$COOPER" lint -t none good # style is shown, and fails when asked to
    run -3 "$COOPER" lint --failure-threshold error
    run -0 "$COOPER" lint --failure-threshold error --ignore DL4000
    run -3 "$COOPER" lint --exit-on warning --ignore DL4000
    run -1 "$COOPER" lint --exit-code 1
    run -0 "$COOPER" lint --exit-code 0
    run -2 "$COOPER" lint --exit-code x
    run -0 "$COOPER" lint --no-fail
    run -0 "$COOPER" lint --format codeclimate
    printf 'FROM debian:12.5\nBOGUS x\n' >bad
    run -3 "$COOPER" lint bad
    [[ $output == *"bad:2:1 DL1000 error"* ]]
    run -1 "$COOPER" lint nowhere
    run -2 "$COOPER" lint -t loud
    run -2 "$COOPER" lint --format yaml
    run -2 "$COOPER" lint --enable no-such-rule
}

@test "files, directories and standard input" {
    mkdir -p sub/.hidden sub/.git
    cp good sub/api.dockerfile
    cp good sub/.hidden/Containerfile
    cp Dockerfile sub/Dockerfile.dev
    cp Dockerfile sub/.git/Dockerfile
    printf '*\n' >sub/Dockerfile.dev.dockerignore
    echo x >sub/README
    [ "$("$COOPER" lint --no-fail -f checkstyle . | grep -o "name='[^']*'" | xargs)" = \
        "name=./Dockerfile name=./sub/.hidden/Containerfile name=./sub/Dockerfile.dev name=./sub/api.dockerfile" ]
    [ "$("$COOPER" lint --no-fail -f json good - --file-path-in-report x <Dockerfile | jq -r '.[].file' | sort -u)" = x ]
    [ "$(codes - <Dockerfile)" = "CP204 DL3006 DL4000" ]
    rm Dockerfile
    run -1 "$COOPER" lint
    [[ $output == *"there is no Dockerfile here"* ]]
}

@test "rules are named by any of their names" {
    [ "$(codes Dockerfile)" = "CP204 DL3006 DL4000" ]
    [ "$(codes --ignore base-no-tag --ignore CP204 --ignore MaintainerDeprecated Dockerfile)" = "" ]
    [ "$(codes --enable no-healthcheck good)" = "CP204 DL3057" ]
    run -0 "$COOPER" lint -t error --warning DL4000
    run -0 "$COOPER" lint --explain maintainerdeprecated
    [[ $output == "CP108 maintainer: "* ]]
    [ "$("$COOPER" lint --explain db-4.3 | grep -c '^CP')" = 3 ]
    run -2 "$COOPER" lint --explain nothing
    [ "$(codes --trusted-registry '*.example' good)" = "CP204 DL3026" ]
    [ "$(codes --require-label a:semver good)" = "CP204 DL3049" ]
}

@test ".hadolint.yaml: the first that is found, then options; variables come before" {
    printf 'ignored: [DL3006]\nfailure-threshold: error\noverride:\n  style: [DL4000]\n' >.hadolint.yaml
    run -0 "$COOPER" lint
    [ "$(codes)" = "CP204 DL4000" ]
    [ "$(HADOLINT_IGNORE=CP204 codes)" = DL4000 ]
    [ "$(codes --config /dev/null)" = "CP204 DL3006 DL4000" ]
    run -3 "$COOPER" lint -t style
    printf 'failure-threshold: [\n' >.hadolint.yaml
    run -1 "$COOPER" lint
    [[ $output == *".hadolint.yaml:2:1"* ]]
    rm .hadolint.yaml
    mkdir -p conf
    printf 'ignored: [DL3006]\n' >conf/hadolint.yml
    [ "$(XDG_CONFIG_HOME=$PWD/conf codes)" = "CP204 DL4000" ]
    run -1 "$COOPER" lint --config nowhere.yaml
}

@test "the context's .dockerignore decides what COPY finds" {
    echo a >.dockerignore
    [ "$(codes good)" = "CP204 CopyIgnoredFile" ]
    echo b >good.dockerignore
    [ "$(codes good)" = "CP204" ]
    mkdir ctx && echo a >ctx/.dockerignore
    [ "$(codes --context ctx - <good)" = "CP204 CopyIgnoredFile" ]
}

@test "--context is looked through: ignore file, secrets and ballast that a COPY takes" {
    mkdir -p ctx/app/.git/x ctx/app/src ctx/deep/node_modules
    touch ctx/app/.env ctx/app/.git/config ctx/app/src/a.key ctx/deep/a ctx/id_rsa ctx/Dockerfile
    ln -s / ctx/root
    printf 'FROM debian:12.5\nCOPY app /app\nCOPY deep/[a-n]* /b/\nUSER 1001\n' >f
    found() { "$COOPER" lint --no-fail --no-shellcheck --format json --context ctx "$@" f | jq -r '.[] | select(.code | startswith("CP17")) | .code + " " + (.line | tostring) + " " + .message'; }
    [ "$(found)" = "CP171 2 the build context has no .dockerignore
CP173 2 'app' takes 'app/.env', 'app/src/a.key' along
CP174 2 'app' takes 'app/.git' (the history of the sources) along
CP174 3 'deep/[a-n]*' takes 'deep/node_modules' (what the build makes itself) along" ]
    printf '# \n' >ctx/.dockerignore
    [ "$(found | head -1)" = "CP172 2 'ctx/.dockerignore' has no pattern" ]
    printf '**/.git\n**/.env\n!app/.env\nnode_modules\n' >ctx/.dockerignore
    [ "$(found)" = "CP173 2 'app' takes 'app/.env', 'app/src/a.key' along
CP174 3 'deep/[a-n]*' takes 'deep/node_modules' (what the build makes itself) along" ]
    printf 'FROM debian:12.5\nCOPY --exclude=**/*.key --exclude=.env app /app\nCOPY . /b\nUSER 1001\n' >f
    [ "$(found)" = "CP173 3 '.' takes 'app/.env', 'app/src/a.key', 'id_rsa' along
CP174 3 '.' takes '.dockerignore' (how it is built), 'Dockerfile' (how it is built), 'deep/node_modules' (what the build makes itself) along" ]
    [ "$(HOME=$PWD/ctx found | grep -c CP175)" = 1 ]
    run -1 "$COOPER" lint --context nowhere f
    printf 'FROM debian:12.5\nCOPY . /b\nUSER 1001\n' >f # nobody said where the context is
    [ "$(codes f)" = "CP144 CP204" ]
}

@test "several outputs: the first format goes to the first file" {
    run -3 --separate-stderr "$COOPER" lint -f sarif -f json -o a.sarif -o b.json -f gnu
    [[ $output == cooper:Dockerfile:1:6* ]]
    jq -e '.runs[0].results | length > 0' a.sarif
    jq -e 'length > 0' b.json
    run -3 --separate-stderr "$COOPER" lint -o - -o c -f tty -f checkstyle
    [[ $output == Dockerfile:1:6* ]]
    grep -q '</checkstyle>' c
    run -2 "$COOPER" lint -o - -o -
    run -2 "$COOPER" lint -o x -f yaml
    run -1 "$COOPER" lint -o no/where/x
    run -1 "$COOPER" lint -o /dev/full
    [[ $output == *"write findings to '/dev/full': No space left"* ]]
    run -0 "$COOPER" lint -f codeclimate -f codacy -o x -o y
    jq -e '.patternId' y
}

@test ".cooperignore: rule, path, day; --verbose says which lines take nothing" {
    printf '%s\n' '# reviewed' 'dl3006 Dockerfile # why' 'MaintainerDeprecated exp:2999-01-01' \
        'CP204 sub exp:2001-01-01' 'DL3007' >.cooperignore
    [ "$(codes)" = "CP204" ]
    [ "$(codes good)" = "CP204" ]
    cp Dockerfile other
    [ "$(codes other)" = "CP204 DL3006" ]
    run -0 --separate-stderr "$COOPER" lint -v
    [[ $stderr == *"line 4, CP204: its day is over"*"line 5, DL3007: there is nothing"* ]]
    [[ $stderr != *"line 2"* ]]
    cp Dockerfile fixed
    printf 'DL4000\n' >mine
    [ "$(codes --ignore-file mine)" = "CP204 DL3006" ]
    "$COOPER" lint --fix --ignore-file mine --no-fail fixed
    grep MAINTAINER fixed
    printf 'DL4000 exp:2023-02-31\n' >mine
    run -1 "$COOPER" lint --ignore-file mine
    [[ $output == *"mine:1:1"*"exp:YYYY-MM-DD"* ]]
    run -1 "$COOPER" lint --ignore-file nowhere
    printf 'FROM scratch\nMAINTAINER me\nUSER 1\n' >b
    printf 'DL4000\n' >.cooperignore
    run -0 "$COOPER" build --lint=error --no-cache -q -f b .
    rm .cooperignore
    run -1 "$COOPER" build --lint=error --no-cache -q -f b .
    printf 'ignored: [DL4000]\n' >.hadolint.yaml
    run -3 --separate-stderr env HADOLINT_VERBOSE=1 "$COOPER" lint
    [[ $stderr == *"settings of '.hadolint.yaml'"* ]]
}

@test "every format can be read by its own kind" {
    for f in json gitlab sonarqube sarif; do
        "$COOPER" lint --no-fail -f $f Dockerfile good | jq -e . >/dev/null
        "$COOPER" lint --no-fail -f $f --ignore CP204 good | jq -e . >/dev/null
    done
    for f in checkstyle junit; do
        "$COOPER" lint --no-fail -f $f Dockerfile good | python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.stdin)'
    done
    "$COOPER" lint -f codeclimate | tr '\0' '\n' | jq -e .check_name >/dev/null
    [ "$("$COOPER" lint --no-fail -f gnu | head -2 | tail -1)" = \
        "cooper:Dockerfile:1:6: DL3006 warning: 'debian' has no tag: the newest image is taken, whatever it is" ]
    "$COOPER" lint --no-fail -f sarif | jq -e '.version == "2.1.0" and (.runs[0].tool.driver.rules | length) == 3' >/dev/null
    [ "$("$COOPER" lint --no-fail -f json | jq -c '.[1] | [.code, .column, .file, .level, .line, .rule]')" = \
        '["DL3006",6,"Dockerfile","warning",1,"CP201"]' ]
}

@test "--fix mends what a machine can, once; --fix=diff shows it" {
    printf 'FROM debian:12.5 as Base\n# why\nadd a /a\nENV a b\nRUN apt-get update && \\\n  apt-get install x=1 && rm -rf /var/lib/apt/lists/*\nUSER 1\n' >f
    chmod 640 f
    cp f g
    run -0 "$COOPER" lint --fix=diff f
    [[ $output == "--- f"*"-FROM debian:12.5 as Base"*"+FROM debian:12.5 AS base"* ]]
    cmp f g
    run -0 "$COOPER" lint --fix --no-fail --no-shellcheck --brief f
    [ "$(cat f)" = 'FROM debian:12.5 AS base
# why
COPY a /a
ENV a=b
RUN apt-get update && \
  apt-get install --no-install-recommends -y x=1 && rm -rf /var/lib/apt/lists/*
USER 1' ]
    [ "$(stat -c %a f)" = 640 ]
    [ "$("$COOPER" lint --fix - <g)" = "$(cat f)" ]
    cp f h
    "$COOPER" lint --fix --no-fail f >/dev/null
    cmp f h
    run -0 "$COOPER" lint --fix=diff f
    [ -z "$output" ]
    run -2 "$COOPER" lint --fix=all f
}

@test "--fix=diff is what diff -u says: changes far apart are hunks of their own" {
    { echo 'FROM debian:12.5 as Base'; seq -f '# %g' 9; echo 'ENV a b'; seq -f '# %g' 20; printf 'add x /x\nUSER 1'; } >f
    cp f g
    "$COOPER" lint --fix --no-fail g >/dev/null
    "$COOPER" lint --fix=diff f >patch
    run -1 diff -u --label f --label f f g
    [ "$output" = "$(cat patch)" ]
    [ "$(grep -c '^@@' patch)" = 3 ]
}

@test "--fix keeps links, modes and a byte order mark" {
    printf '\357\273\277FROM debian:12.5\r\nENV a b\r\nUSER 1' >real
    chmod 664 real
    ln -s real link
    (umask 077 && "$COOPER" lint --fix --no-fail link >/dev/null)
    [ -L link ]
    [ "$(stat -c %a real)" = 664 ]
    printf '\357\273\277FROM debian:12.5\r\nENV a=b\r\nUSER 1' | cmp - real
}

@test "--fix writes standard input and nothing around it" {
    printf 'format: json\n' >.hadolint.yaml
    [ "$(printf 'FROM debian:12.5\nENV a b\nUSER 1\n' | "$COOPER" lint --fix -)" = \
        "$(printf 'FROM debian:12.5\nENV a=b\nUSER 1\n')" ]
}

@test "--fix over the corpus: no new finding, the same plan or an explained one, nothing left for a second time" {
    [ -d "$CONFORMANCE/lint" ] && [ -d "$CONFORMANCE/official" ] || skip "no conformance data"
    python3 "$SOURCE_ROOT/tests/cli/lintcorpus.py"
}

@test "errors in the official corpus are those of docs/lint.md" {
    [ -d "$CONFORMANCE/official" ] || skip "no conformance data"
    mapfile -t files < <(ls "$CONFORMANCE/official" | grep -vx 'LICENSES\|SOURCES.tsv')
    [ "${#files[@]}" -ge 46 ]
    cd "$CONFORMANCE/official"
    "$COOPER" lint --no-fail -c /dev/null --format json "${files[@]}" |
        jq -r '.[] | select(.level == "error") | "\(.file):\(.line):\(.column) \(.code)"' >"$BATS_TEST_TMPDIR/found"
    sed -n '/^## The official corpus/,/^## `--fix`/s/^| \([^ ]*:[0-9]*:[0-9]*\) | \([^ ]*\) |.*/\1 \2/p' "$SOURCE_ROOT/docs/lint.md" |
        diff - "$BATS_TEST_TMPDIR/found"
}

@test "--fix leaves what would mean something else" {
    printf '%s\n' 'FROM debian:12.5' 'RUN apt-get update' \
        'RUN apt-get install -y --no-install-recommends x=1' 'ADD --keep-git-dir a /a' \
        'ADD rootfs* /' 'ADD a b.tar.gz /x/' 'USER 1' >f
    run -0 "$COOPER" lint --fix=diff f
    [ -z "$output" ]
}

@test "a file that cannot be read leaves a whole document" {
    printf 'FROM debian\n' >f
    mkfifo .dockerignore
    run -1 --separate-stderr "$COOPER" lint --format json f
    [ "$(jq length <<<"$output")" = 0 ]
    [[ $stderr == *"not a regular file"* ]]
    rm .dockerignore
    truncate -s 17M big
    run -1 --separate-stderr "$COOPER" lint --format json f big
    jq -e 'length > 0' <<<"$output"
}

@test "what a terminal obeys is not handed on, in UTF-8 neither" {
    printf 'FROM debian:12.5\nRUN sudo \302\2332J \033c\nUSER \302\2331m\n' >f
    "$COOPER" lint --no-fail --no-shellcheck f >out
    run -1 grep -P '\xc2[\x80-\x9f]|\x1b' out
    grep -F 'RUN sudo ?2J ?c' out
}

@test "a name in XML is the file's own, and no text is shown in another order than it has" {
    cp Dockerfile $'Dockerfile.gr\303\274n'
    "$COOPER" lint --no-fail -f checkstyle $'Dockerfile.gr\303\274n' | grep -F $'gr\303\274n'
    "$COOPER" lint --no-fail -f junit $'Dockerfile.gr\303\274n' | python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.stdin)'
    cp Dockerfile $'no\377utf\303(\355\240\200'
    "$COOPER" lint --no-fail -f checkstyle no* | python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.stdin)'
    printf 'FROM debian:12.5\nRUN sudo \342\200\256x\342\201\246 \330\234y \303\251\nUSER 1\n' >f
    "$COOPER" lint --no-fail --no-shellcheck f >out
    grep -F $'RUN sudo ?x? ?y \303\251' out
    run -1 grep -P '\xe2\x80\xae|\xe2\x81\xa6|\xd8\x9c' out
}

@test "sarif and sonarqube count UTF-16 units; a URI is one" {
    printf 'FROM debian:12.5\nRUN echo "\303\251\360\237\230\200" && sudo x\nUSER 1\n' >'a b%'
    lint() { "$COOPER" lint --no-fail --no-shellcheck -f "$1" 'a b%'; }
    [ "$(lint sarif | jq -c '.runs[0].results[] | select(.ruleId == "DL3004").locations[0].physicalLocation |
        [.artifactLocation.uri, .region.startColumn]')" = '["a%20b%25",19]' ]
    [ "$(lint sonarqube | jq '.issues[] | select(.ruleId == "DL3004").primaryLocation.textRange.startColumn')" = 18 ]
    run -2 "$COOPER" lint --exit-code 256 'a b%'
}

@test "ShellCheck sees every RUN of a long file" {
    need shellcheck
    { echo 'FROM debian:12.5'; for i in {1..300}; do echo "RUN echo \$x$i"; done; echo 'USER 1'; } >f
    [ "$("$COOPER" lint --no-fail --format json f | jq '[.[] | select(.code == "SC2154")] | length')" = 300 ]
}

@test "ShellCheck sees heredocs closed" {
    need shellcheck
    printf '%s\n' 'FROM debian:12.5' 'RUN <<EOT bash' 'set -e' 'echo "$x"' EOT \
        "RUN python3 - <<'PY' && echo \$y" 'import os' PY 'USER 1' >f
    [ "$("$COOPER" lint --no-fail --format json f |
        jq -c '[.[] | select(.code | startswith("SC")) | [.code, .line]]')" = \
        '[["SC2154",4],["SC2086",6],["SC2154",6]]' ]
}

# docs/audit.md's table against docs/rules.md, which the next test holds against the program
@test "each check of docker-bench has the rules that docs say" {
    awk -F ' *[|] *' -v table="$SOURCE_ROOT/docs/audit.md" '
        /^[|] CP/ { n = split($5, names, ", "); for (i = 1; i <= n; i++)
            if (names[i] ~ /^DB-/) rules[substr(names[i], 4)] = rules[substr(names[i], 4)] sep[names[i]] $2
            for (i = 1; i <= n; i++) sep[names[i]] = ", " }
        /^## CP/ { split($0, words, " "); id = words[2] }
        /^Level: .* Decided from: / { sub(/.*Decided from: /, ""); sub(/[.].*/, ""); from[id] = $0 }
        END {
            while ((getline line <table) > 0) {
                if (line !~ /^[|] [1-5][.][0-9.]+ [|] CP/) continue
                split(line, cell, / *[|] */); count++
                if (cell[3] != rules[cell[2]]) { print cell[2] ": " cell[3] ", rules: " rules[cell[2]]; bad = 1 }
                n = split(cell[3], ids, ", ")
                for (i = 1; i <= n; i++) { m = split(from[ids[i]], where, ", ")
                    for (k = 1; k <= m; k++)
                        if (!index(cell[4], where[k])) { print cell[2] ": " cell[4] " lacks " where[k]; bad = 1 } }
            }
            if (count != 106) { print count " checks"; bad = 1 }
            exit bad
        }' "$SOURCE_ROOT/docs/rules.md"
}

@test "the reference in docs is that of the program" {
    "$COOPER" lint --explain all | diff "$SOURCE_ROOT/docs/rules.md" - ||
        { echo "cooper lint --explain all >docs/rules.md"; false; }
}

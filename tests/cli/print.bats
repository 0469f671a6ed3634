# cooper build --print outline|targets and --check: what a Dockerfile offers, and what is doubtful in it.
load common

setup_file() { suite_setup; }
teardown_file() { suite_teardown; }

setup() {
    CTX=$SUITE_DIR/ctx.$BATS_TEST_NUMBER
    mkdir -p "$CTX"
}
dockerfile() { cat >"$CTX/Dockerfile"; }

offers() {
    dockerfile <<'E'
# suite of the base
# SUITE is Debian's
ARG SUITE=bookworm
ARG UNUSED=1
FROM scratch AS base
# VERSION of the thing
ARG VERSION=1.2
ARG SUITE
RUN --mount=type=secret,id=token,required --mount=type=ssh --mount=type=cache,target=/c true
FROM scratch
ARG OTHER
COPY --from=base / /
# final is what ships
FROM base AS final
ARG VERSION=2
ARG OWN
E
}

@test "the outline has what the target takes, with the comments" {
    offers
    run -0 cooper build --print outline "$CTX"
    [ "$output" = 'TARGET:      final
DESCRIPTION: is what ships

BUILD ARG   VALUE      DESCRIPTION
SUITE       bookworm   is Debian'"'"'s
VERSION     2          
OWN                    

SECRET   REQUIRED
token    true

SSH       REQUIRED
default   ' ]
    run -0 cooper build --target base --build-arg VERSION=9 --call outline,format=json "$CTX"
    need jq
    [ "$(jq -r '.name + " " + ([.args[] | .name + "=" + .value] | join(" "))' <<<"$output")" = "base SUITE=bookworm VERSION=9" ]
    [ "$(jq -c '[.cache[0].ID, .secrets[0].required, .args[0].location.ranges[0].start.line]' <<<"$output")" = '["/c",true,3]' ]
    [ "$(jq -r '.sources[0]' <<<"$output" | base64 -d)" = "$(cat "$CTX/Dockerfile")" ]
}

@test "the outline of several platforms is that of the first" {
    printf 'FROM scratch\nARG TARGETARCH\nARG A=$TARGETARCH\n' | dockerfile
    run -0 cooper build --print outline --platform linux/arm64,linux/amd64 "$CTX"
    [ "$output" = 'BUILD ARG   VALUE   DESCRIPTION
A           arm64   ' ]
}

@test "targets are the stages, whether their images are there or not" {
    offers
    sed -i 's/FROM scratch$/FROM --platform=$BUILDPLATFORM nowhere:1/' "$CTX/Dockerfile"
    run -0 cooper build --print targets "$CTX"
    [ "$output" = 'TARGET            DESCRIPTION
base              
1                 
final (default)   is what ships' ]
    need jq
    run -0 cooper build --print targets --format json "$CTX"
    [ "$(jq -c '.targets[1] | [.base, .platform, .name]' <<<"$output")" = '["nowhere:1","$BUILDPLATFORM",null]' ]
    [ "$(jq -c '[.targets[] | select(.default) | .name]' <<<"$output")" = '["final"]' ]
}

@test "--check: each finding with its rule, line and caret; the status says whether it is an error" {
    printf 'FROM scratch\nENV A=$NAME\nMAINTAINER me\n' | dockerfile
    run -0 --separate-stderr cooper build --check "$CTX"
    [ "$output" = 'WARNING: UndefinedVar
Usage of undefined variable '"'"'$NAME'"'"'
Dockerfile:2:7
     2 | ENV A=$NAME
       |       ^~~~~

WARNING: MaintainerDeprecated
Maintainer instruction is deprecated in favor of using label
Dockerfile:3:1
     3 | MAINTAINER me
       | ^~~~~~~~~~

Check complete, 2 warnings have been found!' ]
    [ -z "$stderr" ]
    sed -i '1i # check=skip=UndefinedVar;error=true' "$CTX/Dockerfile"
    run -1 --separate-stderr cooper build --check --format json "$CTX"
    [[ $output == *'"ruleName": "MaintainerDeprecated"'* ]]
    [[ $output != *UndefinedVar* ]]
    [[ $stderr == *"lint violation found for rules: MaintainerDeprecated"* ]]
    # the build itself stops too, and its argument takes the place of the line
    run -1 cooper build "$CTX"
    [[ $output == *"lint violation found"* ]]
    run -0 cooper build --build-arg BUILDKIT_DOCKERFILE_CHECK=skip=all -t x "$CTX"
    [[ $output != *warning* ]]
    printf 'FROM scratch\nLABEL a=b\n' | dockerfile
    run -0 cooper build --call check "$CTX"
    [ "$output" = "Check complete, no warnings found." ]
}

@test "--check has the rules of lint that BuildKit has, for stages that are not built and bases that are not there, too" {
    printf 'FROM nowhere:1 AS One\nENV a b\nFROM scratch\nLABEL a=b\n' | dockerfile
    run -0 --separate-stderr cooper build --check --format json "$CTX"
    [ "$(jq -r '.warnings[] | "\(.ruleName) \(.location.ranges[0].start.line)"' <<<"$output" | xargs)" = \
        "StageNameCasing 1 LegacyKeyValueFormat 2" ]
    [ "$(jq -r '.buildError' <<<"$output")" = null ]
    printf 'FROM nowhere:1\nENV a b\n' | dockerfile
    run -1 --separate-stderr cooper build --check --format json --pull=never "$CTX"
    [[ $output == *LegacyKeyValueFormat* ]]
    [[ $stderr == *"nowhere:1"* ]]
    printf 'FROM scratch\nCOPY x /\n' | dockerfile
    echo x >"$CTX/.dockerignore"
    run -0 cooper build --check "$CTX"
    [[ $output == *CopyIgnoredFile* ]]
    # a directory of which a line brings something back is copied
    printf 'FROM scratch\nCOPY d d/a d/b /d/\n' | dockerfile
    mkdir "$CTX/d"
    touch "$CTX/d/a" "$CTX/d/b"
    printf 'd\n!d/a\n' >"$CTX/.dockerignore"
    run -0 cooper build --check --format json "$CTX"
    [ "$(jq -r '.warnings[].detail' <<<"$output")" = "Attempting to Copy file 'd/b' that is excluded by .dockerignore" ]
    rm -r "$CTX/.dockerignore" "$CTX/d"
}

@test "--lint holds the file against all rules first; error stops at a warning" {
    printf 'FROM scratch\nLABEL a=b\nUSER root\n' | dockerfile
    run -0 cooper build -t x "$CTX"
    [[ $output != *warning* ]]
    run -0 cooper build --lint=warn -t x "$CTX"
    [[ $output == *"Dockerfile:3: DL3002: the last USER is root"* ]]
    run -1 cooper build --lint=error -t x "$CTX"
    [[ $output == *"--lint=error: findings of DL3002"* ]]
    run -2 cooper build --lint=loud -t x "$CTX"
}

@test "--check of what does not build is an error with its place" {
    printf 'FROM scratch\nCOPPY a b\n' | dockerfile
    run -1 cooper build --check "$CTX"
    [[ $output == *"Dockerfile:2:1"*"COPPY a b"*"^~~~~"* ]]
    # what the rules say of the rest all the same
    printf 'FROM scratch AS One\nCOPPY a b\n' | dockerfile
    run -1 --separate-stderr cooper build --check --format json --metadata-file "$CTX/md" "$CTX"
    [ "$(jq -r '"\(.warnings[0].ruleName) \(.warnings[0].url) \(.buildError.message) \(.buildError.location.ranges[0].start.line)"' <<<"$output")" = \
        "StageNameCasing https://docs.docker.com/go/dockerfile/rule/stage-name-casing/ unknown instruction: COPPY 2" ]
    [ "$(jq -c '."result.json"' "$CTX/md")" = "$(jq -c . <<<"$output")" ]
    printf '# check=skipp=all\nFROM scratch\n' | dockerfile
    run -1 cooper build --check "$CTX"
    [[ $output == *"invalid check option"* ]]
    run -2 cooper build --check --format yaml "$CTX"
    run -2 cooper build --call nothing "$CTX"
}

# Who one is at a registry: login, logout, files, helpers, tokens; and what registries.conf says of places.
load common
load images
load registry

setup_file() {
    suite_setup
    need skopeo
    need jq
    unset DOCKER_CONFIG REGISTRY_AUTH_FILE XDG_CONFIG_HOME CONTAINERS_REGISTRIES_CONF
    start_liar OPEN
    start_liar BASIC --auth basic --login me:pass:word
    start_liar TOKEN --auth token --login me:secret --identity refresh-me
    start_liar AWAY --auth token --login me:secret --realm other
    sample_layout "$SUITE_DIR/layout"
    for host in "$OPEN" "$BASIC" "$TOKEN"; do put_image "$host/app:1"; done
    WANT=$(jq -r '.manifests[0].digest' "$SUITE_DIR/layout/index.json")
    export WANT
}
teardown_file() { stop_registries; suite_teardown; }

# skopeo puts it there: it needs the login, as everybody does.
put_image() {
    local login=me:secret
    case $1 in "$BASIC"/*) login=me:pass:word ;; esac
    skopeo --insecure-policy copy -q --dest-tls-verify=false --dest-creds "$login" "oci:$SUITE_DIR/layout:example.com/app:1" "docker://$1"
}

# A home, store and PATH of its own for each test.
setup() {
    export HOME=$BATS_TEST_TMPDIR/home COOPER_ROOT=$BATS_TEST_TMPDIR/store PATH=$BATS_TEST_TMPDIR/bin:$PATH
    mkdir -p "$HOME" "$BATS_TEST_TMPDIR/bin"
    CONFIG=$HOME/.docker/config.json
}

login() { # HOST PASSWORD [OPTION...]
    local host=$1 password=$2; shift 2
    "$COOPER" login -u me --password-stdin "$@" "$host" <<<"$password"
}
helper() { # NAME: a credential helper that keeps one secret in a file, and is the text on standard input
    cat >"$BATS_TEST_TMPDIR/bin/docker-credential-$1"
    chmod +x "$BATS_TEST_TMPDIR/bin/docker-credential-$1"
}

@test "login: keeps in docker's file what the registry takes, and pulls work then" {
    run "$COOPER" pull "$BASIC/app:1"
    [ "$status" = 1 ]
    [[ $output == *"'cooper login $BASIC' tells it who you are"* ]]
    run login "$BASIC" pass:word
    [ "$status" = 0 ]
    [[ $output == *"Login Succeeded"* ]]
    [[ $output == *"not encrypted in $CONFIG"* ]]
    [ "$(stat -c %a "$CONFIG")" = 600 ]
    [ "$(stat -c %a "$HOME/.docker")" = 700 ]
    [ "$(jq -r ".auths[\"$BASIC\"].auth" "$CONFIG" | base64 -d)" = me:pass:word ]
    "$COOPER" pull "$BASIC/app:1"
    skopeo inspect --authfile "$CONFIG" --tls-verify=false "docker://$BASIC/app:1" >/dev/null
}

@test "login: what the registry refuses is not kept, and never shown" {
    run login "$BASIC" wrong-one
    [ "$status" = 1 ]
    [[ $output == *"[401]"* ]]
    [[ $output != *wrong-one* ]]
    [ ! -e "$CONFIG" ]
    run login "$TOKEN" wrong-one --verbose
    [ "$status" = 1 ]
    [[ $output == *"incorrect username or password"* ]]
    [[ $output != *wrong-one* ]]
    [ ! -e "$CONFIG" ]
}

@test "login: tokens, from the registry and from a service elsewhere" {
    for host in "$TOKEN" "$AWAY"; do
        run login "$host" secret
        [ "$status" = 0 ]
    done
    "$COOPER" pull "$TOKEN/app:1"
    # a password is shown to the token service alone, a token to the registry alone
    [ -z "$(jq -c 'select((.path | startswith("/token") | not) and (.headers.authorization // "" | startswith("Basic ")))' "$TOKEN_LOG" "$AWAY_LOG")" ]
    [ -z "$(jq -c 'select((.path | startswith("/token")) and (.headers.authorization // "" | startswith("Bearer ")))' "$TOKEN_LOG" "$AWAY_LOG")" ]
    [ -n "$(jq -c 'select(.host == "other" and (.path | startswith("/token")) and .headers.authorization)' "$AWAY_LOG")" ]
}

@test "login: the password without the line end, Windows' too" {
    printf 'pass:word\r\n' | "$COOPER" login -q -u me --password-stdin "$BASIC"
    printf 'pass:word' | "$COOPER" login -q -u me --password-stdin "$BASIC"
    "$COOPER" login -q -u me -p pass:word "http://$BASIC/v2/"
    [ "$(jq -r '.auths | keys | length' "$CONFIG")" = 1 ]
}

@test "login: wrong usage" {
    while IFS='|' read -r args words; do
        # shellcheck disable=SC2086
        run "$COOPER" login $args </dev/null
        [ "$status" = 2 ] || { echo "$args: $status $output"; false; }
        [[ $output == *"$words"* ]] || { echo "$args: $output"; false; }
    done <<END
--password-stdin $BASIC|needs --username
-u me -p x --password-stdin $BASIC|exclude each other
-u me $BASIC|no terminal
$BASIC|no terminal
-u a:b -p x $BASIC|no ':'
-u me --password-stdin $BASIC|password is empty
-u me -p x $BASIC/team|no host of a registry
-u me -p x user@host|no host of a registry
-u me -p x --tls-verify=perhaps $BASIC|tls-verify
END
    run "$COOPER" login -u me -p x 127.0.0.1:1
    [ "$status" = 1 ]
    [ ! -e "$CONFIG" ]
}

@test "login: asks a terminal, which shows the name and not the password" {
    cat >"$BATS_TEST_TMPDIR/type.py" <<'END'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
for prompt, answer in ((b"Username: ", os.environ.get("NAME", "me").encode() + b"\n"), (b"Password: ", b"pass:word\n"), (None, None)):
    while prompt is None or prompt not in seen:
        try:
            more = os.read(fd, 1024)
        except OSError:
            more = b""
        if not more:
            break
        seen += more
    if answer:
        os.write(fd, answer)
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
    run python3 "$BATS_TEST_TMPDIR/type.py" "$COOPER" login "$BASIC"
    [ "$status" = 0 ]
    [[ $output != *pass:word* ]]
    [[ $output == *"Username: "* ]]
    [[ $output == *"Password: "* ]]
    [[ $output == *"Login Succeeded"* ]]
    [ "$(jq -r ".auths[\"$BASIC\"].auth" "$CONFIG" | base64 -d)" = me:pass:word ]
    "$COOPER" logout -q "$BASIC"
    NAME=me:pass run python3 "$BATS_TEST_TMPDIR/type.py" "$COOPER" login "$BASIC"
    [ "$status" -gt 0 ]
    [[ $output == *"no ':'"* ]]
}

@test "login: the one that is kept is tried first" {
    login "$BASIC" pass:word -q
    cp "$CONFIG" "$BATS_TEST_TMPDIR/before"
    run "$COOPER" login "$BASIC" </dev/null
    [ "$status" = 0 ]
    [[ $output == *"Login Succeeded"* ]]
    cmp "$CONFIG" "$BATS_TEST_TMPDIR/before"
}

@test "login: one that a helper keeps is tried, and written nowhere" {
    helper good <<'END'
#!/bin/sh
echo '{"Username":"me","Secret":"pass:word"}'
END
    mkdir -p "$HOME/.config/containers"
    echo '{"credHelpers":{"'"$BASIC"'":"good"}}' >"$HOME/.config/containers/auth.json"
    run "$COOPER" login "$BASIC" </dev/null
    [ "$status" = 0 ]
    [[ $output == *"Login Succeeded"* ]]
    [ ! -e "$CONFIG" ]
}

@test "login: everything else in the file stays, and so does a link" {
    mkdir -p "$HOME/.docker"
    printf '{"HttpHeaders":{"User-Agent":"x"},"auths":{"other.example.com":{"auth":"YTox"}},"psFormat":"table"}' >"$HOME/real"
    ln -s ../real "$CONFIG"
    login "$BASIC" pass:word -q
    [ -L "$CONFIG" ]
    [ "$(jq -r '.HttpHeaders["User-Agent"] + .psFormat + .auths["other.example.com"].auth' "$HOME/real")" = xtableYTox ]
    run "$COOPER" logout "$BASIC"
    [ "$status" = 0 ]
    [ "$output" = "Removed the login for $BASIC" ]
    [ "$(jq -c .auths "$HOME/real")" = '{"other.example.com":{"auth":"YTox"}}' ]
    run "$COOPER" logout "$BASIC"
    [ "$status" = 0 ]
    [ "$output" = "Not logged in to $BASIC" ]
    printf '{"auths":' >"$HOME/real"
    run login "$BASIC" pass:word
    [ "$status" = 1 ]
    [[ $output == *"config.json"* || $output == *"home/real"* ]]
    [ "$(cat "$HOME/real")" = '{"auths":' ]
}

@test "helpers: keep what is given, are asked, and forget" {
    export KEEP=$BATS_TEST_TMPDIR/kept
    helper good <<'END'
#!/bin/sh
case $1 in
get) [ -e "$KEEP" ] && exec cat "$KEEP"; echo 'credentials not found in native keychain'; exit 1 ;;
store) exec cat >"$KEEP" ;;
erase) exec rm "$KEEP" ;;
esac
END
    mkdir -p "$HOME/.docker"
    echo '{"credsStore":"good"}' >"$CONFIG"
    run login "$BASIC" pass:word
    [ "$status" = 0 ]
    [[ $output != *"not encrypted"* ]]
    [ "$(jq -r '.ServerURL + " " + .Username + " " + .Secret' "$KEEP")" = "$BASIC me pass:word" ]
    [ "$(jq -c ".auths[\"$BASIC\"]" "$CONFIG")" = '{}' ]
    "$COOPER" pull -q "$BASIC/app:1"
    "$COOPER" logout -q "$BASIC"
    [ ! -e "$KEEP" ]
    run "$COOPER" pull "$BASIC/app:1"
    [ "$status" = 1 ]
}

@test "helpers: one that is missing or fails keeps nobody from public images" {
    mkdir -p "$HOME/.docker"
    echo '{"credsStore":"nowhere"}' >"$CONFIG"
    run "$COOPER" pull "$OPEN/app:1" one
    [ "$status" = 0 ]
    [[ $output == *"warning: "*"docker-credential-nowhere"* ]]
    helper locked <<<$'#!/bin/sh\necho the keychain is locked\nexit 1'
    echo '{"credsStore":"locked"}' >"$CONFIG"
    run "$COOPER" pull "$OPEN/app:1" two
    [ "$status" = 0 ]
    [[ $output == *"docker-credential-locked get: the keychain is locked"* ]]
}

@test "helpers: registries.conf may name them" {
    helper good <<'END'
#!/bin/sh
echo '{"Username":"me","Secret":"pass:word"}'
END
    run "$COOPER" pull -q "$BASIC/app:1"
    [ "$status" = 1 ]
    printf 'credential-helpers = ["containers-auth.json", "good"]\n' >"$HOME/conf"
    CONTAINERS_REGISTRIES_CONF=$HOME/conf "$COOPER" pull -q "$BASIC/app:1"
}

@test "an identity token opens the door, by the form and without it" {
    mkdir -p "$HOME/.docker"
    jq -n --arg h "$TOKEN" '{auths: {($h): {auth: "PHRva2VuPjo=", identitytoken: "refresh-me"}}}' >"$CONFIG"
    : >"$TOKEN_LOG"
    "$COOPER" pull -q "$TOKEN/app:1"
    [ -n "$(requests "$TOKEN_LOG" '.method == "POST" and .status == 200')" ]
    put_image "$TOKEN/f.nopost/app:1"
    : >"$TOKEN_LOG"
    rm -rf "$COOPER_ROOT"
    "$COOPER" pull -q "$TOKEN/f.nopost/app:1"
    [ -n "$(requests "$TOKEN_LOG" '.method == "POST" and .status == 404')" ]
    [ -n "$(requests "$TOKEN_LOG" '.method == "GET" and (.path | startswith("/token")) and .status == 200')" ]
    no_secret_left "$TOKEN_LOG"
}

@test "podman's file: a part of a registry has its own login" {
    mkdir -p "$HOME/.config/containers"
    put_image "$BASIC/team/app:1"
    jq -n --arg h "$BASIC" '{auths: {($h): {auth: "eDp5"}, ($h + "/team"): {auth: ("me:pass:word" | @base64)}}}' \
        >"$HOME/.config/containers/auth.json"
    "$COOPER" pull -q "$BASIC/team/app:1"
    run "$COOPER" pull -q "$BASIC/app:1"
    [ "$status" = 1 ]
    REGISTRY_AUTH_FILE=$HOME/other login "$BASIC" pass:word -q
    [ ! -e "$CONFIG" ]
    REGISTRY_AUTH_FILE=$HOME/other "$COOPER" pull -q "$BASIC/app:1"
    run "$COOPER" logout "$BASIC"
    [[ $output == *"auth.json still has a login for $BASIC"* ]]
}

@test "no credential leaves its host: redirects, realms, mirrors" {
    login "$TOKEN" secret -q
    : >"$TOKEN_LOG"
    put_image "$TOKEN/f.redirect/app:1"
    "$COOPER" pull -q "$TOKEN/f.redirect/app:1" one
    run "$COOPER" pull -q "$TOKEN/f.redirectauth/app:1" two
    [ "$status" = 1 ]
    run "$COOPER" pull -q "$TOKEN/f.realmfile/app:1" three
    [ "$status" = 1 ]
    [ "$(requests "$TOKEN_LOG" '.host == "other"' | wc -l)" -ge 2 ]
    no_secret_left "$TOKEN_LOG"
    # a mirror is another host: it gets its own login or none
    : >"$OPEN_LOG"
    printf '[[registry]]\nlocation = "%s"\n[[registry.mirror]]\nlocation = "%s"\n' "$TOKEN" "$OPEN" >"$HOME/mirrors"
    CONTAINERS_REGISTRIES_CONF=$HOME/mirrors "$COOPER" pull -q "$TOKEN/app:1" four
    [ -n "$(requests "$OPEN_LOG" '.path == "/v2/app/manifests/1" and .status == 200')" ]
    [ -z "$(jq -c 'select(.headers.authorization)' "$OPEN_LOG")" ]
}

# away LOG SECRET...: requests that came to the other host; none of them has anything that opens the registry.
away() {
    local log=$1 secret; shift
    jq -c 'select(.host == "other")' "$log" >"$BATS_TEST_TMPDIR/away"
    [ -s "$BATS_TEST_TMPDIR/away" ] || { echo "nobody went away"; return 1; }
    for secret in '"authorization"' '"cookie"' "$@"; do
        ! grep -F -- "$secret" "$BATS_TEST_TMPDIR/away" || { echo "it went away: $secret"; return 1; }
    done
    [ -n "$(jq -c 'select(.host == "registry" and .headers.authorization)' "$log")" ]
}

@test "no credential leaves its host, of either kind, whatever breaks on the way" {
    mkdir "$BATS_TEST_TMPDIR/c"
    head -c 2500000 /dev/urandom >"$BATS_TEST_TMPDIR/c/a" # goes in chunks
    printf 'FROM scratch\nCOPY a /\n' >"$BATS_TEST_TMPDIR/c/Dockerfile"
    "$COOPER" build -q -t large:1 "$BATS_TEST_TMPDIR/c"
    for kind in BASIC:pass:word TOKEN:secret; do
        name=${kind%%:*} password=${kind#*:}
        host=${!name} log=${name}_LOG
        login "$host" "$password" -q
        for fault in redirect redirect.droponce-50; do
            : >"${!log}"
            "$COOPER" --root "$BATS_TEST_TMPDIR/empty" pull -q "$host/f.$fault/app:1" one
            away "${!log}" "$password" "$(printf 'me:%s' "$password" | base64)"
            rm -rf "$BATS_TEST_TMPDIR/empty"
        done
        for fault in redirectauth; do
            : >"${!log}"
            run "$COOPER" --root "$BATS_TEST_TMPDIR/empty" pull -q "$host/f.$fault/app:1" one
            [ "$status" = 1 ]
            away "${!log}" "$password"
        done
        for fault in foreign foreign.lost putelsewhere; do
            : >"${!log}"
            "$COOPER" push -q large:1 "$host/f.$fault/away-${fault#*.}:1"
            away "${!log}" "$password" "$(printf 'me:%s' "$password" | base64)"
        done
    done
}

@test "push: tokens for what is written, and for what is mounted; Locations elsewhere get none" {
    login "$TOKEN" secret -q
    "$COOPER" load -q -i "$SUITE_DIR/layout" -t local:1
    : >"$TOKEN_LOG"
    for name in push/plain f.relative/push/a f.foreign/push/b f.stale/push/c f.expired/push/d f.noexpiry/push/e; do
        run "$COOPER" push local:1 "$TOKEN/$name:1"
        case $name in
        *expired*) [ "$status" = 1 ] ;; # it never lives long enough, and is not asked for without end
        *) [ "$status" = 0 ] || { echo "$name: $output"; false; } ;;
        esac
    done
    no_secret_left "$TOKEN_LOG"
    [ -n "$(requests "$TOKEN_LOG" '.host == "other" and .method != "GET"')" ] # the foreign Location was used
    [ "$(requests "$TOKEN_LOG" | wc -l)" -lt 120 ]
    # its token names both repositories, else the registry would not show what the other one has
    "$COOPER" pull -q "$TOKEN/push/plain:1"
    : >"$TOKEN_LOG"
    "$COOPER" push -q "$TOKEN/push/plain:1" "$TOKEN/mounted:1"
    [ -n "$(requests "$TOKEN_LOG" '(.path | contains("mount=")) and .status == 201')" ]
    # who may only pull is told so
    run "$COOPER" push local:1 "$TOKEN/f.subset/push/f:1"
    [ "$status" = 1 ]
    [[ $output == *"this login may not do that"* ]]
    run "$COOPER" push local:1 "$TOKEN/f.notoken/push/g:1"
    [ "$status" = 1 ]
    [[ $output == *"token"* ]]
    run skopeo --insecure-policy inspect --tls-verify=false --creds me:secret -f '{{.Digest}}' "docker://$TOKEN/mounted:1"
    [ "$status" = 0 ]
}

@test "push: a login for a part of a registry, a mirror is not pushed to, blocked is blocked" {
    mkdir -p "$HOME/.config/containers"
    jq -n --arg h "$BASIC" '{auths: {($h + "/team"): {auth: ("me:pass:word" | @base64)}}}' >"$HOME/.config/containers/auth.json"
    printf '[[registry]]\nlocation = "%s"\n[[registry.mirror]]\nlocation = "%s"\n[[registry]]\nlocation = "blocked.example.com"\nblocked = true\n' \
        "$BASIC" "$OPEN" >"$HOME/.config/containers/registries.conf"
    "$COOPER" load -q -i "$SUITE_DIR/layout" -t local:1
    : >"$OPEN_LOG"
    "$COOPER" push -q local:1 "$BASIC/team/x:1"
    [ ! -s "$OPEN_LOG" ]
    run "$COOPER" push local:1 "$BASIC/other/x:1"
    [ "$status" = 1 ]
    [[ $output == *"cooper login"* ]]
    run "$COOPER" push local:1 blocked.example.com/x:1
    [ "$status" = 1 ]
    [[ $output == *"is blocked"* ]]
}

# sees LOG SECRET: who was shown it; the log has what the headers said.
sees() { grep -F -e "$(printf '%s' "$2" | base64)" -e "$2" "$1"; }

@test "copy: each side has its own login, which the other one never sees" {
    for words in "--src-creds me:pass:word --dest-creds me:secret" \
        "--src-username me --src-password pass:word --dest-username me --dest-password secret"; do
        : >"$BASIC_LOG" && : >"$TOKEN_LOG"
        # shellcheck disable=SC2086
        run "$COOPER" -v copy $words "$BASIC/app:1" "$TOKEN/two/app:1"
        [ "$status" = 0 ]
        [[ $output != *pass:word* && $output != *secret* ]]
        sees "$BASIC_LOG" me:pass:word >"$BATS_TEST_TMPDIR/shown"
        sees "$TOKEN_LOG" me:secret >"$BATS_TEST_TMPDIR/shown"
        run sees "$BASIC_LOG" me:secret
        [ "$output" = "" ]
        run sees "$TOKEN_LOG" me:pass:word
        [ "$output" = "" ]
        no_secret_left "$BASIC_LOG" && no_secret_left "$TOKEN_LOG"
    done
    [ ! -e "$CONFIG" ]
    # by way of the store, too
    "$COOPER" copy -q --src-creds me:pass:word --dest-creds me:secret --dest-compress-format zstd "$BASIC/app:1" "$TOKEN/two/app:zstd"
    # files of logins, the one that is kept is not looked at
    login "$BASIC" pass:word -q --authfile "$HOME/from"
    login "$TOKEN" secret -q --authfile "$HOME/to"
    [ ! -e "$CONFIG" ]
    skopeo inspect --authfile "$HOME/from" --tls-verify=false "docker://$BASIC/app:1" >"$BATS_TEST_TMPDIR/inspected"
    "$COOPER" copy -q --src-authfile "$HOME/from" --dest-authfile "$HOME/to" "$BASIC/app:1" "$TOKEN/three/app:1"
    run "$COOPER" copy --authfile "$HOME/from" "$BASIC/app:1" "$TOKEN/three/app:2"
    [ "$status" = 1 ]
    [[ $output == *"$TOKEN"*"'cooper login $TOKEN'"* ]]
    [ "$("$COOPER" logout --authfile "$HOME/from" "$BASIC")" = "Removed the login for $BASIC" ]
    # one registry may be two places
    login "$TOKEN" secret -q
    "$COOPER" copy -q "$TOKEN/app:1" "$TOKEN/four/app:1"
    for words in --src-no-creds "--dest-creds me:hidden" "--dest-registry-token hidden"; do
        # shellcheck disable=SC2086
        run "$COOPER" copy $words "$TOKEN/app:1" "$TOKEN/five/app:1"
        [ "$status" = 1 ]
        [[ $output == *"[401]"* && $output != *hidden* ]] || { echo "$words: $output"; false; }
    done
}

@test "creds: of the registry that is named, not of its mirrors nor of where it leads" {
    printf '[[registry]]\nlocation = "%s"\n[[registry.mirror]]\nlocation = "%s"\n' "$TOKEN" "$BASIC" >"$HOME/mirrors"
    : >"$BASIC_LOG" && : >"$TOKEN_LOG"
    CONTAINERS_REGISTRIES_CONF=$HOME/mirrors "$COOPER" pull -q --creds me:secret "$TOKEN/app:1"
    [ -n "$(requests "$BASIC_LOG")" ]
    [ -z "$(jq -c 'select(.headers.authorization)' "$BASIC_LOG")" ]
    [ -n "$(jq -c 'select(.headers.authorization)' "$TOKEN_LOG")" ]
    put_image "$TOKEN/f.redirect/app:1"
    : >"$TOKEN_LOG"
    "$COOPER" --root "$BATS_TEST_TMPDIR/empty" pull -q --creds me:secret "$TOKEN/f.redirect/app:1"
    [ -n "$(requests "$TOKEN_LOG" '.host == "other"')" ]
    no_secret_left "$TOKEN_LOG"
    "$COOPER" push -q --creds me:secret "$TOKEN/app:1" "$TOKEN/pushed/app:1"
    "$COOPER" tree --creds me:secret "$TOKEN/pushed/app:1"
    run "$COOPER" tree "$TOKEN/pushed/app:1"
    [ "$status" = 1 ]
}

@test "creds: wrong usage" {
    : >"$HOME/empty"
    while IFS='|' read -r args words; do
        # shellcheck disable=SC2086
        run "$COOPER" copy $args "$BASIC/app:1" "$TOKEN/app:2" </dev/null
        [ "$status" = 2 ] || { echo "$args: $status $output"; false; }
        [[ $output == *"$words"* && $output != *hidden* ]] || { echo "$args: $output"; false; }
    done <<END
--src-creds me|has no password
--src-creds :hidden|letter at least
--dest-username a:b --dest-password hidden|no ':'
--src-username me|belong together
--dest-password hidden|belong together
--src-creds me:hidden --src-no-creds|exclude each other
--dest-creds me:hidden --dest-registry-token hidden|exclude each other
--src-tls-verify=perhaps|tls-verify
END
    run "$COOPER" copy --src-authfile "$HOME/nowhere" "$BASIC/app:1" "$TOKEN/app:2"
    [ "$status" = 1 ]
    [[ $output == *"$HOME/nowhere"*"No such file"* ]]
}

@test "registries.conf: mirrors in their order, a missing image goes on, blocked is blocked" {
    conf=$HOME/.config/containers/registries.conf
    mkdir -p "${conf%/*}"
    cat >"$conf" <<END
unqualified-search-registries = ["$OPEN"]
[[registry]]
prefix = "registry.example.com"
location = "$OPEN"
[[registry.mirror]]
location = "127.0.0.1:1/away"
[[registry.mirror]]
location = "$OPEN/lacks"
[[registry]]
location = "blocked.example.com"
blocked = true
[[registry]]
prefix = "pinned.example.com"
location = "127.0.0.1:1"
[[registry.mirror]]
location = "$OPEN"
pull-from-mirror = "digest-only"
END
    : >"$OPEN_LOG"
    run "$COOPER" pull registry.example.com/app:1
    [ "$status" = 0 ]
    [[ $output == *"warning: mirror 127.0.0.1:1/away/app: "* ]]
    [[ $output != *"mirror $OPEN/lacks"* ]]
    [[ $output == *"Pulled registry.example.com/app:1: $WANT"* ]]
    [ "$(requests "$OPEN_LOG" '.path | contains("/manifests/1")' | head -1)" = "GET /v2/lacks/app/manifests/1 404" ]
    run "$COOPER" pull blocked.example.com/app:1
    [ "$status" = 1 ]
    [[ $output == *"blocked"*"registries.conf says so"* ]]
    "$COOPER" pull -q "pinned.example.com/app@$WANT" pinned
    run "$COOPER" pull pinned.example.com/app:1
    [ "$status" = 1 ]
    mkdir "$conf.d"
    printf '[[registry]]\nlocation = "blocked.example.com"\n[[registry]]\nprefix = "more.example.com"\nlocation = "%s"\n' "$OPEN" >"$conf.d/50-more.conf"
    "$COOPER" pull -q more.example.com/app:1
    echo 'registry = 1 2' >"$conf.d/60-bad.conf"
    run "$COOPER" pull more.example.com/app:1
    [ "$status" = 1 ]
    [[ $output == *"60-bad.conf:1:14: the line goes on"* ]]
}

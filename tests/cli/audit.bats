# cooper audit of run configurations: options, files, formats, statuses. The rules have their tables in test_audit.
load common

setup_file() {
    suite_setup
    busybox_layout
    "$COOPER" load -q -i "$SUITE_DIR/busybox" -t busybox >/dev/null
}
teardown_file() { suite_teardown; }

setup() {
    cd "$BATS_TEST_TMPDIR"
    unset XDG_CONFIG_HOME
    cat >compose.yml <<'EOF'
x-defaults: &defaults
  restart: always
services:
  web:
    <<: *defaults
    image: app:1.2.3
    privileged: true
    volumes:
      - /var/run/docker.sock:/docker.sock
    environment:
      DB_PASSWORD: hunter2
EOF
}
codes() { "$COOPER" audit --no-fail --format json "$@" | jq -r '.[].code' | sort -u | xargs; }

@test "options are docker's, with and without the word run; the status is 3" {
    run -3 --separate-stderr "$COOPER" audit run -it --rm --privileged -v/:/host app:1.2.3 sh -c 'x --format y'
    [ -z "$stderr" ]
    [[ $output == *"error CP801 the container is privileged
  run app:1.2.3: --privileged: the container has every capability"*"  why: "*"  fix: "* ]]
    [[ $output == *"CP821"*"run app:1.2.3: --volume /:/host: '/' of the host is mounted, and can be written"* ]]
    [ "$(codes run --privileged app:1)" = "$(codes --privileged app:1 sh -c true)" ]
    [ "$(codes run --privileged app:1)" = "$(codes app:1 --privileged)" ]
    run -3 "$COOPER" audit --brief run --user=0 --net host --name x app:1.2.3
    [[ $output == *"--user 0 CP809 warning"*"--network host CP811"* ]]
    run -3 "$COOPER" audit --brief exec --privileged -u root web sh
    [ "${lines[0]}" = "exec web: --privileged CP816 error: the program has every capability" ]
    [ "${lines[1]}" = "exec web: --user root CP817 warning: the program runs as root" ]
    [ "${#lines[@]}" = 2 ]
    run -0 "$COOPER" audit exec web sh
    [ -z "$output" ]
}

@test "a command line of an engine is taken as it is pasted" {
    line='sudo docker --host x container run -d \
        -v "$HOME/.ssh:/k" -e '"'"'A_TOKEN=x y'"'"' --name "my app" app:1 sh -c "echo --privileged" # it'
    run -3 "$COOPER" audit --brief "$line"
    [[ $output == *'run app:1: --volume $HOME/.ssh:/k CP821 '* && $output == *"--env A_TOKEN CP825 "* && $output != *" CP801 "* ]]
    [[ " $(codes docker run --privileged app:1) " == *" CP801 "* ]]
    [[ " $(codes run 'docker run --privileged app:1') " == *" CP801 "* ]]
    [[ "$(codes podman exec --privileged c sh)" == *CP816* ]]
    for line in '$ docker run --privileged app:1' 'docker pull app:1 && docker run --privileged app:1' \
        'env A=b sudo -u docker docker run --privileged app:1'; do
        [[ " $(codes "$line") " == *" CP801 "* ]]
    done
    [[ " $(codes 'docker run --memory $M "$IMAGE"') " != *" CP841 "* && $(codes 'docker run $I') != *DL300* ]]
    run -2 "$COOPER" audit 'docker run app:1; docker run --privileged app:1'
    [[ $output == *"the line starts 2 containers: take one"* ]]
    run -2 "$COOPER" audit docker ps
    run -2 "$COOPER" audit run -p 99999:1 app:1
}

@test "a file's findings stand at their lines; what comes from standard input too" {
    run -3 --separate-stderr "$COOPER" audit compose.yml
    [[ $output == *"  compose.yml:7:17 services.web.privileged: the container has every"*"
     7 |     privileged: true
       |                 ^~~~
  why: "* ]]
    [[ $output == *"compose.yml:2:12 services.web.restart: it is restarted for ever"* ]]
    run -3 bash -c '"$COOPER" audit --brief - <compose.yml'
    [[ $output == *"-:9:9 services.web.volumes[0] CP820 error: '/var/run/docker.sock' hands the engine over"* ]]
}

@test "secrets of options and inspect are shown in no report" {
    echo '[{"Name":"/db","Config":{"Image":"a:1","Env":["DB_PASSWORD=hunter2"]},"HostConfig":{}}]' >inspect.json
    run -3 "$COOPER" audit run -e DB_PASSWORD=hunter2 app:1
    [[ $output == *"--env DB_PASSWORD: the variable 'DB_PASSWORD' holds a secret"* && $output != *hunter2* ]]
    run -3 "$COOPER" audit inspect.json
    [[ $output == *"inspect.json:1:"*" db.Config.Env[0]: the variable"* && $output != *hunter2* ]]
    echo DB_PASSWORD=hunter2 >vars
    run -3 "$COOPER" audit run --env-file vars app:1
    [[ $output == *"vars:1:1 --env-file vars: DB_PASSWORD: the variable"* && $output != *hunter2* ]]
    run -1 "$COOPER" audit run --env-file gone app:1
    [[ $output == *"--env-file 'gone': "*"No such file"* ]]
}

@test "a compose project is read in all its files, and nothing outside of it" {
    mkdir -p p/sub outside
    echo 'services: {o: {ipc: host}}' >outside/o.yml
    ln -s ../outside/o.yml p/link.yml
    mkfifo p/pipe.yml
    printf 'include: [link.yml, ../outside/o.yml, "%s/outside/o.yml", pipe.yml, sub/i.yml]
services:
  w: {extends: {file: sub/b.yml, service: b}}\n' "$PWD" >p/c.yml
    printf 'services:\n  b: {pid: host, env_file: [../vars.env]}\n' >p/sub/b.yml
    echo 'services: {i: {uts: host}}' >p/sub/i.yml
    echo A_TOKEN=hunter2 >p/vars.env
    run -3 --separate-stderr "$COOPER" audit --brief p/c.yml
    [[ $output == *"p/sub/b.yml:2:12 services.w.pid CP810 "* && $output == *"p/sub/i.yml:1:21 services.i.uts CP813 "* ]]
    [[ $output == *"p/vars.env:1:1 services.w.env_file[0]: A_TOKEN CP825 "* && $output != *" CP812 "* ]]
    [ "$(grep -c ' is not read: ' <<<"$stderr")" = 4 ]
    [[ $stderr == *"warning: p/c.yml:1:11: 'link.yml' is not read: "* && $stderr == *"'pipe.yml' is not read: it is no plain file"* ]]
    run -3 "$COOPER" audit p/c.yml
    [[ $output != *hunter2* ]]
    "$COOPER" audit --no-fail --format sarif p/c.yml 2>/dev/null | jq -e '.runs[0].results[] | select(.ruleId == "CP810") |
        .locations[0].physicalLocation | .artifactLocation.uri == "p/sub/b.yml" and .region.startLine == 2' >/dev/null
    run -3 "$COOPER" audit --brief -f compose.yml -f <(echo 'services: {web: {privileged: !reset x}}')
    [[ $output == *"compose.yml:"* && $output != *" CP801 "* ]]
    run -2 "$COOPER" audit -f compose.yml run app:1
}

@test "every format is written as its readers expect it" {
    for format in json gitlab; do
        "$COOPER" audit --no-fail --format $format compose.yml | jq -e 'length > 5' >/dev/null
    done
    "$COOPER" audit --no-fail --format json run --privileged app:1 |
        jq -e '.[] | select(.rule == "CP801") | .place == "--privileged" and .line == 0 and .file == "run app:1"' >/dev/null
    "$COOPER" audit --no-fail --format sarif compose.yml | jq -e '
        .runs[0].results[] | select(.ruleId == "CP801") | .locations[0] |
        .physicalLocation.region.startLine == 7 and
        .logicalLocations[0].fullyQualifiedName == "services.web.privileged"' >/dev/null
    "$COOPER" audit --no-fail --format sarif run --privileged app:1 |
        jq -e '[.runs[0].results[].locations[0].physicalLocation | has("region")] | any | not' >/dev/null
    "$COOPER" audit --no-fail --format codeclimate run app:1 | tr '\0' '\n' |
        jq -es 'all(.location.lines.begin == 1)' >/dev/null
    "$COOPER" audit --no-fail --format sonarqube run app:1 |
        jq -e '[.issues[].primaryLocation | has("textRange")] | any | not' >/dev/null
    run -3 "$COOPER" audit --format table run --privileged app:1
    [[ ${lines[0]} == LEVEL* && ${lines[1]} == "error     CP801                run app:1: --privileged: "* ]]
    run -3 "$COOPER" audit --format junit run --privileged app:1
    [[ $output == *"message='--privileged: the container has"* ]]
    run -3 "$COOPER" audit --format checkstyle run --privileged app:1
    [[ $output == *"<error severity='error' message='--privileged: "* ]]
    run -3 "$COOPER" audit --format gnu compose.yml
    [[ $output == *"cooper:compose.yml:7:17 services.web.privileged: CP801 error: "* ]]
}

@test "findings beyond the limit are spoken of, and a table fits its terminal" {
    { echo services:; for ((i = 0; i < 700; i++)); do echo "  s$i: {privileged: true}"; done; } >many.yml
    for format in tty table json sarif checkstyle codeclimate gitlab gnu junit sonarqube codacy; do
        [ "$("$COOPER" audit --no-fail --format $format many.yml | grep -ac 'more than 10000 findings')" = 1 ]
    done
    command -v script >/dev/null || return 0 # a terminal
    run -3 script -qec 'stty cols 60; exec "$COOPER" --color never audit --format table run --privileged app:1' /dev/null
    [[ ${lines[0]} == LEVEL* && ${lines[2]} == "                               "[a-z]* ]]
    for line in "${lines[@]}"; do [ ${#line} -le 61 ]; done
}

@test "rules are switched, moved and explained by any of their names" {
    [[ " $(codes run --privileged app:1) " == *" CP801 CP802 "* ]]
    [[ " $(codes --ignore DB-5.5 --ignore cap-not-dropped run --privileged app:1) " != *" CP80"[12]" "* ]]
    run -0 "$COOPER" audit --exit-on error run app:1.2.3
    run -0 "$COOPER" audit --exit-on error run app:1.2.3 --error CP841 # a word of the command
    run -3 "$COOPER" audit --exit-on error --error CP841 run app:1.2.3
    run -7 "$COOPER" audit --exit-code 7 run app:1.2.3
    run -2 "$COOPER" audit --enable no-such-rule run app:1.2.3
    echo 'CP801 compose.yml # somebody has looked' >.cooperignore
    [[ " $(codes compose.yml) " != *" CP801 "* ]]
    run -0 "$COOPER" audit --explain CIS-5.5
    [[ $output == "CP801 privileged: "*"decided from: run configuration"* ]]
}

@test "the image in the store says what the options do not" {
    printf 'FROM busybox\nUSER 1001\nEXPOSE 8080\nHEALTHCHECK CMD true\n' >Dockerfile
    "$COOPER" build -q -t good . >/dev/null
    [[ " $(codes run busybox) " == *" CP809 "* ]]
    [[ " $(codes run good:latest) " != *" CP809 "* ]]
    [[ " $(codes run -p 127.0.0.1:9000:9000 good) " == *" CP830 "* ]]
    [[ " $(codes run -p 127.0.0.1:9000:8080 good) " != *" CP830 "* ]]
    [[ " $(codes run busybox) " == *" DL3057 "* && " $(codes run good) " != *" DL3057 "* ]]
    printf 'services: {a: {image: busybox}, b: {image: good}}\n' >c.yml
    run -3 "$COOPER" audit --brief c.yml
    [[ $output == *"services.a CP809"* && $output != *"services.b CP809"* ]]
}

@test "what is no run configuration, or breaks off, is one clear error" {
    run -2 --separate-stderr "$COOPER" audit
    [[ $stderr == *"wants something to look at"*"hint: "* ]]
    echo 'a: b' >x.yml
    run -1 --separate-stderr "$COOPER" audit x.yml
    [[ $stderr == *"audit 'x.yml': it is no run configuration"*"hint: it takes "* ]]
    printf 'services:\n  w: *nobody\n' >x.yml
    run -1 --separate-stderr "$COOPER" audit x.yml
    [[ $stderr == *"x.yml:2:6"*"there is no such anchor above"* ]]
    head -c 1100000 /dev/zero | tr '\0' 'a' >x.yml
    run -1 --separate-stderr "$COOPER" audit x.yml
    [[ $stderr == *"larger than"* ]]
    printf 'services:\n  w: {image: "a\\0b", pid: host}\n' >x.yml
    run "$COOPER" audit x.yml
    [ "$status" -lt 4 ]
    run -2 --separate-stderr "$COOPER" audit run --no-such-option app:1
    for words in "run" "run --privileged" "--privileged" "exec" "exec -u 0"; do
        run -2 --separate-stderr "$COOPER" audit $words
        [[ $stderr == *" is missing"*"hint: cooper audit "* ]]
    done
    run -2 "$COOPER" audit run ""
    run -2 --separate-stderr "$COOPER" audit --format json -o x --format sarif -o x run app:1
    [[ $stderr == *"two outputs are 'x'"* ]]
    run -2 --separate-stderr "$COOPER" audit --output x --output ./x run app:1
    [[ $stderr == *"two outputs are './x'"* ]]
    for path in ./nope.yml "$PWD/nope"; do
        run -1 --separate-stderr "$COOPER" audit "$path"
        [[ $stderr == *"there is no file '$path'"* ]]
    done
    run -3 "$COOPER" audit --privileged=t --read-only=F --brief app:1
    [[ $output == *"--privileged CP801"* ]]
    run -2 "$COOPER" audit --privileged=yes app:1
    run -2 --separate-stderr "$COOPER" audit run -p x app:1
    [[ $stderr == *"'x' is no port"* ]]
}

# cooper audit --host=DIR: the command around the checks; these have their tables in test_audit_host.
load common

setup_file() {
    suite_setup
    local h=$SUITE_DIR/h
    mkdir -p "$h"/etc/docker "$h"/usr/bin
    printf 'root:x:0:0::/root:/bin/sh\n' >"$h/etc/passwd"
    printf 'docker:x:998:joe\n' >"$h/etc/group"
    printf '{"icc": true, "hosts": ["tcp://0.0.0.0:2375"]}' >"$h/etc/docker/daemon.json"
    chmod 666 "$h/etc/docker/daemon.json"
    export HOST_DIR=$h
}
teardown_file() { suite_teardown; }

@test "findings, the way to mend them, the summary; status 3" {
    run --separate-stderr -3 cooper audit --host="$HOST_DIR" --brief
    [[ $output == *"daemon.json: icc CP922 warning: containers on the default bridge"* ]]
    [[ $output == *"hosts CP927 error: whoever reaches 'tcp://0.0.0.0:2375' is root of this host: it has no TLS"* ]]
    [[ $output == *"chmod 644 /etc/docker/daemon.json"* ]]
    [[ $stderr == *"65 checks: "*" failed, "*" not applicable"*"--all lists them"* ]]
}

@test "levels, rules and users are choices" {
    run -0 cooper audit --host="$HOST_DIR" --exit-on none --no-fail --ignore DB-2.7 --brief
    [[ $output != *CP927* && $output == *joe* ]]
    run -3 cooper audit --host="$HOST_DIR" --trusted-user joe --brief
    [[ $output != *joe* ]]
}

@test "--all: every check once, as a table and as a document that agree" {
    run --separate-stderr -3 cooper audit --host="$HOST_DIR" --all
    [ "$(grep -c ' DB-' <<<"$output")" = 65 ]
    grep -q '^failed  *DB-2.7 ' <<<"$output"
    grep -q '^not applicable  *DB-3.1 .*there is no' <<<"$output"
    local failed
    failed=$(grep -c '^failed ' <<<"$output")
    cooper audit --host="$HOST_DIR" --all --no-fail --format json --ignore DB-2.7 2>"$SUITE_DIR/words" >"$SUITE_DIR/json"
    [[ $(<"$SUITE_DIR/words") == *"64 checks: $((failed - 1)) failed"* ]]
    python3 - "$SUITE_DIR/json" "$failed" <<'EOT'
import json, sys
d = json.load(open(sys.argv[1]))
assert len(d["checks"]) == 65 == sum(d["summary"].values()), d["summary"]
assert d["summary"]["failed"] == int(sys.argv[2]) - 1 and d["summary"]["ignored"] == 1
c = {c["check"]: c for c in d["checks"]}
assert c["DB-2.7"]["status"] == "ignored" and not c["DB-2.7"]["findings"]
assert c["DB-3.18"]["findings"][0]["place"] == "/etc/docker/daemon.json"
assert all((x["status"] == "failed") == bool(x["findings"]) for x in d["checks"])
EOT
}

@test ".cooperignore takes findings away, and the check is not passed for it" {
    cd "$SUITE_DIR"
    echo CP922 >.cooperignore
    run --separate-stderr -3 cooper audit --host="$HOST_DIR" --all
    rm .cooperignore
    grep -q '^ignored  *DB-2.2 ' <<<"$output"
}

@test "this machine: nothing but facts, and as a stranger no pass for what cannot be read" {
    run --separate-stderr -0 cooper audit --host --no-fail --format sarif
    python3 -c 'import json,sys; json.loads(sys.argv[1])' "$output"
}

@test "what cannot be asked" {
    run -2 cooper audit --all image
    run -2 cooper audit --host --all --format sarif
    run -2 cooper audit --host --all --output "$SUITE_DIR/x"
    run -1 cooper audit --host="$SUITE_DIR/none"
    [[ $output == *"No such file or directory"* ]]
}

# Keys, signatures, attestations and what is demanded of them. OpenSSL's command line is the judge of what we made.
load common
setup_file() {
    suite_setup
    export COSIGN_PASSWORD=secret
    cd "$SUITE_DIR"
    "$COOPER" keygen >/dev/null
    "$COOPER" keygen --output-key-prefix other >/dev/null
}
teardown_file() { suite_teardown; }
setup() { cd "$SUITE_DIR"; }

# ---- keys ----

@test "keygen writes cosign's two files" {
    [ "$(stat -c %a cosign.key)" = 600 ]
    [ "$(stat -c %a cosign.pub)" = 644 ]
    [ "$(sed -n '1p;$p' cosign.key)" = $'-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----' ]
    run -0 bash -c "sed '1d;\$d' cosign.key | base64 -d | python3 -c '
import base64, json, sys
d = json.load(sys.stdin)
assert d[\"kdf\"][\"name\"] == \"scrypt\" and d[\"kdf\"][\"params\"] == {\"N\": 65536, \"r\": 8, \"p\": 1}, d
assert len(base64.b64decode(d[\"kdf\"][\"salt\"])) == 32
assert d[\"cipher\"][\"name\"] == \"nacl/secretbox\" and len(base64.b64decode(d[\"cipher\"][\"nonce\"])) == 24'"
    run -0 openssl pkey -pubin -in cosign.pub -noout -text
    [[ $output == *"NIST CURVE: P-256"* ]]
}

@test "keygen replaces no file, and leaves no half of a pair" {
    before=$(cat cosign.key cosign.pub | sha256sum)
    run -1 --separate-stderr cooper keygen
    [[ $stderr == *"make 'cosign.key': File exists"*"--output-key-prefix"* ]]
    touch half.pub
    run -1 cooper keygen --output-key-prefix half
    [ ! -e half.key ]
    [ "$(cat cosign.key cosign.pub | sha256sum)" = "$before" ]
}

# typist ANSWERS CMD...: answers each question ("...: ") of the program on a terminal with the next word; prints what it shows.
typist() {
    timeout 30 python3 -c '
import os, pty, sys
answers = sys.argv[1].encode().decode("unicode_escape").split("|")
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown = b""
while True:
    try:
        part = os.read(fd, 4096)
    except OSError:
        break
    if not part:
        break
    shown += part
    if part.endswith(b": ") and answers:
        os.write(fd, answers.pop(0).encode())
sys.stdout.write(shown.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))' "$@"
}

@test "the password comes from a terminal, twice and unseen, or from standard input" {
    unset COSIGN_PASSWORD
    run -2 typist 'one\r|two\r' "$COOPER" keygen --output-key-prefix tty
    [[ $output == *"the two passwords differ"* ]]
    [ ! -e tty.key ]
    run -0 typist 'onx\x7fe\r|one\r' "$COOPER" keygen --output-key-prefix tty
    [[ $output != *one* ]]
    run -1 typist '\x03' "$COOPER" keygen --output-key-prefix gone
    [[ $output == *"no password was given"* ]]
    printf one | cooper keygen --output-key-prefix pipe
    [ -s tty.key ] && [ -s pipe.key ]
}

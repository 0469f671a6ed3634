# tests/cli/registry.bash - registries on loopback: Debian's docker-registry, and ours that goes wrong on purpose.
#   load registry; setup_file() { suite_setup; start_registry; start_liar; }; teardown_file() { stop_registries; suite_teardown; }

# start_registry [NAME]: docker-registry with a directory of its own; REGISTRY_NAME is its host (default REGISTRY).
start_registry() {
    local name=${1:-REGISTRY} dir pid
    need docker-registry
    dir=$SUITE_DIR/registry-$name
    mkdir -p "$dir"
    printf 'version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: "%s"}, delete: {enabled: true}}\nhttp: {addr: "127.0.0.1:0"}\n' \
        "$dir" >"$dir.yml"
    : >"$dir.log"
    OTEL_TRACES_EXPORTER=none docker-registry serve "$dir.yml" >"$dir.log" 2>&1 3>&- &
    pid=$!
    echo "$pid" >>"$SUITE_DIR/registries.pids"
    wait_until listens "$dir.log" "$pid"
    export "$name=$(sed -n "$LISTENS" "$dir.log")"
}
# The kernel chose the port, and the registry says which: nobody else can have had it in between.
LISTENS='s/.*msg="listening on \([0-9.:]*\)".*/\1/p'
listens() { [ -n "$(sed -n "$LISTENS" "$1")" ] || { kill -0 "$2" || cat "$1"; false; }; }

# start_liar [NAME [OPTION...]]: tests/cli/registry-server; NAME (default LIAR) is its host, NAME_OTHER the other one,
# NAME_LOG its log.
start_liar() {
    local name=${1:-LIAR} port other pid
    [ $# = 0 ] || shift
    need python3
    mkfifo "$SUITE_DIR/liar-$name.ports"
    : >"$SUITE_DIR/liar-$name.log"
    "$BATS_TEST_DIRNAME/registry-server" "$SUITE_DIR/liar-$name.log" "$@" >"$SUITE_DIR/liar-$name.ports" 2>"$SUITE_DIR/liar-$name.err" 3>&- &
    pid=$!
    echo "$pid" >>"$SUITE_DIR/registries.pids"
    read -r port other <"$SUITE_DIR/liar-$name.ports"
    export "$name=127.0.0.1:$port" "${name}_OTHER=127.0.0.1:$other" "${name}_LOG=$SUITE_DIR/liar-$name.log"
}

# All that were started, those of single tests too: what a test sets is gone by then.
stop_registries() {
    local pid
    while read -r pid; do kill "$pid" 2>/dev/null || true; done <"$SUITE_DIR/registries.pids" || true
}

# requests LOG [JQ CONDITION]: "METHOD PATH STATUS" of what was asked.
requests() { jq -r "select(${2:-true}) | \"\(.method) \(.path) \(.status)\"" "$1"; }

# no_secret_left LOG: nothing but the registry itself and its token service was shown who asks.
no_secret_left() {
    local leak
    leak=$(jq -c 'select(.host == "other" and (.path | startswith("/token") | not) and .headers.authorization)' "$1")
    [ -z "$leak" ] || { echo "a credential went away: $leak" >&2; return 1; }
}

# What must hold of the images that Dockerfiles give: conformance/bud/INDEX.tsv in bud.table, reference/dockerfile.md in
# dockerfile.table. tests/cli/bud-peers compares the same images with BuildKit's.
load common
load rows

# The Debian that some rows want, as a named context: $DEBIAN_OCI, the one beside the peers, or one made here.
debian_base() {
    local dir=${DEBIAN_OCI:-${PEERS_STATE:-/var/tmp/peers}/oci/debian}
    if [ -e "$dir/index.json" ]; then
        echo "oci-layout://$dir:bookworm"
    elif cooper base -t debian:rows >/dev/null 2>&1; then
        echo docker-image://debian:rows
    else
        echo none
    fi
}

setup_file() {
    suite_setup mirror
    busybox_layout
    export BUSYBOX=$SUITE_DIR/busybox:latest CONTEXTS=$SUITE_DIR/contexts
    mkdir "$CONTEXTS"
}
teardown_file() { suite_teardown; }

# ---- words of the tables; all speak of the last row's $ROOT, $CONFIG and $LOG ----
complain() { echo "    $*: $(tail -n 5 "$LOG" | tr '\n' '~')"; return 1; }
has() { local p; for p; do [ -e "$ROOT$p" ] || [ -L "$ROOT$p" ] || complain "there is no $p" || return 1; done; }
no() { local p; for p; do [ ! -e "$ROOT$p" ] && [ ! -L "$ROOT$p" ] || complain "there is $p" || return 1; done; }
file() { [ -f "$ROOT$1" ] && [ ! -L "$ROOT$1" ] || complain "$1 is no file"; }
dir() { [ -d "$ROOT$1" ] && [ ! -L "$ROOT$1" ] || complain "$1 is no directory"; }
is_link() { [ -L "$ROOT$1" ] && [ "${2-$(readlink "$ROOT$1")}" = "$(readlink "$ROOT$1")" ] || complain "$1 is no link to ${2-}"; }
mode() { local m; m=$(stat -c %a "$ROOT$1"); [ "$m" = "$2" ] || complain "mode of $1 is $m"; }
owner() { local o; o=$(stat -c %u:%g "$ROOT$1"); [[ $o == $2 ]] || complain "owner of $1 is $o"; }
owner_id() { local o; o=$(stat -c %u "$ROOT$1"); [ "$o" = "$2" ] || complain "owner of $1 is $o"; }
text() { local t; t=$(xargs <"$ROOT$1"); [ "$t" = "$2" ] || complain "text of $1 is '$t'"; }
same_file() { [ "$(stat -c %i "$ROOT$1")" = "$(stat -c %i "$ROOT$2")" ] || complain "$1 and $2 are two files"; }
mtime() { local t; t=$(stat -c %Y "$ROOT$1"); [ "$t" = "$2" ] || complain "time of $1 is $t"; }
says() { grep -qF -- "$1" "$LOG" || complain "it does not say '$1'"; }
mute() { ! grep -qF -- "$1" "$LOG" || complain "it says '$1'"; }
conf() { local v; v=$(jq -r ".config | $1" "$CONFIG"); [[ $v == $2 ]] || [ "$v" = "$2" ] || complain "$1 is '$v'"; }
author() { local v; v=$(jq -r .author "$CONFIG"); [ "$v" = "$1" ] || complain "author is '$v'"; }
history() { jq -r '.history[].created_by' "$CONFIG" | grep -qxF -- "$1" || complain "history is $(jq -c '[.history[].created_by]' "$CONFIG")"; }
layers() { local n; n=$(jq '.rootfs.diff_ids | length' "$CONFIG"); [ "$n" = "$1" ] || complain "$n layers"; }
has_somewhere() { [ -n "$(find "$ROOT" -xdev -name "$1" -print -quit)" ] || complain "there is no $1"; }
no_where() { [ -z "$(find "$ROOT" -xdev -name "$1" -print -quit)" ] || complain "there is a $1"; }

# Builds the row's image again, with other options behind its own; true when as many steps ran.
ran() {
    local want=$1 n
    shift
    build_row "$@" --explain >"$LOG" 2>&1 || complain "it failed" || return 1
    n=$(grep -cE '^#[0-9]+ \[' "$LOG") || true
    n=$((n - $(grep -c CACHED "$LOG")))
    [ "$n" = "$want" ] || complain "$n steps ran"
}

build_row() {
    local name kind names=()
    while read -r name kind; do
        [ "$kind" = busybox ] && names+=(--build-context "$name=oci-layout://$BUSYBOX")
        [ "$kind" = busybox ] || names+=(--build-context "$name=$DEBIAN")
    done < <(row_names)
    cooper build --progress plain "${names[@]}" -f "$CONTEXTS/$DIR/$FILE" -t bud:row "${OPTIONS[@]}" "$@" "$CONTEXTS/$DIR"
}

# The image's files in $ROOT, its configuration in $CONFIG.
open_image() {
    local manifest config blobs=$SUITE_DIR/oci/blobs
    rm -rf "$ROOT" "$SUITE_DIR/oci"
    cooper unpack bud:row "$ROOT" && cooper export bud:row --output "type=oci,dest=$SUITE_DIR/oci" >/dev/null || return
    manifest=$(jq -r '.manifests[0].digest' "$SUITE_DIR/oci/index.json")
    config=$(jq -r .config.digest "$blobs/${manifest/://}")
    cp "$blobs/${config/://}" "$CONFIG"
}

holds() {
    local status=0
    build_row </dev/null >"$LOG" 2>&1 || status=$?
    [ "$status" = "${WANT/ok/0}" ] || complain "exit status $status" || return 1
    if [ "$WANT" = ok ] && [ -n "$CHECKS" ]; then
        open_image >>"$LOG" 2>&1 || complain "it cannot be opened" || return 1
    fi
    [ -z "$CHECKS" ] || eval "$CHECKS"
}

check_row() {
    LOG=$SUITE_DIR/log ROOT=$SUITE_DIR/root CONFIG=$SUITE_DIR/config
    if [[ " ${LETTERS[*]} " == *' X '* ]]; then
        DEBIAN=${DEBIAN:-$(debian_base)}
        [ "$DEBIAN" != none ] || { SKIPPED=$((SKIPPED + 1)); return 0; }
    fi
    if holds; then GOOD=$((GOOD + 1)); else BAD=$((BAD + 1)); echo "row: $TITLE"; fi
}

report() {
    echo "# $GOOD rows hold, $BAD do not, $SKIPPED want what is not here" >&3
    [ "$BAD" = 0 ]
}

@test "what INDEX.tsv says of the builds of buildah and kaniko" {
    shared bud/INDEX.tsv
    need jq
    rows_contexts
    GOOD=0 BAD=0 SKIPPED=0
    rows_each "$SOURCE_ROOT/tests/cli/bud.table" check_row
    report
}

@test "what the language says" {
    need jq
    GOOD=0 BAD=0 SKIPPED=0
    cases_each "$SOURCE_ROOT/tests/cli/dockerfile.table" check_row
    report
}

# Every stage has a plan, whatever it is from; what comes before the first RUN is built.
official() {
    local stage good=1
    FILE=Dockerfile.whole
    row_settle build_row --print plan || good=0
    if [ $good = 0 ] && grep -q 'is not supported yet' "$CONTEXTS/settle.log"; then
        SKIPPED=$((SKIPPED + 1))
        return 0
    fi
    for stage in $(awk 'toupper($1) == "FROM" && toupper($(NF - 1)) == "AS" { print $NF }' "$CONTEXTS/$DIR/$FILE"); do
        row_settle build_row --print plan --target "$stage" || good=0
    done
    FILE=Dockerfile
    row_settle build_row || good=0
    if [ $good = 1 ]; then GOOD=$((GOOD + 1)); else BAD=$((BAD + 1)); echo "file: $TITLE"; fi
}

@test "the Dockerfiles of well-known images: plans of all stages, images of what comes before the first RUN" {
    shared official/SOURCES.tsv
    need jq
    LOG=$SUITE_DIR/log GOOD=0 BAD=0 SKIPPED=0
    official_each official
    report
}

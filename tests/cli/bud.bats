# The build examples of buildah and kaniko: what conformance/bud/INDEX.tsv says must hold, holds (bud.table), and
# the images are BuildKit's where that is at hand (scripts/bud-peers).
load common

# The Debian that many rows want: $DEBIAN_OCI, or the one that setup-peers made.
debian_layout() {
    local dir=${DEBIAN_OCI:-${PEERS_STATE:-/var/tmp/peers}/oci/debian}
    [ -e "$dir/index.json" ] && echo "$dir:bookworm"
}

setup_file() {
    suite_setup
    busybox_layout
    DEBIAN=$(debian_layout) || DEBIAN=
    export DEBIAN BUSYBOX=$SUITE_DIR/busybox:latest
}
teardown_file() { suite_teardown; }

# ---- words of the table; all speak of the last row's $ROOT, $CONFIG and $LOG ----
complain() { echo "    $*: $(tail -n 5 "$LOG" | tr '\n' '~')"; return 1; }
has() { local p; for p; do [ -e "$ROOT$p" ] || [ -L "$ROOT$p" ] || complain "there is no $p" || return 1; done; }
no() { [ ! -e "$ROOT$1" ] && [ ! -L "$ROOT$1" ] || complain "there is $1"; }
file() { [ -f "$ROOT$1" ] && [ ! -L "$ROOT$1" ] || complain "$1 is no file"; }
is_link() { [ -L "$ROOT$1" ] || complain "$1 is no link"; }
mode() { local m; m=$(stat -c %a "$ROOT$1"); [ "$m" = "$2" ] || complain "mode of $1 is $m"; }
owner() { local o; o=$(stat -c %u:%g "$ROOT$1"); [ "$o" = "$2" ] || complain "owner of $1 is $o"; }
text() { local t; t=$(xargs <"$ROOT$1"); [ "$t" = "$2" ] || complain "text of $1 is '$t'"; }
says() { grep -qF -- "$1" "$LOG" || complain "it does not say '$1'"; }
conf() { local v; v=$(jq -r ".config | $1" "$CONFIG"); [[ $v == $2 ]] || [ "$v" = "$2" ] || complain "$1 is '$v'"; }
layers() { local n; n=$(jq '.rootfs.diff_ids | length' "$CONFIG"); [ "$n" = "$1" ] || complain "$n layers"; }
has_somewhere() { [ -n "$(find "$ROOT" -xdev -name "$1" -print -quit)" ] || complain "there is no $1"; }
no_where() { [ -z "$(find "$ROOT" -xdev -name "$1" -print -quit)" ] || complain "there is a $1"; }

base_options() {
    local letter names=() base=$BUSYBOX
    for letter; do
        case $letter in
        B) names+=("busybox=oci-layout://$BUSYBOX") ;;
        A) names+=("alpine=oci-layout://$base") ;;
        U) names+=("ubuntu=oci-layout://$base") ;;
        D) names+=("debian:10.13=oci-layout://$base") ;;
        E) names+=("debian:10.2=oci-layout://$base") ;;
        X) base=$DEBIAN ;;
        esac
    done
    printf '%s\n' "${names[@]}"
}

# row DIRECTORY FILE RESULT LETTER... OPTION...: builds; true when it ended as it should.
row() {
    local dir=$1 dockerfile=$2 want=$3 letters=() options=() name status=0 blob
    shift 3
    while [[ ${1:-} == [A-Z] ]]; do letters+=("$1"); shift; done
    if [ -z "$DEBIAN" ] && [[ "${letters[*]}" == *X* ]]; then
        SKIPPED=$((SKIPPED + 1))
        return 2
    fi
    ROW="$dir $dockerfile ${letters[*]} $*"
    LOG=$SUITE_DIR/log ROOT=$SUITE_DIR/root CONFIG=$SUITE_DIR/config
    while read -r name; do [ -z "$name" ] || options+=(--build-context "$name"); done < <(base_options "${letters[@]}")
    local context=$CONTEXTS/$dir
    [ -f "$context/$dockerfile" ] || { complain "no such row"; return 1; }
    cooper build --progress plain "${options[@]}" -f "$context/$dockerfile" "$@" -t bud:row "$context" >"$LOG" 2>&1 || status=$?
    if [ "$want" != ok ]; then
        [ "$status" = "$want" ] || complain "exit status $status"
        return
    fi
    [ "$status" = 0 ] || complain "exit status $status" || return 1
    rm -rf "$ROOT" "$SUITE_DIR/oci"
    cooper unpack bud:row "$ROOT" && cooper export bud:row --output "type=oci,dest=$SUITE_DIR/oci" >/dev/null 2>>"$LOG" ||
        complain "it cannot be exported" || return 1
    blob() { tr : / <<<"$1"; }
    local manifest config
    manifest=$(jq -r '.manifests[0].digest' "$SUITE_DIR/oci/index.json")
    config=$(jq -r .config.digest "$SUITE_DIR/oci/blobs/$(blob "$manifest")")
    cp "$SUITE_DIR/oci/blobs/$(blob "$config")" "$CONFIG"
}

@test "every row of the table holds" {
    shared bud/INDEX.tsv
    need jq
    # owners and modes of a checkout are the checkout's: the table wants the ones of the index
    CONTEXTS=$SUITE_DIR/contexts
    cp -a "$CONFORMANCE/bud" "$CONTEXTS"
    find "$CONTEXTS" -type f -exec chmod 0644 {} +
    find "$CONTEXTS" -type d -exec chmod 0755 {} +
    chmod 0755 "$CONTEXTS/kaniko/context/foo"
    # the data has the text of these links where they were
    ln -sf tarball.tar "$CONTEXTS/buildah/symlink/tarball_latest.tar"
    ln -sf tarball.tar.gz "$CONTEXTS/buildah/symlink/tarball_latest.tar.gz"
    local line good=0 bad=0 SKIPPED=0 status
    while IFS= read -r line; do
        [[ $line == row\ * ]] || continue
        status=0
        eval "$line" || status=$?
        case $status in
        0) good=$((good + 1)) ;;
        2) ;;
        *) bad=$((bad + 1)); echo "row: $line" ;;
        esac
    done <"$SOURCE_ROOT/tests/cli/bud.table"
    echo "# $good rows hold, $bad do not, $SKIPPED want a Debian base that is not here" >&3
    [ "$bad" = 0 ]
}

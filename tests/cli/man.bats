# The manual's EXAMPLES are run: a page that drifts from the program fails here.
load common

setup_file() {
    suite_setup
    mkdir -p "$SUITE_DIR/bin" "$SUITE_DIR/app/data"
    ln -s "$COOPER" "$SUITE_DIR/bin/cooper"
    export PATH=$SUITE_DIR/bin:$PATH
    busybox_layout
    "$COOPER" load -q -i "$SUITE_DIR/busybox" -t busybox >/dev/null
    cat >"$SUITE_DIR/app/Dockerfile" <<'EOF'
FROM busybox AS build
ARG VERSION=dev
RUN echo "web $VERSION" >/version
FROM busybox
COPY --from=build /version /version
COPY data /srv/data
CMD ["cat", "/version"]
EOF
    printf 'FROM scratch\nLABEL tiny=yes\n' >"$SUITE_DIR/app/Dockerfile.tiny"
    echo hello >"$SUITE_DIR/app/data/hello"
}
teardown_file() { suite_teardown; }

# The lines that begin with "cooper " in the ``` blocks behind # EXAMPLES of a page.
examples() {
    awk '/^# /{on = $0 == "# EXAMPLES"; block = 0} on && /^```/{block = !block; next} on && block && /^cooper /' "$1"
}

# What would need the network, or a port of the host: its options are read, nothing more.
read_only_line() {
    [[ $1 =~ ^cooper\ (base|login|pull|push|copy|tree|build\ .*examples/)|\ (-p|--publish)\  ]]
}

run_examples() { # PAGE
    local line lines=0
    rm -rf "$SUITE_DIR/scratch"
    cp -r "$SUITE_DIR/app" "$SUITE_DIR/scratch"
    cd "$SUITE_DIR/scratch"
    cooper build -q -t web -t web:1.0 . >/dev/null
    while IFS= read -r line <&3; do
        lines=$((lines + 1))
        ! read_only_line "$line" || line=$(sed -E 's/^cooper ([a-z]+)/cooper \1 --help/' <<<"$line")
        command -v script >/dev/null && [[ $line == *" -it "* ]] && line="echo exit | script -qec '$line' /dev/null"
        bash -euo pipefail -c "$line" </dev/null >out 2>&1 3>&- || { echo "$1: $line: $?"; cat out; return 1; }
    done 3< <(examples "$1")
    [ "$lines" -gt 0 ] || { echo "$1 has no examples"; return 1; }
}

@test "every command has a page in the list" {
    for name in $(cooper help | awk '/^  [a-z]+ /{print $1}'); do
        [ -e "$SOURCE_ROOT/man/cooper-$name.1.scd" ] || { echo "no page for $name"; false; }
        grep -q "'cooper-$name.1'" "$SOURCE_ROOT/man/meson.build"
    done
}

@test "pages have the parts that manuals have" {
    for page in "$SOURCE_ROOT"/man/*.scd; do
        for part in NAME SYNOPSIS DESCRIPTION EXAMPLES; do
            grep -qx "# $part" "$page" || { echo "$page lacks $part"; false; }
        done
        grep -qx '@OPTIONS@\|@COMMANDS@' "$page" || { echo "$page lacks its rows"; false; }
    done
}

@test "the name line is the command's own line of help" {
    for page in "$SOURCE_ROOT"/man/cooper-*.scd; do
        name=$(basename "$page" .1.scd)
        says=$(awk '/^# NAME/{getline; getline; print; exit}' "$page")
        help=$("$COOPER" help | sed -n "s/^  ${name#cooper-}  *//p")
        [ "$says" = "$name - $help" ] || { echo "$says <> $help"; false; }
    done
}

@test "the examples of all pages work" {
    bad=0
    for page in "$SOURCE_ROOT"/man/*.scd; do
        run_examples "$page" || bad=1
    done
    [ "$bad" = 0 ]
}

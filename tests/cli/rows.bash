# tests/cli/rows.bash - tables of builds: bud.table (contexts of the conformance data), dockerfile.table (contexts of its
# own). A callback builds each: it finds $TITLE, $DIR (below $CONTEXTS), $FILE, $WANT, $LETTERS, $OPTIONS, $CHECKS, $WHY_NOT.
#
#   bud.table is shell: row DIRECTORY FILE RESULT [LETTER...] [OPTION...] [&& CHECK...] [~ why not BuildKit's]
#   dockerfile.table has cases, "== TITLE" and then the lines of a Dockerfile, among them
#     $ a shell line that makes the context              > a check; all must hold
#     % LETTER... OPTION..., $DIR is the context         ! what the build says when it fails, as it must
#     ~ why the image is not BuildKit's
#   RESULT: ok, or the exit status. LETTERs give the names in FROM: B busybox, A alpine, U ubuntu, D debian:10.13,
#   E debian:10.2; all are a busybox of ours, after X all but B are a Debian. A case without letters has B.
#   In options @/ is the directory of all contexts.

# Those of bud.table into $CONTEXTS. Owners and modes of a checkout are the checkout's: the table wants the ones of the index.
rows_contexts() {
    cp -a "$CONFORMANCE/bud/." "$CONTEXTS"
    find "$CONTEXTS" -type f -exec chmod 0644 {} +
    find "$CONTEXTS" -type d -exec chmod 0755 {} +
    chmod 0755 "$CONTEXTS/kaniko/context/foo"
    echo SOMESECRETDATA >"$CONTEXTS/secret" # of --secret
    # the data has the text of these links where they were
    ln -sf tarball.tar "$CONTEXTS/buildah/symlink/tarball_latest.tar"
    ln -sf tarball.tar.gz "$CONTEXTS/buildah/symlink/tarball_latest.tar.gz"
}

# Cuts `row`'s arguments.
row_read() {
    DIR=$1 FILE=$2 WANT=$3 LETTERS=() OPTIONS=() BASES=()
    shift 3
    while [[ ${1:-} == [A-Z] ]]; do LETTERS+=("$1"); shift; done
    OPTIONS=("${@//@\//$CONTEXTS/}")
}

# "NAME KIND" of each letter in LETTERS, KIND busybox or debian.
row_names() {
    local letter kind=busybox
    for letter in "${LETTERS[@]}"; do
        case $letter in
        B) echo "busybox busybox" ;;
        A) echo "alpine $kind" ;;
        U) echo "ubuntu $kind" ;;
        D) echo "debian:10.13 $kind" ;;
        E) echo "debian:10.2 $kind" ;;
        X) kind=debian ;;
        esac
    done
    for letter in ${BASES[@]+"${BASES[@]}"}; do echo "$letter busybox"; done
}

# Runs the command until it is content: names of images that it misses become our busybox, files of the context are made.
row_settle() {
    local log=$CONTEXTS/settle.log tries
    for ((tries = 0; tries < 60; tries++)); do
        "$@" </dev/null >"$log" 2>&1 && return
        if [[ $(<"$log") =~ image\ \'([^\']*)\'\ is\ neither\ in\ the\ store ]]; then
            BASES+=("${BASH_REMATCH[1]}")
        elif [[ $(<"$log") =~ \'([^\']*)\'\ is\ not\ in\ the\ build\ context ]]; then
            mkdir -p "$(dirname "$CONTEXTS/$DIR/${BASH_REMATCH[1]}")"
            echo "${BASH_REMATCH[1]}" >"$CONTEXTS/$DIR/${BASH_REMATCH[1]}"
        else
            break
        fi
    done
    tail -n 5 "$log"
    return 1
}

# Calls $1 for each Dockerfile of conformance/official: whole it is Dockerfile.whole, what comes before the first RUN (or
# COPY out of an image that we have not) is Dockerfile, without the syntax= that BuildKit would fetch a frontend for. An ARG
# that FROM wants and nobody gives is 1.
official_each() {
    local file number=0
    for file in "$CONFORMANCE"/official/*; do
        [[ -f $file && $file != *.tsv ]] || continue
        number=$((number + 1)) TITLE=${file##*/} DIR=official/$number
        mkdir -p "$CONTEXTS/$DIR"
        cp "$file" "$CONTEXTS/$DIR/Dockerfile.whole"
        awk 'toupper($1) == "RUN" || /^COPY .*--from=/ { exit } !/^# *syntax *=/' "$file" >"$CONTEXTS/$DIR/Dockerfile"
        FILE=Dockerfile WANT=ok LETTERS=() CHECKS= WHY_NOT= BASES=()
        mapfile -t OPTIONS < <(awk 'toupper($1) == "FROM" { exit } $1 == "ARG" && $2 !~ /=/ { print "--build-arg=" $2 "=1" }' "$file")
        "$1"
    done
}

# Calls $2 for each row of the table $1.
rows_each() {
    local line
    while IFS= read -r line; do
        [[ $line == row\ * ]] || continue
        CHECKS= WHY_NOT=
        [[ $line != *' ~ '* ]] || WHY_NOT=${line#* ~ }
        line=${line%% ~ *} TITLE=${line%% && *}
        TITLE=${TITLE#row }
        [[ $line != *' && '* ]] || CHECKS=${line#* && }
        eval "row_read $TITLE"
        "$2"
    done <"$1"
}

# The same for each case of the table $1. Contexts are made below $CONTEXTS/cases.
cases_each() {
    local line number=0 title= setup= options= says=
    while IFS= read -r line; do
        case $line in
        '== '*)
            [ -z "$title" ] || case_end "$2" || return
            title=${line#== } number=$((number + 1)) setup= options= says= CHECKS= WHY_NOT=
            DIR=cases/$number
            mkdir -p "$CONTEXTS/$DIR"
            ;;
        '$ '*) setup+="${line#\$ }"$'\n' ;;
        '% '*) options+=" ${line#% }" ;;
        '> '*) CHECKS+="${CHECKS:+ && }${line#> }" ;;
        '! '*) says=${line#! } ;;
        '~ '*) WHY_NOT=${line#\~ } ;;
        *) [ -z "$title" ] || printf '%s\n' "$line" >>"$CONTEXTS/$DIR/Dockerfile" ;;
        esac
    done <"$1"
    case_end "$2"
}

case_end() {
    (cd "$CONTEXTS/$DIR" && umask 022 && eval "$setup") || { echo "the context of '$title' cannot be made"; return 1; }
    [[ $options == ' '[A-Z] || $options == ' '[A-Z]' '* ]] || options=" B$options"
    [ -z "$says" ] || CHECKS=$(printf 'says %q' "$says")
    TITLE=$title
    eval "row_read $DIR Dockerfile $([ -z "$says" ] && echo ok || echo 1)$options"
    "$1"
}

# cooper build: what is kept from build to build, and what it costs.
load common
load builds

@test "a step opens what it needs, not every layer below it" {
    { echo FROM busybox
      for i in $(seq 300); do
          echo $i >"$CTX/f$i"
          echo "COPY --chown=bin f$i /d$((i % 7))/f$i"
      done; } | dockerfile
    ulimit -n 200
    run -0 build -t many
    run -0 build -t many
    [[ $output == *"every step from the cache"* ]]
    # the steps above lie on another one below: found by what they read
    echo changed >"$CTX/f1"
    run -0 build -t many
    [[ $output == *"299 of 300 steps from the cache"* ]]
}

@test "a step that was made above another run of the step below it is not taken" {
    dockerfile <<'E'
FROM busybox AS base
RUN cat /proc/sys/kernel/random/uuid >/when
FROM base
RUN cp /when /copy
E
    run -0 build -t pair
    run -0 build -t pair --no-cache-filter base
    files pair
    cmp "$CTX.out/when" "$CTX.out/copy"
}

@test "--no-cache-filter: what is read of a stage that runs again is looked at again" {
    dockerfile <<'E'
FROM busybox AS made
RUN cat /proc/sys/kernel/random/uuid >/when
RUN echo same >/same
FROM busybox
COPY --from=made /same /same
COPY --from=made --link /when /when
RUN --mount=from=made,target=/made cp /made/when /copy
E
    run -0 build -t read
    files read
    cp "$CTX.out/when" "$CTX.when"
    run -0 build -t read --no-cache-filter nothing,MADE
    [[ $output = *"warning: --no-cache-filter: there is no stage 'nothing'"* ]]
    [[ $output = *"COPY --from=made /same /same"*"CACHED"* ]]
    files read
    ! cmp -s "$CTX.out/when" "$CTX.when"
    cmp "$CTX.out/when" "$CTX.out/copy"
    run -0 build --no-cache-filter stage-1
    [ "$(grep -c 'DONE' <<<"$output")" = 3 ]
}

# clone UMASK DIR: what git makes of one commit under a umask
clone() { (umask "$1" && rm -rf "$2" && git clone -q "$CTX.git" "$2"); }

@test "a clone elsewhere under another umask: nothing runs, the same image" {
    need git
    mkdir -p "$CTX/src/deep"
    echo text >"$CTX/src/deep/file"
    printf '#!/bin/sh\necho hi\n' >"$CTX/src/tool"
    chmod 0755 "$CTX/src/tool"
    printf '.git\n' >"$CTX/.dockerignore"
    dockerfile <<'E'
FROM busybox
COPY . /app
COPY src/tool /usr/bin/
RUN cat /proc/sys/kernel/random/uuid >/when
E
    git -C "$CTX" init -q -b main && git -C "$CTX" add . &&
        git -C "$CTX" -c user.name=t -c user.email=t@t commit -qm x && git clone -q --bare "$CTX" "$CTX.git"
    rm -rf "$CTX"
    for mask in 022 002 077 027 000; do
        clone $mask "$CTX.$mask"
        CTX=$CTX.$mask run -0 build -t cloned --iidfile "$CTX.id.$mask"
        [ $mask = 022 ] || [[ $output == *"every step from the cache"* ]]
        cmp "$CTX.id.022" "$CTX.id.$mask"
    done
    # whichever was built first: a store of its own for the last one
    COOPER_ROOT=$COOPER_ROOT.b CTX=$CTX.077 run -0 build -t cloned
    COOPER_ROOT=$COOPER_ROOT.b files cloned
    [ "$(cd "$CTX.out" && stat -c '%a %n' app/src app/src/deep/file app/src/tool usr/bin/tool)" = "755 app/src
644 app/src/deep/file
755 app/src/tool
755 usr/bin/tool" ]
    COOPER_ROOT=$COOPER_ROOT.b cooper prune --all --quiet
    # below a checkout too; and a mode that somebody set stays
    chmod 0640 "$CTX.077/src/deep/file"
    printf 'FROM scratch\nCOPY deep /app/deep\n' >"$CTX.077/src/Dockerfile"
    CTX=$CTX.077/src run -0 build -t below
    files below
    [ "$(cd "$CTX.out" && stat -c '%a %n' app/deep app/deep/file)" = "755 app/deep
640 app/deep/file" ]
}

@test "modes outside of a checkout are as they are" {
    echo x >"$CTX/a"
    chmod 0600 "$CTX/a"
    dockerfile <<'E'
FROM scratch
COPY a /
E
    run -0 build -t plain
    files plain
    [ "$(stat -c %a "$CTX.out/a")" = 600 ]
}

@test "a secret counts in the key when it is asked for, and is not found in the store" {
    echo first-value-of-the-secret >"$CTX.secret"
    dockerfile <<'E'
FROM busybox
RUN --mount=type=secret,id=s wc -c /run/secrets/s; cat /proc/sys/kernel/random/uuid >/when
E
    secret() { build -t secret --secret "id=s,src=$CTX.secret$1" --explain; }
    run -0 secret ""
    echo other-value-of-the-secret >"$CTX.secret"
    run -0 secret ""
    [[ $output == *"every step from the cache"* ]]
    run -0 secret ,cache-key=content
    [[ $output != *"every step from the cache"* ]]
    run -0 secret ,cache-key=content
    [[ $output == *"every step from the cache"* ]]
    echo third-value-of-the-secret >"$CTX.secret"
    run -0 secret ,cache-key=content
    [[ $output == *"content of secret 's' changed"* ]]
    run ! grep -r value-of-the-secret "$COOPER_ROOT"
    run ! grep -rF "$(sha256sum <"$CTX.secret" | cut -c1-12)" "$COOPER_ROOT"
    run -2 secret ,cache-key=no
    [[ $output == *"cache-key is content or absent"* ]]
}

@test "a comment in a compiled source runs the compile and nothing above it" {
    printf 'int main; # one\n' >"$CTX/main.c"
    dockerfile <<'E'
FROM busybox AS build
COPY main.c /src/
RUN sed 's/#.*//' /src/main.c >/app && touch -d @1 /app
FROM busybox
COPY --from=build /app /app
RUN cat /proc/sys/kernel/random/uuid >/when
E
    run -0 build -t compiled --iidfile "$CTX.1"
    printf 'int main; # another\n' >"$CTX/main.c"
    run -0 build -t compiled --iidfile "$CTX.2"
    [[ $output == *"2 of 4 steps from the cache"* ]]
    cmp "$CTX.1" "$CTX.2"
    touch -d @1000000000 "$CTX/main.c"
    run -0 build -t compiled --iidfile "$CTX.2"
    [[ $output == *"every step from the cache"* ]]
    cmp "$CTX.1" "$CTX.2"
}

@test "--explain names the argument, its values, and the files" {
    mkdir -p "$CTX/src"
    for f in a b c; do echo $f >"$CTX/src/$f"; done
    dockerfile <<'E'
FROM busybox
ARG VERSION=1
ENV MODE=x
RUN echo $VERSION
COPY src /src
E
    run -0 build -t why --explain
    [[ $output == *"RUN echo \$VERSION: ran because it has not been built before"* ]]
    run -0 build -t why --explain --build-arg VERSION=2
    [[ $output == *'RUN echo $VERSION: ran because ARG VERSION changed "1" -> "2"'* ]]
    sed -i 's/MODE=x/MODE=y/' "$CTX/Dockerfile"
    run -0 build -t why --explain --build-arg VERSION=2
    [[ $output == *'ran because ENV MODE changed "x" -> "y"'* ]]
    echo more >>"$CTX/src/a"
    rm "$CTX/src/b"
    echo d >"$CTX/src/d"
    run -0 build -t why --explain --build-arg VERSION=2
    [[ $output == *"COPY src /src: ran because content of 'src' changed"* ]]
    [[ $output == *"COPY src /src: changed '/src/a', removed '/src/b', added '/src/d'"* ]]
    sed -i 's/echo/echo v/' "$CTX/Dockerfile"
    run -0 build -t why --explain --build-arg VERSION=2
    [[ $output == *'RUN echo v $VERSION: ran because command changed'* ]]
    # a clone in another place: held against the last build of that line anywhere
    cp -r "$CTX" "$CTX.clone" && echo e >"$CTX.clone/src/d"
    CTX=$CTX.clone run -0 build -t why --explain --build-arg VERSION=3
    [[ $output == *'RUN echo v $VERSION: ran because ARG VERSION changed "2" -> "3"'* ]]
    [[ $output == *"COPY src /src: ran because content of 'src' changed"*"COPY src /src: changed '/src/d'"* ]]
    cooper prune --all --quiet
    run -0 build -t why --explain --build-arg VERSION=2 --no-cache
    [[ $output == *"--no-cache"* ]]
}

# inode TREE-FILE: of the only file of that name in the newest tree that has it
inodes() { find "$COOPER_ROOT/trees" -name "$1" -printf '%i\n' | sort -u | wc -l; }

@test "one changed file: the others become names of what the last layer has" {
    need_root
    mkdir -p "$CTX/src/deep"
    for f in changed same touched moded linked; do echo $f >"$CTX/src/$f"; done
    ln "$CTX/src/linked" "$CTX/src/linked2"
    echo deep >"$CTX/src/deep/below"
    ln -s same "$CTX/src/symlink"
    touch -d @1500000000 "$CTX"/src/* "$CTX/src/deep/below"
    sleep 0.1
    dockerfile <<'E'
FROM scratch
COPY src /src
E
    run -0 build -t linked
    echo other >"$CTX/src/changed"
    touch -d @1600000000 "$CTX/src/touched"
    chmod 0600 "$CTX/src/moded"
    run -0 build -t linked --iidfile "$CTX.id"
    for f in same below linked; do [ "$(inodes $f)" = 1 ] || { echo $f; false; }; done
    for f in changed touched moded; do [ "$(inodes $f)" = 2 ] || { echo $f; false; }; done
    files linked
    [ "$(cat "$CTX.out/src/changed" "$CTX.out/src/same" "$CTX.out/src/deep/below")" = $'other\nsame\ndeep' ]
    [ "$(stat -c '%a %Y' "$CTX.out/src/touched")" = "644 1600000000" ]
    [ "$(stat -c '%a %h' "$CTX.out/src/moded" "$CTX.out/src/linked" "$CTX.out/src/same")" = $'600 1\n644 2\n644 1' ]
    # the image is that of a clean build
    cooper unpack linked "$CTX.linked"
    COOPER_ROOT=$COOPER_ROOT.b run -0 build -t linked
    COOPER_ROOT=$COOPER_ROOT.b cooper unpack linked "$CTX.clean"
    diff <(cd "$CTX.linked/src" && find . -mindepth 1 -printf '%p %m %U %G %T@ %n %s %l\n' | sort) \
        <(cd "$CTX.clean/src" && find . -mindepth 1 -printf '%p %m %U %G %T@ %n %s %l\n' | sort)
    COOPER_ROOT=$COOPER_ROOT.b cooper prune --all --quiet
    # and the old layer may go
    run -0 cooper prune
    files linked
    [ "$(cat "$CTX.out/src/same")" = same ]
}

# in_store X CMD...: with the store X
in_store() { COOPER_ROOT=$COOPER_ROOT.$1 "${@:2}"; }
forget() { for s in "$@"; do in_store "$s" cooper prune --all --quiet; done; }

cached_file() {
    echo a >"$CTX/a"
    dockerfile <<'E'
FROM busybox AS inner
RUN cat /proc/sys/kernel/random/uuid >/inner
FROM busybox
RUN rm /etc/group && cat /proc/sys/kernel/random/uuid >/when
COPY a /a
COPY --from=inner /inner /inner
CMD ["cat", "/when"]
E
}

@test "--cache-to a directory, --cache-from it in another store: nothing runs, the same image" {
    cached_file
    for mode in min max; do
        cache=$CTX.cache-$mode
        run -0 in_store one$mode build -t c --iidfile "$CTX.1" --cache-to "type=local,dest=$cache,mode=$mode"
        run -0 in_store two$mode build -t c --iidfile "$CTX.2" --cache-from "type=local,src=$cache"
        [[ $output == *"every step from the cache"* ]]
        cmp "$CTX.1" "$CTX.2"
        # and it is ours from then on
        run -0 in_store two$mode build -t c --iidfile "$CTX.2"
        [[ $output == *"every step from the cache"* ]]
        in_store two$mode cooper unpack c "$CTX.$mode"
        [ ! -e "$CTX.$mode/etc/group" ]
        [ -s "$CTX.$mode/when" ]
    done
    # its layers become part of the image: the policy is asked about it, as about any layout
    printf '{"version": 1, "default": "accept", "images": {"oci:%s": "reject"}}' "$CTX.cache-min" >"$CTX.policy"
    COOPER_POLICY=$CTX.policy run -0 in_store three build -t c --cache-from "type=local,src=$CTX.cache-min"
    [[ $output == *"--cache-from "*"is not used: "*"refuses it"* ]]
    [[ $output != *"steps from the cache"* ]]
    COOPER_POLICY=$CTX.policy run -0 in_store four build -t c --cache-from "type=local,src=$CTX.cache-max"
    [[ $output == *"every step from the cache"* ]]
    forget three four
    # a result has no use for the inner stage; with max it is there when what is above it changes
    sed -i 's,/inner /inner,/inner /other,' "$CTX/Dockerfile"
    run -0 in_store min build --cache-from "type=local,src=$CTX.cache-min" -t c
    [[ $output == *"2 of 4 steps from the cache"* ]]
    run -0 in_store max build --cache-from "type=local,src=$CTX.cache-max" -t c
    [[ $output == *"3 of 4 steps from the cache"* ]]
    forget onemin onemax twomin twomax min max
}

@test "a cache in the image: type=inline" {
    cached_file
    run -0 build -t c --cache-to type=inline --iidfile "$CTX.1" -o "type=oci,dest=$CTX.oci" -o type=image
    run -0 in_store two build -t c --cache-to type=inline --iidfile "$CTX.2" --cache-from "type=local,src=$CTX.oci"
    [[ $output == *"every step from the cache"* ]]
    cmp "$CTX.1" "$CTX.2"
    # the argument of old says the same
    run -0 build -t c --build-arg BUILDKIT_INLINE_CACHE=1 --iidfile "$CTX.2"
    cmp "$CTX.1" "$CTX.2"
    # by name, of an image of the store, though the memory of steps is lost
    run -0 in_store two cooper tag c shelf:1
    rm "$COOPER_ROOT.two/"cache.db*
    run -0 in_store two build -t again --cache-from shelf:1 --iidfile "$CTX.3" --cache-to type=inline
    [[ $output == *"every step from the cache"* ]]
    cmp "$CTX.1" "$CTX.3"
    # it is the image's own: what is built on top has none
    printf 'FROM c\nLABEL x=y\n' >"$CTX/Dockerfile"
    run -0 build -t above -o "type=oci,dest=$CTX.above"
    grep -q cooper.cache "$CTX.oci/blobs/sha256/"*
    run ! grep -q cooper.cache "$CTX.above/blobs/sha256/"*
    forget two
}

@test "a cache that is written again does not grow" {
    cached_file
    run -0 build -t c --cache-to "type=local,dest=$CTX.cache"
    before=$(ls "$CTX.cache/blobs/sha256" | wc -l)
    for i in 1 2; do
        echo $i >"$CTX/a"
        run -0 build -t c --cache-to "type=local,dest=$CTX.cache"
    done
    [ "$(ls "$CTX.cache/blobs/sha256" | wc -l)" = "$before" ]
    run -0 build -t c --cache-to "type=local,dest=$CTX.cache,tag=other,mode=max,compression=zstd,force-compression=true"
    [ "$(ls "$CTX.cache/blobs/sha256" | wc -l)" -gt "$before" ]
    run -0 in_store two build -t c --cache-from "type=local,src=$CTX.cache,tag=other"
    [[ $output == *"every step from the cache"* ]]
    forget two
    digest=$(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "other").digest' "$CTX.cache/index.json")
    run -0 in_store two build -t c --cache-from "type=local,src=$CTX.cache,tag=none,digest=$digest"
    [[ $output == *"every step from the cache"* ]]
    forget two
}

@test "a cache that is not there, damaged or none of ours is a warning" {
    cached_file
    run -0 build -t c --cache-from "type=local,src=$CTX.none" --cache-from 0123456789ab --cache-to "type=local,dest=$CTX.cache"
    [[ $output == *"--cache-from 'type=local,src=$CTX.none' is not used"* ]]
    [[ $output == *"--cache-from '0123456789ab' is not used"* ]]
    run -0 build -t c --cache-from "type=local,src=$SUITE_DIR/busybox"
    [[ $output == *"it has no build cache"* ]]
    for f in "$CTX.cache/blobs/sha256/"*; do
        case $(head -c 1 "$f") in '{') ;; *) printf x | dd of="$f" bs=1 seek=20 conv=notrunc status=none ;; esac
    done
    run -0 in_store two build -t c --cache-from "type=local,src=$CTX.cache"
    [[ $output == *"is not used"* ]]
    [[ $output != *"every step from the cache"* ]]
    forget two
}

# rewrite_cache DIR PYTHON: changes c, the configuration of the cache, with all digests above it right again
rewrite_cache() {
    python3 - "$@" <<'E'
import hashlib, json, sys
top, change = sys.argv[1:]
def read(name): return json.load(open(f"{top}/{name}"))
def blob(d): return "blobs/sha256/" + d["digest"][7:]
def put(d, doc):
    data = json.dumps(doc).encode()
    d.update(digest="sha256:" + hashlib.sha256(data).hexdigest(), size=len(data))
    open(f"{top}/{blob(d)}", "wb").write(data)
index = read("index.json"); d = index["manifests"][0]
manifest = read(blob(d)); c = read(blob(manifest["config"]))
exec(change)
put(manifest["config"], c); put(d, manifest)
json.dump(index, open(f"{top}/index.json", "w"))
E
}

@test "a cache whose list of steps lies" {
    need python3
    cached_file
    cache=$CTX.cache
    run -0 build -t c --cache-to "type=local,dest=$cache,mode=max"
    cp -r "$cache" "$cache.lies"
    rewrite_cache "$cache.lies" 'for s in c["cooper.cache"]["steps"]: s["layer"] = (s["layer"] + 1) % len(manifest["layers"])'
    run -0 in_store two build -t c --cache-from "type=local,src=$cache.lies"
    [[ $output == *"its files are not those of the step"* && $output == *"built c:latest in "* && $output != *"every step from"* ]]
    for seconds in '2**63-1' '-2**63' 253402300800; do
        rewrite_cache "$cache" "for s in c['cooper.cache']['steps']: s['created'] = $seconds"
        forget two
        run -0 in_store two build -t c --cache-from "type=local,src=$cache" -o "type=oci,dest=$CTX.oci,tar=false"
        [[ $output == *"from the cache"* ]]
        # a date that is none makes others refuse the whole image
        ! grep -rE '"created":"([^"]{0,19}|[^"]{21,})"' "$CTX.oci" || false
        rm -r "$CTX.oci"
    done
    forget two
}

@test "a directory for a cache that is an attack: nothing outside is touched, nothing waited for" {
    need python3
    cached_file
    cooper() { timeout 300 "$COOPER" "$@"; }
    good=$CTX.good cache=$CTX.cache name=$(echo x | sha256sum | cut -c1-64)
    run -0 build -t c --cache-to "type=local,dest=$good"
    mkdir "$CTX.victim" "$CTX.victim/sha256"
    touch "$CTX.victim/$name" "$CTX.victim/sha256/$name"
    for link in blobs blobs/sha256; do
        cp -r "$good" "$cache"
        rm -r "${cache:?}/$link"
        ln -s "$CTX.victim" "$cache/$link"
        run -1 build -t c --cache-to "type=local,dest=$cache"
        [[ $output == *"the directories of a layout are no links"* ]]
        rm -r "$cache"
    done
    [ "$(find "$CTX.victim" -type f -name "$name" | wc -l) $(find "$CTX.victim" | wc -l)" = "2 4" ]
    cp -r "$good" "$cache"
    rm "$cache/index.json"
    mkfifo "$cache/index.json"
    run -1 build -t c --cache-to "type=local,dest=$cache"
    [[ $output == *"'index.json' is not a regular file"* ]]
    # a manifest that is read when what is unused is removed
    rm -r "$cache"
    cp -r "$good" "$cache"
    python3 - "$cache/index.json" "$name" <<'E'
import json, sys
index = json.load(open(sys.argv[1]))
other = {"org.opencontainers.image.ref.name": "other"}
index["manifests"].append(dict(index["manifests"][0], digest="sha256:" + sys.argv[2], annotations=other))
json.dump(index, open(sys.argv[1], "w"))
E
    mkfifo "$cache/blobs/sha256/$name"
    run -0 build -t c --cache-to "type=local,dest=$cache"
}

@test "who writes into a cache directory waits until nobody else does" {
    need flock
    cached_file
    mkdir "$CTX.cache"
    # /proc/locks of a PID namespace leaves out what a process took that has ended, so the holder lives
    coproc HOLDER { exec flock -x "$CTX.cache" sh -c 'echo held; read -r _' 3>&-; }
    read -r _ <&"${HOLDER[0]}"
    build -t c --cache-to "type=local,dest=$CTX.cache" >"$CTX.log" 2>&1 3>&- &
    pid=$!
    until grep -q -- "-> FLOCK .*:$(stat -c %i "$CTX.cache") " /proc/locks; do kill -0 $pid; done
    [ ! -e "$CTX.cache/index.json" ]
    echo >&"${HOLDER[1]}"
    wait $pid
    [ -e "$CTX.cache/index.json" ]
}

@test "--cache-to and --cache-from: what is wrong with them is said before any work" {
    cached_file
    while IFS='|' read -r option want; do
        run -2 build -t c $option
        [[ $output == *"$want"* ]] || { echo "$option: $output"; false; }
        [[ $output != *"[1/"* ]]
    done <<'E'
--cache-to type=registry|no ref=HOST/NAME:TAG
--cache-to type=registry,ref=x/y,tag=z|the tag belongs to ref
--cache-to type=registry,ref=x/y,ignore-error=maybe|ignore-error is true or false
--cache-from type=registry,ref=X|
--cache-from type=registry,ref=x/y,digest=sha256:0|the digest belongs to ref
--cache-from type=local,src=/x,digest=sha256:0|sha256:0
--cache-to type=local,dest=/x,digest=sha256:0|key 'digest' is not known
--cache-from type=registry,ref=x/y,mode=max|key 'mode' is not known
--cache-to type=gha|needs a service on the network
--cache-to type=local|no dest=DIRECTORY
--cache-to type=local,dest=/x,mode=middle|neither min nor max
--cache-to dest=/x|there is no type
--cache-to type=s3,region=x|needs a service on the network
--cache-to type=inline,mounts=true|no place and no mounts
--cache-to UPPER|--cache-to: image name 'UPPER' is malformed
--cache-from type=local,src=/x,mode=max|key 'mode' is not known
--cache-to type=what,dest=/x|type 'what' is not known
E
}

@test "prune --mounts removes cache mounts, and nothing else" {
    dockerfile <<'E'
FROM busybox
RUN --mount=type=cache,target=/c echo more >>/c/file; cp /c/file /out
E
    run -0 build -t mounted
    [ -n "$(ls "$COOPER_ROOT/mounts")" ]
    run -0 cooper prune --mounts --until 24h
    [ -n "$(ls "$COOPER_ROOT/mounts")" ]
    run -0 cooper prune --mounts --dry-run
    [[ $output == *"cache mount "* ]]
    [ -n "$(ls "$COOPER_ROOT/mounts")" ]
    run -0 cooper prune --mounts
    [ -z "$(ls "$COOPER_ROOT/mounts")" ]
    run -0 build -t mounted
    [[ $output == *"every step from the cache"* ]]
    run -0 build -t mounted --no-cache
    files mounted
    [ "$(cat "$CTX.out/out")" = more ]
    run -2 cooper prune --mounts --all
}

@test "--cache-to with mounts=true takes what is in cache mounts along" {
    dockerfile <<'E'
FROM busybox
RUN --mount=type=cache,target=/c --mount=type=cache,id=none,target=/n mkdir -p /c/d; echo one >>/c/d/file; ln /c/d/file /c/link; chmod 0700 /c/d; adduser -D u 2>/dev/null || true
USER nobody
RUN --mount=type=cache,id=own,target=/o echo mine >/o/file
E
    run -0 in_store one build -t m --cache-to "type=local,dest=$CTX.with,mounts=true" --cache-to "type=local,dest=$CTX.without"
    # another RUN that wants it, elsewhere
    dockerfile <<'E'
FROM busybox
RUN --mount=type=cache,target=/c echo two >>/c/d/file; cat /c/link >/out; stat -c '%a %u' /c/d /c >>/out
USER nobody
RUN --mount=type=cache,id=own,target=/o cat /o/file >/tmp/own; echo more >>/o/file
E
    run -0 in_store two build -t m --cache-from "type=local,src=$CTX.with"
    COOPER_ROOT=$COOPER_ROOT.two files m
    [ "$(cat "$CTX.out/out")" = $'one\ntwo\n700 0\n755 0' ]
    [ "$(cat "$CTX.out/tmp/own")" = mine ]
    # a mount that is there is left alone
    run -0 in_store two build -t m --no-cache --cache-from "type=local,src=$CTX.with"
    COOPER_ROOT=$COOPER_ROOT.two files m
    [ "$(head -n 3 "$CTX.out/out")" = $'one\ntwo\ntwo' ]
    run -1 in_store three build -t m --cache-from "type=local,src=$CTX.without"
    forget one two three
}

@test "several platforms: all of their steps are planned, and go into a cache" {
    echo a >"$CTX/a"
    dockerfile <<'E'
FROM scratch
ARG TARGETARCH
COPY a /for/$TARGETARCH
E
    both=(--platform linux/amd64,linux/arm64)
    run -0 build "${both[@]}" --print plan
    [[ $output == *'"/for/amd64"'* && $output == *'"/for/arm64"'* ]]
    for mode in min max; do
        run -0 build "${both[@]}" -o "type=oci,dest=$CTX.oci" --cache-to "type=local,dest=$CTX.$mode,mode=$mode"
        run -0 in_store $mode build "${both[@]}" -o "type=oci,dest=$CTX.oci2" --cache-from "type=local,src=$CTX.$mode"
        [[ $output == *"every step from the cache"* ]]
    done
    forget min max
}

@test "one changed file, as an ordinary user: the same" {
    need_root
    local kind home
    for kind in subids single; do
        as_user $kind true
        home=$SUITE_DIR/user-$kind
        mkdir -p "$home/ctx/src"
        for f in one two three; do echo $f >"$home/ctx/src/$f"; done
        printf 'FROM scratch\nCOPY --chown=7:8 src /src\n' >"$home/ctx/Dockerfile"
        chown -R 54321:54321 "$home/ctx"
        sleep 0.1
        run -0 as_user $kind "$COOPER" build -t u "$home/ctx"
        echo other >"$home/ctx/src/one"
        run -0 as_user $kind "$COOPER" build -t u "$home/ctx" -o "type=tar,dest=$home/out.tar"
        [ "$(tar -xOf "$home/out.tar" src/one src/three src/two)" = $'other\nthree\ntwo' ]
        [ "$(tar -tvf "$home/out.tar" --numeric-owner | awk '/src\/./{print $1, $2}' | sort -u)" = "-rw-r--r-- 7/8" ]
        [ "$(find "$home/.local/share/cooper/trees" -name two -printf '%i\n' | sort -u | wc -l)" = 1 ]
        [ "$(find "$home/.local/share/cooper/trees" -name one -printf '%i\n' | sort -u | wc -l)" = 2 ]
        as_user $kind "$COOPER" prune --all --quiet
    done
}

# One edit of the files below $CTX/src.
edit() {
    local d=$CTX/src
    case $1 in
    content) echo more >>"$d/a" ;;
    time) touch -d '2001-02-03 04:05:06' "$d/a" "$d/sub" ;;
    mode) chmod 0751 "$d/b" "$d/sub/deep" ;;
    new) mkdir -p "$d/new/er" && echo new >"$d/new/er/file" && : >"$d/new/empty" ;;
    gone) rm "$d/sub/c" ;;
    directory-gone) rm -r "$d/sub/deep" ;;
    renamed) mv "$d/new" "$d/newer" ;;
    file-to-directory) rm "$d/b" && mkdir "$d/b" && echo in >"$d/b/in" ;;
    directory-to-file) rm -r "$d/b" && echo file >"$d/b" ;;
    file-to-link) rm "$d/b" && ln -s a "$d/b" ;;
    link-elsewhere) ln -sfn sub "$d/link" ;;
    second-name) ln "$d/a" "$d/z" ;;
    third-name) ln "$d/z" "$d/sub/y" ;;
    replaced) cp -p "$d/a" "$d/a.new" && mv "$d/a.new" "$d/a" ;; # same bytes and times, another file
    disguised) touch -r "$d/sub/f" "$CTX.time" && echo SUB/F >"$d/sub/f" && touch -r "$CTX.time" "$d/sub/f" ;;
    name-gone) rm "$d/z" ;;
    attribute) setfattr -n user.note -v "$1" "$d/sub/y" 2>/dev/null || true ;;
    excluded) echo 'src/sub/y' >"$CTX/.dockerignore" ;;
    included) printf 'src/newer\n!src/newer/er\n' >"$CTX/.dockerignore" ;;
    esac
    echo "$1" >"$d/changes" # so that every step runs
}

@test "a COPY of edited files makes what a clean build makes, edit after edit" {
    mkdir -p "$CTX/src/sub/deep"
    for f in a b sub/c sub/deep/d sub/deep/e sub/f changes; do echo $f >"$CTX/src/$f"; done
    ln -s a "$CTX/src/link"
    dockerfile <<'E'
FROM scratch AS inner
COPY . /app/
FROM scratch
COPY src /src
COPY --chown=7:8 --chmod=u+x src /src/again
COPY --exclude=*/d --exclude=sub/f src /some
COPY src/changes src/a src/sub /several/
COPY src/changes /one
COPY --parents src/sub/./f src/changes /parents/
COPY --from=inner /app/src /from
E
    export SOURCE_DATE_EPOCH=1700000000
    for edits in none "content new" "time gone disguised" "mode renamed" "directory-gone file-to-directory" \
        "directory-to-file second-name" "file-to-link third-name replaced" "link-elsewhere name-gone attribute" excluded included; do
        for e in $edits; do edit $e; done
        run -0 build -t edited --iidfile "$CTX.id"
        COOPER_ROOT=$COOPER_ROOT.clean run -0 build -t edited --iidfile "$CTX.clean"
        COOPER_ROOT=$COOPER_ROOT.clean cooper prune --all --quiet
        cmp "$CTX.id" "$CTX.clean" || { echo "after: $edits"; return 1; }
    done
    # and what did not change is the file of the layer before
    [ "$(find "$COOPER_ROOT/trees" -path '*/fs/src/a' -links +1 | wc -l)" -gt 1 ]
}

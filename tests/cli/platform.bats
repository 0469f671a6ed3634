# cooper build --platform: metadata for any platform, RUN where the machine can, an index for several.
load common
setup_file() {
    suite_setup
    need jq
    busybox_layout
    # the same for arm64, as far as a machine can tell without running it: the ELF header says so
    busybox_root "$SUITE_DIR/arm-root"
    printf '\xb7' | dd of="$SUITE_DIR/arm-root/bin/busybox" bs=1 seek=18 conv=notrunc status=none
    echo arm >"$SUITE_DIR/arm-root/etc/arm"
    uname() { echo aarch64; }
    oci_layout "$SUITE_DIR/arm" latest "$SUITE_DIR/arm-root"
    unset -f uname
    both_layout
}
teardown_file() { suite_teardown; }

setup() {
    [ "$(oci_arch)" = amd64 ] || skip "the other platform of these tests is linux/arm64"
    CTX=$SUITE_DIR/ctx.$BATS_TEST_NUMBER
    mkdir -p "$CTX"
    export COOPER_ROOT=$SUITE_DIR/store.$BATS_TEST_NUMBER
}
dockerfile() { cat >"$CTX/Dockerfile"; }
build() { cooper build --progress plain --build-context "busybox=oci-layout://$SUITE_DIR/both:latest" "$@" "$CTX"; }

# $SUITE_DIR/both: an index of the two.
both_layout() {
    local both=$SUITE_DIR/both entry
    mkdir -p "$both/blobs/sha256"
    cp -n "$SUITE_DIR"/busybox/blobs/sha256/* "$SUITE_DIR"/arm/blobs/sha256/* "$both/blobs/sha256/"
    { for entry in busybox:amd64 arm:arm64; do
        jq -c --arg a "${entry#*:}" '.manifests[0] | del(.annotations) | .platform = {architecture: $a, os: "linux"}' "$SUITE_DIR/${entry%:*}/index.json"
    done; } | jq -sc '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: .}' >"$both/list"
    read -r digest size <<<"$(blob "$both" "$both/list")"
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"latest"}}]}' \
        "$digest" "$size" >"$both/index.json"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$both/oci-layout"
}
document() { jq . "$1/blobs/sha256/${2#sha256:}"; }
# inner LAYOUT ARCH: digest of the manifest for it, through the index that the layout names.
inner() { document "$1" "$(jq -r '.manifests[0].digest' "$1/index.json")" | jq -r --arg a "$2" '.manifests[] | select(.platform.architecture == $a) | .digest'; }
config() { document "$1" "$(document "$1" "$2" | jq -r .config.digest)"; }

@test "an image for windows has its shell, and no PATH of ours" {
    echo hello >"$CTX/file"
    dockerfile <<<$'FROM scratch AS a\nENTRYPOINT foo bar\nCOPY file /\nFROM a\nCMD x\nENV PATH=$PATH'
    run -0 build --platform windows/amd64,linux/amd64 --target a --output "type=oci,dest=$CTX.win"
    local index os got=
    index=$(jq -r '.manifests[0].digest' "$CTX.win/index.json")
    for os in windows linux; do
        got+=$(config "$CTX.win" "$(jq -r ".manifests[] | select(.platform.os == \"$os\").digest" "$CTX.win/blobs/sha256/${index#*:}")" |
            jq -c '[.os, .config.Entrypoint, .config.Env]')
    done
    [ "$got" = '["windows",["cmd","/S","/C","foo bar"],null]["linux",["/bin/sh","-c","foo bar"],["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]]' ]
    run -0 build --platform windows/amd64 --output "type=oci,dest=$CTX.child"
    [ "$(config "$CTX.child" "$(jq -r '.manifests[0].digest' "$CTX.child/index.json")" | jq -c '.config.Cmd')" = '["cmd","/S","/C","x"]' ]
}

@test "metadata and files for another platform need no emulation; arguments say which" {
    echo hello >"$CTX/file"
    dockerfile <<'E'
ARG TARGETPLATFORM
FROM --platform=$BUILDPLATFORM busybox AS made
ARG TARGETARCH TARGETOS TARGETVARIANT BUILDARCH TARGETPLATFORM
RUN echo "$BUILDARCH makes $TARGETPLATFORM $TARGETOS $TARGETARCH '$TARGETVARIANT'" >/said
FROM busybox
ARG TARGETPLATFORM
LABEL for=$TARGETPLATFORM
WORKDIR /srv
COPY file ./
COPY --from=made /said /srv/said
E
    run -0 build --platform linux/arm64/v8 -t arm --output type=image --output "type=oci,dest=$CTX.oci"
    [ "$(jq -c '.manifests[0].platform' "$CTX.oci/index.json")" = '{"architecture":"arm64","os":"linux"}' ]
    [ "$(config "$CTX.oci" "$(jq -r '.manifests[0].digest' "$CTX.oci/index.json")" | jq -c '[.architecture, .config.Labels.for]')" = '["arm64","linux/arm64"]' ]
    cooper unpack arm "$CTX.out"
    [ "$(cat "$CTX.out/srv/said")" = "amd64 makes linux/arm64 linux arm64 ''" ]
    [ -e "$CTX.out/etc/arm" ]
    # an argument wins, as in BuildKit
    run -0 build --platform linux/arm64 --build-arg TARGETARCH=other --print outline
    [[ $output == *"TARGETARCH"*"other"* ]]
    # what begins with nothing is of the target's platform, whatever FROM says
    dockerfile <<<$'FROM --platform=$BUILDPLATFORM scratch\nCOPY file /'
    run -0 build --platform linux/arm64 --output "type=oci,dest=$CTX.none"
    [ "$(config "$CTX.none" "$(jq -r '.manifests[0].digest' "$CTX.none/index.json")" | jq -r .architecture)" = arm64 ]
}

@test "RUN of programs that this machine cannot start says which, where and what helps" {
    ! grep -qs enabled /proc/sys/fs/binfmt_misc/qemu-aarch64 || skip "this machine runs arm64 programs"
    printf 'FROM scratch AS first\nFROM busybox AS second\nRUN echo hi\n' | dockerfile
    printf 'COPY Dockerfile /x\nRUN echo ho\n' >>"$CTX/Dockerfile"
    run -1 build --platform linux/arm64
    # before the work begins, and with what has been tried
    [[ $output == *"stage second is for linux/arm64, for which no emulator is registered with binfmt_misc"*"echo hi"* ]]
    [ "$(grep -c 'no emulator' <<<"$output")" = 1 ]
    [[ $output == *"Dockerfile:3:1"* ]]
    [[ $output == *"linux/arm64"* ]]
    [[ $output == *"binfmt"* ]]
    [[ $output == *"second"* ]]
    [[ $output == *'FROM --platform=$BUILDPLATFORM'* ]]
}

@test "a base of another platform than wanted is a warning, and the image is what the base is" {
    cooper load -i "$SUITE_DIR/busybox" --quiet 2>/dev/null || cooper load -i "$SUITE_DIR/busybox" 
    printf 'FROM latest\nLABEL a=b\n' | dockerfile
    cooper images
    run -0 --separate-stderr cooper build --progress plain --platform linux/arm64 -t x --build-context "latest=oci-layout://$SUITE_DIR/busybox" "$CTX"
    [[ $stderr == *'InvalidBaseImagePlatform: Base image latest was pulled with platform "linux/amd64", expected "linux/arm64" for current build'* ]]
}

@test "several platforms: an index as layout and archive, the same bytes as one by one" {
    dockerfile <<'E'
FROM busybox
ARG TARGETARCH
ENV ARCH=$TARGETARCH
COPY Dockerfile /
E
    run -0 build --reproducible=1600000000 --platform linux/amd64,linux/arm64 --platform linux/amd64 -t app:1 \
        --output "type=oci,dest=$CTX.oci" --output "type=oci,dest=$CTX.tar" --metadata-file "$CTX.json" --iidfile "$CTX.iid"
    [[ $output == *"[linux/arm64 2/2] COPY"* ]]
    [ "$(jq '.manifests | length' "$CTX.oci/index.json")" = 1 ]
    [ "$(jq -r '.manifests[0] | [.mediaType, .annotations."io.containerd.image.name"] | join(" ")' "$CTX.oci/index.json")" = "application/vnd.oci.image.index.v1+json docker.io/library/app:1" ]
    index=$(jq -r '.manifests[0].digest' "$CTX.oci/index.json")
    [ "$(document "$CTX.oci" "$index" | jq -c '[.manifests[].platform.architecture]')" = '["amd64","arm64"]' ]
    [ "$(jq -r '."containerimage.digest"' "$CTX.json")" = "$index" ]
    [ "$(jq -r '."containerimage.descriptor".mediaType' "$CTX.json")" = application/vnd.oci.image.index.v1+json ]
    [ "$(cat "$CTX.iid")" = "$index" ]
    mkdir "$CTX.untarred"
    tar -C "$CTX.untarred" -xf "$CTX.tar"
    [ -z "$(tar -tf "$CTX.tar" | sort | uniq -d)" ]
    diff -r "$CTX.oci/blobs" "$CTX.untarred/blobs"
    for arch in amd64 arm64; do
        run -0 build --reproducible=1600000000 --platform linux/$arch --output "type=oci,dest=$CTX.$arch"
        [ "$(jq -r '.manifests[0].digest' "$CTX.$arch/index.json")" = "$(inner "$CTX.oci" $arch)" ]
        config "$CTX.oci" "$(inner "$CTX.oci" $arch)" | jq -e --arg a ARCH=$arch '.config.Env | index($a)'
        jq -r --arg k "containerimage.config.digest/linux/$arch" '.[$k]' "$CTX.json" | grep -x "$(document "$CTX.oci" "$(inner "$CTX.oci" $arch)" | jq -r .config.digest)"
    done
    # annotations of the index have a place now
    run -0 build --platform linux/amd64,linux/arm64 --annotation index:a=b --annotation index-descriptor:c=d --output "type=oci,dest=$CTX.notes"
    [ "$(document "$CTX.notes" "$(jq -r '.manifests[0].digest' "$CTX.notes/index.json")" | jq -r .annotations.a)" = b ]
    [ "$(jq -r '.manifests[0].annotations.c' "$CTX.notes/index.json")" = d ]
    run -1 build --platform linux/amd64,linux/arm64 --output "type=docker-archive,dest=$CTX.docker"
    [[ $output == *"one platform"*"oci-archive"* ]]
}

@test "several platforms: a stage that is the same for all runs once, without the cache too" {
    printf 'FROM --platform=$BUILDPLATFORM busybox AS same\nRUN cat /proc/sys/kernel/random/uuid >/u\nFROM --platform=$BUILDPLATFORM busybox AS own\nARG TARGETARCH\nRUN cat /proc/sys/kernel/random/uuid >/o; echo $TARGETARCH >>/o\nFROM scratch\nCOPY --from=same /u /u\nCOPY --from=own /o /o\n' | dockerfile
    run -0 build --no-cache --platform linux/amd64,linux/arm64 --output "type=local,dest=$CTX.out"
    cmp "$CTX.out/linux_amd64/u" "$CTX.out/linux_arm64/u"
    [ "$(cat "$CTX.out"/linux_a*64/o | sort -u | wc -l)" = 4 ]
    [ "$(cooper build --platform linux/amd64,linux/arm64 --build-context "busybox=oci-layout://$SUITE_DIR/both:latest" --print plan "$CTX" | jq '[.ops[] | select(.kind == "exec")] | length')" = 3 ]
}

@test "several platforms: files by platform in tar and local" {
    printf 'FROM busybox\nRUN --mount=type=tmpfs,target=/t true\n' | dockerfile
    printf 'FROM busybox\nARG TARGETARCH\nCOPY Dockerfile /$TARGETARCH\n' | dockerfile
    run -0 build --platform linux/amd64,linux/arm64 --output "type=local,dest=$CTX.out" --output "type=tar,dest=$CTX.tar" \
        --output "type=local,dest=$CTX.mixed,platform-split=false"
    [ -e "$CTX.out/linux_amd64/amd64" ] && [ -e "$CTX.out/linux_arm64/arm64" ] && [ ! -e "$CTX.out/linux_amd64/arm64" ]
    [ -e "$CTX.mixed/amd64" ] && [ -e "$CTX.mixed/arm64" ]
    mkdir "$CTX.untarred"
    tar -C "$CTX.untarred" -xf "$CTX.tar"
    diff -r --no-dereference "$CTX.out" "$CTX.untarred"
    run -0 build --platform linux/arm64 --output "type=local,dest=$CTX.one,platform-split=true" --output "type=local,dest=$CTX.plain"
    [ -e "$CTX.one/linux_arm64/arm64" ] && [ -e "$CTX.plain/arm64" ]
}

@test "several platforms in the store: one name, and each can be asked for" {
    printf 'FROM busybox\nARG TARGETARCH\nENV ARCH=$TARGETARCH\nCOPY Dockerfile /\n' | dockerfile
    run -0 build --platform linux/arm64,linux/amd64 -t app:1
    [ "$(cooper inspect -f '{{.Architecture}}' app:1)" = amd64 ]
    [ "$(cooper inspect --platform linux/arm64 -f '{{.Architecture}}' app:1)" = arm64 ]
    cooper history --no-trunc --platform arm64 app:1 | grep 'ENV ARCH=arm64'
    run -1 cooper inspect --platform linux/riscv64 app:1
    [[ $output == *"it is there for linux/amd64, linux/arm64"* ]]
    cooper images app:1 | grep -E '^app +1 linux/arm64 '
    [ "$(cooper images --format json app:1 | jq -r '.[] | .Tag + " " + .Platform')" = $'1 linux/amd64\n1 linux/arm64' ]
    # all of it goes out, is tagged, becomes a base, and goes
    cooper export app:1 --quiet --output "type=oci,dest=$CTX.oci"
    [ -n "$(inner "$CTX.oci" arm64)" ]
    cooper export app:1 --quiet --platform arm64 --output "type=docker-archive,dest=$CTX.docker"
    [ "$(tar -xOf "$CTX.docker" manifest.json | jq -r '.[0].RepoTags[0]')" = app:1 ]
    cooper tag app:1 app:2
    [ "$(cooper inspect --platform linux/arm64 -f '{{.Architecture}}' app:2)" = arm64 ]
    printf 'FROM app:2\nRUN true\n' | dockerfile
    printf 'FROM app:2\nLABEL above=yes\n' | dockerfile
    run -0 --separate-stderr build --platform linux/arm64 -t above
    [[ $stderr != *InvalidBase* ]]
    [ "$(cooper inspect -f '{{.Architecture}}' above)" = arm64 ]
    cooper prune --quiet
    cooper unpack --platform linux/arm64 app:1 "$CTX.out"
    [ -e "$CTX.out/etc/arm" ]
    # the name taken by an image of one platform: nothing of the old one is left under it
    run -0 build --platform linux/amd64 -t app:1
    run -1 cooper inspect --platform linux/arm64 app:1
    ! cooper images | grep -E '^app +1 linux/arm64 ' || false
    cooper rmi app:2
    ! cooper images | grep -E '^app +2' || false
}

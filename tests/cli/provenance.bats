# cooper build --provenance: SLSA provenance as an artifact beside the image.
load common
setup_file() {
    suite_setup
    busybox_layout
}
teardown_file() { suite_teardown; }
setup() {
    need jq
    CTX=$SUITE_DIR/ctx.$BATS_TEST_NUMBER
    mkdir -p "$CTX"
    export COOPER_ROOT=$SUITE_DIR/store.$BATS_TEST_NUMBER
    cat >"$CTX/Dockerfile" <<'E'
FROM busybox AS tools
ARG LEVEL=1
ARG https_proxy
RUN --mount=type=secret,id=token cat /run/secrets/token >/dev/null; echo made >/made
FROM scratch
COPY --from=tools /made /
LABEL a=b
E
    echo s3cr3t-value >"$SUITE_DIR/token"
}
build() {
    cooper build --progress plain --build-context "busybox=oci-layout://$SUITE_DIR/busybox:latest" --secret "id=token,src=$SUITE_DIR/token" \
        --build-arg LEVEL=high --build-arg https_proxy=http://me:pa55word@proxy "$@" "$CTX"
}
document() { jq . "$1/blobs/sha256/${2#sha256:}"; }
artifact() { document "$1" "$(jq -r '.manifests[] | select(.artifactType == "application/vnd.in-toto+json") | .digest' "$1/index.json")"; }
statement() { document "$1" "$(artifact "$1" | jq -r '.layers[0].digest')"; }

@test "the artifact refers to the image, and names what it was made of" {
    run -0 build --provenance=mode=max -t app:1 --output "type=oci,dest=$CTX.oci" --metadata-file "$CTX.json"
    image=$(jq -r '.manifests[] | select(.artifactType | not) | .digest' "$CTX.oci/index.json")
    [ "$(artifact "$CTX.oci" | jq -r '[.subject.digest, .artifactType, .config.mediaType, .layers[0].annotations."in-toto.io/predicate-type"] | join(" ")')" = \
        "$image application/vnd.in-toto+json application/vnd.oci.empty.v1+json https://slsa.dev/provenance/v1" ]
    # an image is an image: no index around it, no unknown/unknown in it
    [ "$(document "$CTX.oci" "$image" | jq -r .mediaType)" = application/vnd.oci.image.manifest.v1+json ]
    statement "$CTX.oci" >"$CTX.statement"
    [ "$(jq -r '[._type, .predicateType, .subject[0].name, .subject[0].digest.sha256] | join(" ")' "$CTX.statement")" = \
        "https://in-toto.io/Statement/v1 https://slsa.dev/provenance/v1 docker.io/library/app:1 ${image#sha256:}" ]
    [ "$(jq -c '.predicate.buildDefinition.resolvedDependencies' "$CTX.statement")" = \
        "[{\"uri\":\"pkg:docker/busybox@latest?platform=linux%2F$(oci_arch)\",\"digest\":{\"sha256\":\"$(jq -r '.manifests[0].digest' "$SUITE_DIR/busybox/index.json" | cut -d: -f2)\"}}]" ]
    [ "$(jq -r '.predicate.buildDefinition.externalParameters.request.args."build-arg:LEVEL"' "$CTX.statement")" = high ]
    [ "$(jq -r '.predicate.buildDefinition.externalParameters.configSource.content' "$CTX.statement")" = "$(cat "$CTX/Dockerfile")" ]
    [ "$(jq -r '.predicate.buildDefinition.externalParameters.configSource.digest.sha256' "$CTX.statement")" = "$(sha256sum <"$CTX/Dockerfile" | cut -c1-64)" ]
    jq -e '.predicate.buildDefinition.internalParameters.buildConfig | map(.title) | index("[tools 2/2] RUN --mount=type=secret,id=token cat /run/secrets/token >/dev/null; echo made >/made")' "$CTX.statement"
    [ "$(jq -c '."buildx.build.provenance"' "$CTX.json")" = "$(jq -c .predicate "$CTX.statement")" ]
    # no secret, no password, no directory of this machine
    ! grep -rqE "s3cr3t|pa55word|$SUITE_DIR" "$CTX.oci" "$CTX.statement" || false
}

@test "mode=min keeps arguments and the file to itself; without the option there is nothing" {
    run -0 build --provenance --output "type=oci,dest=$CTX.oci"
    statement "$CTX.oci" >"$CTX.statement"
    [ "$(jq '.predicate.buildDefinition.externalParameters.request.args | has("build-arg:LEVEL")' "$CTX.statement")" = false ]
    [ "$(jq '.predicate.buildDefinition | [.externalParameters.configSource.content, .internalParameters.buildConfig] | map(select(.)) | length' "$CTX.statement")" = 0 ]
    # its mode may be a word of its own, as in docker; what is none is the context
    run -0 build --provenance mode=min --output "type=oci,dest=$CTX.word"
    [ "$(jq '.manifests | length' "$CTX.word/index.json")" = 2 ]
    run -0 build --provenance false --output "type=oci,dest=$CTX.none"
    [ "$(jq '.manifests | length' "$CTX.none/index.json")" = 1 ]
    for option in "" --provenance=false --no-provenance; do
        run -0 build $option --output "type=oci,dest=$CTX.none"
        [ "$(jq '.manifests | length' "$CTX.none/index.json")" = 1 ]
    done
    run -2 build --provenance=mode=some
}

@test "the same statement again with --reproducible, and for each platform its own" {
    for n in 1 2; do
        COOPER_ROOT=$CTX.store$n run -0 build --reproducible=1600000000 --provenance=max -t app --output "type=oci,dest=$CTX.$n"
    done
    diff -r "$CTX.1" "$CTX.2"
    [ "$(statement "$CTX.1" | jq -r .predicate.runDetails.metadata.startedOn)" = 2020-09-13T12:26:40Z ]
    printf 'FROM scratch\nCOPY Dockerfile /\n' >"$CTX/Dockerfile"
    run -0 cooper build --platform linux/arm64,linux/riscv64 --provenance -t app --output "type=oci,dest=$CTX.many" --metadata-file "$CTX.json" "$CTX"
    index=$(jq -r '.manifests[] | select(.artifactType | not) | .digest' "$CTX.many/index.json")
    for artifact in $(jq -r '.manifests[] | select(.artifactType) | .digest' "$CTX.many/index.json"); do
        document "$CTX.many" "$artifact" | jq -r .subject.digest
    done | diff - <(document "$CTX.many" "$index" | jq -r '.manifests[].digest')
    [ "$(jq -r '."buildx.build.provenance/linux/riscv64".buildDefinition.externalParameters.request.args.platform' "$CTX.json")" = linux/riscv64 ]
}

@test "the store keeps it for whoever exports the image; readers pass over it" {
    run -0 build --provenance -t app:1
    cooper export app:1 --quiet --output "type=oci,dest=$CTX.oci"
    [ "$(statement "$CTX.oci" | jq -r .predicateType)" = https://slsa.dev/provenance/v1 ]
    # once, however often
    cooper export app:1 --quiet --output "type=oci,dest=$CTX.oci"
    [ "$(jq '.manifests | length' "$CTX.oci/index.json")" = 2 ]
    run -0 cooper load -i "$CTX.oci" --quiet
    printf 'FROM app\n' >"$CTX/Dockerfile"
    run -0 cooper build --quiet --build-context "app=oci-layout://$CTX.oci" "$CTX"
    cooper export app:1 --quiet --output "type=docker-archive,dest=$CTX.docker"
    ! tar -xOf "$CTX.docker" index.json | grep -q in-toto || false
}

# tests/cli/trust.bash - for suites that sign: a layout with one image, cosign's key pair and another one, whose password is
# $COSIGN_PASSWORD.
setup_file() {
    suite_setup
    export COSIGN_PASSWORD=secret
    cd "$SUITE_DIR"
    "$COOPER" keygen >/dev/null
    "$COOPER" keygen --output-key-prefix other >/dev/null
    mkdir root && echo hello >root/hello
    oci_layout layout 1.0 root
}
teardown_file() { suite_teardown; }
setup() { cd "$SUITE_DIR"; }

fresh() { rm -rf image && cp -r layout image; }

# json FILE EXPRESSION: of the document d.
json() { python3 -c 'import base64, hashlib, json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$@"; }
blob_of() { echo "image/blobs/sha256/${1#sha256:}"; } # DIGEST
tagged() { json image/index.json "[m['digest'] for m in d['manifests'] if m.get('annotations', {}).get('org.opencontainers.image.ref.name') == '$1'][0]"; }
image_digest() { json layout/index.json 'd["manifests"][0]["digest"]'; }

# certificate NAME ISSUER EXTENSIONS: a key and a certificate, signed by ISSUER (itself where they are the same). RSA=BITS instead
# of CURVE; HASH of its signature.
certificate() {
    if [ -n "${RSA:-}" ]; then openssl genrsa -out "chain/$1.key" "$RSA" 2>/dev/null
    else openssl ecparam -name "${CURVE:-prime256v1}" -genkey -noout -out "chain/$1.key"; fi
    openssl req -new -key "chain/$1.key" -subj "${SUBJECT:-/C=US/ST=WA/O=Test/CN=$1}" -out "chain/$1.csr" 2>/dev/null
    printf '%b' "$3" >chain/ext
    if [ "$1" = "$2" ]; then openssl x509 -req -in "chain/$1.csr" -signkey "chain/$1.key" -days 2 -extfile chain/ext -out "chain/$1.crt" 2>/dev/null
    else openssl x509 -req -in "chain/$1.csr" -CA "chain/$2.crt" -CAkey "chain/$2.key" -CAcreateserial "-${HASH:-sha256}" -days 2 -extfile chain/ext -out "chain/$1.crt" 2>/dev/null; fi
}

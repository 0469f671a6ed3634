# Keys, signatures, attestations and what is demanded of them. OpenSSL's command line is the judge of what we made.
load common
load trust

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
    timeout 300 python3 -c '
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

# ---- signatures ----

@test "what cooper signs, openssl verifies: the tag form" {
    fresh
    run -0 cooper sign --key cosign.key -a build=42 --sign-container-identity registry.example/team/app oci:image:1.0
    image=$(image_digest)
    [[ $output == "Signed $image as 'registry.example/team/app' with the key sha256:"* ]]
    manifest=$(blob_of "$(tagged "${image/:/-}.sig")")
    payload=$(blob_of "$(json "$manifest" 'd["layers"][0]["digest"]')")
    json "$manifest" 'd["layers"][0]["annotations"]["dev.cosignproject.cosign/signature"]' | base64 -d >signature
    openssl dgst -sha256 -verify cosign.pub -signature signature "$payload"
    [ "$(json "$manifest" 'd["layers"][0]["mediaType"]')" = application/vnd.dev.cosign.simplesigning.v1+json ]
    [ "$(json "$payload" 'json.dumps(d["critical"], sort_keys=True)')" = "{\"identity\": {\"docker-reference\": \"registry.example/team/app\"}, \"image\": {\"docker-manifest-digest\": \"$image\"}, \"type\": \"cosign container image signature\"}" ]
    [ "$(json "$payload" 'd["optional"]["build"]')" = 42 ]
    config=$(blob_of "$(json "$manifest" 'd["config"]["digest"]')")
    [ "$(json "$config" 'd["rootfs"]["diff_ids"][0]')" = "$(json "$manifest" 'd["layers"][0]["digest"]')" ]
    run -0 cooper verify --key cosign.pub oci:image:1.0
    [[ $output == "Verified $image"*"simple registry.example/team/app"* ]]
}

# pae FILE: the signed bytes and the signature of an envelope, to the files pae and signature.
pae() {
    python3 -c '
import base64, json, sys
d = json.load(open(sys.argv[1])); d = d.get("dsseEnvelope", d)
body, kind = base64.b64decode(d["payload"]), d["payloadType"].encode()
open("pae", "wb").write(b"DSSEv1 %d %s %d " % (len(kind), kind, len(body)) + body)
open("signature", "wb").write(base64.b64decode(d["signatures"][0]["sig"]))
open("statement", "wb").write(body)' "$1"
}

@test "what cooper signs, openssl verifies: the bundle" {
    fresh
    cooper sign -q --key cosign.key --new-bundle-format oci:image
    image=$(image_digest)
    manifest=$(blob_of "$(json image/index.json '[m["digest"] for m in d["manifests"] if m.get("artifactType")][0]')")
    [ "$(json "$manifest" 'd["artifactType"], d["subject"]["digest"], d["annotations"]["dev.sigstore.bundle.content"], d["annotations"]["dev.sigstore.bundle.predicateType"], d["config"]["mediaType"], len(d["layers"])')" = \
        "('application/vnd.dev.sigstore.bundle.v0.3+json', '$image', 'dsse-envelope', 'https://sigstore.dev/cosign/sign/v1', 'application/vnd.oci.empty.v1+json', 1)" ]
    bundle=$(blob_of "$(json "$manifest" 'd["layers"][0]["digest"]')")
    pae "$bundle"
    openssl dgst -sha256 -verify cosign.pub -signature signature pae
    [ "$(json "$bundle" 'd["verificationMaterial"]["publicKey"]["hint"]')" = "$(openssl pkey -pubin -in cosign.pub -outform DER | openssl dgst -sha256 -binary | base64)" ]
    [ "$(json statement 'd["_type"], d["subject"][0]["digest"]["sha256"]')" = "('https://in-toto.io/Statement/v1', '${image#sha256:}')" ]
    run -0 cooper verify --key cosign.pub oci:image
    [[ $output == *"bundle https://sigstore.dev/cosign/sign/v1"* ]]
}

@test "what cooper attests, openssl verifies, in both forms" {
    for form in "" --new-bundle-format; do
        fresh
        echo '{"builder": {"id": "here"}}' | cooper attest -q --key cosign.key --predicate - --type slsaprovenance1 $form oci:image
        image=$(image_digest)
        if [ -z "$form" ]; then manifest=$(blob_of "$(tagged "${image/:/-}.att")")
        else manifest=$(blob_of "$(json image/index.json 'd["manifests"][1]["digest"]')"); fi
        pae "$(blob_of "$(json "$manifest" 'd["layers"][0]["digest"]')")"
        openssl dgst -sha256 -verify cosign.pub -signature signature pae
        [ "$(json statement 'd["predicateType"], d["predicate"]["builder"]["id"], d["subject"][0]["digest"]["sha256"]')" = "('https://slsa.dev/provenance/v1', 'here', '${image#sha256:}')" ]
        run -0 cooper verify --key cosign.pub --type slsaprovenance1 --format json oci:image
        echo "$output" >verdict
        [ "$(json verdict 'd["verified"], d["digest"], d["evidence"][0]["predicate"]["builder"]["id"]')" = "(True, '$image', 'here')" ]
        run -1 cooper verify --key cosign.pub oci:image # a statement is no signature
        run -1 cooper verify --key cosign.pub --type spdxjson oci:image
        run -1 cooper verify --key other.pub --type slsaprovenance1 oci:image
    done
}

@test "verify refuses: nobody signed, another did, another image, changed bytes" {
    fresh
    run -1 --separate-stderr cooper verify --key cosign.pub oci:image
    [[ $stderr == *"no signature of it holds"*"none beside the image"* ]]
    cooper sign -q --key other.key -a nr=1 oci:image
    run -1 --separate-stderr cooper verify --key cosign.pub oci:image
    [[ $stderr == *"not of this key and these bytes"* ]]
    cooper sign -q --key cosign.key oci:image
    cooper verify -q --key cosign.pub oci:image
    cooper verify -q --key other.pub oci:image
    manifest=$(tagged "$(image_digest | tr : -).sig")
    payload=$(blob_of "$(json "$(blob_of "$manifest")" 'd["layers"][1]["digest"]')")
    flip "$payload" 20
    run -1 --separate-stderr cooper verify --key cosign.pub oci:image
    [[ $stderr == *"is damaged"* ]] || [[ $stderr == *"not of this key"* ]]
    cooper verify -q --key other.pub oci:image

    # the signatures of one image moved to another
    fresh
    cooper sign -q --key cosign.key oci:image
    cp -r image moved
    python3 -c '
import hashlib, json
d = json.load(open("moved/index.json"))
old = d["manifests"][0]["digest"]
m = json.load(open("moved/blobs/sha256/" + old[7:])); m["annotations"] = {"a": "b"}
text = json.dumps(m).encode(); new = hashlib.sha256(text).hexdigest()
open("moved/blobs/sha256/" + new, "wb").write(text)
d["manifests"][0].update(digest="sha256:" + new, size=len(text))
for e in d["manifests"][1:]:
    e["annotations"]["org.opencontainers.image.ref.name"] = "sha256-" + new + ".sig"
json.dump(d, open("moved/index.json", "w"))'
    run -1 --separate-stderr cooper verify --key cosign.pub oci:moved
    [[ $stderr == *"about another image"* ]]
    rm -rf moved
}

@test "cosign's own layout verifies" {
    shared oci/cosign/cooper
    dir=$CONFORMANCE/oci/cosign/cooper
    rm -rf theirs && mkdir -p theirs/blobs/sha256
    for f in image-manifest.json sig-tag-manifest.json sig-payload.json att-tag-manifest.json att-dsse-envelope.json referrer-bundle-manifest.json referrer-bundle-blob.json; do
        cp "$dir/$f" "theirs/blobs/sha256/$(sha256sum <"$dir/$f" | cut -d' ' -f1)"
    done
    printf '{"imageLayoutVersion":"1.0.0"}' >theirs/oci-layout
    python3 -c '
import hashlib, json, sys
def entry(name, tag=None):
    text = open(sys.argv[1] + "/" + name, "rb").read()
    e = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:" + hashlib.sha256(text).hexdigest(), "size": len(text)}
    return {**e, "annotations": {"org.opencontainers.image.ref.name": tag}} if tag else e
image = entry("image-manifest.json", "1")
base = image["digest"].replace(":", "-")
json.dump({"schemaVersion": 2, "manifests": [image, entry("sig-tag-manifest.json", base + ".sig"), entry("att-tag-manifest.json", base + ".att"),
    {**entry("referrer-bundle-manifest.json"), "artifactType": "application/vnd.oci.empty.v1+json"}]}, open("theirs/index.json", "w"))' "$dir"
    run -0 cooper verify --key "$dir/cosign.pub" oci:theirs
    [[ $output == *"simple example.org/cooper/img"* ]]
    run -0 cooper verify --key "$dir/cosign.pub" --type slsaprovenance1 oci:theirs:1
    [[ $output == *dsse*bundle* ]]
    run -1 cooper verify --key "$dir/k2.pub" oci:theirs
    COSIGN_PASSWORD=$(cat "$dir/password.txt") cooper sign -q --key "$dir/cosign.key" --new-bundle-format oci:theirs
    run -0 cooper verify --key "$dir/cosign.pub" oci:theirs
    [[ $output == *"bundle https://sigstore.dev/cosign/sign/v1"* ]]
}

@test "cosign's referrers, by a fallback index that states a wrong type" {
    shared oci/cosign/cooper
    dir=$CONFORMANCE/oci/cosign/cooper
    rm -rf referred && mkdir -p referred/blobs/sha256
    for f in "$dir"/{image-manifest,referrers-fallback-index,referrer-*,sig-payload}.json; do
        cp "$f" "referred/blobs/sha256/$(sha256sum <"$f" | cut -d' ' -f1)"
    done
    printf '{"imageLayoutVersion":"1.0.0"}' >referred/oci-layout
    python3 -c '
import hashlib, json, sys
def entry(name, kind, tag):
    text = open(sys.argv[1] + "/" + name, "rb").read()
    return {"mediaType": f"application/vnd.oci.image.{kind}.v1+json", "digest": "sha256:" + hashlib.sha256(text).hexdigest(), "size": len(text),
        "annotations": {"org.opencontainers.image.ref.name": tag}}
image = entry("image-manifest.json", "manifest", "1")
json.dump({"schemaVersion": 2, "manifests": [image, entry("referrers-fallback-index.json", "index", image["digest"].replace(":", "-"))]},
    open("referred/index.json", "w"))' "$dir"
    run -0 cooper verify --key "$dir/cosign.pub" oci:referred:1
    [[ $output == *"simple "* ]]
    run -0 cooper verify --key "$dir/cosign.pub" --type slsaprovenance1 oci:referred:1
    [[ $output == *bundle* ]]
    run -1 cooper verify --key "$dir/k2.pub" --type slsaprovenance1 oci:referred:1
}

@test "two signatures at once are two" {
    fresh
    for i in 1 2 3 4; do cooper sign -q --key cosign.key oci:image & done
    wait
    [ "$(json "$(blob_of "$(tagged "$(image_digest | tr : -).sig")")" 'len(d["layers"])')" = 4 ]
}

@test "a signed layout is still one image" {
    fresh
    cooper sign -q --key cosign.key oci:image
    echo '{}' | cooper attest -q --key cosign.key --predicate - --type custom oci:image
    cooper load -q -i image -t signed
}

@test "keys of other makers: RSA, Ed25519, P-384, not encrypted, from the environment" {
    openssl genrsa -out rsa.key 2048 2>/dev/null
    openssl genpkey -algorithm ed25519 -out ed.key 2>/dev/null
    openssl ecparam -name secp384r1 -genkey -noout -out p384.key
    for k in rsa ed p384; do
        fresh
        openssl pkey -in $k.key -pubout -out $k.pub
        cooper sign -q --key $k.key oci:image
        cooper verify -q --key $k.pub oci:image
        run -1 cooper verify -q --key cosign.pub oci:image
    done
    SIGNER=$(cat cosign.key) cooper sign -q --key env://SIGNER oci:image
    cooper verify -q --key cosign.pub oci:image
}

@test "wrong words and wrong passwords are told" {
    fresh
    run -2 --separate-stderr cooper sign oci:image
    [[ $stderr == *"--key is missing"* ]]
    run -2 --separate-stderr cooper attest --key cosign.key --predicate x --type nonsense oci:image
    [[ $stderr == *"no URI and no known word"* ]]
    COSIGN_PASSWORD=wrong run -1 --separate-stderr cooper sign --key cosign.key oci:image
    [[ $stderr == *"not that of the key"* ]]
    run -2 --separate-stderr cooper verify --key cosign.key oci:image
    [[ $stderr == *"the private half"* ]]
    run -1 --separate-stderr cooper verify --key cosign.pub oci:nowhere
    [[ $stderr == *"nowhere"* ]]
}

# ---- policies ----

@test "verify by cooper's policy: who, what, how many" {
    fresh
    cooper sign -q --key cosign.key oci:image
    cat >own.json <<'EOF'
{"version": 1, "default": "reject", "images": {"oci:/": "reject"}}
EOF
    run -1 cooper verify --policy own.json oci:image
    rule() { printf '{"version": 1, "default": "reject", "images": {"oci:%s": %s}}' "$(realpath "$SUITE_DIR")" "$1" >own.json; }
    rule '[{"signed-by": ["cosign.pub"], "max-age": "1h"}]'
    run -0 cooper verify --policy own.json oci:image
    [ "$output" = "Allowed $(image_digest)" ]
    (cd / && cooper verify -q --policy "$SUITE_DIR/own.json" "oci:$SUITE_DIR/image") # keys are beside the policy
    rule '[{"signed-by": ["other.pub"]}]'
    run -1 --separate-stderr cooper verify --policy own.json oci:image
    [[ $stderr == *"own.json"*"no signature of the keys that are named"* ]]
    rule '[{"signed-by": ["cosign.pub", "other.pub"], "at-least": 2}]'
    run -1 cooper verify --policy own.json oci:image
    cooper sign -q --key other.key --new-bundle-format oci:image
    cooper verify -q --policy own.json oci:image
    rule '[{"signed-by": ["cosign.pub"]}, {"signed-by": ["other.pub"], "statement": "slsaprovenance1"}]'
    run -1 --separate-stderr cooper verify --policy own.json --format json oci:image
    echo "$output" | python3 -c 'import json, sys; d = json.load(sys.stdin); assert d["verified"] is False and "slsa.dev" in d["refused"][0], d'
    echo '{}' | cooper attest -q --key other.key --predicate - --type slsaprovenance1 oci:image
    cooper verify -q --policy own.json oci:image
}

@test "verify by containers' policy.json" {
    fresh
    cooper sign -q --key cosign.key --sign-container-identity registry.example/app oci:image
    printf '{"default": [{"type": "reject"}], "transports": {"oci": {"%s": [{"type": "sigstoreSigned", "keyPath": "%s/cosign.pub", "signedIdentity": {"type": "exactRepository", "dockerRepository": "registry.example/app"}}]}}}' \
        "$(realpath image)" "$SUITE_DIR" >policy.json
    cooper verify -q --policy policy.json oci:image
    sed -i 's,"dockerRepository": "registry.example/app","dockerRepository": "registry.example/other",' policy.json
    run -1 --separate-stderr cooper verify --policy policy.json oci:image
    [[ $stderr == *"another name"* ]]
    echo '{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}]}' >policy.json
    run -1 --separate-stderr cooper verify --policy policy.json oci:image
    [[ $stderr == *"signedBy (GPG) is asked for, which cooper cannot check"* ]]
    run -2 cooper verify --policy policy.json --key cosign.pub oci:image
    # each kind of place has rules of its own
    cooper copy -q oci:image dir:flat
    cooper copy -q oci:image oci-archive:flat.tar
    for kind in oci:image dir:flat oci-archive:flat.tar; do
        echo "{\"default\": [{\"type\": \"insecureAcceptAnything\"}], \"transports\": {\"${kind%%:*}\": {\"\": [{\"type\": \"reject\"}]}}}" >policy.json
        for place in oci:image dir:flat oci-archive:flat.tar; do
            [ $place = $kind ] && expected=1 || expected=0
            run "-$expected" cooper verify --policy policy.json "$place"
        done
    done
}

# ---- notation ----

trust_policy() { # LEVEL
    printf '{"version": "1.0", "trustPolicies": [{"name": "n", "registryScopes": ["*"], "signatureVerification": {"level": "%s"}, "trustStores": ["ca:e2e"], "trustedIdentities": ["*"]}]}' "$1" >notation/trustpolicy.json
}

@test "notation's layouts, trust policy and trust store" {
    shared oci/notation
    data=$CONFORMANCE/oci/notation
    rm -rf notation && mkdir -p notation/truststore/x509/ca/e2e
    cp "$data/certs/e2e.crt" notation/truststore/x509/ca/e2e
    trust_policy strict
    for name in valid-signature valid-multiple-signatures; do
        run -0 cooper verify --policy notation/trustpolicy.json "oci:$data/layouts/e2e-$name:v1"
        [[ $output == "Allowed sha256:b8479de3f88fb259a0a9ea82a5b2a052a1ef3c4ebbcfc61482d5ae4c831f8af9" ]]
    done
    for name in expired-signature invalid-signature with-expired-cert; do
        run -1 --separate-stderr cooper verify --policy notation/trustpolicy.json "oci:$data/layouts/e2e-$name:v1"
        [[ $stderr == *"no signature of notation holds"* ]]
    done
    run -1 --separate-stderr cooper verify --policy notation/trustpolicy.json "oci:$data/layouts/e2e:v1"
    [[ $stderr == *"none lies beside it"* ]]
    # what a layout calls itself chooses no statement
    cp -r "$data/layouts/e2e" named
    chmod -R u+w named
    jq '.manifests[].annotations["io.containerd.image.name"] = "free.example/app:1"' "$data/layouts/e2e/index.json" >named/index.json
    jq '.trustPolicies += [{"name": "free", "registryScopes": ["free.example/app"], "signatureVerification": {"level": "skip"}}]' \
        notation/trustpolicy.json >notation/both.json
    run -1 --separate-stderr cooper verify --policy notation/both.json oci:named:v1
    [[ $stderr == *"none lies beside it"* ]]
    trust_policy permissive
    run -0 --separate-stderr cooper verify --policy notation/trustpolicy.json "oci:$data/layouts/e2e-expired-signature:v1"
    [[ $stderr == *"warning"*"it has expired"* ]]
    # a link in a trust store is refused
    mv notation/truststore/x509/ca/e2e/e2e.crt notation/real
    ln -s ../../../../real notation/truststore/x509/ca/e2e/e2e.crt
    run -1 --separate-stderr cooper verify --policy notation/trustpolicy.json "oci:$data/layouts/e2e-valid-signature:v1"
    [[ $stderr == *"e2e.crt"* ]]
}

# notarize ALG KEY CERTIFICATE...: a layout "image" with a signature of notation, made by openssl. FORM=cose: as COSE; CRITICAL:
# one more header that is critical; STAMP: an authority of time in chain/ that stamps it (STAMPED: other bytes; ACCURACY of its clock, DIGEST it signs); SIGNED: when it says to be made.
notarize() {
    fresh
    python3 -c '
import base64, hashlib, json, os, subprocess, sys
alg, key, *certs = sys.argv[1:]
url = lambda b: base64.urlsafe_b64encode(b).rstrip(b"=").decode()
def blob(data):
    name = hashlib.sha256(data).hexdigest()
    open("image/blobs/sha256/" + name, "wb").write(data)
    return {"digest": "sha256:" + name, "size": len(data)}
index = json.load(open("image/index.json"))
subject = {k: index["manifests"][0][k] for k in ("mediaType", "digest", "size")}
cose = os.environ.get("FORM") == "cose"
def head(kind, n):
    for low, size in ((24, 1), (25, 2), (26, 4)):
        if n < 24:
            return bytes([kind << 5 | n])
        if n < 256 ** size:
            return bytes([kind << 5 | low]) + n.to_bytes(size, "big")
def cbor(v):
    if isinstance(v, int): return head(0, v) if v >= 0 else head(1, -1 - v)
    if isinstance(v, bytes): return head(2, len(v)) + v
    if isinstance(v, str): return head(3, len(v.encode())) + v.encode()
    if isinstance(v, list): return head(4, len(v)) + b"".join(map(cbor, v))
    if isinstance(v, dict): return head(5, len(v)) + b"".join(cbor(k) + cbor(x) for k, x in v.items())
    return head(6, v[0]) + cbor(v[1])
scheme = "io.cncf.notary.signingScheme"
labels = {"PS256": -37, "ES256": -7, "ES384": -35, "ES512": -36}
critical = [scheme] + ([os.environ["CRITICAL"]] if "CRITICAL" in os.environ else [])
headers = cbor({1: labels[alg], 2: critical, 3: "application/vnd.cncf.notary.payload.v1+json", scheme: "notary.x509",
    "io.cncf.notary.signingTime": (1, 1735689600), "x": {"unknown": [1, (2, b"y")]}})
protected = url(json.dumps({"alg": alg, "crit": ["io.cncf.notary.signingScheme"], "cty": "application/vnd.cncf.notary.payload.v1+json",
    "io.cncf.notary.signingScheme": "notary.x509", "io.cncf.notary.signingTime": os.environ.get("SIGNED", "2025-01-01T00:00:00Z")}).encode())
target = json.dumps({"targetArtifact": subject}).encode()
payload = url(target)
to_sign = cbor(["Signature1", headers, b"", target]) if cose else f"{protected}.{payload}".encode()
der = subprocess.run(["openssl", "dgst", "-sha" + alg[2:], "-sign", f"chain/{key}.key"], input=to_sign, capture_output=True, check=True).stdout
size = {"256": 32, "384": 48, "512": 66}[alg[2:]]
at = 3 if der[1] & 0x80 else 2
raw = b""
for _ in range(2):
    n = der[at + 1]
    raw += int.from_bytes(der[at + 2:at + 2 + n], "big").to_bytes(size, "big")
    at += 2 + n
x5c = [subprocess.run(["openssl", "x509", "-in", f"chain/{c}.crt", "-outform", "der"], capture_output=True, check=True).stdout for c in certs]
stamp = {}
if "STAMP" in os.environ:
    run = lambda *words: subprocess.run(["openssl", "ts", *words], capture_output=True, check=True)
    open("chain/tsa.cnf", "w").write("[tsa]\nserial=chain/serial\ndefault_policy=1.2.3\ndigests=sha256\nsigner_digest=" + os.environ.get("DIGEST", "sha256") + "\ness_cert_id_alg=sha256\n" +
        ("accuracy=secs:" + os.environ["ACCURACY"] + "\n" if "ACCURACY" in os.environ else ""))
    open("chain/signature", "wb").write(os.environ.get("STAMPED", "").encode() or raw)
    run("-query", "-data", "chain/signature", "-sha256", "-cert", "-out", "chain/query")
    tsa = os.environ["STAMP"]
    run("-reply", "-queryfile", "chain/query", "-config", "chain/tsa.cnf", "-section", "tsa", "-signer", f"chain/{tsa}.crt",
        "-inkey", f"chain/{tsa}.key", "-token_out", "-out", "chain/token")
    stamp = {"io.cncf.notary.timestampSignature": open("chain/token", "rb").read()}
envelope = json.dumps({"payload": payload, "protected": protected, "header": {"x5c": [base64.b64encode(c).decode() for c in x5c],
    **{k: base64.b64encode(v).decode() for k, v in stamp.items()}}, "signature": url(raw)}).encode()
if cose:
    envelope = cbor((18, [headers, {33: x5c if len(x5c) > 1 else x5c[0], "io.cncf.notary.signingAgent": "test", **stamp}, target, raw]))
config = {"mediaType": "application/vnd.cncf.notary.signature", **blob(b"{}")}
manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
    "layers": [{"mediaType": "application/cose" if cose else "application/jose+json", **blob(envelope)}], "subject": subject, "annotations": {}}).encode()
index["manifests"].append({"mediaType": "application/vnd.oci.image.manifest.v1+json", **blob(manifest)})
json.dump(index, open("image/index.json", "w"))' "$@"
}

@test "notation's time stamps: where a store of their authorities is named" {
    rm -rf chain notation && mkdir -p chain notation/truststore/x509/ca/e2e notation/truststore/x509/tsa/clocks
    authority='basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n'
    stamping='keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n'
    certificate root root "$authority"
    certificate good root 'keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n'
    certificate time time "$authority"
    certificate clock time "$stamping"
    certificate listed time "${stamping}crlDistributionPoints=URI:http://127.0.0.1/crl\n"
    certificate other root "$stamping"
    certificate noclock time 'keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping,codeSigning\n'
    echo 01 >chain/serial
    cp chain/root.crt notation/truststore/x509/ca/e2e/
    cp chain/time.crt notation/truststore/x509/tsa/clocks/
    verdict() { run --separate-stderr cooper verify --policy notation/trustpolicy.json "${3:-oci:image:1.0}"; echo "$stderr"; [ "$status" = "$1" ]; [[ $stderr == *"$2"* ]]; }
    stamped() { # WORDS of signatureVerification
        trust_policy strict
        jq --argjson v "{\"level\": \"strict\"$1}" '.trustPolicies[0] |= (.signatureVerification = $v | .trustStores += ["tsa:clocks"])' notation/trustpolicy.json >notation/new
        mv notation/new notation/trustpolicy.json
    }
    for form in jws cose; do
        export FORM=$form
        notarize ES256 good good root
        trust_policy strict; verdict 0 ""
        stamped ''; verdict 1 "it has no time stamp"
        stamped ', "verifyTimestamp": "always"'; verdict 1 "it has no time stamp"
        stamped ', "verifyTimestamp": "afterCertExpiry"'; verdict 0 ""
        stamped ', "verifyTimestamp": "never"'; verdict 2 "verifyTimestamp is"
        stamped ''
        STAMP=clock notarize ES256 good good root; verdict 0 ""
        STAMP=clock ACCURACY=864000 notarize ES256 good good root; verdict 1 "not valid at the time of its stamp"
        STAMP=clock DIGEST=sha1 notarize ES256 good good root; verdict 1 "over this signature"
        STAMP=clock STAMPED=x notarize ES256 good good root; verdict 1 "over this signature"
        STAMP=other notarize ES256 good good root; verdict 1 "over this signature"
        STAMP=listed notarize ES256 good good root; verdict 1 "of its time stamp were revoked"
        stamped ', "override": {"revocation": "skip"}'; verdict 0 ""
    done
    export FORM=jws
    stamped ''
    STAMP=clock SIGNED=$(date -u -d '1 minute' +%FT%TZ) notarize ES256 good good root; verdict 0 "" # clocks differ
    SIGNED=2025-02-31T00:00:00Z notarize ES256 good good root; verdict 1 "signing time"
    rm notation/truststore/x509/tsa/clocks/time.crt; verdict 1 "no signature of notation"
    # a store of clocks has roots alone
    cp chain/clock.crt notation/truststore/x509/tsa/clocks/
    STAMP=clock notarize ES256 good good root; verdict 2 "not one of a root"
    rm notation/truststore/x509/tsa/clocks/clock.crt
    STAMP=clock notarize ES256 good good root; verdict 1 "authorities of time has none"
}

@test "notation's chains: what may sign what" {
    rm -rf chain notation && mkdir -p chain notation/truststore/x509/ca/e2e
    authority='basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n'
    leaf='keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n'
    certificate root root "$authority"
    certificate middle root "$authority"
    certificate good middle "$leaf"
    certificate server middle 'keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n'
    certificate noca root 'basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n'
    certificate below noca "$leaf"
    certificate short root 'basicConstraints=critical,CA:true,pathlen:0\nkeyUsage=critical,keyCertSign\n'
    certificate second short "$authority"
    certificate deep second "$leaf"
    certificate lists middle "${leaf}crlDistributionPoints=URI:http://127.0.0.1/crl\n"
    CURVE=secp384r1 certificate p384 root "$leaf"
    CURVE=secp521r1 certificate p521 root "$leaf"
    cp chain/root.crt notation/truststore/x509/ca/e2e/
    trust_policy strict
    verdict() { run "-$1" --separate-stderr cooper verify --policy notation/trustpolicy.json oci:image:1.0; echo "$stderr"; [[ $stderr == *"$2"* ]]; }
    notarize ES256 good good middle root; verdict 0 ""
    notarize ES384 p384 p384 root; verdict 0 ""
    notarize ES512 p521 p521 root; verdict 0 ""
    for alg in ES256:good ES384:p384 ES512:p521; do
        if [ $alg = ES256:good ]; then FORM=cose notarize ES256 good good middle root
        else FORM=cose notarize "${alg%:*}" "${alg#*:}" "${alg#*:}" root; fi
        verdict 0 ""
    done
    FORM=cose CRITICAL=unheard.of notarize ES256 good good middle root; verdict 1 "critical"
    FORM=cose notarize ES256 good good middle; verdict 1 "no chain up to a root"
    FORM=cose notarize ES256 good good; verdict 1 "no chain up to a root"
    FORM=cose notarize ES256 good server middle root; verdict 1 "not of its certificate"
    FORM=cose notarize ES384 good good middle root; verdict 1 "its algorithm is"
    notarize ES256 good good middle; verdict 1 "no chain up to a root"
    notarize ES256 good good root middle; verdict 1 "no chain up to a root"
    notarize ES256 good good; verdict 1 "no chain up to a root"
    notarize ES256 good server middle root; verdict 1 "not of its certificate"
    notarize ES256 server server middle root; verdict 1 "not one that signs code"
    notarize ES256 middle middle root; verdict 1 "not one that signs code"
    notarize ES256 below below noca root; verdict 1 "must not sign others"
    notarize ES256 deep deep second short root; verdict 1 "must not sign others"
    SUBJECT='/C=US/ST=WA/O=other/O=acme' certificate twice root "$leaf"
    SUBJECT='/C=US/ST=WA/O=acme' certificate once root "$leaf"
    jq '.trustPolicies[0].trustedIdentities = ["x509.subject: C=US, ST=WA, O=acme"]' notation/trustpolicy.json >notation/named
    mv notation/named notation/trustpolicy.json
    notarize ES256 once once root; verdict 0 ""
    notarize ES256 twice twice root; verdict 1 "no identity that is trusted"
    trust_policy strict
    notarize ES256 twice twice root; verdict 0 ""
    # what else the certificate is for, and what it must say
    digital='keyUsage=critical,digitalSignature'
    while read -r code words; do
        certificate odd root "$words\n"
        echo "$words"
        notarize ES256 odd odd root
        [ "$code" = 0 ] && verdict 0 "" || verdict 1 "not one that signs code"
    done <<EOF
0 $digital
0 $digital,nonRepudiation
0 $digital\nextendedKeyUsage=1.3.6.1.5.5.7.3.36
1 keyUsage=digitalSignature
1 $digital,keyEncipherment
1 $digital,keyAgreement,decipherOnly
1 $digital\nextendedKeyUsage=codeSigning,clientAuth
1 $digital\nextendedKeyUsage=codeSigning,OCSPSigning
1 $digital\nextendedKeyUsage=codeSigning,emailProtection
EOF
    certificate lax root 'basicConstraints=critical,CA:true\nkeyUsage=keyCertSign\n'
    certificate under lax "$leaf"
    notarize ES256 under under lax root; verdict 1 "must not sign others"
    # what a collision could have been signed for, or a key that could be found
    HASH=sha1 certificate weak root "$leaf"
    notarize ES256 weak weak root; verdict 1 "too weak"
    RSA=1024 certificate small root "$authority"
    certificate under small "$leaf"
    notarize ES256 under under small root; verdict 1 "too weak"
    # a store has who signs others, or only itself
    cp chain/middle.crt notation/truststore/x509/ca/e2e/root.crt
    notarize ES256 good good middle root; verdict 0 ""
    cp chain/good.crt notation/truststore/x509/ca/e2e/root.crt; verdict 2 "neither signs others"
    cp chain/root.crt notation/truststore/x509/ca/e2e/
    notarize ES256 lists lists middle root; verdict 1 "revoked is not looked up"
    notarize ES384 good good middle root; verdict 1 "its algorithm is"
    notarize ES256 good good middle root
    rm notation/truststore/x509/ca/e2e/root.crt && cp chain/short.crt notation/truststore/x509/ca/e2e/
    verdict 1 "trust store"
}

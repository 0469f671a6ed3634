# Certificates, identities, logs and clocks instead of keys. OpenSSL makes what is verified.
load common
load trust

# attested LOG LEAF CERTIFICATE...: a layout "image" with a signature in cosign's tag form by LEAF's key, its certificate, those
# above it, and LOG's promise, all made by openssl. AT: seconds from now when the log took it; PROMISED: the signer it names.
attested() {
    fresh
    python3 -c '
import base64, hashlib, json, os, subprocess, sys, time
log, leaf, *above = sys.argv[1:]
b64 = lambda b: base64.b64encode(b).decode()
def blob(data):
    name = hashlib.sha256(data).hexdigest()
    open("image/blobs/sha256/" + name, "wb").write(data)
    return {"digest": "sha256:" + name, "size": len(data)}
def sign(key, data):
    return subprocess.run(["openssl", "dgst", "-sha256", "-sign", f"chain/{key}.key"], input=data, capture_output=True, check=True).stdout
pem = lambda name: open(f"chain/{name}.crt").read()
index = json.load(open("image/index.json"))
image = index["manifests"][0]["digest"]
payload = json.dumps({"critical": {"identity": {"docker-reference": "r.example/app"}, "image": {"docker-manifest-digest": image},
    "type": "cosign container image signature"}, "optional": json.loads(os.environ.get("OPTIONAL", "null"))}, separators=(",", ":")).encode()
signature = sign(leaf, payload)
entry = {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {"data": {"hash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}},
    "signature": {"content": b64(signature), "publicKey": {"content": b64(pem(os.environ.get("PROMISED", leaf)).encode())}}}}
taken = {"logIndex": 7, "body": b64(json.dumps(entry).encode()), "integratedTime": int(time.time()) + int(os.environ.get("AT", "60")), "logID": "ab" * 32}
promise = {"SignedEntryTimestamp": b64(sign(log or leaf, json.dumps(taken, sort_keys=True, separators=(",", ":")).encode())), "Payload": taken}
layer = {"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", **blob(payload), "annotations": {
    "dev.cosignproject.cosign/signature": b64(signature), "dev.sigstore.cosign/bundle": json.dumps(promise),
    "dev.sigstore.cosign/certificate": pem(leaf), "dev.sigstore.cosign/chain": "".join(map(pem, above))}}
if os.environ.get("STAMP"):
    tsa, run = "chain/" + os.environ["STAMP"], lambda *words: subprocess.run(["openssl", "ts", *words], capture_output=True, check=True).stdout
    open("chain/tsa.cnf", "w").write("[tsa]\nserial=chain/serial\ndefault_policy=1.2.3\ndigests=sha256\nsigner_digest=sha256\ness_cert_id_alg=sha256\n")
    open("chain/signature", "wb").write(signature)
    run("-query", "-data", "chain/signature", "-sha256", "-cert", "-out", "chain/query")
    layer["annotations"]["dev.sigstore.cosign/rfc3161timestamp"] = json.dumps({"SignedRFC3161Timestamp":
        b64(run("-reply", "-queryfile", "chain/query", "-config", "chain/tsa.cnf", "-section", "tsa", "-signer", tsa + ".crt", "-inkey", tsa + ".key"))})
    if not log:
        del layer["annotations"]["dev.sigstore.cosign/bundle"]
config = blob(json.dumps({"architecture": "", "os": "", "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode())
manifest = blob(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config}, "layers": [layer]}).encode())
index["manifests"].append({"mediaType": "application/vnd.oci.image.manifest.v1+json", **manifest,
    "annotations": {"org.opencontainers.image.ref.name": image.replace(":", "-") + ".sig"}})
json.dump(index, open("image/index.json", "w"))' "$@"
}

# In chain/: the keys of two logs, a root, and an authority that it signed.
authorities() {
    rm -rf chain && mkdir chain
    authority='basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n'
    for log in log otherlog; do
        openssl ecparam -name prime256v1 -genkey -noout -out chain/$log.key
        openssl pkey -in chain/$log.key -pubout -out chain/$log.pub
    done
    certificate root root "$authority"
    certificate middle root "$authority"
}

@test "keyless and a PKI: certificates, identities and a log's promise, made by openssl" {
    authorities
    leaf='keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\nsubjectAltName=email:a@example.com,DNS:build.example.com\n'
    issuer="1.3.6.1.4.1.57264.1.1=DER:$(printf 'https://issuer.example' | od -An -tx1 | tr -d ' \n')\n"
    encoded='1.3.6.1.4.1.57264.1.8=ASN1:UTF8String:https://issuer.example\n'
    certificate stray stray "$authority"
    certificate old middle "$leaf$issuer"
    certificate new middle "$leaf$encoded"
    certificate both middle "$leaf$issuer$encoded"
    certificate torn middle "$leaf${issuer}1.3.6.1.4.1.57264.1.8=ASN1:UTF8String:https://evil.example\n"
    certificate none middle "$leaf"
    certificate other middle "${leaf/a@/b@}$issuer"
    certificate server middle "${leaf/codeSigning/serverAuth}$issuer"
    certificate strange stray "$leaf$issuer"
    certificate noca middle 'basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature,keyCertSign\n'
    certificate below noca "$leaf$issuer"
    HASH=sha1 certificate sha1 middle "$leaf$issuer"
    RSA=1024 certificate weak root "$authority"
    certificate under weak "$leaf$issuer"
    certificate wild middle "${leaf/build/bu*}"
    identity='"signedIdentity": {"type": "exactRepository", "dockerRepository": "r.example/app"}'
    printf '{"default": [{"type": "sigstoreSigned", "fulcio": {"caPath": "chain/root.crt", "oidcIssuer": "https://issuer.example", "subjectEmail": "a@example.com"}, "rekorPublicKeyPath": "chain/log.pub", %s}]}' "$identity" >keyless.json
    printf '{"default": [{"type": "sigstoreSigned", "pki": {"caRootsPath": "chain/root.crt", "caIntermediatesPath": "chain/middle.crt", "subjectHostname": "build.example.com"}, %s}]}' "$identity" >pki.json
    openssl x509 -in chain/none.crt -pubkey -noout >chain/none.pub
    printf '{"default": [{"type": "sigstoreSigned", "keyPath": "chain/none.pub", "rekorPublicKeyPath": "chain/log.pub", %s}]}' "$identity" >logged.json
    verdict() { run "-$1" --separate-stderr cooper verify --policy "$2.json" oci:image:1.0; echo "$stderr"; [[ $stderr == *"$3"* ]]; }
    for name in old new both; do attested log $name middle root; verdict 0 keyless ""; done
    attested log torn middle root; verdict 1 keyless "of another issuer"
    attested log none middle root; verdict 1 keyless "no issuer"
    attested log other middle root; verdict 1 keyless "not of the e-mail address"
    attested log server middle root; verdict 1 keyless "not one that signs code"
    attested log strange stray; verdict 1 keyless "its certificate: "
    attested log old; verdict 1 keyless "its certificate: "
    attested log below noca middle root; verdict 1 keyless "its certificate: "
    attested log sha1 middle root; verdict 1 keyless "its certificate: "
    attested log under weak root; verdict 1 keyless "its certificate: "
    attested otherlog old middle root; verdict 1 keyless "the promise of the log"
    PROMISED=new attested log old middle root; verdict 1 keyless "the log has another signature"
    AT=864000 attested log old middle root; verdict 1 keyless "expired"
    AT=-864000 attested log old middle root; verdict 1 keyless "not yet valid"
    # the same without a log: a certificate that is valid now, of a host
    attested otherlog none; verdict 0 pki ""
    attested log server; verdict 1 pki "not one that signs code"
    attested log strange stray; verdict 1 pki "its certificate: "
    attested otherlog wild; verdict 1 pki "not of the host"
    # and a key with a log, which names the key and not a certificate of it
    attested log none; verdict 1 logged "the log has another signature"
    # statements do not count, and nothing beside it is no signature
    fresh; verdict 1 keyless "identity that is asked for"
}

@test "verify by an identity: the tag form and bundles, a log's promises and proofs, time stamps" {
    authorities
    leaf='keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\nsubjectAltName=critical,URI:https://git.example/team/app/ci.yml@v1\n'
    issuer='1.3.6.1.4.1.57264.1.8=ASN1:UTF8String:https://issuer.example\n'
    certificate leaf middle "$leaf$issuer"
    certificate new middle "$leaf$issuer"
    certificate mail middle "${leaf/URI:*@v1/email:a@example.com}$issuer"
    certificate clock root 'keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n'
    echo 01 >chain/serial
    cat chain/middle.crt chain/root.crt >chain/all.crt
    who='https://git.example/team/app/ci.yml@v1'
    identity=(--certificate-identity "$who" --certificate-oidc-issuer https://issuer.example)
    keyless=("${identity[@]}" --certificate-chain chain/all.crt --rekor-public-key chain/log.pub)
    verdict() { run "-$1" --separate-stderr cooper verify "${@:3}" oci:image:1.0; echo "$stderr"; [[ $stderr == *"$2"* ]]; }
    bundled() { fresh && python3 "$SOURCE_ROOT/tests/cli/bundle.py" "$@"; }

    # the tag form; who and whose word are both asked for, byte for byte or by a pattern
    attested log leaf middle root
    verdict 0 "" "${keyless[@]}"
    verdict 0 "" "${identity[@]}" --ca-roots chain/root.crt --ca-intermediates chain/middle.crt
    verdict 0 "" --certificate-identity-regexp '^https://git\.example/team/[^/]+/ci\.yml@v[0-9]+$' --certificate-oidc-issuer-regexp '^https://issuer\.example$' \
        --certificate-chain chain/all.crt --rekor-public-key chain/log.pub
    verdict 1 "not of the identity" --certificate-identity "${who%1}2" "${keyless[@]:2}"
    verdict 1 "not of the identity" --certificate-identity-regexp '^https://evil' "${keyless[@]:2}"
    verdict 1 "another issuer" "${keyless[@]:0:2}" --certificate-oidc-issuer https://issuer.example/ "${keyless[@]:4}"
    verdict 1 "the promise of the log" "${identity[@]}" --certificate-chain chain/all.crt --rekor-public-key chain/otherlog.pub
    verdict 1 "no time stamp" "${keyless[@]}" --timestamp-certificate-chain chain/root.crt
    AT=864000 attested log leaf middle root; verdict 1 expired "${keyless[@]}"
    attested log mail middle root
    verdict 0 "" --certificate-identity a@example.com "${keyless[@]:2}"
    verdict 1 "not of the identity" --certificate-identity a@EXAMPLE.com "${keyless[@]:2}"

    # bundles: what is signed, and every kind of entry
    for row in "dsse dsse" "dsse intoto" "message hashedrekord"; do
        CONTENT=${row% *} ENTRY=${row#* } bundled log leaf; verdict 0 "" "${keyless[@]}"
    done
    verdict 1 "no statement" "${keyless[@]}" --type slsaprovenance1
    SAYS=promise bundled log leaf; verdict 0 "" "${keyless[@]}"
    SAYS=none bundled log leaf; verdict 1 "no log has promised" "${keyless[@]}"
    SAYS=absent bundled log leaf; verdict 1 "no log has promised" "${keyless[@]}"
    ENTRY=strange bundled log leaf; verdict 1 "'strange' 0.0.1 of a log is not read" "${keyless[@]}"
    bundled otherlog leaf; verdict 1 "the promise of the log" "${keyless[@]}"
    for it in payload signature signer; do BREAK=$it bundled log leaf; verdict 1 "the log has another signature" "${keyless[@]}"; done
    BREAK=time bundled log leaf; verdict 1 "the promise of the log" "${keyless[@]}"
    BREAK=two bundled log leaf; verdict 1 "not one signature" "${keyless[@]}"
    AT=864000 bundled log leaf; verdict 1 expired "${keyless[@]}"

    # proofs, with a key: trees of all shapes; then each part of one changed
    openssl pkey -in chain/leaf.key -pubout -out chain/leaf.pub
    logged=(--key chain/leaf.pub --rekor-public-key chain/log.pub)
    for tree in "1 0" "5 4" "8 0" "100 64"; do
        SAYS=proof SIGNER=key LEAVES=${tree% *} INDEX=${tree#* } bundled log leaf; verdict 0 "" "${logged[@]}"
    done
    for it in leaf hash short long index; do SAYS=proof SIGNER=key BREAK=$it bundled log leaf; verdict 1 "not in its tree" "${logged[@]}"; done
    for it in checkpoint size; do SAYS=proof SIGNER=key BREAK=$it bundled log leaf; verdict 1 "of another tree" "${logged[@]}"; done
    SAYS=proof SIGNER=key BREAK=witness bundled log leaf; verdict 1 "not signed by this log" "${logged[@]}"
    BREAK=hash bundled log leaf; verdict 1 "not in its tree" "${keyless[@]}" # though its promise holds
    SAYS=proof bundled log leaf; verdict 1 "nothing says when" "${keyless[@]}" # a proof vouches for no time

    # time stamps, alone and with a log
    stamped=(--timestamp-certificate-chain chain/root.crt)
    STAMP=clock SAYS=proof bundled log leaf
    verdict 0 "" "${keyless[@]}" "${stamped[@]}"
    verdict 0 "" "${identity[@]}" --certificate-chain chain/all.crt "${stamped[@]}"
    verdict 0 "" --key chain/leaf.pub "${stamped[@]}"
    verdict 0 "" --key chain/leaf.pub --timestamp-certificate-chain chain/clock.crt
    verdict 1 "not one of the named authority" --key chain/leaf.pub --timestamp-certificate-chain chain/new.crt
    for it in stamped stamp; do STAMP=clock BREAK=$it bundled log leaf; verdict 1 "not one of the named authority" --key chain/leaf.pub "${stamped[@]}"; done
    STAMP=clock BREAK=sha1 bundled log leaf; verdict 1 "too weak" --key chain/leaf.pub "${stamped[@]}"

    # a stamp in the tag form
    STAMP=clock attested "" leaf middle root
    verdict 0 "" "${identity[@]}" --certificate-chain chain/all.crt "${stamped[@]}"
    verdict 0 "" --key chain/leaf.pub "${stamped[@]}"
    verdict 1 "no log has promised" "${keyless[@]}" "${stamped[@]}"
    verdict 1 "not one of the named authority" --key chain/leaf.pub --timestamp-certificate-chain chain/new.crt

    # the same in a policy of cooper's own, and an age that the log vouches for
    rule() { printf '{"version": 1, "default": [{"certificate-identity": "%s", "certificate-oidc-issuer": "https://issuer.example", "certificate-chain": "chain/all.crt", %s}]}' "$who" "$1" >own.json; }
    by_policy() { run "-$1" --separate-stderr cooper verify --policy own.json oci:image:1.0; echo "$stderr"; [[ $stderr == *"$2"* ]]; }
    bundled log leaf
    rule '"rekor-public-key": ["chain/log.pub"], "max-age": "1h"'; by_policy 0 ""
    rule '"rekor-public-key": ["chain/otherlog.pub"]'; by_policy 1 "the promise of the log"
    rule '"timestamp-certificate-chain": "chain/root.crt"'; by_policy 1 "no time stamp"
    STAMP=clock bundled log leaf; by_policy 0 ""
    attested log leaf middle root
    rule '"rekor-public-key": ["chain/log.pub"], "max-age": "1h"'; by_policy 0 ""
    OPTIONAL='{"timestamp": 1700000000}' attested log leaf middle root; by_policy 1 "too old" # though a log took it anew
    attested log leaf middle root
    rule '"statement": "spdxjson"'; by_policy 1 "no statement"

    # words that do not go together
    run -2 cooper verify "${identity[@]}" oci:image
    run -2 cooper verify --key cosign.pub "${identity[@]}" --ca-roots chain/root.crt oci:image
    run -2 cooper verify --certificate-identity "$who" --ca-roots chain/root.crt oci:image
    run -2 cooper verify --policy x --rekor-public-key chain/log.pub oci:image
    verdict 2 "certificate-identity-regexp is empty" --certificate-identity-regexp "" "${keyless[@]:2}"
    for pattern in '(?i)x' '\<x' '\d' 'a.*?' '[[:alpha:]]' '[\w]' '[' '('; do
        verdict 2 "pattern" --certificate-identity-regexp "$pattern" "${keyless[@]:2}"
    done
}

@test "verify by sigstore's trusted root: one file of authorities, logs and clocks, each for its time" {
    local past='{"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00.5Z"}' now='{"start": "2021-01-01T00:00:00Z"}' to_come='{"start": "2100-01-01T00:00:00Z"}'
    authorities
    leaf='keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\nsubjectAltName=critical,URI:https://git.example/a@v1\n1.3.6.1.4.1.57264.1.8=ASN1:UTF8String:https://issuer.example\n'
    certificate leaf middle "$leaf"
    certificate clock root 'keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n'
    echo 01 >chain/serial
    openssl pkey -in chain/leaf.key -pubout -out chain/leaf.pub
    bundled() { fresh && python3 "$SOURCE_ROOT/tests/cli/bundle.py" "$@"; }
    verdict() { run "-$1" --separate-stderr cooper verify "${@:3}" oci:image:1.0; echo "$stderr"; [[ $stderr == *"$2"* ]]; }
    raw() { case $1 in *.pub) openssl pkey -pubin -in "chain/$1" -outform DER ;; *) openssl x509 -in "chain/$1" -outform DER ;; esac | base64 -w0; }
    log() { printf '{"baseUrl": "https://log.example", "hashAlgorithm": "SHA2_256", "publicKey": {"rawBytes": "%s", "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": %s}, "logId": {"keyId": "eA=="}}' "$(raw "$1.pub")" "$2"; }
    chain() { # WINDOW CERTIFICATE...
        printf '{"subject": {"organization": "x", "commonName": "y"}, "uri": "https://ca.example", "validFor": %s, "certChain": {"certificates": [' "$1"
        shift
        printf '{"rawBytes": "%s"}, ' "$(raw "$1")"
        printf '{"rawBytes": "%s"}]}}' "$(raw root.crt)"
    }
    trust() { printf '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1", "tlogs": [%s], "certificateAuthorities": [%s], "ctlogs": [], "timestampAuthorities": [%s]}' "$@" >root.json; }
    identity=(--certificate-identity https://git.example/a@v1 --certificate-oidc-issuer https://issuer.example --trusted-root root.json)
    key=(--key chain/leaf.pub --trusted-root root.json)
    fulcio=$(chain "$now" middle.crt) tsa=$(chain "$now" clock.crt)

    # the log says when; a log and an authority that are no more do no harm beside those that are
    bundled log leaf
    trust "$(log otherlog "$past"), $(log log "$now")" "$(chain "$past" middle.crt), $fulcio" "$tsa"
    verdict 0 "" "${identity[@]}"
    SIGNER=key bundled log leaf; verdict 0 "" "${key[@]}"
    attested log leaf middle root; verdict 0 "" "${identity[@]}"
    AT=864000 bundled log leaf; verdict 1 expired "${identity[@]}"
    bundled otherlog leaf; verdict 1 "the log is not believed" "${identity[@]}"

    # each is believed for its time
    bundled log leaf
    trust "$(log log "$past")" "$fulcio" ""; verdict 1 "the log is not believed" "${identity[@]}"
    trust "$(log log "$to_come")" "$fulcio" ""; verdict 1 "the log is not believed" "${identity[@]}"
    trust "$(log log '{"start": "1970-01-01T00:00:00Z"}')" "$fulcio" ""; verdict 0 "" "${identity[@]}" # as cosign writes it
    trust "$(log log "$now")" "$(chain "$past" middle.crt)" ""; verdict 1 "no authority is believed" "${identity[@]}"
    SAYS=promise BREAK=time bundled log leaf; trust "$(log log "$now")" "$fulcio" ""; verdict 1 "the promise of the log" "${identity[@]}"

    # a proof alone: the clock says when, or it is now
    STAMP=clock SAYS=proof bundled log leaf
    trust "$(log log "$now")" "$fulcio" "$tsa"; verdict 0 "" "${identity[@]}"
    trust "$(log log "$past")" "$fulcio" "$tsa"; verdict 1 "the log is not believed" "${identity[@]}"
    trust "$(log log "$now")" "$fulcio" "$(chain "$past" clock.crt)"; verdict 1 "nothing says when" "${identity[@]}"
    SIGNER=key SAYS=proof bundled log leaf; trust "$(log log "$now")" "" ""; verdict 0 "" "${key[@]}"
    trust "$(log log "$past")" "" ""; verdict 1 "the log is not believed" "${key[@]}"

    # no log: a clock has to
    trust "" "$fulcio" "$tsa"
    STAMP=clock SAYS=absent bundled log leaf; verdict 0 "" "${identity[@]}"
    bundled log leaf; verdict 1 "no time stamp" "${identity[@]}"
    trust "" "$fulcio" "$(chain "$past" clock.crt)"
    STAMP=clock SAYS=absent bundled log leaf; verdict 1 "of time is not believed" "${identity[@]}"

    # in a policy, beside it
    trust "$(log log "$now")" "$fulcio" ""
    bundled log leaf
    own() { printf '{"version": 1, "default": [{"certificate-identity": "https://git.example/a@v1", "certificate-oidc-issuer": "https://issuer.example", %s}]}' "$1" >own.json; }
    by_policy() { run "-$1" --separate-stderr cooper verify --policy own.json oci:image:1.0; echo "$stderr"; [[ $stderr == *"$2"* ]]; }
    own '"trusted-root": "root.json", "max-age": "1h"'; by_policy 0 ""
    own '"trusted-root": "root.json", "rekor-public-key": ["chain/log.pub"]'; by_policy 2 "there are trusted-root and"
    own '"trusted-root": null'; by_policy 2 "is null"

    # a file that asks for less than it seems to
    trust "" "$fulcio" ""; verdict 2 "no log and no authority of time" "${identity[@]}"
    trust "$(log log "$now")" "" ""; verdict 2 "no authority of certificates" "${identity[@]}"
    trust "$(log log "$now" | sed s/PKIX_ECDSA_P256_SHA_256/PKIX_ML_DSA_65/)" "$fulcio" "$tsa"; verdict 1 "no key of a kind" "${identity[@]}"
    trust "$(log log "$now" | sed s/validFor/valid_for/)" "$fulcio" ""; verdict 2 "no meaning" "${identity[@]}"
    trust "$(log log null)" "$fulcio" ""; verdict 2 "is null" "${identity[@]}"
    trust "$(log log '{"end": "soon"}')" "$fulcio" ""; verdict 2 "is no time" "${identity[@]}"
    trust "$(log log '{"end": "1970-01-01T00:00:00Z"}')" "$fulcio" ""; verdict 2 "before all time" "${identity[@]}"
    trust "$(log log '{"start": "2021-02-31T00:00:00Z"}')" "$fulcio" ""; verdict 2 "is no time" "${identity[@]}"

    # several files in one, a line each: each is a world of its own
    line() { trust "$@"; printf '%s\n' "$(tr -d '\n' <root.json)" >>lines.json; }
    joined() { mv lines.json root.json; }
    bundled log leaf
    line "$(log otherlog "$now")" "$fulcio" "$tsa"; line "$(log log "$now")" "$fulcio" ""; joined; verdict 0 "" "${identity[@]}"
    own '"trusted-root": "root.json", "max-age": "1h"'; by_policy 0 ""
    printf '\n \n' | cat - root.json >lines.json; joined; verdict 0 "" "${identity[@]}"
    line "$(log otherlog "$now")" "$fulcio" "$tsa"; line "$(log log "$now")" "$(chain "$past" middle.crt)" ""; joined; verdict 1 "log" "${identity[@]}"
    SIGNER=key bundled log leaf; verdict 0 "" "${key[@]}"
    STAMP=clock SAYS=absent bundled log leaf
    line "$(log otherlog "$now")" "$fulcio" ""; line "" "$fulcio" "$tsa"; joined; verdict 0 "" "${identity[@]}"
    line "$(log log "$now")" "$fulcio" ""; line "" "" ""; joined; verdict 2 "no authority of certificates" "${identity[@]}"
    line "$(log log "$now")" "$fulcio" ""; printf '{"mediaType": ' >>lines.json; joined; verdict 2 "trusted root" "${identity[@]}"
    for i in $(seq 17); do line "$(log log "$now")" "$fulcio" ""; done; joined; verdict 1 "more than 16" "${identity[@]}"
    : >root.json; verdict 2 "trusted root" "${identity[@]}"
    run -2 cooper verify "${identity[@]}" --rekor-public-key chain/log.pub oci:image
    run -2 cooper verify --trusted-root root.json oci:image
}

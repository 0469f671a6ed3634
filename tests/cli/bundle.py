"""Puts a Sigstore bundle v0.3 beside the image of the layout "image", as cosign 3 does, made by openssl.

bundle.py LOG LEAF: by the key of chain/LEAF, with its certificate, entered in the log of chain/LOG. From the environment:
  CONTENT   dsse (default) or message
  ENTRY     dsse, intoto, hashedrekord: the kind of the log's entry (default: as CONTENT)
  SAYS      what the log says: promise, proof, both (default), none
  LEAVES    of the log's tree (default 7); INDEX: of the entry in it (default 4)
  AT        seconds from now when the log took it (default 60)
  STAMP     a directory's TSA in chain/ that stamps the signature
  SIGNER    publicKey: of a key alone, without a certificate
  BREAK     what is not as it should be"""
import base64, hashlib, json, os, subprocess, sys, time

log, leaf = sys.argv[1:]
env = os.environ.get
broken = env("BREAK", "")
content = env("CONTENT", "dsse")
kind = env("ENTRY", "dsse" if content == "dsse" else "hashedrekord")
says = env("SAYS", "both")
b64 = lambda b: base64.b64encode(b).decode()
sha = lambda b: hashlib.sha256(b).digest()


def blob(data):
    name = sha(data).hex()
    open("image/blobs/sha256/" + name, "wb").write(data)
    return {"digest": "sha256:" + name, "size": len(data)}


def openssl(*words, data=None):
    return subprocess.run(["openssl", *words], input=data, capture_output=True, check=True).stdout


def sign(key, data):
    return openssl("dgst", "-sha256", "-sign", f"chain/{key}.key", data=data)


# RFC 6962, 2.1: the recursive definitions
def half(n):
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def root(leaves):
    if len(leaves) == 1:
        return sha(b"\0" + leaves[0])
    k = half(len(leaves))
    return sha(b"\1" + root(leaves[:k]) + root(leaves[k:]))


def path(i, leaves):
    if len(leaves) == 1:
        return []
    k = half(len(leaves))
    return path(i, leaves[:k]) + [root(leaves[k:])] if i < k else path(i - k, leaves[k:]) + [root(leaves[:k])]


def pem(name):
    return openssl("pkey", "-in", f"chain/{name}.key", "-pubout") if env("SIGNER") else open(f"chain/{name}.crt", "rb").read()


index = json.load(open("image/index.json"))
image = index["manifests"][0]
manifest = open("image/blobs/sha256/" + image["digest"][7:], "rb").read()
bundle = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {}}
predicate = "https://sigstore.dev/cosign/sign/v1"
if content == "dsse":
    signed = json.dumps({"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": image["digest"][7:]}}],
        "predicateType": predicate, "predicate": {}}).encode()
    media = "application/vnd.in-toto+json"
    signature = sign(leaf, b"DSSEv1 %d %s %d %s" % (len(media), media.encode(), len(signed), signed))
    signatures = [{"sig": b64(signature), "keyid": ""}]
    bundle["dsseEnvelope"] = {"payload": b64(signed), "payloadType": media, "signatures": signatures * (2 if broken == "two" else 1)}
else:
    signed = manifest
    signature = sign(leaf, signed)
    bundle["messageSignature"] = {"messageDigest": {"algorithm": "SHA2_256", "digest": b64(sha(signed))}, "signature": b64(signature)}
material = bundle["verificationMaterial"]
if env("SIGNER"):
    material["publicKey"] = {"hint": "x"}
else:
    material["certificate"] = {"rawBytes": b64(openssl("x509", "-in", f"chain/{leaf}.crt", "-outform", "DER"))}

# the log's entry
entered = b"other" if broken == "payload" else signed
noted = sign(leaf, b"other") if broken == "signature" else signature
signer = b64(pem("new" if broken == "signer" else leaf))
value = {"algorithm": "sha256", "value": sha(entered).hex()}
spec = {
    "hashedrekord": {"data": {"hash": value}, "signature": {"content": b64(noted), "publicKey": {"content": signer}}},
    "dsse": {"envelopeHash": value, "payloadHash": value, "signatures": [{"signature": b64(noted), "verifier": signer}]},
    "intoto": {"content": {"envelope": {"payloadType": "x", "signatures": [{"sig": b64(b64(noted).encode()), "publicKey": signer}]},
        "hash": value, "payloadHash": value}},
    "strange": {},
}[kind]
body = json.dumps({"apiVersion": "0.0.2" if kind == "intoto" else "0.0.1", "kind": kind, "spec": spec}).encode()
taken = int(time.time()) + int(env("AT", "60"))
entry = {"logIndex": "123456", "logId": {"keyId": b64(b"\xab" * 32)}, "kindVersion": {"kind": kind, "version": "0.0.1"}, "canonicalizedBody": b64(body)}
if says in ("promise", "both"):
    text = json.dumps({"body": b64(body), "integratedTime": taken, "logID": "ab" * 32, "logIndex": 123456}, sort_keys=True, separators=(",", ":"))
    entry["integratedTime"] = str(taken + (broken == "time"))
    entry["inclusionPromise"] = {"signedEntryTimestamp": b64(sign(log, text.encode()))}
if says in ("proof", "both"):
    at, size = int(env("INDEX", "4")), int(env("LEAVES", "7"))
    leaves = [b"leaf %d" % i for i in range(size)]
    leaves[at] = b"another" if broken == "leaf" else body
    hashes = path(at, leaves)
    top = root(leaves)
    if broken == "hash":
        hashes[0] = sha(b"")
    if broken == "short":
        hashes.pop()
    if broken == "long":
        hashes.append(sha(b""))
    if broken == "index":
        at -= 1
    tree = top if broken != "checkpoint" else sha(b"another tree")
    text = f"log.example - 1\n{size + (broken == 'size')}\n{b64(tree)}\n" + ("Timestamp: 1\n" if size % 2 else "")
    note = sign("otherlog" if broken == "witness" else log, text.encode())
    lines = f"— witness.example {b64(b'abcd' + sign('leaf', text.encode()))}\n— log.example {b64(sha(b'hint')[:4] + note)}\n"
    entry["inclusionProof"] = {"logIndex": str(at), "rootHash": b64(top), "treeSize": str(size), "hashes": [b64(h) for h in hashes],
        "checkpoint": {"envelope": text + "\n" + lines}}
    if at == 0:
        del entry["inclusionProof"]["logIndex"]  # as protobuf leaves a 0 out
if says != "absent":
    material["tlogEntries"] = [entry]
if env("STAMP"):
    tsa = env("STAMP")
    open("chain/tsa.cnf", "w").write("[tsa]\nserial=chain/serial\ndefault_policy=1.2.3\ndigests=sha1,sha256\nsigner_digest=sha256\ness_cert_id_alg=sha256\n")
    open("chain/signature", "wb").write(b"other" if broken == "stamped" else signature)
    openssl("ts", "-query", "-data", "chain/signature", "-sha1" if broken == "sha1" else "-sha256", "-cert", "-out", "chain/query")
    stamp = openssl("ts", "-reply", "-queryfile", "chain/query", "-config", "chain/tsa.cnf", "-section", "tsa", "-signer", f"chain/{tsa}.crt", "-inkey", f"chain/{tsa}.key")
    if broken == "stamp":
        at = stamp.index(b"\x18\x0f20") + 3  # the year
        stamp = stamp[:at] + bytes([stamp[at] ^ 1]) + stamp[at + 1:]
    material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": b64(stamp)}]}

layer = {"mediaType": bundle["mediaType"], **blob(json.dumps(bundle).encode())}
referrer = blob(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": bundle["mediaType"],
    "config": {"mediaType": "application/vnd.oci.empty.v1+json", **blob(b"{}")}, "layers": [layer],
    "subject": {k: image[k] for k in ("mediaType", "digest", "size")}}).encode())
index["manifests"].append({"mediaType": "application/vnd.oci.image.manifest.v1+json", **referrer, "artifactType": bundle["mediaType"]})
json.dump(index, open("image/index.json", "w"))

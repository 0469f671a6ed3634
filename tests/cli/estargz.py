#!/usr/bin/env python3
"""Reads the eStargz layers of an OCI layout as stargz-snapshotter's docs/estargz.md describes them.

    estargz.py LAYOUT [LAYER...]     layers by number, default: all

Every MUST of that page that can be seen in a blob is checked; prints "layer N: F files, C chunks".
"""
import base64, gzip, hashlib, io, json, os, sys, tarfile, zlib

sys.dont_write_bytecode = True
import layers

FOOTER = 51
TYPES = {tarfile.REGTYPE: "reg", tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "hardlink",
         tarfile.CHRTYPE: "char", tarfile.BLKTYPE: "block", tarfile.FIFOTYPE: "fifo"}


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def member(blob, offset, size=None):
    """The first `size` bytes (all: None) of the one gzip member that begins at offset."""
    d = zlib.decompressobj(31)
    out = d.decompress(blob[offset:]) if size is None else b""
    while size is not None and len(out) < size and not d.eof:
        out += d.decompress(d.unconsumed_tail or blob[offset:], size - len(out))
    return out


def table_of(blob):
    footer = blob[-FOOTER:]
    assert footer[:4] == b"\x1f\x8b\x08\x04", "footer: gzip header with an extra field"
    assert footer[10:16] == b"\x1a\0SG\x16\0" and footer[32:38] == b"STARGZ", "footer: extra field"
    assert gzip.decompress(footer) == b"", "footer: an empty member"
    offset = int(footer[16:32], 16)
    with tarfile.open(fileobj=io.BytesIO(member(blob, offset))) as tar:
        (entry,) = tar.getmembers()
        assert entry.name == "stargz.index.json" and entry.isreg()
        return offset, tar.extractfile(entry).read()


def check(layout, n, descriptor, diff_id):
    with open(os.path.join(layout, "blobs", descriptor["digest"].replace(":", "/")), "rb") as f:
        blob = f.read()
    assert descriptor["mediaType"].endswith("+gzip") and sha(blob) == descriptor["digest"] and len(blob) == descriptor["size"]
    plain = gzip.decompress(blob)
    assert sha(plain) == diff_id, "diff id"
    toc_at, text = table_of(blob)
    notes = descriptor["annotations"]
    assert notes["containerd.io/snapshot/stargz/toc.digest"] == sha(text), "digest of the table"
    assert int(notes["io.containers.estargz.uncompressed-size"]) == len(plain)
    toc = json.loads(text)
    assert toc["version"] == 1
    rows = [e for e in toc["entries"] if e["type"] != "chunk"]
    chunks = {}
    for e in toc["entries"]:
        if e["type"] == "chunk" or e.get("size"):
            chunks.setdefault(e["name"], []).append(e)
    marks = [e for e in rows if e["name"].endswith("prefetch.landmark")]
    assert [e["name"] for e in marks] == [".no.prefetch.landmark"], "one landmark"
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        entries = tar.getmembers()
        assert entries[-1].name == "stargz.index.json", "the table is the last entry"
        assert len(entries) - 1 == len(rows), "a row for each entry"
        for entry, e in zip(entries, rows):
            name = entry.name + ("/" if entry.isdir() else "")
            assert e["name"] == name, (e["name"], name)
            assert e["type"] == TYPES[entry.type], name
            assert e["mode"] & 0o7777 == entry.mode and e.get("uid", 0) == entry.uid and e.get("gid", 0) == entry.gid, name
            if entry.issym() or entry.islnk():
                assert e["linkName"] == entry.linkname, name
            if entry.ischr() or entry.isblk():
                assert (e["devMajor"], e["devMinor"]) == (entry.devmajor, entry.devminor), name
            xattrs = {k[13:]: v.encode("utf-8", "surrogateescape") for k, v in entry.pax_headers.items() if k.startswith("SCHILY.xattr.")}
            assert {k: base64.b64decode(v) for k, v in e.get("xattrs", {}).items()} == xattrs, name
            if not entry.isreg() or entry.size == 0:
                continue
            content, at = tar.extractfile(entry).read(), 0
            assert e["size"] == len(content) and e["digest"] == sha(content), name
            for c in chunks[name]:
                assert c.get("chunkOffset", 0) == at, name
                size = c.get("chunkSize", 0) or len(content) - at
                assert 0 < c["offset"] < toc_at and blob[c["offset"]:c["offset"] + 3] == b"\x1f\x8b\x08", name
                piece = member(blob, c["offset"], size)
                assert piece == content[at:at + size] and c["chunkDigest"] == sha(piece), name
                at += size
            assert at == len(content), name
            if name == ".no.prefetch.landmark":
                assert content == b"\x0f"
    print(f"layer {n}: {len(rows)} files, {sum(map(len, chunks.values()))} chunks")


layers.each(check)

#!/usr/bin/env python3
"""Reads the zstd:chunked layers of an OCI layout as containers/storage (pkg/chunked) reads them.

    zstdchunked.py LAYOUT [LAYER...]     layers by number, default: all

Annotations, footer, table of contents, every chunk alone, and the archive put together again from the tar-split and the
chunks. Prints "layer N: F files, C chunks". Frames are unpacked by zstd(1).
"""
import base64, hashlib, io, json, os, struct, subprocess, sys, tarfile

sys.dont_write_bytecode = True
import layers

PREFIX = "io.github.containers.zstd-chunked."
TYPES = {tarfile.REGTYPE: "reg", tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "hardlink",
         tarfile.CHRTYPE: "char", tarfile.BLKTYPE: "block", tarfile.FIFOTYPE: "fifo"}
CRC = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ 0xD800000000000000 if byte & 1 else byte >> 1
    CRC.append(byte)


def crc64(data):
    crc = (1 << 64) - 1
    for byte in data:
        crc = CRC[(crc ^ byte) & 255] ^ crc >> 8
    return (crc ^ (1 << 64) - 1).to_bytes(8, "big")


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def unpack(data):
    return subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout


def skippable(blob, offset, size):
    """The content that begins at offset is all of a skippable frame."""
    magic, length = struct.unpack("<II", blob[offset - 8:offset])
    assert magic == 0x184D2A50 and length == size, "a skippable frame"
    return blob[offset:offset + size]


def contents(blob, rows):
    """name -> content, each chunk from its own bytes."""
    found, i, chunks = {}, 0, 0
    while i < len(rows):
        first = rows[i]
        i += 1
        parts = [first]
        while i < len(rows) and rows[i]["type"] == "chunk":
            assert first["type"] == "reg" and rows[i]["name"] == first["name"]
            parts.append(rows[i])
            i += 1
        if not first.get("size"):
            assert len(parts) == 1 and "offset" not in first and "digest" not in first
            continue
        ends = [p["offset"] for p in parts[1:]] + [first["endOffset"]]
        data = b""
        for part, end in zip(parts, ends):
            assert blob[part["offset"]:part["offset"] + 4] == b"\x28\xb5\x2f\xfd", "a frame begins there"
            piece = unpack(blob[part["offset"]:end])
            if len(parts) > 1:
                assert part["chunkSize"] == len(piece) and part["chunkDigest"] == sha(piece) and part.get("chunkOffset", 0) == len(data)
            data += piece
        assert len(data) == first["size"] and sha(data) == first["digest"], first["name"]
        found[first["name"]] = data
        chunks += len(parts)
    return found, chunks


def put_together(split, files):
    out, names = [], set()
    for position, line in enumerate(split.splitlines()):
        row = json.loads(line)
        assert row["position"] == position
        if row["type"] == 2:
            out.append(base64.b64decode(row["payload"], validate=True))
            continue
        name = os.path.normpath(row["name"])
        assert row["type"] == 1 and name not in names, "each name once"
        names.add(name)
        if row.get("size"):
            data = files[row["name"]]
            assert len(data) == row["size"] and crc64(data) == base64.b64decode(row["payload"]), row["name"]
            out.append(data)
        else:
            assert row["payload"] is None
    return b"".join(out)


def check(layout, n, descriptor, diff_id):
    with open(os.path.join(layout, "blobs", descriptor["digest"].replace(":", "/")), "rb") as f:
        blob = f.read()
    assert descriptor["mediaType"] == "application/vnd.oci.image.layer.v1.tar+zstd"
    assert sha(blob) == descriptor["digest"] and len(blob) == descriptor["size"]
    plain = unpack(blob)
    assert sha(plain) == diff_id, "diff id"
    notes = descriptor["annotations"]
    assert set(notes) == {PREFIX + k for k in ("manifest-checksum", "manifest-position", "tarsplit-position")}
    at, size, length, kind = map(int, notes[PREFIX + "manifest-position"].split(":"))
    split_at, split_size, split_length = map(int, notes[PREFIX + "tarsplit-position"].split(":"))
    footer = skippable(blob, len(blob) - 64, 64)
    assert struct.unpack("<7Q", footer[:56]) == (at, size, length, 1, split_at, split_size, split_length) and kind == 1
    assert footer[56:] == b"GNUlInUx"
    assert split_at == at + size + 8 and split_at + split_size + 8 + 64 == len(blob), "three frames in a row"
    packed = skippable(blob, at, size)
    assert sha(packed) == notes[PREFIX + "manifest-checksum"]
    text = unpack(packed)
    assert len(text) == length
    toc = json.loads(text)
    packed = skippable(blob, split_at, split_size)
    assert toc["version"] == 1 and toc["tarSplitDigest"] == sha(packed)
    split = unpack(packed)
    assert len(split) == split_length
    files, chunks = contents(blob[:at - 8], toc["entries"])
    assert put_together(split, files) == plain, "the archive out of tar-split and chunks"
    rows = [e for e in toc["entries"] if e["type"] != "chunk"]
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        entries = tar.getmembers()
        assert len(entries) == len(rows), "a row for each entry"
        for entry, e in zip(entries, rows):
            name = entry.name + ("/" if entry.isdir() else "")
            assert e["name"] == name and e["type"] == TYPES[entry.type], (e["name"], name)
            assert e["mode"] == entry.mode and e.get("uid", 0) == entry.uid and e.get("gid", 0) == entry.gid, name
            assert e.get("size", 0) == (entry.size if entry.isreg() else 0), name
            assert e.get("linkName", "") == entry.linkname, name
            assert (e.get("devMajor", 0), e.get("devMinor", 0)) == (entry.devmajor, entry.devminor), name
            xattrs = {k[13:]: v.encode("utf-8", "surrogateescape") for k, v in entry.pax_headers.items() if k.startswith("SCHILY.xattr.")}
            assert {k: base64.b64decode(v) for k, v in e.get("xattrs", {}).items()} == xattrs, name
    print(f"layer {n}: {len(rows)} files, {chunks} chunks")


layers.each(check)

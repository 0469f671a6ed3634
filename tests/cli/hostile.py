#!/usr/bin/env python3
"""hostile.py archive NAME OUT | image NAME OUT | list: archives that a stranger might send.

archive writes the layer alone, image wraps it as docker's archive "hostile:1" with a true diff id.
"""
import hashlib, io, json, sys, tarfile

FILE, LINK, SYM, CHAR, BLOCK, DIR, FIFO = tarfile.REGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, \
    tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE


def entry(name, kind=FILE, body=b"", link="", mode=0o644, dev=(0, 0), **pax):
    t = tarfile.TarInfo(name)
    t.type, t.linkname, t.mode, t.size = kind, link, 0o755 if kind == DIR else mode, len(body)
    t.devmajor, t.devminor, t.mtime = dev[0], dev[1], 1700000000
    t.pax_headers = {k.replace("__", "."): v for k, v in pax.items()}
    return t, body


def xattr(name, value, kind=DIR, path="d"):
    t, body = entry(path, kind)
    t.pax_headers = {"SCHILY.xattr." + name: value}
    return t, body


def layer(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as a:
        for t, body in entries:
            a.addfile(t, io.BytesIO(body))
    return out.getvalue()


def lying(size_field):
    """One file whose header says size_field."""
    raw = bytearray(layer([entry("f", body=b"x" * 100)]))
    raw[124:136] = size_field
    raw[148:156] = b" " * 8
    raw[148:155] = b"%06o\0" % sum(raw[:512])
    return bytes(raw)


OUT = "escaped-by-cooper-test"
CASES = {
    # names that leave the tree
    "dotdot": layer([entry("../" + OUT, body=b"x")]),
    "dotdot-inside": layer([entry("a/../../" + OUT, body=b"x")]),
    "absolute": layer([entry("/" + OUT, body=b"x")]),
    "dot": layer([entry("./././" + OUT, body=b"x")]),
    "nothing": layer([entry("", body=b"x")]),
    "slashes": layer([entry("///", DIR)]),
    # links that leave the tree, and files that go through them
    "symlink-absolute": layer([entry("l", SYM, link="/tmp"), entry("l/" + OUT, body=b"x")]),
    "symlink-up": layer([entry("l", SYM, link="../../../../tmp"), entry("l/" + OUT, body=b"x")]),
    "symlink-chain": layer([entry("a", SYM, link="b"), entry("b", SYM, link="/tmp"), entry("a/" + OUT, body=b"x")]),
    "symlink-proc": layer([entry("l", SYM, link="/proc/self/cwd"), entry("l/" + OUT, body=b"x")]),
    "symlink-swap": layer([entry("d", DIR), entry("d/f", body=b"1"), entry("d", SYM, link="/tmp"), entry("d/" + OUT, body=b"x")]),
    "symlink-loop": layer([entry("a", SYM, link="b"), entry("b", SYM, link="a"), entry("a/f", body=b"x")]),
    "symlink-long": layer([entry("a", SYM, link="x/" * 3000 + "y")]),
    "write-through": layer([entry("passwd", SYM, link="/etc/passwd"), entry("passwd", body=b"hacked")]),
    "hardlink-up": layer([entry("h", LINK, link="../../../../etc/passwd")]),
    "hardlink-absolute": layer([entry("h", LINK, link="/etc/passwd")]),
    "hardlink-symlink": layer([entry("l", SYM, link="/etc"), entry("h", LINK, link="l/passwd")]),
    "hardlink-to-symlink": layer([entry("l", SYM, link="/etc/passwd"), entry("h", LINK, link="l"), entry("h", body=b"hacked")]),
    "hardlink-self": layer([entry("h", LINK, link="h")]),
    "hardlink-ring": layer([entry("a", LINK, link="b"), entry("b", LINK, link="a")]),
    "hardlink-dir": layer([entry("d", DIR), entry("h", LINK, link="d")]),
    "hardlink-whiteout": layer([entry(".wh.x"), entry("h", LINK, link=".wh.x")]),
    # attributes that are not a stranger's to give
    "xattr-overlay": layer([xattr("user.overlay.opaque", "y"), xattr("user.overlay.redirect", "/etc", DIR, "e"),
                            xattr("trusted.overlay.opaque", "y", DIR, "f")]),
    "xattr-metacopy": layer([xattr("user.overlay.metacopy", "", FILE, "m"), xattr("trusted.overlay.metacopy", "", FILE, "n")]),
    "xattr-cooper": layer([xattr("user.cooper.stat", "4755 0 0 f", FILE, "m")]),
    "xattr-name": layer([xattr("user." + "n" * 300, "v")]),
    "xattr-value": layer([xattr("user.v", "v" * 70000)]),
    "xattr-many": layer([(lambda t: (t.pax_headers.update({"SCHILY.xattr.user.%d" % i: "v" for i in range(5000)}), (t, b""))[1])(entry("f")[0])]),
    "xattr-acl": layer([xattr("system.posix_acl_access", "garbage"), xattr("security.selinux", "x", DIR, "s")]),
    # whiteouts and opaque marks
    "whiteout-root": layer([entry(".wh.")]),
    "whiteout-dot": layer([entry(".wh..")]),
    "whiteout-dotdot": layer([entry("d/.wh...")]),
    "whiteout-dir": layer([entry(".wh.d", DIR), entry(".wh.d/f", body=b"x")]),
    "whiteout-link": layer([entry("l", SYM, link="/tmp"), entry("l/.wh." + OUT)]),
    "whiteout-up": layer([entry("a/../../.wh.etc")]),
    "opaque-file": layer([entry("f", body=b"x"), entry("f/.wh..wh..opq")]),
    "opaque-link": layer([entry("l", SYM, link="/tmp"), entry("l/.wh..wh..opq")]),
    "opaque-dir": layer([entry("d/.wh..wh..opq", DIR)]),
    "opaque-root": layer([entry(".wh..wh..opq"), entry("x", body=b"1")]),
    "whiteout-aufs": layer([entry(".wh..wh.aufs"), entry(".wh..wh.plnk", DIR), entry(".wh..wh.plnk/1.2", body=b"x")]),
    # devices
    "device-zero": layer([entry("etc/passwd", CHAR, dev=(0, 0))]),
    "device-disk": layer([entry("disk", BLOCK, dev=(8, 0)), entry("mem", CHAR, dev=(1, 1))]),
    "device-huge": layer([entry("c", CHAR, dev=(2097151, 2097151))]),
    "fifo": layer([entry("etc/passwd", FIFO), entry("etc/group", FIFO)]),
    # names
    "name-255": layer([entry("n" * 255, body=b"x")]),
    "name-256": layer([entry("n" * 256, body=b"x")]),
    "path-4095": layer([entry("/".join(["d" * 100] * 40), body=b"x")]),
    "path-4096": layer([entry("/".join(["d" * 100] * 41), body=b"x")]),
    "path-deep": layer([entry("d/" * 5000 + "f", body=b"x")]),
    "name-control": layer([entry("\x1b]0;owned\x07\n\x01", body=b"x")]),
    "name-backslash": layer([entry("..\\..\\x", body=b"x")]),
    # one name, many types
    "duplicates": layer([entry("x", DIR), entry("x/y", body=b"1"), entry("x", body=b"2"), entry("x", SYM, link="/tmp"),
                         entry("x", FIFO), entry("x", DIR), entry("x/" + OUT, body=b"3")]),
    "file-as-dir": layer([entry("x", body=b"1"), entry("x/y", body=b"2")]),
    "fifo-as-dir": layer([entry("x", FIFO), entry("x/y", body=b"2")]),
    "root-as-file": layer([entry(".", body=b"1")]),
    "root-as-link": layer([entry(".", SYM, link="/tmp"), entry(OUT, body=b"1")]),
    # sizes
    "size-beyond": lying(b"00077777777\0"),
    "size-negative": lying(b"\xff" * 12),
    "size-huge": lying(b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7),
    "size-garbage": lying(b"0000zz00000\0"),
    "size-pax": layer([entry("f", body=b"x" * 10, size="18446744073709551616")]),
    "size-pax-negative": layer([entry("f", body=b"x" * 10, size="-1")]),
    "size-symlink": layer([(lambda p: (setattr(p[0], "size", 0), p)[1])(entry("s", SYM, link="x", size="1000000000000"))]),
    "sparse-huge": layer([entry("f", body=b"1\n0\n0\n".ljust(512, b"\0"), GNU__sparse__major="1", GNU__sparse__minor="0",
                                GNU__sparse__name="f", GNU__sparse__realsize="9223372036854775807")]),
    "sparse-overlap": layer([entry("f", body=b"2\n0\n10\n5\n10\n".ljust(512, b"\0") + b"x" * 20, GNU__sparse__major="1",
                                   GNU__sparse__minor="0", GNU__sparse__name="f", GNU__sparse__realsize="100")]),
    "sparse-name": layer([entry("f", body=b"0\n".ljust(512, b"\0"), GNU__sparse__major="1", GNU__sparse__minor="0",
                                GNU__sparse__name="../../" + OUT, GNU__sparse__realsize="0")]),
    "pax-path": layer([entry("f", body=b"x", path="../../" + OUT)]),
    "pax-linkpath": layer([entry("h", LINK, link="f", linkpath="../../../etc/passwd")]),
    "pax-nul": layer([entry("f", body=b"x", path="a\0b")]),
    "ids": layer([entry("f", body=b"x", uid="4294967295", gid="99999999999")]),
    "times": layer([entry("f", body=b"x", mtime="99999999999999999999"), entry("g", body=b"x", mtime="-1e309")]),
    "truncated": layer([entry("f", body=b"x" * 5000)])[:2000],
    "checksum": bytearray(layer([entry("f", body=b"x")])).replace(b"0000644", b"0000666", 1),
    "not-tar": b"#!/bin/sh\n" * 1000,
}


def archive(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as a:
        for name, body in members:
            t = tarfile.TarInfo(name)
            t.size = len(body)
            a.addfile(t, io.BytesIO(body))
    return out.getvalue()


def image(data):
    base = layer([entry("etc", DIR), entry("etc/passwd", body=b"root:x:0:0::/:/bin/sh\n"), entry("d", DIR), entry("d/old", body=b"old")])
    layers = [base, bytes(data)]
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {
        "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(x).hexdigest() for x in layers]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": ["hostile:1"], "Layers": ["0.tar", "1.tar"]}]).encode()
    return archive([("0.tar", layers[0]), ("1.tar", layers[1]), ("config.json", config), ("manifest.json", manifest)])


def main():
    if sys.argv[1] == "list":
        print("\n".join(CASES))
        return
    data = CASES[sys.argv[2]]
    with open(sys.argv[3], "wb") as out:
        out.write(image(data) if sys.argv[1] == "image" else bytes(data))


main()

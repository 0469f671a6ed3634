"""Random archives for ADD."""
import bz2
import gzip
import io
import lzma
import os
import struct
import subprocess
import tarfile

PLAIN = ["a", "b", "c", "lib", "data", "x.txt", "y.md", ".env", "a.b.c", "deep"]
ODD = ["with blank", "ü-é", "-dash", "st*r", "$dollar", "..dots", "日本", "back\\slash", "n" * 99, "n" * 100, "n" * 101, "n" * 150, "n" * 255, "x" * 90 + "/" + "y" * 90 + "/" + "z" * 100]
MODES = [0o644] * 6 + [0o600, 0o755, 0o777, 0o000, 0o4755, 0o2755, 0o6711, 0o1644]
DIR_MODES = [0o755] * 6 + [0o700, 0o777, 0o1777, 0o2775, 0o500]
OWNERS = [(0, 0)] * 4 + [(1000, 100), (7, 8), (65534, 65534)]
TEXTS = [b"", b"x", b"hello\n", b"\0\1\2\xff", b"y" * 511, b"y" * 512, b"y" * 513, b"z" * 20000]
WHEN = 1_500_000_000
ODD_TIMES = [0, 1, -1, 2**31, 2**33 + 1, 999_999_999.999]
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)  # cap_net_bind_service+ep, as setcap writes it
XZ = 0  # the engine that is compared wants the program `xz`: docs/dockerfile.md


def zstd(data):
    return subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout


def gzip_twice(data):
    """As eStargz and pigz -i have it: several members."""
    half = len(data) // 2
    return gzip.compress(data[:half], mtime=0) + gzip.compress(data[half:], mtime=0)


PACKERS = [(".tar", bytes), (".tar", bytes), (".tar.gz", lambda d: gzip.compress(d, mtime=0)), (".tgz", lambda d: gzip.compress(d, 1, mtime=0)), (".tar.gz", gzip_twice),
           (".tar.bz2", bz2.compress), (".tar.zst", zstd)] + [(".tar.xz", lzma.compress)] * XZ


def archive(r, tame=False):
    """An archive: (name's end, bytes, whether it has devices)."""
    if r.random() < 0.06:
        return r.choice([(".tar", b"no archive\n"), (".tar.gz", gzip.compress(b"no archive\n" * 99, mtime=0)), (".tar.bz2", bz2.compress(b"")), (".tar", b"\0" * 10240), (".tgz", b"\x1f\x8b\x08cut"), (".tar.xz", b"\xfd7zXZ\0no"), (".bin", b"BZh9no")]) + (False,)
    one = Archive(r, tame)
    whole = {"comment": "1234"} if r.random() < 0.1 else None  # as `git archive` begins
    with tarfile.open(fileobj=one.out, mode="w", format=one.form, encoding="utf-8", pax_headers=whole) as one.tar:
        for _ in range(r.choice([0, 1, 3, 5, 8, 14])):
            one.member()
    data = one.out.getvalue()
    if one.ends and r.random() < 0.06:
        data = data[:r.choice(one.ends)]  # without the blocks at its end
    elif r.random() < 0.05:
        data += r.choice([b"\0" * 512, b"x" * 100, b"x" * 1024])  # and what comes behind it
    end, pack = r.choice(PACKERS)
    return r.choice([end, end, end, ".bin", ".txt"]), pack(data), not {"char", "block"}.isdisjoint(one.kinds.values())


class Archive:
    def __init__(self, r, tame):
        self.r, self.tame, self.out, self.tar = r, tame, io.BytesIO(), None
        self.form = r.choice([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
        self.lead = r.choice(["", "", "./", "/"])
        self.files, self.directories = {}, [""]  # headers of files, by name
        self.kinds, self.links, self.ends = {}, {}, []  # links to directories, and where they lead

    def name(self):
        if self.form != tarfile.USTAR_FORMAT and self.r.random() < 0.12:
            return self.r.choice(ODD)
        return self.r.choice(PLAIN)

    def path(self):
        at = self.r.choice(self.directories)
        if self.r.random() < 0.1:
            at = os.path.join(at, "made", "parents")
        return os.path.join(at, self.name())

    def member(self):
        path, what = self.path(), self.r.random()
        if what > 0.97:
            return self.root()
        kind = "dir" if what < 0.28 else "link" if what < 0.42 else "hard" if what < 0.56 and self.files else "fifo" if what < 0.59 else self.r.choice(["char", "block"]) if what < 0.6 and not self.tame else "file"
        if not self.may_be(path, kind):
            return
        self.kinds[self.real(path)] = kind
        self.files.pop(path, None)
        info, data = tarfile.TarInfo(self.lead + path), b""
        info.mtime = self.r.choice(ODD_TIMES if self.form != tarfile.USTAR_FORMAT else ODD_TIMES[:2]) if self.r.random() < 0.04 else WHEN + self.r.randrange(1000)
        if self.r.random() < 0.05:
            info.uname, info.gname = "nobody", "bin"  # numbers count
        if self.r.random() < 0.03:
            info.name = os.path.join(os.path.dirname(info.name), self.r.choice(["./", "x/../", ".//"]) + os.path.basename(info.name))
        info.uid, info.gid = self.r.choice(OWNERS)
        if self.form == tarfile.PAX_FORMAT:
            self.extend(info, kind)
        data = getattr(self, kind)(info, path) or b""
        info.size = len(data)
        self.tar.addfile(info, io.BytesIO(data))
        self.ends.append(self.out.tell())

    def root(self):
        """Says what the destination is like."""
        info = tarfile.TarInfo(self.r.choice([".", "./", "./."]))
        info.type, info.mode, info.mtime = tarfile.DIRTYPE, self.r.choice(DIR_MODES), WHEN
        info.uid, info.gid = self.r.choice(OWNERS)
        self.tar.addfile(info)

    def may_be(self, path, kind):
        """A directory, or a link to one, stays what it is: the engine that is compared stumbles over others, docs/dockerfile.md."""
        path = self.real(path)
        before = self.kinds.get(path, kind)
        return (path not in self.directories or before == kind == "dir") and (before == kind or kind != "dir") and (kind != "hard" or set(self.files) - {path})

    def real(self, path):
        """Behind the links on its way."""
        for _ in range(20):
            at = next((d for d in self.links if path.startswith(d + "/")), None)
            if at is None:
                break
            path = os.path.normpath(os.path.join(self.links[at], path[len(at) + 1:]))
        return path

    def extend(self, info, kind):
        """What only pax can say."""
        if self.r.random() < 0.15:
            info.mtime += self.r.choice([0.25, 0.5])
        if self.r.random() < 0.05 and not self.tame:
            info.uid = 1 << 22
        if self.r.random() < 0.05:
            info.pax_headers["comment"] = "é"
        if kind == "file" and self.r.random() < 0.06:
            info.pax_headers["SCHILY.xattr.security.capability"] = CAPABILITY.decode("latin1")
        if kind in ("file", "dir") and self.r.random() < 0.05:
            info.pax_headers["SCHILY.xattr.user.a"] = "v=\n"

    def dir(self, info, path):
        info.type, info.mode = tarfile.DIRTYPE, self.r.choice(DIR_MODES)
        self.directories.append(path)

    def link(self, info, path):
        inside = [d for d in self.directories if d and not (path + "/").startswith(d + "/")]
        near = [os.path.relpath(d, os.path.dirname(path) or ".") for d in inside]
        info.type, info.linkname = tarfile.SYMTYPE, self.r.choice(["a", "../b", "/etc", "nowhere", "x" * (90 if self.form == tarfile.USTAR_FORMAT else 120)] + near * 2)
        if info.linkname in near:
            self.directories.append(path)  # what follows may lie behind it
            self.links[path] = os.path.normpath(os.path.join(os.path.dirname(path), info.linkname))

    def hard(self, info, path):
        to = self.r.choice(list(self.files))
        first = self.files[to]
        info.type, info.linkname = tarfile.LNKTYPE, self.lead + to
        info.mode, info.uid, info.gid, info.mtime = first.mode, first.uid, first.gid, first.mtime  # docker would give the file what the link says
        info.pax_headers = dict(first.pax_headers)
        self.files[path] = info

    def char(self, info, _):
        info.type, info.mode, info.devmajor, info.devminor = tarfile.CHRTYPE, self.r.choice(MODES), self.r.choice([1, 5, 259]), self.r.choice([1, 3, 300])

    def block(self, info, path):
        self.char(info, path)
        info.type = tarfile.BLKTYPE

    def fifo(self, info, _):
        info.type, info.mode = tarfile.FIFOTYPE, self.r.choice(MODES)

    def file(self, info, path):
        info.mode = self.r.choice(MODES)
        self.files[path] = info
        return self.r.choice(TEXTS)

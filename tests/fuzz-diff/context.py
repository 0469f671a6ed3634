"""Random build contexts: what is in one, and how it is laid out on disk."""
import os
import shutil
import stat
import zlib
from dataclasses import dataclass, field

from archive import archive

PLAIN = ["a", "b", "c", "lib", "bin", "data", "x.txt", "y.md", "main.go", "z", "etc", "tmp", "Makefile", ".env", "a.b.c"]
ODD = ["with blank", "ü-é", "-dash", "[br]", "back\\slash", "st*r", "q?", "quo'te", 'dq"', "$dollar", "#hash", "%41", "~tilde",
       ".hidden", "..dots", "co:lon", "a=b", "co,mma", "!bang", "日本", "e\u0301", "<<EOF", "new\nline", "n" * 200, "{a,b}",
       "&amp", "[a-c]", "^caret", "x\ty", "--from=0"]
MODES = [0o644] * 8 + [0o600, 0o755, 0o777, 0o000, 0o4755, 0o2755, 0o6711, 0o1644, 0o444, 0o640, 0o7777]
DIR_MODES = [0o755] * 8 + [0o700, 0o777, 0o1777, 0o2775, 0o711, 0o750, 0o4755]
TEXTS = [b"", b"x", b"hello\n", b"one\ntwo\n", b"\0\1\2\xff", b"a=1\r\nb=2\r\n", b"#!/bin/sh\necho hi\n", b"FROM scratch\n"]
WHEN = 1_500_000_000
RECENT = 1_710_000_000  # whatever is younger was made by a build; files of cases and of the base are older


@dataclass
class Entry:
    """One name of a context. `data` is a file's bytes or what a link says; `holes` is appended to a file as a hole."""
    path: str
    kind: str  # dir file link hard fifo
    mode: int = 0o644
    data: bytes = b""
    holes: int = 0
    xattrs: dict = field(default_factory=dict)
    odd_time: float | None = None
    devices: bool = False  # it is one, or holds some

    def when(self):
        """A time that follows from the content, so that an answer from a cache has the right one too."""
        if self.odd_time is not None:
            return self.odd_time
        return WHEN + zlib.crc32(self.data) % 100_000_000


def name(r):
    return r.choice(ODD) if r.random() < 0.12 else r.choice(PLAIN)


def entries(r, tame=False):
    """A context, parents before children. Owners of tame ones are within what a user has of ids."""
    found, directories, used = [], [""], set()
    for _ in range(r.choice([1, 3, 6, 10, 16, 30])):
        path = os.path.join(r.choice(directories), name(r))
        if path in used or path in ("Dockerfile", ".dockerignore") or path.count("/") > 5:
            continue
        entry = one(r, path, found, tame)
        if entry.kind == "file" and entry.holes == -1:
            end, entry.data, entry.devices = archive(r, tame)
            entry.path, entry.holes = path + end, 0
            if entry.path in used:
                continue
        used.add(entry.path)
        if entry.kind == "dir":
            directories.append(path)
        if r.random() < 0.05 and entry.kind in ("dir", "file"):
            entry.xattrs = {"user." + r.choice(["a", "mime_type", "x.y"]): r.choice([b"v", b"", b"\0\xff"])}
        if r.random() < 0.04 and not tame and entry.kind != "hard":
            entry.odd_time = r.choice([0, 1, -1, -10**9, 2**31, 2**33, 999_999_999.999])
        found.append(entry)
    return found


def one(r, path, found, tame):
    what = r.random()
    files = [e.path for e in found if e.kind == "file"]
    if what < 0.3:
        return Entry(path, "dir", r.choice(DIR_MODES))
    if what < 0.45:
        # none to what it is in: BuildKit sends only what a pattern matches, and follows the link to the rest
        others = [e.path for e in found if not path.startswith(e.path + "/")] or ["x"]
        up = os.path.relpath(r.choice(others), os.path.dirname(path) or ".")
        return Entry(path, "link", data=r.choice([up, up, up, "/" + up.lstrip("./"), "nowhere", "/etc/passwd", "../../../" + up]).encode())
    if what < 0.52 and files:
        return Entry(path, "hard", data=r.choice(files).encode())
    if what < 0.525 and not tame:
        return Entry(path, r.choice(["char", "block"]), r.choice(MODES), data=b"%d %d" % (r.choice([1, 5, 259]), r.choice([1, 3, 300])), devices=True)
    if what < 0.54:
        return Entry(path, "fifo", r.choice(MODES))
    if what < 0.64:
        return Entry(path, "file", 0o644, holes=-1)  # an archive
    data = r.choice(TEXTS)
    if r.random() < 0.06:
        data = r.randbytes(r.choice([4095, 4096, 32768, 65537, 1 << 20]))
    return Entry(path, "file", r.choice(MODES), data, r.choice([4096, 1 << 20, 5_000_000]) if r.random() < 0.03 else 0)


class Tree:
    """What names of a context mean."""

    def __init__(self, found):
        self.entries = {e.path: e for e in found}

    def kind(self, path):
        """dir, file, fifo, or None: of what a path of it leads to, links followed within."""
        real = self.real(path)
        return real if real is None else "dir" if real == "" else {"hard": "file"}.get(self.entries[real].kind, self.entries[real].kind)

    def real(self, path, met=None):
        """The path behind all links, which `met` gets; None where there is none."""
        at, left, links = "", path.split("/"), 0
        while left:
            part = left.pop(0)
            if part in ("", "."):
                continue
            if part == "..":
                at = os.path.dirname(at)
                continue
            entry = self.entries.get(os.path.join(at, part))
            if entry is None or links > 30:
                return None
            if entry.kind == "link":
                links += 1
                if met is not None:
                    met.append(entry.path)
                to = entry.data.decode()
                at, left = "" if to.startswith("/") else at, to.split("/") + left
            else:
                at = entry.path
        return at

    def steps(self, path):
        """All names that lead to what a path says: itself, its links, and where they point."""
        found = [os.path.normpath(path)]
        real = self.real(path, found)
        return list(dict.fromkeys(found + ([real] if real else [])))

    def dangles(self):
        return any(e.kind == "link" and self.real(e.path) is None for e in self.entries.values())

    def below(self, path):
        """What a directory holds: (path within, kind), at any depth; of a link's target, not of links met."""
        real = self.real(path)
        lead = real + "/" if real else ""
        return [(p[len(lead):], {"hard": "file"}.get(e.kind, e.kind)) for p, e in self.entries.items() if p.startswith(lead)]


def lay_out(found, directory):
    """Makes the entries below `directory`, which is emptied. What cannot be (its parent is gone) is left out."""
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    os.chmod(directory, 0o755)
    for e in found:
        try:
            make(e, os.path.join(directory, e.path).encode(), directory.encode())
        except (FileNotFoundError, NotADirectoryError, FileExistsError):
            continue
    for e in reversed(found):
        path = os.path.join(directory, e.path)
        if os.path.lexists(path):
            os.utime(path, (e.when(), e.when()), follow_symlinks=False)
    os.utime(directory, (WHEN, WHEN))


def make(e, path, root):
    if e.kind == "link":
        os.symlink(e.data, path)
        return
    if e.kind == "hard":
        os.link(os.path.join(root, e.data), path)
        return
    if e.kind == "dir":
        os.mkdir(path)
    elif e.kind in ("char", "block"):
        os.mknod(path, {"char": stat.S_IFCHR, "block": stat.S_IFBLK}[e.kind] | 0o600, os.makedev(*map(int, e.data.split())))
    elif e.kind == "fifo":
        os.mkfifo(path)
    else:
        with open(path, "xb") as f:
            f.write(e.data)
            f.truncate(len(e.data) + e.holes)
    for key, value in e.xattrs.items():
        os.setxattr(path, key, value)
    os.chmod(path, e.mode)

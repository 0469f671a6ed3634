"""A case: what follows from one seed."""
import os
import random
import re
import zlib
from dataclasses import dataclass, replace

import context
import dockerfile
from broken import spoil


@dataclass
class Case:
    seed: int
    entries: list
    items: list
    options: list
    ignore: str | None
    ignored_by: str  # the name of the file that has it
    head: list
    file: str  # the Dockerfile's name in the context
    crlf: bool
    broken: bool
    again: bool = False  # builds of it, with few differences, are in the caches

    def text(self):
        text = "\n".join(self.head + self.items) + "\n"
        return text.replace("\n", "\r\n") if self.crlf else text

    def arguments(self, context):
        """The options, for a context that lies there."""
        return [o.replace("{context}", context) for o in self.options] + (["-f", os.path.join(context, self.file)] if self.file != "Dockerfile" else [])

    def inherits(self):
        """Whether a stage may have ARGs of another, or one of its own twice."""
        names, args = {"trigger"}, []  # rich.Dockerfile
        for item in self.items:
            stage = re.match(r"\s*from\s+(?:--\S+\s+)?(\S+)(?:\s+as\s+(\S+))?", item, re.IGNORECASE)
            if stage and stage[1].lower() in names:
                return True
            names.add(stage and (stage[2] or "").lower())
            args += re.findall(r"^\s*(?:onbuild\s+)?arg\s+(\w+)", item, re.IGNORECASE)
        return len(set(args)) < len(args)

    def lay_out(self, directory):
        context.lay_out(self.entries, directory)
        files = {self.file: self.text()}
        if self.ignore is not None:
            files[self.ignored_by] = self.ignore
            if self.ignored_by != ".dockerignore":
                files[".dockerignore"] = "**\n"  # nobody asks it
        for name, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(directory, name)), exist_ok=True)
            with open(os.path.join(directory, name), "w", newline="") as f:
                f.write(text)
        when = context.WHEN + zlib.crc32(self.text().encode(errors="surrogateescape")) % 100000  # BuildKit fetches what it knows by size and time no more
        for name in (*files, os.path.dirname(self.file) or ".", "."):
            os.utime(os.path.join(directory, name), (when, when))

    def later(self):
        """The same after a day's work: a few things are others, so that a part of it is in the caches. Or None."""
        r = random.Random(~self.seed)
        if self.broken or r.random() > AGAIN or any(re.search("%h|ls -l", item) for item in self.items):
            return None  # a file that is taken from the layer of the last time has more names: docs/cache-keys.md
        one = replace(self, again=True, entries=[replace(e) for e in self.entries], items=list(self.items))
        for _ in range(r.choice([1, 1, 2, 3])):
            if one.entries and r.random() < 0.6:
                one.change_entry(r)
            else:
                one.change_item(r)
        return one

    def change_entry(self, r):
        e = r.choice(self.entries)
        inside = [other for other in self.entries if other.path.startswith(e.path + "/")]
        what = r.random()
        plain = e.kind == "file" and not e.data.startswith((b"\x1f\x8b", b"BZh", b"\x28\xb5"))  # damaged ones: docs/dockerfile.md
        if what < 0.3 and plain:
            e.data += b"!"
        elif what < 0.4 and plain and e.data:
            e.data = e.data[:-1] + bytes([e.data[-1] ^ 1])
        elif what < 0.6 and e.kind in ("file", "dir"):
            e.mode ^= r.choice([0o100, 0o020, 0o4000])
        elif what < 0.7 and e.kind == "link":
            e.data = b"./" + e.data if not e.data.startswith(b"/") else e.data
        elif what < 0.85:
            new = e.path + "2"
            for other in inside:
                other.path = new + other.path[len(e.path):]
            for other in self.entries:
                if other.kind == "hard" and (other.data.decode() + "/").startswith(e.path + "/"):
                    other.data = (new + other.data.decode()[len(e.path):]).encode()
            e.path = new
        elif not inside:
            self.entries.remove(e)

    def change_item(self, r):
        plain = [i for i, item in enumerate(self.items) if not re.match(r"\s*(from|arg)\b", item, re.IGNORECASE)]
        if not plain:
            return
        at = r.choice(plain)
        what = r.random()
        if what < 0.4:
            del self.items[at]
        elif what < 0.7:
            self.items.insert(at, r.choice(["ENV LATER=1", "LABEL later=1", "WORKDIR .", "COPY . /later/", "ARG A=later"]))
        elif at + 1 in plain:
            self.items[at:at + 2] = [self.items[at + 1], self.items[at]]

    def smaller(self):
        """Cases with one thing less, the biggest steps first."""
        for part in ("items", "entries", "options", "head"):
            things = getattr(self, part)
            size = len(things)
            while size:
                size //= 2
                for at in range(0, len(things), max(size, 1)):
                    left = things[:at] + things[at + max(size, 1):]
                    yield replace(self, **{part: left})
        if self.ignore is not None:
            yield replace(self, ignore=None)
            lines = self.ignore.splitlines()
            for at in range(len(lines)):
                yield replace(self, ignore="\n".join(lines[:at] + lines[at + 1:]) + "\n")
        if self.crlf:
            yield replace(self, crlf=False)


BROKEN = 0.06  # the share of cases that are made wrong
AGAIN = 0.35  # of those that are built a second time, changed


def make(seed, tame=False):
    """The case of a seed. `tame` ones can be built by whoever owns the files, with only files that everybody may read."""
    r = random.Random(seed)
    broken = not tame and r.random() < BROKEN
    entries = context.entries(r, tame)
    writer = dockerfile.Writer(r, entries, tame).write()
    items, options, ignore = writer.items, writer.options, writer.ignore
    if broken:
        items, options, ignore = spoil(r, items, options, ignore)
    if tame:
        for e in entries:
            e.mode |= 0o555 if e.kind == "dir" else 0o444
    return Case(seed, entries, items, options, ignore, writer.ignored_by, writer.head, writer.file, writer.crlf, broken)

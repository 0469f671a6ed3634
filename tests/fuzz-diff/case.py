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
    head: list
    crlf: bool
    broken: bool

    def text(self):
        text = "\n".join(self.head + self.items) + "\n"
        return text.replace("\n", "\r\n") if self.crlf else text

    def inherits(self):
        """Whether a stage may have ARGs of another, or one of its own twice."""
        names, args = set(), []
        for item in self.items:
            stage = re.match(r"\s*from\s+(?:--\S+\s+)?(\S+)(?:\s+as\s+(\S+))?", item, re.IGNORECASE)
            if stage and stage[1].lower() in names:
                return True
            names.add(stage and (stage[2] or "").lower())
            args += re.findall(r"^\s*(?:onbuild\s+)?arg\s+(\w+)", item, re.IGNORECASE)
        return len(set(args)) < len(args)

    def lay_out(self, directory):
        context.lay_out(self.entries, directory)
        with open(os.path.join(directory, "Dockerfile"), "w", newline="") as f:
            f.write(self.text())
        if self.ignore is not None:
            with open(os.path.join(directory, ".dockerignore"), "w", newline="") as f:
                f.write(self.ignore)
        for name in ("Dockerfile", ".dockerignore", "."):
            path = os.path.join(directory, name)
            if os.path.exists(path):
                when = context.WHEN + zlib.crc32(self.text().encode(errors="surrogateescape")) % 100000  # BuildKit fetches what it knows by size and time no more
                os.utime(path, (when, when))

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
    return Case(seed, entries, items, options, ignore, writer.head, writer.crlf, broken)

"""Random COPYs and ADDs."""
import os
import re

RICH_OWNERS = ["app", "app:more", "last:app", "homeless", "123", "short:x", "app:1"]  # rich.Dockerfile
OWNERS = ["0", "0:0", "1000", "1000:100", "7:8", ":5", "nobody", "nobody:users", "bin:bin", "bin", "root:nobody", "1:users", "65534:bin", "2147483647:0", "${OWNER:-3}:4"]
CHMODS = ["0", "600", "0644", "755", "0755", "4755", "2755", "1777", "7777", "000", "0000755"]
BASE_SOURCES = ["/l", "/l/", "/l/*", "/l/r*", "/l/flink", "/l/abs", "/etc", "/l/abs/in", "/l/rel/in", "/l/twice/sub", "/l/fifo", "/l/??l/*", "/l/.", "/l/*/in", "/l/[fr]*", "/l/second", "/l/private", "/l/setid", "/l/up/../file"]
NAMEABLE = re.compile(r"(?!<<)(?!.*/<<)[^\n\t\\]*[^\s\\]")  # what the engine that is compared finds: docs/dockerfile.md


class Copies:
    """The part of a Writer that writes COPY and ADD."""

    # -- sources and destinations: each with what it lays down, as (path within, kind), or None where that is not known

    def named(self, path):
        """A path of the context that .dockerignore must leave there."""
        self.wanted += self.tree.steps(path)
        return path

    def source(self):
        """A word, and what it brings: {name or "": things}; "" stands for the content of a directory."""
        what = self.r.random()
        paths = [e.path for e in self.entries if NAMEABLE.fullmatch(e.path) and self.tree.kind(e.path)]
        if what < 0.1 or not paths:
            return self.pick(".", ".", "./", "/", "../..", "./."), {"": self.tree.below("")}
        if what < 0.26 and self.tree.dangles() and self.chance(0.8):
            what = 0.5  # a pattern that matches such a link is an error
        if what < 0.16:
            return self.pick("*", "*/*", "?", "[a-c]", "[!a]*", "[^a]*", "*.*", "*/", "[a-z]*", "?*"), None
        path = self.r.choice(paths)
        if re.search(r"[*?\[]", path) and self.tree.real(path) != path or re.search(r"[*?]|\[.*/", path):
            return ".", {"": self.tree.below("")}  # the engine that is compared does not follow such a link, and sends nothing of such a name: docs/dockerfile.md
        if what < 0.26:
            return self.pattern(path), None
        kind, word = self.tree.kind(path), self.literal(self.named(path))
        if what < 0.36:
            word = self.pick("/", "./", "../", "//", "x/../") + word
        if "[" in word:
            return word, None
        if kind == "dir":
            return word + (self.pick("/", "/.", "//") if what > 0.9 else ""), {"": self.tree.below(path)}
        return word, {os.path.basename(path): [("", kind)]}

    def pattern(self, path):
        parts = path.split("/")
        at = self.r.randrange(len(parts))
        p = parts[at]
        parts = [self.literal(part) for part in parts]
        parts[at] = self.pick("*", self.literal(p[:1]) + "*", "?" + self.literal(p[1:]), "*" + self.literal(p[-1:]), f"[{p[:1]}]{self.literal(p[1:])}" if p[:1].isalnum() else "*", self.literal(p[:-1]) + "[a-z]", "[!x-z]*")
        return "/".join(parts)

    def destination(self, brings, many=False):
        """Where that may lie. brings: None, or {name: things} of all sources."""
        s = self.stage
        if brings is not None and not any(brings.values()):
            brings = None  # only a time might change, and layers are told apart by all but times
        for _ in range(8):
            out = self.place()
            slash = many or brings is None or out.endswith("/") or self.chance(0.3)
            path = s.at(out)
            if brings is None:
                if s.kinds.get(path) is None and "$" not in out:
                    return out.rstrip("/") + "/"
                continue
            things = self.landing(path, brings, slash)
            if things is not None and ("$" in out or s.fits(path if things[0] else "/", things[1])):
                if "$" not in out:
                    s.lay(path if things[0] else "/", things[1])
                return out.rstrip("/") + "/" if slash else out
        return "/" + self.fresh() + "/"

    def landing(self, path, brings, slash):
        """What comes to lie where: (whether below path, things), or None where the sources do not go together."""
        found = {}
        for name, things in brings.items():
            if name == "":
                new = things
            elif slash or self.stage.kinds.get(path) in ("dir", "link"):
                new = [(name, things[0][1])]
            else:
                return (False, [(path[1:], things[0][1])])
            for at, kind in new:
                if (found.setdefault(at, kind) == "dir") != (kind == "dir"):
                    return None
        return True, list(found.items())

    def place(self):
        s, what = self.stage, self.r.random()
        if what < 0.3:
            return "/" + self.fresh()
        if what < 0.5:
            return os.path.join(self.r.choice(s.directories()), self.fresh()).replace("$", "")
        if what < 0.72:
            return self.literal_path(self.r.choice(s.directories()))
        if what < 0.77 and s.files():
            return self.literal_path(self.r.choice([f for f in s.files() if f != "/bin/busybox"] or ["/"]))
        if what < 0.87:
            return self.pick(".", "./", self.fresh(), "./" + self.fresh() + "/x", "../" + self.fresh(), "..") if s.directory else "/"
        if what < 0.9:
            return self.pick("/x$dir", "$dir", "${DIR2:-dst}", "/x${dir}y", "/a/../" + self.fresh(), "//d//" + self.fresh() + "/", "/d/./" + self.fresh())
        if what < 0.91 and s.shell:
            return self.pick("/l/dangling", "/l/dangling/x", "/l/gone")
        return "/" + self.fresh() + "/" + self.fresh()

    def literal_path(self, path):
        """One that may be written as it is, or the root."""
        return path if re.fullmatch(r"[\w/.-]+", path) else "/"

    def flags(self, chown=True):
        out = ""
        if chown and self.chance(0.2):
            owners = [o for o in OWNERS + RICH_OWNERS * self.stage.rich if self.stage.shell or not re.search("[a-z]{2}", o)]
            if self.tame:  # /etc/subuid ends somewhere
                owners.remove("2147483647:0")
            out += " --chown=" + self.pick(*owners)
        if self.chance(0.15):
            out += " --chmod=" + self.r.choice(CHMODS)
        if self.chance(0.05):
            out += " --link=false"
        return out

    # -- instructions

    def copy(self):
        what = self.r.random()
        if what < 0.12:
            return self.heredoc_copy()
        if what < 0.16:
            return self.link_copy()
        if what < 0.45 and len(self.stages) > 1:
            return self.copy_from()
        if what < 0.5 and self.named_contexts():
            return self.copy_named()
        words, brings = self.sources()
        return "COPY" + self.flags() + " " + self.words(words + [self.destination(brings, len(words) > 1)])

    def sources(self):
        """Words, and all that they bring."""
        words, brings = [], {}
        for _ in range(self.pick(1, 1, 1, 2, 3)):
            word, things = self.source()
            if things is None:
                if not words:
                    return [word], None
                continue
            if set(things) & set(brings):
                continue
            else:
                brings |= things
            words.append(word)
        return words, brings

    def link_copy(self):
        """To where nothing is: the engine that is compared copies as if --link were not there, docs/dockerfile.md."""
        word, _ = self.source()
        out = "/" + self.fresh() + "/"
        self.stage.add(out, "dir")
        return f"COPY --link{self.pick('', '=true')}{self.pick('', '', ' --chown=7:8', ' --chmod=0750')} " + self.words([word, out])

    def copy_from(self):
        at = self.r.randrange(len(self.stages) - 1)
        other = self.stages[at]
        known = [p for p in other.kinds if p not in ("/dev", "/proc", "/sys", "/") and NAMEABLE.fullmatch(p)]
        if self.chance(0.25) and other.shell and not other.touched:
            source, brings = self.r.choice(BASE_SOURCES), None
        elif not known:
            source, brings = "/" if not other.shell else "/l", None
        else:
            path = self.r.choice(known)
            source, kind = self.literal(path), other.kinds[path]
            if "[" in source:
                kind = "link"
            brings = {"dir": {"": other.below(path)}, "link": None}.get(kind, {os.path.basename(path): [("", kind)]})
            end = self.pick("", "", "", "/", "/*", "/[a-n]*", "*") if kind == "dir" else self.pick("", "", "", "*")
            source, brings = source + end, brings if end in ("", "/") else None
        who = other.name if other.name and self.chance(0.6) else str(at)
        if self.chance(0.08):
            who, source, brings = self.pick("busybox", "busybox", "rich"), self.r.choice(BASE_SOURCES[:7]), None
        return f"COPY{self.flags(self.chance(0.5))} --from={who} " + self.words([source, self.destination(brings)])

    def named_contexts(self):
        """Directories that can be contexts of their own: plain ones, reached by no link."""
        return [e.path for e in self.entries if e.kind == "dir" and re.fullmatch(r"[\w./-]+", e.path) and self.tree.real(e.path) == e.path]

    def context(self):
        """One of those: its name, and what it holds that no link leads to."""
        path = self.r.choice(self.named_contexts())
        if path not in self.contexts:
            self.contexts[path] = self.fresh("ctx")
            self.options.append(f"--build-context={self.contexts[path]}={{context}}/{path}")
        inside = [(p, kind) for p, kind in self.tree.below(path) if re.fullmatch(r"[\w./-]+", p) and self.tree.real(f"{path}/{p}") == f"{path}/{p}"]
        return self.contexts[path], path, inside

    def copy_named(self):
        who, path, inside = self.context()
        source, brings = ".", {"": self.tree.below(path)}
        if inside and self.chance(0.7):
            source, kind = self.r.choice(inside)
            brings = {"": self.tree.below(f"{path}/{source}")} if kind == "dir" else {os.path.basename(source): [("", kind)]}
        return f"COPY{self.flags()} --from={who} " + self.words([source, self.destination(brings)])

    def heredoc_copy(self, verb="COPY"):
        """One or more, sometimes with a file of the context between."""
        kinds = self.some(["EOF", "file.txt", "-T", "'Q'", '"D"', "E'O'F2", "a.b-c"], 1, 1, 1, 2, 3)
        marks = [re.sub("[<'\"]|^-", "", k) for k in kinds]
        if len(set(marks)) < len(marks):
            kinds, marks = kinds[:1], marks[:1]
        brings, words = {m: [("", "file")] for m in marks}, ["<<" + k for k in kinds]
        plain, things = self.source()
        if self.chance(0.15) and things is not None and not re.search(r"\s|<<|^--|^\[", plain):
            words, brings = words + [plain], brings | things
        line = f"{verb}{self.flags()} {' '.join(words)} {self.destination(brings, len(words) > 1)}"
        return line + "".join("\n" + self.body("\t" if k.startswith("-") else "") + ("\t" if k.startswith("-") else "") + m for k, m in zip(kinds, marks))

    def body(self, tabs):
        texts = ["text $A", "\\$A \\\\ \\x", "", "# no comment", "tail \\", "${B:-w} 'q' \"d\"", "RUN x", "<<Z", "é", "`$A`", "  two", "${A}${B}"]
        return "".join(tabs + t + "\n" for t in self.some(texts, 0, 1, 2, 4))

    def add(self):
        packed = [e.path for e in self.entries if e.kind == "file" and (".tar" in e.path or e.path.endswith((".tgz", ".bin"))) and NAMEABLE.fullmatch(e.path) and not re.search(r"[*?]|\[.*/", e.path)]
        if not packed or self.chance(0.3):
            return self.heredoc_copy("ADD") if self.chance(0.1) else "ADD" + self.plain_copy()
        words = [self.literal(self.named(p)) for p in set(self.some(packed, 1, 1, 1, 2))]
        out = "/" + self.fresh() if self.chance(0.5) else self.literal_path(self.r.choice(self.stage.directories()))
        if out == "/lib" or len(words) > 1 or self.chance(0.4):
            out = out.rstrip("/") + "/"
        self.stage.add(out, "dir")
        return "ADD" + self.flags(chown=False) + " " + self.words(words + [out])

    def plain_copy(self):
        words, brings = self.sources()
        return self.flags() + " " + self.words(words + [self.destination(brings, len(words) > 1)])

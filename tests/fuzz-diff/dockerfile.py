"""Random Dockerfiles over a context. What is known of each stage (stage.py) keeps nearly all of them valid."""
import os
import re

from context import Tree
from copies import Copies
from shell import Shell
from stage import Stage
from words import VARIABLES, Words

TYPED = {"dir": ["/x/y", "sub", "/tmp", "a.b"], "DIR2": ["d2", "/d/e"], "OWNER": ["7", "1000"], "PORT": ["80", "9000"], "SIG": ["SIGINT", "9"], "UID_": ["5", "1000"]}


class Writer(Words, Copies, Shell):
    """One Dockerfile: `items`, an instruction each; `head`, directives; `options` for the command line; `ignore` or None."""

    def __init__(self, r, entries, tame):
        self.r, self.entries, self.tame, self.tree = r, entries, tame, Tree(entries)
        self.items, self.options, self.stages, self.stage, self.wanted = [], [], [], None, []
        self.escape = "`" if r.random() < 0.06 else "\\"
        self.crlf = r.random() < 0.05
        self.file = self.pick("Containerfile", "df.d/My.Dockerfile") if self.chance(0.06) else "Dockerfile"
        self.ignored_by = self.file + ".dockerignore" if self.chance(0.2) else ".dockerignore"
        self.contexts, self.caches = {}, {}  # named ones, by directory; ids of caches by stage
        self.head = self.directives()
        self.serial = 0

    def directives(self):
        lines = []
        shebang = self.chance(0.03)
        if shebang:
            lines.append("#!/usr/bin/env something")
        if self.escape == "`" or self.chance(0.05):
            lines.append(self.pick("# escape=%s", "#escape=%s", "#  EsCaPe = %s  ") % self.escape)
            self.escape = "\\" if shebang else self.escape  # then it is a comment
        if self.chance(0.1):
            lines.append(self.pick("# a comment", "", "# key=value", "  # indented", "#"))
        return lines

    # -- stages

    def from_(self):
        r = self.r
        known = [s for s in self.stages if s.name]
        name = self.pick(None, self.fresh("s"), self.fresh("s"), self.fresh("Stage"))
        what = r.random()
        if what < 0.14 and not self.tame:
            new, image = Stage(name, shell=True), self.pick("rich", "rich", "trigger")
            new.enrich(image)
        elif what < 0.55:
            new, image = Stage(name, shell=True), self.pick("busybox", "busybox", "busybox", "$BASE", "${BASE:-busybox}", "busybox:latest")
        elif what < 0.72 or not known:
            new, image = Stage(name), "scratch"
        else:
            base = r.choice([s for s in known if s.onbuild] or known)
            new, image = Stage(name, base, base.shell), base.name.lower()
        platform = self.pick("linux/amd64", "$BUILDPLATFORM", "${TARGETPLATFORM}", "linux/$TARGETARCH", *["linux/arm64", "linux/arm/v7", "linux/arm"] * (image == "scratch"))
        line = self.keyword("FROM") + (f" --platform={platform}" if self.chance(0.04) else "") + " " + image
        if name:
            line += self.pick(" AS ", " as ", " As ") + name
        self.items.append(line)
        self.stages.append(new)
        self.stage = new

    def keyword(self, word):
        return word.lower() if self.chance(0.05) else word.capitalize() if self.chance(0.02) else word

    def header(self):
        if self.chance(0.3):
            self.items.append("ARG BASE=busybox")
        else:
            self.items.append("ARG BASE=" + self.pick("busybox", "busybox:latest", "${NONE:-busybox}", "'busybox'"))
        if self.chance(0.3):
            value = re.sub(r"(PATH:?)\?", r"\1-", self.value())  # PATH is not there yet
            self.items.append(f"ARG {self.r.choice(VARIABLES)}={value} {self.r.choice(VARIABLES)}")

    # -- instructions: each answers with one line, or None where it does not fit

    def typed(self):
        name = self.r.choice(list(TYPED))
        return f"{name}={self.r.choice(TYPED[name])}"

    def env(self):
        if self.chance(0.1):
            return "ENV " + self.r.choice(VARIABLES) + " " + self.pick("", " ") + self.value() + self.pick("", " and more", "  #x")
        if self.chance(0.2):
            return "ENV " + self.typed()
        return "ENV " + " ".join(f"{self.pick(self.r.choice(VARIABLES), self.r.choice(VARIABLES), 'K$A', 'PATH_X')}={self.value()}" for _ in range(self.pick(1, 1, 2, 3)))

    def arg(self):
        v = self.r.choice(VARIABLES)
        return "ARG " + self.pick(v, f"{v}={self.value()}", f"{v}={self.value()}", f"{v}=", "TARGETARCH", "TARGETPLATFORM", "BASE", self.typed(), self.r.choice(list(TYPED)), "TARGETOS",
                                  "BUILDPLATFORM", "TARGETARCH=mine", "TARGETVARIANT", "http_proxy", "NO_PROXY=none", "PATH", "HOME=/tmp")

    def label(self):
        if self.chance(0.1):
            return f"LABEL {self.pick('k', 'old.form')} {self.value()} rest"
        return "LABEL " + " ".join(f"{self.key()}={self.value()}" for _ in range(self.pick(1, 1, 2, 3)))

    def workdir(self):
        s = self.stage
        known = self.literal_path(self.r.choice(s.directories()))
        path = self.pick("/" + self.fresh("w"), self.fresh("w"), known, "a/b", "..", ".", "$dir", "/y${dir}/x", "'q d'", known.rstrip("/") + "/" + self.fresh("w"), known, "/b/./c//d/" if s.shell else "/a/../b//c/", "${DIR2:-w}",
                         *["/l/abs/in" + self.fresh("w"), "/l/gone/x", "/l/dangling", "$HOME", "é", "/tm[p]", "/*"] * s.shell)
        if "$" in path:
            s.directory = None
        elif path.startswith("/") or s.directory:
            if not s.fits(path.strip("'"), []):
                return None
            s.add(path.strip("'"), "dir")
            s.directory = s.at(path.strip("'"))
        return "WORKDIR " + path

    def user(self):
        """With one id, other users may do what root may."""
        named = ["nobody", "bin", "nobody:users", "1000:users", "0:users", "65534"] + ["app", "last", "123", "homeless", "4321", "app:more", "99:app", "app:0", "2"] * self.stage.rich if self.stage.shell else []
        other = self.pick(*named, "1000", "1000:100", "5:5", "${UID_:-1000}", "4242")
        self.stage.root = self.tame or self.chance(0.5)
        return "USER " + (self.pick("0", "0:0", "0", "root" if self.stage.shell else "0") if self.stage.root else other)

    def expose(self):
        return "EXPOSE " + " ".join(self.some(["80", "443/tcp", "53/udp", "8000-8003", "${PORT:-9}", "${PORT:-9}/udp", "99/sctp", "1000-1001/udp", "80/TCP", "0080", "65535", "7-7"], 1, 1, 2))

    def volume(self):
        paths = [self.pick("/vol", "/vol/", "data", "/v$dir", self.literal_path(self.r.choice(self.stage.directories()))) for _ in range(self.pick(1, 1, 2))]
        return "VOLUME " + (self.json(paths) if self.chance(0.4) else " ".join(paths))

    def stopsignal(self):
        return "STOPSIGNAL " + self.pick("SIGTERM", "9", "SIGRTMIN+3", "KILL", "${SIG:-SIGINT}", "sigquit", "37")

    def healthcheck(self):
        flags = "".join(f for f in (" --interval=5s", " --timeout=1m30s", " --start-period=100ms", " --retries=3", " --start-interval=2s") if self.chance(0.3))
        return "HEALTHCHECK" + self.pick(" NONE", f"{flags} CMD true || exit 1", f'{flags} CMD ["true", "x"]', f"{flags} cmd echo $A \"b\"")

    def command(self):
        return self.pick("echo hi", 'echo "a b" $A', '["sh", "-c", "echo $A"]', "[]", '["a",]', "['single']", '[ "x" , "y z" ] ', "exec x # not a comment",
                         "echo  two  blanks", '["\\u00e9", "\\n"]', "a && b\\nc", '["<&>"]', "<&>", "[", '["é"]')

    def cmd(self):
        return "CMD " + self.command()

    def entrypoint(self):
        return "ENTRYPOINT " + self.command()

    def shell_(self):
        shells = ['["/bin/sh", "-c"]', '["/bin/sh", "-ec"]', '["/bin/busybox", "sh", "-c"]', '["/bin/sh", "-c", "-x"]', '["/bin/sh", "-euc"]', '[ "/bin/sh" , "-x", "-c" ]']
        shell = self.r.choice(shells)
        self.stage.errexit = '"-e' in shell
        return "SHELL " + shell if self.stage.shell else None

    def maintainer(self):
        return "MAINTAINER " + self.pick("me <me@x>", "$A", '"q"', "a  b")

    def onbuild(self):
        """Nothing of it happens here."""
        here, self.stage = self.stage, self.stage.copy()
        inner = self.r.choice([self.env, self.label, self.copy, self.copy, self.add, self.run, self.run, self.workdir, self.arg, self.cmd, self.expose, self.user, self.volume, self.shell_, self.healthcheck, self.entrypoint])()
        self.stage = here
        if inner:
            here.onbuild = True
        return inner and "ONBUILD " + inner

    # -- the whole

    KINDS = [("copy", 30), ("add", 14), ("run", 28), ("env", 8), ("arg", 8), ("label", 4), ("workdir", 8), ("user", 6), ("expose", 2), ("volume", 3), ("stopsignal", 1), ("healthcheck", 2),
             ("cmd", 3), ("entrypoint", 3), ("shell_", 2), ("maintainer", 1), ("onbuild", 4)]

    def write(self):
        names, weights = zip(*self.KINDS)
        self.header()
        for _ in range(self.pick(1, 1, 2, 2, 3, 4)):
            self.from_()
            for _ in range(self.pick(1, 2, 4, 6, 9, 12)):
                line = getattr(self, self.r.choices(names, weights)[0])()
                if line:
                    self.items.append(self.spread(line))
        self.command_line()
        self.ignore = self.dockerignore() if self.chance(0.25) else None
        return self

    def spread(self, line):
        """The same instruction over several lines, with comments and blanks where they may be."""
        if self.chance(0.05):
            line = line[:1].lower() + line[1:]
        if self.chance(0.04):
            line = self.pick("  ", "\t") + line
        if "\n" in line or "<<" in line or not self.chance(0.08):
            return line
        words = line.split(" ")
        if len(words) < 3 or not words[-1]:
            return line
        at = self.r.randrange(2, len(words))
        if words[at - 1].endswith(self.escape):
            return line
        between = self.escape + self.pick("", "", "  ", "\t") + "\n" + self.pick("", "", "# comment\n", "  # indented\n", "\n", "# one\n\n# two \\\n")
        return " ".join(words[:at]) + " " + between + self.pick("", "    ") + " ".join(words[at:])

    def command_line(self):
        if self.chance(0.1) and any(s.name for s in self.stages):
            self.options.append("--target=" + self.pick(*[n for s in self.stages if s.name for n in (s.name, s.name, s.name.upper())]))
        for v in VARIABLES:
            if self.chance(0.06):
                self.options.append(f"--build-arg={v}" + self.pick("", "=given", "=", "=a b", "=$A", "='q'"))
        if self.chance(0.04):
            self.options.append("--build-arg=" + self.pick("http_proxy=http://h:1", "NO_PROXY=a,b", "TARGETARCH=other", "PATH=/bin", "BASE=busybox", "HOME=/mnt", "UNUSED=x"))
        if self.chance(0.05):
            self.options.append("--label=" + self.pick("k=cli", "empty=", "x=a=b"))

    def dockerignore(self):
        """What instructions name stays, by the last lines."""
        paths = [e.path for e in self.entries] or ["x"]
        lines = []
        for _ in range(self.pick(1, 2, 3, 5)):
            p = self.r.choice(paths)
            p = self.pick(p, p, p, "*", "**", "**/" + os.path.basename(p), p + "/**", "*/" + os.path.basename(p), p[:1] + "*", f"[{p[:1]}]*" if p[:1].isalnum() else "*", p + "/", "/" + p, "./" + p, "a?", "**/*.txt",
                          "[a-c]", "[^a-c]*", p + "/*", "*/*", "#" + p, " " + p + " ", ".", "**/x/**", os.path.dirname(p) + "/**/" + os.path.basename(p), "../x", "Dockerfile", ".dockerignore")
            if not re.search(r"[\n\[\\](?![\w^])", p):
                lines.append(self.pick("", "", "", "!") + p)
        lines += ["!" + re.sub(r"([*?\[])", r"\\\1", p) for p in self.wanted if p and p != "."]
        return self.pick("\n", "\n", "\n", "\r\n").join(lines) + self.pick("\n", "")

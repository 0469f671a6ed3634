"""Random Dockerfiles over a context. A loose model of what each stage holds keeps most of them valid; the rest must be refused."""
import json
import os
import re

import context

VARIABLES = ["A", "B", "C", "path", "_x", "lib", "N1"]
WORDS = ["x", "one", "two words", "/usr/lib", "a.b.c", "1", "", "é", "a=b", "with'quote", "semi;colon", "back\\slash", "p/a/t/h", "aXbXc", "*", "a*b"]
OWNERS = ["0", "0:0", "1000", "1000:100", "7:8", ":5", "nobody", "nobody:users", "bin:bin", "bin", "root:nobody", "1:users", "65534:bin", "2147483647:0"]
CHMODS = ["0", "600", "0644", "755", "0755", "4755", "2755", "1777", "7777", "000", "0000755"]
LINKS = ["/l/abs", "/l/rel", "/l/up", "/l/twice", "/l/out", "/lib"]  # of the base: see `base` in fuzz-diff
BASE_DIRECTORIES = ["/tmp", "/etc", "/mnt", "/root", "/var", "/l/real", "/l/sgid", "/l/private", "/usr/lib", "/home"]
BASE_FILES = ["/etc/passwd", "/l/file", "/l/flink", "/bin/busybox", "/l/setid"]


class Stage:
    def __init__(self, name, base=None, shell=False):
        self.name, self.shell = name, shell
        self.directories = list(base.directories) if base else ["/"] + (BASE_DIRECTORIES + LINKS if shell else [])
        self.files = list(base.files) if base else list(BASE_FILES if shell else [])
        self.names = shell or bool(base and base.names)


class Writer:
    """One Dockerfile: `items`, an instruction each, then `text()`; `options` for the command line, `ignore` or None."""

    def __init__(self, r, entries, tame):
        self.r, self.entries, self.tame = r, entries, tame
        self.items, self.options, self.stages, self.stage = [], [], [], None
        self.ignore = self.dockerignore() if r.random() < 0.25 else None
        self.escape = "`" if r.random() < 0.06 else "\\"
        self.crlf = r.random() < 0.05
        self.head = self.directives()
        self.serial = 0

    def chance(self, p):
        return self.r.random() < p

    def pick(self, *of):
        return self.r.choice(of)

    def directives(self):
        lines = []
        if self.chance(0.03):
            lines.append("#!/usr/bin/env something")
        if self.escape == "`" or self.chance(0.05):
            lines.append(self.pick("# escape=%s", "#escape=%s", "#  EsCaPe = %s  ") % self.escape)
        if self.chance(0.1):
            lines.append(self.pick("# a comment", "", "# key=value", "  # indented", "#"))
        return lines

    # -- words

    def fresh(self, stem="n"):
        self.serial += 1
        return f"{stem}{self.serial}"

    def variable(self):
        v = self.r.choice(VARIABLES)
        simple = [f"${v}", f"${{{v}}}", f"${{{v}}}"]
        e = self.escape
        full = [f"${{{v}:-{self.plain()}}}", f"${{{v}-{self.plain()}}}", f"${{{v}:+{self.plain()}}}", f"${{{v}+{self.plain()}}}",
                f"${{{v}:-${{{self.r.choice(VARIABLES)}:-{self.plain()}}}}}", f"${{{v}#a}}", f"${{{v}##*X}}", f"${{{v}%X*}}", f"${{{v}%%X*}}",
                f"${{{v}#?}}", f"${{{v}/X/y}}", f"${{{v}//X/}}", f"${{{v}//a?/<>}}", f"${{{v}/*/all}}", f"${{{v}//{e}//_}}", f"${{{v}%{e}*}}",
                f"${{{v}:-a b}}", f"${{{v}:-\"q u\"}}", f"${{{v}:-'q $u'}}", f"${v}${v}", f"${v}.txt", f"${v}_", f"{e}${v}", f"${v}-x"]
        rare = ["$1", "$@", "$?", "$", "$.", "${#}", "$$", f"${{{v}:?given}}", f"${{{v}?given}}", f"${{{v}:=w}}", f"${{{v}", "${}", f"${{{v}/a}}", f"${{{v}:#a}}"]
        return self.r.choice(simple if self.chance(0.5) else full if self.chance(0.93) else rare)

    def plain(self):
        return self.pick("w", "val", "1", "a/b", "", "aXbX")

    def piece(self):
        e, what = self.escape, self.r.random()
        if what < 0.45:
            return self.pick("w", "value", "1", "/usr", "é", "-", "a.b", "aXbXc", "%s", "#", "=")
        if what < 0.65:
            return self.variable()
        if what < 0.8:
            return '"' + self.pick("", "a b", "it's", f"{e}\"in{e}\"", self.variable(), f"tab\t", f"{e}x", f"{e}{e}", f"{e}$A", "#") + '"'
        if what < 0.9:
            return "'" + self.pick("", "a b", "$A", 'dq"', f"{e}x", "${B}") + "'"
        return self.pick(f"{e} ", f"{e}x", f"{e}{e}", f"{e}$A", f"{e}'", f'{e}"', f"{e}n")

    def value(self):
        return "".join(self.piece() for _ in range(self.pick(1, 1, 1, 2, 3)))

    def key(self):
        return self.pick("k", "org.label", "x-y", '"quoted key"', "$A", "a.b/c", "K1")

    # -- paths

    def sources(self):
        """Words for paths of the context."""
        paths = [e.path for e in self.entries if "\n" not in e.path] or ["missing"]
        return [self.source(self.r.choice(paths)) for _ in range(self.pick(1, 1, 1, 2, 3))]

    def source(self, path):
        what = self.r.random()
        if what < 0.12:
            return "."
        if what < 0.16:
            return self.pick("/", "./", "*", "../..", "./.", "*/*", "**", "?", "[a-c]", "[!a]*", "[^a]*", "*.*", "*/")
        path = self.pattern(path)
        if what < 0.25:
            return self.pick("/", "./", "../", "//", "x/../") + path
        if what < 0.3:
            return path + self.pick("/", "/.", "//", "/..")
        if what < 0.32:
            return path + "*"
        if what < 0.33:
            return "missing"
        return path

    def pattern(self, path):
        parts = path.split("/")
        if self.chance(0.15):
            at = self.r.randrange(len(parts))
            p = parts[at]
            parts[at] = self.pick("*", p[:1] + "*", "?" + p[1:], "*" + p[-1:], f"[{p[:1]}]{p[1:]}", p[:-1] + "[a-z]", f"[!{p[:1]}]*")
            return "/".join(parts)
        path = "/".join(parts)
        return re.sub(r"([*?\[\\])", r"\\\1", path) if self.chance(0.8) else path

    def words(self, words):
        """As words or JSON, whichever can hold them."""
        if any(re.search(r"[\s\"'\\$`]", w) or w == "" for w in words) or self.chance(0.1):
            return self.json(words)
        return " ".join(words)

    def json(self, words):
        return json.dumps(words, ensure_ascii=self.chance(0.3), separators=self.pick((",", ":"), (", ", ": "), (" , ", ":")))

    def destination(self, many=False):
        s, what = self.stage, self.r.random()
        if what < 0.3:
            out = "/" + self.fresh()
        elif what < 0.5:
            out = os.path.join(self.r.choice(s.directories), self.fresh())
        elif what < 0.7:
            out = self.r.choice(s.directories)
        elif what < 0.75 and s.files:
            out = self.r.choice(s.files)
        elif what < 0.85:
            out = self.pick(".", "./", self.fresh(), "./" + self.fresh() + "/x", "../" + self.fresh(), "..")
        elif what < 0.88:
            out = self.pick("/x$A", "$path", "${B:-dst}", "/x${C}y", "/a/../b", "//d//e/", "/d/./f")
        elif what < 0.91 and s.names:
            out = self.pick("/l/dangling", "/l/loop", "/l/dangling/x", "/l/flink", "/l/file/x", "/l/gone", "/dev/x", "/proc/x")
        else:
            out = "/" + self.fresh() + "/" + self.fresh()
        if (many and self.chance(0.9)) or self.chance(0.3):
            out += "/"
        return out

    # -- stages

    def from_(self):
        r = self.r
        known = [s for s in self.stages if s.name]
        name = self.pick(None, self.fresh("s"), self.fresh("s"), self.fresh("Stage"))
        what = r.random()
        if what < 0.55:
            new, image = Stage(name, shell=True), self.pick("busybox", "busybox", "busybox", "$BASE", "${BASE:-busybox}", "busybox:latest")
        elif what < 0.72 or not known:
            new, image = Stage(name), "scratch"
        else:
            base = r.choice(known)
            new, image = Stage(name, base, base.shell), base.name.upper() if self.chance(0.03) else base.name.lower()
        line = self.keyword("FROM") + (" --platform=linux/amd64" if self.chance(0.03) else "") + " " + image
        if name:
            line += self.pick(" AS ", " as ", " As ") + name
        self.items.append(line)
        self.stages.append(new)
        self.stage = new
        self.images = [s.name for s in known]

    def keyword(self, word):
        return word.lower() if self.chance(0.05) else word.capitalize() if self.chance(0.02) else word

    def header(self):
        if self.chance(0.3):
            self.items.append("ARG BASE=busybox")
        else:
            self.items.append("ARG BASE=" + self.pick("busybox", "busybox:latest", "${NONE:-busybox}", "'busybox'"))
        if self.chance(0.3):
            self.items.append(f"ARG {self.r.choice(VARIABLES)}={self.value()} {self.r.choice(VARIABLES)}")

    # -- instructions: each answers with one line, or None where it does not fit

    def env(self):
        if self.chance(0.1):
            return "ENV " + self.r.choice(VARIABLES) + " " + self.pick("", " ") + self.value() + self.pick("", " and more", "  #x")
        return "ENV " + " ".join(f"{self.pick(self.r.choice(VARIABLES), self.r.choice(VARIABLES), '$A', 'PATH_X')}={self.value()}" for _ in range(self.pick(1, 1, 2, 3)))

    def arg(self):
        v = self.r.choice(VARIABLES)
        return "ARG " + self.pick(v, f"{v}={self.value()}", f"{v}={self.value()}", f"{v}=", "TARGETARCH", "TARGETPLATFORM", f"{v} {self.r.choice(VARIABLES)}=1", "BASE")

    def label(self):
        if self.chance(0.1):
            return f"LABEL {self.pick('k', 'old.form')} {self.value()} rest"
        return "LABEL " + " ".join(f"{self.key()}={self.value()}" for _ in range(self.pick(1, 1, 2, 3)))

    def workdir(self):
        path = self.pick("/" + self.fresh("w"), self.fresh("w"), self.r.choice(self.stage.directories), "a/b", "..", ".", "$path", "/y${A:-w}/x", "'q d'",
                         self.r.choice(self.stage.directories) + "/" + self.fresh("w"), self.r.choice(self.stage.directories))
        if path.startswith("/") and "$" not in path:
            self.stage.directories.append(os.path.normpath(path))
        return "WORKDIR " + path

    def user(self):
        if self.tame or self.chance(0.4):  # with one id, other users may do what root may
            return "USER 0"
        named = ["nobody", "bin", "nobody:users", "1000:users", "root"] if self.stage.names else []
        return "USER " + self.r.choice(named + ["0", "0:0", "1000", "1000:100", "5:5", "$UID_", "0"]).replace("$UID_", "${A:+0}${A:-0}")

    def expose(self):
        return "EXPOSE " + " ".join(self.pick("80", "443/tcp", "53/udp", "8000-8003", "$N1", "${N1:-9}/udp", "99/sctp", "1000-1001/udp", "80/TCP", "0080") for _ in range(self.pick(1, 1, 2)))

    def volume(self):
        paths = [self.pick("/vol", "/vol/", "data", "/v$A", self.r.choice(self.stage.directories)) for _ in range(self.pick(1, 1, 2))]
        return "VOLUME " + (self.json(paths) if self.chance(0.4) else " ".join(paths))

    def stopsignal(self):
        return "STOPSIGNAL " + self.pick("SIGTERM", "9", "SIGRTMIN+3", "KILL", "${A:+SIGINT}${A:-SIGINT}", "sigquit", "37")

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
        return "SHELL " + self.pick('["/bin/sh", "-c"]', '["/bin/sh", "-ec"]', '["/bin/busybox", "sh", "-c"]', '["/bin/sh", "-c", "-x"]') if self.stage.shell else None

    def maintainer(self):
        return "MAINTAINER " + self.pick("me <me@x>", "$A", '"q"', "a  b")

    def onbuild(self):
        inner = self.r.choice([self.env, self.label, self.copy, self.run, self.workdir, self.arg, self.cmd, self.expose, self.user, self.volume])()
        return inner and "ONBUILD " + inner

    def flags(self, chown=True):
        out = ""
        if chown and self.chance(0.2):
            owners = [o for o in OWNERS if self.stage.names or not re.search("[a-z]", o)]
            if self.tame:  # /etc/subuid ends somewhere
                owners.remove("2147483647:0")
            out += " --chown=" + self.pick(*owners, *owners, "${N1:-3}:4")
        if self.chance(0.15):
            out += " --chmod=" + self.r.choice(CHMODS)
        if self.chance(0.07):
            out += " --link=false"  # this engine copies where --link is said: docs/dockerfile.md
        return out

    def copy(self):
        if self.chance(0.1):
            return self.heredoc_copy()
        if self.chance(0.25) and len(self.stages) > 1:
            return self.copy_from()
        sources = self.sources()
        return "COPY" + self.flags() + " " + self.words(sources + [self.destination(len(sources) > 1)])

    def copy_from(self):
        at = self.r.randrange(len(self.stages) - 1)
        other = self.stages[at]
        if self.chance(0.2) and other.shell:
            source = self.pick("/l", "/l/", "/l/*", "/l/r*", "/l/flink", "/l/abs", "/etc", "/l/abs/in", "/l/rel/in", "/l/twice/sub", "/l/fifo", "/l/dangling", "/l/??l/*", "/l/.")
        else:
            source = self.r.choice(other.directories + other.files)
            source = source + self.pick("", "", "", "/", "/*", "/n*", "*") if source != "/" or not other.shell else "/l"
        who = other.name if other.name and self.chance(0.6) else str(at)
        flags = self.flags(chown=self.chance(0.5))
        return f"COPY{flags} --from={who} " + self.words([source, self.destination()])

    def heredoc_copy(self):
        word = self.pick("EOF", "file.txt", "-T", "'Q'", '"D"')
        mark = re.sub("[<'\"-]", "", word)
        tabs = "\t" if word == "-T" else ""
        body = "\n".join(tabs + self.pick("text $A", "\\$A \\\\ \\x", "", "# no comment", "tail \\", "${B:-w} 'q' \"d\"", "RUN x", "<<Z", "é") for _ in range(self.pick(0, 1, 2, 4)))
        return f"COPY{self.flags()} <<{word} {self.destination()}\n" + (body + "\n" if body else "") + tabs + mark

    def add(self):
        packed = [e.path for e in self.entries if e.kind == "file" and (".tar" in e.path or e.path.endswith((".tgz", ".bin")))]
        if packed and self.chance(0.7):
            words = [self.r.choice(packed)] + ([self.source(self.r.choice(packed))] if self.chance(0.2) else [])
            return "ADD" + self.flags(chown=False) + " " + self.words(words + [self.destination(len(words) > 1)])
        return "ADD" + self.copy().removeprefix("COPY") if not self.chance(0.2) else None

    def run(self):
        if not self.stage.shell:
            return None
        if self.chance(0.12):
            return self.heredoc_run()
        mounts = self.mount() if self.chance(0.1) else ""
        if self.chance(0.08):
            return f"RUN{mounts} " + self.json(["/bin/sh", "-c", self.script()])
        return f"RUN{mounts} " + self.script().replace("\\", self.escape if self.chance(0.5) else "\\")

    def mount(self):
        return " --mount=" + self.pick("type=bind,target=/mnt", "target=/mnt,source=" + self.r.choice([e.path for e in self.entries if not set(e.path) & set(' ,"\n\t\\`$\'')] or ["x"]),
                                       "type=tmpfs,target=/mnt", "type=tmpfs,target=/tmp", "type=bind,from=busybox,source=/l,target=/mnt", "type=bind,target=/mnt,rw",
                                       f"type=cache,target=/mnt,id={self.fresh('cache')}{self.r.getrandbits(60)}")

    def heredoc_run(self):
        body = "\n".join(self.step() for _ in range(self.pick(1, 2, 3)))
        form = self.pick("RUN <<EOF\n%s\nEOF", "RUN <<'EOF'\n%s\nEOF", "RUN <<EOF sh\n%s\nEOF", "RUN <<-EOF\n%s\n\tEOF", "RUN <<EOF\n#!/bin/busybox sh\n%s\nEOF",
                         "RUN cat <<A >/hd && cat <<B >>/hd\n%s\nA\n$A b\nB", "RUN <<E\n%s\nE\n")
        return form.replace("%s", body)

    def script(self):
        return self.pick("; ", "; ", " && ", " ; ").join(self.step() for _ in range(self.pick(1, 1, 2, 3, 5)))

    def step(self):
        s, r = self.stage, self.r
        d, f = r.choice(s.directories), r.choice(s.files or ["/etc/passwd"])
        n = os.path.join(r.choice([d, "/", "/tmp"]), self.fresh("r"))
        kind = self.pick("mk", "mk", "mk", "write", "write", "write", "change", "change", "link", "gone", "gone", "swap", "show", "show", "odd")
        if kind == "mk":
            s.directories.append(n)
            return self.pick(f"mkdir {n}", f"mkdir -p {n}/sub/deep", f"mkdir -m {r.choice(DIR_MODES_TEXT)} {n}", f"cp -a {d if os.path.normpath(d).strip('/') else '/etc'} {n} 2>/dev/null", f"mkdir {n}; mkfifo {n}/fifo", f"umask 027; mkdir {n}; touch {n}/x")
        if kind == "write":
            s.files.append(n)
            return self.pick(f"echo $A >{n}", f"echo x >>{f}", f"cp {f} {n}", f"cp -p {f} {n}", f"truncate -s 100000 {n}", f"touch {n}", f"touch -d @1234567890 {n}",
                             f"dd if=/dev/zero of={n} bs=1k count=3 seek=5 2>/dev/null", f"printf '%s\\n' \"${{B}}\" '$C' >{n}", f"touch '{n} b' '{n}\\x' {n}'*'",
                             f"cat {f} >{n}")
        if kind == "change":
            return self.pick(f"chmod {r.choice(DIR_MODES_TEXT)} {r.choice([d, f])}", f"chown {r.choice(['1:2', '0:100', '7', ':5', 'nobody:users'])} {r.choice([d, f])}", f"chown -h 3:4 {n} {d}",
                             f"chown -R 9:9 {d}", f"touch -d @1200000000 {r.choice([d, f])}", f"chmod u+s {f}", f"chmod -R go-w {d}", f"chown 4:4 {f}; chmod 6755 {f}", f"touch {f}")
        if kind == "link":
            s.files.append(n)
            return self.pick(f"ln -s {d} {n}", f"ln -s {os.path.relpath(d, os.path.dirname(n))} {n}", f"ln {f} {n}", f"ln -s nowhere {n}", f"ln -sf {f} {n}", f"ln -sfn {d} {n}", f"ln {f} {n}; rm {f}")
        if kind == "gone":
            d = r.choice([x for x in s.directories if x not in ("/", "/tmp", "/etc", "/lib", "/usr/lib", "/mnt", "/root")] or [n])
            return self.pick(f"rm -rf {d}", f"rm -f {f}" if f != "/bin/busybox" else "true", f"rm -rf {d} && mkdir {d} && touch {d}/new", f"rmdir {d} 2>/dev/null", f"rm -rf {d}; ln -s /tmp {d}",
                             f"rm -rf {d}/*", f"rm -rf {d}; echo file >{d}", f"rm -rf {d}; mkdir -p {d}/sub")
        if kind == "swap":
            return self.pick(f"mv {d} {n}", f"mv {f} {n}" if f != "/bin/busybox" else "true", f"mv {n} {d}", f"mv {d} {n}; mv {n} {d}", f"cp -a {f} {n} && mv {n} {f}", f"mv {d} {n}; mkdir {d}")
        if kind == "show":
            return self.pick(f"env | grep -v -e ^HOSTNAME= | sort >/tmp/{self.fresh('env')}", f"pwd >/tmp/{self.fresh('pwd')}", f"id >/tmp/{self.fresh('id')}", f"ls -lan --full-time {d} | grep -v -e ^d -e ^total -e $(date +%Y) >/tmp/{self.fresh('ls')}",
                             f"umask >/tmp/{self.fresh('um')}", f"tr '\\0' '|' </proc/$$/cmdline >/tmp/{self.fresh('cl')}", f"echo \"$0 $# $-\" >/tmp/{self.fresh('sh')}", f"cat >/tmp/{self.fresh('in')}",
                             f"stat -c '%a %u %g %F %n' {f} {d} >/tmp/{self.fresh('st')}", f"ls -A / /mnt >/tmp/{self.fresh('root')}")
        return self.pick("true", "false", ":", "exit 0", "cd /tmp && touch here", f"find {d} -maxdepth 1 -type f >/dev/null", "kill -0 $$", "sync", "( sleep 0 & )", f"tar -cf - -C {d} . 2>/dev/null | tar -xf - -C /mnt 2>/dev/null",
                         "adduser -D -u 1234 someone", "test -t 1 || echo no >/tmp/tty", "echo out; echo err >&2")

    # -- the whole

    KINDS = [("copy", 30), ("add", 8), ("run", 28), ("env", 8), ("arg", 8), ("label", 4), ("workdir", 8), ("user", 5), ("expose", 2), ("volume", 3), ("stopsignal", 1), ("healthcheck", 2),
             ("cmd", 3), ("entrypoint", 3), ("shell_", 1), ("maintainer", 1), ("onbuild", 2)]

    def write(self):
        names, weights = zip(*self.KINDS)
        self.header()
        for _ in range(self.pick(1, 1, 1, 2, 2, 3, 4)):
            self.from_()
            for _ in range(self.pick(1, 2, 4, 6, 9)):
                line = getattr(self, self.r.choices(names, weights)[0])()
                if line:
                    self.items.append(self.spread(line))
        self.command_line()
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
        if len(words) < 3:
            return line
        at = self.r.randrange(2, len(words))
        if words[at - 1].endswith(self.escape):
            return line
        between = self.escape + self.pick("", "", "  ", "\t") + "\n" + self.pick("", "", "# comment\n", "  # indented\n", "\n", "# one\n\n# two \\\n")
        return " ".join(words[:at]) + " " + between + self.pick("", "    ") + " ".join(words[at:])

    def command_line(self):
        if self.chance(0.1):
            self.options.append("--target=" + self.pick("nosuch", *[n for s in self.stages if s.name for n in (s.name, s.name, s.name.upper())]))
        for v in VARIABLES:
            if self.chance(0.06):
                self.options.append(f"--build-arg={v}" + self.pick("", "=given", "=", "=a b", "=$A", "='q'"))
        if self.chance(0.05):
            self.options.append("--label=" + self.pick("k=cli", "empty=", "x=a=b"))

    def dockerignore(self):
        paths = [e.path for e in self.entries] or ["x"]
        lines = []
        for _ in range(self.pick(1, 2, 3, 5)):
            p = self.r.choice(paths)
            p = self.pick(p, p, p, "*", "**", "**/" + os.path.basename(p), p + "/**", "*/" + os.path.basename(p), p[:1] + "*", f"[{p[:1]}]*", p + "/", "/" + p, "./" + p, "a?", "**/*.txt",
                          "[a-c]", "[^a-c]*", p + "/*", "*/*", "#" + p, " " + p + " ", ".", "**/x/**", os.path.dirname(p) + "/**/" + os.path.basename(p), "[a", "../x", "Dockerfile", ".dockerignore")
            lines.append(self.pick("", "", "", "!") + p.replace("\n", ""))
        return self.pick("\n", "\n", "\n", "\r\n").join(lines) + self.pick("\n", "")


DIR_MODES_TEXT = ["700", "755", "1777", "2775", "4755", "0", "6711", "u+w"]
BAD = ["FROM", "FROM busybox AS", "FROM busybox as 1x", "COPY a", "COPY --chown a /b", "COPY --from=99 /a /b", "COPY --from=nobody-has-it /a /b", "RUN --mount=type=x true", "RUN --mount=target=/ true", "ENV", "ENV A",
       "ENV A=${A", 'ENV A="x', "LABEL", "LABEL a", "EXPOSE", "EXPOSE x", "EXPOSE 70000", "EXPOSE 5-2", "WORKDIR", "USER", "VOLUME", "VOLUME []", "STOPSIGNAL SIGNOPE", "STOPSIGNAL", "HEALTHCHECK", "HEALTHCHECK CMD",
       "HEALTHCHECK --interval=1 CMD x", "HEALTHCHECK --retries=-1 CMD x", "HEALTHCHECK NONE x", "ONBUILD", "ONBUILD FROM x", "ONBUILD ONBUILD RUN x", "ONBUILD MAINTAINER x", "SHELL sh", "SHELL []", "CMD [1]", "NOSUCH x",
       "ARG", "ARG 1=2 =3", "ARG =x", "RUN <<EOF\nnever ends", "COPY <<A <<A /x\nA", "COPY a <<B\nB", "COPY --chmod=u+x a /b", "COPY --chmod=888 a /b", "COPY --nosuch a /b", "COPY --chown=1 --chown=2 . /b", "ADD", 'COPY ["a"]',
       "RUN --network=nowhere true", "RUN --nosuch=1 true", "COPY --chown=1:2:3 . /x", "COPY --chown=-1 . /x", "ENV =x", "LABEL =x", "WORKDIR ''", "HEALTHCHECK --interval=1us CMD x", "MAINTAINER", "ENTRYPOINT", "CMD", "RUN",
       "HEALTHCHECK --timeout=0s CMD x", "STOPSIGNAL 0", "STOPSIGNAL 99", "EXPOSE 80/", "EXPOSE /tcp", "EXPOSE 80/x", "VOLUME ['']", 'VOLUME [""]', "USER ''", "ARG A B=1 ${A}", "CMD [\"a\", 1]", "SHELL [\"\"]", "env", "#x",
       "COPY --from=s1 --from=s1 a /b", "COPY --link=maybe . /x", "COPY --chmod= . /x", "COPY --chown= . /x", "COPY --from= . /x", "ENV a=b c", "ENV a b=c d", "LABEL a=b c", "FROM --platform=nope/x/y/z busybox", "FROM --nosuch busybox"]


def spoil(r, items):
    """Makes a Dockerfile wrong, or nearly: a bad instruction, a hole, two characters the other way round."""
    first = next(i for i, line in enumerate(items) if line.lstrip().lower().startswith("from "))
    what, at = r.random(), r.randrange(first, len(items) + 1)
    if what < 0.5:
        return items[:at] + [r.choice(BAD)] + items[at:]
    if what < 0.6 and len(items) > 1:
        return items[:at - 1] + items[at:]
    at = r.randrange(first, len(items))  # errors in the defaults of ARGs before it are nothing to BuildKit
    line = items[at]
    where = r.randrange(len(line))
    changed = r.choice([line[:where] + line[where + 1:], line[:where] + r.choice("\\\"'$[]{},=<>- \t\n#`:/!é\0") + line[where:], line[:where], line + line[where:]])
    return items[:at] + [changed] + items[at + 1:]

"""Random RUNs."""
import os
import re

from stage import NEEDED

MODES = ["700", "755", "1777", "2775", "4755", "0", "6711", "u+w"]
TAME = re.compile(r"/[A-Za-z0-9_./-]+")  # what a script may name


class Shell:
    """The part of a Writer that writes RUN."""

    def run(self):
        if not self.stage.shell:
            return None
        flags = self.mount() if self.chance(0.15) else ""
        if flags and self.chance(0.3) and "/mnt" not in flags:
            flags += self.mount()
        if self.chance(0.02):
            flags += " --network=none"
        if self.chance(0.12):
            return self.heredoc_run(flags)
        if self.chance(0.08):
            return f"RUN{flags} " + self.json(["/bin/sh", "-c", self.script(flags)])
        return f"RUN{flags} " + self.script(flags).replace("\\", self.escape if self.chance(0.5) else "\\")

    def mount(self):
        """Targets that the image has not: the engine that is compared leaves them behind, so compare.py knows them by name."""
        plain = [e.path for e in self.entries if not set(e.path) & set(" ,\"\n\t\\`$'") and self.tree.kind(e.path) in ("file", "dir")]
        if self.chance(0.25) and plain:
            source = self.r.choice(plain)
            at = self.pick("/mnt", "/" + self.fresh("mp")) if self.tree.kind(source) == "dir" else "/" + self.fresh("mp")
            return f" --mount=target={at}," + self.pick("source=", "src=") + self.named(source) + self.pick("", ",rw", ",ro")
        at = self.pick("/mnt", "/mnt", "/mnt", "/" + self.fresh("mp"), "/tmp")
        if self.chance(0.2) and not self.stage.touched:
            at = self.pick("/l", "/l/real", "/l/abs", "/home", "/l/up", "mnt" if self.stage.directory == "/" else "/mnt", "/mnt/", "/tmp/../mnt")
        if self.chance(0.06) and self.named_contexts():
            return f" --mount=from={self.context()[0]},target={at}"
        others = [s.name for s in self.stages[:-1] if s.name]  # by name only: docs/dockerfile.md
        owner = "" if self.stage.root and self.chance(0.5) else self.pick(",uid=5,gid=6", ",uid=1000,gid=1000,mode=0700")
        cache = f"type=cache,target={at},id={self.fresh('cache')}{self.r.getrandbits(60)}{owner}"
        return " --mount=" + self.pick(f"type=bind,target={at}", f"type=bind,target={at},rw", f"type=tmpfs,target={at}", f"type=tmpfs,target={at},size=1048576",
                                       f"type=bind,from=busybox,source=/l,target={at}", cache, cache, self.secret(), self.kept(at), self.kept(at),
                                       f"type=cache,from=busybox,source=/l/{self.pick('real', 'abs', 'sgid')},target={at},id={self.fresh('cache')}{self.r.getrandbits(60)}", f"from=rich,source={self.pick('/l/real', '/l/abs', '/l', '/home', '')},target={at}",
                                       *[f"from={s},target={at}" for s in others], *[f"type=bind,from={s},dst={at},rw" for s in others])

    def kept(self, at):
        """A cache that steps of a stage have in common."""
        name = self.caches.setdefault(len(self.stages), f"{self.fresh('kept')}{self.r.getrandbits(60)}")
        return f"type=cache,id={name},target={at}" + self.pick("", "", ",sharing=private", ",sharing=locked", ",ro", ",mode=0777,uid=0,gid=0")

    def secret(self):
        """An environment variable that fuzz-diff sets for both."""
        if "--secret" not in self.options:
            self.options += ["--secret", "id=token,env=FUZZ_DIFF_SECRET"]
        return "type=secret,id=" + self.pick(f"token,target=/mp{self.fresh('s')}", f"token,target=/mp{self.fresh('s')},mode=0440,uid=5,gid=6", "token,target=/etc/group", "none,target=/etc/group",
                                             f"token,required,target=/mp{self.fresh('s')}/x")

    def heredoc_run(self, flags):
        body = "\n".join(self.steps(flags))
        form = self.pick("<<EOF\n%s\nEOF", "<<'EOF'\n%s\nEOF", "<<EOF sh\n%s\nEOF", "<<-EOF\n%s\n\tEOF", "<<EOF\n#!/bin/busybox sh\n%s\nEOF",
                         "cat <<A >/tmp/hd && cat <<B >>/tmp/hd\n%s\nA\n$A b\nB", "<<E\n%s\nE\n", "<<'Q' cat >/tmp/hq\n%s $A\nQ")
        return f"RUN{flags} " + form.replace("%s", body)

    def script(self, flags):
        return self.pick("; ", "; ", " ; ").join(self.steps(flags))

    def steps(self, flags=""):
        """Some steps; the last never fails, and none where a shell would stop at it."""
        steps = [self.step() for _ in range(self.pick(1, 1, 2, 3, 5))]
        at = re.search(r"(?:target|dst)=(/(?:mnt|mp|l|home)[^, ]*)", flags)
        if at:
            steps.append(self.within(at[1]))
        if self.stage.errexit:
            steps = [f"{{ {s}; }} || true" for s in steps]
        return steps + ([self.pick("true", ":")] if self.chance(0.99) else [])

    def within(self, at):
        """What is done with a mount. How many names a file has is not looked at: BuildKit counts what else of the context it was sent."""
        n = "/" + self.fresh("m")
        return self.pick(f"cp -a {at} {n} 2>/dev/null", f"ls -lanR {at} 2>/dev/null | grep -v -e ^d -e ^total -e '[0-9][0-9]:[0-9][0-9] ' | sed 's/  *[0-9][0-9]* / /' >{n}", f"echo x >{at}/new 2>/dev/null; cat {at}/new >{n} 2>/dev/null",
                         f"rm -rf {at}/a {at}/in 2>/dev/null; ls -A {at} >{n}", f"cat {at} >{n} 2>/dev/null", f"stat -c '%u %g %F' {at} >{n}", f"mkdir -p {at}/d; chmod 700 {at}/d; ls -A {at}/d >{n}")

    def step(self):
        s = self.stage
        usable = [p for p in s.directories() if TAME.fullmatch(p)]
        d, f = self.r.choice(usable), self.r.choice([p for p in s.files() if TAME.fullmatch(p)] or ["/etc/passwd"])
        n = os.path.join(self.pick(d, "/", "/tmp"), self.fresh("r"))
        if any(e.devices for e in self.entries):  # no step can change one: docs/dockerfile.md
            return getattr(self, self.pick("put", "show"))(d, f, n)
        kind = self.pick("renew", "renew", "stamp", "engine", "make", "make", "make", "put", "put", "put", "change", "change", "tie", "tie", "gone", "gone", "swap", "show", "show", "odd")
        return getattr(self, kind)(d, f, n)

    def renew(self, _d, f, n):
        """Directories and files that take the place of others, in one step."""
        usable = [p for p in self.stage.directories() if p not in NEEDED and TAME.fullmatch(p) and p != self.stage.directory and p.count("/") > 1]
        d = self.r.choice(usable or ["/l/real"])
        if d in NEEDED or f in NEEDED or f.startswith(d + "/"):
            return f"cp -al {d} {n} 2>/dev/null"
        self.stage.gone(d)
        self.stage.gone(f)
        return self.pick(f"mkdir {n}; mv {d} {n}/x; mv {n}/x {d}; rmdir {n}", f"cp -a {d} {n} 2>/dev/null; rm -rf {d}; mv {n} {d}", f"mv {d} {n}; cp -a {n} {d} 2>/dev/null", f"rm -rf {d}; mv {f} {d}", f"rm {f}; mv {d} {f}",
                         f"cp -al {d} {n} 2>/dev/null; rm -rf {d}", f"mv {d} {n}; mv {f} {d}; mv {n} {f}", f"rm -rf {d}; ln {f} {d}", f"chmod 500 {d}; echo x >{d}/{self.fresh()}; chmod 755 {d}; touch {d}/{self.fresh()}",
                         f"rm -rf {d}; cp -a /l {d} 2>/dev/null; rm -rf {d}/*; mkdir {d}/real", f"cp {f} {n}; cat {n} >{f}", f"cp -p {f} {n}; rm {f}; cp -p {n} {f}; rm {n}", f"rm {f}; ln -s {d} {f}; touch {f}/via",
                         f"for i in 1 2 3; do rm -rf {d}; mkdir -p {d}/$i; done", f"mkdir -p {d}/p/q; mv {d}/p/q {d}/; rm -rf {d}/p; ln {f} {d}/q/h")

    def stamp(self, d, f, n):
        """What changes nothing but a time, a mode, an owner, and odd names."""
        self.made(n, "file")
        d, f = "/l/real" if d in NEEDED else d, n if f in NEEDED else f
        return f"[ -e {f} ] || echo new >{f}; " + self.pick(f"touch -h -d @1234567890 {f}", f"touch -d @0 {f}", f"touch -d @1 {d}", f"chmod 0 {d}; chmod 755 {d}", f"chown 0:0 {f}; chown 7:7 {f}", f"chmod 4711 {f}; chown 3 {f}", f"chown 3 {f}; chmod 4711 {f}",
                         f"chgrp 100 {f}; chmod g+s {f}", f"chmod +t {d}", f"chmod a-x {d}", f"chmod 1000 {f}", f"ln -s {f} {n}.l; chown -h 5:6 {n}.l; touch -h -d @1111111111 {n}.l", f"cp -p {f} {n}.p; touch -r {f} {d}", f"install -m 4755 -o 5 {f} {n}.i",
                         f"touch '{n}.ü é' {n}.$(printf '\\377') '{n}.a\tb'", f"touch {n}.{'n' * 240}", f"sed -i s/e/E/ {f}", f"cp {f} {n}.c; chmod --reference={f} {n}.c 2>/dev/null", f"mkdir -p {n}.d; (cd {d} && find . | cpio -pdm {n}.d 2>/dev/null)",
                         f"truncate -s 5 {f}", f"truncate -s 0 {f}", f": >>{f}", f"dd if=/dev/zero of={f} bs=1 count=1 seek=100 conv=notrunc 2>/dev/null", f"split -b 2 {f} {n}.s")

    def engine(self, *_):
        """What an engine lays over an image, and what it says of itself."""
        return self.pick("echo x >>/etc/hosts", "echo x >/etc/resolv.conf", "echo me >/etc/hostname", "rm -f /etc/hosts 2>/dev/null", "mv /etc/resolv.conf /etc/r 2>/dev/null", "touch /dev/x /dev/shm/y 2>/dev/null", "echo 1 >/proc/sys/kernel/hostname 2>/dev/null",
                         "cp -a /etc /etc.copy 2>/dev/null; rm -f /etc.copy/hosts /etc.copy/resolv.conf", "mkdir /proc/x /sys/x 2>/dev/null", "ls -l /proc/self/fd | grep -c pipe >/tmp/pipes", "ls /dev | grep -v -e ^core$ -e ^console$ >/tmp/dev",
                         f"addgroup -g 77{self.serial % 10} g{self.fresh()}", f"adduser -D -H -G users u{self.fresh()}", "grep -e ^Seccomp: -e ^NoNewPrivs /proc/self/status >/tmp/status", "ulimit -c >/tmp/ul", "[ -t 0 ] || echo none >/tmp/tty0", "mount >/dev/null", "df / >/dev/null",
                         "echo $HOME $USER $SHELL $TERM $PWD $OLDPWD >/tmp/homes", "(trap '' TERM; kill -TERM $$ 2>/dev/null)", "echo ~ ~nobody >/tmp/tilde", "su nobody -s /bin/sh -c id >/tmp/su 2>/dev/null")

    def made(self, path, kind):
        """Remembered where it is sure that it will be."""
        if self.stage.root:
            self.stage.add(path, kind)

    def make(self, d, _, n):
        whole = d if d not in NEEDED else "/l"
        self.made(n, "dir")
        return self.pick(f"mkdir {n}", f"mkdir -p {n}/sub/deep", f"mkdir -m {self.r.choice(MODES)} {n}", f"cp -a {whole} {n} 2>/dev/null", f"mkdir {n}; mkfifo {n}/fifo", f"umask 027; mkdir {n}; touch {n}/x",
                         f"mkdir -p {n}/a {n}/b; echo 1 >{n}/a/f; ln {n}/a/f {n}/b/g; ln -s ../a {n}/b/up", f"mkdir {n}; for i in 1 2 3; do echo $i >{n}/$i; done; ln {n}/1 {n}/one")

    def put(self, _, f, n):
        self.made(n, "file")
        return self.pick(f"echo $A >{n}", f"cp {f} {n}", f"cp -p {f} {n}", f"truncate -s 100000 {n}", f"touch {n}", f"touch -d @1234567890 {n}",
                         f"dd if=/dev/zero of={n} bs=1k count=3 seek=5 2>/dev/null", f"printf '%s\\n' \"${{B}}\" '$C' >{n}", f"touch {n} '{n} b' '{n}\\x' {n}'*'",
                         f"cat {f} >{n}", f"touch {n}; echo x >>{f}" if f not in NEEDED else f"touch {n}")

    def change(self, d, f, n):
        f, d = n if f in NEEDED else f, "/l" if d in NEEDED else d
        return self.pick(f"chmod {self.r.choice(MODES)} {self.pick(d, f)}", f"chown {self.pick('1:2', '0:100', '7', ':5', 'nobody:users')} {self.pick(d, f)}",
                         f"chown -h 3:4 {n} {d}", f"chown -R 9:9 {d}", f"touch -d @1200000000 {self.pick(d, f)}", f"chmod u+s {f}", f"chmod -R go-w {d}", f"chown 4:4 {f}; chmod 6755 {f}", f"touch {f}")

    def tie(self, d, f, n):
        """Links, hard ones across layers too."""
        kind = self.pick("dir", "file", "file", "both")
        if kind == "dir":
            d = "/l/real" if d in NEEDED else d
            self.made(n, "link")
            return self.pick(f"ln -s {d} {n}", f"ln -s {os.path.relpath(d, os.path.dirname(n))} {n}", f"ln -sfn {d} {n}")
        self.made(n, "file")
        if kind == "file" or f in NEEDED:
            return self.pick(f"ln {f} {n}", f"ln {f} {n}; ln {n} {n}.more", f"ln {f} {n}; echo more >>{n}" if f not in NEEDED else f"ln {f} {n}", f"ln {f} {n}; chmod 640 {n}" if f not in NEEDED else f"ln {f} {n}")
        if self.stage.root:
            self.stage.gone(f)
        return self.pick(f"ln {f} {n}; rm {f}", f"ln {f} {n}; echo new >{f}.new; mv {f}.new {f}; rm {f}")

    def gone(self, _d, f, n):
        s = self.stage
        d = self.r.choice([p for p in s.directories() if p not in NEEDED and TAME.fullmatch(p) and p != s.directory] or [n])
        if f not in NEEDED and self.chance(0.25):
            s.gone(f)
            return self.pick(f"rm -f {f}", f"rm -f {f}; mkdir {f}; touch {f}/x", f"rm -f {f}; ln -s nowhere {f}")
        s.gone(d)
        return self.pick(f"rm -rf {d}", f"rm -rf {d} && mkdir {d} && touch {d}/new", f"rmdir {d} 2>/dev/null", f"rm -rf {d}; ln -s /tmp {d}", f"rm -rf {d}/*", f"rm -rf {d}; echo file >{d}", f"rm -rf {d}; mkdir -p {d}/sub",
                         f"rm -rf {d}; mkfifo {d}", f"rm -rf {d}; mkdir {d}; mkdir {d}/sub; rm -rf {d}; mkdir {d}; touch {d}/last", f"mv {d} {d}.old; mkdir {d}; mv {d}.old/* {d}/; rmdir {d}.old")

    def swap(self, d, f, n):
        if self.chance(0.4):
            if f in NEEDED:
                return f"cp -a {f} {n} && mv {n} {f}"
            self.stage.gone(f)
            self.made(n, "file")
            return self.pick(f"mv {f} {n}", f"cp -a {f} {n}; rm {f}", f"mv {f} {n}; ln -s {n} {f}")
        if d in NEEDED or d == self.stage.directory:
            return f"ls {d} >/dev/null"
        self.stage.gone(d)
        return self.pick(f"mv {d} {n}", f"mv {n} {d}", f"mv {d} {n}; mv {n} {d}", f"mv {d} {n}; mkdir {d}", f"mv {d} {n}; ln -s {n} {d}", f"mv {d} {n}; mkdir {d}; mv {n} {d}/back")

    def show(self, d, f, _):
        return self.pick(f"env | grep -v -e ^HOSTNAME= | sort >/tmp/{self.fresh('env')}", f"pwd >/tmp/{self.fresh('pwd')}", f"id >/tmp/{self.fresh('id')}", f"ls -lan --full-time {d} | grep -v -e ^d -e ^total -e $(date +%Y) >/tmp/{self.fresh('ls')}",
                         f"umask >/tmp/{self.fresh('um')}", f"tr '\\0' '|' </proc/$$/cmdline >/tmp/{self.fresh('cl')}", f"echo \"$0 $# $-\" >/tmp/{self.fresh('sh')}", f"cat >/tmp/{self.fresh('in')}",
                         f"stat -c '%a %u %g %F %n' {f} {d} >/tmp/{self.fresh('st')}", f"ls -A / /mnt | grep -v ^mp >/tmp/{self.fresh('root')}", f"stat -c %h {f} >/tmp/{self.fresh('nl')}")

    def odd(self, d, f, _):
        return self.pick("true", "! false", ":", "cd /tmp && touch here", f"find {d} -maxdepth 1 -type f >/dev/null", "kill -0 $$", "sync", "( sleep 0 & )", f"tar -cf - -C {d if d not in NEEDED else '/l'} . 2>/dev/null | tar -xf - -C /mnt 2>/dev/null",
                         "adduser -D -u 1234 someone", "test -t 1 || echo no >/tmp/tty", "echo out; echo err >&2", f"cat {f} >/dev/null", "echo \"$A|$B\" >/tmp/vars")

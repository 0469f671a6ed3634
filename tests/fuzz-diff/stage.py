"""What a stage is known to hold while its instructions are written: enough to name what is there and to avoid what cannot be."""
import os

LINKS = ["/l/abs", "/l/rel", "/l/up", "/l/twice", "/l/out", "/lib"]  # of the base, to directories: base.sh
BASE_DIRECTORIES = ["/tmp", "/etc", "/mnt", "/root", "/var", "/l/real", "/l/sgid", "/l/private", "/usr/lib", "/home"]
BASE_FILES = ["/etc/passwd", "/l/file", "/l/flink", "/bin/busybox", "/l/setid"]
OTHERS = ["/l/real/sub", "/bin", "/l", "/usr", "/usr/bin", "/dev", "/proc", "/sys"]
NEEDED = {"/", "/bin", "/bin/busybox", "/etc", "/etc/passwd", "/etc/group", "/tmp", "/l", "/dev", "/proc", "/sys", "/usr", "/lib", "/mnt"}  # left alone by RUN


class Stage:
    def __init__(self, name, base=None, shell=False):
        self.name, self.shell = name, shell
        self.kinds = {"/": "dir"}  # of paths: dir, file, link (to a directory), other
        if base:
            self.kinds = dict(base.kinds)
        elif shell:
            for kind, paths in (("dir", BASE_DIRECTORIES + OTHERS), ("file", BASE_FILES), ("link", LINKS)):
                self.kinds.update(dict.fromkeys(paths, kind))
        self.directory = base.directory if base else "/"  # of WORKDIR; None: not known
        self.root = base.root if base else True  # USER is
        self.errexit = base.errexit if base else False
        self.onbuild = False
        self.rich = bool(base) and base.rich  # over rich.Dockerfile
        self.touched = base.touched if base else False  # what the base has may be gone

    def enrich(self, image):
        """What rich.Dockerfile makes of the base."""
        for path in ("/l/private", "/l/real", "/l/rel", "/l/sgid"):
            self.gone(path)
        for path in ("/l/real", "/l/rel", "/l/moved", "/home/app"):
            self.add(path, "dir")
        for path in ("/l/real/new", "/l/hard"):
            self.add(path, "file")
        self.rich, self.root, self.directory = True, image == "trigger", "/srv/app"
        if image == "trigger":
            self.add("/srv/app/down/context", "dir")
            self.directory = "/srv/app/down"
        self.add(self.directory, "dir")

    def at(self, path):
        return "/" + os.path.normpath(os.path.join(self.directory or "/", path)).lstrip("/")

    def copy(self):
        other = Stage(self.name, self, self.shell)
        return other

    def directories(self):
        """Those that something may be put in, links to them too."""
        return [p for p, kind in self.kinds.items() if kind in ("dir", "link") and p not in OTHERS]

    def files(self):
        return [p for p, kind in self.kinds.items() if kind == "file"]

    def add(self, path, kind):
        if self.directory is None and not path.startswith("/"):
            return
        path = self.at(path)
        if self.kinds.get(path) == "link" and kind == "dir":
            return
        self.kinds[path] = kind
        while path != "/":
            path = os.path.dirname(path)
            self.kinds.setdefault(path, "dir")

    def gone(self, path):
        self.touched = True
        for p in [p for p in self.kinds if p == path or p.startswith(path + "/")]:
            del self.kinds[p]

    def below(self, path):
        """What a directory holds, as context.Tree has it."""
        lead = path.rstrip("/") + "/"
        return [(p[len(lead):], kind) for p, kind in self.kinds.items() if p.startswith(lead) and p != lead]

    def fits(self, path, things):
        """Whether a directory's things can be laid into `path`: nothing over something of another kind."""
        path = self.at(path)
        at = path
        while at != "/":
            if self.kinds.get(at, "dir") not in ("dir", "link"):
                return False
            at = os.path.dirname(at)
        for name, kind in things:
            there = self.kinds.get(os.path.normpath(os.path.join(path, name)))
            if there and (kind == "dir") != (there == "dir"):
                return False
        return True

    def lay(self, path, things):
        self.add(path, "dir")
        for name, kind in things:
            self.add(os.path.join(path, name), kind)

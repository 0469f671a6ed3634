"""Two images, one beside the other."""
import json
import os
import re
import subprocess
import tarfile

from context import RECENT
from sides import SHARED


def compare(first, second, names, one):
    """The differences as lines, or None. What is left out and why: docs/dockerfile.md."""
    told = subprocess.run([os.path.join(SHARED, "tools/image-diff"), first, second, "--mtime", "--json"], capture_output=True, text=True)
    if told.returncode == 2:
        return [told.stderr]
    found = [d for d in json.loads(told.stdout) if not (d[1] == "Volumes" and lent(one) and set(d[2][0] or {}) <= set(d[2][1] or {}))]
    found = [d for d in found if not (d[0] == "differs" and d[1] in of_equals(one) and set(d[2]) == {"mtime"} and d[2]["mtime"][1] < RECENT <= d[2]["mtime"][0])]
    directories = directories_of(first) if any("mtime" in why for kind, _, why in found if kind == "differs") else set()
    lines = [f"{kind} {what!r} {json.dumps(why)}" for kind, what, why in found if serious(kind, what, why, directories, bool(re.search(r">>|\bcp |\bdd |\btruncate ", one.text())))]
    a, b = config(first, one.inherits()), config(second, one.inherits())
    lines += [f"{names[0] if line in a else names[1]}: {line}" for line in sorted(set(a) ^ set(b))]
    if lent(one):
        lines = [line for line in lines if not line.startswith("BuildKit: .config.Volumes.")]
    return lines or None


def of_equals(one):
    """Directories where a file gives way to one that is the same in all: no change to docker's storage, so they keep their time."""
    return {os.path.dirname(path) for path, _ in re.findall(r"cp -a (\S+) (\S+) && mv \2 \1(?!\S)", one.text().replace(";", " ;"))}


def lent(one):
    """Two stages from one share its list of VOLUME in BuildKit."""
    return len(re.findall(r"(?im)^\s*volume\b", one.text())) > 1


def serious(kind, what, why, directories, appends):
    """Not what is known; that is taken out of `why`."""
    if kind == "only-b" and re.search(r"^/(dev|proc|sys|mp\w*(/x)?)$", what):  # BuildKit's mount points
        return False
    if kind == "differs" and why.get("type") == ["blk", "chr"]:  # BuildKit copies block devices so
        del why["type"]
    if kind == "differs" and "mtime" in why and same_time(*why["mtime"], what in directories):
        del why["mtime"]
    if appends and kind == "differs" and "mode" in why and int(why["mode"][0], 8) == int(why["mode"][1], 8) & ~0o6000:
        del why["mode"]  # writing takes set-id bits away in a user namespace, whoever writes: >>, cp, dd and truncate do
    if kind == "differs" and "xattrs" in why:  # docker's storage keeps no user.*
        kept = [{k: v for k, v in (side or {}).items() if not k.startswith("user.")} for side in why["xattrs"]]
        if kept[0] == kept[1]:
            del why["xattrs"]
    return bool(why)


def same_time(a, b, is_directory):
    """What a step has just made has no time to compare. A directory that gets a name keeps its own with cooper."""
    return min(a, b) >= RECENT or (is_directory and a < RECENT)


def directories_of(archive):
    found = set()
    with tarfile.open(archive) as tar:
        for name in json.load(tar.extractfile("manifest.json"))[0]["Layers"]:
            with tarfile.open(fileobj=tar.extractfile(name)) as layer:
                found |= {os.path.normpath("/" + m.name) for m in layer if m.isdir()}
    return found


def config(archive, inherits):
    """Configuration and history, one line a value, without times and layers."""
    with tarfile.open(archive) as tar:
        whole = json.load(tar.extractfile(json.load(tar.extractfile("manifest.json"))[0]["Config"]))
    for key in ("created", "rootfs"):
        whole.pop(key, None)
    whole["history"] = [words(h, inherits) for h in whole.get("history", [])]
    return list(flat("", whole))


def words(h, inherits):
    """A line of the history. Values of ARG are in it since BuildKit 0.14, and in RUN those of the stage below; what it has of
    EXPOSE and HEALTHCHECK is a Go structure."""
    h.pop("created", None)
    h["created_by"] = re.sub(r"^(ARG|EXPOSE|HEALTHCHECK) .*", r"\1", h.get("created_by", ""), flags=re.DOTALL)
    if inherits:
        h["created_by"] = re.sub(r"^RUN \|\d+ .*?(?= /bin/(sh|busybox) )", "RUN", h["created_by"], flags=re.DOTALL)
    return h


def flat(path, value):
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flat(f"{path}.{key}", inner)
    elif isinstance(value, list) and value:
        for at, inner in enumerate(value):
            yield from flat(f"{path}[{at}]", inner)
    else:
        yield f"{path} = {json.dumps(value)}"

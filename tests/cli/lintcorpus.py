"""Every Dockerfile of $CONFORMANCE under `cooper lint --fix`: what is mended has no finding that was not there before, is not
changed by a second time, and builds to the same plan but for what the edits of the table below say. In the directory it is
called in."""
import collections
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

COOPER = os.environ["COOPER"]
LINT = [COOPER, "lint", "--config", "/dev/null", "--no-fail", "--no-shellcheck"]

# What a plan may say differently when it is mended, and why that is the better one.
EXPLAINED = [
    (r" --no-install-recommends\b", ""),  # only what was asked for is installed
    (r"(?<=install) -y\b|(?<=zypper rm) -y\b", ""),  # nobody answers a question
    (r"(?<=add) --no-cache\b", ""),  # the index is not kept
    (r"(?<=install) --no-cache-dir\b", ""),  # nor are downloads
    (r"\bwget -nv\b", "wget"),  # no line for every dot
    (r"(?<![\w/.-])apt(?![\w/.-])", "apt-get"),  # the program that is made for scripts
    (
        r"( && (rm -rf /var/lib/apt/lists/\*|(yum|dnf|microdnf) clean all|zypper clean|yarn cache clean))+(?=$| #)",
        "",
    ),  # lists and caches are not kept
    (r"^ADD ", "COPY "),  # it has been a copy: nothing is unpacked or fetched there
]
AUTHORS = "org.opencontainers.image.authors"  # what MAINTAINER becomes


def corpus(root):
    for name in ("hadolint", "own", "buildkit", "proposed"):
        with open(f"{root}/lint/{name}-cases.jsonl", encoding="utf-8") as f:
            for number, line in enumerate(f):
                yield f"{name}-{number}.Dockerfile", json.loads(line)["dockerfile"].encode()
    for name in sorted(os.listdir(f"{root}/official")):
        if name not in ("LICENSES", "SOURCES.tsv"):
            with open(f"{root}/official/{name}", "rb") as f:
                yield f"official-{name}.Dockerfile", f.read()


def findings(files):
    out = subprocess.run([*LINT, "--format", "json", *files], check=True, capture_output=True).stdout
    found = collections.defaultdict(collections.Counter)
    for f in json.loads(out):
        found[os.path.basename(f["file"])][f["code"]] += 1
    return found


def mend(files):
    subprocess.run([*LINT, "--fix", "--brief", *files], check=True, capture_output=True)


def offline(text):
    """The same stages on scratch: what a plan says of them does not need the network."""
    stages, out, begun = set(), [], False
    for line in text.decode("utf-8", "surrogateescape").splitlines(keepends=True):
        m = re.match(r"(?i)(FROM\s+(?:--\S+\s+)*)(\S+)(?:(\s+AS\s+)(\S+))?", line)
        if m and m[2].lower() not in stages:
            line = m[1] + "scratch" + line[m.end(2):]
        if m and m[4]:
            stages.add(m[4].lower())
        if not m and not begun and line.strip() and not re.match(r"(?i)#|ARG\s", line):
            out.append("FROM scratch\n")
            begun = True
        begun = begun or bool(m)
        out.append(line)
    return "".join(out).encode("utf-8", "surrogateescape")


def started(value):
    """What is started, in whichever form: a shell around one simple command is not missed."""
    if isinstance(value, list) and value[:2] == ["/bin/sh", "-c"] and len(value) == 3:
        words = shlex.split(value[2])
        return words[words[0] == "exec":]
    if isinstance(value, list) and len(value) == 2 and value[0] == "CMD-SHELL":
        return ["CMD", *shlex.split(value[1])]
    return value


def is_maintainer(step):
    return isinstance(step, dict) and re.match(f"MAINTAINER|LABEL {AUTHORS}=", str(step.get("created_by")))


def strip(value):
    if isinstance(value, dict):
        kept = {k: strip(v) for k, v in value.items() if k not in ("title", "where", "unpack", "author", AUTHORS)}
        for key in ("Cmd", "Entrypoint", "Test"):
            if key in kept:
                kept[key] = started(kept[key])
        if re.match("CMD |ENTRYPOINT |HEALTHCHECK ", str(kept.get("created_by"))):
            kept["created_by"] = kept["created_by"].split()[0]
        return {k: v for k, v in kept.items() if k != "ArgsEscaped" and (k != "Labels" or v)}
    if isinstance(value, list):
        return [strip(v) for v in value if not is_maintainer(v)]
    if isinstance(value, str):
        for pattern, text in EXPLAINED:
            value = re.sub(pattern, text, value)
    return value


def plan(name, text):
    with open(name, "wb") as f:
        f.write(offline(text))
    r = subprocess.run([COOPER, "--root", "store", "build", "--print", "plan", "-f", name, "context"],
                       capture_output=True, check=False)
    if r.returncode:
        return None
    return strip(json.loads(r.stdout))


def same_plan(name):
    with open(f"before/{name}", "rb") as a, open(f"after/{name}", "rb") as b:
        before, after = a.read(), b.read()
    if before == after:
        return name, None
    x, y = plan(f"plan-a-{name}", before), plan(f"plan-b-{name}", after)
    if x is None:  # no stage, or "# check=error=true": what builds now is not worse
        return name, (False, True, x, y)
    return name, (True, x == y, x, y)


def main():
    bad = []
    for d in ("before", "after", "context"):
        os.makedirs(d, exist_ok=True)
    names = []
    for name, text in corpus(os.environ["CONFORMANCE"]):
        names.append(name)
        with open(f"before/{name}", "wb") as f:
            f.write(text)
        shutil.copyfile(f"before/{name}", f"after/{name}")
    after = [f"after/{n}" for n in names]
    first = findings([f"before/{n}" for n in names])
    mend(after)
    second = findings(after)
    for n in names:
        bad += [f"{n}: new finding {code}" for code, count in second[n].items() if count > first[n][code]]
    once = {n: open(f"after/{n}", "rb").read() for n in names}
    mend(after)
    bad += [f"{n}: mended twice" for n in names if open(f"after/{n}", "rb").read() != once[n]]
    changed = planned = 0
    with ThreadPoolExecutor(2) as pool:
        for n, r in pool.map(same_plan, names):
            changed += r is not None
            planned += r is not None and r[0]
            if r is not None and not r[1]:
                bad.append(f"{n}: the plan differs\n  {json.dumps(r[2])}\n  {json.dumps(r[3])}")
    print(f"{len(names)} files, {changed} mended, {planned} of them planned, {len(bad)} wrong")
    print("\n".join(bad))
    return bool(bad) or planned < changed * 0.8


sys.exit(main())

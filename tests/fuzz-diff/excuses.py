"""What is no difference, because docs/dockerfile.md says so: each with the evidence that it is that and nothing else."""
import fnmatch
import json
import os
import re
from dataclasses import replace

from compare import compare
from context import Tree

# in one instruction, whose lines may have comments between them
ONBUILD_FROM = r"(?i)onbuild\s(?:[^\n]*[\\`][ \t]*\n(?:[ \t]*(?:#[^\n]*)?\n)*)*[^\n]*from="
# (the side that refuses, words of the refusal, the Dockerfile's words, what it is)
REFUSALS = [
    ("BuildKit", r"cannot copy to non-directory", r"", "a directory onto a link"),
    ("BuildKit", r"failed to parse stage name .* must be lowercase", r"(?i)from ", "a stage's name in capitals"),
    ("BuildKit", r"lstat \S*/buildkit-mount.*: no such file", r"[*?\[]", "a pattern that matches nothing in a directory"),
    ("cooper", r"look up owner .* is not (in the image's|a number of 0)", r"--chown=", "an owner that nobody is"),
    ("cooper", r"bad substitution|unclosed|missing '\}'", r"(?is)\A(?:(?!\n\s*from\s).)*\barg\b[^\n]*[$'\"]", "errors of an ARG before FROM"),
    ("cooper", r"\$\{\w+:[#%]\.\.\.\}: unsupported modifier", r"\$\{\w+:[#%]", "a colon before # or %"),
    ("cooper", r"\.dockerignore:.* pattern", r"", "a malformed pattern that no step needs"),
    ("BuildKit", r'"/![^"]*": not found', r"!", "a name that begins with an exclamation mark"),
    ("BuildKit", r"failed to calculate checksum of ref .*: too many symlinks: ", r"[*?\[]", "a pattern, and links in a circle in what it matches"),
    ("BuildKit", r"chtimes .*: no such file", r"(?i)add ", "a directory that the same archive replaces"),
    ("BuildKit", r"solve: (mkdir|symlink \S+) /.*: no such file", r"(?i)add ", "a link on its own way that an archive replaces"),
    ("BuildKit", r"solve: link /.*: no such file", r"(?i)add ", "a hard link of an archive onto itself, through a link"),
    ("BuildKit", r'cannot mount from stage "scratch"', r"(?i)onbuild\s+run.*type=cache", "a cache mount in a trigger"),
    ("BuildKit", r'cannot (mount|copy) from stage ".*(it|stage) needs to be defined before', ONBUILD_FROM, "a trigger that names a stage or image"),
    ("cooper", r"(?im)^ +\d+ \| *onbuild\s", r"", "a trigger that is wrong, and fires nowhere"),
    ("BuildKit", r"contains value with non-printable ASCII", r"", "a pattern with a tab in it"),
    ("BuildKit", r"invalid environment variable: name cannot be empty", r"", "a variable without a name"),
]


def of_refusal(a, b, one, first, second, scratch):
    """Why a refusal of one side alone is no difference, or None."""
    who, words = ("cooper", first.refused) if first.refused else ("BuildKit", second.refused)
    for side, refusal, text, what in REFUSALS:
        if side == who and re.search(refusal, words) and re.search(text, one.text()):
            return what
    missed = who == "BuildKit" and missed_in(words)
    why = of_link(a, b, one, missed, words, scratch) if missed else None
    if who == "BuildKit" and re.search("failed to calculate checksum of ref", words) and mounts_pattern(one) and same(a, b, sends_all(one), scratch):
        return "a mount of what is called like a pattern"
    return why or of_rest(a, b, one, scratch)


def missed_in(words):
    """What BuildKit says that it did not find, as a path of the context; or None."""
    missed = re.search(r'failed to calculate checksum of ref .*: ("/.*"): not found', words)
    return json.loads(missed[1])[1:] if missed else None


def of_link(a, b, one, missed, words, scratch):
    """The same where BuildKit missed something: it has to be what a link of the context leads to, by a pattern or a name that it takes for one."""
    tree = Tree(one.entries)
    links = [e for e in one.entries if e.kind == "link"]
    places = {os.path.normpath("/" + place).strip("/") for e in links for place in [target(e), *tree.steps(e.path)[1:]]}
    if not missed.isascii() and meant(missed) in tree.entries:
        return "a flag beyond ASCII"
    if any(patterns(one, of_stages=True)) and failed_step(words, "--from="):
        return "a pattern, and a dangling link in what it matches"  # of a stage, where nobody knows all links
    if missed not in places or not (any(patterns(one)) or re.search(r"[\\*?\[]", missed)):
        return None
    if tree.kind(missed) is None:
        return "a pattern, and a dangling link in what it matches"
    if same(a, b, sends_all(one), scratch):
        return "a link to what BuildKit was not sent"
    more = missed_in(b.build(sends_all(one), fresh=True).refused)  # has it all, and then meets one that dangles
    return "a pattern, and a dangling link in what it matches" if more in places and tree.kind(more) is None else None


def of_rest(a, b, one, scratch):
    """The same where something follows a list: BuildKit 26.1 drops it, so without it there is no difference."""
    less = replace(one, items=[without_rest(item) for item in one.items])
    return "what follows a list" if less.items != one.items and same(a, b, less, scratch) else None


def without_rest(item):
    head = re.match(r"\s*(?:onbuild\s+)?\w+\s+(?:--\S+\s+)*(?=\[)", item, re.IGNORECASE)
    try:
        return item[:json.JSONDecoder().raw_decode(item, head.end())[1]] if head else item
    except ValueError:
        return item


def meant(garbled):
    """What was written where each byte was taken for a letter."""
    try:
        return garbled.encode("latin-1").decode()
    except UnicodeError:
        return None


def failed_step(words, part):
    """Whether the step that BuildKit says it failed in has that in it."""
    return any(part in line for line in re.findall(r"(?m)^ > \[.*", words))


def target(link):
    """What a link says, as a path of the context."""
    to = link.data.decode()
    return to if to.startswith("/") else os.path.join("/", os.path.dirname(link.path), to)


def of_difference(a, b, one, found, scratch):
    """Why two images that differ are no difference, or None. Wants another answer of BuildKit's own to be cooper's."""
    if b.name != "BuildKit":
        return None
    files = all(re.match("only-[ab] |differs ", line) for line in found)
    if files and all(line.startswith("only-a ") for line in found) and meets_link(one) and same(a, b, sends_all(one), scratch):
        return "a pattern that matches a link to a directory"
    if files and all(line.startswith("only-a ") for line in found) and quotes_letters(one) and same(a, b, sends_all(one), scratch):
        return "a pattern for a name that has a pattern's letters"
    one.lay_out(os.path.join(scratch, "context"))
    if one.again and all(re.match(r"differs .* \{\"mode\": ", line) for line in found) and not compare(a.build(one).archive, b.build(one, fresh=True).archive, (a.name, b.name), one):
        return "a directory's mode, from BuildKit's cache"  # cooper's image out of its cache is the one that BuildKit makes without
    if files and re.search(r"(?i)^\s*from\s.*\bscratch\b", one.text(), re.MULTILINE) and re.search("--from=", one.text()) and same(a, b, one, scratch):
        return "an empty stage, from BuildKit's cache"
    return of_rest(a, b, one, scratch)


def same(a, b, one, scratch):
    """Whether both make the same of it, each without what it remembers."""
    one.lay_out(os.path.join(scratch, "context"))
    first, second = a.build(one, fresh=True), b.build(one, fresh=True)
    return not first.refused and not second.refused and not compare(first.archive, second.archive, (a.name, b.name), one)


def sends_all(one):
    """The same case with a step in each stage that needs the whole context, so that BuildKit has all that links lead to."""
    items = []
    for item in one.items:
        items += [item] + (['COPY [".", "/whole.context/"]'] if re.match(r"\s*from\s", item, re.IGNORECASE) else [])
    return replace(one, items=items)


def patterns(one, of_stages=False):
    """The sources in the context, or in stages, that are patterns, as lists of names and patterns for fnmatch."""
    for item in one.items:
        copy = re.match(r"\s*(?:onbuild\s+)?(?:copy|add)\s+((?:--\S+\s+)*)(.*)", re.sub(r"[\\`][ \t]*\n(?:[ \t]*(?:#[^\n]*)?\n)*", "", item), re.IGNORECASE | re.DOTALL)
        if copy and ("--from=" in copy[1]) == of_stages:
            yield from (pattern(w) for w in words_of(copy[2])[:-1] if re.search(r"[*?\[]", w))


def words_of(text):
    try:
        return [str(w) for w in json.loads(text)]
    except ValueError:
        return text.split("\n")[0].split()


def quotes_letters(one):
    """Whether a pattern of the context has such a letter in brackets."""
    return any(re.search(r"\[[*?\[]\]", part) for parts in patterns(one) for part in parts)


def mounts_pattern(one):
    """Whether a mount's source, in the context, is there and has a pattern's letters in its name."""
    tree = Tree(one.entries)
    mounts = [dict(o.partition("=")[::2] for o in words.split(",")) for item in one.items for words in re.findall(r"--mount=(\S+)", item)]
    sources = [m.get("src", m.get("source", "")) for m in mounts if "from" not in m]
    return any(re.search(r"[\\*?\[]", s) and tree.kind(os.path.normpath("/" + s).strip("/")) for s in sources)


def pattern(word):
    """Go's classes as fnmatch has them, without what quotes."""
    word = re.sub(r"\[!([^\]]+)\]", r"[\1!]", re.sub(r"[\\`](.)", r"\1", word)).replace("[^", "[!")
    return os.path.normpath("/" + word).strip("/").split("/")


def meets_link(one):
    """Whether a pattern matches, at its end or on the way, a link of the context to a directory."""
    tree = Tree(one.entries)
    links = [e.path.split("/") for e in one.entries if e.kind == "link" and tree.kind(e.path) == "dir"]
    return any(len(link) <= len(parts) and any(re.search(r"[*?\[]", p) for p in parts[:len(link)]) and all(map(fnmatch.fnmatchcase, link, parts))
               for parts in patterns(one) for link in links)

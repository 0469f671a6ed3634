"""Random words of the language: values with quotes and variables, paths as they must be written."""
import json
import re

VARIABLES = ["A", "B", "C", "_x", "lib", "N1"]


class Words:
    """What a Writer draws upon; `r` is its source of chance and `escape` the escape character."""

    def chance(self, p):
        return self.r.random() < p

    def pick(self, *of):
        return self.r.choice(of)

    def some(self, of, *counts):
        return [self.r.choice(of) for _ in range(self.pick(*counts))]

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
                f"\"${{{v}:-a b}}\"", f"${{{v}:-\"q u\"}}", f"${{{v}:-'q $u'}}", f"${v}${v}", f"${v}.txt", f"${v}_", f"{e}${v}", f"${v}-x",
                f"${{{v}:-${{{v}:+{self.plain()}}}}}", f"${{{v}:+${{{v}#a}}}}", f"${{{v}%{e}}}*}}", f"${{{v}%/*}}", f"${{{v}##*/}}"]
        rare = ["$1", "$@", "$?", "$", "$.", "$$", "$-", "$!", "${1}", f"${{PATH:?given}}", f"${{PATH?given}}"]
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
            return '"' + self.pick("", "a b", "it's", f"{e}\"in{e}\"", self.variable(), "tab\t", f"{e}x", f"{e}{e}", f"{e}$A", "#") + '"'
        if what < 0.9:
            return "'" + self.pick("", "a b", "$A", 'dq"', f"{e}x", "${B}") + "'"
        return self.pick(f"{e} z", f"{e}x", f"{e}{e}", f"{e}$A", f"{e}'", f'{e}"', f"{e}n")

    def value(self):
        return "".join(self.piece() for _ in range(self.pick(1, 1, 1, 2, 3)))

    def key(self):
        return self.pick("k", "org.label", "x-y", '"quoted key"', "k$A", "a.b/c", "K1", "${none:-k2}")

    # -- paths

    def literal(self, path):
        """A path so that it means itself: for the patterns, and for the reader of words."""
        path = re.sub(r"([*?\[])", r"[\1]", path)  # with a backslash it would be one only where another pattern is
        return re.sub("(['\"$" + re.escape(self.escape) + "])", lambda m: self.escape + m[1], path)

    def words(self, words):
        """As words or JSON, whichever can hold them."""
        if any(re.search(r"\s", w) or w == "" for w in words) or words[0].startswith(("--", "[")) or any("<<" in w for w in words) or self.chance(0.1):
            return self.json(words)
        return " ".join(words)

    def json(self, words):
        return json.dumps(words, ensure_ascii=self.chance(0.3), separators=self.pick((",", ":"), (", ", ": "), (" , ", ":")))

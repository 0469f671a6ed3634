/* test_lint_places.c - findings inside RUN stand at their exact bytes: behind continuation lines and comments between
 * them, in heredocs, behind letters of more than one byte. */
#include "base/proc.h"
#include "lint_fixture.h"

static const struct {
    const char *text, *code, *want; /* want: "line:column-line:column", of the first such finding */
} cases[] = {
    {"FROM a:1\nRUN x \\\n  && cd /y \\\n  && z\n", "DL3003", "3:6-3:11"},
    {"FROM a:1\nRUN x && \\\n# a comment\n\n  apt-get install -y \\\n\tb=1 \\\n\tcurl\n", "DL3008",
     "7:2-7:6"},
    {"FROM a:1\nRUN a 'ü' && sudo \\\n b\n", "DL3004", "2:15-3:3"},
    {"FROM a:1\nRUN <<EOF\nset -e\n  cd /x\nEOF\n", "DL3003", "4:3-4:8"},
    {"FROM a:1\nRUN <<-EOF\n\tset -e\n\twget x\n\tEOF\n", "DL3047", "4:2-4:8"},
    {"FROM a:1\nRUN bash -e <<EOF && b\napt-get install -y curl\nEOF\n", "DL3008", "3:20-3:24"},
    {"FROM a:1\nRUN [\"apt-get\", \"install\", \"-y\", \\\n  \"curl\"]\n", "DL3008", "3:3-3:9"},
    {"FROM a:1\nONBUILD RUN a && \\\n  top\n", "DL3001", "3:3-3:6"},
    {"# escape=`\nFROM a:1\nRUN a && `\n  top\n", "DL3001", "4:3-4:6"},
    {"FROM a:1\nRUN --mount=type=ssh \\\n  a | b\n", "DL4006", "3:3-3:8"},
    {"FROM a:1\nRUN echo \"$(a | \\\n  b)\"\n", "DL4006", "2:13-3:4"},
    {"FROM a:1\nRUN a \\\n  && echo \"ü\" $x\n", "SC2086", "3:16-3:18"},
    {"FROM a:1\nRUN <<EOF\nset -e\n\techo $x\nEOF\n", "SC2086", "4:7-4:9"},
};

static const struct lint_finding *find(const struct lint_report *r, const char *code)
{
    vec_each (x, r)
        if (strcmp(x->code, code) == 0)
            return x;
    return NULL;
}

static void findings_stand_at_their_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const bool shellcheck = strncmp(cases[i].code, "SC", 2) == 0;
        CLEANUP(fixture_done) struct lint_fixture f = {0};
        CLEANUP(lint_report_done) struct lint_report report = {0};

        if (shellcheck && !proc_have("shellcheck"))
            continue;
        print_message("# %s\n", cases[i].text);
        f.options.no_shellcheck = !shellcheck;
        f.linter = linter_new(&f.options);
        lint_text(f.linter, view_of(cases[i].text), "Dockerfile", &report);
        const struct lint_finding *found = find(&report, cases[i].code);
        assert_non_null(found);
        cleanup_free char *place = xasprintf("%u:%u-%u:%u", found->span.line, found->span.column,
                                             found->span.end_line, found->span.end_column);
        assert_string_equal(place, cases[i].want);
    }
}

UNIT_MAIN(cmocka_unit_test(findings_stand_at_their_bytes))

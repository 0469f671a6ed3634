/* rules_structure.c - the shape of the file: what does not parse, stages, instructions given twice, words that mean
 * something else than they seem to. */
#include "lint/rule.h"

/* ---- DL1000: what stops every build; what stops the parser itself comes from lint_text() ---- */

static void check_instruction(struct lint *l, const struct lint_stage *s,
                              const struct instruction *in)
{
    struct span span = in->keyword_span;
    ERROR_AUTO(e);

    (void)s;
    if (in->trigger && in->trigger->row && !in->trigger->row->in_onbuild)
        return; /* DL3043 says it */
    if (instruction_check(in, l->d->name, &e) == 0)
        return;
    if (e.where)
        (void)!source_where(e.where, l->d->name, &span);
    lint_add(l, span, "%s%s%s", e.text, e.hint ? "; " : "", e.hint ? e.hint : "");
}

/* ---- DL1001: pragmas ---- */

static void check_pragma_used(struct lint *l)
{
    for (size_t i = 0; i < l->d->comment_count; i++) {
        struct view text = view_trim(l->d->comments[i].text), word;

        (void)view_cut(&text, ' ', &word);
        if (view_eq_nocase(word, "hadolint") && text.at && memmem(text.at, text.size, "ignore", 6))
            lint_add(l, l->d->comments[i].span, "a rule is switched off by a comment");
    }
}

/* ---- DL3000, WorkdirRelativePath ---- */

static void check_workdir(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    (void)s;
    if (in->word_count > 0 && !lint_path_is_absolute(in->words[0].text))
        lint_add(l, in->words[0].span,
                 "WORKDIR '%.*s' is relative: where it leads depends on lines above",
                 LINT_CUT(in->words[0].text));
}

static void check_workdir_first(struct lint *l, const struct lint_stage *s,
                                const struct instruction *in)
{
    if (in->word_count > 0 && !s->scope.workdir_absolute &&
        !lint_path_is_absolute(in->words[0].text))
        lint_add(l, in->words[0].span,
                 "Relative workdir '%.*s' can have unexpected results if the base image has a "
                 "WORKDIR set",
                 LINT_CUT(in->words[0].text));
}

static const struct lint_row rows[] = {
    {
        .id = "CP101",
        .name = "parse-error",
        .aliases = {"DL1000", "ID.20000", "ID.20007", "ID.20016"},
        .title = "the file is no Dockerfile",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE,
        .why =
            "An instruction or flag that no builder knows stops every build. Nothing else can be "
            "said about the file before it parses.",
        .fix = "Mend the line that is shown: the hint names the nearest word that is known.",
        .bad = "FROM debian:12.5\nCOPPY a /a\n",
        .good = "FROM debian:12.5\nCOPY a /a\nUSER 1001\n",
        .kinds = ~0u,
        .instruction = check_instruction,
    },
    {
        .id = "CP102",
        .name = "pragma-used",
        .aliases = {"DL1001"},
        .title = "a comment switches a rule off",
        .level = LINT_INFO,
        .off = true,
        .where = LINT_DOCKERFILE,
        .why = "Where rules are a policy, the file itself should not be able to leave them. Switch "
               "this rule on to see every exception.",
        .fix = "Mend what the rule found, or move the exception to .hadolint.yaml.",
        .bad = "FROM debian:12.5\n# hadolint ignore=DL3004\nUSER 1001\n",
        .good = "FROM debian:12.5\n# a plain remark\nUSER 1001\n",
        .file = check_pragma_used,
    },
    {
        .id = "CP103",
        .name = "workdir-relative",
        .aliases = {"DL3000", "CKV_DOCKER_10", "ID.20014", "ID.20015"},
        .title = "WORKDIR is relative",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE,
        .why = "A relative WORKDIR is joined to the one above, which may be the base image's: the "
               "same line then leads elsewhere after an update. An absolute path says where it is.",
        .fix = "Write the whole path: WORKDIR /srv/app.",
        .bad = "FROM debian:12.5\nWORKDIR app\nUSER 1001\n",
        .good = "FROM debian:12.5\nWORKDIR /app\nUSER 1001\n",
        .kinds = LINT_KIND(WORKDIR),
        .instruction = check_workdir,
    },
    {
        .id = "CP104",
        .name = "workdir-relative-first",
        .aliases = {"WorkdirRelativePath"},
        .title = "WORKDIR is relative to what the base image has",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "Before the stage has set an absolute WORKDIR, a relative one is joined to the base "
               "image's, which nobody sees in this file. BuildKit's check says this much; CP103 "
               "says more.",
        .fix = "Write the whole path in the first WORKDIR of the stage.",
        .bad = "FROM debian:12.5\nWORKDIR app\nUSER 1001\n",
        .good = "FROM debian:12.5\nWORKDIR /app\nUSER 1001\n",
        .covered_by = "CP103",
        .kinds = LINT_KIND(WORKDIR),
        .instruction = check_workdir_first,
    },
};

const struct lint_table lint_structure = {rows, ARRAY_SIZE(rows)};

/* rules_structure.c - the shape of the file: what does not parse, stages, instructions given twice, words that mean
 * something else than they seem to. */
#include "dockerfile/errexit.h"
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
        if (view_starts(word, "checkov:skip=") || (view_eq_nocase(word, "hadolint") && text.at &&
                                                   memmem(text.at, text.size, "ignore", 6)))
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

/* ---- continuations, old forms ---- */

/* At the last line of the instruction, as BuildKit has it; once for each. */
static void check_empty_continuation(struct lint *l)
{
    uint32_t told = 0;

    for (size_t i = 0, at = 0; i < l->d->warning_count; i++) {
        const struct dockerfile_warning *w = &l->d->warnings[i];
        if (strcmp(w->rule, "NoEmptyContinuation") != 0)
            continue;
        while (at < l->d->instruction_count && l->d->instructions[at].span.end_line < w->span.line)
            at++;
        if (at == l->d->instruction_count)
            return;
        const uint32_t last = l->d->instructions[at].span.end_line;
        if (last != told)
            lint_add(l, (struct span){last, 1, last, 1},
                     "Empty continuation line (%u); it will become an error in a future release",
                     w->span.line);
        told = last;
    }
}

static void check_old_pair(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    (void)s;
    if (in->word_count < 3 || in->words[2].text.size > 0)
        return;
    struct span gap = in->words[0].span;
    gap.line = gap.end_line;
    gap.column = gap.end_column;
    gap.end_line = in->words[1].span.line;
    gap.end_column = in->words[1].span.column;
    const struct view v = in->words[1].text;
    static const char how[] =
        "\"%.*s\" should be used in the form \"key=value\" rather than \"key value\"";
    /* a value of one plain word may stand as it is */
    if (gap.line == gap.end_line && !memchr(v.at, ' ', v.size) && !memchr(v.at, '\\', v.size) &&
        !memchr(v.at, '"', v.size) && !memchr(v.at, '\'', v.size) && !memchr(v.at, '\t', v.size))
        lint_add_edit(l, in->words[0].span, gap, "=", how, LINT_CUT(in->keyword));
    else
        lint_add(l, in->words[0].span, how, LINT_CUT(in->keyword));
}

/* ---- ONBUILD, MAINTAINER ---- */

static void check_trigger(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    (void)s;
    if (in->trigger &&
        (in->trigger->kind == INSTRUCTION_ONBUILD || in->trigger->kind == INSTRUCTION_FROM ||
         in->trigger->kind == INSTRUCTION_MAINTAINER))
        lint_add(l, in->trigger->keyword_span, "'%.*s' may not be triggered by ONBUILD",
                 LINT_CUT(in->trigger->keyword));
}

static void check_maintainer(struct lint *l, const struct lint_stage *s,
                             const struct instruction *in)
{
    const struct view name = in->word_count ? lint_unquote(in->words[0].text) : VIEW("");

    if (in < s->at || in >= s->at + s->count)
        return; /* of ONBUILD: CP107 */
    if (name.size == 0 || memchr(name.at, '"', name.size) || memchr(name.at, '\\', name.size) ||
        in->span.line != in->span.end_line) {
        lint_add(l, in->keyword_span,
                 "Maintainer instruction is deprecated in favor of using label");
        return;
    }
    STR_AUTO(label);
    const struct span whole = {in->span.line, in->keyword_span.column, in->words[0].span.end_line,
                               in->words[0].span.end_column};
    str_printf(&label, "LABEL org.opencontainers.image.authors=\"%.*s\"", VIEW_ARG(name));
    lint_add_edit(l, in->keyword_span, whole, label.at,
                  "Maintainer instruction is deprecated in favor of using label");
}

/* ---- heredocs ---- */

/* A RUN that is nothing but a heredoc goes on behind a command that failed. */
static void check_errexit(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    if (in->heredoc_count != 1 || in->rest.size != in->heredocs[0].opener.size ||
        view_starts(in->heredocs[0].content, "#!"))
        return;
    for (size_t i = 0; s->scope.shell && i < s->scope.shell->word_count; i++)
        if (errexit_in_words(s->scope.shell->words[i].text))
            return;
    if (errexit_is_missing(in->heredocs[0].content))
        lint_add(l, in->keyword_span,
                 "a command that fails in this heredoc does not stop the build");
}

static const struct lint_row rows[] = {
    {
        .id = "CP100", /* lint.c adds it */
        .name = "too-many-findings",
        .aliases = {NULL},
        .title = "there are more findings than are shown",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE | LINT_IMAGE | LINT_RUNCONFIG | LINT_HOST,
        .why = "Of one subject 10,000 findings are kept. What is behind them may be worse than "
               "what is "
               "shown, so this is an error whatever the threshold.",
        .fix = "Mend or ignore what is shown most often, and look again.",
        .bad = "A file with 10,001 findings.",
        .good = "One with less.",
    },
    {
        .id = "CP101",
        .name = "parse-error",
        .aliases = {"DL1000", "ID.20000", "ID.20001", "ID.20002", "ID.20004", "ID.20005",
                    "ID.20007", "ID.20016"},
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
        .covered_by = {"CP103"},
        .kinds = LINT_KIND(WORKDIR),
        .instruction = check_workdir_first,
    },
    {
        .id = "CP105",
        .name = "empty-continuation",
        .aliases = {"NoEmptyContinuation"},
        .title = "an empty line inside a continued instruction",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "Builders of the future will end the instruction there. A reader takes it for the "
               "end today.",
        .fix = "Take the line out, or make it a comment.",
        .bad = "FROM debian:12.5\nCOPY \\\n\na /a\nUSER 1001\n",
        .good = "FROM debian:12.5\nCOPY \\\na /a\nUSER 1001\n",
        .file = check_empty_continuation,
    },
    {
        .id = "CP106",
        .name = "legacy-key-value",
        .aliases = {"LegacyKeyValueFormat"},
        .title = "ENV or LABEL without '='",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "`ENV a b c=d` sets one variable to all the rest of the line. The form is kept for "
               "old files only.",
        .fix = "ENV name=value, with quotes around blanks.",
        .bad = "FROM debian:12.5\nENV a b\nUSER 1001\n",
        .good = "FROM debian:12.5\nENV a=b\nUSER 1001\n",
        .kinds = LINT_KIND(ENV) | LINT_KIND(LABEL),
        .instruction = check_old_pair,
    },
    {
        .id = "CP107",
        .name = "onbuild-forbidden",
        .aliases = {"DL3043"},
        .title = "ONBUILD of ONBUILD, FROM or MAINTAINER",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE,
        .why = "A trigger runs inside the stage of another Dockerfile. It can neither begin a "
               "stage there nor set further triggers.",
        .fix = "Write the instruction without ONBUILD, or in the file that builds on this image.",
        .bad = "FROM debian:12.5\nONBUILD FROM debian:12.5\nUSER 1001\n",
        .good = "FROM debian:12.5\nONBUILD COPY a /a\nUSER 1001\n",
        .kinds = LINT_KIND(ONBUILD),
        .instruction = check_trigger,
    },
    {
        .id = "CP108",
        .name = "maintainer",
        .aliases = {"DL4000", "MaintainerDeprecated", "CKV_DOCKER_6", "ID.20008"},
        .title = "MAINTAINER is deprecated",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE,
        .why = "The instruction has been deprecated since 2017, and tools no longer show what it "
               "says. A label is found by all.",
        .fix = "LABEL org.opencontainers.image.authors=\"name <address>\".",
        .bad = "FROM debian:12.5\nMAINTAINER me\nUSER 1001\n",
        .good = "FROM debian:12.5\nLABEL org.opencontainers.image.authors=me\nUSER 1001\n",
        .kinds = LINT_KIND(MAINTAINER),
        .instruction = check_maintainer,
    },
    {
        .id = "CP109",
        .name = "heredoc-no-errexit",
        .aliases = {NULL},
        .title = "a heredoc that goes on after an error",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "A shell that reads its script does not stop at a command that fails; only the last "
               "one counts. The image is then built "
               "without what failed.",
        .fix = "Begin the heredoc with `set -e`; or `cooper build --errexit`.",
        .bad = "FROM debian:12.5\nRUN <<EOF\nfalse\ntrue\nEOF\nUSER 1001\n",
        .good = "FROM debian:12.5\nRUN <<EOF\nset -e\nfalse\ntrue\nEOF\nUSER 1001\n",
        .kinds = LINT_KIND(RUN),
        .instruction = check_errexit,
    },
};

const struct lint_table lint_structure = {rows, ARRAY_SIZE(rows)};

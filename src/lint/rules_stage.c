/* rules_stage.c - stages: their names, how they follow each other, what is in one twice. */
#include <ctype.h>

#include "lint/rule.h"

#define IS_STAGE(s) ((s)->from != NULL)

static const struct word *stage_name(const struct lint_stage *s)
{
    return s->name.size > 0 ? &s->from->words[2] : NULL;
}

/* ---- twice in a stage ---- */

/* The later ones, as hadolint has it: each of them undoes the line above. */
static void later_ones(struct lint *l, const struct lint_stage *s, enum instruction_kind kind,
                       const char *name)
{
    const struct instruction *before = NULL;

    for (size_t i = 0; i < s->count; i++) {
        const struct instruction *in = &s->at[i];
        if (in->kind != kind)
            continue;
        if (before)
            lint_add(l, in->keyword_span, "a second %s in this stage: that of line %u does nothing",
                     name, before->span.line);
        before = in;
    }
}

static void check_healths(struct lint *l, const struct lint_stage *s)
{
    later_ones(l, s, INSTRUCTION_HEALTHCHECK, "HEALTHCHECK");
}

static void check_cmds(struct lint *l, const struct lint_stage *s)
{
    later_ones(l, s, INSTRUCTION_CMD, "CMD");
}

static void check_entrypoints(struct lint *l, const struct lint_stage *s)
{
    later_ones(l, s, INSTRUCTION_ENTRYPOINT, "ENTRYPOINT");
}

/* The earlier ones, as BuildKit has it. */
static void check_multiple(struct lint *l, const struct lint_stage *s)
{
    static const struct {
        enum instruction_kind kind;
        const char *name;
    } single[] = {{INSTRUCTION_CMD, "CMD"},
                  {INSTRUCTION_ENTRYPOINT, "ENTRYPOINT"},
                  {INSTRUCTION_HEALTHCHECK, "HEALTHCHECK"}};

    for (size_t k = 0; k < ARRAY_SIZE(single); k++) {
        const struct instruction *before = NULL;
        for (size_t i = 0; i < s->count; i++) {
            if (s->at[i].kind != single[k].kind)
                continue;
            if (before)
                lint_add(l, before->keyword_span,
                         "Multiple %s instructions should not be used in the same stage because "
                         "only the last one "
                         "will be used",
                         single[k].name);
            before = &s->at[i];
        }
    }
}

/* ---- before FROM ---- */

static void check_before_from(struct lint *l, const struct lint_stage *s,
                              const struct instruction *in)
{
    if (!IS_STAGE(s) && in->kind != INSTRUCTION_ARG && in->kind != INSTRUCTION_UNKNOWN)
        lint_add(l, in->keyword_span, "'%.*s' stands before the first FROM, where only ARG may be",
                 LINT_CUT(in->keyword));
}

/* ---- names ---- */

static void check_name_twice(struct lint *l, const struct lint_stage *s,
                             const struct instruction *in)
{
    (void)in;
    if (s->namesake)
        lint_add(l, stage_name(s)->span,
                 "Duplicate stage name '%.*s', stage names should be unique (line %u has it)",
                 LINT_CUT(s->name), s->namesake->from->span.line);
}

static void check_name_reserved(struct lint *l, const struct lint_stage *s,
                                const struct instruction *in)
{
    (void)in;
    if (view_eq_nocase(s->name, "scratch") || view_eq_nocase(s->name, "context"))
        lint_add(l, stage_name(s)->span,
                 "Stage name should not use the same name as reserved stage '%.*s'",
                 LINT_CUT(s->name));
}

static void check_name_case(struct lint *l, const struct lint_stage *s,
                            const struct instruction *in)
{
    STR_AUTO(lower);

    (void)in;
    for (size_t i = 0; i < s->name.size; i++)
        str_add_char(&lower, (char)tolower((unsigned char)s->name.at[i]));
    if (s->name.size > 0 && !view_eq(s->name, str_view(&lower)))
        lint_add_edit(l, stage_name(s)->span, stage_name(s)->span, lower.at,
                      "Stage name '%.*s' should be lowercase", LINT_CUT(s->name));
}

/* ---- capitals ---- */

static bool is_upper(struct view v)
{
    for (size_t i = 0; i < v.size; i++)
        if (islower((unsigned char)v.at[i]))
            return false;
    return true;
}

static bool is_lower(struct view v)
{
    for (size_t i = 0; i < v.size; i++)
        if (isupper((unsigned char)v.at[i]))
            return false;
    return true;
}

static void in_case(struct view v, bool lower, struct str *ret)
{
    for (size_t i = 0; i < v.size; i++)
        str_add_char(
            ret, (char)(lower ? tolower((unsigned char)v.at[i]) : toupper((unsigned char)v.at[i])));
}

static void check_as_case(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    if (s->name.size == 0)
        return;
    const struct word *as = &in->words[1];
    const bool lower = is_lower(in->keyword);

    if ((!lower && !is_upper(in->keyword)) || (lower ? is_lower(as->text) : is_upper(as->text)))
        return;
    lint_add_edit(l, as->span, as->span, lower ? "as" : "AS",
                  "'%.*s' and '%.*s' keywords' casing do not match", LINT_CUT(as->text),
                  LINT_CUT(in->keyword));
}

/* The majority decides; what stands before FROM is not asked (BuildKit). */
static void check_case(struct lint *l)
{
    size_t lower = 0, upper = 0;
    bool stage = false;

    for (size_t i = 0; i < l->d->instruction_count; i++) {
        const struct instruction *in = &l->d->instructions[i];
        stage |= in->kind == INSTRUCTION_FROM;
        lower += stage && is_lower(in->keyword);
        upper += stage && is_upper(in->keyword);
    }
    stage = false;
    for (size_t i = 0; i < l->d->instruction_count; i++) {
        const struct instruction *in = &l->d->instructions[i];
        STR_AUTO(want);
        stage |= in->kind == INSTRUCTION_FROM;
        in_case(in->keyword, lower > upper, &want);
        if (!stage || in->kind == INSTRUCTION_UNKNOWN || view_eq(in->keyword, str_view(&want)))
            continue;
        lint_add_edit(l, in->keyword_span, in->keyword_span, want.at,
                      "Command '%.*s' should match the case of the command majority (%s)",
                      LINT_CUT(in->keyword), lower > upper ? "lowercase" : "uppercase");
    }
}

/* ---- what a comment says ---- */

static bool is_described(const struct instruction *in, struct view name)
{
    for (size_t i = 0; i < in->comment_count; i++) {
        const struct view text = in->comments[i].text;
        if (text.size > name.size && memcmp(text.at, name.at, name.size) == 0 &&
            text.at[name.size] == ' ')
            return true;
    }
    return false;
}

static void check_description(struct lint *l, const struct lint_stage *s,
                              const struct instruction *in)
{
    struct view name = s->name, first = s->name;

    if (in->comment_count == 0 || (in->kind == INSTRUCTION_FROM && name.size == 0))
        return;
    if (in->kind == INSTRUCTION_FROM && is_described(in, name))
        return;
    for (size_t i = 0; in->kind == INSTRUCTION_ARG && i < in->word_count; i++) {
        struct view rest = in->words[i].text;
        (void)view_cut(&rest, '=', &name);
        if (is_described(in, name))
            return;
        if (i == 0)
            first = name;
    }
    lint_add(l, in->keyword_span,
             "Comment for %s should follow the format: `# %.*s <description>`. If this is not "
             "intended to be a "
             "description comment, add an empty line or comment between the instruction and the "
             "comment.",
             in->kind == INSTRUCTION_FROM ? "build stage" : "build argument", LINT_CUT(first));
}

/* A name for an image that others copy from, or a target, is a habit; one that nobody can want is left. */
static void check_empty(struct lint *l, const struct lint_stage *s)
{
    if (IS_STAGE(s) && s->count == 0 && !s->final && !s->used && s->name.size == 0)
        lint_add(l, s->from->keyword_span,
                 "the stage has nothing but its FROM, and nothing uses it");
}

/* ---- COPY --from ---- */

/* Of COPY --from: size 0 when there is none, or a variable in it. */
static struct view copy_from(const struct instruction *in)
{
    const struct view from = instruction_flag(in, "from");

    return from.at && !lint_has_variable(from) ? from : VIEW("");
}

static void check_from_unknown(struct lint *l, const struct lint_stage *s,
                               const struct instruction *in)
{
    const struct view from = copy_from(in);

    if (from.size == 0 || memchr(from.at, ':', from.size) || memchr(from.at, '@', from.size) ||
        view_eq_nocase(from, "scratch") ||
        (s->name.size == from.size && strncasecmp(s->name.at, from.at, from.size) == 0))
        return;
    if (!lint_stage_find(l, from, IS_STAGE(s) ? s->index : 0))
        lint_add(l, lint_flag_span(in, "from"), "'%.*s' is no stage above this one",
                 LINT_CUT(from));
}

static void check_from_itself(struct lint *l, const struct lint_stage *s,
                              const struct instruction *in)
{
    const struct view from = copy_from(in);

    if (from.size > 0 && s->name.size == from.size &&
        strncasecmp(s->name.at, from.at, from.size) == 0 && !lint_stage_find(l, from, s->index))
        lint_add(l, lint_flag_span(in, "from"), "'%.*s' is this stage itself", LINT_CUT(from));
}

static void check_from_number(struct lint *l, const struct lint_stage *s,
                              const struct instruction *in)
{
    uint64_t number;

    (void)s;
    if (view_to_u64(copy_from(in), &number))
        lint_add(l, lint_flag_span(in, "from"),
                 "--from=%llu counts stages: another FROM above changes what it means",
                 (unsigned long long)number);
}

static const struct lint_row rows[] = {
    {
        .id = "CP120",
        .name = "healthcheck-twice",
        .aliases = {"DL3012"},
        .title = "two HEALTHCHECKs in a stage",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE,
        .why = "Only the last HEALTHCHECK of a stage is kept. The one above looks as if it checked "
               "something.",
        .fix = "Keep one, or write one command that checks both.",
        .bad = "FROM debian:12.5\nUSER 1001\nHEALTHCHECK CMD [\"a\"]\nHEALTHCHECK CMD [\"b\"]\n",
        .good = "FROM debian:12.5\nUSER 1001\nHEALTHCHECK CMD [\"a\"]\n",
        .stage = check_healths,
    },
    {
        .id = "CP121",
        .name = "cmd-twice",
        .aliases = {"DL4003", "ID.20010"},
        .title = "two CMDs in a stage",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "Only the last CMD of a stage is kept. The one above never starts.",
        .fix = "Keep the one that is meant; arguments of an ENTRYPOINT belong into one list.",
        .bad = "FROM debian:12.5\nUSER 1001\nCMD [\"a\"]\nCMD [\"b\"]\n",
        .good = "FROM debian:12.5\nUSER 1001\nCMD [\"a\"]\n",
        .stage = check_cmds,
    },
    {
        .id = "CP122",
        .name = "entrypoint-twice",
        .aliases = {"DL4004", "ID.20011"},
        .title = "two ENTRYPOINTs in a stage",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE,
        .why = "Only the last ENTRYPOINT of a stage is kept. The one above never starts.",
        .fix = "Keep the one that is meant, or start a script that calls both.",
        .bad = "FROM debian:12.5\nUSER 1001\nENTRYPOINT [\"a\"]\nENTRYPOINT [\"b\"]\n",
        .good = "FROM debian:12.5\nUSER 1001\nENTRYPOINT [\"a\"]\n",
        .stage = check_entrypoints,
    },
    {
        .id = "CP123",
        .name = "superseded-instruction",
        .aliases = {"MultipleInstructionsDisallowed"},
        .title = "an instruction that a later one replaces",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "Of CMD, ENTRYPOINT and HEALTHCHECK only the last of a stage is kept. This is "
               "BuildKit's view: it "
               "points at the line that does nothing.",
        .fix = "Take the line out.",
        .bad = "FROM debian:12.5\nUSER 1001\nCMD [\"a\"]\nCMD [\"b\"]\n",
        .good = "FROM debian:12.5\nUSER 1001\nCMD [\"a\"]\n",
        .covered_by = {"CP120", "CP121", "CP122"},
        .stage = check_multiple,
    },
    {
        .id = "CP124",
        .name = "before-from",
        .aliases = {"DL3061", "ID.20009"},
        .title = "an instruction before the first FROM",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE,
        .why = "Before the first FROM there is no image that an instruction could change. Only ARG "
               "may stand there, "
               "for the lines of FROM.",
        .fix = "Move the line below FROM.",
        .bad = "LABEL a=b\nFROM debian:12.5\nUSER 1001\n",
        .good = "ARG V=12.5\nFROM debian:$V\nUSER 1001\n",
        .kinds = ~0u,
        .instruction = check_before_from,
    },
    {
        .id = "CP125",
        .name = "stage-name-twice",
        .aliases = {"DL3024", "DuplicateStageName", "CKV_DOCKER_11"},
        .title = "two stages of one name",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE,
        .why = "COPY --from and --target then take the last one above, whichever that is. Capitals "
               "make no difference.",
        .fix = "Give each stage a name of its own.",
        .bad = "FROM debian:12.5 AS b\nFROM debian:12.5 AS b\nUSER 1001\n",
        .good = "FROM debian:12.5 AS a\nFROM debian:12.5 AS b\nUSER 1001\n",
        .kinds = LINT_KIND(FROM),
        .instruction = check_name_twice,
    },
    {
        .id = "CP126",
        .name = "stage-name-reserved",
        .aliases = {"DL3063", "ReservedStageName"},
        .title = "a stage called scratch or context",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "`scratch` is the empty image and `context` the build context. A stage of that name "
               "cannot be told from it.",
        .fix = "Choose another name.",
        .bad = "FROM debian:12.5 AS context\nUSER 1001\n",
        .good = "FROM debian:12.5 AS base\nUSER 1001\n",
        .kinds = LINT_KIND(FROM),
        .instruction = check_name_reserved,
    },
    {
        .id = "CP127",
        .name = "stage-name-case",
        .aliases = {"StageNameCasing"},
        .title = "capitals in the name of a stage",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "Names of stages are compared without regard to capitals. Written in small letters "
               "they look like images, "
               "which they stand beside.",
        .fix = "Write the name in small letters.",
        .bad = "FROM debian:12.5 AS Base\nUSER 1001\n",
        .good = "FROM debian:12.5 AS base\nUSER 1001\n",
        .kinds = LINT_KIND(FROM),
        .instruction = check_name_case,
    },
    {
        .id = "CP128",
        .name = "from-as-case",
        .aliases = {"FromAsCasing"},
        .title = "FROM and AS are not written alike",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "A keyword in capitals and one without in one line read as if one were a name. "
               "BuildKit warns, too.",
        .fix = "Write FROM ... AS ..., or both in small letters.",
        .bad = "FROM debian:12.5 as base\nUSER 1001\n",
        .good = "FROM debian:12.5 AS base\nUSER 1001\n",
        .kinds = LINT_KIND(FROM),
        .instruction = check_as_case,
    },
    {
        .id = "CP129",
        .name = "instruction-case",
        .aliases = {"ConsistentInstructionCasing"},
        .title = "instructions are not written alike",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "Instructions stand out when all of them are written the same way. Which way, the "
               "majority of the file says.",
        .fix = "Write them all in capitals.",
        .bad = "FROM debian:12.5\ncopy a /a\nUSER 1001\n",
        .good = "FROM debian:12.5\nCOPY a /a\nUSER 1001\n",
        .file = check_case,
    },
    {
        .id = "CP130",
        .name = "description-comment",
        .aliases = {"InvalidDefinitionDescription"},
        .title = "a comment above ARG or FROM that describes something else",
        .level = LINT_WARNING,
        .off = true,
        .where = LINT_DOCKERFILE,
        .why = "`build --print outline` and `targets` show the comment above ARG and FROM as its "
               "description, when it begins with "
               "the name. Another comment there is lost.",
        .fix = "Begin the comment with the name, or put an empty line below it.",
        .bad = "# bar does things\nARG foo=bar\nFROM debian:12.5\nUSER 1001\n",
        .good = "# foo does things\nARG foo=bar\nFROM debian:12.5\nUSER 1001\n",
        .kinds = LINT_KIND(ARG) | LINT_KIND(FROM),
        .instruction = check_description,
    },
    {
        .id = "CP131",
        .name = "copy-from-unknown",
        .aliases = {"DL3022"},
        .title = "COPY --from names no stage",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "A name that no stage above has is taken as an image of a registry, without a "
               "version. A slip of the pen then "
               "copies from a stranger.",
        .fix = "Name a stage above, or write the image with its tag or digest.",
        .bad = "FROM debian:12.5\nCOPY --from=biuld /a /a\nUSER 1001\n",
        .good = "FROM debian:12.5 AS build\nFROM debian:12.5\nCOPY --from=build /a /a\nUSER 1001\n",
        .kinds = LINT_KIND(COPY),
        .instruction = check_from_unknown,
    },
    {
        .id = "CP132",
        .name = "copy-from-itself",
        .aliases = {"DL3023"},
        .title = "COPY --from names its own stage",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE,
        .why = "A stage cannot be copied from before it is built. The build fails.",
        .fix = "Name a stage above; inside the stage, RUN cp does it.",
        .bad = "FROM debian:12.5 AS b\nCOPY --from=b /a /b\nUSER 1001\n",
        .good = "FROM debian:12.5 AS a\nFROM debian:12.5 AS b\nCOPY --from=a /a /b\nUSER 1001\n",
        .kinds = LINT_KIND(COPY),
        .instruction = check_from_itself,
    },
    {
        .id = "CP133",
        .name = "copy-from-number",
        .aliases = {NULL},
        .title = "COPY --from counts stages",
        .level = LINT_STYLE,
        .where = LINT_DOCKERFILE,
        .why = "A number means another stage as soon as somebody adds a FROM above. A name stays.",
        .fix = "FROM ... AS name, and COPY --from=name.",
        .bad = "FROM debian:12.5\nFROM debian:12.5\nCOPY --from=0 /a /a\nUSER 1001\n",
        .good = "FROM debian:12.5 AS a\nFROM debian:12.5\nCOPY --from=a /a /a\nUSER 1001\n",
        .kinds = LINT_KIND(COPY),
        .instruction = check_from_number,
    },
    {
        .id = "CP134",
        .name = "stage-empty",
        .aliases = {NULL, "ID.20003"},
        .title = "a stage with nothing but its FROM",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why =
            "It has no name, nothing is in it, and nothing copies from it or begins with it. Most "
            "often an old base was left above the new one.",
        .fix = "Take the line out; or give the stage a name if it is a target.",
        .bad = "FROM debian:12.4\nFROM debian:12.5\nCOPY a /a\nUSER 1001\n",
        .good = "FROM nginx:1.27.2 AS upstream\nFROM debian:12.5\nCOPY a /a\nUSER 1001\n",
        .stage = check_empty,
    },
};

const struct lint_table lint_stages = {rows, ARRAY_SIZE(rows)};

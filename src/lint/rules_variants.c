/* rules_variants.c - which of an image's variants and versions is built on: another one in the next file, a large one. */
#include <ctype.h>

#include "lint/base.h"

/* ---- several files ---- */

#define BASES_MAX 10000 /* names of images that are remembered */

struct seen_base {
    const char *tag, *file; /* where it was seen first */
};
struct lint_bases {
    struct map seen; /* "debian slim" -> struct seen_base */
    struct arena *arena;
};

struct lint_bases *lint_bases_new(void)
{
    struct lint_bases *b = xcalloc(1, sizeof(*b));

    b->arena = arena_new();
    return b;
}

void lint_bases_free(struct lint_bases *b)
{
    if (!b)
        return;
    map_done(&b->seen);
    arena_free(b->arena);
    free(b);
}

/* Parts of a tag that say which version it is; what is left is a variant, which is chosen: "3.12-slim-bookworm" is slim. */
static bool is_version(struct view part)
{
    static const char *const words[] = {
        "jessie", "stretch",  "buster",  "bullseye", "bookworm", "trixie", "forky",  "sid",
        "xenial", "bionic",   "focal",   "jammy",    "noble",    "latest", "stable", "edge",
        "lts",    "mainline", "current", "rolling",  "testing",  "beta",   "rc",     NULL};

    if (part.size > 1 && part.at[0] == 'v')
        part = view_make(part.at + 1, part.size - 1);
    return part.size == 0 || isdigit((unsigned char)part.at[0]) || lint_view_in(part, words);
}

/* "debian slim", "node alpine": alpine3.20 is alpine. */
static const char *kind_of(const struct lint *l, struct view name, struct view tag)
{
    STR_AUTO(text);
    struct view part;

    str_add(&text, name);
    while (tag.at && view_cut(&tag, '-', &part)) {
        if (is_version(part))
            continue;
        while (part.size > 0 &&
               (isdigit((unsigned char)part.at[part.size - 1]) || part.at[part.size - 1] == '.'))
            part.size--;
        str_printf(&text, " %.*s", VIEW_ARG(part));
    }
    return arena_strndup(l->arena, text.at, text.size);
}

static void check_same_tags(struct lint *l, const struct lint_stage *s,
                            const struct instruction *in)
{
    struct lint_bases *b = l->options->bases;
    const char *file = l->options->path ? l->options->path : "";

    (void)in;
    if (!b || !lint_is_base(s))
        return;
    const struct image_name n = lint_image_cut(s->image);
    if (n.tag.size == 0)
        return;
    const struct view name = view_of(kind_of(l, lint_image_short(s->image, n.path), n.tag));
    const struct seen_base *first = map_get(&b->seen, name);
    if (!first && b->seen.size < BASES_MAX) {
        struct seen_base *new = arena_new_object(b->arena, struct seen_base);
        *new = (struct seen_base){arena_strndup(b->arena, n.tag.at, n.tag.size),
                                  arena_strdup(b->arena, file)};
        map_set(&b->seen, name, new);
    } else if (first && !view_eq_text(n.tag, first->tag) && strcmp(first->file, file) != 0) {
        lint_add(l, lint_image_span(s),
                 "'%.*s' here, tag '%.80s' in %.200s: both are stored, pulled and kept up to date",
                 LINT_CUT(s->image), first->tag, first->file);
    }
}

/* ---- size ---- */

/* Images whose usual variant has what only builds need: compilers, headers, a JDK, a package manager with its Python. */
static const struct fat {
    const char *name;
    const char *lean; /* parts of a tag, by their beginning; "": no tag is, another image is */
    const char *instead;
} fats[] = {
    {"node", "slim alpine", "-slim or -alpine"},
    {"python", "slim alpine", "-slim or -alpine"},
    {"ruby", "slim alpine", "-slim or -alpine"},
    {"perl", "slim", "-slim"},
    {"pypy", "slim", "-slim"},
    {"openjdk", "slim alpine jre", "a JRE: eclipse-temurin has -jre"},
    {"eclipse-temurin", "jre", "-jre"},
    {"ibm-semeru-runtimes", "jre", "-jre"},
    {"azul/zulu-openjdk", "jre", "-jre"},
    {"registry.access.redhat.com/ubi8/ubi", "", "ubi8/ubi-minimal or ubi-micro"},
    {"registry.access.redhat.com/ubi9/ubi", "", "ubi9/ubi-minimal or ubi-micro"},
};

static bool is_lean(const struct fat *fat, struct view tag)
{
    struct view part, rest, word;

    while (tag.at && view_cut(&tag, '-', &part))
        for (rest = view_of(fat->lean); rest.at && view_cut(&rest, ' ', &word);)
            if (word.size > 0 && part.size >= word.size && memcmp(part.at, word.at, word.size) == 0)
                return true;
    return false;
}

/* Of what ships: the image that the last stage is made of. */
static void check_fat(struct lint *l, const struct lint_stage *s)
{
    if (!s->final || !s->from)
        return;
    while (s->parent)
        s = s->parent;
    const struct image_name n = lint_image_cut(s->image);
    const struct view name = lint_is_base(s) ? lint_image_short(s->image, n.path) : VIEW("");
    for (size_t i = 0; i < ARRAY_SIZE(fats); i++)
        if (view_eq_text(name, fats[i].name) && !is_lean(&fats[i], n.tag))
            lint_add(l, lint_image_span(s), "'%.*s' ships what only builds need: take %s",
                     LINT_CUT(s->image), fats[i].instead);
}

static const struct lint_row rows[] = {
    {
        .id = "CP209",
        .name = "base-tags-differ",
        .aliases = {NULL},
        .title = "Dockerfiles of one tree build on different versions of one image",
        .level = LINT_STYLE,
        .where = LINT_DOCKERFILE,
        .why =
            "Images that build on the same base store, push and pull its layers once. With two "
            "versions every host has both, and there are two to keep up to date. Variants (slim, "
            "alpine) are chosen, and not told.",
        .fix = "Use one version in all files, or hand it in from one place with ARG.",
        .bad = "FROM debian:12.5\nUSER 1001\n",
        .good = "FROM debian:11.9\nUSER 1001\n",
        .beside = "FROM debian:11.9\n",
        .kinds = LINT_KIND(FROM),
        .instruction = check_same_tags,
    },
    {
        .id = "CP211",
        .name = "base-fat",
        .aliases = {NULL},
        .title = "the image ships on a base that is made for building",
        .level = LINT_STYLE,
        .where = LINT_DOCKERFILE,
        .why = "Compilers, headers and a JDK are most of such a base, and most of what a scanner "
               "finds in "
               "it. Nothing of them runs.",
        .fix =
            "Build on it in a stage of its own, and ship on its small variant: node:22.11.0-slim, "
            "eclipse-temurin:21-jre.",
        .bad = "FROM node:22.11.0\nUSER 1001\n",
        .good = "FROM node:22.11.0 AS b\nRUN npm ci\nFROM node:22.11.0-slim\nCOPY --from=b /a "
                "/a\nUSER 1001\n",
        .stage = check_fat,
    },
};

const struct lint_table lint_variants = {rows, ARRAY_SIZE(rows)};

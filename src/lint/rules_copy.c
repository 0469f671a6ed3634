/* rules_copy.c - COPY and ADD: what goes where, and whether it is there. */
#include <ctype.h>

#include "lint/facts_image.h"
#include "lint/image.h"
#include "lint/run.h"

static bool is_heredoc(const struct instruction *in, const struct word *w)
{
    for (size_t i = 0; i < in->heredoc_count; i++)
        if (in->heredocs[i].opener.at == w->text.at)
            return true;
    return view_starts(w->text, "<<");
}

static bool is_url(struct view v)
{
    v = lint_unquote(v);
    return view_starts(v, "http://") || view_starts(v, "https://") || view_starts(v, "ftp://");
}

static bool is_git(struct view v)
{
    v = lint_unquote(v);
    return view_starts(v, "git@") || view_starts(v, "git://") || view_starts(v, "ssh://") ||
           view_starts(v, "github.com/");
}

/* What ADD unpacks, by hadolint's list. */
static bool is_archive(struct view v)
{
    static const char *const ends[] = {".tar",  ".bz2",  ".gz",  ".lz",  ".lzma", ".tb2",
                                       ".tbz",  ".tbz2", ".tgz", ".tlz", ".tpz",  ".txz",
                                       ".tzst", ".xz",   ".zst", ".Z",   ".tZ"};

    v = lint_unquote(v);
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        if (view_ends(v, ends[i]))
            return true;
    return false;
}

/* ---- DL3020, DL3021, DL3045, DL3067 ---- */

/* Would COPY lay down the same bytes? A pattern may meet an archive, and COPY knows not all flags. */
static bool is_copy(const struct instruction *in)
{
    for (size_t i = 0; i < in->flag_count; i++)
        if (!lint_in_list(in->flags[i].name, "chmod chown exclude link"))
            return false;
    for (size_t i = 0; i + 1 < in->word_count; i++) {
        const struct view v = in->words[i].text;
        if (is_url(v) || is_git(v) || is_archive(v) || lint_has_variable(v))
            return false;
        for (size_t k = 0; k < v.size && !is_heredoc(in, &in->words[i]); k++)
            if (strchr("*?[\\", v.at[k]))
                return false;
    }
    return true;
}

static void check_add(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    (void)s;
    for (size_t i = 0; i + 1 < in->word_count; i++) {
        const struct view v = in->words[i].text;
        if (is_url(v) || is_git(v) || is_archive(v) || view_starts(lint_unquote(v), "$"))
            continue;
        static const char text[] = "ADD of '%.*s' does no more than COPY would";
        if (is_copy(in))
            lint_add_edit(l, in->keyword_span, in->keyword_span, "COPY", text, LINT_CUT(v));
        else
            lint_add(l, in->keyword_span, text, LINT_CUT(v));
        return;
    }
}

static void check_target_directory(struct lint *l, const struct lint_stage *s,
                                   const struct instruction *in)
{
    if (in->word_count < 3)
        return;
    const struct word *target = &in->words[in->word_count - 1];
    const struct view path = lint_unquote(target->text);

    (void)s;
    if (!view_ends(path, "/") && !view_ends(path, "}") && !view_starts(path, "$"))
        lint_add(l, target->span,
                 "COPY of %zu sources needs a target that ends with '/', not '%.*s'",
                 in->word_count - 1, LINT_CUT(path));
}

static void check_target_relative(struct lint *l, const struct lint_stage *s,
                                  const struct instruction *in)
{
    if (in->word_count < 2 || s->scope.workdir)
        return;
    const struct word *target = &in->words[in->word_count - 1];

    if (!lint_path_is_absolute(target->text))
        lint_add(l, target->span, "%s to the relative '%.*s' before any WORKDIR",
                 in->kind == INSTRUCTION_ADD ? "ADD" : "COPY", LINT_CUT(target->text));
}

static void check_copy_root(struct lint *l, const struct lint_stage *s,
                            const struct instruction *in)
{
    (void)s;
    if (instruction_flag(in, "from").at && in->word_count == 2 &&
        view_eq_text(lint_unquote(in->words[0].text), "/") &&
        view_eq_text(lint_unquote(in->words[1].text), "/"))
        lint_add(l, in->words[0].span, "the whole file system of '%.*s' is copied over this one",
                 LINT_CUT(instruction_flag(in, "from")));
}

/* ---- sources ---- */

struct view lint_clean_source(struct view v)
{
    v = lint_unquote(v);
    while (view_starts(v, "./") || view_starts(v, "/"))
        v = view_make(v.at + (v.at[0] == '/' ? 1 : 2), v.size - (v.at[0] == '/' ? 1 : 2));
    while (view_ends(v, "/"))
        v.size--;
    return view_eq_text(v, ".") ? VIEW("") : v;
}

bool lint_from_context(const struct instruction *in, const struct word *w)
{
    return !instruction_flag(in, "from").at && !is_heredoc(in, w) && !is_url(w->text) &&
           !is_git(w->text);
}

static void check_all(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    (void)s;
    for (size_t i = 0; i + 1 < in->word_count; i++) {
        const struct view v = lint_clean_source(in->words[i].text);
        if (lint_from_context(in, &in->words[i]) &&
            (v.size == 0 || view_eq_text(v, "*") || view_eq_text(v, "**")))
            lint_add(l, in->words[i].span, "'%.*s' copies whatever the build context holds",
                     LINT_CUT(in->words[i].text));
    }
}

/* "." counts only when .dockerignore leaves nothing, a directory when no line brings back what is in it. */
static bool is_ignored(const struct lint *l, struct view path)
{
    const struct ignore *ignore = l->options->ignore;

    return path.size > 0 ? ignore_match(ignore, path) && !ignore_may_reach_below(ignore, path)
                         : ignore_leaves_nothing(ignore);
}

static void check_ignored(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    (void)s;
    if (!l->options->context || !l->options->ignore)
        return;
    for (size_t i = 0; i + 1 < in->word_count; i++) {
        const struct view v = in->words[i].text, path = lint_clean_source(v);
        if (!lint_from_context(in, &in->words[i]) || lint_has_variable(v) ||
            (path.size && memchr(path.at, '*', path.size)))
            continue;
        if (is_ignored(l, path))
            lint_add(l, in->words[i].span,
                     "Attempting to %s file '%.*s' that is excluded by .dockerignore",
                     in->kind == INSTRUCTION_ADD ? "Add" : "Copy", LINT_CUT(v));
    }
}

/* ---- secrets ---- */

static void check_secret_file(struct lint *l, const struct lint_stage *s,
                              const struct instruction *in)
{
    (void)s;
    for (size_t i = 0; i + 1 < in->word_count; i++) {
        const struct view path = lint_clean_source(in->words[i].text);
        if (lint_from_context(in, &in->words[i]) && image_name_is_secret(path))
            lint_add(l, in->words[i].span, "'%.*s' looks like a secret, and stays in the layer",
                     LINT_CUT(in->words[i].text));
    }
}

/* ---- ADD from the network ---- */

/* "https://host/x.git#v1:dir": the part behind '#', size 0 without one. */
static bool cut_git(struct view url, struct view *ret_ref)
{
    struct view place;

    (void)view_cut(&url, '#', &place);
    *ret_ref = VIEW("");
    if (url.at)
        (void)view_cut(&url, ':', ret_ref);
    return view_ends(place, ".git");
}

static bool is_commit(struct view ref)
{
    size_t digits = 0;

    while (digits < ref.size && isxdigit((unsigned char)ref.at[digits]))
        digits++;
    return digits == ref.size && (digits == 40 || digits == 64);
}

/* A commit is its own checksum; a variable may be one. */
static void check_git(struct lint *l, const struct word *w, struct view ref)
{
    if (!is_commit(ref) && !lint_has_variable(ref))
        lint_add(l, w->span, "'%.*s' is taken as it is that day: no commit is named",
                 LINT_CUT(w->text));
}

static void check_checksum(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    struct view ref;

    (void)s;
    if (instruction_flag(in, "checksum").size > 0)
        return;
    for (size_t i = 0; i + 1 < in->word_count; i++)
        if (is_url(in->words[i].text) && cut_git(lint_unquote(in->words[i].text), &ref))
            check_git(l, &in->words[i], ref);
        else if (is_url(in->words[i].text))
            lint_add(l, in->words[i].span, "'%.*s' is taken as it comes: no --checksum%s",
                     LINT_CUT(in->words[i].text),
                     view_starts(lint_unquote(in->words[i].text), "http://")
                         ? ", and over plain HTTP"
                         : "");
}

static const struct lint_row rows[] = {
    {
        .id = "CP140",
        .name = "add-for-copy",
        .aliases = {"DL3020", "CIS-DI-0009", "CKV_DOCKER_4", "DB-4.9"},
        .title = "ADD where COPY does",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "ADD unpacks archives and fetches addresses, so a reader has to know what each file "
               "is. COPY says that it is only copied.",
        .fix = "Write COPY.",
        .bad = "FROM debian:12.5\nADD a.conf /etc/\nUSER 1001\n",
        .good = "FROM debian:12.5\nCOPY a.conf /etc/\nUSER 1001\n",
        .kinds = LINT_KIND(ADD),
        .instruction = check_add,
    },
    {
        .id = "CP141",
        .name = "copy-many-target",
        .aliases = {"DL3021"},
        .title = "COPY of several sources to something that is no directory",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE,
        .why = "Several files can only go into a directory, and a name is one when it ends with "
               "'/'. Without it the build fails.",
        .fix = "End the target with '/'.",
        .bad = "FROM debian:12.5\nCOPY a b /dst\nUSER 1001\n",
        .good = "FROM debian:12.5\nCOPY a b /dst/\nUSER 1001\n",
        .kinds = LINT_KIND(COPY),
        .instruction = check_target_directory,
    },
    {
        .id = "CP142",
        .name = "copy-relative",
        .aliases = {"DL3045"},
        .title = "COPY or ADD to a relative path before any WORKDIR",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "Where the file lands is then decided by the base image. It moves when that image "
               "changes its WORKDIR.",
        .fix = "Set WORKDIR above, or write the whole path.",
        .bad = "FROM debian:12.5\nCOPY a b\nUSER 1001\n",
        .good = "FROM debian:12.5\nWORKDIR /srv\nCOPY a b\nUSER 1001\n",
        .kinds = LINT_KIND(COPY) | LINT_KIND(ADD),
        .instruction = check_target_relative,
    },
    {
        .id = "CP143",
        .name = "copy-whole-image",
        .aliases = {"DL3067"},
        .title = "COPY --from=x / /",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "Two file systems are laid over each other: databases of packages, users and "
               "libraries no longer fit. The result "
               "is as large as both.",
        .fix = "Copy the files that are needed, or start FROM the other image.",
        .bad = "FROM debian:12.5 AS b\nFROM debian:12.5\nCOPY --from=b / /\nUSER 1001\n",
        .good = "FROM debian:12.5 AS b\nFROM debian:12.5\nCOPY --from=b /app /app\nUSER 1001\n",
        .kinds = LINT_KIND(COPY),
        .instruction = check_copy_root,
    },
    {
        .id = "CP144",
        .name = "copy-all",
        .aliases = {NULL},
        .title = "the whole build context is copied",
        .level = LINT_STYLE,
        .where = LINT_DOCKERFILE | LINT_CONTEXT,
        .why = "Every change of any file makes the step and all below it run again. What nobody "
               "thought of, keys and .git among it, "
               "ends up in the image.",
        .fix = "Name the files and directories that are needed.",
        .bad = "FROM debian:12.5\nCOPY . /app\nUSER 1001\n",
        .good = "FROM debian:12.5\nCOPY src /app/src\nUSER 1001\n",
        .kinds = LINT_KIND(COPY) | LINT_KIND(ADD),
        .instruction = check_all,
    },
    {
        .id = "CP145",
        .name = "copy-ignored",
        .aliases = {"CopyIgnoredFile"},
        .title = "COPY of a file that .dockerignore leaves out",
        .level = LINT_WARNING,
        .where = LINT_CONTEXT,
        .why = "The file never reaches the builder, so the build fails. One of the two lines is "
               "wrong.",
        .fix = "Take the pattern out of .dockerignore, or add an exception: !name.",
        .bad = "FROM debian:12.5\nCOPY a.conf /etc/\nUSER 1001\n",
        .good = "FROM debian:12.5\nCOPY b.conf /etc/\nUSER 1001\n",
        .ignore = "a.conf\n",
        .kinds = LINT_KIND(COPY) | LINT_KIND(ADD),
        .instruction = check_ignored,
    },
    {
        .id = "CP146",
        .name = "secret-file-copied",
        .aliases = {NULL, "CIS-DI-0010", "DB-4.10"},
        .title = "a file that looks like a secret is copied",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE | LINT_CONTEXT,
        .why = "Whoever can pull the image can read the file, even when a later step deletes it. A "
               "mounted secret is in no layer.",
        .fix = "RUN --mount=type=secret for the build; at run time hand it to the container.",
        .bad = "FROM debian:12.5\nCOPY .env /app/\nUSER 1001\n",
        .good = "FROM debian:12.5\nCOPY .env.example /app/\nUSER 1001\n",
        .kinds = LINT_KIND(COPY) | LINT_KIND(ADD),
        .instruction = check_secret_file,
        .image = lint_image_secret_files,
    },
    {
        .id = "CP147",
        .name = "add-url-no-checksum",
        .aliases = {NULL},
        .title = "ADD from the network without a checksum",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE,
        .why = "What the server hands out tomorrow becomes part of the image unseen. A checksum "
               "makes the build stop instead.",
        .fix =
            "ADD --checksum=sha256:<digest> https://...; of git the commit: https://host/x.git#<40 "
            "digits>.",
        .bad = "FROM debian:12.5\nADD https://h.example/x.tgz /x\nUSER 1001\n",
        .good =
            "FROM debian:12.5\nADD "
            "--checksum=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 "
            "https://h.example/x.tgz /x\nUSER 1001\n",
        .kinds = LINT_KIND(ADD),
        .instruction = check_checksum,
    },
};

const struct lint_table lint_copy = {rows, ARRAY_SIZE(rows)};

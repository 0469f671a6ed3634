#include "lint/requirements.h"

#include <ctype.h>

#include "base/doc.h"
#include "lint/run.h"

struct found {
    size_t count;
    struct str *first;
};

static void tell(struct found *f, struct view name)
{
    if (f->count++ == 0)
        str_add(f->first, name);
}

/* ---- requirements.txt ---- */

/* The line without its comment: '#' begins one at the start and behind a blank. */
static struct view without_comment(struct view line)
{
    for (size_t i = 0; i < line.size; i++)
        if (line.at[i] == '#' && (i == 0 || isblank((unsigned char)line.at[i - 1])))
            return view_trim(view_make(line.at, i));
    return view_trim(line);
}

static bool holds(struct view v, const char *part)
{
    return v.size > 0 && memmem(v.at, v.size, part, strlen(part));
}

/* "flask[async] == 3.0.3 ; python_version > '3'": "==3.*" is a range. */
static bool is_pinned(struct view requirement)
{
    struct view rest = requirement, spec;

    (void)view_cut(&rest, ';', &spec);
    return holds(requirement, "--hash") || holds(spec, "://") || holds(spec, " @ ") ||
           (holds(spec, "==") && !holds(spec, "*"));
}

static bool is_path(struct view v)
{
    return *v.at == '.' || *v.at == '/' || view_ends(v, ".whl") || view_ends(v, ".zip") ||
           view_ends(v, ".tar.gz");
}

static bool is_constraint(struct view option)
{
    return view_starts(option, "-c") || view_starts(option, "--constraint") ||
           view_starts(option, "--require-hashes");
}

static void read_pip(struct view text, struct found *f)
{
    struct view line;
    bool goes_on = false;

    if (view_starts(text, "\xef\xbb\xbf")) /* the mark of some editors */
        text = view_make(text.at + 3, text.size - 3);
    while (text.at && view_cut(&text, '\n', &line)) {
        const bool part = goes_on; /* of the line above: hashes */

        line = view_trim(line);
        goes_on = view_ends(line, "\\") && *line.at != '#'; /* no comment does */
        line = without_comment(line);
        if (line.size == 0 || part)
            continue;
        if (is_constraint(line)) {
            f->count = 0;
            return;
        }
        if (*line.at != '-' && !is_path(line) && !is_pinned(line))
            tell(f, line);
    }
}

/* ---- package.json ---- */

/* "1.2.3", "=1.2.3-rc.1", "npm:x@1.2.3", and what is no version: paths, workspaces, repositories. */
static bool is_exact(const char *text)
{
    const char *at = strrchr(text, '@');

    if (strncmp(text, "npm:", 4) == 0)
        text = at ? at + 1 : "";
    else if (strchr(text, ':') || strchr(text, '/'))
        return true;
    text += *text == '=' || *text == 'v';
    unsigned dots = 0;
    bool release = true; /* not in what stands behind '-' or '+' */
    if (!isdigit((unsigned char)*text))
        return false;
    for (; *text; text++) {
        dots += *text == '.';
        if (!isalnum((unsigned char)*text) && !strchr(".+-", *text))
            return false;
        release &= *text != '-' && *text != '+';
        if (release && (*text == 'x' || *text == 'X') && text[-1] == '.')
            return false;
    }
    return dots >= 2;
}

static void read_npm(struct view text, struct found *f)
{
    static const char *const lists[] = {"dependencies", "devDependencies", "optionalDependencies"};
    cleanup_doc json_t *doc = NULL;

    if (doc_parse(text, REQUIREMENTS_SIZE_MAX, "package.json", &doc, NULL) < 0)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        const char *name;
        json_t *version;

        json_object_foreach(json_object_get(doc, lists[i]), name, version)
        {
            if (json_is_string(version) && !is_exact(json_string_value(version)))
                tell(f, view_of(name));
        }
    }
}

/* ---- Gemfile, go.mod ---- */

static void read_gems(struct view text, struct found *f)
{
    struct view line, name;

    while (text.at && view_cut(&text, '\n', &line)) {
        struct view rest = without_comment(line);

        if (!view_starts(rest, "gem ") && !view_starts(rest, "gem("))
            continue;
        (void)view_cut(&rest, ',', &name);
        rest = rest.at ? view_trim(rest) : VIEW("");
        const bool exact = rest.size > 1 && (*rest.at == '"' || *rest.at == '\'') &&
                           (isdigit((unsigned char)rest.at[1]) || rest.at[1] == '=');
        if (!exact && !holds(rest, "path:") && !holds(rest, "ref:") && !holds(rest, ":path") &&
            !holds(rest, ":ref"))
            tell(f, name);
    }
}

static void read_go(struct view text, struct found *f)
{
    struct view line;

    while (f->count == 0 && text.at && view_cut(&text, '\n', &line))
        if (view_starts(view_trim(line), "require"))
            tell(f, VIEW("require"));
}

/* ---- together ---- */

static const struct kind {
    const char *name;
    const char *locks; /* any of them, beside it or above */
    void (*read)(struct view text, struct found *f);
} kinds[] = {
    {"requirements.txt", "", read_pip},
    {"package.json",
     "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb", read_npm},
    {"Gemfile", "Gemfile.lock", read_gems},
    {"go.mod", "go.sum go.work.sum", read_go},
};

static const struct kind *kind_of(struct view path)
{
    const struct view name = lint_base_name(path);

    if (view_starts(name, "requirements") && view_ends(name, ".txt"))
        return &kinds[0];
    for (size_t i = 1; i < ARRAY_SIZE(kinds); i++)
        if (view_eq_text(name, kinds[i].name))
            return &kinds[i];
    return NULL;
}

bool requirements_is(struct view path)
{
    return kind_of(path) != NULL;
}

bool requirements_is_lock(struct view path)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (lint_in_list(lint_base_name(path), kinds[i].locks))
            return true;
    return false;
}

/* Directories are at most as many as a path has slashes. */
static bool is_locked(struct view path, const struct kind *k, const struct map *locks)
{
    size_t size = path.size;

    while (size > 0) {
        struct view rest = view_of(k->locks), name;

        while (size > 0 && path.at[size - 1] != '/')
            size--;
        while (rest.at && view_cut(&rest, ' ', &name)) {
            STR_AUTO(lock);
            str_printf(&lock, "%.*s%.*s", (int)size, path.at, VIEW_ARG(name));
            if (name.size > 0 && map_has(locks, str_view(&lock)))
                return true;
        }
        size -= size > 0;
    }
    return false;
}

size_t requirements_open(struct view path, struct view text, const struct map *locks,
                         struct str *ret)
{
    const struct kind *k = kind_of(path);
    struct found f = {.first = ret};

    str_clear(ret);
    if (k && text.size <= REQUIREMENTS_SIZE_MAX && !is_locked(path, k, locks))
        k->read(text, &f);
    return f.count;
}

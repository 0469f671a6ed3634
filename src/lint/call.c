/* call.c - questions about one call and one RUN. */
#include "lint/run.h"

bool call_is(const struct lint_call *c, const char *names)
{
    return c->name.size > 0 && lint_in_list(c->name, names);
}

const struct lint_arg *call_has(const struct lint_call *c, const char *words)
{
    for (size_t i = 0; i < c->arg_count; i++)
        if (lint_in_list(c->args[i].text, words))
            return &c->args[i];
    return NULL;
}

/* The name of a long flag: between "--" and '='. */
static struct view long_name(struct view flag)
{
    const char *equals = memchr(flag.at, '=', flag.size);
    const size_t end = equals ? (size_t)(equals - flag.at) : flag.size;

    return view_make(flag.at + 2, end - 2);
}

static bool is_long(const struct lint_arg *a)
{
    return a->flag && view_starts(a->text, "--");
}

/* How often one of the flags stands in the argument. */
static unsigned matches(const struct lint_arg *a, const char *flags)
{
    unsigned count = 0;

    if (!a->flag)
        return 0;
    if (is_long(a))
        return lint_in_list(long_name(a->text), flags);
    for (size_t i = 1; i < a->text.size && a->text.at[i] != '='; i++)
        count += lint_in_list(view_make(a->text.at + i, 1), flags);
    return count;
}

const struct lint_arg *call_flag(const struct lint_call *c, const char *flags)
{
    for (size_t i = 0; i < c->arg_count; i++)
        if (matches(&c->args[i], flags) > 0)
            return &c->args[i];
    return NULL;
}

unsigned call_flag_count(const struct lint_call *c, const char *flags)
{
    unsigned count = 0;

    for (size_t i = 0; i < c->arg_count; i++)
        count += matches(&c->args[i], flags);
    return count;
}

/* Does the argument behind this one belong to it? */
static bool takes_next(const struct lint_arg *a, const char *valued)
{
    if (!a->flag || memchr(a->text.at, '=', a->text.size))
        return false;
    if (is_long(a))
        return lint_in_list(long_name(a->text), valued);
    return lint_in_list(view_make(a->text.at + a->text.size - 1, 1), valued) ||
           lint_in_list(view_make(a->text.at + 1, a->text.size - 1), valued);
}

struct view call_flag_value(const struct lint_call *c, const char *flags)
{
    for (size_t i = 0; i < c->arg_count; i++) {
        const struct lint_arg *a = &c->args[i];
        const char *equals = a->flag ? memchr(a->text.at, '=', a->text.size) : NULL;

        if (takes_next(a, flags))
            return i + 1 < c->arg_count ? c->args[i + 1].text : VIEW("");
        if (equals && matches(a, flags) > 0)
            return view_make(equals + 1, (size_t)(a->text.at + a->text.size - equals) - 1);
        if (a->flag && !is_long(a) && a->text.size > 2 &&
            lint_in_list(view_make(a->text.at + 1, 1), flags))
            return view_make(a->text.at + 2, a->text.size - 2);
    }
    return (struct view){0};
}

const struct lint_arg *call_operand(const struct lint_call *c, size_t *at, const char *valued)
{
    while (*at < c->arg_count) {
        const struct lint_arg *a = &c->args[(*at)++];

        if (a->flag)
            *at += takes_next(a, valued);
        else if (!view_eq_text(a->text, "--"))
            return a;
    }
    return NULL;
}

bool call_is_pip_install(const struct lint_call *c)
{
    const struct view name = lint_base_name(c->name);

    if (!call_has(c, "install"))
        return false;
    if (view_starts(name, "pip"))
        return true;
    return view_starts(name, "python") && call_has(c, "-m") && call_has(c, "pip");
}

static bool installs_packages(const struct lint_call *c)
{
    if (call_is(c, "apt-get apt aptitude"))
        return call_has(c, "install");
    if (call_is(c, "apk"))
        return call_has(c, "add");
    if (call_is(c, "yum dnf microdnf tdnf zypper"))
        return call_has(c, "install in") && !call_has(c, "group groups module");
    return false;
}

const struct lint_arg *call_package(const struct lint_call *c, size_t *at, struct view *name)
{
    static const char valued[] =
        "t target-release default-release o option c config-file virtual X "
        "repository p root setopt config d e R exclude enablerepo "
        "disablerepo repo installroot releasever r type from";
    const struct lint_arg *a;

    if (*at == 0 && !installs_packages(c))
        return NULL;
    do
        a = call_operand(c, at, valued);
    while (a && lint_in_list(a->text, "install add in"));
    if (!a)
        return NULL;
    size_t size = 0;
    while (size < a->text.size && !strchr("=<>~/:", a->text.at[size]))
        size++;
    *name = view_make(a->text.at, size);
    return a;
}

/* ---- one RUN ---- */

static struct view trim_slashes(struct view path)
{
    while (path.size > 1 && path.at[path.size - 1] == '/')
        path.size--;
    return path;
}

bool lint_path_below(struct view path, struct view root)
{
    root = trim_slashes(root);
    if (path.size < root.size || memcmp(path.at, root.at, root.size) != 0)
        return false;
    return path.size == root.size || path.at[root.size] == '/';
}

bool run_has_mount(const struct lint_run *run, const char *paths)
{
    for (size_t i = 0; i < run->mount_count; i++) {
        const struct mount_spec *m = &run->mounts[i];
        struct view rest = view_of(paths), path;

        if (m->type != MOUNT_CACHE && m->type != MOUNT_TMPFS)
            continue;
        while (rest.at && view_cut(&rest, ' ', &path))
            if (lint_path_below(path, view_of(m->target)))
                return true;
    }
    return false;
}

/* ~/.npm and $HOME/.npm for /root/.npm. */
static bool below_home(struct view arg, struct view path)
{
    static const char root[] = "/root/", unknown[] = SH_EXPANSION "/";
    const size_t skip = view_starts(arg, "~/")      ? 2
                        : view_starts(arg, unknown) ? strlen(unknown)
                                                    : 0;

    return skip > 0 && view_starts(path, root) &&
           lint_path_below(view_make(arg.at + skip, arg.size - skip),
                           view_make(path.at + strlen(root), path.size - strlen(root)));
}

static bool removes(const struct lint_call *c, const char *paths)
{
    for (size_t i = 0; i < c->arg_count; i++) {
        struct view rest = view_of(paths), path;

        while (rest.at && view_cut(&rest, ' ', &path))
            if (lint_path_below(c->args[i].text, path) || below_home(c->args[i].text, path))
                return true;
    }
    return false;
}

bool run_removes(const struct lint_run *run, size_t from, const char *paths)
{
    for (size_t i = from; i < run->call_count; i++)
        if (call_is(&run->calls[i], "rm find") && removes(&run->calls[i], paths))
            return true;
    return false;
}

#define EXPORTS_MAX 1000u /* calls that are looked back */

/* export NAME=value of a call before this one. */
static bool exported(const struct lint_run *run, const struct lint_call *c, const char *name,
                     struct view *ret)
{
    bool found = false;

    const size_t before = (size_t)(c - run->calls);
    for (const struct lint_call *e = c - MIN(before, EXPORTS_MAX); e < c; e++)
        for (size_t i = 0; call_is(e, "export declare") && i < e->arg_count; i++) {
            struct view value = e->args[i].text, key;
            if (view_cut(&value, '=', &key) && value.at && view_eq_text(key, name)) {
                *ret = value;
                found = true;
            }
        }
    return found;
}

bool run_variable(const struct lint_run *run, const struct lint_call *c, const char *name,
                  struct view *ret)
{
    const struct sh_assign *a = c->node ? c->node->assigns : NULL;

    for (; a; a = a->next)
        if (view_eq_text(a->name, name)) {
            *ret = a->value->text;
            return true;
        }
    if (exported(run, c, name, ret))
        return true;
    const struct lint_var *v = lint_var_find(&run->stage->scope, view_of(name));
    if (!v || !v->value.at)
        return false;
    *ret = lint_unquote(v->value);
    return true;
}

#include "build/tags.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "build/semver.h"
#include "build/sources.h"

#define LISTING_MAX (16u << 20) /* of tags, or of settings */

/* ---- words ---- */

static bool tag_version(struct view tag, struct semver *ret)
{
    if (tag.size > 0 && tag.at[0] == 'v')
        tag = view_make(tag.at + 1, tag.size - 1);
    return semver_parse(tag, ret);
}

struct view tag_highest(struct view list)
{
    struct view best = {0}, line;
    struct semver best_version = {0}, version;

    while (view_cut(&list, '\n', &line))
        if (tag_version(line, &version) &&
            (!best.size || semver_compare(&version, &best_version) > 0)) {
            best = line;
            best_version = version;
        }
    return best;
}

bool tag_is_fixed(struct view tag)
{
    static const char hex[] = "0123456789abcdef";
    struct semver version;
    size_t digits = 0;

    if (view_ends(tag, "-dirty"))
        return false;
    while (digits < tag.size && strchr(hex, tag.at[digits]))
        digits++;
    return (digits == tag.size && digits >= 7 && digits <= 64) || tag_version(tag, &version);
}

/* What is not a release itself comes before the next one, and after the last. */
static void add_version(const struct semver *v, const struct tag_facts *f, struct str *ret)
{
    const bool exact = f->commits == 0 && !f->dirty;

    str_printf(ret, "%llu.%llu.%llu", (unsigned long long)v->major, (unsigned long long)v->minor,
               (unsigned long long)v->patch + (!exact && !v->pre.size));
    if (v->pre.size)
        str_printf(ret, "-%.*s", VIEW_ARG(v->pre));
    if (!exact)
        str_printf(ret, "%c%llu.g%s%s", v->pre.size ? '.' : '-', (unsigned long long)f->commits,
                   f->commit, f->dirty ? ".dirty" : "");
    else if (v->build.size)
        str_printf(ret, "_%.*s", VIEW_ARG(v->build));
}

static int add_word(struct view word, const struct tag_facts *f, struct str *ret, struct error *err)
{
    struct semver version;

    if (view_eq_text(word, "git")) {
        str_printf(ret, "%s%s", f->commit, f->dirty ? "-dirty" : "");
        return 0;
    }
    if (!view_eq_text(word, "semver")) {
        (void)error_set(err, -EINVAL, "there is no {%.*s} in a tag", (int)MIN(word.size, 40),
                        word.at);
        return error_hint(err, -EINVAL, "{semver} is the version, {git} the commit");
    }
    if (!f->version || !semver_parse(view_of(f->version), &version)) {
        (void)error_set(err, -ENOENT, "{semver}: no tag such as v1.2.3 led to this commit");
        return error_hint(err, -ENOENT,
                          "'git tag v0.1.0' makes one; a shallow clone needs 'git fetch --tags "
                          "--unshallow'");
    }
    add_version(&version, f, ret);
    return 0;
}

int tag_fill(const char *text, const struct tag_facts *facts, struct str *ret, struct error *err)
{
    for (const char *at = text; *at;) {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;

        if (!end) {
            str_add_char(ret, *at++);
            continue;
        }
        const int r = add_word(view_make(at + 1, (size_t)(end - at - 1)), facts, ret, err);
        if (r < 0)
            return r;
        at = end + 1;
    }
    return 0;
}

/* ---- what git says ---- */

static int git_line(const char *path, const char *const args[], struct str *ret, struct error *err)
{
    const int r = checkout_git(path, args, NULL, LISTING_MAX, ret, err);

    if (r < 0)
        return r;
    if (r > 0)
        return error_set(err, -EINVAL, "'git %s %s' in '%.200s' ended with status %d", args[0],
                         args[1], path, r);
    while (ret->size && ret->at[ret->size - 1] == '\n')
        str_truncate(ret, ret->size - 1);
    return 0;
}

/* Settings that the user's environment has already: ours come behind them. */
static uint64_t settings_before(void)
{
    const char *text = getenv("GIT_CONFIG_COUNT");
    uint64_t count = 0;

    return text && view_to_u64(view_of(text), &count) ? count : 0;
}

/* "SCOPE\0KEY\0" of settings of filters: those of the checkout itself are made empty. A user's own, as
 * of git-lfs, stay. */
static void silence_filters(struct view listing, struct strings *ret)
{
    uint64_t count = settings_before();
    struct view scope, key;

    while (view_cut(&listing, '\0', &scope) && view_cut(&listing, '\0', &key)) {
        if (!view_eq_text(scope, "local") && !view_eq_text(scope, "worktree"))
            continue;
        strings_take(ret, xasprintf("GIT_CONFIG_KEY_%" PRIu64 "=%.*s", count, VIEW_ARG(key)));
        strings_take(ret, xasprintf("GIT_CONFIG_VALUE_%" PRIu64 "=%s", count,
                                    view_ends(key, ".required") ? "false" : ""));
        count++;
    }
    strings_take(ret, xasprintf("GIT_CONFIG_COUNT=%" PRIu64, count));
}

/* Files of HEAD, by content. Submodules by their commit only: to look into them is to read their
 * configuration. */
static int ask_dirty(const char *path, bool *ret, struct error *err)
{
    static const char *const settings[] = {"config",       "--show-scope", "--name-only", "-z",
                                           "--get-regexp", "^filter[.]",   NULL};
    static const char *const diff[] = {
        "diff", "--quiet", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", "HEAD",
        "--",   NULL};
    CLEANUP(strings_done) struct strings environment = {0};
    STR_AUTO(listing);
    STR_AUTO(nothing);
    int r = checkout_git(path, settings, NULL, LISTING_MAX, &listing, err);

    if (r < 0)
        return r;
    silence_filters(str_view(&listing), &environment);
    r = checkout_git(path, diff, &environment, LISTING_MAX, &nothing, err);
    if (r > 1)
        return error_set(err, -EINVAL, "'git diff HEAD' in '%.200s' ended with status %d", path, r);
    *ret = r == 1;
    return MIN(r, 0);
}

static int ask_version(const char *path, struct str *ret_tag, uint64_t *ret_commits,
                       struct error *err)
{
    static const char *const list[] = {"for-each-ref", "--merged=HEAD",
                                       "--format=%(refname:strip=2)", "refs/tags", NULL};
    STR_AUTO(tags);
    STR_AUTO(count);
    int r = git_line(path, list, &tags, err);

    if (r < 0)
        return r;
    str_add(ret_tag, tag_highest(str_view(&tags)));
    if (!ret_tag->size)
        return 0;
    cleanup_free char *range = xasprintf("refs/tags/%s..HEAD", ret_tag->at);
    const char *const args[] = {"rev-list", "--count", range, NULL};
    r = git_line(path, args, &count, err);
    if (r == 0 && !view_to_u64(str_view(&count), ret_commits))
        r = error_set(err, -EINVAL, "git counts '%.40s' commits", count.at);
    return r;
}

static int ask(const char *path, struct str *commit, struct str *tag, struct tag_facts *ret,
               struct error *err)
{
    static const char *const head[] = {"rev-parse", "--short", "HEAD", NULL};
    int r = git_line(path, head, commit, err);

    if (r == 0)
        r = ask_dirty(path, &ret->dirty, err);
    if (r == 0)
        r = ask_version(path, tag, &ret->commits, err);
    ret->commit = commit->at;
    if (tag->size)
        ret->version = tag->at + (*tag->at == 'v');
    return r;
}

static int find_out(const char *context, struct str *commit, struct str *tag, struct tag_facts *ret,
                    struct error *err)
{
    struct stat st;

    if (!context || strcmp(context, "-") == 0 || stat(context, &st) < 0 || !S_ISDIR(st.st_mode)) {
        (void)error_set(err, -EINVAL, "{git} and {semver} in a tag need a directory as context");
        return error_hint(err, -EINVAL, "give the tag itself: -t NAME:\"$(git describe --tags)\"");
    }
    if (!checkout_has_git(context))
        return error_set(err, -EINVAL,
                         "{git} and {semver} in a tag: '%.200s' is no checkout of git", context);
    return ask(context, commit, tag, ret, err);
}

int tags_expand(const struct strings *given, const char *context, struct strings *ret,
                struct error *err)
{
    struct tag_facts facts = {0};
    STR_AUTO(commit);
    STR_AUTO(tag);

    for (size_t i = 0; i < given->size; i++) {
        STR_AUTO(name);
        int r = 0;

        if (strchr(given->at[i], '{') && !facts.commit)
            r = find_out(context, &commit, &tag, &facts, err);
        if (r == 0)
            r = tag_fill(given->at[i], &facts, &name, err);
        if (r < 0)
            return r;
        strings_take(ret, str_take(&name));
    }
    return 0;
}

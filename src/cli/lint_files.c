#include "cli/lint_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define DEPTH_MAX 64 /* directories: each level is a call */

static bool starts(struct view name, const char *word)
{
    return name.size >= strlen(word) && strncasecmp(name.at, word, strlen(word)) == 0;
}

static bool ends(struct view name, const char *word)
{
    return name.size > strlen(word) &&
           strncasecmp(name.at + name.size - strlen(word), word, strlen(word)) == 0;
}

bool lint_is_dockerfile(struct view name)
{
    static const char *const words[] = {"dockerfile", "containerfile"};

    if (ends(name, ".dockerignore") || ends(name, ".containerignore") || ends(name, "~"))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        const size_t size = strlen(words[i]);
        if (starts(name, words[i]) && (name.size == size || name.at[size] == '.'))
            return true;
        if (name.size > size + 1 && ends(name, words[i]) && name.at[name.size - size - 1] == '.')
            return true;
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(const char *path, struct strings *ret, struct error *err)
{
    DIR *dir = opendir(path);
    const struct dirent *e;

    if (!dir)
        return error_sys(err, "open '%s'", path);
    while ((e = readdir(dir)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            strcmp(e->d_name, ".git") != 0)
            strings_add(ret, e->d_name);
    (void)closedir(dir);
    if (ret->size > 0)
        qsort(ret->at, ret->size, sizeof(*ret->at), compare);
    return 0;
}

/* A directory below that nobody may read (a database's, say) is said and left out. */
static int walk(const struct env *env, const char *path, unsigned depth, struct strings *ret,
                struct error *err)
{
    CLEANUP(strings_done) struct strings names = {0};
    ERROR_AUTO(e);
    int r = list_names(path, &names, &e);

    if (r == -EACCES && depth > 0) {
        env_warn(env, "%s", e.text);
        return 0;
    }
    if (r < 0)
        return error_move(err, &e);

    for (size_t i = 0; r == 0 && i < names.size; i++) {
        const bool slash = path[strlen(path) - 1] == '/';
        cleanup_free char *child = xasprintf("%s%s%s", path, slash ? "" : "/", names.at[i]);
        struct stat st;

        if (lstat(child, &st) < 0)
            continue; /* it has just gone */
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
            r = walk(env, child, depth + 1, ret, err);
        else if (S_ISDIR(st.st_mode))
            env_warn(env, "'%.200s...' is left out: %u directories deep", child, DEPTH_MAX);
        else if (S_ISREG(st.st_mode) && lint_is_dockerfile(view_of(names.at[i])))
            strings_take(ret, steal(child));
    }
    return r;
}

static int default_file(struct strings *ret, struct error *err)
{
    static const char *const names[] = {"Dockerfile", "Containerfile"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (access(names[i], F_OK) < 0)
            continue;
        strings_add(ret, names[i]);
        return 0;
    }
    (void)error_set(err, -ENOENT, "there is no Dockerfile here");
    return error_hint(err, -ENOENT, "cooper lint FILE, DIR or - (standard input)");
}

int lint_files(const struct env *env, char *const *arguments, struct strings *ret,
               struct error *err)
{
    if (!arguments[0])
        return default_file(ret, err);
    for (; *arguments; arguments++) {
        struct stat st;
        int r = 0;

        if (strcmp(*arguments, "-") != 0 && stat(*arguments, &st) < 0)
            return error_sys(err, "open '%s'", *arguments);
        if (strcmp(*arguments, "-") != 0 && S_ISDIR(st.st_mode))
            r = walk(env, *arguments, 0, ret, err);
        else
            strings_add(ret, *arguments);
        if (r < 0)
            return r;
    }
    return 0;
}

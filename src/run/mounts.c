#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "run/internal.h"

void run_mounts_done(struct run_mounts *m)
{
    vec_each (one, &m->list)
        if (one->source_fd >= 0)
            (void)close(one->source_fd);
    vec_done(&m->list);
    strings_done(&m->texts);
}

static const char *keep(struct run_mounts *m, struct view text)
{
    strings_take(&m->texts, view_dup(text));
    return *vec_last(&m->texts);
}

static int add_bind(struct run_mounts *m, struct view source, struct view target, bool read_only,
                    struct error *err)
{
    cleanup_free char *path = view_dup(source);

    if (source.size == 0 || target.size == 0 || target.at[0] != '/')
        return error_set(err, -EINVAL, "mount '%.*s' wants a source and an absolute target",
                         VIEW_ARG(target));
    if (!strchr(path, '/') && path[0] != '.') {
        const int r = error_set(err, -EINVAL, "'%s' is no path; named volumes do not exist", path);

        return error_hint(err, r, "write ./%s for a directory here", path);
    }
    const int fd = fd_open(AT_FDCWD, path, O_PATH, 0, err);
    if (fd < 0)
        return error_wrap(err, fd, "source of a mount");
    vec_push(&m->list, (struct spawn_mount){.kind = SPAWN_MOUNT_BIND,
                                            .source_fd = fd,
                                            .target = keep(m, target),
                                            .read_only = read_only,
                                            .recursive = true});
    return 0;
}

static int add_volume(struct run_mounts *m, const char *text, struct error *err)
{
    struct view rest = view_of(text), source = {0}, target = {0}, word;
    bool read_only = false;

    (void)view_cut(&rest, ':', &source);
    (void)view_cut(&rest, ':', &target);
    while (view_cut(&rest, ',', &word)) {
        if (view_eq_text(word, "ro"))
            read_only = true;
        else if (!view_eq_text(word, "rw") && !view_eq_text(word, "z") && !view_eq_text(word, "Z"))
            return error_set(err, -EINVAL, "volume option '%.*s' is unknown", VIEW_ARG(word));
    }
    return add_bind(m, source, target, read_only, err);
}

static bool parse_bytes(struct view v, uint64_t *ret)
{
    static const char units[] = "kmg";
    const char *unit = v.size > 1 ? strchr(units, v.at[v.size - 1] | 32) : NULL;

    if (unit && *unit)
        v.size--;
    if (!view_to_u64(v, ret))
        return false;
    for (const char *u = units; unit && *unit && u <= unit; u++)
        if (mul_overflow(*ret, (uint64_t)1024, ret))
            return false;
    return true;
}

static bool parse_octal(struct view v, uint32_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < v.size; i++) {
        if (v.at[i] < '0' || v.at[i] > '7' || i > 4)
            return false;
        *ret = *ret * 8 + (uint32_t)(v.at[i] - '0');
    }
    return v.size > 0;
}

static int tmpfs_option(struct spawn_mount *m, struct view key, struct view value,
                        struct error *err)
{
    bool good = true;

    if (view_eq_text(key, "size") || view_eq_text(key, "tmpfs-size"))
        good = parse_bytes(value, &m->size);
    else if (view_eq_text(key, "mode") || view_eq_text(key, "tmpfs-mode"))
        good = parse_octal(value, &m->mode);
    else if (view_eq_text(key, "ro") || view_eq_text(key, "readonly"))
        m->read_only = true;
    else if (view_eq_text(key, "noexec"))
        m->no_exec = true;
    else
        good = view_eq_text(key, "rw") || view_eq_text(key, "exec") ||
               view_eq_text(key, "nosuid") || view_eq_text(key, "nodev");
    return good ? 0
                : error_set(err, -EINVAL, "tmpfs option '%.*s' is not known or malformed",
                            VIEW_ARG(key));
}

static int add_tmpfs(struct run_mounts *m, const char *text, struct error *err)
{
    struct view rest = view_of(text), target = {0}, word;
    struct spawn_mount one = {.kind = SPAWN_MOUNT_TMPFS, .source_fd = -1};
    int r = 0;

    (void)view_cut(&rest, ':', &target);
    while (r == 0 && view_cut(&rest, ',', &word)) {
        struct view key = word;

        (void)view_cut(&word, '=', &key);
        r = tmpfs_option(&one, key, word, err);
    }
    one.target = keep(m, target);
    vec_push(&m->list, one);
    return r;
}

static int add_mount(struct run_mounts *m, const char *text, struct error *err)
{
    struct view rest = view_of(text), word, type = VIEW("bind"), source = {0}, target = {0};
    struct spawn_mount tmpfs = {.kind = SPAWN_MOUNT_TMPFS, .source_fd = -1};
    bool read_only = false;
    int r = 0;

    while (r == 0 && view_cut(&rest, ',', &word)) {
        struct view key = word;

        (void)view_cut(&word, '=', &key);
        if (view_eq_text(key, "type"))
            type = word;
        else if (view_eq_text(key, "source") || view_eq_text(key, "src"))
            source = word;
        else if (view_eq_text(key, "target") || view_eq_text(key, "destination") ||
                 view_eq_text(key, "dst"))
            target = word;
        else if (view_eq_text(key, "readonly") || view_eq_text(key, "ro"))
            read_only = !word.at || !view_eq_text(word, "false");
        else
            r = tmpfs_option(&tmpfs, key, word, err);
    }
    if (r < 0 || view_eq_text(type, "bind"))
        return r < 0 ? r : add_bind(m, source, target, read_only, err);
    if (!view_eq_text(type, "tmpfs") || target.size == 0)
        return error_set(err, -EINVAL, "--mount wants type=bind or type=tmpfs, and a target");
    tmpfs.target = keep(m, target);
    tmpfs.read_only = read_only;
    vec_push(&m->list, tmpfs);
    return 0;
}

int run_mounts_parse(const struct run_options *o, struct run_mounts *ret, struct error *err)
{
    int r = 0;

    vec_each (text, &o->volumes)
        if (r == 0)
            r = add_volume(ret, *text, err);
    vec_each (text, &o->mounts)
        if (r == 0)
            r = add_mount(ret, *text, err);
    vec_each (text, &o->tmpfs)
        if (r == 0)
            r = add_tmpfs(ret, *text, err);
    return r;
}

/* Users and groups that processes take themselves for. Which ones a process has is kept where fork()
 * and exec() hand it on by themselves, at the very moment: its soft limit of RLIMIT_LOCKS, which no
 * kernel since 2.4 looks at, is CREDS_TOKEN plus an index into our table. Whoever writes another
 * number there gets other ids on paper, as by set*id() before. */
#include <errno.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include "sandbox/supervisor.h"

#define CREDS_TOKEN ((rlim_t)1 << 40) /* above what anybody would set as a limit */
#define CREDS_MAX 65536               /* different ones in one container: 4 MiB */
#define GROUPS_MAX 65536u             /* NGROUPS_MAX of Linux */
#define UNCHANGED UINT32_MAX

const struct creds *creds_of_caller(const struct supervisor *s)
{
    struct rlimit now;

    if (s->creds.size == 0 || prlimit((pid_t)s->call->pid, RLIMIT_LOCKS, NULL, &now) < 0 ||
        now.rlim_cur < CREDS_TOKEN || now.rlim_cur - CREDS_TOKEN >= s->creds.size)
        return &s->initial;
    return s->creds.at[now.rlim_cur - CREDS_TOKEN];
}

bool creds_in_group(const struct creds *c, uint32_t gid)
{
    if (c->gids[ID_FILES] == gid)
        return true;
    for (size_t i = 0; i < c->group_count; i++)
        if (c->groups[i] == gid)
            return true;
    return false;
}

/* The index of equal ones in the table, which gets a copy if there are none. */
static int64_t intern(struct supervisor *s, const struct creds *c)
{
    STR_AUTO(text);

    str_add(&text, view_make(c->uids, sizeof(c->uids)));
    str_add(&text, view_make(c->gids, sizeof(c->gids)));
    str_printf(&text, "%d%d%d", c->permitted, c->effective, c->keep);
    str_add(&text, view_make(c->groups, c->group_count * sizeof(*c->groups)));
    const void *index = map_get(&s->creds_by_text, str_view(&text));
    if (index)
        return (int64_t)(uintptr_t)index - 1;
    if (s->creds.size == CREDS_MAX)
        return -EAGAIN;
    struct creds *copy = xmemdup(c, sizeof(*c));
    copy->groups = c->group_count ? xmemdup(c->groups, c->group_count * sizeof(*c->groups)) : NULL;
    vec_push(&s->creds, copy);
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the index plus 1, as values are pointers */
    map_set(&s->creds_by_text, str_view(&text), (void *)(uintptr_t)s->creds.size);
    return (int64_t)s->creds.size - 1;
}

int creds_change(struct supervisor *s, const struct creds *c)
{
    struct rlimit limit;
    const int64_t index = intern(s, c);

    if (index < 0)
        return (int)index;
    if (prlimit((pid_t)s->call->pid, RLIMIT_LOCKS, NULL, &limit) < 0)
        return -EAGAIN;
    limit.rlim_cur = CREDS_TOKEN + (rlim_t)index;
    return prlimit((pid_t)s->call->pid, RLIMIT_LOCKS, &limit, NULL) < 0 ? -EAGAIN : 0;
}

/* ---- asking ---- */

static const uint32_t *ids_of(const struct creds *c, const struct call_row *row)
{
    return row->extra & IDS_GROUP ? c->gids : c->uids;
}

int64_t call_get_id(struct supervisor *s, const struct call_row *row)
{
    return ids_of(creds_of_caller(s), row)[row->extra & IDS_EFFECTIVE ? ID_EFFECTIVE : ID_REAL];
}

int64_t call_get_res(struct supervisor *s, const struct call_row *row)
{
    const uint32_t *ids = ids_of(creds_of_caller(s), row);

    for (unsigned i = 0; i < 3; i++) {
        const int r = supervisor_write(s, supervisor_arg(s, i), &ids[i], sizeof(ids[i]));

        if (r < 0)
            return r;
    }
    return 0;
}

int64_t call_get_groups(struct supervisor *s, const struct call_row *row)
{
    const struct creds *c = creds_of_caller(s);
    const int size = (int)supervisor_arg(s, 0);

    (void)row;
    if (size < 0 || (size > 0 && (size_t)size < c->group_count))
        return -EINVAL;
    if (size == 0 || c->group_count == 0)
        return (int64_t)c->group_count;
    const int r =
        supervisor_write(s, supervisor_arg(s, 1), c->groups, c->group_count * sizeof(*c->groups));
    return r < 0 ? r : (int64_t)c->group_count;
}

/* ---- changing: credentials(7), and kernel/sys.c for the exact conditions ---- */

struct change {
    uint32_t old[ID_KINDS];
    uint32_t *ids; /* what they become */
    bool privileged;
};

/* What becomes of capabilities when users change (capabilities(7)). */
static int finish(struct supervisor *s, const struct change *c, struct creds *to)
{
    const bool was_root = !c->old[ID_REAL] || !c->old[ID_EFFECTIVE] || !c->old[ID_SAVED];
    const uint32_t *now = to->uids;

    if (c->ids == to->uids) {
        if (was_root && now[ID_REAL] && now[ID_EFFECTIVE] && now[ID_SAVED] && !to->keep)
            to->permitted = false;
        if (now[ID_EFFECTIVE] == 0 && c->old[ID_EFFECTIVE] != 0)
            to->effective = true;
        if (now[ID_EFFECTIVE] != 0 && c->old[ID_EFFECTIVE] == 0)
            to->effective = false;
        to->effective &= to->permitted;
    }
    return creds_change(s, to);
}

static struct change begin(const struct supervisor *s, const struct call_row *row, struct creds *to)
{
    struct change c = {.ids = row->extra & IDS_GROUP ? to->gids : to->uids};

    *to = *creds_of_caller(s);
    memcpy(c.old, c.ids, sizeof(c.old));
    c.privileged = to->effective;
    return c;
}

static bool may_have(const struct change *c, uint32_t id, unsigned kinds)
{
    bool is_one = c->privileged || id == UNCHANGED;

    for (unsigned i = 0; i < kinds; i++)
        is_one |= id == c->old[i];
    return is_one;
}

int64_t call_set_id(struct supervisor *s, const struct call_row *row)
{
    struct creds to;
    struct change c = begin(s, row, &to);
    const uint32_t id = (uint32_t)supervisor_arg(s, 0);

    if (id == UNCHANGED)
        return -EINVAL;
    if (c.privileged)
        c.ids[ID_REAL] = c.ids[ID_SAVED] = id;
    else if (id != c.old[ID_REAL] && id != c.old[ID_SAVED])
        return -EPERM;
    c.ids[ID_EFFECTIVE] = c.ids[ID_FILES] = id;
    return finish(s, &c, &to);
}

int64_t call_set_re(struct supervisor *s, const struct call_row *row)
{
    struct creds to;
    struct change c = begin(s, row, &to);
    const uint32_t real = (uint32_t)supervisor_arg(s, 0),
                   effective = (uint32_t)supervisor_arg(s, 1);

    if (!may_have(&c, real, ID_EFFECTIVE + 1) || !may_have(&c, effective, ID_SAVED + 1))
        return -EPERM;
    if (real != UNCHANGED)
        c.ids[ID_REAL] = real;
    if (effective != UNCHANGED)
        c.ids[ID_EFFECTIVE] = effective;
    if (real != UNCHANGED || (effective != UNCHANGED && effective != c.old[ID_REAL]))
        c.ids[ID_SAVED] = c.ids[ID_EFFECTIVE];
    c.ids[ID_FILES] = c.ids[ID_EFFECTIVE];
    return finish(s, &c, &to);
}

int64_t call_set_res(struct supervisor *s, const struct call_row *row)
{
    struct creds to;
    struct change c = begin(s, row, &to);

    for (unsigned i = 0; i <= ID_SAVED; i++) {
        const uint32_t id = (uint32_t)supervisor_arg(s, i);

        if (!may_have(&c, id, ID_SAVED + 1))
            return -EPERM;
        if (id != UNCHANGED)
            c.ids[i] = id;
    }
    c.ids[ID_FILES] = c.ids[ID_EFFECTIVE];
    return finish(s, &c, &to);
}

/* Says what it was, and nothing else. */
int64_t call_set_fs(struct supervisor *s, const struct call_row *row)
{
    struct creds to;
    struct change c = begin(s, row, &to);
    const uint32_t id = (uint32_t)supervisor_arg(s, 0);

    if (id != UNCHANGED && id != c.old[ID_FILES] && may_have(&c, id, ID_KINDS)) {
        c.ids[ID_FILES] = id;
        (void)creds_change(s, &to);
    }
    return c.old[ID_FILES];
}

int64_t call_set_groups(struct supervisor *s, const struct call_row *row)
{
    struct creds to = *creds_of_caller(s);
    const uint64_t count = supervisor_arg(s, 0);

    (void)row;
    if (!to.effective)
        return -EPERM;
    if (count > GROUPS_MAX)
        return -EINVAL;
    const size_t size = (size_t)count * sizeof(gid_t);
    cleanup_free gid_t *groups = xmalloc(size + 1);
    if (size > 0 && supervisor_read(s, supervisor_arg(s, 1), groups, size) != (int)size)
        return -EFAULT;
    to.groups = groups;
    to.group_count = (size_t)count;
    return creds_change(s, &to);
}

/* ---- capabilities: only whether there are those for users and groups ---- */

int64_t call_keep_caps(struct supervisor *s, const struct call_row *row)
{
    struct creds to = *creds_of_caller(s);

    (void)row;
    to.keep = supervisor_arg(s, 1) == 1;
    (void)creds_change(s, &to);
    return SUPERVISOR_CONTINUE;
}

int64_t call_capset(struct supervisor *s, const struct call_row *row)
{
    const uint32_t wanted = 1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_CHOWN;
    struct __user_cap_data_struct data;
    struct creds to = *creds_of_caller(s);

    (void)row;
    if (supervisor_read(s, supervisor_arg(s, 1), &data, sizeof(data)) != sizeof(data))
        return SUPERVISOR_CONTINUE;
    to.permitted &= (data.permitted & wanted) != 0;
    to.effective = to.permitted && (data.effective & wanted) != 0;
    (void)creds_change(s, &to);
    return SUPERVISOR_CONTINUE;
}

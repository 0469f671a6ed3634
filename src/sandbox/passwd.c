#include "sandbox/passwd.h"

#include <errno.h>

#define ID_MAX 2147483647u

void passwd_user_done(struct passwd_user *u)
{
    free(u->home);
    free(u->groups);
    *u = (struct passwd_user){0};
}

static bool parse_number(struct view v, uint32_t *ret)
{
    uint64_t n;

    if (!view_to_u64(v, &n) || n > ID_MAX)
        return false;
    *ret = (uint32_t)n;
    return true;
}

static bool looks_numeric(struct view v)
{
    return v.size > 0 && strspn(v.at, "+-0123456789") >= v.size;
}

/* The next line of a file without the blanks around it, split at colons into count fields; absent
 * ones are empty. */
static bool next_entry(struct view *text, struct view *fields, size_t count)
{
    struct view line;

    if (!view_cut(text, '\n', &line))
        return false;
    line = view_trim(line);
    for (size_t i = 0; i < count; i++)
        if (!line.at || !view_cut(&line, ':', &fields[i]))
            fields[i] = VIEW("");
    return true;
}

/* name:password:uid:gid:gecos:home:shell; the first that matches. */
static bool find_user(struct view text, struct view want, const uint32_t *number,
                      struct passwd_user *u, struct view *name)
{
    struct view f[7];

    while (next_entry(&text, f, ARRAY_SIZE(f))) {
        uint32_t uid, gid = 0;

        if (f[0].size == 0 || !parse_number(f[2], &uid))
            continue;
        (void)parse_number(f[3], &gid); /* what is none, or not there, is 0 to docker */
        if (number ? uid != *number : !view_eq(f[0], want))
            continue;
        u->uid = uid;
        u->gid = gid;
        *name = f[0];
        if (f[5].size > 0) {
            free(u->home);
            u->home = view_dup(f[5]);
        }
        return true;
    }
    return false;
}

/* name:password:gid:members */
static bool find_group(struct view text, struct view want, const uint32_t *number, uint32_t *ret)
{
    struct view f[4];

    while (next_entry(&text, f, ARRAY_SIZE(f))) {
        uint32_t gid;

        if (f[0].size == 0 || !parse_number(f[2], &gid))
            continue;
        if (number ? gid == *number : view_eq(f[0], want)) {
            *ret = gid;
            return true;
        }
    }
    return false;
}

static bool has_member(struct view members, struct view name)
{
    struct view one;

    while (view_cut(&members, ',', &one))
        if (view_eq(one, name))
            return true;
    return false;
}

static void add_memberships(struct view text, struct view name, struct passwd_user *u)
{
    struct view f[4];

    while (u->group_count + 1 < PASSWD_GROUPS_MAX && next_entry(&text, f, ARRAY_SIZE(f))) {
        uint32_t gid;

        if (parse_number(f[2], &gid) && has_member(f[3], name))
            u->groups[u->group_count++] = gid;
    }
}

/* The user's own group is a supplementary one too, so that no process can drop what it denies. */
static void add_own_group(struct passwd_user *u)
{
    for (size_t i = 0; i < u->group_count; i++)
        if (u->groups[i] == u->gid)
            return;
    memmove(u->groups + 1, u->groups, u->group_count++ * sizeof(*u->groups));
    u->groups[0] = u->gid;
}

static int lookup_group(struct view text, struct view want, uint32_t *ret, struct error *err)
{
    uint32_t number;

    if (parse_number(want, &number)) {
        *ret = number;
        return 0;
    }
    if (looks_numeric(want))
        return error_set(err, -EINVAL, "group '%.*s' is not a number of 0..%u", VIEW_ARG(want),
                         ID_MAX);
    if (find_group(text, want, NULL, ret))
        return 0;
    const int r = error_set(err, -ENOENT, "group '%.*s' is not in the image's /etc/group",
                            (int)MIN(want.size, 80u), want.at);
    return error_hint(err, r, "create it (RUN groupadd ...) or give its number");
}

static int lookup_user(struct view passwd, struct view want, struct passwd_user *u,
                       struct view *name, struct error *err)
{
    uint32_t number = 0;
    const bool numeric = want.size == 0 || parse_number(want, &number);

    if (!numeric && looks_numeric(want))
        return error_set(err, -EINVAL, "user '%.*s' is not a number of 0..%u", VIEW_ARG(want),
                         ID_MAX);
    u->uid = number;
    if (find_user(passwd, want, numeric ? &number : NULL, u, name) || numeric)
        return 0;
    const int r = error_set(err, -ENOENT, "user '%.*s' is not in the image's /etc/passwd",
                            (int)MIN(want.size, 80u), want.at);
    return error_hint(err, r, "create it (RUN useradd ...) or give its number");
}

int passwd_lookup(struct view passwd, struct view group, const char *spec, struct passwd_user *ret,
                  struct error *err)
{
    struct view rest = view_of(spec ? spec : ""), user = VIEW(""), name = {0};
    struct passwd_user u = {.home = xstrdup("/"),
                            .groups = xcalloc(PASSWD_GROUPS_MAX, sizeof(*u.groups))};

    (void)view_cut(&rest, ':', &user);
    int r = lookup_user(passwd, user, &u, &name, err);
    if (r == 0 && rest.at && rest.size > 0)
        r = lookup_group(group, rest, &u.gid, err);
    else if (r == 0 && name.at)
        add_memberships(group, name, &u);
    if (r < 0) {
        passwd_user_done(&u);
        return r;
    }
    add_own_group(&u);
    *ret = u;
    return 0;
}

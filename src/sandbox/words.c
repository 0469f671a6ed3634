/* What people write about a container: hosts, limits. */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/resource.h>

#include "sandbox/internal.h"

/* ---- hosts ---- */

static bool is_address(const char *text)
{
    uint8_t bytes[16];

    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* The first '=' or ':' ends the name: an IPv6 address has more of these. */
int spawn_host_parse(const char *text, char **ret, struct error *err)
{
    const size_t size = strcspn(text, "=:");
    struct view rest = view_of(text + size);

    if (size == 0 || rest.size < 2 || strcspn(text, " \t\r\n#") < strlen(text)) {
        (void)error_set(err, -EINVAL, "--add-host '%.80s' is not NAME:ADDRESS", text);
        return error_hint(err, -EINVAL, "ADDRESS is one of IPv4 or IPv6, or host-gateway");
    }
    rest = view_make(rest.at + 1, rest.size - 1);
    if (view_starts(rest, "[") && view_ends(rest, "]"))
        rest = view_make(rest.at + 1, rest.size - 2);
    cleanup_free char *address = view_dup(rest);
    if (strcmp(address, SPAWN_HOST_GATEWAY) != 0 && !is_address(address))
        return error_set(err, -EINVAL, "--add-host '%.80s': '%.60s' is no IP address", text,
                         address);
    *ret = xasprintf("%s\t%.*s", address, (int)size, text);
    return 0;
}

/* ---- limits ---- */

static const struct {
    const char *name;
    int resource;
} limits[] = {{"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
              {"data", RLIMIT_DATA},         {"fsize", RLIMIT_FSIZE},
              {"locks", RLIMIT_LOCKS},       {"memlock", RLIMIT_MEMLOCK},
              {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
              {"nofile", RLIMIT_NOFILE},     {"nproc", RLIMIT_NPROC},
              {"rss", RLIMIT_RSS},           {"rtprio", RLIMIT_RTPRIO},
              {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
              {"stack", RLIMIT_STACK}};

static bool parse_value(struct view text, uint64_t *ret)
{
    if (view_eq_text(text, "-1") || view_eq_text(text, "unlimited")) {
        *ret = RLIM_INFINITY;
        return true;
    }
    return view_to_u64(text, ret);
}

static int bad_limit(const char *text, struct error *err)
{
    (void)error_set(err, -EINVAL, "--ulimit '%.80s' is not NAME=SOFT[:HARD]", text);
    return error_hint(err, -EINVAL,
                      "NAME is core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, "
                      "nproc, rss, rtprio, rttime, sigpending or stack; -1 is no limit");
}

int spawn_ulimit_parse(const char *text, struct spawn_ulimit *ret, struct error *err)
{
    struct view value = view_of(text), name, soft;

    if (!view_cut(&value, '=', &name) || !value.at)
        return bad_limit(text, err);
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        struct spawn_ulimit u = {.name = limits[i].name, .resource = limits[i].resource};

        if (!view_eq_text(name, u.name))
            continue;
        (void)view_cut(&value, ':', &soft);
        if (!parse_value(soft, &u.soft) || (value.at && !parse_value(value, &u.hard)))
            return bad_limit(text, err);
        if (!value.at)
            u.hard = u.soft;
        if (u.soft > u.hard)
            return error_set(err, -EINVAL, "--ulimit '%.80s': the soft limit is above the hard one",
                             text);
        *ret = u;
        return 0;
    }
    return bad_limit(text, err);
}

/* RLIM_INFINITY is the greatest number, so comparing is enough. */
void spawn_ulimit_raise(const struct strings *texts)
{
    for (size_t i = 0; i < texts->size; i++) {
        struct spawn_ulimit u;
        struct rlimit now;

        if (spawn_ulimit_parse(texts->at[i], &u, NULL) == 0 &&
            getrlimit((__rlimit_resource_t)u.resource, &now) == 0 && u.hard > now.rlim_max) {
            now.rlim_max = u.hard;
            (void)setrlimit((__rlimit_resource_t)u.resource, &now); /* apply says if it cannot be */
        }
    }
}

int spawn_ulimit_apply(const struct strings *texts, const char **ret_failed)
{
    for (size_t i = 0; i < texts->size; i++) {
        struct spawn_ulimit u;

        *ret_failed = texts->at[i];
        if (spawn_ulimit_parse(texts->at[i], &u, NULL) < 0)
            return -EINVAL;
        const struct rlimit wanted = {u.soft, u.hard};
        if (setrlimit((__rlimit_resource_t)u.resource, &wanted) < 0)
            return -errno;
    }
    return 0;
}

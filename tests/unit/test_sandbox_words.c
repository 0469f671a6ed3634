#include <sys/resource.h>

#include "sandbox/spawn.h"
#include "unit.h"

static const struct {
    const char *text, *want; /* NULL: refused */
} hosts[] = {
    {"db:10.0.0.1", "10.0.0.1\tdb"},
    {"db=10.0.0.1", "10.0.0.1\tdb"},
    {"db:::1", "::1\tdb"},
    {"db=fe80::1", "fe80::1\tdb"},
    {"db:[fe80::1]", "fe80::1\tdb"},
    {"a.b-c:host-gateway", "host-gateway\ta.b-c"},
    {"db", NULL},
    {"db:", NULL},
    {":10.0.0.1", NULL},
    {"db:10.0.0", NULL},
    {"db:name", NULL},
    {"d b:10.0.0.1", NULL},
    {"db:10.0.0.1\n10.0.0.2 x", NULL},
    {"", NULL},
};

static void hosts_are_names_and_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        cleanup_free char *line = NULL;
        ERROR_AUTO(err);
        const int r = spawn_host_parse(hosts[i].text, &line, &err);

        print_message("# '%s'\n", hosts[i].text);
        assert_int_equal(r < 0, hosts[i].want == NULL);
        if (r == 0)
            assert_string_equal(line, hosts[i].want);
    }
}

static const struct {
    const char *text;
    int resource; /* -1: refused */
    uint64_t soft, hard;
} limits[] = {
    {"nofile=1024", RLIMIT_NOFILE, 1024, 1024},
    {"nofile=1024:2048", RLIMIT_NOFILE, 1024, 2048},
    {"core=0", RLIMIT_CORE, 0, 0},
    {"core=0:-1", RLIMIT_CORE, 0, RLIM_INFINITY},
    {"stack=unlimited", RLIMIT_STACK, RLIM_INFINITY, RLIM_INFINITY},
    {"nofile=2048:1024", -1, 0, 0},
    {"nofile=-1:1024", -1, 0, 0},
    {"nofile", -1, 0, 0},
    {"nofile=", -1, 0, 0},
    {"nofile=1024:", -1, 0, 0},
    {"nofile=x", -1, 0, 0},
    {"nofile=-2", -1, 0, 0},
    {"nofile=1:2:3", -1, 0, 0},
    {"files=1", -1, 0, 0},
    {"=1", -1, 0, 0},
};

static void limits_are_dockers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        struct spawn_ulimit u;
        ERROR_AUTO(err);
        const int r = spawn_ulimit_parse(limits[i].text, &u, &err);

        print_message("# '%s'\n", limits[i].text);
        assert_int_equal(r < 0, limits[i].resource < 0);
        if (r < 0)
            continue;
        assert_int_equal(u.resource, limits[i].resource);
        assert_true(u.soft == limits[i].soft && u.hard == limits[i].hard);
    }
}

UNIT_MAIN(cmocka_unit_test(hosts_are_names_and_addresses), cmocka_unit_test(limits_are_dockers))

#include "oci/platform.h"
#include "unit.h"

static const struct {
    const char *text, *want; /* NULL: refused */
} cases[] = {
    {"linux/amd64", "linux/amd64"},
    {"linux/x86_64", "linux/amd64"},
    {"Linux/AMD64", "linux/amd64"},
    {"linux/aarch64", "linux/arm64"},
    {"linux/arm64/v8", "linux/arm64"},
    {"linux/arm64/8", "linux/arm64"},
    {"linux/arm", "linux/arm/v7"},
    {"linux/arm/7", "linux/arm/v7"},
    {"linux/arm/v6", "linux/arm/v6"},
    {"linux/armhf", "linux/arm/v7"},
    {"linux/armel", "linux/arm/v6"},
    {"linux/i386", "linux/386"},
    {"linux/amd64/v1", "linux/amd64"},
    {"linux/amd64/v3", "linux/amd64/v3"},
    {"macos/arm64", "darwin/arm64"},
    {"arm64", "linux/arm64"},
    {"", NULL},
    {"linux/", NULL},
    {"/amd64", NULL},
    {"linux/amd64/v1/x", NULL},
    {"linux/am d64", NULL},
    {"nonsense", NULL},
    {"arm/v6", NULL},
    {"arm64/v8", NULL},
    {"linux/0123456789012345678901234567890123456789", NULL},
};

static void text_is_normalised(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct platform p;
        char buf[PLATFORM_TEXT_MAX];
        const int r = platform_parse(cases[i].text, &p, NULL);

        print_message("# '%s'\n", cases[i].text);
        assert_int_equal(r, cases[i].want ? 0 : -EINVAL);
        if (r == 0)
            assert_string_equal(platform_format(&p, buf), cases[i].want);
    }
}

static const struct {
    const char *want, *have;
    int rank;
} ranks[] = {
    {"linux/amd64", "linux/amd64", 0},    {"linux/arm/v7", "linux/arm/v6", 1},
    {"linux/arm/v7", "linux/arm/v5", 2},  {"linux/arm/v6", "linux/arm/v7", -1},
    {"linux/amd64/v3", "linux/amd64", 2}, {"linux/amd64", "linux/amd64/v2", -1},
    {"linux/amd64", "windows/amd64", -1}, {"linux/arm64", "linux/arm/v7", -1},
    {"linux/arm64", "linux/arm64/v8", 0},
};

static void best_platform_wins(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ranks); i++) {
        struct platform want, have;

        assert_int_equal(platform_parse(ranks[i].want, &want, NULL), 0);
        assert_int_equal(platform_parse(ranks[i].have, &have, NULL), 0);
        print_message("# %s for %s\n", ranks[i].have, ranks[i].want);
        assert_int_equal(platform_rank(&want, &have), ranks[i].rank);
    }
}

UNIT_MAIN(cmocka_unit_test(text_is_normalised), cmocka_unit_test(best_platform_wins))

/* apt's settings and sources, and the lock: what parses prints, and parses again to the same. */
#include <assert.h>

#include "distro/apt.h"
#include "distro/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lock(struct view text)
{
    PLAN_AUTO(plan);
    PLAN_AUTO(again);
    STR_AUTO(one);
    STR_AUTO(two);

    if (plan_parse(text, &plan, NULL) < 0)
        return;
    plan_print(&plan, &one);
    assert(plan_parse(str_view(&one), &again, NULL) == 0);
    plan_print(&again, &two);
    assert(strcmp(one.at, two.at) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct view text = view_make(data, size);
    APT_CONF_AUTO(conf);
    APT_SOURCES_AUTO(sources);
    APT_SOURCES_AUTO(wanted);

    if (memmem(data, size, "#include", 8)) /* would read files */
        return 0;
    (void)!apt_conf_parse(&conf, text, "x", NULL);
    (void)apt_conf_proxy(&conf, "https://u@h:1/x");
    (void)!apt_sources_parse_list(&sources, text, "x", "amd64", NULL);
    (void)!apt_sources_parse_deb822(&sources, text, "x", "amd64", NULL);
    apt_sources_for(&sources, "trixie", &wanted);
    lock(text);
    return 0;
}

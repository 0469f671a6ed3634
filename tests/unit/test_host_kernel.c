/* test_host_kernel.c - rules of auditd as the kernel lists them. */
#include <linux/audit.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "audit/host_internal.h"
#include "unit.h"

struct loaded {
    struct audit_rule_data data;
    char texts[64];
};
#define EXIT_RULE .flags = AUDIT_FILTER_EXIT, .action = AUDIT_ALWAYS
#define ALL_CALLS .mask = {[0 ... AUDIT_BITMASK_SIZE - 1] = UINT32_MAX}

static const struct {
    struct loaded rule;
    size_t cut;       /* bytes that are missing at the end */
    const char *want; /* "path tree write execute", "off", or nothing */
} kernel_rules[] = {
    {{{EXIT_RULE, ALL_CALLS, .field_count = 3, .fields = {AUDIT_WATCH, AUDIT_PERM, AUDIT_FILTERKEY},
       .values = {5, AUDIT_PERM_WRITE | AUDIT_PERM_ATTR, 1}},
      "/etc/k"},
     0,
     "/etc/ 010"},
    {{{EXIT_RULE, ALL_CALLS, .field_count = 2, .fields = {AUDIT_DIR, AUDIT_PERM},
       .values = {4, AUDIT_PERM_EXEC}},
      "/usr"},
     0,
     "/usr 101"},
    {{{EXIT_RULE, ALL_CALLS, .field_count = 2, .fields = {AUDIT_FILTERKEY, AUDIT_DIR},
       .values = {3, 4}},
      "key/usr"},
     0,
     "/usr 111"},
    {{{EXIT_RULE, .mask = {[AUDIT_WORD(__NR_execve)] = AUDIT_BIT(__NR_execve)}}, ""}, 0, "/ 101"},
    {{{EXIT_RULE, ALL_CALLS}, ""}, 0, ""},
    {{{.flags = AUDIT_FILTER_TASK, .action = AUDIT_NEVER}, ""}, 0, "off"},
    {{{.flags = AUDIT_FILTER_EXIT,
       .action = AUDIT_NEVER,
       .field_count = 1,
       .fields = {AUDIT_DIR},
       .values = {4}},
      "/usr"},
     0,
     ""},
    {{{EXIT_RULE, ALL_CALLS, .field_count = 1, .fields = {AUDIT_DIR}, .values = {500}}, "/"},
     0,
     ""},
    {{{EXIT_RULE, ALL_CALLS, .field_count = UINT32_MAX, .fields = {AUDIT_DIR}, .values = {4}},
      "/usr"},
     0,
     "/usr 111"},
    {{{EXIT_RULE, ALL_CALLS, .field_count = 1, .fields = {AUDIT_DIR}, .values = {4}}, "/usr"},
     65,
     ""},
};

static void the_kernel_tells_what_is_loaded(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kernel_rules); i++) {
        CLEANUP(arena_freep) struct arena *arena = arena_new();
        struct host_auditing a = {0};
        STR_AUTO(got);

        host_kernel_parse(arena,
                          view_make(&kernel_rules[i].rule,
                                    offsetof(struct loaded, texts) + 64 - kernel_rules[i].cut),
                          &a);
        vec_each (w, &a.watches)
            str_printf(&got, "%s %d%d%d", w->path, w->tree, w->write, w->execute);
        str_add_text(&got, a.off ? "off" : "");
        assert_string_equal(got.size > 0 ? got.at : "", kernel_rules[i].want);
        vec_done(&a.watches);
    }
}

UNIT_MAIN(cmocka_unit_test(the_kernel_tells_what_is_loaded))

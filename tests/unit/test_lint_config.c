/* test_lint_config.c - .hadolint.yaml, variables, pragmas, label types: tables. */
#include <errno.h>

#include "dockerfile/dockerfile.h"
#include "lint/config.h"
#include "lint/exceptions.h"
#include "lint/label.h"
#include "lint/rule.h"
#include "unit.h"

static const struct {
    const char *name, *yaml, *complaint; /* complaint NULL: good */
} yaml_cases[] = {
    {"empty", "", NULL},
    {"a comment", "# nothing\n", NULL},
    {"all keys",
     "failure-threshold: error\nformat: json\nignored: [DL3008, DL3009]\noverride:\n  error: "
     "[DL3007]\n"
     "label-schema: {maintainer: email}\nstrict-labels: yes\ntrustedRegistries: "
     "docker.io\nno-color: true\n"
     "no-fail: off\ndisable-ignore-pragma: false\nunknown: 1\n",
     NULL},
    {"no mapping", "- a\n", "list of key: value"},
    {"no such level", "failure-threshold: loud\n", "'loud' is no level"},
    {"no such label type", "label-schema: {a: colour}\n", "'colour' is no type"},
    {"a bool that is none", "no-fail: perhaps\n", "true or false"},
    {"ignored is a mapping", "ignored: {a: b}\n", "list of texts"},
    {"override is a list", "override: [a]\n", "has the keys"},
    {"an alias", "a: &x [1]\nb: *x\n", "aliases"},
    {"a key twice", "a: 1\na: 2\n", "twice"},
    {"no YAML", "a: [b\n", ""},
    {"too deep",
     "a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
     "too many levels"},
};

static void configurations_are_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(yaml_cases); i++) {
        CLEANUP(lint_config_done) struct lint_config c;
        ERROR_AUTO(err);

        lint_config_init(&c);
        print_message("# %s\n", yaml_cases[i].name);
        const int r = lint_config_yaml(&c, view_of(yaml_cases[i].yaml), ".hadolint.yaml", &err);
        if (r == -ENOTSUP)
            skip();
        assert_int_equal(r < 0, yaml_cases[i].complaint != NULL);
        if (r < 0 && !strstr(err.text, yaml_cases[i].complaint))
            fail_msg("%s", err.text);
    }
}

static void a_configuration_means_what_it_says(void **state)
{
    CLEANUP(lint_config_done) struct lint_config c;

    (void)state;
    lint_config_init(&c);
    if (lint_config_yaml(&c, view_of(yaml_cases[2].yaml), "x", NULL) == -ENOTSUP)
        skip();
    assert_int_equal(c.threshold, LINT_ERROR);
    assert_string_equal(c.formats.at[0], "json");
    assert_string_equal(c.trusted.at[0], "docker.io");
    assert_true(c.strict_labels && c.no_color && !c.no_fail && !c.ignore_pragmas);
    assert_int_equal(c.overrides.size, 3);
    assert_string_equal(c.overrides.at[0].name, "DL3007");
    assert_int_equal(c.overrides.at[0].level, LINT_ERROR);
    assert_int_equal(c.overrides.at[2].level, LINT_IGNORE);
    assert_int_equal((uintptr_t)map_get(&c.labels, VIEW("maintainer")), LABEL_EMAIL);
}

static const char *variables(const char *name)
{
    static const char *const values[][2] = {
        {"HADOLINT_IGNORE", "DL3006, DL3007"},
        {"HADOLINT_OVERRIDE_ERROR", "DL3025"},
        {"HADOLINT_REQUIRE_LABELS", "a:text,b:semver,c:nonsense"},
        {"HADOLINT_FAILURE_THRESHOLD", "style"},
        {"HADOLINT_NOFAIL", "Yes"}};

    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        if (strcmp(values[i][0], name) == 0)
            return values[i][1];
    return NULL;
}

static void variables_come_first(void **state)
{
    CLEANUP(lint_config_done) struct lint_config c;

    (void)state;
    lint_config_init(&c);
    lint_config_environ(&c, variables);
    assert_int_equal(c.overrides.size, 3);
    assert_string_equal(c.overrides.at[2].name, "DL3007");
    assert_int_equal(c.labels.size, 2);
    assert_int_equal(c.threshold, LINT_STYLE);
    assert_true(c.no_fail);
}

static const struct {
    const char *name, *text, *found; /* codes of DL3006, DL3007 and DL4000 that are left */
} pragma_cases[] = {
    {"none", "FROM debian\nMAINTAINER me\n", "DL3006 DL4000 "},
    {"above the instruction", "# hadolint ignore=DL3006\nFROM debian\nMAINTAINER me\n", "DL4000 "},
    {"with a reason", "# hadolint ignore=DL3006 # it is a test\nFROM debian\n", ""},
    {"by our name", "# hadolint ignore=base-no-tag\nFROM debian\n", ""},
    {"blanks", "#hadolint  ignore = DL4000 , DL3006\nFROM debian\n", ""},
    {"next instruction only", "# hadolint ignore=DL4000\nFROM debian\nMAINTAINER me\n",
     "DL3006 DL4000 "},
    {"the stage",
     "# hadolint stage ignore=DL4000\nFROM debian:1.2\nMAINTAINER me\nFROM a:1.2\nMAINTAINER me\n",
     "DL4000 "},
    {"the file", "FROM debian\nMAINTAINER me\n# hadolint global ignore=DL4000,DL3006\n", ""},
    {"checkov's", "#checkov:skip=CKV_DOCKER_6: it is a test\nFROM debian\nMAINTAINER me\n",
     "DL3006 "},
    {"checkov's, several, anywhere",
     "FROM debian\nMAINTAINER me\n  # checkov:skip=CKV_DOCKER_6,CKV_DOCKER_7\n", "DL3006 "},
    {"checkov's of others", "# checkov:skip=CKV_K8S_1:why\nFROM debian\n", "DL3006 "},
    {"a word that is no rule", "# hadolint ignore=crazy,DL3006\nFROM debian\n", "DL3006 "},
    {"a rule of another version", "# hadolint ignore=DL9999,DL3006\nFROM debian\n", ""},
    {"BuildKit's, of the file",
     "# check=skip=MaintainerDeprecated\nFROM debian:1.2\nMAINTAINER me\n", ""},
    {"BuildKit's, all", "# check=skip=all\nFROM debian\nMAINTAINER me\n", ""},
    {"BuildKit's, of one", "FROM debian\n# check=skip=MaintainerDeprecated // why\nMAINTAINER me\n",
     "DL3006 "},
};

static void pragmas_silence_what_they_name(void **state)
{
    const struct lint_options options = {0};
    CLEANUP(linter_freep) struct linter *l = linter_new(&options);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pragma_cases); i++) {
        CLEANUP(lint_report_done) struct lint_report report = {0};
        STR_AUTO(found);

        print_message("# %s\n", pragma_cases[i].name);
        lint_text(l, view_of(pragma_cases[i].text), "Dockerfile", &report);
        vec_each (f, &report)
            if (strcmp(f->code, "DL3006") == 0 || strcmp(f->code, "DL4000") == 0)
                str_printf(&found, "%s ", f->code);
        assert_string_equal(found.at, pragma_cases[i].found);
    }
}

static void pragmas_may_be_forbidden(void **state)
{
    const struct lint_options options = {.ignore_pragmas = true};
    CLEANUP(linter_freep) struct linter *l = linter_new(&options);
    CLEANUP(lint_report_done) struct lint_report report = {0};
    bool found = false;

    (void)state;
    lint_text(l, VIEW("# hadolint ignore=DL3006\nFROM debian\n"), "Dockerfile", &report);
    vec_each (f, &report)
        found |= strcmp(f->code, "DL3006") == 0;
    assert_true(found);
}

/* Findings point at the word, behind continuation lines too. */
static void places_are_exact(void **state)
{
    const struct lint_options options = {0};
    CLEANUP(linter_freep) struct linter *l = linter_new(&options);
    CLEANUP(lint_report_done) struct lint_report report = {0};

    (void)state;
    lint_text(l,
              VIEW("FROM debian:12.5\n# x\nADD --chown=1 \\\n  # y\n  a.conf \\\n  /etc/\nEXPOSE "
                   "80 \\\n  70000\n"),
              "Dockerfile", &report);
    vec_each (f, &report) {
        if (strcmp(f->code, "DL3011") != 0)
            continue;
        assert_int_equal(f->span.line, 8);
        assert_int_equal(f->span.column, 3);
        assert_int_equal(f->span.end_column, 8);
        return;
    }
    fail();
}

static const struct {
    enum lint_label type;
    const char *value;
    bool good;
} label_cases[] = {
    {LABEL_SEMVER, "1.2.3", true},
    {LABEL_SEMVER, "1.2.3-rc.1+b.5", true},
    {LABEL_SEMVER, "1.2", false},
    {LABEL_SEMVER, "01.2.3", false},
    {LABEL_SEMVER, "1.2.3-", false},
    {LABEL_SEMVER, "1.2.3-01", false},
    {LABEL_SEMVER, "1.2.3+", false},
    {LABEL_SEMVER, "v1.2.3", false},
    {LABEL_SEMVER, "1.2.3.4", false},
    {LABEL_HASH, "2dbfae9", true},
    {LABEL_HASH, "2dbfae", false},
    {LABEL_HASH, "2dbfaeg", false},
    {LABEL_URL, "https://h.example/x", true},
    {LABEL_URL, "h.example/x", false},
    {LABEL_URL, "https:", false},
    {LABEL_EMAIL, "a@h.example", true},
    {LABEL_EMAIL, "a", false},
    {LABEL_EMAIL, "@h", false},
    {LABEL_EMAIL, "a@h..x", false},
    {LABEL_SPDX, "MIT", true},
    {LABEL_SPDX, "GPL-2.0+", true},
    {LABEL_SPDX, "(MIT OR Apache-2.0) AND BSD-3-Clause", true},
    {LABEL_SPDX, "MIT AND", false},
    {LABEL_SPDX, "Apache-2.0 WITH LLVM-exception", true},
    {LABEL_SPDX, "Apache-2.0 WITH luck", false},
    {LABEL_SPDX, "(MIT", false},
    {LABEL_SPDX, "", false},
    {LABEL_RFC3339, "2024-02-29T23:59:60Z", true},
    {LABEL_RFC3339, "2024-02-30T23:59:00Z", false},
    {LABEL_RFC3339, "2024-02-29", false},
    {LABEL_RFC3339, "2021-03-10T10:26:33.564595127+01:00", true},
    {LABEL_RFC3339, "2021-03-10T10:26:33", false},
    {LABEL_TEXT, "", true},
};

static void labels_have_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(label_cases); i++) {
        print_message("# %d '%s'\n", label_cases[i].type, label_cases[i].value);
        assert_int_equal(label_is(label_cases[i].type, view_of(label_cases[i].value)),
                         label_cases[i].good);
    }
}

/* The linter finds DL3006 and CP204 at a/Dockerfile; now is 2023-11-14. */
static const struct {
    const char *name, *text, *complaint;
    bool tag, digest; /* left */
} exceptions[] = {
    {"none", "# nothing\n\n", NULL, true, true},
    {"a byte order mark, CRLF",
     "\xef\xbb\xbf"
     "DL3006\r\n",
     NULL, false, true},
    {"case, name, id", "dl3006\nBase-No-Digest", NULL, false, false},
    {"the path", "DL3006 a # why\nCP204 ./a/Docker*\n", NULL, false, false},
    {"another path", "DL3006 b\nCP204 *.dockerfile\n", NULL, true, true},
    {"a day to come", "DL3006 exp:2023-11-15", NULL, false, true},
    {"the day", "DL3006 exp:2023-11-14", NULL, true, true},
    {"day and path", "DL3006 exp:2030-01-01 a/**\nCP204 a exp:2030-01-01", NULL, false, false},
    {"two lines", "DL3006 b\nDL3006 a\nDL3006 exp:2001-01-01", NULL, false, true},
    {"nobody's rule", "CVE-2024-1 exp:2030-01-01\n", NULL, true, true},
    {"no such day", "DL3006\nDL3006 exp:2023-02-29", "exp:YYYY-MM-DD", true, true},
    {"no day", "DL3006 exp:soon", "exp:YYYY-MM-DD", true, true},
    {"too much", "DL3006 a b", "too much", true, true},
    {"a pattern that is none", "DL3006 [", "", true, true},
};

static void exceptions_take_what_they_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(exceptions); i++) {
        CLEANUP(lint_exceptions_freep) struct lint_exceptions *e = NULL;
        CLEANUP(linter_freep) struct linter *l = NULL;
        CLEANUP(lint_report_done) struct lint_report report = {0};
        bool tag = false, digest = false;
        ERROR_AUTO(err);

        print_message("# %s\n", exceptions[i].name);
        const int r = lint_exceptions_parse(view_of(exceptions[i].text), ".cooperignore",
                                            1699920000, &e, &err);
        assert_int_equal(r < 0, exceptions[i].complaint != NULL);
        if (r < 0) {
            assert_non_null(strstr(err.text, exceptions[i].complaint));
            assert_non_null(err.where);
            continue;
        }
        const struct lint_options o = {.exceptions = e, .path = "./a/Dockerfile"};
        l = linter_new(&o);
        lint_text(l, VIEW("FROM debian\nUSER 1001\n"), "Dockerfile", &report);
        vec_each (f, &report) {
            tag |= strcmp(f->code, "DL3006") == 0;
            digest |= strcmp(f->code, "CP204") == 0;
        }
        assert_int_equal(tag, exceptions[i].tag);
        assert_int_equal(digest, exceptions[i].digest);
    }
}

UNIT_MAIN(cmocka_unit_test(exceptions_take_what_they_name),
          cmocka_unit_test(configurations_are_read_or_refused),
          cmocka_unit_test(a_configuration_means_what_it_says),
          cmocka_unit_test(variables_come_first), cmocka_unit_test(pragmas_silence_what_they_name),
          cmocka_unit_test(pragmas_may_be_forbidden), cmocka_unit_test(places_are_exact),
          cmocka_unit_test(labels_have_types))

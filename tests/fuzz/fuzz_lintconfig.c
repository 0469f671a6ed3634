/* .hadolint.yaml: what is taken makes a linter, whatever it says, and every format prints what that finds. The same bytes as
 * .cooperignore, and as each file of requirements. */
#include <assert.h>

#include "base/doc.h"
#include "lint/config.h"
#include "lint/exceptions.h"
#include "lint/format.h"
#include "lint/requirements.h"
#include "lint/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char dockerfile[] =
    "# hadolint ignore=DL3007\nFROM debian:latest AS B\nLABEL a=b maintainer=me v=1\nADD x /\n"
    "FROM bad.example/x\nCOPY --from=B / /\nUSER root\nCMD a\n";

/* What is JSON can be read as such. */
static void print_all(const struct lint_report *r, const char *name, bool json)
{
    const struct lint_format *f = lint_format_find(name);
    struct lint_output o = {0};
    cleanup_doc json_t *doc = NULL;

    lint_output_begin(&o, f);
    lint_output_file(&o, f, &(struct lint_subject){"Dockerfile", VIEW(dockerfile), r});
    lint_output_end(&o, f);
    assert(!json || doc_parse(str_view(&o.text), SIZE_MAX, name, &doc, NULL) == 0);
    lint_output_done(&o);
}

static void read_exceptions(struct view text)
{
    CLEANUP(lint_exceptions_freep) struct lint_exceptions *e = NULL;
    CLEANUP(linter_freep) struct linter *l = NULL;
    CLEANUP(lint_report_done) struct lint_report report = {0};
    struct lint_exception line;

    if (lint_exceptions_parse(text, "fuzz", 1700000000, &e, NULL) < 0)
        return;
    const struct lint_options o = {.exceptions = e, .path = "a/Dockerfile", .no_shellcheck = true};
    l = linter_new(&o);
    lint_text(l, VIEW(dockerfile), "Dockerfile", &report);
    for (size_t i = 0; lint_exceptions_at(e, i, &line); i++)
        assert(line.line > 0 && line.rule[0] && !(line.expired && line.used));
}

static void read_requirements(struct view text)
{
    static const char *const names[] = {"requirements.txt", "a/package.json", "a/Gemfile",
                                        "go.mod"};
    CLEANUP(map_done) struct map none = {0};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        STR_AUTO(first);
        const size_t open = requirements_open(view_of(names[i]), text, &none, &first);
        assert(open > 0 || first.size == 0 || i == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(lint_config_done) struct lint_config c;
    CLEANUP(lint_report_done) struct lint_report report = {0};

    read_exceptions(view_make(data, size));
    read_requirements(view_make(data, size));
    lint_config_init(&c);
    if (lint_config_yaml(&c, view_make(data, size), "fuzz", NULL) < 0)
        return 0;
    struct lint_options o = lint_config_options(&c);
    o.no_shellcheck = true;
    CLEANUP(linter_freep) struct linter *l = linter_new(&o);
    lint_text(l, VIEW(dockerfile), "Dockerfile", &report);
    vec_each (f, &report)
        assert(f->level != LINT_IGNORE && f->span.line > 0);
    print_all(&report, "json", true);
    print_all(&report, "sarif", true);
    print_all(&report, "tty", false);
    print_all(&report, "junit", false);
    return 0;
}

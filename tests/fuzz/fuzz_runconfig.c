/* Run configurations of every kind: what is taken is judged by all rules, and every place stands in the text. */
#include <assert.h>

#include "audit/runconfig.h"
#include "base/doc.h"
#include "lint/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(const struct lint_report *r, struct view text, const char *name, bool json)
{
    const struct lint_format *f = lint_format_find(name);
    struct lint_output o = {0};
    cleanup_doc json_t *doc = NULL;

    lint_output_begin(&o, f);
    lint_output_file(&o, f, &(struct lint_subject){"file", text, r});
    lint_output_end(&o, f);
    assert(!json || doc_parse(str_view(&o.text), SIZE_MAX, name, &doc, NULL) == 0);
    lint_output_done(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(lint_report_done) struct lint_report report = {0};
    const struct view text = view_make(data, size);
    const struct lint_options options = {.audit = true};
    RUN_LIST_AUTO(list);
    ERROR_AUTO(e);
    size_t lines = 1;

    if (runconfig_parse(text, "file", &list, &e) < 0) {
        assert(e.text);
        return 0;
    }
    cleanup_free struct lint_facts *facts = xcalloc(list.runs.size + 1, sizeof(*facts));
    for (size_t i = 0; i < list.runs.size; i++)
        facts[i].run = list.runs.at[i];
    CLEANUP(linter_freep) struct linter *l = linter_new(&options);
    lint_audit(l, facts, list.runs.size, &report);
    for (size_t i = 0; i < size; i++) /* YAML knows more ends of lines than this */
        lines += data[i] == '\n' || data[i] == '\r' || data[i] >= 0x80;
    vec_each (f, &report)
        assert(f->place && f->level != LINT_IGNORE && f->span.line <= lines);
    print(&report, text, "json", true);
    print(&report, text, "sarif", true);
    print(&report, text, "tty", false);
    return 0;
}

/* Run configurations of every kind: what is taken is judged by all rules, and every place stands in the text. */
#include <assert.h>
#include <errno.h>

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

/* Behind "\n%% NAME\n" another file begins. */
static bool cut_file(struct view *rest, struct view *ret)
{
    static const char mark[] = "\n%% ";

    if (!rest->at)
        return false;
    const char *end = rest->size ? memmem(rest->at, rest->size, mark, sizeof(mark) - 1) : NULL;
    *ret = end ? view_make(rest->at, (size_t)(end - rest->at)) : *rest;
    *rest = end ? view_make(end + sizeof(mark) - 1, rest->size - ret->size - sizeof(mark) + 1)
                : (struct view){0};
    return true;
}

static int read_file(void *ctx, const char *path, size_t limit, struct str *ret, struct error *err)
{
    struct view rest = *(const struct view *)ctx, text, name;

    /* "a../b" is a name */
    assert(*path != '/' && strncmp(path, "../", 3) != 0 && !strstr(path, "/../"));
    (void)cut_file(&rest, &text);
    while (cut_file(&rest, &text)) {
        (void)view_cut(&text, '\n', &name);
        if (!view_eq_text(name, path) || !text.at || text.size > limit)
            continue;
        str_add(ret, text);
        return 0;
    }
    return error_set(err, -ENOENT, "there is none");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(lint_report_done) struct lint_report report = {0};
    struct view whole = view_make(data, size), rest = whole, text = {0};
    const struct run_opener opener = {read_file, &whole};
    const struct lint_options options = {.audit = true};
    RUN_LIST_AUTO(list);
    ERROR_AUTO(e);

    list.opener = &opener;
    if (!cut_file(&rest, &text))
        return 0;
    if (runconfig_parse(text, "file", &list, &e) < 0) {
        assert(e.text);
        return 0;
    }
    cleanup_free struct lint_facts *facts = xcalloc(list.runs.size + 1, sizeof(*facts));
    for (size_t i = 0; i < list.runs.size; i++)
        facts[i].run = list.runs.at[i];
    CLEANUP(linter_freep) struct linter *l = linter_new(&options);
    lint_audit(l, facts, list.runs.size, &report);
    vec_each (f, &report)
        assert((f->place || strcmp(f->code, "CP100") == 0) && f->level != LINT_IGNORE &&
               f->span.line <= list.lines &&
               run_list_file(&list, f->span.line)->lines_before <= f->span.line);
    print(&report, text, "json", true);
    print(&report, text, "sarif", true);
    print(&report, text, "tty", false);
    return 0;
}

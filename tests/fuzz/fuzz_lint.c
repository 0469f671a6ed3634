/* fuzz_lint.c - any bytes as a Dockerfile under every rule, those that are off by default, and of the context, too: each finding has its
 * text, and a place in the file. */
#include <assert.h>

#include "lint/context.h"
#include "lint/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct linter *new_linter(void)
{
    static struct lint_override on[400];
    struct lint_options o = {.overrides = on, .no_shellcheck = true};
    const struct lint_row *row;

    struct lint_context *sent = lint_context_new("/", NULL, NULL, 0);
    static const char *const names[] = {".env", "a/.git", "a/b.key", "node_modules", "Dockerfile"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        (void)lint_context_add(sent, view_of(names[i]), i % 2, 0);
    o.sent = sent;
    o.bases = lint_bases_new();
    for (size_t i = 0; (row = lint_row_at(i)) && i < ARRAY_SIZE(on); i++)
        on[o.override_count++] = (struct lint_override){.name = row->id, .on = true};
    return linter_new(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct linter *linter;
    CLEANUP(lint_report_done) struct lint_report report = {0};

    if (!linter)
        linter = new_linter();
    lint_text(linter, view_make(data, size), "Dockerfile", &report);
    vec_each (f, &report) {
        assert(f->text && f->text[0] && f->code && f->row);
        if (!report.dockerfile)
            continue;
        assert(f->span.line <= report.dockerfile->line_count + 1);
        assert(f->span.end_line == 0 || f->span.end_line >= f->span.line);
    }
    return 0;
}

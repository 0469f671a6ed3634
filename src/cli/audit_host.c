/* audit_host.c - `cooper audit --host`: this machine, or one whose root directory is at hand; and the list of all its checks. */
#include <errno.h>
#include <unistd.h>

#include "audit/host.h"
#include "base/doc.h"
#include "cli/audit.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "lint/rule.h"

#define TEXT_MAX 120 /* of a cell */

static const char *const words[] = {"ignored", "passed", "failed", "not applicable", "unknown"};
static const char *const keys[] = {"ignored", "passed", "failed", "not_applicable", "unknown"};

struct check {
    const struct lint_row *row;
    enum host_verdict verdict;
    const char *why; /* of not applicable and unknown */
};

struct checks {
    struct check *at;
    size_t size, cap;
    size_t counts[ARRAY_SIZE(words)];
};

static const struct lint_finding *first_of(const struct lint_report *r, const struct lint_row *row)
{
    vec_each (f, r)
        if (f->row == row)
            return f;
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct check *)a)->row->id, ((const struct check *)b)->row->id);
}

/* In the order of ids, which is the benchmark's. */
static void collect(const struct host_facts *f, const struct lint_report *r, struct checks *ret)
{
    const struct lint_row *row;

    for (size_t i = 0; (row = lint_row_at(i)); i++) {
        if (!row->host)
            continue;
        struct check c = {row, f->answers[i].verdict, f->answers[i].why};
        if (c.verdict == HOST_FAILED && !first_of(r, row))
            c.verdict = HOST_IGNORED; /* .cooperignore knows of it */
        ret->counts[c.verdict]++;
        vec_push(ret, c);
    }
    if (ret->size > 1)
        qsort(ret->at, ret->size, sizeof(*ret->at), compare);
}

/* "DB-2.2": what people look for. */
static const char *number_of(const struct lint_row *row)
{
    return row->aliases[0] ? row->aliases[0] : row->aliases[1];
}

/* ---- a table ---- */

static void print_table(const struct env *env, const struct checks *checks,
                        const struct lint_report *r)
{
    CLEANUP(table_done) struct table table = {0};

    table_row(&table, (const char *const[]){"STATUS", "CHECK", "RULE", "NAME", "WHY"}, 5);
    vec_each (c, checks) {
        const struct lint_finding *f = c->verdict == HOST_FAILED ? first_of(r, c->row) : NULL;
        STR_AUTO(text);
        STR_AUTO(cell);

        if (f)
            str_printf(&text, "%s: %s", f->place, f->text);
        else if (c->why)
            str_add_text(&text, c->why);
        if (text.size > TEXT_MAX) {
            str_truncate(&text, TEXT_MAX - 3);
            str_add_text(&text, "...");
        }
        format_add_clean(&cell, text.at);
        table_row(&table,
                  (const char *const[]){words[c->verdict], number_of(c->row), c->row->id,
                                        c->row->name, cell.at},
                  5);
    }
    table_print(&table, env->out);
}

/* ---- a document ---- */

static json_t *document_of_check(const struct check *c, const struct lint_report *r)
{
    json_t *doc = json_object(), *findings = json_array();

    doc_set_text(doc, "check", number_of(c->row));
    doc_set_text(doc, "rule", c->row->id);
    doc_set_text(doc, "name", c->row->name);
    doc_set_text(doc, "title", c->row->title);
    doc_set_text(doc, "status", keys[c->verdict]);
    doc_set_text(doc, "why", c->why);
    vec_each (f, r) {
        if (f->row != c->row)
            continue;
        json_t *finding = json_object();
        doc_set_text(finding, "level", lint_level_name(f->level));
        doc_set_text(finding, "place", f->place);
        doc_set_text(finding, "text", f->text);
        doc_push(findings, finding);
    }
    doc_set(doc, "findings", findings);
    return doc;
}

static void print_document(const struct env *env, const char *name, const struct checks *checks,
                           const struct lint_report *r)
{
    cleanup_doc json_t *doc = json_object();
    json_t *list = json_array(), *summary = json_object();
    STR_AUTO(text);

    vec_each (c, checks)
        doc_push(list, document_of_check(c, r));
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        doc_set_int(summary, keys[i], (int64_t)checks->counts[i]);
    doc_set_text(doc, "host", name);
    doc_set(doc, "checks", list);
    doc_set(doc, "summary", summary);
    doc_print(doc, false, &text);
    (void)fprintf(env->out, "%s\n", text.at);
}

/* ---- together ---- */

static void summarize(const struct env *env, const struct checks *checks, bool all)
{
    const size_t *n = checks->counts;

    env_note(env, "%zu checks: %zu failed, %zu passed, %zu not applicable, %zu unknown%s%s",
             checks->size - n[HOST_IGNORED], n[HOST_FAILED], n[HOST_PASSED], n[HOST_NOT_APPLICABLE],
             n[HOST_UNDECIDED],
             n[HOST_UNDECIDED] > 0 && geteuid() != 0 ? " (root can decide more)" : "",
             all ? "" : "; --all lists them");
}

/* Of --all: -EINVAL for formats of findings. */
static int list_format(const struct audit_options *o, bool *ret_json, struct error *err)
{
    const char *format = o->formats.size > 0 ? *vec_last(&o->formats) : "table";

    *ret_json = strcmp(format, "json") == 0;
    if (o->outputs.size > 0)
        return error_set(err, -EINVAL, "--all is written to standard output, not to a file");
    if (!*ret_json && strcmp(format, "table") != 0 && strcmp(format, "tty") != 0)
        return error_set(err, -EINVAL, "--format is table or json with --all, not '%.40s'", format);
    return 0;
}

int audit_host(struct audit_work *w, struct error *err)
{
    CLEANUP(lint_report_done) struct lint_report report = {0};
    CLEANUP(host_facts_freep) struct host_facts *f = NULL;
    const char *root = *w->o->host ? w->o->host : "/", *name = *w->o->host ? root : "host";
    struct checks checks = {0};
    bool json = false;

    if (w->o->all && list_format(w->o, &json, err) < 0)
        return EXIT_USAGE;
    const int r = host_gather(w->env, &(struct host_options){root, &w->o->trusted}, &f, err);
    if (r < 0)
        return r;
    f->answers = xcalloc(lint_row_count(), sizeof(*f->answers));
    const struct lint_facts facts = {.host = f};
    linter_next(w->linters[0], NULL, NULL, name);
    lint_audit(w->linters[0], &facts, 1, &report);
    collect(f, &report, &checks);
    vec_each (x, &report)
        w->failed |= x->level >= MAX(w->config.threshold, LINT_STYLE);
    if (!w->o->all)
        audit_judge(w, name, VIEW(""), &facts, 1);
    else if (json)
        print_document(w->env, name, &checks, &report);
    else
        print_table(w->env, &checks, &report);
    (void)fflush(w->env->out);
    summarize(w->env, &checks, w->o->all);
    vec_done(&checks);
    return 0;
}

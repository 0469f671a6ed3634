/* test_lint_conformance.c - the verdicts of hadolint and BuildKit, and our own cases, out of $CONFORMANCE/lint.
 */
#include "base/proc.h"
#include "conformance.h"
#include "lint_fixture.h"

struct tally {
    unsigned good, bad, unknown;
};

static const struct lint_row *row_by_code(const char *code)
{
    const struct lint_row *row;

    for (size_t i = 0; (row = lint_row_at(i)); i++)
        if (lint_row_named(row, view_of(code)))
            return row;
    return NULL;
}

/* Every RUN as ONBUILD RUN. */
static void onbuild(struct view text, struct str *ret)
{
    struct view line;

    while (text.at && view_cut(&text, '\n', &line)) {
        if (view_starts(line, "RUN "))
            str_add_text(ret, "ONBUILD ");
        str_add(ret, line);
        if (text.at)
            str_add_char(ret, '\n');
    }
}

/* The line of the instruction that it belongs to: what hadolint calls its line. */
static uint32_t first_line(const struct lint_report *r, const struct lint_finding *f)
{
    for (size_t i = 0; r->dockerfile && i < r->dockerfile->instruction_count; i++) {
        const struct span s = r->dockerfile->instructions[i].span;
        if (f->span.line >= s.line && f->span.line <= s.end_line)
            return s.line;
    }
    return f->span.line;
}

static bool is_code(const struct lint_finding *f, const char *rule)
{
    if (strcmp(rule, "SC*") == 0)
        return strncmp(f->code, "SC", 2) == 0;
    return strncmp(rule, "SC", 2) == 0 ? strcmp(f->code, rule) == 0
                                       : lint_row_named(f->row, view_of(rule));
}

static bool lines_match(const struct lint_report *r, const char *rule, json_t *lines)
{
    size_t at = 0;

    if (!lines)
        return true;
    vec_each (x, r) {
        if (!is_code(x, rule))
            continue;
        if (first_line(r, x) != json_integer_value(json_array_get(lines, at++)))
            return false;
    }
    return at == json_array_size(lines);
}

/* "all" of our own cases is the whole output of hadolint: of the rules that are here, nothing else. */
static bool is_in_all(json_t *all, const struct lint_report *r, const struct lint_finding *f)
{
    cleanup_free char *want = xasprintf("%s:%u", f->code, first_line(r, f));
    json_t *item;
    size_t i;

    json_array_foreach(all, i, item)
    {
        if (strcmp(json_string_value(item), want) == 0)
            return true;
    }
    return !all || strncmp(f->code, "DL", 2) != 0;
}

static bool verdict(json_t *doc, const char *rule, const struct lint_report *r)
{
    unsigned count = 0;
    json_t *want = json_object_get(doc, "count");

    vec_each (x, r)
        count += is_code(x, rule);
    vec_each (x, r)
        if (!is_in_all(json_object_get(doc, "all"), r, x))
            return false;
    if ((count > 0) != json_is_true(json_object_get(doc, "expect")))
        return false;
    return (!want || count == json_integer_value(want)) &&
           lines_match(r, rule, json_object_get(doc, "lines"));
}

static void judge(json_t *doc, const char *rule, struct tally *t)
{
    const char *mode = json_string_value(json_object_get(doc, "mode"));
    const struct lint_override on[] = {
        {.name = "DL1001", .on = true}, {.name = "DL3057", .on = true}, {.name = rule, .on = true}};
    CLEANUP(fixture_done) struct lint_fixture f = {0};
    CLEANUP(lint_report_done) struct lint_report report = {0};
    const struct view text = view_of(json_string_value(json_object_get(doc, "dockerfile")));
    STR_AUTO(snippet);

    const bool shellcheck = strncmp(rule, "SC", 2) == 0;
    if (shellcheck ? !row_by_code("shellcheck") || !proc_have("shellcheck") : !row_by_code(rule)) {
        t->unknown++;
        return;
    }
    fixture_config(&f, json_object_get(doc, "config"));
    f.options.overrides = on;
    f.options.override_count = ARRAY_SIZE(on);
    f.options.raw = true;
    f.options.no_shellcheck = !shellcheck;
    f.linter = linter_new(&f.options);
    if (mode && strcmp(mode, "onbuild") == 0)
        onbuild(text, &snippet);
    else
        str_add(&snippet, text);
    lint_text(f.linter, str_view(&snippet), "Dockerfile", &report);
    if (verdict(doc, rule, &report)) {
        t->good++;
        return;
    }
    t->bad++;
    print_message("# %s %s: %s", json_string_value(json_object_get(doc, "id")),
                  json_is_true(json_object_get(doc, "expect")) ? "ought to fire" : "ought not",
                  snippet.at);
    vec_each (x, &report)
        print_message("#   %u:%u %s %s\n", x->span.line, x->span.column, x->code, x->text);
}

static void run_cases(const char *file, const char *field)
{
    STR_AUTO(text);
    struct tally t = {0};
    struct view line;

    conformance_read(file, &text);
    struct view rest = str_view(&text);
    while (rest.at && view_cut(&rest, '\n', &line)) {
        json_t *doc = line.size ? json_loadb(line.at, line.size, 0, NULL) : NULL;
        if (doc)
            judge(doc, json_string_value(json_object_get(doc, field)), &t);
        json_decref(doc);
    }
    print_message("# %s: %u as expected, %u not, %u of rules that are not there\n", file, t.good,
                  t.bad, t.unknown);
    assert_int_equal(t.bad, 0);
}

/* ---- BuildKit ---- */

static const char *buildkit_name(const struct lint_row *row)
{
    for (size_t i = 0; i < ARRAY_SIZE(row->aliases) && row->aliases[i]; i++)
        if (lint_is_buildkit(row->aliases[i]))
            return row->aliases[i];
    return NULL;
}

static void add_sorted(struct strings *list, char *take_text)
{
    size_t at = list->size;

    strings_take(list, take_text);
    for (; at > 0 && strcmp(list->at[at - 1], take_text) > 0; at--)
        list->at[at] = list->at[at - 1];
    list->at[at] = take_text;
}

static void judge_buildkit(json_t *doc, struct tally *t)
{
    CLEANUP(fixture_done) struct lint_fixture f = {0};
    CLEANUP(lint_report_done) struct lint_report report = {0};
    CLEANUP(strings_done) struct strings want = {0}, got = {0};
    json_t *all = json_object_get(doc, "warnings_all_targets"), *item;
    const char *text = json_string_value(json_object_get(doc, "dockerfile"));
    size_t i;

    fixture_ignore(&f, json_string_value(json_object_get(doc, "dockerignore")));
    f.options.raw = true;
    f.linter = linter_new(&f.options);
    lint_text(f.linter, view_of(text), "Dockerfile", &report);
    json_array_foreach(all ? all : json_object_get(doc, "warnings"), i, item)
    {
        add_sorted(&want, xasprintf("%s:%d", json_string_value(json_array_get(item, 0)),
                                    (int)json_integer_value(json_array_get(item, 1))));
    }
    vec_each (x, &report)
        if (buildkit_name(x->row))
            add_sorted(&got, xasprintf("%s:%u", buildkit_name(x->row), x->span.line));
    bool same = want.size == got.size;
    for (i = 0; same && i < want.size; i++)
        same = strcmp(want.at[i], got.at[i]) == 0;
    t->good += same;
    t->bad += !same;
    if (same)
        return;
    print_message("# %s:\n%s\n", json_string_value(json_object_get(doc, "id")), text);
    for (i = 0; i < want.size; i++)
        print_message("#   wanted %s\n", want.at[i]);
    for (i = 0; i < got.size; i++)
        print_message("#   got %s\n", got.at[i]);
}

static void warnings_are_buildkits(void **state)
{
    STR_AUTO(text);
    struct tally t = {0};
    struct view line;

    (void)state;
    conformance_read("lint/buildkit-cases.jsonl", &text);
    struct view rest = str_view(&text);
    while (rest.at && view_cut(&rest, '\n', &line)) {
        json_t *doc = line.size ? json_loadb(line.at, line.size, 0, NULL) : NULL;
        if (doc)
            judge_buildkit(doc, &t);
        json_decref(doc);
    }
    print_message("# BuildKit: %u as expected, %u not\n", t.good, t.bad);
    assert_int_equal(t.bad, 0);
}

static void verdicts_are_hadolints(void **state)
{
    (void)state;
    run_cases("lint/hadolint-cases.jsonl", "rule");
}

static void own_cases_hold(void **state)
{
    (void)state;
    run_cases("lint/own-cases.jsonl", "rule");
}

static void proposed_cases_hold(void **state)
{
    (void)state;
    run_cases("lint/proposed-cases.jsonl", "key");
}

UNIT_MAIN(cmocka_unit_test(warnings_are_buildkits), cmocka_unit_test(verdicts_are_hadolints),
          cmocka_unit_test(own_cases_hold), cmocka_unit_test(proposed_cases_hold))

/* test_lint_rules.c - the examples of every row: bad fires, good is clean of all warnings of all rules. */
#include "base/proc.h"
#include "lint/fix.h"
#include "lint_fixture.h"

static void fixture_of_row(struct lint_fixture *f, const struct lint_row *row,
                           struct lint_override *on)
{
    json_t *config = row->config ? json_loads(row->config, 0, NULL) : NULL;

    assert_true(!row->config || config);
    fixture_config(f, config);
    json_decref(config);
    fixture_ignore(f, row->ignore);
    fixture_sent(f, row->sent);
    fixture_beside(f, row->beside);
    *on = (struct lint_override){.name = row->id, .on = true};
    f->options.overrides = on;
    f->options.override_count = 1;
    f->options.raw = true;
    f->options.stored = fixture_stored;
    f->options.fetched = fixture_fetched;
    f->options.no_shellcheck = strcmp(row->name, "shellcheck") != 0; /* a process each */
    f->linter = linter_new(&f->options);
}

/* Every row there is, those that are off by default, too. */
static void switch_all_on(struct lint_fixture *f, struct lint_override *on)
{
    const struct lint_row *row;

    linter_free(f->linter);
    for (size_t i = 0; (row = lint_row_at(i)); i++)
        on[i] = (struct lint_override){.name = row->id, .on = true};
    f->options.overrides = on;
    f->options.override_count = lint_row_count();
    f->linter = linter_new(&f->options);
}

static bool fires(const struct lint_report *r, const struct lint_row *row)
{
    vec_each (x, r)
        if (x->row == row)
            return true;
    return false;
}

static void every_bad_example_fires(void **state)
{
    const struct lint_row *row;

    (void)state;
    for (size_t i = 0; (row = lint_row_at(i)); i++) {
        CLEANUP(fixture_done) struct lint_fixture f = {0};
        CLEANUP(lint_report_done) struct lint_report report = {0};
        struct lint_override on;

        if (!lint_row_is_dockerfile(row) ||
            (strcmp(row->name, "shellcheck") == 0 && !proc_have("shellcheck")))
            continue;
        fixture_of_row(&f, row, &on);
        lint_text(f.linter, view_of(row->bad), "Dockerfile", &report);
        if (!fires(&report, row))
            fail_msg("%s (%s) does not fire on its example:\n%s", row->id, row->name, row->bad);
    }
}

static void every_good_example_is_clean(void **state)
{
    struct lint_override *all = xcalloc(lint_row_count(), sizeof(*all));
    const struct lint_row *row;

    (void)state;
    for (size_t i = 0; (row = lint_row_at(i)); i++) {
        CLEANUP(fixture_done) struct lint_fixture f = {0};
        CLEANUP(lint_report_done) struct lint_report report = {0};
        struct lint_override on;

        if (!lint_row_is_dockerfile(row))
            continue;
        fixture_of_row(&f, row, &on);
        switch_all_on(&f, all);
        lint_text(f.linter, view_of(row->good), "Dockerfile", &report);
        vec_each (x, &report)
            if (x->row == row || x->level >= LINT_WARNING)
                fail_msg("%s fires on the good example of %s, line %u: %s\n%s", x->row->id, row->id,
                         x->span.line, x->text, row->good);
    }
    free(all);
}

static size_t offset_of(const struct dockerfile *d, uint32_t line, uint32_t column)
{
    return d->line_at[line - 1] + column - 1;
}

/* The text with the finding's edit, which is one. */
static void mend(const struct dockerfile *d, const struct lint_finding *f, struct str *ret)
{
    const struct lint_edit *e = &f->edits[0];
    const size_t begin = offset_of(d, e->span.line, e->span.column),
                 end = offset_of(d, e->span.end_line, e->span.end_column);

    assert_int_equal(f->edit_count, 1);
    str_add(ret, view_make(d->source.at, begin));
    str_add_text(ret, e->text);
    str_add(ret, view_make(d->source.at + end, d->source.size - end));
}

/* A bad example, mended as its finding says, is clean of the rule. */
static void every_edit_mends(void **state)
{
    const struct lint_row *row;
    size_t count = 0;

    (void)state;
    for (size_t i = 0; (row = lint_row_at(i)); i++) {
        CLEANUP(fixture_done) struct lint_fixture f = {0};
        CLEANUP(lint_report_done) struct lint_report report = {0}, mended = {0};
        struct lint_override on;
        STR_AUTO(text);

        if (!lint_row_is_dockerfile(row) || strcmp(row->name, "shellcheck") == 0)
            continue;
        fixture_of_row(&f, row, &on);
        lint_text(f.linter, view_of(row->bad), "Dockerfile", &report);
        vec_each (x, &report)
            if (x->row == row && x->edit_count == 1 && text.size == 0)
                mend(report.dockerfile, x, &text);
        if (text.size == 0)
            continue;
        count++;
        lint_text(f.linter, str_view(&text), "Dockerfile", &mended);
        assert_non_null(mended.dockerfile);
        if (fires(&mended, row))
            fail_msg("%s still fires when mended:\n%s", row->id, text.at);
    }
    assert_true(count >= 12);
}

/* Ids and names are found by people and other tools' configurations: none stands for two rows. */
static void ids_and_names_are_unique(void **state)
{
    CLEANUP(map_done) struct map seen = {0};
    const struct lint_row *row;

    (void)state;
    for (size_t i = 0; (row = lint_row_at(i)); i++) {
        assert_false(map_has(&seen, view_of(row->id)));
        assert_false(map_has(&seen, view_of(row->name)));
        map_set(&seen, view_of(row->id), &seen);
        map_set(&seen, view_of(row->name), &seen);
        if (row->aliases[0] && map_has(&seen, view_of(row->aliases[0])))
            fail_msg("%s: %s is the code of another rule, too", row->id, row->aliases[0]);
        if (row->aliases[0])
            map_set(&seen, view_of(row->aliases[0]), &seen);
        for (size_t k = 0; k < ARRAY_SIZE(row->covered_by) && row->covered_by[k]; k++)
            assert_non_null(lint_row_find(view_of(row->covered_by[k])));
        assert_non_null(row->title);
        assert_non_null(row->why);
        assert_non_null(row->fix);
        assert_ptr_equal(lint_row_find(view_of(row->id)), row);
    }
}

/* The ids of every rule that the peers have (reference: their sources), with the first and last number of each run. */
static const struct {
    const char *format;
    unsigned first, last;
} peer_ids[] = {
    {"DL1%03u", 0, 1},         {"DL3%03u", 0, 4},       {"DL3%03u", 6, 16},
    {"DL3%03u", 18, 30},       {"DL3%03u", 32, 38},     {"DL3%03u", 40, 67},
    {"DL4%03u", 0, 1},         {"DL4%03u", 3, 6},       {"CIS-DI-%04u", 1, 1},
    {"CIS-DI-%04u", 5, 10},    {"DKL-DI-%04u", 1, 6},   {"DKL-LI-%04u", 1, 3},
    {"ID.%u", 10001, 10002},   {"ID.%u", 20000, 20022}, {"CKV_DOCKER_%u", 1, 11},
    {"CKV2_DOCKER_%u", 1, 17}, {"DB-1.1.%u", 1, 18},    {"DB-1.2.%u", 1, 2},
    {"DB-2.%u", 1, 18},        {"DB-3.%u", 1, 24},      {"DB-4.%u", 1, 12},
    {"DB-5.%u", 1, 32},
};
static const char *const buildkit_ids[] = {"StageNameCasing",
                                           "FromAsCasing",
                                           "NoEmptyContinuation",
                                           "UndefinedVar",
                                           "DuplicateStageName",
                                           "ConsistentInstructionCasing",
                                           "ReservedStageName",
                                           "JSONArgsRecommended",
                                           "FromPlatformFlagConstDisallowed",
                                           "MaintainerDeprecated",
                                           "UndefinedArgInFrom",
                                           "MultipleInstructionsDisallowed",
                                           "WorkdirRelativePath",
                                           "LegacyKeyValueFormat",
                                           "InvalidDefinitionDescription",
                                           "CopyIgnoredFile",
                                           "SecretsUsedInArgOrEnv",
                                           "RedundantTargetPlatform",
                                           "ExposeProtoCasing",
                                           "ExposeInvalidFormat",
                                           "InvalidDefaultArgInFrom",
                                           "InvalidBaseImagePlatform"};

static void every_peers_rule_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(peer_ids); i++)
        for (unsigned n = peer_ids[i].first; n <= peer_ids[i].last; n++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            cleanup_free char *id = xasprintf(peer_ids[i].format, n);
#pragma GCC diagnostic pop
            if (!lint_row_find(view_of(id)))
                fail_msg("no rule is called %s", id);
        }
    for (size_t i = 0; i < ARRAY_SIZE(buildkit_ids); i++)
        if (!lint_row_find(view_of(buildkit_ids[i])))
            fail_msg("no rule is called %s", buildkit_ids[i]);
}

/* Where the examples leave room. */
static const struct {
    const char *rule, *text;
    unsigned count;
} edges[] = {
    /* a default that says something is a pin */
    {"CP356", "FROM a:1.2\nARG VERSION=1.2.3\nRUN apk add curl\n", 0},
    {"CP356", "FROM a:1.2\nARG VERSION=dev GIT_COMMIT\nRUN apk add curl\n", 2},
    {"CP356", "FROM a:1.2\nARG VERSION\nRUN apk add app=$VERSION\nRUN apk add curl\n", 0},
    {"CP356", "FROM a:1.2\nARG VERSION\nENV V=$VERSION\nRUN apk add curl\n", 1},
    {"CP356", "FROM a:1.2\nARG VERSION\nCOPY app-$VERSION /\nRUN apk add curl\n", 0},
    {"CP356", "FROM a:1.2\nARG build_date\nRUN ls\nCOPY . .\nRUN npm ci\n", 1},
    {"CP356", "ARG VERSION\nFROM a:1.2\nRUN apk add curl\n", 0},
    {"CP356", "FROM a:1.2\nARG CACHEBUST\nRUN git clone x\nRUN apk add curl\n", 0},
    {"CP204", "# syntax=docker/dockerfile:1\nFROM a@sha256:0\n", 1},
    {"CP204", "# syntax=docker/dockerfile:1@sha256:0\nFROM a@sha256:0\n", 0},
    {"CP204", "FROM a@sha256:0 AS b\nCOPY --from=b / /b\nCOPY --from=0 / /c\n", 0},
    {"CP204", "FROM a@sha256:0\nCOPY --from=nginx:1.2 /a /b\nCOPY --from=x/y /a /b\n", 2},
    {"CP204", "FROM a@sha256:0\nCOPY --from=x/y@sha256:0 /a /b\nCOPY --from=named /c /d\n", 0},
    /* defaults that are made of defaults */
    {"CP162", "ARG A=1.2\nARG B=\"a-${A}\"\nARG C=x/$B\nFROM $C:$A\n", 0},
    {"CP162", "ARG A\nARG B=x:$A\nFROM $B\n", 1},
    {"CP162", "ARG A=$A\nFROM x:$A\n", 1},
    {"CP162", "ARG A='$B'\nARG B=1\nFROM x:$A\n", 1},
    {"CP352", "FROM a:1.2\nCOPY r.json .\nRUN cargo chef cook\nCOPY . .\nRUN cargo build\n", 0},
    {"CP352", "FROM a:1.2\nCOPY . .\nRUN cargo build\n", 1},
    {"CP352", "FROM a:1.2\nCOPY . .\nRUN cargo chef prepare\n", 0},
    {"CP352", "FROM a:1.2\nCOPY . .\nRUN go build .\n", 1},
    {"CP352", "FROM a:1.2\nCOPY . .\nENV GOFLAGS=-mod=vendor\nRUN go build .\n", 0},
    {"CP352", "FROM a:1.2\nCOPY . .\nRUN go build -mod=vendor .\n", 0},
    {"CP211", "FROM docker.io/library/python:3.12-alpine3.20\n", 0},
    {"CP211", "FROM python:3.12-bookworm AS a\nFROM a\n", 1},
    {"CP211", "FROM eclipse-temurin:21.0.4_7-jre-jammy\n", 0},
    {"CP211", "FROM eclipse-temurin:21.0.4_7-jdk\n", 1},
    {"CP211", "FROM me/node:1\nFROM registry.example/node:1\n", 0},
    {"CP211", "FROM registry.access.redhat.com/ubi9/ubi:9.4\n", 1},
    {"CP211", "FROM registry.access.redhat.com/ubi9/ubi-micro:9.4\n", 0},
    {"CP147", "FROM a:1.2\nADD https://h/x /x\n", 1},
    {"CP147", "FROM a:1.2\nADD https://h/r.git#v1 /x\n", 1},
    {"CP147", "FROM a:1.2\nADD https://h/r.git /x\n", 1},
    {"CP147", "FROM a:1.2\nADD https://h/r.git#$REV /x\n", 0},
    {"CP147", "FROM a:1.2\nADD \"https://h/r.git#0123456789abcdef0123456789abcdef01234567:d\" /x\n",
     0},
    /* what many bases set is no slip of the pen */
    {"CP160", "FROM a:1.2\nENV PATH=$GOPATH/bin:$PATH\n", 0},
    {"CP160", "FROM a:1.2\nENV PATH=$PAHT:/b\n", 1},
    /* the shell of Windows */
    {"CP504", "# escape=`\nFROM a:1.2\nCMD C:\\a.exe --b\n", 0},
    {"CP504", "FROM mcr.microsoft.com/windows/servercore:ltsc2022\nCMD a.exe --b\n", 0},
    {"CP504", "FROM x:nanoserver-1 AS b\nFROM b\nCMD a.exe --b\n", 0},
    {"CP504", "FROM a:1.2\nCMD a --b\n", 1},
    {"CP357", "FROM a:1.2\nRUN apt-get install -y x\nRUN pip install x\nRUN ls\n", 2},
    {"CP357", "FROM a:1.2\nRUN --mount=type=cache,target=/var/cache/apt apt-get install x\n", 0},
};

static void rules_stop_where_they_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
        CLEANUP(fixture_done) struct lint_fixture f = {0};
        CLEANUP(lint_report_done) struct lint_report report = {0};
        const struct lint_row *row = lint_row_find(view_of(edges[i].rule));
        const struct lint_override on = {.name = edges[i].rule, .on = true};
        unsigned count = 0;

        f.options.overrides = &on;
        f.options.override_count = 1;
        f.options.no_shellcheck = true;
        f.linter = linter_new(&f.options);
        lint_text(f.linter, view_of(edges[i].text), "Dockerfile", &report);
        vec_each (x, &report)
            count += x->row == row;
        if (count != edges[i].count)
            fail_msg("%s fires %u times on\n%s", edges[i].rule, count, edges[i].text);
    }
}

/* want NULL: not by a machine. */
static const struct {
    const char *text, *want;
} forms[] = {
    {"CMD node app.js\n", "CMD [\"node\", \"app.js\"]\n"},
    {"cmd  exec node 'a \"b' \"c\\d\"  \n", "cmd  [\"node\", \"a \\\"b\", \"c\\\\d\"]\n"},
    {"ENTRYPOINT /run --x=1", "ENTRYPOINT [\"/run\", \"--x=1\"]"},
    {"HEALTHCHECK --interval=5s CMD curl -f http://h/\n",
     "HEALTHCHECK --interval=5s CMD [\"curl\", \"-f\", \"http://h/\"]\n"},
    {"ENTRYPOINT [\"a\"]\nHEALTHCHECK CMD b\n", "ENTRYPOINT [\"a\"]\nHEALTHCHECK CMD [\"b\"]\n"},
    {"HEALTHCHECK CMD curl -f http://h/ || exit 1\n", NULL},
    {"CMD node $FILE\n", NULL},
    {"CMD node *.js\n", NULL},
    {"CMD A=1 node\n", NULL},
    {"CMD node >/log\n", NULL},
    {"CMD node &\n", NULL},
    {"CMD ! node\n", NULL},
    {"CMD a; b\n", NULL},
    {"CMD a ~/b\n", NULL},
    {"CMD a {b,c}\n", NULL},
    {"CMD cd /x\n", NULL},
    {"CMD exec -a b c\n", NULL},
    {"CMD \"\"\n", NULL},
    {"CMD 'a\n", NULL},
    {"CMD a \\\n  b\n", NULL},
    {"CMD /docker-entrypoint.sh\n", NULL},
    {"CMD a # b\n", "CMD [\"a\"]\n"}, /* the comment is the shell's */
    {"SHELL [\"/bin/bash\", \"-lc\"]\nCMD a\n", NULL},
    {"ENTRYPOINT [\"a\"]\nCMD b\n", NULL},
    {"ENTRYPOINT a\nCMD [\"b\"]\n", NULL},
    {"ENTRYPOINT a\nFROM b\nCMD c\n", NULL},
    {"ONBUILD CMD a\n", NULL},
};

static void commands_are_mended_where_no_shell_is_needed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        const struct lint_override off[] = {{.name = "CP129"}};
        const struct lint_options o = {
            .no_shellcheck = true, .overrides = off, .override_count = ARRAY_SIZE(off)};
        CLEANUP(linter_freep) struct linter *l = linter_new(&o);
        STR_AUTO(text);
        STR_AUTO(want);
        STR_AUTO(got);

        str_printf(&text, "FROM a:1.2 AS b\n%s", forms[i].text);
        str_printf(&want, "FROM a:1.2 AS b\n%s", forms[i].want ? forms[i].want : forms[i].text);
        lint_fix(l, str_view(&text), "Dockerfile", &got);
        assert_string_equal(got.at, want.at);
    }
}

/* docker.io/library/a is a; the same file may have both tags. */
static void tags_are_held_against_other_files(void **state)
{
    static const struct {
        const char *file, *text;
        bool fires;
    } files[] = {
        {"x", "FROM a:1.2\nFROM a:1.3\nFROM b:1@sha256:0\n", false},
        {"y", "FROM docker.io/library/a:1.2\nFROM b\nFROM c:$V\n", false},
        {"z", "FROM library/a:1.3\n", true},
        {"y", "FROM b:2\n", true},
        {"x", "FROM p:3.12-slim-bookworm\n", false},
        {"y", "FROM p:3.12\nFROM p:3.12-alpine3.20\nFROM p:3.12-slim-bookworm\n", false},
        {"y", "FROM p:3.13-slim-trixie\n", true},
        {"z", "FROM p:3.12-alpine3.21\n", true},
    };
    struct lint_bases *bases = lint_bases_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        CLEANUP(lint_report_done) struct lint_report report = {0};
        const struct lint_options o = {.bases = bases, .path = files[i].file};
        CLEANUP(linter_freep) struct linter *l = linter_new(&o);
        bool fired = false;

        lint_text(l, view_of(files[i].text), files[i].file, &report);
        vec_each (f, &report)
            fired |= strcmp(f->row->id, "CP209") == 0;
        assert_int_equal(fired, files[i].fires);
    }
    lint_bases_free(bases);
}

UNIT_MAIN(cmocka_unit_test(commands_are_mended_where_no_shell_is_needed),
          cmocka_unit_test(rules_stop_where_they_should),
          cmocka_unit_test(tags_are_held_against_other_files),
          cmocka_unit_test(every_bad_example_fires), cmocka_unit_test(every_good_example_is_clean),
          cmocka_unit_test(every_peers_rule_is_known), cmocka_unit_test(every_edit_mends),
          cmocka_unit_test(ids_and_names_are_unique))

#include "judge.h"
#include "lint/rule.h"
#include "unit.h"

#include <errno.h>

#define FILES 4

struct file {
    const char *name, *text;
};

/* The files of a case, as a directory would have them. */
static int read_case(void *ctx, const char *path, size_t limit, struct str *ret, struct error *err)
{
    const struct file *files = ctx;

    (void)limit;
    for (size_t i = 0; i < FILES && files[i].name; i++) {
        if (strcmp(files[i].name, path) != 0)
            continue;
        str_add_text(ret, files[i].text);
        return 0;
    }
    return error_set(err, -ENOENT, "open '%s': No such file or directory", path);
}

/* "base.yml:3:5 services.web.pid, ...": where the rule fires. */
static void places_of(const struct run_list *list, const char *rule, struct str *ret)
{
    CLEANUP(lint_report_done) struct lint_report report = {0};
    const struct lint_row *row = lint_row_find(view_of(rule));

    assert_non_null(row);
    judge(list, &report);
    vec_each (f, &report) {
        const struct run_file *file = run_list_file(list, f->span.line);
        if (f->row == row)
            str_printf(ret, "%s%s:%u:%u %s", ret->size ? ", " : "", file->name,
                       f->span.line - file->lines_before, f->span.column, f->place);
    }
}

static const struct {
    const char *name;
    struct file files[FILES]; /* the first is given */
    unsigned given;           /* as many are; 0: one */
    const char *rule, *want;  /* "": it does not fire */
    const char *note;         /* of the first file that is not read; NULL: all are */
} cases[] = {
    {"a base in another file",
     {{"c.yml", "services:\n  w:\n    extends: {file: sub/b.yml, service: x}\n"},
      {"sub/b.yml", "services:\n  x:\n    pid: host\n"}},
     0,
     "host-pid",
     "sub/b.yml:3:10 services.w.pid",
     NULL},
    {"the service says otherwise than its base",
     {{"c.yml", "services:\n  w:\n    extends: {file: b.yml, service: x}\n    pid: private\n"},
      {"b.yml", "services:\n  x:\n    pid: host\n"}},
     0,
     "host-pid",
     "",
     NULL},
    {"a base of a base, beside the file that names it",
     {{"c.yml", "services:\n  w:\n    extends: {file: sub/b.yml, service: x}\n"},
      {"sub/b.yml", "services: {x: {extends: {file: ../d.yml, service: y}}}\n"},
      {"d.yml", "services: {y: {extends: z}, z: {ipc: host}}\n"}},
     0,
     "host-ipc",
     "d.yml:1:38 services.w.ipc",
     NULL},
    {"lists add up",
     {{"c.yml", "services:\n  w:\n    extends: {file: b.yml, service: x}\n    cap_add: [BPF]\n"},
      {"b.yml", "services:\n  x:\n    cap_add: [SYS_ADMIN]\n"}},
     0,
     "cap-dangerous",
     "c.yml:4:15 services.w.cap_add[1], b.yml:3:15 services.w.cap_add[0]",
     NULL},
    {"a command is replaced",
     {{"c.yml", "services: {w: {extends: {file: b.yml, service: x}, command: [true]}}\n"},
      {"b.yml", "services: {x: {command: [/usr/sbin/sshd, -D]}}\n"}},
     0,
     "expose-ssh",
     "",
     NULL},
    {"variables of a list and a mapping are joined by name",
     {{"c.yml", "services:\n  w:\n    extends: {file: b.yml, service: x}\n    environment:\n"
                "    - API_TOKEN=\n    - MY_TOKEN=x\n"},
      {"b.yml", "services:\n  x:\n    environment:\n      API_TOKEN: x\n      A_TOKEN: y\n"}},
     0,
     "secret-in-env",
     "c.yml:6:7 services.w.environment.MY_TOKEN, b.yml:5:16 services.w.environment.A_TOKEN",
     NULL},
    {"a volume is replaced by its target",
     {{"c.yml", "services:\n  w:\n    volumes: ['/srv:/x']\n"},
      {"o.yml", "services:\n  w:\n    volumes: [{type: bind, source: /etc, target: /x}]\n"}},
     2,
     "mount-sensitive",
     "o.yml:3:15 services.w.volumes[1]",
     NULL},
    {"a service is taken away",
     {{"c.yml", "services:\n  v: {pid: host}\n  w: {pid: host}\n"},
      {"o.yml", "services:\n  w: !reset null\n"}},
     2,
     "host-pid",
     "c.yml:2:12 services.v.pid",
     NULL},
    {"the same port twice is one",
     {{"c.yml", "services:\n  w:\n    ports: ['80:80']\n"},
      {"o.yml", "services:\n  w:\n    ports: ['80:80', '80:81']\n"}},
     2,
     "publish-low-port",
     "o.yml:3:13 services.w.ports[1], o.yml:3:22 services.w.ports[2]",
     NULL},
    {"!reset takes away",
     {{"c.yml", "services:\n  w:\n    privileged: true\n"},
      {"o.yml", "services:\n  w:\n    privileged: !reset null\n"}},
     2,
     "privileged",
     "",
     NULL},
    {"!override replaces",
     {{"c.yml", "services:\n  w:\n    volumes: ['/etc:/x']\n"},
      {"o.yml", "services:\n  w:\n    volumes: !override ['/srv:/y']\n"}},
     2,
     "mount-sensitive",
     "",
     NULL},
    {"nothing said changes nothing",
     {{"c.yml", "services:\n  w:\n    privileged: true\n"},
      {"o.yml", "services:\n  w:\n    privileged:\n"}},
     2,
     "privileged",
     "c.yml:3:17 services.w.privileged",
     NULL},
    {"volumes of the project are joined",
     {{"c.yml", "services: {w: {volumes: ['v:/x']}}\n"},
      {"o.yml", "volumes: {v: {driver_opts: {o: bind, device: /etc}}}\n"}},
     2,
     "mount-sensitive",
     "c.yml:1:26 services.w.volumes[0]",
     NULL},
    {"several documents are one file",
     {{"c.yml", "services: {w: {pid: private}}\n---\nservices: {w: {pid: host}}\n"}},
     0,
     "host-pid",
     "c.yml:3:21 services.w.pid",
     NULL},
    {"include",
     {{"c.yml", "include: [sub/i.yml]\nservices: {}\n"},
      {"sub/i.yml", "services: {i: {env_file: e, pid: host}}\n"},
      {"sub/e", ""}},
     0,
     "host-pid",
     "sub/i.yml:1:34 services.i.pid",
     NULL},
    {"include of one over another, with a directory",
     {{"c.yml", "include:\n- path: [a.yml, b.yml]\n  project_directory: sub\n"},
      {"a.yml", "services: {i: {env_file: e}}\n"},
      {"b.yml", "services: {i: {pid: host}}\n"},
      {"sub/e", "A_TOKEN=x\n"}},
     0,
     "secret-in-env",
     "sub/e:1:1 services.i.env_file: A_TOKEN",
     NULL},
    {"files of variables: the last counts, and what the service says before them",
     {{"c.yml", "services:\n  w:\n    environment: {C_TOKEN: ''}\n    env_file: [e, {path: f}]\n"},
      {"e", "A_TOKEN=x\nexport B_TOKEN='y\nC=1\n'\nC_TOKEN=x\n"},
      {"f", "# A_TOKEN\nA_TOKEN=\n"}},
     0,
     "secret-in-env",
     "e:2:8 services.w.env_file[0]: B_TOKEN",
     NULL},
    {"a file that need not be there",
     {{"c.yml", "services: {w: {env_file: [{path: e, required: false}]}}\n"}},
     0,
     "secret-in-env",
     "",
     NULL},
    {"a file that is not there",
     {{"c.yml", "services: {w: {env_file: e}}\n"}},
     0,
     "secret-in-env",
     "",
     "c.yml:1:26: 'e' is not read: open 'e': No such file or directory"},
    {"out of the project",
     {{"c.yml", "include: [a/../../x.yml]\nservices: {}\n"}},
     0,
     "privileged",
     "",
     "c.yml:1:11: 'a/../../x.yml' is not read: it is outside of the project's directory"},
    {"an absolute path",
     {{"c.yml", "services: {w: {extends: {file: /x.yml, service: w}, pid: host}}\n"}},
     0,
     "host-pid",
     "c.yml:1:58 services.w.pid",
     "c.yml:1:32: '/x.yml' is not read: it is outside of the project's directory"},
    {"somewhere else",
     {{"c.yml", "include: ['https://x/y.git']\n"}},
     0,
     "privileged",
     "",
     "c.yml:1:11: 'https://x/y.git' is not read: it is not a file of the project"},
    {"a configuration that is a file of the system",
     {{"c.yml", "services: {w: {configs: [c]}}\nconfigs: {c: {file: /etc/shadow}}\n"}},
     0,
     "mount-sensitive",
     "c.yml:2:21 configs.c.file",
     NULL},
    {".env says what a variable is",
     {{"c.yml", "services: {w: {pid: $P, ipc: '${I:-private}', privileged: '${N:-${X:-true}}'}}\n"},
      {".env", "P=host # it is\nI=host\n"}},
     0,
     "host-ipc",
     "c.yml:1:30 services.w.ipc",
     NULL},
    {"a default in a default",
     {{"c.yml", "services: {w: {privileged: '${N:-${X:-true}}'}}\n"}},
     0,
     "privileged",
     "c.yml:1:28 services.w.privileged",
     NULL},
    {"an empty variable, and what stands instead of one",
     {{"c.yml", "services: {w: {pid: '${E:-x}${E-y}${E:+z}${E+host}'}}\n"}, {".env", "E=\n"}},
     0,
     "host-pid",
     "",
     NULL},
    {"what stands instead of a variable",
     {{"c.yml", "services: {w: {pid: '${E:+host}', ipc: '${U:+host}', uts: '${E:?no}'}}\n"},
      {".env", "E=1\n"}},
     0,
     "host-pid",
     "c.yml:1:21 services.w.pid",
     NULL},
    {"JSON has places",
     {{"c.json", "{\"services\": {\"w\": {\n \"a\": [1, {}, \"\\\"\"], \"pid\": \"host\"}}}"}},
     0,
     "host-pid",
     "c.json:2:29 services.w.pid",
     NULL},
};

static int read_files(const struct file *files, unsigned given, struct run_list *list,
                      struct error *err)
{
    struct run_input inputs[FILES];

    for (unsigned i = 0; i < given; i++)
        inputs[i] = (struct run_input){view_of(files[i].text), files[i].name};
    return runconfig_merged(inputs, given, list, err);
}

static void files_are_joined(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct run_opener opener = {read_case, (void *)(uintptr_t)cases[i].files};
        RUN_LIST_AUTO(list);
        STR_AUTO(got);
        ERROR_AUTO(e);

        list.opener = &opener;
        if (read_files(cases[i].files, MAX(cases[i].given, 1u), &list, &e) < 0)
            fail_msg("%s: %s %s", cases[i].name, e.where ? e.where : "", e.text);
        places_of(&list, cases[i].rule, &got);
        if (strcmp(got.at, cases[i].want) != 0)
            fail_msg("%s: '%s' is not '%s'", cases[i].name, got.at, cases[i].want);
        const char *note = list.notes.size > 0 ? list.notes.at[0] : NULL;
        if (!note != !cases[i].note || (note && strcmp(note, cases[i].note) != 0))
            fail_msg("%s: note '%s'", cases[i].name, note ? note : "");
    }
}

/* ---- what is refused ---- */

static const struct {
    struct file files[FILES];
    int code;
    const char *text, *where;
} refused[] = {
    {{{"c.yml", "services: {a: {extends: {file: b.yml, service: a}}}\n"},
      {"b.yml", "services: {a: {extends: {file: c.yml, service: a}}}\n"}},
     -ELOOP,
     "services extend each other in a circle: services.a of c.yml, services.a of b.yml, services.a "
     "of c.yml",
     "b.yml:1:12"},
    {{{"c.yml", "services: {a: {extends: a}}\n"}},
     -ELOOP,
     "services extend each other in a circle: services.a of c.yml, services.a of c.yml",
     "c.yml:1:12"},
    {{{"c.yml", "include: [b.yml]\n"}, {"b.yml", "include: [./c.yml]\n"}},
     -ELOOP,
     "files include each other in a circle: c.yml, which b.yml includes, which c.yml includes",
     "b.yml:1:11"},
    {{{"c.yml", "services: {a: {extends: {file: b.yml, service: z}}}\n"},
      {"b.yml", "services: {a: {}}\n"}},
     -EINVAL,
     "'services.a' extends 'z', which is not there",
     "c.yml:1:16"},
    {{{"c.yml", "include: [b.yml]\n"}, {"b.yml", "services: {\n"}}, -EINVAL, NULL, "b.yml:2:1"},
    {{{"c.yml", "include: [b.yml]\n"}, {"b.yml", "services: [a]\n"}},
     -EINVAL,
     "services is no mapping",
     NULL},
};

static void circles_and_gaps_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        const struct run_opener opener = {read_case, (void *)(uintptr_t)refused[i].files};
        RUN_LIST_AUTO(list);
        ERROR_AUTO(e);

        list.opener = &opener;
        assert_int_equal(read_files(refused[i].files, 1, &list, &e), refused[i].code);
        if (refused[i].text)
            assert_string_equal(e.text, refused[i].text);
        if (refused[i].where)
            assert_string_equal(e.where ? e.where : "", refused[i].where);
    }
}

/* Every file includes the next one. */
static int read_endless(void *ctx, const char *path, size_t limit, struct str *ret,
                        struct error *err)
{
    (void)limit;
    (void)err;
    str_printf(ret, "%s: [%sx]\n", (const char *)ctx, path);
    return 0;
}

/* Every file includes two more. */
static int read_growing(void *ctx, const char *path, size_t limit, struct str *ret,
                        struct error *err)
{
    (void)ctx;
    (void)limit;
    (void)err;
    str_printf(ret, "include: [%sx, %sy]\n", path, path);
    return 0;
}

/* One large file that has no service. */
static int read_large(void *ctx, const char *path, size_t limit, struct str *ret, struct error *err)
{
    (void)ctx;
    (void)path;
    (void)limit;
    (void)err;
    str_add_text(ret, "x: 1\n");
    for (unsigned i = 0; i < 20000; i++)
        str_printf(ret, "x%u: 1\n", i);
    return 0;
}

/* It is copied as often as it is named. */
static void included_again_and_again(void **state)
{
    const struct run_opener opener = {read_large, NULL};
    RUN_LIST_AUTO(list);
    STR_AUTO(text);

    (void)state;
    list.opener = &opener;
    str_add_text(&text, "include:\n- path: [b");
    for (unsigned i = 0; i < 50000; i++)
        str_add_text(&text, ",b");
    str_add_text(&text, "]\n");
    assert_int_equal(runconfig_parse(str_view(&text), "c.yml", &list, NULL), -EDQUOT);
    assert_true(list.values < 1000000); /* it ended there */
}

static void files_have_a_limit(void **state)
{
    static char key[] = "include";
    const struct run_opener openers[] = {{read_endless, key}, {read_growing, NULL}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(openers); i++) {
        RUN_LIST_AUTO(list);

        list.opener = &openers[i];
        assert_int_equal(runconfig_parse(VIEW("include: [a]\n"), "c.yml", &list, NULL), -EDQUOT);
    }
}

UNIT_MAIN(cmocka_unit_test(files_are_joined), cmocka_unit_test(circles_and_gaps_are_refused),
          cmocka_unit_test(files_have_a_limit), cmocka_unit_test(included_again_and_again))

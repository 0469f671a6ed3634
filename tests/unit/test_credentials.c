#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "registry/credentials.h"
#include "unit.h"

#define A "\"auth\":\"YTox\"" /* a:1 */
#define B "\"auth\":\"Yjoy\"" /* b:2 */
#define C "\"auth\":\"Yzoz\"" /* c:3 */

/* want: "user:password", "<identity token>", "=token", helper before '@'; "": nothing. */
static const struct {
    const char *name, *doc, *host, *repository, *want;
} cases[] = {
    {"empty file", "", "r.io", "a", ""},
    {"no auths", "{}", "r.io", "a", ""},
    {"a host", "{\"auths\":{\"r.io\":{" A "},\"s.io\":{" B "}}}", "s.io", "a", "b:2"},
    {"another port", "{\"auths\":{\"r.io\":{" A "}}}", "r.io:5000", "a", ""},
    {"port", "{\"auths\":{\"localhost:5000\":{" A "}}}", "localhost:5000", "a", "a:1"},
    {"host in capitals", "{\"auths\":{\"R.io\":{" A "}}}", "r.io", "a", "a:1"},
    {"docker's URL", "{\"auths\":{\"https://r.io/v1/\":{" A "}}}", "r.io", "a/b", "a:1"},
    {"URL and host", "{\"auths\":{\"https://r.io\":{" A "},\"r.io\":{" B "}}}", "r.io", "a", "b:2"},
    {"host/v2/", "{\"auths\":{\"r.io/v2/\":{" A "}}}", "r.io", "a", "a:1"},
    {"Docker Hub", "{\"auths\":{\"https://index.docker.io/v1/\":{" A "}}}", "docker.io",
     "library/app", "a:1"},
    {"Docker Hub, podman's way", "{\"auths\":{\"docker.io\":{" A "}}}", "docker.io", "library/app",
     "a:1"},
    {"Docker Hub twice",
     "{\"auths\":{\"docker.io\":{" A "},\"https://index.docker.io/v1/\":{" B "}}}", "docker.io",
     "library/app", "b:2"},
    {"Docker Hub's machine", "{\"auths\":{\"registry-1.docker.io\":{" A "}}}", "docker.io", "x/y",
     "a:1"},
    {"longest path", "{\"auths\":{\"r.io/a\":{" A "},\"r.io/a/b\":{" B "},\"r.io\":{" C "}}}",
     "r.io", "a/b/c", "b:2"},
    {"path is the repository", "{\"auths\":{\"r.io/a\":{" A "},\"r.io\":{" C "}}}", "r.io", "a",
     "a:1"},
    {"path ends at a slash", "{\"auths\":{\"r.io/a\":{" A "},\"r.io\":{" C "}}}", "r.io", "ab",
     "c:3"},
    {"paths are not the host's", "{\"auths\":{\"r.io/a\":{" A "}}}", "r.io", NULL, ""},
    {"path of Docker Hub", "{\"auths\":{\"docker.io/x\":{" A "},\"docker.io\":{" B "}}}",
     "docker.io", "x/y", "a:1"},
    {"empty entries are none", "{\"auths\":{\"r.io/a\":{},\"r.io\":{" A "}}}", "r.io", "a", "a:1"},
    {"password with colons", "{\"auths\":{\"r.io\":{\"auth\":\"YTpiOmM=\"}}}", "r.io", "a",
     "a:b:c"},
    {"NULs behind it", "{\"auths\":{\"r.io\":{\"auth\":\"YToxAAA=\"}}}", "r.io", "a", "a:1"},
    {"no password", "{\"auths\":{\"r.io\":{\"auth\":\"YTo=\"}}}", "r.io", "a", ""},
    {"plain fields", "{\"auths\":{\"r.io\":{\"username\":\"u\",\"password\":\"p\"}}}", "r.io", "a",
     "u:p"},
    {"identity token", "{\"auths\":{\"r.io\":{\"auth\":\"YTo=\",\"identitytoken\":\"t\"}}}", "r.io",
     "a", "<t>"},
    {"bearer token", "{\"auths\":{\"r.io\":{\"registrytoken\":\"t\"}}}", "r.io", "a", "=t"},
    {"credsStore", "{\"credsStore\":\"pass\",\"auths\":{\"r.io\":{" A "}}}", "r.io", "a",
     "pass@a:1"},
    {"credHelpers", "{\"credsStore\":\"pass\",\"credHelpers\":{\"r.io\":\"ecr\"}}", "r.io", "a",
     "ecr@"},
    {"credHelpers of another", "{\"credHelpers\":{\"r.io\":\"ecr\"}}", "s.io", "a", ""},
    {"credHelpers of Docker Hub", "{\"credHelpers\":{\"https://index.docker.io/v1/\":\"x\"}}",
     "docker.io", "a/b", "x@"},
    {"a helper switched off", "{\"credsStore\":\"pass\",\"credHelpers\":{\"r.io\":\"\"}}", "r.io",
     "a", ""},
};

static void show(const struct credentials_answer *a, struct str *ret)
{
    const struct registry_credential *c = &a->credential;

    if (a->helper)
        str_printf(ret, "%s@", a->helper);
    if (c->identity_token)
        str_printf(ret, "<%s>", c->identity_token);
    else if (c->token)
        str_printf(ret, "=%s", c->token);
    else if (c->user)
        str_printf(ret, "%s:%s", c->user, c->password);
    assert_int_equal(a->found, c->user || c->identity_token || c->token);
}

static void documents_know_who_one_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_doc json_t *doc = NULL;
        CLEANUP(credentials_answer_done) struct credentials_answer a = {0};
        STR_AUTO(got);
        ERROR_AUTO(err);

        print_message("# %s\n", cases[i].name);
        assert_int_equal(credentials_parse(view_of(cases[i].doc), false, &doc, &err), 0);
        assert_int_equal(credentials_look(doc, cases[i].host, cases[i].repository, &a, &err), 0);
        show(&a, &got);
        assert_string_equal(got.at, cases[i].want);
    }
}

static void the_first_format_has_no_auths(void **state)
{
    cleanup_doc json_t *doc = NULL;
    CLEANUP(credentials_answer_done) struct credentials_answer a = {0};

    (void)state;
    assert_int_equal(credentials_parse(VIEW("{\"r.io\":{" A "}}"), true, &doc, NULL), 0);
    assert_int_equal(credentials_look(doc, "r.io", "a", &a, NULL), 0);
    assert_true(a.found);
}

static const struct {
    const char *doc, *complaint;
} bad[] = {
    {"{", "JSON"},
    {"[]", "no JSON object"},
    {"{\"auths\":1}", "'auths' is not"},
    {"{\"auths\":{\"r.io\":{\"auth\":\"not base64\"}}}", "not base64"},
    {"{\"auths\":{\"r.io\":{\"auth\":\"YQ==\"}}}", "user:password"},
    {"{\"auths\":{\"r.io\":{\"auth\":\"YQA6YQ==\"}}}", "user:password"}, /* a NUL within */
    {"{\"auths\":{},\"auths\":{}}", "duplicate"},
};

static void mistakes_have_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        cleanup_doc json_t *doc = NULL;
        CLEANUP(credentials_answer_done) struct credentials_answer a = {0};
        ERROR_AUTO(err);
        int r = credentials_parse(view_of(bad[i].doc), false, &doc, &err);

        print_message("# %s\n", bad[i].doc);
        if (r == 0)
            r = credentials_look(doc, "r.io", "a", &a, &err);
        assert_int_equal(r, -EINVAL);
        assert_non_null(strstr(err.text, bad[i].complaint));
    }
}

static const struct {
    const char *typed, *host; /* NULL: refused */
} hosts[] = {
    {"", "docker.io"},
    {"docker.io", "docker.io"},
    {"https://index.docker.io/v1/", "docker.io"},
    {"registry-1.docker.io", "docker.io"},
    {"r.io", "r.io"},
    {"localhost", "localhost"},
    {"localhost:5000", "localhost:5000"},
    {"[::1]:5000", "[::1]:5000"},
    {"https://r.io:5000", "r.io:5000"},
    {"http://r.io/v2/", "r.io"},
    {"r.io/", "r.io"},
    {"r.io/v2", "r.io"},
    {"r.io/team", NULL},
    {"team", NULL},
    {"https://", NULL},
    {"r io", NULL},
    {"u@r.io", NULL},
};

static void hosts_are_read_as_people_paste_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        cleanup_free char *host = NULL;

        print_message("# '%s'\n", hosts[i].typed);
        assert_int_equal(credentials_host(hosts[i].typed, &host, NULL),
                         hosts[i].host ? 0 : -EINVAL);
        if (host)
            assert_string_equal(host, hosts[i].host);
    }
}

/* ---- files and programs: a directory of its own, first in PATH ---- */

struct place {
    char dir[32];
    char *words; /* what went to err */
    size_t words_size;
    struct env env;
    const struct strings *helpers;
};

static void write_file(const struct place *p, const char *name, const char *text, mode_t mode)
{
    cleanup_free char *path = xasprintf("%s/%s", p->dir, name);
    cleanup_free char *copy = xstrdup(path);

    *strrchr(copy, '/') = '\0';
    assert_int_equal(fd_make_dirs(AT_FDCWD, copy, 0700, NULL), 0);
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, view_of(text), NULL), 0);
}

static char *read_back(const struct place *p, const char *name)
{
    cleanup_free char *path = xasprintf("%s/%s", p->dir, name);
    STR_AUTO(text);

    assert_int_equal(fd_read_file(AT_FDCWD, path, 1 << 20, &text, NULL), 0);
    return str_take(&text);
}

/* Keeps one secret in $KEEP, as all helpers do in their own way. */
static const char helper[] =
    "#!/bin/sh\n"
    "case $1 in\n"
    "get) read -r url; [ -e \"$KEEP\" ] || { echo credentials not found in native keychain; exit "
    "1; }\n"
    "    [ \"$url\" = \"$(cat \"$KEEP.url\")\" ] || { echo \"wrong url $url\"; exit 1; }; cat "
    "\"$KEEP\" ;;\n"
    "store) cat >\"$KEEP\"; sed 's/.*\"ServerURL\":\"\\([^\"]*\\)\".*/\\1/' \"$KEEP\" "
    ">\"$KEEP.url\" ;;\n"
    "erase) [ -e \"$KEEP\" ] || { echo credentials not found in native keychain; exit 1; }; rm "
    "\"$KEEP\" ;;\n"
    "esac\n";

static int set_up(void **state)
{
    static const char *const variables[] = {"DOCKER_CONFIG", "REGISTRY_AUTH_FILE",
                                            "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"};
    struct place *p = xcalloc(1, sizeof(*p));

    for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
        unsetenv(variables[i]);
    memcpy(p->dir, "/tmp/test-credentials.XXXXXX", 29);
    assert_non_null(mkdtemp(p->dir));
    p->env = (struct env){.home = p->dir, .err = open_memstream(&p->words, &p->words_size)};
    cleanup_free char *path = xasprintf("%s/bin:/usr/bin:/bin", p->dir);
    cleanup_free char *keep = xasprintf("%s/kept", p->dir);
    setenv("PATH", path, 1);
    setenv("KEEP", keep, 1);
    cleanup_free char *runtime = xasprintf("%s/run", p->dir);
    setenv("XDG_RUNTIME_DIR", runtime, 1);
    write_file(p, "bin/docker-credential-good", helper, 0755);
    write_file(p, "bin/docker-credential-bad", "#!/bin/sh\necho 'the keychain is locked'\nexit 1\n",
               0755);
    write_file(p, "bin/docker-credential-mute", "#!/bin/sh\nexit 3\n", 0755);
    write_file(p, "bin/docker-credential-junk", "#!/bin/sh\necho hello\n", 0755);
    write_file(p, "bin/docker-credential-long", "#!/bin/sh\nexec yes\n", 0755);
    write_file(p, "bin/docker-credential-slow", "#!/bin/sh\nexec sleep 1000\n", 0755);
    write_file(p, "bin/docker-credential-closed", "#!/bin/sh\nexec sleep 1000 >/dev/null\n", 0755);
    write_file(
        p, "bin/docker-credential-token",
        "#!/bin/sh\necho '{\"ServerURL\":\"x\",\"Username\":\"<token>\",\"Secret\":\"t\"}'\n",
        0755);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;

    fclose(p->env.err);
    free(p->words);
    assert_int_equal(fd_remove_tree(AT_FDCWD, p->dir, NULL), 0);
    free(p);
    return 0;
}

/* "user:password from FILE", without the directory. */
static char *find(struct place *p, const char *host, const char *repository)
{
    struct credentials_answer a = {0};
    cleanup_free char *source = NULL;
    STR_AUTO(text);

    a.found = credentials_find(&p->env, NULL, p->helpers, host, repository, &a.credential, &source);
    show(&a, &text);
    if (source)
        str_printf(&text, " from %s", *source == '/' ? source + strlen(p->dir) + 1 : source);
    credentials_answer_done(&a);
    fflush(p->env.err);
    return str_take(&text);
}
#define FINDS(host, repository, want)                                                              \
    do {                                                                                           \
        cleanup_free char *got = find(p, host, repository);                                        \
        assert_string_equal(got, want);                                                            \
    } while (0)

static void files_have_an_order(void **state)
{
    struct place *p = *state;
    cleanup_free char *docker = xasprintf("%s/other", p->dir),
                      *asked = xasprintf("%s/asked.json", p->dir);

    FINDS("r.io", "a", "");
    write_file(p, ".dockercfg", "{\"r.io\":{" A "}}", 0600);
    FINDS("r.io", "a", "a:1 from .dockercfg");
    write_file(p, ".config/containers/auth.json", "{\"auths\":{\"r.io\":{" B "}}}", 0600);
    FINDS("r.io", "a", "b:2 from .config/containers/auth.json");
    write_file(p, "run/containers/auth.json", "{\"auths\":{\"r.io\":{" C "}}}", 0600);
    FINDS("r.io", "a", "c:3 from run/containers/auth.json");
    write_file(p, ".docker/config.json", "{\"auths\":{\"r.io\":{" A "}}}", 0600);
    FINDS("r.io", "a", "a:1 from .docker/config.json");
    setenv("DOCKER_CONFIG", docker, 1);
    FINDS("r.io", "a", "c:3 from run/containers/auth.json");
    setenv("REGISTRY_AUTH_FILE", asked, 1);
    FINDS("r.io", "a", "b:2 from .config/containers/auth.json");
    write_file(p, "asked.json", "{\"auths\":{\"r.io\":{" C "}}}", 0600);
    FINDS("r.io", "a", "c:3 from asked.json");
    FINDS("s.io", "a", "");
    assert_string_equal(p->words ? p->words : "", "");
}

static void damaged_files_are_a_warning(void **state)
{
    struct place *p = *state;

    write_file(p, ".docker/config.json", "{\"auths\":", 0600);
    write_file(p, ".config/containers/auth.json", "{\"auths\":{\"r.io\":{" B "}}}", 0600);
    FINDS("r.io", "a", "b:2 from .config/containers/auth.json");
    assert_non_null(strstr(p->words, ".docker/config.json"));
    assert_non_null(strstr(p->words, "no credential for r.io"));
}

static const struct {
    const char *helper, *warning;
} helpers[] = {
    {"absent", "docker-credential-absent': No such file"},
    {"bad", "docker-credential-bad get: the keychain is locked"},
    {"mute", "docker-credential-mute get: ended with status 3"},
    {"junk", "docker-credential-junk get: its answer: not valid JSON"},
    {"long", "more than 65536 bytes"},
    {"../bin/good", "no name of a credential helper"},
};

static void helpers_that_fail_are_a_warning(void **state)
{
    struct place *p = *state;

    for (size_t i = 0; i < ARRAY_SIZE(helpers); i++) {
        cleanup_free char *text =
            xasprintf("{\"credsStore\":\"%s\",\"auths\":{\"r.io\":{" A "}}}", helpers[i].helper);

        print_message("# %s\n", helpers[i].helper);
        write_file(p, ".docker/config.json", text, 0600);
        FINDS("r.io", "a", "a:1 from .docker/config.json");
        FINDS("s.io", "a", "");
        assert_non_null(strstr(p->words, helpers[i].warning));
    }
}

static void registries_conf_may_name_helpers(void **state)
{
    struct place *p = *state;
    CLEANUP(strings_done) struct strings list = {0};

    p->helpers = &list;
    write_file(p, ".docker/config.json", "{\"auths\":{\"r.io\":{" A "}}}", 0600);
    FINDS("r.io", "a", "a:1 from .docker/config.json");
    strings_add(&list, "absent");
    FINDS("r.io", "a", "a:1 from .docker/config.json"); /* the files come last */
    strings_add(&list, "token");
    FINDS("r.io", "a", "<t> from docker-credential-token");
    strings_done(&list);
    list = (struct strings){0};
    strings_add(&list, "containers-auth.json");
    strings_add(&list, "token");
    FINDS("r.io", "a", "a:1 from .docker/config.json");
    FINDS("other.io", "a", "<t> from docker-credential-token");
    p->helpers = NULL;
}

static void helpers_have_a_time(void **state)
{
    static const char *const names[] = {"slow", "closed"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct registry_credential c = {0};
        ERROR_AUTO(err);

        assert_int_equal(helper_get(names[i], "r.io", 50, &c, &err), -ETIMEDOUT);
    }
}

static void helpers_give_tokens(void **state)
{
    struct place *p = *state;

    write_file(p, ".docker/config.json", "{\"credHelpers\":{\"r.io\":\"token\"}}", 0600);
    FINDS("r.io", "a", "<t> from docker-credential-token");
}

static void logins_go_to_the_file_and_keep_the_rest(void **state)
{
    struct place *p = *state;
    struct registry_credential c = {.user = (char[]){"me"}, .password = (char[]){"p:w"}};
    cleanup_free char *where = NULL, *file = xasprintf("%s/.docker/config.json", p->dir),
                      *again = NULL;
    bool plain = false;
    struct stat st;

    assert_int_equal(credentials_store(&p->env, NULL, "r.io", &c, &where, &plain, NULL), 0);
    assert_true(plain);
    assert_string_equal(where, file);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    FINDS("r.io", "a", "me:p:w from .docker/config.json");

    write_file(p, "real.json",
               "{\"HttpHeaders\":{\"x\":\"y\"},\"auths\":{\"s.io\":{" A "},\"https://r.io/v1/\":{" B
               "},\"R.io\":{" B "}},\"n\":12345678901}",
               0644);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(symlink("../real.json", file), 0);
    assert_int_equal(credentials_store(&p->env, NULL, "r.io", &c, &again, &plain, NULL), 0);
    assert_int_equal(lstat(file, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    FINDS("r.io", "a", "me:p:w from .docker/config.json");
    FINDS("s.io", "a", "a:1 from .docker/config.json");
    assert_int_equal(credentials_erase(&p->env, NULL, "r.io", NULL), 1);
    assert_int_equal(credentials_erase(&p->env, NULL, "r.io", NULL), 0);
    FINDS("r.io", "a", "");
    cleanup_free char *text = read_back(p, "real.json");
    assert_string_equal(
        text, "{\n  \"HttpHeaders\": {\n    \"x\": \"y\"\n  },\n  \"auths\": {\n    \"s.io\": "
              "{\n      \"auth\": \"YTox\"\n    }\n  },\n  \"n\": 12345678901\n}\n");
}

static void docker_hub_has_its_own_key(void **state)
{
    struct place *p = *state;
    struct registry_credential c = {.user = (char[]){"me"}, .password = (char[]){"pw"}};
    cleanup_free char *where = NULL;
    bool plain;

    assert_int_equal(credentials_store(&p->env, NULL, "docker.io", &c, &where, &plain, NULL), 0);
    cleanup_free char *text = read_back(p, ".docker/config.json");
    assert_non_null(strstr(text, "\"https://index.docker.io/v1/\""));
    FINDS("docker.io", "library/app", "me:pw from .docker/config.json");
}

static void damaged_files_are_not_overwritten(void **state)
{
    struct place *p = *state;
    struct registry_credential c = {.user = (char[]){"me"}, .password = (char[]){"pw"}};
    cleanup_free char *where = NULL;
    bool plain;
    ERROR_AUTO(err);

    write_file(p, ".docker/config.json", "{\"auths\":", 0600);
    assert_int_equal(credentials_store(&p->env, NULL, "r.io", &c, &where, &plain, &err), -EINVAL);
    assert_non_null(strstr(err.where, ".docker/config.json"));
    cleanup_free char *text = read_back(p, ".docker/config.json");
    assert_string_equal(text, "{\"auths\":");
}

static void helpers_keep_logins(void **state)
{
    struct place *p = *state;
    struct registry_credential c = {.user = (char[]){"me"}, .password = (char[]){"p\"w"}};
    cleanup_free char *where = NULL, *other = NULL;
    bool plain = true;

    write_file(p, ".docker/config.json", "{\"credsStore\":\"good\"}", 0600);
    FINDS("docker.io", "a/b", "");
    assert_int_equal(credentials_store(&p->env, NULL, "docker.io", &c, &where, &plain, NULL), 0);
    assert_false(plain);
    assert_string_equal(where, "docker-credential-good");
    cleanup_free char *text = read_back(p, ".docker/config.json"), *kept = read_back(p, "kept.url");
    assert_non_null(strstr(text, "\"https://index.docker.io/v1/\": {}"));
    assert_string_equal(kept, "https://index.docker.io/v1/");
    FINDS("docker.io", "a/b", "me:p\"w from docker-credential-good");
    assert_int_equal(credentials_erase(&p->env, NULL, "docker.io", NULL), 1);
    FINDS("docker.io", "a/b", "");
    write_file(p, ".docker/config.json", "{\"credsStore\":\"bad\"}", 0600);
    assert_int_equal(credentials_store(&p->env, NULL, "r.io", &c, &other, &plain, NULL), -EIO);
    assert_string_equal(p->words ? p->words : "", "");
}

#define PLACED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

UNIT_MAIN(cmocka_unit_test(documents_know_who_one_is),
          cmocka_unit_test(the_first_format_has_no_auths), cmocka_unit_test(mistakes_have_words),
          cmocka_unit_test(hosts_are_read_as_people_paste_them), PLACED(files_have_an_order),
          PLACED(damaged_files_are_a_warning), PLACED(helpers_that_fail_are_a_warning),
          PLACED(registries_conf_may_name_helpers), PLACED(helpers_have_a_time),
          PLACED(helpers_give_tokens), PLACED(logins_go_to_the_file_and_keep_the_rest),
          PLACED(docker_hub_has_its_own_key), PLACED(damaged_files_are_not_overwritten),
          PLACED(helpers_keep_logins))

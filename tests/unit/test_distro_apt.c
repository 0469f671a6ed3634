/* What apt is told: settings, sources, and the sources of another release. */
#include "distro/apt.h"
#include "distro/plan.h"
#include "unit.h"

static const struct {
    const char *text, *name, *want; /* want "!": refused; NULL: not set */
} settings[] = {
    {"Acquire::http::Proxy \"http://p:3142\";", "acquire::HTTP::proxy", "http://p:3142"},
    {"Acquire { http { Proxy \"x\"; Timeout \"3\"; }; };", "Acquire::http::Proxy", "x"},
    {"Acquire::http { Proxy \"x\" }", "Acquire::http::Proxy", "x"},
    {"A \"1\"; A \"2\";", "A", "2"},
    {"A 1;", "A", "1"},
    {"A::B \"1\"; // words\n# more\n/* and\nmore */ C \"2\";", "C", "2"},
    {"A \"http://x/#y\";", "A", "http://x/#y"},
    {"L { \"a\"; \"b\"; };", "L", "b"},
    {"L:: \"a\";", "L", "a"},
    {"A::B \"1\"; A::C \"2\";\n#clear A;\n", "A::B", NULL},
    {"A::B \"1\";\n#clear A::C;\n", "A::B", "1"},
    {"A \"\";", "A", ""},
    {"", "A", NULL},
    {"A { B \"1\";", "A", "!"},
    {"A \"1\n\";", "A", "!"},
    {"A \"1\"; }", "A", "!"},
    {"#include relative;", "A", "!"},
};

static void settings_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        APT_CONF_AUTO(c);
        ERROR_AUTO(err);
        const int r = apt_conf_parse(&c, view_of(settings[i].text), "test", &err);
        const bool bad = settings[i].want && settings[i].want[0] == '!';

        print_message("# %s\n", settings[i].text);
        assert_int_equal(r, bad ? -EINVAL : 0);
        const char *have = apt_conf_get(&c, settings[i].name);
        if (bad)
            assert_non_null(err.where);
        else if (settings[i].want)
            assert_string_equal(have ? have : "(none)", settings[i].want);
        else
            assert_null(have);
    }
}

static void proxies(void **state)
{
    APT_CONF_AUTO(c);

    (void)state;
    assert_null(apt_conf_proxy(&c, "http://h/debian"));
    assert_int_equal(apt_conf_parse(&c,
                                    VIEW("Acquire::http::Proxy \"http://p:1\";\n"
                                         "Acquire::http::Proxy::near \"DIRECT\";\n"
                                         "Acquire::Check-Date \"false\"; X \"on\";"),
                                    "test", NULL),
                     0);
    assert_string_equal(apt_conf_proxy(&c, "http://far/debian"), "http://p:1");
    assert_string_equal(apt_conf_proxy(&c, "https://far/debian"), "http://p:1");
    assert_string_equal(apt_conf_proxy(&c, "http://u:p@near:80/debian"), "");
    assert_false(apt_conf_bool(&c, "Acquire::Check-Date", true));
    assert_true(apt_conf_bool(&c, "Acquire::Check-Valid-Until", true));
    assert_true(apt_conf_bool(&c, "x", false));
}

static void print_sources(const struct apt_sources *s, struct str *ret)
{
    vec_each (k, s) {
        str_printf(ret, "%s %s", k->uri, k->suite);
        vec_each (c, &k->components)
            str_printf(ret, " %s", *c);
        vec_each (f, &k->keyrings)
            str_printf(ret, " [%s]", *f);
        str_printf(ret, "%s%s%s;", k->key ? " key" : "", k->trusted == APT_YES ? " trusted" : "",
                   k->check_valid_until == APT_NO ? " old" : "");
    }
}

static const struct {
    const char *name;
    bool deb822;
    const char *text, *want; /* "!": refused */
} sources[] = {
    {"line", false, "deb http://h/debian/ bookworm main contrib # words\n",
     "http://h/debian bookworm main contrib;"},
    {"options", false,
     "deb [ arch=amd64,i386 signed-by=/k.gpg,/l.asc trusted=yes check-valid-until=no ] file:/d s "
     "main",
     "file:/d s main [/k.gpg] [/l.asc] trusted old;"},
    {"other architecture", false, "deb [arch=arm64] http://h/d s main\n", ""},
    {"source packages", false, "deb-src http://h/d s main\n", ""},
    {"comment", false, "# deb http://h/d s main\n\n", ""},
    {"unknown type", false, "rpm http://h/d s main\n", "!"},
    {"open bracket", false, "deb [a=b http://h/d s main\n", "!"},
    {"no suite", false, "deb http://h/d\n", "!"},
    {"paragraph", true,
     "Types: deb deb-src\n# words\nURIs: http://h/d http://i/d\nSuites: s s-updates\nComponents: "
     "main\n"
     "Signed-By: /k.gpg\n",
     "http://h/d s main [/k.gpg];http://h/d s-updates main [/k.gpg];http://i/d s main [/k.gpg];"
     "http://i/d s-updates main [/k.gpg];"},
    {"key within", true,
     "Types: deb\nURIs: http://h/d\nSuites: s\nComponents: main\nSigned-By:\n -----BEGIN PGP "
     "PUBLIC KEY "
     "BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n",
     "http://h/d s main key;"},
    {"disabled", true, "Enabled: no\nTypes: deb\nURIs: http://h/d\nSuites: s\nComponents: main\n",
     ""},
    {"two", true,
     "Types: deb\nURIs: http://h/d\nSuites: s\n\nTypes: deb-src\nURIs: http://h/d\nSuites: s\n",
     "http://h/d s;"},
    {"comments only", true, "# nothing\n\n# here\n", ""},
    {"no suites", true, "Types: deb\nURIs: http://h/d\n", "!"},
    {"rubbish", true, "hello\n", "!"},
};

static void sources_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
        APT_SOURCES_AUTO(s);
        ERROR_AUTO(err);
        STR_AUTO(have);
        int (*parse)(struct apt_sources *, struct view, const char *, const char *,
                     struct error *) =
            sources[i].deb822 ? apt_sources_parse_deb822 : apt_sources_parse_list;
        const int r = parse(&s, view_of(sources[i].text), "test", "amd64", &err);

        print_message("# %s\n", sources[i].name);
        assert_int_equal(r, sources[i].want[0] == '!' ? -EINVAL : 0);
        print_sources(&s, &have);
        if (r == 0)
            assert_string_equal(have.at, sources[i].want);
    }
}

static const struct {
    const char *name, *machine, *suite, *want;
} releases[] = {
    {"the machine's own",
     "deb http://m/debian bookworm main\ndeb http://m/debian bookworm-updates main\n"
     "deb http://m/debian bookworm-backports main\ndeb http://m/debian-security bookworm-security "
     "main\n"
     "deb http://other/apt stable main\n",
     "bookworm",
     "http://m/debian bookworm main;http://m/debian bookworm-updates main;"
     "http://m/debian-security bookworm-security main;"},
    {"another one by the same mirror",
     "deb http://m/debian bookworm main\ndeb http://m/debian-security bookworm-security main\n"
     "deb http://other/apt bookworm main\n",
     "trixie", "http://m/debian trixie main;http://m/debian-security trixie-security main;"},
    {"unstable has no kin",
     "deb http://m/debian bookworm main\ndeb http://m/debian bookworm-updates main\n", "sid",
     "http://m/debian sid main;"},
    {"another distribution", "deb http://archive.ubuntu.com/ubuntu noble main\n", "bookworm", ""},
    {"no apt", "", "sid", ""},
};

static void sources_of_a_release(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(releases); i++) {
        APT_SOURCES_AUTO(machine);
        APT_SOURCES_AUTO(s);
        STR_AUTO(have);

        print_message("# %s\n", releases[i].name);
        assert_int_equal(
            apt_sources_parse_list(&machine, view_of(releases[i].machine), "test", "amd64", NULL),
            0);
        apt_sources_for(&machine, releases[i].suite, &s);
        print_sources(&s, &have);
        assert_string_equal(have.at, releases[i].want);
    }
}

static const char lock[] =
    "{\"format\":1,\"variant\":\"static\",\"suite\":\"bookworm\",\"version\":\"12.15\","
    "\"architecture\":\"amd64\",\"epoch\":1783764997,\"sources\":\"deb http://h/d s main\\n\",\n"
    "\"packages\":[\n"
    "{\"name\":\"netbase\",\"version\":\"6.4\",\"architecture\":\"all\",\"sha256\":"
    "\"515e692f2c4121c6fcec444"
    "ef100cc18f79a991910615f3a88c8b7becfc94d2f\",\"size\":12,\"path\":\"pool/"
    "n.deb\",\"suite\":\"bookworm\","
    "\"released\":1783764997,\"automatic\":true}\n]}\n";

static void locks_come_back_as_they_went(void **state)
{
    PLAN_AUTO(plan);
    STR_AUTO(again);
    ERROR_AUTO(err);

    (void)state;
    if (plan_parse(VIEW(lock), &plan, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(plan.variant, VARIANT_STATIC);
    assert_true(plan_find(&plan, "netbase")->automatic);
    plan_print(&plan, &again);
    assert_string_equal(again.at, lock);
}

static void bad_locks(void **state)
{
    static const char *const changes[][2] = {
        {"\"format\":1", "\"format\":2"},
        {"static", "nothing"},
        {"pool/n.deb", "../n.deb"},
        {"\"netbase\"", "\"net/base\""},
        {"\"size\":12", "\"size\":-1"},
        {"\"sha256\":\"515e", "\"sha256\":\"x15e"},
        {"\"suite\":\"bookworm\",\"v", "\"v"},
        {"\"version\":\"6.4\"", "\"version\":64"},
        {"\"packages\"", "\"packagesx\""},
        {"pool/n.deb", "pool/n b.deb"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        const char *at = strstr(lock, changes[i][0]);
        PLAN_AUTO(plan);

        print_message("# %s\n", changes[i][1]);
        assert_non_null(at);
        cleanup_free char *text = xasprintf("%.*s%s%s", (int)(at - lock), lock, changes[i][1],
                                            at + strlen(changes[i][0]));
        assert_true(plan_parse(view_of(text), &plan, NULL) < 0);
    }
}

UNIT_MAIN(cmocka_unit_test(settings_are_read), cmocka_unit_test(proxies),
          cmocka_unit_test(sources_are_read), cmocka_unit_test(sources_of_a_release),
          cmocka_unit_test(locks_come_back_as_they_went), cmocka_unit_test(bad_locks))

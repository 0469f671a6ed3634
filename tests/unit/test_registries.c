#include "registry/registries.h"
#include "unit.h"

/* The manual's example. */
#define MANUAL                                                                                     \
    "unqualified-search-registries = ['example.com']\n"                                            \
    "[[registry]]\nprefix = 'example.com/foo'\ninsecure = false\nblocked = false\n"                \
    "location = 'internal-registry-for-example.com/bar'\n"                                         \
    "[[registry.mirror]]\nlocation = 'example-mirror-0.local/mirror-for-foo'\n"                    \
    "[[registry.mirror]]\nlocation = 'example-mirror-1.local/mirrors/foo'\ninsecure = true\n"
#define WHEN                                                                                       \
    "[[registry]]\nlocation = 'r.io'\n"                                                            \
    "[[registry.mirror]]\nlocation = 'a.io'\n"                                                     \
    "[[registry.mirror]]\nlocation = 'd.io'\npull-from-mirror = 'digest-only'\n"                   \
    "[[registry.mirror]]\nlocation = 't.io'\npull-from-mirror = 'tag-only'\n"
#define DIGEST_ONLY                                                                                \
    "[[registry]]\nlocation = 'r.io'\nmirror-by-digest-only = true\n"                              \
    "[[registry.mirror]]\nlocation = 'a.io'\n"
#define WILD                                                                                       \
    "[[registry]]\nprefix = '*.example.com'\ninsecure = true\n"                                    \
    "[[registry.mirror]]\nlocation = 'm.io/all'\n"                                                 \
    "[[registry]]\nprefix = 'no.example.com'\nblocked = true\n"
#define D "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* want: places to pull from, '!' behind one that is insecure, '+' behind a mirror; NULL: blocked. */
static const struct {
    const char *name, *conf, *image, *want;
} cases[] = {
    {"nothing said", "", "app", "docker.io/library/app"},
    {"search list is not followed", "unqualified-search-registries = ['example.com']", "app",
     "docker.io/library/app"},
    {"aliases are not followed", "[aliases]\n'app' = 'example.com/app'", "app",
     "docker.io/library/app"},
    {"manual's example", MANUAL, "example.com/foo/image:latest",
     "example-mirror-0.local/mirror-for-foo/image+ example-mirror-1.local/mirrors/foo/image!+ "
     "internal-registry-for-example.com/bar/image"},
    {"the prefix ends at a separator", MANUAL, "example.com/foobar/image",
     "example.com/foobar/image"},
    {"the prefix is the repository", MANUAL, "example.com/foo:1",
     "example-mirror-0.local/mirror-for-foo+ example-mirror-1.local/mirrors/foo!+ "
     "internal-registry-for-example.com/bar"},
    {"location alone", "[[registry]]\nlocation = 'r.io/a/'\ninsecure = true", "r.io/a/b",
     "r.io/a/b!"},
    {"longest prefix",
     "[[registry]]\nlocation = 'r.io'\n[[registry]]\nprefix = 'r.io/a/b'\nlocation = "
     "'x.io'\n[[registry]]\nprefix = 'r.io/a'\nlocation = 'y.io'",
     "r.io/a/b/c", "x.io/c"},
    {"a tag as prefix", "[[registry]]\nprefix = 'r.io/a:1'\nlocation = 'x.io/b:2'", "r.io/a:1",
     "x.io/b"},
    {"another tag", "[[registry]]\nprefix = 'r.io/a:1'\nlocation = 'x.io/b:2'", "r.io/a:10",
     "r.io/a"},
    {"another port is another registry", "[[registry]]\nlocation = 'r.io'\nblocked = true",
     "r.io:5000/a", "r.io:5000/a"},
    {"port", "[[registry]]\nprefix = 'r.io:5000'\nlocation = 'localhost:80/x'", "r.io:5000/a/b",
     "localhost:80/x/a/b"},
    {"blocked", "[[registry]]\nlocation = 'r.io'\nblocked = true", "r.io/a", NULL},
    {"Docker Hub, library", "[[registry]]\nprefix = 'docker.io/library/app'\nlocation = 'r.io/app'",
     "app:3", "r.io/app"},
    {"Docker Hub, not library", "[[registry]]\nprefix = 'docker.io/app'\nlocation = 'r.io/app'",
     "app:3", "docker.io/library/app"},
    {"Docker Hub behind a mirror",
     "[[registry]]\nprefix = 'docker.io'\n[[registry.mirror]]\nlocation = "
     "'mirror.local/hub'\ninsecure = true",
     "debian:12", "mirror.local/hub/library/debian!+ docker.io/library/debian"},
    {"location of Docker Hub", "[[registry]]\nprefix = 'r.io'\nlocation = 'index.docker.io'",
     "r.io/a/b", "docker.io/a/b"},
    {"by tag", WHEN, "r.io/a:1", "a.io/a+ t.io/a+ r.io/a"},
    {"by digest", WHEN, "r.io/a" D, "a.io/a+ d.io/a+ r.io/a"},
    {"by both", WHEN, "r.io/a:1" D, "a.io/a+ d.io/a+ r.io/a"},
    {"digest only, a tag", DIGEST_ONLY, "r.io/a:1", "r.io/a"},
    {"digest only, a digest", DIGEST_ONLY, "r.io/a" D, "a.io/a+ r.io/a"},
    {"wildcard", WILD, "a.b.example.com/x/y", "m.io/all/x/y+ a.b.example.com/x/y!"},
    {"wildcard and a port", WILD, "a.example.com:5000/x", "m.io/all/x+ a.example.com:5000/x!"},
    {"wildcard is for domains below", WILD, "example.com/x", "example.com/x"},
    {"wildcard is no end of a word", WILD, "a.notexample.com/x", "a.notexample.com/x"},
    {"wildcard is no beginning", WILD, "a.example.com.evil.org/x", "a.example.com.evil.org/x"},
    {"wildcard in a path", WILD, "evil.org/a.example.com/x", "evil.org/a.example.com/x"},
    {"exact beside wildcard", WILD, "no.example.com/x", NULL},
    {"version 1",
     "[registries.search]\nregistries = ['s.io']\n[registries.insecure]\nregistries = "
     "['i.io', 'both.io']\n[registries.block]\nregistries = ['b.io/x', 'both.io']",
     "i.io/x", "i.io/x!"},
    {"version 1, blocked", "[registries.block]\nregistries = ['b.io/x']", "b.io/x/y", NULL},
    {"version 1, both",
     "[registries.insecure]\nregistries = ['x.io']\n[registries.block]\nregistries = "
     "['x.io']",
     "x.io/y", NULL},
};

static void show(const struct registry_endpoints *list, struct str *ret)
{
    vec_each (e, list)
        str_printf(ret, "%s%s/%s%s%s", ret->size ? " " : "", e->host, e->repository,
                   e->insecure ? "!" : "", e->mirror ? "+" : "");
}

static void images_have_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(registries_freep) struct registries *r = registries_new();
        CLEANUP(registry_endpoints_done) struct registry_endpoints list = {0};
        REFERENCE_AUTO(ref);
        STR_AUTO(got);
        ERROR_AUTO(err);

        print_message("# %s\n", cases[i].name);
        assert_int_equal(registries_add(r, view_of(cases[i].conf), "t", &err), 0);
        assert_int_equal(reference_parse(cases[i].image, &ref, &err), 0);
        assert_int_equal(registries_pull(r, &ref, &list, &err), cases[i].want ? 0 : -EPERM);
        show(&list, &got);
        assert_string_equal(got.at, cases[i].want ? cases[i].want : "");
    }
}

static void pushes_go_where_they_say(void **state)
{
    CLEANUP(registries_freep) struct registries *r = registries_new();
    CLEANUP(registry_endpoints_done) struct registry_endpoints list = {0};
    REFERENCE_AUTO(ref);
    REFERENCE_AUTO(other);
    STR_AUTO(got);
    ERROR_AUTO(err);

    (void)state;
    assert_int_equal(registries_add(r,
                                    VIEW("[[registry]]\nprefix = 'r.io'\nlocation = 'x.io'\n"
                                         "insecure = true\n[[registry.mirror]]\nlocation = 'm.io'\n"
                                         "[[registry]]\nlocation = 'b.io'\nblocked = true"),
                                    "t", &err),
                     0);
    assert_int_equal(reference_parse("r.io/a:1", &ref, &err), 0);
    assert_int_equal(registries_push(r, &ref, &list, &err), 0);
    show(&list, &got);
    assert_string_equal(got.at, "r.io/a!");
    assert_int_equal(reference_parse("b.io/a:1", &other, &err), 0);
    assert_int_equal(registries_push(r, &other, &list, &err), -EPERM);
}

static const struct {
    const char *conf, *complaint;
} bad[] = {
    {"[[registry]]\n", "neither prefix nor location"},
    {"[[registry]]\nprefix = ''", "neither prefix nor location"},
    {"registry = 1", "'registry' is not"},
    {"registry = [1]", "no table"},
    {"[[registry]]\nlocation = 'https://r.io'", "has a scheme"},
    {"[[registry]]\nlocation = '/'", "location is empty"},
    {"[[registry]]\nlocation = 'r.io'\ninsecure = 'yes'", "'insecure' is not"},
    {"[[registry]]\nlocation = 'r.io'\n[[registry]]\nprefix = 'r.io'", "two tables"},
    {"[[registry]]\nprefix = '*.r.io/a'", "wildcard"},
    {"[[registry]]\nprefix = 'a.*.r.io'", "wildcard"},
    {"[[registry]]\nprefix = '*.'", "wildcard"},
    {"[[registry]]\nprefix = '*.r.io:5000'", "wildcard"},
    {"[[registry]]\nlocation = 'r.io'\npull-from-mirror = 'all'", "belongs to a mirror"},
    {"[[registry]]\nlocation = 'r.io'\n[[registry.mirror]]\ninsecure = true", "without a location"},
    {"[[registry]]\nlocation = 'r.io'\n[[registry.mirror]]\nlocation = 'm'\npull-from-mirror = "
     "'no'",
     "not 'no'"},
    {"[[registry]]\nlocation = 'r.io'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation "
     "= "
     "'m'\npull-from-mirror = 'all'",
     "mirror-by-digest-only"},
    {"[[registry]]\nlocation = 'r.io'\n[registries.block]\nregistries = []", "versions 1 and 2"},
    {"[registries.block]\nregistries = [1]", "no list of texts"},
    {"credential-helpers = [1]", "no list of texts"},
    {"credential-helpers = 'x'", "credential-helpers"},
};

static void mistakes_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CLEANUP(registries_freep) struct registries *r = registries_new();
        ERROR_AUTO(err);

        print_message("# %s\n", bad[i].conf);
        assert_int_equal(registries_add(r, view_of(bad[i].conf), "t", &err), -EINVAL);
        assert_non_null(strstr(err.text, bad[i].complaint));
        assert_non_null(err.where);
    }
}

static void later_files_replace_tables(void **state)
{
    CLEANUP(registries_freep) struct registries *r = registries_new();
    CLEANUP(registry_endpoints_done) struct registry_endpoints list = {0};
    REFERENCE_AUTO(ref);
    STR_AUTO(got);
    ERROR_AUTO(err);

    (void)state;
    assert_int_equal(registries_add(r, view_of(MANUAL), "t", &err), 0);
    assert_int_equal(registries_add(r,
                                    VIEW("[[registry]]\nprefix = 'example.com/foo'\nlocation = "
                                         "'new.io'"),
                                    "u", &err),
                     0);
    assert_int_equal(reference_parse("example.com/foo/a", &ref, &err), 0);
    assert_int_equal(registries_pull(r, &ref, &list, &err), 0);
    show(&list, &got);
    assert_string_equal(got.at, "new.io/a");
}

static void helpers_are_listed(void **state)
{
    CLEANUP(registries_freep) struct registries *r = registries_new();

    (void)state;
    assert_int_equal(registries_helpers(r)->size, 0);
    assert_int_equal(
        registries_add(r, VIEW("credential-helpers = ['a', 'containers-auth.json']"), "t", NULL),
        0);
    assert_int_equal(registries_add(r, VIEW("credential-helpers = []"), "t", NULL), 0);
    assert_int_equal(registries_helpers(r)->size, 2);
    assert_int_equal(registries_add(r, VIEW("credential-helpers = ['b']"), "t", NULL), 0);
    assert_int_equal(registries_helpers(r)->size, 1);
    assert_string_equal(registries_helpers(r)->at[0], "b");
}

static void rewriting_has_to_name_an_image(void **state)
{
    CLEANUP(registries_freep) struct registries *r = registries_new();
    CLEANUP(registry_endpoints_done) struct registry_endpoints list = {0};
    REFERENCE_AUTO(ref);
    ERROR_AUTO(err);

    (void)state;
    assert_int_equal(
        registries_add(r, VIEW("[[registry]]\nprefix = 'r.io'\nlocation = 'internal'"), "t", &err),
        0);
    assert_int_equal(reference_parse("r.io/a", &ref, &err), 0);
    assert_int_equal(registries_pull(r, &ref, &list, &err), -EINVAL);
    assert_non_null(strstr(err.text, "internal/a"));
}

UNIT_MAIN(cmocka_unit_test(images_have_places), cmocka_unit_test(pushes_go_where_they_say),
          cmocka_unit_test(mistakes_are_refused), cmocka_unit_test(helpers_are_listed),
          cmocka_unit_test(later_files_replace_tables),
          cmocka_unit_test(rewriting_has_to_name_an_image))

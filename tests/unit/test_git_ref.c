#include "base/mem.h"
#include "net/git.h"
#include "unit.h"

#define HEX40 "0123456789abcdef0123456789abcdef01234567"

static const struct {
    const char *text;
    int result;
    const char *remote, *ref, *subdir, *checksum, *complaint;
} cases[] = {
    {"https://h/a.git", 1, "https://h/a.git"},
    {"https://h/a.git#v1", 1, "https://h/a.git", "v1"},
    {"https://h/a.git#v1:sub/dir", 1, "https://h/a.git", "v1", "sub/dir"},
    {"https://h/a.git#:/sub//./dir/", 1, "https://h/a.git", NULL, "sub/dir"},
    {"https://h/a.git#feature%2fx", 1, "https://h/a.git", "feature/x"},
    {"https://h/a", 0},
    {"https://h/a#x.git", 0},
    {"https://h/a?x=y.git", 0},
    {"http://h/a%2egit", 1, "http://h/a%2egit"},
    {"git://h/a", 1, "git://h/a"},
    {"ssh://git@h:22/a#main", 1, "ssh://git@h:22/a", "main"},
    {"git@h:a/b", 1, "git@h:a/b"},
    {"git@h:a/b.git#main:d", 1, "git@h:a/b.git", "main", "d"},
    {"me_2@h:a", 1, "me_2@h:a"},
    {"me@h", 0},
    {"me@h/x:y", 0},
    {"me@-oProxyCommand=x:y", 0},
    {"-o@h:y", 0},
    {"@h:y", 0},
    {"file:///a.git", 0},
    {"ext::sh -c x", 0},
    {"./a.git", 0},
    {"a.git", 0},
    {"https://h/a.git?ref=main&subdir=x", 1, "https://h/a.git", "main", "x"},
    {"https://h/a.git?tag=v1", 1, "https://h/a.git", "refs/tags/v1"},
    {"https://h/a.git?tag=refs/tags/v1", 1, "https://h/a.git", "refs/tags/v1"},
    {"https://h/a.git?branch=b", 1, "https://h/a.git", "refs/heads/b"},
    {"https://h/a.git?checksum=ABCDEF", 1, "https://h/a.git", NULL, NULL, "abcdef"},
    {"https://h/a.git?commit=" HEX40, 1, "https://h/a.git", HEX40, NULL, HEX40},
    {"https://h/a.git?ref=v1&commit=0123", 1, "https://h/a.git", "v1", NULL, "0123"},
    {"git@h:a?ref=x#:d", 1, "git@h:a", "x", "d"},
    {"https://h/a.git?ref=a#b", -1, .complaint = "two refs: 'a' and 'b'"},
    {"https://h/a.git?tag=a&branch=b", -1, .complaint = "two refs"},
    {"https://h/a.git?subdir=a#x:b", -1, .complaint = "two directories"},
    {"https://h/a.git?ref=a&ref=b", -1, .complaint = "'ref' comes twice"},
    {"https://h/a.git?ref=", -1, .complaint = "'ref' has no value"},
    {"https://h/a.git?what=1", -1, .complaint = "'what=1' is not known"},
    {"https://h/a.git?mtime=now", -1, .complaint = "'mtime=now' is not known"},
    {"https://h/a.git?submodules=perhaps", -1, .complaint = "neither true nor false"},
    {"https://h/a.git?checksum=xyzw", -1, .complaint = "is no commit"},
    {"https://h/a.git?checksum=abc", -1, .complaint = "is no commit"},
    {"https://h/a.git#--upload-pack=x", -1, .complaint = "no branch, tag or commit"},
    {"https://h/a.git#a..b", -1, .complaint = "no branch, tag or commit"},
    {"https://h/a.git#a*", -1, .complaint = "no branch, tag or commit"},
    {"https://h/a.git#a%0ab", -1, .complaint = "no branch, tag or commit"},
    {"https://h/a.git#a%00b", -1, .complaint = "malformed"},
    {"https://h/a.git#HEAD@{1}", -1, .complaint = "no branch, tag or commit"},
    {"https://h/a.git#main:../x", -1, .complaint = "leaves the repository"},
    {"https:///a.git", -1, .complaint = "names no host"},
    {"ssh://-oProxyCommand=x/a", -1, .complaint = "names no host"},
    {"ssh://u@-x/a", -1, .complaint = "names no host"},
    {"git://h/a\nb", -1, .complaint = "control characters"},
    {"github.com/a/b", 0},
};

static void same(const char *got, const char *want)
{
    if (want)
        assert_string_equal(got, want);
    else
        assert_null(got);
}

static void repositories_and_what_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        GIT_REF_AUTO(g);
        ERROR_AUTO(err);
        const int r = git_ref_parse(cases[i].text, false, &g, &err);

        print_message("# %s\n", cases[i].text);
        assert_int_equal(r < 0 ? -1 : r, cases[i].result);
        if (r < 0)
            assert_non_null(strstr(err.text, cases[i].complaint));
        same(g.remote, cases[i].remote);
        same(g.ref, cases[i].ref);
        same(g.subdir, cases[i].subdir);
        same(g.checksum, cases[i].checksum);
    }
}

static void choices(void **state)
{
    GIT_REF_AUTO(g);

    (void)state;
    assert_int_equal(git_ref_parse("https://h/a.git?keep-git-dir&submodules=false&mtime=checkout&"
                                   "fetch-by-commit=1",
                                   false, &g, NULL),
                     1);
    assert_int_equal(g.keep_git_dir, GIT_YES);
    assert_int_equal(g.submodules, GIT_NO);
    assert_true(g.checkout_time);
    assert_true(g.fetch_by_commit);
}

static void github_is_a_context_only(void **state)
{
    GIT_REF_AUTO(g);

    (void)state;
    assert_int_equal(git_ref_parse("github.com/a/b#main:d", true, &g, NULL), 1);
    assert_string_equal(g.remote, "https://github.com/a/b");
    assert_string_equal(g.ref, "main");
    assert_string_equal(g.subdir, "d");
}

static void the_longer_of_two_checksums(void **state)
{
    GIT_REF_AUTO(g);

    (void)state;
    assert_int_equal(git_ref_parse("https://h/a.git?commit=0123ab", false, &g, NULL), 1);
    assert_int_equal(git_ref_set_checksum(&g, "0123AB45", NULL), 0);
    assert_string_equal(g.checksum, "0123ab45");
    assert_int_equal(git_ref_set_checksum(&g, "0123", NULL), 0);
    assert_string_equal(g.checksum, "0123ab45");
    assert_true(git_ref_set_checksum(&g, "0124", NULL) < 0);
}

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct {
    const char *name, *listing, *ref, *want;
} listings[] = {
    {"HEAD", A "\tHEAD\n" B "\trefs/heads/main\n", NULL, A},
    {"a branch", A "\trefs/heads/v\n", "v", A},
    {"a branch before a tag", B "\trefs/tags/v\n" A "\trefs/heads/v\n", "v", A},
    {"what a tag points to", B "\trefs/tags/v\n" A "\trefs/tags/v^{}\n", "v", A},
    {"the same by its whole name", A "\trefs/tags/v^{}\n" B "\trefs/tags/v\n", "refs/tags/v", A},
    {"without refs/", A "\trefs/pull/1/head\n", "pull/1/head", A},
    {"another that ends so", A "\trefs/heads/x/v\n", "v", NULL},
    {"a branch that is called refs/heads/v", B "\trefs/heads/refs/heads/v\n" A "\trefs/heads/v\n",
     "refs/heads/v", A},
    {"nothing", "", "v", NULL},
    {"no commit", "A\trefs/heads/v\n", "v", NULL},
    {"capitals", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\trefs/heads/v\n", "v", NULL},
    {"no name", A "\n", "v", NULL},
};

static void the_commit_of_a_listing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(listings); i++) {
        char got[GIT_COMMIT_HEX + 1] = "";
        const bool found = git_pick(view_of(listings[i].listing), listings[i].ref, got);

        print_message("# %s\n", listings[i].name);
        assert_int_equal(found, listings[i].want != NULL);
        if (found)
            assert_string_equal(got, listings[i].want);
    }
}

UNIT_MAIN(cmocka_unit_test(the_commit_of_a_listing),
          cmocka_unit_test(repositories_and_what_is_none), cmocka_unit_test(choices),
          cmocka_unit_test(github_is_a_context_only), cmocka_unit_test(the_longer_of_two_checksums))

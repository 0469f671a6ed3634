/* Values of "# syntax=", and scripts that go on after an error. */
#include "dockerfile/syntax.h"

#include <errno.h>

#include "dockerfile/errexit.h"
#include "unit.h"

static const struct {
    const char *text, *says; /* NULL: nothing is said */
    int result;
} syntaxes[] = {
    {"docker/dockerfile:1", NULL, 0},
    {"docker/dockerfile", NULL, 0},
    {"docker/dockerfile:1.20", NULL, 0},
    {"docker/dockerfile:1.7-labs", NULL, 0},
    {"docker/dockerfile:labs", NULL, 0},
    {"docker.io/docker/dockerfile:1.4.0", NULL, 0},
    {"mirror:5000/hub/docker/dockerfile:1", NULL, 0},
    {"mirror:5000/docker/dockerfile", NULL, 0},
    {"docker/dockerfile-upstream:master", NULL, 0},
    {"docker/dockerfile:1@sha256:abc", NULL, 0},
    {"docker/dockerfile:1.21", "newer than what is known here, 1.20", 1},
    {"docker/dockerfile:2-labs", "newer", 1},
    {"somebody/dockerfile:1", "is not docker's", 1},
    {"somebody/mockerfile", "a language of its own", -ENOTSUP},
    {"buildpacks:5000/x:y", "a language of its own", -ENOTSUP},
};

static void syntax_is_never_fetched(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(syntaxes); i++) {
        STR_AUTO(warning);
        ERROR_AUTO(err);

        print_message("# '%s'\n", syntaxes[i].text);
        assert_int_equal(syntax_check(view_of(syntaxes[i].text), &warning, &err),
                         syntaxes[i].result);
        const char *said = syntaxes[i].result < 0 ? err.text : warning.at;
        if (syntaxes[i].says)
            assert_non_null(strstr(said, syntaxes[i].says));
        else
            assert_int_equal(warning.size, 0);
    }
}

static const struct {
    const char *script;
    bool missing;
} scripts[] = {
    {"a\nb\n", true},
    {"a\n", false},
    {"# set -e\na\n\nb\n", true},
    {"set -e\na\nb\n", false},
    {"  set -eux\na\nb\n", false},
    {"set -o errexit\na\nb\n", false},
    {"set -uo pipefail\na\nb\n", true},
    {"true; set -e\na\nb\n", false},
    {"a &&\nb\n", false},
    {"a && \\\n  b || \\\n  c\n", false},
    {"a \\\n set -e\nb\n", true},
    {"for i in 1 2; do\n  a\ndone\n", false},
    {"if a; then\n  b\n  c\nfi\n", true},
    {"", false},
    {"offset -e\nb\n", true},
};

static void a_script_without_errexit_is_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
        print_message("# %zu\n", i);
        assert_int_equal(errexit_is_missing(view_of(scripts[i].script)), scripts[i].missing);
    }
    assert_true(errexit_is_shell(VIEW("/usr/bin/bash")));
    assert_true(errexit_is_shell(VIEW("sh")));
    assert_false(errexit_is_shell(VIEW("/bin/fish")));
    assert_true(errexit_in_words(VIEW("/bin/bash -o pipefail -ec")));
    assert_true(errexit_in_words(VIEW("/bin/sh -o errexit -c")));
    assert_false(errexit_in_words(VIEW("/bin/bash -o pipefail -c")));
    assert_false(errexit_in_words(VIEW("bash --rcfile x")));
}

UNIT_MAIN(cmocka_unit_test(syntax_is_never_fetched),
          cmocka_unit_test(a_script_without_errexit_is_seen))

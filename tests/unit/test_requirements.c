/* test_requirements.c - which versions files of requirements leave open. */
#include "lint/requirements.h"
#include "unit.h"

static const struct {
    const char *path, *text;
    const char *lock; /* beside it or above, or NULL */
    size_t open;
    const char *first; /* NULL: none */
} rows[] = {
    {"requirements.txt", "flask\n", NULL, 1, "flask"},
    {"requirements.txt", "# flask\n\nflask==3.0.3\n", NULL, 0, NULL},
    {"requirements.txt", "flask>=3 # why\nred==1.*\r\n", NULL, 2, "flask>=3"},
    {"requirements.txt", "a===1\nb[x] == 2 ; python_version > '3'\n", NULL, 0, NULL},
    {"requirements.txt", "a; python_version == '3.8'\n", NULL, 1, "a; python_version == '3.8'"},
    {"requirements.txt", "a==1 \\\n    --hash=sha256:0 \\\n    --hash=sha256:1\n", NULL, 0, NULL},
    {"requirements.txt", "-r other.txt\n-e .\n./a\nx.whl\n", NULL, 0, NULL},
    {"requirements.txt", "a @ https://h/a.whl\ngit+https://h/r@1\n", NULL, 0, NULL},
    {"requirements.txt", "a\n-c constraints.txt\n", NULL, 0, NULL},
    {"requirements.txt", "a\n--require-hashes\n", NULL, 0, NULL},
    {"requirements.txt", "\xef\xbb\xbf# a\r\nb==1\r\n", NULL, 0, NULL},
    {"requirements.txt", "# by hand \\\na\n", NULL, 1, "a"},
    {"requirements-dev.txt", "a", NULL, 1, "a"},
    {"requirements.in", "a", NULL, 0, NULL},
    {"package.json", "{\"dependencies\": {\"a\": \"^1.2.3\", \"b\": \"1.2.3\"}}", NULL, 1, "a"},
    {"package.json", "{\"devDependencies\": {\"a\": \"latest\", \"b\": \"1.x\"}}", NULL, 2, "a"},
    {"package.json", "{\"dependencies\": {\"a\": \"1.2\"}}", NULL, 1, "a"},
    {"package.json", "{\"dependencies\": {\"a\": \"=1.2.3-rc.1\", \"b\": \"file:b\"}}", NULL, 0,
     NULL},
    {"package.json", "{\"dependencies\": {\"a\": \"1.2.3-beta.x\", \"b\": \"1.2.x\"}}", NULL, 1,
     "b"},
    {"package.json", "{\"dependencies\": {\"a\": \"npm:x@1.2.3\", \"b\": \"u/r\"}}", NULL, 0, NULL},
    {"package.json", "{\"dependencies\": {\"a\": \"npm:x@^1\"}}", NULL, 1, "a"},
    {"package.json", "{\"dependencies\": {\"a\": \"*\"}}", "package-lock.json", 0, NULL},
    {"w/a/package.json", "{\"dependencies\": {\"a\": \"*\"}}", "pnpm-lock.yaml", 0, NULL},
    {"w/a/package.json", "{\"dependencies\": {\"a\": \"*\"}}", "w/yarn.lock", 0, NULL},
    {"w/a/package.json", "{\"dependencies\": {\"a\": \"*\"}}", "v/yarn.lock", 1, "a"},
    {"package.json", "{\"dependencies\": [1]}", NULL, 0, NULL},
    {"package.json", "[", NULL, 0, NULL},
    {"Gemfile", "source 'x'\ngem 'a'\ngem \"b\", \"1.2\"\ngem 'c', '~> 1'\n", NULL, 2, "gem 'a'"},
    {"Gemfile", "gem 'a'\n", "Gemfile.lock", 0, NULL},
    {"Gemfile", "gem 'a', path: 'x'\ngem 'b', :path => 'x'\n", NULL, 0, NULL},
    {"go.mod", "module a\n\nrequire b v1.2.3\n", NULL, 1, "require"},
    {"go.mod", "module a\n\nrequire b v1.2.3\n", "go.sum", 0, NULL},
    {"go.mod", "module a\n", NULL, 0, NULL},
};

static void open_versions_are_counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(map_done) struct map locks = {0};
        STR_AUTO(first);

        if (rows[i].lock) {
            assert_true(requirements_is_lock(view_of(rows[i].lock)));
            map_set(&locks, view_of(rows[i].lock), &locks);
        }
        const size_t open =
            requirements_open(view_of(rows[i].path), view_of(rows[i].text), &locks, &first);
        if (open != rows[i].open || (rows[i].first && strcmp(first.at, rows[i].first) != 0))
            fail_msg("row %zu: %zu open, first '%s': %s", i, open, first.at, rows[i].text);
    }
}

UNIT_MAIN(cmocka_unit_test(open_versions_are_counted))

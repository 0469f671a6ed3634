#include "dockerfile/dockerfile.h"

#include <dirent.h>
#include <unistd.h>

#include "base/fd.h"
#include "unit.h"

static char *data_path(const char *name)
{
    const char *root = getenv("CONFORMANCE");
    char *path = xasprintf("%s/%s", root ? root : "", name);

    if (access(path, F_OK) == 0)
        return path;
    print_message("# %s is not there: the conformance data are not beside the repository\n", path);
    free(path);
    skip();
    return NULL;
}

/* Calls for each entry of the directory that does not begin with '.'; returns their number. */
static size_t each_entry(const char *path, void (*call)(const char *dir, const char *name))
{
    DIR *dir = opendir(path);
    size_t count = 0;

    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] != '.') {
            call(path, e->d_name);
            count++;
        }
    closedir(dir);
    return count;
}

static void read_text(const char *dir, const char *name, const char *file, struct str *ret)
{
    cleanup_free char *path = xasprintf("%s/%s/%s", dir, name, file);

    assert_true(fd_read_file(AT_FDCWD, path, 1 << 20, ret, NULL) >= 0);
}

static void check_tree(const char *dir, const char *name)
{
    STR_AUTO(text);
    STR_AUTO(want);
    STR_AUTO(got);
    ERROR_AUTO(err);
    CLEANUP(dockerfile_freep) struct dockerfile *d = NULL;

    read_text(dir, name, "Dockerfile", &text);
    read_text(dir, name, "result", &want);
    if (dockerfile_parse(str_view(&text), name, &d, &err) < 0)
        fail_msg("%s: %s at %s", name, err.text, err.where ? err.where : "?");
    dockerfile_print(d, &got);
    if (strcmp(got.at, want.at) != 0)
        fail_msg("%s: got\n%s\nwant\n%s", name, got.at, want.at);
}

static void trees_print_as_buildkit_prints_them(void **state)
{
    (void)state;
    cleanup_free char *path = data_path("dockerfile-parser/testfiles");
    const size_t count = each_entry(path, check_tree);

    print_message("# %zu files\n", count);
    assert_true(count >= 22);
}

static void check_refused(const char *dir, const char *name)
{
    STR_AUTO(text);
    ERROR_AUTO(err);
    struct dockerfile *d = NULL;

    read_text(dir, name, "Dockerfile", &text);
    const int r = dockerfile_parse(str_view(&text), name, &d, &err);
    if (r != -EINVAL || !err.text)
        fail_msg("%s was not refused", name);
    print_message("# %s: %s\n", name, err.text);
}

static void negative_files_are_refused(void **state)
{
    (void)state;
    cleanup_free char *path = data_path("dockerfile-parser/testfiles-negative");

    assert_true(each_entry(path, check_refused) >= 3);
}

static void instructions_know_their_lines(void **state)
{
    (void)state;
    STR_AUTO(text);
    cleanup_free char *path = data_path("dockerfile-parser/testfile-line");
    CLEANUP(dockerfile_freep) struct dockerfile *d = NULL;
    static const uint32_t want[][2] = {{5, 5}, {11, 12}, {17, 31}};

    read_text(path, ".", "Dockerfile", &text);
    assert_int_equal(dockerfile_parse(str_view(&text), "Dockerfile", &d, NULL), 0);
    assert_int_equal(d->instruction_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(d->instructions[i].span.line, want[i][0]);
        assert_int_equal(d->instructions[i].span.end_line, want[i][1]);
    }
    assert_int_equal(d->span.line, 5);
    assert_int_equal(d->span.end_line, 31);
    assert_int_equal(d->warning_count, 1);
    assert_int_equal(d->instructions[1].words[1].span.line, 12);
    assert_int_equal(d->instructions[1].words[1].span.column, 1);
}

static void check_official(const char *dir, const char *name)
{
    STR_AUTO(text);
    ERROR_AUTO(err);
    CLEANUP(dockerfile_freep) struct dockerfile *d = NULL;

    if (!strchr(name, '_'))
        return; /* LICENSES, SOURCES.tsv */
    read_text(dir, ".", name, &text);
    if (dockerfile_parse(str_view(&text), name, &d, &err) < 0 || dockerfile_check(d, &err) < 0)
        fail_msg("%s: %s at %s", name, err.text, err.where ? err.where : "?");
}

static void official_files_parse(void **state)
{
    (void)state;
    cleanup_free char *path = data_path("official");

    assert_true(each_entry(path, check_official) > 40);
}

static const struct {
    const char *name, *text, *want; /* the tree */
} trees[] = {
    {"BOM and CRLF",
     "\xef\xbb\xbf"
     "FROM a\r\nRUN b \\\r\n  c\r\n",
     "(from \"a\")\n(run \"b   c\")\n"},
    {"backtick continues", "#escape=`\nFROM a\nRUN b `\nc\\\nUSER d\n",
     "(from \"a\")\n(run \"b c\\\\\")\n(user \"d\")\n"},
    {"directives end at a comment", "# x\n# escape=`\nFROM a\\\nb\n", "(from \"ab\")\n"},
    {"directives end at a blank line", "\n# escape=`\nFROM a\\\nb\n", "(from \"ab\")\n"},
    {"directive names know no case", "# SynTax = x\n# EsCape = `\nFROM a`\nb\n", "(from \"ab\")\n"},
    {"two escapes do not continue", "FROM a\nRUN b\\\\\nUSER c",
     "(from \"a\")\n(run \"b\\\\\\\\\")\n(user \"c\")\n"},
    {"an escape alone continues", "FROM \\\n\\\na", "(from \"a\")\n"},
    {"comments inside", "RUN a \\\n  # b \\\n\n# c\n  d", "(run \"a   d\")\n"},
    {"a hash elsewhere is none", "CMD x # y\nENTRYPOINT [\"a\"] # c",
     "(cmd \"x # y\")\n(entrypoint \"[\\\"a\\\"] # c\")\n"},
    {"flags", "COPY --from=a --chown=\"b c\" --link -- --x y z",
     "(copy [\"--from=a\" \"--chown=b c\" \"--link\"] \"--x\" \"y\" \"z\")\n"},
    {"flags need no command", "RUN --mount=type=cache,target=/x",
     "(run [\"--mount=type=cache,target=/x\"])\n"},
    {"unknown", "BOGUS a b", "(bogus \"\")\n"},
    {"heredocs", "COPY <<\"a b\" <<-c /x\n1\na b\n\t2\n\tc\nUSER d",
     "(copy \"<<\\\"a b\\\"\" \"<<-c\" \"/x\")\n(user \"d\")\n"},
    {"a heredoc holds what looks like Dockerfile", "RUN <<EOF\n# a \\\nFROM b\nEOF\nUSER c",
     "(run \"<<EOF\")\n(user \"c\")\n"},
    {"blanks before the name", "RUN cat << EOF\na\nEOF\nUSER c",
     "(run \"cat << EOF\")\n(user \"c\")\n"},
    {"a shift is no heredoc", "RUN echo $(( 1 << 2 ))\nUSER c",
     "(run \"echo $(( 1 << 2 ))\")\n(user \"c\")\n"},
    {"nor is <<<", "RUN cat <<<EOF\nUSER c", "(run \"cat <<<EOF\")\n(user \"c\")\n"},
    {"nor a quoted one", "RUN echo \"<<EOF\"\nUSER c",
     "(run \"echo \\\"<<EOF\\\"\")\n(user \"c\")\n"},
    {"nor one in JSON form", "RUN [\"<<EOF\"]\nUSER c", "(run \"<<EOF\")\n(user \"c\")\n"},
    {"nor one elsewhere", "CMD <<EOF\nUSER c", "(cmd \"<<EOF\")\n(user \"c\")\n"},
    {"ONBUILD has them", "ONBUILD RUN <<EOF\na\nEOF\nUSER c",
     "(onbuild (run \"<<EOF\"))\n(user \"c\")\n"},
    {"JSON of Go", "CMD [\"\\u00e9\\ud83d\\ude00\\ud83d\", \"a\\u0000\"]",
     "(cmd \"é😀�\" \"a\\x00\")\n"},
    {"ARG in quotes", "ARG a=\"b c\" d e='f g'", "(arg \"a=\\\"b c\\\"\" \"d\" \"e='f g'\")\n"},
    {"pairs", "ENV a=1 b=\"2 3\" c=4\\ 5",
     "(env \"a\" \"1\" \"=\" \"b\" \"\\\"2 3\\\"\" \"=\" \"c\" \"4\\\\ 5\" \"=\")\n"},
};

static void corner_cases_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
        STR_AUTO(got);
        ERROR_AUTO(err);
        CLEANUP(dockerfile_freep) struct dockerfile *d = NULL;

        print_message("# %s\n", trees[i].name);
        if (dockerfile_parse(view_of(trees[i].text), "Dockerfile", &d, &err) < 0)
            fail_msg("%s", err.text);
        dockerfile_print(d, &got);
        assert_string_equal(got.at, trees[i].want);
    }
}

static void heredocs_keep_their_parts(void **state)
{
    (void)state;
    static const char text[] = "RUN 3<<-'E'\"F\" cat <<$G\n\ta\n\t EF\n\tEF\n\tb\n$G\n";
    CLEANUP(dockerfile_freep) struct dockerfile *d = NULL;

    assert_int_equal(dockerfile_parse(VIEW(text), "Dockerfile", &d, NULL), 0);
    const struct instruction *in = &d->instructions[0];
    assert_int_equal(in->heredoc_count, 2);
    const struct heredoc *a = &in->heredocs[0], *b = &in->heredocs[1];
    assert_true(view_eq_text(a->name, "EF") && view_eq_text(b->name, "$G"));
    assert_true(a->fd == 3 && a->chomp && !a->expand && b->fd == 0 && !b->chomp && b->expand);
    assert_true(view_eq_text(a->raw, "\ta\n\t EF\n") && view_eq_text(a->content, "a\n EF\n"));
    assert_true(view_eq_text(b->content, "\tb\n"));
    assert_int_equal(in->span.end_line, 6);
}

static void comments_stay_with_what_they_explain(void **state)
{
    (void)state;
    static const char text[] =
        "# check=skip=all\n# one\n#\n#  two \n\n# three\nFROM a\n# four\nRUN \\\n # five\n b\n";
    CLEANUP(dockerfile_freep) struct dockerfile *d = NULL;

    assert_int_equal(dockerfile_parse(VIEW(text), "Dockerfile", &d, NULL), 0);
    assert_int_equal(d->directive_count, 1);
    assert_true(view_eq_text(d->directives[0].value, "skip=all"));
    assert_int_equal(d->instructions[0].comment_count, 2);
    assert_true(view_eq_text(d->instructions[0].comments[0].text, "two"));
    assert_int_equal(d->instructions[1].comment_count, 1);
    assert_int_equal(d->comment_count, 6);
    assert_true(view_eq_text(d->comments[5].text, "five"));
    assert_int_equal(d->comments[5].span.line, 10);
    assert_int_equal(d->comments[5].span.column, 2);
}

static const struct {
    const char *name, *text, *where, *message, *hint; /* hint NULL: any */
} errors[] = {
    {"unknown instruction", "FROM a\nRUNN b", "D:2:1", "unknown instruction: RUNN",
     "did you mean RUN?"},
    {"unknown flag", "FROM a\nCOPY --form=b c d", "D:2:6", "unknown flag: --form",
     "did you mean --from?"},
    {"flag of another instruction", "FROM a\nUSER --chown=b c", "D:2:6", "unknown flag: --chown",
     NULL},
    {"flag without value", "FROM a\nCOPY --chmod 777 c d", "D:2:6",
     "missing a value on flag: --chmod", NULL},
    {"flag twice", "FROM a\nCOPY --from=b \\\n --from=c d e", "D:3:2",
     "duplicate flag specified: --from", NULL},
    {"bad bool", "FROM a\nCOPY --link=yes d e", "D:2:6", "expecting boolean value for flag --link",
     NULL},
    {"inside ONBUILD", "FROM a\nONBUILD COPY --form=b c d", "D:2:14", "unknown flag: --form", NULL},
    {"too few words", "FROM a\nCOPY b", "D:2:1", "COPY requires at least two arguments", NULL},
    {"too many words", "FROM a b", "D:1:8", "FROM requires either one or three arguments", NULL},
    {"no AS", "FROM a is b", "D:1:8", "FROM requires either one or three arguments", NULL},
    {"bad stage name", "FROM a AS b/c", "D:1:11", "invalid name for build stage: 'b/c'", NULL},
    {"before FROM", "ARG a\nRUN b\nFROM c", "D:2:1", "no build stage in current context", NULL},
    {"no FROM", "ARG a", NULL, "contains no stages", NULL},
    {"variable in --from", "FROM a\nCOPY --from=$b c d", "D:2:6",
     "variable expansion is not supported for --from", NULL},
    {"ONBUILD ONBUILD", "FROM a\nONBUILD ONBUILD RUN b", "D:2:9", "chaining", NULL},
    {"ONBUILD FROM", "FROM a\nONBUILD FROM b", "D:2:9", "FROM isn't allowed as an ONBUILD trigger",
     NULL},
    {"ONBUILD alone", "FROM a\nONBUILD", "D:2:1", "ONBUILD requires at least one argument", NULL},
    {"SHELL without JSON", "FROM a\nSHELL sh -c", "D:2:7",
     "SHELL requires the arguments to be in JSON form", NULL},
    {"HEALTHCHECK of another type", "FROM a\nHEALTHCHECK TCP 80", "D:2:13",
     "unknown type 'TCP' in HEALTHCHECK", NULL},
    {"HEALTHCHECK NONE x", "FROM a\nHEALTHCHECK NONE x", "D:2:18",
     "HEALTHCHECK NONE takes no arguments", NULL},
    {"HEALTHCHECK CMD", "FROM a\nHEALTHCHECK CMD", "D:2:1", "missing command after HEALTHCHECK CMD",
     NULL},
    {"short interval", "FROM a\nHEALTHCHECK --interval=1us CMD b", "D:2:13", "less than 1ms", NULL},
    {"bad interval", "FROM a\nHEALTHCHECK --interval=1 CMD b", "D:2:13", "invalid duration '1'",
     NULL},
    {"negative retries", "FROM a\nHEALTHCHECK --retries=-1 CMD b", "D:2:13", "--retries", NULL},
    {"network", "FROM a\nRUN --network=fake b", "D:2:5", "unsupported network mode 'fake'", NULL},
    {"security", "FROM a\nRUN --security=x b", "D:2:5", "security 'x' is not valid", NULL},
    {"mount key", "FROM a\nRUN --mount=target=/b,z c", "D:2:5", "invalid field 'z'", NULL},
    {"mount type", "FROM a\nRUN --mount=type=cash,target=/b c", "D:2:5",
     "unsupported mount type 'cash'", NULL},
    {"heredoc as destination", "FROM a\nCOPY b <<c\nc\n", "D:2:8",
     "COPY cannot accept a heredoc as a destination", NULL},
    {"unterminated heredoc", "FROM a\nRUN <<EOF\nb\n", "D:2:5", "unterminated heredoc", NULL},
    {"ENV without value", "FROM a\nENV b", "D:2:5", "ENV must have two arguments", NULL},
    {"ENV without name", "FROM a\nENV =b", "D:2:5", "ENV names can not be blank", NULL},
    {"no '='", "FROM a\nENV b=c d", "D:2:9", "no '=' in 'd'", NULL},
    {"numbers in JSON", "FROM a\nCMD [\"b\", 1]", "D:2:5",
     "arrays must be comprised of strings only", NULL},
    {"directive twice", "# escape=`\n# escape=`\nFROM a", "D:2:1",
     "only one escape parser directive", NULL},
    {"bad escape", "# escape=x\nFROM a", "D:1:1", "invalid escape token 'x'", NULL},
    {"empty", "\n# x\n", NULL, "no instructions", NULL},
    {"empty VOLUME", "FROM a\nVOLUME [\"\"]", "D:2:9", "VOLUME", NULL},
};

static void mistakes_are_named_and_placed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        ERROR_AUTO(err);
        CLEANUP(dockerfile_freep) struct dockerfile *d = NULL;

        print_message("# %s\n", errors[i].name);
        int r = dockerfile_parse(view_of(errors[i].text), "D", &d, &err);
        if (r == 0)
            r = dockerfile_check(d, &err);
        assert_int_equal(r, -EINVAL);
        if (!strstr(err.text, errors[i].message))
            fail_msg("got '%s'", err.text);
        if (errors[i].where)
            assert_string_equal(err.where ? err.where : "(nowhere)", errors[i].where);
        if (errors[i].hint)
            assert_string_equal(err.hint ? err.hint : "(none)", errors[i].hint);
    }
}

static void limits_are_kept(void **state)
{
    (void)state;
    STR_AUTO(text);
    struct dockerfile *d = NULL;

    str_add_text(&text, "RUN ");
    for (int i = 0; i < DOCKERFILE_LINE_MAX - 4; i++)
        str_add_char(&text, 'a');
    assert_int_equal(dockerfile_parse(str_view(&text), "D", &d, NULL), 0);
    dockerfile_free(d);
    d = NULL;
    str_add_char(&text, 'a');
    assert_int_equal(dockerfile_parse(str_view(&text), "D", &d, NULL), -EDQUOT);
    str_clear(&text);
    for (int i = 0; i <= DOCKERFILE_INSTRUCTIONS_MAX; i++)
        str_add_text(&text, "RUN\n");
    assert_int_equal(dockerfile_parse(str_view(&text), "D", &d, NULL), -EDQUOT);
    str_clear(&text);
    for (int i = 0; i < 1000; i++)
        str_add_text(&text, "ONBUILD ");
    assert_int_equal(dockerfile_parse(str_view(&text), "D", &d, NULL), -EINVAL);
}

static void excerpts_point_at_the_place(void **state)
{
    (void)state;
    STR_AUTO(got);
    struct span span = {0};

    source_excerpt(VIEW("FROM a\r\nCOPY\t--form=b c d\n"), (struct span){2, 6, 2, 14}, &got);
    assert_string_equal(got.at, "     2 | COPY --form=b c d\n       |      ^~~~~~~~\n");
    str_clear(&got);
    source_excerpt(VIEW("RUN ä b \\\n c"), (struct span){1, 8, 2, 3}, &got);
    assert_string_equal(got.at, "     1 | RUN ä b \\\n       |       ^~~\n");
    str_clear(&got);
    source_excerpt(VIEW("RUNN a b"), (struct span){1, 1, 1, 1}, &got);
    assert_string_equal(got.at, "     1 | RUNN a b\n       | ^~~~\n");
    str_clear(&got);
    source_excerpt(VIEW("FROM a"), (struct span){7, 1, 7, 1}, &got);
    assert_string_equal(got.at, "");
    assert_true(source_where("a/D:12:5", "a/D", &span));
    assert_true(span.line == 12 && span.column == 5);
    assert_true(source_where("a/D:12", "a/D", &span));
    assert_false(source_where("b/D:12", "a/D", &span));
    assert_false(source_where("a/D", "a/D", &span));
    assert_false(source_where(NULL, "a/D", &span));
}

UNIT_MAIN(cmocka_unit_test(trees_print_as_buildkit_prints_them),
          cmocka_unit_test(negative_files_are_refused),
          cmocka_unit_test(instructions_know_their_lines), cmocka_unit_test(official_files_parse),
          cmocka_unit_test(corner_cases_parse), cmocka_unit_test(heredocs_keep_their_parts),
          cmocka_unit_test(comments_stay_with_what_they_explain),
          cmocka_unit_test(mistakes_are_named_and_placed), cmocka_unit_test(limits_are_kept),
          cmocka_unit_test(excerpts_point_at_the_place))

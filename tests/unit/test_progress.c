#include "base/doc.h"
#include "base/env.h"
#include "base/progress.h"
#include "base/text.h"
#include "unit.h"

/* What a step with this output writes. Caller frees. */
static char *written(enum progress_mode mode, struct view log)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct progress *p = progress_new(mode, out, false);
    struct progress_step *s = progress_begin(p, "[1/1] RUN x");

    progress_log(s, log);
    progress_finish(s, PROGRESS_DONE, NULL);
    progress_say(p, "built", "built it");
    progress_free(p);
    fclose(out);
    return text;
}

static const struct {
    const char *name;
    struct view log;
    const char *line; /* as plain progress shows it */
} outputs[] = {
    {"plain", VIEW("hello\n"), " hello\n"},
    {"no newline at the end", VIEW("hello"), " hello\n"},
    {"colours", VIEW("\033[1;31mred\033[0m\n"), " red\n"},
    {"title of the window", VIEW("\033]0;title\aname\n"), " name\n"},
    {"character set", VIEW("\033(Bx\n"), " x\n"},
    {"unfinished sequence", VIEW("x\033[1;3\n"), " x\n"},
    {"tab, bell, delete", VIEW("a\tb\a\177c\n"), " a bc\n"},
    {"UTF-8", VIEW("\xc3\xa4\n"), " \xc3\xa4\n"},
};

static void output_does_not_steer_the_terminal(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
        cleanup_free char *text = written(PROGRESS_PLAIN, outputs[i].log);

        print_message("# %s\n", outputs[i].name);
        assert_non_null(strstr(text, outputs[i].line));
        assert_null(strchr(text, '\033'));
    }
}

/* What warnings repeat was written by strangers: registries, archives. */
static void warnings_do_not_steer_the_terminal(void **state)
{
    static const struct {
        const char *given, *shown;
    } words[] = {
        {"tag 'a\033[2Jb'", "cooper: warning: tag 'a?[2Jb'\n"},
        {"C1 \xc2\x9b"
         "2J",
         "cooper: warning: C1 ?2J\n"},
        {"turned \xe2\x80\xae"
         "fdp.exe",
         "cooper: warning: turned ?fdp.exe\n"},
        {"a\n\tb \xc3\xa4 \177", "cooper: warning: a\n\tb \xc3\xa4 ?\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        cleanup_free char *text = NULL;
        size_t size = 0;
        FILE *err = open_memstream(&text, &size);
        const struct env env = {.err = err};

        env_warn(&env, "%s", words[i].given);
        fclose(err);
        assert_string_equal(text, words[i].shown);
    }
}

static void every_line_of_json_is_a_document(void **state)
{
    cleanup_free char *text =
        written(PROGRESS_JSON, VIEW("\"quoted\" \\ \033[1m \xff\xc3 end\nnext\n"));
    struct view rest = view_of(text), line;
    size_t lines = 0;

    (void)state;
    while (view_cut(&rest, '\n', &line) && line.size > 0) {
        cleanup_doc json_t *doc = NULL;
        const char *event = NULL;
        ERROR_AUTO(err);

        assert_int_equal(doc_parse(line, 10000, "event", &doc, &err), 0);
        assert_int_equal(doc_text(doc, "event", &event, &err), 0);
        assert_non_null(event);
        lines++;
    }
    assert_int_equal(lines, 5); /* begin, two of log, end, built */
}

static const struct {
    const char *name, *text;
    size_t columns, cut_at;
    const char *cut; /* the beginning that takes cut_at columns at most */
} widths[] = {
    {"ASCII", "hello", 5, 3, "hel"},
    {"umlauts", "\xc3\xa4\xc3\xb6\xc3\xbc", 3, 2, "\xc3\xa4\xc3\xb6"},
    {"wide", "\xe4\xb8\xad\xe6\x96\x87", 4, 3, "\xe4\xb8\xad"},
    {"emoji", "\xf0\x9f\x90\xb3!", 3, 1, ""},
    {"combining", "e\xcc\x81x", 2, 1, "e\xcc\x81"},
    {"no UTF-8", "a\xff\xc3", 3, 2, "a\xff"},
    {"all of it", "ab", 2, 80, "ab"},
};

static void columns_are_those_of_a_screen(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
        const struct view v = view_of(widths[i].text);

        print_message("# %s\n", widths[i].name);
        assert_int_equal(text_columns(v), widths[i].columns);
        assert_true(view_eq_text(text_cut(v, widths[i].cut_at), widths[i].cut));
    }
}

static void rows_on_a_terminal_have_its_width(void **state)
{
    cleanup_free char *text = written(PROGRESS_TTY, VIEW("x\n"));
    struct view rest = view_of(text), line;

    (void)state;
    while (view_cut(&rest, '\n', &line))
        if (view_starts(line, " => [1/1]"))
            assert_int_equal(text_columns(line),
                             79); /* 80 where nobody says, and the last one stays free */
    assert_non_null(strstr(text, "built it\n"));
}

UNIT_MAIN(cmocka_unit_test(output_does_not_steer_the_terminal),
          cmocka_unit_test(warnings_do_not_steer_the_terminal),
          cmocka_unit_test(every_line_of_json_is_a_document),
          cmocka_unit_test(columns_are_those_of_a_screen),
          cmocka_unit_test(rows_on_a_terminal_have_its_width))

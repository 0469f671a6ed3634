#include "build/redact.h"
#include "unit.h"

/* secret, stream, what may be kept; base64 texts are base64(1)'s. */
static const struct {
    const char *name, *secret, *stream, *want;
} cases[] = {
    {"nothing in it", "s3cret-value", "a line\nof words\n", "a line\nof words\n"},
    {"as it is", "s3cret-value", "x s3cret-value y\n", "x [secret] y\n"},
    {"its line end does not count", "s3cret-value\n", "xs3cret-valuey", "x[secret]y"},
    {"twice, touching", "s3cret", "s3crets3cret", "[secret][secret]"},
    {"begun, not finished", "s3cret-value", "s3cret-val", "s3cret-val"},
    {"begun, then whole", "aabaac", "aabaabaac", "aab[secret]"},
    {"base64", "s3cret-value", "czNjcmV0LXZhbHVl\n", "[secret]\n"},
    {"base64 with the line end", "s3cret-value\n", "czNjcmV0LXZhbHVlCg==\n", "[secret]Cg==\n"},
    {"base64 behind one byte", "s3cret-value", "OnMzY3JldC12YWx1ZQ==", "On[secret]Q=="},
    {"base64 behind two bytes", "s3cret-value", "YTpzM2NyZXQtdmFsdWU=", "YTp[secret]U="},
    {"one line of it", "BEGIN A KEY\nMIIEvgIBADAN\nEND A KEY\n", "got MIIEvgIBADAN\n",
     "got [secret]\n"},
    {"all lines of it", "BEGIN A KEY\nMIIEvgIBADAN\nEND A KEY\n",
     "BEGIN A KEY\nMIIEvgIBADAN\nEND A KEY\n", "[secret]\n"},
    {"too short to be told from words", "abc", "abc", "abc"},
    {"empty", "", "abc", "abc"},
};

/* Whatever pieces the stream comes in. */
static void secrets_do_not_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (size_t step = 1; step < 20; step++) {
            CLEANUP(redactor_freep) struct redactor *r = redactor_new();
            STR_AUTO(out);

            print_message("# %s, in pieces of %zu\n", cases[i].name, step);
            redactor_add(r, view_of(cases[i].secret));
            for (struct view rest = view_of(cases[i].stream); rest.size;) {
                const size_t n = MIN(step, rest.size);
                redactor_pass(r, view_make(rest.at, n), &out);
                rest = view_make(rest.at + n, rest.size - n);
            }
            redactor_end(r, &out);
            assert_string_equal(out.at, cases[i].want);
        }
}

static void long_base64_comes_in_lines(void **state)
{
    CLEANUP(redactor_freep) struct redactor *r = redactor_new();
    STR_AUTO(secret);
    STR_AUTO(text);
    STR_AUTO(lines);
    STR_AUTO(out);

    (void)state;
    for (int i = 0; i < 100; i++)
        str_printf(&secret, "%d ", i * i);
    str_add_base64(&text, str_view(&secret));
    for (size_t at = 0; at < text.size; at += 76)
        str_printf(&lines, "%.76s\n", text.at + at);
    redactor_add(r, str_view(&secret));
    redactor_pass(r, str_view(&lines), &out);
    redactor_end(r, &out);
    for (struct view rest = str_view(&out), line; view_cut(&rest, '\n', &line) && line.size;)
        assert_true(view_starts(line, "[secret]") && line.size <= 11);
}

UNIT_MAIN(cmocka_unit_test(secrets_do_not_pass), cmocka_unit_test(long_base64_comes_in_lines))

/* fuzz_dockerfile.c - any bytes as a Dockerfile: parsed, printed, checked, and every place in it shown. */
#include <assert.h>

#include "dockerfile/dockerfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void see_word(const struct dockerfile *d, struct word w, struct str *s)
{
    assert(w.span.line > 0 && w.span.column > 0);
    assert(w.span.end_line > w.span.line ||
           (w.span.end_line == w.span.line && w.span.end_column >= w.span.column));
    str_clear(s);
    source_excerpt(d->source, w.span, s);
    dockerfile_quote(w.text, s);
}

static void see_instruction(const struct dockerfile *d, const struct instruction *in, struct str *s)
{
    for (size_t i = 0; i < in->word_count; i++)
        see_word(d, in->words[i], s);
    for (size_t i = 0; i < in->flag_count; i++)
        see_word(d, (struct word){in->flags[i].text, in->flags[i].span}, s);
    for (size_t i = 0; i < in->heredoc_count; i++)
        assert(in->heredocs[i].name.size > 0);
    assert(in->span.end_line >= in->span.line);
    if (in->trigger)
        see_instruction(d, in->trigger, s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(dockerfile_freep) struct dockerfile *d = NULL;
    ERROR_AUTO(err);
    ERROR_AUTO(found);
    STR_AUTO(s);

    if (dockerfile_parse(view_make(data, size), "Dockerfile", &d, &err) < 0) {
        assert(err.text);
        return 0;
    }
    dockerfile_print(d, &s);
    for (size_t i = 0; i < d->instruction_count && i < 200; i++)
        see_instruction(d, &d->instructions[i], &s);
    if (dockerfile_check(d, &found) < 0)
        assert(found.text);
    return 0;
}

#include "base/vec.h"

#include <string.h>

void vec_grow(void **at, size_t *cap, size_t want, size_t item_size)
{
    size_t bytes;

    if (want <= *cap)
        return;
    const size_t more = MAX(want, *cap + *cap / 2 + 4);
    if (mul_overflow(more, item_size, &bytes))
        abort();
    *at = xrealloc(*at, bytes);
    *cap = more;
}

void strings_take(struct strings *s, char *take_text)
{
    vec_push(s, take_text);
}

void strings_add(struct strings *s, const char *text)
{
    strings_take(s, xstrdup(text));
}

void strings_done(struct strings *s)
{
    for (size_t i = 0; i < s->size; i++)
        free(s->at[i]);
    vec_done(s);
}

char **strings_argv(struct strings *s)
{
    vec_reserve(s, 1);
    s->at[s->size] = NULL;
    return s->at;
}

/* fuzz_words.c - any bytes as a word to be expanded: option byte, value of $a, NUL, word. */
#include <assert.h>

#include "dockerfile/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *get(void *ctx, struct view name)
{
    return view_eq_text(name, "a") ? ctx : view_eq_text(name, "e") ? "" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(strings_done) struct strings unset = {0}, list = {0};
    STR_AUTO(text);

    if (size < 2 || size > 4096)
        return 0;
    cleanup_free char *value = xstrndup((const char *)data + 1, size - 1);
    const size_t used = MIN(strlen(value) + 2, size);
    const struct view word = view_make(data + used, size - used);
    const struct words w = {.escape = data[0] & 1 ? '`' : '\\',
                            .keep_quotes = data[0] & 2,
                            .get = get,
                            .ctx = value,
                            .unset = &unset};
    const int r = words_expand(&w, word, &text, NULL);
    assert(words_split(&w, word, &list, NULL) == r);
    assert(r == 0 || (text.size == 0 && list.size == 0));
    return 0;
}

/* fuzz_sh.c - any bytes as a shell script: every place lies in the text, every node in its parent's list. */
#include <assert.h>

#include "lint/sh.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new();
    const struct sh_script *s = sh_parse(arena, view_make(data, size));
    STR_AUTO(tree);

    assert(s->root->kind == SH_LIST);
    for (size_t i = 0; i < s->command_count; i++) {
        const struct sh_node *c = s->commands[i];
        assert(c->kind == SH_COMMAND && c->begin <= c->end && c->end <= size);
        assert(c->words || c->assigns || c->redirects);
        for (const struct sh_word *w = c->words; w; w = w->next)
            assert(w->begin < w->end && w->end <= c->end);
    }
    for (size_t i = 0; i < s->pipe_count; i++)
        assert(s->pipes[i]->begin <= s->pipes[i]->end && s->pipes[i]->end <= size);
    for (size_t i = 0; i < s->error_count; i++)
        assert(s->errors[i].at <= size);
    sh_print(s, &tree);
    return 0;
}

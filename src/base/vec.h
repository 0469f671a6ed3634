/* base/vec.h - typed growing arrays: `VEC(struct layer) layers = {0};`. Zeroed memory is an empty
 * one. */
#pragma once

#include "base/mem.h"

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t size, cap;                                                                          \
    }

void vec_grow(void **at, size_t *cap, size_t want, size_t item_size);

#define vec_reserve(v, more)                                                                       \
    vec_grow((void **)&(v)->at, &(v)->cap, (v)->size + (more), sizeof(*(v)->at))
#define vec_push(v, ...)                                                                           \
    do {                                                                                           \
        vec_reserve(v, 1);                                                                         \
        (v)->at[(v)->size++] = (__VA_ARGS__);                                                      \
    } while (0)
#define vec_each(item, v)                                                                          \
    for (__typeof__(*(v)->at) *item = (v)->at; item && item < (v)->at + (v)->size; item++)
#define vec_last(v) (&(v)->at[(v)->size - 1])
/* Frees the array, not what its items own. */
#define vec_done(v)                                                                                \
    do {                                                                                           \
        free((v)->at);                                                                             \
        (v)->at = NULL;                                                                            \
        (v)->size = (v)->cap = 0;                                                                  \
    } while (0)

/* Lists of strings are everywhere: owned texts, freed by strings_done(). */
struct strings {
    char **at;
    size_t size, cap;
};
void strings_add(struct strings *s, const char *text);
void strings_take(struct strings *s, char *take_text);
void strings_done(struct strings *s);
/* A NULL-terminated view of the list for execve(), valid until the next change. */
char **strings_argv(struct strings *s);

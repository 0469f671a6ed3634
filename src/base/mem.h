/* base/mem.h - memory that cannot run out, ownership that ends with its block, arenas.
 *
 * The x-calls abort without memory: a short-lived program has nothing better to do. Sizes that a
 * stranger chose are first held against a named limit, then allocated with mem_try_alloc(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* Either side is computed twice: no calls that do something. */
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *text, size_t size) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((returns_nonnull));
void *xmemdup(const void *data, size_t size) __attribute__((malloc, returns_nonnull));

/* For sizes that come from outside: -ENOMEM instead of an abort. */
MUST_CHECK int mem_try_alloc(size_t size, void **ret, struct error *err);

/* True on overflow, as the builtins; *ret is written either way. */
#define add_overflow(a, b, ret) __builtin_add_overflow(a, b, ret)
#define mul_overflow(a, b, ret) __builtin_mul_overflow(a, b, ret)

/* Scope-bound ownership. Cleaned variables are initialised where they are declared; cleanups keep
 * errno. */
#define CLEANUP(f) __attribute__((cleanup(f)))
#define cleanup_free CLEANUP(mem_freep)
#define cleanup_close CLEANUP(fd_closep)
void mem_freep(void *pointer_to_pointer);
void fd_closep(int *fd); /* closes if >= 0 */

/* Defines thing_freep() out of thing_free(), for CLEANUP(). */
#define DEFINE_CLEANUP(type, free_function)                                                        \
    static inline __attribute__((unused)) void free_function##p(type *p)                           \
    {                                                                                              \
        free_function(*p);                                                                         \
    }

/* Hands a cleaned variable over: its value, leaving NULL (or -1) behind. */
#define steal(p)                                                                                   \
    ({                                                                                             \
        __typeof__(p) *steal_at = &(p);                                                            \
        __typeof__(p) steal_value = *steal_at;                                                     \
        *steal_at = NULL;                                                                          \
        steal_value;                                                                               \
    })
#define steal_fd(fd)                                                                               \
    ({                                                                                             \
        int *steal_at = &(fd);                                                                     \
        int steal_value = *steal_at;                                                               \
        *steal_at = -1;                                                                            \
        steal_value;                                                                               \
    })

/* Memory of hundreds of nodes with one lifetime, freed at once. */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *a);
DEFINE_CLEANUP(struct arena *, arena_free)
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull)); /* zeroed */
char *arena_strndup(struct arena *a, const char *text, size_t size);
char *arena_strdup(struct arena *a, const char *text);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define arena_new_object(a, type) ((type *)arena_alloc(a, sizeof(type)))

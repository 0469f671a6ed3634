#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void out_of_memory(void)
{
    static const char words[] = "cooper: out of memory\n";

    (void)!write(2, words, sizeof(words) - 1);
    abort();
}

static void *checked(void *p)
{
    if (!p)
        out_of_memory();
    return p;
}

void *xmalloc(size_t size)
{
    return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
    return checked(realloc(p, size ? size : 1));
}

char *xstrdup(const char *text)
{
    return checked(strdup(text));
}

char *xstrndup(const char *text, size_t size)
{
    return checked(strndup(text, size));
}

char *xasprintf(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    const int r = vasprintf(&text, fmt, ap);
    va_end(ap);
    return checked(r < 0 ? NULL : text);
}

void *xmemdup(const void *data, size_t size)
{
    void *p = xmalloc(size);

    if (size > 0)
        memcpy(p, data, size);
    return p;
}

int mem_try_alloc(size_t size, void **ret, struct error *err)
{
    void *p = malloc(size ? size : 1);

    if (!p)
        return error_set(err, -ENOMEM, "no memory for %zu bytes", size);
    *ret = p;
    return 0;
}

void mem_freep(void *pointer_to_pointer)
{
    const int saved = errno;

    free(*(void **)pointer_to_pointer);
    errno = saved;
}

void fd_closep(int *fd)
{
    const int saved = errno;

    if (*fd >= 0)
        (void)close(*fd);
    errno = saved;
}

/* Blocks are chained; the newest one is filled. Large objects get a block of their own behind
 * it. */
#define ARENA_BLOCK 16384

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    max_align_t data[];
};

struct arena {
    struct arena_block *blocks;
};

static struct arena_block *block_new(size_t size)
{
    struct arena_block *b = xcalloc(1, sizeof(*b) + size);

    b->size = size;
    return b;
}

struct arena *arena_new(void)
{
    struct arena *a = xmalloc(sizeof(*a));

    a->blocks = block_new(ARENA_BLOCK);
    return a;
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct arena_block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

static void *arena_take(struct arena *a, size_t size, size_t align)
{
    struct arena_block *b = a->blocks;
    const size_t start = (b->used + align - 1) & ~(align - 1);

    if (start + size <= b->size) {
        b->used = start + size;
        return (char *)b->data + start;
    }
    if (size > ARENA_BLOCK / 4) {
        struct arena_block *own = block_new(size);

        own->used = size;
        own->next = b->next;
        b->next = own;
        return own->data;
    }
    a->blocks = block_new(ARENA_BLOCK);
    a->blocks->next = b;
    a->blocks->used = size;
    return a->blocks->data;
}

void *arena_alloc(struct arena *a, size_t size)
{
    return arena_take(a, size ? size : 1, _Alignof(max_align_t));
}

char *arena_strndup(struct arena *a, const char *text, size_t size)
{
    char *copy = arena_take(a, size + 1, 1);

    if (size > 0) /* an empty view may be NULL */
        memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
    return arena_strndup(a, text, strlen(text));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        out_of_memory();
    va_end(ap);
    char *copy = arena_strdup(a, text);
    free(text);
    return copy;
}

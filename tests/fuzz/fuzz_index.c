#include <unistd.h>

#include "base/fd.h"
#include "layer/merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted must be walked, hashed and written back to the same index. */
static void use(const struct index *ix)
{
    struct merge *m = merge_new(&ix, 1);
    struct merge_walk *w = NULL;
    struct merge_file file;
    struct digest a, b;
    const char *path;
    struct index *again = NULL;
    const int fd = fd_of_bytes("index", VIEW(""), NULL);

    if (merge_walk_begin(m, VIEW(""), &w) == 0)
        while (merge_walk_next(w, &path, &file) > 0)
            if (file.entry->type == ENTRY_HARDLINK || file.entry->type == ENTRY_WHITEOUT)
                __builtin_trap();
    merge_walk_free(w);
    merge_free(m);
    index_tree_id(ix, &a);
    if (fd < 0 || index_save(ix, fd, NULL) < 0 || index_load(fd, &again, NULL) < 0)
        __builtin_trap();
    index_tree_id(again, &b);
    if (!digest_eq(&a, &b))
        __builtin_trap();
    index_free(again);
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct index *ix = NULL;
    void *aligned = xmemdup(data, size ? size : 1);

    if (index_parse(view_make(aligned, size), &ix, NULL) == 0)
        use(ix);
    index_free(ix);
    free(aligned);
    return 0;
}

#include <string.h>

#include "oci/config.h"

static struct pair *find(const struct pairs *p, const char *key)
{
    vec_each (item, p) {
        if (strcmp(item->key, key) == 0)
            return item;
    }
    return NULL;
}

const char *pairs_get(const struct pairs *p, const char *key)
{
    const struct pair *item = find(p, key);

    return item ? item->value : NULL;
}

void pairs_set(struct pairs *p, const char *key, const char *value)
{
    struct pair *item = find(p, key);
    char *copy = xstrdup(value);

    if (item) {
        free(item->value);
        item->value = copy;
    } else {
        vec_push(p, (struct pair){xstrdup(key), copy});
    }
}

bool pairs_remove(struct pairs *p, const char *key)
{
    struct pair *item = find(p, key);

    if (!item)
        return false;
    free(item->key);
    free(item->value);
    p->size--;
    memmove(item, item + 1, (size_t)(p->at + p->size - item) * sizeof(*item));
    return true;
}

void pairs_done(struct pairs *p)
{
    vec_each (item, p) {
        free(item->key);
        free(item->value);
    }
    vec_done(p);
}

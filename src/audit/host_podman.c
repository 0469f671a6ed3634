/* host_podman.c - registries.conf, as far as it leaves registries unprotected: containers-registries.conf(5). */
#include <errno.h>

#include "audit/host_internal.h"
#include "base/toml.h"

#define INSECURE_MAX 10000

static void add(struct host *h, const json_t *name, const char *path)
{
    const char *text = json_string_value(name);

    if (text && h->f->insecure.size < INSECURE_MAX)
        vec_push(&h->f->insecure, (struct host_registry){arena_strdup(h->f->arena, text), path});
}

/* [[registry]], or a mirror of one. */
static void add_table(struct host *h, const json_t *table, const char *path)
{
    const json_t *prefix = json_object_get(table, "prefix");

    if (json_is_true(json_object_get(table, "insecure")))
        add(h, prefix ? prefix : json_object_get(table, "location"), path);
}

static void read_document(struct host *h, const json_t *doc, const char *path)
{
    const json_t *old = json_object_get(json_object_get(doc, "registries"), "insecure");
    json_t *table, *mirror;
    size_t i, k;

    json_array_foreach(json_object_get(doc, "registry"), i, table)
    {
        add_table(h, table, path);
        json_array_foreach(json_object_get(table, "mirror"), k, mirror) add_table(h, mirror, path);
    }
    json_array_foreach(json_object_get(old, "registries"), i, table) add(h, table, path);
}

static void read_file(struct host *h, const char *path)
{
    cleanup_doc json_t *doc = NULL;
    const char *why = NULL;
    ERROR_AUTO(err);
    STR_AUTO(text);

    int r = host_read(h, path, HOST_FILE_MAX, &text, &why);
    if (r == -ENOENT)
        return;
    if (h->f->registries != HOST_UNKNOWN)
        h->f->registries = HOST_THERE;
    if (r == 0)
        r = toml_parse(str_view(&text), HOST_FILE_MAX, path, &doc, &err);
    if (r == 0) {
        read_document(h, doc, path);
        return;
    }
    h->f->registries = HOST_UNKNOWN;
    h->f->registries_why =
        why ? arena_printf(h->f->arena, "%s: %s", path, why) : arena_strdup(h->f->arena, err.text);
}

void host_registries_gather(struct host *h)
{
    static const char drop_ins[] = "/etc/containers/registries.conf.d";
    CLEANUP(strings_done) struct strings names = {0};

    read_file(h, "/etc/containers/registries.conf");
    (void)!host_list(h, drop_ins, ".conf", &names);
    vec_each (name, &names)
        read_file(h, arena_printf(h->f->arena, "%s/%s", drop_ins, *name));
}

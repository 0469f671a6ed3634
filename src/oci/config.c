/* The value: made, copied, edited. Reading and printing are in config_doc.c. */
#include "oci/config.h"

#include <time.h>

#include "base/hash.h"
#include "base/moment.h"

void config_init(struct image_config *c, const struct platform *p)
{
    *c = (struct image_config){.platform = *p};
}

static void histories_done(struct histories *h)
{
    vec_each (item, h) {
        free(item->created);
        free(item->created_by);
        free(item->author);
        free(item->comment);
    }
    vec_done(h);
}

void config_done(struct image_config *c)
{
    char *const texts[] = {c->created, c->author, c->user, c->workdir, c->stop_signal};
    struct strings *const lists[] = {&c->env,     &c->entrypoint,      &c->cmd,
                                     &c->shell,   &c->onbuild,         &c->ports,
                                     &c->volumes, &c->healthcheck.test};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free(texts[i]);
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        strings_done(lists[i]);
    pairs_done(&c->labels);
    histories_done(&c->history);
    vec_done(&c->diff_ids);
    doc_unref(c->doc);
    *c = (struct image_config){0};
}

static char *copy_text(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

static struct strings copy_list(const struct strings *from)
{
    struct strings to = {0};

    for (size_t i = 0; i < from->size; i++)
        strings_add(&to, from->at[i]);
    return to;
}

void config_clone(const struct image_config *c, struct image_config *ret)
{
    struct image_config n = *c; /* plain values; what is owned is replaced below */

    n.created = copy_text(c->created);
    n.author = copy_text(c->author);
    n.user = copy_text(c->user);
    n.workdir = copy_text(c->workdir);
    n.stop_signal = copy_text(c->stop_signal);
    n.env = copy_list(&c->env);
    n.entrypoint = copy_list(&c->entrypoint);
    n.cmd = copy_list(&c->cmd);
    n.shell = copy_list(&c->shell);
    n.onbuild = copy_list(&c->onbuild);
    n.ports = copy_list(&c->ports);
    n.volumes = copy_list(&c->volumes);
    n.healthcheck.test = copy_list(&c->healthcheck.test);
    n.labels = (struct pairs){0};
    vec_each (item, &c->labels) {
        vec_push(&n.labels, (struct pair){xstrdup(item->key), xstrdup(item->value)});
    }
    n.history = (struct histories){0};
    vec_each (h, &c->history) {
        vec_push(&n.history,
                 (struct history){copy_text(h->created), copy_text(h->created_by),
                                  copy_text(h->author), copy_text(h->comment), h->empty_layer});
    }
    n.diff_ids = (struct digests){0};
    vec_each (d, &c->diff_ids) {
        vec_push(&n.diff_ids, *d);
    }
    n.doc = c->doc ? json_deep_copy(c->doc) : NULL;
    *ret = n;
}

void config_set_text(char **field, const char *text)
{
    char *copy = copy_text(text);

    free(*field);
    *field = copy;
}

void config_set_list(struct strings *field, const char *const *items, size_t count)
{
    struct strings made = {0};

    for (size_t i = 0; i < count; i++)
        strings_add(&made, items[i]);
    strings_done(field);
    *field = made;
}

/* The place of NAME=... in env, or NULL. */
static char **find_env(const struct image_config *c, const char *name)
{
    const size_t size = strlen(name);

    vec_each (item, &c->env) {
        if (strncmp(*item, name, size) == 0 && (*item)[size] == '=')
            return item;
    }
    return NULL;
}

const char *config_get_env(const struct image_config *c, const char *name)
{
    char **item = find_env(c, name);

    return item ? *item + strlen(name) + 1 : NULL;
}

void config_set_env(struct image_config *c, const char *name, const char *value)
{
    char **item = find_env(c, name);
    char *text = xasprintf("%s=%s", name, value);

    if (!item) {
        strings_take(&c->env, text);
        return;
    }
    free(*item);
    *item = text;
}

static void add_once(struct strings *set, const char *text)
{
    vec_each (item, set) {
        if (strcmp(*item, text) == 0)
            return;
    }
    strings_add(set, text);
}

void config_add_port(struct image_config *c, const char *port)
{
    add_once(&c->ports, port);
}

void config_add_volume(struct image_config *c, const char *path)
{
    add_once(&c->volumes, path);
}

void config_add_history(struct image_config *c, const char *created, const char *created_by,
                        const char *comment, bool empty_layer)
{
    vec_push(&c->history, (struct history){copy_text(created), copy_text(created_by), NULL,
                                           copy_text(comment), empty_layer});
}

void config_add_diff_id(struct image_config *c, const struct digest *diff_id)
{
    vec_push(&c->diff_ids, *diff_id);
}

void config_command(const struct image_config *c, struct strings *ret)
{
    vec_each (item, &c->entrypoint) {
        vec_push(ret, *item);
    }
    vec_each (item, &c->cmd) {
        vec_push(ret, *item);
    }
}

char *chain_id_text(const char *below, const char *diff_id, char buf[static DIGEST_TEXT_MAX])
{
    struct digest d;
    struct hash h;

    hash_init(&h);
    hash_add(&h, below, strlen(below));
    hash_add(&h, " ", 1);
    hash_add(&h, diff_id, strlen(diff_id));
    hash_done(&h, d.sha256);
    return digest_format(&d, buf);
}

void chain_id_next(const struct digest *below, const struct digest *diff_id, struct digest *ret)
{
    char a[DIGEST_TEXT_MAX], b[DIGEST_TEXT_MAX];
    STR_AUTO(text);

    str_printf(&text, "%s %s", digest_format(below, a), digest_format(diff_id, b));
    digest_of(str_view(&text), ret);
}

void chain_id_of(const struct digest *diff_ids, size_t count, struct digest *ret)
{
    struct digest chain = diff_ids[0];

    for (size_t i = 1; i < count; i++)
        chain_id_next(&chain, &diff_ids[i], &chain);
    *ret = chain;
}

/* A year has four digits (RFC 3339); other programs refuse a whole image for a date that is none. */
#define TIME_FIRST INT64_C(-30610224000) /* 1000-01-01 */
#define TIME_LAST INT64_C(253402300799)  /* 9999-12-31 */

char *config_time_format(int64_t seconds, char buf[static CONFIG_TIME_MAX])
{
    const time_t t = MIN(MAX(seconds, TIME_FIRST), TIME_LAST);
    struct tm tm = {0};

    gmtime_r(&t, &tm);
    strftime(buf, CONFIG_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return buf;
}

bool config_time_parse(const char *text, int64_t *ret_seconds)
{
    return moment_parse(view_of(text), ret_seconds);
}

/* cooper du - what the store holds, how big it is, and what prune could free. */
#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "base/doc.h"
#include "base/text.h"
#include "cli/commands.h"
#include "image/keep.h"
#include "store/gc.h"

struct options {
    const char *format;
    bool verify;
};

static json_t *item_document(const struct usage_item *i)
{
    char id[DIGEST_TEXT_MAX];
    json_t *doc = json_object();

    doc_set_text(doc, "type", usage_kind_name(i->kind));
    doc_set_text(doc, "name", i->name);
    if (!digest_is_zero(&i->id))
        doc_set_text(doc, "id", digest_format(&i->id, id));
    doc_set_int(doc, "size", (int64_t)i->size);
    doc_set_int(doc, "lastUsed", i->used_s);
    doc_set_bool(doc, "inUse", i->held);
    doc_set_bool(doc, "neededByImage", i->kind != USAGE_IMAGE && (i->named || i->unnamed));
    doc_set_bool(doc, "reclaimable", usage_reclaimable(i));
    return doc;
}

static void print_json(const struct env *env, const struct usage *u)
{
    STR_AUTO(text);
    cleanup_doc json_t *doc = json_object();
    json_t *items = json_array();
    uint64_t total = 0, reclaimable = 0;

    vec_each (i, u) {
        doc_push(items, item_document(i));
        total += i->kind == USAGE_IMAGE ? 0 : i->size;
        reclaimable += i->kind != USAGE_IMAGE && usage_reclaimable(i) ? i->size : 0;
    }
    doc_set_int(doc, "size", (int64_t)total);
    doc_set_int(doc, "reclaimable", (int64_t)reclaimable);
    doc_set(doc, "items", items);
    doc_print(doc, false, &text);
    fprintf(env->out, "%s\n", text.at);
}

/* Layers and blobs that images need are the images' row, the others are build cache: as docker
 * counts. */
static const char *row_name(const struct usage_item *i)
{
    switch (i->kind) {
    case USAGE_TREE:
    case USAGE_BLOB:
        return i->named || i->unnamed ? "images" : "build cache";
    case USAGE_CONTEXT:
    case USAGE_CACHE:
    case USAGE_LOG:
        return "build cache";
    case USAGE_MOUNT:
        return "cache mounts";
    case USAGE_TMP:
        return "temporary";
    case USAGE_IMAGE:
        break;
    }
    return "images";
}

static void print_row(const struct env *env, const struct usage *u, const char *name)
{
    uint64_t count = 0, used = 0, size = 0, reclaimable = 0;
    STR_AUTO(total);
    STR_AUTO(gain);

    vec_each (i, u) {
        if (strcmp(row_name(i), name) != 0)
            continue;
        if (strcmp(name, "images") != 0 || i->kind == USAGE_IMAGE) {
            count++;
            used += !usage_reclaimable(i);
        }
        if (i->kind == USAGE_IMAGE)
            continue;
        size += i->size;
        reclaimable += usage_reclaimable(i) ? i->size : 0;
    }
    text_size(&total, size);
    text_size(&gain, reclaimable);
    fprintf(env->out, "%-14s %7" PRIu64 " %8" PRIu64 " %10s %12s\n", name, count, used, total.at,
            gain.at);
}

static void print_item(const struct env *env, const struct usage_item *i)
{
    char hex[DIGEST_HEX_MAX], day[32];
    const time_t t = (time_t)i->used_s;
    struct tm tm;
    STR_AUTO(size);

    text_size(&size, i->size);
    if (!gmtime_r(&t, &tm) || strftime(day, sizeof(day), "%Y-%m-%d %H:%M", &tm) == 0)
        day[0] = '\0';
    fprintf(env->out, "%-15s %-.40s  %10s  %s  %s\n", usage_kind_name(i->kind),
            i->name ? i->name : digest_hex(&i->id, hex), size.at, day,
            i->held                ? "in use"
            : usage_reclaimable(i) ? "reclaimable"
                                   : "");
}

static void print_table(const struct env *env, const struct usage *u)
{
    static const char *const rows[] = {"images", "build cache", "cache mounts", "temporary"};

    fprintf(env->out, "%-14s %7s %8s %10s %12s\n", "TYPE", "TOTAL", "IN USE", "SIZE",
            "RECLAIMABLE");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        print_row(env, u, rows[i]);
    if (!env->verbose)
        return;
    fputc('\n', env->out);
    vec_each (i, u)
        print_item(env, i);
}

static void print_finding(void *ctx, const char *item, const struct error *what)
{
    const struct image_tools *t = ctx;

    fprintf(t->env->out, "%s: %s\n", item, what->text ? what->text : "damaged");
}

static int verify(struct image_tools *t, struct error *err)
{
    const struct verify v = {.tree = image_verify_tree, .found = print_finding, .ctx = t};
    const int findings = store_verify(t->store, &v, err);

    if (findings < 0)
        return EXIT_FAILED;
    if (findings > 0)
        fprintf(t->env->err, "cooper: %d damaged; 'cooper prune --damaged' removes them\n",
                findings);
    else if (!t->env->quiet)
        fprintf(t->env->err, "cooper: the store is sound\n");
    return findings > 0 ? EXIT_FINDINGS : EXIT_DONE;
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct options *o = options;
    IMAGE_TOOLS_AUTO(t);
    CLEANUP(usage_done) struct usage u = {0};
    const bool json = o->format && strcmp(o->format, "json") == 0;

    (void)arguments;
    if (o->format && !json && strcmp(o->format, "table") != 0) {
        error_set(err, -EINVAL, "--format is table or json, not '%.40s'", o->format);
        return EXIT_USAGE;
    }
    if (image_tools_open_store(env, &t, err) < 0)
        return EXIT_FAILED;
    if (o->verify)
        return verify(&t, err);
    if (store_usage_read(t.store, &u, err) < 0)
        return EXIT_FAILED;
    (json ? print_json : print_table)(env, &u);
    return EXIT_DONE;
}

static const struct option_row rows[] = {
    OPT_TEXT(0, "format", struct options, format, "table|json",
             "how it is printed (default table)"),
    OPT_FLAG(0, "verify", struct options, verify,
             "read everything again and list what is damaged (exit status 3)"),
    OPT_END,
};

const struct command_row cmd_du = {
    .name = "du",
    .group = "look at images",
    .arguments = "",
    .help = "show what the store holds and what prune could free",
    .options = rows,
    .options_size = sizeof(struct options),
    .run = run,
    .example = "cooper du --format json",
};

/* cooper prune - remove what no named image needs. */
#include <errno.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/duration.h"
#include "image/keep.h"
#include "image/kept.h"
#include "store/gc.h"

struct options {
    uint64_t keep_storage;
    const char *until;
    bool all, damaged, dry_run, mounts;
    bool force; /* docker's -f: there is nothing to confirm */
};

static void print_finding(void *ctx, const char *item, const struct error *what)
{
    const struct image_tools *t = ctx;

    fprintf(t->env->out, "damaged %s: %s\n", item, what->text ? what->text : "");
}

static int repair(struct image_tools *t, struct error *err)
{
    const struct verify v = {
        .tree = image_verify_tree, .found = print_finding, .ctx = t, .repair = true};

    return store_verify(t->store, &v, err);
}

static int policy_of(const struct env *env, const struct options *o, struct prune_policy *ret,
                     struct error *err)
{
    int64_t age = 0;

    *ret = (struct prune_policy){
        .keep_storage = o->keep_storage, .until_s = INT64_MAX, .mounts_only = o->mounts};
    if (!o->until)
        return 0;
    const int r = duration_parse(o->until, &age, err);
    if (r == 0)
        ret->until_s = env->now_s - age;
    return r < 0 ? error_wrap(err, r, "--until") : 0;
}

static void print_doomed(const struct env *env, const struct usage *u)
{
    char hex[DIGEST_HEX_MAX];

    if (env->quiet)
        return;
    vec_each (i, u) {
        STR_AUTO(size);

        if (!i->doomed)
            continue;
        text_size(&size, i->size);
        fprintf(env->out, "%s %s %s\n", usage_kind_name(i->kind),
                i->name ? i->name : digest_hex(&i->id, hex), size.at);
    }
}

static uint64_t doomed_size(const struct usage *u)
{
    uint64_t size = 0;

    vec_each (i, u)
        size += i->doomed && i->kind != USAGE_IMAGE ? i->size : 0;
    return size;
}

static int remove_doomed(struct image_tools *t, struct usage *u, const struct options *o,
                         struct error *err)
{
    int r = store_remove(t->store, u, err);

    if (r == 0)
        r = image_sweep(t, err);
    if (r == 0)
        r = kept_sweep(t, err);
    if (r == 0 && !o->mounts) /* no record names a mount */
        r = cache_open(t->env, t->store, &t->cache, err);
    return r < 0 || o->mounts ? r : cache_clean(t->cache, o->all, err);
}

static int prune(const struct options *o, struct image_tools *t, struct error *err)
{
    CLEANUP(usage_done) struct usage u = {0};
    struct prune_policy policy;
    STR_AUTO(size);
    int r = policy_of(t->env, o, &policy, err);

    if (r >= 0 && o->mounts && (o->all || o->damaged))
        r = error_set(
            err, -EINVAL,
            "--mounts removes cache mounts only; it goes with neither --all nor --damaged");
    if (r < 0)
        return r;
    if (o->damaged && (r = repair(t, err)) < 0)
        return r;
    if ((r = store_usage_read(t->store, &u, err)) < 0)
        return r;
    (void)prune_plan(&u, &policy);
    if (!o->dry_run && (r = remove_doomed(t, &u, o, err)) < 0)
        return r;
    print_doomed(t->env, &u);
    text_size(&size, doomed_size(&u));
    fprintf(t->env->out, "%s: %s\n", o->dry_run ? "Would reclaim" : "Total reclaimed space",
            size.at);
    return 0;
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    IMAGE_TOOLS_AUTO(t);

    (void)arguments;
    /* the cache only when it is cleaned: it takes a lease */
    if (image_tools_open_store(env, &t, err) < 0)
        return EXIT_FAILED;
    const int r = prune(options, &t, err);
    return r == 0 ? EXIT_DONE : r == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
}

static const struct option_row rows[] = {
    OPT_SIZE(0, "keep-storage", struct options, keep_storage, "BYTES",
             "keep this much build cache, most recently used first"),
    OPT_TEXT(0, "until", struct options, until, "AGE",
             "only what was not used for that long: 24h, 7d"),
    OPT_FLAG('a', "all", struct options, all,
             "also forget the results that images share: the next build starts from nothing"),
    OPT_FLAG(0, "mounts", struct options, mounts, "only the directories of RUN --mount=type=cache"),
    OPT_FLAG(0, "damaged", struct options, damaged, "also remove what 'du --verify' finds damaged"),
    OPT_FLAG(0, "dry-run", struct options, dry_run, "only list what would go"),
    OPT_FLAG('f', "force", struct options, force, "accepted as docker's; nothing is asked"),
    OPT_END,
};

const struct command_row cmd_prune = {
    .name = "prune",
    .group = "look at images",
    .arguments = "",
    .help = "remove build results that no image needs",
    .options = rows,
    .options_size = sizeof(struct options),
    .run = run,
    .example = "cooper prune --until 24h --keep-storage 10g",
};

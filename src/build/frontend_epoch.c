/* frontend_epoch.c - SOURCE_DATE_EPOCH: where the moment comes from that takes the place of now.
 *
 * --reproducible=WHAT wins over --build-arg, that over the environment, that over an ARG before the first FROM. A
 * number is seconds since 1970; "context" is the moment of the build context, other words name a --build-context or a
 * stage, whose image says when it was made. */
#include <errno.h>
#include <inttypes.h>

#include "build/frontend_internal.h"

#define NAME "SOURCE_DATE_EPOCH"
/* The first day that a zip archive can hold: what is made of nothing better than --reproducible alone. */
#define EPOCH_OF_NOTHING INT64_C(315532800)
#define EPOCH_MAX                                                                                  \
    INT64_C(253402300799) /* 9999-12-31T23:59:59Z: times in configurations have four digits */

static void set_epoch(struct frontend *fe, int64_t epoch_s)
{
    char text[24];

    fe->g->has_epoch = true;
    fe->g->epoch_s = epoch_s;
    snprintf(text, sizeof(text), "%" PRId64, epoch_s);
    pairs_set(&fe->build_args, NAME, text);
}

static int refuse(const char *text, struct error *err)
{
    error_set(err, -EINVAL, NAME " '%.80s' is no moment", text);
    return error_hint(err, -EINVAL,
                      "it is a number of seconds since 1970, 'context', or the name of a stage or "
                      "a --build-context");
}

/* The moment of a directory; 0 when it has none. */
static int of_directory(const struct frontend *fe, const char *name, int64_t *ret,
                        struct error *err)
{
    return fe->sources->epoch ? fe->sources->epoch(fe->sources->ctx, name, ret, err) : 0;
}

/* The name of the image that a stage begins with, through stages that begin with stages; NULL: it is scratch, or a
 * variable says so. */
static char *base_of_stage(const struct frontend *fe, const char *stage)
{
    char *name = NULL;

    for (size_t i = fe->d->instruction_count; i-- > 0;) {
        const struct instruction *in = &fe->d->instructions[i];
        const char *wanted = name ? name : stage;

        if (in->kind != INSTRUCTION_FROM || in->word_count != 3 ||
            !view_eq_nocase(in->words[2].text, wanted))
            continue;
        free(name);
        name = view_dup(in->words[0].text);
    }
    if (!name || (!strchr(name, '$') && strcmp(name, "scratch") != 0))
        return name;
    free(name);
    return NULL;
}

static int of_image(struct frontend *fe, const char *name, int64_t *ret, struct error *err)
{
    struct fe_source *fs;
    const int r = fe_resolve(fe, name, &fe->o->platform, &fs, err);

    if (r < 0)
        return r;
    if (fs->source.kind == SOURCE_DIRECTORY)
        return of_directory(fe, name, ret, err);
    const char *created = fs->source.image->config->created;
    return created && config_time_parse(created, ret);
}

/* 1 and *ret; 0: what it names has no moment, as a directory outside of git. */
static int read_value(struct frontend *fe, const char *text, int64_t *ret, struct error *err)
{
    uint64_t number;

    if (view_to_u64(view_of(text), &number)) {
        *ret = (int64_t)MIN(number, (uint64_t)EPOCH_MAX);
        return number <= (uint64_t)EPOCH_MAX ? 1 : refuse(text, err);
    }
    if (strcmp(text, "context") == 0)
        return of_directory(fe, NULL, ret, err);
    if (fe->sources->is_named && fe->sources->is_named(fe->sources->ctx, text, &fe->o->platform))
        return of_image(fe, text, ret, err);
    cleanup_free char *base = base_of_stage(fe, text);
    return base ? of_image(fe, base, ret, err) : refuse(text, err);
}

static int take_value(struct frontend *fe, const char *text, struct error *err)
{
    int64_t epoch_s = 0;
    const int r = read_value(fe, text, &epoch_s, err);

    if (r > 0)
        set_epoch(fe, epoch_s);
    else
        pairs_remove(&fe->build_args, NAME); /* a word is no value for an ARG */
    return MIN(r, 0);
}

int fe_read_epoch(struct frontend *fe, struct error *err)
{
    const char *wanted = fe->o->reproducible;
    const char *given = pairs_get(&fe->build_args, NAME);
    int64_t epoch_s = 0;
    int r;

    fe->g->reproducible = wanted != NULL;
    if (!given)
        given = fe_environ(fe, VIEW(NAME));
    if (!wanted || !*wanted)
        return given && *given ? take_value(fe, given, err) : 0;
    r = strcmp(wanted, "git") == 0 ? of_directory(fe, NULL, &epoch_s, err)
                                   : read_value(fe, wanted, &epoch_s, err);
    if (r == 0) {
        error_set(err, -ENOENT, "--reproducible=%.80s: no commit says when this was made", wanted);
        return error_hint(err, -ENOENT, "the context is no checkout of git; give a number");
    }
    if (r > 0)
        set_epoch(fe, epoch_s);
    return r < 0 ? error_wrap(err, r, "--reproducible") : 0;
}

int fe_read_header_epoch(struct frontend *fe, struct error *err)
{
    const char *preset = pairs_get(&fe->header, NAME);
    int64_t epoch_s = EPOCH_OF_NOTHING;
    int r = 0;

    if (!fe->g->has_epoch && preset && *preset)
        r = take_value(fe, preset, err);
    if (r == 0 && !fe->g->has_epoch && fe->g->reproducible) {
        r = of_directory(fe, NULL, &epoch_s, err);
        if (r >= 0)
            set_epoch(fe, epoch_s);
    }
    if (r >= 0 && preset)
        pairs_set(&fe->header, NAME, fe->g->has_epoch ? pairs_get(&fe->build_args, NAME) : "");
    return MIN(r, 0);
}

#include "image/output.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

const struct output_row output_rows[] = {
    {"image", OUTPUT_IMAGE, "the store of cooper (the default)"},
    {"oci", OUTPUT_OCI, "an OCI layout directory at dest"},
    {"oci-archive", OUTPUT_OCI_ARCHIVE, "an OCI layout in one tar file"},
    {"docker-archive", OUTPUT_DOCKER_ARCHIVE, "a tar file for docker load and podman load"},
    {"tar", OUTPUT_TAR, "the files of the image in one tar file"},
    {"local", OUTPUT_LOCAL, "the files of the image in a directory"},
    {"cacheonly", OUTPUT_CACHEONLY, "nothing but the build cache"},
    {"registry", OUTPUT_REGISTRY, "a registry"},
};
const size_t output_row_count = ARRAY_SIZE(output_rows);

const char *output_type_name(enum output_type type)
{
    for (size_t i = 0; i < output_row_count; i++)
        if (output_rows[i].type == type)
            return output_rows[i].name;
    return "?";
}

/* One field of a CSV line as Go reads it: quotes around the whole field, doubled inside. */
static int cut_field(struct view *rest, struct str *ret, struct error *err)
{
    struct view plain;
    size_t i = 1;

    str_clear(ret);
    if (rest->size == 0 || rest->at[0] != '"') {
        (void)view_cut(rest, ',', &plain);
        str_add(ret, plain);
        return 0;
    }
    for (;; i++) {
        if (i >= rest->size)
            return error_set(err, -EINVAL, "a quote is not closed");
        if (rest->at[i] != '"') {
            str_add_char(ret, rest->at[i]);
            continue;
        }
        if (i + 1 < rest->size && rest->at[i + 1] == '"') {
            str_add_char(ret, rest->at[++i]);
            continue;
        }
        break;
    }
    i++;
    if (i < rest->size && rest->at[i] != ',')
        return error_set(err, -EINVAL, "there is text behind a closing quote");
    *rest = i < rest->size ? view_make(rest->at + i + 1, rest->size - i - 1) : view_make(NULL, 0);
    return 0;
}

#define LEVEL_MAX_WORD 1000 /* compression-level=max, until the codec is known */

struct parse {
    struct output o;
    bool has_type, tar, has_tar, is_docker, no_store, has_types;
};

static int set_type(struct parse *p, const char *value, struct error *err)
{
    struct text_nearest near = text_nearest_to(view_of(value));

    p->has_type = true;
    p->is_docker = strcmp(value, "docker") == 0;
    if (p->is_docker)
        value = "docker-archive";
    for (size_t i = 0; i < output_row_count; i++) {
        if (strcmp(output_rows[i].name, value) == 0) {
            p->o.type = output_rows[i].type;
            return 0;
        }
        text_nearest_try(&near, output_rows[i].name);
    }
    (void)error_set(err, -EINVAL, "there is no output type '%.40s'", value);
    return near.best ? error_hint(err, -EINVAL, "did you mean 'type=%s'?", near.best)
                     : error_hint(err, -EINVAL,
                                  "types: image, oci, oci-archive, docker-archive, tar, local, "
                                  "registry, cacheonly");
}

static int set_dest(struct parse *p, const char *value, struct error *err)
{
    if (!*value)
        return error_set(err, -EINVAL, "dest is empty");
    free(p->o.dest);
    p->o.dest = xstrdup(value);
    return 0;
}

static int set_name(struct parse *p, const char *value, struct error *err)
{
    struct view rest = view_of(value), name;

    (void)err;
    while (view_cut(&rest, ',', &name))
        if (name.size)
            strings_take(&p->o.names, view_dup(name));
    return 0;
}

static int set_compression(struct parse *p, const char *value, struct error *err)
{
    p->o.codec = codec_by_name(value);
    if (p->o.codec)
        return 0;
    return error_hint(err, error_set(err, -EINVAL, "there is no compression '%.40s'", value),
                      "choose one of gzip, zstd, zstd:chunked, estargz, uncompressed");
}

static int set_level(struct parse *p, const char *value, struct error *err)
{
    uint64_t level;

    if (strcmp(value, "max") == 0) {
        p->o.level = LEVEL_MAX_WORD;
        return 0;
    }
    if (strcmp(value, "-1") == 0) {
        p->o.level = CODEC_LEVEL_DEFAULT;
        return 0;
    }
    if (!view_to_u64(view_of(value), &level) || level > 22)
        return error_set(err, -EINVAL,
                         "compression-level '%.40s' is neither max nor a number from 0 to 22",
                         value);
    p->o.level = (int)level;
    return 0;
}

static int read_bool(const char *key, const char *value, bool *ret, struct error *err)
{
    static const char *const yes[] = {"true", "1", "t", "yes"}, *const no[] = {"false", "0", "f",
                                                                               "no"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
            *ret = strcmp(value, yes[i]) == 0;
            return 0;
        }
    }
    return error_set(err, -EINVAL, "%s is true or false, not '%.40s'", key, value);
}

static int set_force(struct parse *p, const char *value, struct error *err)
{
    return read_bool("force-compression", value, &p->o.force, err);
}

static int set_oci_types(struct parse *p, const char *value, struct error *err)
{
    bool oci = true;
    const int r = read_bool("oci-mediatypes", value, &oci, err);

    p->o.docker_types = !oci;
    p->has_types = true;
    return r;
}

static int set_split(struct parse *p, const char *value, struct error *err)
{
    bool split = false;
    const int r = read_bool("platform-split", value, &split, err);

    p->o.split = split ? OUTPUT_SPLIT_YES : OUTPUT_SPLIT_NO;
    return r;
}

static int set_rewrite(struct parse *p, const char *value, struct error *err)
{
    return read_bool("rewrite-timestamp", value, &p->o.rewrite_timestamp, err);
}

static int set_tar(struct parse *p, const char *value, struct error *err)
{
    p->has_tar = true;
    return read_bool("tar", value, &p->tar, err);
}

static int set_mode(struct parse *p, const char *value, struct error *err)
{
    p->o.delete = strcmp(value, "delete") == 0;
    if (p->o.delete || strcmp(value, "copy") == 0)
        return 0;
    return error_set(err, -EINVAL, "mode is copy or delete, not '%.40s'", value);
}

/* Said of every image of the store anyway. */
static int set_unpack(struct parse *p, const char *value, struct error *err)
{
    bool ignored;

    (void)p;
    return read_bool("unpack", value, &ignored, err);
}

/* Every image can be asked for by its digest. */
static int set_canonical(struct parse *p, const char *value, struct error *err)
{
    bool ignored;

    (void)p;
    return read_bool("name-canonical", value, &ignored, err);
}

static int set_by_digest(struct parse *p, const char *value, struct error *err)
{
    return read_bool("push-by-digest", value, &p->o.by_digest, err);
}

static int set_store(struct parse *p, const char *value, struct error *err)
{
    bool store = true;
    const int r = read_bool("store", value, &store, err);

    p->no_store = !store;
    return r;
}

static int set_push(struct parse *p, const char *value, struct error *err)
{
    return read_bool("push", value, &p->o.push, err);
}

static const struct {
    const char *name;
    int (*set)(struct parse *p, const char *value, struct error *err);
} keys[] = {
    {"type", set_type},
    {"dest", set_dest},
    {"name", set_name},
    {"compression", set_compression},
    {"compression-level", set_level},
    {"force-compression", set_force},
    {"oci-mediatypes", set_oci_types},
    {"platform-split", set_split},
    {"rewrite-timestamp", set_rewrite},
    {"tar", set_tar},
    {"mode", set_mode},
    {"push", set_push},
    {"push-by-digest", set_by_digest},
    {"name-canonical", set_canonical},
    {"store", set_store},
    {"unpack", set_unpack},
};

static int set_field(struct parse *p, char *field, struct error *err)
{
    char *equals = strchr(field, '=');

    if (!equals)
        return error_hint(err, error_set(err, -EINVAL, "'%.80s' is not key=value", field),
                          "write it as in type=oci,dest=DIR");
    *equals = '\0';
    const char *value = equals + 1;
    struct text_nearest near = text_nearest_to(view_of(field));
    const int r = annotations_add_key(&p->o.annotations, field, value, err);
    if (r != 0)
        return MIN(r, 0);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (strcmp(keys[i].name, field) == 0)
            return keys[i].set(p, value, err);
        text_nearest_try(&near, keys[i].name);
    }
    (void)error_set(err, -EINVAL, "there is no key '%.40s'", field);
    return near.best
               ? error_hint(err, -EINVAL, "did you mean '%s'?", near.best)
               : error_hint(
                     err, -EINVAL,
                     "keys: type, dest, name, compression, compression-level, "
                     "force-compression, oci-mediatypes, platform-split, rewrite-timestamp, tar, "
                     "mode, push, push-by-digest, annotation.KEY");
}

/* The words of buildx for what we have under other names. */
static void settle_type(struct parse *p, bool to_stdout)
{
    struct output *o = &p->o;

    if (o->type == OUTPUT_OCI)
        o->type =
            to_stdout || p->tar || (!p->has_tar && o->dest && view_ends(view_of(o->dest), ".tar"))
                ? OUTPUT_OCI_ARCHIVE
                : OUTPUT_OCI;
    else if (o->type == OUTPUT_OCI_ARCHIVE && p->has_tar && !p->tar)
        o->type = OUTPUT_OCI;
    else if (p->is_docker && o->type == OUTPUT_DOCKER_ARCHIVE && !o->dest)
        o->type = OUTPUT_IMAGE; /* buildx loads it into the engine */
    if (o->type == OUTPUT_IMAGE && p->no_store)
        o->type = o->push ? OUTPUT_REGISTRY : OUTPUT_CACHEONLY;
    if (o->type == OUTPUT_IMAGE && o->push && o->by_digest)
        o->type = OUTPUT_REGISTRY;
    o->directory = p->has_tar && !p->tar;
}

/* As in buildx: one file that has no dest goes to standard output. */
static void settle_dest(struct parse *p)
{
    struct output *o = &p->o;
    const bool is_file = o->type == OUTPUT_OCI || o->type == OUTPUT_OCI_ARCHIVE ||
                         o->type == OUTPUT_TAR ||
                         (o->type == OUTPUT_DOCKER_ARCHIVE && !p->is_docker);

    if (!o->dest && is_file && (p->tar || !p->has_tar))
        o->dest = xstrdup("-");
}

static int check_dest(const struct parse *p, bool to_stdout, struct error *err)
{
    const struct output *o = &p->o;
    const bool is_dir = o->type == OUTPUT_OCI || o->type == OUTPUT_LOCAL || o->directory;

    if (!o->dest)
        return error_hint(
            err, error_set(err, -EINVAL, "type=%s needs a dest", output_type_name(o->type)),
            "add dest=DIR");
    if (to_stdout && is_dir)
        return error_hint(err,
                          error_set(err, -EINVAL, "type=%s cannot go to standard output%s",
                                    output_type_name(o->type), o->directory ? " as directory" : ""),
                          "type=tar,dest=- can");
    if (o->delete &&o->type != OUTPUT_LOCAL)
        return error_set(err, -EINVAL, "mode=delete is for type=local");
    return 0;
}

/* The level is one that the codec has. */
static int check_compression(struct output *o, struct error *err)
{
    const struct codec *codec = o->codec ? o->codec : codec_by_name("gzip");

    if (o->level == LEVEL_MAX_WORD)
        o->level = codec->level_max;
    if ((codec->id == CODEC_ZSTD || codec->id == CODEC_ZSTD_CHUNKED) && o->level == 0)
        o->level = CODEC_LEVEL_DEFAULT; /* zstd's own word for it */
    if (o->level != CODEC_LEVEL_DEFAULT &&
        (o->level < codec->level_min || o->level > codec->level_max))
        return error_set(err, -EINVAL, "%s has levels from %d to %d, not %d", codec->name,
                         codec->level_min, codec->level_max, o->level);
    if (codec->id == CODEC_ZSTD || codec_is_indexed(codec))
        o->docker_types = false; /* docker has no such layers; BuildKit turns them off too */
    return 0;
}

static int finish(struct parse *p, struct error *err)
{
    struct output *o = &p->o;

    if (!p->has_type)
        return error_hint(err, error_set(err, -EINVAL, "the type is missing"),
                          "write it as in type=oci,dest=DIR");
    settle_dest(p);
    o->own_types = !p->has_types;
    const bool to_stdout = o->dest && strcmp(o->dest, "-") == 0;
    settle_type(p, to_stdout);
    const bool no_dest =
        o->type == OUTPUT_IMAGE || o->type == OUTPUT_CACHEONLY || o->type == OUTPUT_REGISTRY;
    const int r = no_dest ? 0 : check_dest(p, to_stdout, err);
    return r < 0 ? r : check_compression(o, err);
}

static void set_short(struct parse *p, const char *text)
{
    p->has_type = true;
    p->o.type = strcmp(text, "-") == 0 ? OUTPUT_TAR : OUTPUT_LOCAL;
    p->o.dest = xstrdup(text);
}

int output_parse(const char *text, struct output *ret, struct error *err)
{
    struct parse p = {.o = {.level = CODEC_LEVEL_DEFAULT}};
    struct view rest = view_of(text);
    STR_AUTO(field);
    int r = 0;

    if (!*text)
        r = error_set(err, -EINVAL, "it is empty");
    else if (!strpbrk(text, "=,"))
        set_short(&p, text);
    else
        while (r == 0 && rest.at) {
            r = cut_field(&rest, &field, err);
            if (r == 0)
                r = set_field(&p, field.at, err);
        }
    if (r == 0)
        r = finish(&p, err);
    if (r < 0) {
        output_done(&p.o);
        return r;
    }
    p.o.text = xstrdup(text);
    *ret = p.o;
    return 0;
}

void output_done(struct output *o)
{
    free(o->text);
    free(o->dest);
    strings_done(&o->names);
    annotations_done(&o->annotations);
    *o = (struct output){0};
}

bool outputs_take_stdout(const struct outputs *o)
{
    vec_each (item, o) {
        if (item->dest && strcmp(item->dest, "-") == 0)
            return true;
    }
    return false;
}

int output_check_terminal(const struct output *o, struct error *err)
{
    if (!o->dest || strcmp(o->dest, "-") != 0 || !isatty(STDOUT_FILENO))
        return 0;
    return error_hint(err, error_set(err, -EINVAL, "an archive is not written to a terminal"),
                      "redirect standard output, or say dest=FILE");
}

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The directory that a file goes into is not made. */
static int check_file(const struct output *o, struct error *err)
{
    const char *slash = strrchr(o->dest, '/');
    cleanup_free char *parent =
        slash ? xasprintf("%.*s", (int)(slash - o->dest + 1), o->dest) : xstrdup(".");

    if (is_directory(o->dest))
        return error_hint(err, error_set(err, -EISDIR, "'%s' is a directory", o->dest),
                          "dest of type=%s is a file", output_type_name(o->type));
    if (!is_directory(parent))
        return error_hint(err, error_set(err, -ENOENT, "there is no directory '%s'", parent),
                          "make it, or name another dest");
    return 0;
}

static int check_path(const struct output *o, struct error *err)
{
    struct stat st;

    if (!o->dest || strcmp(o->dest, "-") == 0)
        return 0;
    if (o->type != OUTPUT_OCI && o->type != OUTPUT_LOCAL && !o->directory)
        return check_file(o, err);
    if (o->type == OUTPUT_OCI && !o->directory)
        return 0; /* a file that is there becomes an archive */
    if (stat(o->dest, &st) == 0 && !S_ISDIR(st.st_mode))
        return error_hint(err, error_set(err, -ENOTDIR, "'%s' is a file", o->dest),
                          "dest of type=%s is a directory", output_type_name(o->type));
    return 0;
}

int output_check(const struct output *o, size_t platforms, struct error *err)
{
    const struct annotations *all = &o->annotations;

    if (platforms > 1 && o->type == OUTPUT_DOCKER_ARCHIVE)
        return error_hint(err,
                          error_set(err, -EINVAL, "docker's archives hold images of one platform"),
                          "choose one with --platform, or write type=oci-archive");
    if (platforms == 1 && !o->index &&
        (annotations_have(all, ANNOTATE_INDEX) || annotations_have(all, ANNOTATE_INDEX_DESCRIPTOR)))
        return error_hint(err, error_set(err, -EINVAL, "an image of one platform has no index"),
                          "annotate its manifest or manifest-descriptor");
    return check_path(o, err);
}

int outputs_parse(const struct strings *texts, struct outputs *ret, struct error *err)
{
    CLEANUP(outputs_done) struct outputs all = {0};

    vec_each (text, texts) {
        struct output o = {0};
        const int r = output_parse(*text, &o, err);

        if (r < 0)
            return error_wrap(err, r, "output '%.120s'", *text);
        const bool taken = outputs_take_stdout(&all);
        vec_push(&all, o);
        if (taken && strcmp(o.dest ? o.dest : "", "-") == 0)
            return error_set(err, -EINVAL, "output '%.120s': another one is on standard output",
                             *text);
    }
    *ret = all;
    all = (struct outputs){0};
    return 0;
}

void outputs_done(struct outputs *o)
{
    vec_each (item, o) {
        output_done(item);
    }
    vec_done(o);
}

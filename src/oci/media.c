#include "oci/media.h"

#include <string.h>

#include "base/mem.h"

#define PART_MAX 127 /* RFC 6838, 4.2 */

static const struct {
    const char *type;
    enum media media;
    bool docker, foreign;
} rows[] = {
    {MEDIA_OCI_INDEX, MEDIA_INDEX, false, false},
    {MEDIA_OCI_MANIFEST, MEDIA_MANIFEST, false, false},
    {MEDIA_OCI_CONFIG, MEDIA_CONFIG, false, false},
    {MEDIA_OCI_LAYER_TAR, MEDIA_LAYER_TAR, false, false},
    {MEDIA_OCI_LAYER_GZIP, MEDIA_LAYER_GZIP, false, false},
    {MEDIA_OCI_LAYER_ZSTD, MEDIA_LAYER_ZSTD, false, false},
    {MEDIA_OCI_EMPTY, MEDIA_EMPTY, false, false},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar", MEDIA_LAYER_TAR, false, true},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", MEDIA_LAYER_GZIP, false, true},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", MEDIA_LAYER_ZSTD, false, true},
    {MEDIA_DOCKER_LIST, MEDIA_INDEX, true, false},
    {MEDIA_DOCKER_MANIFEST, MEDIA_MANIFEST, true, false},
    {MEDIA_DOCKER_CONFIG, MEDIA_CONFIG, true, false},
    {MEDIA_DOCKER_LAYER_TAR, MEDIA_LAYER_TAR, true, false},
    {MEDIA_DOCKER_LAYER_GZIP, MEDIA_LAYER_GZIP, true, false},
    {"application/vnd.docker.image.rootfs.diff.tar.zstd", MEDIA_LAYER_ZSTD, true, false},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar", MEDIA_LAYER_TAR, true, true},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", MEDIA_LAYER_GZIP, true, true},
};

static size_t row_of(const char *type)
{
    const size_t size = strcspn(type, "; ");

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strlen(rows[i].type) == size && strncmp(rows[i].type, type, size) == 0)
            return i;
    return ARRAY_SIZE(rows);
}

enum media media_of(const char *type)
{
    const size_t i = row_of(type);

    return i < ARRAY_SIZE(rows) ? rows[i].media : MEDIA_OTHER;
}

bool media_is_docker(const char *type)
{
    const size_t i = row_of(type);

    return i < ARRAY_SIZE(rows) && rows[i].docker;
}

bool media_is_foreign(const char *type)
{
    const size_t i = row_of(type);

    return i < ARRAY_SIZE(rows) && rows[i].foreign;
}

const char *media_layer_as(const char *type, bool docker)
{
    const bool foreign = media_is_foreign(type);

    switch (media_of(type)) {
    case MEDIA_LAYER_TAR:
        if (foreign)
            return docker ? "application/vnd.docker.image.rootfs.foreign.diff.tar"
                          : "application/vnd.oci.image.layer.nondistributable.v1.tar";
        return docker ? MEDIA_DOCKER_LAYER_TAR : MEDIA_OCI_LAYER_TAR;
    case MEDIA_LAYER_GZIP:
        if (foreign)
            return docker ? "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
                          : "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
        return docker ? MEDIA_DOCKER_LAYER_GZIP : MEDIA_OCI_LAYER_GZIP;
    case MEDIA_LAYER_ZSTD:
        if (foreign)
            return docker ? NULL : "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd";
        return docker ? NULL : MEDIA_OCI_LAYER_ZSTD;
    case MEDIA_OTHER:
    case MEDIA_INDEX:
    case MEDIA_MANIFEST:
    case MEDIA_CONFIG:
    case MEDIA_EMPTY:
        break;
    }
    return NULL;
}

bool media_is_layer(enum media m)
{
    return m == MEDIA_LAYER_TAR || m == MEDIA_LAYER_GZIP || m == MEDIA_LAYER_ZSTD;
}

/* One restricted-name: a letter or digit, then those and !#$&-^_.+ */
static size_t part_size(const char *text)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    static const char more[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+";
    const size_t size = strspn(text, more);

    return size > 0 && size <= PART_MAX && strchr(first, *text) ? size : 0;
}

bool media_is_word(const char *type)
{
    const size_t size = part_size(type);

    return size > 0 && type[size] == '\0';
}

bool media_valid(const char *type)
{
    const size_t size = part_size(type);

    if (size == 0 || type[size] != '/')
        return false;
    const char *subtype = type + size + 1;
    const size_t rest = part_size(subtype);
    return rest > 0 && subtype[rest] == '\0';
}

#include "image/place.h"

#include <errno.h>
#include <unistd.h>

static const struct {
    const char *prefix;
    enum place_kind kind;
} transports[] = {
    {"docker://", PLACE_REGISTRY},
    {"oci:", PLACE_OCI},
    {"oci-archive:", PLACE_OCI_ARCHIVE},
    {"docker-archive:", PLACE_DOCKER_ARCHIVE},
    {"dir:", PLACE_DIR},
    {"store:", PLACE_STORE},
};

/* Of containers-transports(5), which are places of other programs. */
static const struct {
    const char *prefix, *hint;
} others[] = {
    {"containers-storage:", "podman save | cooper load, or cooper export | podman load"},
    {"docker-daemon:", "docker save | cooper load, or cooper export | docker load"},
    {"ostree:", "copy it into oci:DIR first"},
    {"sif:", "copy it into oci:DIR first"},
};

static int check_other(const char *text, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        const size_t size = strlen(others[i].prefix);
        if (strncmp(text, others[i].prefix, size) != 0)
            continue;
        const int r = error_set(err, -EINVAL, "'%s' is of other programs alone", others[i].prefix);
        return error_hint(err, r, "%s", others[i].hint);
    }
    return 0;
}

/* A tag may be a whole reference: the path ends at the first colon, as for skopeo, unless it is there with more of them. */
static const char *end_of_path(const char *text)
{
    const char *first = strchr(text, ':');

    for (const char *colon = first; colon; colon = strchr(colon + 1, ':')) {
        cleanup_free char *path = xstrndup(text, (size_t)(colon - text));
        if (access(path, F_OK) == 0)
            return colon;
    }
    return first;
}

/* "DIR:TAG", "DIR@sha256:..."; a name that is there as it stands has no tag. */
static void split_path(const char *text, struct place *ret)
{
    const char *at = strstr(text, "@sha256:");
    const char *colon = at && ret->kind != PLACE_DOCKER_ARCHIVE ? at : end_of_path(text);

    if (ret->kind == PLACE_DIR || ret->kind == PLACE_STORE)
        colon = NULL;
    if (colon && access(text, F_OK) == 0)
        colon = NULL;
    ret->path = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
    ret->tag = colon ? xstrdup(colon + 1) : NULL;
}

int place_parse(const char *text, struct place *ret, struct error *err)
{
    struct place p = {0};
    const int other = check_other(text, err);

    if (other < 0)
        return other;
    for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
        if (strncmp(text, transports[i].prefix, strlen(transports[i].prefix)) != 0)
            continue;
        p.kind = transports[i].kind;
        text += strlen(transports[i].prefix);
        break;
    }
    if (p.kind == PLACE_REGISTRY) {
        const int r = reference_parse(text, &p.reference, err);
        if (r < 0)
            return r;
    } else {
        split_path(text, &p);
    }
    if (p.path && !*p.path) {
        place_done(&p);
        return error_set(err, -EINVAL, "there is no path behind the transport");
    }
    *ret = p;
    return 0;
}

bool place_is_explicit(const char *text)
{
    for (size_t i = 0; i < ARRAY_SIZE(transports); i++)
        if (strncmp(text, transports[i].prefix, strlen(transports[i].prefix)) == 0)
            return true;
    return false;
}

const char *place_transport(const struct place *p)
{
    static const char *const names[] = {
        [PLACE_REGISTRY] = "docker",
        [PLACE_OCI] = "oci",
        [PLACE_OCI_ARCHIVE] = "oci-archive",
        [PLACE_DOCKER_ARCHIVE] = "docker-archive",
        [PLACE_DIR] = "dir",
        [PLACE_STORE] = "containers-storage",
    };

    return names[p->kind];
}

void place_done(struct place *p)
{
    reference_done(&p->reference);
    free(p->path);
    free(p->tag);
    *p = (struct place){0};
}

int place_tls(const char *text, enum wire_tls *ret, struct error *err)
{
    if (!text)
        *ret = WIRE_TLS_DEFAULT;
    else if (!*text || strcmp(text, "true") == 0)
        *ret = WIRE_TLS_VERIFY;
    else if (strcmp(text, "false") == 0)
        *ret = WIRE_TLS_ANY;
    else
        return error_set(err, -EINVAL, "--tls-verify is true or false, not '%.40s'", text);
    return 0;
}

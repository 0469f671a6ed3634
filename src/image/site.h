/* image/site.h - where an image and what speaks for it lie side by side. */
#pragma once

#include "image/place.h"
#include "oci/manifest.h"

#define SITE_NAME_MAX 128

/* What a kind of place can do. Bytes that come match their digest; tags and digests of the same
 * repository. -ENOENT: there is none. */
struct site;
struct site_kind {
    /* The image that was named, resolved once: what is verified is what is used (CVE-2023-33959). */
    int (*image)(struct site *p, struct digest *ret, struct str *ret_manifest, struct error *err);
    int (*tag)(struct site *p, const char *tag, struct str *ret_manifest, struct error *err);
    int (*manifest)(struct site *p, const struct digest *d, struct str *ret, struct error *err);
    int (*blob)(struct site *p, const struct descriptor *d, struct str *ret, struct error *err);
    /* Digests of manifests that may have this one as their subject, appended. */
    int (*referrers)(struct site *p, const struct digest *subject, struct digest **ret,
                     size_t *ret_count, struct error *err);
    /* Before what is read, changed and written back; until the place is closed. A registry has no
     * lock: writers look whether they were overtaken. */
    int (*lock)(struct site *p, struct error *err);
    int (*put_blob)(struct site *p, struct view bytes, struct error *err);
    /* One that another manifest names: it gets no name of its own. */
    int (*put_child)(struct site *p, const char *media_type, struct view bytes, struct error *err);
    /* tag NULL: a manifest with a subject, which becomes one of its referrers. Also an index. */
    int (*put_manifest)(struct site *p, const char *tag, struct view bytes, struct error *err);
    /* Where the plain file of a blob is, or would be: name below the directory that is returned; NULL: there are no such
     * files. An archive has none to write to. */
    int (*blob_name)(struct site *p, const struct digest *d, char name[static SITE_NAME_MAX]);
    /* A blob at *ret_offset of the descriptor that is returned, which is the caller's; its size is right. NULL: as above. */
    int (*blob_open)(struct site *p, const struct descriptor *d, uint64_t *ret_offset,
                     struct error *err);
    void (*close)(struct site *p);
};

struct site {
    const struct site_kind *kind;
    char *name;       /* for people */
    char *repository; /* what signatures call the image: "registry.example/team/app" */
};
void site_close(struct site *p); /* NULL is fine */
DEFINE_CLEANUP(struct site *, site_close)

/* text: as image/place.h has it, but for what is in the store or for docker. write: it will be written to, so
 * mirrors are passed over, and no archive will do. w must live as long. The image is resolved (`image`) before all else. */
MUST_CHECK int site_open(struct wire *w, const char *text, bool write, struct site **ret,
                         struct error *err);

/* Of an index the manifest for the platform, *d its digest; nothing is done where bytes are a manifest already. */
MUST_CHECK int site_choose(struct site *s, const struct platform *p, struct digest *d,
                           struct str *bytes, struct error *err);

/* For who moves blobs itself: the session and repository of a registry, false for others. */
bool site_is_registry(struct site *p, struct registry_session **ret, const char **ret_repository);
const char *site_tag(struct site *p); /* what the image is called there; or NULL */
const char *site_layout_tag(struct site *p);
/* blob_open() of a directory. */
MUST_CHECK int site_open_file(int dir, const char *name, const struct descriptor *d,
                              struct error *err);
const struct digest *site_digest(struct site *p); /* that its name is for; or NULL */

/* The kinds; what they take of p is theirs. */
MUST_CHECK int site_open_layout(struct place *p, struct site **ret, struct error *err);
/* An empty layout where there is none yet; mode: of new directories. */
MUST_CHECK int layout_make(const char *path, mode_t mode, struct error *err);
MUST_CHECK int site_open_archive(struct place *p, struct site **ret, struct error *err);
/* A place for it, where there is none yet. -ENOTEMPTY: something else is there. */
MUST_CHECK int site_make_dir(const char *path, struct error *err);
MUST_CHECK int site_open_dir(struct place *p, struct site **ret, struct error *err);
MUST_CHECK int site_open_registry(struct wire *w, const struct reference *ref, bool write,
                                  struct site **ret, struct error *err);

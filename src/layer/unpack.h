/* layer/unpack.h - archives become trees, below one directory descriptor and nowhere else.
 *
 * Invariants:
 *  1. Every name of the tree is known in memory (a tree of nodes, made of what was unpacked before):
 *     paths, symlinks included, are resolved there, never by the kernel. A system call gets a
 *     directory opened with openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS) and one plain name, and
 *     files are made with O_EXCL.
 *  2. The tree holds what the archive says in the store's form: whiteouts are 0:0 character devices,
 *     opaque directories carry user.overlay.opaque=y, user.overlay.* and trusted.overlay.* names are
 *     escaped (layer/meta.h).
 *  3. Whiteouts, opaque markers, attributes and times of directories are applied in unpack_finish(),
 *     so the order of the archive does not matter (layer-cases w05..w10, r09). In a flat tree
 *     whiteouts and opaque markers take away what earlier layers made, in unpack_end_layer().
 *  4. The index that comes out says what a scan of the tree would say, content digests included.
 *
 * Meant for a process of its own; the umask does not matter and is not changed. */
#pragma once

#include "layer/codec.h"
#include "layer/entry.h"
#include "layer/index.h"
#include "layer/merge.h"
#include "layer/meta.h"
#include "layer/tar.h"

/* What is known of the layers below. A file whose parent directory this layer does not have gets
 * one like the directory below (owner, mode, xattrs), and where a symlink to a directory is below,
 * the file goes where it points (r05). A hard link to a file below gets a copy (h02). */
enum unpack_below {
    UNPACK_BELOW_UNKNOWN, /* missing parents are 0755 0:0, a hard link to what is not here is an
                             error; ret->wants_below tells */
    UNPACK_BELOW_NOTHING, /* the first layer: also, whiteouts hide nothing and are left out */
    UNPACK_BELOW_VIEW,    /* they are in .view */
};

struct unpack_options {
    int root_fd;           /* an empty directory: borrowed */
    const char *prefix;    /* entries go below this path (ADD to /srv: "srv"), resolved as their own
                              would be; NULL or "": the root */
    enum owner_mode owner; /* how owners are kept on disk */
    bool flat;             /* layers one after the other, each over the earlier ones, as a container
                              sees them: whiteouts take away, no index comes out, the root stays as it
                              is: unpack_root(); unpack_end_layer() behind each. With OWNER_PLAIN
                              devices that we may not make are left out */
    bool plain;            /* ADD and .deb: ".wh." names and overlay's are ordinary files */
    /* ADD: junk behind packed data is passed over, and times are as docker has them: 0 where they
       are beyond 2262, or a file's are before 1970 */
    bool like_docker;
    bool keep_links;   /* a directory over a symlink to a directory keeps it: dpkg, merged /usr */
    bool skip_devices; /* ADD by BuildKit's rules needs none; .debs have none */
    bool chown;        /* everything belongs to uid:gid */
    uint32_t uid, gid;
    enum unpack_below below;
    const struct merge *view; /* of UNPACK_BELOW_VIEW: the layers below and their fs/ directories */
    const int *view_fs;
    /* 1 to take the entry, 0 to leave it out, negative to stop with its error. NULL: all. */
    int (*filter)(void *ctx, const struct entry *e, struct error *err);
    /* what was left out, at most UNPACK_WARN_MAX times; NULL: silence */
    void (*warn)(void *ctx, const char *text);
    /* bytes of all paths, directories that no entry names included; more is -EDQUOT. 0: no limit */
    uint64_t names_max;
    /* Nothing is made on disk, root_fd is not looked at, and contents are not hashed: the index alone comes out. Called
       for each file of the archive as it goes by; what it does not read of r is passed over. */
    int (*data)(void *ctx, const struct entry *e, struct tar_reader *r, struct error *err);
    void *ctx;
};
#define UNPACK_WARN_MAX 20

struct unpack;
struct unpack_result {
    struct index *index; /* yours: index_free(); NULL: flat */
    uint64_t entries;    /* of the archives */
    uint64_t left_out;   /* devices */
    uint64_t lost;       /* extended attributes that could not be set */
    bool wants_below; /* UNPACK_BELOW_UNKNOWN met missing parents: the tree may be another one above
                         other layers */
    bool used_below;  /* the tree depends on the layers below: it belongs to a chain id, not to a
                         diff id */
};

/* The strings of o live as long as the unpack. */
MUST_CHECK int unpack_new(const struct unpack_options *o, struct unpack **ret, struct error *err);
void unpack_free(struct unpack *u); /* leaves what was written; NULL is fine */
DEFINE_CLEANUP(struct unpack *, unpack_free)
/* Adds an archive to the tree; several one after the other are as several packages: later ones win.
 * Reads up to the end marker; codec_drain() tells the digests. -EINVAL, -EPROTO, -EDQUOT, -ELOOP:
 * the archive's fault. */
MUST_CHECK int unpack_tar(struct unpack *u, struct codec_reader *in, struct error *err);
/* flat: what the layer hides of the earlier ones goes, and another one may come. */
MUST_CHECK int unpack_end_layer(struct unpack *u, struct error *err);
/* flat: what the layers said of the root, or NULL. */
const struct entry *unpack_root(const struct unpack *u);
/* The sums of a layer against the expected ones where those are not NULL: -EPROTO. */
MUST_CHECK int unpack_check_sums(const struct codec_sums *sums, const struct digest *blob,
                                 const struct digest *diff_id, struct error *err);
/* Once, at the end. */
MUST_CHECK int unpack_finish(struct unpack *u, struct unpack_result *ret, struct error *err);

/* All in one for a layer: unpacks fd into the tree, reads on to the end, and holds the sums against
 * the expected ones where those are not NULL (-EPROTO: "layer sha256:... does not match"). The
 * reader is opened with CODEC_AHEAD. */
MUST_CHECK int unpack_layer(int fd, const struct unpack_options *o, const struct digest *blob,
                            const struct digest *diff_id, struct unpack_result *ret,
                            struct codec_sums *ret_sums, struct error *err);
/* The same of a file that is still being written (codec_follow()). */
MUST_CHECK int unpack_layer_followed(int fd, struct follow *f, const struct unpack_options *o,
                                     const struct digest *blob, const struct digest *diff_id,
                                     struct unpack_result *ret, struct codec_sums *ret_sums,
                                     struct error *err);

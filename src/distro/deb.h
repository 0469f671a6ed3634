/* distro/deb.h - binary packages (deb(5)): an ar archive of control.tar and data.tar. */
#pragma once

#include "base/str.h"
#include "base/vec.h"
#include "layer/unpack.h"

/* all files of control.tar; Debian's largest md5sums has 4 MB */
#define DEB_CONTROL_MAX (16u << 20)
#define DEB_CONTROL_FILES_MAX 64 /* dpkg knows some 12 names */

struct deb_file { /* a member of control.tar */
    char *name;   /* "postinst" */
    struct str data;
    bool executable;
};
struct deb {
    struct str control;         /* the paragraph */
    VEC(struct deb_file) files; /* without control */
};
void deb_done(struct deb *d);
const struct deb_file *deb_find(const struct deb *d, const char *name); /* NULL: absent */

/* Reads fd from its begin, adds data.tar to u (NULL: only looks at control) and compares the digest
 * of all bytes with want at the end: a difference is -EPROTO, and then what was added is worth
 * nothing. */
MUST_CHECK int deb_read(int fd, const struct digest *want, struct unpack *u, struct deb *ret,
                        struct error *err);

/* The members of a control.tar; pure but for memory. */
MUST_CHECK int deb_read_control(struct codec_reader *in, struct deb *ret, struct error *err);

/* sandbox/passwd.h - users and groups of an image, read with our own parser: never a library of the
 * image's or the host's (NSS) inside a stranger's root. Rules: docker's (moby/sys/user). */
#pragma once

#include <sys/types.h>

#include "base/str.h"

#define PASSWD_SIZE_MAX (4u << 20) /* /etc/passwd and /etc/group of an image */
#define PASSWD_GROUPS_MAX 1024     /* supplementary groups that are kept */

struct passwd_user {
    uint32_t uid, gid;
    char *home; /* "/" when the file does not say */
    gid_t *groups;
    size_t group_count;
};
void passwd_user_done(struct passwd_user *u);

/* spec: "", "name", "uid", "name:group", "uid:gid". A number needs no entry and has group 0 without
 * one; a name needs one (-ENOENT). The supplementary groups are the user's own, first if no entry
 * names it, and those it is a member of, but with a group given that one alone. Numbers are whole,
 * 0..2^31-1. */
MUST_CHECK int passwd_lookup(struct view passwd, struct view group, const char *spec,
                             struct passwd_user *ret, struct error *err);

/* distro/version.h - Debian version numbers, ordered as dpkg does (deb-version(7)). */
#pragma once

#include "base/str.h"

/* <0, 0, >0. Bytes that a version may not have are ordered like any other mark; nothing fails. An
 * absent epoch is 0, an absent revision is "" (equal to "0"). */
int version_cmp(struct view a, struct view b);

/* The syntax that dpkg demands: epoch a number below 2^31, an upstream version that begins with a
 * digit, only the bytes of deb-version(7). */
bool version_valid(struct view v);

enum version_relation {
    VERSION_ANY,
    VERSION_EARLIER,       /* << */
    VERSION_EARLIER_EQUAL, /* <= */
    VERSION_EQUAL,         /* = */
    VERSION_LATER_EQUAL,   /* >= */
    VERSION_LATER,         /* >> */
};
bool version_satisfies(struct view have, enum version_relation relation, struct view want);

/* distro/control.h - paragraphs of "Name: value" lines (deb822(5)): Packages, Release, control,
 * .sources. */
#pragma once

#include "base/str.h"

/* Cuts the next paragraph off *rest; false at the end. Empty lines between paragraphs are
 * skipped. */
bool control_paragraph(struct view *rest, struct view *ret);

/* Cuts the next field off a paragraph. The value is trimmed; its further lines follow with their
 * newlines and leading blanks. Lines that begin with '#' are comments. 1: a field; 0: the end;
 * -EINVAL: what is no field. */
MUST_CHECK int control_field(struct view *paragraph, struct view *ret_name, struct view *ret_value,
                             struct error *err);

/* The value of the first field of that name (ASCII case ignored); at == NULL when absent. Stops at
 * what is no field. */
struct view control_get(struct view paragraph, const char *name);

/* Cuts the next word of a list separated by blanks and newlines; false at the end. */
bool control_word(struct view *rest, struct view *ret);

/* net/url.h - what is said of URLs and kept from people. */
#pragma once

#include "base/str.h"

/* url without "user:password@"; caller frees. */
char *url_public(const char *url);
/* The same for every URL in a text. */
char *url_public_text(const char *text);
/* http: or https:. */
bool url_is_http(const char *url);
/* The last part of an http URL's path, unescaped, or "__unnamed__" where it has none that could be a
 * file's; caller frees. */
char *url_file_name(const char *url);
/* Appends text with its %XX undone, '+' as a blank where plus is set. False where an escape is none. */
bool url_unescape(struct view text, bool plus, struct str *ret);

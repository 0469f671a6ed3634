/* dockerfile/errexit.h - scripts that go on after a command that failed: a RUN of a heredoc is one, for neither
 * Dockerfile nor shell stops it (moby/buildkit#2722). A reading of lines, no shell: it is for warnings. */
#pragma once

#include "base/str.h"

/* True for /bin/sh and its kin, by the last part of the name. */
bool errexit_is_shell(struct view program);
/* True when more than one command stands in the text and nothing in it says `set -e`. */
bool errexit_is_missing(struct view script);
/* The same for the words of a shell: an option with 'e' or `-o errexit` is there. */
bool errexit_in_words(struct view line);

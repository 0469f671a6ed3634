/* lint/host.h - what checks of hosts share. */
#pragma once

#include "lint/facts_host.h"
#include "lint/internal.h"

/* Says that the row under way did not pass, though it found nothing. why: the arena's of f. */
void host_answer(const struct lint *l, const struct host_facts *f, enum host_verdict verdict,
                 const char *why);
/* As a word of a shell: commands that mend are copied from reports, and names may be anybody's. */
const char *host_quote(const struct lint *l, const char *word);
/* Else the row does not apply. */
bool host_has_daemon(const struct lint *l, const struct host_facts *f);

/* layer/chmod.h - mode changes as chmod(1) and COPY --chmod take them: octal up to 07777 or
 * symbolic. */
#pragma once

#include "base/str.h"

#define CHMOD_CLAUSES_MAX 32

/* What a checkout keeps of modes: who may execute. Under any umask, chmod_portable() is what this
 * makes of a mode. */
#define CHMOD_PORTABLE "ug-s,u=rwX,go=rX"
uint32_t chmod_portable(uint32_t mode, bool is_dir);

struct chmod_clause {
    uint16_t who;  /* mask of the bits that may change, 07777 */
    char op;       /* '=', '+', '-' */
    uint16_t bits; /* in place, before `who` is applied */
    char copy;     /* 'u', 'g' or 'o': take the bits of that class instead; else 0 */
    bool cond_x;   /* X: search for directories and where anybody may execute */
};

struct chmod {
    size_t count;
    struct chmod_clause clauses[CHMOD_CLAUSES_MAX];
};

/* "755", "u=rwX,go=rX", "+x" (all classes: no umask). -EINVAL says what is wrong. */
MUST_CHECK int chmod_parse(const char *text, struct chmod *ret, struct error *err);
uint32_t chmod_apply(const struct chmod *c, uint32_t mode, bool is_dir);

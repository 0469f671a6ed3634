/* lint/runtime.h - between the tables of rules over run configurations. */
#pragma once

#include "lint/facts_run.h"

/* What a good example needs besides its point. */
#define RUN_SAFE                                                                                   \
    "--cap-drop ALL --security-opt no-new-privileges --read-only --init --user 1001 -m 256m "      \
    "--cpus 1 --pids-limit 100 --network app "

bool run_is_privileged(const struct run_facts *f);
/* Case ignored. */
bool run_says(const struct run_text *word, const char *text);

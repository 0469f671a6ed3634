/* audit/jobs.h - what an audit needs of the holder: bytes of files that the user himself may not read. */
#pragma once

#include "sandbox/holder.h"

#define AUDIT_PICKS_JOB "audit-picks"

/* "audit-picks": the files of trees (bottom first) that picks_want() names; answers as picks_print(). */
extern const struct job_row audit_jobs[];
extern const size_t audit_job_count;

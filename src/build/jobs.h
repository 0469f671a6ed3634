/* build/jobs.h - what the steps of a build do inside a holder's job; rows for the table of jobs. */
#pragma once

#include "sandbox/holder.h"

/* "build-exec": a program over layers, then its upper directory is a new tree. "build-exec-alone": the same in a
 * process of its own, for what is given secrets. "build-file": file steps, a new tree. The others: remote_job.h, keep_job.h. */
extern const struct job_row build_jobs[];
extern const size_t build_job_count;

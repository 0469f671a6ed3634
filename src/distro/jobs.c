#include "distro/jobs.h"

const struct job_row distro_jobs[] = {
    {"base-select", select_job},
    {"base-make", make_job},
};
const size_t distro_job_count = sizeof(distro_jobs) / sizeof(distro_jobs[0]);

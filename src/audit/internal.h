/* audit/internal.h - between the readers of run configurations. */
#pragma once

#include "audit/runconfig.h"

struct run_facts *run_list_new(struct run_list *l);

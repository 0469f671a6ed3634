/* layer/devices.h - devices that a step made, of which a record was kept (base/owned.h). */
#pragma once

#include "layer/index.h"
#include "layer/meta.h"

/* A tree just scanned gets them as meta_make() would have made them: real ones where the kernel lets us,
 * with the names that they share; else what was written to the file that stands for one is dropped. */
MUST_CHECK int devices_settle(int dirfd, const struct index *ix, enum owner_mode owner,
                              struct error *err);

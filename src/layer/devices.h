/* layer/devices.h - devices that a step made, of which a record was kept (base/owned.h). */
#pragma once

#include "layer/index.h"
#include "layer/meta.h"

/* In a tree just scanned: what was written to the files that stand for devices is dropped. They stay such files,
 * for root too: a later step of any user may then move and chown them, which the kernel refuses of a real device
 * below an overlay of a user namespace. */
MUST_CHECK int devices_settle(int dirfd, const struct index *ix, struct error *err);

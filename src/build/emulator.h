/* build/emulator.h - whether this machine runs the programs of another platform. */
#pragma once

#include "oci/platform.h"

/* True when the kernel refuses them: neither it nor binfmt_misc takes a program with such a header. It is asked with one,
 * as its list is hidden from containers, though what is in it works there. */
bool emulator_is_missing(const struct platform *p);

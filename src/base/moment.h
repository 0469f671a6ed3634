/* base/moment.h - moments as strangers write them. What is no day of the calendar is none: it is never moved to another. */
#pragma once

#include "base/str.h"

/* The second of these numbers (month and day from 1) in UTC; false where there is no such moment: 31 February, 24:00:00,
 * a leap second. */
MUST_CHECK bool moment_make(int year, int month, int day, int hour, int minute, int second,
                            int64_t *ret_s);
/* RFC 3339, with its zone, as Go's time.Parse has it; 'z' will do. Fractions are cut. */
MUST_CHECK bool moment_parse(struct view text, int64_t *ret_s);

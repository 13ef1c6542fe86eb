/* Seconds and microseconds. */
#ifndef _MACH_TIME_VALUE_H_
#define _MACH_TIME_VALUE_H_

#include <mach/vm_types.h>

typedef struct time_value {
    integer_t seconds;
    integer_t microseconds;
} time_value_t;

#endif

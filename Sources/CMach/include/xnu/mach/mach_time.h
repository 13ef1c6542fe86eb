/* A clock that never goes back, in nanoseconds. */
#ifndef _MACH_MACH_TIME_H_
#define _MACH_MACH_TIME_H_

#include <mach/kern_return.h>
#include <mach/masix_linkage.h>
#include <stdint.h>

struct mach_timebase_info {
    uint32_t numer;
    uint32_t denom;
};
typedef struct mach_timebase_info *mach_timebase_info_t;
typedef struct mach_timebase_info mach_timebase_info_data_t;

MASIX_C_BEGIN

/* Does not count while the machine sleeps. */
extern uint64_t mach_absolute_time(void);
/* Does. */
extern uint64_t mach_continuous_time(void);
/* One unit is a nanosecond: 1 and 1. */
extern kern_return_t mach_timebase_info(mach_timebase_info_t info);
/* Sleeps to a time of mach_absolute_time; KERN_ABORTED after a signal. */
extern kern_return_t mach_wait_until(uint64_t deadline);

MASIX_C_END

#endif

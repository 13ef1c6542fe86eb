/* Calls on a thread. */
#ifndef _MACH_THREAD_ACT_H_
#define _MACH_THREAD_ACT_H_

#include <mach/thread_policy.h>

#endif

/* All calls on ports, tasks, threads, memory and nodes. */
#ifndef _MACH_MACH_INTERFACE_H_
#define _MACH_MACH_INTERFACE_H_

#include <mach/mach_host.h>
#include <mach/mach_port.h>
#include <mach/notify.h>
#include <mach/task.h>
#include <mach/thread_act.h>
#include <mach/vm_map.h>

#endif

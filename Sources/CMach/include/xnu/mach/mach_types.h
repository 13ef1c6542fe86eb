/* Names for the ports that stand for things. */
#ifndef _MACH_MACH_TYPES_H_
#define _MACH_MACH_TYPES_H_

#include <mach/boolean.h>
#include <mach/host_info.h>
#include <mach/kern_return.h>
#include <mach/machine.h>
#include <mach/message.h>
#include <mach/port.h>
#include <mach/std_types.h>
#include <mach/task_info.h>
#include <mach/task_special_ports.h>
#include <mach/time_value.h>
#include <mach/vm_prot.h>
#include <mach/vm_statistics.h>
#include <mach/vm_types.h>

typedef mach_port_t task_t;
typedef mach_port_t task_name_t;
typedef mach_port_t task_inspect_t;
typedef mach_port_t task_read_t;
typedef mach_port_t thread_t;
typedef mach_port_t thread_act_t;
typedef mach_port_t ipc_space_t;
typedef mach_port_t ipc_space_inspect_t;
typedef mach_port_t ipc_space_read_t;
typedef mach_port_t host_t;
typedef mach_port_t host_priv_t;
typedef mach_port_t vm_map_t;
typedef mach_port_t vm_task_t;
typedef mach_port_t mem_entry_name_port_t;
typedef mach_port_t clock_serv_t;
typedef mach_port_t exception_handler_t;
typedef mach_port_t ipc_voucher_t;

typedef task_t *task_array_t;
typedef thread_t *thread_array_t;
typedef thread_act_t *thread_act_array_t;

#define TASK_NULL ((task_t)0)
#define THREAD_NULL ((thread_t)0)
#define HOST_NULL ((host_t)0)
#define VM_MAP_NULL ((vm_map_t)0)
#define IPC_VOUCHER_NULL ((ipc_voucher_t)0)

#endif

/* Calls on a task. */
#ifndef _MACH_TASK_H_
#define _MACH_TASK_H_

#include <mach/mach_types.h>
#include <mach/masix_linkage.h>

MASIX_C_BEGIN

/* TASK_SECURITY_TOKEN and TASK_AUDIT_TOKEN. */
extern kern_return_t task_info(
    task_name_t target_task, task_flavor_t flavor, task_info_t task_info_out, mach_msg_type_number_t *task_info_outCnt);

extern kern_return_t task_get_special_port(task_inspect_t task, int which_port, mach_port_t *special_port);

/* Nobody is punished for a mistake with a port here: the setting is kept and has no effect. */
extern kern_return_t task_get_exc_guard_behavior(task_inspect_t task, task_exc_guard_behavior_t *behavior);
extern kern_return_t task_set_exc_guard_behavior(task_t task, task_exc_guard_behavior_t behavior);

MASIX_C_END

#endif

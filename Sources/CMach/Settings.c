/* Wishes that are heard and have no effect: Linux schedules the threads, and nobody is punished for a mistake with a port. */
#include <mach/mach.h>
#include <stdatomic.h>

kern_return_t thread_policy_set(
    thread_act_t thread, thread_policy_flavor_t flavor, thread_policy_t policy_info, mach_msg_type_number_t policy_infoCnt) {
    mach_msg_type_number_t needed;
    if (!MACH_PORT_VALID(thread)) { return KERN_INVALID_ARGUMENT; }
    switch (flavor) {
    case THREAD_EXTENDED_POLICY:
        /* Without words it is the standard policy. */
        needed = policy_infoCnt == 0 ? THREAD_STANDARD_POLICY_COUNT : THREAD_EXTENDED_POLICY_COUNT;
        break;
    case THREAD_TIME_CONSTRAINT_POLICY:
        needed = THREAD_TIME_CONSTRAINT_POLICY_COUNT;
        break;
    case THREAD_PRECEDENCE_POLICY:
        needed = THREAD_PRECEDENCE_POLICY_COUNT;
        break;
    case THREAD_AFFINITY_POLICY:
        needed = THREAD_AFFINITY_POLICY_COUNT;
        break;
    default:
        return KERN_INVALID_ARGUMENT;
    }
    return policy_infoCnt < needed || (needed > 0 && policy_info == 0) ? KERN_INVALID_ARGUMENT : KERN_SUCCESS;
}

static _Atomic task_exc_guard_behavior_t guard_behavior;

kern_return_t task_get_exc_guard_behavior(task_inspect_t task, task_exc_guard_behavior_t *behavior) {
    if (!MACH_PORT_VALID(task)) { return KERN_INVALID_ARGUMENT; }
    *behavior = atomic_load(&guard_behavior);
    return KERN_SUCCESS;
}

kern_return_t task_set_exc_guard_behavior(task_t task, task_exc_guard_behavior_t behavior) {
    if (!MACH_PORT_VALID(task) || (behavior & ~(task_exc_guard_behavior_t)TASK_EXC_GUARD_ALL)) { return KERN_INVALID_ARGUMENT; }
    atomic_store(&guard_behavior, behavior);
    return KERN_SUCCESS;
}

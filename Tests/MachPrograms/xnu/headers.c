/* Types and numbers of the XNU root: 1.12, 1.13, 4. Compiling is most of the test. */
#include <bsm/libbsm.h>
#include <mach/host_priv.h>
#include <mach/mach_host.h>
#include <mach/mach_vm.h>
#include <mach/ndr.h>
#include <mach/vm_param.h>
#include <mach_error.h>
#include "dialect.h"

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#define AT(type, field, place) _Static_assert(__builtin_offsetof(type, field) == (place), #type "." #field)
#define VALUE(name, value) _Static_assert((long long)(name) == (value), #name)

SIZE(mach_port_t, 4);
SIZE(mach_port_name_t, 4);
SIZE(natural_t, 4);
SIZE(vm_address_t, 8);
SIZE(vm_size_t, 8);
SIZE(mach_vm_address_t, 8);
SIZE(mach_port_context_t, 8);
SIZE(mach_msg_header_t, 24);
AT(mach_msg_header_t, msgh_remote_port, 8);
AT(mach_msg_header_t, msgh_local_port, 12);
AT(mach_msg_header_t, msgh_voucher_port, 16);
AT(mach_msg_header_t, msgh_id, 20);
SIZE(mach_msg_body_t, 4);
SIZE(mach_msg_base_t, 28);
SIZE(mach_msg_port_descriptor_t, 12);
SIZE(mach_msg_ool_descriptor_t, 16);
SIZE(mach_msg_ool_ports_descriptor_t, 16);
SIZE(mach_msg_guarded_port_descriptor_t, 16);
SIZE(mach_msg_type_descriptor_t, 12);
AT(mach_msg_ool_descriptor_t, size, 12);
AT(mach_msg_ool_ports_descriptor_t, count, 12);
SIZE(mach_msg_trailer_t, 8);
SIZE(mach_msg_seqno_trailer_t, 12);
SIZE(mach_msg_security_trailer_t, 20);
SIZE(mach_msg_audit_trailer_t, 52);
SIZE(mach_msg_context_trailer_t, 60);
SIZE(mach_msg_mac_trailer_t, 68);
SIZE(audit_token_t, 32);
SIZE(security_token_t, 8);
SIZE(NDR_record_t, 8);
SIZE(mach_port_status_t, 40);
SIZE(mach_port_limits_t, 4);
SIZE(mach_port_options_t, 24);
SIZE(mig_reply_error_t, 36);
AT(mach_dead_name_notification_t, not_port, 32);
AT(mach_port_destroyed_notification_t, not_port, 28);
AT(mach_no_senders_notification_t, not_count, 32);
VALUE(HOST_BASIC_INFO_COUNT, 12);
VALUE(MACH_PORT_RECEIVE_STATUS_COUNT, 10);
VALUE(MACH_PORT_LIMITS_INFO_COUNT, 1);
VALUE(TASK_AUDIT_TOKEN_COUNT, 8);
VALUE(MACH_PORT_DEAD, 0xffffffffLL);
VALUE(MACH_PORT_TYPE_SEND, 1 << 16);
VALUE(MACH_PORT_TYPE_RECEIVE, 1 << 17);
VALUE(MACH_PORT_TYPE_SEND_ONCE, 1 << 18);
VALUE(MACH_PORT_TYPE_PORT_SET, 1 << 19);
VALUE(MACH_PORT_TYPE_DEAD_NAME, 1 << 20);
VALUE(MACH_PORT_TYPE_DNREQUEST, 0x80000000LL);
VALUE(MACH_PORT_TYPE_SPREQUEST, 0x40000000LL);
VALUE(MACH_MSGH_BITS_USER, 0x801f1f1fLL);
VALUE(MACH_SEND_MSG, 1);
VALUE(MACH_RCV_MSG, 2);
VALUE(MACH_RCV_LARGE, 4);
VALUE(MACH_RCV_LARGE_IDENTITY, 8);
VALUE(MACH_SEND_TIMEOUT, 0x10);
VALUE(MACH_SEND_INTERRUPT, 0x40);
VALUE(MACH_SEND_NOTIFY, 0x80);
VALUE(MACH_RCV_TIMEOUT, 0x100);
VALUE(MACH_RCV_NOTIFY, 0);
VALUE(MACH_RCV_INTERRUPT, 0x400);
VALUE(MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_AUDIT), 3 << 24);
VALUE(REQUESTED_TRAILER_SIZE(MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_AUDIT)), 52);
VALUE(REQUESTED_TRAILER_SIZE(0), 8);
VALUE(MACH_SEND_TOO_LARGE, 0x1000000e);
VALUE(MACH_RCV_BODY_ERROR, 0x1000400c);
VALUE(MACH_PORT_QLIMIT_MAX, 1024);
VALUE(MACH_NOTIFY_SEND_POSSIBLE, 66);
VALUE(MACH_NOTIFY_DEAD_NAME, 72);
VALUE(MPO_CONTEXT_AS_GUARD, 1);
VALUE(MPO_QLIMIT, 2);
VALUE(MPO_INSERT_SEND_RIGHT, 0x10);

int main(void) {
    audit_token_t token = {{1, 2, 3, 4, 5, 6, 7, 8}};
    CHECK("1.14: the order of an audit token",
          audit_token_to_auid(token) == 1 && audit_token_to_euid(token) == 2 && audit_token_to_egid(token) == 3
              && audit_token_to_ruid(token) == 4 && audit_token_to_rgid(token) == 5 && audit_token_to_pid(token) == 6
              && audit_token_to_asid(token) == 7 && audit_token_to_pidversion(token) == 8);
    CHECK("4: NDR says little-endian", NDR_record.int_rep == NDR_INT_LITTLE_ENDIAN);
    mach_timebase_info_data_t base = {0, 0};
    CHECK("mach_timebase_info", mach_timebase_info(&base) == KERN_SUCCESS && base.numer == 1 && base.denom == 1);
    uint64_t before = mach_absolute_time();
    usleep(2000);
    uint64_t after = mach_absolute_time();
    CHECK("mach_absolute_time: nanoseconds", after - before >= 2000000 && after - before < 5000000000u);
    CHECK("mach_wait_until", mach_wait_until(after + 1000000) == KERN_SUCCESS && mach_absolute_time() >= after + 1000000);
    CHECK("mach_task_self_", mach_task_self_ == mach_task_self());
    mach_vm_address_t address = 0;
    IS("mach_vm_allocate", mach_vm_allocate(SELF, &address, 5000, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    IS("mach_vm_deallocate", mach_vm_deallocate(SELF, address, 5000), KERN_SUCCESS);
    task_exc_guard_behavior_t behavior = 77;
    IS("task_set_exc_guard_behavior", task_set_exc_guard_behavior(SELF, TASK_EXC_GUARD_MP_DELIVER), KERN_SUCCESS);
    IS("task_get_exc_guard_behavior", task_get_exc_guard_behavior(SELF, &behavior), KERN_SUCCESS);
    CHECK("task_get_exc_guard_behavior", behavior == TASK_EXC_GUARD_MP_DELIVER);
    thread_precedence_policy_data_t policy = {5};
    IS("thread_policy_set",
       thread_policy_set(mach_thread_self(), THREAD_PRECEDENCE_POLICY, (thread_policy_t)&policy, THREAD_PRECEDENCE_POLICY_COUNT), 0);
    return result();
}

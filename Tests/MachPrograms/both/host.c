/* The node, the task's rights, and the name server in one process. */
#include "dialect.h"

int main(void) {
    struct host_basic_info info;
    mach_msg_type_number_t count = HOST_BASIC_INFO_COUNT;
    memset(&info, 0, sizeof info);
    IS("host_info", host_info(mach_host_self(), HOST_BASIC_INFO, (host_info_t)&info, &count), KERN_SUCCESS);
    CHECK("host_info", count == HOST_BASIC_INFO_COUNT && info.avail_cpus >= 1 && info.max_cpus >= info.avail_cpus && info.memory_size > 0);
    count = 1;
    CHECK("host_info: no room", host_info(mach_host_self(), HOST_BASIC_INFO, (host_info_t)&info, &count) != KERN_SUCCESS);
    count = HOST_BASIC_INFO_COUNT;
    IS("host_info: no host", host_info(MACH_PORT_NULL, HOST_BASIC_INFO, (host_info_t)&info, &count), KERN_INVALID_HOST);
    time_value_t now;
    IS("host_get_time", host_get_time(mach_host_self(), &now), KERN_SUCCESS);
    long difference = (long)now.seconds - (long)time(NULL);
    CHECK("host_get_time", difference >= -2 && difference <= 2 && now.microseconds >= 0 && now.microseconds < 1000000);
    kernel_version_t version;
    IS("host_kernel_version", host_kernel_version(mach_host_self(), version), KERN_SUCCESS);
    CHECK("host_kernel_version", strstr(version, "Masix") != NULL);

    mach_port_t bootstrap = 0, service = 0, found = 0;
    IS("task_get_bootstrap_port", task_get_bootstrap_port(mach_task_self(), &bootstrap), KERN_SUCCESS);
    CHECK("task_get_bootstrap_port: a send right", kind(bootstrap) & MACH_PORT_TYPE_SEND);
    IS("task_get_special_port: unknown", task_get_special_port(mach_task_self(), 99, &found), KERN_INVALID_ARGUMENT);

    uint32_t security[2] = {77, 77}, audit[8] = {77};
    count = TASK_SECURITY_TOKEN_COUNT;
    IS("1.12: task_info, TASK_SECURITY_TOKEN", task_info(mach_task_self(), TASK_SECURITY_TOKEN, (task_info_t)security, &count), 0);
    CHECK("1.14: effective user and group", security[0] == geteuid() && security[1] == getegid());
    count = TASK_AUDIT_TOKEN_COUNT;
    IS("1.12: task_info, TASK_AUDIT_TOKEN", task_info(mach_task_self(), TASK_AUDIT_TOKEN, (task_info_t)audit, &count), KERN_SUCCESS);
    CHECK("1.14: who and in which process",
          audit[1] == geteuid() && audit[2] == getegid() && audit[3] == getuid() && audit[4] == getgid() && audit[5] == (uint32_t)getpid());

    IS("bootstrap_look_up: unknown", bootstrap_look_up(bootstrap_port, "masix.test.nobody", &found), BOOTSTRAP_UNKNOWN_SERVICE);
    IS("bootstrap_check_in", bootstrap_check_in(bootstrap_port, "masix.test.service", &service), KERN_SUCCESS);
    CHECK("bootstrap_check_in: the receive right", kind(service) & MACH_PORT_TYPE_RECEIVE);
    IS("bootstrap_look_up", bootstrap_look_up(bootstrap_port, "masix.test.service", &found), KERN_SUCCESS);
    CHECK("N2: a right for our own port bears its name", found == service && (kind(found) & MACH_PORT_TYPE_SEND));
    IS("bootstrap_look_up: it works", send_id(found, 3, 0, 0), MACH_MSG_SUCCESS);
    CHECK("bootstrap_look_up: it works", next_id(service) == 3);
    mach_port_t port = new_port();
    IS("bootstrap_register", bootstrap_register(bootstrap, "masix.test.other", port), KERN_SUCCESS);
    CHECK("bootstrap_register: the caller keeps its right", sends(port) == 1);
    IS("bootstrap_look_up", bootstrap_look_up(bootstrap, "masix.test.other", &found), KERN_SUCCESS);
    CHECK("bootstrap_look_up", found == port && sends(port) == 2);
    return result();
}

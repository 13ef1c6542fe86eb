/* Time, and the machine that it passes on. */
#include "Typed.h"
#include <errno.h>
#include <mach/mach.h>
#include <mach/mach_time.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t mach_absolute_time(void) { return nanoseconds(CLOCK_MONOTONIC); }
uint64_t mach_continuous_time(void) { return nanoseconds(CLOCK_BOOTTIME); }

kern_return_t mach_timebase_info(mach_timebase_info_t info) {
    if (info == NULL) { return KERN_INVALID_ARGUMENT; }
    info->numer = 1;
    info->denom = 1;
    return KERN_SUCCESS;
}

kern_return_t mach_wait_until(uint64_t deadline) {
    struct timespec then = {.tv_sec = (time_t)(deadline / 1000000000u), .tv_nsec = (long)(deadline % 1000000000u)};
    return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL) == EINTR ? KERN_ABORTED : KERN_SUCCESS;
}

/* Every call that is handed a node says so when it is none. */
static int is_host(host_t host) { return MACH_PORT_VALID(host); }

kern_return_t host_get_time(host_t host, time_value_t *current_time) {
    if (!is_host(host)) { return KERN_INVALID_HOST; }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    current_time->seconds = (integer_t)now.tv_sec;
    current_time->microseconds = (integer_t)(now.tv_nsec / 1000);
    return KERN_SUCCESS;
}

struct typed_time_value {
    long seconds;
    integer_t microseconds;
};

kern_return_t typed_host_get_time(host_t host, struct typed_time_value *current_time) MACH3(host_get_time);
kern_return_t typed_host_get_time(host_t host, struct typed_time_value *current_time) {
    if (!is_host(host)) { return KERN_INVALID_HOST; }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    current_time->seconds = now.tv_sec;
    current_time->microseconds = (integer_t)(now.tv_nsec / 1000);
    return KERN_SUCCESS;
}

kern_return_t host_page_size(host_t host, vm_size_t *out_page_size) {
    if (!is_host(host)) { return KERN_INVALID_HOST; }
    *out_page_size = vm_page_size;
    return KERN_SUCCESS;
}

kern_return_t host_kernel_version(host_t host, kernel_version_t kernel_version) {
    if (!is_host(host)) { return KERN_INVALID_HOST; }
    struct utsname name;
    if (uname(&name) != 0) { return KERN_FAILURE; }
    snprintf(kernel_version, KERNEL_VERSION_MAX, "Masix on %s %s %s", name.sysname, name.release, name.machine);
    return KERN_SUCCESS;
}

static uint64_t bytes_of_memory(void) { return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE); }

#if defined(__x86_64__)
static const cpu_type_t processor = CPU_TYPE_X86_64;
static const cpu_subtype_t processor_kind = CPU_SUBTYPE_X86_64_ALL;
#elif defined(__aarch64__)
static const cpu_type_t processor = CPU_TYPE_ARM64;
static const cpu_subtype_t processor_kind = CPU_SUBTYPE_ARM64_ALL;
#else
static const cpu_type_t processor = CPU_TYPE_ANY;
static const cpu_subtype_t processor_kind = 0;
#endif

kern_return_t host_info(host_t host, host_flavor_t flavor, host_info_t host_info_out, mach_msg_type_number_t *host_info_outCnt) {
    if (!is_host(host)) { return KERN_INVALID_HOST; }
    if (flavor != HOST_BASIC_INFO) { return KERN_INVALID_ARGUMENT; }
    if (*host_info_outCnt < HOST_BASIC_INFO_COUNT) { return KERN_FAILURE; }
    uint64_t memory = bytes_of_memory();
    struct host_basic_info info = {
        .max_cpus = get_nprocs_conf(),
        .avail_cpus = get_nprocs(),
        .memory_size = memory > UINT32_MAX ? UINT32_MAX : (natural_t)memory,
        .cpu_type = processor,
        .cpu_subtype = processor_kind,
        .cpu_threadtype = CPU_THREADTYPE_NONE,
        .physical_cpu = get_nprocs(),
        .physical_cpu_max = get_nprocs_conf(),
        .logical_cpu = get_nprocs(),
        .logical_cpu_max = get_nprocs_conf(),
        .max_mem = memory,
    };
    memcpy(host_info_out, &info, sizeof info);
    *host_info_outCnt = HOST_BASIC_INFO_COUNT;
    return KERN_SUCCESS;
}

struct typed_host_basic_info {
    integer_t max_cpus;
    integer_t avail_cpus;
    uint64_t memory_size;
    cpu_type_t cpu_type;
    cpu_subtype_t cpu_subtype;
};

/* As gnumach-dev numbers processors: CPU_TYPE_I386 is both the old and the new. */
#if defined(__x86_64__)
enum { typed_processor = 7, typed_processor_kind = 0 };
#else
enum { typed_processor = -1, typed_processor_kind = -1 };
#endif

kern_return_t typed_host_info(host_t host, int flavor, host_info_t out, uint32_t *count) MACH3(host_info);
kern_return_t typed_host_info(host_t host, int flavor, host_info_t out, uint32_t *count) {
    if (!is_host(host)) { return KERN_INVALID_HOST; }
    if (flavor != HOST_BASIC_INFO) { return KERN_INVALID_ARGUMENT; }
    struct typed_host_basic_info info = {
        .max_cpus = get_nprocs_conf(),
        .avail_cpus = get_nprocs(),
        .memory_size = bytes_of_memory(),
        .cpu_type = typed_processor,
        .cpu_subtype = typed_processor_kind,
    };
    uint32_t words = sizeof info / sizeof(integer_t);
    if (*count < words) { return KERN_FAILURE; }
    memcpy(out, &info, sizeof info);
    *count = words;
    return KERN_SUCCESS;
}

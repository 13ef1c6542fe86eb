// Shims over Linux system calls: one static inline function per call, no decisions.
//
// Every function answers the call's result, or the negated errno: nobody reads the thread's errno afterwards.
// Numbers that the C library of an older system lacks are spelled out here.
#pragma once

#include <malloc.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

// Swift reads the C library's headers without _GNU_SOURCE, and so must this header: else one structure would have two definitions. What
// only that macro declares is declared here, or called by its number.
int sched_getcpu(void);
int setresgid(gid_t real, gid_t effective, gid_t saved);
int setresuid(uid_t real, uid_t effective, uid_t saved);
int posix_openpt(int flags);
int grantpt(int fd);
int unlockpt(int fd);
int ptsname_r(int fd, char *path, size_t capacity);

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif

enum {
    MASIX_SO_PEERPIDFD = 77,
    MASIX_MAP_FIXED_NOREPLACE = 0x100000,
    MASIX_MFD_CLOEXEC = 0x0001,
    MASIX_MFD_ALLOW_SEALING = 0x0002,
    MASIX_MFD_NOEXEC_SEAL = 0x0008,
    MASIX_MFD_EXEC = 0x0010,
    MASIX_F_ADD_SEALS = 1033,
    MASIX_F_GET_SEALS = 1034,
    MASIX_MADV_WIPEONFORK = 18,
    MASIX_MADV_POPULATE_WRITE = 23,
    MASIX_MADV_POPULATE_READ = 22,
    MASIX_FUTEX_WAIT_BITSET = 9,
    MASIX_FUTEX_WAKE = 1,
    MASIX_FUTEX_PRIVATE = 128,
    MASIX_CLOSE_RANGE_CLOEXEC = 4,
    MASIX_P_PIDFD = 3,
    MASIX_DESCRIPTORS_PER_MESSAGE_MAX = 253,
};

static inline long masix_result(long result) { return result < 0 ? -(long)errno : result; }

// Descriptors

static inline long masix_close(int fd) { return masix_result(close(fd)); }
static inline long masix_duplicate(int fd) { return masix_result(fcntl(fd, F_DUPFD_CLOEXEC, 0)); }
static inline long masix_get_status_flags(int fd) { return masix_result(fcntl(fd, F_GETFL)); }
static inline long masix_set_status_flags(int fd, int flags) { return masix_result(fcntl(fd, F_SETFL, flags)); }
static inline long masix_get_descriptor_flags(int fd) { return masix_result(fcntl(fd, F_GETFD)); }
static inline long masix_set_descriptor_flags(int fd, int flags) { return masix_result(fcntl(fd, F_SETFD, flags)); }
static inline long masix_read(int fd, void *bytes, size_t count) { return masix_result(read(fd, bytes, count)); }
static inline long masix_write(int fd, const void *bytes, size_t count) { return masix_result(write(fd, bytes, count)); }
/* One byte into a pipe that may have lost its reader: the SIGPIPE which that raises is kept from a program that has not said what to do with it. */
long masix_ring(int fd);
static inline long masix_read_rings(int fd) {
    char bytes[256];
    return masix_result(syscall(SYS_read, fd, bytes, sizeof bytes));
}
static inline long masix_pipe(int ends[2], int flags) { return masix_result(syscall(SYS_pipe2, ends, flags | O_CLOEXEC)); }
static inline long masix_fchmod(int fd, mode_t mode) { return masix_result(fchmod(fd, mode)); }
static inline long masix_close_range(unsigned first, unsigned last, unsigned flags) {
    return masix_result(syscall(SYS_close_range, first, last, flags));
}

// Memory

static inline long masix_memfd_create(const char *name, unsigned flags) { return masix_result(syscall(SYS_memfd_create, name, flags)); }
static inline long masix_add_seals(int fd, int seals) { return masix_result(fcntl(fd, MASIX_F_ADD_SEALS, seals)); }
static inline long masix_get_seals(int fd) { return masix_result(fcntl(fd, MASIX_F_GET_SEALS)); }
static inline long masix_ftruncate(int fd, int64_t size) { return masix_result(ftruncate(fd, size)); }
// Copies between two places of this process; -EFAULT where one of them is no memory that may be read or written.
static inline long masix_copy_here(uint64_t from, uint64_t to, size_t count) {
    struct iovec source = {(void *)from, count}, target = {(void *)to, count};
    return masix_result(syscall(SYS_process_vm_readv, getpid(), &target, 1ul, &source, 1ul, 0ul));
}

// One lock of the process, which a forked child finds open.
void masix_lock_process(void);
void masix_unlock_process(void);

static inline int32_t masix_thread_number(void) { return (int32_t)syscall(SYS_gettid); }

// Whether the range lies on the stack of the calling thread, where it can be read and written as a matter of course.
int masix_is_on_stack(uint64_t address, size_t count);

static inline long masix_mmap(void **base, size_t length, int protection, int flags, int fd, int64_t offset) {
    void *mapped = mmap(NULL, length, protection, flags, fd, offset);
    if (mapped == MAP_FAILED) return -(long)errno;
    *base = mapped;
    return 0;
}
static inline long masix_munmap(void *base, size_t length) { return masix_result(munmap(base, length)); }
static inline long masix_mprotect(void *base, size_t length, int protection) { return masix_result(mprotect(base, length, protection)); }
static inline long masix_madvise(void *base, size_t length, int advice) { return masix_result(madvise(base, length, advice)); }
static inline long masix_page_size(void) { return sysconf(_SC_PAGESIZE); }
static inline uint32_t masix_load_relaxed(const void *word) { return __atomic_load_n((const uint32_t *)word, __ATOMIC_RELAXED); }

// Sockets

static inline long masix_socketpair(int ends[2], int type) { return masix_result(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends)); }
static inline long masix_socket(int type) { return masix_result(socket(AF_UNIX, type | SOCK_CLOEXEC, 0)); }
static inline long masix_address(struct sockaddr_un *address, const char *path) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    size_t length = strlen(path);
    if (length == 0) return -EINVAL;
    if (length >= sizeof address->sun_path) return -ENAMETOOLONG;
    memcpy(address->sun_path, path, length + 1);
    return (long)(offsetof(struct sockaddr_un, sun_path) + length + 1);
}
static inline long masix_bind(int fd, const char *path) {
    struct sockaddr_un address;
    long length = masix_address(&address, path);
    return length < 0 ? length : masix_result(bind(fd, (struct sockaddr *)&address, (socklen_t)length));
}
static inline long masix_connect(int fd, const char *path) {
    struct sockaddr_un address;
    long length = masix_address(&address, path);
    return length < 0 ? length : masix_result(connect(fd, (struct sockaddr *)&address, (socklen_t)length));
}
// One datagram to a socket that is a path, or, with a first byte '@', a name without a file.
static inline long masix_tell_path(const char *path, const void *bytes, size_t count) {
    struct sockaddr_un address;
    long length = masix_address(&address, path);
    if (length < 0) return length;
    if (path[0] == '@') {
        address.sun_path[0] = 0;
        length -= 1;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -(long)errno;
    long result = masix_result(sendto(fd, bytes, count, MSG_NOSIGNAL, (struct sockaddr *)&address, (socklen_t)length));
    (void)close(fd);
    return result;
}
static inline long masix_listen(int fd, int backlog) { return masix_result(listen(fd, backlog)); }
static inline long masix_accept(int fd) { return masix_result(syscall(SYS_accept4, fd, NULL, NULL, SOCK_CLOEXEC)); }
static inline long masix_shutdown(int fd, int how) { return masix_result(shutdown(fd, how)); }
/* TIOCOUTQ is SIOCOUTQ: what the other side has not read. */
static inline long masix_unread_by_peer(int fd) {
    int count = 0;
    long result = masix_result(ioctl(fd, TIOCOUTQ, &count));
    return result < 0 ? result : count;
}

static inline long masix_set_socket_int(int fd, int option, int value) {
    return masix_result(setsockopt(fd, SOL_SOCKET, option, &value, sizeof value));
}
static inline long masix_get_socket_int(int fd, int option, int *value) {
    socklen_t length = sizeof *value;
    return masix_result(getsockopt(fd, SOL_SOCKET, option, value, &length));
}
static inline long masix_peer_credentials(int fd, int32_t *pid, uint32_t *uid, uint32_t *gid) {
    struct {
        int32_t pid;
        uint32_t uid, gid;
    } peer = {0};
    socklen_t length = sizeof peer;
    long result = masix_result(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length));
    *pid = peer.pid;
    *uid = peer.uid;
    *gid = peer.gid;
    return result;
}
static inline long masix_unread_bytes(int fd) {
    int count = 0;
    long result = masix_result(ioctl(fd, FIONREAD, &count));
    return result < 0 ? result : count;
}

// One message of two parts with up to MASIX_DESCRIPTORS_PER_MESSAGE_MAX descriptors; MSG_NOSIGNAL always.
static inline long masix_send(
    int fd, const void *header, size_t header_count, const void *body, size_t body_count, const int *descriptors, size_t descriptor_count, int flags) {
    union {
        char bytes[CMSG_SPACE(sizeof(int) * MASIX_DESCRIPTORS_PER_MESSAGE_MAX)];
        struct cmsghdr align;
    } control;
    struct iovec parts[2] = {{(void *)header, header_count}, {(void *)body, body_count}};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    if (descriptor_count > MASIX_DESCRIPTORS_PER_MESSAGE_MAX) return -EINVAL;
    if (descriptor_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptor_count);
        memset(control.bytes, 0, message.msg_controllen);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * descriptor_count);
        memcpy(CMSG_DATA(rights), descriptors, sizeof(int) * descriptor_count);
    }
    return masix_result(sendmsg(fd, &message, flags | MSG_NOSIGNAL));
}

// One message; every descriptor it brought is stored in `descriptors`, which has room for MASIX_DESCRIPTORS_PER_MESSAGE_MAX.
// With `descriptors` NULL no descriptor is installed. `message_flags` tells MSG_TRUNC and MSG_CTRUNC.
static inline long masix_receive(
    int fd, void *bytes, size_t count, int *descriptors, size_t *descriptor_count, int *message_flags, int flags) {
    union {
        char bytes[CMSG_SPACE(sizeof(int) * MASIX_DESCRIPTORS_PER_MESSAGE_MAX)];
        struct cmsghdr align;
    } control;
    struct iovec part = {bytes, count};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (descriptors != NULL) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
    }
    *descriptor_count = 0;
    *message_flags = 0;
    long result = masix_result(recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC | MSG_NOSIGNAL));
    if (result < 0) return result;
    *message_flags = message.msg_flags;
    if (descriptors == NULL) return result;
    for (struct cmsghdr *part_header = CMSG_FIRSTHDR(&message); part_header != NULL; part_header = CMSG_NXTHDR(&message, part_header)) {
        if (part_header->cmsg_level != SOL_SOCKET || part_header->cmsg_type != SCM_RIGHTS) continue;
        size_t found = (part_header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(descriptors + *descriptor_count, CMSG_DATA(part_header), sizeof(int) * found);
        *descriptor_count += found;
    }
    return result;
}

// Processes

static inline long masix_pidfd_open(int32_t pid) { return masix_result(syscall(SYS_pidfd_open, pid, 0)); }
static inline long masix_pidfd_send_signal(int fd, int signal) { return masix_result(syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0)); }
static inline long masix_peer_pidfd(int socket, int *fd) { return masix_get_socket_int(socket, MASIX_SO_PEERPIDFD, fd); }
// `kind` is CLD_EXITED, CLD_KILLED or CLD_DUMPED, or 0 when WNOHANG found nothing.
static inline long masix_wait_pidfd(int fd, int options, int *kind, int *status) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    long result = masix_result(waitid((idtype_t)MASIX_P_PIDFD, (id_t)fd, &info, options));
    *kind = info.si_pid == 0 ? 0 : info.si_code;
    *status = info.si_status;
    return result;
}
static inline long masix_wait_pid(int32_t pid) {
    siginfo_t info;
    return masix_result(waitid(P_PID, (id_t)pid, &info, WEXITED));
}
static inline long masix_getrusage(struct rusage *usage) { return masix_result(getrusage(RUSAGE_SELF, usage)); }

// What to start, for `masix_launch` (Launch.c).
struct masix_launch {
    const char *path;
    char *const *arguments;
    char *const *environment;
    const char *working_directory;  // or NULL
    const int *sources;
    const int *targets;
    size_t placement_count;
    uint32_t uid, gid;
    int change_identity;
    int no_new_privileges;
    int no_core_dump;
    int death_signal;  // or 0
    int new_session;
    int controlling_terminal;  // a target number, or -1
    int failure;               // write end, close-on-exec
    int use_clone3;
    int use_close_range;
};

// Starts the program; answers its pid, stores a pidfd in `process`. What fails in the child is written to `failure` as one int.
long masix_launch(const struct masix_launch *what, int *process);

// Waiting

static inline long masix_epoll_create(void) { return masix_result(epoll_create1(EPOLL_CLOEXEC)); }
static inline long masix_epoll_control(int poller, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = events;
    event.data.u64 = token;
    return masix_result(epoll_ctl(poller, operation, fd, &event));
}
struct masix_event {
    uint64_t token;
    uint32_t events;
    uint32_t padding;
};
_Static_assert(sizeof(struct masix_event) >= sizeof(struct epoll_event), "an event fits its unpacked form");
// Unpacks in place, from the last event to the first: epoll_event is packed on some machines and not on others.
static inline long masix_epoll_wait(int poller, struct masix_event *events, int capacity, int timeout_milliseconds) {
    struct epoll_event *packed = (struct epoll_event *)(void *)events;
    long count = masix_result(epoll_wait(poller, packed, capacity, timeout_milliseconds));
    for (long index = count - 1; index >= 0; index--) {
        struct epoll_event event;
        memcpy(&event, packed + index, sizeof event);
        struct masix_event unpacked = {event.data.u64, event.events, 0};
        memcpy(events + index, &unpacked, sizeof unpacked);
    }
    return count;
}
// A negative timeout waits for ever.
static inline long masix_poll(struct pollfd *descriptors, size_t count, int64_t timeout_nanoseconds) {
    struct timespec timeout = {timeout_nanoseconds / 1000000000, timeout_nanoseconds % 1000000000};
    return masix_result(syscall(SYS_ppoll, descriptors, count, timeout_nanoseconds < 0 ? NULL : &timeout, NULL, 0));
}
static inline uint64_t masix_monotonic_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
static inline int64_t masix_wall_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
// The deadline is of CLOCK_MONOTONIC; negative waits for ever.
static inline long masix_futex_wait(void *word, uint32_t expected, int64_t deadline_nanoseconds, int is_private) {
    struct timespec deadline = {deadline_nanoseconds / 1000000000, deadline_nanoseconds % 1000000000};
    return masix_result(syscall(
        SYS_futex, word, MASIX_FUTEX_WAIT_BITSET | (is_private ? MASIX_FUTEX_PRIVATE : 0), expected,
        deadline_nanoseconds < 0 ? NULL : &deadline, NULL, 0xffffffffu));
}
static inline long masix_futex_wake(void *word, int count, int is_private) {
    return masix_result(syscall(SYS_futex, word, MASIX_FUTEX_WAKE | (is_private ? MASIX_FUTEX_PRIVATE : 0), count, NULL, NULL, 0));
}
static inline long masix_eventfd(unsigned initial) { return masix_result(eventfd(initial, EFD_CLOEXEC | EFD_NONBLOCK)); }

// Processors

static inline int32_t masix_current_processor(void) { return (int32_t)sched_getcpu(); }
static inline long masix_pin(int processor) {
    uint64_t words[16] = {0};
    if (processor < 0 || processor >= 1024) return -EINVAL;
    words[processor / 64] = (uint64_t)1 << (processor % 64);
    return masix_result(syscall(SYS_sched_setaffinity, 0, sizeof words, words));
}
// Bit n of `words[n / 64]` tells whether this thread may run on processor n.
static inline long masix_allowed_processors(uint64_t words[16]) {
    memset(words, 0, 16 * sizeof words[0]);
    return masix_result(syscall(SYS_sched_getaffinity, 0, 16 * sizeof words[0], words));
}
static inline long masix_processor_count(void) { return sysconf(_SC_NPROCESSORS_ONLN); }
static inline void masix_prefetch_for_writing(const void *line) {
#ifdef __x86_64__
    /* The builtin asks for a shared line unless the compiler is told of a newer processor; older ones take this for a no-op. */
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)line));
#else
    __builtin_prefetch(line, 1, 3);
#endif
}
static inline void masix_full_fence(void) {
#ifdef __x86_64__
    /* What mfence orders besides, no memory of ours is of; this takes half its time. */
    __asm__ volatile("lock; orl $0, (%%rsp)" : : : "memory", "cc");
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}
static inline void masix_prefetch_for_reading(const void *line) { __builtin_prefetch(line, 0, 3); }
static inline void masix_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("pause" ::: "memory");
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

// Signals

static inline void masix_signal_set(sigset_t *set, uint64_t bits) {
    sigemptyset(set);
    for (int number = 1; number < 64; number++)
        if (bits >> number & 1) sigaddset(set, number);
}
static inline long masix_signal_mask(int how, uint64_t bits) {
    sigset_t set;
    masix_signal_set(&set, bits);
    return -(long)pthread_sigmask(how, &set, NULL);
}
static inline long masix_signalfd(uint64_t bits) {
    sigset_t set;
    masix_signal_set(&set, bits);
    return masix_result(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}
// Returns only if it fails.
static inline long masix_execute(const char *path, char *const *arguments) { return masix_result(execv(path, arguments)); }
static inline long masix_ignore_pipe_signal(void) { return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -(long)errno : 0; }
static inline long masix_kill(int32_t pid, int signal_number) { return masix_result(kill(pid, signal_number)); }
static inline long masix_signal_thread(int signal_number) { return masix_result(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal_number)); }

// The process itself

static inline long masix_prctl(int option, unsigned long argument) { return masix_result(prctl(option, argument, 0, 0, 0)); }
static inline long masix_set_name(const char *name) { return masix_result(prctl(PR_SET_NAME, name, 0, 0, 0)); }
static inline long masix_getrlimit(int resource, uint64_t *soft, uint64_t *hard) {
    struct rlimit limit = {0};
    long result = masix_result(getrlimit(resource, &limit));
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
    return result;
}
static inline long masix_setrlimit(int resource, uint64_t soft, uint64_t hard) {
    struct rlimit limit = {soft, hard};
    return masix_result(setrlimit(resource, &limit));
}
static inline long masix_getrandom(void *bytes, size_t count) { return masix_result(getrandom(bytes, count, 0)); }
static inline long masix_set_groups_empty(void) { return masix_result(setgroups(0, NULL)); }
static inline long masix_set_gid(uint32_t gid) { return masix_result(setresgid(gid, gid, gid)); }
static inline long masix_set_uid(uint32_t uid) { return masix_result(setresuid(uid, uid, uid)); }
static inline int32_t masix_getpid(void) { return getpid(); }
static inline int32_t masix_getppid(void) { return getppid(); }
static inline int32_t masix_gettid(void) { return (int32_t)syscall(SYS_gettid); }
static inline uint32_t masix_getuid(void) { return geteuid(); }
static inline uint32_t masix_getgid(void) { return getegid(); }
static inline long masix_seccomp_notification_sizes(void) {
    uint16_t sizes[3];
    return masix_result(syscall(SYS_seccomp, 3 /* SECCOMP_GET_NOTIF_SIZES */, 0, sizes));
}
static inline long masix_clone3_probe(void) { return masix_result(syscall(SYS_clone3, NULL, 0)); }
static inline long masix_kernel_release(char *text, size_t capacity) {
    struct utsname names;
    long result = masix_result(uname(&names));
    if (result < 0) return result;
    strncpy(text, names.release, capacity - 1);
    text[capacity - 1] = 0;
    return 0;
}

// Files

struct masix_status {
    uint64_t device, inode;
    int64_t size, blocks;
    int64_t modified_seconds, modified_nanoseconds;
    int64_t accessed_seconds, accessed_nanoseconds;
    uint32_t mode, uid, gid, links;
};
static inline void masix_fill_status(struct masix_status *out, const struct stat *in) {
    out->device = in->st_dev;
    out->inode = in->st_ino;
    out->size = in->st_size;
    out->blocks = in->st_blocks;
    out->modified_seconds = in->st_mtim.tv_sec;
    out->modified_nanoseconds = in->st_mtim.tv_nsec;
    out->accessed_seconds = in->st_atim.tv_sec;
    out->accessed_nanoseconds = in->st_atim.tv_nsec;
    out->mode = in->st_mode;
    out->uid = in->st_uid;
    out->gid = in->st_gid;
    out->links = (uint32_t)in->st_nlink;
}
// Freed memory up to so many bytes stays with the process, and blocks up to that size come from it: they are not mapped, cleared and
// unmapped each time.
static inline void masix_keep_freed(int bytes) {
    mallopt(M_MMAP_THRESHOLD, bytes);
    mallopt(M_TRIM_THRESHOLD, bytes);
}

static inline long masix_fstat(int fd, struct masix_status *status) {
    struct stat found = {0};
    long result = masix_result(fstat(fd, &found));
    masix_fill_status(status, &found);
    return result;
}
static inline long masix_fstatat(int directory, const char *path, struct masix_status *status, int flags) {
    struct stat found = {0};
    long result = masix_result(fstatat(directory, path, &found, flags));
    masix_fill_status(status, &found);
    return result;
}
static inline long masix_openat(int directory, const char *path, int flags, mode_t mode) {
    return masix_result(openat(directory, path, flags | O_CLOEXEC, mode));
}
static inline long masix_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how;
    memset(&how, 0, sizeof how);
    how.flags = flags | O_CLOEXEC;
    how.mode = mode;
    how.resolve = resolve;
    return masix_result(syscall(SYS_openat2, directory, path, &how, sizeof how));
}
static inline long masix_pread(int fd, void *bytes, size_t count, int64_t offset) { return masix_result(pread(fd, bytes, count, offset)); }
static inline long masix_pwrite(int fd, const void *bytes, size_t count, int64_t offset) { return masix_result(pwrite(fd, bytes, count, offset)); }
// Held by the open file until its last descriptor is closed; never waits.
static inline long masix_lock(int fd) { return masix_result(flock(fd, LOCK_EX | LOCK_NB)); }
static inline long masix_fsync(int fd) { return masix_result(fsync(fd)); }
static inline long masix_getdents(int fd, void *bytes, size_t count) { return masix_result(syscall(SYS_getdents64, fd, bytes, count)); }
static inline long masix_rewind(int fd) { return masix_result(lseek(fd, 0, SEEK_SET)); }
static inline long masix_symlinkat(const char *target, int directory, const char *path) { return masix_result(symlinkat(target, directory, path)); }
static inline long masix_readlinkat(int directory, const char *path, char *bytes, size_t count) {
    return masix_result(readlinkat(directory, path, bytes, count));
}
static inline long masix_mkdirat(int directory, const char *path, mode_t mode) { return masix_result(mkdirat(directory, path, mode)); }
static inline long masix_unlinkat(int directory, const char *path, int flags) { return masix_result(unlinkat(directory, path, flags)); }
static inline long masix_renameat(int source_directory, const char *source, int target_directory, const char *target) {
    return masix_result(syscall(SYS_renameat2, source_directory, source, target_directory, target, 0));
}
static inline long masix_linkat(int source_directory, const char *source, int target_directory, const char *target) {
    return masix_result(linkat(source_directory, source, target_directory, target, 0));
}
static inline long masix_fchmodat(int directory, const char *path, mode_t mode) { return masix_result(fchmodat(directory, path, mode, 0)); }
// A nanosecond field of UTIME_OMIT leaves that time alone.
static inline long masix_utimens(
    int directory, const char *path, int64_t accessed_seconds, int64_t accessed_nanoseconds, int64_t modified_seconds, int64_t modified_nanoseconds,
    int flags) {
    struct timespec times[2] = {{accessed_seconds, accessed_nanoseconds}, {modified_seconds, modified_nanoseconds}};
    return masix_result(path ? utimensat(directory, path, times, flags) : futimens(directory, times));
}
static inline long masix_copy_file_range(int source, int64_t source_offset, int target, int64_t target_offset, size_t count) {
    off_t from = source_offset, to = target_offset;
    return masix_result(syscall(SYS_copy_file_range, source, &from, target, &to, count, 0));
}
static inline long masix_sendfile(int source, int64_t source_offset, int target, size_t count) {
    off_t from = source_offset;
    return masix_result(sendfile(target, source, &from, count));
}
static inline long masix_lseek(int fd, int64_t offset) { return masix_result(lseek(fd, offset, SEEK_SET)); }
static inline long masix_tell(int fd) { return masix_result(lseek(fd, 0, SEEK_CUR)); }
static inline long masix_fstatfs(int fd, uint64_t *kind, uint64_t *free_bytes, uint64_t *total_bytes) {
    struct statfs found = {0};
    long result = masix_result(fstatfs(fd, &found));
    *kind = (uint64_t)found.f_type & 0xffffffffu;
    *free_bytes = (uint64_t)found.f_bavail * (uint64_t)found.f_bsize;
    *total_bytes = (uint64_t)found.f_blocks * (uint64_t)found.f_bsize;
    return result;
}

// Terminals

static inline long masix_is_terminal(int fd) { return isatty(fd); }
static inline long masix_terminal_size(int fd, int *columns, int *rows) {
    struct winsize size = {0};
    long result = masix_result(ioctl(fd, TIOCGWINSZ, &size));
    *columns = size.ws_col;
    *rows = size.ws_row;
    return result;
}
static inline long masix_set_terminal_size(int fd, int columns, int rows) {
    struct winsize size = {0};
    size.ws_col = (unsigned short)columns;
    size.ws_row = (unsigned short)rows;
    return masix_result(ioctl(fd, TIOCSWINSZ, &size));
}
// How a terminal treats what is typed: the words are a struct termios, for whoever puts them back.
static inline size_t masix_terminal_mode_bytes(void) { return sizeof(struct termios); }
static inline long masix_get_terminal_mode(int fd, void *mode) {
    struct termios found;
    long result = masix_result(tcgetattr(fd, &found));
    if (result >= 0) memcpy(mode, &found, sizeof found);
    return result;
}
static inline long masix_set_terminal_mode(int fd, const void *mode) {
    struct termios wanted;
    memcpy(&wanted, mode, sizeof wanted);
    return masix_result(tcsetattr(fd, TCSADRAIN, &wanted));
}
static inline void masix_make_raw_mode(void *mode) {
    struct termios changed;
    memcpy(&changed, mode, sizeof changed);
    cfmakeraw(&changed);
    memcpy(mode, &changed, sizeof changed);
}
static inline long masix_fchown(int fd, uint32_t uid, uint32_t gid) { return masix_result(fchown(fd, uid, gid)); }
static inline long masix_open_terminal(char *path, size_t capacity) {
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0) return -(long)errno;
    int failed = 0;
    if (grantpt(master) < 0 || unlockpt(master) < 0) failed = errno;
    else failed = ptsname_r(master, path, capacity);
    if (failed == 0) return master;
    close(master);
    return -(long)failed;
}

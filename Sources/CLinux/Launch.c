// Starts a program. Between clone and exec the child is a copy of a process with threads: it makes system calls and nothing else. No
// allocation, no lock, no C library function that keeps state; identity changes are raw calls, for the library's would signal threads that
// exist only in the parent.
#define _GNU_SOURCE
#include "CLinux.h"

struct masix_clone_arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

struct masix_directory_entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char kind;
    char name[];
};

static void mark_close_on_exec(int fd) { (void)syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC); }

// For systems without close_range: what /proc/self/fd lists, or every number below the limit.
static void mark_all_close_on_exec_slowly(void) {
    long directory = syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (directory < 0) {
        struct rlimit limit = {1024, 1024};
        (void)getrlimit(RLIMIT_NOFILE, &limit);
        for (rlim_t fd = 0; fd < limit.rlim_cur && fd < 1u << 20; fd++) mark_close_on_exec((int)fd);
        return;
    }
    _Alignas(8) char bytes[2048];
    for (;;) {
        long count = syscall(SYS_getdents64, (int)directory, bytes, sizeof bytes);
        if (count <= 0) break;
        for (long at = 0; at < count;) {
            const struct masix_directory_entry *entry = (const struct masix_directory_entry *)(const void *)(bytes + at);
            int fd = 0;
            const char *digit = entry->name;
            for (; *digit >= '0' && *digit <= '9'; digit++) fd = fd * 10 + (*digit - '0');
            if (digit != entry->name) mark_close_on_exec(fd);
            at += entry->length;
        }
    }
    (void)syscall(SYS_close, (int)directory);
}

static void fail(int failure) {
    int reason = errno;
    (void)!write(failure, &reason, sizeof reason);
    _exit(127);
}

static void run_child(const struct masix_launch *what, int32_t parent) {
    // The kernel's structure, all zero: SIG_DFL. Raw, for the library hides two signals that may be ignored all the same.
    static const uint64_t standard[8];
    for (int number = 1; number < 65; number++) (void)syscall(SYS_rt_sigaction, number, standard, NULL, 8);

    int first_free = 3;
    for (size_t index = 0; index < what->placement_count; index++)
        if (what->targets[index] >= first_free) first_free = what->targets[index] + 1;

    // Sources and the failure pipe move above all targets, so that no placement overwrites what a later one needs.
    int failure = fcntl(what->failure, F_DUPFD_CLOEXEC, first_free);
    if (failure < 0) fail(what->failure);
    if (!what->use_close_range || syscall(SYS_close_range, 0u, ~0u, MASIX_CLOSE_RANGE_CLOEXEC) < 0) mark_all_close_on_exec_slowly();
    int *moved = (int *)what->sources;  // the child's copy of the parent's array
    for (size_t index = 0; index < what->placement_count; index++) {
        moved[index] = fcntl(moved[index], F_DUPFD_CLOEXEC, first_free);
        if (moved[index] < 0) fail(failure);
    }
    for (size_t index = 0; index < what->placement_count; index++)
        if (dup2(moved[index], what->targets[index]) < 0) fail(failure);

    if (what->new_session && syscall(SYS_setsid) < 0) fail(failure);
    if (what->controlling_terminal >= 0 && ioctl(what->controlling_terminal, TIOCSCTTY, 0) < 0) fail(failure);
    if (what->working_directory != NULL && chdir(what->working_directory) < 0) fail(failure);
    if (what->no_core_dump) {
        struct rlimit none = {0, 0};
        if (setrlimit(RLIMIT_CORE, &none) < 0) fail(failure);
    }
    if (what->change_identity) {
        if (syscall(SYS_setgroups, 0, NULL) < 0) fail(failure);
        if (syscall(SYS_setresgid, what->gid, what->gid, what->gid) < 0) fail(failure);
        if (syscall(SYS_setresuid, what->uid, what->uid, what->uid) < 0) fail(failure);
    }
    if (what->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail(failure);
    // After the change of identity, which clears it; then the parent may already be gone.
    if (what->death_signal != 0) {
        if (prctl(PR_SET_PDEATHSIG, what->death_signal, 0, 0, 0) < 0) fail(failure);
        if (syscall(SYS_getppid) != parent) _exit(127);
    }
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    execve(what->path, what->arguments, what->environment);
    fail(failure);
}

long masix_launch(const struct masix_launch *what, int *process) {
    int32_t parent = getpid();
    sigset_t all, before;
    sigfillset(&all);
    // No handler of ours may run in the child.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    long pid;
    *process = -1;
    if (what->use_clone3) {
        struct masix_clone_arguments arguments;
        memset(&arguments, 0, sizeof arguments);
        arguments.flags = CLONE_PIDFD;
        arguments.pidfd = (uint64_t)(uintptr_t)process;
        arguments.exit_signal = SIGCHLD;
        pid = masix_result(syscall(SYS_clone3, &arguments, sizeof arguments));
    } else {
        pid = masix_result(fork());
    }
    if (pid == 0) {
        run_child(what, parent);
        _exit(127);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) return pid;
    if (*process < 0) {
        // Our own child, not waited for yet: the number still means it.
        long opened = masix_pidfd_open((int32_t)pid);
        if (opened < 0) {
            (void)kill((pid_t)pid, SIGKILL);
            (void)masix_wait_pid((int32_t)pid);
            return opened;
        }
        *process = (int)opened;
    }
    return pid;
}

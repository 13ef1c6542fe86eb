// Starting, watching and ending the two sides of a run.
#define _GNU_SOURCE
#include "sides.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

uint64_t floors_now(void) { return now_ns(); }
uint64_t floors_process_cpu(void) { return clock_ns(CLOCK_PROCESS_CPUTIME_ID); }

int floors_processors(int32_t *cpus, int room) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return -errno;
    int count = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE && count < room; cpu++) {
        if (CPU_ISSET(cpu, &set)) cpus[count++] = cpu;
    }
    return count;
}

int floors_allow(const int32_t *cpus, int count) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < count; i++) {
        if (cpus[i] < 0 || cpus[i] >= CPU_SETSIZE) return -EINVAL;
        CPU_SET(cpus[i], &set);
    }
    return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : -errno;
}

uint64_t floors_cpu_of(pid_t pid) {
    clockid_t clock;
    struct timespec time;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int floors_place(pid_t pid, const int32_t *cpus, int count) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < count; i++) {
        if (cpus[i] < 0 || cpus[i] >= CPU_SETSIZE) return -EINVAL;
        CPU_SET(cpus[i], &set);
    }
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (threads == NULL) return -errno;
    int error = 0;
    for (struct dirent *thread; (thread = readdir(threads)) != NULL;) {
        pid_t id = (pid_t)atoi(thread->d_name);
        // One that has ended meanwhile needs no place.
        if (id > 0 && sched_setaffinity(id, sizeof set, &set) != 0 && errno != ESRCH) error = -errno;
    }
    closedir(threads);
    return error;
}

int floors_pin(int32_t cpu) { return floors_allow(&cpu, 1); }

void floors_think(uint64_t ns) {
    // Set each time, since the library cannot know which thread comes next; a cheap call, and outside every sample.
    prctl(PR_SET_TIMERSLACK, 1ul);
    struct timespec left = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {}
    prctl(PR_SET_TIMERSLACK, 0ul);
}

uint32_t floors_columns(enum floors_kind kind) { return kind == FLOORS_MEMORY ? FLOORS_STAGES : 1; }

// fork for a child that runs only this library's code, does not outlive the thread that asked, and takes no handler along.
static pid_t fork_side(void) {
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
    if (getppid() != parent) _exit(2);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);  // a broken pipe is reported by write
    return 0;
}

static void end_side(pid_t pid) {
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
}

int floors_load_start(const int32_t *cpus, int count, pid_t *pids) {
    for (int i = 0; i < count; i++) {
        pids[i] = fork_side();
        if (pids[i] == 0) {
            if (floors_pin(cpus[i]) != 0) _exit(1);
            for (volatile uint64_t turns = 0;; turns++) {}
        }
        if (pids[i] < 0) {
            int error = errno;
            floors_load_stop(pids, i);
            return -error;
        }
    }
    return 0;
}

void floors_load_stop(const pid_t *pids, int count) {
    for (int i = 0; i < count; i++) end_side(pids[i]);
}

_Noreturn void side_fail(struct run *run, int error, const char *step) {
    uint32_t none = 0;
    if (atomic_compare_exchange_strong(&run->shared->failed, &none, 1)) {
        run->shared->error = error;
        snprintf(run->shared->step, sizeof run->shared->step, "%s: %s", run->side, step);
    }
    _exit(1);
}

static const struct floor *floor_of(enum floors_kind kind) {
    switch (kind) {
    case FLOORS_SHARED_MEMORY: return &floor_shared_memory;
    case FLOORS_EVENTFD: return &floor_eventfd;
    case FLOORS_SEQPACKET: return &floor_seqpacket;
    case FLOORS_PIPE: return &floor_pipe;
    case FLOORS_RING: return &floor_ring;
    case FLOORS_DESCRIPTOR: return &floor_descriptor;
    case FLOORS_MEMORY: return &floor_memory;
    case FLOORS_TCP:
    case FLOORS_TCP_RELAYS: return &floor_tcp;
    }
    return NULL;
}

static bool setup_holds(const struct floors_setup *setup) {
    uint32_t size_max = setup->kind >= FLOORS_MEMORY ? FLOORS_MEMORY_SIZE_MAX : FLOORS_SIZE_MAX;
    if (floor_of(setup->kind) == NULL || setup->size < 8 || setup->size % 8 != 0 || setup->size > size_max) return false;
    if (setup->samples == 0 || setup->samples > FLOORS_SAMPLES_MAX || setup->warmup > FLOORS_SAMPLES_MAX) return false;
    if (setup->kind == FLOORS_RING && (setup->depth == 0 || setup->depth > FLOORS_DEPTH_MAX || setup->batch == 0)) return false;
    if (setup->kind == FLOORS_RING && (uint64_t)setup->depth * setup->size > (1u << 30)) return false;
    return setup->deadline_ms <= INT32_MAX;
}

// The descriptors between the sides; -1 where there is none.
static int open_channels(struct run *run) {
    switch (run->setup.kind) {
    case FLOORS_EVENTFD:
        run->to_peer[0] = eventfd(0, EFD_CLOEXEC);
        if (run->to_peer[0] < 0) return errno;
        run->to_caller[0] = eventfd(0, EFD_CLOEXEC);
        return run->to_caller[0] < 0 ? errno : 0;
    case FLOORS_SEQPACKET:
    case FLOORS_DESCRIPTOR:
    case FLOORS_MEMORY:
        return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, run->to_peer) != 0 ? errno : 0;
    case FLOORS_PIPE:
        if (pipe2(run->to_peer, O_CLOEXEC) != 0) return errno;
        return pipe2(run->to_caller, O_CLOEXEC) != 0 ? errno : 0;
    case FLOORS_TCP:
    case FLOORS_TCP_RELAYS: return tcp_open(run);
    default: return 0;
    }
}

static void close_channels(struct run *run) {
    for (int i = 0; i < 3; i++) {
        for (int end = 0; end < 2; end++) if (run->hops[i][end] >= 0) close(run->hops[i][end]);
    }
    if (run->setup.kind >= FLOORS_TCP) return;
    for (int i = 0; i < 2; i++) {
        if (run->to_peer[i] >= 0) close(run->to_peer[i]);
        if (run->to_caller[i] >= 0) close(run->to_caller[i]);
    }
}

#define SIDES_MAX 4

static pid_t start_side(struct run *run, const char *name, side_fn *body, int32_t cpu, unsigned char *mine) {
    pid_t pid = fork_side();
    if (pid != 0) return pid;
    run->side = name;
    run->mine = mine;
    // A fork takes no page table entries of shared memory along; without this every page would fault within a sample.
    if (madvise(run->shared, run->bytes, MADV_POPULATE_WRITE) != 0) side_fail(run, errno, "populating the shared memory");
    if (cpu >= 0) {
        int error = -floors_pin(cpu);
        if (error != 0) side_fail(run, error, "sched_setaffinity");
    }
    body(run);
    _exit(0);
}

// Sleeps until all sides have ended. The first that ends badly, or the deadline, ends the others too.
static void await_sides(struct run *run, pid_t *pids, int count, struct floors_outcome *outcome) {
    uint64_t deadline = now_ns() + (uint64_t)run->setup.deadline_ms * 1000000u;
    struct pollfd watched[SIDES_MAX];
    for (int i = 0; i < count; i++) {
        watched[i] = (struct pollfd){.fd = (int)syscall(SYS_pidfd_open, pids[i], 0), .events = POLLIN};
        if (watched[i].fd < 0) {
            outcome->error = errno;
            strcpy(outcome->step, "pidfd_open");
        }
    }
    int running = count;
    while (running > 0 && outcome->error == 0) {
        uint64_t now = now_ns();
        int ready = poll(watched, (nfds_t)count, now < deadline ? (int)((deadline - now) / 1000000u) + 1 : 0);
        if (ready < 0 && errno != EINTR) {
            outcome->error = errno;
            strcpy(outcome->step, "poll");
        }
        if (ready == 0) {
            outcome->error = ETIMEDOUT;
            strcpy(outcome->step, "deadline of the run");
        }
        for (int i = 0; ready > 0 && i < count; i++) {
            if (watched[i].fd < 0 || watched[i].revents == 0) continue;
            int status = 0;
            while (waitpid(pids[i], &status, 0) < 0 && errno == EINTR) {}
            pids[i] = -1;
            close(watched[i].fd);
            watched[i].fd = -1;
            running--;
            if (status != 0 && outcome->error == 0) {
                bool told = atomic_load(&run->shared->failed) != 0 && run->shared->error != 0;
                outcome->error = told ? run->shared->error : ECHILD;
                strcpy(outcome->step, told ? run->shared->step : i == 0 ? "caller: killed" : i == 1 ? "peer: killed" : "relay: killed");
            }
        }
    }
    for (int i = 0; i < count; i++) {
        if (pids[i] > 0) end_side(pids[i]);
        if (watched[i].fd >= 0) close(watched[i].fd);
    }
}

static size_t pages(size_t bytes) { return (bytes + 4095) & ~(size_t)4095; }

bool floors_run(const struct floors_setup *setup, uint64_t *samples, struct floors_outcome *outcome) {
    memset(outcome, 0, sizeof *outcome);
    if (!setup_holds(setup)) {
        outcome->error = EINVAL;
        strcpy(outcome->step, "setup");
        return false;
    }
    struct run run = {.setup = *setup, .to_peer = {-1, -1}, .to_caller = {-1, -1}, .hops = {{-1, -1}, {-1, -1}, {-1, -1}}, .side = "start"};
    size_t columns = floors_columns(setup->kind);
    bool over_tcp = setup->kind >= FLOORS_TCP;
    size_t message = pages(setup->kind == FLOORS_MEMORY ? 4096 : over_tcp && setup->size > FLOORS_SIZE_MAX ? FLOORS_SIZE_MAX : setup->size);
    int sides = 2 + net_relays(setup->kind);
    size_t slots = setup->kind == FLOORS_RING ? pages((size_t)setup->size * setup->depth) : message;
    size_t head = pages(sizeof(struct shared)), table = pages(columns * setup->samples * sizeof *samples);
    size_t total = head + slots + (size_t)(sides + 1) * message + table;

    int memory = memfd_create("masix-floor", MFD_CLOEXEC);
    if (memory < 0 || ftruncate(memory, (off_t)total) != 0) {
        outcome->error = errno;
        strcpy(outcome->step, "memfd");
        if (memory >= 0) close(memory);
        return false;
    }
    unsigned char *base = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    close(memory);
    if (base == MAP_FAILED) {
        outcome->error = errno;
        strcpy(outcome->step, "mmap");
        return false;
    }
    run.shared = (struct shared *)base;
    run.request = base + head;
    run.reply = run.request + slots;
    run.samples = (uint64_t *)(run.reply + (size_t)(sides + 1) * message);
    run.room = message;
    run.bytes = total;

    const struct floor *floor = floor_of(setup->kind);
    outcome->error = open_channels(&run);
    if (outcome->error != 0) {
        strcpy(outcome->step, "channels");
    } else {
        struct { const char *name; side_fn *body; int32_t cpu; } parts[SIDES_MAX] = {
            {"caller", floor->caller, setup->caller_cpu},
            {"peer", floor->peer, setup->peer_cpu},
            {"first relay", net_relay_first, setup->caller_cpu},
            {"second relay", net_relay_second, setup->peer_cpu},
        };
        pid_t pids[SIDES_MAX];
        int started = 0;
        for (; started < sides; started++) {
            unsigned char *mine = run.reply + (size_t)(started + 1) * message;
            pids[started] = start_side(&run, parts[started].name, parts[started].body, parts[started].cpu, mine);
            if (pids[started] < 0) break;
        }
        if (started < sides) {
            outcome->error = errno;
            strcpy(outcome->step, "fork");
            for (int i = 0; i < started; i++) end_side(pids[i]);
        } else {
            await_sides(&run, pids, sides, outcome);
        }
    }
    if (outcome->error == 0) {
        memcpy(samples, run.samples, columns * setup->samples * sizeof *samples);
        outcome->caller_cpu_ns = run.shared->caller_cpu_ns;
        outcome->peer_cpu_ns = run.shared->peer_cpu_ns;
        outcome->relay_cpu_ns = run.shared->relay_cpu_ns;
    }
    close_channels(&run);
    munmap(base, total);
    return outcome->error == 0;
}

// What the machine itself can do, in plain C: the floors that Masix is compared with.
//
// Each floor runs in two processes of its own, forked for the run: the caller, which takes the samples, and the peer. The process
// that asks only sleeps until both have ended, so neither its threads nor its memory are part of what is measured.
#ifndef CFLOORS_H
#define CFLOORS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum floors_kind {
    FLOORS_SHARED_MEMORY,  // call: bytes in shared memory, both sides spin
    FLOORS_EVENTFD,        // call: bytes in shared memory, both sides block in read of an eventfd
    FLOORS_SEQPACKET,      // call: bytes through a pair of Unix sockets
    FLOORS_PIPE,           // call: bytes through two pipes
    FLOORS_RING,           // one way: messages through a ring with one writer and one reader; the caller is the reader
    FLOORS_DESCRIPTOR,     // call: bytes and one descriptor through a pair of Unix sockets; the peer closes it, then replies
    FLOORS_MEMORY,         // call: a sealed memfd, mapped by the peer, which reads its first, middle and last byte, then replies
    FLOORS_TCP,            // call: bytes over TCP on the loopback interface
    FLOORS_TCP_RELAYS,     // the same by way of two relays, processes of their own
};

// The columns of a sample. Only FLOORS_MEMORY has more than the first.
enum floors_stage {
    FLOORS_CALL,     // what the case measures
    FLOORS_CREATE,   // caller: memfd_create, ftruncate
    FLOORS_FILL,     // caller: mmap, writing every page, munmap
    FLOORS_SEAL,     // caller: F_ADD_SEALS
    FLOORS_UNMAP,    // peer: munmap, close
    FLOORS_RELEASE,  // caller: the last close, which frees the pages
    FLOORS_STAGES,
};

// Limits, checked before anything is started.
#define FLOORS_SIZE_MAX (1u << 20)          // bytes of a message
#define FLOORS_MEMORY_SIZE_MAX (1u << 30)   // bytes of a memfd, or of a message over TCP
#define FLOORS_SIZE_SMALL (1u << 16)        // over TCP: a longer message is answered by FLOORS_NOTE bytes, not by as many
#define FLOORS_NOTE 64u
#define FLOORS_SAMPLES_MAX (1u << 22)
#define FLOORS_DEPTH_MAX (1u << 16)
#define FLOORS_PROCESSORS_MAX 1024

struct floors_setup {
    enum floors_kind kind;
    uint32_t size;         // bytes of a message, or of the memfd; a multiple of 8, at least 8
    int32_t caller_cpu;    // -1: wherever Linux puts it
    int32_t peer_cpu;
    uint32_t depth;        // ring: slots
    uint32_t batch;        // ring: messages per sample
    uint32_t warmup;       // samples taken and thrown away
    uint32_t samples;
    uint64_t think_ns;     // the caller sleeps so long before each call
    uint32_t deadline_ms;  // then both sides are killed and the run fails with ETIMEDOUT
};

struct floors_outcome {
    int error;        // errno, 0 if all went well
    char step[40];    // what failed, and on which side
    uint64_t caller_cpu_ns;  // processor time over the samples kept, user and system
    uint64_t peer_cpu_ns;
    uint64_t relay_cpu_ns;
};

// Runs one floor. `samples` has room for setup->samples * columns numbers of nanoseconds, column by column: first all of
// FLOORS_CALL, and for FLOORS_MEMORY then all of FLOORS_CREATE and so on. True if `outcome->error` is 0.
bool floors_run(const struct floors_setup *setup, uint64_t *samples, struct floors_outcome *outcome);

// The number of columns that `kind` writes.
uint32_t floors_columns(enum floors_kind kind);

// The processors this thread may use, in ascending order; returns how many, or -errno.
int floors_processors(int32_t *cpus, int room);

// Confines this thread to one processor. 0 or -errno.
int floors_pin(int32_t cpu);

// Confines this thread to the given processors. 0 or -errno.
int floors_allow(const int32_t *cpus, int count);

// Sleeps as the floors' callers do when they think: without the usual 50 us of timer slack.
void floors_think(uint64_t ns);

// Starts a process that computes without end on each of the given processors; they end with this thread at the latest.
// 0 or -errno, and then none is left.
int floors_load_start(const int32_t *cpus, int count, pid_t *pids);
void floors_load_stop(const pid_t *pids, int count);

// CLOCK_MONOTONIC.
uint64_t floors_now(void);

// Processor time of this process, all threads.
uint64_t floors_process_cpu(void);

// Processor time of another process, all threads; 0 if there is none.
uint64_t floors_cpu_of(pid_t pid);

// A TCP port of the loopback interface that nobody listens on just now, or -errno.
int floors_free_port(void);

// Confines all threads of another process to the given processors; those that it starts later follow. 0 or -errno.
int floors_place(pid_t pid, const int32_t *cpus, int count);

#endif

// The two sides of a run and what they share. Private to CFloors.
#ifndef SIDES_H
#define SIDES_H

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "CFloors.h"

#define LINE 128  // two cache lines: neighbours are fetched in pairs

struct shared {
    _Atomic uint32_t failed;  // the first side to fail writes the next two
    int error;
    char step[40];
    uint64_t caller_cpu_ns;
    uint64_t peer_cpu_ns;
    uint64_t peer_ns;    // FLOORS_MEMORY: how long the unmapping took
    uint64_t peer_sum;   // FLOORS_RING: of all words written
    _Atomic uint64_t relay_cpu_ns;  // of both relays
    _Alignas(LINE) _Atomic uint64_t request;  // spinning call: number of the last request; ring: messages written
    _Alignas(LINE) _Atomic uint64_t reply;    // spinning call: number of the last reply; ring: messages read
    _Alignas(LINE) char end;
};

// Everything is made before the fork, so that neither side allocates.
struct run {
    struct floors_setup setup;
    struct shared *shared;   // the start of all that both sides see
    size_t bytes;            // its length
    unsigned char *request;  // shared bytes; ring: the slots
    unsigned char *reply;
    unsigned char *mine;     // this side's own buffer
    uint64_t *samples;
    int to_peer[2];    // eventfd: [0]; socket: caller's and peer's end; pipe: read and write end
    int to_caller[2];
    int hops[3][2];  // TCP: the ends of each connection, from the caller to the peer
    size_t room;     // bytes of `mine`
    const char *side;
};

// Leaves with the reason written down for the process that asked.
_Noreturn void side_fail(struct run *run, int error, const char *step);

static inline uint64_t clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
static inline uint64_t cpu_ns(void) { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

// Between two looks at a word that the other side writes: fewer looks let its write through sooner.
static inline void spin_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

typedef void side_fn(struct run *run);
struct floor { side_fn *caller, *peer; };

extern const struct floor floor_shared_memory, floor_eventfd, floor_seqpacket, floor_pipe;  // call.c
extern const struct floor floor_ring;                                                        // ring.c
extern const struct floor floor_descriptor, floor_memory;                                    // transfer.c
extern const struct floor floor_tcp;                                                         // net.c
side_fn net_relay_first, net_relay_second;
int tcp_open(struct run *run);  // 0 or errno

// How many processes stand between the sides.
static inline int net_relays(enum floors_kind kind) { return kind == FLOORS_TCP_RELAYS ? 2 : 0; }

// The loops around one call and one service, the same for every floor, inlined with it.
typedef void step_fn(struct run *run, uint64_t number);

static inline __attribute__((always_inline)) void drive_caller(struct run *run, step_fn *call) {
    const uint64_t warmup = run->setup.warmup, total = warmup + run->setup.samples, think = run->setup.think_ns;
    uint64_t cpu = 0, before = now_ns();
    for (uint64_t i = 0; i < total; i++) {
        if (i == warmup) {
            cpu = cpu_ns();
            before = now_ns();
        }
        if (think != 0) {
            floors_think(think);
            before = now_ns();
        }
        call(run, i + 1);
        uint64_t after = now_ns();
        if (i >= warmup) run->samples[i - warmup] = after - before;
        before = after;
    }
    run->shared->caller_cpu_ns = cpu_ns() - cpu;
}

static inline __attribute__((always_inline)) void drive_peer(struct run *run, step_fn *serve) {
    const uint64_t warmup = run->setup.warmup, total = warmup + run->setup.samples;
    uint64_t cpu = 0;
    for (uint64_t i = 0; i < total; i++) {
        if (i == warmup) cpu = cpu_ns();
        serve(run, i + 1);
    }
    run->shared->peer_cpu_ns = cpu_ns() - cpu;
}

// A message carries its number in its first and its last word; both are checked at each end.
static inline void message_number(unsigned char *bytes, uint32_t size, uint64_t number) {
    memcpy(bytes, &number, sizeof number);
    memcpy(bytes + size - sizeof number, &number, sizeof number);
}

static inline void message_check(struct run *run, uint64_t number) {
    uint64_t first, last;
    memcpy(&first, run->mine, sizeof first);
    memcpy(&last, run->mine + run->setup.size - sizeof last, sizeof last);
    if (first != number || last != number) side_fail(run, EBADMSG, "another message than expected");
}

#endif

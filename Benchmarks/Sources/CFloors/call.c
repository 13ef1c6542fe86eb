// Calls: a request of `size` bytes there, a reply of as many back. Every byte is written and read on both ways.
#define _GNU_SOURCE
#include "sides.h"

#include <sys/socket.h>

// Shared memory, both sides spinning.

static inline void await_number(_Atomic uint64_t *word, uint64_t number) {
    while (atomic_load_explicit(word, memory_order_acquire) != number) spin_pause();
}

static inline void spin_call(struct run *run, uint64_t number) {
    const uint32_t size = run->setup.size;
    message_number(run->mine, size, number);
    memcpy(run->request, run->mine, size);
    atomic_store_explicit(&run->shared->request, number, memory_order_release);
    await_number(&run->shared->reply, number);
    memcpy(run->mine, run->reply, size);
    message_check(run, number);
}

static inline void spin_serve(struct run *run, uint64_t number) {
    const uint32_t size = run->setup.size;
    await_number(&run->shared->request, number);
    memcpy(run->mine, run->request, size);
    message_check(run, number);
    memcpy(run->reply, run->mine, size);
    atomic_store_explicit(&run->shared->reply, number, memory_order_release);
}

static void spin_caller(struct run *run) { drive_caller(run, spin_call); }
static void spin_peer(struct run *run) { drive_peer(run, spin_serve); }
const struct floor floor_shared_memory = {spin_caller, spin_peer};

// Eventfd: the bytes in shared memory, the waiting in Linux.

static inline void wake(struct run *run, int eventfd) {
    const uint64_t one = 1;
    if (write(eventfd, &one, sizeof one) != sizeof one) side_fail(run, errno, "write of the eventfd");
}

static inline void sleep_until_woken(struct run *run, int eventfd) {
    uint64_t count;
    if (read(eventfd, &count, sizeof count) != sizeof count) side_fail(run, errno, "read of the eventfd");
    if (count != 1) side_fail(run, EBADMSG, "one wake-up expected");
}

static inline void eventfd_call(struct run *run, uint64_t number) {
    const uint32_t size = run->setup.size;
    message_number(run->mine, size, number);
    memcpy(run->request, run->mine, size);
    wake(run, run->to_peer[0]);
    sleep_until_woken(run, run->to_caller[0]);
    memcpy(run->mine, run->reply, size);
    message_check(run, number);
}

static inline void eventfd_serve(struct run *run, uint64_t number) {
    const uint32_t size = run->setup.size;
    sleep_until_woken(run, run->to_peer[0]);
    memcpy(run->mine, run->request, size);
    message_check(run, number);
    memcpy(run->reply, run->mine, size);
    wake(run, run->to_caller[0]);
}

static void eventfd_caller(struct run *run) { drive_caller(run, eventfd_call); }
static void eventfd_peer(struct run *run) { drive_peer(run, eventfd_serve); }
const struct floor floor_eventfd = {eventfd_caller, eventfd_peer};

// Unix sockets that keep the bounds of messages: one send is one receive.

static inline void socket_send(struct run *run, int end) {
    if (send(end, run->mine, run->setup.size, MSG_NOSIGNAL) != (ssize_t)run->setup.size) side_fail(run, errno, "send");
}

static inline void socket_receive(struct run *run, int end, uint64_t number) {
    if (recv(end, run->mine, run->setup.size, 0) != (ssize_t)run->setup.size) side_fail(run, errno, "recv");
    message_check(run, number);
}

static inline void socket_call(struct run *run, uint64_t number) {
    message_number(run->mine, run->setup.size, number);
    socket_send(run, run->to_peer[0]);
    socket_receive(run, run->to_peer[0], number);
}

static inline void socket_serve(struct run *run, uint64_t number) {
    socket_receive(run, run->to_peer[1], number);
    socket_send(run, run->to_peer[1]);
}

static void socket_caller(struct run *run) { drive_caller(run, socket_call); }
static void socket_peer(struct run *run) { drive_peer(run, socket_serve); }
const struct floor floor_seqpacket = {socket_caller, socket_peer};

// Pipes: streams, so that a long message may take several turns.

static inline void pipe_write(struct run *run, int end) {
    for (uint32_t done = 0; done < run->setup.size;) {
        ssize_t count = write(end, run->mine + done, run->setup.size - done);
        if (count <= 0) side_fail(run, errno, "write of the pipe");
        done += (uint32_t)count;
    }
}

static inline void pipe_read(struct run *run, int end, uint64_t number) {
    for (uint32_t done = 0; done < run->setup.size;) {
        ssize_t count = read(end, run->mine + done, run->setup.size - done);
        if (count <= 0) side_fail(run, count == 0 ? EPIPE : errno, "read of the pipe");
        done += (uint32_t)count;
    }
    message_check(run, number);
}

static inline void pipe_call(struct run *run, uint64_t number) {
    message_number(run->mine, run->setup.size, number);
    pipe_write(run, run->to_peer[1]);
    pipe_read(run, run->to_caller[0], number);
}

static inline void pipe_serve(struct run *run, uint64_t number) {
    pipe_read(run, run->to_peer[0], number);
    pipe_write(run, run->to_caller[1]);
}

static void pipe_caller(struct run *run) { drive_caller(run, pipe_call); }
static void pipe_peer(struct run *run) { drive_peer(run, pipe_serve); }
const struct floor floor_pipe = {pipe_caller, pipe_peer};

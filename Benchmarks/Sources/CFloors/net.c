// Calls over TCP on the loopback interface: `size` bytes there; back as many, or a note where the bytes are many. With relays two
// processes stand between the sides, each with a connection to its left and one to its right, and hand on what they read.
#define _GNU_SOURCE
#include "sides.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static int one_pair(int ends[2]) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0) return errno;
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof place;
    int error = 0, on = 1;
    if (bind(listener, (struct sockaddr *)&place, sizeof place) != 0 || listen(listener, 1) != 0
        || getsockname(listener, (struct sockaddr *)&place, &length) != 0) {
        error = errno;
    } else if ((ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0
               || connect(ends[0], (struct sockaddr *)&place, sizeof place) != 0
               || (ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0) {
        error = errno;
    }
    for (int i = 0; i < 2 && error == 0; i++) {
        if (setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) error = errno;
    }
    close(listener);
    return error;
}

int floors_free_port(void) {
    int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return -errno;
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof place;
    int result = 0;
    if (bind(socket_, (struct sockaddr *)&place, sizeof place) != 0 || getsockname(socket_, (struct sockaddr *)&place, &length) != 0) {
        result = -errno;
    } else {
        result = ntohs(place.sin_port);
    }
    close(socket_);
    return result;
}

int tcp_open(struct run *run) {
    int pairs = net_relays(run->setup.kind) + 1;
    for (int i = 0; i < pairs; i++) {
        int error = one_pair(run->hops[i]);
        if (error != 0) return error;
    }
    run->to_peer[0] = run->hops[0][0];
    run->to_peer[1] = run->hops[pairs - 1][1];
    return 0;
}

// What is longer than the buffer goes through it again and again.
static inline size_t next_part(const struct run *run, uint64_t done, uint64_t size) {
    uint64_t room = run->room - done % run->room;
    return size - done < room ? size - done : room;
}

static void tcp_write(struct run *run, int end, uint64_t size) {
    for (uint64_t done = 0; done < size;) {
        ssize_t count = send(end, run->mine + done % run->room, next_part(run, done, size), MSG_NOSIGNAL);
        if (count <= 0) side_fail(run, errno, "send");
        done += (uint64_t)count;
    }
}

static void tcp_read(struct run *run, int end, uint64_t size) {
    for (uint64_t done = 0; done < size;) {
        ssize_t count = recv(end, run->mine + done % run->room, next_part(run, done, size), 0);
        if (count <= 0) side_fail(run, count == 0 ? EPIPE : errno, "recv");
        done += (uint64_t)count;
    }
}

static inline uint64_t reply_size(const struct run *run) {
    return run->setup.size > FLOORS_SIZE_SMALL ? FLOORS_NOTE : run->setup.size;
}

static inline void check_first(struct run *run, uint64_t number) {
    uint64_t first;
    memcpy(&first, run->mine, sizeof first);
    if (first != number) side_fail(run, EBADMSG, "another message than expected");
}

static inline void tcp_call(struct run *run, uint64_t number) {
    memcpy(run->mine, &number, sizeof number);
    tcp_write(run, run->to_peer[0], run->setup.size);
    tcp_read(run, run->to_peer[0], reply_size(run));
    check_first(run, number);
}

static inline void tcp_serve(struct run *run, uint64_t number) {
    tcp_read(run, run->to_peer[1], run->setup.size);
    check_first(run, number);
    tcp_write(run, run->to_peer[1], reply_size(run));
}

static void tcp_caller(struct run *run) { drive_caller(run, tcp_call); }
static void tcp_peer(struct run *run) { drive_peer(run, tcp_serve); }
const struct floor floor_tcp = {tcp_caller, tcp_peer};

// Hands on what it reads, in the pieces in which it comes.
static void pass(struct run *run, int from, int to, uint64_t size) {
    for (uint64_t done = 0; done < size;) {
        ssize_t count = recv(from, run->mine, size - done < run->room ? size - done : run->room, 0);
        if (count <= 0) side_fail(run, count == 0 ? EPIPE : errno, "recv");
        for (ssize_t sent = 0; sent < count;) {
            ssize_t part = send(to, run->mine + sent, (size_t)(count - sent), MSG_NOSIGNAL);
            if (part <= 0) side_fail(run, errno, "send");
            sent += part;
        }
        done += (uint64_t)count;
    }
}

static void relay(struct run *run, int place) {
    const uint64_t warmup = run->setup.warmup, total = warmup + run->setup.samples;
    const int left = run->hops[place][1], right = run->hops[place + 1][0];
    uint64_t cpu = 0;
    for (uint64_t i = 0; i < total; i++) {
        if (i == warmup) cpu = cpu_ns();
        pass(run, left, right, run->setup.size);
        pass(run, right, left, reply_size(run));
    }
    atomic_fetch_add(&run->shared->relay_cpu_ns, cpu_ns() - cpu);
}

void net_relay_first(struct run *run) { relay(run, 0); }
void net_relay_second(struct run *run) { relay(run, 1); }

// Calls that take more than bytes along: a descriptor, or a sealed piece of memory.
#define _GNU_SOURCE
#include "sides.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static inline void send_descriptor(struct run *run, int end, uint32_t size, int descriptor) {
    union control control = {0};
    struct iovec bytes = {run->mine, size};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    if (sendmsg(end, &message, MSG_NOSIGNAL) != (ssize_t)size) side_fail(run, errno, "sendmsg");
}

static inline int receive_descriptor(struct run *run, int end, uint32_t size) {
    union control control;
    struct iovec bytes = {run->mine, size};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    if (recvmsg(end, &message, MSG_CMSG_CLOEXEC) != (ssize_t)size) side_fail(run, errno, "recvmsg");
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_type != SCM_RIGHTS) side_fail(run, EBADMSG, "a descriptor expected");
    int descriptor;
    memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    return descriptor;
}

static inline void send_bytes(struct run *run, int end, uint32_t size) {
    if (send(end, run->mine, size, MSG_NOSIGNAL) != (ssize_t)size) side_fail(run, errno, "send");
}

static inline void receive_bytes(struct run *run, int end, uint32_t size) {
    if (recv(end, run->mine, size, 0) != (ssize_t)size) side_fail(run, errno, "recv");
}

// One descriptor with the bytes of the request; the peer drops it before it replies. What the descriptor stands for does not
// matter: the caller passes the one eventfd again and again and keeps its own.

static inline void descriptor_call(struct run *run, uint64_t number) {
    message_number(run->mine, run->setup.size, number);
    send_descriptor(run, run->to_peer[0], run->setup.size, run->to_caller[0]);
    receive_bytes(run, run->to_peer[0], run->setup.size);
    message_check(run, number);
}

static inline void descriptor_serve(struct run *run, uint64_t number) {
    int descriptor = receive_descriptor(run, run->to_peer[1], run->setup.size);
    message_check(run, number);
    if (close(descriptor) != 0) side_fail(run, errno, "close");
    send_bytes(run, run->to_peer[1], run->setup.size);
}

static void descriptor_caller(struct run *run) {
    run->to_caller[0] = eventfd(0, EFD_CLOEXEC);
    if (run->to_caller[0] < 0) side_fail(run, errno, "eventfd");
    drive_caller(run, descriptor_call);
}
static void descriptor_peer(struct run *run) { drive_peer(run, descriptor_serve); }
const struct floor floor_descriptor = {descriptor_caller, descriptor_peer};

// Memory: made, filled and sealed by the caller; mapped and looked into by the peer, whose reply ends the call; then unmapped by
// the peer and, its last descriptor closed, released by the caller. Each stage is timed apart.

#define NOTE 64u                     // bytes of each message beside the memory
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct stages { uint64_t at[FLOORS_STAGES]; };

static unsigned char mark(uint64_t number, uint64_t place) { return (unsigned char)(number * 3 + place); }

static void memory_once(struct run *run, uint64_t number, struct stages *took) {
    const size_t size = run->setup.size;
    uint64_t t0 = now_ns();
    int memory = memfd_create("masix-floor-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory < 0) side_fail(run, errno, "memfd_create");
    if (ftruncate(memory, (off_t)size) != 0) side_fail(run, errno, "ftruncate");

    uint64_t t1 = now_ns();
    unsigned char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (bytes == MAP_FAILED) side_fail(run, errno, "mmap");
    memset(bytes, (int)(number & 0xff), size);
    bytes[0] = mark(number, 0);
    bytes[size / 2] = mark(number, 1);
    bytes[size - 1] = mark(number, 2);
    if (munmap(bytes, size) != 0) side_fail(run, errno, "munmap");

    uint64_t t2 = now_ns();
    if (fcntl(memory, F_ADD_SEALS, SEALS) != 0) side_fail(run, errno, "F_ADD_SEALS");

    uint64_t t3 = now_ns();
    message_number(run->mine, NOTE, number);
    send_descriptor(run, run->to_peer[0], NOTE, memory);
    receive_bytes(run, run->to_peer[0], NOTE);
    uint64_t t4 = now_ns();
    for (uint64_t place = 0; place < 3; place++) {
        if (run->mine[place] != mark(number, place)) side_fail(run, EBADMSG, "the bytes that the peer has read");
    }
    receive_bytes(run, run->to_peer[0], NOTE);  // the peer has unmapped it

    uint64_t t5 = now_ns();
    if (close(memory) != 0) side_fail(run, errno, "close");
    uint64_t t6 = now_ns();
    *took = (struct stages){.at = {
        [FLOORS_CALL] = t4 - t3, [FLOORS_CREATE] = t1 - t0, [FLOORS_FILL] = t2 - t1, [FLOORS_SEAL] = t3 - t2,
        [FLOORS_UNMAP] = run->shared->peer_ns, [FLOORS_RELEASE] = t6 - t5,
    }};
}

static void memory_serve(struct run *run, uint64_t number) {
    const size_t size = run->setup.size;
    int end = run->to_peer[1];
    int memory = receive_descriptor(run, end, NOTE);
    int seals = fcntl(memory, F_GET_SEALS);
    if (seals != SEALS) side_fail(run, seals < 0 ? errno : EBADMSG, "F_GET_SEALS");
    const volatile unsigned char *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, memory, 0);
    if (bytes == MAP_FAILED) side_fail(run, errno, "mmap");
    run->mine[0] = bytes[0];
    run->mine[1] = bytes[size / 2];
    run->mine[2] = bytes[size - 1];
    send_bytes(run, end, NOTE);

    uint64_t before = now_ns();
    if (munmap((void *)bytes, size) != 0) side_fail(run, errno, "munmap");
    if (close(memory) != 0) side_fail(run, errno, "close");
    run->shared->peer_ns = now_ns() - before;
    send_bytes(run, end, NOTE);
    (void)number;
}

static void memory_caller(struct run *run) {
    const uint64_t warmup = run->setup.warmup, kept = run->setup.samples;
    uint64_t cpu = 0;
    for (uint64_t i = 0; i < warmup + kept; i++) {
        struct stages took;
        if (i == warmup) cpu = cpu_ns();
        if (run->setup.think_ns != 0) floors_think(run->setup.think_ns);
        memory_once(run, i + 1, &took);
        for (int stage = 0; i >= warmup && stage < FLOORS_STAGES; stage++) run->samples[stage * kept + i - warmup] = took.at[stage];
    }
    run->shared->caller_cpu_ns = cpu_ns() - cpu;
}
static void memory_peer(struct run *run) { drive_peer(run, memory_serve); }
const struct floor floor_memory = {memory_caller, memory_peer};

// A null call in C, by mach_msg as a stub does it: the side that answers, and the side that asks and times.
//
//   mach-call serve
//   mach-call call SAMPLES SIZE CALLER PEER     processors by number, -1 for anywhere
//
// Both attach to the node that MASIX_NODE names. The caller writes a number of nanoseconds for each sample, then the processor time of both
// sides, eight bytes each, to its standard output.
#define _GNU_SOURCE
#include <mach/mach.h>
#include <sched.h>
#include <servers/bootstrap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ECHO = 1, PLACE = 2, PROCESSOR_TIME = 3, BODY_MAX = 16384, WARMING = 2048 };

static const char *const service = "masix.bench.mach-call";

struct letter {
    mach_msg_header_t head;
    union {
        uint64_t number;
        int64_t processor;
        uint8_t bytes[BODY_MAX + MAX_TRAILER_SIZE];
    };
};

static void need(int holds, const char *what) {
    if (holds) { return; }
    fprintf(stderr, "mach-call: %s\n", what);
    exit(1);
}

static uint64_t read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void place(int64_t processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int64_t each = 0; each < CPU_SETSIZE; each++) {
        if (processor < 0 || each == processor) { CPU_SET((size_t)each, &set); }
    }
    need(sched_setaffinity(0, sizeof set, &set) == 0, "cannot be placed on its processor");
}

static int serve(void) {
    mach_port_t port;
    need(bootstrap_check_in(bootstrap_port, service, &port) == KERN_SUCCESS, "cannot be found by its name");
    struct letter letter;
    mach_msg_return_t code = mach_msg(&letter.head, MACH_RCV_MSG, 0, sizeof letter, port, 0, MACH_PORT_NULL);
    while (code == MACH_MSG_SUCCESS) {
        mach_msg_size_t size = letter.head.msgh_size;
        switch (letter.head.msgh_id) {
        case PLACE: place(letter.processor); break;
        case PROCESSOR_TIME: letter.number = read_clock(CLOCK_PROCESS_CPUTIME_ID); break;
        default: break;
        }
        letter.head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0);
        letter.head.msgh_local_port = MACH_PORT_NULL;
        code = mach_msg(&letter.head, MACH_SEND_MSG | MACH_RCV_MSG, size, sizeof letter, port, 0, MACH_PORT_NULL);
    }
    return 0;
}

static mach_port_t server, back;

static void call(struct letter *letter, int id, size_t size) {
    letter->head = (mach_msg_header_t){
        .msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
        .msgh_remote_port = server,
        .msgh_local_port = back,
        .msgh_id = id,
    };
    mach_msg_return_t code = mach_msg(
        &letter->head, MACH_SEND_MSG | MACH_RCV_MSG, (mach_msg_size_t)(sizeof letter->head + size), sizeof *letter, back, 0, MACH_PORT_NULL);
    need(code == MACH_MSG_SUCCESS, "a call failed");
    need(letter->head.msgh_id == id, "an answer of another call");
}

static uint64_t processor_times(struct letter *letter) {
    call(letter, PROCESSOR_TIME, sizeof letter->number);
    return letter->number + read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

// Every byte is written and read on both ways, as on the floors' sides.
static void null_call(struct letter *letter, size_t size, uint64_t number) {
    memset(letter->bytes, (int)(number & 0xFF), size);
    call(letter, ECHO, size);
    unsigned wrong = 0;
    for (size_t place = 0; place < size; place++) { wrong |= letter->bytes[place] ^ (number & 0xFF); }
    need(wrong == 0, "an answer with other bytes");
}

static int measure(size_t samples, size_t size, int caller, int64_t peer) {
    need(size <= BODY_MAX, "too large");
    for (int tries = 0; tries < 5000 && bootstrap_look_up(bootstrap_port, service, &server) != KERN_SUCCESS; tries++) { usleep(1000); }
    need(server != MACH_PORT_NULL, "finds no server");
    back = mach_reply_port();
    uint64_t *times = calloc(samples + 1, sizeof *times);
    need(times != NULL, "no memory");
    struct letter letter;
    place(caller);
    letter.processor = peer;
    call(&letter, PLACE, sizeof letter.processor);
    uint64_t before = processor_times(&letter);
    for (unsigned number = 0; number < WARMING; number++) { null_call(&letter, size, number); }
    for (size_t number = 0; number < samples; number++) {
        uint64_t begin = read_clock(CLOCK_MONOTONIC);
        null_call(&letter, size, number);
        times[number] = read_clock(CLOCK_MONOTONIC) - begin;
    }
    times[samples] = processor_times(&letter) - before;
    return fwrite(times, sizeof *times, samples + 1, stdout) == samples + 1 ? 0 : 1;
}

int main(int count, char **arguments) {
    if (count == 2 && strcmp(arguments[1], "serve") == 0) { return serve(); }
    need(count == 6 && strcmp(arguments[1], "call") == 0, "serve, or call SAMPLES SIZE CALLER PEER");
    return measure(strtoul(arguments[2], NULL, 10), strtoul(arguments[3], NULL, 10), atoi(arguments[4]), atoi(arguments[5]));
}

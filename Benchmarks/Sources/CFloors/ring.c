// One way: a ring in shared memory with one writer (the peer) and one reader (the caller), both spinning (without the pause of the
// calls: here it costs more than it saves). A sample is a batch of
// messages, as the reader sees it. The sum of all words is compared at the end, so every byte has been read.
#define _GNU_SOURCE
#include "sides.h"

static void ring_writer(struct run *run) {
    const uint64_t words = run->setup.size / 8, depth = run->setup.depth;
    const uint64_t warm = (uint64_t)run->setup.warmup * run->setup.batch;
    const uint64_t total = warm + (uint64_t)run->setup.samples * run->setup.batch;
    uint64_t *const slots = (uint64_t *)run->request;
    uint64_t cpu = 0, read = 0, sum = 0, slot = 0;
    for (uint64_t i = 0; i < total; i++) {
        if (i == warm) cpu = cpu_ns();
        // `read` is as old as the last time the ring looked full: the reader's line is fetched no more often than that.
        while (i - read == depth) read = atomic_load_explicit(&run->shared->reply, memory_order_acquire);
        uint64_t *message = slots + slot * words;
        for (uint64_t word = 0; word < words; word++) {
            message[word] = i + word;
            sum += i + word;
        }
        atomic_store_explicit(&run->shared->request, i + 1, memory_order_release);
        if (++slot == depth) slot = 0;
    }
    run->shared->peer_cpu_ns = cpu_ns() - cpu;
    run->shared->peer_sum = sum;
    atomic_store_explicit(&run->shared->request, total + 1, memory_order_release);  // the sum is there
}

static void ring_reader(struct run *run) {
    const uint64_t words = run->setup.size / 8, depth = run->setup.depth, batch = run->setup.batch;
    const uint64_t batches = (uint64_t)run->setup.warmup + run->setup.samples;
    const uint64_t *const slots = (const uint64_t *)run->request;
    uint64_t cpu = 0, written = 0, sum = 0, slot = 0, i = 0, before = 0;
    for (uint64_t b = 0; b < batches; b++) {
        if (b == run->setup.warmup) {
            cpu = cpu_ns();
            before = now_ns();
        }
        for (uint64_t end = i + batch; i < end; i++) {
            while (written <= i) written = atomic_load_explicit(&run->shared->request, memory_order_acquire);
            const uint64_t *message = slots + slot * words;
            if (message[0] != i) side_fail(run, EBADMSG, "another message than expected");
            for (uint64_t word = 0; word < words; word++) sum += message[word];
            atomic_store_explicit(&run->shared->reply, i + 1, memory_order_release);
            if (++slot == depth) slot = 0;
        }
        uint64_t after = now_ns();
        if (b >= run->setup.warmup) run->samples[b - run->setup.warmup] = after - before;
        before = after;
    }
    run->shared->caller_cpu_ns = cpu_ns() - cpu;
    while (atomic_load_explicit(&run->shared->request, memory_order_acquire) != i + 1) {}
    if (run->shared->peer_sum != sum) side_fail(run, EBADMSG, "the sum of all words");
}

const struct floor floor_ring = {ring_reader, ring_writer};

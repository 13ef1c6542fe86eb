#include "CLinux.h"

int masix_is_on_stack(uint64_t address, size_t count) {
    static __thread uint64_t low, high;
    if (!high) {
        pthread_attr_t attributes;
        void *start;
        size_t size;
        extern int pthread_getattr_np(pthread_t, pthread_attr_t *);
        if (pthread_getattr_np(pthread_self(), &attributes)) return 0;
        if (!pthread_attr_getstack(&attributes, &start, &size)) {
            high = (uint64_t)start + size;
        }
        pthread_attr_destroy(&attributes);
    }
    // From here up: what lies below is not in use, and may not be mapped.
    low = (uint64_t)__builtin_frame_address(0);
    return address >= low && count <= high - low && address <= high - count;
}

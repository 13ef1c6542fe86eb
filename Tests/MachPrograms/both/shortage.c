/* What a reception comes to when there is no room for what came (V7). */
#include "dialect.h"
#include <sys/mman.h>
#include <sys/resource.h>

enum { LARGE = 256 << 20 };

static rlim_t used(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    NEED(file && fscanf(file, "%ld", &pages) == 1);
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

int main(void) {
    struct letter letter;
    mach_port_t port = new_receive(), gift = new_receive();
    char *large = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    NEED(large != MAP_FAILED);
    large[0] = 'l';
    char small[] = "small";
    for (int turn = 0; turn < 2; turn++) {
        start(&letter, port, MACH_MSG_TYPE_MAKE_SEND, MACH_PORT_NULL, 0, 5);
        put_right(&letter, gift, MACH_MSG_TYPE_MAKE_SEND);
        put_memory(&letter, large, LARGE, 0);
        put_memory(&letter, small, sizeof small, 0);
        put_number(&letter, 42);
        NEED(post(&letter, 0, 0) == MACH_MSG_SUCCESS);
    }

    struct rlimit before, tight;
    NEED(getrlimit(RLIMIT_AS, &before) == 0);
    tight = (struct rlimit){.rlim_cur = used() + (LARGE / 2), .rlim_max = before.rlim_max};
    NEED(setrlimit(RLIMIT_AS, &tight) == 0);
    memset(&letter, 0, sizeof letter);
    mach_msg_return_t code = mach_msg(
        &letter.head, MACH_RCV_MSG | MACH_RCV_TIMEOUT | TRAILER, 0, sizeof letter.bytes, port, 1000, MACH_PORT_NULL);
    NEED(setrlimit(RLIMIT_AS, &before) == 0);
    IS("V7: no room for memory", code, MACH_RCV_BODY_ERROR | MACH_MSG_VM_SPACE);
    read_items(&letter);
    CHECK("V7: the rest is delivered", letter.head.msgh_id == 5 && letter.item_count == 3 && letter.numbers[0] == 42);
    CHECK("V7: the right", kind(letter.items[0].name) == (MACH_PORT_TYPE_RECEIVE | MACH_PORT_TYPE_SEND) && letter.items[0].name == gift);
    CHECK("V7: the region that failed is 0", letter.items[1].address == NULL && letter.items[1].count == 0);
    CHECK(
        "V7: the one that fits is there",
        letter.items[2].address != NULL && letter.items[2].count == sizeof small && !memcmp(letter.items[2].address, small, sizeof small));

    IS("V7: with room again nothing is missing", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    CHECK("V7", letter.items[1].count == LARGE && ((char *)letter.items[1].address)[0] == 'l');
    CHECK("V7: no right was lost", sends(gift) == 2);
    return result();
}

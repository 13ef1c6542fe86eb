/* Out-of-line memory and arrays of rights: M1, M2; vm_allocate. */
#include "dialect.h"

static struct letter letter;

static char *pages(unsigned size) {
    vm_address_t address = 0;
    NEED(vm_allocate(SELF, &address, size, TRUE) == KERN_SUCCESS);
    return (char *)address;
}

/* Whether a page can be allocated at just this place: then nothing is there. */
static int is_free(void *place) {
    vm_address_t address = (vm_address_t)place;
    if (vm_allocate(SELF, &address, vm_page_size, FALSE) != KERN_SUCCESS) { return 0; }
    vm_deallocate(SELF, address, vm_page_size);
    return 1;
}

static void allocation(void) {
    vm_address_t address = 0;
    IS("vm_allocate", vm_allocate(SELF, &address, 3 * vm_page_size, TRUE), KERN_SUCCESS);
    CHECK("vm_allocate: whole pages", address != 0 && address % vm_page_size == 0);
    int zero = 1;
    for (unsigned place = 0; place < 3 * vm_page_size; place++) { zero &= ((char *)address)[place] == 0; }
    CHECK("vm_allocate: zero", zero);
    vm_address_t same = address;
    IS("vm_allocate: in use", vm_allocate(SELF, &same, vm_page_size, FALSE), KERN_NO_SPACE);
    IS("vm_deallocate: the middle", vm_deallocate(SELF, address + vm_page_size, 1), KERN_SUCCESS);
    CHECK("vm_deallocate: the page is free", is_free((char *)address + vm_page_size));
    ((char *)address)[0] = 1;
    ((char *)address)[2 * vm_page_size] = 1;
    IS("vm_deallocate", vm_deallocate(SELF, address, 3 * vm_page_size), KERN_SUCCESS);
    IS("syscall_vm_allocate", syscall_vm_allocate(SELF, &address, vm_page_size, TRUE), KERN_SUCCESS);
    IS("syscall_vm_deallocate", syscall_vm_deallocate(SELF, address, vm_page_size), KERN_SUCCESS);
    IS("vm_allocate: no task", vm_allocate(MACH_PORT_NULL, &address, vm_page_size, TRUE) != KERN_SUCCESS, 1);
}

static void regions(mach_port_t port, unsigned size, unsigned offset) {
    char *memory = pages(size + offset + 16);
    for (unsigned place = 0; place < size; place++) { memory[offset + place] = (char)(place * 7 + place / 251); }
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_memory(&letter, memory + offset, size, FALSE);
    put_number(&letter, 99);
    IS("M1: sent", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    memset(memory + offset, 0xff, size);
    IS("M1: received", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    NEED(letter.item_count == 1 && letter.items[0].kind == A_REGION);
    struct item item = letter.items[0];
    CHECK("M1: its size", item.count == size);
    CHECK("M2: fresh memory", item.address != NULL && (char *)item.address != memory + offset);
    if (IS_XNU) { CHECK("M2: deallocate is true", item.deallocates); }
    CHECK("4: what stands beside it", letter.number_count == 1 && letter.numbers[0] == 99);
    unsigned wrong = 0;
    for (unsigned place = 0; place < size; place++) { wrong += ((char *)item.address)[place] != (char)(place * 7 + place / 251); }
    CHECK("M1: what was there when it was sent", wrong == 0);
    ((char *)item.address)[0] = 5;
    CHECK("M2: the receiver's own", memory[offset] == (char)0xff);
    IS("M2: the receiver frees it", vm_deallocate(SELF, (vm_address_t)item.address, size), KERN_SUCCESS);

    memset(memory + offset, 0x5a, size);
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_memory(&letter, memory + offset, size, TRUE);
    IS("M1: moved", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    CHECK("M1: every page that it touches is gone", is_free(memory + offset - offset % vm_page_size));
    IS("M1: received", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    item = letter.items[0];
    wrong = 0;
    for (unsigned place = 0; place < size; place++) { wrong += ((char *)item.address)[place] != 0x5a; }
    CHECK("M1: moved", item.count == size && wrong == 0);
    mach_msg_destroy(&letter.head);
}

static void nothing_and_much(mach_port_t port) {
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_memory(&letter, (void *)0x1234567, 0, FALSE);
    IS("M1: size 0 ignores the address", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("M1: received", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    CHECK("M1: the receiver gets 0", letter.items[0].count == 0 && letter.items[0].address == NULL);

    char *memory = pages(3 * vm_page_size);
    memory[0] = 1;
    memory[vm_page_size] = 2;
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_memory(&letter, memory, 1, FALSE);
    put_memory(&letter, memory + vm_page_size, 2 * vm_page_size, FALSE);
    IS("M2: several", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("M2: several", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    CHECK("M2: each its own", letter.item_count == 2 && ((char *)letter.items[0].address)[0] == 1);
    CHECK("M2: each its own", ((char *)letter.items[1].address)[0] == 2 && letter.items[1].count == 2 * vm_page_size);
    mach_msg_destroy(&letter.head);
    vm_deallocate(SELF, (vm_address_t)memory, 3 * vm_page_size);
}

static void arrays(mach_port_t by) {
    mach_port_t names[4] = {new_receive(), new_receive(), MACH_PORT_NULL, new_receive()};
    start(&letter, by, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_rights(&letter, names, 4, MACH_MSG_TYPE_MAKE_SEND, FALSE);
    put_number(&letter, 3);
    IS("M2: an array of rights", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("M2: an array of rights", take(&letter, by, 0, 0), MACH_MSG_SUCCESS);
    NEED(letter.item_count == 1 && letter.items[0].kind == A_LIST && letter.items[0].count == 4);
    CHECK("1.3: their disposition", letter.items[0].disposition == MACH_MSG_TYPE_PORT_SEND);
    mach_port_t *found = letter.items[0].address;
    CHECK("M2: their names", found != names && found[0] == names[0] && found[1] == names[1] && found[3] == names[3]);
    CHECK("D1: null travels as itself", found[2] == MACH_PORT_NULL);
    CHECK("1.3: made", sends(names[0]) == 1 && sends(names[3]) == 1);
    mach_msg_destroy(&letter.head);
    CHECK("mach_msg_destroy: releases them", sends(names[0]) == 0 && sends(names[3]) == 0);

    start(&letter, by, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_rights(&letter, names, 4, MACH_MSG_TYPE_MOVE_RECEIVE, FALSE);
    IS("M2: receive rights", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    CHECK("1.3: moved", kind(names[0]) == 0 && kind(names[3]) == 0);
    IS("M2: receive rights", take(&letter, by, 0, 0), MACH_MSG_SUCCESS);
    found = letter.items[0].address;
    CHECK("M2: receive rights", found != NULL && kind(found[0]) == MACH_PORT_TYPE_RECEIVE);
    mach_port_t first = found[0];
    mach_msg_destroy(&letter.head);
    CHECK("mach_msg_destroy: destroys them", kind(first) == 0);

    mach_port_t wrong[2] = {by, 0x770000};
    start(&letter, by, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_rights(&letter, wrong, 2, MACH_MSG_TYPE_COPY_SEND, FALSE);
    IS("S3: an array with a name that denotes nothing", post(&letter, 0, 0), MACH_SEND_INVALID_RIGHT);
}

int main(void) {
    mach_port_t port = new_port();
    allocation();
    regions(port, 10, 0);
    regions(port, 1000, 3);
    regions(port, 4096, 0);
    regions(port, 70000, 1);
    regions(port, 3000000, 0);
    nothing_and_much(port);
    arrays(port);
    return result();
}

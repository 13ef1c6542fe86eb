/* Letting go of all that a message holds.
 *
 * A message that was received, or given back by a send that failed late, names its rights by 16, 17 and 18; these are released. The other
 * dispositions say what sending would have done: such a message holds nothing by them yet. The local port of a received message comes
 * without a right (Documentation/Specs/mach.md V5). */
#include "Typed.h"
#include <mach/mach.h>

static void release(mach_port_t name, uint32_t disposition) {
    if (!MACH_PORT_VALID(name)) { return; }
    switch (disposition) {
    case MACH_MSG_TYPE_MOVE_SEND:
    case MACH_MSG_TYPE_MOVE_SEND_ONCE:
        mach_port_deallocate(mach_task_self(), name);
        break;
    case MACH_MSG_TYPE_MOVE_RECEIVE:
        mach_port_mod_refs(mach_task_self(), name, MACH_PORT_RIGHT_RECEIVE, -1);
        break;
    default:
        break;
    }
}

static void release_all(const mach_port_t *names, uint32_t count, uint32_t disposition) {
    for (uint32_t place = 0; place < count; place++) { release(names[place], disposition); }
}

static void free_memory(uint64_t address, uint64_t size) {
    if (size > 0) { vm_deallocate(mach_task_self(), (vm_address_t)address, (vm_size_t)size); }
}

void mach_msg_destroy(mach_msg_header_t *msg) {
    release(msg->msgh_remote_port, MACH_MSGH_BITS_REMOTE(msg->msgh_bits));
    if (!(msg->msgh_bits & MACH_MSGH_BITS_COMPLEX)) { return; }

    const char *end = (const char *)msg + msg->msgh_size;
    const char *place = (const char *)msg + sizeof(mach_msg_base_t);
    if (place > end) { return; }
    mach_msg_size_t count = ((const mach_msg_base_t *)msg)->body.msgh_descriptor_count;
    for (; count > 0; count--) {
        const mach_msg_descriptor_t *item = (const mach_msg_descriptor_t *)place;
        if (end - place < (long)sizeof item->type) { return; }
        long size = item->type.type == MACH_MSG_PORT_DESCRIPTOR ? (long)sizeof item->port : (long)sizeof item->out_of_line;
        if (end - place < size) { return; }
        switch (item->type.type) {
        case MACH_MSG_PORT_DESCRIPTOR:
            release(item->port.name, item->port.disposition);
            break;
        case MACH_MSG_GUARDED_PORT_DESCRIPTOR:
            release(item->guarded_port.name, item->guarded_port.disposition);
            break;
        case MACH_MSG_OOL_DESCRIPTOR:
        case MACH_MSG_OOL_VOLATILE_DESCRIPTOR:
            if (item->out_of_line.deallocate) { free_memory((uint64_t)(uintptr_t)item->out_of_line.address, item->out_of_line.size); }
            break;
        case MACH_MSG_OOL_PORTS_DESCRIPTOR:
            if (item->ool_ports.count > 0) {
                release_all((const mach_port_t *)item->ool_ports.address, item->ool_ports.count, item->ool_ports.disposition);
                if (item->ool_ports.deallocate) {
                    free_memory((uint64_t)(uintptr_t)item->ool_ports.address, item->ool_ports.count * sizeof(mach_port_t));
                }
            }
            break;
        default:
            return;
        }
        place += size;
    }
}

void typed_mach_msg_destroy(struct typed_header *msg) {
    release(msg->remote, msg->bits & 0xff);
    if (!(msg->bits & 0x80000000u)) { return; }

    const char *end = (const char *)msg + msg->size;
    const char *place = (const char *)(msg + 1);
    while (end - place >= (long)sizeof(struct typed_word)) {
        const struct typed_long_word *word = (const struct typed_long_word *)place;
        struct typed_word brief = word->short_form;
        if (brief.is_long && end - place < (long)sizeof *word) { return; }
        uint32_t name = brief.is_long ? word->name : brief.name;
        uint64_t bits = brief.is_long ? word->size : brief.size;
        uint32_t number = brief.is_long ? word->number : brief.number;
        uint64_t bytes = (number * bits + 7) / 8;
        place += brief.is_long ? sizeof *word : sizeof brief;

        int is_right = name >= MACH_MSG_TYPE_MOVE_RECEIVE && name <= MACH_MSG_TYPE_MAKE_SEND_ONCE;
        uint64_t space = brief.is_inline ? (bytes + 3) & ~(uint64_t)3 : sizeof(uint64_t);
        if ((uint64_t)(end - place) < space) { return; }
        if (brief.is_inline) {
            if (is_right) { release_all((const mach_port_t *)place, number, name); }
        } else {
            uint64_t address;
            __builtin_memcpy(&address, place, sizeof address);
            if (is_right && bytes > 0) { release_all((const mach_port_t *)(uintptr_t)address, number, name); }
            free_memory(address, bytes);
        }
        place += space;
    }
}

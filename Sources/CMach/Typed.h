/* The typed layout of Mach 3 in our own words, so that this folder needs no foreign header. The headers of the XNU root, which the files
 * here include, bind its functions to masix_xnu_NAME; what is marked MACH3 is the plain symbol of that name. */
#ifndef MASIX_TYPED_H
#define MASIX_TYPED_H

#include <mach/boolean.h>
#include <mach/kern_return.h>
#include <mach/port.h>
#include <stdint.h>

#define MACH3(name) __asm__(#name)

struct typed_header {
    uint32_t bits;
    uint32_t size;
    mach_port_t remote;
    uint32_t gap;
    /* The port, or a payload in its place. */
    uint64_t local;
    uint32_t seqno;
    int32_t id;
};

/* Before every item of a body; the longer form has its name, size and number in a second and third word. */
struct typed_word {
    uint32_t name : 8, size : 8, number : 12, is_inline : 1, is_long : 1, deallocates : 1, unused : 1;
};

struct typed_long_word {
    struct typed_word short_form;
    uint16_t name;
    uint16_t size;
    uint32_t number;
};

/* A reply that has a return code and no more. */
struct typed_reply {
    struct typed_header head;
    struct typed_word code_type;
    kern_return_t code;
};

_Static_assert(sizeof(struct typed_header) == 32, "as gnumach-dev lays it out");
_Static_assert(sizeof(struct typed_long_word) == 12, "as gnumach-dev lays it out");
_Static_assert(sizeof(struct typed_reply) == 40, "as gnumach-dev lays it out");

/* The first three fields are the same in both dialects. */
struct any_header {
    uint32_t bits;
    uint32_t size;
    mach_port_t remote;
};

void typed_mach_msg_destroy(struct typed_header *msg) MACH3(mach_msg_destroy);
void typed_mig_reply_setup(const struct typed_header *request, struct typed_header *reply) MACH3(mig_reply_setup);

#endif

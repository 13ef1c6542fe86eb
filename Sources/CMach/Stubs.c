/* What generated stubs call. */
#include "Typed.h"
#include <mach/mach.h>
#include <pthread.h>

/* Every thread has one reply port, which is made when it is first asked for and ends with the thread. */
static __thread mach_port_t reply_port;
static pthread_key_t thread_end;
static pthread_once_t thread_end_once = PTHREAD_ONCE_INIT;

static void end_of_thread(void *made) {
    (void)made;
    if (reply_port != MACH_PORT_NULL) { mach_port_mod_refs(mach_task_self(), reply_port, MACH_PORT_RIGHT_RECEIVE, -1); }
    reply_port = MACH_PORT_NULL;
}

/* The child of a fork is a task of its own, without its parent's ports. */
static void in_child(void) { reply_port = MACH_PORT_NULL; }

static void make_thread_end(void) {
    pthread_key_create(&thread_end, end_of_thread);
    pthread_atfork(NULL, NULL, in_child);
}

mach_port_t mig_get_reply_port(void) {
    if (reply_port == MACH_PORT_NULL) {
        reply_port = mach_reply_port();
        pthread_once(&thread_end_once, make_thread_end);
        pthread_setspecific(thread_end, &reply_port);
    }
    return reply_port;
}

void mig_put_reply_port(mach_port_t port) { (void)port; }

void mig_dealloc_reply_port(mach_port_t port) {
    if (port == reply_port) { reply_port = MACH_PORT_NULL; }
    if (MACH_PORT_VALID(port)) { mach_port_mod_refs(mach_task_self(), port, MACH_PORT_RIGHT_RECEIVE, -1); }
}

void mig_init(void *first);
void mig_init(void *first) { (void)first; }

void mig_allocate(vm_address_t *addr_p, vm_size_t size) {
    if (vm_allocate(mach_task_self(), addr_p, size, VM_FLAGS_ANYWHERE) != KERN_SUCCESS) { *addr_p = 0; }
}

void mig_deallocate(vm_address_t addr, vm_size_t size) { vm_deallocate(mach_task_self(), addr, size); }

vm_size_t typed_mig_strncpy(char *dst, const char *src, vm_size_t len) MACH3(mig_strncpy);
vm_size_t typed_mig_strncpy(char *dst, const char *src, vm_size_t len) {
    if (len == 0) { return 0; }
    for (vm_size_t place = 0; place < len - 1; place++) {
        dst[place] = src[place];
        if (src[place] == 0) { return place + 1; }
    }
    dst[len - 1] = 0;
    return len;
}

int mig_strncpy(char *dest, const char *src, int len) { return len <= 0 ? 0 : (int)typed_mig_strncpy(dest, src, (vm_size_t)len); }

/* A reply has the number of its request and a hundred. */
static const int reply_number = 100;

void mig_reply_setup(const mach_msg_header_t *request, mach_msg_header_t *reply) {
    mig_reply_error_t *whole = (mig_reply_error_t *)reply;
    whole->Head.msgh_bits = MACH_MSGH_BITS(MACH_MSGH_BITS_REMOTE(request->msgh_bits), 0);
    whole->Head.msgh_size = sizeof *whole;
    whole->Head.msgh_remote_port = request->msgh_remote_port;
    whole->Head.msgh_local_port = MACH_PORT_NULL;
    whole->Head.msgh_voucher_port = MACH_PORT_NULL;
    whole->Head.msgh_id = request->msgh_id + reply_number;
    whole->NDR = NDR_record;
    whole->RetCode = MIG_BAD_ID;
}

void typed_mig_reply_setup(const struct typed_header *request, struct typed_header *reply) {
    struct typed_reply *whole = (struct typed_reply *)reply;
    whole->head = (struct typed_header){
        .bits = request->bits & 0xff, .size = sizeof *whole, .remote = request->remote, .id = request->id + reply_number};
    /* One number of 32 bits. */
    whole->code_type = (struct typed_word){.name = 2, .size = 32, .number = 1, .is_inline = 1};
    whole->code = MIG_BAD_ID;
}

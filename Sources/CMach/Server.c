/* Receiving requests, having them answered, sending the answers. One loop serves both dialects: their headers begin alike, and a reply
 * that has no descriptors holds its return code at a place that only the dialect knows.
 *
 * A client that does not take its answer must not stop the server: an answer to a send right is not waited for, and one that cannot be
 * delivered is destroyed. */
#include "Typed.h"
#include <mach/mach.h>
#include <stddef.h>
#include <stdlib.h>

struct dialect {
    mach_msg_return_t (*msg)(
        void *msg, mach_msg_option_t option, uint32_t send_size, uint32_t rcv_size, mach_port_name_t rcv_name, uint32_t timeout,
        mach_port_name_t notify);
    void (*destroy)(void *msg);
    void (*reply_setup)(const void *request, void *reply);
    size_t reply_size;
    size_t code_offset;
    size_t trailer_size;
    mach_msg_option_t large;
};

typedef boolean_t (*demux_t)(void *request, void *reply);

mach_msg_return_t typed_mach_msg(
    void *msg, mach_msg_option_t option, uint32_t send_size, uint32_t rcv_size, mach_port_name_t rcv_name, uint32_t timeout,
    mach_port_name_t notify) MACH3(mach_msg);

static void typed_destroy(void *msg) { typed_mach_msg_destroy(msg); }
static void typed_setup(const void *request, void *reply) { typed_mig_reply_setup(request, reply); }

static const struct dialect mach3 = {
    typed_mach_msg, typed_destroy, typed_setup, sizeof(struct typed_reply), offsetof(struct typed_reply, code), 0, 0x800,
};

static mach_msg_return_t complex_msg(
    void *msg, mach_msg_option_t option, uint32_t send_size, uint32_t rcv_size, mach_port_name_t rcv_name, uint32_t timeout,
    mach_port_name_t notify) {
    return mach_msg(msg, option, send_size, rcv_size, rcv_name, timeout, notify);
}
static void complex_destroy(void *msg) { mach_msg_destroy(msg); }
static void complex_setup(const void *request, void *reply) { mig_reply_setup(request, reply); }

static const struct dialect xnu = {
    complex_msg, complex_destroy, complex_setup, sizeof(mig_reply_error_t), offsetof(mig_reply_error_t, RetCode), MAX_TRAILER_SIZE,
    MACH_RCV_LARGE,
};

/* What the program's options may say: nothing that decides whether to send or to receive. */
static const mach_msg_option_t ours = MACH_SEND_MSG | MACH_RCV_MSG;

/* Has the request answered and sends the answer. */
static mach_msg_return_t answer(const struct dialect *dialect, demux_t demux, struct any_header *request, struct any_header *reply) {
    dialect->reply_setup(request, reply);
    demux(request, reply);
    if (!(reply->bits & MACH_MSGH_BITS_COMPLEX)) {
        kern_return_t code = *(const kern_return_t *)((const char *)reply + dialect->code_offset);
        if (code == MIG_NO_REPLY) {
            reply->remote = MACH_PORT_NULL;
        } else if (code != KERN_SUCCESS) {
            /* What the request brought is nobody's, but for the reply port, which is the reply's. */
            request->remote = MACH_PORT_NULL;
            dialect->destroy(request);
        }
    }
    if (reply->remote == MACH_PORT_NULL) {
        /* Kept by whoever will reply later, or not there: what else a reply holds goes. */
        if (reply->bits & MACH_MSGH_BITS_COMPLEX) { dialect->destroy(reply); }
        return MACH_MSG_SUCCESS;
    }
    mach_msg_option_t option = MACH_SEND_MSG;
    if (MACH_MSGH_BITS_REMOTE(reply->bits) != MACH_MSG_TYPE_MOVE_SEND_ONCE) { option |= MACH_SEND_TIMEOUT; }
    mach_msg_return_t result = dialect->msg(reply, option, reply->size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
    if (result == MACH_SEND_INVALID_DEST || result == MACH_SEND_TIMED_OUT) {
        dialect->destroy(reply);
        return MACH_MSG_SUCCESS;
    }
    return result;
}

static mach_msg_return_t serve(
    const struct dialect *dialect, demux_t demux, mach_msg_size_t max_size, mach_port_t rcv_name, mach_msg_option_t option,
    mach_msg_timeout_t timeout, int once) {
    size_t size = max_size < dialect->reply_size ? dialect->reply_size : max_size;
    struct any_header *request = NULL, *reply = NULL;
    mach_msg_return_t result = MACH_MSG_SUCCESS;
    option &= ~ours;
    do {
        if (request == NULL) {
            request = malloc(size + dialect->trailer_size);
            reply = malloc(size + dialect->trailer_size);
            if (request == NULL || reply == NULL) {
                result = KERN_RESOURCE_SHORTAGE;
                break;
            }
        }
        result = dialect->msg(
            request, MACH_RCV_MSG | option, 0, (uint32_t)(size + dialect->trailer_size), rcv_name, timeout, MACH_PORT_NULL);
        if (result == MACH_RCV_TOO_LARGE && (option & dialect->large) && request->size > size) {
            /* It waits in the queue. */
            size = request->size;
            free(request);
            free(reply);
            request = reply = NULL;
            continue;
        }
        if (result != MACH_MSG_SUCCESS) { break; }
        result = answer(dialect, demux, request, reply);
    } while (result == MACH_MSG_SUCCESS ? !once : request == NULL);
    free(request);
    free(reply);
    return result;
}

mach_msg_return_t mach_msg_server(
    boolean_t (*demux)(mach_msg_header_t *, mach_msg_header_t *), mach_msg_size_t max_size, mach_port_t rcv_name,
    mach_msg_options_t options) {
    return serve(&xnu, (demux_t)(void *)demux, max_size, rcv_name, options, 0, 0);
}

mach_msg_return_t mach_msg_server_once(
    boolean_t (*demux)(mach_msg_header_t *, mach_msg_header_t *), mach_msg_size_t max_size, mach_port_t rcv_name,
    mach_msg_options_t options) {
    return serve(&xnu, (demux_t)(void *)demux, max_size, rcv_name, options, 0, 1);
}

mach_msg_return_t typed_mach_msg_server(demux_t demux, uint32_t max_size, mach_port_t rcv_name) MACH3(mach_msg_server);
mach_msg_return_t typed_mach_msg_server(demux_t demux, uint32_t max_size, mach_port_t rcv_name) {
    return serve(&mach3, demux, max_size, rcv_name, 0x800, 0, 0);
}

mach_msg_return_t typed_mach_msg_server_once(demux_t demux, uint32_t max_size, mach_port_t rcv_name, mach_msg_option_t option)
    MACH3(mach_msg_server_once);
mach_msg_return_t typed_mach_msg_server_once(demux_t demux, uint32_t max_size, mach_port_t rcv_name, mach_msg_option_t option) {
    return serve(&mach3, demux, max_size, rcv_name, option, 0, 1);
}

mach_msg_return_t mach_msg_server_timeout(
    demux_t demux, uint32_t max_size, mach_port_t rcv_name, mach_msg_option_t option, uint32_t timeout);
mach_msg_return_t mach_msg_server_timeout(
    demux_t demux, uint32_t max_size, mach_port_t rcv_name, mach_msg_option_t option, uint32_t timeout) {
    return serve(&mach3, demux, max_size, rcv_name, option, timeout, 0);
}

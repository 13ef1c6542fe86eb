/* Everything that a program of the Mach 3 dialect usually needs. The types and the layout of messages are those of the package
 * gnumach-dev, whose headers stand behind this root in the search path; here is what a C library adds to them. */
#ifndef _MACH_H
#define _MACH_H 1

#include <mach/mach_types.h>

#include <mach/message.h>
#include <mach/notify.h>
#include <mach/mach_traps.h>
#include <mach/mach_interface.h>
#include <mach/mach_port.h>
#include <mach/mach_host.h>
#include <mach_init.h>
#include <mach_error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As mach_msg, and receives into rcv_msg, where it is not null; rcv_limit is not looked at. */
extern mach_msg_return_t mach_msg_overwrite(
    mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size, mach_msg_size_t rcv_size, mach_port_name_t rcv_name,
    mach_msg_timeout_t timeout, mach_port_name_t notify, mach_msg_header_t *rcv_msg, mach_msg_size_t rcv_limit);

/* Releases all that a message holds: the right in msgh_remote_port, and rights and memory in the body. */
extern void mach_msg_destroy(mach_msg_header_t *msg);

/* Receives at rcv_name, lets demux answer, sends the answer; until a reception fails. The longer form adds options of mach_msg and
 * their timeout to both halves; with MACH_RCV_TIMEOUT it returns when nothing comes. */
extern mach_msg_return_t mach_msg_server(
    boolean_t (*demux)(mach_msg_header_t *request, mach_msg_header_t *reply), mach_msg_size_t max_size, mach_port_t rcv_name);
extern mach_msg_return_t mach_msg_server_timeout(
    boolean_t (*demux)(mach_msg_header_t *request, mach_msg_header_t *reply), mach_msg_size_t max_size, mach_port_t rcv_name,
    mach_msg_option_t option, mach_msg_timeout_t timeout);

/* The same for one request; returns the error of the answer's sending, too. */
extern mach_msg_return_t mach_msg_server_once(
    boolean_t (*demux)(mach_msg_header_t *request, mach_msg_header_t *reply), mach_msg_size_t max_size, mach_port_t rcv_name,
    mach_msg_option_t option);

#ifdef __cplusplus
}
#endif

#endif

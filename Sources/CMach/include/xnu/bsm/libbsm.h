/* Who somebody is, out of an audit token (Documentation/Specs/mach.md 1.12). */
#ifndef _BSM_LIBBSM_H_
#define _BSM_LIBBSM_H_

#include <mach/message.h>
#include <sys/types.h>

static inline uid_t audit_token_to_auid(audit_token_t token) { return (uid_t)token.val[0]; }
static inline uid_t audit_token_to_euid(audit_token_t token) { return (uid_t)token.val[1]; }
static inline gid_t audit_token_to_egid(audit_token_t token) { return (gid_t)token.val[2]; }
static inline uid_t audit_token_to_ruid(audit_token_t token) { return (uid_t)token.val[3]; }
static inline gid_t audit_token_to_rgid(audit_token_t token) { return (gid_t)token.val[4]; }
static inline pid_t audit_token_to_pid(audit_token_t token) { return (pid_t)token.val[5]; }
static inline pid_t audit_token_to_asid(audit_token_t token) { return (pid_t)token.val[6]; }
static inline int audit_token_to_pidversion(audit_token_t token) { return (int)token.val[7]; }

#endif

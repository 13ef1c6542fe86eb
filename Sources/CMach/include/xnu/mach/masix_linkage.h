/* How the declarations of this root find their functions.
 *
 * One shared library serves both dialects. What depends on the dialect exists twice in it: the plain symbol speaks Mach 3, and
 * masix_xnu_NAME speaks XNU. A declaration marked MASIX_XNU(NAME) is bound to the latter. */
#ifndef _MASIX_LINKAGE_H_
#define _MASIX_LINKAGE_H_

#define MASIX_XNU(name) __asm__("masix_xnu_" #name)

#ifdef __cplusplus
#define MASIX_C_BEGIN extern "C" {
#define MASIX_C_END }
#else
#define MASIX_C_BEGIN
#define MASIX_C_END
#endif

#endif

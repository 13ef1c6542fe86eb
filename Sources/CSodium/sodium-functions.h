// libsodium of Debian (libsodium-dev 1.0.18), as Sources/Secure/Sodium.swift uses it.
#include <sodium.h>

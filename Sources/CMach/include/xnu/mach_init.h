#include <mach/mach_init.h>

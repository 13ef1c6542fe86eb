#include <mach/kern_return.h>

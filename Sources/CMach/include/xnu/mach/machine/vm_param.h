#include <mach/vm_param.h>

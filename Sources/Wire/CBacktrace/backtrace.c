#include "CBacktrace.h"

#include <dlfcn.h>
#include <execinfo.h>

int fnrpc_backtrace(void **addresses, int count) { return backtrace(addresses, count); }

int fnrpc_locate(const void *address, const char **file, unsigned long *offset) {
    Dl_info info;
    if (!dladdr(address, &info) || !info.dli_fname) return 0;
    *file = info.dli_fname;
    *offset = (unsigned long)((const char *)address - (const char *)info.dli_fbase);
    return 1;
}

/* Who called whom, by glibc: safe on any thread at any time, unlike reading the images of a process that maps files. */
#ifndef FNRPC_CBACKTRACE_H
#define FNRPC_CBACKTRACE_H

/* Stores at most `count` return addresses of this thread, the innermost first; how many. */
int fnrpc_backtrace(void **addresses, int count);

/* The file that holds an address, and where in it: what addr2line takes. 0 if none does. */
int fnrpc_locate(const void *address, const char **file, unsigned long *offset);

#endif

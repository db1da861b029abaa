#ifndef FNRPC_CLINUX_H
#define FNRPC_CLINUX_H
#endif

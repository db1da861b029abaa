/*
 * Control records between the daemon and fnrpc-init: one packet each on a SOCK_SEQPACKET pair.
 *
 * Every number is little-endian. A record starts with an 8-byte header:
 *
 *   offset  size
 *        0     2  FNRPC_CONTROL_VERSION
 *        2     2  type
 *        4     4  size of the whole record, header included
 *
 * Bodies, by type:
 *
 *   ASSIGN      daemon to init  u32 argument count (from 1), u32 environment count, then NUL-terminated strings: the
 *                               working directory, the arguments, the environment; nothing after the last NUL
 *   TIE         daemon to init  no body: the daemon is the parent of fnrpc-init by now; when it ends, so does the sandbox,
 *                               also while it is frozen and could not see that this socket is closed
 *   READY       init to daemon  no body: first record, waits for ASSIGN
 *   STARTED     init to daemon  i32 process id of the function inside the sandbox: execve succeeded
 *   EXEC_FAILED init to daemon  i32 errno of chdir or execve; the sandbox ends
 *   EXITED      init to daemon  i32 exit code or -1, i32 signal or 0, u64 user time and u64 system time in microseconds,
 *                               u64 largest resident size in KiB, u64 wall time in nanoseconds; the sandbox ends
 *
 * SIGTERM to fnrpc-init goes on to the function's process group; it ends a sandbox that still waits.
 *
 * Sources/Daemon/Drivers/ControlRecord.swift mirrors this file; a test compares the numbers.
 */
#ifndef FNRPC_CONTROL_H
#define FNRPC_CONTROL_H

#define FNRPC_CONTROL_FD 3
#define FNRPC_CONTROL_VERSION 1
#define FNRPC_CONTROL_HEADER_SIZE 8

/* Longest record, in bytes; it bounds arguments and environment together. */
#define FNRPC_CONTROL_MAX_SIZE 196608

#define FNRPC_CONTROL_ASSIGN 1
#define FNRPC_CONTROL_TIE 2
#define FNRPC_CONTROL_READY 16
#define FNRPC_CONTROL_STARTED 17
#define FNRPC_CONTROL_EXEC_FAILED 18
#define FNRPC_CONTROL_EXITED 19

/* Whole sizes of the fixed records. */
#define FNRPC_CONTROL_READY_SIZE 8
#define FNRPC_CONTROL_STARTED_SIZE 12
#define FNRPC_CONTROL_EXEC_FAILED_SIZE 12
#define FNRPC_CONTROL_EXITED_SIZE 48

/* Body offsets, from the start of the record. */
#define FNRPC_CONTROL_ASSIGN_ARGUMENTS 8
#define FNRPC_CONTROL_ASSIGN_ENVIRONMENT 12
#define FNRPC_CONTROL_ASSIGN_STRINGS 16
#define FNRPC_CONTROL_EXITED_CODE 8
#define FNRPC_CONTROL_EXITED_SIGNAL 12
#define FNRPC_CONTROL_EXITED_USER 16
#define FNRPC_CONTROL_EXITED_SYSTEM 24
#define FNRPC_CONTROL_EXITED_MAXRSS 32
#define FNRPC_CONTROL_EXITED_WALL 40

#endif

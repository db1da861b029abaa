/* Generated from proto/ by scripts/proto. */
#pragma once
#include <stddef.h>
/* A FileDescriptorSet of every message and service. */
const unsigned char *fnrpc_descriptors(void);
size_t fnrpc_descriptors_size(void);

/* Generated from proto/ by scripts/proto. */
#pragma once
#include <stddef.h>
/* A FileDescriptorSet of every message and service. */
extern const unsigned char fnrpc_descriptor_set[];
extern const size_t fnrpc_descriptor_set_size;

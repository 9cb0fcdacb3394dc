/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* Loads and stores at any alignment, and byte order, for BPF and natively.
 * Values keep the order that they have in memory.
 *
 * clang for BPF makes byte loads of whatever may be misaligned, memcpy() and
 * packed types alike, so there it is told nothing: the kernels that dpx runs
 * on load misaligned words as fast as others. */

#ifndef DPX_BYTES_H
#define DPX_BYTES_H 1

#include <linux/types.h>
#include <stdbool.h>

#ifdef __bpf__
#include <bpf/bpf_helpers.h>
#else
#include <string.h>
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the words of a key are put together in little-endian order");

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#ifdef __bpf__
#define DPX_LOAD_STORE(BITS)                                                  \
    static __always_inline __u##BITS dpx_load##BITS(const void *p)            \
    {                                                                         \
        return *(const __u##BITS *) p;                                        \
    }                                                                         \
                                                                              \
    static __always_inline void dpx_store##BITS(void *p, __u##BITS x)         \
    {                                                                         \
        *(__u##BITS *) p = x;                                                 \
    }
#else
#define DPX_LOAD_STORE(BITS)                                                  \
    static __always_inline __u##BITS dpx_load##BITS(const void *p)            \
    {                                                                         \
        __u##BITS x;                                                          \
        memcpy(&x, p, sizeof x);                                              \
        return x;                                                             \
    }                                                                         \
                                                                              \
    static __always_inline void dpx_store##BITS(void *p, __u##BITS x)         \
    {                                                                         \
        memcpy(p, &x, sizeof x);                                              \
    }
#endif

DPX_LOAD_STORE(16)
DPX_LOAD_STORE(32)
DPX_LOAD_STORE(64)

/* Network byte order, both ways; constant for a constant. */
#define DPX_BE16(X) ((__u16) __builtin_bswap16(X))
#define DPX_BE32(X) ((__u32) __builtin_bswap32(X))

#endif /* bpf/bytes.h */

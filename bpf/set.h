/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* What a DPX_OP_SET means, for every plane. */

#ifndef DPX_SET_H
#define DPX_SET_H 1

#include "bpf/bytes.h"
#include "maps/layout.h"

/* The offset, from the frame's first byte, of the word that `op` sets;
 * negative: the packet has no such layer, and the operation does nothing. */
static __always_inline int
dpx_set_ofs(const struct dpx_scratch *s, const struct dpx_op *op)
{
    __u32 base;

    switch (op->layer) {
    case DPX_LAYER_ETH:
        return op->off;
    case DPX_LAYER_MPLS:
        base = s->mpls_ofs;
        break;
    case DPX_LAYER_NET:
        base = s->net_ofs;
        break;
    default:
        base = s->tp_ofs;
        break;
    }
    return base ? (int) (base + op->off) : -1;
}

/* The word `old` after `op`. */
static __always_inline __u32
dpx_set_word(const struct dpx_op *op, __u32 old)
{
    return (old & ~op->b) | op->a;
}

#endif /* bpf/set.h */

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* The packet vocabulary: what the stages (parse.h, lookup.h, actions.h) may
 * ask of a packet and of the datapath's tables.  An entry program includes one
 * of
 *
 *     ctx_xdp.bpf.h    struct xdp_md, in the driver
 *     ctx_tc.bpf.h     struct __sk_buff, at tc ingress
 *     ctx_mem.h        memory, natively
 *
 * and then the stages, which say `ctx_t` and nothing of its kind.  Each of the
 * three defines, as static inlines (0 or a positive enum dpx_drop_reason
 * unless said otherwise):
 *
 *   CTX_PLANE                      enum dpx_plane
 *   CTX_CLONES                     1 if the packet can be output and kept
 *   void *ctx_header(ctx, s, ofs, n)  `n` (constant) bytes of linear packet
 *                                  at `ofs` from the frame's first byte, for
 *                                  reading, or NULL; dies with any push, pop,
 *                                  set or output.  `ofs` may be anything; an
 *                                  `ofs` beyond DPX_PARSE_MAX gives NULL
 *   u32 ctx_len(ctx)               bytes of the frame, without a tag that is
 *                                  beside it
 *   int ctx_linear(ctx, n)         make up to `n` bytes linear, as many as
 *                                  there are
 *   bool ctx_tag(ctx, vlan)        the tag beside the frame (skb->vlan_tci),
 *                                  or false
 *   int ctx_push_vlan(ctx, tpid, tci)   a new outermost tag
 *   int ctx_pop_vlan(ctx)               the outermost tag off
 *   int ctx_set32(ctx, s, op)      what DPX_OP_SET says, checksums included
 * int ctx_set_metadata(ctx, s)   the packet's priority and mark are now those
 *                                  of s->key
 *   int ctx_output(ctx, s, port, last)  send to `port`, whole; `last`: the
 *                                  packet need not survive, and the return
 *                                  value of the program is in s->verdict
 *   int ctx_upcall(ctx, s, type, pid)   to userspace, with s->key and
 *                                  s->userdata
 *   void ctx_drop(ctx, s, port, reason) count a drop
 *   u64 ctx_now(ctx)               jiffies64
 *   u32 ctx_cpu(ctx)
 *   CTX_GLOBAL                     of functions that are checked apart (BPF)
 *   ctx_loop(n, callback, state)   callback(u32 i, state) until it returns 1
 *
 * and one accessor per table, which returns NULL out of range:
 *
 *   ctx_body(ctx, slot), ctx_mask(ctx, id), ctx_order(ctx, i),
 *   ctx_bucket(ctx, i), ctx_cache(ctx, i), ctx_block(ctx, i),
 *   ctx_counter(ctx, i), ctx_mask_hits(ctx, i), ctx_stats(ctx),
 * ctx_stats_beside(ctx, s), ctx_port(ctx, port), ctx_meta(ctx), ctx_conf(ctx)
 * / */

#ifndef DPX_CTX_H
#define DPX_CTX_H 1

/* The parser looks for headers in so many first bytes of the frame.  Nothing
 * need be made linear in advance: where dpx_parse() returns DPX_DROP_PULL, a
 * header lies beyond the linear part, and after ctx_linear(ctx, DPX_PARSE_MAX)
 * it is to be called again. */
#define DPX_PARSE_MAX 2048

#endif /* bpf/ctx.h */

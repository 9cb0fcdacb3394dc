/* SPDX-License-Identifier: Apache-2.0 */

/* The datapath as a native function: plane `user`.  The same parser, lookup
 * and actions as in the kernel, compiled on ctx_mem.h.  It executes packets
 * for the provider, forwards for the `netdev` provider, and is what unit tests
 * and fuzzers run. */

#ifndef DPX_USER_H
#define DPX_USER_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "maps/maps.h"

/* A packet in memory.  `frame` is modified in place; pushes use its headroom
 * and grow it if there is too little. */
struct dpx_packet {
    struct dpx_buf frame; /* From the destination MAC on. */
    uint16_t gso_size;    /* 0: one packet. */
    /* Metadata that is not in the frame; the rest of a key is parsed. */
    uint32_t in_port;
    uint32_t recirc_id;
    uint32_t skb_priority;
    uint32_t skb_mark;
    uint32_t dp_hash;
};

/* Where packets go.  The packet stays the caller's: a callback that keeps it
 * copies it. */
struct dpx_user_ops {
    void (*output)(void *aux, uint32_t port, const struct dpx_packet *);
    void (*upcall)(void *aux, enum dpx_upcall_type, uint32_t pid,
                   const struct dpx_key *, const void *userdata,
                   size_t userdata_len, const struct dpx_packet *);
    void (*drop)(void *aux, uint32_t port, enum dpx_drop_reason,
                 const struct dpx_packet *);
    void *aux;
};

/* Fills in `key` from the packet and its metadata. */
void dpx_user_parse(const struct dpx_packet *, struct dpx_key *key);

/* A packet that arrived on packet->in_port: lookup in `maps`, then the flow's
 * actions, or an upcall.  Counts as the kernel's planes do, in the row of
 * `cpu`, which no other thread may use at the time.  The callbacks run between
 * dpx_read_begin() and dpx_read_end(), so they must not write the table. */
void dpx_user_receive(struct dpx_maps *maps, uint32_t cpu, struct dpx_packet *,
                      const struct dpx_user_ops *);

/* Runs `ops` on the packet.  `maps` is for what looks up again (recirc), and
 * may be NULL where nothing does. */
void dpx_user_execute(struct dpx_maps *maps, uint32_t cpu, struct dpx_packet *,
                      const struct dpx_op *ops, size_t n_ops,
                      const struct dpx_user_ops *);

#endif /* bpf/user.h */

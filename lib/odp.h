/* SPDX-License-Identifier: Apache-2.0 */

/* The codec between netlink attributes (OVS_KEY_ATTR_*, OVS_ACTION_ATTR_* of
 * <linux/openvswitch.h>), the datapath's structs and flow text.  Everything
 * in an attribute is hostile.
 *
 * Functions return 0 or a positive errno, with a message that names the
 * attribute, or the place in the text, in dpx_error_text(). */

#ifndef DPX_ODP_H
#define DPX_ODP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/flow-text.h"
#include "maps/layout.h"

/* lib/key.c ------------------------------------------------------------- */

/* Parses a flow's key and mask to what the packet path matches, with
 * openvswitch.ko's meaning of what is left out (and OVS's: recirc_id is
 * matched exactly always).  Without a mask (`mask_attrs` NULL): exact in all
 * that the key names.  EINVAL: wrong length, duplicate, unknown attribute,
 * missing prerequisite, nonzero bits outside...; EOPNOTSUPP: a field that
 * cannot be matched yet. */
int dpx_key_from_attrs(const void *key_attrs, size_t key_len,
                       const void *mask_attrs, size_t mask_len,
                       struct dpx_key *key, struct dpx_key *mask);

/* The same for flows in a row, many of which have the same mask.  `memo`,
 * zeroed at first, remembers the last mask, which is then not parsed again: so
 * its attributes and `*space` must stay as they are while `memo` is used.
 * Writes to `*maskp` where the mask is: `space`, or that of an earlier flow.
 */
struct dpx_mask_memo {
    const void *attrs; /* NULL: nothing remembered. */
    size_t len;
    uint64_t present; /* Attributes of the key, */
    uint64_t inner;   /* those in encap with them, and */
    uint32_t shape;   /* what else of it tells how to read a mask. */
    const struct dpx_key *mask;
};

int
dpx_key_from_attrs_memo(const void *key_attrs, size_t key_len,
                        const void *mask_attrs, size_t mask_len,
                        struct dpx_mask_memo *memo, struct dpx_key *key,
                        struct dpx_key *space, const struct dpx_key **maskp);

/* Parses a key alone, as flow get and del and execute give it. */
int dpx_key_parse(const void *attrs, size_t len, struct dpx_key *key);

/* Appends the attributes of a packet's key, as an upcall carries them. */
void dpx_key_to_attrs(const struct dpx_key *, struct dpx_buf *);

/* lib/compile.c --------------------------------------------------------- */

/* All that compiling asks of a flow. */
struct dpx_facts {
    __be16 eth_type; /* Unknown bits are 0. */
    uint8_t ip_proto;
    uint8_t ip_frag;
    uint8_t mac_proto;
    bool exact_type;  /* All bits of eth_type are known, */
    bool exact_proto; /* all of ip_proto. */
    bool limited;     /* To what a flow can hold. */
};

struct dpx_program {
    struct dpx_op *ops; /* malloc()ed. */
    size_t n;
    size_t allocated;
    uint8_t body_flags; /* enum dpx_body_flags. */
    uint32_t out;       /* As dpx_body.out. */
    /* What it was made of.  NULL: of nothing yet, or it failed. */
    const void *actions;
    size_t actions_len;
    struct dpx_facts facts;
};

/* Compiles actions for a flow of `key` and `mask` (both as by
 * dpx_key_from_attrs; `mask` NULL: the key of a packet, all known).  Reuses
 * `prog`'s memory; the caller frees it with dpx_program_free().
 * EINVAL: wrong length, unknown value, an action on a header that the flow
 * does not match; EOPNOTSUPP: an action that cannot be executed; E2BIG: with
 * a mask, more than a flow can hold. */
int dpx_compile(const void *actions, size_t len, const struct dpx_key *key,
                const struct dpx_key *mask, struct dpx_program *prog);

/* Whether dpx_compile() would make `prog` anew of these.  The actions that it
 * was made of must be where they were. */
bool dpx_program_fits(const struct dpx_program *prog, const void *actions,
                      size_t len, const struct dpx_key *key,
                      const struct dpx_key *mask);
void dpx_program_free(struct dpx_program *);

#endif /* lib/odp.h */

/* SPDX-License-Identifier: Apache-2.0 */

/* Chains of blocks: operations, actions and identities that are longer than
 * what their structs hold. */

#include <errno.h>
#include <string.h>

#include "lib/error.h"
#include "maps/table-private.h"

/* Blocks that hold what of `bytes` has no place in the first `room`. */
size_t
dpx_blocks_for(size_t bytes, size_t room)
{
    return bytes <= room
               ? 0
               : (bytes - room + DPX_BLOCK_BYTES - 1) / DPX_BLOCK_BYTES;
}

static uint32_t
block_alloc(struct dpx_maps *m)
{
    uint32_t block = m->meta->free_block;

    if (block) {
        m->meta->free_block = m->blocks[block].next;
    } else if (m->meta->fresh_block < m->conf.n_blocks) {
        block = m->meta->fresh_block++;
    }
    return block;
}

/* Allocates a chain of `n` blocks; 0 for none.  ENOSPC: all are in use, and
 * nothing was allocated. */
int
dpx_chain_alloc(struct dpx_table *t, size_t n, uint32_t *head)
{
    struct dpx_maps *m = t->maps;

    *head = 0;
    while (n--) {
        uint32_t block = block_alloc(m);

        if (!block) {
            dpx_chain_free(t, *head);
            *head = 0;
            return dpx_error(ENOSPC,
                             "datapath %s: all %u blocks for long "
                             "actions and keys are in use",
                             m->name, m->conf.n_blocks - 1);
        }
        m->blocks[block].next = *head;
        *head = block;
    }
    return 0;
}

void
dpx_chain_free(struct dpx_table *t, uint32_t head)
{
    struct dpx_maps *m = t->maps;

    while (head) {
        uint32_t next = m->blocks[head].next;

        m->blocks[head].next = m->meta->free_block;
        m->meta->free_block = head;
        head = next;
    }
}

/* Moves on to the chain's next block. */
static bool
cursor_next(const struct dpx_maps *m, struct dpx_cursor *c)
{
    struct dpx_block *block;

    if (!c->block || c->block >= m->conf.n_blocks) {
        return false;
    }
    block = &m->blocks[c->block];
    c->at = block->bytes;
    c->left = sizeof block->bytes;
    c->block = __atomic_load_n(&block->next, __ATOMIC_RELAXED);
    return true;
}

/* Appends; the chain is long enough, by dpx_blocks_for(). */
void
dpx_cursor_write(struct dpx_maps *m, struct dpx_cursor *c, const void *data,
                 size_t n)
{
    const uint8_t *from = data;

    while (n && (c->left || cursor_next(m, c))) {
        size_t chunk = n < c->left ? n : c->left;

        memcpy(c->at, from, chunk);
        from += chunk;
        n -= chunk;
        c->at += chunk;
        c->left -= chunk;
    }
}

/* Copies, in words of 8 bytes, what a writer may be changing: the caller finds
 * out afterwards whether it did.  Both ends are aligned, and have room for
 * whole words. */
__attribute__((no_sanitize("thread"))) void
dpx_copy_shared(void *to_, const void *from_, size_t n)
{
    const uint64_t *from = from_;
    uint64_t *to = to_;
    size_t i;

    for (i = 0; i < (n + 7) / 8; i++) {
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    }
}

/* Copies `n` bytes to `to`, without the lock.  False: the chain is too short,
 * because it is being changed. */
__attribute__((no_sanitize("thread"))) bool
dpx_cursor_read(const struct dpx_maps *m, struct dpx_cursor c, void *to,
                size_t n)
{
    uint8_t *out = to;

    while (n) {
        size_t chunk;

        if (!c.left && !cursor_next(m, &c)) {
            return false;
        }
        chunk = n < c.left ? n : c.left;
        dpx_copy_shared(out, c.at, chunk);
        out += chunk;
        n -= chunk;
        c.left = 0;
    }
    return true;
}

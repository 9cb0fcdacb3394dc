/* SPDX-License-Identifier: Apache-2.0 */

/* A growable byte buffer with headroom, for packets, attributes and text.
 * Memory exhaustion aborts the process, as everywhere in userspace dpx. */

#ifndef DPX_BUF_H
#define DPX_BUF_H 1

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dpx_buf {
    void *base; /* malloc()ed; NULL while empty. */
    size_t allocated;
    size_t head; /* Bytes in front of the data. */
    size_t len;  /* Bytes of data. */
};

#define DPX_BUF_INIT                                                          \
    {                                                                         \
        NULL, 0, 0, 0                                                         \
    }

static inline uint8_t *
dpx_buf_data(const struct dpx_buf *b)
{
    return b->base ? (uint8_t *) b->base + b->head : NULL;
}

void dpx_buf_init(struct dpx_buf *);
void dpx_buf_free(struct dpx_buf *);  /* Its memory, not `b`. */
void dpx_buf_clear(struct dpx_buf *); /* len = 0; keeps memory. */
void dpx_buf_reserve(struct dpx_buf *, size_t headroom, size_t tailroom);

/* Append `n` bytes (copied from `data`, or zero if it is NULL); prepend. They
 * return the first of them. */
void *dpx_buf_put(struct dpx_buf *, const void *data, size_t n);
void *dpx_buf_push(struct dpx_buf *, const void *data, size_t n);

/* Text: the data stays NUL-terminated behind its end. */
void dpx_buf_printf(struct dpx_buf *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void dpx_buf_vprintf(struct dpx_buf *, const char *format, va_list);
const char *dpx_buf_str(struct dpx_buf *); /* "" if empty. */

/* Netlink attributes (struct nlattr, <linux/netlink.h>), padded to 4 bytes. */
void dpx_nla_put(struct dpx_buf *, uint16_t type, const void *, size_t n);
void dpx_nla_put_u8(struct dpx_buf *, uint16_t type, uint8_t);
void dpx_nla_put_u16(struct dpx_buf *, uint16_t type, uint16_t);
void dpx_nla_put_u32(struct dpx_buf *, uint16_t type, uint32_t);
void dpx_nla_put_u64(struct dpx_buf *, uint16_t type, uint64_t);
size_t dpx_nla_nest(struct dpx_buf *, uint16_t type); /* Returns a mark. */
void dpx_nla_end(struct dpx_buf *, size_t mark);

#ifdef __cplusplus
}
#endif

#endif /* lib/buf.h */

/* SPDX-License-Identifier: Apache-2.0 */

#include "lib/buf.h"

#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
dpx_buf_init(struct dpx_buf *b)
{
    *b = (struct dpx_buf) DPX_BUF_INIT;
}

void
dpx_buf_free(struct dpx_buf *b)
{
    free(b->base);
    dpx_buf_init(b);
}

void
dpx_buf_clear(struct dpx_buf *b)
{
    b->len = 0;
}

/* Makes room for at least `headroom` bytes in front of the data and `tailroom`
 * behind it.  What grows, grows by half at least, so that appending byte after
 * byte stays linear. */
void
dpx_buf_reserve(struct dpx_buf *b, size_t headroom, size_t tailroom)
{
    size_t tail = b->allocated - b->head - b->len;
    size_t head = b->head;
    uint8_t *base;

    if (b->head >= headroom && tail >= tailroom) {
        return;
    }
    if (head < headroom) {
        head = headroom;
    }
    if (tail < tailroom) {
        tail = tailroom + b->len / 2 + 16;
    }
    base = malloc(head + b->len + tail);
    if (!base) {
        abort();
    }
    if (b->len) {
        memcpy(base + head, dpx_buf_data(b), b->len);
    }
    free(b->base);
    b->base = base;
    b->head = head;
    b->allocated = head + b->len + tail;
}

static void
copy_or_zero(void *to, const void *from, size_t n)
{
    if (!from) {
        memset(to, 0, n);
    } else if (n) {
        memcpy(to, from, n);
    }
}

void *
dpx_buf_put(struct dpx_buf *b, const void *data, size_t n)
{
    uint8_t *tail;

    /* Never without memory, so that the result is never NULL. */
    dpx_buf_reserve(b, 0, n ? n : 1);
    tail = dpx_buf_data(b) + b->len;
    copy_or_zero(tail, data, n);
    b->len += n;
    return tail;
}

void *
dpx_buf_push(struct dpx_buf *b, const void *data, size_t n)
{
    if (b->head < n || !b->base) {
        dpx_buf_reserve(b, n + 64, 0);
    }
    b->head -= n;
    b->len += n;
    copy_or_zero(dpx_buf_data(b), data, n);
    return dpx_buf_data(b);
}

void
dpx_buf_vprintf(struct dpx_buf *b, const char *format, va_list args)
{
    va_list again;
    size_t room;
    int n;

    dpx_buf_reserve(b, 0, 64);
    room = b->allocated - b->head - b->len;
    va_copy(again, args);
    n = vsnprintf((char *) dpx_buf_data(b) + b->len, room, format, args);
    if (n >= 0 && (size_t) n >= room) {
        dpx_buf_reserve(b, 0, n + 1);
        vsnprintf((char *) dpx_buf_data(b) + b->len, n + 1, format, again);
    }
    va_end(again);
    if (n > 0) {
        b->len += n;
    }
}

void
dpx_buf_printf(struct dpx_buf *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    dpx_buf_vprintf(b, format, args);
    va_end(args);
}

const char *
dpx_buf_str(struct dpx_buf *b)
{
    dpx_buf_reserve(b, 0, 1);
    dpx_buf_data(b)[b->len] = '\0';
    return (const char *) dpx_buf_data(b);
}

void
dpx_nla_put(struct dpx_buf *b, uint16_t type, const void *data, size_t n)
{
    struct nlattr nla = { .nla_len = NLA_HDRLEN + n, .nla_type = type };

    if (n > UINT16_MAX - NLA_HDRLEN) {
        abort(); /* A bug: no attribute is so long. */
    }
    dpx_buf_put(b, &nla, sizeof nla);
    dpx_buf_put(b, data, n);
    dpx_buf_put(b, NULL, NLA_ALIGN(n) - n);
}

void
dpx_nla_put_u8(struct dpx_buf *b, uint16_t type, uint8_t value)
{
    dpx_nla_put(b, type, &value, sizeof value);
}

void
dpx_nla_put_u16(struct dpx_buf *b, uint16_t type, uint16_t value)
{
    dpx_nla_put(b, type, &value, sizeof value);
}

void
dpx_nla_put_u32(struct dpx_buf *b, uint16_t type, uint32_t value)
{
    dpx_nla_put(b, type, &value, sizeof value);
}

void
dpx_nla_put_u64(struct dpx_buf *b, uint16_t type, uint64_t value)
{
    dpx_nla_put(b, type, &value, sizeof value);
}

size_t
dpx_nla_nest(struct dpx_buf *b, uint16_t type)
{
    size_t mark = b->len;

    dpx_nla_put(b, type, NULL, 0);
    return mark;
}

/* A nest that has outgrown its length field gets the length 0, which every
 * parser refuses. */
void
dpx_nla_end(struct dpx_buf *b, size_t mark)
{
    struct nlattr nla;
    uint8_t *at = dpx_buf_data(b) + mark;
    size_t len = b->len - mark;

    memcpy(&nla, at, sizeof nla);
    nla.nla_len = len <= UINT16_MAX ? len : 0;
    memcpy(at, &nla, sizeof nla);
}

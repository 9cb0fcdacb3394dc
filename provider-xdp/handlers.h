/* SPDX-License-Identifier: Apache-2.0 */

/* The receiving side of a datapath: handlers, each with a ring buffer that the
 * kernel's planes fill, and a queue that this process fills itself. */

#ifndef DPX_HANDLERS_H
#define DPX_HANDLERS_H 1

#include <bpf/libbpf.h>

#include "provider-xdp/dp.h"

struct dpx_handler {
    pthread_mutex_t lock; /* Of all that follows. */
    struct dpx_dp *dp;
    int epoll;   /* Of ring and queue; -1: not made. */
    int ring_fd; /* -1: not receiving. */
    struct ring_buffer *ring;
    struct dpx_upcall_queue queue;
    /* Where the next record goes, during dpx_recv(); else `info` is NULL,
     * and records are thrown away. */
    struct dpx_upcall_info *info;
    struct dpx_buf *buf;
    struct dpx_buf *packet;
    bool received;
};

struct dpx_handlers {
    pthread_mutex_t lock; /* Of what follows; before handlers' locks. */
    uint32_t n;           /* Handlers there are to be. */
    uint32_t ring_id;     /* Our first ring; 0: not receiving. */
    struct dpx_handler handlers[DPX_MAX_HANDLERS];
};

/* handlers.c: makes what the handler's thread polls, unless it is there.  The
 * caller holds the handler's lock. */
int dpx_handler_epoll(struct dpx_handler *);

/* upcall.c: takes a record of the ring, as libbpf calls it. */
int dpx_handler_record(void *handler, void *data, size_t size);

/* upcall.c: throws away all that waits.  The caller holds the lock. */
void dpx_handler_purge(struct dpx_handler *);

#endif /* provider-xdp/handlers.h */

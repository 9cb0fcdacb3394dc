/* SPDX-License-Identifier: Apache-2.0 */

/* What providers on a flow table of maps/ have in common, whether the table is
 * the kernel's or lies in plain memory: requests on attribute bytes, dumps,
 * executing packets, and the form of upcalls.
 *
 * Functions return 0 or a positive errno, with a message in dpx_error_text().
 * A struct dpx_core may be shared by threads. */

#ifndef DPX_CORE_H
#define DPX_CORE_H 1

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/user.h"
#include "lib/buf.h"
#include "maps/table.h"

struct dpx_batch;

struct dpx_core {
    struct dpx_maps *maps;
    struct dpx_table *table;
    /* Where executed packets go, and what brackets a run of executions, with
     * `ops.aux` as its argument. */
    struct dpx_user_ops ops;
    void (*begin)(void *aux);
    void (*end)(void *aux);
    /* Unused memory of requests. */
    pthread_mutex_t batch_lock;
    struct dpx_batch *batches;
};

/* Opens the table of `maps`.  The caller fills in `ops`, `begin` and `end`.
 * dpx_core_close() takes what dpx_core_open() has left, and zeros. */
int dpx_core_open(struct dpx_core *, struct dpx_maps *);
void dpx_core_close(struct dpx_core *);

/* flows.c ----------------------------------------------------------------- */

enum dpx_op_kind { DPX_DO_PUT, DPX_DO_DEL, DPX_DO_GET, DPX_DO_EXECUTE };

/* A packet to execute actions on. */
struct dpx_execute {
    const void *actions;
    size_t actions_len;
    const void *key; /* Metadata of the packet, attributes. */
    size_t key_len;
    const void *packet; /* From the destination MAC; not modified. */
    size_t packet_len;
    uint16_t gso_size; /* 0: one packet. */
    bool probe;        /* Validate only. */
};

struct dpx_request {
    enum dpx_op_kind kind;
    unsigned int flags;  /* PUT: enum dpx_put_flags. */
    const uint8_t *ufid; /* 16 bytes or NULL. */
    const void *key;     /* Attributes; NULL for del, get by ufid. */
    size_t key_len;
    const void *mask; /* PUT; NULL: exact. */
    size_t mask_len;
    const void *actions; /* PUT. */
    size_t actions_len;
    bool probe;                   /* PUT: validate, and keep quiet. */
    struct dpx_flow_stats *stats; /* PUT, DEL: may be NULL. */
    struct dpx_flow_view *view;   /* GET. */
    struct dpx_flow_buf *buf;     /* GET. */
    struct dpx_execute *execute;  /* EXECUTE. */
    int error;                    /* Result. */
    const char *message;          /* With an error: malloc()ed text or NULL. */
};

/* Does `n` requests in their order, in as large batches as that allows. */
void dpx_core_operate(struct dpx_core *, struct dpx_request **, size_t n);
int dpx_core_flush(struct dpx_core *);

/* Dump: one dump, any number of threads, each with a state of its own.  What
 * next returns is valid until that state's next call. */
struct dpx_dump;
struct dpx_dump_state;
int dpx_core_dump_start(struct dpx_core *, struct dpx_dump **);
int dpx_dump_done(struct dpx_dump *);
int dpx_dump_state_open(struct dpx_dump *, struct dpx_dump_state **);
void dpx_dump_state_close(struct dpx_dump_state *);
const struct dpx_flow_view *dpx_dump_next(struct dpx_dump_state *);

/* execute.c ---------------------------------------------------------------
 *
 * Executes `ex` in two steps: prepare checks and compiles; run does it, within
 * `begin` and `end`.  `prog` is reused. */
struct dpx_program;
int dpx_execute_prepare(const struct dpx_execute *ex, struct dpx_key *,
                        struct dpx_program *prog);
void dpx_execute_run(const struct dpx_execute *ex, const struct dpx_key *,
                     const struct dpx_program *prog, struct dpx_packet *work,
                     const struct dpx_user_ops *);

#define DPX_FRAME_HEADROOM 128 /* In front of packets, for what is pushed. */

/* Makes `frame` a copy of `data`, with headroom; reuses its memory. */
static inline void
dpx_frame_copy(struct dpx_buf *frame, const void *data, size_t len)
{
    frame->head = frame->len = 0;
    if (frame->allocated < DPX_FRAME_HEADROOM + len) {
        dpx_buf_reserve(frame, DPX_FRAME_HEADROOM, len);
    }
    frame->head = DPX_FRAME_HEADROOM;
    dpx_buf_put(frame, data, len);
}

/* upcall.c ---------------------------------------------------------------- */

struct dpx_upcall_info {
    enum dpx_upcall_type type;
    uint32_t pid;
    const void *key; /* Attributes, in `buf`. */
    size_t key_len;
    const void *userdata; /* Payload, without attribute header. */
    size_t userdata_len;
    uint16_t gso_size;
    struct dpx_buf *packet; /* As given to recv; with headroom. */
};

/* Copies a record of `size` bytes, which are not to be trusted, to `info`,
 * `buf` (key and userdata) and `packet`, whose checksum is completed.  False:
 * it is no record. */
bool dpx_upcall_read(const struct dpx_upcall *, size_t size,
                     struct dpx_upcall_info *, struct dpx_buf *buf,
                     struct dpx_buf *packet);

/* An upcall that this process sends to itself: a record as a ring would hold
 * it. */
struct dpx_queued {
    struct dpx_queued *next;
    size_t size;
    struct dpx_upcall record; /* Then the userdata, then the packet. */
};

/* Upcalls in order.  The owner excludes threads from one another. */
struct dpx_upcall_queue {
    struct dpx_queued *first, *last;
    size_t bytes; /* Of the records. */
    int event;    /* An eventfd: `first` is not NULL; or -1. */
};

/* What a record takes of a queue's bytes. */
size_t dpx_upcall_size(size_t userdata_len, const struct dpx_packet *);

/* Appends a record; the arguments are those of dpx_user_ops.upcall.  `charged`
 * is for the owner.  False: no memory. */
bool dpx_upcall_put(struct dpx_upcall_queue *, enum dpx_upcall_type,
                    uint32_t pid, const struct dpx_key *, const void *userdata,
                    size_t userdata_len, const struct dpx_packet *,
                    uint32_t charged);

/* Takes the first record out; the caller frees it.  NULL: there is none. */
struct dpx_queued *dpx_upcall_get(struct dpx_upcall_queue *);

/* Appends all that is in `from` to `to`. */
void
dpx_upcall_move(struct dpx_upcall_queue *from, struct dpx_upcall_queue *to);

/* Gives back what an upcall of `port` was charged on its backlog.  The one who
 * took the rings over may have forgiven it already. */
void dpx_upcall_give_back(struct dpx_maps *, uint32_t port, uint32_t charged);

/* What a USERSPACE action names for its upcalls to go to the handler, of `n`,
 * that packets of `port` with `hash` belong to; 0 without handlers. */
uint32_t dpx_upcall_pid(uint32_t n, uint32_t port, uint32_t hash);

#endif /* provider-core/core.h */

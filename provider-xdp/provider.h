/* SPDX-License-Identifier: Apache-2.0 */

/* The xdp provider: a datapath in the kernel, for any front end.
 *
 * Speaks netlink-attribute bytes (OVS_*_ATTR_*) and errno, and knows no
 * library's types.  dpif/ and ovs/ each adapt it with one class table.
 *
 * Functions return 0 or a positive errno, with a message in dpx_error_text().
 * A struct dpx_dp may be shared by threads unless a function says otherwise;
 * several processes may have the same datapath open. */

#ifndef DPX_PROVIDER_H
#define DPX_PROVIDER_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "loader/loader.h"
#include "maps/table.h"
#include "provider-core/core.h"

struct dpx_dp;

/* datapath.c -------------------------------------------------------------- */

/* Opens datapath `name`, which may have been made by anybody.  ENODEV.
 * `create`: makes it first; EEXIST if present. */
int dpx_dp_open(const char *name, bool create, const struct dpx_create_opts *,
                struct dpx_dp **);
void dpx_dp_close(struct dpx_dp *);  /* Leaves it running. */
int dpx_dp_destroy(struct dpx_dp *); /* Still to be closed. */
const char *dpx_dp_name(const struct dpx_dp *);
struct dpx_maps *dpx_dp_maps(struct dpx_dp *); /* For the tools. */
struct dpx_table *dpx_dp_table(struct dpx_dp *);
struct dpx_core *dpx_dp_core(struct dpx_dp *);

struct dpx_dp_stats {
    uint64_t n_hit;
    uint64_t n_missed;
    uint64_t n_lost;
    uint64_t n_mask_hit;
    uint64_t n_cache_hit;
    uint64_t n_flows;
    uint32_t n_masks;
};
int dpx_dp_get_stats(struct dpx_dp *, struct dpx_dp_stats *);

/* ports.c ----------------------------------------------------------------- */

struct dpx_port_info {
    uint32_t port;
    char name[DPX_NAME_LEN];
    const char *type; /* "system" or "internal". */
};

int dpx_port_add(struct dpx_dp *, const char *name,
                 const struct dpx_attach_opts *, uint32_t *portp);
int dpx_port_del(struct dpx_dp *, uint32_t port); /* ENOENT */
int dpx_port_query(struct dpx_dp *, uint32_t port,
                   struct dpx_port_info *); /* ENOENT */
int dpx_port_query_name(struct dpx_dp *, const char *name,
                        struct dpx_port_info *); /* ENODEV */
/* The first port numbered `*next` or higher; then advances `*next`.  EOF at
 * the end. */
int dpx_port_next(struct dpx_dp *, uint32_t *next, struct dpx_port_info *);
/* One change since the last call: writes the port's name.  EAGAIN: none;
 * ENOBUFS: too many to tell; ENODEV, once a second: the datapath has been
 * deleted.  One poller per dpx_dp. */
int dpx_port_poll(struct dpx_dp *, char name[DPX_NAME_LEN]);
int dpx_port_poll_fd(struct dpx_dp *);
/* What USERSPACE names to have upcalls of `port` and `hash` received by the
 * handler they belong to. */
uint32_t dpx_port_get_pid(struct dpx_dp *, uint32_t port, uint32_t hash);

/* flows.c ----------------------------------------------------------------- */

/* struct dpx_request and struct dpx_execute are provider-core/core.h's, as are
 * dumps once they have been started. */

/* Does `n` requests in their order, in as large batches as that allows. */
void dpx_operate(struct dpx_dp *, struct dpx_request **, size_t n);
int dpx_flow_flush(struct dpx_dp *);

int dpx_dump_start(struct dpx_dp *, struct dpx_dump **);

/* upcall.c ---------------------------------------------------------------- */

/* Receiving on or off, and by how many handlers (1 to 64).  Turning it on
 * takes the rings over from whoever received before. */
int dpx_recv_set(struct dpx_dp *, bool enable);
int dpx_handlers_set(struct dpx_dp *, uint32_t n);

/* The next upcall of `handler`, whose thread alone calls this.  Fills `buf`
 * (key and userdata) and `packet`.  EAGAIN. */
int dpx_recv(struct dpx_dp *, uint32_t handler, struct dpx_upcall_info *,
             struct dpx_buf *buf, struct dpx_buf *packet);
int dpx_recv_fd(struct dpx_dp *, uint32_t handler); /* To poll. */
void dpx_recv_purge(struct dpx_dp *);

struct dpx_ring_info {
    uint32_t size;
    uint32_t backlog; /* Bytes not yet received. */
};
int dpx_ring_query(struct dpx_dp *, uint32_t handler, struct dpx_ring_info *);

#endif /* provider-xdp/provider.h */

/* SPDX-License-Identifier: Apache-2.0 */

/* The dpif library: datapaths, whatever provides them.
 *
 * A client opens a datapath by type and name, adds ports, installs flows,
 * executes packets and receives upcalls, and never knows which provider does
 * the work.  Keys, masks and actions are netlink attributes, OVS_KEY_ATTR_*
 * and OVS_ACTION_ATTR_* of <linux/openvswitch.h>.
 *
 * Functions that return an int return 0 or a positive errno unless they say
 * otherwise, and leave a text with more detail in dpx_error_text()
 * (lib/error.h).  Any function may be called from any thread, and threads may
 * share a struct dpif; what must not be shared says so.  A `type` that is NULL
 * or "" means "system". */

#ifndef DPIF_H
#define DPIF_H 1

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

struct dpif;
struct dpif_class;

/* Port numbers. */
#define DPIF_PORT_LOCAL 0u
#define DPIF_PORT_NONE 0xffffffffu /* OVS's ODPP_NONE. */

/* A set of names. */
struct dpif_set {
    char **names; /* Sorted. */
    size_t n;
};

#define DPIF_SET_INIT                                                         \
    {                                                                         \
        NULL, 0                                                               \
    }
void dpif_set_add(struct dpif_set *, const char *name);
bool dpif_set_contains(const struct dpif_set *, const char *name);
void dpif_set_clear(struct dpif_set *); /* Frees what it holds. */

/* Classes --------------------------------------------------------------- */

int dp_register_provider(const struct dpif_class *);
int dp_unregister_provider(const char *type);
void dp_blacklist_provider(const char *type);
void dp_enumerate_types(struct dpif_set *types);
int dp_enumerate_names(const char *type, struct dpif_set *names);
void dp_parse_name(const char *datapath_name, char **name, char **type);
const char *dpif_normalize_type(const char *type);
const char *dpif_port_open_type(const char *dp_type, const char *port_type);

/* Datapaths ------------------------------------------------------------- */

int dpif_open(const char *name, const char *type, struct dpif **);
int dpif_create(const char *name, const char *type, struct dpif **);
int dpif_create_and_open(const char *name, const char *type, struct dpif **);
void dpif_close(struct dpif *);
int dpif_delete(struct dpif *);
void dpif_run(struct dpif *);
void dpif_wait(struct dpif *);
const char *dpif_name(const struct dpif *);
const char *dpif_base_name(const struct dpif *);
const char *dpif_type(const struct dpif *);

struct dpif_dp_stats {
    uint64_t n_hit;      /* Packets that matched a flow. */
    uint64_t n_missed;   /* Packets that matched none. */
    uint64_t n_lost;     /* Misses that did not reach userspace. */
    uint64_t n_flows;    /* Flows present. */
    uint64_t n_mask_hit; /* Masks looked at for all packets. */
    uint32_t n_masks;    /* Masks present. */
};
int dpif_get_dp_stats(const struct dpif *, struct dpif_dp_stats *);

/* Ports ------------------------------------------------------------------- */

/* A network device to become a port. */
struct dpif_netdev {
    const char *name; /* E.g. "eth0". */
    const char *type; /* E.g. "system", "internal", "dummy". */
    const char *mode; /* Type "xdp": "auto", "xdp", "tc" or NULL. */
};

struct dpif_port {
    char *name;
    char *type;
    uint32_t port_no;
};

int
dpif_port_add(struct dpif *, const struct dpif_netdev *, uint32_t *port_nop);
int dpif_port_del(struct dpif *, uint32_t port_no);
bool dpif_port_exists(const struct dpif *, const char *devname);
int dpif_port_query_by_number(const struct dpif *, uint32_t port_no,
                              struct dpif_port *);
int dpif_port_query_by_name(const struct dpif *, const char *devname,
                            struct dpif_port *);
int dpif_port_get_name(struct dpif *, uint32_t port_no, char *name,
                       size_t name_size);
uint32_t
dpif_port_get_pid(const struct dpif *, uint32_t port_no, uint32_t hash);
void dpif_port_clone(struct dpif_port *, const struct dpif_port *);
void dpif_port_destroy(struct dpif_port *);

struct dpif_port_dump {
    const struct dpif *dpif;
    int error;
    void *state;
};
void dpif_port_dump_start(struct dpif_port_dump *, const struct dpif *);
bool dpif_port_dump_next(struct dpif_port_dump *, struct dpif_port *);
int dpif_port_dump_done(struct dpif_port_dump *);

/* Goes through the ports of DPIF.  Leaving the loop early takes a
 * dpif_port_dump_done(). */
#define DPIF_PORT_FOR_EACH(PORT, DUMP, DPIF)                                  \
    for (dpif_port_dump_start(DUMP, DPIF);                                    \
         (dpif_port_dump_next(DUMP, PORT)                                     \
              ? true                                                          \
              : (dpif_port_dump_done(DUMP), false));)

int dpif_port_poll(const struct dpif *, char **devnamep);
void dpif_port_poll_wait(const struct dpif *);

/* Flows ------------------------------------------------------------------- */

struct dpif_flow_stats {
    uint64_t n_packets;
    uint64_t n_bytes;
    long long int used; /* ms of CLOCK_MONOTONIC; 0: never. */
    uint16_t tcp_flags; /* Host order. */
};

enum dpif_flow_put_flags {
    DPIF_FP_CREATE = 1 << 0,
    DPIF_FP_MODIFY = 1 << 1,
    DPIF_FP_ZERO_STATS = 1 << 2,
};

int dpif_flow_flush(struct dpif *);
int dpif_flow_put(struct dpif *, unsigned int flags, const struct nlattr *key,
                  size_t key_len, const struct nlattr *mask, size_t mask_len,
                  const struct nlattr *actions, size_t actions_len,
                  struct dpif_flow_stats *);
int
dpif_flow_get(const struct dpif *, const struct nlattr *key, size_t key_len,
              struct dpx_buf **actions, struct dpif_flow_stats *);
int dpif_flow_del(struct dpif *, const struct nlattr *key, size_t key_len,
                  struct dpif_flow_stats *);

struct dpif_flow_dump {
    const struct dpif *dpif;
    int error;
    void *iter;
};
int dpif_flow_dump_start(struct dpif_flow_dump *, const struct dpif *);
int dpif_flow_dump_state_init(const struct dpif_flow_dump *, void **statep);
bool dpif_flow_dump_next(struct dpif_flow_dump *, void *state,
                         const struct nlattr **key, size_t *key_len,
                         const struct nlattr **mask, size_t *mask_len,
                         const struct nlattr **actions, size_t *actions_len,
                         const struct dpif_flow_stats **);
bool
dpif_flow_dump_next_may_destroy_keys(struct dpif_flow_dump *, void *state);
void dpif_flow_dump_state_uninit(const struct dpif_flow_dump *, void *state);
int dpif_flow_dump_done(struct dpif_flow_dump *);

/* The share of one packet, whose key attributes are `key`, in the statistics
 * of a flow; `used` as in struct dpif_flow_stats. */
void dpif_flow_stats_extract(const struct nlattr *key, size_t key_len,
                             const struct dpx_buf *packet, long long int used,
                             struct dpif_flow_stats *);
/* Appends "packets:10, bytes:980, used:0.120s, flags:SP." */
void dpif_flow_stats_format(const struct dpif_flow_stats *, struct dpx_buf *);

/* Packets ------------------------------------------------------------------*/

struct dpif_execute {
    const struct nlattr *actions;
    size_t actions_len;
    const struct nlattr *key; /* Metadata: in_port, skb_priority, ... */
    size_t key_len;
    struct dpx_buf *packet; /* From the destination MAC; may be modified.
                                 * */
    uint16_t gso_size;      /* 0: one packet; else as in the upcall. */
    bool needs_help;        /* Do all that is possible in userspace. */
    bool probe;             /* Validate only. */
};
int dpif_execute(struct dpif *, struct dpif_execute *);

enum dpif_op_type {
    DPIF_OP_FLOW_PUT = 1,
    DPIF_OP_FLOW_DEL,
    DPIF_OP_EXECUTE,
};

struct dpif_flow_put_op {
    unsigned int flags; /* enum dpif_flow_put_flags. */
    const struct nlattr *key;
    size_t key_len;
    const struct nlattr *mask;
    size_t mask_len;
    const struct nlattr *actions;
    size_t actions_len;
    struct dpif_flow_stats *stats; /* May be NULL. */
};

struct dpif_flow_del_op {
    const struct nlattr *key;
    size_t key_len;
    struct dpif_flow_stats *stats; /* May be NULL. */
};

struct dpif_op {
    enum dpif_op_type type;
    int error;     /* Result. */
    char *message; /* The library's own. */
    union {
        struct dpif_flow_put_op flow_put;
        struct dpif_flow_del_op flow_del;
        struct dpif_execute execute;
    } u;
};
void dpif_operate(struct dpif *, struct dpif_op **ops, size_t n_ops);

enum dpif_upcall_type { DPIF_UC_MISS, DPIF_UC_ACTION, DPIF_N_UC_TYPES };
const char *dpif_upcall_type_to_string(enum dpif_upcall_type);

struct dpif_upcall {
    enum dpif_upcall_type type;
    struct dpx_buf packet;    /* The caller's, to be freed. */
    const struct nlattr *key; /* In recv's `buf`, as is userdata. */
    size_t key_len;
    const struct nlattr *userdata; /* The attribute, or NULL. */
    uint16_t gso_size;             /* 0: one packet. */
};

int dpif_recv_set(struct dpif *, bool enable);
int dpif_handlers_set(struct dpif *, uint32_t n_handlers);
int dpif_recv(struct dpif *, uint32_t handler, struct dpif_upcall *,
              struct dpx_buf *buf);
void dpif_recv_wait(struct dpif *, uint32_t handler);
void dpif_recv_purge(struct dpif *);

/* Others ------------------------------------------------------------------ */

void dpif_get_netflow_ids(const struct dpif *, uint8_t *engine_type,
                          uint8_t *engine_id);
int dpif_queue_to_priority(const struct dpif *, uint32_t queue_id,
                           uint32_t *priority);

/* Events since the start of the process, over all datapaths. */
enum dpif_event {
    DPIF_EV_DESTROY,
    DPIF_EV_PORT_ADD,
    DPIF_EV_PORT_DEL,
    DPIF_EV_FLOW_FLUSH,
    DPIF_EV_FLOW_GET,
    DPIF_EV_FLOW_PUT,
    DPIF_EV_FLOW_DEL,
    DPIF_EV_EXECUTE,
    DPIF_EV_EXECUTE_WITH_HELP,
    DPIF_EV_PURGE,
    DPIF_N_EVENTS
};
uint64_t dpif_event_count(enum dpif_event);

#ifdef __cplusplus
}
#endif

#endif /* dpif/dpif.h */

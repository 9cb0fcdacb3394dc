/* SPDX-License-Identifier: Apache-2.0 */

/* What a provider of datapaths implements: one struct dpif_class, and a struct
 * of its own for each open datapath that begins with a struct dpif.
 *
 * For all members: an int result is 0 or a positive errno, with more detail in
 * dpx_error_text(); anything may be called from several threads at once, on
 * one datapath too, unless it says otherwise; pointers that come in belong to
 * the caller.  The library has checked and completed what it can: outputs are
 * never NULL unless said so, and are zeroed by the library on error. */

#ifndef DPIF_PROVIDER_H
#define DPIF_PROVIDER_H 1

#include "dpif/dpif.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The base of an open datapath.  All members belong to the library. */
struct dpif {
    const struct dpif_class *dpif_class;
    void *registration;
    char *base_name;
    char *full_name;            /* "type@base". */
    uint8_t netflow_engine_type;
    uint8_t netflow_engine_id;
};

/* Called by a class's `open` on what it makes.  Copies the name. */
void dpif_init(struct dpif *, const struct dpif_class *, const char *name);

struct dpif_class {
    /* E.g. "xdp".  Static. */
    const char *type;

    /* Adds the names of the datapaths that exist to `names`, which is empty.
     * Optional. */
    int (*enumerate)(struct dpif_set *names);

    /* The type of netdev to open for a port of `port_type`: static memory.
     * Optional: the port type itself. */
    const char *(*port_open_type)(const char *port_type);

    /* Opens `name`, and makes it first if `create`.  ENODEV if absent; EEXIST
     * if present and `create`. */
    int (*open)(const char *name, bool create, struct dpif **);

    /* Frees the handle.  The datapath lives on if it can.  No other thread
     * uses the handle any more. */
    void (*close)(struct dpif *);

    /* Deletes the datapath with its ports; the handle is closed later. */
    int (*destroy)(struct dpif *);

    /* Periodic work, and arming the poll loop for it.  Optional. */
    void (*run)(struct dpif *);
    void (*wait)(struct dpif *);

    int (*get_stats)(const struct dpif *, struct dpif_dp_stats *);

    /* Adds `netdev` as port `*port_no`, or with a number of the provider's
     * choice (not 0) if that is DPIF_PORT_NONE; writes the number.  EBUSY: the
     * number is taken. */
    int (*port_add)(struct dpif *, const struct dpif_netdev *netdev,
                    uint32_t *port_no);

    /* ENOENT if there is none. */
    int (*port_del)(struct dpif *, uint32_t port_no);

    /* `port` may be NULL: does it exist?  Its strings are malloc()ed for the
     * caller.  ENOENT or ENODEV if there is none. */
    int (*port_query_by_number)(const struct dpif *, uint32_t port_no,
                                struct dpif_port *port);
    int (*port_query_by_name)(const struct dpif *, const char *devname,
                              struct dpif_port *port);

    /* Optional: 0. */
    uint32_t (*port_get_pid)(const struct dpif *, uint32_t port_no,
                             uint32_t hash);

    /* A dump of the ports, by one thread.  `next` returns EOF at the end, and
     * `port`'s strings are the dump's until its next call. */
    int (*port_dump_start)(const struct dpif *, void **state);
    int (*port_dump_next)(const struct dpif *, void *state,
                          struct dpif_port *port);
    int (*port_dump_done)(const struct dpif *, void *state);

    /* EAGAIN: nothing changed; 0 and a malloc()ed name: that port changed;
     * ENOBUFS: any may have.  One thread at a time. */
    int (*port_poll)(const struct dpif *, char **devname);
    void (*port_poll_wait)(const struct dpif *);

    int (*flow_flush)(struct dpif *);
    int (*flow_put)(struct dpif *, const struct dpif_flow_put_op *);
    int (*flow_get)(const struct dpif *, const struct nlattr *key,
                    size_t key_len, struct dpx_buf *actions,
                    struct dpif_flow_stats *);
    int (*flow_del)(struct dpif *, const struct dpif_flow_del_op *);

    /* A dump of the flows: `start` makes an iterator, which threads share,
     * each with a state of its own.  `next` fills what is not NULL, from
     * memory that is the state's until its next call or `state_uninit`; EOF at
     * the end.  `next_may_destroy_keys` is optional: true. */
    int (*flow_dump_start)(const struct dpif *, void **iter);
    int (*flow_dump_state_init)(const struct dpif *, void *iter,
                                void **state);
    int (*flow_dump_next)(const struct dpif *, void *iter, void *state,
                          const struct nlattr **key, size_t *key_len,
                          const struct nlattr **mask, size_t *mask_len,
                          const struct nlattr **actions, size_t *actions_len,
                          const struct dpif_flow_stats **);
    bool (*flow_dump_next_may_destroy_keys)(void *state);
    void (*flow_dump_state_uninit)(const struct dpif *, void *state);
    int (*flow_dump_done)(const struct dpif *, void *iter);

    /* Executes all but what the library does in its stead: `needs_help` is
     * never set here, and there is at least one action.  The packet and its
     * metadata may be modified. */
    int (*execute)(struct dpif *, struct dpif_execute *);

    /* Runs operations in their order, and sets the error of each, and with an
     * error `message` to a malloc()ed text or leaves it NULL; the library
     * frees it.  Optional: the library calls flow_put, flow_del and execute,
     * which are optional in turn where there is this. */
    void (*operate)(struct dpif *, struct dpif_op **, size_t n_ops);

    /* Receiving.  `recv` never blocks: EAGAIN.  One thread per handler.
     * Optional together: a class without them has no upcalls. */
    int (*recv_set)(struct dpif *, bool enable);
    int (*handlers_set)(struct dpif *, uint32_t n_handlers);
    int (*recv)(struct dpif *, uint32_t handler, struct dpif_upcall *,
                struct dpx_buf *);
    void (*recv_wait)(struct dpif *, uint32_t handler);
    void (*recv_purge)(struct dpif *);

    /* Optional: EOPNOTSUPP. */
    int (*queue_to_priority)(const struct dpif *, uint32_t queue_id,
                             uint32_t *priority);
};

/* The base classes. */
extern const struct dpif_class dpif_xdp_class;
extern const struct dpif_class dpif_netdev_class;

#ifdef __cplusplus
}
#endif

#endif /* dpif/dpif-provider.h */

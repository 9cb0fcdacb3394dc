/* SPDX-License-Identifier: Apache-2.0 */

/* What a provider of datapaths implements: one struct dpif_class, and a struct
 * of its own for each open datapath that begins with a struct dpif.  It is
 * registered with dp_register_provider(); docs/examples/provider.c is one.
 *
 * What holds for all members, unless one says otherwise:
 *
 *   - It must be there.  What may be NULL says "optional", and what the
 *     library does instead.
 *   - An int result is 0 or a positive errno; the provider may leave a text
 *     with it by dpx_error() (lib/error.h).
 *   - It may be called from several threads at once, on one handle too.
 *   - Pointers that come in belong to the caller and are good for the time of
 *     the call.  Outputs are never NULL unless said so; the library zeroes
 *     them on error, so that what a failing provider wrote there is forgotten
 *     (and must not have to be freed).
 *   - The library logs, and counts events: the provider need not. */

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
    char *full_name; /* "type@base". */
    uint8_t netflow_engine_type;
    uint8_t netflow_engine_id;
};

/* Called by a class's `open` on what it makes.  Copies the name. */
void dpif_init(struct dpif *, const struct dpif_class *, const char *name);

struct dpif_class {
    /* E.g. "xdp".  Static. */
    const char *type;

    /* Adds the names of the datapaths that exist to `names`, which is empty,
     * by dpif_set_add().  Optional: none. */
    int (*enumerate)(struct dpif_set *names);

    /* The type of netdev to open for a port of `port_type`: static memory.
     * Optional: the port type itself. */
    const char *(*port_open_type)(const char *port_type);

    /* Opens `name`, and makes it first, with its local port, if `create`.
     * ENODEV if absent; EEXIST if present and `create`; EINVAL if the name
     * cannot be one.  The handle is malloc()ed, its struct dpif filled in by
     * dpif_init(); `close` frees it. */
    int (*open)(const char *name, bool create, struct dpif **);

    /* Frees the handle, but not what dpif_init() put into it.  The datapath
     * lives on if it can; upcalls that this handle received stop.  No other
     * thread uses the handle any more. */
    void (*close)(struct dpif *);

    /* Deletes the datapath with its ports; the handle is closed later, and
     * the name may be another datapath's by then. */
    int (*destroy)(struct dpif *);

    /* Periodic work, and arming the calling thread's poll loop (lib/poll.h)
     * for it.  Optional: nothing. */
    void (*run)(struct dpif *);
    void (*wait)(struct dpif *);

    /* Fills in all of it. */
    int (*get_stats)(const struct dpif *, struct dpif_dp_stats *);

    /* Adds `netdev` as port `*port_no`, or with a number of the provider's
     * choice (not 0) if that is DPIF_PORT_NONE; writes the number.  EBUSY: the
     * number is taken; EEXIST: the device is a port already; ENODEV: there is
     * no such device; EAFNOSUPPORT: not a type of port that it has. */
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

    /* What a USERSPACE action is to name for upcalls of `port_no` with `hash`
     * to go to one handler, always the same; DPIF_PORT_NONE asks for a
     * reserved one.  0: nobody receives.  Optional: 0. */
    uint32_t (*port_get_pid)(const struct dpif *, uint32_t port_no,
                             uint32_t hash);

    /* A dump of the ports, by one thread.  `next` returns EOF at the end, and
     * `port`'s strings are the dump's until its next call.  `done` is called
     * once for each `start` that succeeded, also after an error or early.
     * Ports that are there throughout are seen once. */
    int (*port_dump_start)(const struct dpif *, void **state);
    int (*port_dump_next)(const struct dpif *, void *state,
                          struct dpif_port *port);
    int (*port_dump_done)(const struct dpif *, void *state);

    /* Changes of ports since the handle was opened, whoever made them.
     * EAGAIN: nothing (more) changed; 0 and a malloc()ed name: that port did;
     * ENOBUFS: any may have.  One thread at a time. */
    int (*port_poll)(const struct dpif *, char **devname);
    void (*port_poll_wait)(const struct dpif *);

    /* Deletes all flows. */
    int (*flow_flush)(struct dpif *);

    /* As dpif_flow_put(), dpif_flow_get() and dpif_flow_del() say (dpif.h,
     * dpif(3)).  `stats` in the operations may be NULL.  `flow_get` appends to
     * `actions`, an empty buffer that is the library's.  put and del are
     * optional where there is `operate`. */
    int (*flow_put)(struct dpif *, const struct dpif_flow_put_op *);
    int (*flow_get)(const struct dpif *, const struct nlattr *key,
                    size_t key_len, struct dpx_buf *actions,
                    struct dpif_flow_stats *);
    int (*flow_del)(struct dpif *, const struct dpif_flow_del_op *);

    /* A dump of the flows: `start` makes an iterator, which threads share,
     * each with a state of its own, which one thread uses at a time.  `next`
     * fills in what it returns, memory that stays as it is until that state's
     * next call or `done`, whichever is first, though `state_uninit` may come
     * before; EOF at the end, again and again.  Each flow present throughout
     * is seen at least once.  `done` comes after all states have ended, and
     * returns an error of the dump as a whole.  `next_may_destroy_keys`: may
     * the next call change the key that the last one returned?  Optional:
     * true. */
    int (*flow_dump_start)(const struct dpif *, void **iter);
    int (*flow_dump_state_init)(const struct dpif *, void *iter, void **state);
    int (*flow_dump_next)(const struct dpif *, void *iter, void *state,
                          const struct nlattr **key, size_t *key_len,
                          const struct nlattr **mask, size_t *mask_len,
                          const struct nlattr **actions, size_t *actions_len,
                          const struct dpif_flow_stats **);
    bool (*flow_dump_next_may_destroy_keys)(void *state);
    void (*flow_dump_state_uninit)(const struct dpif *, void *state);
    int (*flow_dump_done)(const struct dpif *, void *iter);

    /* Executes all but what the library does in its stead: `needs_help` is
     * never set here, and there is at least one action.  The packet may be
     * modified.  With `probe`, checks and does nothing.  Optional where there
     * is `operate`. */
    int (*execute)(struct dpif *, struct dpif_execute *);

    /* Runs operations in their order, and sets the error of each, and with an
     * error `message` to a malloc()ed text or leaves it NULL; the library
     * frees it.  Optional: the library calls flow_put, flow_del and execute,
     * which are optional in turn where there is this. */
    void (*operate)(struct dpif *, struct dpif_op **, size_t n_ops);

    /* Receiving.  `handlers_set` may come while receiving is on; no thread is
     * in `recv` or `recv_wait` meanwhile.  `recv` never blocks: EAGAIN, also
     * while it is off and for a handler that there is not.  It is called by
     * one thread per handler, with a zeroed upcall, and on success fills in
     * all of it: the packet, with headroom, is then the caller's; key and
     * userdata lie in the buffer.  Optional together: a class without them has
     * no upcalls. */
    int (*recv_set)(struct dpif *, bool enable);
    int (*handlers_set)(struct dpif *, uint32_t n_handlers);
    int (*recv)(struct dpif *, uint32_t handler, struct dpif_upcall *,
                struct dpx_buf *);
    void (*recv_wait)(struct dpif *, uint32_t handler);
    void (*recv_purge)(struct dpif *);

    /* The skb priority of queue `queue_id`.  Optional: EOPNOTSUPP. */
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

/* SPDX-License-Identifier: Apache-2.0 */

/* The class "netdev": the datapath of bpf/ on plane `user`, in this process.
 *
 * A datapath is shared by all handles of the process and lives until it is
 * deleted.  A packet is processed by whoever brings it: the datapath's thread
 * those of devices, dpif_dummy_receive()'s caller those of ports in memory.
 * Each takes a row of the counters meanwhile, and holds `lock` for reading, so
 * that ports stay.  The flow table needs no lock for that. */

#ifndef DPIF_NETDEV_H
#define DPIF_NETDEV_H 1

#include <pthread.h>
#include <stdatomic.h>

#include "dpif/dpif-provider.h"
#include "provider-core/core.h"

enum { NETDEV_ROWS = 8, NETDEV_NOTICES = 64 };

enum netdev_kind { NETDEV_MEMORY, NETDEV_SYSTEM, NETDEV_TAP };

struct netdev_frame {
    struct netdev_frame *next;
    size_t len;
    uint8_t data[];
};

struct netdev_port {
    uint32_t number;
    enum netdev_kind kind;
    const char *type; /* Static. */
    char name[DPX_NAME_LEN];
    /* Devices. */
    int fd; /* Packet socket, or tap; -1. */
    unsigned int ifindex;
    unsigned int flags; /* IFF_*, as last seen. */
    /* In memory: what was sent. */
    pthread_mutex_t lock;
    struct netdev_frame *first, *last;
    size_t n_frames;
};

struct netdev_handler {
    pthread_mutex_t lock;
    struct dpx_upcall_queue queue;
};

struct netdev_dp {
    /* Under netdev.c's mutex. */
    struct netdev_dp *next;
    unsigned int refs; /* Handles. */
    _Atomic bool deleted;
    /* Constant. */
    char name[DPX_NAME_LEN];
    struct dpx_maps *maps;
    struct dpx_core core;
    /* Of their own. */
    _Atomic uint64_t n_lost;
    pthread_mutex_t rows[NETDEV_ROWS];
    struct netdev_handler handlers[DPX_MAX_HANDLERS];
    pthread_rwlock_t lock; /* Of all that follows. */
    struct netdev_port *ports[DPX_MAX_PORTS];
    struct dpif_netdev_dp *handles;
    const struct dpif_netdev_dp *receiver; /* NULL: nobody receives. */
    uint32_t n_handlers;                   /* The receiver's. */
    /* netdev-device.c: the thread, if there ever was a device. */
    bool threaded;
    pthread_t thread;
    int epoll, stop, watch;
};

/* A handle. */
struct dpif_netdev_dp {
    struct dpif up;
    struct netdev_dp *dp;
    struct dpif_netdev_dp *next; /* In dp->handles. */
    uint32_t n_handlers;
    /* Changes of ports, not told yet. */
    pthread_mutex_t lock;
    char notices[NETDEV_NOTICES][DPX_NAME_LEN];
    unsigned int n_notices;
    bool overflow;
    int event; /* An eventfd: there are some. */
};

static inline struct dpif_netdev_dp *
netdev_handle(const struct dpif *dpif)
{
    return (struct dpif_netdev_dp *) dpif;
}

static inline struct netdev_dp *
netdev_dp(const struct dpif *dpif)
{
    return netdev_handle(dpif)->dp;
}

/* netdev-ports.c.  The first two are called with the lock for writing. */
int netdev_ports_open(struct netdev_dp *); /* Makes the local port. */
void netdev_port_remove(struct netdev_dp *, struct netdev_port *);
void netdev_notify(struct netdev_dp *, const char *name);
int netdev_port_add(struct dpif *, const struct dpif_netdev *, uint32_t *);
int netdev_port_del(struct dpif *, uint32_t port_no);
int netdev_port_query_by_number(const struct dpif *, uint32_t port_no,
                                struct dpif_port *);
int netdev_port_query_by_name(const struct dpif *, const char *,
                              struct dpif_port *);
int netdev_port_dump_start(const struct dpif *, void **);
int netdev_port_dump_next(const struct dpif *, void *, struct dpif_port *);
int netdev_port_dump_done(const struct dpif *, void *);
int netdev_port_poll(const struct dpif *, char **devname);
void netdev_port_poll_wait(const struct dpif *);

/* netdev-device.c.  With the lock for writing, but for netdev_device_send(),
 * for which it is held for reading, and netdev_devices_close(), without. */
int netdev_device_open(struct netdev_dp *, struct netdev_port *);
void netdev_device_close(struct netdev_port *);
void netdev_devices_close(struct netdev_dp *);
int netdev_device_send(struct netdev_port *, const uint8_t *frame, size_t len,
                       uint16_t gso_size);

/* netdev-packet.c.  The lock is held for reading. */
void netdev_packets_open(struct netdev_dp *);
void netdev_packet_receive(struct netdev_dp *, struct dpx_packet *);

/* netdev-upcall.c */
void netdev_upcalls_open(struct netdev_dp *);
void netdev_upcalls_close(struct netdev_dp *);
void netdev_upcall(void *dp, enum dpx_upcall_type, uint32_t pid,
                   const struct dpx_key *, const void *userdata,
                   size_t userdata_len, const struct dpx_packet *);
uint32_t
netdev_port_get_pid(const struct dpif *, uint32_t port_no, uint32_t hash);
int netdev_recv_set(struct dpif *, bool enable);
int netdev_handlers_set(struct dpif *, uint32_t n_handlers);
int netdev_recv(struct dpif *, uint32_t handler, struct dpif_upcall *,
                struct dpx_buf *);
void netdev_recv_wait(struct dpif *, uint32_t handler);
void netdev_recv_purge(struct dpif *);

#endif /* dpif/netdev.h */

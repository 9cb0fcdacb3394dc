/* SPDX-License-Identifier: Apache-2.0 */

/* Loads, pins, attaches, detaches and upgrades the datapath's programs.
 *
 * All state is in the kernel: pins under DPX_PIN_ROOT/DP/, links, devices.  No
 * function needs a process to stay.  Each either does all it says or leaves
 * things as they were.  Functions return 0 or a positive errno, with a message
 * in dpx_error_text(); several processes may call them at once (the
 * datapath's lock serializes them). */

#ifndef DPX_LOADER_H
#define DPX_LOADER_H 1

#include <stdbool.h>
#include <stdint.h>

#include "maps/layout.h"
#include "maps/maps.h"

/* EPERM (not root), ENOSYS (no bpffs), with the remedy.  For programs to call
 * first: without either, every datapath seems absent. */
int dpx_machine_check(void);

struct dpx_create_opts {
    uint32_t n_flows; /* 0: 262144. */
    uint32_t n_masks; /* 0: 1024. */
    bool no_local;    /* No local port. */
};

/* Makes datapath `name`: loads the programs, pins maps and programs, and
 * makes its local port unless told not to.  `opts` may be NULL.
 * EEXIST, EINVAL (name, sizes), EPERM (not root), ENOSYS (no bpffs, or a
 * kernel without what is needed, which the message names). */
int dpx_load(const char *name, const struct dpx_create_opts *opts);

/* Detaches every port, deletes internal ports' devices, removes the pins.
 * Works on a broken or foreign-layout datapath too, as far as it goes.
 * ENODEV. */
int dpx_unload(const char *name);

/* Replaces the programs of `name`, and of its ports, with this build's, each
 * atomically.  EPROTO if its layout is another. */
int dpx_reload(const char *name);

struct dpx_attach_opts {
    uint32_t port; /* DPX_PORT_NONE: lowest free one from 1. */
    enum dpx_port_mode mode;
    bool internal; /* Make the device: a veth pair. */
    /* Called for each warning (what loses some packets).  May be NULL, must
     * not call the loader. */
    void (*warn)(const char *text, void *aux);
    void *aux;
};

/* Attaches device `ifname` of this network namespace as a port, and writes
 * the port's number to `*portp`.  ENODEV (no such device), EEXIST (already a
 * port of this datapath), EBUSY (number taken; device in another datapath,
 * with a master, with a foreign XDP program), EINVAL, EFBIG (number too
 * large), EMSGSIZE (MTU), ENOTSUP (mode not possible on this device). */
int dpx_attach(struct dpx_maps *, const char *ifname,
               const struct dpx_attach_opts *, uint32_t *portp);

/* Takes the port off, restores the device; deletes it if internal.  Also when
 * the device is gone or in another namespace.  ENODEV: no such port. */
int dpx_detach(struct dpx_maps *, uint32_t port);

/* Brings ports' records up to date with the devices (name, up, MTU, can
 * receive XDP frames) and detaches those whose device has gone or moved to
 * another namespace.  Calls `changed` with the number and name of each port
 * that changed or went (the name from before); it must not call the loader.
 * Callable at any time by any process. */
int dpx_ports_sync(struct dpx_maps *,
                   void (*changed)(uint32_t port, const char *name, void *aux),
                   void *aux);

/* Calls `cb` for each port whose device has dropped packets since the attach
 * that the drops of dpx_maps_drops() do not contain: what TC redirected, or
 * somebody else sent, and the device did not transmit. */
int dpx_ports_lost(struct dpx_maps *,
                   void (*cb)(uint32_t port, uint64_t packets, void *aux),
                   void *aux);

/* The port whose device bears `name`, or DPX_PORT_NONE. */
uint32_t dpx_port_by_name(const struct dpx_maps *, const char *name);

/* Why `port` is not in XDP: a sentence, or NULL if it is.  Static memory, or
 * the thread's own until the next call. */
const char *dpx_port_why_not_xdp(const struct dpx_maps *, uint32_t port);

/* Watch for changes of devices (rtnetlink).  Readable fd to poll; then
 * dpx_watch_read() drains it: 0 if ports are to be synced, EAGAIN if nothing
 * of interest happened, ENOBUFS if messages were lost. */
int dpx_watch_open(int *fdp);
int dpx_watch_read(int fd);

#endif /* loader/loader.h */

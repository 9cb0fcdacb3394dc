/* SPDX-License-Identifier: Apache-2.0 */

/* Ports of a datapath. */

#include "dpif/dpif-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"

/* Adds `netdev` as port `*port_nop`, or with any free number if that or
 * `port_nop` is NULL or DPIF_PORT_NONE; writes the number, DPIF_PORT_NONE on
 * failure.  EBUSY: the number is taken. */
int
dpif_port_add(struct dpif *dpif, const struct dpif_netdev *netdev,
              uint32_t *port_nop)
{
    uint32_t port_no = port_nop ? *port_nop : DPIF_PORT_NONE;
    int error;

    dpif_count(DPIF_EV_PORT_ADD);
    error = dpif->dpif_class->port_add(dpif, netdev, &port_no);
    if (error) {
        port_no = DPIF_PORT_NONE;
        dpif_log_warning(dpif, "failed to add %s as port: %s", netdev->name,
                         dpx_error_text(error));
    } else {
        dpif_log_debug(dpif, "added %s as port %" PRIu32, netdev->name,
                       port_no);
    }
    if (port_nop) {
        *port_nop = port_no;
    }
    return error;
}

int
dpif_port_del(struct dpif *dpif, uint32_t port_no)
{
    int error;

    dpif_count(DPIF_EV_PORT_DEL);
    error = dpif->dpif_class->port_del(dpif, port_no);
    if (error) {
        dpif_log_result(dpif, "port_del", error);
    } else {
        dpif_log_debug(dpif, "port_del(%" PRIu32 ")", port_no);
    }
    return error;
}

static bool
is_absent(int error)
{
    return error == ENOENT || error == ENODEV;
}

bool
dpif_port_exists(const struct dpif *dpif, const char *devname)
{
    int error = dpif->dpif_class->port_query_by_name(dpif, devname, NULL);

    if (error && !is_absent(error)) {
        dpif_log_warning(dpif, "failed to query port %s: %s", devname,
                         dpx_error_text(error));
    }
    return !error;
}

/* Logs a query of port `devname`, or of `port_no` if that is NULL.  That there
 * is no such port is no failure. */
static void
log_query(const struct dpif *dpif, const char *devname, uint32_t port_no,
          const struct dpif_port *port, int error)
{
    enum dpx_log_level level;
    char number[16];

    if (!dpif_log_wanted(is_absent(error) ? 0 : error, &level)) {
        return;
    }
    snprintf(number, sizeof number, "%" PRIu32, port_no);
    devname = devname ? devname : number;
    if (error) {
        dpx_log_write(level, "%s: failed to query port %s: %s",
                      dpif->full_name, devname, dpx_error_text(error));
    } else {
        dpx_log_write(level, "%s: port %s is %s, number %" PRIu32,
                      dpif->full_name, devname, port->name, port->port_no);
    }
}

/* The port, for the caller to dpif_port_destroy(); zeroed on error. */
int
dpif_port_query_by_number(const struct dpif *dpif, uint32_t port_no,
                          struct dpif_port *port)
{
    int error = dpif->dpif_class->port_query_by_number(dpif, port_no, port);

    if (error) {
        memset(port, 0, sizeof *port);
    }
    log_query(dpif, NULL, port_no, port, error);
    return error;
}

int
dpif_port_query_by_name(const struct dpif *dpif, const char *devname,
                        struct dpif_port *port)
{
    int error = dpif->dpif_class->port_query_by_name(dpif, devname, port);

    if (error) {
        memset(port, 0, sizeof *port);
    }
    log_query(dpif, devname, DPIF_PORT_NONE, port, error);
    return error;
}

/* The port's name, cut to `name_size` bytes with the NUL; "" on failure. */
int
dpif_port_get_name(struct dpif *dpif, uint32_t port_no, char *name,
                   size_t name_size)
{
    struct dpif_port port;
    int error = dpif_port_query_by_number(dpif, port_no, &port);

    if (name_size) {
        snprintf(name, name_size, "%s", error ? "" : port.name);
    }
    dpif_port_destroy(&port);
    return error;
}

/* What a USERSPACE action names for its upcalls to be received: for packets of
 * `port_no` (DPIF_PORT_NONE: a reserved one) and `hash`. */
uint32_t
dpif_port_get_pid(const struct dpif *dpif, uint32_t port_no, uint32_t hash)
{
    return dpif->dpif_class->port_get_pid
               ? dpif->dpif_class->port_get_pid(dpif, port_no, hash)
               : 0;
}

static char *
copy(const char *s)
{
    char *c = s ? strdup(s) : NULL;

    if (s && !c) {
        abort();
    }
    return c;
}

void
dpif_port_clone(struct dpif_port *dst, const struct dpif_port *src)
{
    dst->name = copy(src->name);
    dst->type = copy(src->type);
    dst->port_no = src->port_no;
}

/* Frees what `port` holds. */
void
dpif_port_destroy(struct dpif_port *port)
{
    free(port->name);
    free(port->type);
    port->name = port->type = NULL;
}

/* A dump of all ports, by one thread.  What next() returns is the dump's. */
void
dpif_port_dump_start(struct dpif_port_dump *dump, const struct dpif *dpif)
{
    dump->dpif = dpif;
    dump->state = NULL;
    dump->error = dpif->dpif_class->port_dump_start(dpif, &dump->state);
    dpif_log_result(dpif, "port_dump_start", dump->error);
}

bool
dpif_port_dump_next(struct dpif_port_dump *dump, struct dpif_port *port)
{
    const struct dpif *dpif = dump->dpif;

    if (dump->error) {
        return false;
    }
    dump->error = dpif->dpif_class->port_dump_next(dpif, dump->state, port);
    if (dump->error == EOF) {
        dpif_log_debug(dpif, "dumped all ports");
    } else {
        dpif_log_result(dpif, "port_dump_next", dump->error);
    }
    if (dump->error) {
        dpif->dpif_class->port_dump_done(dpif, dump->state);
        return false;
    }
    return true;
}

/* Returns the error of the whole dump. */
int
dpif_port_dump_done(struct dpif_port_dump *dump)
{
    if (!dump->error) {
        dump->error = dump->dpif->dpif_class->port_dump_done(dump->dpif,
                                                             dump->state);
        dpif_log_result(dump->dpif, "port_dump_done", dump->error);
        return dump->error;
    }
    return dump->error == EOF ? 0 : dump->error;
}

/* EAGAIN: no port changed.  0: the one named `*devnamep`, for the caller to
 * free, did.  ENOBUFS: any may have. */
int
dpif_port_poll(const struct dpif *dpif, char **devnamep)
{
    int error = dpif->dpif_class->port_poll(dpif, devnamep);

    if (error) {
        *devnamep = NULL;
    }
    if (!error) {
        dpif_log_debug(dpif, "port %s changed", *devnamep);
    } else if (error == ENOBUFS) {
        dpif_log_debug(dpif, "any port may have changed");
    } else if (error != EAGAIN) {
        dpif_log_result(dpif, "port_poll", error);
    }
    return error;
}

void
dpif_port_poll_wait(const struct dpif *dpif)
{
    dpif->dpif_class->port_poll_wait(dpif);
}

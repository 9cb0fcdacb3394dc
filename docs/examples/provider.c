/* SPDX-License-Identifier: Apache-2.0 */

/* A provider of datapaths outside the tree, written against the installed
 * headers: type "null", whose datapaths have ports and flows and never see a
 * packet.
 *
 *     cc provider.c $(pkg-config --cflags --libs libdpif)
 *
 * dpif/dpif-provider.h says what each member of a class owes. */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpif/dpif-provider.h"
#include "lib/error.h"

enum { MAX_PORTS = 16, MAX_FLOWS = 16 };

struct null_flow {
    void *key; /* NULL: none. */
    size_t key_len;
    void *actions;
    size_t actions_len;
};

/* There is one datapath at most. */
static struct {
    pthread_mutex_t lock;
    char *name;             /* NULL: it does not exist. */
    char *ports[MAX_PORTS]; /* Names. */
    struct null_flow flows[MAX_FLOWS];
} dp = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
lock(void)
{
    pthread_mutex_lock(&dp.lock);
}

static int
unlock(int error)
{
    pthread_mutex_unlock(&dp.lock);
    return error;
}

static int
null_enumerate(struct dpif_set *names)
{
    lock();
    if (dp.name) {
        dpif_set_add(names, dp.name);
    }
    return unlock(0);
}

extern const struct dpif_class null_class;

static int
null_open(const char *name, bool create, struct dpif **dpifp)
{
    lock();
    if (create) {
        if (dp.name) {
            return unlock(dpx_error(EEXIST, "there is one already"));
        }
        dp.name = strdup(name);
        dp.ports[0] = strdup(name);
    } else if (!dp.name || strcmp(dp.name, name)) {
        return unlock(dpx_error(ENODEV, "there is no null@%s", name));
    }
    *dpifp = calloc(1, sizeof **dpifp);
    dpif_init(*dpifp, &null_class, name);
    return unlock(0);
}

static void
null_close(struct dpif *dpif)
{
    free(dpif);
}

static int
clear(void)
{
    for (size_t i = 0; i < MAX_FLOWS; i++) {
        free(dp.flows[i].key);
        free(dp.flows[i].actions);
        memset(&dp.flows[i], 0, sizeof dp.flows[i]);
    }
    return 0;
}

static int
null_destroy(struct dpif *dpif)
{
    (void) dpif;
    lock();
    for (size_t i = 0; i < MAX_PORTS; i++) {
        free(dp.ports[i]);
        dp.ports[i] = NULL;
    }
    free(dp.name);
    dp.name = NULL;
    return unlock(clear());
}

static int
null_get_stats(const struct dpif *dpif, struct dpif_dp_stats *stats)
{
    (void) dpif;
    memset(stats, 0, sizeof *stats);
    lock();
    for (size_t i = 0; i < MAX_FLOWS; i++) {
        stats->n_flows += dp.flows[i].key != NULL;
    }
    return unlock(0);
}

/* Ports ------------------------------------------------------------------- */

static int
null_port_add(struct dpif *dpif, const struct dpif_netdev *netdev,
              uint32_t *port_no)
{
    uint32_t i = *port_no;

    (void) dpif;
    lock();
    if (i == DPIF_PORT_NONE) {
        for (i = 1; i < MAX_PORTS && dp.ports[i]; i++) {
            continue;
        }
    }
    if (i >= MAX_PORTS) {
        return unlock(dpx_error(EFBIG, "port %u: there are %d", i, MAX_PORTS));
    } else if (dp.ports[i]) {
        return unlock(dpx_error(EBUSY, "port %u is %s", i, dp.ports[i]));
    }
    dp.ports[i] = strdup(netdev->name);
    *port_no = i;
    return unlock(0);
}

static int
null_port_del(struct dpif *dpif, uint32_t port_no)
{
    (void) dpif;
    lock();
    if (port_no >= MAX_PORTS || !dp.ports[port_no]) {
        return unlock(ENOENT);
    }
    free(dp.ports[port_no]);
    dp.ports[port_no] = NULL;
    return unlock(0);
}

static int
query(uint32_t i, struct dpif_port *port)
{
    if (i >= MAX_PORTS || !dp.ports[i]) {
        return ENOENT;
    }
    if (port) {
        port->name = strdup(dp.ports[i]);
        port->type = strdup("null");
        port->port_no = i;
    }
    return 0;
}

static int
null_port_query_by_number(const struct dpif *dpif, uint32_t port_no,
                          struct dpif_port *port)
{
    (void) dpif;
    lock();
    return unlock(query(port_no, port));
}

static int
null_port_query_by_name(const struct dpif *dpif, const char *name,
                        struct dpif_port *port)
{
    uint32_t i = 0;

    (void) dpif;
    lock();
    while (i < MAX_PORTS && (!dp.ports[i] || strcmp(dp.ports[i], name))) {
        i++;
    }
    return unlock(query(i, port));
}

struct port_dump {
    uint32_t next;
    struct dpif_port port;
};

static int
null_port_dump_start(const struct dpif *dpif, void **state)
{
    (void) dpif;
    *state = calloc(1, sizeof(struct port_dump));
    return *state ? 0 : ENOMEM;
}

static int
null_port_dump_next(const struct dpif *dpif, void *dump_,
                    struct dpif_port *port)
{
    struct port_dump *dump = dump_;

    dpif_port_destroy(&dump->port);
    while (dump->next < MAX_PORTS) {
        if (!null_port_query_by_number(dpif, dump->next++, &dump->port)) {
            *port = dump->port;
            return 0;
        }
    }
    return EOF;
}

static int
null_port_dump_done(const struct dpif *dpif, void *dump_)
{
    struct port_dump *dump = dump_;

    (void) dpif;
    dpif_port_destroy(&dump->port);
    free(dump);
    return 0;
}

static int
null_port_poll(const struct dpif *dpif, char **devname)
{
    (void) dpif;
    (void) devname;
    return EAGAIN;
}

static void
null_port_poll_wait(const struct dpif *dpif)
{
    (void) dpif;
}

/* Flows ------------------------------------------------------------------- */

/* The flow with this key; without, a free place.  NULL: none. */
static struct null_flow *
find(const void *key, size_t len)
{
    for (size_t i = 0; i < MAX_FLOWS; i++) {
        struct null_flow *f = &dp.flows[i];

        if (key ? f->key && f->key_len == len && !memcmp(f->key, key, len)
                : !f->key) {
            return f;
        }
    }
    return NULL;
}

static void *
copy(const void *data, size_t len)
{
    void *p = malloc(len + 1);

    return len && p ? memcpy(p, data, len) : p;
}

static int
null_flow_flush(struct dpif *dpif)
{
    (void) dpif;
    lock();
    return unlock(clear());
}

static int
null_flow_put(struct dpif *dpif, const struct dpif_flow_put_op *put)
{
    struct null_flow *f;

    (void) dpif;
    lock();
    f = find(put->key, put->key_len);
    if (f && !(put->flags & DPIF_FP_MODIFY)) {
        return unlock(EEXIST);
    } else if (!f) {
        f = put->flags & DPIF_FP_CREATE ? find(NULL, 0) : NULL;
        if (!f) {
            return unlock(put->flags & DPIF_FP_CREATE ? ENOSPC : ENOENT);
        }
        f->key = copy(put->key, put->key_len);
        f->key_len = put->key_len;
    }
    free(f->actions);
    f->actions = copy(put->actions, put->actions_len);
    f->actions_len = put->actions_len;
    if (put->stats) {
        memset(put->stats, 0, sizeof *put->stats);
    }
    return unlock(0);
}

static int
null_flow_get(const struct dpif *dpif, const struct nlattr *key,
              size_t key_len, struct dpx_buf *actions,
              struct dpif_flow_stats *stats)
{
    struct null_flow *f;

    (void) dpif;
    memset(stats, 0, sizeof *stats);
    lock();
    f = find(key, key_len);
    if (f) {
        dpx_buf_put(actions, f->actions, f->actions_len);
    }
    return unlock(f ? 0 : ENOENT);
}

static int
null_flow_del(struct dpif *dpif, const struct dpif_flow_del_op *del)
{
    struct null_flow *f;

    (void) dpif;
    lock();
    f = find(del->key, del->key_len);
    if (!f) {
        return unlock(ENOENT);
    }
    free(f->key);
    free(f->actions);
    memset(f, 0, sizeof *f);
    if (del->stats) {
        memset(del->stats, 0, sizeof *del->stats);
    }
    return unlock(0);
}

/* A dump that finds nothing: what a provider without flows may do. */
static int
null_flow_dump_start(const struct dpif *dpif, void **iter)
{
    (void) dpif;
    (void) iter;
    return 0;
}

static int
null_flow_dump_state_init(const struct dpif *dpif, void *iter, void **state)
{
    (void) dpif;
    (void) iter;
    (void) state;
    return 0;
}

static int
null_flow_dump_next(const struct dpif *dpif, void *iter, void *state,
                    const struct nlattr **key, size_t *key_len,
                    const struct nlattr **mask, size_t *mask_len,
                    const struct nlattr **actions, size_t *actions_len,
                    const struct dpif_flow_stats **stats)
{
    (void) dpif, (void) iter, (void) state, (void) key, (void) key_len;
    (void) mask, (void) mask_len, (void) actions, (void) actions_len;
    (void) stats;
    return EOF;
}

static void
null_flow_dump_state_uninit(const struct dpif *dpif, void *state)
{
    (void) dpif;
    (void) state;
}

static int
null_flow_dump_done(const struct dpif *dpif, void *iter)
{
    (void) dpif;
    (void) iter;
    return 0;
}

static int
null_execute(struct dpif *dpif, struct dpif_execute *execute)
{
    (void) dpif;
    (void) execute;
    return 0;
}

const struct dpif_class null_class = {
    .type = "null",
    .enumerate = null_enumerate,
    .open = null_open,
    .close = null_close,
    .destroy = null_destroy,
    .get_stats = null_get_stats,
    .port_add = null_port_add,
    .port_del = null_port_del,
    .port_query_by_number = null_port_query_by_number,
    .port_query_by_name = null_port_query_by_name,
    .port_dump_start = null_port_dump_start,
    .port_dump_next = null_port_dump_next,
    .port_dump_done = null_port_dump_done,
    .port_poll = null_port_poll,
    .port_poll_wait = null_port_poll_wait,
    .flow_flush = null_flow_flush,
    .flow_put = null_flow_put,
    .flow_get = null_flow_get,
    .flow_del = null_flow_del,
    .flow_dump_start = null_flow_dump_start,
    .flow_dump_state_init = null_flow_dump_state_init,
    .flow_dump_next = null_flow_dump_next,
    .flow_dump_state_uninit = null_flow_dump_state_uninit,
    .flow_dump_done = null_flow_dump_done,
    .execute = null_execute,
};

int
main(void)
{
    struct dpif_set types = DPIF_SET_INIT;
    struct dpif_port_dump dump;
    struct dpif_port port;
    struct dpif *dpif;
    int error;

    error = dp_register_provider(&null_class);
    if (!error) {
        error = dpif_create("dp0", "null", &dpif);
    }
    if (!error) {
        struct dpif_netdev netdev = { "anything", NULL, NULL };

        error = dpif_port_add(dpif, &netdev, NULL);
    }
    if (error) {
        fprintf(stderr, "provider: %s\n", dpx_error_text(error));
        return 1;
    }
    dp_enumerate_types(&types);
    for (size_t i = 0; i < types.n; i++) {
        printf("type %s\n", types.names[i]);
    }
    dpif_set_clear(&types);
    DPIF_PORT_FOR_EACH(&port, &dump, dpif)
    {
        printf("%s: port %u: %s\n", dpif_name(dpif), port.port_no, port.name);
    }
    dpif_delete(dpif);
    dpif_close(dpif);
    return dp_unregister_provider("null") != 0;
}

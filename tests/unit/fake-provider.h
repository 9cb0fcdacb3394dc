/* SPDX-License-Identifier: Apache-2.0 */

/* A provider that does what the test says and writes down what it was asked:
 * only the members that a test needs are there. */

#ifndef FAKE_PROVIDER_H
#define FAKE_PROVIDER_H 1

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dpif/dpif-provider.h"
#include "lib/error.h"

static int fake_error;        /* What the next operations return. */
static char fake_calls[4096]; /* What was called, in order. */

static const struct dpif_class fake_class;

static inline void
fake_note(const char *call)
{
    strncat(fake_calls, call, sizeof fake_calls - strlen(fake_calls) - 1);
    strncat(fake_calls, " ", sizeof fake_calls - strlen(fake_calls) - 1);
}

static int
fake_open(const char *name, bool create, struct dpif **dpifp)
{
    (void) create;
    if (fake_error) {
        return dpx_error(fake_error, "fake says no");
    }
    *dpifp = calloc(1, sizeof **dpifp);
    dpif_init(*dpifp, &fake_class, name);
    return 0;
}

static void
fake_close(struct dpif *dpif)
{
    free(dpif);
}

static int
fake_destroy(struct dpif *dpif)
{
    (void) dpif;
    return fake_error;
}

static int
fake_get_stats(const struct dpif *dpif, struct dpif_dp_stats *stats)
{
    (void) dpif;
    memset(stats, 0xff, sizeof *stats);
    return fake_error;
}

static int
fake_port_add(struct dpif *dpif, const struct dpif_netdev *netdev,
              uint32_t *port_no)
{
    (void) dpif;
    (void) netdev;
    *port_no = 7;
    return fake_error;
}

static int
fake_port_query_by_number(const struct dpif *dpif, uint32_t port_no,
                          struct dpif_port *port)
{
    (void) dpif;
    if (fake_error) {
        memset(port, 0xff, sizeof *port);
        return fake_error;
    }
    *port = (struct dpif_port){ strdup("fakeport"), strdup("fake"), port_no };
    return 0;
}

static int
fake_port_query_by_name(const struct dpif *dpif, const char *name,
                        struct dpif_port *port)
{
    (void) dpif;
    (void) name;
    (void) port;
    return fake_error;
}

static int
fake_port_dump_start(const struct dpif *dpif, void **state)
{
    (void) dpif;
    *state = NULL;
    return 0;
}

static int
fake_port_dump_next(const struct dpif *dpif, void *state,
                    struct dpif_port *port)
{
    (void) dpif;
    (void) state;
    (void) port;
    return fake_error ? fake_error : EOF;
}

static int
fake_port_dump_done(const struct dpif *dpif, void *state)
{
    (void) dpif;
    (void) state;
    fake_note("done");
    return 0;
}

static int
fake_flow_get(const struct dpif *dpif, const struct nlattr *key,
              size_t key_len, struct dpx_buf *actions,
              struct dpif_flow_stats *stats)
{
    (void) dpif, (void) key, (void) key_len;
    dpx_nla_put_u32(actions, 1, 5);
    memset(stats, 0xff, sizeof *stats);
    return fake_error;
}

static int
fake_dump_start(const struct dpif *dpif, void **iter)
{
    (void) dpif;
    *iter = &fake_error;
    return 0;
}

static int
fake_dump_state_init(const struct dpif *dpif, void *iter, void **state)
{
    (void) dpif;
    (void) iter;
    *state = &fake_error;
    return 0;
}

static int
fake_dump_next(const struct dpif *dpif, void *iter, void *state,
               const struct nlattr **key, size_t *key_len,
               const struct nlattr **mask, size_t *mask_len,
               const struct nlattr **actions, size_t *actions_len,
               const struct dpif_flow_stats **stats)
{
    (void) dpif, (void) iter, (void) state, (void) mask, (void) mask_len;
    (void) actions, (void) actions_len, (void) stats;
    /* A provider that fails may have written already. */
    *key = (const void *) 1;
    *key_len = 1;
    return fake_error ? fake_error : EOF;
}

static void
fake_dump_state_uninit(const struct dpif *dpif, void *state)
{
    (void) dpif;
    (void) state;
}

static int
fake_dump_done(const struct dpif *dpif, void *iter)
{
    (void) dpif;
    (void) iter;
    fake_note("done");
    return 0;
}

/* Notes "(put,del,execute)" for a run of three; each fails with its own text
 * if fake_error is set. */
static void
fake_operate(struct dpif *dpif, struct dpif_op **ops, size_t n)
{
    static const char *names[] = { "?", "put", "del", "execute" };

    (void) dpif;
    fake_note("(");
    for (size_t i = 0; i < n; i++) {
        fake_note(names[ops[i]->type]);
        ops[i]->error = fake_error;
        if (fake_error && asprintf(&ops[i]->message, "failure %zu", i) < 0) {
            abort();
        }
    }
    fake_note(")");
}

static int
fake_recv(struct dpif *dpif, uint32_t handler, struct dpif_upcall *upcall,
          struct dpx_buf *buf)
{
    (void) dpif;
    (void) handler;
    (void) buf;
    dpx_buf_put(&upcall->packet, "abc", 3);
    return fake_error;
}

static const struct dpif_class fake_class = {
    .type = "fake",
    .open = fake_open,
    .close = fake_close,
    .destroy = fake_destroy,
    .get_stats = fake_get_stats,
    .port_add = fake_port_add,
    .port_query_by_number = fake_port_query_by_number,
    .port_query_by_name = fake_port_query_by_name,
    .port_dump_start = fake_port_dump_start,
    .port_dump_next = fake_port_dump_next,
    .port_dump_done = fake_port_dump_done,
    .flow_get = fake_flow_get,
    .flow_dump_start = fake_dump_start,
    .flow_dump_state_init = fake_dump_state_init,
    .flow_dump_next = fake_dump_next,
    .flow_dump_state_uninit = fake_dump_state_uninit,
    .flow_dump_done = fake_dump_done,
    .operate = fake_operate,
    .recv = fake_recv,
};

#endif /* tests/unit/fake-provider.h */

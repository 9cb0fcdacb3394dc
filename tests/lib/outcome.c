/* SPDX-License-Identifier: Apache-2.0 */

/* What packets led to: noting and comparing. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/plane.h"

static const char *const drop_names[] = DPX_DROP_NAMES;

char why[512];

enum result
because(enum result result, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return result;
}

/* Sorted by port, in order within a port. */
void
outcome_output(struct outcome *o, uint32_t port, const void *data, size_t len)
{
    size_t i = o->n_outputs;

    if (port < 1 || port > SMALL_PORT || i == MAX_PACKETS) {
        return;
    }
    for (; i && o->outputs[i - 1].port > port; i--) {
        o->outputs[i] = o->outputs[i - 1];
    }
    o->outputs[i].port = port;
    dpx_buf_init(&o->outputs[i].packet);
    dpx_buf_put(&o->outputs[i].packet, data, len);
    o->n_outputs++;
}

void
outcome_upcall(struct outcome *o, enum dpx_upcall_type type, uint32_t pid,
               const struct dpx_key *key, const void *userdata,
               size_t userdata_len, const void *packet, size_t len)
{
    size_t i = o->n_upcalls;

    if (i == MAX_PACKETS) {
        return;
    }
    o->upcalls[i].type = type;
    o->upcalls[i].pid = pid;
    o->upcalls[i].key = *key;
    dpx_buf_init(&o->upcalls[i].userdata);
    dpx_buf_init(&o->upcalls[i].packet);
    dpx_buf_put(&o->upcalls[i].userdata, userdata, userdata_len);
    dpx_buf_put(&o->upcalls[i].packet, packet, len);
    o->n_upcalls++;
}

void
outcome_drop(struct outcome *o, uint32_t port, enum dpx_drop_reason reason,
             uint64_t packets)
{
    if (o->n_drops < MAX_DROPS) {
        o->drops[o->n_drops].port = port;
        o->drops[o->n_drops].reason = reason;
        o->drops[o->n_drops++].packets = packets;
    }
}

void
outcome_forgive(struct outcome *o, enum dpx_drop_reason reason)
{
    for (size_t i = 0; i < o->n_drops; i++) {
        if (o->drops[i].reason == reason) {
            o->drops[i--] = o->drops[--o->n_drops];
        }
    }
}

void
outcome_free(struct outcome *o)
{
    while (o->n_outputs) {
        dpx_buf_free(&o->outputs[--o->n_outputs].packet);
    }
    while (o->n_upcalls) {
        dpx_buf_free(&o->upcalls[--o->n_upcalls].userdata);
        dpx_buf_free(&o->upcalls[o->n_upcalls].packet);
    }
    o->n_drops = 0;
}

static bool
equal(const struct dpx_buf *a, const struct dpx_buf *b)
{
    return a->len == b->len
           && (!a->len || !memcmp(dpx_buf_data(a), dpx_buf_data(b), a->len));
}

/* The first byte that differs, for messages. */
static size_t
differ_at(const struct dpx_buf *a, const struct dpx_buf *b)
{
    size_t i = 0;

    while (i < a->len && i < b->len
           && dpx_buf_data(a)[i] == dpx_buf_data(b)[i]) {
        i++;
    }
    return i;
}

static enum result
compare_outputs(const struct outcome *got, const struct outcome *want)
{
    for (size_t i = 0; i < got->n_outputs || i < want->n_outputs; i++) {
        const struct dpx_buf *g = &got->outputs[i].packet;
        const struct dpx_buf *w = &want->outputs[i].packet;

        if (i == got->n_outputs || i == want->n_outputs
            || got->outputs[i].port != want->outputs[i].port) {
            return because(FAIL,
                           "%zu outputs, expected %zu; number %zu is to "
                           "another port",
                           got->n_outputs, want->n_outputs, i);
        }
        if (!equal(g, w)) {
            return because(FAIL,
                           "output %zu, to %u: %zu bytes, expected %zu; "
                           "byte %zu differs",
                           i, got->outputs[i].port, g->len, w->len,
                           differ_at(g, w));
        }
    }
    return PASS;
}

/* Packets and userdata are compared where they are expected. */
static enum result
compare_upcalls(const struct outcome *got, const struct outcome *want)
{
    if (got->n_upcalls != want->n_upcalls) {
        return because(FAIL, "%zu upcalls, expected %zu", got->n_upcalls,
                       want->n_upcalls);
    }
    for (size_t i = 0; i < want->n_upcalls; i++) {
        const struct dpx_buf *packet = &want->upcalls[i].packet;
        const struct dpx_buf *userdata = &want->upcalls[i].userdata;

        if (got->upcalls[i].type != want->upcalls[i].type) {
            return because(FAIL, "upcall %zu: other type", i);
        }
        if (memcmp(&got->upcalls[i].key, &want->upcalls[i].key,
                   sizeof(struct dpx_key))) {
            return because(FAIL, "upcall %zu: other key", i);
        }
        if (want->upcalls[i].pid
            && got->upcalls[i].pid != want->upcalls[i].pid) {
            return because(FAIL, "upcall %zu: pid %u", i, got->upcalls[i].pid);
        }
        if (packet->len && !equal(packet, &got->upcalls[i].packet)) {
            return because(FAIL, "upcall %zu: byte %zu of the packet differs",
                           i, differ_at(packet, &got->upcalls[i].packet));
        }
        if (userdata->len && !equal(userdata, &got->upcalls[i].userdata)) {
            return because(FAIL, "upcall %zu: other userdata", i);
        }
    }
    return PASS;
}

static uint64_t
drops(const struct outcome *o, uint32_t port, enum dpx_drop_reason reason)
{
    uint64_t n = 0;

    for (size_t i = 0; i < o->n_drops; i++) {
        if (o->drops[i].port == port && o->drops[i].reason == reason) {
            n += o->drops[i].packets;
        }
    }
    return n;
}

static enum result
compare_drops(const struct outcome *got, const struct outcome *want,
              const struct outcome *of)
{
    for (size_t i = 0; i < of->n_drops; i++) {
        uint32_t port = of->drops[i].port;
        enum dpx_drop_reason reason = of->drops[i].reason;

        if (drops(got, port, reason) != drops(want, port, reason)) {
            return because(FAIL,
                           "%llu dropped at port %u for %s, expected "
                           "%llu",
                           (unsigned long long) drops(got, port, reason), port,
                           drop_names[reason],
                           (unsigned long long) drops(want, port, reason));
        }
    }
    return PASS;
}

enum result
compare_outcome(const struct outcome *got, const struct outcome *want,
                bool has_drops)
{
    enum result result = compare_outputs(got, want);

    if (result == PASS) {
        result = compare_upcalls(got, want);
    }
    if (result == PASS && has_drops) {
        result = compare_drops(got, want, got);
    }
    if (result == PASS && has_drops) {
        result = compare_drops(got, want, want);
    }
    return result;
}

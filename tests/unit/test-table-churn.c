/* SPDX-License-Identifier: Apache-2.0 */

/* Packets go through the packet path, compiled natively, while flows are
 * modified, deleted and made again.  Every packet must follow one action list
 * of its own flow, whole; and a flow that is only ever modified never misses.
 * There are hardly more slots than flows, so slots are reused all the time.
 */

#include "tests/unit/table-fixture.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <time.h>

#include "bpf/user.h"

#define N_FLOWS 48
#define N_STEADY 12 /* Flows that are never deleted. */
#define N_READERS 2
#define ETH_TYPE 0x88b5
#define MSEC 1500

/* Version v of flow n outputs LENGTH(v) times to port n * 1000 + v. */
#define VERSIONS 1000
#define LENGTH(V) ((V) % 53)

struct reader {
    pthread_t thread;
    struct fixture *f;
    uint32_t cpu;
    uint32_t flow;
    /* Of the packet under way. */
    uint32_t port;
    uint32_t n;
    bool mixed;
    bool missed;
    /* Results. */
    uint64_t packets;
    uint64_t misses;
    const char *failure;
};

static _Atomic bool stop;

static void
output(void *reader_, uint32_t port, const struct dpx_packet *packet)
{
    struct reader *r = reader_;

    (void) packet;
    r->mixed |= r->n && port != r->port;
    r->port = port;
    r->n++;
}

static void
upcall(void *reader_, enum dpx_upcall_type type, uint32_t pid,
       const struct dpx_key *key, const void *userdata, size_t userdata_len,
       const struct dpx_packet *packet)
{
    struct reader *r = reader_;

    (void) type;
    (void) pid;
    (void) key;
    (void) userdata;
    (void) userdata_len;
    (void) packet;
    r->missed = true;
}

static void
judge(struct reader *r)
{
    if (r->missed) {
        r->misses++;
        if (r->flow < N_STEADY) {
            r->failure = "a flow that was there missed";
        }
    } else if (r->mixed) {
        r->failure = "two action lists at once";
    } else if (r->n && r->port / VERSIONS != r->flow) {
        r->failure = "actions of another flow";
    } else if (r->n && r->n != LENGTH(r->port % VERSIONS)) {
        r->failure = "half an action list";
    }
}

static void *
read_packets(void *reader_)
{
    struct reader *r = reader_;
    const struct dpx_user_ops ops = { .output = output,
                                      .upcall = upcall,
                                      .aux = r };
    struct dpx_packet packet = { .frame = DPX_BUF_INIT };
    uint8_t frame[60] = {
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, ETH_TYPE >> 8, ETH_TYPE & 0xff
    };

    dpx_buf_put(&packet.frame, frame, sizeof frame);
    while (!stop && !r->failure) {
        r->flow = (r->flow + 1) % N_FLOWS;
        r->port = r->n = 0;
        r->mixed = r->missed = false;
        packet.in_port = r->flow + 1;
        dpx_user_receive(r->f->maps, r->cpu, &packet, &ops);
        judge(r);
        r->packets++;
    }
    dpx_buf_free(&packet.frame);
    return NULL;
}

static void
version_make(struct flow *a, uint32_t n, uint32_t m, uint32_t version)
{
    uint32_t tag = n * VERSIONS + version;

    flow_make(a, n, 0, tag);
    flow_actions(a, tag, LENGTH(version));
    a->key.eth_type = htons(ETH_TYPE);
    a->key.ipv4.src = 0;
    a->mask.ipv4.dst = m + 1;
    a->flow.body_flags = 0;
}

static uint64_t
now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * UINT64_C(1000) + ts.tv_nsec / 1000000;
}

/* One change by a writer; puts what now is into `masks`, 0 being no flow. */
static int
change(struct fixture *f, unsigned int *seed, uint32_t *masks)
{
    uint32_t n = rand_r(seed) % N_FLOWS;
    uint32_t version = 1 + rand_r(seed) % (VERSIONS - 1);
    static struct dpx_flow_stats stats;
    struct flow a;
    int ret;

    if (masks[n] && (n < N_STEADY || rand_r(seed) % 2)) {
        version_make(&a, n, masks[n], version);
        ret = dpx_table_put(f->table, DPX_PUT_MODIFY, &a.flow, NULL);
    } else if (masks[n]) {
        version_make(&a, n, masks[n], version);
        ret = dpx_table_del(f->table, &a.flow,
                            rand_r(seed) % 16 ? NULL : &stats);
        masks[n] = 0;
    } else {
        masks[n] = 1 + rand_r(seed) % 9;
        version_make(&a, n, masks[n], version);
        ret = dpx_table_put(f->table, DPX_PUT_CREATE, &a.flow, NULL);
    }
    flow_free(&a);
    return ret;
}

/* Runs packets while `write` is called again and again; it returns 0 or an
 * errno.  All flows from 0 to N_STEADY - 1 exist at the start. */
static void
run(struct fixture *f,
    int (*write)(struct fixture *, unsigned int *seed, uint32_t *masks))
{
    struct reader readers[N_READERS];
    uint32_t masks[N_FLOWS] = { 0 };
    unsigned int seed = 1;
    uint64_t end = now() + MSEC;
    uint64_t changes = 0;
    uint64_t packets = 0;
    struct flow a;
    int i;

    for (i = 0; i < N_STEADY; i++) {
        masks[i] = 1;
        version_make(&a, i, 1, 1);
        assert_int_equal(put(f, DPX_PUT_CREATE, &a), 0);
        flow_free(&a);
    }
    stop = false;
    memset(readers, 0, sizeof readers);
    for (i = 0; i < N_READERS; i++) {
        readers[i].f = f;
        readers[i].cpu = i;
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_packets,
                                        &readers[i]),
                         0);
    }
    while (now() < end) {
        assert_int_equal(dpx_table_begin(f->table), 0);
        for (i = 0; i < 8; i++, changes++) {
            assert_int_equal(write(f, &seed, masks), 0);
        }
        dpx_table_end(f->table);
    }
    stop = true;
    for (i = 0; i < N_READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        if (readers[i].failure) {
            fail_msg("flow %u: %s", readers[i].flow, readers[i].failure);
        }
        assert_true(readers[i].misses < readers[i].packets);
        packets += readers[i].packets;
    }
    print_message("%llu packets, %llu changes\n", (unsigned long long) packets,
                  (unsigned long long) changes);
}

static void
test_churn(void **state)
{
    run(*state, change);
}

/* One flow is modified as fast as possible. */
static int
modify(struct fixture *f, unsigned int *seed, uint32_t *masks)
{
    static struct flow versions[20];
    uint32_t v = 1 + rand_r(seed) % 19;

    if (!versions[v].flow.key) {
        version_make(&versions[v], 0, masks[0], v);
    }
    return dpx_table_put(f->table, DPX_PUT_MODIFY, &versions[v].flow, NULL);
}

static void
test_modify(void **state)
{
    run(*state, modify);
}

static int
set_up_tight(void **state)
{
    return fixture_open(state, N_FLOWS, 12, N_FLOWS + 8, 600);
}

static int
set_up_roomy(void **state)
{
    return fixture_open(state, N_FLOWS, 12, 20000, 20000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_churn, set_up_tight,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_modify, set_up_roomy,
                                        fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

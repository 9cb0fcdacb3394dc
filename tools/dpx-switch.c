/* SPDX-License-Identifier: Apache-2.0 */

/* dpx-switch: a learning switch with VLANs, on the dpif library.
 *
 * Handlers receive what matched no flow, learn where its sender is, execute
 * the packet and install a flow for those that follow: in_port, VLAN, source
 * and destination.  The main thread lets flows and addresses idle out, and
 * watches the ports.
 *
 * One mutex guards what the switch knows.  It is held while flows are put, so
 * that no flow is put that rests on what is no longer known. */

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/openvswitch.h>
#include <pthread.h>
#include <search.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpif/dpif.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/odp.h"
#include "lib/poll.h"
#include "lib/version.h"

enum { BATCH = 32, MAX_HANDLERS = 64, MAC_IDLE_MS = 300 * 1000 };

/* A flow that sends to a destination. */
struct flow {
    struct flow *next, **prev; /* To the same destination. */
    long long int created;
    bool seen; /* In the last dump. */
    size_t key_len;
    const struct nlattr *key;
    uint8_t room[]; /* For the key. */
};

/* An address in a VLAN (0: untagged), as source and as destination. */
struct station {
    uint16_t vid;
    uint8_t mac[6];
    uint32_t port;      /* DPIF_PORT_NONE: not known. */
    long long int seen; /* ms. */
    struct flow *flows; /* To this address. */
};

static struct dpif *dpif;
static long long int max_idle = 10000; /* ms. */
static _Atomic bool stopping;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void *stations; /* tsearch() tree of struct station. */
static void *flows;    /* tsearch() tree of struct flow. */
static uint32_t *ports;
static size_t n_ports;

static void __attribute__((noreturn, format(printf, 2, 3)))
die(int error, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "dpx-switch: cannot ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, error ? ": %s\n" : "\n", dpx_error_text(error));
    exit(1);
}

static void *
xmalloc(size_t size)
{
    void *p = calloc(1, size);

    if (!p) {
        abort();
    }
    return p;
}

/* Stations ---------------------------------------------------------------- */

static int
compare(const void *a_, const void *b_)
{
    const struct station *a = a_, *b = b_;

    return a->vid != b->vid ? a->vid - b->vid : memcmp(a->mac, b->mac, 6);
}

static struct station *
find_station(uint16_t vid, const uint8_t mac[6], bool make)
{
    struct station *s = xmalloc(sizeof *s);
    struct station **found;

    s->vid = vid;
    s->port = DPIF_PORT_NONE;
    memcpy(s->mac, mac, 6);
    found = make ? tsearch(s, &stations, compare)
                 : tfind(s, &stations, compare);
    if (!found || *found != s) {
        free(s);
    }
    return found ? *found : NULL;
}

static int
compare_flows(const void *a_, const void *b_)
{
    const struct flow *a = a_, *b = b_;

    return a->key_len != b->key_len ? (a->key_len < b->key_len ? -1 : 1)
                                    : memcmp(a->key, b->key, a->key_len);
}

static struct flow *
find_flow(const struct nlattr *key, size_t key_len)
{
    struct flow probe = { .key = key, .key_len = key_len };
    struct flow **found = tfind(&probe, &flows, compare_flows);

    return found ? *found : NULL;
}

static void
forget_flow(struct flow *f)
{
    tdelete(f, &flows, compare_flows);
    *f->prev = f->next;
    if (f->next) {
        f->next->prev = f->prev;
    }
    free(f);
}

static void
delete_flow(struct flow *f)
{
    int error = dpif_flow_del(dpif, f->key, f->key_len, NULL);

    if (error && error != ENOENT) {
        DPX_LOG(DPX_LOG_WARN, NULL, "cannot delete a flow: %s",
                dpx_error_text(error));
    }
    forget_flow(f);
}

/* Deletes the flows to `s`: they no longer go where it is. */
static void
delete_flows(struct station *s)
{
    for (struct flow *f = s->flows, *next; f; f = next) {
        next = f->next;
        delete_flow(f);
    }
}

static void
learn(uint16_t vid, const uint8_t mac[6], uint32_t port, long long int now)
{
    struct station *s;

    if (mac[0] & 1) {
        return; /* A group never sends. */
    }
    s = find_station(vid, mac, true);
    s->seen = now;
    if (s->port != port) {
        DPX_LOG(DPX_LOG_INFO, NULL,
                "%02x:%02x:%02x:%02x:%02x:%02x in VLAN %d is at port %" PRIu32,
                mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], vid, port);
        s->port = port;
        delete_flows(s);
    }
}

/* Flows ------------------------------------------------------------------- */

static uint16_t
vid_of(const struct dpx_key *key)
{
    uint16_t tci = ntohs(key->vlan[0].tci);

    return tci & DPX_VLAN_PRESENT ? tci & 0xfff : 0;
}

/* Appends a mask for packets like `k`: in_port, source, destination, and VLAN
 * but not its priority. */
static void
put_mask(struct dpx_buf *buf, const struct dpx_key *k)
{
    struct ovs_key_ethernet eth;

    dpx_nla_put_u32(buf, OVS_KEY_ATTR_RECIRC_ID, UINT32_MAX);
    dpx_nla_put_u32(buf, OVS_KEY_ATTR_IN_PORT, UINT32_MAX);
    memset(&eth, 0xff, sizeof eth);
    dpx_nla_put(buf, OVS_KEY_ATTR_ETHERNET, &eth, sizeof eth);
    if (k->vlan[0].tci & htons(DPX_VLAN_PRESENT)) {
        dpx_nla_put_u16(buf, OVS_KEY_ATTR_ETHERTYPE, UINT16_MAX);
        dpx_nla_put_u16(buf, OVS_KEY_ATTR_VLAN, htons(0x1fff));
        dpx_nla_end(buf, dpx_nla_nest(buf, OVS_KEY_ATTR_ENCAP));
    }
}

/* Bridges keep 01:80:c2:00:00:0x to themselves (IEEE 802.1D, table 7-10). */
static bool
is_reserved(const uint8_t mac[6])
{
    static const uint8_t prefix[5] = { 0x01, 0x80, 0xc2, 0x00, 0x00 };

    return !memcmp(mac, prefix, 5) && mac[5] < 0x10;
}

/* Appends where a packet like `k` goes to, whose destination is `dst`. */
static void
put_actions(struct dpx_buf *buf, const struct dpx_key *k,
            const struct station *dst)
{
    if (is_reserved(k->eth_dst)) {
        return;
    } else if (dst->port != DPIF_PORT_NONE) {
        if (dst->port != k->in_port) {
            dpx_nla_put_u32(buf, OVS_ACTION_ATTR_OUTPUT, dst->port);
        }
        return;
    }
    for (size_t i = 0; i < n_ports; i++) {
        if (ports[i] != k->in_port) {
            dpx_nla_put_u32(buf, OVS_ACTION_ATTR_OUTPUT, ports[i]);
        }
    }
}

/* Upcalls ----------------------------------------------------------------- */

/* An upcall in work, with the operations that answer it. */
struct work {
    struct dpif_upcall upcall;
    struct dpx_buf buf; /* Of the upcall. */
    struct dpx_buf mask, actions;
    struct dpif_op execute, put;
    struct station *dst;
};

static bool
answer(struct work *w, long long int now)
{
    struct dpx_key k;

    if (dpx_key_parse(w->upcall.key, w->upcall.key_len, &k)) {
        return false;
    }
    learn(vid_of(&k), k.eth_src, k.in_port, now);
    w->dst = find_station(vid_of(&k), k.eth_dst, true);
    dpx_buf_clear(&w->mask);
    dpx_buf_clear(&w->actions);
    put_mask(&w->mask, &k);
    put_actions(&w->actions, &k, w->dst);
    w->execute = (struct dpif_op) {
        .type = DPIF_OP_EXECUTE,
        .u.execute = {
            .actions = (const void *) dpx_buf_data(&w->actions),
            .actions_len = w->actions.len,
            .key = w->upcall.key, .key_len = w->upcall.key_len,
            .packet = &w->upcall.packet, .gso_size = w->upcall.gso_size,
        },
    };
    w->put = (struct dpif_op) {
        .type = DPIF_OP_FLOW_PUT,
        .u.flow_put = {
            .flags = DPIF_FP_CREATE,
            .key = w->upcall.key, .key_len = w->upcall.key_len,
            .mask = (const void *) dpx_buf_data(&w->mask),
            .mask_len = w->mask.len,
            .actions = w->execute.u.execute.actions,
            .actions_len = w->actions.len,
        },
    };
    return true;
}

static void
remember(const struct work *w, long long int now)
{
    const struct dpif_flow_put_op *put = &w->put.u.flow_put;

    if (!w->put.error) {
        struct flow *f = find_flow(put->key, put->key_len);

        if (f) {
            forget_flow(f); /* Somebody else had deleted it. */
        }
        f = xmalloc(sizeof *f + put->key_len);
        f->created = now;
        f->key_len = put->key_len;
        f->key = memcpy(f->room, put->key, put->key_len);
        f->next = w->dst->flows;
        f->prev = &w->dst->flows;
        if (f->next) {
            f->next->prev = &f->next;
        }
        w->dst->flows = f;
        tsearch(f, &flows, compare_flows);
    }
}

/* Answers `n` upcalls: first the packets, in their order, then the flows. */
static void
answer_all(struct work *work, size_t n)
{
    struct dpif_op *ops[2 * BATCH];
    long long int now = dpx_time_msec();
    size_t n_ops = 0, n_puts;

    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < n; i++) {
        if (answer(&work[i], now)) {
            ops[n_ops++] = &work[i].execute;
        } else {
            work[i].dst = NULL;
        }
    }
    n_puts = n_ops;
    for (size_t i = 0; i < n; i++) {
        if (work[i].dst) {
            ops[n_puts++] = &work[i].put;
        }
    }
    dpif_operate(dpif, ops, n_puts);
    for (size_t i = 0; i < n; i++) {
        if (work[i].dst) {
            remember(&work[i], now);
        }
    }
    pthread_mutex_unlock(&mutex);
}

static void *
handler_main(void *id_)
{
    uint32_t id = (uintptr_t) id_;
    struct work *work = xmalloc(BATCH * sizeof *work);

    while (!stopping) {
        size_t n = 0;

        while (n < BATCH
               && !dpif_recv(dpif, id, &work[n].upcall, &work[n].buf)) {
            n++;
        }
        if (n) {
            answer_all(work, n);
            for (size_t i = 0; i < n; i++) {
                dpx_buf_free(&work[i].upcall.packet);
            }
        } else {
            dpif_recv_wait(dpif, id);
            dpx_poll_timer_wait_until(dpx_time_msec() + 200);
            dpx_poll_block();
        }
    }
    for (size_t i = 0; i < BATCH; i++) {
        dpx_buf_free(&work[i].buf);
        dpx_buf_free(&work[i].mask);
        dpx_buf_free(&work[i].actions);
    }
    free(work);
    return NULL;
}

/* Idling out -------------------------------------------------------------- */

/* Deletes the flow if it has been idle too long. */
static void
expire_flow(struct flow *f, long long int used, long long int now)
{
    f->seen = true;
    if (now - (used ? used : f->created) > max_idle) {
        delete_flow(f);
    }
}

/* Forgets the flows to a station that were not in the dump: somebody else has
 * deleted them. */
static void
forget_unseen(const void *node, VISIT visit, void *aux)
{
    (void) aux;
    if (visit == postorder || visit == leaf) {
        struct flow *f = (*(struct station *const *) node)->flows;

        while (f) {
            struct flow *next = f->next;

            if (!f->seen) {
                forget_flow(f);
            } else {
                f->seen = false;
            }
            f = next;
        }
    }
}

static void
expire_flows(void)
{
    const struct dpif_flow_stats *stats;
    struct dpif_flow_dump dump;
    const struct nlattr *key;
    size_t key_len;
    void *state;

    if (dpif_flow_dump_start(&dump, dpif)
        || dpif_flow_dump_state_init(&dump, &state)) {
        dpif_flow_dump_done(&dump);
        return;
    }
    while (dpif_flow_dump_next(&dump, state, &key, &key_len, NULL, NULL, NULL,
                               NULL, &stats)) {
        struct flow *f = find_flow(key, key_len);
        struct station *src;
        struct dpx_key k;

        if (dpx_key_parse(key, key_len, &k)) {
            continue;
        }
        src = find_station(vid_of(&k), k.eth_src, false);
        if (src && src->port == k.in_port && stats->used > src->seen) {
            src->seen = stats->used;
        }
        if (f) {
            expire_flow(f, stats->used, dpx_time_msec());
        }
    }
    dpif_flow_dump_state_uninit(&dump, state);
    if (!dpif_flow_dump_done(&dump)) {
        twalk_r(stations, forget_unseen, NULL);
    }
}

struct idle {
    struct station **stations;
    size_t n;
    long long int before;
};

static void
find_idle(const void *node, VISIT visit, void *idle_)
{
    struct station *s = *(struct station *const *) node;
    struct idle *idle = idle_;

    if ((visit == postorder || visit == leaf) && !s->flows
        && s->seen < idle->before) {
        idle->stations = realloc(idle->stations,
                                 (idle->n + 1) * sizeof *idle->stations);
        if (!idle->stations) {
            abort();
        }
        idle->stations[idle->n++] = s;
    }
}

/* Forgets addresses without flows that have not been heard of for long. */
static void
expire_stations(void)
{
    struct idle idle = { NULL, 0, dpx_time_msec() - MAC_IDLE_MS };

    twalk_r(stations, find_idle, &idle);
    for (size_t i = 0; i < idle.n; i++) {
        tdelete(idle.stations[i], &stations, compare);
        free(idle.stations[i]);
    }
    free(idle.stations);
}

/* Ports ------------------------------------------------------------------- */

static void
forget_flows(const void *node, VISIT visit, void *aux)
{
    (void) aux;
    if (visit == postorder || visit == leaf) {
        struct station *s = *(struct station *const *) node;
        bool known = false;

        delete_flows(s);
        for (size_t i = 0; i < n_ports; i++) {
            known = known || ports[i] == s->port;
        }
        if (!known) {
            s->port = DPIF_PORT_NONE;
        }
    }
}

/* Reads the ports anew.  Flows that flood, or that lead to a port that has
 * gone, are deleted with all others: ports change seldom. */
static void
read_ports(void)
{
    struct dpif_port_dump dump;
    struct dpif_port port;

    n_ports = 0;
    DPIF_PORT_FOR_EACH(&port, &dump, dpif)
    {
        ports = realloc(ports, (n_ports + 1) * sizeof *ports);
        if (!ports) {
            abort();
        }
        ports[n_ports++] = port.port_no;
    }
    twalk_r(stations, forget_flows, NULL);
}

static void
poll_ports(void)
{
    bool changed = false;
    char *name;
    int error;

    while ((error = dpif_port_poll(dpif, &name)) != EAGAIN) {
        free(name);
        if (error == ENODEV) {
            die(error, "go on with %s", dpif_name(dpif));
        }
        changed = true;
        if (error) {
            break;
        }
    }
    if (changed) {
        pthread_mutex_lock(&mutex);
        read_ports();
        pthread_mutex_unlock(&mutex);
    }
}

/* Program ----------------------------------------------------------------- */

static void
stop(int signal)
{
    (void) signal;
    stopping = true;
}

static void
run(uint32_t n_handlers)
{
    pthread_t threads[MAX_HANDLERS];
    long long int next_expiry;
    int error;

    for (uint32_t i = 0; i < n_handlers; i++) {
        error = pthread_create(&threads[i], NULL, handler_main,
                               (void *) (uintptr_t) i);
        if (error) {
            die(error, "start a handler");
        }
    }
    next_expiry = dpx_time_msec() + 500;
    while (!stopping) {
        dpif_run(dpif);
        poll_ports();
        if (dpx_time_msec() >= next_expiry) {
            pthread_mutex_lock(&mutex);
            expire_flows();
            expire_stations();
            pthread_mutex_unlock(&mutex);
            if (!dpif_port_get_pid(dpif, DPIF_PORT_NONE, 0)) {
                dpif_recv_set(dpif, true); /* Another receiver has ended. */
            }
            next_expiry = dpx_time_msec() + 500;
        }
        dpif_wait(dpif);
        dpif_port_poll_wait(dpif);
        dpx_poll_timer_wait_until(next_expiry);
        dpx_poll_block();
    }
    for (uint32_t i = 0; i < n_handlers; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void
free_station(void *s_)
{
    struct station *s = s_;

    for (struct flow *f = s->flows, *next; f; f = next) {
        next = f->next;
        forget_flow(f);
    }
    free(s);
}

static void
usage(FILE *out)
{
    fputs("usage: dpx-switch [OPTIONS] DP\n"
          "Switches packets between the ports of datapath DP, [TYPE@]NAME; "
          "TYPE is xdp\nunless given.\n"
          "  --handlers N   threads that receive upcalls (1)\n"
          "  --max-idle MS  when a flow without packets goes (10000)\n"
          "  -v, --verbose  tell what is learned; twice: all operations\n"
          "  -V, --version  -h, --help\n",
          out);
}

static long
number(const char *option, const char *text, long min, long max)
{
    char *end;
    long n;

    errno = 0;
    n = strtol(text, &end, 10);
    if (errno || *end || end == text || n < min || n > max) {
        die(0, "take \"%s\" for --%s: a number from %ld to %ld is wanted",
            text, option, min, max);
    }
    return n;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        { "handlers", required_argument, NULL, 'n' },
        { "max-idle", required_argument, NULL, 'i' },
        { "verbose", no_argument, NULL, 'v' },
        { "version", no_argument, NULL, 'V' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    uint32_t n_handlers = 1;
    int c, error, verbose = 0;
    char *name, *type;

    while ((c = getopt_long(argc, argv, "vVh", options, NULL)) != -1) {
        switch (c) {
        case 'n':
            n_handlers = number("handlers", optarg, 1, MAX_HANDLERS);
            break;
        case 'i':
            max_idle = number("max-idle", optarg, 1, 1000000000);
            break;
        case 'v':
            dpx_log_set_level(++verbose > 1 ? DPX_LOG_DBG : DPX_LOG_INFO);
            break;
        case 'V':
            puts("dpx-switch " DPX_VERSION);
            return 0;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 1;
        }
    }
    if (argc - optind != 1) {
        usage(stderr);
        return 1;
    }
    dpx_log_set_program("dpx-switch");
    dp_parse_name(argv[optind], &name, &type);
    if (!strchr(argv[optind], '@')) {
        free(type);
        type = strdup("xdp");
    }
    error = dpif_open(name, type, &dpif);
    if (error) {
        die(error, "open datapath \"%s\"", argv[optind]);
    }
    free(name);
    free(type);
    error = dpif_handlers_set(dpif, n_handlers);
    error = error ? error : dpif_recv_set(dpif, true);
    if (error) {
        die(error, "receive upcalls of %s", dpif_name(dpif));
    }
    sigaction(SIGINT, &(struct sigaction){ .sa_handler = stop }, NULL);
    sigaction(SIGTERM, &(struct sigaction){ .sa_handler = stop }, NULL);
    read_ports();
    printf("switching %zu ports of %s\n", n_ports, dpif_name(dpif));
    fflush(stdout);
    run(n_handlers);
    dpif_recv_set(dpif, false);
    dpif_close(dpif);
    tdestroy(stations, free_station);
    free(ports);
    return 0;
}

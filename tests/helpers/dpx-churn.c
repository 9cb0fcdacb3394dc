/* SPDX-License-Identifier: Apache-2.0 */

/* Changes a datapath's flows as fast as it can, for tests that watch what
 * packets make of it.
 *
 *   dpx-churn modify DP TIMES KEY ACTIONS...
 *       Adds the flow, then gives it one list of actions after the other.
 *   dpx-churn readd DP SECONDS FIRST N PORT
 * Deletes and adds flows at random: those for 10.77.0.FIRST and the N - 1
 *       behind it, from port 1 to PORT.  Each marks its packets with its own
 *       number, as tests/helpers/dpx-traffic.c checks.
 *   dpx-churn fill DP FIRST N
 *       Adds N flows in batches, the way bulk loading does; prints how many
 *       were taken, and the first error.
 *   dpx-churn check DP
 *       Every invariant of the flow table. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/error.h"
#include "lib/odp.h"
#include "provider-xdp/provider.h"

struct text_flow {
    struct dpx_buf key, mask, actions;
    bool present;
};

static struct dpx_dp *dp;

static void __attribute__((noreturn)) die(int error, const char *what)
{
    fprintf(stderr, "dpx-churn: cannot %s: %s\n", what, dpx_error_text(error));
    exit(1);
}

static void
parse(struct text_flow *f, const char *key, const char *actions)
{
    uint8_t ufid[16];
    bool has_ufid;
    int error;

    memset(f, 0, sizeof *f);
    error = dpx_parse_flow(key, NULL, &f->key, &f->mask, ufid, &has_ufid);
    if (error) {
        die(error, key);
    }
    error = dpx_parse_actions(actions, NULL, &f->actions);
    if (error) {
        die(error, actions);
    }
}

static struct dpx_request
request(enum dpx_op_kind kind, unsigned int flags, const struct text_flow *f)
{
    return (struct dpx_request){
        .kind = kind,
        .flags = flags,
        .key = dpx_buf_data(&f->key),
        .key_len = f->key.len,
        .mask = dpx_buf_data(&f->mask),
        .mask_len = f->mask.len,
        .actions = dpx_buf_data(&f->actions),
        .actions_len = f->actions.len,
    };
}

/* Does one request; `error`, besides 0, is no surprise. */
static void
operate(enum dpx_op_kind kind, unsigned int flags, const struct text_flow *f,
        int error)
{
    struct dpx_request r = request(kind, flags, f), *rp = &r;

    dpx_operate(dp, &rp, 1);
    if (r.error && r.error != error) {
        fprintf(stderr, "dpx-churn: cannot change a flow: %s\n",
                r.message ? r.message : strerror(r.error));
        exit(1);
    }
    free((char *) r.message);
}

static void
modify(char **args)
{
    struct text_flow flows[16];
    unsigned int times = atoi(args[0]), n = 0;

    for (char **a = args + 2; *a && n < 16; a++) {
        parse(&flows[n++], args[1], *a);
    }
    for (unsigned int i = 0; i <= times; i++) {
        operate(DPX_DO_PUT,
                i ? DPX_PUT_MODIFY : DPX_PUT_CREATE | DPX_PUT_MODIFY,
                &flows[i % n], 0);
    }
    printf("%u modified\n", times);
}

static void
make_marked(struct text_flow *f, unsigned int number, const char *port)
{
    char key[256], actions[256];

    snprintf(key, sizeof key,
             "in_port(1),eth(),eth_type(0x0800),"
             "ipv4(dst=10.77.0.%u,proto=17,frag=no),udp()",
             number);
    snprintf(actions, sizeof actions,
             "set(eth(src=02:00:00:00:00:%02x)),"
             "set(ipv4(ttl=%u)),set(udp(src=%u)),%s",
             number, number, 4096 + number, port);
    parse(f, key, actions);
}

static void
readd(char **args)
{
    unsigned int first = atoi(args[1]), n = atoi(args[2]), changes = 0;
    struct text_flow *flows = calloc(n, sizeof *flows);
    time_t end = time(NULL) + atoi(args[0]);

    for (unsigned int i = 0; i < n; i++) {
        make_marked(&flows[i], first + i, args[3]);
    }
    while (time(NULL) < end) {
        struct text_flow *f = &flows[rand() % n];

        if (f->present) {
            operate(DPX_DO_DEL, 0, f, ENOENT);
        } else {
            operate(DPX_DO_PUT, DPX_PUT_CREATE, f, EEXIST);
        }
        f->present = !f->present;
        changes++;
    }
    for (unsigned int i = 0; i < n; i++) {
        operate(DPX_DO_PUT, DPX_PUT_CREATE | DPX_PUT_MODIFY, &flows[i], 0);
    }
    printf("%u changed\n", changes);
}

static void
fill(char **args)
{
    enum { BATCH = 256 };
    unsigned int first = atoi(args[0]), n = atoi(args[1]), taken = 0;
    static struct text_flow flows[BATCH];
    static struct dpx_request requests[BATCH];
    struct dpx_request *pointers[BATCH];
    char error[256] = "no error";

    for (unsigned int done = 0; done < n;) {
        unsigned int m = n - done < BATCH ? n - done : BATCH;

        for (unsigned int i = 0; i < m; i++) {
            unsigned int j = first + done + i;
            char key[256];

            snprintf(key, sizeof key,
                     "in_port(1),eth(),eth_type(0x0800),"
                     "ipv4(dst=11.%u.%u.%u,frag=no)",
                     j >> 16 & 255, j >> 8 & 255, j & 255);
            parse(&flows[i], key, "2");
            requests[i] = request(DPX_DO_PUT, DPX_PUT_CREATE, &flows[i]);
            pointers[i] = &requests[i];
        }
        dpx_operate(dp, pointers, m);
        for (unsigned int i = 0; i < m; i++) {
            if (!requests[i].error) {
                taken++;
            } else if (!strcmp(error, "no error")) {
                snprintf(error, sizeof error, "%s",
                         requests[i].message ? requests[i].message
                                             : strerror(requests[i].error));
            }
            free((char *) requests[i].message);
            dpx_buf_free(&flows[i].key);
            dpx_buf_free(&flows[i].mask);
            dpx_buf_free(&flows[i].actions);
        }
        done += m;
    }
    printf("%u taken, %s\n", taken, error);
}

static void
check(void)
{
    int error = dpx_table_check(dpx_dp_table(dp));

    if (error) {
        die(error, "find the table right");
    }
    printf("%" PRIu32 " flows, all right\n",
           dpx_table_count(dpx_dp_table(dp)));
}

int
main(int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[1] : "";
    int error;

    error = argc > 2 ? dpx_dp_open(argv[2], false, NULL, &dp) : 0;
    if (error) {
        die(error, "open the datapath");
    }
    if (!strcmp(verb, "modify") && argc > 5) {
        modify(argv + 3);
    } else if (!strcmp(verb, "readd") && argc == 7) {
        readd(argv + 3);
    } else if (!strcmp(verb, "fill") && argc == 5) {
        fill(argv + 3);
    } else if (!strcmp(verb, "check") && argc == 3) {
        check();
    } else {
        fputs("dpx-churn: wrong arguments\n", stderr);
        return 1;
    }
    dpx_dp_close(dp);
    return 0;
}

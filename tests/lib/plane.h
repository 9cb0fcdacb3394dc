/* SPDX-License-Identifier: Apache-2.0 */

/* Cases for the datapath, and the planes that they are run through.
 *
 * A case is a JSON object: `in_port`, `packet` (hex), and either `flow`, the
 * packet's key, or `flows` ({key, actions}), `outputs` ({port, packet}, sorted
 * by port, in order within a port), `hits` of each flow, and `upcalls` ({type,
 * key}).  kernel_flow, kernel_outputs, kernel_upcall: what the kernel module
 * does, and dpx too, where that differs; `quirks` names the difference.
 *
 * Cases of our own may have more: "*N" behind a packet's hex, for N zero bytes
 * more, so that there are packets of which the kernel keeps but the Ethernet
 * header in one piece; `times` of an output; `packet`, `userdata`
 * (hex) and `pid` of an upcall; `drops` ({port, reason, times}); `plane`, the
 * one that a datapath in XDP is to execute the flows in.
 *
 * Ports 1 to 8 exist; port 9 is one with a small MTU, port 10 is down, and
 * others do not exist: packets sent there leave no trace but drops.  Without
 * `drops` none is right, except where there is no port. */

#ifndef TESTS_PLANE_H
#define TESTS_PLANE_H 1

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "maps/table.h"

enum result { PASS, FAIL, SKIP };

enum {
    LAST_PORT = 8, /* Of those that are received from. */
    SMALL_PORT = 9,
    DOWN_PORT = 10,
    SMALL_MTU = 600,
    MAX_FLOWS = 64,
    MAX_PACKETS = 512,
    MAX_DROPS = 16,
};

/* Why the last case failed or was skipped, and saying it. */
extern char why[512];

enum result because(enum result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What a packet led to. */
struct outcome {
    struct {
        uint32_t port;
        struct dpx_buf packet;
    } outputs[MAX_PACKETS];
    size_t n_outputs;
    struct {
        enum dpx_upcall_type type;
        uint32_t pid;
        struct dpx_key key;
        struct dpx_buf userdata, packet;
    } upcalls[MAX_PACKETS];
    size_t n_upcalls;
    struct {
        uint32_t port;
        enum dpx_drop_reason reason;
        uint64_t packets;
    } drops[MAX_DROPS];
    size_t n_drops;
    bool unsure; /* Expected, but something else may come. */
};

void outcome_output(struct outcome *, uint32_t port, const void *, size_t);
void outcome_upcall(struct outcome *, enum dpx_upcall_type, uint32_t pid,
                    const struct dpx_key *, const void *userdata,
                    size_t userdata_len, const void *packet, size_t len);
void outcome_drop(struct outcome *, uint32_t port, enum dpx_drop_reason,
                  uint64_t packets);
void outcome_forgive(struct outcome *, enum dpx_drop_reason);
void outcome_free(struct outcome *);

/* What it should lead to, expanded. */
enum result compare_outcome(const struct outcome *got,
                            const struct outcome *want, bool drops);

/* A datapath with a case's flows. */
struct datapath {
    struct dpx_maps *maps;
    struct dpx_table *table;
    struct dpx_key keys[MAX_FLOWS];
    size_t n;
};

struct plane {
    const char *name;
    enum dpx_plane where; /* Flows are to be executed there. */
    bool drops;           /* Drops are known. */
    void *aux;

    /* Puts an empty datapath in `dp`; takes it back. */
    void (*begin)(struct plane *, struct datapath *dp);
    void (*end)(struct plane *, struct datapath *dp);

    /* Has `packet` arrive on `in_port`, and notes in `got` what comes of it.
     * `want` says what there is to wait for.  SKIP: it cannot arrive. */
    enum result (*receive)(struct plane *, struct datapath *dp,
                           uint32_t in_port, const struct dpx_buf *packet,
                           const struct outcome *want, struct outcome *got);

    /* What else can be checked of a packet that was executed in `where`, or
     * NULL.  May count what it likes. */
    enum result (*verify)(struct plane *, struct datapath *dp,
                          uint32_t in_port, const struct dpx_buf *packet,
                          const struct outcome *want);
};

/* Runs the case. */
enum result run_case(struct plane *, json_t *);

/* Runs the cases of `n` files, and prints TAP, a line per group of cases, then
 * the cases that were skipped by cause, then "N passed, N failed, N skipped".
 * `verbose`: says what was skipped.  The exit status. */
int run_files(struct plane *const planes[], size_t n_planes,
              const char *const files[], size_t n, bool verbose);

/* Plane `user` on a datapath in memory. */
extern struct plane user_plane;

/* A packet through plane `user` of `dp`, as struct plane's `receive`. */
enum result user_receive(struct plane *, struct datapath *dp, uint32_t in_port,
                         const struct dpx_buf *packet,
                         const struct outcome *want, struct outcome *got);

/* reading.c */
void read_hex(struct dpx_buf *, const char *hex);
const char *json_text(json_t *object, const char *name);
bool has_quirk(json_t *c, const char *prefix);
int read_packet_key(const char *text, struct dpx_key *key);
enum result read_outcome(json_t *c, struct outcome *want);
enum result put_flows(struct datapath *, json_t *c);
int put_exact(struct datapath *, const struct dpx_key *, uint32_t out);

#endif /* tests/lib/plane.h */

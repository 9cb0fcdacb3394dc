/* SPDX-License-Identifier: Apache-2.0 */

/* The conformance suite: what dpif/dpif.h promises, of any provider.
 *
 * Tests know the library alone.  What depends on the provider - how a port
 * comes about, how a packet arrives on it and where one that was sent is found
 * - is a struct harness, of which each program of the suite has one. */

#ifndef CONFORMANCE_H
#define CONFORMANCE_H 1

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

#include "dpif/dpif.h"
#include "lib/error.h"

struct harness {
    const char *type;       /* Of the datapaths. */
    const char *port_type;  /* For port_add, and reported by queries. */
    const char *local_type; /* Of the local port. */
    unsigned int settle_ms; /* In which whatever was sent has arrived. */
    unsigned int burst;     /* What can arrive at once and unread without
                                 * getting lost on the way.  0: any number. */
    bool as_put;            /* Keys, masks come back attribute for
                                 * attribute. */
    /* Once.  False: cannot run here, with the reason on stdout. */
    bool (*start)(void);
    void (*stop)(void);
    /* A device that can become a port, and its end. */
    void (*make)(const char *name);
    void (*unmake)(const char *name);
    /* A frame arrives on port `name`, number `port`. */
    void (*inject)(struct dpif *, uint32_t port, const char *name,
                   const void *frame, size_t len);
    /* The next frame that was sent out of the port.  False: none yet. */
    bool (*sent)(struct dpif *, uint32_t port, const char *name,
                 struct dpx_buf *);
};

extern const struct harness harness;

/* Test cases, by subject. */
extern const struct CMUnitTest datapath_tests[], port_tests[], flow_tests[],
    dump_tests[], packet_tests[], upcall_tests[], thread_tests[];
extern const size_t n_datapath_tests, n_port_tests, n_flow_tests, n_dump_tests,
    n_packet_tests, n_upcall_tests, n_thread_tests;

/* A datapath with ports 1 to N_PORTS, opened, without flows: made before each
 * test and deleted behind it. */
enum { N_PORTS = 3 };
extern struct dpif *dp;
extern const char *const port_names[N_PORTS + 1]; /* By number. */
extern char dp_name[16];     /* Of this process alone, as is the next. */
extern char absent_name[16]; /* Of no datapath. */

int setup(void **);
int teardown(void **);
#define TEST(FUNCTION)                                                        \
    {                                                                         \
#FUNCTION, FUNCTION, setup, teardown, NULL                            \
    }

/* Asserts that EXPR is 0, and prints the error's text if not. */
#define OK(EXPR) ok_(EXPR, #EXPR, __FILE__, __LINE__)
void ok_(int error, const char *what, const char *file, int line);
#define FAILS(EXPR, ERROR) fails_(EXPR, ERROR, #EXPR, __FILE__, __LINE__)
void
fails_(int error, int expected, const char *what, const char *file, int line);

/* Frames.  Every frame carries a number, behind its headers. */
enum { FRAME_LEN = 100 };
struct frame {
    uint8_t data[FRAME_LEN];
};
/* From MAC `src` to `dst` (their last bytes), of an Ethernet type that nobody
 * parses. */
struct frame frame_of(unsigned int src, unsigned int dst, uint32_t number);
/* TCP over IPv4, checksums right, with these TCP flags. */
struct frame frame_tcp(uint8_t flags, uint32_t number);

void inject(uint32_t port, const struct frame *);
/* Asserts that the next frame out of `port` is this. */
void expect_sent(uint32_t port, const void *data, size_t len);
void expect_frame(uint32_t port, const struct frame *);
/* Asserts that nothing, or nothing more, comes out of `port`. */
void expect_silence(uint32_t port);

/* Attributes.  All buffers are freed with the test.  For the test's own thread
 * alone, as is all of this file. */
struct attrs {
    struct dpx_buf buf;
    struct attrs *next;
};
#define ATTRS(A)                                                              \
    ((const struct nlattr *) dpx_buf_data(&(A)->buf)), (A)->buf.len
/* The key of frame_of(src, dst, ...) on `port`; the mask that sees all of it,
 * and the one that sees the port alone. */
struct attrs *key_of(uint32_t port, unsigned int src, unsigned int dst);
struct attrs *key_tcp(uint32_t port);
struct attrs *mask_all(void);
struct attrs *mask_port(void);
struct attrs *actions(void); /* None. */
void add_output(struct attrs *, uint32_t port);
void
add_userspace(struct attrs *, uint32_t pid, const void *userdata, size_t len);
struct attrs *outputs(uint32_t port); /* One output. */
/* Whether attribute `type` is in the attributes, and its payload. */
const void *
attr_find(const struct nlattr *, size_t len, uint16_t type, size_t size);

/* Puts; create only. */
int put(const struct attrs *key, const struct attrs *mask,
        const struct attrs *actions);
int put_flags(unsigned int flags, const struct attrs *key,
              const struct attrs *mask, const struct attrs *actions,
              struct dpif_flow_stats *);
/* Statistics of a flow, once it has counted `n` packets. */
struct dpif_flow_stats stats_of(const struct attrs *key, uint64_t n);
int execute(const struct attrs *actions, const struct frame *,
            const struct attrs *key, bool help);

/* The next upcall of `handler`, within a second. */
int recv_within(uint32_t handler, struct dpif_upcall *, struct dpx_buf *);

long long now_ms(void);
void sleep_ms(unsigned int ms);

#endif /* tests/conformance/conformance.h */

/* SPDX-License-Identifier: Apache-2.0 */

/* Packets and the keys that Open vSwitch extracts from them.
 *
 * tests/data/parse.jsonl has the keys of OVS 3.1's userspace, or those of the
 * kernel module where that is known to differ.  All of it was also run through
 * openvswitch.ko of Debian's 6.1.0-56 (as OVS_PACKET_CMD_EXECUTE with a
 * USERSPACE action), which gives the same keys but for these, of which the
 * data cannot decide what the kernel does:
 *
 * - An IPv6 extension header that is longer than the frame.  That kernel gives
 *   up (protocol 59), having the check of 2026; kernels without it skip the
 *   header, and so does dpx.
 * - A routing header of which only two or three bytes are there.  The kernel
 *   gives up; dpx treats it as the above.
 * - An MPLS stack without a bottom.  The kernel counts no labels, reports an
 *   empty attribute, and refuses flows with it.  dpx counts those found, up to
 *   three; OVS's userspace also, but not those that are zero.
 * - A VLAN tag that is cut short.  The kernel's key has no tag and EtherType
 *   0x8100, as here; but its stack drops such frames before that.
 * - UDP GSO packets (UFO), which the kernel calls first fragments: TC programs
 *   cannot tell what kind of GSO packet they have.
 * - Protocol 44 for later IPv6 fragments: kernels before 5.19 have the next
 *   header there. */

#include <arpa/inet.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/ctx.h"
#include "bpf/user.h"
#include "lib/error.h"
#include "lib/odp.h"
#include "tests/unit/frames.h"

#define DATA "tests/data/parse.jsonl"

/* The key of the packet, which lies in memory at an odd address if `skew`,
 * without a byte to spare. */
static struct dpx_key
extract(const uint8_t *data, size_t len, uint32_t in_port, size_t skew)
{
    struct dpx_packet packet = { .in_port = in_port };
    struct dpx_key key;

    packet.frame.base = malloc(skew + len);
    packet.frame.allocated = skew + len;
    packet.frame.head = skew;
    packet.frame.len = len;
    memcpy((uint8_t *) packet.frame.base + skew, data, len);
    memset(&key, 0xcc, sizeof key);
    dpx_user_parse(&packet, &key);
    dpx_buf_free(&packet.frame);
    return key;
}

static size_t
unhex(const char *hex, uint8_t *data, size_t max)
{
    size_t n = strlen(hex) / 2;

    assert_true(n <= max);
    for (size_t i = 0; i < n; i++) {
        unsigned int byte;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        data[i] = byte;
    }
    return n;
}

/* The key that flow text stands for. */
static struct dpx_key
key_of(const char *text)
{
    struct dpx_buf attrs = DPX_BUF_INIT, mask = DPX_BUF_INIT;
    struct dpx_key key;
    uint8_t ufid[16];
    bool has_ufid;
    int error;

    error = dpx_parse_flow(text, NULL, &attrs, &mask, ufid, &has_ufid);
    if (!error) {
        error = dpx_key_parse(dpx_buf_data(&attrs), attrs.len, &key);
    }
    if (error) {
        fail_msg("%s: %s", text, dpx_error_text(error));
    }
    dpx_buf_free(&attrs);
    dpx_buf_free(&mask);
    return key;
}

static void
print_difference(const char *id, const struct dpx_key *want,
                 const struct dpx_key *got)
{
    for (size_t i = 0; i < DPX_KEY_WORDS; i++) {
        uint64_t a, b;

        memcpy(&a, (const uint8_t *) want + 8 * i, 8);
        memcpy(&b, (const uint8_t *) got + 8 * i, 8);
        if (a != b) {
            print_error("%s: word %zu is %016llx, not %016llx\n", id, i,
                        (unsigned long long) b, (unsigned long long) a);
        }
    }
}

/* One case: true if its key is right.  Also parses it cut off anywhere, which
 * must stay within its memory. */
static bool
run_case(json_t *c)
{
    const char *id = json_string_value(json_object_get(c, "id"));
    uint32_t in_port = json_integer_value(json_object_get(c, "in_port"));
    struct dpx_key want, got;
    uint8_t data[2048];
    size_t len;
    bool ok = true;

    len = unhex(json_string_value(json_object_get(c, "packet")), data,
                sizeof data);
    want = key_of(json_string_value(json_object_get(c, "flow")));
    for (size_t skew = 0; skew < 4 && ok; skew++) {
        got = extract(data, len, in_port, skew);
        ok = !memcmp(&got, &want, sizeof got);
    }
    if (!ok) {
        print_difference(id, &want, &got);
    }
    for (size_t cut = len > 200 ? 200 : len; cut > 0; cut--) {
        extract(data, cut - 1, in_port, cut & 7);
    }
    return ok;
}

static void
test_data(void **state)
{
    FILE *file = fopen(DATA, "r");
    int n = 0, failed = 0;
    char line[16384];

    (void) state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        json_t *c = json_loads(line, 0, NULL);

        assert_non_null(c);
        failed += !run_case(c);
        n++;
        json_decref(c);
    }
    fclose(file);
    print_message("%d packets\n", n);
    assert_in_range(n, 500, 5000);
    assert_int_equal(failed, 0);
}

/* IPv6 with `n` extension headers of eight bytes, then UDP. */
static size_t
chain(uint8_t *p, size_t n)
{
    struct recipe r = { .version = 6, .proto = UDP, .ext = 60 };
    struct frame f = cook(&r);

    memcpy(p, f.data, f.len);
    for (size_t i = 0; i < n; i++) {
        memcpy(p + 54 + 8 * i, "\x3c\0\1\4\0\0\0\0", 8);
    }
    p[54 + 8 * (n - 1)] = UDP;
    memcpy(p + 54 + 8 * n, "\x01\x02\x03\x04\0\x08\0\0", 8);
    return 54 + 8 * n + 8;
}

static enum dpx_drop_reason dropped;

static void
on_drop(void *aux, uint32_t port, enum dpx_drop_reason reason,
        const struct dpx_packet *packet)
{
    (void) aux;
    (void) port;
    (void) packet;
    dropped = reason;
}

/* As many as DPX_PARSE_MAX takes; a longer chain is dropped, not guessed. */
static void
test_long_chain(void **state)
{
    static const struct dpx_user_ops ops = { NULL, NULL, on_drop, NULL };
    size_t most = (DPX_PARSE_MAX - 54) / 8, len;
    struct dpx_packet packet = { .in_port = 1 };
    uint8_t data[DPX_PARSE_MAX + 100];
    struct dpx_key key;

    (void) state;
    for (size_t n = 1; n <= most; n++) {
        len = chain(data, n);
        key = extract(data, len, 1, 0);
        assert_int_equal(key.ip_proto, UDP);
        assert_int_equal(key.tp_src, htons(0x0102));
        assert_int_equal(key.tp_dst, htons(0x0304));
    }
    len = chain(data, most + 2);
    dpx_buf_put(&packet.frame, data, len);
    dropped = DPX_DROP_NONE;
    dpx_user_execute(NULL, 0, &packet, NULL, 0, &ops);
    assert_int_equal(dropped, DPX_DROP_PULL);
    /* Ends too soon, and not too late: nothing is hidden. */
    packet.frame.len = DPX_PARSE_MAX;
    dropped = DPX_DROP_NONE;
    dpx_user_execute(NULL, 0, &packet, NULL, 0, &ops);
    assert_int_equal(dropped, DPX_DROP_NONE);
    dpx_buf_free(&packet.frame);
}

/* What follows a later fragment's header cannot be one more extension header:
 * the kernel calls such a packet a first fragment without a transport. */
static void
test_later_fragment(void **state)
{
    struct recipe r = { .version = 6,
                        .proto = UDP,
                        .payload = 8,
                        .ext = FRAGMENT,
                        .frag = 0x0007 };
    struct frame f = cook(&r);
    struct dpx_key key = extract(f.data, f.len, 1, 0);

    (void) state;
    assert_int_equal(key.ip_frag, DPX_FRAG_LATER);
    assert_int_equal(key.ip_proto, 44);
    f.data[f.net + 40] = 60;
    key = extract(f.data, f.len, 1, 0);
    assert_int_equal(key.ip_frag, DPX_FRAG_FIRST);
    assert_int_equal(key.ip_proto, 59);
    f.data[f.net + 40] = 59;
    key = extract(f.data, f.len, 1, 0);
    assert_int_equal(key.ip_frag, DPX_FRAG_LATER);
    assert_int_equal(key.ip_proto, 44);
    assert_int_equal(key.tp_src, 0);
}

static const uint8_t zeros[16];

/* A neighbour solicitation with `options`. */
static struct dpx_key
solicit(const char *options, size_t n)
{
    struct recipe r = { .version = 6, .proto = ICMPV6, .payload = 16 + n };
    struct frame f = cook(&r);

    f.data[f.tp] = 135;
    memset(f.data + f.tp + 8, 0xab, 16);
    memcpy(f.data + f.tp + 24, options, n);
    return extract(f.data, f.len, 1, 1);
}

static void
test_nd(void **state)
{
    struct dpx_key key;

    (void) state;
    key = solicit("\5\1\0\0\0\0\0\0"
                  "\1\1abcdef"
                  "\2\1ghijkl",
                  24);
    assert_int_equal(key.nd_target[0], 0xab);
    assert_memory_equal(key.nd_sll, "abcdef", 6);
    assert_memory_equal(key.nd_tll, "ghijkl", 6);
    /* Twice the same: invalid. */
    key = solicit("\1\1abcdef"
                  "\1\1ghijkl",
                  16);
    assert_memory_equal(key.nd_target, zeros, 16);
    assert_memory_equal(key.nd_sll, zeros, 6);
    /* A length of 0, or one beyond the end, is where reading stops. */
    key = solicit("\1\1abcdef"
                  "\2\0ghijkl",
                  16);
    assert_int_equal(key.nd_target[0], 0xab);
    assert_memory_equal(key.nd_sll, "abcdef", 6);
    assert_memory_equal(key.nd_tll, zeros, 6);
    key = solicit("\1\2abcdef"
                  "\2\1ghijkl",
                  15);
    assert_memory_equal(key.nd_sll, zeros, 6);
    /* Longer addresses are others'. */
    key = solicit("\1\2abcdefghijklmn"
                  "\2\1opqrst",
                  24);
    assert_memory_equal(key.nd_sll, zeros, 6);
    assert_memory_equal(key.nd_tll, "opqrst", 6);
}

/* A third tag is payload. */
static void
test_tags(void **state)
{
    for (uint8_t n = 0; n < 4; n++) {
        struct recipe r = { .version = 4, .proto = TCP, .tags = n };
        struct frame f = cook(&r);
        struct dpx_key key = extract(f.data, f.len, 1, 0);

        assert_int_equal(key.vlan[0].tpid, n > 0 ? htons(0x88a8) : 0);
        assert_int_equal(key.vlan[0].tci, n > 0 ? htons(0x3064) : 0);
        assert_int_equal(key.vlan[1].tpid, n > 1 ? htons(0x8100) : 0);
        assert_int_equal(key.vlan[1].tci, n > 1 ? htons(0x3065) : 0);
        assert_int_equal(key.eth_type, htons(n > 2 ? 0x8100 : 0x0800));
        assert_int_equal(key.ip_proto, n > 2 ? 0 : TCP);
    }
    (void) state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_long_chain),
        cmocka_unit_test(test_later_fragment),
        cmocka_unit_test(test_nd),
        cmocka_unit_test(test_tags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

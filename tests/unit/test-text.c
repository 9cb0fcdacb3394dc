/* SPDX-License-Identifier: Apache-2.0 */

/* Flow text: what is written reads back as the same attributes, for the many
 * flows of tests/data/text.txt; how things look; where errors are found. */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/openvswitch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/odp.h"

#define ALL "0102030405060708090a0b0c0d0e0f10"

static const char *
name_of(uint32_t port, void *aux)
{
    (void) aux;
    return port == 1 ? "eth0" : port == 2 ? "drop" : port == 3 ? "7" : NULL;
}

static uint32_t
number_of(const char *name, void *aux)
{
    (void) aux;
    return !strcmp(name, "eth0") ? 1 : DPX_PORT_NONE;
}

static const struct dpx_port_names names = { name_of, number_of, NULL };

struct flow {
    struct dpx_buf key, mask, text;
};

static int
parse(struct flow *f, const char *text, const struct dpx_port_names *n)
{
    uint8_t ufid[16];
    bool has_ufid;

    dpx_buf_clear(&f->key);
    dpx_buf_clear(&f->mask);
    return dpx_parse_flow(text, n, &f->key, &f->mask, ufid, &has_ufid);
}

static const char *
format(struct flow *f, bool more, const struct dpx_port_names *n)
{
    dpx_buf_clear(&f->text);
    dpx_format_flow(dpx_buf_data(&f->key), f->key.len, dpx_buf_data(&f->mask),
                    f->mask.len, more, n, &f->text);
    return dpx_buf_str(&f->text);
}

static void
flow_free(struct flow *f)
{
    dpx_buf_free(&f->key);
    dpx_buf_free(&f->mask);
    dpx_buf_free(&f->text);
}

static void
assert_same(struct dpx_buf *a, struct dpx_buf *b)
{
    assert_int_equal(a->len, b->len);
    if (a->len) {
        assert_memory_equal(dpx_buf_data(a), dpx_buf_data(b), a->len);
    }
}

static void
check_key(const char *text)
{
    struct dpx_key key, mask;
    struct flow a = { 0 }, b = { 0 };

    if (parse(&a, text, NULL)) {
        fail_msg("%s: %s", text, dpx_error_text(EINVAL));
    }
    assert_int_equal(dpx_key_from_attrs(dpx_buf_data(&a.key), a.key.len,
                                        dpx_buf_data(&a.mask), a.mask.len,
                                        &key, &mask),
                     0);
    assert_int_equal(parse(&b, format(&a, true, NULL), NULL), 0);
    assert_same(&a.key, &b.key);
    assert_same(&a.mask, &b.mask);
    assert_int_equal(parse(&b, format(&a, false, NULL), NULL), 0);
    assert_string_equal(format(&b, false, NULL), dpx_buf_str(&a.text));
    flow_free(&a);
    flow_free(&b);
}

static void
check_actions(const char *text)
{
    struct dpx_buf a = DPX_BUF_INIT, b = DPX_BUF_INIT, again = DPX_BUF_INIT;

    if (dpx_parse_actions(text, NULL, &a)) {
        fail_msg("%s: %s", text, dpx_error_text(EINVAL));
    }
    dpx_format_actions(dpx_buf_data(&a), a.len, NULL, &again);
    assert_int_equal(dpx_parse_actions(dpx_buf_str(&again), NULL, &b), 0);
    assert_same(&a, &b);
    dpx_buf_free(&a);
    dpx_buf_free(&b);
    dpx_buf_free(&again);
}

static void
test_file(void **state)
{
    FILE *file = fopen("tests/data/text.txt", "r");
    size_t size = 0, keys = 0, actions = 0;
    char *line = NULL;

    (void) state;
    assert_non_null(file);
    while (getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (!strncmp(line, "key ", 4)) {
            check_key(line + 4);
            keys++;
        } else if (!strncmp(line, "actions ", 8)) {
            check_actions(line + 8);
            actions++;
        }
    }
    assert_true(keys > 500);
    assert_true(actions > 500);
    free(line);
    fclose(file);
}

/* Text, as it is written again, without `more`; NULL: the same. */
static void
test_keys(void **state)
{
    static const char *const rows[][2] = {
        { "in_port(1)", NULL },
        { "in_port(1),eth(),eth_type(0x0800),ipv4(frag=no)", NULL },
        { "in_port(1) eth( src=01:02:03:04:05:06)", "!" },
        { "in_port(1) eth(src=01:02:03:04:05:06)\n",
          "in_port(1),eth(src=01:02:03:04:05:06)" },
        { "recirc_id(0x5),dp_hash(0x1/0xf),skb_priority(0),skb_mark(0x7)",
          NULL },
        { "eth(dst=01:00:00:00:00:00/01:00:00:00:00:00)", NULL },
        { "eth(),eth_type(0x8100),vlan(vid=5,pcp=0),encap(eth_type(0x0806),"
          "arp(sip=1.2.3.4,op=1,tha=00:00:00:00:00:01))",
          NULL },
        { "eth(),eth_type(0x8100),vlan(vid=5/0xff,cfi=1/1),encap()",
          "eth(),eth_type(0x8100),vlan(vid=5/0xff),encap()" },
        { "eth(),eth_type(0x8100),vlan(vid=0,pcp=0,cfi=0),encap()", NULL },
        { "eth(),eth_type(0/0xffff)", NULL },
        { "packet_type(ns=1,id=0x800)", NULL },
        { "eth_type(0x86dd),ipv6(src=fe80::/10,proto=6)", "!" },
        { "eth_type(0x86dd),ipv6(src=fe80::/ffc0::,dst=::1,label=0x12345,"
          "proto=6,tclass=0x3/0x3,hlimit=64,frag=first),tcp(src=1,dst=2),"
          "tcp_flags(syn|ack)",
          NULL },
        { "tcp_flags(+syn-ack)", NULL },
        { "tcp_flags(0x012)", "tcp_flags(syn|ack)" },
        { "tcp_flags(0x2/0x12)", "tcp_flags(+syn-ack)" },
        { "tcp_flags([200]|[800])", NULL },
        { "tcp_flags(0)", NULL },
        { "icmpv6(type=135,code=0),nd(target=::1,sll=00:00:00:00:00:01)",
          NULL },
        { "mpls(label=5/0xfffff,tc=1/7,ttl=0/0x0,bos=1/1)", NULL },
        { "mpls(label=1,tc=1,ttl=1,bos=0,label=2,tc=2,ttl=2,bos=1)", NULL },
        { "ct_state(+trk-new),ct_zone(5),ct_mark(0x5/0xff),ct_label(0x1ff)",
          "ct_state(-new+trk),ct_zone(5),ct_mark(0x5/0xff),ct_label(0x1ff)" },
        { "ct_tuple4(src=1.2.3.4,proto=6,tp_src=5)", NULL },
        { "key16(0c000100" ALL ")", "key16(0c000100" ALL "/ffffffff"
                                    "ffffffffffffffffffffffffffffffff)" },
        { "", NULL },
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flow f = { 0 };
        int error = parse(&f, rows[i][0], NULL);

        if (rows[i][1] && *rows[i][1] == '!') {
            assert_int_equal(error, EINVAL);
        } else {
            assert_int_equal(error, 0);
            assert_string_equal(format(&f, false, NULL),
                                rows[i][rows[i][1] ? 1 : 0]);
        }
        flow_free(&f);
    }
}

static void
test_more(void **state)
{
    const char *text =
        "in_port(1),eth(src=02:00:00:00:00:01/"
        "00:00:00:00:00:00,dst=00:00:00:00:00:00/00:00:00:00:00:00),"
        "eth_type(0x0800),ipv4(src=10.0.0.1/0.0.0.0,dst=10.0.0.2,"
        "proto=6/0,tos=0x3/0xfc,ttl=64/0,frag=0/0),tcp_flags(0x12/0)";
    struct flow f = { 0 };

    (void) state;
    assert_int_equal(parse(&f, text, NULL), 0);
    assert_string_equal(format(&f, false, NULL),
                        "in_port(1),eth(),"
                        "eth_type(0x0800),ipv4(dst=10.0.0.2,tos=0x3/0xfc)");
    assert_string_equal(
        format(&f, true, NULL),
        "in_port(1),eth(src="
        "02:00:00:00:00:01/00:00:00:00:00:00,dst=00:00:00:00:00:00/"
        "00:00:00:00:00:00),eth_type(0x0800),ipv4(src=10.0.0.1/0.0.0.0,"
        "dst=10.0.0.2,proto=6/0,tos=0x3/0xfc,ttl=64/0,frag=no/0),"
        "tcp_flags(0x12/0)");
    /* A mask that leaves an attribute out. */
    f.mask.len = 8;
    assert_string_equal(format(&f, false, NULL), "in_port(1),eth()");
    flow_free(&f);
}

static void
test_actions(void **state)
{
    static const char *const rows[][2] = {
        { "drop", NULL },
        { "", "drop" },
        { " ", "drop" },
        { "1,2,3", NULL },
        { "1 2\t3", "1,2,3" },
        { "push_vlan(vid=5,pcp=1)", NULL },
        { "push_vlan(tpid=0x88a8,vid=5,pcp=1)", NULL },
        { "push_vlan(tpid=0x8100,vid=5,pcp=1,cfi=1),pop_vlan,2",
          "push_vlan(vid=5,pcp=1),pop_vlan,2" },
        { "push_vlan(vid=5,pcp=1,cfi=0)", NULL },
        { "set(eth(src=01:02:03:04:05:06,dst=01:02:03:04:05:06))", NULL },
        { "set(eth(src=01:02:03:04:05:06/ff:ff:00:00:00:00))", NULL },
        { "set(ipv4(ttl=63))", NULL },
        { "set(tcp(src=5/0,dst=1)),set(tcp(src=0/0,dst=1))",
          "set(tcp(src=5/0,dst=1)),set(tcp(dst=1))" },
        { "set(ipv6(src=::1,dst=::2,label=0x5,proto=17,tclass=0,hlimit=1,"
          "frag=no))",
          NULL },
        { "set(tcp(src=1,dst=2)),set(skb_mark(0x5/0xffffffff))", NULL },
        { "userspace(pid=5),userspace(pid=6,userdata(0102ff)),"
          "userspace(pid=7,actions,tunnel_out_port=3)",
          NULL },
        { "sample(sample=50.0%,actions(1,2)),3", NULL },
        { "sample(sample=0.0%,actions(drop))", NULL },
        { "clone(1,clone(drop)),2", NULL },
        { "recirc(0x1),hash(l4(5)),hash(sym_l4(0)),trunc(100),meter(3)",
          NULL },
        { "check_pkt_len(size=100,gt(1),le(drop))", NULL },
        { "push_mpls(label=5,tc=1,ttl=64,bos=1,eth_type=0x8847),"
          "pop_mpls(eth_type=0x800)",
          NULL },
        { "push_eth(src=01:02:03:04:05:06,dst=01:02:03:04:05:06),pop_eth",
          NULL },
        { "ct_clear,action12(04000100),action99()", NULL },
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dpx_buf a = DPX_BUF_INIT, text = DPX_BUF_INIT;

        assert_int_equal(dpx_parse_actions(rows[i][0], NULL, &a), 0);
        dpx_format_actions(dpx_buf_data(&a), a.len, NULL, &text);
        assert_string_equal(dpx_buf_str(&text), rows[i][rows[i][1] ? 1 : 0]);
        check_actions(rows[i][0]);
        dpx_buf_free(&a);
        dpx_buf_free(&text);
    }
}

static void
test_errors(void **state)
{
    static const struct {
        bool actions;
        const char *text, *message;
    } rows[] = {
        { false, "in_port(1),ipv4(src=10.0.0.300)",
          "column 21: "
          "\"10.0.0.300\": an IPv4 address expected" },
        { false, "in_port(eth9)",
          "column 9: \"eth9\": the number of a port expected" },
        { false, "eth(src=01:02)",
          "column 9: \"01:02\": an Ethernet address expected" },
        { false, "foo(1)",
          "column 1: \"foo\": a field of flow keys, \"(\" "
          "expected" },
        { false, "ipv4(frag=some)",
          "column 11: \"some\": no, first or later expected" },
        { false, "ipv4(proto=256)",
          "column 12: \"256\": a number up to 255 expected" },
        { false, "ipv4(proto=6,proto=6)",
          "column 14: \"proto\": each field once expected" },
        { false, "ipv4(port=6)",
          "column 6: \"port\": the name of a field, "
          "\"=\" expected" },
        { false, "in_port(1",
          "column 10: \",\" or \")\" expected, the text "
          "ends" },
        { false, "tcp_flags(syn|foo)",
          "column 15: \"foo\": TCP flags "
          "expected" },
        { false, "ufid:12",
          "column 6: \"12\": xxxxxxxx-xxxx-xxxx-xxxx-"
          "xxxxxxxxxxxx expected" },
        { true, "1,fly(2)", "column 3: \"fly\": an action expected" },
        { true, "1,drop", "column 3: \"drop\": drop alone expected" },
        { true, "drop,1", "column 1: \"drop\": drop alone expected" },
        { true, "1)", "column 2: \")\": an action expected" },
        { true, "push_vlan(vid=5)",
          "column 11: \"vid\": all fields, and no "
          "masks expected" },
        { true, "push_vlan(vid=4096,pcp=0)",
          "column 15: \"4096\": a number up to 4095 expected" },
        { true, "set(ipv4(ttl=1)",
          "column 16: \")\" expected, the text ends" },
        { true, "set(encap())",
          "column 5: \"encap\": a field that can be set "
          "expected" },
        { true, "userspace(pid=1,userdata(123))",
          "column 26: \"123\": an even number of digits expected" },
        { true, "action9(0x)",
          "column 9: \"0x\": hexadecimal digits "
          "expected" },
        { true, "sample(sample=101%,actions(1))",
          "column 15: \"101%\": a percentage, \"%\" expected" },
        { true, "clone(1", "column 8: \")\" expected, the text ends" },
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flow f = { 0 };

        assert_int_equal(rows[i].actions
                             ? dpx_parse_actions(rows[i].text, NULL, &f.key)
                             : parse(&f, rows[i].text, NULL),
                         EINVAL);
        assert_string_equal(dpx_error_text(EINVAL), rows[i].message);
        assert_int_equal(f.key.len, 0);
        flow_free(&f);
    }
}

/* A name that would not be read back as one is not used. */
static void
test_names(void **state)
{
    struct dpx_buf a = DPX_BUF_INIT, text = DPX_BUF_INIT;
    struct flow f = { 0 };

    (void) state;
    assert_int_equal(parse(&f, "in_port(eth0),eth()", &names), 0);
    assert_string_equal(format(&f, false, &names), "in_port(eth0),eth()");
    assert_string_equal(format(&f, false, NULL), "in_port(1),eth()");
    assert_int_equal(parse(&f, "in_port(eth9)", &names), EINVAL);
    assert_string_equal(dpx_error_text(EINVAL),
                        "column 9: \"eth9\": the "
                        "number or name of a port expected");
    assert_int_equal(dpx_parse_actions("eth0,2,3,4", &names, &a), 0);
    dpx_format_actions(dpx_buf_data(&a), a.len, &names, &text);
    assert_string_equal(dpx_buf_str(&text), "eth0,2,3,4");
    dpx_buf_free(&a);
    dpx_buf_free(&text);
    flow_free(&f);
}

static void
test_ufid(void **state)
{
    const char *text = "ufid:04030201-0807-0605-0c0b-0a09100f0e0d, in_port(1)";
    struct dpx_buf key = DPX_BUF_INIT, mask = DPX_BUF_INIT, out = DPX_BUF_INIT;
    uint8_t ufid[16];
    bool has_ufid;

    (void) state;
    assert_int_equal(dpx_parse_flow(text, NULL, &key, &mask, ufid, &has_ufid),
                     0);
    assert_true(has_ufid);
    assert_int_equal(key.len, 8);
    dpx_format_ufid(ufid, &out);
    assert_memory_equal(dpx_buf_str(&out), text, out.len);
    assert_int_equal(out.len, 41);
    assert_int_equal(
        dpx_parse_flow("in_port(1)", NULL, &key, &mask, ufid, &has_ufid), 0);
    assert_false(has_ufid);
    dpx_buf_free(&key);
    dpx_buf_free(&mask);
    dpx_buf_free(&out);
}

static void
test_tcp_flags(void **state)
{
    struct dpx_buf b = DPX_BUF_INIT;

    (void) state;
    dpx_format_tcp_flags(0x01a, &b);
    dpx_format_tcp_flags(0, &b);
    dpx_format_tcp_flags(0xf00, &b);
    assert_string_equal(dpx_buf_str(&b), "SP.noneN[200][400][800]");
    dpx_buf_free(&b);
}

/* Whatever the bytes, they can be written; ASan is watching. */
static void
test_hostile(void **state)
{
    static const char *const actions =
        "set(eth(src=01:02:03:04:05:06)),userspace(pid=1,userdata(0102)),"
        "sample(sample=1.0%,actions(1)),check_pkt_len(size=1,gt(2),le(3)),"
        "hash(l4(1)),clone(push_vlan(vid=1,pcp=1))";
    struct dpx_buf a = DPX_BUF_INIT, text = DPX_BUF_INIT, b = DPX_BUF_INIT;

    (void) state;
    assert_int_equal(dpx_parse_actions(actions, NULL, &a), 0);
    for (size_t i = 0; i < 8 * a.len; i++) {
        dpx_buf_data(&a)[i / 8] ^= 1 << i % 8;
        dpx_buf_clear(&text);
        dpx_buf_clear(&b);
        dpx_format_actions(dpx_buf_data(&a), a.len, NULL, &text);
        dpx_format_flow(dpx_buf_data(&a), a.len, dpx_buf_data(&a), a.len, true,
                        NULL, &text);
        dpx_parse_actions(dpx_buf_str(&text), NULL, &b);
        dpx_buf_data(&a)[i / 8] ^= 1 << i % 8;
    }
    for (size_t i = strlen(actions); i > 0; i--) {
        char *cut = strndup(actions, i);

        dpx_parse_actions(cut, NULL, &b);
        cut[i / 2] = "(),=/1"[i % 6];
        dpx_parse_actions(cut, NULL, &b);
        free(cut);
    }
    dpx_buf_free(&a);
    dpx_buf_free(&b);
    dpx_buf_free(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),    cmocka_unit_test(test_keys),
        cmocka_unit_test(test_more),    cmocka_unit_test(test_actions),
        cmocka_unit_test(test_errors),  cmocka_unit_test(test_names),
        cmocka_unit_test(test_ufid),    cmocka_unit_test(test_tcp_flags),
        cmocka_unit_test(test_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

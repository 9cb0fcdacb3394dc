/* SPDX-License-Identifier: Apache-2.0 */

/* The fields of flow text, and how they are written. */

#include "lib/text-private.h"

#include <arpa/inet.h>
#include <endian.h>
#include <inttypes.h>

#define DEC "%" PRIu64
#define HEX "%#" PRIx64

static const char *const tcp_flags[] = { "fin", "syn",   "rst",   "psh",
                                         "ack", "urg",   "ece",   "cwr",
                                         "ns",  "[200]", "[400]", "[800]",
                                         NULL };

static const char *const ct_states[] = { "new", "est",  "rel",  "rpl", "inv",
                                         "trk", "snat", "dnat", NULL };

static const char *const frags[] = { "no", "first", "later", NULL };

const struct dpx_text_kind dpx_text_kinds[DPX_TEXT_TYPES] = {
    [DPX_TEXT_U8] = { 1, false, 8, 0, DEC, HEX, NULL, "a number" },
    [DPX_TEXT_U8X] = { 1, false, 8, 0, HEX, HEX, NULL, "a number" },
    [DPX_TEXT_U16] = { 2, false, 16, 0, DEC, HEX, NULL, "a number" },
    [DPX_TEXT_U32] = { 4, false, 32, 0, DEC, HEX, NULL, "a number" },
    [DPX_TEXT_U32X] = { 4, false, 32, 0, HEX, HEX, NULL, "a number" },
    [DPX_TEXT_BE16] = { 2, true, 16, 0, DEC, HEX, NULL, "a number" },
    [DPX_TEXT_BE16X] = { 2, true, 16, 0, HEX, HEX, NULL, "a number" },
    [DPX_TEXT_BE32X] = { 4, true, 32, 0, HEX, HEX, NULL, "a number" },
    [DPX_TEXT_ETHERTYPE] = { 2, true, 16, 0, "0x%04" PRIx64, "0x%04" PRIx64,
                             NULL, "a number" },
    [DPX_TEXT_LABEL] = { 4, true, 20, 0, HEX, HEX, NULL, "a number" },
    [DPX_TEXT_VID] = { 2, true, 12, 0, DEC, "0x%" PRIx64, NULL, "a number" },
    [DPX_TEXT_PCP] = { 2, true, 3, 13, DEC, "0x%" PRIx64, NULL, "a number" },
    [DPX_TEXT_CFI] = { 2, true, 1, 12, DEC, DEC, NULL, "0 or 1" },
    [DPX_TEXT_LSE_LABEL] = { 4, true, 20, 12, DEC, "0x%" PRIx64, NULL,
                             "a number" },
    [DPX_TEXT_LSE_TC] = { 4, true, 3, 9, DEC, "%" PRIx64, NULL, "a number" },
    [DPX_TEXT_LSE_TTL] = { 4, true, 8, 0, DEC, "0x%" PRIx64, NULL,
                           "a number" },
    [DPX_TEXT_LSE_BOS] = { 4, true, 1, 8, DEC, "%" PRIx64, NULL, "0 or 1" },
    [DPX_TEXT_PORT] = { 4, false, 32, 0, DEC, HEX, NULL, "a port" },
    [DPX_TEXT_FRAG] = { 1, false, 8, 0, DEC, HEX, frags,
                        "no, first or later" },
    [DPX_TEXT_TCP_FLAGS] = { 2, true, 12, 0, HEX, HEX, tcp_flags,
                             "TCP flags" },
    [DPX_TEXT_CT_STATE] = { 4, false, 8, 0, HEX, HEX, ct_states,
                            "connection states" },
    [DPX_TEXT_ETH] = { .size = 6, .what = "an Ethernet address" },
    [DPX_TEXT_IPV4] = { .size = 4, .what = "an IPv4 address" },
    [DPX_TEXT_IPV6] = { .size = 16, .what = "an IPv6 address" },
    [DPX_TEXT_U128] = { .size = 16, .what = "a hexadecimal number" },
};

#define KEY(ATTR, OFS, TYPE, NAME)                                            \
    {                                                                         \
        OVS_KEY_ATTR_##ATTR, OFS, DPX_TEXT_##TYPE, NAME, DPX_TEXT_NONE        \
    }
#define ACT(ATTR, OFS, TYPE, NAME, USUAL)                                     \
    {                                                                         \
        DPX_TEXT_ACTION + OVS_ACTION_ATTR_##ATTR, OFS, DPX_TEXT_##TYPE, NAME, \
            USUAL                                                             \
    }

/* In the order in which they are written; all of one code together. */
static const struct dpx_text_field fields[] = {
    KEY(PRIORITY, 0, U32X, NULL),
    KEY(SKB_MARK, 0, U32X, NULL),
    KEY(RECIRC_ID, 0, U32X, NULL),
    KEY(DP_HASH, 0, U32X, NULL),
    KEY(IN_PORT, 0, PORT, NULL),
    KEY(CT_STATE, 0, CT_STATE, NULL),
    KEY(CT_ZONE, 0, U16, NULL),
    KEY(CT_MARK, 0, U32X, NULL),
    KEY(CT_LABELS, 0, U128, NULL),
    KEY(CT_ORIG_TUPLE_IPV4, 0, IPV4, "src"),
    KEY(CT_ORIG_TUPLE_IPV4, 4, IPV4, "dst"),
    KEY(CT_ORIG_TUPLE_IPV4, 12, U8, "proto"),
    KEY(CT_ORIG_TUPLE_IPV4, 8, BE16, "tp_src"),
    KEY(CT_ORIG_TUPLE_IPV4, 10, BE16, "tp_dst"),
    KEY(CT_ORIG_TUPLE_IPV6, 0, IPV6, "src"),
    KEY(CT_ORIG_TUPLE_IPV6, 16, IPV6, "dst"),
    KEY(CT_ORIG_TUPLE_IPV6, 36, U8, "proto"),
    KEY(CT_ORIG_TUPLE_IPV6, 32, BE16, "tp_src"),
    KEY(CT_ORIG_TUPLE_IPV6, 34, BE16, "tp_dst"),
    KEY(PACKET_TYPE, 0, BE16, "ns"),
    KEY(PACKET_TYPE, 2, BE16X, "id"),
    KEY(ETHERNET, 0, ETH, "src"),
    KEY(ETHERNET, 6, ETH, "dst"),
    KEY(VLAN, 0, VID, "vid"),
    KEY(VLAN, 0, PCP, "pcp"),
    { OVS_KEY_ATTR_VLAN, 0, DPX_TEXT_CFI, "cfi", 1 },
    KEY(ETHERTYPE, 0, ETHERTYPE, NULL),
    KEY(MPLS, 0, LSE_LABEL, "label"),
    KEY(MPLS, 0, LSE_TC, "tc"),
    KEY(MPLS, 0, LSE_TTL, "ttl"),
    KEY(MPLS, 0, LSE_BOS, "bos"),
    KEY(IPV4, 0, IPV4, "src"),
    KEY(IPV4, 4, IPV4, "dst"),
    KEY(IPV4, 8, U8, "proto"),
    KEY(IPV4, 9, U8X, "tos"),
    KEY(IPV4, 10, U8, "ttl"),
    KEY(IPV4, 11, FRAG, "frag"),
    KEY(IPV6, 0, IPV6, "src"),
    KEY(IPV6, 16, IPV6, "dst"),
    KEY(IPV6, 32, LABEL, "label"),
    KEY(IPV6, 36, U8, "proto"),
    KEY(IPV6, 37, U8X, "tclass"),
    KEY(IPV6, 38, U8, "hlimit"),
    KEY(IPV6, 39, FRAG, "frag"),
    KEY(TCP, 0, BE16, "src"),
    KEY(TCP, 2, BE16, "dst"),
    KEY(TCP_FLAGS, 0, TCP_FLAGS, NULL),
    KEY(UDP, 0, BE16, "src"),
    KEY(UDP, 2, BE16, "dst"),
    KEY(SCTP, 0, BE16, "src"),
    KEY(SCTP, 2, BE16, "dst"),
    KEY(ICMP, 0, U8, "type"),
    KEY(ICMP, 1, U8, "code"),
    KEY(ICMPV6, 0, U8, "type"),
    KEY(ICMPV6, 1, U8, "code"),
    KEY(ARP, 0, IPV4, "sip"),
    KEY(ARP, 4, IPV4, "tip"),
    KEY(ARP, 8, BE16, "op"),
    KEY(ARP, 10, ETH, "sha"),
    KEY(ARP, 16, ETH, "tha"),
    KEY(ND, 0, IPV6, "target"),
    KEY(ND, 16, ETH, "sll"),
    KEY(ND, 22, ETH, "tll"),
    KEY(ND_EXTENSIONS, 0, BE32X, "nd_reserved"),
    KEY(ND_EXTENSIONS, 4, U8, "nd_options_type"),
    ACT(TRUNC, 0, U32, NULL, DPX_TEXT_NONE),
    ACT(RECIRC, 0, U32X, NULL, DPX_TEXT_NONE),
    ACT(METER, 0, U32, NULL, DPX_TEXT_NONE),
    ACT(PUSH_ETH, 0, ETH, "src", DPX_TEXT_NONE),
    ACT(PUSH_ETH, 6, ETH, "dst", DPX_TEXT_NONE),
    ACT(PUSH_VLAN, 0, BE16X, "tpid", 0x8100),
    ACT(PUSH_VLAN, 2, VID, "vid", DPX_TEXT_NONE),
    ACT(PUSH_VLAN, 2, PCP, "pcp", DPX_TEXT_NONE),
    ACT(PUSH_VLAN, 2, CFI, "cfi", 1),
    ACT(PUSH_MPLS, 0, LSE_LABEL, "label", DPX_TEXT_NONE),
    ACT(PUSH_MPLS, 0, LSE_TC, "tc", DPX_TEXT_NONE),
    ACT(PUSH_MPLS, 0, LSE_TTL, "ttl", DPX_TEXT_NONE),
    ACT(PUSH_MPLS, 0, LSE_BOS, "bos", DPX_TEXT_NONE),
    ACT(PUSH_MPLS, 4, BE16X, "eth_type", DPX_TEXT_NONE),
    ACT(POP_MPLS, 0, BE16X, "eth_type", DPX_TEXT_NONE),
    ACT(ADD_MPLS, 0, LSE_LABEL, "label", DPX_TEXT_NONE),
    ACT(ADD_MPLS, 0, LSE_TC, "tc", DPX_TEXT_NONE),
    ACT(ADD_MPLS, 0, LSE_TTL, "ttl", DPX_TEXT_NONE),
    ACT(ADD_MPLS, 0, LSE_BOS, "bos", DPX_TEXT_NONE),
    ACT(ADD_MPLS, 4, BE16X, "eth_type", DPX_TEXT_NONE),
    ACT(ADD_MPLS, 6, U16, "tun_flags", 0),
    { 0, 0, 0, NULL, DPX_TEXT_NONE },
};

const struct dpx_text_field *
dpx_text_fields(int code)
{
    const struct dpx_text_field *f = fields;

    while (f->code && f->code != code) {
        f++;
    }
    return f->code ? f : NULL;
}

static uint32_t
load(const struct dpx_text_kind *kind, const uint8_t *p)
{
    switch (kind->size) {
    case 1:
        return *p;
    case 2:
        return kind->big_endian ? be16toh(dpx_get_u16(p)) : dpx_get_u16(p);
    default:
        return kind->big_endian ? be32toh(dpx_get_u32(p)) : dpx_get_u32(p);
    }
}

uint64_t
dpx_text_get(const struct dpx_text_kind *kind, const uint8_t *p)
{
    return load(kind, p) >> kind->shift & ((UINT64_C(1) << kind->bits) - 1);
}

void
dpx_text_set(const struct dpx_text_kind *kind, uint8_t *p, uint64_t value)
{
    uint32_t ones = ((UINT64_C(1) << kind->bits) - 1) << kind->shift;
    uint32_t x = (load(kind, p) & ~ones) | value << kind->shift;
    uint16_t x16 = kind->big_endian ? htobe16(x) : x;
    uint8_t x8 = x;

    x = kind->big_endian ? htobe32(x) : x;
    memcpy(p,
           kind->size == 1   ? (void *) &x8
           : kind->size == 2 ? (void *) &x16
                             : (void *) &x,
           kind->size);
}

void
dpx_text_put_hex(struct dpx_buf *b, const uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dpx_buf_printf(b, "%02x", data[i]);
    }
}

/* By its name, unless that would not be read back as one. */
void
dpx_text_put_port(struct dpx_buf *b, uint32_t port,
                  const struct dpx_port_names *names)
{
    const char *name = names && names->name ? names->name(port, names->aux)
                                            : NULL;

    if (name && *name && (*name < '0' || *name > '9')
        && !name[strcspn(name, ",()/=" DPX_TEXT_BLANKS)]
        && strcmp(name, "drop") && strcmp(name, "pop_vlan")
        && strcmp(name, "pop_eth") && strcmp(name, "ct_clear")) {
        dpx_buf_printf(b, "%s", name);
    } else {
        dpx_buf_printf(b, "%" PRIu32, port);
    }
}

static void
put_number(struct dpx_buf *b, const char *format, uint64_t x)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    dpx_buf_printf(b, format, x);
#pragma GCC diagnostic pop
}

static void
put_value(struct dpx_buf *b, int type, const uint8_t *p, bool is_mask,
          const struct dpx_port_names *names)
{
    const struct dpx_text_kind *kind = &dpx_text_kinds[type];
    char address[INET6_ADDRSTRLEN];
    int i = 0;

    switch (type) {
    case DPX_TEXT_ETH:
        dpx_buf_printf(b, "%02x:%02x:%02x:%02x:%02x:%02x", p[0], p[1], p[2],
                       p[3], p[4], p[5]);
        break;
    case DPX_TEXT_IPV4:
    case DPX_TEXT_IPV6:
        dpx_buf_printf(b, "%s",
                       inet_ntop(type == DPX_TEXT_IPV4 ? AF_INET : AF_INET6, p,
                                 address, sizeof address));
        break;
    case DPX_TEXT_U128:
        while (i < 15 && !p[i]) {
            i++;
        }
        dpx_buf_printf(b, "%s%x", i < 15 || p[i] ? "0x" : "", p[i]);
        dpx_text_put_hex(b, p + i + 1, 15 - i);
        break;
    case DPX_TEXT_FRAG:
        if (*p < 3 && !is_mask) {
            dpx_buf_printf(b, "%s", kind->flags[*p]);
            break;
        }
        /* Fall through. */
    case DPX_TEXT_PORT:
        if (type == DPX_TEXT_PORT && !is_mask) {
            dpx_text_put_port(b, dpx_get_u32(p), names);
            break;
        }
        /* Fall through. */
    default:
        put_number(b, is_mask ? kind->mask_format : kind->format,
                   dpx_text_get(kind, p));
        break;
    }
}

/* "syn|ack" if all bits are in the mask, else "+syn-ack"; a number where that
 * would not tell all. */
static void
put_flags(struct dpx_buf *b, const struct dpx_text_kind *kind, uint64_t value,
          uint64_t mask, bool slash)
{
    uint64_t all = (UINT64_C(1) << kind->bits) - 1;
    const char *bar = "";

    if (slash || !mask || value & ~mask || (mask == all && !value)) {
        put_number(b, kind->format, value);
        if (slash || mask != all) {
            dpx_buf_printf(b, "/");
            put_number(b, kind->mask_format, mask);
        }
        return;
    }
    for (int i = 0; kind->flags[i]; i++) {
        uint64_t bit = UINT64_C(1) << i;

        if (mask != all && mask & bit) {
            dpx_buf_printf(b, "%c%s", value & bit ? '+' : '-', kind->flags[i]);
        } else if (mask == all && value & bit) {
            dpx_buf_printf(b, "%s%s", bar, kind->flags[i]);
            bar = "|";
        }
    }
}

/* How much of the field does the mask cover: 0 nothing, 2 all, 1 between. */
static int
coverage(const struct dpx_text_kind *kind, const uint8_t *mask)
{
    int n = 0;

    if (!mask) {
        return 2;
    }
    if (kind->bits) {
        uint64_t x = dpx_text_get(kind, mask);

        return !x ? 0 : x == (UINT64_C(1) << kind->bits) - 1 ? 2 : 1;
    }
    for (int i = 0; i < kind->size; i++) {
        n += mask[i] == 0xff;
    }
    return n == kind->size ? 2 : dpx_is_zero(mask, kind->size) ? 0 : 1;
}

static void
put_field(struct dpx_buf *b, const struct dpx_text_field *f,
          const uint8_t *value, const uint8_t *mask, bool slash,
          const struct dpx_port_names *names)
{
    const struct dpx_text_kind *kind = &dpx_text_kinds[f->type];

    if (f->name) {
        dpx_buf_printf(b, "%s=", f->name);
    }
    if (kind->flags && f->type != DPX_TEXT_FRAG) {
        put_flags(b, kind, dpx_text_get(kind, value),
                  mask ? dpx_text_get(kind, mask)
                       : (UINT64_C(1) << kind->bits) - 1,
                  slash && mask);
        return;
    }
    put_value(b, f->type, value, false, names);
    if (mask && (slash || coverage(kind, mask) != 2)) {
        dpx_buf_printf(b, "/");
        put_value(b, f->type, mask, true, NULL);
    }
}

/* What is wildcarded is left out, unless it is (as OVS has it) a VLAN field
 * that is not 0. */
static bool
is_shown(const struct dpx_text_field *f, const uint8_t *value,
         const uint8_t *mask, struct dpx_text_style style)
{
    const struct dpx_text_kind *kind = &dpx_text_kinds[f->type];
    int covered = coverage(kind, mask);

    if (f->usual != DPX_TEXT_NONE && !(style.slash && mask)) {
        return covered != 2
               || dpx_text_get(kind, value) != (uint64_t) f->usual;
    }
    return !f->name || style.more || covered
           || ((f->code == OVS_KEY_ATTR_VLAN || style.stray)
               && (kind->bits ? !!dpx_text_get(kind, value)
                              : !dpx_is_zero(value, kind->size)));
}

/* Of MPLS entries either all have masks or none, so that their number can be
 * told. */
void
dpx_text_put_fields(struct dpx_buf *b, int code, const uint8_t *value,
                    const uint8_t *mask, size_t size,
                    struct dpx_text_style style,
                    const struct dpx_port_names *names)
{
    const char *comma = "";
    size_t step = size;

    if (code == OVS_KEY_ATTR_MPLS) {
        step = 4;
        for (size_t i = 0; mask && i < size; i++) {
            style.slash |= mask[i] != 0xff;
        }
        style.more = true;
    }
    for (size_t at = 0; at < size; at += step) {
        const struct dpx_text_field *f = dpx_text_fields(code);

        for (; f && f->code == code; f++) {
            const uint8_t *v = value + at + f->ofs;
            const uint8_t *m = mask ? mask + at + f->ofs : NULL;

            if (!is_shown(f, v, m, style)) {
                continue;
            }
            dpx_buf_printf(b, "%s", comma);
            put_field(b, f, v, m, style.slash, names);
            comma = ",";
        }
    }
}

void
dpx_format_tcp_flags(uint16_t flags, struct dpx_buf *b)
{
    static const char letters[] = "FSRP.UECN";

    if (!flags) {
        dpx_buf_printf(b, "none");
    }
    for (int i = 0; i < 12; i++) {
        if (!(flags >> i & 1)) {
            continue;
        }
        if (letters[i < 9 ? i : 9]) {
            dpx_buf_printf(b, "%c", letters[i]);
        } else {
            dpx_buf_printf(b, "%s", tcp_flags[i]);
        }
    }
}

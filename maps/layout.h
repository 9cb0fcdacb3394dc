/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */

/* The contract between the programs in the kernel and userspace: every struct
 * that lies in a map or a ring buffer.  Compiled for BPF and natively, so:
 * fixed-width types, named padding, no bitfields, no #ifdef members.
 *
 * Who writes what:
 *
 *   map        index             value               written by
 *   ---------  ----------------  ------------------  ----------------------
 *   meta       0                 struct dpx_meta     writers (mmap)
 *   bodies     slot              struct dpx_body     writers (mmap)
 *   actions    slot              struct dpx_actions  writers (mmap)
 *   records    flow              struct dpx_record   writers (mmap)
 *   names      hash              __u64               writers (mmap)
 *   blocks     block             struct dpx_block    writers (mmap)
 *   index      hash              struct dpx_bucket   writers (mmap)
 *   masks      mask              struct dpx_mask     writers (mmap)
 *   order      2 x rank          __u64 mask          writers (mmap)
 *   cache      hash              __u64               the packet path
 *   counters   flow x CPU        struct dpx_counter  the packet path
 *   mask_hits  mask x CPU        __u64               the packet path
 *   cpus       CPU               struct dpx_cpu      the packet path
 *   ports      port number       struct dpx_port     the loader (mmap)
 *   backlog    port number       __u64 bytes         both, atomically
 *   ifports    ifindex (hash)    __u32 port number   the loader
 *   devmap     port number       ifindex             the loader
 *   drops      {port, reason}    struct dpx_drop     both, by their own keys
 *   upcalls    handler           a ring buffer       the packet path
 *
 * "Writers" hold the datapath's lock (maps/table.h).  The packet path never
 * waits for anybody. */

#ifndef DPX_LAYOUT_H
#define DPX_LAYOUT_H 1

#include <linux/types.h>
#include <stddef.h>

#define DPX_LAYOUT_MAGIC 0x31787064 /* "dpx1" */
#define DPX_LAYOUT_VERSION 1

#define DPX_CACHE_LINE 64
#define DPX_MAX_PORTS 4096 /* Port numbers are 0 to 4095. */
#define DPX_PORT_LOCAL 0
#define DPX_PORT_NONE 0xffffffffu
#define DPX_MAX_HANDLERS 64
#define DPX_NAME_LEN 16 /* Of a datapath or a device, with its NUL. */

/* Flow key.  ----------------------------------------------------------------
 *
 * What a packet is matched on, as openvswitch.ko extracts it, in words of 64
 * bits so that masking, hashing and comparing know no fields.  Fields in host
 * order are __u32 or __u16, fields as on the wire __be.  A field that the
 * packet does not have is zero.  The parser writes words 0 to 13 and the
 * packet's metadata; words from DPX_KEY_TAIL on are zero unless an action or a
 * tunnel set them. */

#define DPX_KEY_WORDS 32
#define DPX_KEY_TAIL 14

enum dpx_mac_proto {
    DPX_MAC_ETHERNET = 0,
    DPX_MAC_NONE = 1, /* A layer 3 packet: no Ethernet header. */
};

/* OVS_FRAG_TYPE_* of <linux/openvswitch.h>. */
enum dpx_frag {
    DPX_FRAG_NONE = 0,
    DPX_FRAG_FIRST = 1,
    DPX_FRAG_LATER = 2,
};

struct dpx_vlan {
    __be16 tpid; /* 0x8100 or 0x88a8; 0: no such tag. */
    __be16 tci;  /* Bit 12 (DPX_VLAN_PRESENT) set: a tag. */
};

#define DPX_VLAN_PRESENT 0x1000 /* Host order; the kernel's VLAN_CFI_MASK. */

struct dpx_key {
    /* 0 */
    __u32 in_port;
    __u32 recirc_id;
    /* 1 */
    __u8 eth_dst[6];
    __be16 eth_type; /* Innermost; 0x0004 (ETH_P_802_2) for LLC. */
    /* 2 */
    __u8 eth_src[6];
    __u8 mac_proto; /* enum dpx_mac_proto. */
    __u8 pad0;
    /* 3 */
    struct dpx_vlan vlan[2]; /* Outer, inner. */
    /* 4 */
    __u8 ip_proto; /* ARP and RARP: low byte of the opcode. */
    __u8 ip_tos;
    __u8 ip_ttl;
    __u8 ip_frag;     /* enum dpx_frag. */
    __be32 ip6_label; /* 20 bits. */
    /* 5 */
    __be16 tp_src;    /* ICMP, ICMPv6: the type. */
    __be16 tp_dst;    /* ICMP, ICMPv6: the code. */
    __be16 tcp_flags; /* 12 bits, with the reserved ones. */
    __be16 pad1;
    /* 6 to 9: one network layer at a time. */
    union {
        struct {
            __be32 src;
            __be32 dst;
        } ipv4;
        struct {
            __u8 src[16];
            __u8 dst[16];
        } ipv6;
        struct {
            __be32 sip;
            __be32 tip;
            __u8 sha[6];
            __u8 pad0[2];
            __u8 tha[6];
            __u8 pad1[2];
        } arp;
        struct {
            __be32 lse[3]; /* Outermost first. */
            __be32 n;      /* Labels of the packet, at most 3. */
        } mpls;
        __u64 net[4];
    };
    /* 10 to 13 */
    __u8 nd_target[16];
    __u8 nd_sll[6];
    __u8 pad2[2];
    __u8 nd_tll[6];
    __u8 pad3[2];
    /* 14: DPX_KEY_TAIL. */
    __u32 skb_priority;
    __u32 skb_mark;
    /* 15 */
    __u32 dp_hash;
    __u32 ct_mark;
    /* 16 */
    __u32 ct_state;
    __u16 ct_zone;
    __u8 ct_orig_proto;
    __u8 pad4;
    /* 17, 18 */
    __u8 ct_label[16];
    /* 19 to 25: the tunnel that the packet came out of. */
    __be64 tun_id;
    __u8 tun_src[16]; /* IPv4: the first four bytes. */
    __u8 tun_dst[16];
    __be16 tun_flags; /* TUNNEL_* of the kernel. */
    __u8 tun_tos;
    __u8 tun_ttl;
    __be16 tun_tp_src;
    __be16 tun_tp_dst;
    __u32 tun_opts; /* Hash of, or reference to, the options. */
    __u8 tun_proto; /* AF_INET, AF_INET6 or 0: none. */
    __u8 tun_opts_len;
    __be16 pad5;
    /* 26 to 30: conntrack's original direction. */
    __u8 ct_orig_src[16];
    __u8 ct_orig_dst[16];
    __be16 ct_orig_tp_src;
    __be16 ct_orig_tp_dst;
    __u32 pad6;
    /* 31 */
    __u64 reserved;
};

#define DPX_KEY_WORD(FIELD) (offsetof(struct dpx_key, FIELD) / 8)

_Static_assert(sizeof(struct dpx_key) == 8 * DPX_KEY_WORDS, "key size");
_Static_assert(DPX_KEY_WORD(vlan) == 3, "key layout");
_Static_assert(DPX_KEY_WORD(tp_src) == 5, "key layout");
_Static_assert(DPX_KEY_WORD(net) == 6, "key layout");
_Static_assert(DPX_KEY_WORD(nd_target) == 10, "key layout");
_Static_assert(DPX_KEY_WORD(skb_priority) == DPX_KEY_TAIL, "key layout");
_Static_assert(DPX_KEY_WORD(tun_id) == 19, "key layout");
_Static_assert(DPX_KEY_WORD(ct_orig_src) == 26, "key layout");
_Static_assert(DPX_KEY_WORD(reserved) == 31, "key layout");

/* Masks.  -------------------------------------------------------------------
 *
 * A mask lists the words of the key that it looks at, and the bits in each.
 * `order` ranks the masks for the search: two halves of conf.n_masks entries,
 * of which meta.order names the one in force. */

struct dpx_mask {
    __u8 n_words;
    __u8 pad[7];
    __u8 offset[DPX_KEY_WORDS]; /* Word numbers, ascending. */
    __u64 seed;                 /* Starts this mask's hashes. */
    __u64 bits[DPX_KEY_WORDS];  /* bits[i] masks word offset[i]. */
    /* The writers' own. */
    __u32 n_flows;
    __u32 listed; /* It is in `order`; else it is free, */
    __u64 epoch;  /* from the end of this grace period on. */
};
_Static_assert(sizeof(struct dpx_mask) == 320, "mask size");

#define DPX_ORDER_HALF 0x80000000u /* In dpx_meta.order. */

/* Operations.  --------------------------------------------------------------
 *
 * The actions of a flow, compiled when it is put.  Each operation stands for
 * itself, whatever block it lies in. */

enum dpx_op_type {
    DPX_OP_NONE,
    DPX_OP_OUTPUT,    /* a: port number. */
    DPX_OP_SET,       /* *(layer + off) = (* & ~b) | a, 4 bytes. */
    DPX_OP_SET_KEY,   /* The same in the key: off is in bytes. */
    DPX_OP_PUSH_VLAN, /* a: TPID << 16 | TCI, host order, as goes
                                 * on the wire: without DPX_VLAN_PRESENT. */
    DPX_OP_POP_VLAN,
    DPX_OP_DATA,      /* 8 bytes more of userdata: a, b. */
    DPX_OP_USERSPACE, /* a: pid; off: bytes of userdata so far. */
    DPX_OP_MAX
};

/* Where DPX_OP_SET's offset counts from.  An operation on a layer that the
 * packet does not have does nothing. */
enum dpx_layer {
    DPX_LAYER_ETH,  /* First byte of the frame. */
    DPX_LAYER_MPLS, /* First label. */
    DPX_LAYER_NET,  /* Network header. */
    DPX_LAYER_TP,   /* Transport header; not in later fragments. */
};

/* What else DPX_OP_SET has to keep right.  Bits. */
enum dpx_csum {
    DPX_CSUM_IP = 1,     /* IPv4 header checksum. */
    DPX_CSUM_PSEUDO = 2, /* Transport checksum, by pseudo-header. */
    DPX_CSUM_TP = 4,     /* Transport checksum, by its own bytes. */
    DPX_CSUM_SCTP = 8,   /* CRC-32c of the SCTP packet. */
};

struct dpx_op {
    __u8 type;  /* enum dpx_op_type. */
    __u8 layer; /* enum dpx_layer. */
    __u8 csum;  /* enum dpx_csum. */
    __u8 pad;
    __u16 off;
    __u16 pad1;
    __u32 a;
    __u32 b;
};
_Static_assert(sizeof(struct dpx_op) == 16, "op size");

#define DPX_MAX_OPS 16384
#define DPX_MAX_USERDATA 1024 /* Bytes of one USERSPACE action. */
#define DPX_MAX_ACTIONS 65535 /* Bytes of attributes of one flow. */

/* Overflow of operations and of attributes: a chain of blocks, block 0 being
 * the end of every chain and never used. */
#define DPX_BLOCK_OPS 15
#define DPX_BLOCK_BYTES 240

struct dpx_block {
    __u32 next;
    __u32 pad[3];
    union {
        struct dpx_op ops[DPX_BLOCK_OPS];
        __u8 bytes[DPX_BLOCK_BYTES];
    };
};
_Static_assert(sizeof(struct dpx_block) == 256, "block size");

/* Bodies.  ------------------------------------------------------------------
 *
 * What the packet path knows of a flow.  A body is written while dead, then
 * made live, then published in the index; it never changes while live.  A
 * modified flow gets a new body.  A dead body's slot is reused after a grace
 * period only, so whoever found a live body may read all of it. */

#define DPX_BODY_OPS 6
#define DPX_BODY_FIRST 7 /* Words up to IPv4's addresses. */

enum dpx_body_flags {
    DPX_BODY_XDP = 1,   /* XDP can execute it, if `out` permits. */
    DPX_BODY_PLAIN = 2, /* The operations are one output, or none. */
};

/* A modify replaces a body: who found it in the index just before may go on
 * with it, or his packet would miss a flow that was there throughout; but who
 * finds it in the cache must search, or he would follow it for ever. */
enum dpx_body_live {
    DPX_BODY_DEAD,
    DPX_BODY_LIVE,
    DPX_BODY_REPLACED, /* Live, but no cache entry counts. */
};

/* What a flow matches.  The first words of the key stand at their numbers,
 * looked at or not, each beside its mask: comparing them needs neither the
 * mask's list nor a loop.  The others are in the mask's order. */
struct dpx_match {
    struct {
        __u64 bits;
        __u64 word; /* Masked. */
    } first[DPX_BODY_FIRST];
    __u64 more[DPX_KEY_WORDS - DPX_BODY_FIRST];
};

struct dpx_body {
    __u32 live; /* enum dpx_body_live. */
    __u32 flow; /* Index of its counters. */
    __u32 out;  /* Only output, the last op; DPX_PORT_NONE. */
    __u16 mask;
    __u8 flags;  /* enum dpx_body_flags. */
    __u8 n_more; /* Words in match.more. */
    struct dpx_match match;
    __u32 block; /* Holds the ops beyond DPX_BODY_OPS; or 0. */
    __u16 n_ops;
    __u16 pad;
    struct dpx_op ops[DPX_BODY_OPS];
    __u64 pad1[2];
};
_Static_assert(sizeof(struct dpx_body) == 448, "body size");
_Static_assert(offsetof(struct dpx_body, match.more) == 2 * DPX_CACHE_LINE,
               "what plain hits read of a body is in its first two lines");

/* Index: masked hash -> slot.  ----------------------------------------------
 *
 * The hash table of all masks.  A bucket is one load for "no such flow", and
 * holds 16-bit tags (never 0) of the hashes in it beside the slots.  A tag is
 * stored last when an entry is made and cleared first when it goes.  Full
 * buckets continue in `next`, an overflow bucket behind the first
 * conf.bucket_mask + 1. */

#define DPX_BUCKET_CELLS 4
#define DPX_BUCKET_CHAIN 8 /* Longest chain of buckets. */

struct dpx_bucket {
    __u64 tags; /* Four of 16 bits, cell 0 lowest. */
    __u32 slots[DPX_BUCKET_CELLS];
    __u32 next; /* 0: none. */
    __u32 pad;
};
_Static_assert(sizeof(struct dpx_bucket) == 32, "bucket size");

/* Cache entries are (tag << 32) | slot, where tag is the upper half of the
 * packet's hash.  An entry is a hint: the body's words decide. */

/* Counters.  ---------------------------------------------------------------- 
 *
 * A row per CPU, so that the packet path adds without atomics: index
 * cpu * conf.n_flows + flow.  `seq` is odd while the row is being written. */

struct dpx_counter {
    __u64 packets;
    __u64 bytes;
    __u64 used; /* jiffies64; 0: never. */
    __u32 seq;
    union {
        struct {
            __u16 tcp_flags; /* Host order, OR of all. */
            __u16 planes;    /* Bits 1 << enum dpx_plane. */
        };
        __u32 seen; /* Both: planes are the upper half. */
    };
};
_Static_assert(sizeof(struct dpx_counter) == 32, "counter size");

enum dpx_plane { DPX_PLANE_XDP, DPX_PLANE_TC, DPX_PLANE_USER };

/* The datapath's counters.  In a CPU's share, hits of the cache are counted in
 * `cache_hit` alone; in the sum (dpx_maps_stats()) they are hits as well, and
 * each has looked at one mask. */
struct dpx_stats {
    __u64 hit;
    __u64 missed;
    __u64 lost;
    __u64 mask_hit; /* Masks looked at. */
    __u64 cache_hit;
};

/* What the packet path never reads.  -------------------------------------- */

/* A slot that waits for its grace period, or is free. */
struct dpx_retired {
    __u64 epoch;  /* The grace period that it waits for. */
    __u32 next;   /* Slot behind it; 0: none. */
    __u32 flow;   /* Flow that went with it; 0: none. */
    __u32 bucket; /* Bucket that went with it; 0: none. */
    __u32 pad;
};

/* The actions as they were put, by slot: the first bytes here, the rest in
 * `block`'s chain. */
#define DPX_ACTIONS_INLINE 104

struct dpx_actions {
    __u32 len;
    __u32 block;
    __u64 base_packets; /* To be subtracted from the counters. */
    __u64 base_bytes;
    union {
        __u8 bytes[DPX_ACTIONS_INLINE];
        struct dpx_retired retired;
    };
};
_Static_assert(sizeof(struct dpx_actions) == 128, "actions size");

/* A flow's identity.  `slot` is what makes the flow exist; it is stored last
 * and changes in one store when the flow is modified.  `serial` is another
 * after each change, so that who reads without the lock knows what it read. */
#define DPX_RECORD_INLINE 400

enum dpx_record_flags {
    DPX_RECORD_UFID = 1, /* It was put with a ufid. */
};

struct dpx_record {
    __u32 slot; /* 0: no such flow.  Slot 0 is never used. */
    __u32 serial;
    __u8 ufid[16];
    __u32 key_words; /* Bitmap of the key's words that are not 0. */
    __u16 key_len;   /* Bytes of attributes. */
    __u16 mask_len;
    __u32 block;  /* Continues `bytes`.  Free: the next one. */
    __u32 flags;  /* enum dpx_record_flags. */
    __u32 holder; /* Process that is to read the counters of
                                 * this deleted flow; 0: none. */
    __u32 pad;
    __u8 bytes[DPX_RECORD_INLINE]; /* The words, then the key, the mask. */
};
_Static_assert(sizeof(struct dpx_record) == 448, "record size");

/* Datapath.  -------------------------------------------------------------- */

/* What is chosen at create and never changes; in the programs' .rodata and in
 * meta. */
struct dpx_config {
    __u32 n_flows; /* Flows that may exist, and flow 0. */
    __u32 n_slots; /* Bodies: flows and those being replaced. */
    __u32 n_masks;
    __u32 n_blocks;
    __u32 bucket_mask; /* Buckets, less one: 2**n - 1. */
    __u32 n_buckets;   /* With the overflow buckets. */
    __u32 cache_mask;  /* Cache entries, less one: 2**n - 1. */
    __u32 name_mask;   /* Name entries, less one: 2**n - 1. */
    __u32 n_cpus;      /* Possible CPUs. */
    __u32 ring_bytes;  /* Of one handler's ring, a power of two. */
    __u64 secret_lo[DPX_KEY_WORDS]; /* Random; the lower 32 bits count. */
    __u64 secret_hi[DPX_KEY_WORDS];
};

struct dpx_meta {
    /* Read by the packet path. */
    __u32 order;      /* Masks in force, | DPX_ORDER_HALF. */
    __u32 n_handlers; /* Rings in use; 0: nobody listens. */
    __u64 pad0[7];
    /* What an opener checks. */
    __u32 magic;
    __u32 version;
    __u32 size; /* Of this struct. */
    char name[DPX_NAME_LEN];
    __u32 pad1;
    struct dpx_config conf;
    /* The writers' own, under the lock. */
    __u32 dirty; /* A writer is at work, or died at it. */
    __u32 n_flows;
    __u64 generation; /* Counts changes; gives records' serials. */
    __u64 epoch;      /* Current grace period, see maps/grace.c. */
    __u64 epoch_done; /* Last epoch that every reader has left. */
    __u32 free_flow;  /* Heads of the free lists; 0: empty. */
    __u32 free_slot;
    __u32 free_block;
    __u32 free_bucket;
    __u32 fresh_flow; /* Never used from here on. */
    __u32 fresh_slot;
    __u32 fresh_block;
    __u32 fresh_bucket;
    __u32 retired_head; /* FIFO of slots waiting for a grace period. */
    __u32 retired_tail;
    __u64 order_epoch; /* When meta.order last changed halves. */
    __u32 fresh_mask;
    __u32 n_empty;     /* Masks in `order` without flows. */
    __u32 mask_serial; /* Counts masks made and unlisted. */
    __u32 repairs;
    /* The loader's. */
    __u64 netns;  /* Cookie of its ports' netns. */
    __u32 devmap; /* The kernel's number of map `devmap`. */
    __u32 pad2[7];
};
_Static_assert(sizeof(struct dpx_meta) % 8 == 0, "meta size");

/* Ports.  ----------------------------------------------------------------- */

enum dpx_port_mode { DPX_MODE_AUTO, DPX_MODE_XDP, DPX_MODE_TC };

enum dpx_port_flags {
    DPX_PORT_UP = 1,       /* Has carrier, for all we know: a hint. */
    DPX_PORT_RX_XDP = 2,   /* XDP frames sent to it arrive. */
    DPX_PORT_XDP = 4,      /* Our XDP program is on it. */
    DPX_PORT_INTERNAL = 8, /* We made it; `host` bears its name. */
    DPX_PORT_TCX = 16,     /* Our TC program hangs on a link. */
};

struct dpx_port {
    __u32 ifindex;           /* 0: no such port. */
    __u32 flags;             /* enum dpx_port_flags. */
    __u32 mtu;               /* Behind the Ethernet header: a hint. */
    __u32 host;              /* Internal port: ifindex of the host's end. */
    char name[DPX_NAME_LEN]; /* Name of the device (host's end). */
    __u8 mode;               /* enum dpx_port_mode, as asked for. */
    __u8 pad[3];
    __u32 undo;   /* What detach restores: loader/private.h. */
    __u32 serial; /* Counts changes of this port. */
    __u32 pad1;
    __u64 tx_dropped; /* The device's counter at the attach. */
    __u64 refused;    /* Counted in `drops`, and by a veth in its
                                 * own tx_dropped, too. */
};
_Static_assert(sizeof(struct dpx_port) == 64, "port size");

/* Drops.  ----------------------------------------------------------------- */

/* Why a packet, or a copy of it, went nowhere.  The names are in
 * DPX_DROP_NAMES; both end with DPX_DROP_MAX. */
enum dpx_drop_reason {
    DPX_DROP_NONE,
    DPX_DROP_LOST,       /* Upcall: ring full or over budget. */
    DPX_DROP_NO_HANDLER, /* Upcall: nobody receives. */
    DPX_DROP_NO_PORT,    /* Output: no such port. */
    DPX_DROP_PORT_DOWN,  /* Output: the device is down. */
    DPX_DROP_MTU,        /* Output: longer than the device's MTU. */
    DPX_DROP_REDIRECT,   /* Output: the kernel refused it. */
    DPX_DROP_PULL,       /* Headers could not be made linear. */
    DPX_DROP_PUSH,       /* No room to push a header. */
    DPX_DROP_WRITE,      /* Packet memory could not be written. */
    DPX_DROP_UNKNOWN_OP, /* An operation newer than the program. */
    DPX_DROP_TOO_LONG,   /* Upcall: longer than any record. */
    DPX_DROP_DEVMAP,     /* Lost behind an XDP redirect. */
    DPX_DROP_DEVICE,     /* Lost by the device, which counts them. */
    DPX_DROP_MAX
};

#define DPX_DROP_NAMES                                                        \
    {                                                                         \
        "none", "lost", "no_handler", "no_port", "port_down", "mtu",          \
            "redirect", "pull", "push", "write", "unknown_op", "too_long",    \
            "devmap", "device"                                                \
    }

struct dpx_drop_key {
    __u32 port;   /* Output drops: the output port. */
    __u32 reason; /* enum dpx_drop_reason, | DPX_DROP_USER. */
};

#define DPX_DROP_USER 0x80 /* Counted by userspace: see maps/drop.c. */

struct dpx_drop {
    __u64 packets;
    __u64 bytes;
};

/* Upcalls.  --------------------------------------------------------------- */

enum dpx_upcall_type { DPX_UPCALL_MISS, DPX_UPCALL_ACTION };

/* A record in a handler's ring: this, and the packet and the userdata at the
 * offsets from its start that it names.  The packet is whole, its tag in its
 * place.  A checksum may be partial: the field then holds the pseudo-header's
 * sum (folded, not complemented). */
struct dpx_upcall {
    __u8 type; /* enum dpx_upcall_type. */
    __u8 pad[3];
    __u32 port;
    __u32 pid; /* Of a USERSPACE action; else 0. */
    __u32 packet_ofs;
    __u32 packet_len;
    __u32 userdata_ofs;
    __u32 userdata_len;
    __u16 gso_size; /* 0: no GSO packet. */
    __u16 gso_segs;
    __u32 charged; /* Bytes that went onto backlog[port]. */
    __u32 pad1;
    struct dpx_key key;
};
_Static_assert(sizeof(struct dpx_upcall) == 40 + sizeof(struct dpx_key),
               "upcall size");

/* Work area of one run on one CPU.  --------------------------------------- */

enum dpx_packet_flags {
    DPX_PACKET_SEGMENTS_LEFT = 1, /* IPv6, and not at its destination yet: a
                                   * routing header names another. */
};

struct dpx_scratch {
    /* Offsets from the frame's first byte; 0: no such layer. */
    __u16 mpls_ofs;
    __u16 net_ofs;
    __u16 tp_ofs;
    __u16 flags;   /* enum dpx_packet_flags. */
    __u32 len;     /* Bytes as counted: with the tag. */
    __u32 verdict; /* What the program is to return. */
    __u8 edited;   /* The packet is no more what was parsed. */
    __u8 cached;   /* The cache knew the flow. */
    __u16 pos;     /* Operation in `block`. */
    __u32 userdata_len;
    struct dpx_key key;
    /* The trains of packets that XDP follows, see bpf/lookup.h. */
    __u32 train;   /* Slot of the flow to try first, or 0. */
    __u32 found;   /* Slot that the cache found last. */
    __u64 hash;    /* The packet's, which handlers share by. */
    __u32 n_masks; /* A search looked at this many. */
    __u32 block;   /* The one being executed; 0: the body. */
    __u8 userdata[DPX_MAX_USERDATA];
};

/* Which port an interface was last time, by the low bits of its index.  Who
 * removes a port sees to it that none is left (dpx_maps_forget()). */
struct dpx_guess {
    __u32 ifindex; /* 0: nothing known. */
    __u32 port;
};

#define DPX_GUESSES 64 /* A power of two. */

/* What is one CPU's.  What each packet touches is close together, and not at
 * the beginning of a page, where packets' headers crowd one another out of the
 * level 1 cache. */
struct dpx_cpu {
    struct dpx_guess guess[DPX_GUESSES];
    struct dpx_stats stats;
    struct dpx_scratch scratch;
    __u64 pad[21];
};
_Static_assert(sizeof(struct dpx_cpu) == 2048, "cpu size");
_Static_assert(offsetof(struct dpx_cpu, scratch.key) % DPX_CACHE_LINE == 0,
               "a key's first words are one line");

/* What program `clock` returns in its context: one moment in both clocks. */
struct dpx_clock_args {
    __u64 jiffies; /* jiffies64. */
    __u64 ns;      /* CLOCK_MONOTONIC. */
};

#endif /* maps/layout.h */

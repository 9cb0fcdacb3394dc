#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes planes.jsonl: packets, flows, and what is to become of them (see
tests/lib/plane.h).  What is expected is built anew by scapy (Debian package
python3-scapy) from the packet's description, checksums and all; nothing of
dpx takes part.

    tests/data/planes.py > tests/data/planes.jsonl
"""

import copy
import json
import logging
import sys

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.all import (ARP, Dot1AD, Dot1Q, Ether, ICMP,  # noqa: E402
                       ICMPv6EchoRequest, IP, IPOption_NOP, IPv6,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                       IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN, Raw, SCTP,
                       SCTPChunkData, TCP, UDP, fragment, fragment6)

SRC, DST = "02:aa:bb:cc:dd:01", "02:aa:bb:cc:dd:02"
SRC4, DST4 = "10.1.2.3", "192.168.17.18"
SRC6, DST6 = "2001:db8::1:2", "2001:db8:ffff::3:4"
PROTO = {"tcp": 6, "udp": 17, "sctp": 132, "icmp": {4: 1, 6: 58}}
ANY = "/00:00:00:00:00:00"


# Packets.

def describe(version=4, l4="tcp", **more):
    """A packet.  What is not named is as here."""
    d = dict(version=version, l4=l4, src=SRC, dst=DST, tags=[], ttl=64,
             tos=0x2e, label=0x12345, options=0, ext=None, frag=None,
             sport=1000, dport=2000, payload=11, no_sum=False, delta=0,
             zeros=False, zero_at=0,
             ip_src=SRC4 if version == 4 else SRC6,
             ip_dst=DST4 if version == 4 else DST6, type=0x88b5)
    d.update(more)
    return d


def transport(d):
    data = Raw(bytes(0 if d["zeros"] else 7 * i & 0xff
                     for i in range(d["payload"])))
    if d["l4"] == "tcp":
        return TCP(sport=d["sport"], dport=d["dport"], seq=77, ack=88,
                   flags="PA", options=[("NOP", None)] * 3) / data
    if d["l4"] == "udp":
        udp = UDP(sport=d["sport"], dport=d["dport"])
        if d["no_sum"]:
            udp.chksum = 0
        return udp / data
    if d["l4"] == "sctp":
        return (SCTP(sport=d["sport"], dport=d["dport"], tag=0x1234)
                / SCTPChunkData(data=bytes(data)))
    if d["version"] == 4:
        return ICMP(type=8, id=5, seq=6) / data
    return ICMPv6EchoRequest(id=5, seq=6, data=bytes(data))


def extension(d):
    return {"hop": IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)]),
            "dest": IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)]),
            "routing": IPv6ExtHdrRouting(addresses=[], segleft=0),
            }[d["ext"]]


def network(d):
    if d["version"] == 4:
        return IP(src=d["ip_src"], dst=d["ip_dst"], ttl=d["ttl"],
                  tos=d["tos"], id=9,
                  options=[IPOption_NOP()] * (4 * d["options"]))
    ip = IPv6(src=d["ip_src"], dst=d["ip_dst"], hlim=d["ttl"],
              tc=d["tos"], fl=d["label"])
    return ip / extension(d) if d["ext"] else ip


def datagram(d):
    if d["version"] == "arp":
        return bytes(ARP(op=1, hwsrc=SRC, psrc=SRC4, pdst=DST4)), 0x0806
    if not d["version"]:
        return bytes(range(d["payload"])), d["type"]
    ip = network(d)
    if d["version"] == 4:
        whole = IP(bytes(ip / transport(d)))
        if d["frag"]:
            parts = fragment(whole, 40)
            whole = parts[0 if d["frag"] == "first" else 1]
        return bytes(whole), 0x0800
    whole = ip / transport(d)
    if d["frag"]:
        parts = fragment6(ip / IPv6ExtHdrFragment(id=3) / transport(d), 104)
        whole = parts[0 if d["frag"] == "first" else 1]
    return bytes(whole), 0x86dd


def wrong(d, data):
    """The checksum of TCP or UDP, wrong by delta."""
    size = len(bytes(transport(d)))
    at = len(data) - size + (16 if d["l4"] == "tcp" else 6)
    old = int.from_bytes(data[at:at + 2], "big")
    new = old + d["delta"]
    new = (new & 0xffff) + (new >> 16)
    return data[:at] + new.to_bytes(2, "big") + data[at + 2:]


def build(d):
    data, ethertype = datagram(d)
    if d["delta"]:
        data = wrong(d, data)
    for tpid, vid, pcp in reversed(d["tags"]):
        data = ((pcp << 13 | vid).to_bytes(2, "big")
                + ethertype.to_bytes(2, "big") + data)
        ethertype = tpid
    mac = [bytes.fromhex(d[m].replace(":", "")) for m in ("dst", "src")]
    frame = mac[0] + mac[1] + ethertype.to_bytes(2, "big") + data
    at = d["zero_at"]
    return frame[:at] + bytes(4) + frame[at + 4:] if at else frame


# Flows that match such a packet.

def key_of(d, in_port=1):
    if d["version"] == "arp":
        inner = "eth_type(0x0806),arp(op=1)"
    elif not d["version"]:
        inner = "eth_type(0x%04x)" % d["type"]
    else:
        ip, of = (4, "0x0800") if d["version"] == 4 else (6, "0x86dd")
        proto = PROTO[d["l4"]]
        proto = proto if isinstance(proto, int) else proto[ip]
        if ip == 6 and d["frag"] == "later":
            proto = 44
        inner = "eth_type(%s),ipv%d(proto=%d,frag=%s)" % (
            of, ip, proto, d["frag"] or "no")
        if d["l4"] == "icmp":
            inner += ",icmp(type=8)" if ip == 4 else ",icmpv6(type=128)"
        elif d["frag"] != "later":
            inner += ",%s(src=%d)" % (d["l4"], d["sport"])
    for tpid, vid, pcp in reversed(d["tags"]):
        inner = "eth_type(0x%04x),vlan(vid=%d,pcp=0/0x0),encap(%s)" % (
            tpid, vid, inner)
    return "in_port(%d),eth(src=%s%s,dst=%s%s),%s" % (
        in_port, SRC, ANY, DST, ANY, inner)


# Rows.

n_rows = 0


def hexed(data):
    zeros = len(data) - len(data.rstrip(b"\0"))
    if zeros < 100:
        return data.hex()
    return "%s*%d" % (data[:-zeros].hex(), zeros)


def row(group, d, actions, outputs, in_port=1, **more):
    """outputs: (port, packet) or (port, packet, times)."""
    global n_rows
    n_rows += 1
    out = [dict(port=o[0], packet=hexed(build(o[1])),
                **({"times": o[2]} if len(o) > 2 else {})) for o in outputs]
    r = {"id": "planes-%04d" % n_rows, "group": group, "in_port": in_port,
         "packet": hexed(build(d)),
         "flows": [{"key": key_of(d, in_port), "actions": actions}],
         "outputs": sorted(out, key=lambda o: o["port"]), "hits": [1],
         "upcalls": [], "drops": []}
    r.update(more)
    print(json.dumps(r, separators=(",", ":")))


def edited(d, **changes):
    e = copy.deepcopy(d)
    e.update(changes)
    return e


TAGGINGS = [[], [(0x8100, 100, 5)], [(0x88a8, 7, 1), (0x8100, 100, 5)],
            [(0x8100, 0, 3)], [(0x8100, 1, 0), (0x8100, 2, 7)]]

PACKETS = (
    [describe(v, l4) for v in (4, 6) for l4 in ("tcp", "udp", "sctp", "icmp")]
    + [describe(4, "udp", no_sum=True), describe(6, "udp", ext="hop"),
       describe(6, "tcp", ext="dest"), describe(6, "udp", ext="routing"),
       describe(4, "tcp", options=3), describe(4, "icmp", options=10),
       describe(4, "udp", options=1, payload=0),
       describe(4, "tcp", delta=0x1234), describe(6, "udp", delta=0x777),
       describe("arp"), describe(None, payload=46)]
    + [describe(v, l4, frag=f, payload=120)
       for v in (4, 6) for l4 in ("tcp", "udp") for f in ("first", "later")])


def addresses(d):
    if d["version"] == 4:
        return "10.99.0.1", "172.31.255.254"
    return "fd00:1234:5678:9abc:def0:1:2:3", "2001:db8::ffff"


def each_edit(d):
    """(actions, the packet afterwards) for whatever can be done to it."""
    yield "", d
    yield ("set(eth(src=06:11:22:33:44:55,dst=ff:ff:ff:ff:ff:ff))",
           edited(d, src="06:11:22:33:44:55", dst="ff:ff:ff:ff:ff:ff"))
    yield ("set(eth(dst=00:00:00:00:00:99/00:00:00:00:00:ff))",
           edited(d, dst="02:aa:bb:cc:dd:99"))
    yield ("push_vlan(vid=33,pcp=2)",
           edited(d, tags=[(0x8100, 33, 2)] + d["tags"]))
    yield ("push_vlan(tpid=0x88a8,vid=4095,pcp=7),push_vlan(vid=0,pcp=0)",
           edited(d, tags=[(0x8100, 0, 0), (0x88a8, 4095, 7)] + d["tags"]))
    yield "pop_vlan", edited(d, tags=d["tags"][1:])
    yield "pop_vlan,pop_vlan", edited(d, tags=d["tags"][2:])
    yield ("pop_vlan,push_vlan(vid=44,pcp=4)",
           edited(d, tags=[(0x8100, 44, 4)] + d["tags"][1:]))
    if d["version"] in (4, 6):
        yield from each_ip_edit(d)


def each_ip_edit(d):
    v = d["version"]
    src, dst = addresses(d)
    ttl = "ttl" if v == 4 else "hlimit"
    tos = "tos" if v == 4 else "tclass"
    yield ("set(ipv%d(src=%s,dst=%s))" % (v, src, dst),
           edited(d, ip_src=src, ip_dst=dst))
    yield "set(ipv%d(%s=1))" % (v, ttl), edited(d, ttl=1)
    yield ("set(ipv%d(%s=0xfc/0xfc))" % (v, tos), edited(d, tos=0xfe))
    if v == 6:
        yield "set(ipv6(label=0xfedcb))", edited(d, label=0xfedcb)
    nat = "set(ipv%d(dst=%s,%s=63))" % (v, dst, ttl)
    after = edited(d, ip_dst=dst, ttl=63)
    if d["l4"] != "icmp" and (v == 4 or d["frag"] != "later"):
        ports = "set(%s(src=65535,dst=1))" % d["l4"]
        p = {} if d["frag"] == "later" else dict(sport=65535, dport=1)
        yield ports, edited(d, **p)
        yield "set(%s(dst=15/0xf))" % d["l4"], edited(
            d, **({} if not p else dict(dport=2000 | 15)))
        nat += "," + ports
        after = edited(after, **p)
    yield (nat + ",set(eth(src=06:11:22:33:44:55)),push_vlan(vid=9,pcp=0)",
           edited(after, src="06:11:22:33:44:55",
                  tags=[(0x8100, 9, 0)] + d["tags"]))


def edits():
    for i, d in enumerate(PACKETS):
        taggings = TAGGINGS if i < 8 else TAGGINGS[:2]
        for tags in taggings:
            tagged = edited(d, tags=tags)
            for actions, after in each_edit(tagged):
                if tags and i > 1 and "vlan" not in actions:
                    continue        # The tags are no matter to these.
                group = actions.split("(")[0] + (
                    actions.split("(")[1] if actions[:4] == "set(" else "")
                row("edit-" + (group.split(",")[0] or "none"), tagged,
                    ",".join(filter(None, [actions, "2"])), [(2, after)])


def floods():
    """Each copy whole, whatever is done to the packet between them."""
    for base in (describe(4, "udp"), describe(6, "tcp"), describe(4, "sctp"),
                 describe(4, "tcp", options=2), describe("arp")):
        for tags in TAGGINGS[:3]:
            d = edited(base, tags=tags)
            row("flood", d, "2,3,4,5,6,7,8", [(p, d) for p in range(2, 9)])
            row("flood", d, "1,2", [(1, d), (2, d)])
            if base["version"] == "arp":
                continue
            v = base["version"]
            dst = addresses(d)[1]
            a = edited(d, ip_dst=dst)
            b = edited(a, tags=[(0x8100, 9, 0)] + tags)
            c = edited(b, dst="02:00:00:00:00:09", sport=9)
            e = edited(c, tags=tags)
            row("flood-edits", d,
                "2,set(ipv%d(dst=%s)),3,push_vlan(vid=9,pcp=0),4,set(eth("
                "dst=02:00:00:00:00:09)),set(%s(src=9)),5,pop_vlan,6,2"
                % (v, dst, base["l4"]),
                [(2, d), (3, a), (4, b), (5, c), (6, e), (2, e)])
    d = describe(4, "udp")
    actions = ",".join(str(2 + i % 7) for i in range(300))
    row("flood-300", d, actions,
        [(2 + i, d, 300 // 7 + (i < 300 % 7)) for i in range(7)])


def chains():
    """Operations that fill blocks: 200 sets of words."""
    for d in (describe(4, "udp"), describe(4, "tcp", tags=TAGGINGS[1]),
              describe(6, "udp"), describe(4, "sctp")):
        v = d["version"]
        at = "10.0.%d.%d" if v == 4 else "fd00::%d:%d"
        sets = ["set(ipv%d(src=%s))" % (v, at % (i, 2 * i))
                for i in range(1, 101)]
        sets += ["set(%s(src=%d))" % (d["l4"], 3 * i) for i in range(1, 101)]
        row("chain", d, ",".join(sets + ["2"]),
            [(2, edited(d, ip_src=at % (100, 200), sport=300))])
        row("chain", d, ",".join(["3"] + sets + ["2"]),
            [(3, d), (2, edited(d, ip_src=at % (100, 200), sport=300))])


def zero_sums():
    """A sum that comes out as 0: UDP writes 0xffff, TCP 0."""
    for v in (4, 6):
        for l4, zero in (("udp", b"\xff\xff"), ("tcp", b"\0\0")):
            d = describe(v, l4)
            for port in range(65536):
                e = edited(d, dport=port)
                t = bytes(network(e) / transport(e))
                at = (20 if v == 4 else 40) + (6 if l4 == "udp" else 16)
                if port == 0:       # What is missing to the sum of 0.
                    port = int.from_bytes(t[at:at + 2], "big")
                    e = edited(d, dport=port)
                    t = bytes(network(e) / transport(e))
                    break
            assert t[at:at + 2] == zero, (v, l4, t[at:at + 2])
            row("zero-sum", d, "set(%s(dst=%d)),2" % (l4, port), [(2, e)])
            row("zero-sum", e, "set(%s(dst=2000)),2" % l4, [(2, d)])


def ports():
    d = describe(4, "udp")
    row("port-missing", d, "77", [],
        drops=[dict(port=77, reason="no_port")])
    row("port-missing", d, "2,77,3", [(2, d), (3, d)],
        drops=[dict(port=77, reason="no_port")])
    row("port-missing", d, "set(ipv4(ttl=3)),77", [],
        drops=[dict(port=77, reason="no_port")])
    row("port-down", d, "10", [], drops=[dict(port=10, reason="port_down")])
    row("port-down", d, "10,10,2", [(2, d)],
        drops=[dict(port=10, reason="port_down", times=2)])
    row("in-port", d, "1", [(1, d)])
    row("in-port", d, "set(eth(dst=02:00:00:00:00:07)),8",
        [(8, edited(d, dst="02:00:00:00:00:07"))], in_port=8)
    row("drop", d, "", [])
    row("drop", d, "set(ipv4(ttl=3))", [])
    mtu()


def mtu():
    """Port 9 takes 600 bytes behind the Ethernet header, and one tag."""
    def long(n, tags):
        return describe(4, "udp", payload=n - 28, tags=tags)

    tag, qinq = TAGGINGS[1], TAGGINGS[2]
    too_long = [dict(port=9, reason="mtu")]
    for n, tags, fits in ((600, [], 1), (601, [], 0), (600, tag, 1),
                          (601, tag, 0), (596, qinq, 1), (597, qinq, 0)):
        d = long(n, tags)
        if fits:
            row("mtu", d, "9", [(9, d)])
            row("mtu", d, "9,2", [(9, d), (2, d)])
        else:
            row("mtu", d, "9", [], drops=too_long, plane="tc")
            row("mtu", d, "9,2", [(2, d)], drops=too_long)
            row("mtu", d, "set(ipv4(ttl=9)),9", [], drops=too_long)
    d = long(600, [])
    e = edited(d, tags=[(0x8100, 5, 0)])
    row("mtu", d, "push_vlan(vid=5,pcp=0),9", [(9, e)])
    row("mtu", d, "push_vlan(vid=5,pcp=0),push_vlan(vid=6,pcp=0),9", [],
        drops=too_long)
    d = long(601, tag)
    row("mtu", d, "pop_vlan,9", [], drops=too_long)
    row("mtu", long(600, tag), "pop_vlan,9", [(9, long(600, []))])
    big = describe(6, "tcp", payload=1900)
    row("mtu", big, "2", [(2, big)])


def large():
    """Packets in pieces, which XDP cannot redirect everywhere."""
    for d in (describe(4, "udp", payload=5000, zeros=True),
              describe(6, "tcp", payload=8900, zeros=True),
              describe(4, "tcp", payload=4000, zeros=True, options=5),
              describe(6, "udp", payload=8000, zeros=True, ext="hop")):
        for tags in TAGGINGS[:3]:
            for actions, after in each_edit(edited(d, tags=tags)):
                row("large", edited(d, tags=tags),
                    ",".join(filter(None, [actions, "2"])), [(2, after)],
                    plane="tc")
            row("large", edited(d, tags=tags), "", [])
            e = edited(d, tags=tags)
            f = edited(e, tags=[(0x8100, 6, 1)] + tags)
            row("large", e, "2,push_vlan(vid=6,pcp=1),3,4,pop_vlan,5",
                [(2, e), (3, f), (4, f), (5, e)])


def crc_left():
    """SCTP whose CRC is left to a device: it must stay 0."""
    for v in (4, 6):
        d = describe(v, "sctp")
        e = edited(d, sport=9, dport=8)
        at = 14 + (20 if v == 4 else 40) + 8
        d, e = (edited(p, zero_at=at) for p in (d, e))
        row("crc-left", d, "set(sctp(src=9,dst=8)),2", [(2, e)])


def upcalls():
    def climb(d, key, data="", pid=0):
        u = dict(type="action", key=key, packet=hexed(build(d)))
        if data:
            u["userdata"] = data
        if pid:
            u["pid"] = pid
        return u

    eth = "in_port(1),eth(src=%s,dst=%s),"
    ip = ("eth_type(0x0800),ipv4(src=%s,dst=%s,proto=17,tos=0x2e,ttl=%d,"
          "frag=no),udp(src=1000,dst=2000)")
    d = describe(4, "udp")
    e = edited(d, ip_dst="1.2.3.4", ttl=5)
    f = edited(e, tags=[(0x8100, 9, 3)])
    k = eth % (SRC, DST) + ip % (SRC4, DST4, 64)
    ke = eth % (SRC, DST) + ip % (SRC4, "1.2.3.4", 5)
    kf = eth % (SRC, DST) + "eth_type(0x8100),vlan(vid=9,pcp=3),encap(%s)" % (
        ip % (SRC4, "1.2.3.4", 5))
    row("userspace", d, "userspace(pid=1)", [], upcalls=[climb(d, k, pid=1)])
    for n in (1, 7, 8, 9, 64, 65, 512, 1024):
        data = bytes(3 * i + n & 0xff for i in range(n)).hex()
        row("userspace", d, "userspace(pid=4294967295,userdata(%s)),2" % data,
            [(2, d)], upcalls=[climb(d, k, data, 4294967295)])
    row("userspace-edits", d,
        "2,userspace(pid=1,userdata(0a)),set(ipv4(dst=1.2.3.4,ttl=5)),"
        "userspace(pid=1,userdata(0b0c)),push_vlan(vid=9,pcp=3),"
        "userspace(pid=1,userdata(0d0e0f)),3,pop_vlan,userspace(pid=1),4",
        [(2, d), (3, f), (4, e)],
        upcalls=[climb(d, k, "0a"), climb(e, ke, "0b0c"),
                 climb(f, kf, "0d0e0f"), climb(e, ke)])
    for n in (300, 1000, 1900, 8000):
        big = edited(d, payload=n, zeros=n > 2000)
        row("userspace", big, "userspace(pid=1,userdata(%s)),2" % ("5a" * 80),
            [(2, big)], upcalls=[climb(big, k, "5a" * 80)])


edits()
floods()
chains()
zero_sums()
large()
crc_left()
ports()
upcalls()
print("%d rows" % n_rows, file=sys.stderr)

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Frames for end-to-end tests, byte for byte.

frames.py frame WORD...
    Prints a frame in hex.  WORDS: dst=MAC src=MAC tag=TPID:TCI ... (outer
    first, TPID in hex), ip=SRC>DST, ttl=N, tos=N, udp=SRC>DST, size=N.  It
    ends in a payload that `exchange` knows it by.
frames.py exchange [-t SECONDS] [-n COUNT] RECEIVER,... SENDER HEX...
    Sends the frames from SENDER, and prints what arrives in the receivers'
    devices: "RECEIVER HEX", "partial" behind it if the checksum
    is still to be completed.  Waits no longer if COUNT have arrived, but for
    what may come right behind.
frames.py sender SENDER
    Sends the frames that come on stdin, a line "COUNT HEX" each, and answers
    each line with one.
frames.py udp [-g GSO] [-t SECONDS] FROM TO ADDR SIZE [ADDR2]
    Sends SIZE bytes by a UDP socket (-g: as segments of GSO bytes in one
    packet) to ADDR and checks what arrives, at ADDR2 if that is another: data,
    lengths, checksums.
frames.py tcp FROM TO ADDR SIZE [COMMAND]
    Connects, runs COMMAND, sends SIZE bytes in one go, and prints the
    milliseconds that connect and sending took, and the retransmissions.
frames.py arp FROM ADDR ADDR2
    Asks as ADDR for ADDR2 once; prints the answering MAC.

FROM, TO, SENDER, RECEIVER are namespaces with a device eth0, or
NAMESPACE:DEVICE.
"""

import ctypes
import errno
import getopt
import os
import select
import socket
import struct
import subprocess
import sys
import time

MAGIC = b"dpx end-to-end "
libc = ctypes.CDLL(None, use_errno=True)
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
TP_STATUS_CSUMNOTREADY, TP_STATUS_VLAN_VALID = 8, 16
TP_STATUS_VLAN_TPID_VALID = 64
SOL_UDP, UDP_SEGMENT = 17, 103
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33


class In:
    """With a thread's network namespace being that of NAME."""
    def __init__(self, name):
        self.name = name.split(":")[0]

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        fd = os.open("/run/netns/" + self.name, os.O_RDONLY)
        if libc.setns(fd, 0):
            raise OSError(ctypes.get_errno(), "setns " + self.name)
        os.close(fd)

    def __exit__(self, *unused):
        libc.setns(self.home, 0)
        os.close(self.home)


def packet_socket(ns, proto=3):
    dev = ns.split(":")[1] if ":" in ns else "eth0"
    with In(ns):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                          socket.htons(proto))
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
    s.bind((dev, proto))
    return s


def receive(s):
    """A frame with its tag back in place, and whether its checksum is yet
    to be completed."""
    data, anc, _, _ = s.recvmsg(70000, 256)
    partial = False
    for level, kind, aux in anc:
        if (level, kind) != (SOL_PACKET, PACKET_AUXDATA):
            continue
        status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", aux[:20])
        partial = bool(status & TP_STATUS_CSUMNOTREADY)
        if status & TP_STATUS_VLAN_VALID:
            if not status & TP_STATUS_VLAN_TPID_VALID:
                tpid = 0x8100
            data = data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
    return data, partial


def csum(data, start=0):
    data += b"\0" * (len(data) % 2)
    total = start + sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def build(words):
    w = {"dst": "02:00:00:00:00:02", "src": "02:00:00:00:00:01", "ttl": "64",
         "tos": "0", "size": "0", "udp": "1000>2000"}
    tags = b""
    for word in words:
        name, value = word.split("=", 1)
        if name == "tag":
            tpid, tci = value.split(":")
            tags += struct.pack("!HH", int(tpid, 16), int(tci))
        else:
            w[name] = value
    data = MAGIC + bytes(i & 0xff for i in range(int(w["size"])))
    if "ip" not in w:
        return mac(w["dst"]) + mac(w["src"]) + tags + b"\x88\xb5" + data
    src, dst = (socket.inet_aton(a) for a in w["ip"].split(">"))
    sport, dport = (int(p) for p in w["udp"].split(">"))
    udp = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    pseudo = src + dst + struct.pack("!HH", 17, len(udp))
    udp = udp[:6] + struct.pack("!H", csum(pseudo + udp) or 0xffff) + udp[8:]
    ip = struct.pack("!BBHHHBBH", 0x45, int(w["tos"]), 20 + len(udp), 1, 0,
                     int(w["ttl"]), 17, 0) + src + dst
    ip = ip[:10] + struct.pack("!H", csum(ip)) + ip[12:]
    return mac(w["dst"]) + mac(w["src"]) + tags + b"\x08\x00" + ip + udp


def check_udp(frame):
    """None, or what is wrong with a frame of UDP in IPv4 or IPv6."""
    ip = frame[14:]
    if ip[0] >> 4 == 6:
        udp = ip[40:40 + struct.unpack("!H", ip[4:6])[0]]
        pseudo = ip[8:40]
    else:
        udp = ip[20:struct.unpack("!H", ip[2:4])[0]]
        pseudo = ip[12:20]
        if csum(ip[:20]):
            return "IPv4 checksum"
    if struct.unpack("!H", udp[4:6])[0] != len(udp):
        return "UDP length %d" % len(udp)
    if csum(pseudo + struct.pack("!HH", 17, len(udp)) + udp):
        return "UDP checksum"
    return None


def is_udp_to(frame, port):
    """Of IPv4 or IPv6, and no fragment."""
    if frame[12:14] == b"\x86\xdd":
        return frame[20] == 17 and frame[56:58] == struct.pack("!H", port)
    return frame[23] == 17 and frame[36:38] == struct.pack("!H", port) \
        and not frame[20] & 0x3f and not frame[21]


def options(args, letters):
    opts, rest = getopt.getopt(args, letters)
    return dict(opts), rest


def do_frame(args):
    print(build(args).hex())


def do_exchange(args):
    opts, (receivers, sender, *frames) = options(args, "t:n:")
    sockets = {packet_socket(ns): ns for ns in receivers.split(",")}
    out = packet_socket(sender, proto=0)
    for frame in frames:
        out.send(bytes.fromhex(frame))
    end = time.monotonic() + float(opts.get("-t", 0.3))
    missing = int(opts.get("-n", -1))
    while (left := end - time.monotonic()) > 0:
        for s in select.select(list(sockets), [], [], left)[0]:
            data, partial = receive(s)
            if MAGIC in data:
                print(sockets[s], data.hex(), "partial" if partial else "",
                      flush=True)
                missing -= 1
                if not missing:
                    end = time.monotonic() + 0.02


def do_sender(args):
    out = packet_socket(args[0], proto=0)
    for line in sys.stdin:
        count, frame = line.split()
        try:
            for _ in range(int(count)):
                out.send(bytes.fromhex(frame))
            print("sent", flush=True)
        except OSError as e:
            print(e, flush=True)


def do_udp(args):
    opts, (sender, receiver, addr, size, *bound) = options(args, "g:t:")
    gso, size = int(opts.get("-g", 0)), int(size)
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    data = bytes((i * 7 + (i >> 8)) & 0xff for i in range(size))
    capture = packet_socket(receiver,
                            proto=0x86dd if ":" in addr else 0x0800)
    with In(receiver):
        sink = socket.socket(family, socket.SOCK_DGRAM)
    sink.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
    sink.bind(((bound or [addr])[0], 4000))
    sink.settimeout(float(opts.get("-t", 1)))
    with In(sender):
        s = socket.socket(family, socket.SOCK_DGRAM)
    if gso:
        s.setsockopt(SOL_UDP, UDP_SEGMENT, gso)
    start = time.monotonic()
    try:
        s.sendto(data, (addr, 4000))
    except OSError as e:
        if not gso or e.errno != errno.EIO:
            raise
        print("this kernel sends no GSO without checksum offload")
        return
    got, n = b"", 0
    while len(got) < size:
        part = sink.recv(70000)
        got, n = got + part, n + 1
        if gso and len(part) != min(gso, size - (n - 1) * gso):
            sys.exit("datagram %d has %d bytes" % (n, len(part)))
    ms = (time.monotonic() - start) * 1000
    if got != data:
        sys.exit("the data differs")
    capture.setblocking(False)
    n_complete = n_partial = 0
    while True:
        try:
            frame, partial = receive(capture)
        except BlockingIOError:
            break
        if not is_udp_to(frame, 4000):
            continue
        if partial:
            n_partial += 1
            continue
        wrong = check_udp(frame)
        if wrong and len(frame) > 1514 + 4:
            continue            # A GSO packet: its segments are yet to come.
        if wrong:
            sys.exit("wrong %s in %s" % (wrong, frame[:64].hex()))
        n_complete += 1
    print("%d datagrams %.1f ms, %d frames complete, %d partial"
          % (n, ms, n_complete, n_partial))


def do_tcp(args):
    sender, receiver, addr, size = args[:4]
    data = os.urandom(4096) * (int(size) // 4096 + 1)
    data = data[:int(size)]
    with In(receiver):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((addr, 4001))
    listener.listen(1)
    with In(sender):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(5)
    s.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 22)
    start = time.monotonic()
    s.connect((addr, 4001))
    connect_ms = (time.monotonic() - start) * 1000
    peer, _ = listener.accept()
    peer.settimeout(5)
    if len(args) > 4:
        subprocess.run(args[4:], check=True)
    start = time.monotonic()
    s.setblocking(False)
    sent, got = 0, b""
    while len(got) < len(data):
        if sent < len(data):
            try:
                sent += s.send(data[sent:])
            except BlockingIOError:
                pass
        if select.select([peer], [], [], 5 if sent == len(data) else 0)[0]:
            got += peer.recv(1 << 20)
        elif sent == len(data):
            sys.exit("%d of %d bytes arrived" % (len(got), len(data)))
    ms = (time.monotonic() - start) * 1000
    if got != data:
        sys.exit("the data differs")
    info = s.getsockopt(socket.IPPROTO_TCP, 11, 104)    # TCP_INFO
    retransmitted = struct.unpack("I", info[100:104])[0]
    print("%.1f %.1f %d" % (connect_ms, ms, retransmitted))


def do_arp(args):
    sender, addr, wanted = args
    s = packet_socket(sender, proto=0x0806)
    own = s.getsockname()[4]
    s.send(b"\xff" * 6 + own + b"\x08\x06"
           + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + own
           + socket.inet_aton(addr) + b"\0" * 6 + socket.inet_aton(wanted))
    end = time.monotonic() + 1
    while (left := end - time.monotonic()) > 0:
        if select.select([s], [], [], left)[0]:
            data, _ = receive(s)
            if data[20:22] == b"\0\2" and data[28:32] == \
                    socket.inet_aton(wanted):
                print(data[22:28].hex(":"))
                return
    sys.exit("no answer")


if __name__ == "__main__":
    verb = globals().get("do_" + (sys.argv[1] if len(sys.argv) > 1 else ""))
    if not verb:
        sys.exit(__doc__)
    try:
        verb(sys.argv[2:])
    except (OSError, ValueError) as e:
        sys.exit("frames.py: %s: %s" % (sys.argv[1], e))

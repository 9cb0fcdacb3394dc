#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What end-to-end tests do to the kernel below the tools' level.

kernel.py tagger PIN TPID:TCI...
    Pins a tc program that pushes the tags (TPID in hex; the last is the
    outermost), which leaves the outermost to the device's VLAN offload; or
    that pops a tag for each word "pop".
kernel.py poke MAP OFFSET HEX
    Writes bytes into a pinned mmapable map.
"""

import ctypes
import mmap
import os
import platform
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
NR_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
BPF_PROG_LOAD, BPF_OBJ_PIN, BPF_OBJ_GET = 5, 6, 7
BPF_PROG_TYPE_SCHED_CLS = 3


def bpf(command, attr):
    attr += bytes(128 - len(attr))
    fd = libc.syscall(NR_BPF, command, attr, len(attr))
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return fd


def address(data):
    return ctypes.cast(data, ctypes.c_void_p).value


def insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack("<BBhi", code, src << 4 | dst, off, imm)


def do_tagger(args):
    pin, tags = args[0], args[1:]
    text = insn(0xbf, 6, 1)                             # r6 = skb
    for tag in tags:
        text += insn(0xbf, 1, 6)                        # r1 = r6
        if tag == "pop":
            text += insn(0x85, 0, 0, 0, 19)             # skb_vlan_pop
            continue
        tpid, tci = tag.split(":")
        text += insn(0xb7, 2, 0, 0, struct.unpack(      # r2 = tpid
            "=H", struct.pack("!H", int(tpid, 16)))[0])
        text += insn(0xb7, 3, 0, 0, int(tci))           # r3 = tci
        text += insn(0x85, 0, 0, 0, 18)                 # skb_vlan_push
    text += insn(0xb7, 0, 0, 0, 0) + insn(0x95)         # return TC_ACT_OK
    code = ctypes.create_string_buffer(text, len(text))
    gpl = ctypes.create_string_buffer(b"GPL")
    fd = bpf(BPF_PROG_LOAD, struct.pack(
        "=IIQQ", BPF_PROG_TYPE_SCHED_CLS, len(text) // 8, address(code),
        address(gpl)))
    path = ctypes.create_string_buffer(pin.encode())
    bpf(BPF_OBJ_PIN, struct.pack("=QI", address(path), fd))


def do_poke(args):
    path = ctypes.create_string_buffer(args[0].encode())
    offset, data = int(args[1]), bytes.fromhex(args[2])
    fd = bpf(BPF_OBJ_GET, struct.pack("=QI", address(path), 0))
    with mmap.mmap(fd, (offset + len(data) + 4095) & ~4095) as m:
        m[offset:offset + len(data)] = data


if __name__ == "__main__":
    verb = globals().get("do_" + (sys.argv[1] if len(sys.argv) > 1 else ""))
    if not verb:
        sys.exit(__doc__)
    try:
        verb(sys.argv[2:])
    except (OSError, ValueError) as e:
        sys.exit("kernel.py: %s: %s" % (sys.argv[1], e))

#!/usr/bin/env python3
"""Counts the packets of a GigE Vision stream as they pass an interface, without Aravis: which frames were whole.

gvsp_counter.py INTERFACE ADDRESS FILE    until SIGTERM; then FILE gets a line "number whole" for every frame in its order.
"""
import signal
import socket
import struct
import sys


def main() -> None:
    interface, address, path = sys.argv[1:]
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    packets.setsockopt(socket.SOL_SOCKET, 33, 512 << 20)  # SO_RCVBUFFORCE
    packets.bind((interface, 0))
    packets.settimeout(0.1)
    source = socket.inet_aton(address)
    frames: dict[int, set[int]] = {}
    order: list[int] = []
    last = 0
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    open(path + ".ready", "w").close()
    quiet = 0
    while not ended or quiet < 3:
        try:
            packet = packets.recv(80)
            quiet = 0
        except socket.timeout:
            quiet += 1
            continue
        ip = 14
        if len(packet) < ip + 28 or packet[12:14] != b"\x08\x00" or packet[ip + 9] != 17:
            continue
        if packet[ip + 12:ip + 16] != source:
            continue
        gvsp = ip + 4 * (packet[ip] & 15) + 8
        if struct.unpack_from(">H", packet, gvsp - 8)[0] == 3956:
            continue  # the control channel
        block, kind, high, low = struct.unpack_from(">HBBH", packet, gvsp + 2)
        if kind & 0x80 or kind & 15 not in (1, 2, 3):
            continue
        if block not in frames:
            frames[block] = set()
            order.append(block)
        frames[block].add(high << 16 | low)
    most = max((max(ids) for ids in frames.values()), default=0)
    dropped = struct.unpack("II", packets.getsockopt(263, 6, 8))[1]  # PACKET_STATISTICS
    if dropped:
        sys.exit(f"the counter itself dropped {dropped} packets")
    with open(path, "w") as out:
        for block in order:
            out.write(f"{block} {int(len(frames[block]) == most + 1)}\n")


main()

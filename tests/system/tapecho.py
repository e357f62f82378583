# SPDX-License-Identifier: Apache-2.0
"""What is behind a TAP interface: a machine that answers ARP and pings for one IPv4 address.

tapecho.py IFNAME ADDRESS [FLAGS]    prints "ready", works until it is killed
"""

import fcntl
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
MAC = bytes.fromhex("02000000ec40")


def arp(frame, mine):
    """The answer to a question for mine, else None."""
    if frame[12:14] != b"\x08\x06" or frame[20:22] != b"\0\1" or frame[38:42] != mine:
        return None
    return frame[6:12] + MAC + frame[12:20] + b"\0\2" + MAC + mine + frame[22:32]


def ping(frame, mine):
    if frame[12:14] != b"\x08\0" or frame[23] != 1 or frame[30:34] != mine or frame[34] != 8:
        return None
    # Type 8 becomes 0, and the sum what it was without it.
    total = struct.unpack("!H", frame[36:38])[0] + 0x0800
    total = (total & 0xFFFF) + (total >> 16)
    return frame[6:12] + MAC + frame[12:26] + mine + frame[26:30] + b"\0\0" + struct.pack("!H", total) + frame[38:]


def main(ifname, address, flags="0"):
    mine = socket.inet_aton(address)
    with open("/dev/net/tun", "r+b", buffering=0) as tap:
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH14x", ifname.encode(), IFF_TAP | IFF_NO_PI | int(flags, 0)))
        print("ready", flush=True)
        while True:
            frame = tap.read(65536)
            answer = arp(frame, mine) or ping(frame, mine)
            if answer:
                tap.write(answer)


main(*sys.argv[1:])

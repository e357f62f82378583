# SPDX-License-Identifier: Apache-2.0
"""Ethernet frames with any sender, and an ear for them; run inside namespaces by world.py.

frames.py send IFNAME SOURCE TARGET TEXT     one frame of the experimental type with this text
frames.py hear IFNAME LAST                   "SOURCE TEXT" per such frame that comes in, until the text LAST or 20 silent seconds
"""

import socket
import sys

TYPE = 0x88B5       # IEEE 802: for local experiments
OUTGOING = 4        # PACKET_OUTGOING: our own frames on their way out


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def send(ifname, source, target, text):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((ifname, 0))
    s.send(mac(target) + mac(source) + TYPE.to_bytes(2, "big") + text.encode().ljust(46, b"\0"))


def hear(ifname, last):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(TYPE))
    s.bind((ifname, TYPE))
    s.settimeout(20)
    print("ready", flush=True)
    while True:
        frame, where = s.recvfrom(2048)
        if where[2] == OUTGOING:
            continue
        text = frame[14:].rstrip(b"\0").decode()
        print(":".join(f"{b:02x}" for b in frame[6:12]), text, flush=True)
        if text == last:
            return


if __name__ == "__main__":
    try:
        {"send": send, "hear": hear}[sys.argv[1]](*sys.argv[2:])
    except TimeoutError:
        sys.exit(1)

# SPDX-License-Identifier: Apache-2.0
"""
A DHCP server that says what it is told to, good or bad: dhcp_scripted.py INTERFACE JSON. Members of the JSON object: ip
(the address it gives), mask, lease, t1, router, mute (it only listens), first (an address that is offered in vain before each
OFFER).
"""

import json
import socket
import struct
import sys

SERVER = "10.9.0.1"
NAMES = {1: "DISCOVER", 3: "REQUEST", 4: "DECLINE", 7: "RELEASE"}


def message_of(data):
    at = 240
    while at + 1 < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        if data[at] == 53:
            return data[at + 2]
        at += 2 + data[at + 1]
    return 0


def reply(data, kind, address, say):
    option = lambda code, value: bytes([code, len(value)]) + value
    p = b"\x02" + data[1:16] + socket.inet_aton(address) + socket.inet_aton(SERVER) + bytes(4) + data[28:44] + bytes(192)
    p += data[236:240] + option(53, bytes([kind])) + option(54, socket.inet_aton(SERVER))
    p += option(1, socket.inet_aton(say.get("mask", "255.255.255.0"))) + option(51, struct.pack(">I", say.get("lease", 600)))
    p += option(3, socket.inet_aton(say.get("router", SERVER)))
    if "t1" in say:
        p += option(58, struct.pack(">I", say["t1"]))
    return p + b"\xff"


def main(interface, say):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for name, value in ((socket.SO_REUSEADDR, 1), (socket.SO_BROADCAST, 1), (socket.SO_BINDTODEVICE, interface.encode() + b"\0")):
        s.setsockopt(socket.SOL_SOCKET, name, value)
    s.bind(("", 67))
    print("ready", flush=True)
    while True:
        data, _ = s.recvfrom(2048)
        message = message_of(data)
        print(NAMES.get(message, "OTHER"), "received", data[28:34].hex(":"), flush=True)
        if say.get("mute") or message not in (1, 3):
            continue
        if message == 1 and "first" in say:
            s.sendto(reply(data, 2, say["first"], say), ("255.255.255.255", 68))
        s.sendto(reply(data, {1: 2, 3: 5}[message], say.get("ip", "10.9.0.50"), say), ("255.255.255.255", 68))


main(sys.argv[1], json.loads(sys.argv[2]))

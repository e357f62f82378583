# SPDX-License-Identifier: Apache-2.0
"""
A DHCPv6 server that says what it is told to, good or bad: dhcp6_scripted.py INTERFACE JSON. Members of the JSON object:
ip (the address it lends), t1, t2, preferred, valid, status (of the message) and ia_status, tail (hexadecimal bytes
behind the options), times (how often everything is said; 0: not at all), id (the last byte of its identity). A member whose value is an object is by message, and as usual
for the others: {"RENEW": 0}.
"""

import json
import socket
import struct
import sys

SERVER_ID = bytes.fromhex("000300010200000000")
NAMES = {1: "SOLICIT", 3: "REQUEST", 5: "RENEW", 6: "REBIND", 8: "RELEASE"}
DEFAULTS = {"ip": "fd00:9::50", "t1": 100, "t2": 200, "preferred": 250, "valid": 300}


def options_of(data):
    found, at = {}, 4
    while at + 4 <= len(data):
        code, size = struct.unpack_from(">HH", data, at)
        found[code] = data[at + 4:at + 4 + size]
        at += 4 + size
    return found


def option(code, value):
    return struct.pack(">HH", code, len(value)) + value


def reply(data, say):
    asked = options_of(data)
    inside = b""
    if "ip" in say:
        address = socket.inet_pton(socket.AF_INET6, say["ip"])
        inside += option(5, address + struct.pack(">II", say["preferred"], say["valid"]))
    if "ia_status" in say:
        inside += option(13, struct.pack(">H", say["ia_status"]))
    p = bytes([2 if data[0] == 1 else 7]) + data[1:4] + option(1, asked[1]) + option(2, SERVER_ID + bytes([say.get("id", 1)]))
    if "status" in say:
        p += option(13, struct.pack(">H", say["status"]))
    if 3 in asked and data[0] != 8:
        p += option(3, asked[3][:4] + struct.pack(">II", say["t1"], say["t2"]) + inside)
    return p + bytes.fromhex(say.get("tail", ""))


def main(interface, told):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    index = socket.if_nametoindex(interface)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    group = socket.inet_pton(socket.AF_INET6, "ff02::1:2") + struct.pack("I", index)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
    s.bind(("::", 547))
    print("ready", flush=True)
    while True:
        data, sender = s.recvfrom(2048)
        name = NAMES.get(data[0], "OTHER")
        print(name, "received", flush=True)
        say = DEFAULTS | {key: v.get(name, DEFAULTS.get(key)) if isinstance(v, dict) else v for key, v in told.items()}
        say = {key: v for key, v in say.items() if v is not None}
        for _ in range(say.get("times", 1)):
            s.sendto(reply(data, say), sender)


main(sys.argv[1], json.loads(sys.argv[2]))

# SPDX-License-Identifier: Apache-2.0
"""A server of one sentence and its client, run inside namespaces by netns.py."""

import socket
import sys

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "sctp": socket.SOCK_STREAM}


def make(family, proto):
    return socket.socket(family, KINDS[proto], socket.IPPROTO_SCTP if proto == "sctp" else 0)


def plain(address):
    return address.removeprefix("::ffff:")


def serve(proto, address, port, reply):
    s = make(socket.AF_INET6 if ":" in address else socket.AF_INET, proto)
    if s.family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, int(port)))
    if proto != "udp":
        s.listen(64)
    print("ready", flush=True)
    while True:
        if proto == "udp":
            _, peer = s.recvfrom(2048)
            s.sendto(reply.replace("%s", plain(peer[0])).encode(), peer)
            continue
        c, peer = s.accept()
        try:
            c.sendall(reply.replace("%s", plain(peer[0])).encode())
        except OSError:
            pass
        c.close()


def ask(proto, address, port, wait, source):
    s = make(socket.AF_INET6 if ":" in address else socket.AF_INET, proto)
    s.settimeout(float(wait))
    if source:
        s.bind((source, 0))
    s.connect((address, int(port)))
    if proto == "udp":
        s.send(b"?")
    got = s.recv(2048)
    sys.stdout.write(got.decode())
    sys.exit(0 if got else 1)


if __name__ == "__main__":
    try:
        {"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
    except OSError as e:
        sys.exit(f"{e}")

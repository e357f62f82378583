# SPDX-License-Identifier: Apache-2.0
"""dhcp by itself, as another plugin calls it: each side with its own daemon and the same server (dnsmasq)."""

from differential.case import Case, Expect, versions

USUAL = ("3,10.9.0.1", "6,10.9.0.53", "15,example.org", "119,a.example,b.example", "26,1400")
RANGE = "10.9.0.10,10.9.0.99,255.255.255.0,2m"


def server(*options, range=RANGE, more=""):
    """A bridge with dnsmasq, and a cable from it to eth0 and eth1 of a, and eth0 of b."""
    cables = "\n".join(f"$ ip link add {name} netns pod-{pod} type veth peer name {pod}{name} && ip link set {pod}{name} master br9 up\n"
                       f"{pod}$ ip link set {name} up" for pod, name in (("a", "eth0"), ("a", "eth1"), ("b", "eth0")))
    flags = " ".join(f"--dhcp-option={o}" for o in options)
    return f"""b$ true
        $ ip link add br9 type bridge && ip addr add 10.9.0.1/24 dev br9 && ip link set br9 addrgenmode none up
        {cables}
        & dnsmasq --conf-file=/dev/null --keep-in-foreground --user=root --port=0 --interface=br9 --bind-interfaces --no-ping \
--dhcp-authoritative --no-resolv --no-hosts --dhcp-sequential-ip --dhcp-leasefile=/run/leases --dhcp-range={range} {flags} --pid-file=/run/pid {more}
        ? test -s /run/pid"""


def daemon(flags=""):
    return f"""
        & {{bin}}/dhcp daemon {flags}
        ? test -S /run/cni/dhcp.sock"""


def conf(**more):
    return {"type": "bridge", "ipam": {"type": "dhcp", **more}}


def case(id, configuration=None, *steps, options=USUAL, prepare=None, **more):
    return Case(id, configuration or conf(), *steps, plugin="dhcp", prepare=server(*options) + daemon() if prepare is None else prepare, **more)


def cases(group, rows, *steps, **more):
    return [case(f"{group} {name}", c, *steps, **more) for name, c in rows.items()]


def routes(name, *options, steps="ADD, CHECK, DEL", **more):
    return case(f"routes {name}", conf(**more), steps, options=options)


def provide(*rows):
    return conf(provide=list(rows))


CASES = [
    *versions(case("lease")),
    case("status and gc", None, "STATUS, ADD, GC, CHECK, VERSION, DEL", version="1.1.0"),
    case("twice", None, "ADD, ADD, CHECK, DEL, DEL, ADD"),
    case("two containers", None, "ADD, ADD b, CHECK, CHECK b, DEL, CHECK b, DEL b"),
    case("two interfaces", None, "ADD, ADD eth1, CHECK, DEL eth1, CHECK, DEL"),
    case("link is down", None, prepare=server(*USUAL) + daemon() + "\n        a$ ip link set eth0 down"),
    *cases("key", {
        "priority": conf(priority=5), "priority 0": conf(priority=0), "priority null": conf(priority=None),
        "provide value": provide({"option": "host-name", "value": "me"}),
        "provide number": provide({"option": "12", "value": "me"}),
        "provide class": provide({"option": "vendor-class-identifier", "value": "v"}, {"option": "user-class", "value": "u"}),
        "provide nothing": provide({"option": "12"}), "provide empty": provide({"option": "12", "value": ""}),
        "provide identifier": provide({"option": "dhcp-client-identifier", "value": "0123"}),
        "provide 255 bytes": provide({"option": "77", "value": "u" * 255}),
        "provide twice": provide({"option": "12", "value": "one"}, {"option": "12", "value": "two"}),
        "request": conf(request=[{"option": "26"}]),
        "request defaults": conf(request=[{"option": "routers"}, {"option": "subnet-mask"}]),
        "request no defaults": conf(request=[{"skipDefault": True, "option": "subnet-mask"}]),
        "request router only": conf(request=[{"skipDefault": True, "option": "routers"}]),
        "request dns": conf(request=[{"option": "6"}, {"option": "15"}, {"option": "119"}]),
        "request nothing": conf(request=[{"skipDefault": True}]), "request empty": conf(request=[{}, {"option": ""}]),
        "case folded": {"type": "bridge", "IPAM": {"type": "dhcp", "PRIORITY": 7, "Request": [{"OPTION": "3"}]}},
        "empty lists": conf(provide=[], request=[]), "null": conf(provide=None, request=None, daemonSocketPath=None),
        "unknown": conf(unheardOf=[1]), "socket": conf(daemonSocketPath="/run/cni/dhcp.sock"), "socket empty": conf(daemonSocketPath=""),
    }, "ADD, CHECK, DEL"),
    case("key fromArg", provide({"option": "12", "fromArg": "NAME", "value": "other"}), args="NAME=me;X"),
    case("key fromArg with equals", provide({"option": "12", "fromArg": "NAME"}), args="NAME=a=b"),
    case("key fromArg absent", provide({"option": "12", "fromArg": "NAME", "value": "other"}), args="name=me"),
    routes("none", "3"), routes("router", "3,10.9.0.1"), routes("two routers", "3,10.9.0.1,10.9.0.2"),
    routes("static", "3,10.9.0.1", "33,172.16.0.0,10.9.0.7,192.168.3.0,10.9.0.8", request=[{"option": "33"}]),
    routes("static class a", "3,10.9.0.1", "33,10.0.0.0,10.9.0.7", request=[{"option": "33"}], priority=9),
    routes("classless", "3,10.9.0.1", "121,10.20.0.0/16,10.9.0.7,0.0.0.0/0,10.9.0.8", request=[{"option": "121"}]),
    routes("classless on the link", "3,10.9.0.1", "121,10.20.0.0/16,0.0.0.0", request=[{"option": "121"}], priority=9),
    routes("classless host", "121,10.20.0.1/32,10.9.0.7,10.21.0.0/15,10.9.0.7", request=[{"option": "121"}]),
    routes("classless and static", "3,10.9.0.1", "33,172.16.0.0,10.9.0.7", "121,10.20.0.0/16,10.9.0.7",
           request=[{"option": "121"}, {"option": "33"}]),
    case("mask of 22", None, prepare=server(*USUAL, range="10.9.0.10,10.9.0.99,255.255.252.0,2m") + daemon()),
    case("lease for ever", None, prepare=server(*USUAL, range="10.9.0.10,10.9.0.99,255.255.255.0,infinite") + daemon()),
    *cases("own option", {
        "request 0": conf(request=[{"option": "0"}]), "request 255": conf(request=[{"option": "255"}]),
        "provide 55": provide({"option": "55", "value": "x"}),
    }, "ADD"),
    *cases("invalid", {
        "option 256": conf(request=[{"option": "256"}]), "option text": conf(request=[{"option": "router"}]),
        "option number": conf(request=[{"option": 3}]), "provide without option": provide({"value": "x"}),
        "provide option": provide({"option": "x", "value": "y"}), "provide long": provide({"option": "12", "value": "u" * 256}),
        "provide text": conf(provide="12"), "priority text": conf(priority="5"), "priority fraction": conf(priority=1.5),
        "value number": provide({"option": "12", "value": 5}), "ipam text": {"type": "bridge", "ipam": "dhcp"},
        "socket number": conf(daemonSocketPath=5), "skipDefault text": conf(request=[{"skipDefault": "x", "option": "3"}]),
    }, "ADD, CHECK"),
    case("invalid fromArg", provide({"option": "12", "fromArg": "N"}), "ADD", args="N=" + "u" * 256),
    case("no daemon", None, "ADD, CHECK, DEL", prepare=""),
    case("no daemon, asked for its state", None, "STATUS, GC", prepare="", version="1.1.0"),
    case("no daemon any more", None, "ADD, $ kill $(cat /run/daemon.pid), DEL, CHECK",
         prepare=server(*USUAL) + daemon("-pidfile /run/daemon.pid") + "\n        ? test -s /run/daemon.pid"),
    case("no namespace given", None, "ADD, DEL nonetns, DEL nonetns"),
    case("namespace gone", None, "ADD, ADD b, gone a, DEL, DEL, CHECK b, DEL b"),
    case("no such interface", None, "ADD eth7, DEL eth7"),
    case("never added", None, "DEL, DEL nonetns"),
    case("checked before", None, "CHECK, DEL"),
    case("no previous result", None, "ADD, CHECK noprev, DEL noprev"),
]

EXPECTED = [
    Expect("dhcp:socket", r"^(go|ours): file /run/cni/dhcp\.sock 0o"),
    Expect("dhcp:leases", r"^ours: file /run/cni/dhcp\.sock\.leases"),
    Expect("dhcp:own-options", r"^(go|ours): dhcp ", case=r"^own option"),
    Expect("dhcp:route-mask", r"^(go|ours): dhcp result\.routes\[1\]\.dst", case=r"^routes classless host"),
    # how long it stays is the kernel's pleasure
    Expect("dhcp:namespace", r"^go: node link aeth[01] kind", case=r"^namespace gone", shared=True),
    Expect("dhcp:dns", r"^ours: dhcp result\.dns", case=r"^key request dns"),
    Expect("dhcp:check", r"^(go|ours): dhcp (succeeds|fails|error)", case=r"^checked before"),
    Expect("dhcp:del", r"^(go: dhcp (fails|error)|ours: dhcp succeeds)", case=r"^no daemon( any more)?$"),
    Expect("dhcp:status", r"^(ours: dhcp (fails|error)|go: dhcp succeeds)", case=r"^no daemon, asked"),
]

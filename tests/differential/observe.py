# SPDX-License-Identifier: Apache-2.0
"""What the kernel and the disk hold, as lines that can be compared.

Left out is what the kernel does by itself and when it likes: carrier, link-local addresses, duplicate address detection,
table "local", ages and counters. MAC addresses that nobody asked for are random; instead of them a line says whose they are.
"""

import json
import pathlib
import re
import socket
import struct

MAC = re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b")
KERNELS_OWN_FLAGS = {"LOWER_UP", "NO-CARRIER", "RUNNING", "DORMANT"}
ADDRESS = ("local", "prefixlen", "address", "broadcast", "scope", "label", "secondary", "nodad", "noprefixroute",
           "mngtmpaddr", "deprecated", "autojoin", "home", "metric")
# Ages, timers, and what the bridge learns or derives from its address.
VOLATILE = re.compile(r"timer|_id$|^root_|cost|topology|^state$|^no$|^port_no|_no$|fdb_n_learned|config_pending|designated|^id$")
KNOBS = {
    "ipv4": ("forwarding", "route_localnet", "rp_filter", "proxy_arp", "arp_notify", "arp_ignore", "arp_announce", "accept_redirects"),
    "ipv6": ("forwarding", "disable_ipv6", "accept_ra", "accept_dad", "autoconf", "ndisc_notify", "keep_addr_on_down", "proxy_ndp"),
}
NODE_KNOBS = ("ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv4/conf/all/rp_filter", "ipv4/conf/all/route_localnet",
              "ipv4/conf/default/rp_filter", "ipv6/conf/default/accept_ra", "ipv6/conf/default/disable_ipv6")


def documents(text):
    """The JSON values that `ip -batch` prints one after the other."""
    decoder, at = json.JSONDecoder(), 0
    while (at := len(text) - len(text[at:].lstrip())) < len(text):
        value, at = decoder.raw_decode(text, at)
        yield value


def flat(value, path=""):
    """{"a": [{"b": 1}]} as "a[0].b 1"."""
    if isinstance(value, dict):
        return [line for k in sorted(value) for line in flat(value[k], f"{path}.{k}" if path else k)]
    if isinstance(value, list) and value:
        return [line for i, x in enumerate(value) for line in flat(x, f"{path}[{i}]")]
    return [f"{path} {json.dumps(value)}"]


RTM_GETRULE, RTM_GETQDISC, AF_INET6 = 34, 38, 10
QUIET = (b"noqueue\0", b"noop\0")


def dumped(type, family=0):
    """The messages of a dump by rtnetlink, from where the thread is: a question that costs no process."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
        s.send(struct.pack("=IHHII4x16x", 36, type, 0x301, 1, 0)[:16] + struct.pack("=B19x", family))
        while True:
            data = s.recv(1 << 16)
            while data:
                size, kind = struct.unpack("=IH", data[:6])
                if kind in (2, 3):
                    return
                yield data[16:size]
                data = data[(size + 3) & ~3:]


def members(text):
    """A JSON object in the form that Go gives it, compact and sorted, a line per member; any other text as one line."""
    try:
        whole = json.loads(text)
    except ValueError:
        return [repr(text)]
    if not isinstance(whole, dict) or compact(whole) != text:
        return [repr(text)]
    inner = {f"ipam.{k}": v for k, v in whole.pop("ipam").items()} if isinstance(whole.get("ipam"), dict) else {}
    return [f"{k} {compact(v)}" for k, v in {**whole, **inner}.items()]


def compact(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


class Seen:
    """What one look at a side has found: .lines, and .macs: {(namespace, interface): MAC}.

    Where the kernel has told of no change since the last look, the last answers hold; not so when it is a careful look."""

    def __init__(self, side, watch=(), literal="", careful=False):
        self.lines, self.macs, self.literal = [], {}, literal
        for name in list(side.spaces):
            side.enter(name)
            self.here = name
            quiet = side.quiet(name)
            if careful or not quiet or name not in side.looks:
                start, self.names = len(self.lines), {}
                self.network(side)
                side.looks[name] = self.lines[start:], self.names
            else:
                self.lines += side.looks[name][0]
            for ifname, mac in side.looks[name][1].items():
                self.macs[name, ifname] = mac
                self.knobs(ifname)
            for key in NODE_KNOBS if name == "node" else ():
                self.knob(key)
            self.more(side, watch)
        side.enter("node")
        self.files()

    def add(self, text):
        self.lines.append(f"{self.here} {text}")

    def network(self, side):
        # Without a family "table all" is that of both.
        show = "addr show\nroute show table all\nrule show\nneigh show nud permanent\n"
        links, routes, rules, neighbours = self.ask(side, show, "ip", "-d", "-j")
        usual = len(list(dumped(RTM_GETRULE, AF_INET6))) == 2
        rules6 = [] if usual else self.ask(side, "rule show\n", "ip", "-6", "-d", "-j")[0]
        links = [link for link in links if link]
        self.names = {link["ifname"]: link.get("address") for link in links}
        self.owned = {link["ifname"]: {x.get("address") for x in links if x.get("master") == link["ifname"]} for link in links}
        for link in links:
            self.link(link)
        self.routes(routes)
        for family, table in (4, rules), (6, rules6):
            for rule in table:
                self.add(f"rule{family} " + json.dumps(rule, sort_keys=True))
        for n in neighbours:
            if not n.get("dst", "").startswith(("ff", "224.", "fe80")) and n.get("state") == ["PERMANENT"]:
                self.add("neighbour " + json.dumps(n, sort_keys=True))
        self.queues(side, links)
        if any(x.get("linkinfo", {}).get("info_data", {}).get("vlan_filtering") for x in links):
            for port in json.loads(side.run("bridge", "-j", "vlan", "show").stdout):
                for vlan in port["vlans"]:
                    self.add(f"vlan {port['ifname']} " + json.dumps(vlan, sort_keys=True))

    def ask(self, side, questions, *argv):
        return list(documents(side.run(*argv, "-batch", "-", stdin=questions).stdout))

    def whose(self, name, mac):
        if mac in self.literal or not MAC.fullmatch(mac or ""):
            return mac
        return "of a port" if mac in self.owned[name] else "random"

    def link(self, link):
        name, info = link["ifname"], link.get("linkinfo", {})
        if name == "lo":
            self.add(f"link lo {'UP' if 'UP' in link['flags'] else 'down'}")
            self.addresses(link)
            return
        self.add(f"link {name} kind {info.get('info_kind')}")
        for key in "mtu", "master", "ifalias", "txqlen", "group", "link", "min_mtu", "promiscuity", "allmulti", "altnames":
            if link.get(key):
                self.add(f"link {name} {key} {link[key]}")
        self.add(f"link {name} address {self.whose(name, link.get('address'))}")
        self.add(f"link {name} flags {' '.join(sorted(set(link['flags']) - KERNELS_OWN_FLAGS))}")
        for part in "info_data", "info_slave_data":
            for key, value in info.get(part, {}).items():
                if not VOLATILE.search(key):
                    self.add(f"link {name} {'port ' if 'slave' in part else ''}{key} {json.dumps(value, sort_keys=True)}")
        self.addresses(link)

    def addresses(self, link):
        for a in link["addr_info"]:
            if a.get("local", "").startswith("fe80") and a.get("scope") == "link":
                continue
            if not a.get("local"):
                continue
            kept = {k: a[k] for k in ADDRESS if k in a}
            if a.get("valid_life_time", 2**32 - 1) != 2**32 - 1:
                kept["limited"] = True
            self.add(f"address {link['ifname']} {kept.pop('local')}/{kept.pop('prefixlen')} {json.dumps(kept, sort_keys=True)}")

    def routes(self, table):
        for r in table:
            family = 6 if "pref" in r or ":" in r["dst"] + r.get("gateway", "") else 4
            own = r.get("table") == "local" or r["dst"].startswith(("fe80::/64", "ff00::/8", "multicast"))
            if own or (r["dst"].startswith("fe80") and r.get("protocol") == "kernel"):
                continue
            r["flags"] = [f for f in r.get("flags", []) if f not in ("linkdown", "dead")]
            for key in "expires", "pref", "error":
                r.pop(key, None)
            for hop in r.get("nexthops", []):
                hop["flags"] = [f for f in hop.get("flags", []) if f not in ("linkdown", "dead")]
            self.add(f"route{family} {json.dumps({k: v for k, v in r.items() if v not in ([], '')}, sort_keys=True)}")

    def queues(self, side, links):
        if all(any(kind in message for kind in QUIET) for message in dumped(RTM_GETQDISC)):
            return
        said = side.run("tc", "qdisc", "show").stdout.splitlines()
        said = [re.sub(r" refcnt \d+", "", line).strip() for line in said if " noqueue " not in f"{line} "]
        for line in said:
            self.add(line)
        for link in links:
            name = link["ifname"]
            mine = [line for line in said if f"dev {name} " in line + " "]
            if not mine:
                continue
            for what in ("class",), ("filter",), ("filter", "ingress"), ("filter", "egress"):
                at = ["dev", name, *(w for w in what[1:])]
                if what[1:] and not any(w in line for w in ("ingress", "clsact") for line in mine):
                    continue
                for line in side.run("tc", what[0], "show", *at, check=False).stdout.splitlines():
                    self.add(f"{' '.join(what)} {name} " + re.sub(r"index \d+ |ref \d+ bind \d+|\s+$", "", line))

    def knobs(self, name):
        if name == "lo":
            return
        for family, keys in KNOBS.items():
            for key in keys:
                self.knob(f"{family}/conf/{name}/{key}")

    def knob(self, key):
        try:
            self.add(f"knob {key} {pathlib.Path('/proc/sys/net', key).read_text().strip()}")
        except OSError:
            pass

    def more(self, side, watch):
        for word in watch:
            where, _, key = word.partition(":")
            if key and where == self.here:
                self.knob(key.removeprefix("net.").replace(".", "/") if "/" not in key else key)
            elif word == "nft":
                self.rules("nft", side.run("nft", "-s", "list", "ruleset").stdout)
            elif word == "iptables":
                for tool in "iptables-save", "ip6tables-save":
                    self.rules(tool, side.run(tool, check=False).stdout)

    def rules(self, tool, text):
        path = []
        for line in text.splitlines():
            line = re.sub(r"\[\d+:\d+\]| expires \w+", "", line).strip()
            if tool == "nft" and line.endswith("{"):
                path.append(line[:-1].strip())
                self.add(f"{tool} {'/'.join(path)}")
            elif tool == "nft" and line == "}":
                path.pop()
            elif tool != "nft" and line.startswith("*"):
                path = [line[1:]]
            elif line and line[0] != "#" and line != "COMMIT":
                self.add(f"{tool} {'/'.join(path)}: {line}")

    def files(self):
        self.here = "file"
        for top in "/var/lib/cni", "/run/cni", "/run/case", "/run/xtables.lock":
            for path in sorted(pathlib.Path(top).rglob("*")):
                mode = oct(path.lstat().st_mode & 0o7777)
                if path.is_file() and path.parent.name == "flannel":
                    for line in members(path.read_text(errors="backslashreplace")):
                        self.add(f"{path} {mode} {line}")
                elif path.is_file():
                    self.add(f"{path} {mode} {path.read_bytes().decode(errors='backslashreplace')!r}")
                else:
                    self.add(f"{path} {mode} {'folder' if path.is_dir() else 'special'}")

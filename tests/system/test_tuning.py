# SPDX-License-Identifier: Apache-2.0
"""tuning: sysctls and attributes of what is there already, and all of it as it was after DEL."""

import json
import pathlib

import pytest

from lib.case import case
from lib.netns import connect
from system.world import changed, state

MAC = "02:11:22:33:44:55"
KNOB = "net.ipv4.conf.eth0.log_martians"
LINK = {"mac": MAC, "mtu": 1400, "promisc": True, "txQLen": 500, "allmulti": True}
SYSCTL = {"sysctl": {"net.core.somaxconn": "500", KNOB: "1"}}
ALL = {**LINK, **SYSCTL}


@pytest.fixture
def pod(node, container):
    """A container with a cable to the node."""
    connect(node, "ha", container, "eth0", "10.7.0.1/24", "10.7.0.2/24")
    return container


@pytest.fixture
def tuned(node, pod):
    """A maker of configurations whose backups lie in the node's folder."""
    prev = {"cniVersion": "1.1.0", "interfaces": [{"name": "ha"}, {"name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": pod.path}]}
    return lambda keys, **more: {"type": "tuning", "dataDir": str(node.dir / "tuning"), "prevResult": prev, **keys, **more}


def backups(node):
    """{file name: content}"""
    folder = node.dir / "tuning"
    return {p.name: json.loads(p.read_text()) for p in sorted(folder.glob("*"))} if folder.exists() else {}


def look(pod, dev="eth0"):
    """What tuning can change, as its keys."""
    link = pod.link(dev)
    return {"mac": link["address"], "mtu": link["mtu"], "promisc": "PROMISC" in link["flags"], "txQLen": link.get("txqlen", 0),
            "allmulti": "ALLMULTI" in link["flags"], "sysctl": {k: pod.sysctl(k) for k in SYSCTL["sysctl"]}}


# ---- life ----


@case("tuning:life")
def test_life(node, pod, tuned):
    """ADD sets everything and notes what was there, CHECK agrees, DEL puts it back"""
    before = look(pod)
    result = node.add(tuned(ALL), pod)
    assert look(pod) == ALL and [i.get("mac") for i in result["interfaces"]] == [None, MAC]
    (name, saved), = backups(node).items()
    knobs = saved.pop("sysctl")
    assert name == f"{pod.id}_eth0.json" and {k: v for k, v in before.items() if k != "sysctl"}.items() <= saved.items()
    assert {k: saved[k] for k in ("network", "containerID", "ifname")} == {"network": "testnet", "containerID": pod.id, "ifname": "eth0"}
    assert knobs["net/core/somaxconn"] == {"before": before["sysctl"]["net.core.somaxconn"], "set": "500"}
    assert (node.dir / "tuning" / name).stat().st_mode & 0o777 == 0o600
    node.check(tuned(ALL), pod)
    assert pod.ping("10.7.0.1")
    node.delete(tuned(ALL), pod)
    assert look(pod) == before and backups(node) == {}
    node.delete(tuned(ALL), pod)


@case("tuning:key")
@pytest.mark.parametrize("key", [*LINK, "sysctl"])
@pytest.mark.parametrize("where", ["top", "args.cni"])
def test_each_key(node, pod, tuned, key, where):
    """Each key alone changes that, and DEL puts it back"""
    before = look(pod)
    keys = {key: ALL[key]} if where == "top" else {"args": {"cni": {key: ALL[key]}}}
    node.add(tuned(keys), pod)
    assert look(pod) == {**before, key: ALL[key]} and len(backups(node)) == 1
    node.check(tuned(keys), pod)
    node.delete(tuned(keys), pod)
    assert look(pod) == before and backups(node) == {}


OFF = {"promisc": (False, "promisc", "on", True), "allmulti": (False, "allmulticast", "on", False), "txQLen": (0, "txqueuelen", "77", 0)}


@case("tuning:off")
@pytest.mark.parametrize("key", OFF)
def test_off(node, pod, tuned, key):
    """allmulti false and txQLen 0 are values, promisc false is none"""
    value, word, was, wanted = OFF[key]
    pod.ip("link", "set", "eth0", word, was)
    before = look(pod)
    node.add(tuned({key: value}), pod)
    assert look(pod)[key] == wanted
    node.delete(tuned({key: value}), pod)
    assert look(pod) == before


@case("tuning:nothing")
@pytest.mark.parametrize("keys", [{}, {"mtu": 0}, {"mac": ""}, {"sysctl": {}}, dict.fromkeys(ALL)], ids=str)
def test_nothing(node, pod, tuned, keys):
    """Without anything to change nothing is changed, and no file is written"""
    before = state(node, pod)
    assert node.add(tuned(keys), pod) == tuned({})["prevResult"]
    assert changed(before, state(node, pod)) == [] and backups(node) == {}
    node.check(tuned(keys), pod)


MACS = [{"mac": "02:00:00:00:00:11"}, "MAC=02:00:00:00:00:12", {"runtimeConfig": {"mac": "02:00:00:00:00:13"}}, {"args": {"cni": {"mac": "02:00:00:00:00:14"}}}]


@case("tuning:mac")
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_mac_precedence(node, pod, tuned, n):
    """Configuration, CNI_ARGS, runtimeConfig, args.cni: the last MAC counts"""
    keys = {k: v for source in MACS[:n] if isinstance(source, dict) for k, v in source.items()}
    args = f"IgnoreUnknown=1;{MACS[1]}" if n > 1 else None
    result = node.add(tuned(keys), pod, args=args)
    assert pod.mac("eth0") == result["interfaces"][1]["mac"] == f"02:00:00:00:00:1{n}"
    node.check(tuned(keys), pod, args=args)


@case("tuning:mac-of-the-node")
def test_mac_in_result(node, pod, tuned):
    """The interface of the node that has the same name keeps its MAC in the result"""
    prev = {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:09"}, {"name": "eth0", "mac": "x", "sandbox": pod.path}]}
    result = node.add({**tuned({"mac": "02-11-22-33-44-AA"}), "prevResult": prev}, pod)
    assert [i["mac"] for i in result["interfaces"]] == ["02:00:00:00:00:09", "02-11-22-33-44-AA"]
    node.check({**tuned({"mac": "02-11-22-33-44-AA"}), "prevResult": result}, pod)


@case("tuning:announce")
def test_announce(node, pod, tuned):
    """Neighbours learn a new MAC at once, and the knobs for it are as they were"""
    assert pod.ping("10.7.0.1")
    node.add(tuned({"mac": MAC}), pod)
    known = lambda: [n["lladdr"] for n in node.ip("neigh", "show", "10.7.0.2") if n.get("lladdr")]   # noqa: E731
    assert node.until(lambda: known() == [MAC]), known()
    assert pod.sysctl("net.ipv4.conf.eth0.arp_notify") == "0"


# ---- sysctls ----

NAMES = {"dots": KNOB, "slashes": KNOB.replace(".", "/"), "IFNAME": "net.ipv4.conf.IFNAME.log_martians", "doubled": "net..ipv4..conf.eth0.log_martians",
         "leading": ".net.ipv4.conf.eth0.log_martians"}


@case("tuning:sysctl-name")
@pytest.mark.parametrize("what", NAMES)
def test_sysctl_names(node, pod, tuned, what):
    """A sysctl's name in each spelling, and IFNAME for the interface"""
    conf = tuned({"sysctl": {NAMES[what]: "1"}})
    node.add(conf, pod)
    assert pod.sysctl(KNOB) == "1"
    node.check(conf, pod)
    node.delete(conf, pod)
    assert pod.sysctl(KNOB) == "0"


@case("tuning:sysctl-dotted")
def test_interface_with_dots(node, pod, tuned):
    """IFNAME stands for a name with dots, too"""
    pod.ip("link", "add", "eth0.5", "type", "bridge")
    conf = tuned({"sysctl": {"net.ipv4.conf.IFNAME.log_martians": "1"}})
    node.add(conf, pod, "eth0.5")
    assert pod.sysctl("net/ipv4/conf/eth0.5/log_martians") == "1" and pod.sysctl(KNOB) == "0"


@case("tuning:sysctl-two-dots")
@pytest.mark.parametrize("name", ["a..b", "..b", "a..", "..."])
def test_interface_with_two_dots(node, pod, tuned, name):
    """The sysctls of an interface with two dots in its name are put back like any other"""
    pod.ip("link", "add", name, "type", "bridge")
    conf, knob = tuned({"sysctl": {"net.ipv4.conf.IFNAME.log_martians": "1"}}), f"net/ipv4/conf/{name}/log_martians"
    node.add(conf, pod, name)
    assert pod.sysctl(knob) == "1"
    node.delete(conf, pod, name)
    assert pod.sysctl(knob) == "0" and backups(node) == {}


@case("tuning:sysctl-upwards")
@pytest.mark.parametrize("path", ["net/../kernel/hostname", "net/..", "kernel/hostname"])
def test_backup_that_leads_upwards(node, pod, tuned, path):
    """A backup that somebody has written leads nowhere but below net"""
    folder = node.dir / "tuning"
    folder.mkdir()
    before = pod.sysctl("kernel/hostname")
    knob = {"before": "stolen", "set": before}
    (folder / f"{pod.id}_eth0.json").write_text(json.dumps({"containerID": pod.id, "ifname": "eth0", "sysctl": {path: knob}}))
    node.delete(tuned({}), pod)
    assert pod.sysctl("kernel/hostname") == before and backups(node) == {}


@case("tuning:sysctl-order")
def test_sysctl_order(node, pod, tuned):
    """Sysctls are set in the order in which they are written"""
    for first, second in ("0", "1"), ("1", "0"):
        conf = tuned({"sysctl": {"net.ipv4.conf.all.forwarding": first, "net.ipv4.conf.eth0.forwarding": second}})
        node.add(conf, pod)
        assert pod.sysctl("net.ipv4.conf.eth0.forwarding") == second
        node.delete(conf, pod)


@case("tuning:sysctl-override")
def test_sysctl_override(node, pod, tuned):
    """args.cni.sysctl wins, in any spelling, and adds"""
    node.add(tuned(SYSCTL, args={"cni": {"sysctl": {"net/core/somaxconn": "600", "net.ipv4.conf.eth0.arp_ignore": "1"}}}), pod)
    assert [pod.sysctl(k) for k in ("net.core.somaxconn", KNOB, "net.ipv4.conf.eth0.arp_ignore")] == ["600", "1", "1"]


@case("tuning:sysctl-changed-since")
def test_changed_since(node, pod, tuned):
    """What somebody has changed after ADD is not put back"""
    node.add(tuned(SYSCTL), pod)
    pod.sysctl("net.core.somaxconn", 777)
    node.delete(tuned(SYSCTL), pod)
    assert pod.sysctl("net.core.somaxconn") == "777" and pod.sysctl(KNOB) == "0"


@case("tuning:sysctl-blanks")
def test_blanks(node, pod, tuned):
    """CHECK knows that the kernel writes tabs"""
    conf = tuned({"sysctl": {"net.ipv4.ip_local_port_range": "2048 65000"}})
    node.add(conf, pod)
    node.check(conf, pod)


@case("tuning:sysctl-write-only")
def test_write_only(node, pod, tuned):
    """A sysctl that cannot be read is set, and CHECK does not ask for it"""
    conf = tuned({"sysctl": {"net.ipv4.route.flush": "1"}})
    node.add(conf, pod)
    node.check(conf, pod)
    node.delete(conf, pod)


# ---- backups ----


@case("tuning:repeat")
def test_repeat(node, pod, tuned):
    """A repeated ADD, even of more, does not forget what was there first"""
    before = look(pod)
    node.add(tuned({"mtu": 1400, "mac": MAC, "sysctl": {"net.core.somaxconn": "500"}}), pod)
    node.add(tuned({**ALL, "mtu": 1300}), pod)
    assert look(pod)["mtu"] == 1300
    node.delete(tuned(ALL), pod)
    assert look(pod) == before and backups(node) == {}


FAILURES = {
    "bad value": {**ALL, "sysctl": {KNOB: "1", "net.core.somaxconn": "many"}}, "absent sysctl": {**ALL, "sysctl": {KNOB: "1", "net.ipv4.no_such": "1"}},
    "mtu": {**ALL, "mtu": 1000000}, "mac": {**ALL, "mac": "01:00:5e:00:00:01"}, "dataDir": {**ALL, "dataDir": "/proc/nowhere"},
}


@case("tuning:undo")
@pytest.mark.parametrize("again", [False, True], ids=["first", "repeated"])
@pytest.mark.parametrize("what", FAILURES)
def test_failed_add(node, pod, tuned, what, again):
    """A failed ADD puts everything back, and an earlier one's backup stays"""
    if again:
        node.add(tuned({"mtu": 1450}), pod)
    before = look(pod), backups(node)
    node.refuses("ADD", tuned(FAILURES[what]), pod)
    assert (look(pod), backups(node)) == before


@case("tuning:torn")
@pytest.mark.parametrize("text", ["", "{", "[]", '{"mtu": "x"}', '{"mtu": -5}', '{"sysctl": 5}', '{"sysctl": {"kernel/hostname": {"before": "x", "set": "y"}}}'], ids=str)
def test_unreadable_backup(node, pod, tuned, text):
    """A backup that makes no sense is removed by DEL and written anew by ADD"""
    path = node.dir / "tuning" / f"{pod.id}_eth0.json"
    path.parent.mkdir()
    path.write_text(text)
    before = look(pod)
    node.add(tuned({"mtu": 1300}), pod)
    path.write_text(text)
    node.delete(tuned({}), pod)
    assert backups(node) == {} and look(pod) == {**before, "mtu": 1300}


@case("tuning:same-file")
def test_ambiguous_file_name(node, pod, tuned):
    """Two attachments whose names make one file name do not take each other's backup"""
    class Other:
        id, path = f"{pod.id}_x", pod.path
    pod.ip("link", "add", "x_eth0", "type", "bridge")
    node.add(tuned({"mtu": 1300}), pod, "x_eth0")
    saved = backups(node)
    assert "belongs to" in node.refuses("ADD", tuned({"mtu": 1200}), Other)["msg"]
    node.delete(tuned({}), Other)
    assert backups(node) == saved and look(pod)["mtu"] == 1500


@case("tuning:other-network")
def test_other_network(node, pod, tuned):
    """DEL of another network leaves a live one; its ADD begins anew, and its DEL goes back to what the live one has set"""
    mine, other = tuned(ALL), tuned({"mtu": 1300, "sysctl": {KNOB: "0"}}, name="other")
    node.add(mine, pod)
    saved = backups(node)
    node.delete(other, pod)
    assert look(pod) == ALL and backups(node) == saved
    node.add(other, pod)
    (now,) = backups(node).values()
    assert now == {"mtu": 1400, "network": "other", "containerID": pod.id, "ifname": "eth0",
                   "sysctl": {KNOB.replace(".", "/"): {"before": "1", "set": "0"}}}
    node.delete(mine, pod)
    assert len(backups(node)) == 1 and look(pod) == {**ALL, "mtu": 1300, "sysctl": {**ALL["sysctl"], KNOB: "0"}}
    node.delete(other, pod)
    assert look(pod) == ALL and backups(node) == {}


@case("tuning:chain-of-two")
def test_two_in_a_chain(node, pod, tuned):
    """Two tunings of one network share a file, and DEL of the last puts back what the first has found"""
    before, first, last = look(pod), tuned({"mtu": 1300}), tuned({"mtu": 1200, **SYSCTL})
    node.add(first, pod)
    node.add(last, pod)
    for conf in last, first, last, first:
        node.delete(conf, pod)
        assert look(pod) == before and backups(node) == {}


# ---- CHECK ----

DAMAGE = {
    "mac": (["ip", "link", "set", "eth0", "address", "02:00:00:00:00:09"], "Ethernet"), "mtu": (["ip", "link", "set", "eth0", "mtu", "1200"], "MTU"),
    "promisc": (["ip", "link", "set", "eth0", "promisc", "off"], "promisc"), "allmulti": (["ip", "link", "set", "eth0", "allmulticast", "off"], "all-multicast"),
    "txQLen": (["ip", "link", "set", "eth0", "txqueuelen", "3"], "txQLen"), "sysctl": (["sh", "-c", "echo 44 > /proc/sys/net/core/somaxconn"], "somaxconn"),
    "interface": (["ip", "link", "del", "eth0"], "eth0"),
}


@case("tuning:check")
@pytest.mark.parametrize("what", DAMAGE)
def test_check(node, pod, tuned, what):
    """CHECK sees each kind of damage, and DEL gets over it"""
    command, word = DAMAGE[what]
    node.add(tuned(ALL), pod)
    pod.run(*command)
    assert word in node.refuses("CHECK", tuned(ALL), pod)["msg"]
    node.delete(tuned(ALL), pod)
    assert backups(node) == {}


@case("tuning:check-promisc")
def test_check_promisc(node, pod, tuned):
    """Promiscuous without being told to is damage"""
    pod.ip("link", "set", "eth0", "promisc", "on")
    assert "promisc" in node.refuses("CHECK", tuned({"mtu": 1500}), pod)["msg"]


# ---- DEL, GC, STATUS ----


@case("tuning:del")
@pytest.mark.parametrize("prev_too", [True, False], ids=["prevResult", "no prevResult"])
@pytest.mark.parametrize("how", ["alive", "no netns", "path gone", "interface gone", "invalid configuration", "never added"])
def test_del(node, pod, tuned, how, prev_too):
    """DEL succeeds and leaves no file, whatever else is gone; twice"""
    before = look(pod)
    conf = tuned(ALL)
    if how != "never added":
        node.add(conf, pod)
    if how == "path gone":
        pod.close()
    if how == "interface gone":
        pod.ip("link", "del", "eth0")
    if how == "invalid configuration":
        conf["mtu"] = "nonsense"
    if not prev_too:
        del conf["prevResult"]
    for _ in range(2):
        node.delete(conf, pod, env={"CNI_NETNS": ""} if how == "no netns" else {})
        assert backups(node) == {}
    if how in ("alive", "invalid configuration", "never added"):
        assert look(pod) == before
    if how == "interface gone":
        assert pod.sysctl("net.core.somaxconn") == before["sysctl"]["net.core.somaxconn"]


@pytest.fixture
def with_folder(node):
    """A maker of programs in whose sight the folder of the backups cannot be written, with what lies in it."""
    def make():
        script, folder = node.dir / "tuning-read-only", node.dir / "tuning"
        folder.mkdir(exist_ok=True)
        script.write_text(f"#!/bin/sh\nexec unshare -m sh -c 'mount --bind {folder} {folder} && mount -o remount,bind,ro {folder} && exec {node.bin}/tuning'\n")
        script.chmod(0o755)
        return str(script)
    return make


@case("tuning:del-nothing-saved")
def test_del_without_a_folder(node, pod, tuned, with_folder):
    """Where no backup can have been written DEL succeeds; one that was read and cannot be removed is an error"""
    before, program = look(pod), with_folder()
    assert node.plugin("ADD", tuned(ALL), pod, type=program).text and look(pod) == before
    for _ in "twice":
        node.plugin("DEL", tuned(ALL), pod, type=program).result
        node.delete(tuned(ALL, dataDir=str(node.dir / ("x" * 300))), pod)
        node.delete(tuned(ALL, dataDir="/dev/null"), pod)
    node.add(tuned(ALL), pod)
    assert "remove" in node.plugin("DEL", tuned(ALL), pod, type=program).text
    node.delete(tuned(ALL), pod)
    assert look(pod) == before and backups(node) == {}


@case("tuning:gc")
def test_gc(node, tuned):
    """GC removes backups of this network's attachments that are not valid; those of others and of the reference stay"""
    pods = {}
    for i, name in enumerate(("kept", "lost", "foreign", "reference")):
        c = pods[name] = node.container(name)
        connect(node, f"h{i}", c, "eth0")
        node.add(tuned({"mtu": 1400}, name="othernet" if name == "foreign" else "testnet"), c)
    folder = node.dir / "tuning"
    (folder / f"{pods['reference'].id}_eth0.json").write_text('{\n "mtu": 1500\n}')
    (folder / "notes.json").mkdir()
    (folder / "notes.txt").write_text("x")
    names = lambda: {p.name.split("-")[0] for p in folder.glob("*_eth0.json")}    # noqa: E731
    node.plugin("GC", tuned({"mtu": 1400})).result
    assert len(names()) == 4
    node.gc(tuned({"mtu": 1400}), [(pods["kept"], "eth0")])
    assert names() == {"kept", "foreign", "reference"} and (folder / "notes.txt").exists() and (folder / "notes.json").exists()
    node.gc(tuned({}))
    assert names() == {"foreign", "reference"}
    node.gc({**tuned({}), "dataDir": str(node.dir / "nowhere")})


@case("tuning:status")
def test_status(node, tuned):
    """STATUS succeeds, and says when ADD could not work"""
    node.status(tuned(ALL))
    (node.dir / "file").write_text("")
    assert "not a directory" in node.refuses("STATUS", tuned(ALL, dataDir=str(node.dir / "file")), code=50)["msg"]
    assert node.refuses("STATUS", tuned({"sysctl": {"kernel.x": "1"}}), code=7)


# ---- the allow list ----


@pytest.fixture
def with_list(node):
    """A maker of programs that see this allow list and no other /etc."""
    def make(text):
        (node.dir / "allowlist").write_text(text)
        script = node.dir / "tuning-with-list"
        plugin = pathlib.Path(node.bin / "tuning").resolve()
        script.write_text("#!/bin/sh\nexec unshare -m sh -c 'mount -t tmpfs tmpfs /etc && mkdir -p /etc/cni/tuning && "
                          f"cp {node.dir}/allowlist /etc/cni/tuning/allowlist.conf && exec {node.bin}/tuning'\n")
        script.chmod(0o755)
        assert plugin.exists()
        return str(script)
    return make


ALLOWED = {
    "itself": ("net.core.somaxconn", True), "anchored": (r"^net\.core\.[a-z]+$", True), "part": ("core", True), "blanks": ("\n  \t net.core.somaxconn  \r\n\n", True),
    "second line": ("net.ipv4.x\nnet.core.somaxconn\n", True), "group": (r"^net\.(?:core|ipv4)\.\w+$", True), "lazy": (r"^net\..+?conn$", True),
    "count": (r"^net\.\D{4}\.\S{5,12}$", True), "other": ("net.ipv4", False), "anchored other": ("^core", False), "empty": ("", False), "nothing but lines": ("\n\n", False),
    "case": ("NET.CORE", False), "flags": ("(?i)net.core", None), "boundary": (r"\bnet", None), "unbalanced": ("(net", None),
    "not understood, but allowed": ("(?i)net\nnet.core.somaxconn", True), "a comment": ("# net.core.somaxconn", False),
}


@case("tuning:allow-list")
@pytest.mark.parametrize("what", ALLOWED)
def test_allow_list(node, pod, tuned, with_list, what):
    """Only what a line of the list matches may be set; a line that is not understood allows nothing, and is named"""
    text, wanted = ALLOWED[what]
    program, conf = with_list(text), tuned({"sysctl": {"net.core.somaxconn": "500"}})
    before = look(pod)
    if wanted:
        node.plugin("ADD", conf, pod, type=program).result
        assert pod.sysctl("net.core.somaxconn") == "500"
        node.plugin("STATUS", conf, type=program).result
        return
    reply = node.plugin("ADD", conf, pod, type=program)
    assert reply.code == 7 and "Sysctl net.core.somaxconn is not allowed. Only the following sysctls are allowed: [" in reply.text
    assert ("pattern" in reply.text) == (wanted is None)
    assert look(pod) == before and backups(node) == {}
    assert node.plugin("STATUS", conf, type=program).code == 50
    node.plugin("DEL", conf, pod, type=program).result


@case("tuning:allow-list-only-sysctls")
def test_allow_list_leaves_the_rest(node, pod, tuned, with_list):
    """The list has nothing to say about the interface; args.cni.sysctl must be on it, too"""
    program = with_list("net.core")
    node.plugin("ADD", tuned(LINK), pod, type=program).result
    reply = node.plugin("ADD", tuned({}, args={"cni": {"sysctl": {KNOB: "1"}}}), pod, type=program)
    assert KNOB in reply.text and reply.code == 7


# ---- bad input ----

TYPES = {
    "sysctl": ["x", [], 5, True, {"net.core.somaxconn": 5}, {"net.core.somaxconn": True}, {"net.core.somaxconn": ["1"]}, {"net.core.somaxconn": {}}],
    "mac": [5, [], {}, True], "mtu": ["1400", 1400.5, [], {}, True, 2**31, -2**31 - 1, 1e30], "promisc": ["yes", 1, [], {}], "txQLen": ["5", 1.5, [], True, 2**31],
    "allmulti": ["no", 0, []], "dataDir": [5, [], {}, True],
}
RANGES = {"mtu": [(-1, "invalid mtu -1 (must be between 0 and 2147483647)")], "txQLen": [(-1, "invalid txQLen -1 (must be between 0 and 2147483647)")],
          "mac": [("nonsense", "nonsense"), ("02:11:22:33:44", "02:11:22:33:44"), ("02:11:22:33:44:55:66:77", "02:11:22")],
          "sysctl": [({key: "1"}, f'invalid net sysctl key: "{key}"') for key in
                     ("kernel.hostname", "", "net", "network.x", "kernel/../net.x", "vm.net.x", "..kernel.net", "netx.y")] +
                    [({"net.ipv4.no_such_knob": "1"}, "net.ipv4.no_such_knob"), ({"net.ipv4.conf": "1"}, "net.ipv4.conf"),
                     ({KNOB: "1", KNOB.replace(".", "/"): "0"}, "duplicated sysctl keys are not allowed"),
                     ({KNOB: "1", KNOB.replace("eth0", "IFNAME"): "1"}, "duplicated sysctl keys are not allowed")]}
BAD = {f"{key} {value!r}": (key, value, 6, key) for key, values in TYPES.items() for value in values}
BAD |= {f"{key} {value!r}": (key, value, 7, word) for key, rows in RANGES.items() for value, word in rows}


@case("tuning:invalid")
@pytest.mark.parametrize("what, where", [(what, where) for what in BAD for where in ("top", "args.cni") if where == "top" or BAD[what][0] != "dataDir"])
def test_invalid(node, pod, tuned, what, where):
    """What is no value of a key is refused with key and range, and nothing is touched"""
    key, value, code, word = BAD[what]
    conf = tuned({**LINK, **({key: value} if where == "top" else {"args": {"cni": {key: value}}})})
    before = look(pod)
    error = node.refuses("ADD", conf, pod, code=code)
    assert word in error["msg"] + error.get("details", ""), error
    assert look(pod) == before and backups(node) == {}


MORE = {
    "runtimeConfig.mac": ({"runtimeConfig": {"mac": 5}}, None, 6, "runtimeConfig"), "runtimeConfig.mac text": ({"runtimeConfig": {"mac": "x"}}, None, 7, "mac"),
    "args.cni text": ({"args": {"cni": "x"}}, None, 6, "args"), "CNI_ARGS": ({}, "X=Y", None, "ARGS"), "CNI_ARGS MAC": ({}, "MAC=x", 7, "mac"),
    "no prevResult": ({"prevResult": None}, None, 7, "Required prevResult missing"), "prevResult text": ({"prevResult": "x"}, None, 6, "prevResult"),
}


@case("tuning:invalid-more")
@pytest.mark.parametrize("what", MORE)
def test_invalid_surroundings(node, pod, tuned, what):
    """Other places that a value can come from"""
    keys, args, code, word = MORE[what]
    before = look(pod)
    error = node.refuses("ADD", {**tuned(ALL), **keys}, pod, code=code, args=args)
    assert word in error["msg"] + error.get("details", ""), error
    assert look(pod) == before and backups(node) == {}


@case("tuning:duplicate")
def test_duplicate_keys(node, pod, tuned):
    """The same sysctl twice in one object is refused"""
    text = json.dumps(node.conf(tuned({"sysctl": {KNOB: "1"}}))).replace(f'"{KNOB}": "1"', f'"{KNOB}": "1", "{KNOB}": "0"')
    assert "duplicated sysctl keys are not allowed" in node.refuses("ADD", text, pod, type="tuning", code=7)["msg"]
    assert pod.sysctl(KNOB) == "0"


@case("tuning:gone")
def test_container_gone(node, pod, tuned):
    """ADD and CHECK of a namespace or an interface that is gone name it"""
    assert "eth9" in node.refuses("ADD", tuned(LINK), pod, "eth9")["msg"]
    pod.close()
    assert pod.path in node.refuses("ADD", tuned(LINK), pod)["msg"] and pod.path in node.refuses("CHECK", tuned(LINK), pod)["msg"]
    assert backups(node) == {}


@case("tuning:chain")
@pytest.mark.parametrize("version", ["0.1.0", "0.4.0", "1.0.0"])
def test_chain(node, version):
    """Behind bridge, and deleted with it"""
    net = node.network({"type": "bridge", "isGateway": True, "ipam": node.host_local("10.8.0.0/24")},
                       {"type": "tuning", "dataDir": str(node.dir / "tuning"), **ALL}, version=version)
    at = net.add(node.container())
    assert look(at.container) == ALL and len(backups(node)) == 1 and at.container.ping("10.8.0.1")
    if version != "0.1.0":
        net.check(at)
    net.delete(at)
    assert backups(node) == {}

# SPDX-License-Identifier: Apache-2.0
"""Results: their shape in every version, conversion, and what a plugin makes of its prevResult."""

import copy
import json

import pytest

from conformance.calls import conf, execute, one_object, static
from conformance.each import each
from conformance.libcni import parse_result
from conformance.world import refused
from lib.case import case

DNS = {
    "nameservers": ["10.1.2.9", "2001:db8::9"],
    "domain": "example.test",
    "search": ["a.test", "b.test"],
    "options": ["ndots:5"],
}
FULL = {
    "cniVersion": "1.1.0",
    "interfaces": [
        {
            "name": "eth0",
            "mac": "02:00:00:00:00:01",
            "mtu": 1400,
            "sandbox": "/run/netns/x",
            "socketPath": "/s",
            "pciID": "0000:01:00.0",
        },
        {"name": "br0"},
    ],
    "ips": [
        {"interface": 0, "address": "10.1.2.3/24", "gateway": "10.1.2.1"},
        {"interface": 0, "address": "2001:db8::3/64", "gateway": "2001:db8::1"},
    ],
    "routes": [
        {"dst": "0.0.0.0/0", "gw": "10.1.2.1", "mtu": 1300, "advmss": 1260, "priority": 7, "table": 100, "scope": 253},
        {"dst": "10.9.0.0/16"},
        {"dst": "::/0", "gw": "2001:db8::1"},
    ],
    "dns": DNS,
}
MIDDLE = {
    "cniVersion": "0.4.0",
    "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": "/run/netns/x"}, {"name": "br0"}],
    "ips": [
        {"version": "4", "interface": 0, "address": "10.1.2.3/24", "gateway": "10.1.2.1"},
        {"version": "6", "interface": 0, "address": "2001:db8::3/64", "gateway": "2001:db8::1"},
    ],
    "routes": FULL["routes"],
    "dns": DNS,
}
OLD = {
    "cniVersion": "0.2.0",
    "ip4": {
        "ip": "10.1.2.3/24",
        "gateway": "10.1.2.1",
        "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.2.1"}, {"dst": "10.9.0.0/16"}],
    },
    "ip6": {"ip": "2001:db8::3/64", "gateway": "2001:db8::1", "routes": [{"dst": "::/0", "gw": "2001:db8::1"}]},
    "dns": DNS,
}
IN_VERSION = {
    "1.1.0": FULL,
    "1.0.0": FULL,
    "0.4.0": MIDDLE,
    "0.3.1": MIDDLE,
    "0.3.0": MIDDLE,
    "0.2.0": OLD,
    "0.1.0": OLD,
    "": OLD,
}


def labelled(result, version):
    return {**result, "cniVersion": version or "0.1.0"}


def result(version="1.1.0", **more):
    return {"cniVersion": version, **more}


def ip(address="10.1.2.3/24", **more):
    return {"address": address, **more}


@pytest.fixture
def skel(plugins):
    return plugins.make("skelnoop", "skelnoop")


@case("RS1")
@each("version", IN_VERSION)
def test_the_newest_in_every_version(version):
    assert parse_result(FULL).as_(version) == labelled(IN_VERSION[version], version)


@case("RS1[plugin]")
@each("version", IN_VERSION)
def test_a_plugin_answers_in_the_version_it_was_asked_in(skel, version):
    skel.script("ADD", result=FULL)
    reply = execute(skel, "ADD", conf("skelnoop", version))
    assert reply.result == labelled(IN_VERSION[version], version)
    assert reply.out.startswith('{\n    "cniVersion": ') and reply.out.endswith(
        "\n}"
    ), "four spaces and no final newline"


@case("RS1[older]")
@each("was, version", [(a, b) for a in ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0") for b in IN_VERSION])
def test_every_version_in_every_version(was, version):
    """From any version to any: what both can say is kept."""
    source = labelled(IN_VERSION[was], was)
    got = parse_result(source).as_(version)
    expect = copy.deepcopy(labelled(IN_VERSION[version], version))
    if was < "1.0.0" and version >= "1.0.0":
        expect["interfaces"] = MIDDLE["interfaces"]
    if was < "0.3.0" and version >= "0.3.0":
        del expect["interfaces"]
        expect["ips"] = [{k: v for k, v in x.items() if k != "interface"} for x in expect["ips"]]
        expect["routes"] = OLD["ip4"]["routes"] + OLD["ip6"]["routes"]
    assert got == expect


@case("RS1[read]")
def test_the_members_of_a_result():
    r = parse_result(FULL)
    assert r.version == "1.1.0" and r.json == FULL
    assert r.interfaces == [
        {
            "name": "eth0",
            "mac": "02:00:00:00:00:01",
            "sandbox": "/run/netns/x",
            "socket_path": "/s",
            "pci_id": "0000:01:00.0",
            "mtu": 1400,
        },
        {"name": "br0", "mac": "", "sandbox": "", "socket_path": "", "pci_id": "", "mtu": 0},
    ]
    assert r.ips == [
        {"address": "10.1.2.3/24", "gateway": "10.1.2.1", "interface": 0},
        {"address": "2001:db8::3/64", "gateway": "2001:db8::1", "interface": 0},
    ]
    assert r.routes[0] == {
        "dst": "0.0.0.0/0",
        "gw": "10.1.2.1",
        "mtu": 1300,
        "advmss": 1260,
        "priority": 7,
        "table": 100,
        "scope": 253,
    }
    assert r.routes[1] == {
        "dst": "10.9.0.0/16",
        "gw": "",
        "mtu": 0,
        "advmss": 0,
        "priority": 0,
        "table": 0,
        "scope": -1,
    }


@case("RS2")
def test_there_and_back():
    there = parse_result(FULL).text_as("1.0.0")
    assert json.loads(there) == labelled(FULL, "1.0.0")
    assert parse_result(there).as_("1.1.0") == FULL


@case("RS3")
@each("gateways", [True, False])
@each("families", [("ip4",), ("ip6",), ("ip4", "ip6")], ids="+".join)
def test_old_there_and_back(gateways, families):
    old = copy.deepcopy({k: v for k, v in OLD.items() if not k.startswith("ip") or k in families})
    for family in families:
        for route in old[family]["routes"]:
            if not gateways:
                route.pop("gw", None)
    there = parse_result(old).text_as("0.4.0")
    assert parse_result(there).as_("0.2.0") == old
    middle = json.loads(there)
    assert [x["version"] for x in middle["ips"]] == [f[2] for f in families] and "interfaces" not in middle
    assert parse_result(middle).as_("0.4.0") == middle


@case("RS4")
@each("was", ["0.3.0", "0.4.0", "1.0.0", "1.1.0"])
@each("version", ["0.1.0", "0.2.0", ""])
def test_no_ip(was, version):
    refused(parse_result(result(was, interfaces=[{"name": "eth0"}])).text_as, version)


@case("RS4[old]")
def test_no_ip_is_fine_among_the_old():
    assert parse_result(result("0.2.0", dns={})).as_("0.1.0") == result("0.1.0", dns={})


@case("RS4[plugin]")
def test_a_plugin_without_ip(skel):
    skel.script("ADD", result=result(interfaces=[{"name": "eth0"}]))
    reply = execute(skel, "ADD", conf("skelnoop", "0.2.0"))
    assert reply.error["code"] and one_object(reply.out)
    assert skel.commands == ["ADD"]


@case("RS5")
@each("was", ["0.4.0", "1.1.0"])
def test_several_ips(was):
    ips = [ip("10.0.0.1/8"), ip("2001:db8::1/64"), ip("10.0.0.2/8", gateway="10.0.0.9"), ip("2001:db8::2/64")]
    if was == "0.4.0":
        ips = [{**x, "version": "6" if ":" in x["address"] else "4"} for x in ips]
    got = parse_result(result(was, ips=ips)).as_("0.2.0")
    assert got["ip4"] == {"ip": "10.0.0.1/8"} and got["ip6"] == {"ip": "2001:db8::1/64"}


@case("RS5[label]")
def test_a_wrong_label_is_believed():
    """The label "version" decides, even a wrong one."""
    got = parse_result(result("0.4.0", ips=[ip("10.0.0.1/8", version="6"), ip("10.0.0.2/8", version="4")])).as_("0.2.0")
    assert got["ip6"]["ip"] == "10.0.0.1/8" and got["ip4"]["ip"] == "10.0.0.2/8"


@case("RS6")
@each("was", ["0.4.0", "1.1.0"])
def test_routes_without_an_address_of_their_family(was):
    four = ip("10.0.0.1/8", **({"version": "4"} if was == "0.4.0" else {}))
    got = parse_result(
        result(was, ips=[four], routes=[{"dst": "::/0"}, {"dst": "0.0.0.0/0", "mtu": 9, "table": 3}])
    ).as_("0.2.0")
    assert got == {"cniVersion": "0.2.0", "ip4": {"ip": "10.0.0.1/8", "routes": [{"dst": "0.0.0.0/0"}]}, "dns": {}}


@case("RS7")
@each("version", ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
@each("index", [0, -1, None, 7])
def test_interface_of_an_ip(version, index):
    one = ip(**({} if index is None else {"interface": index}), **({"version": "4"} if version < "1.0.0" else {}))
    r = parse_result(result(version, ips=[one]))
    assert r.json["ips"] == [one] and r.as_("1.1.0")["ips"][0].get("interface") == index
    assert ("interface" in r.as_("0.4.0")["ips"][0]) == (index is not None)
    assert parse_result(result(version, ips=[{**one, "interface": None}])).json["ips"][0].get("interface") is None


def anew(made):
    """The result written anew under its neighbour's label: one that is handed on as it is keeps its bytes."""
    sibling = {"0.3.1": "0.4.0", "0.4.0": "0.3.1", "1.0.0": "1.1.0", "1.1.0": "1.0.0"}[made["cniVersion"]]
    return labelled(parse_result(made).as_(sibling), made["cniVersion"])


@case("RS8")
@each("version", ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_zeros(skel, version):
    routes = [
        {"dst": "10.0.0.0/8", "table": 0, "scope": 0, "mtu": 0, "advmss": 0, "priority": 0},
        {"dst": "11.0.0.0/8"},
    ]
    made = result(version, routes=routes, interfaces=[{"name": "x", "mtu": 0, "mac": "", "sandbox": ""}])
    skel.script("ADD", prev=True)
    for got in anew(made), execute(skel, "ADD", conf("skelnoop", version, prevResult=made)).result:
        assert got["routes"] == [{"dst": "10.0.0.0/8", "table": 0, "scope": 0}, {"dst": "11.0.0.0/8"}]
        assert got["interfaces"] == [{"name": "x"}]


@case("RS8[host bits]")
def test_host_bits_are_kept():
    got = anew(result(ips=[ip("10.1.2.3/8", gateway="")], routes=[{"dst": "10.1.2.3/8", "gw": None}]))
    assert got["ips"] == [ip("10.1.2.3/8")] and got["routes"] == [{"dst": "10.1.2.3/8"}]


@case("RS8[lists]")
@each("empty", [[], None])
def test_empty_lists_are_left_out(empty):
    assert anew(result(ips=empty, routes=empty, interfaces=empty)) == result()


@case("RS8[text]")
@each(
    "given, printed",
    [
        ("2001:DB8:0:0:0:0:0:1/64", "2001:db8::1/64"),
        ("2001:db8:0:1:0:0:0:0/64", "2001:db8:0:1::/64"),
        ("::1/128", "::1/128"),
        ("1:0:0:2::/64", "1:0:0:2::/64"),
    ],
)
def test_addresses_are_printed_one_way(given, printed):
    assert anew(result(ips=[ip(given)]))["ips"] == [ip(printed)]
    assert parse_result(result(ips=[ip(given)])).ips[0]["address"] == printed


@case("RS8[unknown]")
def test_unknown_keys(skel):
    """The library keeps them in a result that it hands on, conversion and plugins of ours drop them."""
    made = result(x=1, ips=[ip(y=2)], dns={"z": 3})
    skel.script("ADD", prev=True)
    assert parse_result(made).json == made
    assert anew(made) == execute(skel, "ADD", conf("skelnoop", prevResult=made)).result == result(ips=[ip()])


@case("RS9")
@each(
    "version, there",
    [
        ("0.1.0", True),
        ("0.2.0", True),
        ("0.3.0", True),
        ("0.3.1", True),
        ("0.4.0", True),
        ("1.0.0", False),
        ("1.1.0", False),
    ],
)
@each("dns", [None, {}, {"nameservers": [], "domain": ""}], ids=["absent", "empty", "empty members"])
def test_empty_dns(version, there, dns):
    got = parse_result(result(ips=[ip()], **({} if dns is None else {"dns": dns}))).as_(version)
    assert got.get("dns") == ({} if there else None)


@case("RS10")
@each(
    "address",
    [
        "10.1.2.3",
        "10.1.2.3/99",
        "10.1.2.3/33",
        5,
        "10.1.2.03/24",
        "010.1.2.3/24",
        "fe80::1%eth0/64",
        "2001:db8::/129",
        "10.1.2/24",
        "",
        "x",
        None,
        "10.1.2.3/-1",
        "10.1.2.3/2x",
        "::ffff:1.2.3.4/129",
    ],
)
def test_addresses_that_are_none(skel, address):
    """Neither a result nor a route with such an address is accepted, and a plugin names a clean error for it."""
    refused(parse_result, result(ips=[ip(address)]))
    if address is not None:
        refused(parse_result, result(routes=[{"dst": address}]))
    refused(parse_result, result("0.2.0", ip4={"ip": address}))
    skel.script("ADD", prev=True)
    reply = execute(skel, "ADD", conf("skelnoop", prevResult=result(ips=[ip(address)])))
    assert reply.error["code"] and one_object(reply.out)


@case("RS10[gateway]")
@each("gateway", ["10.1.2.3/24", "x", 5, "1.2.3", "01.2.3.4", "fe80::1%eth0"])
def test_gateways_that_are_none(gateway):
    refused(parse_result, result(ips=[ip(gateway=gateway)]))
    refused(parse_result, result(routes=[{"dst": "10.0.0.0/8", "gw": gateway}]))


@case("RS10[numbers]")
@each(
    "more",
    [
        {"ips": [ip(interface=1.5)]},
        {"ips": [ip(interface="0")]},
        {"routes": [{"dst": "10.0.0.0/8", "mtu": "1"}]},
        {"ips": {}},
        {"interfaces": [5]},
        {"interfaces": [{"name": 5}]},
        {"dns": []},
        {"dns": {"nameservers": "x"}},
    ],
)
def test_types_are_checked(more):
    refused(parse_result, result(**more))


@case("RS11")
@each("version", ["0.4.0", "1.1.0", "0.2.0"])
def test_ipv4_written_as_ipv6(version):
    got = parse_result(result(ips=[ip("::ffff:1.2.3.4/120", gateway="::ffff:1.2.3.1")])).as_(version)
    if version == "0.2.0":
        assert got["ip4"] == {"ip": "1.2.3.4/24", "gateway": "1.2.3.1"}
    else:
        assert got["ips"] == [
            {"address": "1.2.3.4/24", "gateway": "1.2.3.1", **({"version": "4"} if version == "0.4.0" else {})}
        ]


@case("RS12")
@each("version", ["0.5.0", "0.3.2", "1.1", "1.2.0", "2.0.0", "x", "0.1"])
def test_unknown_versions(version):
    refused(parse_result(FULL).text_as, version)
    refused(parse_result, labelled(FULL, version))


@case("RS13[absent]")
@each("version", ["0.3.1", "0.4.0", "1.1.0"])
def test_no_prev(skel, version):
    skel.script("ADD", prev=True)
    assert execute(skel, "ADD", conf("skelnoop", version)).result["cniVersion"] == version
    assert execute(skel, "ADD", {**conf("skelnoop", version), "prevResult": None}).ok
    skel.script(prev_required=True)
    assert execute(skel, "ADD", conf("skelnoop", version)).code and execute(skel, "CHECK", conf("skelnoop")).code


@case("RS13")
@each(
    "version, prev, ok",
    [
        ("1.1.0", None, True),
        ("0.4.0", None, True),
        ("0.2.0", None, True),
        ("1.1.0", "", False),
        ("0.4.0", "", False),
        ("0.3.0", "", False),
        ("0.1.0", "", True),
        ("0.2.0", "", True),
        ("1.0.0", "0.4.0", False),
        ("0.4.0", "1.0.0", False),
        ("0.2.0", "0.4.0", False),
        ("1.1.0", "1.0.0", True),
        ("1.0.0", "1.1.0", True),
        ("0.4.0", "0.3.0", True),
        ("1.1.0", "5678.456", False),
        ("1.1.0", 5, False),
    ],
)
def test_versions_of_prev(skel, version, prev, ok):
    body = {k: v for k, v in IN_VERSION[version].items() if k != "cniVersion"}
    given = {**body, **({} if prev is None else {"cniVersion": prev})}
    if version == "0.2.0" and prev == "0.4.0" or version == "0.1.0":
        given = {"ip4": {"ip": "10.1.2.3/24"}, "dns": {}, **({} if prev is None else {"cniVersion": prev})}
        body = {"ip4": {"ip": "10.1.2.3/24"}, "dns": {}}
    skel.script(prev=True)
    reply = execute(skel, "ADD", conf("skelnoop", version, prevResult=given))
    if ok:
        assert reply.result == {"cniVersion": version, **body}
    else:
        assert "prevResult" in reply.text
    if version >= "0.4.0":
        assert execute(skel, "CHECK", conf("skelnoop", version, prevResult=given)).ok == ok
    assert execute(skel, "DEL", conf("skelnoop", version, prevResult=given)).ok, "DEL goes on without"


@case("RS14")
@each("version", ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_prev_is_passed_on(skel, version):
    given = labelled(IN_VERSION[version], version)
    skel.script("ADD", prev=True)
    assert execute(skel, "ADD", conf("skelnoop", version, prevResult=given)).result == given


@case("RS14[portmap]")
@each("version", ["0.3.1", "0.4.0", "1.1.0"])
def test_a_chained_plugin_passes_prev_on(version):
    given = labelled(IN_VERSION[version], version)
    assert execute("portmap", "ADD", conf("portmap", version, prevResult=given)).result == given


@case("RS14[static]")
@each("version", ["0.2.0", "0.3.1", "0.4.0", "1.1.0"])
def test_a_real_plugin_in_every_version(version):
    ipam = {
        "addresses": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1"}],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dns": {"nameservers": ["10.1.2.9"]},
    }
    got = execute("static", "ADD", static(version, ipam=ipam)).result
    four = {"gateway": "10.1.2.1"}
    expect = {
        "0.2.0": {"ip4": {"ip": "10.1.2.3/24", **four, "routes": [{"dst": "0.0.0.0/0"}]}},
        "0.3.1": {"ips": [{"version": "4", "address": "10.1.2.3/24", **four}], "routes": [{"dst": "0.0.0.0/0"}]},
        "1.1.0": {"ips": [{"address": "10.1.2.3/24", **four}], "routes": [{"dst": "0.0.0.0/0"}]},
    }
    assert got == {
        "cniVersion": version,
        "dns": {"nameservers": ["10.1.2.9"]},
        **expect["0.3.1" if version == "0.4.0" else version],
    }


@case("RS15")
@each("kind", ["ips", "routes", "interfaces"])
@each("entry", [None, {}], ids=["null", "empty"])
def test_null_and_empty_entries(skel, kind, entry):
    good = {"ips": ip(), "routes": {"dst": "10.0.0.0/8"}, "interfaces": {"name": "x"}}[kind]
    refused(parse_result, result(**{kind: [good, entry]}))
    skel.script("ADD", prev=True)
    reply = execute(skel, "ADD", conf("skelnoop", prevResult=result(**{kind: [entry]})))
    assert reply.error["code"] and kind in reply.text
    one_object(reply.out)
    assert execute("portmap", "ADD", conf("portmap", prevResult=result(**{kind: [entry]}))).error["code"]

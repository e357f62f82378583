# SPDX-License-Identifier: Apache-2.0
"""The files of host-local: their bytes, other writers, damage, full disks, and many at once."""

import concurrent.futures
import json
import os
import shutil
import stat
import subprocess

import pytest

from lib.case import case, rootless
from lib.plugin import BIN
from system.test_host_local import Pool, ranges
from system.world import files


@pytest.fixture
def pool(node):
    return lambda ipam=None, **more: Pool(node, ipam or ranges({"subnet": "10.1.0.0/24"}), **more)


@pytest.fixture
def store(node):
    return node.data / "testnet"


def index(node):
    return node.data / ".crimp" / "testnet.index"


@case("host-local:files")
@rootless
def test_bytes_of_the_files(pool, store):
    """Lease, cursor and lock have the reference's names, modes and bytes"""
    pool(ranges({"subnet": "10.1.0.0/24"}, {"subnet": "fd00:0:0::/64"})).add("c1", "eth0")
    found = {p.name: (oct(stat.S_IMODE(p.stat().st_mode)), p.read_bytes()) for p in store.iterdir()}
    assert found == {
        "10.1.0.2": ("0o600", b"c1\r\neth0"), "fd00::2": ("0o600", b"c1\r\neth0"), "lock": ("0o750", b""),
        "last_reserved_ip.0": ("0o600", b"10.1.0.2"), "last_reserved_ip.1": ("0o600", b"fd00::2")}
    assert stat.S_IMODE(store.stat().st_mode) == 0o755


@case("host-local:cursor")
@rootless
@pytest.mark.parametrize("text, next_", [("10.1.0.50", "10.1.0.51"), ("10.1.0.254", "10.1.0.2"), ("10.9.9.9", "10.1.0.2"),
                                         ("", "10.1.0.2"), ("nonsense", "10.1.0.2"), ("x" * 9000, "10.1.0.2"), ("fd00::1", "10.1.0.2")],
                         ids=["inside", "at the end", "outside", "empty", "nonsense", "long", "other family"])
def test_cursor(pool, store, text, next_):
    """The search goes on after the cursor; a damaged one begins at the start and is repaired"""
    store.mkdir(parents=True)
    (store / "last_reserved_ip.0").write_text(text)
    assert pool().add() == [next_ + "/24"]
    assert (store / "last_reserved_ip.0").read_text() == next_


@case("host-local:cursor-directory")
@rootless
def test_cursor_that_cannot_be_written(pool, store, node):
    """A cursor that is a directory fails the ADD in one sentence, and leaves no lease"""
    (store / "last_reserved_ip.0").mkdir(parents=True)
    assert "last_reserved_ip.0" in pool().call("ADD").error["msg"] and node.leases() == {}


DAMAGE = {"empty": b"", "binary": b"\0\xff\xfe" * 9, "large": b"x" * 100000, "half": b"c9\r\n", "blanks": b"  \n"}


@case("host-local:damaged-lease")
@rootless
@pytest.mark.parametrize("what", DAMAGE)
def test_damaged_leases(pool, store, what):
    """A damaged lease stops nobody: an empty one is free again, others stay taken until GC"""
    p = pool(ranges({"subnet": "10.1.0.0/29"}))
    p.add("c0")
    (store / "10.1.0.3").write_bytes(DAMAGE[what])
    free = what in ("empty", "blanks")
    assert p.take(3, "d") == (["10.1.0.3", "10.1.0.4", "10.1.0.5"] if free else ["10.1.0.4", "10.1.0.5", "10.1.0.6"])
    p.delete("c0")
    assert p.call("GC", **{"cni.dev/valid-attachments": []}).ok
    assert p.node.leases() == {}


@case("host-local:foreign-files")
@rootless
def test_files_that_are_no_leases(pool, store):
    """Files whose names are no addresses are left alone by ADD, DEL and GC"""
    store.mkdir(parents=True)
    (store / "README").write_text("c1\r\neth0")
    (store / "10.1.0.5.bak").write_text("c1\r\neth0")
    p = pool()
    assert p.add() == ["10.1.0.2/24"]
    p.delete()
    p.call("GC", **{"cni.dev/valid-attachments": []})
    assert (store / "README").exists() and (store / "10.1.0.5.bak").exists() and not (store / "10.1.0.2").exists()


@case("host-local:bare-id")
@rootless
def test_leases_from_before_0_8(pool, store):
    """A lease with the bare container ID is the container's: found by CHECK, duplicate for ADD, released by DEL"""
    p = pool()
    p.add("other")
    (store / "10.1.0.40").write_text("c1")
    assert p.call("CHECK").ok and "10.1.0.40 has been allocated to c1" in p.call("ADD").error["msg"]
    p.delete()
    assert list(p.node.leases()) == ["10.1.0.2"]


@case("host-local:white-space")
@rootless
def test_leases_with_a_newline(pool, store):
    """White space around a lease's text means nothing"""
    store.mkdir(parents=True)
    (store / "10.1.0.40").write_text("c1\r\neth0\n")
    p = pool()
    assert p.call("CHECK").ok
    p.delete()
    assert not (store / "10.1.0.40").exists()


# ---- the index beside the leases


def remove_index(path):
    path.unlink()


def garbage(path):
    path.write_bytes(os.urandom(path.stat().st_size))


def cut(path):
    with open(path, "r+b") as f:
        f.truncate(5000)


def flip(path):
    data = bytearray(path.read_bytes())
    data[9] ^= 1
    path.write_bytes(data)


def directory(path):
    path.unlink()
    path.mkdir()


def zeros(path):
    path.write_bytes(b"")


@case("host-local:index")
@rootless
@pytest.mark.parametrize("harm", [remove_index, garbage, cut, flip, directory, zeros], ids=lambda f: f.__name__)
def test_index_harmed(pool, node, harm):
    """Whatever becomes of the index, addresses stay unique and are found again"""
    p = pool()
    p.take(5)
    assert index(node).is_file()
    harm(index(node))
    assert p.take(2, "d") == ["10.1.0.7", "10.1.0.8"]
    harm(index(node)) if index(node).is_file() else None
    p.delete("c1")
    p.delete("d1")
    assert p.call("CHECK", "c2").ok and p.call("CHECK", "c1").code
    assert sorted(node.leases()) == ["10.1.0.2", "10.1.0.4", "10.1.0.5", "10.1.0.6", "10.1.0.7"]


@case("host-local:index-others")
@rootless
def test_other_writers(pool, store, node):
    """Leases that somebody else makes and removes are seen at once, index or not"""
    p = pool(ranges({"subnet": "10.1.0.0/29"}))
    p.take(2)
    (store / "10.1.0.4").write_bytes(b"foreign\r\neth0")
    assert p.take(1, "d") == ["10.1.0.5"]
    assert "10.1.0.4 has been allocated" in p.call("ADD", "foreign").error["msg"]
    (store / "10.1.0.4").unlink()
    (store / "10.1.0.2").unlink()
    assert p.call("ADD", "foreign").ok and p.call("CHECK", "c0").code
    assert p.take(1, "e") and len(node.leases()) == 4


@case("host-local:index-replaced")
@rootless
def test_store_replaced(pool, store, node):
    """A store that was wiped, or replaced by a copy, is read anew"""
    p = pool(ranges({"subnet": "10.1.0.0/30"}))
    p.add()
    shutil.copytree(store, node.dir / "copy")
    shutil.rmtree(store)
    assert p.call("CHECK").code and p.add("c2") == ["10.1.0.2/30"]
    shutil.rmtree(store)
    shutil.move(node.dir / "copy", store)
    assert p.call("CHECK", "c1").ok and p.call("CHECK", "c2").code


# ---- disks


@pytest.fixture
def small(node):
    """A disk of 64 KiB at node.data, made to be filled."""
    node.data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "tmpfs", node.data], check=True)
    yield node.data
    subprocess.run(["umount", node.data], check=True)


def fill(folder):
    with open(folder / "filler", "wb", buffering=0) as f:
        try:
            while f.write(b"x" * 4096):
                pass
        except OSError:
            pass
    return folder / "filler"


@case("host-local:disk-full")
def test_full_disk(pool, small, node):
    """On a full disk ADD fails with the reason and leaves no lease; with room again it works"""
    p = pool()
    p.add("c0")
    filler = fill(small)
    before = files(small / "testnet", advice=False)
    error = p.call("ADD", "c1").error
    assert error["code"] in (5, 999) and "No space left on device" in error["msg"] and str(small) in error["msg"]
    assert files(small / "testnet", advice=False) == before
    assert p.call("CHECK", "c0").ok
    p.delete("c0")
    assert node.leases() == {}
    filler.unlink()
    assert p.add("c1")


@case("host-local:read-only")
def test_read_only_disk(pool, small, node):
    """On a read-only disk ADD, DEL and STATUS fail with the reason and CHECK still answers"""
    p = pool()
    p.add("c0")
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    before = files(small)
    assert "Read-only file system" in p.call("ADD", "c1").error["msg"]
    assert p.call("STATUS").code == 50 and p.call("CHECK", "c0").ok
    assert "Read-only file system" in p.call("DEL", "c0").error["msg"]
    assert files(small) == before
    subprocess.run(["mount", "-o", "remount,rw", small], check=True)
    p.delete("c0")


@case("host-local:dataDir-file")
@rootless
def test_data_dir_that_is_a_file(pool, node):
    """A dataDir that is a file is named in the error"""
    (node.dir / "file").write_text("x")
    p = pool({**ranges({"subnet": "10.1.0.0/24"}), "dataDir": str(node.dir / "file")})
    assert str(node.dir / "file") in p.call("ADD").error["msg"] and p.call("STATUS").code == 50


# ---- many at once


@case("host-local:concurrent")
@rootless
def test_no_address_twice(pool, node):
    """Of 60 ADDs, 32 at once, none gets an address that another has; then 60 DELs leave nothing"""
    p = pool(ranges({"subnet": "10.1.0.0/26"}, {"subnet": "fd00::/64"}))
    with concurrent.futures.ThreadPoolExecutor(32) as many:
        got = list(many.map(lambda i: p.add(f"c{i}"), range(60)))
        assert len({g[0] for g in got}) == len({g[1] for g in got}) == 60 and len(node.leases()) == 120
        for reply in many.map(lambda i: p.call("CHECK", f"c{i}"), range(0, 60, 7)):
            assert reply.ok
        list(many.map(lambda i: p.delete(f"c{i}"), range(60)))
    assert node.leases() == {}


@case("host-local:last-address")
@rootless
def test_the_last_address(pool, node):
    """Of 16 that want the last address one gets it"""
    p = pool(ranges({"subnet": "10.1.0.0/30"}))
    with concurrent.futures.ThreadPoolExecutor(16) as many:
        replies = list(many.map(lambda i: p.call("ADD", f"c{i}"), range(16)))
    assert sum(r.ok for r in replies) == 1 and all(r.ok or "no IP addresses available" in r.text for r in replies)
    assert len(node.leases()) == 1


@case("host-local:lock")
@rootless
def test_waits_for_the_lock(pool, store):
    """Whoever holds the reference's lock is waited for"""
    p = pool()
    p.add("c0")
    holder = subprocess.Popen(["flock", store / "lock", "sh", "-c", "echo held; sleep 0.5; touch " + str(store / "10.1.0.3")],
                              stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    assert p.add("c1") == ["10.1.0.4/24"] or not (store / "10.1.0.3").read_bytes() == b""
    assert holder.wait() == 0


@case("host-local:killed")
@rootless
def test_killed_while_leasing(pool, node):
    """Killed at any moment, a lease is whole or absent, and the next one works"""
    p = pool()
    env = {"CNI_COMMAND": "ADD", "CNI_NETNS": "/x", "CNI_IFNAME": "eth0", "CNI_PATH": str(BIN), "PATH": os.environ["PATH"]}
    conf = json.dumps(node.conf(p.conf))
    for i in range(40):
        child = subprocess.Popen([BIN / "host-local"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, env={**env, "CNI_CONTAINERID": f"k{i}"})
        child.stdin.write(conf.encode())
        child.stdin.close()
        try:
            child.wait(timeout=i * 0.0001)
        except subprocess.TimeoutExpired:
            child.kill()
        child.wait()
    assert all(len(text) == 2 for text in node.leases().values()), node.leases()
    got = p.take(20)
    assert len(set(got)) == 20
    for i in range(40):
        p.delete(f"k{i}")
    assert len(node.leases()) == 20

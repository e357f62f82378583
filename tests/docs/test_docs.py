# SPDX-License-Identifier: Apache-2.0
"""The manual says all that the programs know, and its examples work."""

import functools
import json
import os
import re
import subprocess

import pytest

from lib import table
from lib.case import case
from lib.plugin import BIN, TOP

PAGES = sorted(p for p in (TOP / "man").glob("*.[1-8]"))
GUIDES = sorted((TOP / "docs").glob("*.md"))
# Tables of keys that several plugins use, by the name under which a source refers to them.
SHARED = {"result_route_fields": "cni/result.c", "read_dns": "cni/dns.c", "STACKED_FIELDS": "plugins/stacked.h"}


def crimp(*args):
    done = subprocess.run([BIN / "crimp", *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.cache
def plugins():
    return crimp("--plugins").split()


@functools.cache
def page(name):
    return next(p for p in PAGES if p.name == name).read_text()


def items(text, macro):
    """What stands after this macro in the heads of lists, and every further name of a head."""
    heads = re.findall(r"^\.It (.*)$", text, re.M)
    words = [re.split(r" [A-Z][a-z]\b", part)[0] for head in heads for part in head.split(f"{macro} ")[1:]]
    return {w for part in words for w in re.split(r"[ ,]+", part) if w}


# ---- what must be there ----


def sources(plugin):
    stem = plugin.replace("-", "_")
    found = [*TOP.glob(f"plugins/{stem}*.c"), *TOP.glob(f"plugins/ipam/{stem}*.c")]
    # What is kept on disk is read by field tables, too, and is no configuration.
    return [f.read_text() for f in found if not f.name.endswith(("_test.c", "_store.c", "_backup.c"))]


def keys_in(text):
    """The keys of all field tables of a source."""
    tables = re.findall(r"const struct field (?:\w+)\[\] = \{(.*?)\{ 0 \}", text, re.S)
    return keys_of("\n".join(tables))


def keys_of(rows):
    return {
        *re.findall(r'FIELD_AS\(\s*"([^"]+)"', rows),
        *re.findall(r"FIELD\([^,]+,\s*(\w+)", rows),
        *re.findall(r'\.name = "([^"]+)"', rows),
    }


def shared_keys(text):
    for name, file in SHARED.items():
        if re.search(rf"\b{name}\b", text):
            source = (TOP / file).read_text()
            if name.endswith("_fields"):
                source = re.search(rf"const struct field {name}\[\] = .*?\{{ 0 \}}", source, re.S).group()
            yield from keys_of(source) if name.endswith("_FIELDS") else keys_in(source)


@case("DOC1")
def test_plugins_have_pages():
    """Every plugin has a manual page, and every page of a plugin a plugin"""
    documented = {name for p in PAGES for name in re.findall(r"^\.Nm crimp-([\w-]+)", p.read_text(), re.M)}
    assert documented == set(plugins())


@case("DOC2")
def test_plugin_keys():
    """Every key of a plugin's configuration is in its page"""
    missing = []
    for name in plugins():
        text = next(p.read_text() for p in PAGES if f".Nm crimp-{name}\n" in p.read_text())
        have = items(text, "Cm")
        for source in sources(name):
            missing += [f"{name}: {k}" for k in sorted({*keys_in(source), *shared_keys(source)}) if k not in have]
    assert not missing, missing


@case("DOC3")
def test_keys_are_found():
    """The reader of the tables finds what is known to be in them"""
    keys = {name: {k for s in sources(name) for k in {*keys_in(s), *shared_keys(s)}} for name in plugins()}
    assert {"isGateway", "vlanTrunk", "minID", "mac"} <= keys["bridge"]
    assert {"rangeStart", "dataDir", "ipRanges", "advmss"} <= keys["host-local"]
    assert {"conditionsV6", "portMappings", "hostIP"} <= keys["portmap"]
    assert {"addresses", "gateway", "ips", "nameservers"} <= keys["static"]
    assert {"master", "mtu", "linkInContainer", "enabledad", "vlanId"} <= keys["vlan"]


@case("DOC4")
def test_verbs_and_options():
    """Every verb and every option that crimp's help names is in crimp(1)"""
    text = page("crimp.1")
    verbs = re.findall(r"^  ([a-z]+)  ", crimp("help"), re.M)
    options = {o for v in verbs for o in re.findall(r"^ +(?:-\w, )?--([\w-]+)", crimp("help", v), re.M)}
    assert len(verbs) >= 10 and len(options) >= 15
    assert set(verbs) == items(text, "Ic")
    assert {"-" + o for o in options} == {o for o in items(text, "Fl") if o.startswith("-")}


@case("DOC5")
@pytest.mark.parametrize("header, name", [("types.h", "cni_types.3"), ("runtime.h", "cni_runtime.3")])
def test_functions(header, name):
    """Every function and every constant of a header is in its page"""
    source = (TOP / "include/cni" / header).read_text()
    functions = re.findall(r"^CNI_API .*?\b(cni_\w+)\(", source, re.M)
    constants = re.findall(r"^\t(CNI_\w+) = ", source, re.M)
    text = page(name)
    synopsis = re.findall(r"^\.Fn (\w+)", text.split(".Sh DESCRIPTION")[0], re.M)
    assert functions and sorted(functions) == sorted(synopsis)
    description = text.split(".Sh DESCRIPTION")[1]
    assert [f for f in functions if f not in description] == []
    assert [c for c in constants if c not in description] == []


# ---- examples ----


def literals(text):
    blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", text, re.S | re.M)
    return [b.replace("\\e", "\\").replace("\\&", "") for b in blocks]


def fences(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.S | re.M)


def json_examples():
    found = [(p.name, b) for p in PAGES for b in literals(p.read_text()) if b.lstrip().startswith("{\n")]
    return found + [(g.name, b) for g in GUIDES for b in fences(g.read_text(), "json")]


def programs():
    found = [(p.name, b) for p in PAGES for b in literals(p.read_text()) if b.startswith("#include")]
    return found + [(g.name, b) for g in GUIDES for b in fences(g.read_text(), "c") if "int main(" in b]


@case("DOC6")
def test_json(tmp_path):
    """Every configuration in manual and guides is JSON that crimp validates"""
    checked = {}
    for name, text in json_examples():
        conf = json.loads(text)
        if "name" not in conf or not ("plugins" in conf or "type" in conf):
            continue
        file = tmp_path / ("x.conflist" if "plugins" in conf else "x.conf")
        file.write_text(text)
        crimp("validate", str(file), "--plugin-dir", str(BIN))
        checked[name] = checked.get(name, 0) + 1
    assert set(checked) >= {f"crimp-{p}.8" for p in plugins()} | {"cni-conflist.5"}


@case("DOC7")
def test_programs(tmp_path):
    """Every C program in manual and guides compiles without a warning and links with libcni"""
    lib = os.environ.get("CRIMP_LIB") or TOP / os.environ.get("O", "build") / "lib" / "libcni.so"
    found = programs()
    assert {"libcni.3", "runtime-authors.md"} <= {name for name, _ in found}
    for name, text in found:
        file = tmp_path / "program.c"
        file.write_text(text)
        done = subprocess.run(
            ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{TOP}/include", "-o", tmp_path / "program", file, lib],
            capture_output=True, text=True, timeout=120,
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"


@case("DOC8")
def test_guides_name_files():
    """Files of the tree that the guides link to are there"""
    texts = {p: p.read_text() for p in GUIDES}
    links = [(p, t) for p, text in texts.items() for t in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)]
    assert links
    assert [f"{p.name}: {t}" for p, t in links if not (p.parent / t).exists()] == []


@case("DOC9")
def test_references():
    """Pages refer to pages of this manual that exist"""
    names = {tuple(p.name.rsplit(".", 1)) for p in PAGES}
    ours = re.compile(r"^\.Xr ((?:crimp|cni|libcni|host-local)[\w-]*) (\d)", re.M)
    refs = [(p.name, r) for p in PAGES for r in ours.findall(p.read_text())]
    assert refs and [(p, r) for p, r in refs if r not in names] == []


# ---- what a new plugin must bring ----


MENTIONS = {"README.md": r"^\|.*`{}`.*\|", "docs/state.md": r"(?<![\w-]){}(?![\w-])", "CHANGELOG.md": "`{}`"}


@case("DOC10")
@pytest.mark.parametrize("file", MENTIONS)
def test_plugins_are_listed(file):
    """README, docs/state.md and CHANGELOG name every plugin"""
    text = (TOP / file).read_text()
    assert plugins() and [p for p in plugins() if not re.search(MENTIONS[file].format(p), text, re.M)] == []


@case("DOC11")
def test_rows_of_plugins():
    """Every source that ends in a plugin has its row in plugins/plugin.h, and every row its source"""
    rows = re.findall(r"^\tX\((\w+)\)", (TOP / "plugins/plugin.h").read_text(), re.M)
    found = [(f.stem, name) for f in TOP.glob("plugins/**/*.c")
             for name in re.findall(r"^(?:static )?(?:const )?struct plugin (\w+)_plugin\b", f.read_text(), re.M)]
    assert rows and sorted(name for _, name in found) == sorted(rows)
    assert [f"{stem}.c: {name}" for stem, name in found if stem != name] == []
    assert sorted(name.replace("_", "-") for name in rows) == plugins()


@case("DOC12")
def test_ours_only(monkeypatch, tmp_path):
    """A plugin that the reference never had has dashes in the table of what was executed, if that is true and said"""
    monkeypatch.setattr(table.peers, "PEERS", tmp_path)
    compared = slice(table.COLUMNS.index("Go, then ours") - 1, table.COLUMNS.index("differential"))
    cells = lambda: [*table.Row("loopback").cells()][compared]
    assert cells() == ["", "", ""]
    monkeypatch.setattr(table, "OURS_ONLY", {"loopback"})
    assert cells() == ["-", "-", "-"]
    (tmp_path / "go/bin").mkdir(parents=True)
    (tmp_path / "go/bin/loopback").touch()
    assert cells() == ["", "", ""]
    monkeypatch.undo()
    assert table.OURS_ONLY <= set(plugins())

# SPDX-License-Identifier: Apache-2.0
"""copies.py BEFORE AFTER PODS: the rules that one pod has added between two outputs of iptables-save, as input of
iptables-restore --noflush for other pods. PODS is a JSON array of {id, port, result}; the first is the one that was added."""

import hashlib
import json
import re
import sys


def tables(path):
    """{table: (chains, rules)} of an iptables-save"""
    found = {}
    for line in open(path, encoding="utf-8"):
        line = line.rstrip("\n")
        if line.startswith("*"):
            chains, rules = found.setdefault(line[1:], ([], []))
        elif line.startswith(":"):
            chains.append(line.split()[0][1:])
        elif line.startswith("-A"):
            rules.append(line)
    return found


def added(before, after):
    """What of `after` is not in `before`, which may hold the same line more than once"""
    rest = list(before)
    new = []
    for line in after:
        if line in rest:
            rest.remove(line)
        else:
            new.append(line)
    return new


def address(pod):
    return pod["result"]["ips"][0]["address"].split("/")[0]


def renamed(chain, pod):
    """A chain's name is a prefix and a hash; another pod's has another hash."""
    prefix, _, tail = chain.rpartition("-")
    return f"{prefix}-{hashlib.sha1((chain + pod['id']).encode()).hexdigest()[:len(tail)]}"


def words(model, pod, chains):
    """What stands for the model in its rules, and what stands for another pod"""
    swap = {model["id"]: pod["id"], address(model): address(pod)}
    swap |= {str(model["port"] + i): str(pod["port"] + i) for i in (0, 1)}
    swap |= {chain: renamed(chain, pod) for chain in chains}
    return swap


def main(before, after, pods):
    model, *others = json.load(open(pods, encoding="utf-8"))
    old = tables(before)
    for table, (chains, rules) in tables(after).items():
        old_chains, old_rules = old.get(table, ([], []))
        chains, rules = added(old_chains, chains), added(old_rules, rules)
        print(f"*{table}")
        all_words = "|".join(re.escape(w) for w in words(model, model, chains))
        pattern = re.compile(rf"(?<![\w.-])(?:{all_words})(?![\w.-])")
        for pod in others:
            swap = words(model, pod, chains)
            for chain in chains:
                print(f":{swap[chain]} - [0:0]")
            for rule in rules:
                print(pattern.sub(lambda m: swap[m.group()], rule))
        print("COMMIT")


main(*sys.argv[1:])

# SPDX-License-Identifier: Apache-2.0
"""What flanneld has written, and where a node's flannel keeps its files."""

import json

ENV = "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n"
DUAL = ENV + "FLANNEL_IPV6_NETWORK=fd00:244::/48\nFLANNEL_IPV6_SUBNET=fd00:244:0:1::1/64\n"


class Flannel:
    """Where a node's flannel keeps its files."""

    def __init__(self, node, env=DUAL):
        self.node, self.dir, self.file = node, node.dir / "flannel", node.dir / "subnet.env"
        if env is not None:
            self.file.write_text(env)

    def conf(self, delegate=None, ipam=None, **more):
        d = {"bridge": "br1", "ipMasq": False} if delegate is None else delegate
        return {"type": "flannel", "subnetFile": str(self.file), "dataDir": str(self.dir), "delegate": d,
                "ipam": {"dataDir": str(self.node.data), **(ipam or {})}, **more}

    def saved(self):
        return {p.name: json.loads(p.read_text()) for p in self.dir.iterdir()} if self.dir.exists() else {}

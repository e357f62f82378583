// SPDX-License-Identifier: Apache-2.0
/* The networks that more than one part uses. */
#ifndef CRIMP_BENCH_PARTS_NETWORK_H
#define CRIMP_BENCH_PARTS_NETWORK_H

#include "bench/parts/chain.h"

#define HOST_LOCAL(more) \
	"\"ipam\":{\"type\":\"host-local\",\"dataDir\":\"@store@\",\"ranges\":[[{\"subnet\":\"10.77.0.0/16\"}]" more \
	"],\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}"
#define STATIC "\"ipam\":{\"type\":\"static\",\"addresses\":[{\"address\":\"10.9.0.5/24\"}]}"
#define BRIDGE "\"bridge\":\"bench0\",\"isGateway\":true,"
#define PORTS \
	"\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":@port@,\"containerPort\":80,\"protocol\":\"tcp\"}," \
	"{\"hostPort\":@port2@,\"containerPort\":53,\"protocol\":\"udp\"}]}"
#define RATES \
	"\"ingressRate\":80000000,\"ingressBurst\":800000,\"egressRate\":80000000,\"egressBurst\":800000"

/* The chain of a usual Kubernetes node, in the reference's default form. */
extern const struct chain kubernetes;
/* Of it what makes the same links, queues and leases with all sets, and no rule. */
extern const struct chain kubernetes_links;

#endif

// SPDX-License-Identifier: Apache-2.0
/* What the cache remembers of an attachment, made readable. */
#include "cmd/cached.h"

#include <errno.h>
#include <sys/vfs.h>

#include "lib/str.h"

#define NSFS_MAGIC 0x6e736673
#define PROC_MAGIC 0x9fa0

bool cached_result(struct arena *a, const struct cni_cached *cached, struct result *ret)
{
	const struct json *j;
	struct err ignored;

	return cached->result &&
	       json_parse(a, (struct bytes){ cached->result, strlen(cached->result) }, &j, &ignored) &&
	       result_read(a, j, "0.1.0", false, ret, &ignored);
}

const char *cached_addresses(struct arena *a, const struct cni_cached *cached)
{
	char text[CIDR_TEXT_MAX];
	struct result r;
	struct buf b;

	buf_init(&b, a, 64);
	if (cached_result(a, cached, &r)) {
		for (size_t i = 0; i < r.n_ips; i++)
			buf_printf(&b, "%s%s", i ? ", " : "", cidr_text(&r.ips[i].address, text));
	}
	return buf_str(&b);
}

static const char *port_text(struct arena *a, const struct json *m)
{
	const struct json *ip = json_fold(m, "hostIP"), *proto = json_fold(m, "protocol");
	uint64_t host = 0, container = 0;
	struct err ignored;

	if (!json_uint(json_fold(m, "hostPort"), 65535, &host, &ignored) ||
	    !json_uint(json_fold(m, "containerPort"), 65535, &container, &ignored))
		return NULL;
	return arena_printf(a, "%s%s%u:%u/%s", json_is(ip, JSON_STRING) ? ip->str : "",
			    json_is(ip, JSON_STRING) && ip->str_len ? ":" : "", (unsigned)host, (unsigned)container,
			    json_is(proto, JSON_STRING) ? proto->str : "tcp");
}

const char **cached_ports(struct arena *a, const struct cni_cached *cached)
{
	const struct json *caps = NULL, *mappings;
	const char **ports;
	struct err ignored;
	size_t n = 0;

	if (cached->capability_args &&
	    !json_parse(a, (struct bytes){ cached->capability_args, strlen(cached->capability_args) }, &caps, &ignored))
		caps = NULL;
	mappings = json_get(caps, "portMappings");
	ports = arena_array(a, (json_is(mappings, JSON_ARRAY) ? mappings->count : 0) + 1, sizeof(*ports));
	if (json_is(mappings, JSON_ARRAY)) {
		json_each(m, mappings) {
			const char *text = port_text(a, m);

			if (text)
				ports[n++] = text;
		}
	}
	return ports;
}

bool cached_netns_alive(const struct cni_cached *cached)
{
	struct statfs fs;

	if (str_empty(cached->netns))
		return true;
	if (statfs(cached->netns, &fs) < 0)
		return errno != ENOENT && errno != ENOTDIR;
	return fs.f_type == NSFS_MAGIC || fs.f_type == PROC_MAGIC;
}

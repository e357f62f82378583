// SPDX-License-Identifier: Apache-2.0
#include "plugins/subnet_env.h"

#include "lib/fs.h"
#include "lib/str.h"

#define FILE_MAX (64 << 10)

static bool cidr_read(const char *text, struct cidr *ret, struct err *e)
{
	struct cidr c;

	if (!cidr_parse(text, &c, e))
		return false;
	*ret = (struct cidr){ cidr_network(&c), c.len };
	return true;
}

static bool networks_read(struct arena *a, const char *value, struct cidr **ret, size_t *ret_n, struct err *e)
{
	size_t n_pieces, n = 0;
	char **piece = str_split(a, value, ',', &n_pieces);
	struct cidr *list = arena_array(a, n_pieces, sizeof(*list)), c;

	for (size_t i = 0; i < n_pieces; i++) {
		bool seen = false;

		if (!cidr_read(piece[i], &c, e))
			return false;
		for (size_t k = 0; k < n && !seen; k++)
			seen = list[k].len == c.len && ip_eq(&list[k].ip, &c.ip);
		if (!seen)
			list[n++] = c;
	}
	*ret = list;
	*ret_n = n;
	return true;
}

static bool network4(struct arena *a, const char *value, struct subnet_env *s, struct err *e)
{
	return networks_read(a, value, &s->networks, &s->n_networks, e);
}

static bool network6(struct arena *a, const char *value, struct subnet_env *s, struct err *e)
{
	return networks_read(a, value, &s->networks6, &s->n_networks6, e);
}

static bool subnet4(struct arena *a UNUSED, const char *value, struct subnet_env *s, struct err *e)
{
	s->has_subnet = cidr_read(value, &s->subnet, e);
	return s->has_subnet;
}

static bool subnet6(struct arena *a UNUSED, const char *value, struct subnet_env *s, struct err *e)
{
	s->has_subnet6 = cidr_read(value, &s->subnet6, e);
	return s->has_subnet6;
}

static bool mtu(struct arena *a UNUSED, const char *value, struct subnet_env *s, struct err *e)
{
	uint64_t v;

	s->has_mtu = str_u64(value, UINT32_MAX, &v);
	if (!s->has_mtu)
		return fail(e, 0, "want a number of bytes, have \"%s\"", value);
	s->mtu = (uint32_t)v;
	return true;
}

static bool ipmasq(struct arena *a UNUSED, const char *value, struct subnet_env *s, struct err *e UNUSED)
{
	s->masquerades = str_eq(value, "true");
	s->has_masquerades = true;
	return true;
}

static const struct key {
	const char *name;
	bool (*read)(struct arena *a, const char *value, struct subnet_env *s, struct err *e);
} keys[] = {
	{ "FLANNEL_NETWORK", network4 },
	{ "FLANNEL_IPV6_NETWORK", network6 },
	{ "FLANNEL_SUBNET", subnet4 },
	{ "FLANNEL_IPV6_SUBNET", subnet6 },
	{ "FLANNEL_MTU", mtu },
	{ "FLANNEL_IPMASQ", ipmasq },
};

static bool line_read(struct arena *a, char *line, struct subnet_env *s, struct err *e)
{
	size_t len = strlen(line);
	char *value;

	if (len && line[len - 1] == '\r')
		line[len - 1] = '\0';
	value = strchr(line, '=');
	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (!str_eq(line, keys[i].name))
			continue;
		if (!value)
			return fail(e, 0, "%s: there is no \"=\" after it", line);
		return keys[i].read(a, value, s, e) || wrap(e, "%s", line);
	}
	return true;
}

static bool refuse_missing(const struct subnet_env *s, struct err *e)
{
	const char *missing[] = {
		s->n_networks || s->n_networks6 ? "" : ", FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK",
		s->has_subnet || s->has_subnet6 ? "" : ", FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET",
		s->has_mtu ? "" : ", FLANNEL_MTU",
		s->has_masquerades ? "" : ", FLANNEL_IPMASQ",
	};
	char all[160];

	snprintf(all, sizeof(all), "%s%s%s%s", missing[0], missing[1], missing[2], missing[3]);
	return !*all || fail(e, 0, "is missing %s", all + 2);
}

bool subnet_env_parse(struct arena *a, struct bytes text, struct subnet_env *ret, struct err *e)
{
	struct subnet_env s = { .mtu = 0 };
	size_t n;
	char **lines;

	if (memchr(text.data, '\0', text.len))
		return fail(e, 0, "a NUL byte: this is not text");
	lines = str_split(a, arena_strndup(a, text.data, text.len), '\n', &n);
	for (size_t i = 0; i < n; i++)
		if (!line_read(a, lines[i], &s, e))
			return wrap(e, "line %zu", i + 1);
	if (!refuse_missing(&s, e))
		return false;
	*ret = s;
	return true;
}

bool subnet_env_read(struct arena *a, const char *path, struct subnet_env *ret, struct err *e)
{
	struct bytes text;

	if (!fs_read(a, path, FILE_MAX, &text, e))
		return false;
	if (subnet_env_parse(a, text, ret, e))
		return true;
	return wrap(e, "%s", path);
}

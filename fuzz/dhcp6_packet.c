// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a message of a DHCPv6 server: what is accepted can be looked at, and its lease keeps its promises. */
#include "fuzz/claim.h"
#include "plugins/ipam/dhcp6_packet.h"

/* Read every byte: the sanitizer sees one too far. */
static unsigned touch(struct bytes b)
{
	unsigned sum = 0;

	for (size_t i = 0; i < b.len; i++)
		sum += (uint8_t)b.data[i];
	return sum;
}

static bool is_line(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s >= 0x7f)
			return false;
	return true;
}

static void lease_is_sound(const struct dhcp_lease *l)
{
	claim(l->address.len == 128 && !ip_is4(&l->address.ip) && !ip_is_unset(&l->address.ip), "an IPv6 address");
	claim(l->renew_s <= l->rebind_s && l->rebind_s <= l->lease_s && l->lease_s, "times in their order");
	claim(!l->n_routers && !l->n_routes, "no routes");
	for (const char **s = l->search; s && *s; s++)
		claim(**s && is_line(*s) && strlen(*s) <= 255, "names that fit a line");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes raw = { (const char *)data, size }, v;
	const struct ip unset = { .b = { 0 } };
	struct err e = ERR_INIT;
	struct dhcp6_packet p;
	struct dhcp_lease l;
	unsigned sum = 0;
	struct arena a;

	if (!dhcp6_packet_read(raw, &p, &e)) {
		claim(*e.text, "a failure has a text");
		return 0;
	}
	arena_init(&a, NULL, 0);
	for (unsigned code = 0; code < 256; code++)
		if (dhcp6_packet_option(&p, (uint16_t)code, &v))
			sum += touch(v);
	sum += touch(p.client) + touch(p.server);
	/* Options of one code each, and two of them once more. */
	claim(sum <= 2 * 255 * size, "bytes of the message");
	claim(p.client.len <= DHCP6_DUID_MAX && p.server.len <= DHCP6_DUID_MAX, "identifiers fit");
	if (dhcp6_packet_option(&p, DHCP6_OPT_IA_NA, &v)) {
		const uint8_t *id = (const uint8_t *)v.data;
		uint32_t iaid = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];

		if (dhcp6_lease_read(&a, &p, iaid, &unset, &l, &e))
			lease_is_sound(&l);
		else
			claim(*e.text, "a failure has a text");
	}
	arena_done(&a);
	return 0;
}

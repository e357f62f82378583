// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a message of a DHCP server, and as a frame from the wire: what is accepted can be looked at as a whole,
 * and a lease that comes of it keeps its promises.
 */
#include "fuzz/claim.h"
#include "plugins/ipam/dhcp_lease.h"
#include "plugins/ipam/dhcp_socket.h"

/* Read every byte of every option: the sanitizer sees one too far. */
static unsigned touch(const struct dhcp_packet *p, struct arena *a)
{
	unsigned sum = 0;

	for (unsigned code = 1; code < DHCP_OPT_END; code++) {
		struct bytes v;

		if (dhcp_packet_option(p, a, (uint8_t)code, &v))
			for (size_t i = 0; i < v.len; i++)
				sum += (uint8_t)v.data[i];
	}
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
	claim(l->address.len >= 1 && l->address.len <= 32 && ip_is4(&l->address.ip), "an IPv4 address with a mask");
	claim(l->renew_s <= l->rebind_s && l->rebind_s <= l->lease_s && l->lease_s, "times in their order");
	for (size_t i = 0; i < l->n_routes; i++) {
		struct ip network = cidr_network(&l->routes[i].dst);

		claim(l->routes[i].dst.len <= 32 && ip_eq(&network, &l->routes[i].dst.ip), "routes lead to networks");
	}
	claim(l->domain && is_line(l->domain) && strlen(l->domain) <= 255, "a domain that fits a line");
	for (const char **s = l->search; s && *s; s++)
		claim(**s && is_line(*s) && strlen(*s) <= 255, "names that fit a line");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes raw = { (const char *)data, size }, message;
	struct err e = ERR_INIT;
	struct dhcp_packet p;
	struct dhcp_lease l;
	struct arena a;

	arena_init(&a, NULL, 0);
	if (dhcp_frame_read(raw, size & 1, &message))
		claim(message.data >= raw.data && message.data + message.len <= raw.data + raw.len,
		      "a piece of the frame");
	if (!dhcp_packet_read(raw, &p, &e)) {
		claim(*e.text, "a failure has a text");
	} else {
		claim(p.message >= DHCP_DISCOVER && p.message <= DHCP_INFORM, "a message is one of eight");
		claim(touch(&p, &a) > 0, "there is at least the option that says which message it is");
		if (dhcp_lease_read(&a, &p, &l, &e))
			lease_is_sound(&l);
		else
			claim(*e.text, "a failure has a text");
	}
	arena_done(&a);
	return 0;
}

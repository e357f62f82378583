// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as the configuration of a plugin: reading ends in a failure with a code and a text, or in a request whose
 * every text can be used; the previous result in it is read for every command.
 */
#include "fuzz/claim.h"
#include "cni/request.h"

static void failure_is_said(const struct err *e)
{
	claim(*e->text, "a failure has a text");
	claim(e->code > 0, "a failure has a code");
}

/* Walk what plugins walk. */
static size_t dns_length(const struct dns *d)
{
	const char **const lists[] = { d->nameservers, d->search, d->options };
	size_t n = d->domain ? strlen(d->domain) : 0;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (const char **s = lists[i]; s && *s; s++)
			n += strlen(*s);
	return n;
}

static void previous_results(struct request *r)
{
	static const enum command commands[] = { COMMAND_ADD, COMMAND_CHECK, COMMAND_DEL };

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		struct result prev = { .version = NULL };
		struct err e = ERR_INIT;
		bool there = false;

		r->command = commands[i];
		if (!request_prev(r, &prev, &there, &e)) {
			failure_is_said(&e);
			claim(r->command != COMMAND_DEL, "DEL takes any prevResult");
			claim(!prev.version, "a failure leaves its output alone");
		} else if (there) {
			claim(version_family(prev.version) == version_family(r->net.version), "one family");
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct plugin plugin = { .name = "p", .versions = versions_all };
	struct arena a;
	struct request r = {
		.arena = &a, .container_id = "c", .netns = "", .ifname = "eth0", .args = "", .path = "/x"
	};
	struct err e = ERR_INIT;

	arena_init(&a, NULL, 0);
	r.command = size ? data[0] % COMMAND_VERSION : COMMAND_ADD;
	if (!request_decode(&r, (struct bytes){ (const char *)data, size }, &e) ||
	    !request_version_check(&r, &plugin, &e) || !netconf_read(&a, r.conf, &r.net, &e)) {
		failure_is_said(&e);
	} else {
		claim(network_name_valid(r.net.name, &e), "the name was judged");
		claim(version_known(r.net.version), "the version was judged");
		claim(r.net.type && r.net.ipam_type, "texts are never NULL");
		claim(!dns_is_empty(&r.net.dns) || dns_length(&r.net.dns) == 0, "an empty dns has no text");
		for (size_t i = 0; i < r.net.n_valid; i++)
			claim(r.net.valid[i].container_id && r.net.valid[i].ifname, "attachments have names");
		claim(r.net.has_valid || !r.net.n_valid, "no list, no entries");
		previous_results(&r);
	}
	arena_done(&a);
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "cni/config.h"

#include "cni/error.h"
#include "lib/field.h"
#include "lib/str.h"

#define IFNAME_MAX 15	/* IFNAMSIZ without the NUL */

struct draft {
	struct netconf net;
	const struct json *args;
	struct list valid, attachments;
	bool has_valid, has_attachments;
};

static const struct field attachment_fields[] = {
	FIELD_AS("containerID", struct valid_attachment, container_id, read_str),
	FIELD(struct valid_attachment, ifname, read_str),
	{ 0 }
};

static const struct field_list attachment_list = {
	.size = sizeof(struct valid_attachment),
	.item = { .read = read_object, .arg = attachment_fields },
};

static const struct field ipam_fields[] = {
	{ .name = "type", .read = read_str },
	{ 0 }
};

static const struct field conf_fields[] = {
	FIELD_AS("cniVersion", struct draft, net.version, read_str),
	FIELD_AS("name", struct draft, net.name, read_str),
	FIELD_AS("type", struct draft, net.type, read_str),
	FIELD_AS("ipam", struct draft, net.ipam_type, read_object, .arg = ipam_fields),
	FIELD_AS("ipam", struct draft, net.ipam, read_json),
	FIELD_AS("dns", struct draft, net.dns, read_dns),
	FIELD_AS("prevResult", struct draft, net.prev, read_json),
	FIELD_AS("runtimeConfig", struct draft, net.runtime, read_json),
	FIELD(struct draft, args, read_json),
	FIELD_AS("cni.dev/valid-attachments", struct draft, valid, read_list, .arg = &attachment_list),
	FIELD_AS("cni.dev/valid-attachments", struct draft, has_valid, read_present),
	FIELD_AS("cni.dev/attachments", struct draft, attachments, read_list, .arg = &attachment_list),
	FIELD_AS("cni.dev/attachments", struct draft, has_attachments, read_present),
	{ 0 }
};

/* Runtimes send the list under both keys; the first is the specification's. */
static void valid_choose(struct draft *d)
{
	const struct list *list = d->has_valid ? &d->valid : &d->attachments;

	d->net.has_valid = d->has_valid || d->has_attachments;
	d->net.valid = list->items;
	d->net.n_valid = list->n;
	for (size_t i = 0; i < list->n; i++) {
		struct valid_attachment *v = &d->net.valid[i];

		v->container_id = v->container_id ? v->container_id : "";
		v->ifname = v->ifname ? v->ifname : "";
	}
}

bool netconf_read(struct arena *a, const struct json *conf, struct netconf *ret, struct err *e)
{
	struct draft d = { .net = { .name = "", .type = "", .ipam_type = "" } };
	const struct json *cni;

	if (!json_fields(a, conf, conf_fields, &d, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "network configuration");
	}
	if (str_empty(d.net.version))
		d.net.version = "0.1.0";
	cni = json_fold(d.args, "cni");
	d.net.args_cni = json_absent(cni) ? NULL : cni;
	valid_choose(&d);
	*ret = d.net;
	return true;
}

/* [a-zA-Z0-9][a-zA-Z0-9_.-]* */
static bool word_valid(const char *s)
{
	for (const char *at = s; *at; at++) {
		bool alnum = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');

		if (!alnum && (at == s || !strchr("_.-", *at)))
			return false;
	}
	return true;
}

bool container_id_valid(const char *id, struct err *e)
{
	if (!*id)
		return fail_code(e, CNI_UNKNOWN_CONTAINER, "missing containerID");
	if (word_valid(id))
		return true;
	fail_code(e, CNI_INVALID_ENVIRONMENT, "invalid characters in containerID");
	return err_details(e, "%s", id);
}

bool network_name_valid(const char *name, struct err *e)
{
	if (!*name)
		return fail_code(e, CNI_INVALID_CONFIG, "missing network name");
	if (word_valid(name))
		return true;
	fail_code(e, CNI_INVALID_CONFIG, "invalid characters found in network name");
	return err_details(e, "%s", name);
}

/*
 * Everything Unicode calls white space, as UTF-8. A lead byte never occurs inside another character, so looking for the
 * bytes is looking for the characters, in invalid UTF-8 too.
 */
static bool space_in(const char *s)
{
	static const char *const spaces[] = {
		"\xC2\x85", "\xC2\xA0", "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83",
		"\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89",
		"\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80",
	};

	if (strpbrk(s, " \t\n\v\f\r"))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
		if (strstr(s, spaces[i]))
			return true;
	return false;
}

bool ifname_valid(const char *name, struct err *e)
{
	if (!*name)
		return fail_code(e, CNI_INVALID_ENVIRONMENT, "interface name is empty");
	if (strlen(name) > IFNAME_MAX) {
		fail_code(e, CNI_INVALID_ENVIRONMENT, "interface name is too long");
		return err_details(e, "interface name should be less than %d characters", IFNAME_MAX + 1);
	}
	if (str_eq(name, ".") || str_eq(name, ".."))
		return fail_code(e, CNI_INVALID_ENVIRONMENT, "interface name is . or ..");
	if (strpbrk(name, "/:") || space_in(name))
		return fail_code(e, CNI_INVALID_ENVIRONMENT, "interface name contains / or : or whitespace characters");
	/* To the kernel "net%d" is a pattern: the interface would have another name than we say. */
	if (strchr(name, '%'))
		return fail_code(e, CNI_INVALID_ENVIRONMENT,
				 "interface name contains %%, which no interface can be called");
	return true;
}

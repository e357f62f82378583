// SPDX-License-Identifier: Apache-2.0
#include "cni/request.h"

#include <errno.h>
#include <sys/stat.h>

#include "lib/field.h"
#include "lib/str.h"

#define ON(command) (1u << COMMAND_##command)
#define ATTACHMENT (ON(ADD) | ON(CHECK) | ON(DEL))

/* In the order in which missing ones are listed. CNI_COMMAND comes before all: without it nothing else is looked at. */
static const struct variable {
	const char *name;
	size_t offset;
	unsigned needed;
	bool (*valid)(const char *value, struct err *e);
} variables[] = {
	{ "CNI_CONTAINERID", offsetof(struct request, container_id), ATTACHMENT, container_id_valid },
	{ "CNI_NETNS", offsetof(struct request, netns), ON(ADD) | ON(CHECK), NULL },
	{ "CNI_IFNAME", offsetof(struct request, ifname), ATTACHMENT, ifname_valid },
	{ "CNI_ARGS", offsetof(struct request, args), 0, NULL },
	{ "CNI_PATH", offsetof(struct request, path), ATTACHMENT | ON(GC) | ON(STATUS), NULL },
};

enum command command_parse(const char *name)
{
	int c = 0;

	while (c < COMMANDS && !str_eq(name, command_names[c]))
		c++;
	return c;
}

void request_environ(struct request *r)
{
	for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
		const char *value = getenv(variables[i].name);

		*(const char **)((char *)r + variables[i].offset) = value ? value : "";
	}
}

bool request_variables_check(const struct request *r, struct err *e)
{
	char missing[128] = "";

	for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
		const struct variable *v = &variables[i];
		const char *value = *(const char *const *)((const char *)r + v->offset);
		size_t len = strlen(missing);

		if (!(v->needed & 1u << r->command))
			continue;
		if (!*value)
			snprintf(missing + len, sizeof(missing) - len, "%s%s", len ? "," : "", v->name);
		else if (v->valid && !v->valid(value, e))
			return false;
	}
	return !*missing || fail_code(e, CNI_INVALID_ENVIRONMENT, "required env variables [%s] missing", missing);
}

static const struct field name_fields[] = {
	FIELD(struct netconf, name, read_str),
	{ 0 }
};

static const struct field version_fields[] = {
	FIELD_AS("cniVersion", struct netconf, version, read_str),
	{ 0 }
};

static bool undecodable(struct err *e)
{
	e->code = CNI_DECODING_FAILURE;
	return wrap(e, "error unmarshall network config");
}

bool request_decode(struct request *r, struct bytes text, struct err *e)
{
	r->stdin_bytes = text;
	r->net.name = "";
	if (!json_parse(r->arena, text, &r->conf, e) || !json_fields(r->arena, r->conf, name_fields, &r->net, e))
		return undecodable(e);
	if (!network_name_valid(r->net.name, e))
		return false;
	if (!json_fields(r->arena, r->conf, version_fields, &r->net, e))
		return undecodable(e);
	if (str_empty(r->net.version))
		r->net.version = "0.1.0";
	return true;
}

bool request_derive(const struct request *base, struct bytes conf, struct request *ret, struct err *e)
{
	struct request r = *base;

	if (!request_decode(&r, conf, e) || !netconf_read(r.arena, r.conf, &r.net, e))
		return false;
	r.undone = NULL;
	*ret = r;
	return true;
}

/* The version that brought the command; NULL: it was always there. */
static const char *command_since(enum command c)
{
	if (c == COMMAND_CHECK)
		return "0.4.0";
	return c == COMMAND_GC || c == COMMAND_STATUS ? "1.1.0" : NULL;
}

/* An unreadable version on either side is code 6 here and code 1 in version_supported(), as with the reference. */
static bool command_exists(const struct request *r, const struct plugin *p, struct err *e)
{
	const char *since = command_since(r->command), *name = command_names[r->command];
	int number[3];

	if (!since)
		return true;
	if (!version_parse(r->net.version, number, e)) {
		e->code = CNI_DECODING_FAILURE;
		return false;
	}
	if (!version_at_least(r->net.version, since))
		return fail_code(e, CNI_INCOMPATIBLE_VERSION, "config version does not allow %s", name);
	for (const char *const *v = p->versions; *v; v++) {
		if (!version_parse(*v, number, e)) {
			e->code = CNI_DECODING_FAILURE;
			return false;
		}
		if (version_at_least(*v, r->net.version))
			return true;
	}
	return fail_code(e, CNI_INCOMPATIBLE_VERSION, "plugin version does not allow %s", name);
}

static bool version_supported(const struct request *r, const struct plugin *p, struct err *e)
{
	struct buf list;

	if (version_in(r->net.version, p->versions))
		return true;
	buf_init(&list, r->arena, 0);
	for (const char *const *v = p->versions; *v; v++)
		buf_printf(&list, "%s\"%s\"", list.len ? " " : "", *v);
	fail_code(e, CNI_INCOMPATIBLE_VERSION, "incompatible CNI versions");
	return err_details(e, "config is \"%s\", plugin supports [%s]", r->net.version, buf_str(&list));
}

bool request_version_check(const struct request *r, const struct plugin *p, struct err *e)
{
	return command_exists(r, p, e) && version_supported(r, p, e);
}

/*
 * The namespace of this thread; without thread-self (kernels before 3.17) that of the process, which is the same here.
 */
static bool own_netns(struct stat *ret)
{
	return stat("/proc/thread-self/ns/net", ret) == 0 || stat("/proc/self/ns/net", ret) == 0;
}

/* A path that cannot be looked at is not ours: whether that matters, the plugin decides. */
bool request_netns_check(const struct request *r, struct err *e)
{
	const char *override = getenv("CNI_NETNS_OVERRIDE");
	struct stat own, given;

	if ((r->command != COMMAND_ADD && r->command != COMMAND_DEL) || !*r->netns)
		return true;
	if (override && (str_eq(override, "1") || str_fold_eq(override, "true")))
		return true;
	if (stat(r->netns, &given) < 0 || !own_netns(&own))
		return true;
	if (given.st_dev != own.st_dev || given.st_ino != own.st_ino)
		return true;
	fail_code(e, CNI_INVALID_NETNS, "plugin's netns and netns from CNI_NETNS should not be the same");
	return err_details(e, "%s", r->netns);
}

bool request_call(const struct request *r, const struct plugin *p, struct result *ret, struct err *e)
{
	bool (*call)(const struct request *, struct err *) = NULL;

	switch (r->command) {
	case COMMAND_ADD: return !p->add || p->add(r, ret, e);
	case COMMAND_CHECK: call = p->check; break;
	case COMMAND_DEL: call = p->del; break;
	case COMMAND_GC: call = p->gc; break;
	case COMMAND_STATUS: call = p->status; break;
	case COMMAND_VERSION:
	case COMMANDS: break;
	}
	return !call || call(r, e);
}

/*
 * Absent cniVersion: the configuration's. "" is 0.1.0, which then is of another family for all but the oldest
 * configurations: exactly those for which the reference refuses it.
 */
static bool prev_read(const struct request *r, struct result *ret, struct err *e)
{
	struct result prev;

	if (!result_read(r->arena, r->net.prev, r->net.version, true, &prev, e))
		return wrap(e, "could not parse prevResult");
	if (version_family(prev.version) != version_family(r->net.version))
		return fail_code(e, CNI_DECODING_FAILURE,
				 "could not parse prevResult: its cniVersion is \"%s\", the configuration's \"%s\"",
				 prev.version, r->net.version);
	*ret = prev;
	return true;
}

bool request_prev(const struct request *r, struct result *ret, bool *ret_there, struct err *e)
{
	struct err ignored;
	bool there = !json_absent(r->net.prev);

	if (r->undone) {
		*ret = *r->undone;
		*ret_there = true;
		return true;
	}
	if (there && r->command == COMMAND_DEL)
		there = prev_read(r, ret, &ignored);
	else if (there && !prev_read(r, ret, e))
		return false;
	*ret_there = there;
	return true;
}

bool request_prev_required(const struct request *r, struct result *ret, struct err *e)
{
	bool there;

	if (!request_prev(r, ret, &there, e))
		return false;
	return there || fail_code(e, CNI_INVALID_CONFIG, "Required prevResult missing");
}

// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp_conf.h"

#include <sys/un.h>

#include "cni/error.h"
#include "lib/field.h"
#include "lib/str.h"

#define VALUE_MAX 255
#define SOCKET_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

struct provide {
	const char *option, *from_arg;
	const struct json *value;
};
struct request_row {
	bool skip_default;
	const char *option;
};
struct draft {
	const char *socket;
	struct list provide, request;
	uint32_t priority;
	const struct json *version;
};

static const struct field provide_fields[] = {
	FIELD(struct provide, option, read_str),
	FIELD(struct provide, value, read_json),
	FIELD_AS("fromArg", struct provide, from_arg, read_str),
	{ 0 }
};
static const struct field request_fields[] = {
	FIELD_AS("skipDefault", struct request_row, skip_default, read_bool),
	FIELD(struct request_row, option, read_str),
	{ 0 }
};
static const struct field_list provide_list = {
	.size = sizeof(struct provide),
	.item = { .read = read_object, .arg = provide_fields },
};
static const struct field_list request_list = {
	.size = sizeof(struct request_row),
	.item = { .read = read_object, .arg = request_fields },
};
static const struct field ipam_fields[] = {
	FIELD_AS("daemonSocketPath", struct draft, socket, read_str),
	FIELD(struct draft, provide, read_list, .arg = &provide_list),
	FIELD(struct draft, request, read_list, .arg = &request_list),
	FIELD(struct draft, priority, read_u32),
	FIELD(struct draft, version, read_json),
	{ 0 }
};
static const struct field place_fields[] = {
	FIELD_AS("daemonSocketPath", struct draft, socket, read_str),
	{ 0 }
};

/* Names as in the manual of dhclient's options; the last three are additions to the reference's. */
static const struct {
	const char *name;
	uint8_t code;
} names[] = {
	{ "dhcp-client-identifier", 61 },
	{ "subnet-mask", 1 },
	{ "routers", 3 },
	{ "host-name", 12 },
	{ "user-class", 77 },
	{ "vendor-class-identifier", 60 },
	{ "domain-name-servers", 6 },
	{ "domain-name", 15 },
	{ "domain-search", 119 },
};
#define OPTION_NAMES                                                                                    \
	"dhcp-client-identifier, subnet-mask, routers, host-name, user-class, vendor-class-identifier, " \
	"domain-name-servers, domain-name, domain-search"

static bool option_parse(const char *text, uint8_t *ret, struct err *e)
{
	uint64_t code = 0;

	for (size_t i = 0; text && i < ARRAY_LEN(names); i++)
		if (str_eq(names[i].name, text))
			code = names[i].code;
	if (!code && (!text || !str_u64(text, 254, &code) || !code))
		return fail_code(e, CNI_INVALID_CONFIG,
				 "Can not parse option \"%s\": want a number from 1 to 254 or one of " OPTION_NAMES,
				 text ? text : "");
	*ret = (uint8_t)code;
	return true;
}

/* The value of @key in CNI_ARGS, which is read loosely: any key, the first = separates, the last one wins. */
static const char *arg_find(struct arena *a, const char *args, const char *key)
{
	const char *found = NULL;
	size_t len = strlen(key);

	for (char **piece = str_split(a, args, ';', NULL); *piece; piece++)
		if (strncmp(*piece, key, len) == 0 && (*piece)[len] == '=')
			found = *piece + len + 1;
	return found;
}

/* What makes a message one, and what the client decides by itself, is not for sending. */
static bool refuse_own(uint8_t code, const char *name, struct err *e)
{
	if (code < 52 || code > 55)
		return true;
	return fail_code(e, CNI_INVALID_CONFIG, "option \"%s\" is the client's own and cannot be provided", name);
}

static void option_set(struct dhcp_conf *c, uint8_t code, struct bytes value)
{
	size_t i = 0;

	while (i < c->n_send && c->send[i].code != code)
		i++;
	c->send[i] = (struct dhcp_option){ code, value };
	if (i == c->n_send)
		c->n_send++;
}

static bool value_refuse(const struct provide *p, size_t len, const char *where, struct err *e)
{
	return fail_code(e, CNI_INVALID_CONFIG, "value too long for option \"%s\"%s: %zu bytes, at most %d", p->option,
			 where, len, VALUE_MAX);
}

static bool provide_read(struct arena *a, const struct provide *p, const char *args, struct dhcp_conf *c, struct err *e)
{
	const char *arg = str_empty(p->from_arg) ? NULL : arg_find(a, args, p->from_arg);
	bool given = !json_absent(p->value);
	uint8_t code;

	if (!option_parse(p->option, &code, e) || !refuse_own(code, p->option, e))
		return false;
	if (given && p->value->type != JSON_STRING)
		return fail_code(e, CNI_DECODING_FAILURE, "value: want a string, have %s", json_type_name(p->value));
	if (given && p->value->str_len > VALUE_MAX)
		return value_refuse(p, p->value->str_len, "", e);
	if (arg && strlen(arg) > VALUE_MAX)
		return value_refuse(p, strlen(arg), arena_printf(a, " from CNI_ARGS \"%s\"", p->from_arg), e);
	if (arg)
		option_set(c, code, (struct bytes){ arg, strlen(arg) });
	else if (given && p->value->str_len)
		option_set(c, code, (struct bytes){ p->value->str, p->value->str_len });
	return true;
}

static void want(struct dhcp_conf *c, uint8_t code)
{
	if (!c->n_wanted || !memchr(c->wanted, code, c->n_wanted))
		c->wanted[c->n_wanted++] = code;
}

static bool requests_read(const struct list *rows, struct dhcp_conf *c, struct err *e)
{
	const struct request_row *row = rows->items;
	bool defaults = true;
	uint8_t code;

	for (size_t i = 0; i < rows->n; i++) {
		if (row[i].skip_default)
			defaults = false;
		/* a row may be there for its flag alone */
		if (str_empty(row[i].option))
			continue;
		if (!option_parse(row[i].option, &code, e))
			return wrap(e, "request[%zu]", i);
		want(c, code);
	}
	/* Who asks for nothing at all is sent what the server likes, and would not know the subnet. */
	if (defaults || !c->n_wanted) {
		want(c, 3);
		want(c, 1);
	}
	return true;
}

static bool socket_check(const char *path, const char **ret, struct err *e)
{
	if (str_empty(path))
		path = DHCP_SOCKET;
	if (strlen(path) > SOCKET_MAX)
		return fail_code(e, CNI_INVALID_CONFIG,
				 "daemonSocketPath: %s: longer than the %zu bytes of a socket's path", path,
				 SOCKET_MAX);
	*ret = path;
	return true;
}

static bool draft_read(struct arena *a, const struct json *ipam, const struct field *rows, struct draft *ret,
		       struct err *e)
{
	if (!ipam)
		return fail_code(e, CNI_INVALID_CONFIG, "IPAM config missing 'ipam' key");
	if (json_fields(a, ipam, rows, ret, e))
		return true;
	e->code = CNI_DECODING_FAILURE;
	return wrap(e, "ipam");
}

/* A number or its text. */
static bool is_number(const struct json *v, const char *text)
{
	return json_str_is(v, text) || (v->type == JSON_NUMBER && v->raw.len == 1 && v->raw.data[0] == *text);
}

/* An addition to the reference's keys. */
static bool version_read(const struct json *v, unsigned *ret, struct err *e)
{
	if (json_absent(v) || is_number(v, "4"))
		*ret = DHCP_VERSION_4;
	else if (is_number(v, "6"))
		*ret = DHCP_VERSION_6;
	else if (json_str_is(v, "dual"))
		*ret = DHCP_VERSION_4 | DHCP_VERSION_6;
	else
		return fail_code(e, CNI_INVALID_CONFIG, "version: want 4, 6 or \"dual\", have %.*s",
				 (int)(v->raw.len < 64 ? v->raw.len : 64), v->raw.data);
	return true;
}

bool dhcp_conf_read(struct arena *a, const struct json *ipam, const char *args, struct dhcp_conf *ret, struct err *e)
{
	struct dhcp_conf c = { .socket = NULL };
	struct draft d = { .socket = NULL };
	const struct provide *p;

	if (!draft_read(a, ipam, ipam_fields, &d, e))
		return false;
	if (!socket_check(d.socket, &c.socket, e))
		return wrap(e, "ipam");
	p = d.provide.items;
	c.send = arena_array(a, d.provide.n, sizeof(*c.send));
	c.wanted = arena_array(a, d.request.n + 2, sizeof(*c.wanted));
	for (size_t i = 0; i < d.provide.n; i++)
		if (!provide_read(a, &p[i], args, &c, e))
			return wrap(e, "ipam: provide[%zu]", i);
	if (!version_read(d.version, &c.versions, e) || !requests_read(&d.request, &c, e))
		return wrap(e, "ipam");
	c.priority = d.priority;
	*ret = c;
	return true;
}

bool dhcp_conf_socket(struct arena *a, const struct json *ipam, const char **ret, struct err *e)
{
	struct draft d = { .socket = NULL };

	if (!draft_read(a, ipam, place_fields, &d, e))
		return false;
	return socket_check(d.socket, ret, e) || wrap(e, "ipam");
}

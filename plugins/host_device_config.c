// SPDX-License-Identifier: Apache-2.0
#include "lib/str.h"
#include "plugins/host_device.h"

#define KERNEL_PATHS "/sys/devices/"
#define ALTNAME_MAX 127

static const struct field runtime_fields[] = {
	FIELD_AS("deviceID", struct host_device_draft, device_id, read_str),
	{ 0 }
};

static const struct field conf_fields[] = {
	FIELD_AS("device", struct host_device_draft, conf.device, read_str),
	FIELD_AS("hwaddr", struct host_device_draft, conf.hwaddr, read_str),
	FIELD_AS("kernelpath", struct host_device_draft, conf.kernelpath, read_str),
	FIELD_AS("pciBusID", struct host_device_draft, conf.pci, read_str),
	FIELD_AS("DPDKMode", struct host_device_draft, conf.dpdk, read_bool),
	FIELD_AS("enabledad", struct host_device_draft, conf.dad, read_bool),
	{ 0 }
};

static const char *given(const char *s)
{
	return str_empty(s) ? NULL : s;
}

static bool has_part(const char *path, const char *part)
{
	size_t n = strlen(part);

	for (const char *at = path; (at = strstr(at, part)); at++)
		if ((at == path || at[-1] == '/') && (at[n] == '/' || !at[n]))
			return true;
	return false;
}

static bool device_valid(const char *name, struct err *e)
{
	struct err why = ERR_INIT;

	if (strlen(name) <= ALTNAME_MAX && !strpbrk(name, "/ \t\n") && !str_eq(name, ".") && !str_eq(name, ".."))
		return true;
	if (ifname_valid(name, &why))
		fail(&why, 0, "interface name is too long");
	return fail_code(e, CNI_INVALID_CONFIG, "device \"%s\": %s", name, why.text);
}

/* Hexadecimal pairs with colons or dashes; how many is up to the hardware. */
static bool hwaddr_valid(const char *text, struct err *e)
{
	size_t len = strlen(text);
	bool zero = true, ok = (len + 1) % 3 == 0 && len >= 17 && len <= 3 * LINK_HWADDR_MAX - 1;
	struct mac mac;

	for (size_t i = 0; i < len && ok; i++) {
		ok = i % 3 == 2 ? text[i] == ':' || text[i] == '-' : !!strchr("0123456789abcdefABCDEF", text[i]);
		zero = zero && (text[i] == '0' || i % 3 == 2);
	}
	if (!ok && mac_parse(text, &mac, e))
		zero = mac_is_unset(&mac), ok = true;
	if (!ok || zero)
		return fail_code(e, CNI_INVALID_CONFIG,
				 "hwaddr \"%s\" is not the hardware address of an interface, like 02:42:ac:11:00:02",
				 text);
	return true;
}

static bool kernelpath_valid(const char *path, struct err *e)
{
	if (!str_starts(path, KERNEL_PATHS))
		return fail_code(e, CNI_INVALID_CONFIG,
				 "kernel device path \"%s\" must be absolute and begin with " KERNEL_PATHS, path);
	return !has_part(path, "..") ||
	       fail_code(e, CNI_INVALID_CONFIG, "kernel device path \"%s\" must not contain \"..\"", path);
}

/* The name of a folder on a bus. */
static bool id_valid(const char *key, const char *id, struct err *e)
{
	if (!strchr(id, '/') && !str_eq(id, ".") && !str_eq(id, ".."))
		return true;
	return fail_code(e, CNI_INVALID_CONFIG, "%s \"%s\" is not the name of a device on a bus, like 0000:00:1f.6",
			 key, id);
}

static bool conf_valid(const struct host_device_draft *d, struct err *e)
{
	const struct host_device_conf *c = &d->conf;

	return (!c->device || device_valid(c->device, e)) && (!c->hwaddr || hwaddr_valid(c->hwaddr, e)) &&
	       (!c->kernelpath || kernelpath_valid(c->kernelpath, e)) && (!c->pci || id_valid("pciBusID", c->pci, e)) &&
	       (!d->device_id || id_valid("runtime config DeviceID", d->device_id, e));
}

bool host_device_conf_read(const struct request *r, struct host_device_draft *ret, struct err *e)
{
	struct host_device_draft d = { .device_id = NULL };
	struct host_device_conf *c = &d.conf;

	if (!json_fields(r->arena, r->conf, conf_fields, &d, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "failed to load netconf");
	}
	if (!json_fields(r->arena, r->net.runtime, runtime_fields, &d, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "failed to load netconf: runtimeConfig");
	}
	c->device = given(c->device);
	c->hwaddr = given(c->hwaddr);
	c->kernelpath = given(c->kernelpath);
	c->pci = given(c->pci);
	d.device_id = given(d.device_id);
	c->named = c->device || c->hwaddr || c->kernelpath || c->pci || d.device_id;
	if (!conf_valid(&d, e))
		return false;
	*ret = d;
	return true;
}

/* A key that no ADD accepts does not keep the others from saying which device it is. */
void host_device_conf_read_del(const struct request *r, struct host_device_conf *ret)
{
	static const struct field device[] = { FIELD_AS("device", struct host_device_conf, device, read_str), { 0 } };
	static const struct field hwaddr[] = { FIELD_AS("hwaddr", struct host_device_conf, hwaddr, read_str), { 0 } };
	struct host_device_conf c = { .device = NULL };
	struct host_device_draft d;
	struct err ignored;
	bool done UNUSED;

	if (host_device_conf_read(r, &d, &ignored)) {
		*ret = d.conf;
		done = host_device_resolve(r->arena, HOST_DEVICE_SYS, &d, ret, &ignored);
		return;
	}
	done = json_fields(r->arena, r->conf, device, &c, &ignored);
	done = json_fields(r->arena, r->conf, hwaddr, &c, &ignored);
	c.device = given(c.device);
	c.hwaddr = given(c.hwaddr);
	c.named = c.device || c.hwaddr;
	*ret = c;
}

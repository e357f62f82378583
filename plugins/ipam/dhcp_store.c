// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp_store.h"

#include <errno.h>
#include <sys/stat.h>

#include "lib/base64.h"
#include "lib/field.h"
#include "lib/fs.h"
#include "lib/jsonw.h"
#include "lib/sha512.h"
#include "lib/str.h"

#define FILE_SIZE_MAX 65536
#define SUFFIX	      ".json"
#define NAME_BYTES    16
/* The daemon before us may be about to end. */
#define LOCK_WAIT_MS  5000
#define TMP_AGE_S     60

/* A file's content. Bytes are in base64. */
struct stored_option {
	uint32_t code;
	const char *value;
};
struct stored {
	const char *boot, *container_id, *network, *ifname, *netns, *wanted, *ack;
	struct mac server_mac, mac;
	uint64_t dev, ino, cookie, index, mtu, bound_at;
	uint32_t priority, version;
	bool lost;
	struct list send;
};

static const struct field option_rows[] = {
	FIELD_AS("code", struct stored_option, code, read_u32, .required = true),
	FIELD_AS("value", struct stored_option, value, read_str, .required = true),
	{ 0 }
};
static const struct field_list options = {
	sizeof(struct stored_option), { .read = read_object, .arg = option_rows }
};
static const struct field rows[] = {
	FIELD_AS("bootId", struct stored, boot, read_str, .required = true),
	FIELD_AS("containerId", struct stored, container_id, read_str, .required = true),
	FIELD_AS("network", struct stored, network, read_str, .required = true),
	FIELD_AS("ifname", struct stored, ifname, read_str, .required = true),
	FIELD_AS("netns", struct stored, netns, read_str, .required = true),
	FIELD_AS("netnsDev", struct stored, dev, read_u64, .required = true),
	FIELD_AS("netnsIno", struct stored, ino, read_u64, .required = true),
	FIELD_AS("netnsCookie", struct stored, cookie, read_u64, .required = true),
	FIELD_AS("index", struct stored, index, read_u64, .required = true),
	FIELD_AS("mac", struct stored, mac, read_mac, .required = true),
	FIELD_AS("mtu", struct stored, mtu, read_u64, .required = true),
	FIELD_AS("send", struct stored, send, read_list, .arg = &options),
	FIELD_AS("wanted", struct stored, wanted, read_str, .required = true),
	FIELD_AS("priority", struct stored, priority, read_u32),
	FIELD_AS("version", struct stored, version, read_u32),
	FIELD_AS("serverMac", struct stored, server_mac, read_mac, .required = true),
	FIELD_AS("boundAt", struct stored, bound_at, read_u64, .required = true),
	FIELD_AS("lost", struct stored, lost, read_bool),
	FIELD_AS("ack", struct stored, ack, read_str, .required = true),
	{ 0 }
};

static bool boot_id(struct arena *a, const char **ret, struct err *e)
{
	struct bytes text;

	if (!fs_read(a, "/proc/sys/kernel/random/boot_id", 256, &text, e))
		return false;
	while (text.len && text.data[text.len - 1] == '\n')
		text.len--;
	*ret = arena_strndup(a, text.data, text.len);
	return true;
}

bool dhcp_store_open(const char *dir, int *ret_lock, struct err *e)
{
	char path[4096];

	if (!fs_mkdirs(dir, 0700, e))
		return false;
	if ((size_t)snprintf(path, sizeof(path), "%s/lock", dir) >= sizeof(path))
		return fail(e, ENAMETOOLONG, "%s", dir);
	fs_sweep(dir, TMP_AGE_S);
	return fs_lock(path, 0600, false, fs_now_ms() + LOCK_WAIT_MS, ret_lock, e) ||
	       wrap(e, "the leases in %s belong to another daemon", dir);
}

static const char *file_of(struct arena *a, const struct dhcp_client *c)
{
	const char *who = arena_printf(a, "%s/%s/%s%s", c->ask.container_id, c->ask.network, c->ask.ifname,
				       dhcp_client_is6(c) ? "/6" : "");
	uint8_t digest[64];
	struct sha512 hash;
	char name[2 * NAME_BYTES + 1];

	sha512_init(&hash);
	sha512_put(&hash, who, strlen(who));
	sha512_end(&hash, digest);
	str_hex(name, digest, NAME_BYTES);
	return arena_printf(a, "%s/%s" SUFFIX, c->host->store, name);
}

static void put_base64(struct jsonw *w, struct arena *a, const char *key, const void *data, size_t len)
{
	struct buf b;

	buf_init(&b, a, len * 4 / 3 + 8);
	base64_encode(&b, (struct bytes){ data, len });
	jsonw_key(w, key);
	jsonw_strn(w, b.data, b.len);
}

static void put_mac(struct jsonw *w, const char *key, const struct mac *m)
{
	char text[MAC_TEXT_MAX];

	jsonw_kstr(w, key, mac_text(m, text));
}

static void put_ask(struct jsonw *w, struct arena *a, const struct dhcp_ask *ask)
{
	jsonw_kstr(w, "containerId", ask->container_id);
	jsonw_kstr(w, "network", ask->network);
	jsonw_kstr(w, "ifname", ask->ifname);
	jsonw_kstr(w, "netns", ask->netns);
	jsonw_kuint(w, "priority", ask->priority);
	jsonw_kuint(w, "version", ask->versions == DHCP_VERSION_6 ? 6 : 4);
	put_base64(w, a, "wanted", ask->wanted, ask->n_wanted);
	jsonw_key(w, "send");
	jsonw_array(w);
	for (size_t i = 0; i < ask->n_send; i++) {
		jsonw_object(w);
		jsonw_kuint(w, "code", ask->send[i].code);
		put_base64(w, a, "value", ask->send[i].value.data, ask->send[i].value.len);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
}

static void put_place(struct jsonw *w, const struct dhcp_place *p)
{
	jsonw_kuint(w, "netnsDev", p->dev);
	jsonw_kuint(w, "netnsIno", p->ino);
	jsonw_kuint(w, "netnsCookie", p->cookie);
	jsonw_kuint(w, "index", p->index);
	put_mac(w, "mac", &p->mac);
	jsonw_kuint(w, "mtu", p->mtu);
}

bool dhcp_store_put(const struct dhcp_client *c, struct err *e)
{
	struct arena a;
	struct buf b;
	struct jsonw w;
	const char *boot;
	bool ok;

	if (!*c->host->store)
		return true;
	arena_init(&a, NULL, 0);
	ok = boot_id(&a, &boot, e);
	if (ok) {
		buf_init(&b, &a, 2048);
		jsonw_init(&w, &b, true);
		jsonw_object(&w);
		jsonw_kstr(&w, "bootId", boot);
		put_ask(&w, &a, &c->ask);
		put_place(&w, &c->place);
		put_mac(&w, "serverMac", &c->server_mac);
		jsonw_kuint(&w, "boundAt", (uint64_t)c->bound_at);
		jsonw_kbool(&w, "lost", c->state == DHCP_LOST);
		put_base64(&w, &a, "ack", c->ack, c->ack_len);
		jsonw_object_end(&w);
		buf_putc(&b, '\n');
		ok = fs_write_atomic(file_of(&a, c), buf_bytes(&b), 0600, e);
	}
	arena_done(&a);
	return ok;
}

bool dhcp_store_drop(const struct dhcp_client *c, struct err *e)
{
	struct arena a;
	bool ok;

	if (!*c->host->store)
		return true;
	arena_init(&a, NULL, 0);
	ok = fs_remove(file_of(&a, c), e);
	arena_done(&a);
	return ok;
}

static bool decode(struct arena *a, const char *text, const char *what, struct bytes *ret, struct err *e)
{
	return base64_decode(a, text, strlen(text), ret, e) || wrap(e, "%s", what);
}

static bool revive(const struct dhcp_host *h, struct arena *a, const struct stored *s, struct dhcp_client **ret,
		   struct err *e)
{
	struct dhcp_option *send = arena_array(a, s->send.n, sizeof(*send));
	struct dhcp_ask ask = {
		.container_id = s->container_id,
		.network = s->network,
		.ifname = s->ifname,
		.netns = s->netns,
		.send = send,
		.n_send = s->send.n,
		.versions = s->version == 6 ? DHCP_VERSION_6 : DHCP_VERSION_4,
		.priority = s->priority,
	};
	struct bytes wanted, ack;
	struct dhcp_client *c;

	if (!decode(a, s->wanted, "wanted", &wanted, e) || !decode(a, s->ack, "ack", &ack, e))
		return false;
	for (size_t i = 0; i < s->send.n; i++) {
		const struct stored_option *o = (const struct stored_option *)s->send.items + i;

		if (o->code < 1 || o->code > 254)
			return fail(e, 0, "code: no option");
		send[i].code = (uint8_t)o->code;
		if (!decode(a, o->value, "value", &send[i].value, e))
			return false;
	}
	if (ack.len > sizeof(c->ack))
		return fail(e, 0, "ack: too long");
	if (s->index > UINT32_MAX || s->mtu > UINT32_MAX)
		return fail(e, 0, "index or mtu: too large");
	/* The boot's own clock, which nobody sets. */
	if (s->bound_at > (uint64_t)loop_now())
		return fail(e, 0, "boundAt: in the future");
	ask.wanted = (const uint8_t *)wanted.data;
	ask.n_wanted = wanted.len;
	c = dhcp_client_new(h, &ask);
	c->place = (struct dhcp_place){ .dev = s->dev,
					.ino = s->ino,
					.cookie = s->cookie,
					.mac = s->mac,
					.index = (uint32_t)s->index,
					.mtu = (uint32_t)s->mtu };
	c->server_mac = s->server_mac;
	c->bound_at = (int64_t)s->bound_at;
	memcpy(c->ack, ack.data, ack.len);
	c->ack_len = ack.len;
	*ret = c;
	return true;
}

static bool damaged(const char *path, struct err *e)
{
	e->num = EBADMSG;
	return wrap(e, "%s", path);
}

/* *ret NULL: of another boot, and removed. e->num EBADMSG: it holds no lease. */
static bool read_one(const struct dhcp_host *h, struct arena *a, const char *path, const char *boot,
		     struct dhcp_client **ret, bool *ret_lost, struct err *e)
{
	struct stored s = { 0 };
	const struct json *j;
	struct bytes text;

	*ret = NULL;
	if (!fs_read_regular(a, path, FILE_SIZE_MAX, &text, e))
		return false;
	if (!json_parse(a, text, &j, e) || !json_fields(a, j, rows, &s, e))
		return damaged(path, e);
	if (!str_eq(s.boot, boot))
		return fs_remove(path, e);
	*ret_lost = s.lost;
	if (!revive(h, a, &s, ret, e))
		return damaged(path, e);
	/* A copy must not speak for, nor take away, the original. */
	if (str_eq(file_of(a, *ret), path))
		return true;
	dhcp_client_free(*ret);
	return fail(e, 0, "%s: not the name of the lease in it", path);
}

bool dhcp_store_each(const struct dhcp_host *h, dhcp_store_found *found, void (*say)(const char *text), void *arg,
		     struct err *e)
{
	char **names;
	const char *boot;
	size_t n;
	struct arena a;
	bool ok;

	if (!*h->store)
		return true;
	arena_init(&a, NULL, 0);
	ok = boot_id(&a, &boot, e) && fs_list(&a, h->store, true, &names, &n, e);
	for (size_t i = 0; ok && i < n; i++) {
		struct dhcp_client *c;
		struct err one = ERR_INIT;
		const char *path;
		bool lost = false;

		if (!str_ends(names[i], SUFFIX))
			continue;
		path = fs_join(&a, h->store, names[i]);
		if (read_one(h, &a, path, boot, &c, &lost, &one)) {
			if (c)
				found(c, lost, arg);
			continue;
		}
		say(one.text);
		if (one.num == EBADMSG && !fs_remove(path, &one))
			say(one.text);
	}
	arena_done(&a);
	return ok;
}

// SPDX-License-Identifier: Apache-2.0
#include "plugins/attachment.h"

#include "cni/plugin.h"
#include "lib/sha512.h"
#include "lib/str.h"

#define COMMENT_MAX 128 /* NFT_COMMENT_MAX, which this file has no other reason to know */
#define HASH_DIGITS 16

static void hash_digits(char dst[static 129], const char *first, const char *second)
{
	struct sha512 h;
	uint8_t sum[64];

	sha512_init(&h);
	sha512_put(&h, first, strlen(first));
	sha512_put(&h, second, strlen(second));
	sha512_end(&h, sum);
	str_hex(dst, sum, sizeof(sum));
}

const char *attachment_comment(struct arena *a, const struct attachment *at)
{
	char *text = arena_printf(a, "%s %s %s", at->network, at->container_id, at->ifname);
	char digits[129];

	if (strlen(text) <= COMMENT_MAX)
		return text;
	hash_digits(digits, text, "");
	return arena_printf(a, "%.*s#%.*s", COMMENT_MAX - 1 - HASH_DIGITS, text, HASH_DIGITS, digits);
}

bool attachment_is_of(const char *comment, const char *network)
{
	const size_t shown = COMMENT_MAX - 1 - HASH_DIGITS;
	size_t len = strlen(network);

	if (!comment)
		return false;
	if (len >= shown)
		return strncmp(comment, network, shown) == 0 && comment[shown] == '#';
	return strncmp(comment, network, len) == 0 && comment[len] == ' ';
}

const char *attachment_hash_name(struct arena *a, const char *prefix, const char *first, const char *second, size_t len)
{
	char digits[129];

	hash_digits(digits, first, second);
	return arena_printf(a, "%s%.*s", prefix, (int)(len - strlen(prefix)), digits);
}

static int compare(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static bool among(const char **list, size_t n, const char *text)
{
	return n && bsearch(&text, list, n, sizeof(*list), compare);
}

struct attachment attachment_of(const struct request *r)
{
	return (struct attachment){ r->net.name, r->container_id, r->ifname };
}

struct attachment *attachments_valid(const struct request *r)
{
	struct attachment *valid = arena_array(r->arena, r->net.n_valid, sizeof(*valid));

	for (size_t i = 0; i < r->net.n_valid; i++)
		valid[i] = (struct attachment){ r->net.name, r->net.valid[i].container_id, r->net.valid[i].ifname };
	return valid;
}

void attachments_init(struct attachments *s, struct arena *a, const char *network, const struct attachment *valid,
		      size_t n)
{
	*s = (struct attachments){ .network = network, .valid = valid, .n = n };
	s->comments = arena_array(a, n, sizeof(*s->comments));
	s->ids = arena_array(a, n, sizeof(*s->ids));
	for (size_t i = 0; i < n; i++) {
		s->comments[i] = attachment_comment(a, &valid[i]);
		s->ids[i] = valid[i].container_id;
	}
	qsort(s->comments, n, sizeof(*s->comments), compare);
	qsort(s->ids, n, sizeof(*s->ids), compare);
}

bool attachments_stale(const struct attachments *s, const char *comment)
{
	size_t len = strlen(s->network);

	return comment && strncmp(comment, s->network, len) == 0 && comment[len] == ' ' &&
	       !among(s->comments, s->n, comment);
}

bool attachments_know_id(const struct attachments *s, const char *container_id)
{
	return among(s->ids, s->n, container_id);
}

// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/decode.h"

bool read_ip_opt(struct arena *a, const struct json *v, void *dst, const struct field *f, struct err *e)
{
	return json_str_is(v, "") || read_ip(a, v, dst, f, e);
}

bool ipam_decode(struct arena *a, const struct json *o, const char *where, const struct field *rows, void *dst,
		 struct err *e)
{
	if (json_fields(a, o, rows, dst, e))
		return true;
	e->code = CNI_DECODING_FAILURE;
	return wrap(e, "%s", where);
}

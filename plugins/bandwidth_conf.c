// SPDX-License-Identifier: Apache-2.0
#include "plugins/bandwidth.h"

#include "lib/field.h"

#define BITS 8

/* As in the text: a set of keys that may stand at two places. */
struct draft {
	uint64_t ingress_rate, ingress_burst, egress_rate, egress_burst;
	bool there;
};
struct outer {
	struct draft top, runtime;
};

static const struct field shape_fields[] = {
	FIELD_AS("ingressRate", struct draft, ingress_rate, read_u64),
	FIELD_AS("ingressRate", struct draft, there, read_present),
	FIELD_AS("ingressBurst", struct draft, ingress_burst, read_u64),
	FIELD_AS("ingressBurst", struct draft, there, read_present),
	FIELD_AS("egressRate", struct draft, egress_rate, read_u64),
	FIELD_AS("egressRate", struct draft, there, read_present),
	FIELD_AS("egressBurst", struct draft, egress_burst, read_u64),
	FIELD_AS("egressBurst", struct draft, there, read_present),
	{ 0 }
};

static const struct field runtime_fields[] = {
	FIELD_AS("bandwidth", struct outer, runtime, read_object, shape_fields),
	{ 0 }
};

/* The kernel counts bytes, and of a burst no more than 32 bits of them. */
static bool shape_check(const struct shape *s, const char *what, struct err *e)
{
	if (s->rate && !s->burst)
		return fail_code(e, CNI_INVALID_CONFIG, "%sRate %llu: if rate is set, burst must also be set", what,
				 (unsigned long long)s->rate);
	if (!s->rate && s->burst)
		return fail_code(e, CNI_INVALID_CONFIG, "%sBurst %llu: if burst is set, rate must also be set", what,
				 (unsigned long long)s->burst);
	if (s->burst / BITS >= UINT32_MAX)
		return fail_code(e, CNI_INVALID_CONFIG,
				 "%sBurst %llu: burst cannot be more than 4GB (must be between 8 and 34359738359 bits)",
				 what, (unsigned long long)s->burst);
	if (s->rate && (s->rate < BITS || s->burst < BITS))
		return fail_code(e, CNI_INVALID_CONFIG,
				 "%sRate %llu, %sBurst %llu: less than a byte (must be 0 or at least 8 bits)", what,
				 (unsigned long long)s->rate, what, (unsigned long long)s->burst);
	return true;
}

bool bandwidth_conf_read(const struct request *r, struct bandwidth *ret, struct err *e)
{
	struct outer o = { 0 };
	const struct draft *d = &o.top;
	struct bandwidth b;

	if (!json_fields(r->arena, r->conf, shape_fields, &o.top, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "failed to parse network configuration");
	}
	if (!json_fields(r->arena, r->net.runtime, runtime_fields, &o, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "failed to parse network configuration: runtimeConfig");
	}
	if (!o.top.there)
		d = &o.runtime;
	b = (struct bandwidth){ { d->ingress_rate, d->ingress_burst }, { d->egress_rate, d->egress_burst } };
	if (!shape_check(&b.ingress, "ingress", e) || !shape_check(&b.egress, "egress", e))
		return false;
	*ret = b;
	return true;
}

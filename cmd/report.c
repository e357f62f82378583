// SPDX-License-Identifier: Apache-2.0
/* What the command line says: results for people, failures with what to do next, exit statuses. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/cli.h"
#include "cni/error.h"
#include "lib/fs.h"
#include "lib/jsonw.h"
#include "lib/str.h"

int exit_status(int code)
{
	static const struct {
		int code, status;
	} rows[] = {
		{ CNI_ERR_INCOMPATIBLE_VERSION, EXIT_CONFIG },   { CNI_ERR_UNSUPPORTED_FIELD, EXIT_CONFIG },
		{ CNI_ERR_DECODING_FAILURE, EXIT_CONFIG },       { CNI_ERR_INVALID_CONFIG, EXIT_CONFIG },
		{ CNI_ERR_UNKNOWN_CONTAINER, EXIT_ENVIRONMENT }, { CNI_ERR_INVALID_ENVIRONMENT, EXIT_ENVIRONMENT },
		{ CNI_ERR_INVALID_NETNS, EXIT_ENVIRONMENT },     { CNI_ERR_IO_FAILURE, EXIT_IO },
		{ CNI_ERR_TRY_AGAIN_LATER, EXIT_AGAIN },         { CNI_ERR_NOT_AVAILABLE, EXIT_NOT_READY },
		{ CNI_ERR_LIMITED_CONNECTIVITY, EXIT_DEGRADED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].code == code)
			return rows[i].status;
	}
	return EXIT_FAILED;
}

/* What plugins say about a namespace that is not there has no code of its own; one look tells. */
static bool no_such_netns(const struct cli *c)
{
	return c->verb && str_eq(c->verb->name, "add") && c->n_operands > 1 &&
	       access(target_netns(c->arena, c->operands[1]), F_OK) < 0 && errno == ENOENT;
}

/* What to do about a failure, by its code; the errno decides where a code covers several causes. */
static const char *advice(const struct cli *c, const struct cni_error *e)
{
	if (c->verb && str_eq(c->verb->name, "check") && strstr(e->text, "prevResult missing"))
		return "Nothing is attached there that crimp knows of: `crimp list` shows what is, `crimp add` attaches.";
	switch (e->code) {
	case CNI_ERR_INCOMPATIBLE_VERSION:
		return "`crimp version` lists the versions each plugin speaks; the configuration asks for another.";
	case CNI_ERR_UNSUPPORTED_FIELD:
	case CNI_ERR_INVALID_CONFIG:
	case CNI_ERR_DECODING_FAILURE:
		return "The manual page crimp-PLUGIN(8) says what each key may be; cni-conflist(5) the rest.";
	case CNI_ERR_UNKNOWN_CONTAINER:
		return "`crimp list` shows what is attached; name the container with NETNS or --container-id.";
	case CNI_ERR_INVALID_NETNS:
		return "Name the container's namespace, not the host's: `ip netns list`, or /proc/PID/ns/net.";
	case CNI_ERR_TRY_AGAIN_LATER: return "Run the same command again in a moment.";
	case CNI_ERR_NOT_AVAILABLE:
	case CNI_ERR_LIMITED_CONNECTIVITY: return "New containers cannot be attached until the reason above is gone.";
	default: break;
	}
	if ((e->num == EPERM || e->num == EACCES) && geteuid() != 0)
		return "This needs root (or `unshare -Urnm` for a try).";
	if (e->num == ETIMEDOUT && c->opt.timeout)
		return "Raise --timeout, or look at what the plugin waits for.";
	if (e->num == ENOENT && c->verb && !str_eq(c->verb->name, "validate"))
		return "Configurations come from --conf-dir, plugins from --plugin-dir ($CNI_PATH).";
	if (no_such_netns(c))
		return "NETNS is a name of `ip netns list`, a process ID, or the path of a namespace that exists.";
	return NULL;
}

static bool put_all(int fd, const struct buf *b)
{
	struct err ignored;

	return fd_write_all(fd, b->data, b->len, &ignored);
}

int cli_done(struct cli *c, int status)
{
	static const char lost[] = "crimp: the answer could not be written to stdout\n";
	struct err ignored;
	bool said = !c->out.len || put_all(STDOUT_FILENO, &c->out);

	c->out.len = 0;
	if (said || status)
		return status;
	(void)!fd_write_all(STDERR_FILENO, lost, sizeof(lost) - 1, &ignored);
	return EXIT_IO;
}

void cni_error_from(struct cni_error *dst, const struct err *src)
{
	dst->code = src->code;
	dst->num = src->num;
	snprintf(dst->text, sizeof(dst->text), "%s", src->text);
	snprintf(dst->details, sizeof(dst->details), "%s", src->details);
}

static int report_json(struct cli *c, const struct cni_error *e)
{
	struct jsonw w;

	jsonw_init(&w, &c->out, true);
	jsonw_object(&w);
	jsonw_kint(&w, "code", e->code ? e->code : CNI_ERR_INTERNAL);
	jsonw_kstr(&w, "msg", e->text);
	jsonw_kstr_if(&w, "details", e->details);
	jsonw_kstr_if(&w, "advice", advice(c, e));
	jsonw_object_end(&w);
	buf_putc(&c->out, '\n');
	return cli_done(c, exit_status(e->code));
}

int report_failure(struct cli *c, const struct cni_error *e)
{
	const char *todo = advice(c, e);
	struct term term;
	struct buf b;

	if (c->opt.json)
		return report_json(c, e);
	(void)cli_done(c, EXIT_FAILED);
	term_init(&term, STDERR_FILENO, c->opt.plain);
	buf_init(&b, c->arena, 2048);
	buf_puts(&b, "crimp: ");
	term_put(&term, &b, STYLE_BAD, e->text);
	if (*e->details)
		buf_printf(&b, " (%s)", e->details);
	if (e->code)
		term_printf(&term, &b, STYLE_DIM, " [code %d, %s]", e->code, error_code_name(e->code));
	buf_putc(&b, '\n');
	if (todo)
		buf_printf(&b, "  %s\n", todo);
	(void)!put_all(STDERR_FILENO, &b);
	return exit_status(e->code);
}

int report_err(struct cli *c, const struct err *e)
{
	struct cni_error ce = CNI_ERROR_INIT;

	cni_error_from(&ce, e);
	return report_failure(c, &ce);
}

int report_usage(struct cli *c, const char *fmt, ...)
{
	struct buf b;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_init(&b, c->arena, 256);
	buf_printf(&b, "crimp: %s\n", text);
	if (c->verb)
		buf_printf(&b, "  usage: crimp %s %s [options]; `crimp %s --help` tells more\n", c->verb->name,
			   c->verb->operands, c->verb->name);
	else
		buf_puts(&b, "  `crimp help` lists the verbs\n");
	(void)!put_all(STDERR_FILENO, &b);
	return EXIT_USAGE;
}

static void result_ips(struct cli *c, const struct cni_result *r, struct table *t)
{
	for (size_t i = 0; i < cni_result_ips(r); i++) {
		struct cni_ip ip = { .size = sizeof(ip) };
		struct cni_interface on = { .size = sizeof(on), .name = "" };

		if (!cni_result_ip(r, i, &ip))
			continue;
		if (ip.interface >= 0)
			(void)cni_result_interface(r, (size_t)ip.interface, &on);
		table_cell(t, STYLE_DIM, "address");
		table_cell(t, STYLE_NAME, ip.address);
		table_cell(t, STYLE_PLAIN,
			   arena_printf(c->arena, "%s%s%s%s", *on.name ? "on " : "", on.name,
					*ip.gateway ? ", gateway " : "", ip.gateway));
	}
}

static void result_interfaces(struct cli *c, const struct cni_result *r, struct table *t)
{
	for (size_t i = 0; i < cni_result_interfaces(r); i++) {
		struct cni_interface in = { .size = sizeof(in) };

		if (!cni_result_interface(r, i, &in))
			continue;
		table_cell(t, STYLE_DIM, *in.sandbox ? "interface" : "on the host");
		table_cell(t, STYLE_NAME, in.name);
		table_cell(t, STYLE_PLAIN, in.mtu ? arena_printf(c->arena, "%s mtu %u", in.mac, in.mtu) : in.mac);
	}
}

void report_result(struct cli *c, const struct cni_result *r)
{
	struct table t;

	table_init(&t, c->arena, 3);
	result_ips(c, r, &t);
	result_interfaces(c, r, &t);
	for (size_t i = 0; i < cni_result_routes(r); i++) {
		struct cni_route route = { .size = sizeof(route) };

		if (!cni_result_route(r, i, &route))
			continue;
		table_cell(&t, STYLE_DIM, "route");
		table_cell(&t, STYLE_PLAIN, route.dst);
		table_cell(&t, STYLE_PLAIN, *route.gw ? arena_printf(c->arena, "via %s", route.gw) : "by the gateway");
	}
	table_put(&t, &c->term, &c->out, "  ");
}

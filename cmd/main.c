// SPDX-License-Identifier: Apache-2.0
/*
 * One file, many names: the name it is called by (the last part of argv[0]) says what it is. A name that is none of
 * ours, such as crimp-1.2 or a loader's, is passed over, and the first argument is the name.
 */
#include "cmd/cmd.h"

#include <sys/prctl.h>
#include <unistd.h>

#include "cni/skel.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/plugin.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int list_plugins(void)
{
	static struct arena a;
	struct buf out;
	struct err e;

	buf_init(&out, &a, 1024);
	for (size_t i = 0; i < plugins.n; i++)
		buf_printf(&out, "%s\n", plugins.rows[i]->name);
	return fd_write_all(STDOUT_FILENO, out.data, out.len, &e) ? 0 : 1;
}

/* A runtime has found a configuration of type crimp: the command line would answer it with a page of help. */
static int refuse_type(void)
{
	static struct arena a;
	struct err e;

	fail_code(&e, CNI_INVALID_CONFIG, "crimp is not a plugin but a collection of them");
	err_details(&e, "set \"type\" to the plugin that is meant, for example bridge (crimp --plugins lists them)");
	return skel_refuse(&a, &e, NULL);
}

static int crimp(int argc, char **argv)
{
	if (!str_empty(getenv("CNI_COMMAND")))
		return refuse_type();
	if (argc == 2 && str_eq(argv[1], "--plugins"))
		return list_plugins();
	return crimp_main(argc, argv);
}

static bool is_face(const char *name)
{
	return str_eq(name, "crimp") || str_eq(name, "cnitool") || plugin_find(&plugins, name);
}

int main(int argc, char **argv)
{
	const char *name = argc ? base_name(argv[0]) : "crimp";
	const struct plugin *p;

	if (!is_face(name) && argc > 1 && is_face(argv[1])) {
		argc--;
		argv++;
		name = argv[0];
	}
	/* Executed from a descriptor the kernel would call us by its number. */
	(void)prctl(PR_SET_NAME, name);
	p = plugin_find(&plugins, name);
	if (p && p->program.word && argc > 1 && str_eq(argv[1], p->program.word))
		return p->program.main(argc - 1, argv + 1);
	if (p)
		return skel_main(p, &plugins);
	return str_eq(name, "cnitool") ? cnitool_main(argc, argv) : crimp(argc, argv);
}

// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cni/error.h"
#include "cni/find.h"
#include "lib/buf.h"
#include "lib/fs.h"
#include "lib/str.h"

const char *const *find_dirs(struct arena *a, const char *cni_path)
{
	return (const char *const *)str_split_nonempty(a, cni_path, ':', NULL);
}

char *find_dirs_text(struct arena *a, const char *const *dirs)
{
	struct buf b;

	buf_init(&b, a, 128);
	for (size_t i = 0; dirs && dirs[i]; i++) {
		if (i)
			buf_putc(&b, ':');
		buf_puts(&b, dirs[i]);
	}
	return buf_str(&b);
}

static bool make_absolute(struct arena *a, char **path, struct err *e)
{
	char here[PATH_MAX];

	if (**path == '/')
		return true;
	if (!getcwd(here, sizeof(here)))
		return fail(e, errno, "working directory");
	*path = fs_join(a, here, *path);
	return true;
}

bool find_plugin(struct arena *a, const char *const *dirs, const char *type, char **ret, struct err *e)
{
	const char *unfit = NULL;

	if (!*type)
		return fail_code(e, CNI_INVALID_CONFIG, "no plugin name provided");
	if (strchr(type, '/'))
		return fail_code(e, CNI_INVALID_CONFIG, "invalid plugin name \"%s\": it must not hold a path", type);
	if (!dirs || !dirs[0])
		return fail(e, 0, "failed to find plugin \"%s\": no plugin directories (CNI_PATH) given", type);
	for (size_t i = 0; dirs[i]; i++) {
		char *path = fs_join(a, dirs[i], type);
		struct stat st;

		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0) {
			unfit = unfit ? unfit : path;
			continue;
		}
		if (!make_absolute(a, &path, e))
			return false;
		*ret = path;
		return true;
	}
	if (unfit)
		return fail(e, EACCES, "plugin %s cannot be executed", unfit);
	fail(e, 0, "failed to find plugin \"%s\" in path [%s]", type, find_dirs_text(a, dirs));
	e->num = ENOENT;
	return false;
}

// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sys/stat.h>

#include "cni/confdir.h"
#include "lib/fs.h"
#include "lib/str.h"

const char *const confdir_lists[] = { ".conflist", NULL };
const char *const confdir_singles[] = { ".conf", ".json", NULL };
const char *const confdir_all[] = { ".conf", ".conflist", ".json", NULL };

/* What one search has seen. */
struct search {
	struct arena *arena;
	const char *name;
	bool strict;
	const struct confdir_warn *warn;
	size_t files; /* looked at */
	size_t broken;
	struct err first; /* of the broken ones */
};

static bool has_extension(const char *name, const char *const *extensions)
{
	for (; *extensions; extensions++)
		if (str_ends(name, *extensions))
			return true;
	return false;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool confdir_files(struct arena *a, const char *dir, const char *const *extensions, char ***ret, size_t *ret_n,
		   struct err *e)
{
	size_t n, used = 0;
	char **names;

	if (!fs_list(a, dir, true, &names, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		char *path = fs_join(a, dir, names[i]);

		if (has_extension(names[i], extensions) && !is_directory(path))
			names[used++] = path;
	}
	*ret = names;
	*ret_n = used;
	return true;
}

enum conflist_form confdir_form(const char *path)
{
	return has_extension(path, confdir_lists) ? CONFLIST_LIST : CONFLIST_SINGLE;
}

static void pass_over(struct search *s, const struct err *why)
{
	if (!s->broken++)
		s->first = *why;
	if (s->warn && s->warn->fn) {
		const char *text = arena_printf(s->arena, "passed over: %s", why->text);
		size_t size = 3 * strlen(text) + 4; /* a byte that is no UTF-8 becomes three */
		char *clean = arena_alloc(s->arena, size);

		utf8_copy(clean, size, text);
		s->warn->fn(s->warn->arg, clean);
	}
}

/* One group of files. True with ret->name set if it was found there; false: failure. */
static bool search_group(struct search *s, const char *dir, const char *const *extensions, struct conflist *ret,
			 bool *ret_found, struct err *e)
{
	char **files;
	size_t n;

	if (!confdir_files(s->arena, dir, extensions, &files, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;

		s->files++;
		if (!conflist_load(s->arena, files[i], confdir_form(files[i]), ret, &why)) {
			if (s->strict) {
				*e = why;
				return false;
			}
			pass_over(s, &why);
		} else if (!s->name || str_eq(ret->name, s->name)) {
			*ret_found = true;
			return true;
		}
	}
	return true;
}

static bool none_found(const struct search *s, const char *dir, struct err *e)
{
	if (!s->files)
		fail(e, 0, "no net configurations found in %s", dir);
	else if (s->name)
		fail(e, 0, "no net configuration with name \"%s\" in %s", s->name, dir);
	else
		fail(e, 0, "no net configuration that can be used in %s", dir);
	if (s->broken) {
		struct err found = *e;

		fail(e, 0, "%s (%zu unreadable: %s)", found.text, s->broken, s->first.text);
	}
	e->num = ENOENT;
	return false;
}

bool confdir_find(struct arena *a, const char *dir, const char *name, bool strict, const struct confdir_warn *warn,
		  struct conflist *ret, struct err *e)
{
	struct search s = { .arena = a, .name = name, .strict = strict, .warn = warn, .first = ERR_INIT };
	struct conflist found;
	bool there = false;

	if (!search_group(&s, dir, confdir_lists, &found, &there, e))
		return false;
	if (!there && !search_group(&s, dir, confdir_singles, &found, &there, e))
		return false;
	if (!there)
		return none_found(&s, dir, e);
	*ret = found;
	return true;
}

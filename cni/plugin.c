// SPDX-License-Identifier: Apache-2.0
#include "cni/plugin.h"

const char *const command_names[COMMANDS] = {
	[COMMAND_ADD] = "ADD",
	[COMMAND_CHECK] = "CHECK",
	[COMMAND_DEL] = "DEL",
	[COMMAND_GC] = "GC",
	[COMMAND_STATUS] = "STATUS",
	[COMMAND_VERSION] = "VERSION",
};

const struct plugin *plugin_find(const struct plugin_table *t, const char *name)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(name, t->rows[mid]->name);

		if (order == 0)
			return t->rows[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

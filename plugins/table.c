// SPDX-License-Identifier: Apache-2.0
#include "plugins/plugin.h"

static const struct plugin *const rows[] = {
#define PLUGIN_ROW(p) &p##_plugin,
	PLUGINS(PLUGIN_ROW)
#undef PLUGIN_ROW
};

const struct plugin_table plugins = { rows, ARRAY_LEN(rows) };

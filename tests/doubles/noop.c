// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * A plugin that does nothing but notes how it was called and misbehaves on demand (control.h says how). It shares no
 * code with the product, so that what it sees and says cannot be wrong in the same way. Keys of its script:
 *
 *	result JSON	printed on ADD (all others print nothing)
 *	passthrough	ADD prints prevResult as it came
 *	inject-dns	the same with nameserver 1.2.3.4
 *	stdout TEXT	printed as it stands; stdout-file FILE the content of a file
 *	stderr TEXT	stderr
 *	error CODE MSG	error object and exit status 1
 *	exit N		exit status
 *	versions V...	VERSION reply; "version-reply TEXT" prints that instead
 *	log FILE	a line "NAME COMMAND" is appended
 *	noread		stdin is closed unread
 *	wait FIFO	reads it to its end: goes on when the test says so
 *	sleep SECONDS	ignores SIGTERM and sleeps
 *	fork SECONDS	leaves a child that holds stdout and stderr (call.N/child has its process number)
 *	signal N	dies by it
 *	flood MIB	so much white space on stdout, and as much on stderr, before the result
 */
#include <signal.h>

#include "control.h"

/* The end of the JSON value at @p: enough of a scanner for documents that a runtime wrote. */
static const char *value_end(const char *p)
{
	int depth = 0;
	bool quoted = false;
	for (; *p; p++) {
		if (quoted) {
			if (*p == '\\' && p[1])
				p++;
			else if (*p == '"')
				quoted = false;
			if (!quoted && !depth)
				return p + 1;
			continue;
		}
		if (*p == '"')
			quoted = true;
		else if (*p == '{' || *p == '[')
			depth++;
		else if ((*p == '}' || *p == ']') && !depth)
			return p;
		else if ((*p == '}' || *p == ']') && !--depth)
			return p + 1;
		else if (*p == ',' && !depth)
			return p;
	}
	return p;
}

/* The text of member @key of the object @doc, NULL if it has none. */
static char *member(const char *doc, const char *key)
{
	const char *p = strchr(doc, '{');
	size_t len = strlen(key);
	for (p = p ? p + 1 : NULL; p && *p && *p != '}';) {
		p += strspn(p, " \t\r\n,");
		const char *end = value_end(p);
		const char *colon = *p == '"' ? end + strspn(end, " \t\r\n") : NULL;
		/* value_end() of a key stops behind its closing quote */
		if (!colon || *colon != ':')
			return NULL;
		bool hit = (size_t)(end - p) == len + 2 && !strncmp(p + 1, key, len);
		p = colon + 1 + strspn(colon + 1, " \t\r\n");
		end = value_end(p);
		if (hit)
			return strndup(p, (size_t)(end - p));
		p = end;
	}
	return NULL;
}

static void say(const char *s)
{
	text_write(STDOUT_FILENO, s, strlen(s));
}

static void say_version(const struct control *c)
{
	char *reply = setting(c, "version-reply"), *list = setting(c, "versions");
	if (reply) {
		say(reply);
		return;
	}
	if (!list)
		list = strdup("0.-42.0 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0");
	say("{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[");
	char *save, *first = strtok_r(list, " ", &save);
	for (char *v = first; v; v = strtok_r(NULL, " ", &save)) {
		char item[64];
		snprintf(item, sizeof(item), "%s\"%s\"", v == first ? "" : ",", v);
		say(item);
	}
	say("]}\n");
}

static void say_prev(const char *conf, bool dns)
{
	char *prev = member(conf, "prevResult");
	if (!prev)
		prev = strdup("{}");
	if (!dns) {
		say(prev);
		return;
	}
	char *brace = strrchr(prev, '}');
	bool empty = brace && strspn(prev + 1, " \t\r\n") == (size_t)(brace - prev - 1);
	if (brace)
		*brace = '\0';
	say(prev);
	say(empty ? "" : ",");
	say("\"dns\":{\"nameservers\":[\"1.2.3.4\"]}}");
}

static void say_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	struct text t = text_read(fd);
	text_write(STDOUT_FILENO, t.data, t.len);
}

static void flood(long mib)
{
	static char blank[4096];
	memset(blank, ' ', sizeof(blank));
	for (long i = 0; i < mib * 256; i++) {
		text_write(STDOUT_FILENO, blank, sizeof(blank));
		text_write(STDERR_FILENO, blank, sizeof(blank));
	}
}

static void leave_child(const struct control *c, unsigned seconds)
{
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		sleep(seconds);
		_exit(0);
	}
	char text[32];
	file_write(c->call, "child", text, (size_t)snprintf(text, sizeof(text), "%d", (int)pid));
}

static void misbehave(const struct control *c)
{
	char *v;
	if ((v = setting(c, "wait"))) {
		int fd = open(v, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			die(v);
		text_read(fd);
	}
	if ((v = setting(c, "fork")))
		leave_child(c, (unsigned)strtoul(v, NULL, 10));
	if ((v = setting(c, "sleep"))) {
		signal(SIGTERM, SIG_IGN);
		sleep((unsigned)strtoul(v, NULL, 10));
	}
	if ((v = setting(c, "stderr")))
		text_write(STDERR_FILENO, v, strlen(v));
	if ((v = setting(c, "flood")))
		flood(strtol(v, NULL, 10));
	if ((v = setting(c, "signal")))
		kill(getpid(), (int)strtol(v, NULL, 10));
}

static int answer(const struct control *c, const char *conf)
{
	char *v;
	if ((v = setting(c, "stdout")))
		say(v);
	else if ((v = setting(c, "stdout-file")))
		say_file(v);
	else if ((v = setting(c, "error"))) {
		char *msg;
		long code = strtol(v, &msg, 10);
		dprintf(STDOUT_FILENO, "{\"cniVersion\":\"1.1.0\",\"code\":%ld,\"msg\":\"%s\"}", code,
			msg + (*msg == ' '));
		return 1;
	} else if (!strcmp(c->command, "VERSION"))
		say_version(c);
	else if (!strcmp(c->command, "ADD")) {
		if ((v = setting(c, "result")))
			say(v);
		else
			say_prev(conf, setting(c, "inject-dns") != NULL);
	}
	v = setting(c, "exit");
	return v ? (int)strtol(v, NULL, 10) : 0;
}

int main(int argc, char **argv)
{
	struct control c;
	struct text in = { strdup(""), 0 };
	control_open(&c, argc ? argv[0] : "noop");
	if (setting(&c, "noread"))
		close(STDIN_FILENO);
	else
		in = text_read(STDIN_FILENO);
	control_stdin(&c, in);
	control_log(&c);
	misbehave(&c);
	return answer(&c, in.data);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * How the doubles are told what to do, and how they tell what was done to them. Beside the program PATH/NAME lies
 * the folder PATH/NAME.d: its file `script` holds one setting per line, and every execution leaves
 * call.N/{env,stdin,pid} there, N counting executions in the order in which they began. Without that folder a
 * double does its default and leaves no trace.
 *
 * A line is "key value"; "DEL.key value" is for one command and comes before "key value".
 * tests/conformance/doubles.py writes them.
 */
#ifndef CRIMP_TESTS_CONTROL_H
#define CRIMP_TESTS_CONTROL_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

struct text {
	char *data;
	size_t len;
};

static inline void die(const char *what)
{
	perror(what);
	_exit(99);
}

/* Everything up to the end of @fd, NUL-terminated. */
static inline struct text text_read(int fd)
{
	struct text t = { NULL, 0 };
	size_t room = 0;
	for (;;) {
		if (t.len + 1 >= room && !(t.data = realloc(t.data, room = room ? room * 2 : 4096)))
			die("realloc");
		ssize_t n = read(fd, t.data + t.len, room - t.len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		t.len += (size_t)n;
	}
	t.data[t.len] = '\0';
	return t;
}

static inline void text_write(int fd, const void *data, size_t len)
{
	for (const char *p = data; len;) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die("write");
		p += n;
		len -= (size_t)n;
	}
}

static inline void file_write(const char *dir, const char *name, const void *data, size_t len)
{
	char path[4200];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		die(path);
	text_write(fd, data, len);
	close(fd);
}

struct control {
	const char *name;	/* last element of the program's path */
	const char *command;	/* CNI_COMMAND, "" when not set */
	char dir[4000];		/* NAME.d, "" when there is none */
	char call[4100];	/* its call.N */
	struct text script;
};

/* Takes a number and notes environment and process; stdin is noted by control_stdin(). */
static inline void control_open(struct control *c, const char *argv0)
{
	const char *slash = strrchr(argv0, '/'), *command = getenv("CNI_COMMAND");
	*c = (struct control){ .name = slash ? slash + 1 : argv0, .command = command ? command : "" };
	if (snprintf(c->dir, sizeof(c->dir), "%s.d", argv0) >= (int)sizeof(c->dir) || access(c->dir, F_OK)) {
		c->dir[0] = '\0';
		return;
	}
	for (int n = 1;; n++) {
		snprintf(c->call, sizeof(c->call), "%s/call.%d", c->dir, n);
		if (!mkdir(c->call, 0755))
			break;
		if (errno != EEXIST)
			die(c->call);
	}
	struct text env = { NULL, 0 };
	for (char **v = environ; *v; v++) {
		size_t len = strlen(*v) + 1;
		if (!(env.data = realloc(env.data, env.len + len)))
			die("realloc");
		memcpy(env.data + env.len, *v, len);
		env.len += len;
	}
	file_write(c->call, "env", env.data, env.len);
	free(env.data);
	char pid[32];
	file_write(c->call, "pid", pid, (size_t)snprintf(pid, sizeof(pid), "%d", (int)getpid()));
	char path[4200];
	snprintf(path, sizeof(path), "%s/script", c->dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		c->script = text_read(fd);
		close(fd);
	}
}

static inline void control_stdin(const struct control *c, struct text in)
{
	if (c->dir[0])
		file_write(c->call, "stdin", in.data, in.len);
}

/* A copy that lives as long as the process, and that a leak checker does not miss. */
static inline char *keep(const char *s, size_t len)
{
	static char pool[1 << 16];
	static size_t used;
	if (len >= sizeof(pool) - used)
		die("script too long");
	char *copy = memcpy(pool + used, s, len);
	copy[len] = '\0';
	used += len + 1;
	return copy;
}

/* The value of a line "@key value", NULL when there is none; the rest of the line is cut off in a copy. */
static inline char *line_value(const struct control *c, const char *key)
{
	size_t len = strlen(key);
	for (const char *p = c->script.data; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (!strncmp(p, key, len) && (p[len] == ' ' || p[len] == '\n' || !p[len])) {
			const char *v = p + len + (p[len] == ' ');
			return keep(v, strcspn(v, "\n"));
		}
	return NULL;
}

/* What the script says about @key for this command, else for all commands, else NULL. */
static inline char *setting(const struct control *c, const char *key)
{
	char own[128];
	snprintf(own, sizeof(own), "%s.%s", c->command, key);
	char *v = line_value(c, own);
	return v ? v : line_value(c, key);
}

/* Setting `log FILE`: appends "NAME COMMAND" there; the order across several doubles can be read from it. */
static inline void control_log(const struct control *c)
{
	char *path = setting(c, "log"), line[256];
	if (!path)
		return;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		die(path);
	text_write(fd, line, (size_t)snprintf(line, sizeof(line), "%s %s\n", c->name, c->command));
	close(fd);
}

#endif

// SPDX-License-Identifier: Apache-2.0
/*
 * dupenv [NAME=VALUE...] -- PROGRAM [ARG...]: the environment gets these entries in
 * front, although the names are there already.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
	int more = 1, have = 0;
	while (more < argc && strcmp(argv[more], "--"))
		more++;
	if (more + 1 >= argc)
		return 2;
	while (environ[have])
		have++;
	char **env = calloc((size_t)(more + have), sizeof(*env));
	if (!env)
		return 2;
	memcpy(env, argv + 1, (size_t)(more - 1) * sizeof(*env));
	memcpy(env + more - 1, environ, (size_t)have * sizeof(*env));
	execve(argv[more + 1], argv + more + 1, env);
	perror(argv[more + 1]);
	return 127;
}

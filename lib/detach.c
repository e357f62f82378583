// SPDX-License-Identifier: Apache-2.0
/*
 * Nothing of ours may stay open in the child: a runtime waits for the end of our standard output, another
 * plugin for our lock. Rejected: a child of the child, so that init reaps it and not we: it doubles the price
 * for a process that is about to end anyway.
 */
#include "lib/detach.h"

#include <sys/syscall.h>
#include <unistd.h>

static void close_all_but(int fd)
{
	if (fd > 0)
		syscall(SYS_close_range, 0, fd - 1, 0);
	if (syscall(SYS_close_range, fd + 1, ~0U, 0) == 0)
		return;
	for (int i = 0; i < 1024; i++) /* before 5.9; we never have more */
		if (i != fd)
			close(i);
}

bool detach(int fd)
{
	if (fork() != 0)
		return false;
	close_all_but(fd);
	setsid();
	return true;
}

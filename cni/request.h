// SPDX-License-Identifier: Apache-2.0
/*
 * The checks between a request and a plugin, in the order that runtimes and tests can observe: a
 * process (skel.c) passes all of them, a delegate called in process (delegate.c) those that a process
 * of its own would not have passed already.
 */
#ifndef CRIMP_CNI_REQUEST_H
#define CRIMP_CNI_REQUEST_H

#include "cni/plugin.h"

/* COMMANDS if @name is none. Upper case only. */
enum command command_parse(const char *name);
/* Fill the variables of @r from the environment; absent ones are "". */
void request_environ(struct request *r);
/*
 * What r->command needs is there and valid. Code 4, or 3 or what the validator says; a bad one wins over missing ones.
 */
bool request_variables_check(const struct request *r, struct err *e) MUST_CHECK;
/* Take the configuration apart as far as its name and version: code 6 or 7. */
bool request_decode(struct request *r, struct bytes text, struct err *e) MUST_CHECK;
/*
 * @base with a configuration of the caller's own making, for a delegate that is to read another one: code 6 or 7. @conf
 * must live as long as the request. What else the request says (container, command) is the caller's to change.
 */
bool request_derive(const struct request *base, struct bytes conf, struct request *ret, struct err *e) MUST_CHECK;
/* The command exists in the configuration's version, and the plugin speaks that version: code 1 or 6. */
bool request_version_check(const struct request *r, const struct plugin *p, struct err *e) MUST_CHECK;
/* ADD and DEL: CNI_NETNS is not where this thread is (code 8), unless CNI_NETNS_OVERRIDE says that this is meant. */
bool request_netns_check(const struct request *r, struct err *e) MUST_CHECK;
/* Run the command. What a plugin does not implement succeeds silently. @ret (zeroed) is only used by ADD. */
bool request_call(const struct request *r, const struct plugin *p, struct result *ret, struct err *e) MUST_CHECK;

#endif

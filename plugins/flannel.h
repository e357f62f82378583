// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * flannel makes nothing itself. It puts together the configuration of another plugin (bridge, unless `delegate.type`
 * says otherwise) from its own and from what flanneld has written about the node's subnet, and hands the request on.
 *
 * The node's subnet may change while containers live, so DEL and CHECK must not build that configuration again. ADD
 * saves it: in dataDir, in a file named after the container, as the reference does, so that either can DEL what the
 * other has made. That name lacks the network and the interface. The network stands in the configuration (`name`);
 * interface and container ADD notes as members "crimp/ifname" and "crimp/containerId", which delegates do not see. The
 * first attachment of a container gets the reference's name, a further one CONTAINERID-NETWORK-IFNAME; a file is only
 * ever used for the attachment it is of. One of the reference's, which does not say its interface, is of any attachment
 * of its network and container.
 *
 * dataDir may hold what others keep there, flanneld's subnet.env for one. GC touches only what has such a name and is,
 * or begins like, a delegate's configuration.
 *
 * When there is no file (it is lost, or ADD has failed), DEL builds the configuration after all: what the delegate
 * needs to clean up is mostly the same.
 */
#ifndef CRIMP_PLUGINS_FLANNEL_H
#define CRIMP_PLUGINS_FLANNEL_H

#include "cni/plugin.h"
#include "plugins/object.h"
#include "plugins/subnet_env.h"

struct flannel {
	const struct request *r;
	const char *subnet_file, *data_dir;
	const struct json *delegate;	/* object, or NULL */
	const char *type;		/* of the delegate */
};

/* Codes 6 and 7. */
bool flannel_read(const struct request *r, struct flannel *ret, struct err *e) MUST_CHECK;
/* The delegate's configuration. @env NULL: without what flanneld has to say. */
void flannel_delegate(const struct flannel *f, const struct subnet_env *env, struct object *ret);

/* A configuration that was saved. */
struct scratch {
	const char *path;
	const struct json *conf;
	const char *type, *network;
	const char *ifname, *container_id;	/* NULL: it does not say */
};
/* e->num EEXIST: this attachment has a saved configuration already, and with the second name. */
bool scratch_save(const struct flannel *f, struct object *conf, const char **ret_path, struct err *e) MUST_CHECK;
/* e->num ENOENT: there is none; EBADMSG: it is a torn one; ENOMSG: it is something else. */
bool scratch_read(struct arena *a, const char *path, struct scratch *ret, struct err *e) MUST_CHECK;
/* Names under which an attachment's may be found, the one that is its alone first. */
#define SCRATCH_NAMES 2
void scratch_names(const struct flannel *f, const char *ret[static SCRATCH_NAMES]);
/* Is it called as saved configurations are, and not the file of flanneld? */
bool scratch_may_be(const struct flannel *f, const char *path);
bool scratch_is_of(const struct scratch *s, const struct request *r);
/* The container that a file found in dataDir is of: what it says, or its name without what was added. */
const char *scratch_container(struct arena *a, const struct scratch *s);
/* The configuration as the delegate is to see it. */
void scratch_object(const struct scratch *s, struct arena *a, struct object *ret);

#endif

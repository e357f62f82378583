// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * tuning changes what is there already: attributes of the container's interface, and knobs of its namespace. What it
 * finds is written to a file before anything is changed, so that DEL can put it back: the reference's file, which has
 * the attributes of the interface, and beside them, in keys that the reference does not look at, the knobs and the
 * attachment. A repeated ADD adds to that file and replaces nothing in it: what was there first is what DEL wants. So
 * does a second tuning of the same chain. A backup of another network is replaced, as the reference replaces any:
 * either its attachment is lost, and what it found is nobody's concern, or it lives, and what it has set is what DEL of
 * the later one goes back to. DEL of another network leaves the file, and the interface.
 *
 * A knob is put back only where it still has the value that ADD gave it. The knobs of a namespace are shared by all
 * attachments of the container, and somebody may have changed them since.
 */
#ifndef CRIMP_PLUGINS_TUNING_H
#define CRIMP_PLUGINS_TUNING_H

#include "cni/plugin.h"
#include "kernel/link.h"

struct knob {
	const char *key;	/* as the configuration has it */
	const char *path;	/* below /proc/sys: "net/ipv4/..." */
	const char *value;
};
struct flag { bool there, on; };
struct tuning {
	const char *data_dir;
	struct knob *knobs;
	size_t n_knobs;
	const char *mac_text;	/* NULL: leave it */
	struct mac mac;
	uint32_t mtu;		/* 0: leave it */
	bool promisc;		/* false: leave it */
	struct flag allmulti;
	bool has_txqlen;
	uint32_t txqlen;
};
bool tuning_conf_read(const struct request *r, struct tuning *ret, struct err *e) MUST_CHECK;
/* Where backups lie, whatever else is wrong with the configuration. */
const char *tuning_data_dir(const struct request *r);
/* Does it change the interface, not only knobs? */
bool tuning_has_link(const struct tuning *t);
/* Do two values of a knob mean the same? The kernel writes tabs where people write blanks. */
bool knob_equal(const char *a, const char *b);

/* Are all knobs on the node's list, if it has one? */
bool tuning_allowed(const struct request *r, const struct tuning *t, struct err *e) MUST_CHECK;

/* What was there before; members that are not @there were not changed. */
struct knob_before { const char *path, *before, *set; };
struct backup {
	const char *network, *container_id, *ifname;	/* NULL in a file of the reference */
	bool has_mac, has_txqlen;
	struct mac mac;
	uint32_t mtu, txqlen;
	struct flag promisc, allmulti;
	struct knob_before *knobs;
	size_t n_knobs;
};
const char *backup_path(struct arena *a, const char *dir, const char *container_id, const char *ifname);
/* @ret_there false: there is none, or what is there cannot be read. */
bool backup_read(struct arena *a, const char *path, struct backup *ret, bool *ret_there, struct err *e) MUST_CHECK;
bool backup_write(struct arena *a, const char *path, const struct backup *b, struct err *e) MUST_CHECK;
/* What @t is about to change. The thread is in the container; @l is NULL when no interface is changed. */
bool backup_take(const struct request *r, const struct tuning *t, const struct link *l, struct backup *ret,
		 struct err *e) MUST_CHECK;
/* What @older has stays, what only @b has comes in addition. */
void backup_merge(struct arena *a, struct backup *b, const struct backup *older);
/*
 * A file name is made of two names that may both hold "_", and says nothing about the network: is it this container's
 * and interface's, and is it this attachment's? The reference's files say no more than their name, and are.
 */
bool backup_is_of_interface(const struct backup *b, const struct request *r);
bool backup_is_of(const struct backup *b, const struct request *r);
/* Put everything back that can be. The thread is in the container, and so is @nl. */
void backup_restore(struct nl *nl, const char *ifname, const struct backup *b);

#endif

// SPDX-License-Identifier: Apache-2.0
/* What nft.c, nft_expr.c and nft_read.c share and nobody else needs. */
#ifndef CRIMP_KERNEL_NFT_MSG_H
#define CRIMP_KERNEL_NFT_MSG_H

#include <linux/netfilter/nfnetlink.h>

#include "kernel/nft.h"

/* Start an nf_tables message (NFT_MSG_*) outside or inside a transaction. */
void nft_msg(struct nl *nl, struct nlmsg *m, uint8_t type, unsigned flags, uint8_t family);
/* Room for one more message, if the batch can grow. */
void nft_make_room(struct nft_batch *b);
/* User data that holds one comment, cut at NFT_COMMENT_MAX; nothing for NULL or "". */
void nft_put_comment(struct nlmsg *m, uint16_t attr, uint8_t type, const char *comment);
/* The user data that nobody else shows. */
#define NFT_UDATA_MARK 99
void nft_put_mark(struct nlmsg *m, uint16_t attr, const char *mark);
void nft_put_elem(struct nlmsg *m, const struct nft_elem *el, bool key_only);

#endif

// SPDX-License-Identifier: Apache-2.0
/* The faces of the multi-call binary that are not plugins; main.c chooses. Both return the exit status. */
#ifndef CRIMP_CMD_CMD_H
#define CRIMP_CMD_CMD_H

int crimp_main(int argc, char **argv);
int cnitool_main(int argc, char **argv);

#endif

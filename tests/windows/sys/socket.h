// SPDX-License-Identifier: Apache-2.0
/* Address families, under the name that POSIX gives this header. */
#include <winsock2.h>
/* Words that Windows has taken. */
#undef far
#undef near

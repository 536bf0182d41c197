/* SPDX-License-Identifier: MIT */
#ifndef VERSION_H
#define VERSION_H
extern const char tandem_version[];     /* of this binary; in main.c, which alone is compiled anew when it changes */
#endif

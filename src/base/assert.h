/* SPDX-License-Identifier: MIT
 * An assertion that stays on in the release: going on in a wrong state is two masters, stopping is a failover. The C
 * library's own drags in fprintf. Pure: the handler writes one line to descriptor 2 and aborts.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H
#include "base/text.h"
_Noreturn void assert_failed(const char *expression, const char *file, int line);
#define ensure(e) ((e) ? (void)0 : assert_failed(PACKED #e, __FILE__, __LINE__))
#endif

/* SPDX-License-Identifier: MIT */
#include "base/assert.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"

void assert_failed(const char *expression, const char *file, int line)
{
	char text[256];
	size_t n = text_format(text, sizeof text, "tandem: bug: %s:%d: not true: %s\n", file, line, expression);

	if (write(STDERR_FILENO, text, n) == -1) {
		/* There is nowhere left to say it. */
	}
	(void)kill(getpid(), SIGABRT);  /* abort() would bring locks and raise(); see also src/fork.c */
	_exit(134);
}

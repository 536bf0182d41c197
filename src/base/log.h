/* SPDX-License-Identifier: MIT
 * Sentences to stderr, /dev/log or a syslog server over UDP; several targets at once, each with its own level. Sending
 * never blocks: a full socket is a counter (log_lost), never a wait. Formats are those of text_format().
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/text.h"

enum log_level { LOG_L_EMERG, LOG_L_ALERT, LOG_L_CRIT, LOG_L_ERR, LOG_L_WARNING, LOG_L_NOTICE, LOG_L_INFO, LOG_L_DEBUG };
extern const char *const log_level_words[];     /* "emerg" and so on */
enum log_kind { LOG_TO_STDERR, LOG_TO_UNIX, LOG_TO_UDP };
#define LOG_TARGETS_MAX 4
#define LOG_LINE_MAX 2048

struct log_target {
	uint8_t kind, facility, level;  /* level: the least important that is sent */
	char path[108];                 /* LOG_TO_UNIX */
	struct endpoint server;         /* LOG_TO_UDP */
	int fd;                         /* -1: not open; the worker gets its own by inheritance */
};

/* program names the process in syslog lines ("tandem", "tandem-worker"). Until log_open(), everything goes to stderr
 * with its level as a word in front. */
void log_init(const char *program);
/* Uses these targets from now on (kept by reference). Targets with fd -1 are opened; a /dev/log that is not there is
 * tried again later, at most once a second. */
void log_open(struct log_target *targets, uint32_t count);
extern uint32_t log_lost;               /* lines that a full or absent target did not take */

#define LOG_PRINTF __attribute__((format(printf, 1, 2)))
void log_errno(const char *format, ...) LOG_PRINTF;     /* err, and ": " strerror(errno) */
void log_err(const char *format, ...) LOG_PRINTF;
void log_warn(const char *format, ...) LOG_PRINTF;
void log_notice(const char *format, ...) LOG_PRINTF;
void log_info(const char *format, ...) LOG_PRINTF;
void log_debug(const char *format, ...) LOG_PRINTF;
void log_at(enum log_level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The sentence, as err, and the end of the process with this exit code (DESIGN §4: 1 the user's input, 2 the system). */
_Noreturn void die(int exit_code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One line to standard error as it is: what is wrong with the user's input, "FILE:LINE: ...". */
void tell(const char *format, ...) LOG_PRINTF;
/* Standard output for commands (check, version, help); not a log. false: it could not all be written. */
bool out(const char *format, ...) LOG_PRINTF;
#define log_errno(...) log_errno(FORMAT __VA_ARGS__)
#define log_err(...) log_err(FORMAT __VA_ARGS__)
#define log_warn(...) log_warn(FORMAT __VA_ARGS__)
#define log_notice(...) log_notice(FORMAT __VA_ARGS__)
#define log_info(...) log_info(FORMAT __VA_ARGS__)
#define log_debug(...) log_debug(FORMAT __VA_ARGS__)
#define log_at(level, ...) log_at(level, FORMAT __VA_ARGS__)
#define die(exit_code, ...) die(exit_code, FORMAT __VA_ARGS__)
#define tell(...) tell(FORMAT __VA_ARGS__)
#define out(...) out(FORMAT __VA_ARGS__)
bool out_bytes(const char *, size_t);
extern bool out_failed;                 /* something could not be written there */
#endif

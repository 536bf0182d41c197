/* SPDX-License-Identifier: MIT
 * Text: spans, numbers, times, sizes, and formatting into fixed areas. The C library's printf family is not used: it
 * costs 16 kB and soft-float code on MIPS. Pure.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str { const char *p; uint32_t n; };      /* a span of input; not NUL-terminated */

static inline struct str str_of(const char *p, size_t n) { return (struct str){ p, (uint32_t)n }; }
struct str str_z(const char *);                                 /* of NUL-terminated text */
bool str_is(struct str, const char *);                          /* equal, case counts */
bool str_is_nocase(struct str, const char *);                   /* equal, ASCII case does not count */
bool str_equal(struct str, struct str);
bool str_equal_nocase(struct str, struct str);

/* Decimal digits only, the whole of it, at most max. */
bool text_to_u32(struct str, uint32_t max, uint32_t *);
/* HAProxy's times: a number with us, ms, s, m, h or d; without a unit it is unit_ms milliseconds each. A fraction
 * ("0.1", "1.5s") is allowed, rounded to whole ms. At most max_ms. */
bool text_to_ms(struct str, uint32_t unit_ms, uint32_t max_ms, uint32_t *);
/* Bytes, with k, m or g (powers of 1024). */
bool text_to_bytes(struct str, uint32_t max, uint32_t *);
/* Decimal digits of v to out (at most 20, no NUL); returns how many. */
uint32_t text_put_u64(char *out, uint64_t v);
int text_hex_digit(char);                                       /* its value, of either case; -1: it is none */
uint32_t text_put_hex(char *out, uint32_t v);                   /* at most 8, lower case, no NUL */

/* Sentences that are for people only are stored short (boards/pack) and become text again only in what text_format()
 * makes: as its format, which the macro below and others like it mark with FORMAT, or as a %s that begins with PACKED. Such
 * a literal must stand behind a pointer, not in an array, and nobody else may look into it but by text_plain(). */
#ifdef TANDEM_PACKS
#define PACKED "\1\2\3"                                        /* of which the first stays, if it is shorter so */
#define FORMAT "\1\2\4"                                        /* of which nothing stays */
#else
#define PACKED ""
#define FORMAT ""
#endif
#define TEXT_MAX 512                                            /* no sentence is longer */
#define TEXT_PAIRS_FROM 127u                                    /* the bytes that are pairs: from here, over 255, to 31 */
#define TEXT_PAIRS 161u
/* The sentence itself, or unpacked in out. */
const char *text_plain(const char *, char out[TEXT_MAX]);

/* Formats like snprintf, but knows only %s %.*s %m %c %d %u %x %lu %llu %zu %%, a width with or without 0 for numbers, and
 * width and '-' for %s. Always NUL-terminated; returns the length written (never more than size - 1: cut, not lost). */
size_t text_format(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* How long ago: "0.4s", "12s", "3m12s", "5h07m", "12d04h". Returns out. */
const char *text_age(uint64_t ms, char out[16]);
/* What stands between the quotes of a JSON string: escapes, and U+FFFD for what is no UTF-8. NUL-terminated; returns the
 * length. What does not fit is cut, between characters. */
size_t text_json(char *out, size_t size, const char *text);
/* clip: so many bytes at most of each %.*s, so that the sentence around it stays in sight. */
size_t text_vformat(char *out, size_t size, int clip, const char *format, va_list) __attribute__((format(printf, 4, 0)));
#define text_format(out, size, ...) text_format(out, size, FORMAT __VA_ARGS__)

/* Edit distance (insert, delete, replace, swap of neighbours), or limit + 1 if it is more than limit: for "did you
 * mean". Words longer than 32 bytes are never near. */
unsigned text_distance(struct str, struct str, unsigned limit);
#endif

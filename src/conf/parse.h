/* SPDX-License-Identifier: MIT
 * What the files of conf/ share and nobody else includes, but `tandem help`, which prints the keyword table.
 *
 * The table (keywords.c) is the language: a row says where a word may stand, what it takes, its range, its
 * default, its one-line help, and the setter that stores it. A word that is not in the table is refused.
 * Setters report what is wrong and go on, so that one run finds every error of the file.
 *
 * A line that is marked for another node is checked like any other, on a copy of the section that is thrown
 * away.
 */
#ifndef CONF_PARSE_H
#define CONF_PARSE_H
#include "conf/conf.h"
#include "conf/lex.h"
#include "vrrp/outlook.h"
#include "proxy/acl.h"

/* Where a word may stand: an IN_ bit for each section that takes it, one AS_ value, flags. */
enum {
	IN_GLOBAL = 1 << 0, IN_VRRP = 1 << 1, IN_DEFAULTS = 1 << 2, IN_FRONTEND = 1 << 3, IN_BACKEND = 1 << 4,
	IN_LISTEN = 1 << 5, IN_SCRIPT = 1 << 6, IN_FILE = 1 << 7, IN_GROUP = 1 << 8,
	IN_FRONT = IN_DEFAULTS | IN_FRONTEND | IN_LISTEN,
	IN_BACK = IN_DEFAULTS | IN_BACKEND | IN_LISTEN,
	IN_PROXY = IN_FRONT | IN_BACK,
	IN_RULES = IN_FRONTEND | IN_BACKEND | IN_LISTEN,
	IN_WATCH = IN_SCRIPT | IN_FILE,
	IN_ANY = IN_GLOBAL | IN_VRRP | IN_WATCH | IN_GROUP | IN_PROXY,

	REPEATS = 1 << 10,      /* may stand in a section more than once */
	TAKES_NO = 1 << 11,     /* `no option X` */

	AS_ANY = 0,             /* only to look for: all of these */
	AS_SECTION = 1 << 12,   /* starts a section */
	AS_LINE = 2 << 12,      /* starts a line */
	AS_OPTION = 3 << 12,    /* behind `option` */
	AS_TIMEOUT = 4 << 12,   /* behind `timeout` */
	AS_HTTP_CHECK = 5 << 12, /* behind `http-check` */
	AS_STATS = 6 << 12,     /* behind `stats` */
	AS_HMAC = 7 << 12,      /* behind `auth_hmac` */
	AS_HTTP_REQUEST = 8 << 12, /* behind `http-request` */
	AS_HTTP_RESPONSE = 9 << 12, /* behind `http-response` */
	AS_HTTP_RULE = 10 << 12, /* behind either */
	AS_TCP_REQUEST = 11 << 12, /* behind `tcp-request` */
	AS_TCP_CHECK = 15 << 12, /* behind `tcp-check` */
	AS_PART = 16 << 12,     /* from here on a part of a line, whose line says where it may stand */
	AS_EXPECT = AS_PART,    /* behind `http-check expect` */
	AS_SERVER = 17 << 12,   /* on a server or default-server line */
	AS_BIND = 18 << 12,     /* on a bind line */
	AS_COOKIE = 19 << 12,   /* on a cookie line */
	AS_VIP = 20 << 12,      /* on a virtual_ipaddress line */
	AS_TRACK = 21 << 12,    /* on a track_... line */
	AS_SOCKET = 22 << 12,   /* on a stats socket line */
	AS_ROUTE = 23 << 12,    /* on a virtual_routes line */
	AS_FETCH = 24 << 12,    /* in a condition, or in %[] */
	AS_ANSWER = 25 << 12,   /* behind `return` and `deny` */
	AS_REDIRECT = 26 << 12, /* behind `redirect` */
	AS_FORWARDFOR = 27 << 12, /* behind `option forwardfor` */
	AS_SEND = 28 << 12,     /* behind `http-check send` */
	AS_CONNECT = 29 << 12,  /* behind `http-check connect` and `tcp-check connect` */
	AS_CONTENT = 30 << 12,  /* behind `tcp-check expect` */
	AS_STICK = 31 << 12,    /* on a stick-table line */
	AS_ALL = 31 << 12,      /* mask */

	/* Of a fetch, in `high` beside sample_use bits: hdr_beg; req.hdr and res.hdr; src_ as well as sc0_. */
	FETCH_SUFFIXES = 16, FETCH_PREFIXES = 32, FETCH_TRACKED = 64,
	USE_MESSAGE = USE_REQUEST | USE_RESPONSE, USE_ANY = USE_CONNECTION | USE_MESSAGE | USE_STREAM,
};
enum send_word { SEND_METHOD, SEND_URI, SEND_VERSION, SEND_BODY };      /* what the text behind it must be */
#define ARGS_ANY LEX_WORDS_MAX          /* as max: however many */

/* Sizes of things; with them the largest file that is accepted fits CONF_ARENA_MAX. */
#define CONF_VRRPS_MAX 64
#define CONF_VIPS_MAX 255               /* of one vrrp section: the packet counts them in a byte; and as many excluded */
#define CONF_ROUTES_MAX 64
#define CONF_PEERS_MAX 32
#define CONF_TRACKS_MAX OUTLOOK_TRACKS_MAX      /* of one vrrp section: each is foretold */
#define CONF_WATCHES_MAX 64             /* of the file */
#define CONF_SYSCTLS_MAX 64
#define CONF_PROXIES_MAX 256
#define CONF_BINDS_MAX 256              /* of the file, like the next one */
#define CONF_SERVERS_MAX 1024
#define CONF_NAME_MAX 63                /* bytes of a name */
#define CONF_ERRORS_MAX 100             /* then reading stops */
#define KEYWORDS_MAX 400

struct parser;
struct keyword;
/* Stores the arguments in the object: struct global_config, vrrp_config, proxy_config; server_config and so
 * on for the words of such a line. */
typedef void keyword_set(struct parser *, const struct keyword *, const struct str *args, uint32_t n,
	void *object);

struct keyword {
	uint32_t where;
	uint8_t min, max;               /* arguments */
	const char *name;
	keyword_set *set;
	uint16_t field, size;           /* in the object; size 0: the setter knows */
	uint32_t low, high, initial;    /* the range; for flags low is the value. Times: ms */
	/* their syntax; behind its NUL stands the help: a pointer a row is a kilobyte */
	const char *arguments;
};

struct parser {
	struct arena *arena;
	struct conf *conf;
	const char *file_name;
	conf_report *report;
	void *context;
	uint32_t error_count;
	uint32_t line;

	uint32_t section;               /* IN_ bit; 0: none yet, or one that is skipped */
	const char *section_word, *section_name;        /* "backend", "web"; name NULL: it has none */
	uint32_t section_line, section_errors;          /* section_errors: error_count when it began */
	void *object;                   /* what its lines fill */
	bool skipping;                  /* an unknown section: its lines are not read */
	uint32_t global_line;           /* 0: no global section yet */
	struct proxy_config *defaults;  /* what the next proxy section starts with */
	struct proxy_config *named;     /* defaults sections that have a name */
	uint32_t defaults_count;

	bool foreign;                   /* this line is for other nodes */
	bool marked;                    /* it has an @ */
	bool negated;                   /* `no option` */
	bool literal;                   /* a % of this rule means itself */
	uint8_t uses;                   /* what samples of this rule may ask: sample_use bits */
	uint32_t marker_line;           /* the first line with an @; 0: none */
	bool marker_matched;            /* one of them was for this node */
	bool braces_reported, crlf_reported;
	const char *handed;             /* what the guard hands over of error files: n and bytes of each; NULL: they are read */
	struct error_file **last_error;
	uint32_t error_bytes;           /* of all error files */
	struct acl *foreign_acls;       /* of this section, on lines for other nodes: only such lines see them */
	struct proxy_ref *refs;         /* backends that lines name */
	uint32_t check_line;            /* of the last http-check or tcp-check rule */
	uint32_t http_mode_line;        /* of the last option that chooses when connections close */
	/* Per row: the line where this node's section last had it. Lines only grow, so what is below section_line
	 * belongs to an earlier section. */
	uint32_t seen[KEYWORDS_MAX];
	uint32_t seen_word[KEYWORDS_MAX];       /* the same within a line */
	struct lex_line words;
	union {                         /* where lines for other nodes go */
		struct global_config global;
		struct vrrp_config vrrp;
		struct proxy_config proxy;
		struct watch_config watch;
		struct group_config group;
	} scratch;
};

/* ---- keywords ---- */

const struct keyword *keyword_table(uint32_t *count);
const char *keyword_help(const struct keyword *);
static inline bool is_http_rule(uint32_t as)
{
	return as == AS_HTTP_REQUEST || as == AS_HTTP_RESPONSE;
}
/* The row is of that context: an AS_ value. */
static inline bool keyword_is(const struct keyword *k, uint32_t as)
{
	uint32_t its = k->where & AS_ALL;

	return as == AS_ANY || its == as || (its == AS_HTTP_RULE && is_http_rule(as));
}
/* The row of this word in this AS_ context, in the given sections or, failing that, in any. NULL: none. */
const struct keyword *keyword_find(uint32_t as, uint32_t sections, struct str word);
/* The row whose name is nearest, at most two edits away; NULL: none. */
const struct keyword *keyword_nearest(uint32_t as, uint32_t sections, struct str word, unsigned *distance);
/* What stands in front of such a word in the file: "option " or "". */
const char *keyword_prefix(const struct keyword *);
/* "a server line", "'option'": where a word of that context stands; NULL: in its section. */
const char *keyword_place(uint32_t as);
const char *section_text(uint32_t in);          /* "vrrp"; of several: "frontend, listen or defaults" */
/* Where it stands, its range if its arguments do not say it, its default: "in vrrp; 10ms to 255s; default: 1s". As
 * text_format(). */
size_t keyword_facts(const struct keyword *, char *out, size_t);
/* What a proxy section has that says nothing. */
void proxy_defaults(struct proxy_config *);
/* Gives an object the defaults of all numbers, times and choices of these rows. */
void keyword_defaults(uint32_t as, uint32_t sections, void *object);
/* Why a word that HAProxy or keepalived knows is not known here; NULL: they do not know it either. */
const char *foreign_reason(uint32_t as, uint32_t sections, struct str word);

/* Its place in "tcp | http" or "kern user", from 1; 0: it is not there. */
uint32_t word_in_list(const char *list, struct str word);

/* ---- conf ---- */

#define CLIPPED(s) (int)(s).n, (s).p    /* for %.*s, of which refuse() and warn() print 64 bytes at most */
void refuse(struct parser *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void refuse_at(struct parser *, uint32_t line, const char *format, ...) __attribute__((format(printf, 3, 4)));
void warn(struct parser *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void warn_at(struct parser *, uint32_t line, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define refuse(p, ...) refuse(p, FORMAT __VA_ARGS__)
#define refuse_at(p, line, ...) refuse_at(p, line, FORMAT __VA_ARGS__)
#define warn(p, ...) warn(p, FORMAT __VA_ARGS__)
#define warn_at(p, line, ...) warn_at(p, line, FORMAT __VA_ARGS__)
/* Checks the number of arguments and that it is not there twice, and calls the setter. */
void keyword_apply(struct parser *, const struct keyword *, const struct str *args, uint32_t n, void *object);
/* The rest of a line: words, each with the arguments that its row asks for. */
void words_apply(struct parser *, uint32_t as, const struct str *words, uint32_t n, void *object);
/* The word is another section's. */
void refuse_elsewhere(struct parser *, const struct keyword *);
/* No row has this word: says so, with what the author may have meant. */
void unknown_word(struct parser *, uint32_t as, struct str word);
/* The line of this section that has the keyword; 0: it has none (or only for other nodes). */
uint32_t line_of(const struct parser *, uint32_t as, const char *name);
/* A copy for good; nothing is kept of a line for another node. */
const char *keep_text(struct parser *, struct str);
void *keep(struct parser *, const void *object, size_t size);

/* ---- set_acl ---- */

/* "hdr_beg(host)": the expression, how its name says that it is compared, and where it can be asked. false: refused. */
bool take_sample(struct parser *, struct str word, struct sample_expr *, uint8_t *match, uint8_t *uses);
/* From `if` or `unless` on. uses: sample_use bits of the place. NULL: refused. */
const struct condition *take_condition(struct parser *, struct proxy_config *, const struct str *words, uint32_t n,
	uint8_t uses);
/* The line names a backend, which may stand below it; keyword for the message if there is none. NULL: refused. */
struct proxy_ref *refer_backend(struct parser *, const char *keyword, struct str name);
/* The same for a stick table; with the name of this section if n is 0, else `table NAME` has to stand there. */
struct proxy_ref *refer_table(struct parser *, const char *keyword, const struct str *words, uint32_t n);

/* ---- set_rule ---- */

/* Where `if` or `unless` stands, from the word `from` on; n: nowhere. */
uint32_t find_condition(const struct str *words, uint32_t n, uint32_t from);
/* A rule at the end of a list; nothing of a line for another node. */
void add_rule(struct parser *, struct rule **list, const struct rule *);

/* ---- verify: what can be said only when a section, or the file, is complete ---- */

void verify_hmac(struct parser *, struct vrrp_config *);
void verify_section(struct parser *);            /* the section ends; section is 0 afterwards */
void verify_file(struct parser *);
void verify_followed(struct parser *, const void *object);       /* a script, file or sync group */
void resolve_groups(struct parser *);            /* before the tracks: members of a group have no weights */
void resolve_tracks(struct parser *, struct vrrp_config *);
struct proxy_config *find_backend(const struct parser *, const char *name);
void refuse_backend(struct parser *, uint32_t line, const char *keyword, const char *name);

/* ---- names of servers ---- */

/* A file of at most max bytes; NULL with errno. */
const char *conf_read_small(struct arena *, const char *path, uint32_t max, uint32_t *n);
const char *conf_read_hosts(struct arena *);    /* its text, of whole lines; "" and errno */
/* The first address that a text like /etc/hosts has for the name. */
bool hosts_find(const char *text, struct str name, struct addr *);

/* ---- setters ---- */

bool looks_like_host(struct str);

bool name_is_good(struct str);                  /* HAProxy's rule: letters, digits and - _ . : */
bool token_is_good(struct str);                 /* RFC 9110 §5.6.2 */
/* These report, and return false. */
bool check_name(struct parser *, const char *what, struct str);
bool take_endpoint(struct parser *, const char *what, struct str, struct endpoint *);
bool take_signed(struct str, int32_t low, int32_t high, int32_t *);
const char *print_ms(uint32_t ms, char out[16]);        /* "1500ms", "2s" */

keyword_set begin_global, begin_vrrp, begin_proxy;
keyword_set set_number, set_seconds, set_ms, set_bytes, set_value, set_choice, set_name, set_path,
	set_interface, set_address;
keyword_set set_family, set_no, set_option_bit;
keyword_set set_node, set_sysctl, set_log, set_user, set_stats_socket, set_mode_bits, set_level;
keyword_set set_hmac_key;
keyword_set set_auth_type, set_auth_pass, set_vip, set_scope, set_route, set_vmac, set_peer;
keyword_set begin_watch, begin_group, set_track, set_track_word, set_weight,
	set_track_weight, set_init_file, set_command, set_notify,
	set_identity, set_members;
keyword_set set_bind, set_server, set_default_server, set_server_cookie, set_balance, set_hash_type,
	set_cookie, set_cookie_domain, set_cookie_attr, set_cookie_time, set_cookie_key,
	set_expect, set_expect_status, set_expect_string, set_redispatch,
	set_http_send, set_send_word, set_send_header, set_tcp_check, set_connect, set_tcp_send, set_tcp_expect, set_tcp_part,
	set_http_mode, set_httpchk, set_proxy_log, set_default_backend;
keyword_set set_tcp_rule, set_stick, set_stick_table, set_stick_store, set_fetch_stick;
keyword_set set_acl, set_fetch, set_fetch_backend, set_use_backend, set_http_rule, set_redirect, set_monitor_fail;
keyword_set set_rule_format, set_rule_string, set_rule_type, set_rule_header, set_rule_replace_path, set_rule_status,
	set_rule_action, set_rule_track, set_rule_answer, set_rule_code, set_rule_redirect;
keyword_set set_forwardfor, set_forwardfor_header, set_forwardfor_except, set_text, set_errorfile;
#endif

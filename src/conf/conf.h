/* SPDX-License-Identifier: MIT
 * The configuration file: text in, constant structures out. guard, worker and `tandem check` run this same
 * code over the same bytes. Every error of the file is reported in one run, as a sentence with file and line;
 * a file with an error yields nothing.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/log.h"
#include "proxy/config.h"
#include "vrrp/config.h"

#define ERRORS_BYTES_MAX (256 * 1024)   /* of all error files */
#define HOSTS_BYTES_MAX 65536           /* of /etc/hosts; what is behind is not seen */
#define CONF_BYTES_MAX (256 * 1024)     /* a larger file is refused */
#define CONF_ARENA_MAX (8u * 1024 * 1024)
#define CONF_PATH_DEFAULT "/etc/tandem.conf"

struct sysctl_config { const char *name, *value; uint32_t line; struct sysctl_config *next; };

struct global_config {
	const char *node;                       /* whose @lines count: -n, else `node`, else the host's name */
	const char *node_origin;                /* "-n", "node" or "the host's name": who said so */
	const char *user, *group, *chroot;      /* user "nobody" */
	const char *stats_socket;               /* NULL: none */
	uint32_t stats_socket_mode;             /* 0600 */
	uint32_t maxconn;                       /* sessions at once; 256 */
	uint32_t buffer_bytes;                  /* tune.bufsize; 16384 */
	struct sysctl_config *sysctls;
	struct log_target log_targets[LOG_TARGETS_MAX];
	uint32_t log_target_count;
	uint32_t memory_line;                   /* of maxconn, else of tune.bufsize; 0: neither is given */
	const char *script_user, *script_group; /* who runs scripts; "nobody" */
};

#define CONF_NODES_MAX 4

struct conf {
	struct global_config global;
	const char *nodes[CONF_NODES_MAX];      /* that lines with an @ name, in the order of the file; the first few */
	uint32_t node_count;
	struct vrrp_config *vrrps;
	uint32_t vrrp_count;
	struct watch_config *watches;           /* vrrp_script and vrrp_track_file */
	struct group_config *groups;            /* vrrp_sync_group */
	uint32_t watch_count, group_count;
	struct proxy_config *proxies;           /* without the defaults sections */
	uint32_t proxy_count, bind_count, server_count, check_count;
	struct error_file *errors;              /* all of them; the guard keeps them for its workers */
	const char *hosts;                      /* the text of /etc/hosts; NULL: no server has a name */
};

enum conf_severity { CONF_ERROR, CONF_WARNING };
/* Called for each finding with a whole sentence: "tandem.conf:14: unknown keyword 'optoin' in backend 'web'
 * (did you mean 'option'?)". */
typedef void conf_report(void *context, enum conf_severity, const char *sentence);

/* What the guard has read and hands over; NULL: it is read where the file asks for it. */
struct conf_handed {
	const char *hosts;                      /* the text of /etc/hosts as it was when the guard started */
	const char *errors;                     /* error files, in the order of the file: n (4 bytes) and the bytes */
};

/* Reads the n bytes of the file called file_name. node: from -n, or NULL. hostname: used where the file names
 * no node. handed: NULL but in a worker. NULL if there was any error. Everything that it returns lives in the arena. */
const struct conf *conf_load(struct arena *, const char *file_name, const char *bytes, uint32_t n, const char *node,
	const char *hostname, const struct conf_handed *handed, conf_report *, void *context);
/* Reads a whole file (at most CONF_BYTES_MAX) into the arena. NULL, with the finding reported, if that cannot
 * be done. */
const char *conf_read(struct arena *, const char *path, uint32_t *n, conf_report *, void *context);
#endif

/* SPDX-License-Identifier: MIT */
/*
 * The CPU quota of the process: how much time in each period its control group, and
 * each group above, may use.
 *
 * /proc/self/cgroup names the own group in each hierarchy, /proc/self/mountinfo says
 * where hierarchies are mounted. The cpu controller is in one of them: in a v1 one if
 * a line says so, else in the v2 one.
 *
 *	/proc/self/cgroup	/proc/self/mountinfo (some fields)	quota, period
 *	4:cpu,cpuacct:/a/b	ROOT DIR ... - cgroup SOURCE rw,cpu	cpu.cfs_quota_us,
 *								cpu.cfs_period_us
 *	0::/a/b			ROOT DIR ... - cgroup2 SOURCE rw	cpu.max
 *
 * A mount shows the hierarchy from its ROOT on: so the group /a/b of a mount with the
 * root /a is DIR/b, and /c is not in it. In a cgroup namespace both names are relative
 * to the namespace's own root, and "/.." is what lies above it; that matches like any
 * other name, but a path that goes up in the mount is refused. Of several mounts that
 * show the group, the one with the shortest root shows most of its ancestors.
 *
 * The way up ends at the mount point. A limit that is set above it is not visible from
 * here; the module sees it, in v2 (gt_config_maxprocs()). What cannot be read or
 * understood limits nothing: kernels without bandwidth control lack the files, and the
 * root group has none.
 *
 * The folder is kept, and found anew when the process is in another group. Rejected:
 * descriptors kept open, as Go does, which stay those of the old group, and which a
 * program that closes all descriptors closes.
 *
 * Source: the kernel's cgroup-v2.rst and proc_pid_mountinfo(5).
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cgroup.h"

#define GT_READ_STEP 4096

/* A file's text, to be freed; NULL: it cannot be read. */
static char *read_text(const char *path)
{
	size_t length = 0, room = 0;
	char *text = NULL, *more;
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	do {
		length += n;
		if (length + 1 >= room) {
			room += GT_READ_STEP;
			more = realloc(text, room);
			if (!more) {
				n = -1;
				break;
			}
			text = more;
		}
		n = read(fd, text + length, room - length - 1);
	} while (n > 0 || (n < 0 && errno == EINTR && !(n = 0)));
	close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[length] = '\0';
	return text;
}

__attribute__((__format__(__printf__, 1, 2))) static char *read_file(const char *format, ...)
{
	char *path, *text;
	va_list ap;
	int length;

	va_start(ap, format);
	length = vasprintf(&path, format, ap);
	va_end(ap);
	if (length < 0)
		return NULL;
	text = read_text(path);
	free(path);
	return text;
}

/* Is word one of those in a comma-separated list? */
static bool has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (!strncmp(list, word, length) && (!list[length] || list[length] == ','))
			return true;
	return false;
}

/* The own group's path by the text of /proc/self/cgroup, which is cut up. Or NULL. */
static char *group_of(char *text, bool *v1)
{
	char *unified = NULL, *line, *save;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *controllers = strchr(line, ':'), *path;

		path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path || path[1] != '/')
			continue;
		*controllers++ = *path++ = '\0';
		if (has_word(controllers, "cpu")) {
			*v1 = true;
			return path;
		}
		if (!strcmp(line, "0") && !*controllers)
			unified = path;
	}
	*v1 = false;
	return unified;
}

/* mountinfo writes bytes that would end a field as a backslash and three octal digits. */
static void unescape(char *text)
{
	char *to = text;

	while (*text) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' &&
		    text[2] >= '0' && text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
			*to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

struct mount {
	char *root, *dir, *type, *options;
};

/* A line of mountinfo, which is cut up. */
static bool parse_mount(char *line, struct mount *mount)
{
	char *rest = strstr(line, " - "), *save, *field;

	if (!rest)
		return false;
	*rest = '\0';
	field = strtok_r(line, " ", &save);
	for (int i = 0; i < 3 && field; i++)	/* mount's number, parent's, device */
		field = strtok_r(NULL, " ", &save);
	mount->root = field;
	mount->dir = field ? strtok_r(NULL, " ", &save) : NULL;
	mount->type = strtok_r(rest + 3, " ", &save);
	mount->options = mount->type && strtok_r(NULL, " ", &save) ? strtok_r(NULL, " ", &save) :
			 NULL;
	if (!mount->dir || !mount->options)
		return false;
	unescape(mount->root);
	unescape(mount->dir);
	return true;
}

/* What of path is below root, "" if it is root itself; NULL: it is not in there. */
static const char *below(const char *path, const char *root)
{
	size_t length = strlen(root);

	if (length == 1)
		length = 0;		/* "/" is above all */
	if (strncmp(path, root, length) || (path[length] && path[length] != '/'))
		return NULL;
	path += length;
	if (!strcmp(path, "/"))
		return "";
	for (const char *up = path; (up = strstr(up, "/..")); up += 3)
		if (!up[3] || up[3] == '/')
			return NULL;
	return path;
}

static void find(struct gt_cgroup *cgroup, const char *root)
{
	char *text = strdup(cgroup->membership), *mounts = read_file("%s/proc/self/mountinfo", root);
	char *path = text ? group_of(text, &cgroup->v1) : NULL, *line, *save;
	size_t shortest = SIZE_MAX;

	line = path && mounts ? strtok_r(mounts, "\n", &save) : NULL;
	for (; line; line = strtok_r(NULL, "\n", &save)) {
		struct mount mount;
		const char *rest;
		char *dir;

		if (!parse_mount(line, &mount) ||
		    strcmp(mount.type, cgroup->v1 ? "cgroup" : "cgroup2") ||
		    (cgroup->v1 && !has_word(mount.options, "cpu")))
			continue;
		rest = below(path, mount.root);
		if (!rest || strlen(mount.root) >= shortest)
			continue;
		if (asprintf(&dir, "%s%s%s", root, mount.dir, rest) < 0)
			break;
		if (access(dir, F_OK)) {
			free(dir);
			continue;
		}
		shortest = strlen(mount.root);
		free(cgroup->dir);
		cgroup->dir = dir;
		cgroup->top = strlen(root) + strlen(mount.dir);
	}
	free(text);
	free(mounts);
}

/* quota / period, rounded up; 0 for "max", -1, and what is no number. */
static int cpus_of(const char *quota, const char *period)
{
	unsigned long long q, p;

	if (!isdigit((unsigned char)*quota) || !isdigit((unsigned char)*period))
		return 0;
	q = strtoull(quota, NULL, 10);
	p = strtoull(period, NULL, 10);
	if (!q || !p)
		return 0;
	q = q / p + (q % p != 0);
	return q < INT_MAX ? (int)q : INT_MAX;
}

static int limit_v1(const char *dir)
{
	char *quota = read_file("%s/cpu.cfs_quota_us", dir);
	char *period = read_file("%s/cpu.cfs_period_us", dir);
	int cpus = quota && period ? cpus_of(quota, period) : 0;

	free(quota);
	free(period);
	return cpus;
}

static int limit_v2(const char *dir)
{
	char *text = read_file("%s/cpu.max", dir);
	int cpus = text ? cpus_of(text, text + strcspn(text, " ") + !!strchr(text, ' ')) : 0;

	free(text);
	return cpus;
}

int gt_cgroup_cpus(struct gt_cgroup *cgroup, const char *root)
{
	char *membership = read_file("%s/proc/self/cgroup", root), *dir, *end;
	int least = 0;

	if (!membership)
		return 0;
	if (!cgroup->membership || strcmp(membership, cgroup->membership) ||
	    (cgroup->dir && access(cgroup->dir, F_OK))) {
		gt_cgroup_end(cgroup);
		cgroup->membership = membership;
		find(cgroup, root);
	} else {
		free(membership);
	}
	dir = cgroup->dir ? strdup(cgroup->dir) : NULL;
	for (end = dir ? dir + strlen(dir) : NULL; end; end = strrchr(dir, '/')) {
		int cpus;

		if ((size_t)(end - dir) < cgroup->top)
			break;
		*end = '\0';
		cpus = cgroup->v1 ? limit_v1(dir) : limit_v2(dir);
		if (cpus && (!least || cpus < least))
			least = cpus;
	}
	free(dir);
	return least;
}

void gt_cgroup_end(struct gt_cgroup *cgroup)
{
	free(cgroup->membership);
	free(cgroup->dir);
	*cgroup = (struct gt_cgroup){ 0 };
}

// SPDX-License-Identifier: MIT
/* Files that are read whole: see file.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

/* Files of /proc have no size to go by. */
static char *slurp(const char *path, size_t *len)
{
	size_t size = 4096;
	char *buf = malloc(size), *more;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	int err;

	*len = 0;
	while (fd >= 0 && buf && (n = read(fd, buf + *len, size - *len - 1)) > 0) {
		*len += n;
		if (*len < size / 2)
			continue;
		size *= 2;
		more = realloc(buf, size);
		if (!more)
			free(buf);
		buf = more;
	}
	err = errno;
	if (fd >= 0)
		close(fd);
	if (!buf || n < 0) {
		free(buf);
		errno = err;
		return NULL;
	}
	buf[*len] = '\0';
	return buf;
}

char *file_text(const char *path)
{
	size_t len;

	return slurp(path, &len);
}

char **file_strings(const char *path)
{
	size_t len, count = 0, i = 0;
	char *buf = slurp(path, &len), *p;
	char **vec;

	if (!buf)
		return NULL;
	for (p = buf; p < buf + len; p += strlen(p) + 1)
		count++;
	vec = calloc(count + 1, sizeof(*vec));
	for (p = buf; vec && p < buf + len; p += strlen(p) + 1)
		vec[i++] = p;
	return vec;
}

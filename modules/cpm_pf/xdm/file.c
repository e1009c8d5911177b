/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * Documents from files. Read at once: a local folder does not make one wait.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "url.h"

#define PIECE 65536

static bool path_of(struct cpm_slice url, char *path)
{
	struct cpm_buf b;

	cpm_buf_init_fixed(&b, path, URL_MAX);
	url_add_path(&b, url);
	return !b.rc;
}

bool file_root_exists(const struct xdm_config *config)
{
	char path[URL_MAX];
	struct stat st;

	return path_of(cpm_slice_of(config->root), path) && stat(path, &st) == 0 && S_ISDIR(st.st_mode)
		   && access(path, R_OK | X_OK) == 0;
}

static void add_validator(struct cpm_buf *b, const struct stat *st)
{
	cpm_buf_add_char(b, '"');
	cpm_buf_add_i64(b, st->st_mtim.tv_sec);
	cpm_buf_add_char(b, '.');
	cpm_buf_add_i64(b, st->st_mtim.tv_nsec);
	cpm_buf_add_char(b, '-');
	cpm_buf_add_i64(b, st->st_size);
	cpm_buf_add_char(b, '"');
}

static enum fetch_outcome fail(enum xdm_failure failure, enum xdm_failure *why)
{
	*why = failure;
	return FETCH_FAILED;
}

static enum fetch_outcome read_all(struct fetch *f, int fd, enum xdm_failure *failure)
{
	char piece[PIECE];
	ssize_t n;

	while((n = read(fd, piece, sizeof(piece))) > 0) {
		cpm_buf_add(&f->body, (struct cpm_slice){piece, (size_t)n});
		if(f->body.rc)
			return fail(f->body.rc == CPM_LIMIT ? XDM_TOO_LARGE : XDM_NO_MEMORY, failure);
	}
	return n == 0 ? FETCH_HERE : fail(XDM_BROKEN, failure);
}

enum fetch_outcome file_read(
		struct fetch *f, const struct xdm_config *config, enum xdm_failure *failure)
{
	enum fetch_outcome outcome;
	char path[URL_MAX];
	struct stat st;
	int fd;

	if(!path_of(cpm_slice_of(f->url), path))
		return FETCH_ABSENT;
	/* Without O_NONBLOCK a pipe put there would hold the process up. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if(fd < 0) {
		f->detail = errno == EACCES ? "no permission" : "cannot be opened";
		if(errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG)
			return fail(XDM_BROKEN, failure);
		return file_root_exists(config) ? FETCH_ABSENT : fail(XDM_UNREACHABLE, failure);
	}
	if(fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		f->detail = "not a file";
		close(fd);
		return fail(XDM_BROKEN, failure);
	}
	add_validator(&f->etag, &st);
	if(cpm_slice_eq(f->validator, cpm_buf_slice(&f->etag)))
		outcome = FETCH_SAME;
	else
		outcome = read_all(f, fd, failure);
	close(fd);
	return outcome;
}

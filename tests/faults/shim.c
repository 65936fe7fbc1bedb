/* Kills the process at its n-th write, rename or fsync inside one folder, or lets the disk be full from there on.

   Loaded with LD_PRELOAD and armed by kill_points.py, after everything is imported. Linux only: it asks /proc which
   file a descriptor belongs to. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BEFORE = 0, HALF = 1, FULL = 2 };

static char folder[4096];
static int last = 0, mode = BEFORE, seen = 0;

/* Start to count; `at` 0 only counts. */
void arm(const char *inside, int at, int how) {
    strncpy(folder, inside, sizeof folder - 1);
    last = at;
    mode = how;
    seen = 0;
}

int points(void) { return seen; }

static int is_inside(const char *path) { return folder[0] && strncmp(path, folder, strlen(folder)) == 0; }

static int is_inside_fd(int fd) {
    char link[64], path[4096];
    if (!folder[0])
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_inside(path);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Whether this point is the one; does not return where it kills. */
static int reached(void) {
    seen++;
    if (!last || (mode == FULL ? seen < last : seen != last))
        return 0;
    if (mode == BEFORE)
        die();
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t size) {
    if (is_inside_fd(fd) && reached()) {
        if (mode == FULL) {
            errno = ENOSPC;
            return -1;
        }
        REAL(write)(fd, data, size / 2);
        die();
    }
    return REAL(write)(fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (is_inside_fd(fd) && reached() && mode == FULL) {
        errno = ENOSPC;
        return -1;
    }
    return REAL(writev)(fd, parts, count);
}

/* A full disk may show only here. */
int fsync(int fd) {
    if (is_inside_fd(fd) && reached() && mode == FULL) {
        errno = ENOSPC;
        return -1;
    }
    return REAL(fsync)(fd);
}

/* A rename needs no room, so it goes through on a full disk. */
int rename(const char *from, const char *to) {
    if (is_inside(from))
        reached();
    return REAL(rename)(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    if (is_inside(from))
        reached();
    return REAL(renameat)(from_folder, from, to_folder, to);
}

int unlink(const char *path) {
    if (is_inside(path) && mode != FULL)
        reached();
    return REAL(unlink)(path);
}

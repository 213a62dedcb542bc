/* A disk that fails when it is told to (LD_PRELOAD).
 *
 *   FAULTS  a file that holds a struct control; whoever maps it too arms and disarms the disk while the process runs
 *
 * A call fails with `error` instead of being made when it is of an armed kind, its file's path ends with `path` (or
 * holds it, where it ends in a slash), and `after` such calls have been let through; `times` of them fail (0: all).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { READ = 1, WRITE = 2, SYNC = 4, OPEN = 8 };

struct control { uint32_t kinds, error, after, times, failed; char path[108]; };

static struct control *control;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("FAULTS");
    int fd = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) control = map;
    syscall(SYS_close, fd);
}

static int meant(const char *path) {
    size_t have = strlen(path), want = strlen(control->path);
    if (want && control->path[want - 1] == '/') return strstr(path, control->path) != NULL;
    return have >= want && !strcmp(path + have - want, control->path);
}

static int fails(const char *path) {
    if (!meant(path)) return 0;
    if (control->after) { __atomic_fetch_sub(&control->after, 1, __ATOMIC_SEQ_CST); return 0; }
    if (control->times && control->failed >= control->times) return 0;
    __atomic_fetch_add(&control->failed, 1, __ATOMIC_SEQ_CST);
    errno = (int)control->error;
    return 1;
}

static int fd_fails(uint32_t kind, int fd) {
    char link[40], path[PATH_MAX];
    if (!control || !(control->kinds & kind)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return fails(path);
}

static int open_fails(const char *path, int flags) {
    if (!control || !(control->kinds & OPEN) || !(flags & (O_WRONLY | O_RDWR | O_CREAT))) return 0;
    return fails(path);
}

ssize_t read(int fd, void *data, size_t size) { return fd_fails(READ, fd) ? -1 : syscall(SYS_read, fd, data, size); }
ssize_t pread64(int fd, void *data, size_t size, off64_t at) {
    return fd_fails(READ, fd) ? -1 : syscall(SYS_pread64, fd, data, size, at);
}
ssize_t pread(int fd, void *data, size_t size, off_t at) { return pread64(fd, data, size, at); }
ssize_t write(int fd, const void *data, size_t size) {
    return fd_fails(WRITE, fd) ? -1 : syscall(SYS_write, fd, data, size);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    return fd_fails(WRITE, fd) ? -1 : syscall(SYS_pwrite64, fd, data, size, at);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }
int ftruncate64(int fd, off64_t size) { return fd_fails(WRITE, fd) ? -1 : (int)syscall(SYS_ftruncate, fd, size); }
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
int fsync(int fd) { return fd_fails(SYNC, fd) ? -1 : (int)syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return fd_fails(SYNC, fd) ? -1 : (int)syscall(SYS_fdatasync, fd); }

static int open_at(int dir, const char *path, int flags, mode_t mode) {
    return open_fails(path, flags) ? -1 : (int)syscall(SYS_openat, dir, path, flags, mode);
}
#define MODE va_list rest; va_start(rest, flags); mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; va_end(rest)
int open(const char *path, int flags, ...) { MODE; return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE; return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE; return open_at(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE; return open_at(dir, path, flags | O_LARGEFILE, mode); }

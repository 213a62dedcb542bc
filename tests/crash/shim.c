/* A recorder of what a process does to the files below one directory (LD_PRELOAD).
 *
 *   CRASH_ROOT  the directory, absolute and without symbolic links
 *   CRASH_LOG   where the record is appended, outside of it
 *
 * Each call that changes a file or a name, or syncs, is made and then written down under one lock, so that the record
 * has the order that the kernel saw. What cannot be written down truthfully (a shared writable mapping, sendfile into a
 * file ...) is recorded as 'X', and the reader refuses the record. A JSON-RPC answer that leaves through a socket is
 * recorded as 'B', at the instant at which it leaves. Record: struct head, path, second path, data.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct head { uint32_t op, path, other, pad; int64_t offset, size; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_length;
static int log_fd = -1;

static void note(char op, const char *path, const char *other, int64_t offset, const void *data, size_t size);

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

__attribute__((constructor)) static void start(void) {
    const char *wanted = getenv("CRASH_ROOT"), *log = getenv("CRASH_LOG");
    if (!wanted || !log || !realpath(wanted, root)) return;
    root_length = strlen(root);
    int fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    log_fd = fcntl(fd, F_DUPFD_CLOEXEC, 700);
    syscall(SYS_close, fd);
    unsetenv("LD_PRELOAD");
}

static int inside(const char *path) {
    return log_fd >= 0 && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

/* The path of an open file below the root; 0 for any other, for one that has lost its name, and for SQLite's -shm. */
static int path_of(int fd, char *path) {
    char link[40];
    if (log_fd < 0 || fd < 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    if (!inside(path)) return 0;
    if (length > 10 && !strcmp(path + length - 10, " (deleted)")) return 0;
    return !(length > 4 && !strcmp(path + length - 4, "-shm"));
}

/* The path that a name means, its directory without symbolic links; 0 for one that is not below the root. */
static int path_at(int dir, const char *name, char *path) {
    char given[PATH_MAX * 2], at[PATH_MAX], folder[PATH_MAX];
    if (log_fd < 0) return 0;
    if (name[0] == '/') snprintf(given, sizeof given, "%s", name);
    else {
        if (dir == AT_FDCWD) { if (!getcwd(at, sizeof at)) return 0; }
        else {
            char link[40];
            snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
            ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, at, PATH_MAX - 1);
            if (length <= 0) return 0;
            at[length] = 0;
        }
        snprintf(given, sizeof given, "%s/%s", at, name);
    }
    char *slash = strrchr(given, '/');
    *slash = 0;
    if (!realpath(*given ? given : "/", folder)) return 0;
    if (snprintf(path, PATH_MAX, "%s/%s", folder, slash + 1) >= PATH_MAX || !inside(path)) return 0;
    size_t length = strlen(path);
    return !(length > 4 && !strcmp(path + length - 4, "-shm"));
}

static void note(char op, const char *path, const char *other, int64_t offset, const void *data, size_t size) {
    int before = errno;
    const char *a = path + root_length, *b = other ? other + root_length : "";
    struct head head = {(uint32_t)op, (uint32_t)strlen(a), (uint32_t)strlen(b), 0, offset, (int64_t)size};
    struct iovec parts[4] = {{&head, sizeof head}, {(void *)a, head.path}, {(void *)b, head.other}, {(void *)data, size}};
    ssize_t wanted = (ssize_t)(sizeof head + head.path + head.other + size);
    if (syscall(SYS_writev, log_fd, parts, 4) != wanted) abort();
    errno = before;
}

static void unsupported(int fd, const char *what) {
    char path[PATH_MAX];
    if (!path_of(fd, path)) return;
    pthread_mutex_lock(&lock);
    note('X', path, NULL, 0, what, strlen(what));
    pthread_mutex_unlock(&lock);
}

/* -- opening */

static int open_at(int dir, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    struct stat found;
    int ours = (flags & (O_CREAT | O_TRUNC)) && !((flags & O_TMPFILE) == O_TMPFILE) && path_at(dir, name, path);
    if (ours) pthread_mutex_lock(&lock);
    int existed = ours && !lstat(path, &found);
    int fd = syscall(SYS_openat, dir, name, flags, mode);
    if (ours && fd >= 0) {
        if (!existed) note('C', path, NULL, 0, NULL, 0);
        else if (flags & O_TRUNC) note('T', path, NULL, 0, NULL, 0);
    }
    if (ours) pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }

int open(const char *name, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, name, flags | O_LARGEFILE, mode); }
int openat(int dir, const char *name, int flags, ...) { MODE(flags) return open_at(dir, name, flags, mode); }
int openat64(int dir, const char *name, int flags, ...) { MODE(flags) return open_at(dir, name, flags | O_LARGEFILE, mode); }
int creat(const char *name, mode_t mode) { return open_at(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *name, mode_t mode) { return creat(name, mode); }

/* -- data */

static void answer(const void *data, size_t size) {
    static const char begin[] = "{\"jsonrpc\"";
    if (log_fd < 0 || size < sizeof begin || memcmp(data, begin, sizeof begin - 1)) return;
    pthread_mutex_lock(&lock);
    note('B', root, NULL, 0, data, size);
    pthread_mutex_unlock(&lock);
}

ssize_t write(int fd, const void *data, size_t size) {
    char path[PATH_MAX];
    if (!path_of(fd, path)) {
        answer(data, size);
        return syscall(SYS_write, fd, data, size);
    }
    pthread_mutex_lock(&lock);
    ssize_t done = syscall(SYS_write, fd, data, size);
    if (done > 0) note('W', path, NULL, lseek(fd, 0, SEEK_CUR) - done, data, (size_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    char path[PATH_MAX];
    if (!path_of(fd, path)) return syscall(SYS_pwrite64, fd, data, size, offset);
    pthread_mutex_lock(&lock);
    ssize_t done = syscall(SYS_pwrite64, fd, data, size, offset);
    if (done > 0) note('W', path, NULL, offset, data, (size_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return pwrite64(fd, data, size, offset); }

int ftruncate64(int fd, off64_t size) {
    char path[PATH_MAX];
    if (!path_of(fd, path)) return syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_ftruncate, fd, size);
    if (!result) note('T', path, NULL, size, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int truncate64(const char *name, off64_t size) {
    char path[PATH_MAX];
    if (!path_at(AT_FDCWD, name, path)) return syscall(SYS_truncate, name, size);
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_truncate, name, size);
    if (!result) note('T', path, NULL, size, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
int truncate(const char *name, off_t size) { return truncate64(name, size); }

static int sync_fd(long number, int fd) {
    char path[PATH_MAX];
    struct stat found;
    if (!path_of(fd, path)) return syscall(number, fd);
    pthread_mutex_lock(&lock);
    int result = syscall(number, fd);
    if (!result && !fstat(fd, &found)) note(S_ISDIR(found.st_mode) ? 'D' : 'S', path, NULL, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
int fsync(int fd) { return sync_fd(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_fd(SYS_fdatasync, fd); }

/* -- names */

static int named(char op, long number, int dir, const char *name, long extra) {
    char path[PATH_MAX];
    int ours = path_at(dir, name, path);
    if (ours) pthread_mutex_lock(&lock);
    int result = syscall(number, dir, name, extra);
    if (ours && !result) note(op, path, NULL, 0, NULL, 0);
    if (ours) pthread_mutex_unlock(&lock);
    return result;
}
int unlink(const char *name) { return named('U', SYS_unlinkat, AT_FDCWD, name, 0); }
int unlinkat(int dir, const char *name, int flags) { return named('U', SYS_unlinkat, dir, name, flags); }
int rmdir(const char *name) { return named('U', SYS_unlinkat, AT_FDCWD, name, AT_REMOVEDIR); }
int remove(const char *name) {
    int result = unlink(name);
    return result && errno == EISDIR ? rmdir(name) : result;
}
int mkdir(const char *name, mode_t mode) { return named('M', SYS_mkdirat, AT_FDCWD, name, mode); }
int mkdirat(int dir, const char *name, mode_t mode) { return named('M', SYS_mkdirat, dir, name, mode); }

static int moved(char op, long number, int from, const char *old, int to, const char *new, unsigned flags) {
    char a[PATH_MAX], b[PATH_MAX];
    int first = path_at(from, old, a), second = path_at(to, new, b);
    if (first || second) pthread_mutex_lock(&lock);
    int result = syscall(number, from, old, to, new, flags);
    if (first && second && !result) note(flags && op == 'R' ? 'X' : op, a, b, 0, NULL, 0);
    else if ((first || second) && !result) note('X', first ? a : b, NULL, 0, "rename across", 13);
    if (first || second) pthread_mutex_unlock(&lock);
    return result;
}
int rename(const char *a, const char *b) { return moved('R', SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 0); }
int renameat(int f, const char *a, int t, const char *b) { return moved('R', SYS_renameat2, f, a, t, b, 0); }
int renameat2(int f, const char *a, int t, const char *b, unsigned g) { return moved('R', SYS_renameat2, f, a, t, b, g); }
int link(const char *a, const char *b) { return moved('L', SYS_linkat, AT_FDCWD, a, AT_FDCWD, b, 0); }
int linkat(int f, const char *a, int t, const char *b, int g) { return moved('L', SYS_linkat, f, a, t, b, (unsigned)g); }

/* -- answers */

ssize_t send(int fd, const void *data, size_t size, int flags) {
    answer(data, size);
    return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    for (size_t n = 0; n < message->msg_iovlen; n++) answer(message->msg_iov[n].iov_base, message->msg_iov[n].iov_len);
    return syscall(SYS_sendmsg, fd, message, flags);
}

/* -- what the record does not understand */

ssize_t writev(int fd, const struct iovec *parts, int count) {
    unsupported(fd, "writev");
    for (int n = 0; n < count; n++) answer(parts[n].iov_base, parts[n].iov_len);
    return syscall(SYS_writev, fd, parts, count);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    unsupported(fd, "pwritev");
    REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
    return real(fd, parts, count, offset);
}
ssize_t sendfile64(int out, int in, off64_t *offset, size_t count) {
    unsupported(out, "sendfile");
    return syscall(SYS_sendfile, out, in, offset, count);
}
ssize_t sendfile(int out, int in, off_t *offset, size_t count) { return sendfile64(out, in, offset, count); }
ssize_t copy_file_range(int in, off64_t *a, int out, off64_t *b, size_t size, unsigned flags) {
    unsupported(out, "copy_file_range");
    return syscall(SYS_copy_file_range, in, a, out, b, size, flags);
}
int fallocate64(int fd, int mode, off64_t offset, off64_t size) {
    unsupported(fd, "fallocate");
    return syscall(SYS_fallocate, fd, mode, offset, size);
}
int fallocate(int fd, int mode, off_t offset, off_t size) { return fallocate64(fd, mode, offset, size); }
int posix_fallocate64(int fd, off64_t offset, off64_t size) { return fallocate64(fd, 0, offset, size) ? errno : 0; }
int posix_fallocate(int fd, off_t offset, off_t size) { return posix_fallocate64(fd, offset, size); }
void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset) {
    if (fd >= 0 && (flags & MAP_SHARED) && (protection & PROT_WRITE)) unsupported(fd, "mmap");
    return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}
void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    return mmap64(at, size, protection, flags, fd, offset);
}

/* Preloaded into a daemon under measurement: counts syncs and written bytes in a shared file, and may make each sync
   slow (an SD card). BENCH_COUNTERS names a file of six 64-bit counters: fsync+fdatasync, of these on -wal files, bytes,
   nanoseconds inside syncs, and two spare. BENCH_SYNC_MS adds milliseconds to each sync. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static uint64_t *counters, spare[6];
static long delay_ms;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("BENCH_COUNTERS"), *ms = getenv("BENCH_SYNC_MS");
    counters = spare;
    delay_ms = ms ? atol(ms) : 0;
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *map = mmap(NULL, sizeof spare, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map != MAP_FAILED) counters = map;
        close(fd);
    }
}

static void add(int which, uint64_t n) { __atomic_fetch_add(&counters[which], n, __ATOMIC_RELAXED); }

static int synced(int (*real)(int), int fd)
{
    char link[64], name[512];
    struct timespec a, b, pause = {delay_ms / 1000, delay_ms % 1000 * 1000000};
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name, sizeof name);
    clock_gettime(CLOCK_MONOTONIC, &a);
    int result = real(fd);
    if (delay_ms) nanosleep(&pause, NULL);
    clock_gettime(CLOCK_MONOTONIC, &b);
    add(0, 1);
    if (n > 4 && !memcmp(name + n - 4, "-wal", 4)) add(1, 1);
    add(3, (b.tv_sec - a.tv_sec) * 1000000000ull + b.tv_nsec - a.tv_nsec);
    return result;
}

int fsync(int fd)
{
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return synced(real, fd);
}

int fdatasync(int fd)
{
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return synced(real, fd);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real) real = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    add(2, size);
    return real(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }

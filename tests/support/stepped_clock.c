/* The system's time with a lead that a test sets while the program runs; the monotonic clock is left alone.
 * Preloaded (LD_PRELOAD). STEPPED_CLOCK_FILE is a file of eight bytes: the lead in milliseconds, as int64. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000

static const volatile int64_t no_lead_ms = 0;
static const volatile int64_t *lead_ms = &no_lead_ms;
static int (*real_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    if (real_gettime) return;
    real_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *path = getenv("STEPPED_CLOCK_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) lead_ms = page;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    if (!real_gettime) begin();
    int failed = real_gettime(clock, at);
    if (failed || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return failed;
    int64_t lead = *lead_ms;
    at->tv_sec += lead / 1000;
    at->tv_nsec += lead % 1000 * (SECOND_NS / 1000);
    if (at->tv_nsec < 0) {
        at->tv_nsec += SECOND_NS;
        at->tv_sec--;
    }
    if (at->tv_nsec >= SECOND_NS) {
        at->tv_nsec -= SECOND_NS;
        at->tv_sec++;
    }
    return 0;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

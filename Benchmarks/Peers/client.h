/* What the clients in C and C++ share: the command line, which is that of every client, and the report. */
#pragma once
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    const char *workload, *path, *ca, *messages;
    bool tls, resume, deflate;
    char host[64];
    int port;
    uint64_t size, count, window, connections;
    double seconds;
} options_t;

static inline void die(const char *what) {
    fprintf(stderr, "client: %s\n", what);
    exit(1);
}

static inline options_t options_read(int argc, char **argv) {
    enum { WORKLOAD, URL, CA, MESSAGES, SIZE, COUNT, WINDOW, CONNECTIONS, SECONDS, RESUME, DEFLATE };
    static const struct option names[] = {
        {"workload", 1, NULL, WORKLOAD}, {"url", 1, NULL, URL},       {"ca", 1, NULL, CA},
        {"messages", 1, NULL, MESSAGES}, {"size", 1, NULL, SIZE},     {"count", 1, NULL, COUNT},
        {"window", 1, NULL, WINDOW},     {"connections", 1, NULL, CONNECTIONS},
        {"seconds", 1, NULL, SECONDS},   {"resume", 0, NULL, RESUME}, {"deflate", 0, NULL, DEFLATE},
        {NULL, 0, NULL, 0}};
    options_t options;
    memset(&options, 0, sizeof options);
    options.window = options.connections = 1;
    const char *url = NULL;
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) switch (option) {
        case WORKLOAD: options.workload = optarg; break;
        case URL: url = optarg; break;
        case CA: options.ca = optarg; break;
        case MESSAGES: options.messages = optarg; break;
        case SIZE: options.size = strtoull(optarg, NULL, 10); break;
        case COUNT: options.count = strtoull(optarg, NULL, 10); break;
        case WINDOW: options.window = strtoull(optarg, NULL, 10); break;
        case CONNECTIONS: options.connections = strtoull(optarg, NULL, 10); break;
        case SECONDS: options.seconds = strtod(optarg, NULL); break;
        case RESUME: options.resume = true; break;
        case DEFLATE: options.deflate = true; break;
        default: exit(64);
        }
    char scheme[8];
    int read = 0;
    if (!options.workload || !url || sscanf(url, "%7[a-z]://%63[^:]:%d%n", scheme, options.host, &options.port, &read) != 3)
        die("--workload and --url SCHEME://HOST:PORT/PATH are needed");
    options.tls = strcmp(scheme, "wss") == 0;
    options.path = url + read;
    return options;
}

/* A workload that this client does not have. */
static inline void unsupported(void) { exit(77); }

static inline uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static inline double resident_kib(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long total, resident;
    if (!file || fscanf(file, "%lu %lu", &total, &resident) != 2) die("/proc/self/statm cannot be read");
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* What is measured, from `measure_begin` to `measure_end`. */
static struct {
    uint64_t begin, end;
    double cpu_begin, cpu_end, kib_per_connection;
    uint32_t *latencies;
    size_t latency_count, latency_capacity;
} measured;

static inline void measure_begin(void) {
    measured.cpu_begin = cpu_seconds();
    measured.begin = now_ns();
}

static inline void measure_end(void) {
    measured.end = now_ns();
    measured.cpu_end = cpu_seconds();
}

static inline void measure_latency(uint64_t ns) {
    if (measured.latency_count == measured.latency_capacity) {
        measured.latency_capacity = measured.latency_capacity ? measured.latency_capacity * 2 : 4096;
        measured.latencies = (uint32_t *)realloc(measured.latencies, measured.latency_capacity * sizeof(uint32_t));
    }
    measured.latencies[measured.latency_count++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static inline int compare_latencies(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static inline void report(uint64_t messages) {
    printf("{\"messages\": %llu, \"seconds\": %.6f, \"cpu_seconds\": %.6f", (unsigned long long)messages,
           (double)(measured.end - measured.begin) / 1e9, measured.cpu_end - measured.cpu_begin);
    /* The first tenth is for warming up. */
    size_t skipped = measured.latency_count / 10, count = measured.latency_count - skipped;
    if (count > 0) {
        uint32_t *latencies = measured.latencies + skipped;
        qsort(latencies, count, sizeof *latencies, compare_latencies);
        printf(", \"p50_us\": %.3f, \"p99_us\": %.3f", latencies[count / 2] / 1e3, latencies[count * 99 / 100] / 1e3);
    }
    if (measured.kib_per_connection != 0) printf(", \"kib_per_connection\": %.3f", measured.kib_per_connection);
    printf("}\n");
    fflush(stdout);
}

/* The payload of all binary messages: the server and every client check it. */
static inline uint8_t pattern(uint64_t position) { return (uint8_t)('a' + position % 26); }

static inline uint8_t *pattern_payload(uint64_t size) {
    uint8_t *payload = (uint8_t *)malloc(size + 1);
    for (uint64_t i = 0; i < size; i++) payload[i] = pattern(i);
    return payload;
}

static inline void check_payload(const uint8_t *payload, uint64_t length, uint64_t size) {
    if (length != size || (size > 0 && (payload[0] != pattern(0) || payload[size - 1] != pattern(size - 1))))
        die("a message with a wrong payload");
}

static inline void check_done(const char *text, size_t length, const options_t *options) {
    char expected[64];
    int expected_length = snprintf(expected, sizeof expected, "done %llu %llu", (unsigned long long)options->count,
                                   (unsigned long long)(options->count * options->size));
    if (length != (size_t)expected_length || memcmp(expected, text, length) != 0) die("the server counted otherwise");
}

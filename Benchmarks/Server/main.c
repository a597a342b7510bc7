/* Prints its ports as one line of JSON, and serves until standard input ends. */
#include "server.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

int poll_descriptor;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int listen_on_loopback(int *port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) fail("socket");
    if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 4096) != 0) fail("listen");
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) fail("getsockname");
    *port = ntohs(address.sin_port);
    return fd;
}

static SSL_CTX *tls_context(const char *chain, const char *key) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || SSL_CTX_use_certificate_chain_file(context, chain) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "server: cannot use %s and %s\n", chain, key);
        exit(1);
    }
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    /* Several records for one read(2). */
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 128 << 10);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"bench", 5);
    /* Tickets carry the sessions: nothing is to be kept here. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return context;
}

static void watch(int fd, void *token) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = token};
    if (epoll_ctl(poll_descriptor, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

int main(int argc, char **argv) {
    const char *chain = NULL, *key = NULL, *messages = NULL;
    static const struct option options[] = {{"certificate", required_argument, NULL, 'c'},
                                            {"key", required_argument, NULL, 'k'},
                                            {"messages", required_argument, NULL, 'm'},
                                            {0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'c') chain = optarg;
        else if (option == 'k') key = optarg;
        else if (option == 'm') messages = optarg;
        else return 64;
    }
    if (chain == NULL || key == NULL || messages == NULL) {
        fprintf(stderr, "usage: server --certificate PEM --key PEM --messages FILE\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    /* Large buffers come and go: not by mmap(2) and page faults each time. */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    workloads_load(messages);
    SSL_CTX *tls = tls_context(chain, key);
    if ((poll_descriptor = epoll_create1(EPOLL_CLOEXEC)) < 0) fail("epoll_create1");

    int ports[2], listeners[2], timer;
    for (int i = 0; i < 2; i++) {
        listeners[i] = listen_on_loopback(&ports[i]);
        watch(listeners[i], &listeners[i]);
    }
    if ((timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) < 0) fail("timerfd_create");
    struct itimerspec every = {.it_interval.tv_nsec = 5000000, .it_value.tv_nsec = 5000000};
    if (timerfd_settime(timer, 0, &every, NULL) != 0) fail("timerfd_settime");
    watch(timer, &timer);
    watch(STDIN_FILENO, &poll_descriptor);
    printf("{\"ws\": %d, \"wss\": %d}\n", ports[0], ports[1]);
    fflush(stdout);

    for (struct epoll_event events[512];;) {
        int count = epoll_wait(poll_descriptor, events, 512, -1);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < count; i++) {
            void *token = events[i].data.ptr;
            uint64_t ticks;
            if (token == &poll_descriptor) {
                char byte;
                if (read(STDIN_FILENO, &byte, 1) <= 0) return 0;
            } else if (token == &timer) {
                if (read(timer, &ticks, sizeof ticks) == sizeof ticks) workload_tick();
            } else if (token == &listeners[0] || token == &listeners[1]) {
                int listener = *(int *)token;
                while (connection_accept(listener, token == &listeners[1] ? tls : NULL) != NULL) continue;
            } else {
                connection_event(token, events[i].events);
            }
        }
    }
}

#include "server.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 256 << 10, TURNS = 16 };
/* What a client may leave unread before this side stops reading: all that the workloads have in flight, and more. */
static const size_t out_limit = 64 << 20;
static uint8_t read_buffer[READ_SIZE];
/* Plain bytes on their way into TLS: one for all, as it is empty between events. */
static struct buffer scratch;

/* TLS reads from the socket and writes into `out`, so that many records go out with one send(2). */
static int tls_write(BIO *bio, const char *bytes, int length) {
    struct connection *connection = BIO_get_data(bio);
    buffer_append(&connection->out, bytes, (size_t)length);
    return length;
}

static int tls_read(BIO *bio, char *bytes, int length) {
    struct connection *connection = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t count = recv(connection->fd, bytes, (size_t)length, 0);
    if (count < 0 && errno == EAGAIN) BIO_set_retry_read(bio);
    return (int)count;
}

static long tls_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO *tls_bio(struct connection *connection) {
    static BIO_METHOD *method;
    if (method == NULL) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
        BIO_meth_set_write(method, tls_write);
        BIO_meth_set_read(method, tls_read);
        BIO_meth_set_ctrl(method, tls_control);
    }
    BIO *bio = BIO_new(method);
    BIO_set_data(bio, connection);
    BIO_set_init(bio, 1);
    return bio;
}

struct connection *connection_accept(int listener, SSL_CTX *tls) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0) {
        if (errno != EAGAIN) perror("server: accept4");
        return NULL;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) abort();
    connection->fd = fd;
    connection->phase = tls ? PHASE_HANDSHAKE : PHASE_REQUEST;
    if (tls) {
        connection->ssl = SSL_new(tls);
        BIO *bio = tls_bio(connection);
        SSL_set_bio(connection->ssl, bio, bio);
        SSL_set_accept_state(connection->ssl);
    }
    connection->events = EPOLLIN;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(poll_descriptor, EPOLL_CTL_ADD, fd, &event) != 0) abort();
    return connection;
}

static void release(struct connection *connection) {
    workload_close(connection);
    SSL_free(connection->ssl);
    close(connection->fd);
    buffer_free(&connection->request);
    buffer_free(&connection->out);
    free(connection);
}

struct buffer *connection_stage(struct connection *connection) {
    return connection->ssl ? &scratch : &connection->out;
}

void connection_fail(struct connection *connection, const char *reason) {
    fprintf(stderr, "server: %s\n", reason);
    connection->ended = true;
}

void connection_flush(struct connection *connection) {
    struct buffer *out = &connection->out;
    if (connection->ssl) {
        while (buffered(&scratch) > 0) {
            int count = SSL_write(connection->ssl, scratch.bytes + scratch.start, (int)buffered(&scratch));
            if (count <= 0) {
                connection_fail(connection, "SSL_write failed");
                scratch.start = scratch.end;
                return;
            }
            scratch.start += (size_t)count;
        }
        if (connection->phase == PHASE_CLOSING) SSL_shutdown(connection->ssl);
    }
    while (buffered(out) > 0) {
        ssize_t count = send(connection->fd, out->bytes + out->start, buffered(out), MSG_NOSIGNAL);
        if (count < 0) {
            if (errno != EAGAIN) connection->ended = true;
            break;
        }
        out->start += (size_t)count;
    }
    if (buffered(out) == 0 && connection->phase == PHASE_CLOSING) shutdown(connection->fd, SHUT_WR);
}

static void take(struct connection *connection, const uint8_t *bytes, size_t length) {
    if (connection->phase == PHASE_REQUEST) {
        size_t rest = 0;
        if (!handshake_take(connection, bytes, length, &rest)) return;
        bytes += rest;
        length -= rest;
    }
    if (connection->phase == PHASE_OPEN) frames_take(connection, bytes, length);
}

static void read_plain(struct connection *connection) {
    ssize_t count = recv(connection->fd, read_buffer, sizeof read_buffer, 0);
    if (count > 0) take(connection, read_buffer, (size_t)count);
    else if (count == 0 || errno != EAGAIN) connection->ended = true;
}

/* Everything that has arrived, so that its answer is written at once. */
static void read_tls(struct connection *connection) {
    if (connection->phase == PHASE_HANDSHAKE) {
        int result = SSL_do_handshake(connection->ssl);
        if (result == 1) connection->phase = PHASE_REQUEST;
        else if (SSL_get_error(connection->ssl, result) != SSL_ERROR_WANT_READ) connection->ended = true;
        if (result != 1) return;
    }
    connection->has_more = true;
    for (int turn = 0; turn < TURNS && !connection->ended; turn++) {
        size_t used = 0;
        int count = 0;
        while (READ_SIZE - used >= 16 << 10 &&
               (count = SSL_read(connection->ssl, read_buffer + used, (int)(READ_SIZE - used))) > 0)
            used += (size_t)count;
        /* Asked before the answer is written, which has a result of its own. */
        int error = SSL_get_error(connection->ssl, count);
        if (used > 0) {
            take(connection, read_buffer, used);
            connection_flush(connection);
        }
        if (error == SSL_ERROR_NONE) continue;
        if (error != SSL_ERROR_WANT_READ) connection->ended = true;
        connection->has_more = false;
        break;
    }
}

static void source(struct connection *connection) {
    for (int turn = 0; turn < TURNS && buffered(&connection->out) == 0 && !connection->ended; turn++) {
        if (!workload_fill(connection)) return;
        connection_flush(connection);
    }
}

void connection_event(struct connection *connection, uint32_t events) {
    if (events & EPOLLOUT) connection_flush(connection);
    if (connection->stopped && buffered(&connection->out) < out_limit / 2) {
        connection->stopped = false;
        events |= EPOLLIN;
    }
    if (connection->has_more) events |= EPOLLIN;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !connection->stopped) {
        if (connection->ssl) read_tls(connection);
        else read_plain(connection);
        connection_flush(connection);
    }
    if (connection->phase == PHASE_OPEN && connection->source_bytes > 0) source(connection);
    if (connection->ended) return release(connection);
    connection->stopped = buffered(&connection->out) > out_limit;
    bool writes = buffered(&connection->out) > 0 || (connection->phase == PHASE_OPEN && connection->source_bytes > 0);
    uint32_t wanted = (connection->stopped ? 0 : EPOLLIN) | (writes ? EPOLLOUT : 0);
    if (connection->has_more && !connection->stopped) wanted |= EPOLLOUT;
    if (wanted != connection->events) {
        struct epoll_event event = {.events = wanted, .data.ptr = connection};
        if (epoll_ctl(poll_descriptor, EPOLL_CTL_MOD, connection->fd, &event) != 0) abort();
        connection->events = wanted;
    }
}

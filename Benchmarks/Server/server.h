/* The server of the benchmarks: one thread, epoll, plain and TLS, made so that no client outruns it. */
#pragma once
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that wait, from `start` to `end`. */
struct buffer {
    uint8_t *bytes;
    size_t start, end, capacity;
};

static inline size_t buffered(const struct buffer *buffer) { return buffer->end - buffer->start; }
/* Room for `size` more bytes behind `end`. */
uint8_t *buffer_room(struct buffer *buffer, size_t size);
void buffer_append(struct buffer *buffer, const void *bytes, size_t size);
void buffer_free(struct buffer *buffer);

enum phase { PHASE_HANDSHAKE, PHASE_REQUEST, PHASE_OPEN, PHASE_CLOSING };
enum workload { WORKLOAD_ECHO, WORKLOAD_SINK, WORKLOAD_SOURCE, WORKLOAD_TICKER };

/* The place within a client's frame; its header may arrive in pieces. */
struct frame {
    uint8_t header[14];
    unsigned header_length;
    bool in_payload;
    uint8_t first_byte;
    uint64_t length, position;
    uint8_t mask[8];
    /* A control frame's payload, until it is complete. */
    uint8_t control[125];
};

struct connection {
    int fd;
    SSL *ssl;
    enum phase phase;
    enum workload workload;
    uint32_t events;
    /* Reading stopped, because the client does not take what it is sent. */
    bool stopped;
    /* TLS may hold records that epoll does not see. */
    bool has_more;
    bool ended;
    struct buffer request;
    /* What goes into the socket. */
    struct buffer out;
    struct frame frame;
    /* What the path asks for: messages, their size. */
    uint64_t count, size;
    uint64_t received, received_bytes;
    /* Source: which prepared bytes are written once the client asks with a text message, how many are left, and where
       in them. */
    const struct buffer *block;
    uint64_t source_total, source_bytes;
    size_t block_position;
    /* Ticker: the neighbours in the list, and the tick of a hundred milliseconds in which it is due. */
    struct connection *next_ticker, *previous_ticker;
    unsigned tick;
};

/* connection.c */
struct connection *connection_accept(int listener, SSL_CTX *tls);
void connection_event(struct connection *connection, uint32_t events);
/* Writes what `stage` holds, through TLS if that is spoken. */
void connection_flush(struct connection *connection);
/* Where plain bytes for the client go. */
struct buffer *connection_stage(struct connection *connection);
void connection_fail(struct connection *connection, const char *reason);

/* handshake.c; false while the request is incomplete. `rest` is where the frames begin. */
bool handshake_take(struct connection *connection, const uint8_t *bytes, size_t length, size_t *rest);

/* frames.c */
void frames_take(struct connection *connection, const uint8_t *bytes, size_t length);
void frame_append(struct buffer *buffer, uint8_t first_byte, const void *payload, size_t length);
size_t frame_header(uint8_t *bytes, uint8_t first_byte, uint64_t length);

/* workloads.c */
void workloads_load(const char *messages_path);
void workload_open(struct connection *connection, bool json, bool deflated);
void workload_close(struct connection *connection);
void workload_text(struct connection *connection);
bool workload_matches(const uint8_t *masked, size_t length, const uint8_t mask[4], bool completely);
void workload_sunk(struct connection *connection, const uint8_t *masked, size_t length);
/* Puts more of a source's messages on the stage; false when there are no more. */
bool workload_fill(struct connection *connection);
void workload_tick(void);

/* main.c */
extern int poll_descriptor;

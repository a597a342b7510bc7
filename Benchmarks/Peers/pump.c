/* The limit: one blocking socket, frames made beforehand, large reads and writes, nothing looked at but bytes. */
#include "client.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

enum { BLOCK = 64 << 10 };
static options_t options;
static SSL_CTX *context;
static SSL_SESSION *session;

typedef struct {
    int fd;
    SSL *ssl;
} pump_t;

static long pump_read(pump_t *pump, void *bytes, size_t size) {
    return pump->ssl ? SSL_read(pump->ssl, bytes, (int)size) : recv(pump->fd, bytes, size, 0);
}

static void pump_write(pump_t *pump, const void *bytes, size_t size) {
    while (size > 0) {
        long count = pump->ssl ? SSL_write(pump->ssl, bytes, (int)size) : send(pump->fd, bytes, size, MSG_NOSIGNAL);
        if (count <= 0) die("writing failed");
        bytes = (const char *)bytes + count;
        size -= (size_t)count;
    }
}

static void read_exactly(pump_t *pump, void *bytes, size_t size) {
    for (size_t used = 0; used < size;) {
        long count = pump_read(pump, (char *)bytes + used, size - used);
        if (count <= 0) die("the server has gone");
        used += (size_t)count;
    }
}

static int keep_session(SSL *ssl, SSL_SESSION *new_session) {
    (void)ssl;
    SSL_SESSION_free(session);
    session = new_session;
    return 1;
}

static pump_t pump_open(void) {
    pump_t pump = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    int on = 1;
    if (inet_pton(AF_INET, options.host, &address.sin_addr) != 1) die("the host must be an address");
    if (connect(pump.fd, (struct sockaddr *)&address, sizeof address) != 0) die("connecting failed");
    setsockopt(pump.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (options.tls) {
        pump.ssl = SSL_new(context);
        SSL_set_fd(pump.ssl, pump.fd);
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(pump.ssl), options.host);
        if (options.resume && session) SSL_set_session(pump.ssl, session);
        if (SSL_connect(pump.ssl) != 1) die("the TLS handshake failed");
    }
    char request[1024];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                          options.path, options.host, options.port);
    pump_write(&pump, request, (size_t)length);
    /* Nothing stands behind the answer: the server speaks when spoken to. */
    size_t used = 0;
    while (used < 4 || memcmp(request + used - 4, "\r\n\r\n", 4) != 0) {
        if (used == sizeof request - 1) die("a long answer");
        read_exactly(&pump, request + used++, 1);
    }
    request[used] = 0;
    if (!strstr(request, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) die("the upgrade was refused");
    return pump;
}

static size_t put_header(uint8_t *bytes, uint8_t first, uint64_t length, bool masked) {
    size_t size = 0;
    bytes[size++] = first;
    unsigned more = length < 126 ? 0 : length < 65536 ? 2 : 8;
    bytes[size++] = (uint8_t)((masked ? 128 : 0) | (more == 0 ? length : more == 2 ? 126 : 127));
    for (unsigned i = more; i-- > 0;) bytes[size++] = (uint8_t)(length >> 8 * i);
    return size;
}

/* A block of masked frames; the frames' length in `frame_size`, their number in `frames`. */
static uint8_t *frames_make(size_t *frame_size, size_t *frames) {
    static const uint8_t mask[4] = {0x5a, 0xc3, 0x17, 0x88};
    size_t room = options.size + 14 > BLOCK ? options.size + 14 : BLOCK, used = 0;
    uint8_t *block = malloc(room);
    *frames = 0;
    do {
        size_t begin = used;
        used += put_header(block + used, 0x82, options.size, true);
        memcpy(block + used, mask, 4);
        used += 4;
        for (uint64_t i = 0; i < options.size; i++) block[used++] = pattern(i) ^ mask[i & 3];
        *frame_size = used - begin;
        ++*frames;
    } while (used + *frame_size <= room);
    return block;
}

static void pump_close(pump_t *pump) {
    static const uint8_t close_frame[] = {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8};
    uint8_t answer[4];
    pump_write(pump, close_frame, sizeof close_frame);
    read_exactly(pump, answer, sizeof answer);
    if (pump->ssl) {
        SSL_shutdown(pump->ssl);
        SSL_free(pump->ssl);
    }
    close(pump->fd);
}

static void run_send(void) {
    size_t frame_size, frames;
    uint8_t *block = frames_make(&frame_size, &frames);
    pump_t pump = pump_open();
    measure_begin();
    for (uint64_t left = options.count; left > 0;) {
        size_t part = left < frames ? left : frames;
        pump_write(&pump, block, part * frame_size);
        left -= part;
    }
    uint8_t header[2];
    char text[126];
    read_exactly(&pump, header, 2);
    read_exactly(&pump, text, header[1]);
    measure_end();
    check_done(text, header[1], &options);
    report(options.count);
}

static void run_receive(void) {
    static uint8_t bytes[BLOCK];
    static const uint8_t go[] = {0x81, 0x82, 0, 0, 0, 0, 'g', 'o'};
    uint8_t header[10];
    uint64_t left = options.count * (options.size + put_header(header, 0x82, options.size, false));
    pump_t pump = pump_open();
    measure_begin();
    pump_write(&pump, go, sizeof go);
    while (left > 0) {
        long count = pump_read(&pump, bytes, sizeof bytes);
        if (count <= 0 || (uint64_t)count > left) die("the server has gone, or sends too much");
        left -= (uint64_t)count;
    }
    measure_end();
    report(options.count);
}

/* One message in flight: the others need a client that both reads and writes, which is no pump any more. */
static void run_round_trips(void) {
    size_t frame_size, frames;
    uint8_t *block = frames_make(&frame_size, &frames), header[10];
    size_t header_size = put_header(header, 0x82, options.size, false);
    uint8_t *answer = malloc(options.size + 10);
    pump_t pump = pump_open();
    measure_begin();
    for (uint64_t i = 0; i < options.count; i++) {
        uint64_t begin = now_ns();
        pump_write(&pump, block, frame_size);
        read_exactly(&pump, answer, header_size + options.size);
        measure_latency(now_ns() - begin);
        check_payload(answer + header_size, options.size, options.size);
    }
    measure_end();
    report(options.count);
}

static void run_connects(void) {
    if (options.connections != 1) unsupported();
    if (options.resume) {
        pump_t first = pump_open();
        pump_close(&first);
    }
    measure_begin();
    for (uint64_t i = 0; i < options.count; i++) {
        pump_t pump = pump_open();
        if (options.resume && options.tls && !SSL_session_reused(pump.ssl)) die("a session was not resumed");
        pump_close(&pump);
    }
    measure_end();
    report(options.count);
}

int main(int argc, char **argv) {
    options = options_read(argc, argv);
    if (options.deflate || options.messages) unsupported();
    if (options.tls) {
        context = SSL_CTX_new(TLS_client_method());
        if (SSL_CTX_load_verify_locations(context, options.ca, NULL) != 1) die("--ca cannot be used");
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, keep_session);
        SSL_CTX_set_read_ahead(context, 1);
        SSL_CTX_set_default_read_buffer_len(context, 128 << 10);
    }
    if (strcmp(options.workload, "send") == 0) run_send();
    else if (strcmp(options.workload, "receive") == 0) run_receive();
    else if (strcmp(options.workload, "echo") == 0 && options.window == 1) run_round_trips();
    else if (strcmp(options.workload, "connect") == 0) run_connects();
    else unsupported();
}

#include "server.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The value of a header field within a request that ends with a NUL; its length in `length`. */
static const char *field(const char *request, const char *name, size_t *length) {
    size_t name_length = strlen(name);
    for (const char *line = strstr(request, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, name_length) != 0 || line[name_length] != ':') continue;
        const char *value = line + name_length + 1;
        while (*value == ' ') value++;
        *length = strcspn(value, "\r");
        return value;
    }
    return NULL;
}

/* The number behind `name=` in the query of the request line; 0 when it is not there. */
static uint64_t query(const char *request, const char *name) {
    const char *end = strchr(request, '\r'), *found = strstr(request, name);
    return found != NULL && found < end ? strtoull(found + strlen(name), NULL, 10) : 0;
}

/* RFC 6455 section 4.2.2. */
static void accept_key(const char *key, size_t length, char accept[32]) {
    char text[128];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_length;
    int text_length = snprintf(text, sizeof text, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)length, key);
    EVP_Digest(text, (size_t)text_length, digest, &digest_length, EVP_sha1(), NULL);
    EVP_EncodeBlock((unsigned char *)accept, digest, (int)digest_length);
}

static bool path_is(const char *request, const char *path) {
    return strncmp(request, "GET /", 5) == 0 && strncmp(request + 5, path, strlen(path)) == 0;
}

static void answer(struct connection *connection, const char *request) {
    size_t key_length, offer_length = 0;
    const char *key = field(request, "Sec-WebSocket-Key", &key_length);
    if (key == NULL || key_length > 64) return connection_fail(connection, "a request without a key");
    if (path_is(request, "sink")) connection->workload = WORKLOAD_SINK;
    else if (path_is(request, "source")) connection->workload = WORKLOAD_SOURCE;
    else if (path_is(request, "ticker")) connection->workload = WORKLOAD_TICKER;
    else if (path_is(request, "echo")) connection->workload = WORKLOAD_ECHO;
    else return connection_fail(connection, "a request for an unknown path");
    connection->count = query(request, "count=");
    connection->size = query(request, "size=");

    bool deflated = false;
    if (query(request, "deflate=")) {
        const char *offer = field(request, "Sec-WebSocket-Extensions", &offer_length);
        deflated = offer != NULL && strncmp(offer, "permessage-deflate", 18) == 0;
        if (!deflated) return connection_fail(connection, "a request that does not offer permessage-deflate");
    }
    /* An echo sends back what the client compressed, as it is: the same window, the same history. A source sends
       what was compressed once, each message by itself. */
    const char *extension = !deflated ? ""
                            : connection->workload == WORKLOAD_SOURCE
                                ? "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n"
                                : "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    char accept[32], response[512];
    accept_key(key, key_length, accept);
    int length = snprintf(response, sizeof response,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: %s\r\n%s\r\n",
                          accept, extension);
    buffer_append(connection_stage(connection), response, (size_t)length);
    connection->phase = PHASE_OPEN;
    workload_open(connection, query(request, "json="), deflated);
}

bool handshake_take(struct connection *connection, const uint8_t *bytes, size_t length, size_t *rest) {
    struct buffer *request = &connection->request;
    size_t before = buffered(request);
    buffer_append(request, bytes, length);
    *buffer_room(request, 1) = 0;
    const char *begin = (const char *)request->bytes + request->start, *end = strstr(begin, "\r\n\r\n");
    if (end == NULL) {
        if (buffered(request) > 16 << 10) connection_fail(connection, "a request without end");
        return false;
    }
    *rest = (size_t)(end + 4 - begin) - before;
    answer(connection, begin);
    buffer_free(request);
    return !connection->ended;
}

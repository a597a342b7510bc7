#include "server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <zlib.h>

enum { TICKS = 20, BLOCK_SIZE = 256 << 10 };
static const uint8_t text_frame = 0x81, binary_frame = 0x82, deflated_bit = 0x40;

/* The JSON messages that clients send and receive, as frames: plain, and each compressed by itself. */
static struct buffer json_block, deflated_block;
static uint64_t json_count;
/* Binary frames of one size, made when a client first asks for that size. */
static struct {
    uint64_t size, count;
    struct buffer frames;
} binary_blocks[16];

static struct connection *tickers[TICKS];
static unsigned current_tick, next_slot;

static uint8_t pattern(uint64_t position) { return (uint8_t)('a' + position % 26); }

static void append_deflated(struct buffer *buffer, const char *message, size_t length) {
    static z_stream stream;
    static bool begun;
    if (!begun && deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort();
    begun = true;
    uint8_t compressed[65536];
    deflateReset(&stream);
    stream.next_in = (Bytef *)message;
    stream.avail_in = (uInt)length;
    stream.next_out = compressed;
    stream.avail_out = sizeof compressed;
    if (deflate(&stream, Z_SYNC_FLUSH) != Z_OK || stream.avail_out == 0) abort();
    /* RFC 7692 section 7.2.1: without the empty block at the end. */
    frame_append(buffer, text_frame | deflated_bit, compressed, stream.total_out - 4);
}

void workloads_load(const char *messages_path) {
    FILE *file = fopen(messages_path, "r");
    static char line[32768];
    if (file == NULL) {
        perror(messages_path);
        exit(1);
    }
    while (fgets(line, sizeof line, file) != NULL) {
        size_t length = strcspn(line, "\n");
        frame_append(&json_block, text_frame, line, length);
        append_deflated(&deflated_block, line, length);
        json_count++;
    }
    fclose(file);
    if (json_count == 0) exit(1);
}

static const struct buffer *binary_block(uint64_t size, uint64_t *count) {
    for (size_t i = 0; i < sizeof binary_blocks / sizeof *binary_blocks; i++) {
        if (binary_blocks[i].count == 0) {
            uint8_t *payload = malloc(size + 1);
            if (payload == NULL) abort();
            for (uint64_t j = 0; j < size; j++) payload[j] = pattern(j);
            do {
                frame_append(&binary_blocks[i].frames, binary_frame, payload, size);
                binary_blocks[i].count++;
            } while (buffered(&binary_blocks[i].frames) + size + 10 <= BLOCK_SIZE);
            binary_blocks[i].size = size;
            free(payload);
        }
        if (binary_blocks[i].size == size) {
            *count = binary_blocks[i].count;
            return &binary_blocks[i].frames;
        }
    }
    fprintf(stderr, "server: too many different sizes\n");
    exit(1);
}

void workload_open(struct connection *connection, bool json, bool deflated) {
    if (connection->workload == WORKLOAD_SOURCE) {
        uint64_t frames = json_count;
        connection->block = deflated ? &deflated_block : json ? &json_block : binary_block(connection->size, &frames);
        /* Binary frames are of one size; of the others the whole block is sent. */
        connection->source_total = json ? connection->count / frames * buffered(connection->block)
                                        : buffered(connection->block) / frames * connection->count;
    } else if (connection->workload == WORKLOAD_TICKER) {
        connection->tick = next_slot++ % TICKS;
        connection->next_ticker = tickers[connection->tick];
        if (connection->next_ticker) connection->next_ticker->previous_ticker = connection;
        tickers[connection->tick] = connection;
    }
}

void workload_close(struct connection *connection) {
    if (connection->workload != WORKLOAD_TICKER || connection->phase < PHASE_OPEN) return;
    if (connection->next_ticker) connection->next_ticker->previous_ticker = connection->previous_ticker;
    if (connection->previous_ticker) connection->previous_ticker->next_ticker = connection->next_ticker;
    else tickers[connection->tick] = connection->next_ticker;
}

/* Ten messages a second to each ticker's client, spread over the time. */
void workload_tick(void) {
    current_tick = (current_tick + 1) % TICKS;
    for (struct connection *next, *ticker = tickers[current_tick]; ticker != NULL; ticker = next) {
        next = ticker->next_ticker;
        if (ticker->phase != PHASE_OPEN) continue;
        uint8_t payload[125];
        for (uint64_t i = 0; i < ticker->size && i < sizeof payload; i++) payload[i] = pattern(i);
        frame_append(connection_stage(ticker), binary_frame, payload, ticker->size);
        connection_event(ticker, EPOLLOUT);
    }
}

/* The first and the last byte of a whole message, and every byte of some. */
bool workload_matches(const uint8_t *masked, size_t length, const uint8_t mask[4], bool completely) {
    if ((masked[0] ^ mask[0]) != pattern(0)) return false;
    if ((masked[length - 1] ^ mask[(length - 1) & 3]) != pattern(length - 1)) return false;
    if (!completely) return true;
    for (size_t i = 0; i < length; i++)
        if ((masked[i] ^ mask[i & 3]) != pattern(i)) return false;
    return true;
}

/* The same for a message that comes in parts. */
void workload_sunk(struct connection *connection, const uint8_t *masked, size_t length) {
    struct frame *frame = &connection->frame;
    if ((frame->first_byte & 15) == 1 || length == 0) return;
    bool complete = connection->received % 256 == 0;
    size_t step = complete || length == 1 ? 1 : length - 1;
    for (size_t i = 0; i < length; i += step) {
        uint64_t position = frame->position + i;
        if ((masked[i] ^ frame->mask[position & 3]) != pattern(position))
            return connection_fail(connection, "a message with a wrong payload");
    }
    if (frame->length != connection->size) return connection_fail(connection, "a message of a wrong size");
    if (connection->received + 1 == connection->count && frame->position + length == frame->length) {
        char text[64];
        int text_length = snprintf(text, sizeof text, "done %llu %llu", (unsigned long long)connection->count,
                                   (unsigned long long)(connection->received_bytes + frame->length));
        frame_append(connection_stage(connection), text_frame, text, (size_t)text_length);
    }
}

void workload_text(struct connection *connection) {
    if (connection->workload == WORKLOAD_SINK) connection_fail(connection, "a text message where binary ones are due");
    if (connection->workload == WORKLOAD_SOURCE) connection->source_bytes = connection->source_total;
}

bool workload_fill(struct connection *connection) {
    if (connection->source_bytes == 0) return false;
    struct buffer *stage = connection_stage(connection);
    const struct buffer *block = connection->block;
    size_t rest = buffered(block) - connection->block_position;
    if (rest > connection->source_bytes) rest = (size_t)connection->source_bytes;
    buffer_append(stage, block->bytes + block->start + connection->block_position, rest);
    connection->block_position = (connection->block_position + rest) % buffered(block);
    connection->source_bytes -= rest;
    return true;
}

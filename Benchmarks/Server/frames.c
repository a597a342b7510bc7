#include "server.h"
#include <string.h>

enum { OPCODE_TEXT = 1, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };

size_t frame_header(uint8_t *bytes, uint8_t first_byte, uint64_t length) {
    bytes[0] = first_byte;
    if (length < 126) {
        bytes[1] = (uint8_t)length;
        return 2;
    }
    unsigned count = length < 65536 ? 2 : 8;
    bytes[1] = count == 2 ? 126 : 127;
    for (unsigned i = 0; i < count; i++) bytes[2 + i] = (uint8_t)(length >> 8 * (count - 1 - i));
    return 2 + count;
}

void frame_append(struct buffer *buffer, uint8_t first_byte, const void *payload, size_t length) {
    uint8_t *room = buffer_room(buffer, length + 10);
    size_t header = frame_header(room, first_byte, length);
    memcpy(room + header, payload, length);
    buffer->end += header + length;
}

/* The mask of eight bytes, turned so that it begins at `position`. */
static uint64_t mask_at(const struct frame *frame, uint64_t position) {
    uint8_t turned[8];
    for (unsigned i = 0; i < 8; i++) turned[i] = frame->mask[(position + i) & 3];
    uint64_t mask;
    memcpy(&mask, turned, 8);
    return mask;
}

static void unmask(uint8_t *to, const uint8_t *from, size_t length, uint64_t mask) {
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        uint64_t word;
        memcpy(&word, from + i, 8);
        word ^= mask;
        memcpy(to + i, &word, 8);
    }
    for (; i < length; i++, mask >>= 8) to[i] = from[i] ^ (uint8_t)mask;
}

/* Takes what there is of a header; its length, or 0 while it is incomplete. */
static size_t header_size(const uint8_t *bytes, size_t available) {
    if (available < 2) return 0;
    unsigned length = bytes[1] & 127;
    size_t size = 2 + 4 + (length == 126 ? 2 : length == 127 ? 8 : 0);
    return available < size ? 0 : size;
}

static void begin(struct connection *connection, const uint8_t *header, size_t size) {
    struct frame *frame = &connection->frame;
    frame->first_byte = header[0];
    frame->length = header[1] & 127;
    if (frame->length > 125) {
        frame->length = 0;
        for (size_t i = 2; i < size - 4; i++) frame->length = frame->length << 8 | header[i];
    }
    memcpy(frame->mask, header + size - 4, 4);
    frame->position = 0;
    frame->in_payload = true;
    if (!(header[1] & 128)) connection_fail(connection, "a frame without mask");
    if ((header[0] & 8) && frame->length > 125) connection_fail(connection, "a long control frame");
    if (connection->workload == WORKLOAD_ECHO && !(header[0] & 8)) {
        uint8_t *room = buffer_room(connection_stage(connection), frame->length + 10);
        connection_stage(connection)->end += frame_header(room, frame->first_byte, frame->length);
    }
}

static void control(struct connection *connection) {
    struct frame *frame = &connection->frame;
    struct buffer *stage = connection_stage(connection);
    switch (frame->first_byte & 15) {
    case OPCODE_PING: return frame_append(stage, 0x80 | OPCODE_PONG, frame->control, frame->length);
    case OPCODE_CLOSE:
        frame_append(stage, 0x80 | OPCODE_CLOSE, frame->control, frame->length);
        connection->phase = PHASE_CLOSING;
    }
}

static void complete(struct connection *connection) {
    struct frame *frame = &connection->frame;
    frame->in_payload = false;
    if (frame->first_byte & 8) return control(connection);
    connection->received++;
    connection->received_bytes += frame->length;
    if ((frame->first_byte & 15) == OPCODE_TEXT) workload_text(connection);
}

/* Short whole frames of a sink, of which clients send tens of millions a second; how many bytes they take. */
static size_t take_short(struct connection *connection, const uint8_t *bytes, size_t length) {
    uint64_t size = connection->size;
    size_t used = 0, frame_size = size + 6;
    const uint8_t header[2] = {0x82, (uint8_t)(0x80 | size)};
    /* The last one has the answer behind it. */
    while (length - used >= frame_size && connection->received + 1 < connection->count &&
           memcmp(bytes + used, header, 2) == 0) {
        if (!workload_matches(bytes + used + 6, size, bytes + used + 2, connection->received % 256 == 0)) break;
        connection->received++;
        connection->received_bytes += size;
        used += frame_size;
    }
    return used;
}

void frames_take(struct connection *connection, const uint8_t *bytes, size_t length) {
    struct frame *frame = &connection->frame;
    bool is_short = connection->workload == WORKLOAD_SINK && connection->size > 0 && connection->size < 126;
    while (length > 0 && connection->phase == PHASE_OPEN && !connection->ended) {
        if (!frame->in_payload) {
            if (is_short && frame->header_length == 0) {
                size_t used = take_short(connection, bytes, length);
                bytes += used;
                length -= used;
                if (length == 0) break;
            }
            size_t size = frame->header_length == 0 ? header_size(bytes, length) : 0;
            if (size > 0) {
                begin(connection, bytes, size);
                bytes += size;
                length -= size;
            } else {
                frame->header[frame->header_length++] = *bytes++;
                length--;
                if ((size = header_size(frame->header, frame->header_length)) == 0) continue;
                frame->header_length = 0;
                begin(connection, frame->header, size);
            }
        }
        uint64_t left = frame->length - frame->position;
        size_t part = left < length ? (size_t)left : length;
        if (frame->first_byte & 8) {
            unmask(frame->control + frame->position, bytes, part, mask_at(frame, frame->position));
        } else if (connection->workload == WORKLOAD_ECHO) {
            struct buffer *stage = connection_stage(connection);
            unmask(buffer_room(stage, part), bytes, part, mask_at(frame, frame->position));
            stage->end += part;
        } else if (connection->workload == WORKLOAD_SINK) {
            workload_sunk(connection, bytes, part);
        }
        frame->position += part;
        bytes += part;
        length -= part;
        if (frame->position == frame->length) complete(connection);
    }
}

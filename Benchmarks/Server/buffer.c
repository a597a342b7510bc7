#include "server.h"
#include <stdlib.h>
#include <string.h>

uint8_t *buffer_room(struct buffer *buffer, size_t size) {
    if (buffer->start == buffer->end) buffer->start = buffer->end = 0;
    if (buffer->capacity - buffer->end < size) {
        size_t used = buffered(buffer);
        if (buffer->start > 0) memmove(buffer->bytes, buffer->bytes + buffer->start, used);
        buffer->start = 0;
        buffer->end = used;
        if (buffer->capacity - used < size) {
            size_t capacity = buffer->capacity ? buffer->capacity : 256;
            while (capacity - used < size) capacity *= 2;
            buffer->bytes = realloc(buffer->bytes, capacity);
            if (buffer->bytes == NULL) abort();
            buffer->capacity = capacity;
        }
    }
    return buffer->bytes + buffer->end;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t size) {
    memcpy(buffer_room(buffer, size), bytes, size);
    buffer->end += size;
}

void buffer_free(struct buffer *buffer) {
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

/* libwebsockets' own WebSocket role, as its documentation has it: one lws_write for a message, when the pipe takes it. */
#include "client.h"
#include <libwebsockets.h>

enum { AT_ONCE = 64, FIRST = 9 };
static options_t options;
static struct lws_context *context;
static uint8_t *payload, **messages;
static uint64_t message_count = 1, sent, received, before;
/* Connections: begun, open, closed. */
static uint64_t begun, opened, closed;
static lws_sorted_usec_list_t timer;
/* The round trips of `idle` run over the first connection, once the others are there. */
static struct lws *busy;
static uint64_t round_begin;
static double resident;

/* What a connection has of a message that comes in parts, and what it has to send. */
struct session {
    uint64_t length;
    uint8_t first, last;
    unsigned due;
};

static bool is(const char *workload) { return strcmp(options.workload, workload) == 0; }
static bool is_many(void) { return is("idle") || is("answer"); }

static void open_one(void) {
    struct lws_client_connect_info info = {.context = context,
                                           .address = options.host,
                                           .port = options.port,
                                           .path = options.path,
                                           /* What the certificate is verified for: not an address in this version. */
                                           .host = "localhost",
                                           .origin = "localhost",
                                           .local_protocol_name = "bench",
                                           .ssl_connection = options.tls ? LCCSCF_USE_SSL : 0,
                                           .ietf_version_or_minus_one = -1};
    begun++;
    if (lws_client_connect_via_info(&info) == NULL) die("connecting failed");
}

static void send_message(struct lws *wsi, const uint8_t *bytes, size_t size, enum lws_write_protocol kind) {
    static uint8_t *room;
    static size_t capacity;
    if (size > capacity) room = realloc(room, LWS_PRE + (capacity = size));
    memcpy(room + LWS_PRE, bytes, size);
    if (lws_write(wsi, room + LWS_PRE, size, kind) < (int)size) die("writing failed");
}

static enum lws_write_protocol kind(void) { return options.messages ? LWS_WRITE_TEXT : LWS_WRITE_BINARY; }

static int finish(uint64_t count) {
    measure_end();
    report(count);
    _exit(0);
}

static void begin_round(void) {
    round_begin = now_ns();
    struct session *session = lws_wsi_user(busy);
    session->due = 1;
    lws_callback_on_writable(busy);
}

static void all_open(void) {
    if (options.connections) measured.kib_per_connection = (resident_kib() - resident) / (double)options.connections;
    measure_begin();
    begin_round();
}

static void answer_end(lws_sorted_usec_list_t *list) {
    (void)list;
    finish(received - before);
}

static void answer_begin(lws_sorted_usec_list_t *list) {
    (void)list;
    before = received;
    measure_begin();
    lws_sul_schedule(context, 0, &timer, answer_end, (lws_usec_t)(options.seconds * 1e6));
}

static int on_open(struct lws *wsi, struct session *session) {
    opened++;
    /* The same effort as the other clients': it is not zlib that is compared. */
    if (options.deflate && lws_set_extension_option(wsi, "permessage-deflate", "comp_level", "6") != 0)
        die("no permessage-deflate");
    if (!is_many() && !is("connect")) measure_begin();
    if (is("idle") && busy == NULL) busy = wsi;
    session->due = is("answer") ? 0 : 1;
    if (session->due) lws_callback_on_writable(wsi);
    else if (begun < options.connections) open_one();
    /* Until all of them run evenly. */
    else lws_sul_schedule(context, 0, &timer, answer_begin, 500000);
    return 0;
}

static int on_writable(struct lws *wsi, struct session *session) {
    if (is("connect")) {
        lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
        return -1;
    }
    if (is("receive")) {
        if (session->due) send_message(wsi, (const uint8_t *)"go", 2, LWS_WRITE_TEXT);
        session->due = 0;
    } else if (is("send")) {
        /* As many as the kernel takes: each lws_write is a send(2). */
        while (sent < options.count && !lws_send_pipe_choked(wsi)) {
            send_message(wsi, payload, options.size, LWS_WRITE_BINARY);
            sent++;
        }
        if (sent < options.count) lws_callback_on_writable(wsi);
    } else if (is("echo")) {
        while (sent < options.count && sent - received < options.window && !lws_send_pipe_choked(wsi)) {
            if (options.window == 1) round_begin = now_ns();
            const uint8_t *message = messages ? messages[sent % message_count] : payload;
            send_message(wsi, message, options.size, kind());
            sent++;
        }
        if (sent < options.count && sent - received < options.window) lws_callback_on_writable(wsi);
    } else if (session->due) {
        session->due--;
        send_message(wsi, payload, options.size, LWS_WRITE_BINARY);
        if (session->due) lws_callback_on_writable(wsi);
    }
    return 0;
}

static int on_message(struct lws *wsi, struct session *session, const uint8_t *last_part, size_t last_length) {
    if (is("send")) {
        measure_end();
        check_done((const char *)last_part, last_length, &options);
        report(options.count);
        _exit(0);
    }
    bool right = session->length == options.size;
    if (options.messages) right = right && session->first == '{' && session->last == '}';
    else right = right && session->first == pattern(0) && session->last == pattern(options.size - 1);
    if (!right) die("a message with a wrong payload");
    received++;
    if (is("answer")) {
        session->due++;
        lws_callback_on_writable(wsi);
    } else if (is("idle")) {
        const uint64_t total = FIRST + options.connections;
        if (received < FIRST) {
            open_one();
        } else if (received < total) {
            /* What the first connections need once is not counted. */
            if (received == FIRST) resident = resident_kib();
            for (int i = received == FIRST ? AT_ONCE : 1; i > 0 && begun < total; i--) open_one();
        } else if (received == total) {
            all_open();
        } else {
            measure_latency(now_ns() - round_begin);
            if (measured.latency_count == options.count) finish(options.count);
            begin_round();
        }
    } else if (received == options.count) {
        if (is("echo") && options.window == 1) measure_latency(now_ns() - round_begin);
        finish(received);
    } else if (is("echo")) {
        if (is("echo") && options.window == 1) measure_latency(now_ns() - round_begin);
        lws_callback_on_writable(wsi);
    }
    return 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    struct session *session = user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: die(in ? in : "a connection error"); break;
    case LWS_CALLBACK_CLIENT_ESTABLISHED: return on_open(wsi, session);
    case LWS_CALLBACK_CLIENT_WRITEABLE: return on_writable(wsi, session);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        if (length > 0) {
            if (session->length == 0) session->first = *(uint8_t *)in;
            session->last = ((uint8_t *)in)[length - 1];
            session->length += length;
        }
        if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi)) return 0;
        on_message(wsi, session, in, length);
        session->length = 0;
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (!is("connect")) die("the connection ended");
        if (++closed == options.count) finish(closed);
        if (begun < options.count) open_one();
        return 0;
    default: break;
    }
    return 0;
}

static void load_messages(void) {
    FILE *file = fopen(options.messages, "r");
    static char line[32768];
    if (!file) die("--messages cannot be read");
    for (message_count = 0; fgets(line, sizeof line, file); message_count++) {
        messages = realloc(messages, (message_count + 1) * sizeof *messages);
        messages[message_count] = (uint8_t *)strndup(line, strcspn(line, "\n"));
    }
    fclose(file);
}

int main(int argc, char **argv) {
    options = options_read(argc, argv);
    if (options.resume || is("group")) unsupported();
    payload = pattern_payload(options.size);
    if (options.messages) load_messages();
    lws_set_log_level(LLL_ERR, NULL);
    static const struct lws_extension extensions[] = {
        {"permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate"}, {NULL, NULL, NULL}};
    const size_t buffer = is_many() || is("connect") ? 4096 : 128 << 10;
    struct lws_protocols protocols[] = {{"bench", callback, sizeof(struct session), buffer, 0, NULL, 0},
                                        {NULL, NULL, 0, 0, 0, NULL, 0}};
    struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN,
                                             .protocols = protocols,
                                             .pt_serv_buf_size = (unsigned)buffer,
                                             .gid = (gid_t)-1,
                                             .uid = (uid_t)-1,
                                             .extensions = options.deflate ? extensions : NULL,
                                             .client_ssl_ca_filepath = options.tls ? options.ca : NULL,
                                             .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT};
    /* Its poll(2) loop looks at every descriptor each time. */
    if (is_many()) info.options |= LWS_SERVER_OPTION_LIBUV;
    if ((context = lws_create_context(&info)) == NULL) die("no context");
    if (is("connect")) measure_begin();
    for (uint64_t i = 0; i < (is("connect") ? options.connections : 1); i++) open_one();
    while (lws_service(context, 0) >= 0) continue;
    die("the service ended");
}

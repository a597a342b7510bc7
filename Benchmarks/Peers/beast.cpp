// Boost.Beast: blocking, through buffers, where one connection is in use; asynchronous where there are many.
#include "client.h"
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>
#include <fstream>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ssl = boost::asio::ssl;
namespace websocket = boost::beast::websocket;
using tcp = asio::ip::tcp;

namespace {

options_t options;
asio::io_context io;
ssl::context tls{ssl::context::tls_client};
SSL_SESSION *session = nullptr;
constexpr std::size_t buffer_size = 64 << 10;
// As large as it takes to have a batch of small messages in one record or system call; a large message goes around it.
bool is_small() { return options.size < 16 << 10; }

int keep_session(SSL *, SSL_SESSION *new_session) {
    SSL_SESSION_free(session);
    session = new_session;
    return 1;
}

using plain_stream = tcp::socket;
using tls_stream = ssl::stream<tcp::socket>;

// A buffer in each direction for blocking use: what is written goes out when it is enough, or before a read has to wait.
template <class Next> class buffered {
    Next next_;
    std::vector<char> in_ = std::vector<char>(buffer_size), out_;
    std::size_t begin_ = 0, end_ = 0;

public:
    using next_layer_type = Next;
    using executor_type = typename Next::executor_type;
    template <class... Arguments> explicit buffered(Arguments &&...arguments) : next_(std::forward<Arguments>(arguments)...) {
        out_.reserve(2 * buffer_size);
    }
    Next &next_layer() { return next_; }
    executor_type get_executor() { return next_.get_executor(); }
    bool has_input() const { return begin_ < end_; }

    void flush(beast::error_code &error) {
        asio::write(next_, asio::buffer(out_), error);
        out_.clear();
    }
    template <class Buffers> std::size_t write_some(const Buffers &buffers, beast::error_code &error) {
        std::size_t size = beast::buffer_bytes(buffers), used = out_.size();
        out_.resize(used + size);
        asio::buffer_copy(asio::buffer(out_.data() + used, size), buffers);
        if (out_.size() >= buffer_size) flush(error);
        return size;
    }
    template <class Buffers> std::size_t read_some(const Buffers &buffers, beast::error_code &error) {
        if (!has_input()) {
            if (!out_.empty()) flush(error);
            if (error) return 0;
            begin_ = 0;
            end_ = next_.read_some(asio::buffer(in_), error);
        }
        std::size_t count = asio::buffer_copy(buffers, asio::buffer(in_.data() + begin_, end_ - begin_));
        begin_ += count;
        return count;
    }
    template <class Buffers> std::size_t write_some(const Buffers &buffers) {
        return throwing([&](beast::error_code &error) { return write_some(buffers, error); });
    }
    template <class Buffers> std::size_t read_some(const Buffers &buffers) {
        return throwing([&](beast::error_code &error) { return read_some(buffers, error); });
    }

private:
    template <class Call> static std::size_t throwing(Call call) {
        beast::error_code error;
        std::size_t count = call(error);
        if (error) throw beast::system_error(error);
        return count;
    }
};

// Beast asks how the end of the stream below is made.
template <class Next> void teardown(beast::role_type role, buffered<Next> &stream, beast::error_code &error) {
    using websocket::teardown;
    teardown(role, stream.next_layer(), error);
}

template <class Stream> struct layers {
    static Stream &transport(Stream &stream) { return stream; }
    static bool has_input(Stream &) { return false; }
};

template <class Next> struct layers<buffered<Next>> {
    static Next &transport(buffered<Next> &stream) { return stream.next_layer(); }
    static bool has_input(buffered<Next> &stream) { return stream.has_input(); }
};

template <class Stream> std::unique_ptr<websocket::stream<Stream>> make() {
    if constexpr (std::is_same_v<Stream, plain_stream> || std::is_same_v<Stream, buffered<plain_stream>>)
        return std::make_unique<websocket::stream<Stream>>(io);
    else return std::make_unique<websocket::stream<Stream>>(io, tls);
}

void configure_tls(tls_stream &stream) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(stream.native_handle()), options.host);
    if (options.resume && session) SSL_set_session(stream.native_handle(), session);
}

tcp::endpoint endpoint() {
    return {asio::ip::make_address(options.host), static_cast<unsigned short>(options.port)};
}

std::string authority() { return std::string(options.host) + ":" + std::to_string(options.port); }

template <class WebSocket> void configure(WebSocket &ws) {
    ws.binary(options.messages == nullptr);
    ws.text(options.messages != nullptr);
    ws.auto_fragment(false);
    ws.read_message_max(0);
    // The same parameters as the other clients': it is not zlib that is compared.
    websocket::permessage_deflate deflate;
    deflate.client_enable = options.deflate;
    deflate.compLevel = 6;
    deflate.memLevel = 8;
    ws.set_option(deflate);
}

template <class Stream> std::unique_ptr<websocket::stream<Stream>> connect() {
    auto ws = make<Stream>();
    auto &transport = layers<Stream>::transport(ws->next_layer());
    auto &socket = beast::get_lowest_layer(transport);
    socket.connect(endpoint());
    socket.set_option(tcp::no_delay(true));
    if constexpr (!std::is_same_v<std::decay_t<decltype(transport)>, plain_stream>) {
        configure_tls(transport);
        transport.handshake(ssl::stream_base::client);
    }
    configure(*ws);
    ws->handshake(authority(), options.path);
    return ws;
}

template <class WebSocket, class Buffer> std::string read_text(WebSocket &ws, Buffer &buffer) {
    ws.read(buffer);
    return beast::buffers_to_string(buffer.data());
}

std::vector<std::string> outgoing() {
    if (!options.messages) {
        uint8_t *payload = pattern_payload(options.size);
        return {std::string(reinterpret_cast<char *>(payload), options.size)};
    }
    std::vector<std::string> lines;
    std::ifstream file(options.messages);
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
}

void check(beast::flat_buffer &buffer, uint64_t index, const std::vector<std::string> &messages) {
    auto data = buffer.data();
    if (!options.messages) return check_payload(static_cast<const uint8_t *>(data.data()), data.size(), options.size);
    auto &expected = messages[index % messages.size()];
    if (data.size() != expected.size() || memcmp(data.data(), expected.data(), data.size()) != 0)
        die("a message came back changed");
}

template <class Stream> void send() {
    auto ws = connect<Stream>();
    auto payload = outgoing()[0];
    measure_begin();
    for (uint64_t i = 0; i < options.count; i++) ws->write(asio::buffer(payload));
    beast::flat_buffer buffer;
    auto text = read_text(*ws, buffer);
    measure_end();
    check_done(text.data(), text.size(), &options);
    report(options.count);
}

template <class Stream> void receive() {
    auto ws = connect<Stream>();
    beast::flat_buffer buffer;
    measure_begin();
    ws->text(true);
    ws->write(asio::buffer("go", 2));
    for (uint64_t i = 0; i < options.count; i++) {
        ws->read(buffer);
        if (options.messages) {
            auto text = static_cast<const char *>(buffer.data().data());
            if (buffer.size() != options.size || text[0] != '{' || text[buffer.size() - 1] != '}') die("a wrong message");
        } else {
            check(buffer, 0, {});
        }
        buffer.clear();
    }
    measure_end();
    report(options.count);
}

template <class Stream> void echo() {
    auto ws = connect<Stream>();
    auto messages = outgoing();
    beast::flat_buffer buffer;
    measure_begin();
    for (uint64_t sent = 0, received = 0; received < options.count;) {
        uint64_t begin = options.window == 1 ? now_ns() : 0;
        while (sent < options.count && sent - received < options.window)
            ws->write(asio::buffer(messages[sent++ % messages.size()]));
            // All that has arrived before the next write.
        do {
            ws->read(buffer);
            check(buffer, received++, messages);
            buffer.clear();
        } while (received < sent && layers<Stream>::has_input(ws->next_layer()));
        if (options.window == 1) measure_latency(now_ns() - begin);
    }
    measure_end();
    report(options.count);
}

// Many connections.

template <class Stream> struct client : std::enable_shared_from_this<client<Stream>> {
    websocket::stream<Stream> ws = make();
    beast::flat_buffer buffer;
    std::function<void(std::shared_ptr<client>)> opened;
    std::function<void()> closed, answered;

    static websocket::stream<Stream> make() {
        if constexpr (std::is_same_v<Stream, plain_stream>) return websocket::stream<Stream>(io);
        else return websocket::stream<Stream>(io, tls);
    }
    static void require(beast::error_code error, const char *what) {
        if (error) die((std::string(what) + ": " + error.message()).c_str());
    }
    void open() {
        auto self = this->shared_from_this();
        beast::get_lowest_layer(ws).async_connect(endpoint(), [self](beast::error_code error) {
            require(error, "connecting");
            beast::get_lowest_layer(self->ws).set_option(tcp::no_delay(true));
            if constexpr (std::is_same_v<Stream, plain_stream>) {
                self->upgrade();
            } else {
                configure_tls(self->ws.next_layer());
                self->ws.next_layer().async_handshake(ssl::stream_base::client, [self](beast::error_code error) {
                    require(error, "TLS");
                    if (options.resume && session && !SSL_session_reused(self->ws.next_layer().native_handle()))
                        die("a session was not resumed");
                    self->upgrade();
                });
            }
        });
    }
    void upgrade() {
        auto self = this->shared_from_this();
        configure(ws);
        ws.async_handshake(authority(), options.path, [self](beast::error_code error) {
            require(error, "the upgrade");
            self->opened(self);
        });
    }
    void exchange(const std::string &payload, std::function<void()> done) {
        auto self = this->shared_from_this();
        ws.async_write(asio::buffer(payload), [self, done](beast::error_code error, std::size_t) {
            require(error, "writing");
            self->ws.async_read(self->buffer, [self, done](beast::error_code error, std::size_t) {
                require(error, "reading");
                check(self->buffer, 0, {});
                self->buffer.clear();
                done();
            });
        });
    }
    void close() {
        auto self = this->shared_from_this();
        ws.async_close(websocket::close_code::normal, [self](beast::error_code error) {
            // The server ends TCP as soon as it has answered.
            if (error && error != asio::error::eof && error != ssl::error::stream_truncated) require(error, "closing");
            // OpenSSL does not resume the session of a connection that it takes for dropped.
            if constexpr (!std::is_same_v<Stream, plain_stream>)
                SSL_set_shutdown(self->ws.next_layer().native_handle(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
            self->closed();
        });
    }
    void answer() {
        auto self = this->shared_from_this();
        ws.async_read(buffer, [self](beast::error_code error, std::size_t) {
            require(error, "reading");
            check(self->buffer, 0, {});
            self->ws.async_write(self->buffer.data(), [self](beast::error_code error, std::size_t) {
                require(error, "writing");
                self->buffer.clear();
                self->answered();
                self->answer();
            });
        });
    }
};

template <class Stream> using clients = std::vector<std::shared_ptr<client<Stream>>>;
constexpr uint64_t at_once = 64;

// Opens many, and exchanges a message over each if there is one.
template <class Stream> clients<Stream> open_all(uint64_t count, const std::string &payload) {
    clients<Stream> all;
    uint64_t begun = 0;
    std::function<void()> next = [&] {
        if (begun == count) return;
        begun++;
        auto one = std::make_shared<client<Stream>>();
        one->opened = [&](std::shared_ptr<client<Stream>> self) {
            all.push_back(self);
            if (!payload.empty()) self->exchange(payload, next);
            else next();
        };
        one->open();
    };
    for (uint64_t i = 0; i < at_once; i++) next();
    io.run();
    io.restart();
    if (all.size() != count) die("not all connections opened");
    return all;
}

template <class Stream> void connects() {
    uint64_t begun = 0, ended = 0;
    // Kept: OpenSSL does not resume the session of a connection that was dropped.
    clients<Stream> first;
    if (options.resume && options.tls) {
        first = open_all<Stream>(1, outgoing()[0]);
        if (!session) die("no session to resume");
    }
    std::function<void()> next = [&] {
        if (begun == options.count) return;
        begun++;
        auto one = std::make_shared<client<Stream>>();
        one->opened = [](std::shared_ptr<client<Stream>> self) { self->close(); };
        one->closed = [&] {
            ended++;
            next();
        };
        one->open();
    };
    measure_begin();
    for (uint64_t i = 0; i < options.connections; i++) next();
    io.run();
    measure_end();
    if (ended != options.count) die("not all connections closed");
    report(options.count);
}

template <class Stream> void idle() {
    auto payload = outgoing()[0];
    auto busy = open_all<Stream>(1, payload)[0];
    open_all<Stream>(8, payload);
    double before = resident_kib();
    auto idle = open_all<Stream>(options.connections, payload);
    if (options.connections) measured.kib_per_connection = (resident_kib() - before) / double(options.connections);
    // The others have a read outstanding, as connections have that are not used at the moment.
    for (auto &one : idle) one->answered = [] {}, one->answer();
    uint64_t done = 0;
    std::function<void()> round = [&] {
        uint64_t begin = now_ns();
        busy->exchange(payload, [&, begin] {
            measure_latency(now_ns() - begin);
            if (++done < options.count) return round();
            measure_end();
            report(options.count);
            _exit(0);
        });
    };
    measure_begin();
    round();
    io.run();
}

// How long connections run before their messages are counted.
constexpr auto settling = std::chrono::milliseconds(500);

template <class Stream> void answer() {
    uint64_t opened = 0, answered = 0, before = 0;
    asio::steady_timer timer(io);
    auto measure = [&](beast::error_code) {
        before = answered;
        measure_begin();
        timer.expires_after(std::chrono::microseconds(uint64_t(options.seconds * 1e6)));
        timer.async_wait([&](beast::error_code) {
            measure_end();
            report(answered - before);
            _exit(0);
        });
    };
    std::function<void()> next = [&] {
        auto one = std::make_shared<client<Stream>>();
        one->answered = [&] { answered++; };
        one->opened = [&](std::shared_ptr<client<Stream>> self) {
            self->answer();
            if (++opened < options.connections) return next();
            timer.expires_after(settling);
            timer.async_wait(measure);
        };
        one->open();
    };
    next();
    io.run();
}

template <class Next> void run() {
    std::string workload = options.workload;
    if (workload == "send") is_small() ? send<buffered<Next>>() : send<Next>();
    else if (workload == "receive") is_small() ? receive<buffered<Next>>() : receive<Next>();
    else if (workload == "echo" && options.window > 1) is_small() ? echo<buffered<Next>>() : echo<Next>();
    else if (workload == "echo") echo<Next>();
    else if (workload == "connect") connects<Next>();
    else if (workload == "idle") idle<Next>();
    else if (workload == "answer") answer<Next>();
    else unsupported();
}

} // namespace

int main(int argc, char **argv) try {
    options = options_read(argc, argv);
    if (!options.tls) run<plain_stream>();
    else {
        tls.load_verify_file(options.ca);
        tls.set_verify_mode(ssl::verify_peer);
        SSL_CTX_set_session_cache_mode(tls.native_handle(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(tls.native_handle(), keep_session);
        run<tls_stream>();
    }
} catch (const std::exception &error) {
    die(error.what());
}

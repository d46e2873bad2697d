// A closed-loop HTTP/1.1 load generator that can do what Debian's cannot: keep-alive and
// new-connection calls through CONNECT with TLS inside. One thread, epoll, bounded in time and in
// connections. Prints one line of JSON. Exits 1 when a call went wrong.
//
//   connect_load --to 127.0.0.1:8080 --url http://host:port/path --mode direct|absolute|connect
//                [--ca FILE] [--connections 32] [--seconds 5] [--reconnect]

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Time = std::chrono::steady_clock;

struct Options {
  sockaddr_in to{};
  std::string mode = "direct", host, authority, path = "/", ca;
  bool tls = false, reconnect = false;
  int connections = 32;
  int seconds = 5;
};

[[noreturn]] void usage(const std::string& why) {
  std::fprintf(
      stderr,
      "connect_load: %s\nusage: connect_load --to IP:PORT --url URL --mode direct|absolute|"
      "connect [--ca FILE] [--connections N] [--seconds N] [--reconnect]\n",
      why.c_str());
  std::exit(2);
}

int number(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > most) {
    usage("not a number in range: " + std::string(text));
  }
  return value;
}

void set_url(Options& options, std::string_view url) {
  options.tls = url.starts_with("https://");
  if (!options.tls && !url.starts_with("http://")) usage("--url must be http or https");
  url.remove_prefix(options.tls ? 8 : 7);
  const auto slash = std::min(url.find('/'), url.size());
  options.authority = url.substr(0, slash);
  options.host = options.authority.substr(0, options.authority.find(':'));
  if (slash < url.size()) options.path = url.substr(slash);
}

void set_to(Options& options, const std::string& text) {
  const auto colon = text.find(':');
  options.to.sin_family = AF_INET;
  if (colon == std::string::npos ||
      ::inet_pton(AF_INET, text.substr(0, colon).c_str(), &options.to.sin_addr) != 1) {
    usage("--to must be IPv4:PORT");
  }
  options.to.sin_port = htons(static_cast<std::uint16_t>(number(text.substr(colon + 1), 65535)));
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--reconnect") {
      options.reconnect = true;
      continue;
    }
    if (i + 1 >= argc) usage("no value for " + name);
    const std::string value = argv[++i];
    if (name == "--to")
      set_to(options, value);
    else if (name == "--url")
      set_url(options, value);
    else if (name == "--mode")
      options.mode = value;
    else if (name == "--ca")
      options.ca = value;
    else if (name == "--connections")
      options.connections = number(value, 10'000);
    else if (name == "--seconds")
      options.seconds = number(value, 600);
    else
      usage("unknown option " + name);
  }
  if (options.to.sin_port == 0 || options.authority.empty()) usage("--to and --url are needed");
  if (options.mode != "direct" && options.mode != "absolute" && options.mode != "connect") {
    usage("unknown mode " + options.mode);
  }
  return options;
}

struct SslCtxDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// What the loop wants to hear of next from a connection.
enum class Want : std::uint8_t { read, write, nothing };

class Connection {
 public:
  Connection(const Options& options, SSL_CTX* context) : options_(options), context_(context) {}
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }

  void open(int epoll) {
    close();
    epoll_ = epoll;
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) throw std::runtime_error("socket");
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    started_ = Time::now();
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&options_.to), sizeof options_.to) != 0 &&
        errno != EINPROGRESS) {
      throw std::runtime_error("connect");
    }
    step_ = Step::connecting;
    watched_ = Want::nothing;
    watch(Want::write);
  }

  // Goes on until it must wait. True when a call was finished, with its latency; on a kept
  // connection the next call is then ready to be sent.
  bool advance(Time::duration& latency) {
    for (;;) {
      switch (step_) {
      case Step::connecting: after_connect(); break;
      case Step::handshake:
        if (!handshake()) return false;
        break;
      case Step::sending:
        if (!send()) return false;
        break;
      case Step::receiving:
        if (!receive()) return false;
        if (in_connect_) {
          begin_tls();
          break;
        }
        latency = Time::now() - started_;
        if (!options_.reconnect) begin_call();
        return true;
      }
    }
  }

  void close() {
    ssl_.reset();
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  enum class Step : std::uint8_t { connecting, handshake, sending, receiving };

  void watch(Want want) {
    if (want == watched_) return;
    epoll_event event{};
    event.events = want == Want::read ? EPOLLIN : EPOLLOUT;
    event.data.ptr = this;
    ::epoll_ctl(epoll_, watched_ == Want::nothing ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd_, &event);
    watched_ = want;
  }

  void after_connect() {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) throw std::runtime_error("connection refused");
    in_connect_ = options_.mode == "connect";
    if (in_connect_) {
      begin("CONNECT " + options_.authority + " HTTP/1.1\r\nHost: " + options_.authority +
            "\r\n\r\n");
    } else if (options_.tls) {
      begin_tls();
    } else {
      begin_request();
    }
  }

  void begin_tls() {
    in_connect_ = false;
    if (!options_.tls) return begin_request();
    ssl_.reset(SSL_new(context_));
    SSL_set_fd(ssl_.get(), fd_);
    SSL_set_tlsext_host_name(ssl_.get(), options_.host.c_str());
    SSL_set1_host(ssl_.get(), options_.host.c_str());
    SSL_set_connect_state(ssl_.get());
    step_ = Step::handshake;
  }

  bool handshake() {
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) {
      begin_request();
      return true;
    }
    return would_block(result);
  }

  void begin_call() {
    started_ = Time::now();
    begin_request();
  }

  void begin_request() {
    const bool absolute = options_.mode == "absolute";
    std::string text = "GET " + (absolute ? "http://" + options_.authority : std::string());
    begin(text + options_.path + " HTTP/1.1\r\nHost: " + options_.authority +
          "\r\nUser-Agent: connect_load\r\nAccept: */*\r\n\r\n");
  }

  void begin(std::string text) {
    out_ = std::move(text);
    sent_ = 0;
    in_.clear();
    step_ = Step::sending;
  }

  bool would_block(int result) {
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ) {
      watch(Want::read);
    } else if (error == SSL_ERROR_WANT_WRITE) {
      watch(Want::write);
    } else {
      const auto code = ERR_get_error();
      throw std::runtime_error(std::string("TLS: ") +
                               (code != 0 ? ERR_reason_error_string(code) : "closed"));
    }
    return false;
  }

  bool send() {
    const char* data = out_.data() + sent_;
    const int size = static_cast<int>(out_.size() - sent_);
    const auto done =
        ssl_ ? SSL_write(ssl_.get(), data, size)
             : static_cast<int>(::send(fd_, data, static_cast<std::size_t>(size), MSG_NOSIGNAL));
    if (done <= 0) {
      if (ssl_) return would_block(done);
      if (errno != EAGAIN) throw std::runtime_error("send failed");
      watch(Want::write);
      return false;
    }
    sent_ += static_cast<std::size_t>(done);
    if (sent_ == out_.size()) step_ = Step::receiving;
    return true;
  }

  bool receive() {
    while (!message_complete()) {
      char buffer[16384];
      const auto got = ssl_ ? SSL_read(ssl_.get(), buffer, sizeof buffer)
                            : static_cast<int>(::recv(fd_, buffer, sizeof buffer, 0));
      if (got > 0) {
        in_.append(buffer, static_cast<std::size_t>(got));
        continue;
      }
      if (ssl_) return would_block(got);
      if (got == 0) throw std::runtime_error("closed in mid answer");
      if (errno != EAGAIN) throw std::runtime_error("recv failed");
      watch(Want::read);
      return false;
    }
    return true;
  }

  // A 200 with Content-Length, or chunked and ended; any other answer is an error of the bench.
  bool message_complete() {
    const auto end = in_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    if (in_.compare(8, 5, " 200 ") != 0) throw std::runtime_error("answer: " + in_.substr(0, 60));
    if (in_connect_) return true;
    std::string head = in_.substr(0, end + 2);
    std::transform(head.begin(), head.end(), head.begin(),
                   [](unsigned char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : char(c); });
    constexpr std::string_view kLength = "\r\ncontent-length:";
    const auto at = head.find(kLength);
    if (at == std::string::npos) return in_.ends_with("0\r\n\r\n");
    const char* digits = head.data() + at + kLength.size();
    while (*digits == ' ') ++digits;
    std::size_t length = 0;
    std::from_chars(digits, head.data() + head.size(), length);
    return in_.size() >= end + 4 + length;
  }

  const Options& options_;
  SSL_CTX* context_;
  std::unique_ptr<SSL, SslDeleter> ssl_;
  int fd_ = -1;
  int epoll_ = -1;
  Step step_ = Step::connecting;
  Want watched_ = Want::nothing;
  bool in_connect_ = false;
  std::string in_, out_;
  std::size_t sent_ = 0;
  Time::time_point started_;
};

struct Result {
  std::vector<std::uint32_t> latencies_us;
  std::uint64_t errors = 0;
  std::string first_error;
  double seconds = 0;
};

Result run(const Options& options, SSL_CTX* context) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> connections;
  Result result;
  result.latencies_us.reserve(1 << 20);
  const auto began = Time::now();
  const auto until = began + std::chrono::seconds(options.seconds);
  for (int i = 0; i < options.connections; ++i) {
    connections.push_back(std::make_unique<Connection>(options, context));
    connections.back()->open(epoll);
  }
  const auto serve = [&](Connection& connection) {
    try {
      Time::duration latency{};
      while (connection.advance(latency)) {
        const auto us = std::chrono::duration_cast<std::chrono::microseconds>(latency).count();
        result.latencies_us.push_back(static_cast<std::uint32_t>(us));
        if (options.reconnect) return connection.open(epoll);
      }
    } catch (const std::exception& error) {
      if (result.errors++ == 0) result.first_error = error.what();
      connection.open(epoll);
    }
  };
  std::vector<epoll_event> events(256);
  // Errors are a finding, not a load: a hundred of them end the run.
  while (Time::now() < until && result.errors < 100) {
    const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < ready; ++i)
      serve(*static_cast<Connection*>(events[std::size_t(i)].data.ptr));
  }
  result.seconds = std::chrono::duration<double>(Time::now() - began).count();
  connections.clear();
  ::close(epoll);
  return result;
}

void print(Result& result) {
  auto& all = result.latencies_us;
  std::sort(all.begin(), all.end());
  const auto at = [&all](double part) {
    return all.empty() ? 0U : all[std::min(all.size() - 1, std::size_t(part * double(all.size())))];
  };
  std::printf("{\"calls\":%zu,\"errors\":%llu,\"seconds\":%.3f,\"per_second\":%.1f,\"p50_us\":%u,"
              "\"p99_us\":%u,\"max_us\":%u}\n",
              all.size(), static_cast<unsigned long long>(result.errors), result.seconds,
              double(all.size()) / result.seconds, at(0.5), at(0.99),
              all.empty() ? 0U : all.back());
  if (result.errors != 0) std::fprintf(stderr, "connect_load: %s\n", result.first_error.c_str());
}

} // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  const std::unique_ptr<SSL_CTX, SslCtxDeleter> context(SSL_CTX_new(TLS_client_method()));
  // New connections are to be new: no session is resumed.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (!options.ca.empty() &&
      SSL_CTX_load_verify_locations(context.get(), options.ca.c_str(), nullptr) != 1) {
    usage("cannot read " + options.ca);
  }
  Result result = run(options, context.get());
  print(result);
  return result.errors == 0 && !result.latencies_us.empty() ? 0 : 1;
}

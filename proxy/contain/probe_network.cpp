// The part of the probe that sends: all attempts at once, each with its own idea of a good end.
#include "policy/base/bytes.hpp"
#include "policy/base/clock.hpp"
#include "proxy/contain/probe_run.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <utility>

namespace sluice::contain {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kAnswerWithin =
    8000 * kMillisecond;                                // as long as the sidecar looks for a name
constexpr std::int64_t kSilentFor = 150 * kMillisecond; // nobody else answers that fast or ever
constexpr std::size_t kLongestHead = 16384;
constexpr std::string_view kRequest = "GET /sluice-probe HTTP/1.1\r\n"
                                      "Host: sluice-probe.invalid\r\nConnection: close\r\n\r\n";
// Who asks for sluice-probe.invalid, type A; the id is "sl".
constexpr char kQuestion[] = "sl\x01\0\0\1\0\0\0\0\0\0\x0csluice-probe\7invalid\0\0\1\0\1";

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Address address_of(const char* text, std::uint16_t port) {
  Address out;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&out.storage, &v4, out.size = sizeof v4);
  } else if (::inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&out.storage, &v6, out.size = sizeof v6);
  }
  return out;
}

std::string name_of(std::string_view what, const char* address, std::uint16_t port) {
  const std::string host = std::strchr(address, ':') != nullptr ? "[" + std::string(address) + "]"
                                                                : std::string(address);
  return std::string(what) + " to " + host + (port == 0 ? "" : ":" + std::to_string(port));
}

// One way out, being tried.
class Attempt {
 public:
  Attempt(std::string name, std::string expected, std::int64_t patience) : patience_(patience) {
    check_.name = std::move(name);
    check_.expected = std::move(expected);
  }
  virtual ~Attempt() = default;

  void open(const char* address, std::uint16_t port, int type, int protocol = 0) {
    const Address at = address_of(address, port);
    const int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    fd_ = UniqueFd(::socket(at.storage.ss_family, type | flags, protocol));
    if (!fd_.valid()) return refused(errno);
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&at.storage), at.size) != 0 &&
        errno != EINPROGRESS)
      return refused(errno);
    opened();
  }
  virtual void opened() = 0;
  virtual void ready() = 0;
  virtual void expired() = 0;
  virtual void refused(int error) = 0; // by the kernel, at once or later

  const Check& check() const noexcept { return check_; }
  const std::string& expected() const noexcept { return check_.expected; }
  bool over() const noexcept { return over_; }
  short events() const noexcept { return events_; }
  int fd() const noexcept { return fd_.get(); }
  std::int64_t patience() const noexcept { return patience_; }

 protected:
  void end(bool ok, std::string got) {
    check_.ok = ok;
    check_.got = std::move(got);
    over_ = true;
  }
  void wait_for(short events) noexcept { events_ = events; }

 private:
  Check check_;
  UniqueFd fd_;
  std::int64_t patience_;
  short events_ = POLLIN;
  bool over_ = false;
};

// Must reach the sidecar, wherever it is addressed to.
class CapturedTcp final : public Attempt {
 public:
  explicit CapturedTcp(std::string name)
      : Attempt(std::move(name), "an answer of the sidecar", kAnswerWithin) {}
  void opened() override { wait_for(POLLOUT); }
  void ready() override { events() == POLLOUT ? connected() : read(); }
  void expired() override { end(false, "no answer"); }
  void refused(int error) override { end(false, std::strerror(error)); }

 private:
  void connected() {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return refused(error);
    if (::send(fd(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(kRequest.size()))
      return refused(errno);
    wait_for(POLLIN);
  }
  void read() {
    char chunk[2048];
    const ssize_t got = ::recv(fd(), chunk, sizeof chunk, 0);
    if (got > 0) head_.append(chunk, static_cast<std::size_t>(got));
    const auto end_of_head = head_.find("\r\n\r\n");
    const bool whole = end_of_head != std::string::npos || head_.size() > kLongestHead;
    const bool more = got > 0 || (got < 0 && errno == EAGAIN);
    if (!whole && more) return;
    const auto head = ascii_lower(std::string_view(head_).substr(0, end_of_head));
    const bool ours =
        head.rfind("http/1.", 0) == 0 && head.find("\nx-sluice-decision:") != std::string::npos;
    end(whole && ours, head.empty() ? "closed without an answer"
                       : ours       ? expected()
                                    : "an answer of somebody else");
  }
  std::string head_;
};

// Must be refused by the kernel.
class RefusedTcp final : public Attempt {
 public:
  explicit RefusedTcp(std::string name) : Attempt(std::move(name), "refused", kAnswerWithin) {}
  void opened() override { wait_for(POLLOUT); }
  void ready() override {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    end(error != 0, error != 0 ? std::strerror(error) : "connected");
  }
  void expired() override { end(false, "neither connected nor refused"); }
  void refused(int error) override { end(true, std::strerror(error)); }
};

// Must be refused, or vanish.
class SilentDatagram final : public Attempt {
 public:
  SilentDatagram(std::string name, std::string bytes)
      : Attempt(std::move(name), "refused or no answer", kSilentFor), bytes_(std::move(bytes)) {}
  void opened() override {
    if (::send(fd(), bytes_.data(), bytes_.size(), 0) < 0) refused(errno);
  }
  void ready() override {
    char answer[512];
    if (::recv(fd(), answer, sizeof answer, 0) >= 0) return end(false, "an answer");
    if (errno != EAGAIN) refused(errno);
  }
  void expired() override { end(true, "no answer"); }
  void refused(int error) override { end(true, std::strerror(error)); }

 private:
  std::string bytes_;
};

// Must be answered by the sidecar, which knows no such name.
class CapturedDns final : public Attempt {
 public:
  explicit CapturedDns(std::string name)
      : Attempt(std::move(name), "a DNS answer that knows no such name", kAnswerWithin) {}
  void opened() override {
    if (::send(fd(), kQuestion, sizeof kQuestion - 1, 0) < 0) refused(errno);
  }
  void ready() override {
    unsigned char answer[512];
    const ssize_t got = ::recv(fd(), answer, sizeof answer, 0);
    if (got < 0) return errno == EAGAIN ? void() : refused(errno);
    const bool ours = got >= 12 && answer[0] == 's' && answer[1] == 'l' && (answer[2] & 0x80) != 0;
    const int code = ours ? answer[3] & 0x0f : -1;
    end(code == 2 || code == 3 || code == 5,
        ours ? "response code " + std::to_string(code) : "no DNS answer");
  }
  void expired() override { end(false, "no answer"); }
  void refused(int error) override { end(false, std::strerror(error)); }
};

using Attempts = std::vector<std::unique_ptr<Attempt>>;

template <class Kind, class... More>
void add(Attempts& all, std::string_view what, const char* address, std::uint16_t port, int type,
         int protocol = 0, More&&... more) {
  auto one = std::make_unique<Kind>(name_of(what, address, port), std::forward<More>(more)...);
  one->open(address, port, type, protocol);
  all.push_back(std::move(one));
}

Attempts open_all(const Plan& plan) {
  Attempts all;
  for (const std::uint16_t port : std::initializer_list<std::uint16_t>{80, 443, 22, 8443})
    add<CapturedTcp>(all, "tcp", "192.0.2.1", port, SOCK_STREAM);
  add<CapturedTcp>(all, "tcp", "169.254.169.254", 80, SOCK_STREAM);
  add<RefusedTcp>(all, "tcp", "127.0.0.1", plan.options.tcp_port, SOCK_STREAM);
  add<CapturedDns>(all, "dns", "192.0.2.1", 53, SOCK_DGRAM);
  add<CapturedDns>(all, "dns", "127.0.0.53", 53, SOCK_DGRAM);
  for (const std::uint16_t port : std::initializer_list<std::uint16_t>{443, 123})
    add<SilentDatagram>(all, "udp", "192.0.2.1", port, SOCK_DGRAM, 0, "sluice-probe");
  const std::string echo("\x08\0\0\0\0\0\0\1", 8), echo6("\x80\0\0\0\0\0\0\1", 8);
  add<SilentDatagram>(all, "ping", "192.0.2.1", 0, SOCK_DGRAM, IPPROTO_ICMP, echo);
  if (!plan.ipv6) {
    add<RefusedTcp>(all, "tcp", "2001:db8::1", 80, SOCK_STREAM);
    return all;
  }
  add<CapturedTcp>(all, "tcp", "2001:db8::1", 80, SOCK_STREAM);
  add<CapturedTcp>(all, "tcp", "::ffff:192.0.2.1", 80, SOCK_STREAM);
  add<RefusedTcp>(all, "tcp", "::1", plan.options.tcp_port, SOCK_STREAM);
  add<CapturedDns>(all, "dns", "2001:db8::1", 53, SOCK_DGRAM);
  add<SilentDatagram>(all, "udp", "2001:db8::1", 443, SOCK_DGRAM, 0, "sluice-probe");
  add<SilentDatagram>(all, "ping", "2001:db8::1", 0, SOCK_DGRAM, IPPROTO_ICMPV6, echo6);
  return all;
}

} // namespace

void probe_network(const Plan& plan, const Tell& tell) {
  const SystemClock clock;
  const auto began = clock.monotonic_nanos();
  auto all = open_all(plan);
  for (;;) {
    const auto over =
        std::stable_partition(all.begin(), all.end(), [](const auto& one) { return !one->over(); });
    std::for_each(over, all.end(), [&tell](const auto& one) { tell(one->check()); });
    all.erase(over, all.end());
    if (all.empty()) return;
    const auto passed = clock.monotonic_nanos() - began;
    auto patience = kAnswerWithin;
    std::vector<pollfd> waiting;
    for (const auto& one : all) {
      patience = std::min(patience, one->patience());
      waiting.push_back({one->fd(), one->events(), 0});
    }
    const auto left = std::max<std::int64_t>(0, patience - passed) / kMillisecond;
    (void)::poll(waiting.data(), waiting.size(), static_cast<int>(left) + 1);
    const auto now = clock.monotonic_nanos() - began;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (waiting[i].revents != 0) {
        all[i]->ready();
      } else if (now >= all[i]->patience()) {
        all[i]->expired();
      }
    }
  }
}

} // namespace sluice::contain

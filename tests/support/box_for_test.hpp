// A box with something in the sidecar's place: it answers every connection as the sidecar would
// refuse one, every question with NXDOMAIN, and remembers where connections were meant to go.
// What CMD prints is captured. Never for the product.
#pragma once

#include "proxy/contain/plan.hpp"
#include "proxy/contain/process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::contain::test {

inline constexpr const char* kSidecar = "HTTP/1.1 403 Forbidden\r\nX-Sluice-Decision: block\r\n"
                                        "Content-Length: 2\r\nConnection: close\r\n\r\nno";

inline std::string original_destination(int fd, bool ipv6) {
  char text[INET6_ADDRSTRLEN] = {};
  if (ipv6) {
    sockaddr_in6 to{};
    socklen_t size = sizeof to;
    if (::getsockopt(fd, IPPROTO_IPV6, SO_ORIGINAL_DST, &to, &size) != 0) return "none";
    ::inet_ntop(AF_INET6, &to.sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(to.sin6_port));
  }
  sockaddr_in to{};
  socklen_t size = sizeof to;
  if (::getsockopt(fd, IPPROTO_IP, SO_ORIGINAL_DST, &to, &size) != 0) return "none";
  ::inet_ntop(AF_INET, &to.sin_addr, text, sizeof text);
  return std::string(text) + ":" + std::to_string(ntohs(to.sin_port));
}

class Answerer {
 public:
  Answerer(std::vector<BoxSocket> sockets, std::string answer)
      : sockets_(std::move(sockets)), answer_(std::move(answer)), thread_([this] { run(); }) {}
  ~Answerer() { stop(); }
  // The original destinations, in order of arrival.
  std::vector<std::string> stop() {
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
    return destinations_;
  }

 private:
  void run() {
    while (!stopped_) {
      std::vector<pollfd> waiting;
      for (const auto& one : sockets_) waiting.push_back({one.fd.get(), POLLIN, 0});
      (void)::poll(waiting.data(), waiting.size(), 10);
      for (std::size_t i = 0; i < sockets_.size(); ++i) {
        if (waiting[i].revents == 0) continue;
        sockets_[i].role == BoxSocket::Role::dns_udp ? resolve(sockets_[i]) : serve(sockets_[i]);
      }
    }
  }
  void resolve(const BoxSocket& on) {
    char packet[1500];
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const ssize_t got = ::recvfrom(on.fd.get(), packet, sizeof packet, 0,
                                   reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 12) return;
    packet[2] = static_cast<char>(packet[2] | 0x80);
    packet[3] = 3; // NXDOMAIN
    (void)::sendto(on.fd.get(), packet, static_cast<std::size_t>(got), 0,
                   reinterpret_cast<const sockaddr*>(&from), size);
  }
  void serve(const BoxSocket& on) {
    const UniqueFd peer(::accept4(on.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!peer.valid()) return;
    destinations_.push_back(original_destination(peer.get(), on.ipv6));
    const timeval patience{2, 0};
    ::setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char request[2048];
    if (::recv(peer.get(), request, sizeof request, 0) > 0 && !answer_.empty())
      (void)::send(peer.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
  }

  std::vector<BoxSocket> sockets_;
  std::string answer_;
  std::vector<std::string> destinations_;
  std::atomic<bool> stopped_{false};
  std::thread thread_; // last: it uses the others
};

// Standard output into memory while it exists. The box inherits it.
class Captured {
 public:
  Captured() : file_(::memfd_create("out", MFD_CLOEXEC)), before_(::dup(STDOUT_FILENO)) {
    ::dup2(file_.get(), STDOUT_FILENO);
  }
  ~Captured() { ::dup2(before_.get(), STDOUT_FILENO); }
  std::string text() const {
    std::string out(1 << 16, '\0');
    const ssize_t got = ::pread(file_.get(), out.data(), out.size(), 0);
    out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return out;
  }

 private:
  UniqueFd file_, before_;
};

struct Ran {
  int exit_code = -1;
  std::string output;
  std::vector<std::string> destinations; // of CMD's connections only
  ProbeReport report;
};

inline std::vector<std::string> plain_environment() {
  return {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "MARK=set"};
}

// The whole life of a box around `command`, which is started whatever the probe says.
inline Result<Ran> run_in_box(const std::vector<std::string>& command, BoxOptions options = {},
                              const Faults& faults = {}, const std::string& answer = kSidecar) {
  const sigset_t signals = block_control_signals();
  const Captured captured;
  options.workers = 2;
  SLUICE_TRY(auto&& box, Box::create(options, faults));
  Answerer answerer(box->take_sockets(), answer);
  Ran ran;
  SLUICE_TRY(auto&& report, box->probe());
  ran.report = report;
  SLUICE_TRY(box->start(command, plain_environment()));
  ran.exit_code = supervise(box->pid(), signals);
  ran.output = captured.text();
  ran.destinations = answerer.stop();
  return ran;
}

inline Result<Ran> run_script(const std::string& script, BoxOptions options = {},
                              const Faults& faults = {}) {
  return run_in_box({"/bin/sh", "-c", script}, std::move(options), faults);
}

} // namespace sluice::contain::test

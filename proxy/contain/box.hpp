// The sealed box of `sluice exec`: namespaces with no interface but `lo`, in which every TCP
// connection and every DNS question ends at sockets that the sidecar, outside, listens on. Nothing
// can leave it but through them: with the rules gone there is still no way out. It holds no state
// anywhere, so whatever is killed leaves nothing behind, and it dies with the process that made it.
// Never promises what the probe has not shown: probe() before start().
// Tested by tests/contain/box_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/base/unique_fd.hpp"
#include "proxy/contain/channel.hpp"
#include "proxy/contain/probe.hpp"

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::contain {

struct User {
  uid_t uid = 65534;
  gid_t gid = 65534;
};

struct BoxOptions {
  // Whom CMD runs as in a "namespace"; in a "user-namespace" it is always who we are.
  std::optional<User> user;
  // Files and directories of ours that CMD must not see: covered by something empty. They must
  // exist, because what appears later would appear in the box too.
  std::vector<std::string> hidden;
  // Files below a hidden directory that CMD needs (the trust bundle): copies stay readable.
  std::vector<std::string> readable;
  // Nothing that others could find can be written: all files are read-only, but for empty /tmp,
  // /var/tmp and /dev/shm of the box's own. One of these that a folder of `kept` lies in stays as
  // it is, read-only.
  bool own_files = false;
  std::vector<std::string> kept = {};
  std::string admin_socket; // the probe tries to connect to it; "" for none
  bool door = false;        // dial() goes in
  unsigned workers = 1;     // sockets of each family that share a port
  // Where the sidecar answers on the box's loopback, 127.0.0.1, besides: a socket of each.
  std::vector<std::uint16_t> slot_ports;
  std::uint16_t proxy_port = 15001, tcp_port = 15006, dns_port = 15053; // inside the box, all ours
};

struct BoxSocket {
  // tcp: SO_ORIGINAL_DST tells where a connection was meant to go. proxy: nothing is steered here;
  // it is for clients that have a proxy variable, whose refusals are then readable.
  enum class Role : char { tcp = 't', proxy = 'p', dns_udp = 'u', dns_tcp = 'd', slot = 's' };
  Role role = Role::tcp;
  bool ipv6 = false;
  std::uint16_t port = 0; // in the box
  UniqueFd fd;            // stream sockets listen already; all are non-blocking
};

struct Faults; // what the tests break on purpose

class Box {
 public:
  // Forks: call it before the process has threads, and from the thread that lives longest, because
  // the box ends with it. Fails (config, "containment_unavailable") with the reason.
  static Result<std::unique_ptr<Box>> create(const BoxOptions& options);
  static Result<std::unique_ptr<Box>> create(const BoxOptions& options, const Faults& faults);
  ~Box(); // ends whatever still runs in it
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

  std::string_view kind() const noexcept; // "namespace" | "user-namespace"
  // Not in the order of workers; the caller closes what it takes.
  std::vector<BoxSocket> take_sockets() { return std::move(sockets_); }
  // Tries the ways out with CMD's privileges. Requires: somebody answers on the sockets.
  Result<ProbeReport> probe();
  // Once. `environment` is all of it, as "NAME=value". `output`: what CMD's standard output and
  // error go to, and then its input is empty; -1: it has ours.
  Result<> start(const std::vector<std::string>& command,
                 const std::vector<std::string>& environment, int output = -1);
  // A connection to what listens on the box's loopback, see door.hpp. Requires: a door, and
  // start().
  Result<UniqueFd> dial(std::uint16_t port) const;
  // Readable when the box has ended.
  int ended_fd() const noexcept { return process_.get(); }
  // Ends, with CMD's exit code (128 + signal), when the last process of the box has; forwards the
  // control signals it is sent. For supervise().
  pid_t pid() const noexcept { return pid_; }

 private:
  Box() = default;
  Result<> await_ready();

  bool user_namespace_ = false;
  pid_t pid_ = -1;
  UniqueFd process_; // a pidfd: never another process, even after pid_ was waited for
  Channel channel_, door_;
  std::vector<BoxSocket> sockets_;
};

} // namespace sluice::contain

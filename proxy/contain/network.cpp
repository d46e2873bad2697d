#include "proxy/contain/network.hpp"

#include "proxy/contain/process.hpp"
#include "proxy/contain/unavailable.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sluice::contain {
namespace {

constexpr int kBacklog = 4096;
constexpr std::size_t kLongestComplaint = 1024;

// ---- tools -------------------------------------------------------------------------------------

UniqueFd file_of(std::string_view text) {
  UniqueFd file(::memfd_create("sluice", MFD_CLOEXEC));
  if (!file.valid()) return file;
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::lseek(file.get(), 0, SEEK_SET) != 0)
    return UniqueFd();
  return file;
}

std::string first_part_of(const UniqueFd& file) {
  char bytes[kLongestComplaint];
  const ssize_t got = ::pread(file.get(), bytes, sizeof bytes, 0);
  std::string text(bytes, got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// Runs `command` with `input` on its standard input and an empty environment.
Result<> run_tool(std::vector<std::string> command, std::string_view input) {
  const UniqueFd in = file_of(input), complaints = file_of({});
  if (!in.valid() || !complaints.valid()) return system_failed("memfd_create");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, complaints.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, complaints.get(), STDERR_FILENO);
  auto argv = as_argv(command);
  char* nothing[] = {nullptr};
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), nothing);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return unavailable(command.front() + ": " + std::strerror(failed));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return success();
  return unavailable(command.front() + " failed: " + first_part_of(complaints));
}

// ---- addresses, routes, rules ------------------------------------------------------------------

// With one address of each family besides loopback, resolvers that ask only for families in use
// (AI_ADDRCONFIG) ask for both. Neither address can be anybody's: IETF protocol assignments, ULA.
constexpr std::string_view kLinks4 = "link set lo up\n"
                                     "address add 192.0.0.2/32 dev lo\n"
                                     "route add local default dev lo src 192.0.0.2\n";
constexpr std::string_view kLinks6 = "address add fd00:5:1ce::2/128 dev lo nodad\n"
                                     "route add local ::/0 dev lo src fd00:5:1ce::2\n";

// `guard` stands where packets arrive and not where they are sent: every packet of the box arrives
// here, and a refusal on arrival is ECONNREFUSED for the sender instead of EPERM, which clients
// that fall back from QUIC know better.
std::string rules(std::uint16_t tcp_port, std::uint16_t dns_port) {
  const std::string tcp = std::to_string(tcp_port), dns = std::to_string(dns_port);
  return "table inet sluice {\n"
         " chain steer {\n"
         "  type nat hook output priority -100; policy accept;\n"
         "  meta l4proto { tcp, udp } th dport 53 redirect to :" +
         dns +
         "\n"
         "  ip daddr 127.0.0.0/8 accept\n"
         "  ip6 daddr ::1 accept\n"
         "  meta l4proto tcp redirect to :" +
         tcp +
         "\n"
         " }\n"
         " chain guard {\n"
         "  type filter hook input priority 0; policy drop;\n"
         "  ct state established,related accept\n"
         "  tcp dport { " +
         tcp + ", " + dns +
         " } ct status dnat accept\n"
         "  udp dport " +
         dns +
         " ct status dnat accept\n"
         "  tcp dport { " +
         tcp + ", " + dns +
         " } reject with tcp reset\n"
         "  udp dport " +
         dns +
         " reject\n"
         "  ip daddr 127.0.0.0/8 meta l4proto { tcp, udp } accept\n"
         "  ip6 daddr ::1 meta l4proto { tcp, udp } accept\n"
         "  meta l4proto tcp reject with tcp reset\n"
         "  meta l4proto udp reject\n"
         " }\n"
         "}\n";
}

bool has_ipv6() {
  const UniqueFd any(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!any.valid()) return false;
  // A host may switch IPv6 off for every new namespace; in this one nothing can go wrong with it.
  for (const char* name :
       {"/proc/sys/net/ipv6/conf/all/disable_ipv6", "/proc/sys/net/ipv6/conf/lo/disable_ipv6"}) {
    const UniqueFd setting(::open(name, O_RDWR | O_CLOEXEC));
    char now = '1';
    if (!setting.valid() || ::read(setting.get(), &now, 1) != 1) {
      const UniqueFd readable(::open(name, O_RDONLY | O_CLOEXEC));
      if (!readable.valid() || ::read(readable.get(), &now, 1) != 1) return false;
    }
    if (now != '0' && ::pwrite(setting.get(), "0", 1, 0) != 1) return false;
  }
  return true;
}

// ---- sockets -----------------------------------------------------------------------------------

Result<BoxSocket> open_socket(BoxSocket::Role role, bool ipv6, std::uint16_t port) {
  const int type = role == BoxSocket::Role::dns_udp ? SOCK_DGRAM : SOCK_STREAM;
  const bool shared = role == BoxSocket::Role::tcp || role == BoxSocket::Role::proxy;
  BoxSocket out;
  out.role = role;
  out.ipv6 = ipv6;
  out.port = port;
  out.fd = UniqueFd(::socket(ipv6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_loopback;
  // On loopback only: from "any" the answers to redirected datagrams would have the wrong source.
  const auto* at =
      ipv6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
  const socklen_t size = ipv6 ? sizeof v6 : sizeof v4;
  const int fd = out.fd.get();
  const bool done =
      out.fd.valid() &&
      (!ipv6 || ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes) == 0) &&
      (!shared || ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) == 0) &&
      ::bind(fd, at, size) == 0 && (type == SOCK_DGRAM || ::listen(fd, kBacklog) == 0);
  if (!done) return system_failed("port " + std::to_string(port) + " in the box");
  return out;
}

} // namespace

std::string find_tool(std::string_view name) {
  for (const char* folder : {"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/", "/usr/local/sbin/"}) {
    std::string path = folder + std::string(name);
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

Result<> make_network(Plan& plan) {
  plan.ipv6 = !plan.faults.no_ipv6 && has_ipv6();
  std::string links(kLinks4);
  if (plan.ipv6) links += kLinks6;
  SLUICE_TRY(run_tool({plan.ip, "-batch", "-"}, links));
  if (plan.faults.no_rules) return success();
  return run_tool({plan.nft, "-f", "-"}, rules(plan.options.tcp_port, plan.options.dns_port));
}

Result<std::vector<BoxSocket>> open_sockets(const Plan& plan) {
  using Role = BoxSocket::Role;
  std::vector<BoxSocket> all;
  for (const bool ipv6 : {false, true}) {
    if (ipv6 && !plan.ipv6) break;
    for (unsigned i = 0; i < plan.options.workers; ++i) {
      SLUICE_TRY(auto&& one, open_socket(Role::tcp, ipv6, plan.options.tcp_port));
      all.push_back(std::move(one));
      if (ipv6) continue; // a proxy variable names one address
      SLUICE_TRY(auto&& proxy, open_socket(Role::proxy, ipv6, plan.options.proxy_port));
      all.push_back(std::move(proxy));
    }
    for (const Role role : {Role::dns_udp, Role::dns_tcp}) {
      SLUICE_TRY(auto&& one, open_socket(role, ipv6, plan.options.dns_port));
      all.push_back(std::move(one));
    }
  }
  for (const std::uint16_t port : plan.options.slot_ports) {
    SLUICE_TRY(auto&& one, open_socket(Role::slot, false, port));
    all.push_back(std::move(one));
  }
  return all;
}

} // namespace sluice::contain

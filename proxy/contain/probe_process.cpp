// The part of the probe that looks at what this process is and may do.
#include "proxy/contain/probe_run.hpp"

#include <dirent.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>
#include <utility>

namespace sluice::contain {
namespace {

// A call that must fail. Requires: errno as the call left it.
Check must_fail(std::string name, bool succeeded) {
  const std::string why = std::strerror(errno);
  return {std::move(name), "refused", succeeded ? "it worked" : why, !succeeded};
}

Check socket_refused(std::string name, int family, int type, int protocol) {
  const UniqueFd fd(::socket(family, type | SOCK_CLOEXEC, protocol));
  return must_fail(std::move(name), fd.valid());
}

Check other_namespace(std::string name, const char* path, ino_t sidecars) {
  struct stat about {};
  const bool known = ::stat(path, &about) == 0 && sidecars != 0;
  const bool ok = known && about.st_ino != sidecars;
  return {std::move(name), "not the sidecar's",
          ok      ? "its own"
          : known ? "the sidecar's"
                  : "unknown",
          ok};
}

Check interfaces() {
  std::string names;
  struct if_nameindex* list = ::if_nameindex();
  for (auto* one = list; one != nullptr && one->if_index != 0; ++one)
    names += (names.empty() ? "" : ",") + std::string(one->if_name);
  if (list != nullptr) ::if_freenameindex(list);
  return {"network interfaces", "lo", names, names == "lo"};
}

// Only init and this process, or /proc shows more than the box.
Check processes() {
  std::string others;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  const auto self = std::to_string(::getpid());
  while (const dirent* entry = proc ? ::readdir(proc.get()) : nullptr) {
    const std::string name = entry->d_name;
    if (name.find_first_not_of("0123456789") == std::string::npos && name != "1" && name != self)
      others += " " + name;
  }
  const bool ok = proc != nullptr && others.empty();
  return {"processes in /proc", "none but the box's", ok ? "none but the box's" : "pid" + others,
          ok};
}

Check capabilities() {
  std::ifstream status("/proc/self/status");
  std::string bad;
  int seen = 0;
  for (std::string line; std::getline(status, line);) {
    const bool set = line.rfind("Cap", 0) == 0;
    const bool locked = line.rfind("NoNewPrivs:", 0) == 0;
    if (!set && !locked) continue;
    ++seen;
    const auto value = line.substr(line.find_last_of(" \t") + 1);
    if (set ? value.find_first_not_of('0') != std::string::npos : value != "1") bad += " " + line;
  }
  const bool ok = seen == 6 && bad.empty();
  return {"capabilities", "none, and no new ones", ok ? "none, and no new ones" : "other:" + bad,
          ok};
}

// Not covered, and open to this user in any way.
bool exposed(const Hidden& one) {
  struct stat about {};
  if (::stat(one.path.c_str(), &about) != 0) return false;
  if (about.st_dev != one.device || about.st_ino != one.inode) return false;
  for (const int how : {R_OK, W_OK, X_OK}) {
    if (::access(one.path.c_str(), how) == 0) return true;
  }
  return false;
}

Check hidden(const Plan& plan) {
  std::string seen;
  for (const auto& one : plan.hidden) {
    if (exposed(one)) seen += " " + one.path;
  }
  return {"hidden paths", "covered or closed", seen.empty() ? "covered or closed" : "open:" + seen,
          seen.empty()};
}

Check admin_socket(const std::string& path) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path, path.data(), std::min(path.size(), sizeof at.sun_path - 1));
  return must_fail("admin socket",
                   ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
}

// A process of the box may happen to have the sidecar's number; that the box counts for itself is
// the check of the pid namespace.
bool in_the_box(pid_t pid) {
  return ::access(("/proc/" + std::to_string(pid)).c_str(), F_OK) == 0;
}

void probe_sidecar(const Plan& plan, const Tell& tell) {
  tell(other_namespace("pid namespace", "/proc/self/ns/pid", plan.sidecar_pid_namespace));
  tell(processes());
  if (!in_the_box(plan.sidecar_pid)) {
    tell(must_fail("signal to the sidecar", ::kill(plan.sidecar_pid, 0) == 0));
    tell(must_fail("ptrace of the sidecar",
                   ::ptrace(PTRACE_SEIZE, plan.sidecar_pid, nullptr, nullptr) == 0));
  }
  tell(must_fail("ptrace of the box's init", ::ptrace(PTRACE_SEIZE, 1, nullptr, nullptr) == 0));
  if (!plan.options.admin_socket.empty()) tell(admin_socket(plan.options.admin_socket));
}

} // namespace

void probe_process(const Plan& plan, const Tell& tell) {
  tell(other_namespace("network namespace", "/proc/self/ns/net", plan.sidecar_net_namespace));
  tell(interfaces());
  tell(socket_refused("raw ICMP socket", AF_INET, SOCK_RAW, IPPROTO_ICMP));
  tell(socket_refused("packet socket", AF_PACKET, SOCK_RAW, 0));
  tell(socket_refused("vsock socket", AF_VSOCK, SOCK_STREAM, 0));
  tell(capabilities());
  tell(hidden(plan));
  probe_sidecar(plan, tell);
  // Last, because these would make another process of this one.
  if (plan.sidecar_uid != ::getuid())
    tell(must_fail("becoming the sidecar's user", ::syscall(SYS_setuid, plan.sidecar_uid) == 0));
  if (::getuid() != 0) tell(must_fail("becoming root", ::syscall(SYS_setuid, 0) == 0));
}

void run_probe(const Plan& plan, const Channel& sidecar) {
  const Tell tell = [&sidecar](const Check& one) {
    std::string text = one.ok ? "ok" : "no";
    for (const auto* field : {&one.name, &one.expected, &one.got})
      text.append(1, '\0').append(*field);
    (void)sidecar.send(Word::check, text);
  };
  const auto note_closed = [&sidecar](const std::string& what) {
    (void)sidecar.send(Word::note, what + " is closed to uid " + std::to_string(::getuid()));
  };
  if (::access(".", R_OK | X_OK) != 0) note_closed("the working directory");
  for (const auto& path : plan.options.readable) {
    if (::access(path.c_str(), R_OK) != 0) note_closed(path);
  }
  probe_network(plan, tell);
  probe_process(plan, tell);
}

} // namespace sluice::contain

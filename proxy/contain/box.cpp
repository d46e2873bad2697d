#include "proxy/contain/box.hpp"

#include "proxy/contain/door.hpp"
#include "proxy/contain/init.hpp"
#include "proxy/contain/mounts.hpp"
#include "proxy/contain/network.hpp"
#include "proxy/contain/unavailable.hpp"

#include <linux/capability.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <utility>

namespace sluice::contain {
namespace {

namespace fs = std::filesystem;

std::string text_of(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

ino_t inode_of(const char* path) {
  struct stat about {};
  return ::stat(path, &about) == 0 ? about.st_ino : 0;
}

bool may_make_namespaces() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (::geteuid() != 0 || ::syscall(SYS_capget, &header, data) != 0) return false;
  const auto has = [&data](unsigned one) { return (data[0].effective >> one & 1U) != 0; };
  return has(CAP_SYS_ADMIN) && has(CAP_NET_ADMIN) && has(CAP_SETUID) && has(CAP_SETGID);
}

// Inside somebody's user namespace there may be no other user to become.
bool is_mapped(uid_t uid) {
  std::ifstream map("/proc/self/uid_map");
  std::uint64_t inside = 0, outside = 0, count = 0;
  while (map >> inside >> outside >> count) {
    if (uid >= inside && uid - inside < count) return true;
  }
  return false;
}

// Why the kernel has no user namespace for us, when a setting says so; "" otherwise.
std::string user_namespaces_refused() {
  const std::pair<const char*, char> switches[] = {
      {"/proc/sys/kernel/unprivileged_userns_clone", '0'},
      {"/proc/sys/user/max_user_namespaces", '0'},
      {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1'},
  };
  for (const auto& [path, refuses] : switches) {
    const auto value = text_of(path);
    if (value.size() == 2 && value.front() == refuses)
      return std::string(" (") + path + " is " + refuses + ")";
  }
  return "";
}

Result<std::vector<Hidden>> resolve_hidden(const BoxOptions& options) {
  std::vector<std::string> all;
  std::error_code error;
  for (const auto& path : options.hidden) {
    auto real = fs::canonical(path, error);
    if (error) return unavailable("cannot hide " + path + ": " + error.message());
    all.push_back(real.string());
  }
  const std::set<std::string> callers(all.begin(), all.end());
  for (const auto& path : known_exits(text_of("/proc/net/unix"))) {
    auto real = fs::canonical(path, error);
    // What is not there, or not ours to see, CMD cannot open either.
    if (!error) all.push_back(real.string());
  }
  std::sort(all.begin(), all.end());
  std::vector<Hidden> out;
  for (const auto& path : all) {
    // A folder comes before what lies in it, which is then covered already.
    const auto covers = [&path](const Hidden& one) {
      return path == one.path || (one.folder && path.rfind(one.path + "/", 0) == 0);
    };
    struct stat about {};
    if (std::any_of(out.begin(), out.end(), covers)) continue;
    const bool may_go = callers.count(path) == 0;
    if (::stat(path.c_str(), &about) != 0) {
      if (may_go && errno == ENOENT) continue;
      return unavailable("cannot hide " + path);
    }
    out.push_back({path, about.st_dev, about.st_ino, S_ISDIR(about.st_mode), may_go});
  }
  return out;
}

Result<Plan> make_plan(const BoxOptions& options, const Faults& faults) {
  Plan plan;
  plan.options = options;
  plan.faults = faults;
  plan.agent = options.user.value_or(User{});
  plan.user_namespace = !may_make_namespaces() || !is_mapped(plan.agent.uid);
  if (plan.user_namespace) plan.agent = User{::geteuid(), ::getegid()};
  if (!plan.user_namespace && plan.agent.uid == ::geteuid())
    return unavailable("the command cannot run as the sidecar's own user");
  for (auto [name, path] : {std::pair{"ip", &plan.ip}, std::pair{"nft", &plan.nft}}) {
    *path = find_tool(name);
    if (path->empty())
      return unavailable(std::string(name) + " is not installed (packages iproute2, nftables)");
  }
  SLUICE_TRY(auto&& hidden, resolve_hidden(options));
  plan.hidden = std::move(hidden);
  plan.sidecar_pid = ::getpid();
  plan.sidecar_uid = ::geteuid();
  plan.sidecar_pid_namespace = inode_of("/proc/self/ns/pid");
  plan.sidecar_net_namespace = inode_of("/proc/self/ns/net");
  return plan;
}

// A bare clone: a fork that puts the child into its namespaces, so that it is pid 1 of its own.
pid_t clone_into(bool user_namespace, int& process) {
  const int flags = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
                    (user_namespace ? CLONE_NEWUSER : 0) | CLONE_PIDFD | SIGCHLD;
  return static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, &process, nullptr, nullptr));
}

Check check_of(const std::string& text) {
  Check out;
  std::istringstream fields(text);
  std::string ok;
  for (auto* field : {&ok, &out.name, &out.expected, &out.got}) std::getline(fields, *field, '\0');
  out.ok = ok == "ok";
  return out;
}

} // namespace

Result<std::unique_ptr<Box>> Box::create(const BoxOptions& options) {
  return create(options, Faults{});
}

Result<std::unique_ptr<Box>> Box::create(const BoxOptions& options, const Faults& faults) {
  SLUICE_TRY(auto&& plan, make_plan(options, faults));
  SLUICE_TRY(auto&& ends, Channel::make_pair());
  std::unique_ptr<Box> box(new Box);
  box->user_namespace_ = plan.user_namespace;
  int process = -1;
  box->pid_ = clone_into(plan.user_namespace, process);
  if (box->pid_ == 0) {
    // The child's copy of our end would keep the line open when we are gone; init closes it.
    ::_exit(run_init(std::move(plan), ends.second));
  }
  if (box->pid_ < 0) {
    const std::string why = std::strerror(errno);
    return unavailable(plan.user_namespace ? "no user namespace: " + why + user_namespaces_refused()
                                           : "no namespaces: " + why);
  }
  box->process_ = UniqueFd(process);
  box->channel_ = std::move(ends.first);
  { const Channel init_end = std::move(ends.second); } // theirs alone, so that its end is an end
  SLUICE_TRY(box->await_ready());
  return box;
}

Result<> Box::await_ready() {
  while (auto message = channel_.receive()) {
    if (message->word == Word::ready) return success();
    if (message->word == Word::failed) {
      return unavailable(std::move(message->text) +
                         (user_namespace_ ? user_namespaces_refused() : ""));
    }
    if (message->word != Word::socket || message->text.size() < 3 || !message->fd.valid()) break;
    BoxSocket one;
    std::from_chars(message->text.data() + 2, message->text.data() + message->text.size(),
                    one.port);
    one.role = static_cast<BoxSocket::Role>(message->text[0]);
    one.ipv6 = message->text[1] == '6';
    one.fd = std::move(message->fd);
    sockets_.push_back(std::move(one));
  }
  return unavailable("the box ended while it was made");
}

Box::~Box() {
  if (!process_.valid()) return;
  (void)::syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &info, WEXITED) != 0 &&
         errno == EINTR) {
  }
}

std::string_view Box::kind() const noexcept {
  return user_namespace_ ? "user-namespace" : "namespace";
}

Result<ProbeReport> Box::probe() {
  ProbeReport report;
  if (!channel_.send(Word::probe)) return unavailable("the box has ended");
  while (auto message = channel_.receive()) {
    switch (message->word) {
    case Word::check: report.checks.push_back(check_of(message->text)); break;
    case Word::note: report.notes.push_back(std::move(message->text)); break;
    case Word::proven: report.complete = message->text == "complete"; return report;
    default: return unavailable("the box answered out of turn");
    }
  }
  return unavailable("the box ended while it was probed");
}

Result<> Box::start(const std::vector<std::string>& command,
                    const std::vector<std::string>& environment, int output) {
  bool sent = output < 0 || channel_.send(Word::output, "", output);
  for (const auto& word : command) sent = sent && channel_.send(Word::argument, word);
  for (const auto& one : environment) sent = sent && channel_.send(Word::variable, one);
  sent = sent && channel_.send(Word::start);
  auto answer = sent ? channel_.receive() : std::nullopt;
  if (answer && answer->word == Word::door) {
    door_ = Channel(std::move(answer->fd));
    answer = channel_.receive();
  }
  if (!answer) return make_error(Origin::internal, "cannot_start", "the box has ended");
  if (answer->word == Word::started) return success();
  const auto space = answer->text.find(' '); // a code, and why
  if (space == std::string::npos) return make_error(Origin::config, "cannot_start", answer->text);
  return make_error(Origin::config, answer->text.substr(0, space), answer->text.substr(space + 1));
}

Result<UniqueFd> Box::dial(std::uint16_t port) const {
  return dial_through(door_, port);
}

} // namespace sluice::contain

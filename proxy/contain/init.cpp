#include "proxy/contain/init.hpp"

#include "proxy/contain/door.hpp"
#include "proxy/contain/mounts.hpp"
#include "proxy/contain/network.hpp"
#include "proxy/contain/privileges.hpp"
#include "proxy/contain/probe_run.hpp"
#include "proxy/contain/process.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

namespace sluice::contain {
namespace {

constexpr int kInitFailed = 1;

// Whatever the sidecar has open, a socket of the outside among it, is not for the box.
void close_all_but(int kept) {
  const auto close_range = [](unsigned from, unsigned to) {
    if (from <= to) (void)::syscall(SYS_close_range, from, to, 0);
  };
  const auto fd = static_cast<unsigned>(kept);
  close_range(STDERR_FILENO + 1, fd - 1);
  close_range(fd + 1, ~0U);
}

Result<> write_setting(const char* path, const std::string& text) {
  const UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (file.valid() &&
      ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()))
    return success();
  return make_error(Origin::config, "containment_unavailable",
                    std::string(path) + ": " + std::strerror(errno));
}

// The same ids inside as outside: files keep their owner's name. Dropping groups is what the kernel
// does not let an unprivileged user do, and asks to be promised first.
Result<> map_user(const Plan& plan) {
  const auto same = [](auto id) { return std::to_string(id) + " " + std::to_string(id) + " 1\n"; };
  SLUICE_TRY(write_setting("/proc/self/setgroups", "deny"));
  SLUICE_TRY(write_setting("/proc/self/uid_map", same(plan.agent.uid)));
  return write_setting("/proc/self/gid_map", same(plan.agent.gid));
}

Result<> seal(Plan& plan, const Channel& sidecar) {
  SLUICE_TRY(die_with_parent());
  if (plan.user_namespace) {
    SLUICE_TRY(map_user(plan));
  }
  SLUICE_TRY(hand_on_network_capability());
  SLUICE_TRY(make_network(plan));
  SLUICE_TRY(auto&& sockets, open_sockets(plan));
  for (const auto& one : sockets) {
    std::string text{static_cast<char>(one.role), one.ipv6 ? '6' : '4'};
    text += std::to_string(one.port);
    if (!sidecar.send(Word::socket, text, one.fd.get()))
      return make_error(Origin::internal, "containment_unavailable", "the sidecar is gone");
  }
  return make_view(plan);
}

// What CMD and the probe are: in a child, before anything else is done there.
Result<> become_agent(const Plan& plan) {
  if (plan.faults.keep_privileges) return success();
  return drop_privileges(plan.user_namespace ? std::nullopt : std::optional<User>(plan.agent));
}

// In a child, because what the probe tries could succeed, and must then not have happened to init.
void probe(const Plan& plan, const Channel& sidecar) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!become_agent(plan)) ::_exit(kInitFailed);
    run_probe(plan, sidecar);
    ::_exit(0);
  }
  int status = -1;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const bool complete = child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  (void)sidecar.send(Word::proven, complete ? "complete" : "");
}

struct Command {
  std::vector<std::string> words, environment;
  UniqueFd output; // not valid: ours
};

bool redirect(const Command& command) {
  if (!command.output.valid()) return true;
  const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  return ::dup2(nothing.get(), STDIN_FILENO) >= 0 &&
         ::dup2(command.output.get(), STDOUT_FILENO) >= 0 &&
         ::dup2(command.output.get(), STDERR_FILENO) >= 0;
}

// In the child; gives why CMD could not be started, or does not return.
Error become_command(const Plan& plan, Command& command) {
  if (!redirect(command)) return make_error(Origin::internal, "cannot_start", std::strerror(errno));
  if (auto agent = become_agent(plan); !agent) return agent.error();
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  auto argv = as_argv(command.words), envp = as_argv(command.environment);
  ::execvpe(argv[0], argv.data(), envp.data());
  return start_error(command.words.front(), command.environment, errno);
}

// posix_spawn cannot take privileges away. The pipe closes when CMD runs.
Result<pid_t> start_command(const Plan& plan, Command command) {
  int ends[2] = {-1, -1};
  if (command.words.empty() || ::pipe2(ends, O_CLOEXEC) != 0)
    return make_error(Origin::internal, "cannot_start", "no command, or no pipe");
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto error = become_command(plan, command);
    const auto why = error.code + " " + error.detail;
    (void)!::write(writing.get(), why.data(), why.size());
    ::_exit(kInitFailed);
  }
  { const UniqueFd done = std::move(writing); }
  char why[512];
  const ssize_t got = child < 0 ? -1 : ::read(reading.get(), why, sizeof why);
  if (got == 0) return child;
  if (got < 0) return make_error(Origin::config, "cannot_start", std::strerror(errno));
  const std::string said(why, static_cast<std::size_t>(got));
  const auto space = std::min(said.find(' '), said.size() - 1);
  return make_error(Origin::config, said.substr(0, space), said.substr(space + 1));
}

// Once init has given up what it could do: a thread has what its maker has.
void open_door(const Channel& sidecar) {
  auto ends = Channel::make_pair();
  if (!ends || !sidecar.send(Word::door, "", ends.value().second.fd())) return;
  std::thread([inside = std::move(ends.value().first)] { answer_door(inside); }).detach();
}

} // namespace

int run_init(Plan plan, const Channel& sidecar) {
  close_all_but(sidecar.fd());
  const sigset_t signals = block_control_signals();
  if (auto sealed = seal(plan, sidecar); !sealed) {
    (void)sidecar.send(Word::failed, sealed.error().detail);
    return kInitFailed;
  }
  if (!sidecar.send(Word::ready)) return kInitFailed;
  Command command;
  while (auto message = sidecar.receive()) {
    switch (message->word) {
    case Word::probe: probe(plan, sidecar); break;
    case Word::argument: command.words.push_back(std::move(message->text)); break;
    case Word::variable: command.environment.push_back(std::move(message->text)); break;
    case Word::output: command.output = std::move(message->fd); break;
    case Word::start: {
      auto child = start_command(plan, std::move(command));
      if (!child || !keep_only_signals()) {
        (void)sidecar.send(Word::failed, child ? "cannot_start init keeps privileges"
                                               : child.error().code + " " + child.error().detail);
        return kInitFailed;
      }
      if (plan.options.door) open_door(sidecar);
      (void)sidecar.send(Word::started);
      return supervise(child.value(), signals, Senders::outside_only);
    }
    default: return kInitFailed;
    }
  }
  return kInitFailed; // the sidecar is gone
}

} // namespace sluice::contain

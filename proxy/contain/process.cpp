#include "proxy/contain/process.hpp"

#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>
#include <string_view>

namespace sluice::contain {

std::vector<char*> as_argv(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

namespace {

bool is_in_path(const std::string& command, const std::vector<std::string>& environment) {
  constexpr std::string_view kPath = "PATH=";
  for (const auto& one : environment) {
    if (!one.starts_with(kPath)) continue;
    std::istringstream folders(one.substr(kPath.size()));
    for (std::string folder; std::getline(folders, folder, ':');) {
      if (!folder.empty()) folder += '/';
      if (::access(folder.append(command).c_str(), F_OK) == 0) return true;
    }
  }
  return false;
}

} // namespace

Error start_error(const std::string& command, const std::vector<std::string>& environment,
                  int error) {
  const bool searched = command.find('/') == std::string::npos;
  // A folder of PATH that may not be entered is no command that may not be executed.
  const bool absent = error == ENOENT || error == ENOTDIR ||
                      (error == EACCES && searched && !is_in_path(command, environment));
  const bool refused = error == EACCES || error == EPERM || error == ENOEXEC || error == EISDIR;
  return make_error(Origin::config,
                    absent    ? "command_not_found"
                    : refused ? "command_not_executable"
                              : "cannot_start",
                    command + ": " + (absent && searched ? "not in PATH" : std::strerror(error)));
}

sigset_t block_control_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD}) sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

Result<pid_t> spawn(std::vector<std::string> command, std::vector<std::string> environment) {
  // What the command leaves behind becomes ours, so that the sidecar can wait for it.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  auto argv = as_argv(command);
  auto envp = as_argv(environment);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int failed =
      ::posix_spawnp(&child, argv[0], nullptr, &attributes, argv.data(), envp.data());
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) {
    return start_error(command.front(), environment, failed);
  }
  return child;
}

int supervise(pid_t child, const sigset_t& signals, Senders senders) {
  int exit_code = 0;
  for (;;) {
    siginfo_t info{};
    if (::sigwaitinfo(&signals, &info) < 0) continue;
    if (info.si_signo != SIGCHLD) {
      // A terminal sends its signals to the whole foreground group: the child has it already.
      // A sender that our pid namespace does not hold has no number in it.
      const bool meant = senders == Senders::anyone || info.si_pid == 0;
      if (meant && info.si_code != SI_KERNEL) ::kill(child, info.si_signo);
      continue;
    }
    for (;;) {
      int status = 0;
      const pid_t ended = ::waitpid(-1, &status, WNOHANG);
      if (ended == child)
        exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      if (ended < 0 && errno == ECHILD) return exit_code;
      if (ended <= 0) break;
    }
  }
}

} // namespace sluice::contain

#include "proxy/runtime/witness.hpp"

#include "policy/base/quiet_thread.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

extern char** environ;

namespace sluice::runtime {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kCommandWithin = std::chrono::seconds(10);
constexpr std::size_t kMaxWaiting = 64;

Error failed(const std::string& why) {
  return make_error(Origin::evidence, "anchor_failed", why);
}

// In a process group of its own, so that what it starts can be ended with it; it says nothing.
int spawn(const std::vector<std::string>& words, int input, pid_t& child) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t none; // this thread's signals are blocked: not the command's
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  sigset_t usual;
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error =
      ::posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

// Its exit status, once it has ended; -1 when it had to be killed.
int status_of(pid_t child, Clock::time_point deadline) {
  siginfo_t info{};
  while (info.si_pid == 0 && Clock::now() < deadline) {
    if (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0) break;
    if (info.si_pid == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const bool late = info.si_pid == 0;
  if (late) ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return late ? -1 : status;
}

} // namespace

Result<> feed_command(const std::vector<std::string>& command, const std::string& input) {
  const auto deadline = Clock::now() + kCommandWithin;
  int ends[2]; // not a pipe: writing to one that nobody reads would be a signal
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return failed(std::strerror(errno));
  }
  pid_t child = 0;
  const int error = spawn(command, ends[1], child);
  ::close(ends[1]);
  // A checkpoint is far smaller than what a socket holds: this does not wait for the command.
  if (error == 0) {
    (void)!::send(ends[0], input.data(), input.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(ends[0], SHUT_WR);
  }
  if (error != 0) {
    ::close(ends[0]);
    return failed(command.front() + ": " + std::strerror(error));
  }
  const int status = status_of(child, deadline);
  ::close(ends[0]);
  if (status == -1) return failed(command.front() + " took over 10 s");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return success();
  return failed(command.front() + (WIFEXITED(status)
                                       ? " ended with " + std::to_string(WEXITSTATUS(status))
                                       : " was ended by a signal"));
}

Witness::Witness(Hand give, Tell tell) : give_(std::move(give)), tell_(std::move(tell)) {
  thread_ = start_quiet_thread([this] { run(); });
}

Witness::~Witness() {
  close();
}

void Witness::hand(std::string checkpoint) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(checkpoint));
    if (waiting_.size() > kMaxWaiting) {
      waiting_.pop_front();
      ++dropped_;
    }
  }
  wake_.notify_one();
}

void Witness::keep_quiet() {
  const std::lock_guard lock(mutex_);
  quiet_ = true;
}

std::string Witness::close() {
  {
    const std::lock_guard lock(mutex_);
    quiet_ = stopping_ = true;
    // The last one speaks of all: whoever stops does not wait for the others too.
    while (waiting_.size() > 1) waiting_.pop_front();
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  return last_error_;
}

void Witness::run() {
  bool known_to_fail = false; // what was last told
  std::uint64_t missed = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::string checkpoint = std::move(waiting_.front());
    waiting_.pop_front();
    missed += std::exchange(dropped_, 0);
    lock.unlock();
    const Result<> taken = give_(checkpoint);
    lock.lock();
    last_error_ = taken ? "" : taken.error().detail;
    if (!taken) ++missed;
    const bool news = taken ? known_to_fail || missed > 0 : !known_to_fail;
    if (news && !quiet_) {
      const std::string error = last_error_;
      lock.unlock();
      const bool told = tell_(error, missed);
      lock.lock();
      if (!told) continue; // no less news the next time
      known_to_fail = !error.empty();
    }
    if (taken) missed = 0;
  }
}

} // namespace sluice::runtime

#include "proxy/runtime/secrets.hpp"

#include "proxy/runtime/aws_keys.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

extern char** environ;

namespace sluice::runtime {
namespace {

constexpr std::size_t kMaxSecret = 64 * 1024;
using Clock = std::chrono::steady_clock;
constexpr auto kSourceWithin = std::chrono::seconds(10); // one source, from its start to its end

Error unreadable(const SecretSource& source, const std::string& why) {
  return make_error(Origin::config, "secret_unreadable", "secret " + source.id + ": " + why);
}

// A file or a helper usually ends its answer with a line end that is not part of the value.
Secret trimmed(std::string value) {
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  return Secret(std::move(value));
}

int millis_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

// Reads to the end, at most kMaxSecret bytes, until `deadline` however many pieces it comes in.
bool read_all(int fd, Clock::time_point deadline, std::string& out) {
  char piece[4096];
  for (;;) {
    pollfd ready{fd, POLLIN, 0};
    const int polled = ::poll(&ready, 1, millis_until(deadline));
    if (polled < 0 && errno == EINTR) continue;
    if (polled <= 0) return false;
    const ssize_t got = ::read(fd, piece, sizeof piece);
    if (got == 0) return true;
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return false;
    out.append(piece, static_cast<std::size_t>(got));
    std::memset(piece, 0, sizeof piece);
    if (out.size() > kMaxSecret || Clock::now() >= deadline) return false;
  }
}

Result<Secret> from_file(const SecretSource& source) {
  const int fd = ::open(source.words.front().c_str(),
                        O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe may have no writer
  if (fd < 0) return unreadable(source, source.words.front() + ": " + std::strerror(errno));
  std::string value;
  const bool read = read_all(fd, Clock::now() + kSourceWithin, value);
  ::close(fd);
  if (!read) return unreadable(source, source.words.front() + ": not readable, or over 64 KiB");
  return trimmed(std::move(value));
}

// In a process group of its own, so that what it starts can be ended with it.
int spawn_helper(const std::vector<std::string>& words, int output, pid_t& child) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t none; // what we wait for ourselves is blocked here, and would be in the helper
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  const int failed =
      ::posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failed;
}

// Waits for a helper that has said everything; false when it has not ended by then. The number is
// not given away to another process before waitpid() took it, so the group killed is still its own.
bool ended_well(pid_t child, bool said_everything, Clock::time_point deadline) {
  siginfo_t info{};
  while (said_everything && info.si_pid == 0 && Clock::now() < deadline) {
    const int found = ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT);
    if (found != 0) return false; // somebody else waited for it: the number is not ours any more
    if (info.si_pid == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (info.si_pid == 0) ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return said_everything && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Result<Secret> from_helper(const SecretSource& source) {
  const auto deadline = Clock::now() + kSourceWithin;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return unreadable(source, std::strerror(errno));
  pid_t child = 0;
  const int failed = spawn_helper(source.words, ends[1], child);
  ::close(ends[1]);
  std::string value;
  const bool read = failed == 0 && read_all(ends[0], deadline, value);
  ::close(ends[0]);
  if (failed != 0) return unreadable(source, source.words.front() + ": " + std::strerror(failed));
  if (!ended_well(child, read, deadline)) {
    return unreadable(source, source.words.front() +
                                  ": the helper failed, took over 10 s, or said over 64 KiB");
  }
  return trimmed(std::move(value));
}

Result<Secret> read_secret(const SecretSource& source) {
  switch (source.from) {
  case SecretSource::From::file: return from_file(source);
  case SecretSource::From::exec: return from_helper(source);
  case SecretSource::From::env: break;
  }
  const char* value = std::getenv(source.words.front().c_str());
  if (value == nullptr)
    return unreadable(source, "the variable " + source.words.front() + " is not set");
  return Secret(value);
}

} // namespace

Result<std::vector<redact::KnownSecret>> read_secrets(const std::vector<SecretSource>& sources) {
  std::vector<redact::KnownSecret> out;
  for (const auto& source : sources) {
    SLUICE_TRY(auto&& value, read_secret(source));
    if (value.empty()) return unreadable(source, "the value is empty");
    redact::KnownSecret known;
    known.id = source.id;
    known.value = std::move(value);
    known.allow_short = source.allow_short;
    out.push_back(std::move(known));
  }
  return out;
}

std::vector<SecretSource> sources_of(const model::Credential& credential,
                                     const std::string& folder) {
  auto out = model::sources_of(credential);
  for (auto& one : out) {
    if (one.from == SecretSource::From::file && !one.words.front().starts_with('/'))
      one.words.front() = folder + one.words.front();
  }
  return out;
}

namespace {

Result<call::CredentialValue> read_credential(const model::Credential& what,
                                              const std::string& folder) {
  std::vector<Secret> values;
  for (const auto& source : sources_of(what, folder)) {
    SLUICE_TRY(auto&& value, read_secret(source));
    if (value.empty()) return unreadable(source, "the value is empty");
    values.push_back(std::move(value));
  }
  call::CredentialValue out;
  if (what.type != model::Credential::Type::aws_sigv4) {
    out.value = std::move(values.front());
  } else if (!what.keys.empty()) {
    out.access_key = std::move(values[0]);
    out.value = std::move(values[1]);
    if (values.size() > 2) out.session_token = std::move(values[2]);
  } else if (auto keys = parse_aws_keys(values.front()); keys) {
    out = std::move(keys.value());
  } else {
    return unreadable(what.source, keys.error().detail);
  }
  out.what = what;
  return out;
}

} // namespace

Result<std::vector<call::CredentialValue>>
read_credentials(const std::vector<model::Credential>& credentials, const std::string& folder) {
  std::vector<call::CredentialValue> out;
  for (const auto& what : credentials) {
    SLUICE_TRY(auto&& one, read_credential(what, folder));
    if (const auto why = call::unfit(one); !why.empty())
      return unreadable(what.source, std::string(why));
    out.push_back(std::move(one));
  }
  return out;
}

namespace {

// "key", or "key.2" when that is the name of another value.
std::string free_id(const std::string& wanted, const std::vector<redact::KnownSecret>& known) {
  std::string out = wanted;
  const auto taken = [&](const redact::KnownSecret& one) { return one.id == out; };
  for (int i = 2; std::any_of(known.begin(), known.end(), taken); ++i)
    out = wanted + '.' + std::to_string(i);
  return out;
}

} // namespace

void add_known(const std::vector<call::CredentialValue>& credentials,
               std::vector<redact::KnownSecret>& known) {
  for (const auto& one : credentials) {
    for (const auto& named : call::secrets_of(one)) {
      const auto same = std::find_if(known.begin(), known.end(), [&](const auto& other) {
        return other.value.reveal() == named.second->reveal();
      });
      if (same != known.end()) continue; // two names for one value would be two findings
      redact::KnownSecret secret;
      secret.id = free_id(named.first, known);
      secret.value = *named.second;
      known.push_back(std::move(secret));
    }
  }
}

} // namespace sluice::runtime

#include "proxy/runtime/secrets.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

extern char** environ;

namespace sluice::runtime {
namespace {

constexpr std::size_t kMaxSecret = 64 * 1024;
constexpr int kHelperMillis = 10'000;

Error unreadable(const SecretSource& source, const std::string& why) {
  return make_error(Origin::config, "secret_unreadable", "secret " + source.id + ": " + why);
}

// A file or a helper usually ends its answer with a line end that is not part of the value.
Secret trimmed(std::string value) {
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  return Secret(std::move(value));
}

// Reads to the end, at most kMaxSecret bytes, waiting at most `millis` for each piece.
bool read_all(int fd, int millis, std::string& out) {
  char piece[4096];
  for (;;) {
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, millis) <= 0) return false;
    const ssize_t got = ::read(fd, piece, sizeof piece);
    if (got == 0) return true;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    out.append(piece, static_cast<std::size_t>(got));
    std::memset(piece, 0, sizeof piece);
    if (out.size() > kMaxSecret) return false;
  }
}

Result<Secret> from_file(const SecretSource& source) {
  const int fd = ::open(source.words.front().c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return unreadable(source, source.words.front() + ": " + std::strerror(errno));
  std::string value;
  const bool read = read_all(fd, kHelperMillis, value);
  ::close(fd);
  if (!read) return unreadable(source, source.words.front() + ": not readable, or over 64 KiB");
  return trimmed(std::move(value));
}

Result<Secret> from_helper(const SecretSource& source) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return unreadable(source, std::strerror(errno));
  std::vector<char*> arguments;
  for (const auto& word : source.words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t child = 0;
  const int failed =
      ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string value;
  const bool read = failed == 0 && read_all(ends[0], kHelperMillis, value);
  ::close(ends[0]);
  if (failed != 0) return unreadable(source, source.words.front() + ": " + std::strerror(failed));
  if (!read) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!read || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return unreadable(source,
                      source.words.front() + ": the helper failed, was slow, or said over 64 KiB");
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

} // namespace sluice::runtime

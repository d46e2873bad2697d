#include "tests/faults/faulty_files.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" {
ssize_t __real_write(int fd, const void* bytes, size_t size);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_ftruncate(int fd, off_t size);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);
}

namespace sluice::faults {
namespace {

namespace fs = std::filesystem;

using Inode = std::pair<dev_t, ino_t>;

struct State {
  std::mutex mutex;
  std::string directory; // "": nobody watches
  Fault fault;
  std::uint64_t count = 0;
  bool failing = false;
  std::function<void(std::uint64_t)> before;
  std::map<Inode, std::string> synced;  // the bytes of a file that are on the disk
  std::map<std::string, Inode> entries; // the names that are
};

State& state() {
  static State one;
  return one;
}

std::string path_of(int fd) {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored).string();
}

std::optional<Inode> inode_of(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return Inode{info.st_dev, info.st_ino};
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// 0, or the error that this call is to fail with.
int judge(const std::string& path, bool& half) {
  State& now = state();
  std::function<void(std::uint64_t)> before;
  std::uint64_t number = 0;
  int error = 0;
  {
    const std::lock_guard lock(now.mutex);
    if (now.directory.empty() || path.rfind(now.directory, 0) != 0) return 0;
    number = ++now.count;
    before = now.before;
    now.failing = now.failing || number == now.fault.at;
    if (now.failing) {
      error = now.fault.error;
      half = now.fault.half;
      now.failing = now.fault.goes_on;
    }
  }
  if (before) before(number);
  return error;
}

void was_synced(int fd) {
  State& now = state();
  const std::string path = path_of(fd);
  const std::lock_guard lock(now.mutex);
  if (now.directory.empty() || path.rfind(now.directory, 0) != 0) return;
  if (const auto inode = inode_of(path)) {
    now.synced[*inode] = bytes_of(path);
    return;
  }
  if (path != now.directory) return; // a folder inside: all that is tested is in this one
  now.entries.clear();
  for (const auto& entry : fs::directory_iterator(path)) {
    if (const auto inode = inode_of(entry.path().string())) {
      now.entries[entry.path().filename().string()] = *inode;
    }
  }
}

template <class Call> int failing(const std::string& path, const Call& call) {
  bool half = false;
  if (const int error = judge(path, half); error != 0) {
    errno = error;
    return -1;
  }
  return call();
}

} // namespace

void watch(const std::string& directory, Fault fault) {
  State& now = state();
  const std::lock_guard lock(now.mutex);
  now.directory = directory;
  now.fault = fault;
  now.count = 0;
  now.failing = false;
  now.before = nullptr;
  now.synced.clear();
  now.entries.clear();
}

void stop_faults() {
  const std::lock_guard lock(state().mutex);
  state().fault = {};
  state().failing = false;
}

void stop_watching() {
  watch("");
}

std::uint64_t calls() {
  const std::lock_guard lock(state().mutex);
  return state().count;
}

void before_each_call(std::function<void(std::uint64_t)> run) {
  const std::lock_guard lock(state().mutex);
  state().before = std::move(run);
}

void lay_out(const std::string& to, bool torn) {
  State& now = state();
  const std::lock_guard lock(now.mutex);
  fs::remove_all(to);
  fs::create_directories(to);
  std::map<Inode, std::string> there; // what a running system would still read
  for (const auto& entry : fs::directory_iterator(now.directory)) {
    if (const auto inode = inode_of(entry.path().string())) {
      there[*inode] = entry.path().string();
    }
  }
  for (const auto& [name, inode] : now.entries) {
    std::string bytes = now.synced[inode];
    if (torn && there.count(inode) != 0) {
      const std::string all = bytes_of(there[inode]);
      if (all.size() > bytes.size() && all.compare(0, bytes.size(), bytes) == 0) {
        bytes = all.substr(0, bytes.size() + (all.size() - bytes.size()) * 2 / 3);
      }
    }
    std::ofstream(to + '/' + name, std::ios::binary) << bytes;
    ::chmod((to + '/' + name).c_str(), 0600);
  }
}

} // namespace sluice::faults

using sluice::faults::failing;

extern "C" {

ssize_t __wrap_write(int fd, const void* bytes, size_t size) {
  bool half = false;
  const int error = sluice::faults::judge(sluice::faults::path_of(fd), half);
  if (error == 0) return __real_write(fd, bytes, size);
  if (half) (void)!__real_write(fd, bytes, size / 2);
  errno = error;
  return -1;
}

int __wrap_fsync(int fd) {
  return failing(sluice::faults::path_of(fd), [fd] {
    const int done = __real_fsync(fd);
    if (done == 0) sluice::faults::was_synced(fd);
    return done;
  });
}

int __wrap_fdatasync(int fd) {
  return failing(sluice::faults::path_of(fd), [fd] {
    const int done = __real_fdatasync(fd);
    if (done == 0) sluice::faults::was_synced(fd);
    return done;
  });
}

int __wrap_ftruncate(int fd, off_t size) {
  return failing(sluice::faults::path_of(fd), [&] { return __real_ftruncate(fd, size); });
}

int __wrap_rename(const char* from, const char* to) {
  return failing(to, [&] { return __real_rename(from, to); });
}

int __wrap_unlink(const char* path) {
  return failing(path, [path] { return __real_unlink(path); });
}
}

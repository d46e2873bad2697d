#include "proxy/runtime/file_state.hpp"

#include <sys/stat.h>

#include <utility>

namespace sluice::runtime {

FileState look_at(const std::string& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) return {};
  if (!S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode)) return {}; // a pipe is read once
  constexpr std::int64_t kSecond = 1'000'000'000;
  return {{found.st_dev, found.st_ino},
          found.st_size,
          found.st_mtim.tv_sec * kSecond + found.st_mtim.tv_nsec};
}

bool has_changed(const std::string& file, FileState& last) {
  const auto now = look_at(file);
  if (now == FileState{}) return false;
  return std::exchange(last, now) != now;
}

std::string folder_of(const std::string& file) {
  const auto slash = file.rfind('/');
  return slash == std::string::npos ? "./" : file.substr(0, slash + 1);
}

} // namespace sluice::runtime

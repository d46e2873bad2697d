#include "policy/base/key_file.hpp"

#include "policy/base/unique_fd.hpp"

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice {
namespace {

Error invalid_key_file(const std::string& path, std::string_view what) {
  return make_error(Origin::config, "key_invalid", path + std::string(what));
}

Error unreadable_key_file(const std::string& path, int reason) {
  return make_error(Origin::config, "key_unreadable",
                    path + ": " + std::generic_category().message(reason));
}

} // namespace

// What was looked at is what is read: one descriptor for both.
Result<Secret> read_key_file(const std::string& path, Privacy privacy) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return unreadable_key_file(path, errno);
  if (!S_ISREG(info.st_mode)) return invalid_key_file(path, " is not a regular file");
  if (privacy == Privacy::owner_only && (info.st_mode & 077U) != 0) {
    return invalid_key_file(path, " can be read by others (chmod 600 it, if nobody has)");
  }
  std::string text(kMaxKeyFile + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable_key_file(path, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  Secret read(std::move(text));
  if (size > kMaxKeyFile) return invalid_key_file(path, " is larger than a key");
  return read;
}

} // namespace sluice

#include "certs/files.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace sluice::certs {
namespace {

Error file_error(const std::string& path, int reason) {
  return make_error(Origin::config, reason == EEXIST ? "file_exists" : "file_unwritable",
                    path + ": " + std::generic_category().message(reason));
}

// 0, or the errno of what went wrong.
int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t wrote = ::write(fd, content.data(), content.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return wrote == 0 ? EIO : errno;
    content.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return ::fsync(fd) == 0 ? 0 : errno;
}

} // namespace

Result<> write_new_file(const std::string& path, std::string_view content, mode_t mode) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) return file_error(path, errno);
  int reason = ::fchmod(fd, mode) == 0 ? 0 : errno; // the umask may have taken bits away
  if (reason == 0) reason = write_all(fd, content);
  ::close(fd);
  if (reason == 0) return success();
  ::unlink(path.c_str());
  return file_error(path, reason);
}

Result<> replace_file(const std::string& path, std::string_view content, mode_t mode) {
  // Not to be guessed: in a shared folder somebody could wait there with a link.
  const std::string temporary = path + "." + to_hex(random_bytes(8)) + ".new";
  SLUICE_TRY(write_new_file(temporary, content, mode));
  if (std::rename(temporary.c_str(), path.c_str()) == 0) return success();
  const int reason = errno;
  ::unlink(temporary.c_str());
  return file_error(path, reason);
}

} // namespace sluice::certs

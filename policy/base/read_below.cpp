#include "policy/base/read_below.hpp"

#include "policy/base/unique_fd.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace sluice {
namespace {

Error file_unreadable(int reason) {
  const bool outside = reason == EXDEV; // what openat2 says of a way that leads out
  return make_error(Origin::config, "file_unreadable",
                    outside ? "it leads out of its folder"
                            : std::generic_category().message(reason));
}

} // namespace

Result<std::string> read_below(int folder, const std::string& name, std::size_t limit,
                               Links links) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  if (links == Links::refuse) how.resolve |= RESOLVE_NO_SYMLINKS;
  const UniqueFd fd(
      static_cast<int>(::syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how)));
  struct stat found {};
  if (!fd.valid() || ::fstat(fd.get(), &found) != 0) return file_unreadable(errno);
  if (!S_ISREG(found.st_mode))
    return make_error(Origin::config, "file_unreadable", "it is not a regular file");
  std::string out;
  char piece[65536];
  while (out.size() <= limit) {
    const ssize_t got = ::read(fd.get(), piece, std::min(sizeof piece, limit + 1 - out.size()));
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_unreadable(errno);
    out.append(piece, static_cast<std::size_t>(got));
  }
  return out;
}

} // namespace sluice

#include "policy/evidence/append_file.hpp"

#include "policy/evidence/file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace sluice::evidence {
Result<AppendFile> AppendFile::open(const std::string& path) {
  AppendFile out;
  out.path_ = path;
  const int flags = O_RDWR | O_APPEND | O_NONBLOCK;
  out.file_ = open_file(path, flags | O_CREAT | O_EXCL, 0600);
  out.created_ = out.file_.valid();
  if (!out.created_ && errno == EEXIST) out.file_ = open_file(path, flags);
  struct stat info {};
  if (!out.file_.valid() || ::fstat(out.fd(), &info) != 0) return file_error("open", path, errno);
  if (!S_ISREG(info.st_mode)) return unavailable(path + " is not a regular file");
  out.device_ = info.st_dev;
  out.inode_ = info.st_ino;
  out.size_ = static_cast<std::uint64_t>(info.st_size);
  return out;
}

Result<> AppendFile::cut() {
  if (::ftruncate(fd(), static_cast<off_t>(size_)) != 0 || ::fsync(fd()) != 0) {
    return file_error("truncate", path_, errno);
  }
  return success();
}

Result<> AppendFile::check_untouched() {
  if (half_written_) {
    if (::ftruncate(fd(), static_cast<off_t>(size_)) != 0) {
      return file_error("truncate", path_, errno);
    }
    half_written_ = false;
  }
  // A write to a file that was deleted or replaced would succeed, and the lines would be gone;
  // after a rename they would be no longer where readers look for them.
  struct stat info {};
  if (::lstat(path_.c_str(), &info) != 0) return file_error("find", path_, errno);
  if (info.st_dev != device_ || info.st_ino != inode_) return unavailable(path_ + " was replaced");
  if (static_cast<std::uint64_t>(info.st_size) != size_) {
    return unavailable(path_ + " was changed by somebody else");
  }
  return success();
}

Result<> AppendFile::undo(std::string_view action, int error) {
  half_written_ = ::ftruncate(fd(), static_cast<off_t>(size_)) != 0;
  return file_error(action, path_, error);
}

Result<> AppendFile::write(std::string_view lines, Sync sync) {
  SLUICE_TRY(check_untouched());
  if (const int error = write_all(fd(), lines); error != 0) return undo("write", error);
  if (sync == Sync::yes && ::fdatasync(fd()) != 0) return undo("sync", errno);
  size_ += lines.size();
  return success();
}

Result<> AppendFile::sync() {
  if (::fdatasync(fd()) != 0) return file_error("sync", path_, errno);
  return success();
}

} // namespace sluice::evidence

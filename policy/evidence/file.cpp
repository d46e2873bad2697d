#include "policy/evidence/file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::evidence {
namespace {

constexpr std::size_t kFirstBuffer = std::size_t{1} << 16; // grows for long lines only
constexpr std::size_t kMaxBuffer = kMaxLineBytes + kFirstBuffer;

} // namespace

Error unavailable(std::string detail) {
  return make_error(Origin::evidence, "evidence_unavailable", std::move(detail));
}

Error file_error(std::string_view action, std::string_view path, int error) {
  std::string detail(action);
  detail.append(1, ' ').append(path).append(": ").append(std::generic_category().message(error));
  return unavailable(std::move(detail));
}

UniqueFd open_file(const std::string& path, int flags, mode_t mode) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode);
  } while (fd < 0 && errno == EINTR);
  return UniqueFd(fd);
}

int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return ENOSPC; // no progress and no reason given: never loop on it
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const UniqueFd fd = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!fd.valid()) return file_error("open", path, errno);
  std::string out;
  char chunk[16384];
  while (true) {
    const ssize_t n = ::read(fd.get(), chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error("read", path, errno);
    if (n == 0) return out;
    out.append(chunk, static_cast<std::size_t>(n));
    if (out.size() > limit) return file_error("read", path, EFBIG);
  }
}

Result<> sync_directory(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return file_error("sync", path, errno);
  return success();
}

Result<> make_directory(const std::string& name) {
  // "a/" has the parent "a", which would be made with the permissions of a parent.
  const std::string path = name.substr(0, name.find_last_not_of('/') + 1);
  if (path.empty()) return file_error("create", name, EINVAL);
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (std::error_code error; !parent.empty()) {
    std::filesystem::create_directories(parent, error);
    if (error) return file_error("create", parent.string(), error.value());
  }
  if (::mkdir(path.c_str(), 0700) == 0)
    return sync_directory(parent.empty() ? "." : parent.string());
  if (errno != EEXIST) return file_error("create", path, errno);
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return file_error("inspect", path, errno);
  if (!S_ISDIR(info.st_mode)) return file_error("open", path, ENOTDIR);
  return success();
}

Result<> write_file_atomically(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp." + std::to_string(::getpid());
  ::unlink(temporary.c_str()); // left over from a process that died with our number
  const UniqueFd fd = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!fd.valid()) return file_error("create", temporary, errno);
  int error = write_all(fd.get(), bytes);
  if (error == 0 && ::fsync(fd.get()) != 0) error = errno;
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    return file_error("write", path, error);
  }
  return sync_directory(std::filesystem::path(path).parent_path().string());
}

LineReader::LineReader(int fd) : fd_(fd), buffer_(kFirstBuffer, '\0') {}

bool LineReader::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(std::min(2 * end_, kMaxBuffer));
  ssize_t n = 0;
  do {
    n = ::pread(fd_, buffer_.data() + end_, buffer_.size() - end_,
                static_cast<off_t>(file_offset_));
  } while (n < 0 && errno == EINTR);
  if (n < 0) error_ = errno;
  if (n <= 0) return false;
  end_ += static_cast<std::size_t>(n);
  file_offset_ += static_cast<std::uint64_t>(n);
  return true;
}

void LineReader::seek(std::uint64_t offset, std::uint64_t before) {
  const std::uint64_t first = file_offset_ - (end_ - begin_);
  if (offset >= first && offset <= file_offset_) {
    begin_ += static_cast<std::size_t>(offset - first);
  } else {
    begin_ = end_ = 0;
    file_offset_ = offset;
  }
  number_ = before;
  error_ = 0;
}

LineReader::Item LineReader::next() {
  std::size_t searched = 0;
  while (true) {
    const char* from = buffer_.data() + begin_;
    const std::size_t have = end_ - begin_;
    const void* newline = std::memchr(from + searched, '\n', have - searched);
    const std::uint64_t offset = file_offset_ - have;
    if (newline != nullptr) {
      const auto size = static_cast<std::size_t>(static_cast<const char*>(newline) - from);
      begin_ += size + 1;
      const bool fits = size <= kMaxLineBytes;
      return {fits ? Kind::line : Kind::too_long,
              fits ? std::string_view(from, size) : std::string_view(), ++number_, offset, 0};
    }
    if (have > kMaxLineBytes) return skip_long_line();
    searched = have;
    if (!fill()) {
      if (error_ != 0) return {Kind::failed, {}, number_ + 1, offset, error_};
      if (have == 0) return {Kind::end, {}, number_, offset, 0};
      begin_ = end_;
      return {Kind::torn, std::string_view(buffer_).substr(end_ - have, have), ++number_, offset,
              0};
    }
  }
}

LineReader::Item LineReader::skip_long_line() {
  Item item{Kind::too_long, {}, ++number_, file_offset_ - (end_ - begin_), 0};
  while (true) {
    const char* from = buffer_.data() + begin_;
    if (const void* newline = std::memchr(from, '\n', end_ - begin_); newline != nullptr) {
      begin_ += static_cast<std::size_t>(static_cast<const char*>(newline) - from) + 1;
      return item;
    }
    begin_ = end_;
    if (!fill()) return item; // the end, or the error, is what next() finds next
  }
}

} // namespace sluice::evidence

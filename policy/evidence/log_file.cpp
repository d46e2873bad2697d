#include "policy/evidence/log_file.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "policy/evidence/layout.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace sluice::evidence {
namespace {

Error unavailable(std::string detail) {
  return make_error(Origin::evidence, "evidence_unavailable", std::move(detail));
}

Error broken(std::uint64_t line, const std::string& what) {
  return make_error(Origin::evidence, "evidence_chain_broken",
                    std::string(kAuditFile) + " line " + std::to_string(line) + ": " + what);
}

} // namespace

Result<LogFile> LogFile::open(const std::string& directory) {
  LogFile log(directory);
  std::string tail;
  SLUICE_TRY(make_directory(directory));
  SLUICE_TRY(log.lock());
  SLUICE_TRY(log.open_audit());
  SLUICE_TRY(log.verify(tail));
  SLUICE_TRY(log.set_tail_aside(tail));
  SLUICE_TRY(sync_directory(directory));
  return log;
}

Result<> LogFile::lock() {
  const std::string path = lock_path(directory_);
  lock_ = open_file(path, O_RDWR | O_CREAT, 0600);
  if (!lock_.valid()) return file_error("open", path, errno);
  int outcome = 0;
  do {
    outcome = ::flock(lock_.get(), LOCK_EX | LOCK_NB);
  } while (outcome != 0 && errno == EINTR);
  if (outcome == 0) return success();
  if (errno != EWOULDBLOCK) return file_error("lock", path, errno);
  return make_error(Origin::evidence, "evidence_locked",
                    path + " is locked: another process writes this log");
}

Result<> LogFile::open_audit() {
  const std::string path = audit_path(directory_);
  const int flags = O_RDWR | O_APPEND | O_NONBLOCK;
  audit_ = open_file(path, flags | O_CREAT | O_EXCL, 0600);
  const bool created = audit_.valid();
  if (!created && errno == EEXIST) audit_ = open_file(path, flags);
  struct stat info {};
  if (!audit_.valid() || ::fstat(audit_.get(), &info) != 0) return file_error("open", path, errno);
  if (!S_ISREG(info.st_mode)) return unavailable(path + " is not a regular file");
  device_ = info.st_dev;
  inode_ = info.st_ino;
  found_empty_ = !created && info.st_size == 0;
  return success();
}

Result<> LogFile::verify(std::string& tail) {
  LineReader reader(audit_.get());
  ChainCheck chain;
  while (true) {
    const LineReader::Item item = reader.next();
    switch (item.kind) {
    case LineReader::Kind::failed: return file_error("read", audit_path(directory_), item.error);
    case LineReader::Kind::too_long: return broken(item.number, "longer than 1 MiB");
    case LineReader::Kind::torn: tail = item.text; [[fallthrough]];
    case LineReader::Kind::end:
      size_ = item.offset;
      head_ = chain.head();
      return success();
    case LineReader::Kind::line: break;
    }
    std::size_t stopped_at = 0;
    const std::optional<Line> line = parse_line(item.text, stopped_at);
    if (!line) return broken(item.number, "not a canonical record");
    if (const auto issue = chain.next(*line)) return broken(item.number, issue->message);
  }
}

// A process that died between moving a tail and writing the record about it left a file numbered
// with the record that is still to come: it is reported now.
Result<> LogFile::set_tail_aside(const std::string& tail) {
  constexpr int kMaxCopies = 100;
  const std::uint64_t next = head_.seq + 1;
  int copy = 0;
  for (; copy < kMaxCopies; ++copy) {
    const std::string name = torn_name(next, copy);
    const std::string path = directory_ + '/' + name;
    if (::access(path.c_str(), F_OK) != 0) break;
    SLUICE_TRY(const std::string text, read_file(path, 2 * kMaxLineBytes));
    torn_.push_back({name, text.size(), to_hex(sha256(text))});
  }
  if (tail.empty()) return success();
  if (copy == kMaxCopies) return unavailable("too many " + torn_name(next, 0) + " files");
  const std::string name = torn_name(next, copy);
  SLUICE_TRY(write_file_atomically(directory_ + '/' + name, tail));
  torn_.push_back({name, tail.size(), to_hex(sha256(tail))});
  if (::ftruncate(audit_.get(), static_cast<off_t>(size_)) != 0 || ::fsync(audit_.get()) != 0) {
    return file_error("truncate", audit_path(directory_), errno);
  }
  return success();
}

Result<> LogFile::check_untouched() {
  if (half_written_) {
    if (::ftruncate(audit_.get(), static_cast<off_t>(size_)) != 0) {
      return file_error("truncate", audit_path(directory_), errno);
    }
    half_written_ = false;
  }
  // By path, not by descriptor: a log that was moved away is no longer where readers look for it.
  struct stat info {};
  const std::string path = audit_path(directory_);
  if (::lstat(path.c_str(), &info) != 0) return file_error("find", path, errno);
  if (info.st_dev != device_ || info.st_ino != inode_) return unavailable(path + " was replaced");
  if (static_cast<std::uint64_t>(info.st_size) != size_) {
    return unavailable(path + " was changed by somebody else");
  }
  return success();
}

Result<> LogFile::undo(std::string_view action, int error) {
  half_written_ = ::ftruncate(audit_.get(), static_cast<off_t>(size_)) != 0;
  return file_error(action, audit_path(directory_), error);
}

Result<> LogFile::write(std::string_view lines, Commit commit) {
  SLUICE_TRY(check_untouched());
  if (const int error = write_all(audit_.get(), lines); error != 0) return undo("write", error);
  if (commit == Commit::synced && ::fdatasync(audit_.get()) != 0) return undo("sync", errno);
  size_ += lines.size();
  return success();
}

Result<> LogFile::sync() {
  if (::fdatasync(audit_.get()) != 0) return file_error("sync", audit_path(directory_), errno);
  return success();
}

} // namespace sluice::evidence

#include "policy/evidence/segments.hpp"

#include "policy/evidence/layout.hpp"
#include "policy/evidence/retained.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::evidence {
namespace {

constexpr std::string_view kBefore = "audit-", kAfter = ".jsonl";
constexpr std::size_t kDigits = 20;
constexpr int kReadings = 100;
constexpr useconds_t kPause = 1000;

} // namespace

std::string segment_name(std::uint64_t first_seq) {
  const std::string digits = std::to_string(first_seq);
  std::string name(kBefore);
  name.append(kDigits - digits.size(), '0').append(digits).append(kAfter);
  return name;
}

std::optional<std::uint64_t> first_seq_of(const std::string& segment_name_) {
  std::uint64_t seq = 0;
  if (segment_name_.size() != kBefore.size() + kDigits + kAfter.size()) return std::nullopt;
  const char* const digits = segment_name_.data() + kBefore.size();
  const auto [end, error] = std::from_chars(digits, digits + kDigits, seq);
  if (error != std::errc{} || segment_name(seq) != segment_name_) return std::nullopt;
  return seq;
}

std::vector<std::string> closed_segments(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    std::string name = at->path().filename().string();
    if (first_seq_of(name)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

UniqueFd open_regular(const std::string& path, int& error) {
  UniqueFd fd = open_file(path, O_RDONLY | O_NONBLOCK);
  struct stat info {};
  error = 0;
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) {
    error = errno;
  } else if (!S_ISREG(info.st_mode)) {
    error = EINVAL;
  }
  return error == 0 ? std::move(fd) : UniqueFd();
}

bool is_being_written(const std::string& directory) {
  const UniqueFd fd = open_file(lock_path(directory), O_RDONLY | O_NONBLOCK);
  return fd.valid() && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

// Segments that retention was removing when it died count as removed.
SegmentReader::SegmentReader(std::string directory)
    : directory_(std::move(directory)), before_(retained_head(directory_)) {
  if (before_.seq != 0) last_closed_ = segment_name(before_.seq);
}

// Closed segments before that one count as read. Its own name may come to be while we look.
SegmentReader::SegmentReader(std::string directory, RecordPlace from, std::uint64_t next_seq)
    : SegmentReader(std::move(directory)) {
  from_ = from;
  from_seq_ = next_seq;
  if (from.segment > before_.seq + 1) last_closed_ = segment_name(from.segment - 1);
}

void SegmentReader::again(const LineReader::Item& torn) {
  reader_->seek(torn.offset, torn.number - 1);
}

bool SegmentReader::was_cut() const {
  struct stat info {};
  return reader_ && ::fstat(fd_.get(), &info) == 0 &&
         static_cast<std::uint64_t>(info.st_size) < reader_->offset();
}

bool SegmentReader::look() {
  if (!closed_.empty()) return true;
  const auto seen = closed_segments(directory_);
  if (seen.empty() || seen.back() <= last_closed_) return false;
  // What is renamed while a folder is read may be left out where one that was renamed later is not
  // (POSIX readdir): all up to that one are there when it is read once more.
  for (std::string& name : closed_segments(directory_)) {
    if (name > last_closed_ && name <= seen.back()) closed_.push_back(std::move(name));
  }
  return !closed_.empty();
}

// The file that comes next; invalid, and `error` says why.
UniqueFd SegmentReader::open_name(int& error) {
  UniqueFd fd;
  for (int attempt = 0; attempt < kReadings; ++attempt) {
    active_ = !look();
    name_ = active_ ? std::string(kAuditFile) : closed_.front();
    fd = open_regular(directory_ + '/' + name_, error);
    // The writer has closed the last segment and not yet begun another one.
    const bool between = active_ && error == ENOENT && !last_closed_.empty();
    if (!between) break;
    ::usleep(kPause);
  }
  if (!active_) {
    last_closed_ = name_;
    closed_.pop_front();
  }
  return fd;
}

int SegmentReader::open_next() {
  reader_.reset();
  const dev_t device = device_;
  const ino_t inode = inode_;
  while (true) {
    int error = 0;
    fd_ = open_name(error);
    if (error != 0) return error;
    struct stat info {};
    if (::fstat(fd_.get(), &info) != 0) return errno;
    device_ = info.st_dev;
    inode_ = info.st_ino;
    const bool read_already = !active_ && device_ == device && inode_ == inode;
    // What was opened as the last file may have been closed, and another begun, just before.
    const bool too_late = active_ && look();
    if (!read_already && !too_late) break;
  }
  reader_.emplace(fd_.get());
  if (from_.segment != 0) {
    const bool there = active_ || first_seq_of(name_) == from_.segment;
    if (there) reader_->seek(from_.offset, from_seq_ - from_.segment);
    from_ = {};
  }
  return 0;
}

LineReader::Item SegmentReader::next() {
  while (true) {
    if (!reader_) {
      if (const int error = open_next(); error != 0) {
        return {LineReader::Kind::failed, {}, 0, 0, error};
      }
    }
    LineReader::Item item = reader_->next();
    if (item.kind != LineReader::Kind::end) return item;
    if (active_ && !look()) return item;
    // It was closed since: with records, perhaps, that were written after its end was seen.
    item = reader_->next();
    if (item.kind != LineReader::Kind::end) return item;
    reader_.reset();
  }
}

} // namespace sluice::evidence

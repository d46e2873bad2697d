// The few POSIX file operations the evidence needs, with errors as errno values and no surprises
// from short reads, short writes or interrupts. Never follows a symbolic link at the last step.
// Tested by tests/unit/evidence/file_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace sluice::evidence {

Error unavailable(std::string detail); // (evidence, "evidence_unavailable", detail)
// The same, with "<action> <path>: <what errno means>".
Error file_error(std::string_view action, std::string_view path, int error);

UniqueFd open_file(const std::string& path, int flags, mode_t mode = 0); // errno when invalid
int write_all(int fd, std::string_view bytes);                           // 0 or errno
Result<std::string> read_file(const std::string& path, std::size_t limit);
Result<> sync_directory(const std::string& path);
Result<> make_directory(const std::string& path); // 0700, parents too; fine when it is there
// Complete and on the disk, or not there at all: written beside, synced, renamed.
Result<> write_file_atomically(const std::string& path, std::string_view bytes);

inline constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20; // without the newline

// Lines of a file, in constant memory, whatever the descriptor's position.
class LineReader {
 public:
  enum class Kind : std::uint8_t {
    failed = 0, // the file could not be read; `error` says why
    line,
    too_long, // over kMaxLineBytes; `text` is empty, reading goes on behind it
    torn,     // the file ends without a newline; `text` is what stands there
    end,
  };
  struct Item {
    Kind kind = Kind::failed;
    std::string_view text;    // without the newline; valid until the next call
    std::uint64_t number = 0; // from 1
    std::uint64_t offset = 0; // of the first byte
    int error = 0;
  };

  explicit LineReader(int fd); // does not own it
  Item next();
  // Goes on with the line that begins at this offset, which gets the number behind `before`. Near
  // offsets in rising order cost no more than reading on.
  void seek(std::uint64_t offset, std::uint64_t before = 0);
  std::uint64_t offset() const noexcept { return file_offset_ - (end_ - begin_); } // of the next

 private:
  bool fill(); // false at the end and on errors
  Item skip_long_line();

  int fd_;
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0; // what is read and not yet given out
  std::uint64_t file_offset_ = 0;   // of buffer_[end_]
  std::uint64_t number_ = 0;
  int error_ = 0;
};

} // namespace sluice::evidence

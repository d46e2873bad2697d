// A file that is only ever extended by whole lines. After a failed write it is as it was before. A
// file that was deleted, moved, replaced, cut or written to by others is not written to.
// Tested by tests/unit/evidence/log_fault_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/base/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/stat.h>

namespace sluice::evidence {

class AppendFile {
 public:
  AppendFile() = default;
  // Created 0600 when absent. Fails (evidence, "evidence_unavailable").
  static Result<AppendFile> open(const std::string& path);

  int fd() const noexcept { return file_.get(); }
  const std::string& path() const noexcept { return path_; }
  bool created() const noexcept { return created_; }
  std::uint64_t size() const noexcept { return size_; }

  // What is behind this many bytes is not a whole line; it is cut off by cut().
  void set_size(std::uint64_t whole_lines) noexcept { size_ = whole_lines; }
  Result<> cut();
  // Requires: `lines` is whole lines. On failure nothing of them stays in the file; if even that
  // cannot be done, the next call does it first. `sync`: they are on the disk when it returns.
  enum class Sync : bool { no, yes };
  Result<> write(std::string_view lines, Sync sync);
  Result<> sync();

 private:
  Result<> check_untouched();
  Result<> undo(std::string_view action, int error);

  std::string path_;
  UniqueFd file_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::uint64_t size_ = 0; // of the whole lines; everything behind it is not ours or not whole
  bool created_ = false;
  bool half_written_ = false;
};

} // namespace sluice::evidence

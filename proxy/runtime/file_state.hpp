// Whether a file is still the one it was: by its inode, size and time. Never reads it.
// Tested by tests/e2e/test_policy_reload.py and test_credentials.py.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::runtime {

struct FileId { // an inode number is its file system's to choose
  std::uint64_t device = 0, inode = 0;
  bool operator==(const FileId&) const = default;
};

struct FileState {
  FileId id;
  std::int64_t size = 0, modified_ns = 0;
  bool operator==(const FileState&) const = default;
};

FileState look_at(const std::string& file); // all zero: there is none, or a pipe
// Since the last look. One that is gone is being replaced: it is looked at again when it is back.
bool has_changed(const std::string& file, FileState& last);
std::string folder_of(const std::string& file); // with its '/'; "./" when none is named

} // namespace sluice::runtime

// The files a log consists of: closed segments, named after their first record, and audit.jsonl,
// which is written. Reads their lines as one, also while the writer closes a segment meanwhile.
// Never judges a line; never changes a file.
// Tested by tests/unit/evidence/segments_test.cpp.
#pragma once

#include "policy/evidence/file.hpp"
#include "policy/evidence/head.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace sluice::evidence {

// audit-<first seq, 20 digits>.jsonl, so that names sort as records do.
std::string segment_name(std::uint64_t first_seq);
std::optional<std::uint64_t> first_seq_of(const std::string& segment_name);
std::vector<std::string> closed_segments(const std::string& directory); // in their order

// O_NONBLOCK so that a FIFO put in the log's place cannot make a reader wait. Regular files only;
// else invalid, and `error` says why.
UniqueFd open_regular(const std::string& path, int& error);

// Whether a process holds the log's lock. Never creates that file.
bool is_being_written(const std::string& directory);

// Where a record stands: files are named after their first record only once they are closed.
struct RecordPlace {
  std::uint64_t segment = 0; // the seq of the first record of its file
  std::uint64_t offset = 0;
};

class SegmentReader {
 public:
  explicit SegmentReader(std::string directory);
  // From this place on; `next_seq` is the record that is expected there.
  SegmentReader(std::string directory, RecordPlace from, std::uint64_t next_seq);

  // `end` is the end for now: asked again it goes on, when there is more by then. A line that is
  // torn in a closed segment is followed by the next segment. `failed` ends it.
  LineReader::Item next();
  // Gives the torn line out again that next() returned, with what was written to it since.
  void again(const LineReader::Item& torn);
  // What the first record follows: seq 0, or the last of those that retention removed.
  const Head& before() const noexcept { return before_; }
  bool was_cut() const; // whether the file ends before what was read of it
  const std::string& file() const noexcept { return name_; } // of what next() returned
  bool in_last() const noexcept { return active_; }          // that is audit.jsonl

 private:
  int open_next(); // 0, or errno
  UniqueFd open_name(int& error);
  bool look(); // whether there is a closed segment that is not read

  std::string directory_;
  Head before_;
  std::string name_;               // of the file that is read
  std::deque<std::string> closed_; // not read yet, in their order
  std::string last_closed_;        // up to here all closed segments are read
  RecordPlace from_;               // where the first file is begun
  std::uint64_t from_seq_ = 0;
  UniqueFd fd_;
  std::optional<LineReader> reader_;
  bool active_ = false;
  dev_t device_ = 0; // of the file that is, or was, read: it may have been closed since
  ino_t inode_ = 0;
};

} // namespace sluice::evidence

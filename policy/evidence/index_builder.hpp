// Brings an index up to the log: reads what the index does not have, checks its chain, and adds it
// block by block. Never adds what does not follow the record before it.
// Tested by tests/unit/evidence/index_test.cpp.
#pragma once

#include "policy/evidence/file.hpp"
#include "policy/evidence/index.hpp"

#include <optional>
#include <string>

namespace sluice::evidence {

// Reads records at the places an index names.
class PlaceReader {
 public:
  explicit PlaceReader(std::string directory) : directory_(std::move(directory)) {}
  // The line of a record, if that is what stands there, with the hash it names; else nullopt. Valid
  // until the next call.
  std::optional<std::string_view> read(const IndexedRecord& record);

 private:
  bool open(std::uint64_t segment);

  std::string directory_;
  std::uint64_t segment_ = 0;
  UniqueFd fd_;
  std::optional<LineReader> reader_;
};

// Whether the end of the index is a record of this log; an empty index fits any.
Result<bool> fits(Index& index, const std::string& directory);

// The records that were added. Fails with what Database fails with, and with
// "evidence_chain_broken". What is behind the last whole block of the last file is left out.
Result<std::uint64_t> catch_up(Index& index, const std::string& directory);

// Takes away an index that is a file; false, and errno, when it cannot be.
bool remove_index(const std::string& directory);

} // namespace sluice::evidence

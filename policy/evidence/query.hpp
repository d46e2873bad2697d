// Records that hold certain words, of a certain time. Asks the index where they are and reads each
// of them from the log: what is handed out is a line of the log, with its own hash, that holds
// those words. Records that the index does not have yet are read from the log; an index that is
// damaged, or of another log, is made anew; where none can be kept the log alone is read; all of
// which is said. Never hands a record out twice, nor out of order; constant memory. Tested by
// tests/unit/evidence/index_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/evidence/facts.hpp"
#include "policy/evidence/issue.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace sluice::evidence {

enum class From : std::uint8_t {
  index = 0,
  log,   // every record of it, in its order, with its chain checked
  lines, // the same without the chain: whatever is a record by itself
};

struct QueryOptions {
  Filter filter;
  std::uint64_t limit = 0; // only the first so many; 0: all
  std::uint64_t last = 0;  // only the last so many, which are kept in memory
  From from = From::index;
};

struct QueryTold {
  std::function<bool(std::string_view text, const Line&)> each; // false: that is enough
  std::function<void(const std::string&)> note;                 // about the index
  std::function<void(const Issue&)> issue;                      // about the log
};

// Fails (evidence) with "evidence_unavailable" when there is no log. What is wrong with the log is
// told as issues: then the answer is that of the lines that could be read.
Result<> query(const std::string& directory, const QueryOptions& options, const QueryTold& told);

// The records that were added to it, the index made where there is none, or made anew.
enum class Rebuild : bool { no, yes };
Result<std::uint64_t> update_index(const std::string& directory, Rebuild rebuild,
                                   const std::function<void(const std::string&)>& note);

} // namespace sluice::evidence

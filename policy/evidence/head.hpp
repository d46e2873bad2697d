// Where a log ends: what a witness remembers, and what `--head SEQ:HASH` names.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::evidence {

struct Head { // the last record of a chain; seq 0 and an empty hash before the first
  std::uint64_t seq = 0;
  std::string hash;
};

inline std::string to_string(const Head& head) {
  return std::to_string(head.seq) + ':' + head.hash;
}

} // namespace sluice::evidence

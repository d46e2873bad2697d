// What an export bundle says about itself, in AgentPaaS's form (reference §5.6): counts, heads, the
// key, and a signature over all of it. Pure. Reads only what it would write, to the byte.
// Tested by tests/unit/evidence/bundle_test.cpp against a reference vector.
#pragma once

#include "policy/evidence/head.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::evidence {

struct Manifest {
  std::string exported_at;
  std::uint64_t records = 0;
  Head head;
  std::uint64_t checkpoints = 0;
  Head latest_anchor;
  std::string key_fingerprint;
  std::string hash;      // hex, over all of the above
  std::string signature; // base64, over the text of the hash
};

std::string hash_of(const Manifest& manifest);
std::string text_of(const Manifest& manifest); // one line, with its newline
std::optional<Manifest> parse_manifest(std::string_view text);

} // namespace sluice::evidence

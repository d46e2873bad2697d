// Writes canonical JSON as AgentPaaS hashes it (reference §5.2, Go's encoding/json rules): compact,
// keys in byte order, <>& and U+2028/9 escaped, invalid UTF-8 replaced, integers only. Asserts key
// order instead of sorting, because the callers are few and the path is hot; a caller that gets it
// wrong ends the process, since its record could not be verified.
// Tested by tests/unit/evidence/json_writer_test.cpp against reference vectors.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::evidence {

inline constexpr std::int64_t kMaxJsonInteger = (std::int64_t{1} << 53) - 1;

void append_json_string(std::string& out, std::string_view text); // with quotes

class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name); // ASCII, strictly greater than the previous key here
  JsonWriter& string(std::string_view value);
  JsonWriter& integer(std::int64_t value); // |value| < 2^53
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  // Requires: every object and array closed.
  std::string take();

 private:
  struct Level {
    bool first = true;
    std::size_t key_at = 0; // the last key of this object, in out_
    std::size_t key_size = 0;
  };
  void separate();
  void open(char bracket);
  void close(char bracket);

  static constexpr std::size_t kMaxDepth = 16;
  std::string out_;
  std::array<Level, kMaxDepth> levels_{}; // [0] is the document
  std::size_t depth_ = 0;
  bool after_key_ = false;
};

} // namespace sluice::evidence

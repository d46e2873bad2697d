// Writes canonical JSON as AgentPaaS hashes it (reference §5.2, Go's encoding/json rules): compact,
// keys in byte order, <>& and U+2028/9 escaped, invalid UTF-8 replaced, integers only. Asserts key
// order instead of sorting, because the callers are few and the path is hot.
// Tested by tests/unit/evidence/json_writer_test.cpp against reference vectors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::evidence {

void append_json_string(std::string& out, std::string_view text);  // with quotes

class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);  // ASCII, strictly greater than the previous key here
  JsonWriter& string(std::string_view value);
  JsonWriter& integer(std::int64_t value);  // |value| < 2^53
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  // Requires: every object and array closed.
  std::string take();

 private:
  void separate();
  std::string out_;
  std::vector<std::string> last_keys_;
  std::vector<bool> first_;
};

}  // namespace sluice::evidence

// Any bytes as JSON5: no crash, bounded, one error or a tree. What is plain JSON, too, means the
// same to nlohmann's parser; and what our strict JSON reader takes, JSON5 takes.
#include "overlay/manifest/json5.hpp"
#include "overlay/manifest/json_value.hpp"
#include "policy/base/json.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace sluice;

void require(bool holds) {
  if (!holds) std::abort();
}

bool holds_nul(const Node& node) {
  if (node.text.find('\0') != std::string::npos) return true;
  for (const Node& item : node.items) {
    if (holds_nul(item)) return true;
  }
  for (const Member& member : node.members) {
    if (member.key.find('\0') != std::string::npos || holds_nul(member.value)) return true;
  }
  return false;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Diagnostics problems;
  const auto document = overlay::parse_json5(text, "f", problems);
  require(document.has_value() == problems.empty());
  if (document) {
    const overlay::Json value = overlay::to_json(document->root);
    const auto again = overlay::parse_json5(overlay::canonical_json(value), "f", problems);
    require(again && overlay::to_json(again->root) == value);
    const overlay::Json plain = overlay::Json::parse(text, nullptr, false);
    require(plain.is_discarded() || plain == value);
  } else {
    require(problems.size() == 1 && problems.front().line > 0);
    // A container at the last level may hold nothing in ours, so one level less is asked for.
    const auto strict = read_json(text, {kMaxDocumentDepth - 1, kMaxDocumentNodes});
    require(!strict || holds_nul(strict.value()));
  }
  return 0;
}

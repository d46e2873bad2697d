// Invariants, for any bytes: output and findings do not depend on how the bytes were cut; no more
// than max_hold() is held; a mask that keeps the length keeps it.
#include "policy/redact/redactor.hpp"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace sluice;
using redact::Redactor;

void require(bool holds) {
  if (!holds) std::abort();
}

std::shared_ptr<const redact::RuleSet> make_rules() {
  redact::RuleSetConfig config;
  config.known.push_back({"one", Secret("abcabd"), false});
  config.known.push_back({"two", Secret("cab/d+\"e"), false});
  config.fingerprint_key = "key";
  return redact::RuleSet::build(config).value();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLargest = 4096;
  if (size < 1 || size > kLargest) return 0;
  static const auto rules = make_rules();
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = 1U + data[0] % 64U;
  const auto whole = redact::redact_whole(rules, text);
  Redactor pieces(rules);
  Redactor same_length(rules, Redactor::Mask::keep_length);
  std::string out, masked;
  for (std::size_t at = 0; at < text.size(); at += step) {
    pieces.feed(text.substr(at, step), out);
    same_length.feed(text.substr(at, step), masked);
    require(pieces.held() <= rules->max_hold());
  }
  pieces.finish(out);
  same_length.finish(masked);
  require(out == whole.text);
  require(pieces.findings() == whole.findings);
  require(masked.size() == text.size());
  return 0;
}

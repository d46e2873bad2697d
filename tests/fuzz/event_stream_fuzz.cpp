// Invariants, for any bytes: output and findings do not depend on how the bytes were cut; what was
// not rewritten is as it was.
#include "policy/redact/event_stream.hpp"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace sluice;
using redact::EventStream;

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

struct Passed {
  std::string text;
  redact::Findings findings;
  bool rewrote = false;
};

Passed pass(std::string_view text, std::size_t step, redact::EventFormat format) {
  static const auto rules = make_rules();
  EventStream stream(rules, format);
  Passed out;
  for (std::size_t at = 0; at < text.size(); at += step) {
    stream.feed(text.substr(at, step), out.text);
  }
  stream.finish(out.text);
  out.findings = stream.findings();
  out.rewrote = stream.rewrote();
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLargest = 4096;
  if (size < 1 || size > kLargest) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = 1U + data[0] % 64U;
  const auto format =
      data[0] < 192 ? redact::EventFormat::server_sent : redact::EventFormat::line_each;
  const auto whole = pass(text, text.size() + 1, format);
  const auto pieces = pass(text, step, format);
  require(pieces.text == whole.text);
  require(pieces.findings == whole.findings);
  require(whole.rewrote || whole.text == text);
  return 0;
}

// Invariants, for any bytes: output does not depend on how the bytes were cut; where nothing was
// found they are as they were; and a card that was changed is JSON that every reader reads alike.
#include "policy/base/json.hpp"
#include "proxy/call/agent_card.hpp"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace sluice;
using call::UrlTable;
using Table = std::shared_ptr<const UrlTable>;

void require(bool holds) {
  if (!holds) std::abort();
}

Table table(std::initializer_list<std::pair<const char*, const char*>> rows) {
  auto out = std::make_shared<UrlTable>();
  for (const auto& [from, to] : rows) require(out->add(from, to).empty());
  return out;
}

std::string cut(const Table& of, std::string_view text, std::size_t step) {
  call::UrlRewriter rewriter(of);
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += step) rewriter.feed(text.substr(at, step), out);
  rewriter.finish(out);
  require(rewriter.rewrote() || out == text);
  return out;
}

void card(const Table& of, std::string_view text, call::CardDuty duty) {
  auto rules = std::make_shared<call::UrlRules>();
  rules->response = of;
  rules->cards = duty;
  auto signer = std::make_shared<call::CardSigner>();
  signer->sign = [](std::string_view) -> Result<std::string> { return std::string(64, 'x'); };
  rules->signer = signer;
  call::AgentCard one(rules, 4096, true);
  require(one.feed(text).has_value());
  std::string out;
  if (!one.finish(out)) return require(out.empty());
  if (out != text && first_mark(text) == '{') require(read_json(out).has_value());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLargest = 4096;
  if (size < 1 || size > kLargest) return 0;
  static const auto forth = table({{"http://127.0.0.1:20000", "amber://route/x"},
                                   {"http://127.0.0.1:20000/a/b", "https://c.example:8443/d"},
                                   {"https://h.example", "http://i"}});
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = cut(forth, text, text.size() + 1);
  require(cut(forth, text, 1U + data[0] % 16U) == whole);
  require(cut(forth, text, 1) == whole);
  for (const auto duty : {call::CardDuty::sign, call::CardDuty::keep, call::CardDuty::refuse})
    card(forth, text, duty);
  return 0;
}

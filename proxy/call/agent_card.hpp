// An agent card (A2A) on its way to who asked for it: read whole, its addresses changed, and its
// signatures refused, replaced by ours or kept, as the listener's rules say. A card of which
// nothing changes passes byte for byte. Never signs what two readers could take for two different
// cards, and never what no signature was on. Tested by tests/unit/call/agent_card_test.cpp.
#pragma once

#include "policy/base/document.hpp"
#include "policy/base/result.hpp"
#include "proxy/call/url_rules.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::call {

// …/.well-known/agent-card.json, and its older name.
bool is_card_path(std::string_view path) noexcept;

class AgentCard {
 public:
  // Requires: rules->response. `most`: bytes of a card. `is_text`: what turns out to be no card is
  // rewritten as the text it is.
  AgentCard(std::shared_ptr<const UrlRules> rules, std::uint64_t most, bool is_text)
      : rules_(std::move(rules)), most_(most), is_text_(is_text) {}

  // Fails (upstream, "card_too_large").
  Result<> feed(std::string_view in);
  // Fails (upstream, "card_ambiguous" or "card_signature_lost"): nothing was appended then.
  Result<> finish(std::string& out);
  bool rewrote() const noexcept { return rewrote_; }
  std::size_t held() const noexcept { return text_.size(); }

 private:
  Result<std::string> change() const;
  Result<std::string> sign(Node card) const;
  Result<Node> signature(const std::string& payload) const; // one entry of the list

  std::shared_ptr<const UrlRules> rules_;
  std::uint64_t most_;
  bool is_text_;
  std::string text_;
  bool rewrote_ = false;
};

} // namespace sluice::call

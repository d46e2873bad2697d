// What a listener puts in the place of addresses, and in which messages: bodies that are text or
// JSON, and the fields of an answer that say where to go on. A body of GET or HEAD means nothing,
// forms and bytes are not text, and messages of a WebSocket pass as they are.
// Tested by tests/unit/call/url_rules_test.cpp and tests/playbook/urls_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "proxy/call/url_rewriter.hpp"
#include "proxy/wire/head.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::call {

// What becomes of an agent card that is signed and whose addresses change.
enum class CardDuty : std::uint8_t { refuse = 0, sign, keep };

struct CardSigner {
  std::string key_id; // as cards name the key
  // ES256 over a text, 64 bytes; from any thread.
  std::function<Result<std::string>(std::string_view)> sign;
};

struct UrlRules {
  std::shared_ptr<const UrlTable> request, response; // null: nothing is put in
  CardDuty cards = CardDuty::refuse;
  std::string card_key_id;                  // "": the key's fingerprint
  std::shared_ptr<const CardSigner> signer; // null: there is no key
};

// JSON, lines or records of JSON, and every kind of text (events, too).
bool may_hold_urls(std::string_view content_type);
bool rewrites_request(const UrlRules& rules, const wire::RequestHead& head);
// A 304 that does not say what its body was may speak of one that was rewritten.
bool rewrites_response(const UrlRules& rules, const wire::ResponseHead& head);
// Location, Content-Location and Link.
void rewrite_fields(const UrlRules& rules, wire::Fields& fields);

} // namespace sluice::call

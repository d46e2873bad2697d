#include "proxy/call/agent_card.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/json.hpp"
#include "proxy/call/json_text.hpp"

#include <algorithm>
#include <utility>

namespace sluice::call {
namespace {

constexpr std::string_view kOriginal = "sluice_original_card";
constexpr std::string_view kSignatures = "signatures";

// RFC 7515 §2.
std::string base64url_of(std::string_view bytes) {
  std::string out = to_base64(bytes);
  while (out.ends_with('=')) out.pop_back();
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  return out;
}
bool is_base64url(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

Node text_node(std::string text) {
  Node out;
  out.kind = Node::Kind::string;
  out.text = std::move(text);
  return out;
}
Node map_node(std::vector<std::pair<std::string_view, Node>>&& members) {
  Node out;
  out.kind = Node::Kind::map;
  for (auto& [key, value] : members)
    out.members.push_back({std::string(key), 1, 1, std::move(value)});
  return out;
}

Node* member_of_card(Node& map, std::string_view key) {
  for (auto& member : map.members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

// True: it was another.
bool change_address(Node& of, const std::shared_ptr<const UrlTable>& table) {
  Node* url = member_of_card(of, "url");
  if (url == nullptr || url->kind != Node::Kind::string) return false;
  auto changed = rewrite_urls(table, url->text);
  const bool is_other = changed != url->text;
  url->text = std::move(changed);
  return is_other;
}

bool change_addresses(Node& card, const std::shared_ptr<const UrlTable>& table) {
  bool changed = change_address(card, table);
  for (const auto* list : {"supportedInterfaces", "additionalInterfaces"}) {
    Node* interfaces = member_of_card(card, list);
    if (interfaces == nullptr || !interfaces->is_list()) continue;
    for (auto& one : interfaces->items) changed = change_address(one, table) || changed;
  }
  return changed;
}

bool has_signatures(const Node& card) {
  const Node* signatures = card.find(kSignatures);
  if (signatures == nullptr || signatures->kind == Node::Kind::null) return false;
  return !signatures->is_list() || !signatures->items.empty();
}

// What a hop before us kept of the card as its agent signed it.
std::string kept_original(const Node& card) {
  const Node* signatures = card.find(kSignatures);
  for (const auto& one : signatures->items) {
    const Node* header = one.find("header");
    const Node* kept = header == nullptr ? nullptr : header->find(kOriginal);
    if (kept != nullptr && kept->kind == Node::Kind::string && is_base64url(kept->text))
      return kept->text;
  }
  return {};
}

// Some readers find a key in any case, and take the last.
bool has_twins(const Node& card) {
  std::vector<std::string> keys;
  for (const auto& member : card.members) keys.push_back(ascii_lower(member.key));
  std::sort(keys.begin(), keys.end());
  if (std::adjacent_find(keys.begin(), keys.end()) != keys.end()) return true;
  for (const auto& member : card.members) {
    if (has_twins(member.value)) return true;
  }
  return std::any_of(card.items.begin(), card.items.end(), has_twins);
}

// A2A §8.4.1 signs no field that has its default, which readers of A2A leave out before they
// verify: of cards that is what is empty, and `false` of these fields. In `params` it says
// something.
bool is_default(const Member& member, bool in_params) {
  const Node& value = member.value;
  switch (value.kind) {
  case Node::Kind::null: return true;
  case Node::Kind::string: return value.text.empty();
  case Node::Kind::boolean:
    return !in_params && !value.boolean &&
           (member.key == "required" || member.key == "pkceRequired");
  case Node::Kind::list: return value.items.empty();
  case Node::Kind::map: return value.members.empty();
  default: return false;
  }
}

// From the inside out: what holds nothing but empty things is empty.
void leave_out_defaults(Node& node, bool in_params = false) {
  for (auto& member : node.members)
    leave_out_defaults(member.value, in_params || member.key == "params");
  std::erase_if(node.members,
                [in_params](const Member& member) { return is_default(member, in_params); });
  for (auto& item : node.items) leave_out_defaults(item, in_params);
  std::erase_if(node.items, [](const Node& item) { return is_default({"", 1, 1, item}, true); });
}

Error lost(std::string why) {
  return make_error(Origin::upstream, "card_signature_lost", std::move(why));
}

Result<std::string> canonical_card(const Node& bare) {
  auto text = canonical_json_text(bare);
  if (!text) return lost(text.error().detail);
  return std::move(text.value());
}

} // namespace

bool is_card_path(std::string_view path) noexcept {
  return path.ends_with("/.well-known/agent-card.json") ||
         path.ends_with("/.well-known/agent.json");
}

Result<> AgentCard::feed(std::string_view in) {
  if (in.size() > most_ || text_.size() > most_ - in.size())
    return make_error(Origin::upstream, "card_too_large",
                      "the agent card is longer than limits.whole_body");
  text_.append(in);
  return success();
}

Result<> AgentCard::finish(std::string& out) {
  SLUICE_TRY(auto changed, change());
  rewrote_ = changed != text_;
  out += changed;
  text_ = std::string();
  return success();
}

Result<std::string> AgentCard::change() const {
  auto rewritten = rewrite_urls(rules_->response, text_);
  // No reader takes it for a card.
  if (first_mark(text_) != '{') return is_text_ ? rewritten : text_;
  auto card = read_json(rewritten);
  if (!card) {
    if (rewritten == text_) return text_;
    return make_error(Origin::upstream, "card_ambiguous",
                      "an agent card that cannot be read for certain: " + card.error().detail);
  }
  const bool by_field = change_addresses(card.value(), rules_->response);
  if (!by_field && rewritten == text_) return text_;
  if (!has_signatures(card.value()) || rules_->cards == CardDuty::keep)
    return by_field ? json_text(card.value()) : std::move(rewritten);
  if (rules_->cards != CardDuty::sign || !rules_->signer) return lost("");
  return sign(std::move(card.value()));
}

// A2A §8.4: a detached JWS over the canonical card without its signatures. Defaults are left out,
// as the SDKs do; where that is another text, a second one is for who takes the card as it is.
Result<std::string> AgentCard::sign(Node card) const {
  auto original = kept_original(card);
  if (original.empty()) original = base64url_of(text_);
  if (has_twins(card)) return lost("two of its keys differ in nothing but their case");
  Node bare = card;
  std::erase_if(bare.members, [](const Member& member) { return member.key == kSignatures; });
  SLUICE_TRY(const auto whole, canonical_card(bare));
  leave_out_defaults(bare);
  SLUICE_TRY(const auto spare, canonical_card(bare));
  Node list;
  list.kind = Node::Kind::list;
  SLUICE_TRY(auto first, signature(spare));
  first.members.push_back(
      {"header", 1, 1, map_node({{kOriginal, text_node(std::move(original))}})});
  list.items.push_back(std::move(first));
  if (spare != whole) {
    SLUICE_TRY(auto second, signature(whole));
    list.items.push_back(std::move(second));
  }
  *member_of_card(card, kSignatures) = std::move(list);
  return json_text(card);
}

Result<Node> AgentCard::signature(const std::string& payload) const {
  const auto head = base64url_of(json_text(map_node({{"alg", text_node("ES256")},
                                                     {"kid", text_node(rules_->signer->key_id)},
                                                     {"typ", text_node("JOSE")}})));
  SLUICE_TRY(const auto bytes, rules_->signer->sign(head + "." + base64url_of(payload)));
  return map_node({{"protected", text_node(head)}, {"signature", text_node(base64url_of(bytes))}});
}

} // namespace sluice::call

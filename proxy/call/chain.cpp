#include "proxy/call/chain.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace sluice::call {
namespace {

constexpr std::string_view kCallField = "x-sluice-call";
constexpr std::string_view kHopsField = "x-sluice-hops";

// Behind CGI and its heirs '_' is '-'.
bool is_spelling_of(std::string_view field, std::string_view name) {
  return std::equal(field.begin(), field.end(), name.begin(), name.end(), [](char a, char b) {
    if (a == '_') a = '-';
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

std::uint32_t hops_of(std::string_view text) {
  constexpr std::size_t kMostDigits = 6;
  std::uint32_t out = 0;
  const auto* end = text.data() + text.size();
  const bool digits = !text.empty() && text.size() <= kMostDigits &&
                      text.find_first_not_of("0123456789") == text.npos;
  return digits && std::from_chars(text.data(), end, out).ptr == end ? out : kEndlessHops;
}

} // namespace

bool is_call_id(std::string_view text) noexcept {
  constexpr std::size_t kSize = 26;
  return text.size() == kSize && text.front() <= '7' && // 128 bits
         text.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ") == text.npos;
}

void drop_chain_fields(wire::Fields& fields) {
  std::erase_if(fields.all(), [](const wire::Field& field) {
    return is_spelling_of(field.name, kCallField) || is_spelling_of(field.name, kHopsField);
  });
}

ChainSaid take_chain_fields(wire::Fields& fields) {
  ChainSaid out;
  if (const auto id = fields.only(kCallField); id && is_call_id(*id)) out.call_id = *id;
  if (fields.count(kHopsField) > 0) out.hops = hops_of(fields.only(kHopsField).value_or(""));
  drop_chain_fields(fields);
  return out;
}

void put_chain_fields(wire::Fields& fields, const model::EgressCall& call, Caller from) {
  const model::Chain& chain = call.chain;
  const bool answers = !chain.peer.empty() || from == Caller::outside;
  if (!answers && chain.upstream_peer.empty()) return;
  fields.set(kCallField, call.call_id);
  if (chain.upstream_peer.empty()) return;
  // From one sidecar to the next without a program in between is a hop, too: no other place counts
  // it.
  fields.set(kHopsField, std::to_string(chain.peer.empty() ? chain.hops : chain.hops + 1));
}

void place_in_chain(model::Chain& chain, const ChainSaid& said, const OpenCalls* open) {
  if (!chain.peer.empty()) {
    chain.parent_call_id = said.call_id;
    chain.hops = said.hops;
  } else if (open != nullptr) {
    auto link = open->link(said.call_id);
    chain.parent_call_id = std::move(link.parent);
    chain.hops = link.hops;
  }
}

} // namespace sluice::call

#include "overlay/manifest/json_value.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"

#include <charconv>
#include <cstdint>

namespace sluice::overlay {
namespace {

Json number_of(const Node& node) {
  std::uint64_t whole = 0;
  const char* end = node.text.data() + node.text.size();
  const auto [stop, error] = std::from_chars(node.text.data(), end, whole);
  if (error == std::errc() && stop == end) return whole;
  return node.real;
}

} // namespace

Json to_json(const Node& node) {
  switch (node.kind) {
  case Node::Kind::null: return nullptr;
  case Node::Kind::boolean: return node.boolean;
  case Node::Kind::integer: return node.integer;
  case Node::Kind::real: return number_of(node);
  case Node::Kind::string: return node.text;
  case Node::Kind::list: {
    Json out = Json::array();
    for (const Node& item : node.items) out.push_back(to_json(item));
    return out;
  }
  case Node::Kind::map: {
    Json out = Json::object();
    for (const Member& member : node.members) out[member.key] = to_json(member.value);
    return out;
  }
  }
  return nullptr;
}

std::string canonical_json(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::strict);
}

std::string sha256_text(std::string_view bytes) {
  return "sha256:" + to_base64(sha256(bytes));
}

} // namespace sluice::overlay

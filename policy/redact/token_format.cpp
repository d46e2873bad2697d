#include "policy/redact/token_format.hpp"

#include "policy/base/reader.hpp"
#include "policy/redact/openings.hpp"
#include "policy/redact/string_list.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace sluice::redact {
namespace {

enum class Edge { anywhere, boundary };
constexpr std::array<Word<Edge>, 2> kEdges = {
    {{"anywhere", Edge::anywhere}, {"boundary", Edge::boundary}}};
constexpr std::array<Word<TokenCheck>, 3> kChecks = {{{"luhn", TokenCheck::luhn},
                                                      {"mod97", TokenCheck::mod97},
                                                      {"base62-crc32", TokenCheck::base62_crc32}}};

std::optional<double> number(const Reader& at) {
  const Node* node = at.node();
  if (node == nullptr) return std::nullopt;
  if (node->kind == Node::Kind::real && node->real >= 0 && node->real <= 8) return node->real;
  if (node->kind == Node::Kind::integer && node->integer >= 0 && node->integer <= 8) {
    return static_cast<double>(node->integer);
  }
  at.error("bits per byte, from 0 to 8");
  return std::nullopt;
}

std::shared_ptr<const TokenFormat> parse_format(Reader& item, std::set<std::string>& ids,
                                                Beginnings beginnings) {
  auto out = std::make_shared<TokenFormat>();
  auto id = item.required("id");
  out->id = id.string().value_or("");
  if (!out->id.empty() && !ids.insert(out->id).second) id.error("two formats have this id");
  out->title = item.at("title").string().value_or(out->id);
  out->entropy = number(item.at("entropy")).value_or(0);
  out->check = item.at("check").one_of(kChecks).value_or(TokenCheck::none);
  out->starts_at_boundary =
      item.at("starts").one_of(kEdges).value_or(Edge::boundary) == Edge::boundary;
  out->ends_at_boundary = item.at("ends").one_of(kEdges).value_or(Edge::anywhere) == Edge::boundary;
  out->without_digit = item.at("without_digit").boolean().value_or(false);
  out->block_end = item.at("block_end").string().value_or("");
  for (const auto* key : {"source", "finds", "leaves"}) item.at(key);
  auto pattern = item.required("pattern");
  const auto text = pattern.string();
  item.finish();
  if (!text) return nullptr;
  out->opening = beginnings == Beginnings::open;
  auto shape = Shape::compile(*text, {out->opening, 0, false});
  if (!shape) {
    pattern.error(shape.error().detail);
    return nullptr;
  }
  out->shape = std::move(shape.value());
  return out;
}

} // namespace

std::size_t TokenFormat::most_held() const {
  if (max_length > 0) return max_length + 1;
  const bool waits_for_end = opening && (ends_at_boundary || checks_each_end());
  if (waits_for_end) return longest_match(shape).value_or(0) + 1;
  return std::max(shape.max_hold(), block_end.empty() ? 0 : StringList::kMostHeld);
}

TokenFormats parse_formats(const Document& document, Diagnostics& out, Beginnings beginnings) {
  Reader root(document, out);
  TokenFormats all;
  std::set<std::string> ids;
  for (Reader& item : root.required("formats").items()) {
    if (auto format = parse_format(item, ids, beginnings)) all.push_back(std::move(format));
  }
  root.finish();
  return all;
}

} // namespace sluice::redact

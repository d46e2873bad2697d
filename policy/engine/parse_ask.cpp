// The key `ask` of an allow rule: who outside is asked about the calls it matches.
#include "policy/engine/parse.hpp"

#include <memory>
#include <utility>

namespace sluice::engine {
namespace {

using model::DecisionPoint;
using Kind = DecisionPoint::Kind;

constexpr std::array kKinds = {Kind::opa, Kind::authzen, Kind::ext_authz_http};
constexpr std::chrono::milliseconds kShortestDeadline{10};
constexpr std::chrono::milliseconds kLongestDeadline{10'000};
constexpr std::chrono::hours kLongestCache{1};

// What is written here stands in the canonical form and in records, so nothing that may be a key.
void parse_point_url(Reader& written, DecisionPoint& out) {
  const auto text = written.string();
  if (!text) return;
  auto parsed = model::parse_service_url(*text);
  if (!parsed) {
    written.error(parsed.error().detail, "write https://pdp.example/path");
  } else if (parsed.value().target.find('?') != std::string::npos) {
    written.error("a decision point has no query", "name it by its path alone");
  } else {
    out.where = std::move(parsed.value());
  }
}

} // namespace

void parse_ask(Reader& item, Rule& rule, AskAbout about) {
  Reader ask = item.at("ask");
  if (!ask.present()) return;
  check_allow_only(item, rule, "ask");
  DecisionPoint out;
  out.rule_id = rule.id;
  out.rule_name = rule.name;
  int written = 0;
  for (const Kind kind : kKinds) {
    if (about == AskAbout::connection && kind == Kind::ext_authz_http) {
      ask.misplaced(to_string(kind), "raw TCP has no path to ask about: ask by opa or authzen");
      continue;
    }
    Reader url = ask.at(to_string(kind));
    if (!url.present()) continue;
    ++written;
    out.kind = kind;
    parse_point_url(url, out);
  }
  if (ask.node()->is_map() && written != 1)
    ask.error("a decision point is exactly one of opa, authzen or ext_authz_http",
              "write {opa: \"http://127.0.0.1:8181/v1/data/agent/allow\"}");
  out.deadline =
      ask.at("deadline").duration(kShortestDeadline, kLongestDeadline).value_or(out.deadline);
  out.cache =
      ask.at("cache").duration(std::chrono::milliseconds(0), kLongestCache).value_or(out.cache);
  const Reader on_error = ask.at("on_error");
  if (!on_error.says("block") && on_error.present())
    on_error.error("whoever cannot be asked has not said yes", "write block, or leave it out");
  ask.finish();
  rule.ask = std::make_shared<const DecisionPoint>(std::move(out));
}

} // namespace sluice::engine

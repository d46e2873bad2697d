#include "proxy/call/url_rules.hpp"

#include "policy/base/bytes.hpp"

#include <algorithm>
#include <array>

namespace sluice::call {
namespace {

constexpr std::array<std::string_view, 8> kJson = {
    "application/json",       "application/json-seq", "application/x-ndjson",
    "application/ndjson",     "application/jsonl",    "application/x-jsonlines",
    "application/json-lines", "application/jsonlines"};
constexpr std::array<std::string_view, 3> kPlaces = {"location", "content-location", "link"};

} // namespace

bool may_hold_urls(std::string_view content_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  if (type.find(',') != std::string_view::npos) return false; // which of the two?
  const auto name = ascii_lower(type);
  return name.starts_with("text/") || name.ends_with("+json") ||
         std::find(kJson.begin(), kJson.end(), name) != kJson.end();
}

bool rewrites_request(const UrlRules& rules, const wire::RequestHead& head) {
  return rules.request && head.framing != wire::BodyFraming::none && head.method != "GET" &&
         head.method != "HEAD" && may_hold_urls(head.fields.joined("content-type"));
}

bool rewrites_response(const UrlRules& rules, const wire::ResponseHead& head) {
  if (!rules.response) return false;
  const auto type = head.fields.joined("content-type");
  return type.empty() ? head.status == 304 : may_hold_urls(type);
}

void rewrite_fields(const UrlRules& rules, wire::Fields& fields) {
  if (!rules.response) return;
  for (auto& field : fields.all()) {
    const auto is_place = [&](auto name) { return equal_ignore_case(field.name, name); };
    if (std::any_of(kPlaces.begin(), kPlaces.end(), is_place))
      field.value = rewrite_urls(rules.response, field.value);
  }
}

} // namespace sluice::call

#include "policy/model/egress_call.hpp"

#include "policy/base/bytes.hpp"

#include <algorithm>

namespace sluice::model {

std::string_view to_string(Protocol protocol) noexcept {
  switch (protocol) {
  case Protocol::http: return "http";
  case Protocol::connect: return "connect";
  case Protocol::tcp: return "tcp";
  case Protocol::websocket: return "websocket";
  }
  return "tcp";
}

namespace {

bool same_to_cgi(std::string_view a, std::string_view b) { // RFC 3875 §4.1.18
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return x == y || (x == '_' && y == '-') || (x == '-' && y == '_');
  });
}

std::string_view without_spaces(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

} // namespace

void add_field(EgressCall& call, std::string_view name, std::string_view value) {
  for (const char c : name)
    call.fields += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  call.fields.append(":").append(value).append("\n");
}

std::vector<std::string_view> values_of_field(const EgressCall& call, std::string_view name) {
  std::vector<std::string_view> out;
  for (std::string_view rest = call.fields; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto colon = line.find(':');
    if (same_to_cgi(line.substr(0, colon), name))
      out.push_back(without_spaces(line.substr(colon + 1)));
  }
  return out;
}

std::vector<std::string_view> elements_of(std::string_view value) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto comma = value.find(',');
    out.push_back(without_spaces(value.substr(0, comma)));
    if (comma == std::string_view::npos) return out;
    value.remove_prefix(comma + 1);
  }
}

std::vector<std::string> values_of_parameter(const EgressCall& call, std::string_view name,
                                             Reading reading) {
  const bool exactly = reading == Reading::exactly;
  const std::string_view separators = exactly ? "&" : "&;";
  std::vector<std::string> out;
  for (std::string_view rest = call.query; !rest.empty();) {
    const auto pair = rest.substr(0, rest.find_first_of(separators));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const auto key = pair.substr(0, pair.find('='));
    const auto read = percent_decoded(key, Plus::is_space);
    if (exactly ? read != name : !equal_ignore_case(read, name)) continue;
    out.push_back(
        percent_decoded(pair.substr(std::min(pair.size(), key.size() + 1)), Plus::is_space));
  }
  return out;
}

std::string media_type(const EgressCall& call) {
  const auto all = values_of_field(call, "content-type");
  if (all.size() != 1) return "";
  return ascii_lower(without_spaces(all.front().substr(0, all.front().find(';'))));
}

std::vector<std::string> media_types(const EgressCall& call) {
  std::vector<std::string> out;
  for (const auto value : values_of_field(call, "content-type")) {
    for (auto one : elements_of(value)) {
      one = one.substr(0, one.find_first_of("; \t"));
      if (one.size() > 1 && one.front() == '"' && one.back() == '"')
        one = one.substr(1, one.size() - 2);
      out.push_back(ascii_lower(one));
    }
  }
  return out;
}

std::string_view server_name(const EgressCall& call) noexcept {
  if (call.sni == kInvalidName || IpAddress::parse_strict(call.sni)) return {};
  return call.sni;
}

std::string_view agent_of(const Given& given) noexcept {
  return given.actor ? std::string_view(given.actor->agent) : std::string_view();
}

std::string_view session_of(const Given& given) noexcept {
  return given.actor ? std::string_view(given.actor->session) : std::string_view();
}

std::uint16_t minute_of_week(std::int64_t unix_seconds) noexcept {
  constexpr std::int64_t kWeek = std::int64_t{kMinutesOfWeek} * 60;
  constexpr std::int64_t kThursday = std::int64_t{3 * kMinutesOfDay} * 60; // 1970-01-01
  const std::int64_t within = unix_seconds % kWeek + kThursday + kWeek;
  return static_cast<std::uint16_t>(within % kWeek / 60);
}

Content::State content_state(const EgressCall& call) noexcept {
  return call.content ? call.content->state : Content::State::unread;
}

std::vector<const Operation*> operations_of(const EgressCall& call, Operation::Kind kind) {
  if (content_state(call) == Content::State::unread) return {&unread_operation(kind)};
  std::vector<const Operation*> out;
  for (const Operation& one : call.content->operations) {
    if (one.kind == kind) out.push_back(&one);
  }
  return out;
}

} // namespace sluice::model

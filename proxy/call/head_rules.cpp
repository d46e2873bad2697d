#include "proxy/call/head_rules.hpp"

#include "policy/base/bytes.hpp"
#include "proxy/call/chain.hpp"
#include "proxy/wire/coding.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace sluice::call {
namespace {

// Browsers cannot set other fields for a WebSocket: its subprotocol is where some put the token.
constexpr std::array<std::string_view, 12> kCredentialFields = {
    "authorization", "cookie",         "set-cookie",          "www-authenticate",
    "x-api-key",     "api-key",        "x-goog-api-key",      "x-auth-token",
    "private-token", "x-access-token", "authentication-info", "sec-websocket-protocol"};

bool is_credential(std::string_view name) {
  return std::any_of(kCredentialFields.begin(), kCredentialFields.end(),
                     [name](std::string_view known) { return equal_ignore_case(known, name); });
}

bool says_how_to_read(std::string_view field) {
  const std::string name = ascii_lower(field);
  return name.starts_with("content-") || name.starts_with("sec-websocket-") || name == "host" ||
         name == "accept-encoding" || name == "upgrade" || name == "te" || name == "trailer";
}

void add_findings(FindingList& list, std::string_view direction, std::string_view location,
                  const redact::Findings& found) {
  if (found.empty()) return;
  for (auto& entry : list) {
    if (entry.direction == direction && entry.location == location) {
      entry.findings.merge(found);
      return;
    }
  }
  list.push_back({std::string(direction), std::string(location), found});
}

// A mask may hold bytes that a field or a target must not: in a name or a target they are encoded.
std::string as_token(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool token = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    out += token ? c : '-';
  }
  return out;
}

// Requires: a target that was one before it was masked, so that '%' stands for itself.
std::string as_target(std::string_view text) {
  constexpr std::string_view kNotInUri = "[]<>{}\"\\^`|#"; // RFC 3986 §2, and '#': no fragment
  std::string out;
  for (const char c : text) {
    if (c <= ' ' || c > '~' || kNotInUri.find(c) != std::string_view::npos) {
      out.append("%").append(to_hex({&c, 1}));
    } else {
      out += c;
    }
  }
  return out;
}

redact::Place place_of(std::string_view direction, bool credential) {
  using redact::Place;
  const bool request = direction == "request";
  if (credential) return request ? Place::request_credential : Place::response_credential;
  return request ? Place::request_header : Place::response_header;
}

// Most heads hold no secret: one pass over all of it, and a field by field one only after a hit.
void redact_group(wire::Fields& fields, bool credential, const HeadRedaction& redaction,
                  std::string_view direction, std::string_view location, FindingList& list) {
  const auto& rules = credential ? redaction.credentials : redaction.everywhere;
  if (!rules) return;
  const auto scope =
      redaction.in(place_of(direction, credential)).written_as(redact::Escape::header);
  auto as_it_is = scope; // of what has been acted on already, or says how the message is read
  as_it_is.leaves = std::exchange(as_it_is.restores, false);
  std::string all;
  for (const auto& field : fields.all()) {
    if (is_credential(field.name) != credential) continue;
    all.append(field.name).append(": ").append(field.value).append("\n");
  }
  if (all.empty() || redact::redact_whole(rules, all, scope).findings.empty()) return;
  for (auto& field : fields.all()) {
    if (is_credential(field.name) != credential) continue;
    auto name = redact::redact_whole(rules, field.name, as_it_is);
    if (!name.findings.empty()) {
      if (name.findings.changed()) field.name = as_token(name.text);
      add_findings(list, direction, location, name.findings);
    }
    auto value =
        redact::redact_whole(rules, field.value, says_how_to_read(field.name) ? as_it_is : scope);
    if (!value.findings.empty()) {
      field.value = std::move(value.text);
      add_findings(list, direction, location, value.findings);
    }
  }
}

void redact_fields(wire::Fields& fields, const HeadRedaction& redaction, std::string_view direction,
                   std::string_view location, FindingList& list) {
  redact_group(fields, false, redaction, direction, location, list);
  redact_group(fields, true, redaction, direction, location, list);
}

// Says how the body goes out, in the names of the RFC, so that nobody reads our answer another way
// than we do. A field that cannot be read is left to a message without a body.
void state_codings(wire::Fields& fields) {
  const auto codings = wire::parse_codings(fields.joined("content-encoding"));
  if (!codings || fields.count("content-encoding") == 0) return;
  if (codings.value().empty()) {
    fields.erase("content-encoding");
  } else {
    fields.set("content-encoding", wire::content_encoding(codings.value()));
  }
}

// RFC 9110 §8.8.1: a strong validator says "the same bytes", which the upstream cannot know of the
// redacted ones. An agent's If-Match with the weak one fails, as it should: what it holds is not
// what it would overwrite.
void weaken_etag(wire::Fields& fields) {
  for (auto& field : fields.all()) {
    if (equal_ignore_case(field.name, "etag") && field.value.starts_with('"'))
      field.value.insert(0, "W/");
  }
}

// The rules judged the path, so a token in it stays one; in the query it is put back.
void redact_target(std::string& target, const HeadRedaction& redaction, FindingList& findings) {
  auto scope = redaction.in(redact::Place::request_url).written_as(redact::Escape::url);
  const bool restores = std::exchange(scope.restores, false);
  scope.leaves = restores;
  auto url = redact::redact_whole(redaction.everywhere, target, scope);
  if (url.findings.changed()) target = as_target(url.text);
  add_findings(findings, "request", "url", url.findings);
  const auto query = target.find('?');
  if (!restores || query == std::string::npos) return;
  scope.restores = true;
  scope.leaves = false;
  auto put_back = redact::redact_whole(redaction.everywhere, target.substr(query), scope);
  if (put_back.findings.empty()) return;
  target.replace(query, std::string::npos, as_target(put_back.text));
  add_findings(findings, "request", "url", put_back.findings);
}

} // namespace

void HeadRedaction::obey(const model::Obligations& duties) {
  pii = duties.redacts("pii");
  restores_request = duties.restores("request");
  restores_response = duties.restores("response");
}

redact::Scope HeadRedaction::in(redact::Place place) const noexcept {
  using redact::Place;
  auto out = redact::Scope::in_call(place, pii);
  switch (place) {
  case Place::anywhere: break;
  case Place::request_header:
  case Place::request_credential:
  case Place::request_url:
  case Place::request_body: out.restores = restores_request; break;
  case Place::response_header:
  case Place::response_credential:
  case Place::response_body: out.restores = restores_response; break;
  }
  return out;
}

std::string blocked_by(const FindingList& findings) {
  for (const auto& place : findings) {
    for (const auto& one : place.findings.all()) {
      if (one.action == redact::Action::block) return one.rule;
    }
  }
  return "";
}

void drop_digests(wire::Fields& fields) {
  for (const auto* name : {"content-md5", "digest", "content-digest", "repr-digest",
                           "x-amz-sdk-checksum-algorithm"}) // says that there is one
    fields.erase(name);
  std::erase_if(fields.all(), [](const wire::Field& field) {
    return ascii_lower(field.name).starts_with("x-amz-checksum-");
  });
}

void promise_no_bytes(wire::Fields& fields) {
  drop_digests(fields);
  fields.erase("accept-ranges");
  weaken_etag(fields);
  state_codings(fields);
}

void prepare_request(wire::RequestHead& head, std::string target, const model::Destination& to,
                     const HeadRedaction& redaction, FindingList& findings) {
  wire::remove_hop_by_hop(head.fields);
  head.fields.erase("expect"); // answered by us, once the call is admitted
  head.fields.set("host", to.authority());
  head.version = wire::Version::http11;
  head.target = std::move(target);
  head.keep_alive = true;
  if (!redaction.everywhere && !redaction.answers_change) return;
  head.fields.set("accept-encoding", wire::offer_decodable(head.fields.joined("accept-encoding")));
  // A-IM (RFC 3229) offers deltas and ranges under another name.
  for (const auto* name : {"range", "if-range", "a-im"}) head.fields.erase(name);
  if (!redaction.everywhere) return;
  if (head.framing != wire::BodyFraming::none) state_codings(head.fields);
  redact_fields(head.fields, redaction, "request", "header", findings);
  redact_target(head.target, redaction, findings);
}

void hide_query_keys(model::EgressCall& call, std::string_view target,
                     const HeadRedaction& redaction) {
  if (call.query_keys.empty() || !redaction.everywhere) return;
  redact::Scope everything;
  everything.pii = true; // it is not known yet whether the rule that decides names it
  if (!redact::redact_whole(redaction.everywhere, target, everything).findings.empty())
    call.query_keys.clear();
}

void prepare_response(wire::ResponseHead& head, const HeadRedaction& redaction,
                      FindingList& findings) {
  wire::remove_hop_by_hop(head.fields);
  drop_chain_fields(head.fields);
  if (redaction.everywhere) promise_no_bytes(head.fields);
  redact_fields(head.fields, redaction, "response", "header", findings);
  if (redaction.everywhere) {
    auto reason = redact::redact_whole(redaction.everywhere, head.reason,
                                       redaction.in(redact::Place::response_header));
    if (!reason.findings.empty()) {
      head.reason = std::move(reason.text);
      add_findings(findings, "response", "header", reason.findings);
    }
  }
}

std::optional<std::uint64_t> length_without_body(const wire::ResponseHead& head,
                                                 const HeadRedaction& redaction) {
  if (head.status == 204 || head.framing != wire::BodyFraming::none) return std::nullopt;
  if (redaction.everywhere && !head.fields.joined("content-encoding").empty()) return std::nullopt;
  const auto declared = head.fields.joined("content-length");
  std::uint64_t length = 0;
  const auto* end = declared.data() + declared.size();
  const auto read = std::from_chars(declared.data(), end, length);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return length;
}

void redact_trailers(wire::Fields& trailers, const HeadRedaction& redaction,
                     std::string_view direction, FindingList& findings) {
  drop_chain_fields(trailers);
  if (redaction.everywhere && direction == "response") {
    drop_digests(trailers);
    weaken_etag(trailers);
  }
  redact_fields(trailers, redaction, direction, "trailer", findings);
}

} // namespace sluice::call

// The section `egress`: HTTP, plain, intercepted or tunnelled.
#include "policy/base/bytes.hpp"
#include "policy/engine/parse.hpp"

#include <algorithm>

namespace sluice::engine {
namespace {

constexpr std::array kSchemes = {Word<model::Scheme>{"http", model::Scheme::http},
                                 Word<model::Scheme>{"https", model::Scheme::https}};

// What is decided by a section of its own.
constexpr std::array<std::string_view, 3> kMatchersOfOperations = {"tools", "arguments", "models"};

constexpr std::array<std::string_view, 3> kLaterLimits = {"response_body", "bytes", "time"};

// RFC 9110 §9.1: a token, case-sensitive. All methods in use are upper case, so a lower-case one
// is a rule that would never match.
void add_method(Reader& item, std::vector<std::string>& out) {
  const auto text = item.string();
  if (!text) return;
  const bool ok = text->size() <= 32 && std::all_of(text->begin(), text->end(), [](char c) {
                    return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
                  });
  if (ok) {
    out.push_back(*text);
  } else {
    item.error(item.quoted() + " is not a method",
               "write upper case, or leave methods out for all");
  }
}

void add_scheme(Reader& item, std::vector<model::Scheme>& out) {
  if (item.node()->text == "tcp") {
    item.error("egress rules do not decide raw TCP", "write the rule under tcp:");
  } else if (const auto scheme = item.one_of(kSchemes)) {
    out.push_back(*scheme);
  }
}

// Removed or written anew on the way: see call/head_rules and wire/head.
bool does_not_leave(std::string_view name) {
  constexpr std::array<std::string_view, 13> kOurs = {"connection",
                                                      "keep-alive",
                                                      "te",
                                                      "trailer",
                                                      "transfer-encoding",
                                                      "upgrade",
                                                      "expect",
                                                      "range",
                                                      "if-range",
                                                      "a-im",
                                                      "content-length",
                                                      "accept-encoding",
                                                      "content-encoding"};
  return name.starts_with("proxy-") || std::find(kOurs.begin(), kOurs.end(), name) != kOurs.end();
}

enum class Naming : bool { header, parameter };

// A header's name that is no token is one no call has; Host is what hosts are for.
void parse_named(Reader map, Naming naming, ParseContext& shared, std::vector<NamedMatch>& out) {
  if (!map.present()) return;
  auto members = map.members();
  if (map.node()->is_map() && members.empty()) map.error("the map is empty", "leave the key out");
  for (auto& [name, values] : members) {
    NamedMatch one{naming == Naming::header ? ascii_lower(name) : name,
                   parse_text_patterns(values, shared)};
    if (naming == Naming::header && !is_field_name(one.name))
      values.error("this is not the name of a header");
    if (naming == Naming::header && one.name == "host")
      values.error("the host is matched by hosts", "move it there");
    if (naming == Naming::header && does_not_leave(one.name))
      values.error("this header does not leave as it came, so it decides nothing");
    const bool twice = std::any_of(out.begin(), out.end(),
                                   [&](const NamedMatch& other) { return other.name == one.name; });
    if (twice) values.error("this name is there twice");
    out.push_back(std::move(one));
  }
  std::sort(out.begin(), out.end(),
            [](const NamedMatch& a, const NamedMatch& b) { return a.name < b.name; });
}

std::vector<TextPattern> parse_content_types(const Reader& types, ParseContext& shared) {
  if (!types.present()) return {};
  auto out = parse_text_patterns(types, shared);
  for (const TextPattern& one : out) {
    if (one.regex() == nullptr && one.text() != ascii_lower(one.text()))
      types.error("media types are compared in lower case", "write application/json");
    if (one.regex() == nullptr && one.text().find(';') != std::string::npos)
      types.error("a media type is matched without its parameters", "leave out what follows ;");
  }
  return out;
}

void parse_http_match(Reader& match, ParseContext& shared, Match& out) {
  parse_ports(match.at("ports"), out);
  for (Reader& item : match.at("methods").items(EmptyList::refuse)) add_method(item, out.methods);
  out.paths = parse_path_patterns(match.at("paths"), shared);
  for (Reader& item : match.at("schemes").items(EmptyList::refuse)) add_scheme(item, out.schemes);
  parse_named(match.at("headers"), Naming::header, shared, out.headers);
  parse_named(match.at("query"), Naming::parameter, shared, out.query);
  out.content_types = parse_content_types(match.at("content_types"), shared);
  out.values = parse_values(match.at("body"), shared);
  parse_agents(match, shared, out);
  parse_address_classes(match.at("address_classes"), out);
  parse_sni(match.at("sni"), shared, out);
  for (const std::string_view key : kMatchersOfOperations) {
    match.misplaced(key, "write a rule under tools:, agents: or models:");
  }
  match.misplaced("inspect", "it stands beside allow, block or require_approval");
}

enum class Direction { request, response };
constexpr std::array kDirections = {Word<Direction>{"request", Direction::request},
                                    Word<Direction>{"response", Direction::response}};

std::vector<std::string> parse_restore(Reader restore) {
  std::vector<std::string> out;
  if (!restore.present()) return out;
  for (Reader& item : restore.items(EmptyList::refuse)) {
    const auto direction = item.one_of(kDirections);
    if (!direction) continue;
    out.emplace_back(*direction == Direction::request ? "request" : "response");
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

bool asks_about_path(const Rule& rule) {
  return rule.ask && rule.ask->kind == model::DecisionPoint::Kind::ext_authz_http;
}

void parse_http_duties(Reader& item, ParseContext& shared, Rule& rule) {
  rule.tls = parse_tls(item.at("tls"));
  // Whatever the default is: what it asks for can only be seen inside.
  if (!rule.tls && rule.effect == model::Verdict::allow && asks_for_exchange(rule))
    rule.tls = model::TlsMode::intercept;
  rule.restore = parse_restore(item.at("restore"));
  check_allow_only(item, rule, "tls");
  check_allow_only(item, rule, "restore");
  parse_rule_credentials(item, shared, rule);
  rule.private_addresses = item.at("private").boolean().value_or(false);
  rule.inspect = parse_inspect(item.at("inspect"));
  if (rule.inspect && rule.match.values.empty())
    item.at("inspect").error("this rule does not ask for the body", "remove it, or match by body");
  parse_ask(item, rule, AskAbout::exchange);
  // A tunnel has no path, and that is what such a one is asked about.
  if (asks_about_path(rule) && !rule.tls) rule.tls = model::TlsMode::intercept;
  Reader limits = item.at("limits");
  if (!limits.present()) return;
  rule.request_body_limit = limits.at("request_body").size();
  for (std::size_t i = 0; i < model::kQuotas; ++i) {
    parse_quota(limits, static_cast<model::Quota>(i), rule);
  }
  // Tokens are read in the answer, whatever the default says about tunnels.
  if (rule.quota(model::Quota::tokens_per_day) && !rule.tls) rule.tls = model::TlsMode::intercept;
  for (const std::string_view key : kLaterLimits) {
    limits.unsupported(key, "limit request_body, requests_per_*, bytes_per_day, tokens_per_day");
  }
  limits.finish();
}

void check_http(Reader& item, const Rule& rule) {
  check_address_classes(item, rule);
  const bool looks_inside = asks_for_exchange(rule);
  if (rule.tls == model::TlsMode::passthrough && looks_inside) {
    item.at("tls").error("a tunnel that is passed through shows no methods, paths and fields",
                         "remove what is inside, or intercept");
  }
  if (rule.tls == model::TlsMode::passthrough && !rule.restore.empty()) {
    item.at("restore").error("nothing can be put back in a tunnel that is passed through",
                             "remove restore, or intercept");
  }
  if (rule.tls == model::TlsMode::passthrough && rule.quota(model::Quota::tokens_per_day)) {
    item.at("limits").error("no tokens can be counted in a tunnel that is passed through",
                            "remove tokens_per_day, or intercept");
  }
  if (rule.tls == model::TlsMode::passthrough && asks_about_path(rule)) {
    item.at("ask").error("a tunnel that is passed through has no path to ask about",
                         "ask by opa or authzen, or intercept");
  }
}

} // namespace

const Section kEgressSection = {"egress",         "hosts",           Section::Hosts::required,
                                parse_http_match, parse_http_duties, check_http};

} // namespace sluice::engine

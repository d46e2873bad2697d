// The section `tcp`: raw TCP, relayed as bytes. A rule sees a host, its address and a port;
// what is about HTTP or TLS would never match or never be done, so it is refused.
#include "policy/engine/parse.hpp"

namespace sluice::engine {
namespace {

constexpr std::array<std::string_view, 11> kForeignMatchers = {
    "methods", "paths", "schemes", "query",   "headers",  "content_types",
    "body",    "sni",   "tools",   "inspect", "arguments"};
constexpr std::array<std::string_view, 6> kForeignLimits = {
    "request_body",      "response_body",    "requests_per_minute",
    "requests_per_hour", "requests_per_day", "tokens_per_day"};
constexpr std::array<std::string_view, 1> kLaterTcpLimits = {"time"};

void parse_tcp_match(Reader& match, ParseContext& shared, Match& out) {
  parse_ports(match.at("ports"), out);
  parse_agents(match, shared, out);
  parse_address_classes(match.at("address_classes"), out);
  for (const std::string_view key : kForeignMatchers) {
    match.misplaced(key, "raw TCP shows a host and a port only");
  }
}

void parse_tcp_duties(Reader& item, ParseContext&, Rule& rule) {
  rule.private_addresses = item.at("private").boolean().value_or(false);
  item.misplaced("tls", "raw TCP is relayed as it comes; egress rules decide TLS");
  item.misplaced("restore", "raw TCP has no tokens: what is found there is masked");
  item.misplaced("credential", "credentials are for HTTP, under egress");
  item.misplaced("inspect", "raw TCP has no bodies");
  parse_ask(item, rule, AskAbout::connection);
  Reader limits = item.at("limits");
  if (!limits.present()) return;
  rule.byte_limit = limits.at("bytes").size(1);
  parse_quota(limits, model::Quota::bytes_per_day, rule);
  for (const std::string_view key : kForeignLimits) {
    limits.misplaced(key, "raw TCP has no requests; limit bytes");
  }
  for (const std::string_view key : kLaterTcpLimits)
    limits.unsupported(key, "limit bytes and bytes_per_day");
  limits.finish();
}

// An allow that leaves the ports out would open every service of a host at once.
void check_tcp(Reader& item, const Rule& rule) {
  check_address_classes(item, rule);
  Reader allow = item.at("allow");
  if (allow.present() && allow.node()->is_map() && !allow.at("ports").present()) {
    allow.error("an allow rule for raw TCP names its ports", "write ports: [5432]");
  }
}

} // namespace

const Section kTcpSection = {"tcp",           "hosts",          Section::Hosts::required,
                             parse_tcp_match, parse_tcp_duties, check_tcp};

} // namespace sluice::engine

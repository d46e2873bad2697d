#include "policy/engine/parse.hpp"

#include <algorithm>

namespace sluice::engine {
namespace {

using model::TlsMode;
using model::Verdict;

constexpr std::array kEffects = {Word<Verdict>{"allow", Verdict::allow},
                                 Word<Verdict>{"block", Verdict::block},
                                 Word<Verdict>{"require_approval", Verdict::require_approval}};
constexpr std::array kTlsModes = {Word<TlsMode>{"intercept", TlsMode::intercept},
                                  Word<TlsMode>{"passthrough", TlsMode::passthrough}};
enum class RuleMode { enforce, report };
constexpr std::array kRuleModes = {Word<RuleMode>{"enforce", RuleMode::enforce},
                                   Word<RuleMode>{"report", RuleMode::report}};
enum class Pack { secrets, pii };
constexpr std::array kPacks = {Word<Pack>{"secrets", Pack::secrets}, Word<Pack>{"pii", Pack::pii}};

constexpr std::array<std::string_view, 4> kAllowOnly = {"redact", "tls", "private", "limits"};
constexpr std::array<std::string_view, 8> kLaterLimits = {"requests_per_minute",
                                                          "requests_per_hour",
                                                          "requests_per_day",
                                                          "bytes_per_day",
                                                          "tokens_per_day",
                                                          "response_body",
                                                          "bytes",
                                                          "time"};
constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxReason = 500;

void parse_effect(Reader& item, Rule& rule, ParseContext& shared) {
  int written = 0;
  for (const auto& [key, effect] : kEffects) {
    Reader match = item.at(key);
    if (!match.present()) continue;
    ++written;
    rule.effect = effect;
    rule.match = parse_match(std::move(match), shared);
  }
  if (item.node()->is_map() && written != 1) {
    item.error("a rule has exactly one of allow, block or require_approval");
  }
}

void parse_obligations(Reader& item, Rule& rule) {
  rule.redact = parse_redact(item.at("redact"));
  rule.tls = parse_tls(item.at("tls"));
  rule.private_addresses = item.at("private").boolean().value_or(false);
  Reader limits = item.at("limits");
  if (limits.present()) {
    rule.request_body_limit = limits.at("request_body").size();
    for (const std::string_view key : kLaterLimits) {
      limits.unsupported(key, "only request_body is limited");
    }
    limits.finish();
  }
  if (rule.effect == Verdict::allow || !item.node()->is_map()) return;
  for (const std::string_view key : kAllowOnly) {
    const Reader duty = item.at(key);
    if (duty.present()) duty.error("only an allow rule has duties", "move it to the allow rule");
  }
}

// What contradicts itself can only surprise.
void check_rule(Reader& item, const Rule& rule) {
  const bool looks_inside =
      !rule.match.paths.empty() ||
      std::any_of(rule.match.methods.begin(), rule.match.methods.end(),
                  [](const std::string& method) { return method != "CONNECT"; });
  if (rule.tls == TlsMode::passthrough && looks_inside) {
    item.at("tls").error("a tunnel that is passed through shows no methods and paths",
                         "remove methods and paths, or intercept");
  }
  const auto& hosts = rule.match.hosts;
  const bool names = std::any_of(hosts.begin(), hosts.end(),
                                 [](const HostPattern& host) { return host.names_host(); });
  if (rule.private_addresses && !hosts.empty() && !names) {
    item.at("private").warning("no host is named, so private addresses stay closed",
                               "name the hosts that are private");
  }
}

} // namespace

std::string parse_label(Reader text, std::size_t max_bytes) {
  const auto value = text.text();
  if (!value) return "";
  const bool control = std::any_of(value->begin(), value->end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (value->empty() || value->size() > max_bytes || control) {
    text.error("expected one line of at most " + std::to_string(max_bytes) + " bytes");
    return "";
  }
  return *value;
}

std::optional<TlsMode> parse_tls(Reader tls) {
  return tls.one_of(kTlsModes);
}

std::vector<std::string> parse_redact(Reader redact) {
  std::vector<std::string> out;
  for (Reader& item : redact.items()) {
    const auto pack = item.one_of(kPacks);
    if (pack == Pack::pii) item.error("the pack pii is not supported in this version", "remove it");
    if (pack == Pack::secrets) out.emplace_back("secrets");
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Rule parse_rule(Reader& item, std::size_t index, ParseContext& shared) {
  Rule rule;
  rule.id = "egress[" + std::to_string(index) + ']';
  rule.name = parse_label(item.at("name"), kMaxName);
  rule.report_only = item.at("mode").one_of(kRuleModes) == RuleMode::report;
  rule.reason = parse_label(item.at("reason"), kMaxReason);
  parse_effect(item, rule, shared);
  parse_obligations(item, rule);
  Reader approvers = item.at("approvers");
  rule.approvers = approvers.strings(EmptyList::refuse);
  if (approvers.present() && rule.effect != Verdict::require_approval) {
    approvers.error("only a require_approval rule has approvers");
  }
  item.unsupported("credential", "credentials are not injected");
  item.unsupported("hold", "approvals cannot be given");
  item.unsupported("override", "there is no inheritance");
  item.unsupported("severity", "the severity follows from the reason");
  check_rule(item, rule);
  item.finish();
  return rule;
}

} // namespace sluice::engine

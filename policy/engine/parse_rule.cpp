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

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxReason = 500;

void parse_effect(Reader& item, const Section& section, Rule& rule, ParseContext& shared) {
  int written = 0;
  for (const auto& [key, effect] : kEffects) {
    Reader match = item.at(key);
    if (!match.present()) continue;
    ++written;
    rule.effect = effect;
    rule.match = parse_match(std::move(match), section, shared);
  }
  if (item.node()->is_map() && written != 1) {
    item.error("a rule has exactly one of allow, block or require_approval");
  }
}

void parse_duties(Reader& item, const Section& section, ParseContext& shared, Rule& rule) {
  rule.redact = parse_redact(item.at("redact"));
  section.duties(item, shared, rule);
  for (const std::string_view duty : {"redact", "private", "limits"}) {
    check_allow_only(item, rule, duty);
  }
}

void parse_approvers(Reader approvers, Rule& rule) {
  rule.approvers = approvers.strings(EmptyList::refuse);
  if (approvers.present() && rule.effect != Verdict::require_approval) {
    approvers.error("only a require_approval rule has approvers");
  }
}

constexpr std::chrono::milliseconds kShortestHold = std::chrono::seconds(1);
constexpr std::chrono::milliseconds kLongestHold = std::chrono::hours(24);

void parse_hold(Reader hold, Rule& rule) {
  rule.hold = hold.duration(kShortestHold, kLongestHold);
  if (hold.present() && rule.effect != Verdict::require_approval)
    hold.error("only a require_approval rule holds a call");
}

void check_private(Reader& item, const Rule& rule) {
  const auto& hosts = rule.match.hosts;
  const bool names = std::any_of(hosts.begin(), hosts.end(),
                                 [](const HostPattern& host) { return host.names_host(); });
  if (rule.private_addresses && !hosts.empty() && !names) {
    item.at("private").warning("no host is named, so private addresses stay closed",
                               "name the hosts that are private");
  }
}

} // namespace

void check_allow_only(Reader& item, const Rule& rule, std::string_view duty) {
  if (rule.effect == Verdict::allow || !item.node()->is_map()) return;
  const Reader written = item.at(duty);
  if (written.present()) {
    written.error("only an allow rule has duties", "move it to the allow rule");
  }
}

// Nothing at all is what a block rule says, so a limit of zero is a mistake.
void parse_quota(Reader& limits, model::Quota quota, Rule& rule) {
  Reader written = limits.at(to_string(quota));
  auto& limit = rule.quota_limits[static_cast<std::size_t>(quota)];
  if (quota == model::Quota::bytes_per_day) {
    limit = written.size(1, model::kMaxQuota);
    return;
  }
  const auto most =
      quota == model::Quota::tokens_per_day ? model::kMaxQuota : model::kMaxRequestQuota;
  if (const auto number = written.integer(1, static_cast<std::int64_t>(most))) {
    limit = static_cast<std::uint64_t>(*number);
  }
}

std::optional<std::uint64_t> parse_inspect(Reader inspect) {
  return inspect.size(1, std::uint64_t{64} << 20);
}

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
    if (pack == Pack::pii) out.emplace_back("pii");
    if (pack == Pack::secrets) out.emplace_back("secrets");
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Rule parse_rule(Reader& item, const Section& section, std::size_t index, ParseContext& shared) {
  Rule rule;
  rule.id = std::string(section.name) + '[' + std::to_string(index) + ']';
  rule.name = parse_label(item.at("name"), kMaxName);
  rule.report_only = item.at("mode").one_of(kRuleModes) == RuleMode::report;
  rule.reason = parse_label(item.at("reason"), kMaxReason);
  parse_effect(item, section, rule, shared);
  parse_duties(item, section, shared, rule);
  parse_approvers(item.at("approvers"), rule);
  parse_hold(item.at("hold"), rule);
  item.unsupported("severity", "the severity follows from the reason");
  check_private(item, rule);
  section.check(item, rule);
  item.finish();
  return rule;
}

} // namespace sluice::engine

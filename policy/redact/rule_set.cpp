#include "policy/redact/rule_set.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "policy/redact/compiled.hpp"
#include "policy/redact/redactor.hpp"
#include "policy/redact/secret_encodings.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace sluice::redact {
namespace {

using Compiled = RuleSet::Compiled;

constexpr std::size_t kShortestSecret = 6; // and the shortest encoded form
constexpr std::size_t kFingerprintBytes = 8;

Error bad_config(std::string code, std::string detail) {
  return make_error(Origin::config, std::move(code), std::move(detail));
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string render(std::string_view placeholder, std::string_view rule) {
  constexpr std::string_view kHole = "{rule}";
  std::string out(placeholder);
  for (std::size_t at = 0; (at = out.find(kHole, at)) != std::string::npos; at += rule.size()) {
    out.replace(at, kHole.size(), rule);
  }
  return out;
}

std::size_t add_rule(Compiled& to, const RuleSetConfig& config, std::string id,
                     std::string description) {
  to.infos.push_back({id, std::move(description)});
  auto placeholder = render(config.placeholder, id);
  to.rules.push_back({std::move(id), std::move(placeholder), {}});
  return to.rules.size() - 1;
}

Result<> check_known(const KnownSecret& known, std::set<std::string_view>& ids) {
  if (known.id.empty()) return bad_config("secret_without_id", "a known secret needs an id");
  if (!ids.insert(known.id).second)
    return bad_config("secret_id_twice", "two known secrets are called " + known.id);
  const auto size = known.value.reveal().size();
  if (size == 0) return bad_config("secret_empty", "the secret " + known.id + " is empty");
  if (size < Compiled::kLeast || (size < kShortestSecret && !known.allow_short))
    return bad_config("secret_too_short",
                      "the secret " + known.id + " is too short to look for in all text");
  return success();
}

Result<> add_known(Compiled& to, const RuleSetConfig& config) {
  std::set<std::string_view> ids;
  for (const KnownSecret& known : config.known) {
    SLUICE_TRY(check_known(known, ids));
    const auto rule = add_rule(to, config, "secret:" + known.id, "the known secret " + known.id);
    to.rules[rule].fingerprint = fingerprint_of(config.fingerprint_key, known.value.reveal());
    for (auto& form : encodings_of(known.value.reveal(), kShortestSecret)) {
      to.max_hold = std::max(to.max_hold, form.size());
      to.needles.push_back({std::move(form), rule, nullptr, false});
    }
  }
  return success();
}

void add_formats(Compiled& to, const RuleSetConfig& config) {
  for (const TokenFormat& format : token_formats()) {
    const auto same = [&](const CompiledRule& rule) { return rule.id == format.id; };
    const auto known = std::find_if(to.rules.begin(), to.rules.end(), same);
    const auto rule = known != to.rules.end() ? static_cast<std::size_t>(known - to.rules.begin())
                                              : add_rule(to, config, std::string(format.id),
                                                         std::string(format.description));
    const auto body = format.decide != nullptr ? kMaxFormatBody : format.least;
    to.max_hold = std::max(to.max_hold, format.anchor.size() + body);
    // Short anchors occur inside words (`task-…`); longer ones do not, and gluing a letter to a
    // token must not hide it.
    const bool short_anchor = format.anchor.size() < 4 || format.anchor.starts_with("sk-");
    to.needles.push_back(
        {std::string(format.anchor), rule, &format, short_anchor && is_word(format.anchor[0])});
  }
}

void index_needles(Compiled& to) {
  std::sort(to.needles.begin(), to.needles.end(), [](const Needle& a, const Needle& b) {
    const auto key = [](const Needle& n) {
      return std::make_tuple(Compiled::hash(n.text.data()), std::string_view(n.text), n.rule);
    };
    return key(a) < key(b);
  });
  to.group.assign(Compiled::kHashes + 1, 0);
  for (const Needle& needle : to.needles) {
    const auto hash = Compiled::hash(needle.text.data());
    ++to.group[hash + 1];
    to.begins.set(hash);
    to.begins_one.set(static_cast<unsigned char>(needle.text[0]));
    to.begins_two.set(Compiled::two_bytes(needle.text));
  }
  for (std::size_t i = 0; i < Compiled::kHashes; ++i) to.group[i + 1] += to.group[i];
}

// A placeholder stands in headers and lines, and is itself redacted when a text passes twice.
Result<> check_placeholders(const std::shared_ptr<const RuleSet>& rules) {
  for (const CompiledRule& rule : rules->compiled().rules) {
    constexpr std::string_view kForbidden("\r\n\0", 3);
    if (rule.placeholder.find_first_of(kForbidden) != std::string::npos)
      return bad_config("placeholder_unsafe", "the placeholder contains CR, LF or NUL");
    if (!redact_whole(rules, rule.placeholder).findings.empty())
      return bad_config("placeholder_matches", "the placeholder of " + rule.id + " matches a rule");
  }
  return success();
}

} // namespace

std::string fingerprint_of(std::string_view key, std::string_view secret) {
  if (key.empty()) return {};
  return to_hex(std::string_view(hmac_sha256(key, secret)).substr(0, kFingerprintBytes));
}

RuleSet::RuleSet() : compiled_(std::make_unique<Compiled>()) {}
RuleSet::~RuleSet() = default;

Result<std::shared_ptr<const RuleSet>> RuleSet::build(const RuleSetConfig& config) {
  std::shared_ptr<RuleSet> rules(new RuleSet());
  auto& compiled = *rules->compiled_;
  compiled.fingerprint_key = config.fingerprint_key;
  SLUICE_TRY(add_known(compiled, config));
  if (config.token_formats) add_formats(compiled, config);
  index_needles(compiled);
  std::shared_ptr<const RuleSet> done = std::move(rules);
  SLUICE_TRY(check_placeholders(done));
  return done;
}

std::size_t RuleSet::max_hold() const noexcept {
  return compiled_->max_hold;
}
const std::vector<RuleInfo>& RuleSet::rules() const noexcept {
  return compiled_->infos;
}

} // namespace sluice::redact

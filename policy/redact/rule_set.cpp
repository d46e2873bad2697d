#include "policy/redact/rule_set.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "policy/redact/boundary.hpp"
#include "policy/redact/compiled.hpp"
#include "policy/redact/folder.hpp"
#include "policy/redact/line_join.hpp"
#include "policy/redact/packs.hpp"
#include "policy/redact/redactor.hpp"
#include "policy/redact/secret_encodings.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace sluice::redact {
namespace {

using Compiled = RuleSet::Compiled;

constexpr std::size_t kShortestSecret = 6; // and the shortest encoded form
constexpr std::size_t kFingerprintBytes = 8;
// With this length a probe every ninth byte finds it.
constexpr std::size_t kLongSecret = 16;
// A name that may be written in any case has many anchors; in base64 it would have too many.
constexpr std::size_t kMostCodedAnchors = 24;

Error bad_config(std::string code, std::string detail) {
  return make_error(Origin::config, std::move(code), std::move(detail));
}

std::uint32_t add_rule(Compiled& to, const RuleSetConfig& config, std::string id,
                       std::string description) {
  to.infos.push_back({id, std::move(description)});
  auto placeholder = placeholder_of(config.placeholder, id);
  CompiledRule& rule = to.rules.emplace_back();
  rule.id = std::move(id);
  rule.placeholder = std::move(placeholder);
  return static_cast<std::uint32_t>(to.rules.size() - 1);
}

Result<> check_known(const KnownSecret& known, std::set<std::string_view>& ids) {
  if (known.id.empty()) return bad_config("secret_without_id", "a known secret needs an id");
  if (!ids.insert(known.id).second)
    return bad_config("secret_id_twice", "two known secrets are called " + known.id);
  const auto size = known.value.reveal().size();
  if (size == 0) return bad_config("secret_empty", "the secret " + known.id + " is empty");
  if (size < Needle::kLeast || (size < kShortestSecret && !known.allow_short))
    return bad_config("secret_too_short",
                      "the secret " + known.id + " is too short to look for in all text");
  return success();
}

using Needles = std::array<std::vector<Needle>, kLookings>;
std::vector<Needle>& of(Needles& needles, Looking set) {
  return needles[static_cast<std::size_t>(set)];
}

// A text is looked at as it is read, and so are the forms; what stands around a form may keep its
// ends from being read that way, so each stays as it is, too.
std::vector<std::string> as_they_are_read(std::vector<std::string> forms, Folder::Signs signs,
                                          std::size_t shortest) {
  const std::size_t written = forms.size();
  const auto read = [&](std::size_t i, Folder::Signs how) {
    Folder folder(how);
    std::string text;
    std::vector<Disguise> disguises;
    folder.fold(forms[i], Folder::Ending::at_end, 0, text, disguises);
    if (text.size() >= shortest) forms.push_back(std::move(text));
  };
  for (std::size_t i = 0; i < written; ++i) {
    read(i, Folder::Signs::as_written); // a sign of it may be encoded once more than the rest
    if (signs == Folder::Signs::read) read(i, signs);
  }
  std::sort(forms.begin(), forms.end());
  forms.erase(std::unique(forms.begin(), forms.end()), forms.end());
  return forms;
}

bool takes_beyond_ascii(const Shape& shape) {
  for (Shape::State state = shape.start(); state < shape.states(); ++state) {
    for (unsigned byte = 0xC2; byte <= 0xF4; ++byte) { // what a sign of UTF-8 begins with
      if (shape.next(state, static_cast<char>(byte)) != Shape::kDead) return true;
    }
  }
  return false;
}

// Reading them costs where text is full of them (JSON in a script of its own).
Folder::Signs signs_for(const RuleSetConfig& config) {
  const bool wanted = std::any_of(config.rules.begin(), config.rules.end(), [](const auto& own) {
    return own.format != nullptr && takes_beyond_ascii(own.format->shape);
  });
  return wanted ? Folder::Signs::read : Folder::Signs::as_written;
}

Result<> add_known(Compiled& to, Needles& needles, const RuleSetConfig& config) {
  std::set<std::string_view> ids;
  for (const KnownSecret& known : config.known) {
    SLUICE_TRY(check_known(known, ids));
    const auto rule = add_rule(to, config, "secret:" + known.id, "the known secret " + known.id);
    to.rules[rule].fingerprint = fingerprint_of(config.fingerprint_key, known.value.reveal());
    const auto hex = to_hex(known.value.reveal());
    // What means less than a secret is long would be masked everywhere.
    const auto shortest = std::min(kShortestSecret, known.value.reveal().size());
    for (auto& form : as_they_are_read(encodings_of(known.value.reveal(), kShortestSecret),
                                       to.signs, shortest)) {
      to.max_hold = std::max(to.max_hold, form.size());
      if (form != hex && ascii_lower(form) == hex) continue; // found as `hex` is
      const auto set = form == hex                  ? Looking::hex_secrets
                       : form.size() >= kLongSecret ? Looking::long_secrets
                                                    : Looking::short_secrets;
      Needle needle;
      needle.text = std::move(form);
      needle.rule = rule;
      of(needles, set).push_back(std::move(needle));
    }
    for (auto& form : base64_forms_of(known.value.reveal(), kShortestSecret)) {
      to.max_hold = std::max(to.max_hold, folded_size(form.size()));
      Needle needle;
      needle.text = std::move(form);
      needle.rule = rule;
      of(needles, Looking::over_lines).push_back(std::move(needle));
    }
  }
  return success();
}

// A token without a digit and without a capital is next to impossible; a name or a path without
// them is the rule. Of a value that only its name makes a secret a digit is wanted.
Shows shown_in(Looking set, const Needle& needle) {
  if (set == Looking::anchors_before_runs) // the run is behind the anchor
    return needle.format->without_digit ? Shows::mixed_run : Shows::digit_run;
  if (set != Looking::anchors_in_runs && set != Looking::words_in_runs) return Shows::anything;
  const bool mixed = std::any_of(needle.text.begin(), needle.text.end(), is_digit_or_capital);
  return mixed ? Shows::anything : Shows::mixed_beginning;
}

// Four bytes tell much more than three: a shorter anchor is written down with each byte that can
// follow it.
void add_anchor(Needles& needles, Looking set, Needle needle) {
  const auto add = [&](Needle one) {
    one.shows = shown_in(set, one);
    of(needles, set).push_back(std::move(one));
  };
  if (needle.text.size() > Needle::kLeast) return add(std::move(needle));
  for (int c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    const bool upper = byte >= 'A' && byte <= 'Z';
    const bool follows = needle.compared
                             ? needle.format->shape.next(needle.anchor->state, byte) != Shape::kDead
                         : needle.coding != Coding::plain ? is_token_byte(byte)
                                                          : !upper;
    if (!follows) continue;
    Needle longer = needle;
    longer.text += byte;
    add(std::move(longer));
  }
}

void add_coded(Needles& needles, const Needle& plain) {
  const auto add = [&](Coding coding, std::string text, std::uint8_t lead_bits) {
    if (text.size() < Needle::kLeast) return;
    Needle needle = plain;
    needle.coding = coding;
    needle.compared = false;
    needle.text = std::move(text);
    needle.lead_bits = lead_bits;
    if (coding == Coding::base64) add_anchor(needles, Looking::over_lines, needle);
    add_anchor(needles, Looking::anchors_in_runs, std::move(needle));
  };
  for (std::size_t before = 0; before < 3; ++before) {
    const auto lead_bits = static_cast<std::uint8_t>(2 * before); // see Needle::lead_bits
    const std::string text = base64_core(plain.anchor->text, before);
    std::string url = base64url(text);
    if (url != text) add(Coding::base64, std::move(url), lead_bits);
    add(Coding::base64, text, lead_bits);
  }
  const std::string hex = to_hex(plain.anchor->text);
  std::string upper = upper_case(hex);
  if (upper != hex) add(Coding::hex, std::move(upper), 0);
  add(Coding::hex, hex, 0);
}

// A run of token bytes, and nothing of it is like a token.
bool is_name(std::string_view anchor) {
  const auto plain = [](char c) { return is_token_byte(c) && !is_digit_or_capital(c); };
  return anchor.size() >= kRun && std::all_of(anchor.begin(), anchor.end(), plain);
}

Looking place_of(const TokenFormat& format, std::string_view anchor) {
  const Shape& shape = format.shape;
  if (shape.has_mark()) return Looking::anchors_at_marks;
  if (shape.run() == Shape::Run::at_anchor) {
    if (is_name(anchor)) return Looking::names_in_runs;
    return format.starts_at_boundary ? Looking::words_in_runs : Looking::anchors_in_runs;
  }
  if (shape.run() == Shape::Run::follows) return Looking::anchors_before_runs;
  return Looking::anchors_anywhere;
}

// In base64 a byte takes two characters where it begins, in hexadecimal always.
void hold_for(Compiled& to, const TokenFormat& format) {
  const auto most = std::max(2 * (format.most_held() + 2), Needle::kShownWithin + 2);
  to.max_hold = std::max(to.max_hold, folded_size(most) + 2 * Shape::kLongestAnchor);
}

void add_secrets_pack(Compiled& to, Needles& needles, const RuleSetConfig& config) {
  for (const auto& format : secrets_pack()) {
    const auto rule = add_rule(to, config, format->id, format->title);
    const Shape& shape = format->shape;
    to.formats.push_back(format);
    hold_for(to, *format);
    for (const Shape::Anchor& anchor : shape.anchors()) {
      Needle needle;
      needle.text = anchor.text;
      needle.rule = rule;
      needle.format = format.get();
      needle.anchor = &anchor;
      needle.compared = !anchor.any_case;
      if (!anchor.any_case && shape.anchors().size() <= kMostCodedAnchors) {
        add_coded(needles, needle);
      }
      const auto set = place_of(*format, anchor.text);
      // There letters are compared in any case, for all.
      if (in_any_case(set)) {
        needle.text = ascii_lower(needle.text);
        needle.compared = false;
      }
      add_anchor(needles, set, std::move(needle));
    }
  }
}

// Found by its first byte as it is; encoded, by its fixed beginning where it has one.
void add_opening(Compiled& to, Needles& needles, const std::shared_ptr<const TokenFormat>& format,
                 std::uint32_t rule, std::optional<RareByte> rare = {}) {
  to.formats.push_back(format);
  hold_for(to, *format);
  to.all_openings.emplace_back(*format, rule, rare);
  const Shape& shape = format->shape;
  if (to.rules[rule].pack != Pack::own || shape.anchors().size() > kMostCodedAnchors) return;
  for (const Shape::Anchor& anchor : shape.anchors()) {
    if (anchor.any_case) continue;
    Needle needle;
    needle.rule = rule;
    needle.format = format.get();
    needle.anchor = &anchor;
    add_coded(needles, needle);
  }
}

void add_pii_pack(Compiled& to, Needles& needles, const RuleSetConfig& config) {
  for (const auto& format : pii_pack()) {
    const auto rule = add_rule(to, config, format->id, format->title);
    to.rules[rule].pack = to.infos[rule].pack = Pack::pii;
    to.rules[rule].places = kAllPlaces & ~kCredentials;
    add_opening(to, needles, format, rule);
  }
}

Result<> add_own_rules(Compiled& to, Needles& needles, const RuleSetConfig& config) {
  std::map<std::string, std::uint32_t> known;
  for (std::size_t i = 0; i < to.rules.size(); ++i) {
    known.emplace(to.rules[i].id, static_cast<std::uint32_t>(i));
  }
  for (const UserRule& own : config.rules) {
    const auto same = known.find(own.id);
    if (own.format == nullptr) {
      if (same == known.end()) continue; // of a pack that this set is without
      to.rules[same->second].action = own.action;
      to.rules[same->second].places = own.places | bit_of(Place::anywhere);
    } else {
      if (same != known.end()) return bad_config("rule_id_twice", "two rules are called " + own.id);
      const auto rule = add_rule(to, config, own.id, own.format->title);
      known.emplace(own.id, rule);
      to.rules[rule].action = own.action;
      to.rules[rule].places = own.places | bit_of(Place::anywhere);
      to.rules[rule].pack = to.infos[rule].pack = Pack::own;
      add_opening(to, needles, own.format, rule);
    }
    to.may_block = to.may_block || own.action == Action::block;
  }
  return success();
}

// Tokens are found in all that is read: where they are not put back, no rule takes a part of one
// for a secret.
Result<> add_tokens(Compiled& to, Needles& needles, const RuleSetConfig& config) {
  if (config.vault == nullptr) return success();
  RuleText text;
  text.id = "sluice:token"; // no id of a policy
  text.pattern = TokenVault::kPattern;
  SLUICE_TRY(const auto format, compile_rule(text));
  const auto rule = add_rule(to, config, text.id, "a token of this run");
  // An 's' begins many words; a '_' stands in few.
  add_opening(to, needles, format, rule, RareByte{'_', sizeof("sl_") - 1});
  to.vault = config.vault;
  to.token_rule = rule;
  to.max_hold += 2 * TokenVault::kMostOfASecret;
  return success();
}

void sort_openings(Compiled& to) {
  if (to.all_openings.empty()) return;
  for (std::size_t place = 0; place < kPlaces; ++place) {
    for (const bool pii : {false, true}) {
      const Scope scope{static_cast<Place>(place), pii, {}};
      for (const Opening& one : to.all_openings) {
        if (to.looks_for(one.needle().rule, scope)) to.opening_sets[index_of(scope)].add(one);
      }
    }
  }
}

// A placeholder stands in headers and lines, and is itself redacted when a text passes twice.
Result<> check_placeholders(const std::shared_ptr<const RuleSet>& rules) {
  if (rules->compiled().keep_length) return success();
  const Scope everything{Place::anywhere, true, {}};
  for (const CompiledRule& rule : rules->compiled().rules) {
    constexpr std::string_view kForbidden("\r\n\0", 3);
    if (rule.placeholder.find_first_of(kForbidden) != std::string::npos)
      return bad_config("placeholder_unsafe", "the placeholder contains CR, LF or NUL");
    if (!redact_whole(rules, rule.placeholder, everything).findings.empty())
      return bad_config("placeholder_matches", "the placeholder of " + rule.id + " matches a rule");
  }
  return success();
}

} // namespace

std::string placeholder_of(std::string_view placeholder, std::string_view rule) {
  constexpr std::string_view kHole = "{rule}";
  std::string out(placeholder);
  for (std::size_t at = 0; (at = out.find(kHole, at)) != std::string::npos; at += rule.size()) {
    out.replace(at, kHole.size(), rule);
  }
  return out;
}

std::string fingerprint_of(std::string_view key, std::string_view secret) {
  if (key.empty()) return {};
  return to_hex(std::string_view(hmac_sha256(key, secret)).substr(0, kFingerprintBytes));
}

RuleSetConfig RuleSetConfig::for_credentials() const {
  RuleSetConfig out = *this;
  out.token_formats = out.pii = false;
  std::erase_if(out.rules, [](const UserRule& one) { return (one.places & kCredentials) == 0; });
  return out;
}

RuleSet::RuleSet() : compiled_(std::make_unique<Compiled>()) {}
RuleSet::~RuleSet() = default;

Result<std::shared_ptr<const RuleSet>> RuleSet::build(const RuleSetConfig& config) {
  std::shared_ptr<RuleSet> rules(new RuleSet());
  auto& compiled = *rules->compiled_;
  compiled.fingerprint_key = config.fingerprint_key;
  compiled.signs = signs_for(config);
  Needles needles;
  SLUICE_TRY(add_known(compiled, needles, config));
  compiled.has_secrets = !config.known.empty();
  const std::size_t as_written = compiled.max_hold; // what the second reading holds besides
  compiled.keep_length = config.keep_length;
  if (config.token_formats) add_secrets_pack(compiled, needles, config);
  if (config.pii) add_pii_pack(compiled, needles, config);
  SLUICE_TRY(add_own_rules(compiled, needles, config));
  SLUICE_TRY(add_tokens(compiled, needles, config));
  sort_openings(compiled);
  compiled.max_hold += as_written;
  for (std::size_t i = 0; i < kLookings; ++i) {
    const auto set = static_cast<Looking>(i);
    const auto letters =
        in_any_case(set) ? NeedleSet::Letters::any_case : NeedleSet::Letters::exact;
    const auto use =
        set == Looking::over_lines ? NeedleSet::Use::only_match : NeedleSet::Use::everywhere;
    compiled.sets[i] = NeedleSet(std::move(needles[i]), letters, use);
  }
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
bool RuleSet::has_vault() const noexcept {
  return compiled_->vault != nullptr;
}

} // namespace sluice::redact

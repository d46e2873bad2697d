// The section `redaction`: how masks look, and what is looked for besides the packs.
#include "policy/engine/inherit.hpp"
#include "policy/redact/packs.hpp"
#include "policy/redact/redactor.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <set>

namespace sluice::engine {
namespace {

using redact::Action;
using redact::bit_of;
using redact::Place;
using redact::PlaceSet;
using redact::TokenCheck;

constexpr std::size_t kMostRules = 200;
constexpr std::size_t kMostId = 64;

constexpr std::array kActions = {
    Word<Action>{"mask", Action::mask}, Word<Action>{"block", Action::block},
    Word<Action>{"report", Action::report}, Word<Action>{"tokenize", Action::tokenize}};
enum class Length { placeholder, keep };
constexpr std::array kLengths = {Word<Length>{"placeholder", Length::placeholder},
                                 Word<Length>{"keep", Length::keep}};
constexpr std::array kChecks = {Word<TokenCheck>{"luhn", TokenCheck::luhn},
                                Word<TokenCheck>{"mod97", TokenCheck::mod97},
                                Word<TokenCheck>{"base62-crc32", TokenCheck::base62_crc32}};
constexpr PlaceSet kInRequest =
    bit_of(Place::request_header) | bit_of(Place::request_url) | bit_of(Place::request_body);
constexpr PlaceSet kInResponse = bit_of(Place::response_header) | bit_of(Place::response_body);
constexpr std::array kLocations = {
    Word<PlaceSet>{"request", kInRequest},
    Word<PlaceSet>{"response", kInResponse},
    Word<PlaceSet>{"header", bit_of(Place::request_header) | bit_of(Place::response_header)},
    Word<PlaceSet>{"url", bit_of(Place::request_url)},
    Word<PlaceSet>{"body", bit_of(Place::request_body) | bit_of(Place::response_body)},
    Word<PlaceSet>{"credential", redact::kCredentials},
    Word<PlaceSet>{"request.header", bit_of(Place::request_header)},
    Word<PlaceSet>{"request.url", bit_of(Place::request_url)},
    Word<PlaceSet>{"request.body", bit_of(Place::request_body)},
    Word<PlaceSet>{"request.credential", bit_of(Place::request_credential)},
    Word<PlaceSet>{"response.header", bit_of(Place::response_header)},
    Word<PlaceSet>{"response.body", bit_of(Place::response_body)},
    Word<PlaceSet>{"response.credential", bit_of(Place::response_credential)}};

bool is_id(std::string_view id) {
  const auto one = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !id.empty() && id.size() <= kMostId && one(id.front()) && one(id.back()) &&
         std::all_of(id.begin(), id.end(), [&](char c) { return one(c) || c == '-'; });
}

const std::set<std::string_view>& built_in_ids() {
  static const auto all = [] {
    std::set<std::string_view> out;
    for (const auto* pack : {&redact::secrets_pack(), &redact::pii_pack()}) {
      for (const auto& one : *pack) out.insert(one->id);
    }
    return out;
  }();
  return all;
}

void parse_validation(Reader validation, redact::RuleText& out) {
  if (!validation.present()) return;
  if (!validation.node()->is_map()) {
    out.check = validation.one_of(kChecks).value_or(TokenCheck::none);
    return;
  }
  out.check = validation.at("check").one_of(kChecks).value_or(TokenCheck::none);
  const auto entropy =
      validation.at("entropy").number(0, 8, "bits per byte; tokens have 3 and more");
  if (entropy) out.entropy = *entropy;
  validation.finish();
}

PlaceSet parse_locations(Reader locations) {
  if (!locations.present()) return redact::UserRule().places;
  PlaceSet out = 0;
  for (Reader& item : locations.items(EmptyList::refuse))
    out |= item.one_of(kLocations).value_or(0);
  return out;
}

// RE2 says first what is wrong with a regular expression: its words are what people know.
void compile_pattern(Reader& item, RedactionRule& out) {
  Reader pattern = item.at("pattern");
  RE2::Options options;
  options.set_log_errors(false);
  options.set_encoding(RE2::Options::EncodingLatin1); // over bytes
  const RE2 checked(out.text.pattern, options);
  if (!checked.ok()) {
    pattern.error("not a regular expression of RE2: " + checked.error());
    return;
  }
  auto format = redact::compile_rule(out.text);
  if (format) {
    out.rule.format = std::move(format.value());
    return;
  }
  const std::string& key = format.error().code;
  const bool unbounded = format.error().detail.find("bound") != std::string::npos;
  const bool elsewhere = key == "anchor" || key == "max_length";
  const Reader& at = elsewhere ? item.at(key) : pattern;
  at.error(format.error().detail, unbounded ? "give max_length, or write {0,40} for * and +" : "");
}

bool is_block(std::string_view id) {
  const auto& pack = redact::secrets_pack();
  return std::any_of(pack.begin(), pack.end(),
                     [&](const auto& one) { return one->id == id && !one->block_end.empty(); });
}

void parse_built_in(Reader& item, Reader& id, const RedactionRule& rule) {
  if (rule.rule.action == Action::tokenize && is_block(rule.text.id)) {
    item.at("action").error("what it finds is too long for a token to stand for", "mask it");
  }
  if (!built_in_ids().contains(rule.text.id)) {
    id.error("no built-in rule is called that, and this one has no pattern",
             "write a pattern, or the id of a format in policy/redact/packs");
  }
  for (const auto* key : {"anchor", "max_length", "validation", "title"}) {
    item.misplaced(key, "a built-in rule has its own; only action and locations can be set");
  }
  Reader locations = item.at("locations");
  if ((rule.rule.places & redact::kCredentials) != 0) {
    locations.error("built-in formats are not looked for in credentials",
                    "the agent's own login belongs there");
  }
}

RedactionRule parse_rule(Reader& item) { // but for `override`
  RedactionRule out;
  Reader id = item.required("id");
  out.text.id = id.string().value_or("");
  if (id.present() && !is_id(out.text.id)) {
    id.error("an id is lower case letters, digits and dashes, at most 64");
  }
  out.rule.id = out.text.id;
  out.rule.action = item.at("action").one_of(kActions).value_or(Action::mask);
  out.rule.places = parse_locations(item.at("locations"));
  Reader pattern = item.at("pattern");
  if (!pattern.present()) {
    parse_built_in(item, id, out);
    item.finish();
    return out;
  }
  if (built_in_ids().contains(out.text.id)) id.error("a built-in rule has this id");
  out.text.pattern = pattern.string().value_or("");
  out.text.title = parse_label(item.at("title"), 128);
  out.text.anchor = item.at("anchor").string().value_or("");
  out.text.max_length =
      static_cast<std::size_t>(item.at("max_length").integer(1, redact::kMostOfARule).value_or(0));
  parse_validation(item.at("validation"), out.text);
  if (!out.text.pattern.empty()) compile_pattern(item, out);
  item.finish();
  return out;
}

// A text may pass twice: what stands in the place of a secret must not be one.
void check_placeholder(Reader& redaction, const RedactionSettings& settings) {
  redact::RuleSetConfig config;
  config.token_formats = false;
  config.placeholder = settings.placeholder;
  for (const auto& one : settings.rules) {
    if (one.rule.format) config.rules.push_back(one.rule);
  }
  if (config.rules.empty() || settings.keep_length) return;
  const auto report = [&](const std::string& what) {
    redaction.at("placeholder").error(what, "choose another placeholder, or a narrower pattern");
  };
  const auto built = redact::RuleSet::build(config);
  if (!built) return report(built.error().detail);
  for (const auto id : built_in_ids()) {
    const auto text = redact::placeholder_of(settings.placeholder, id);
    const auto found = redact::redact_whole(built.value(), text).findings;
    if (found.empty()) continue;
    return report("the rule " + found.all().front().rule + " matches the placeholder of " +
                  std::string(id));
  }
}

// Any action but block, and any choice of places, may find less than the rule of itself.
bool may_loosen(const RedactionRule& rule) {
  const bool everywhere = rule.rule.places == redact::UserRule().places;
  return rule.text.pattern.empty() && !(rule.rule.action == Action::block && everywhere);
}

void add_redaction_rule(Reader& item, ParseContext& shared, RedactionSettings& out) {
  auto& files = shared.redaction.rules;
  const bool overrides = says_override(item, shared);
  auto rule = parse_rule(item);
  const auto same = std::find_if(out.rules.begin(), out.rules.end(), [&](const auto& one) {
    return !rule.text.id.empty() && one.text.id == rule.text.id;
  });
  if (same != out.rules.end()) {
    const auto index = static_cast<std::size_t>(same - out.rules.begin());
    if (!may_replace(overrides, files[index], shared)) {
      item.at("id").error("two rules have this id" + in_file(files[index], shared));
      return;
    }
    *same = std::move(rule);
    files[index] = shared.file;
    return;
  }
  const bool inherits = !(*shared.files)[shared.file].above.empty();
  if (inherits && !overrides && may_loosen(rule)) {
    item.at("id").error("this changes a built-in rule, which the parents leave as it is",
                        "action: block, or override: true");
  }
  out.rules.push_back(std::move(rule));
  files.push_back(shared.file);
}

// How masks look is said once, but by who overrides it.
void parse_look(Reader& redaction, ParseContext& shared, RedactionSettings& out) {
  const bool overrides = says_override(redaction, shared);
  const auto settle = [&](const Reader& key, std::optional<std::size_t>& by, bool same) {
    if (by && !same && !may_replace(overrides, *by, shared)) {
      key.error("it is another" + in_file(*by, shared), "override: true, in redaction");
    }
    by = shared.file;
  };
  Reader placeholder = redaction.at("placeholder");
  if (placeholder.present()) {
    const auto text = parse_label(placeholder, 64);
    settle(placeholder, shared.redaction.placeholder, text == out.placeholder);
    out.placeholder = text;
  }
  Reader length = redaction.at("length");
  if (length.present()) {
    const bool keep = length.one_of(kLengths) == Length::keep;
    settle(length, shared.redaction.length, keep == out.keep_length);
    out.keep_length = keep;
  }
}

} // namespace

void parse_redaction(Reader redaction, ParseContext& shared, RedactionSettings& out) {
  if (!redaction.present()) return;
  parse_look(redaction, shared, out);
  for (Reader& item : redaction.at("rules").items()) {
    if (out.rules.size() == kMostRules) {
      item.error("a policy has at most 200 redaction rules");
      break;
    }
    add_redaction_rule(item, shared, out);
  }
  const bool good = std::all_of(out.rules.begin(), out.rules.end(), [](const auto& one) {
    return one.rule.format || one.text.pattern.empty();
  });
  const bool tokenizes = std::any_of(out.rules.begin(), out.rules.end(), [](const auto& one) {
    return one.rule.action == Action::tokenize;
  });
  if (out.keep_length && tokenizes) {
    redaction.at("length").error("a token does not have the length of what it stands for",
                                 "remove length, or tokenize nothing");
  }
  if (good) check_placeholder(redaction, out);
  redaction.finish();
}

} // namespace sluice::engine

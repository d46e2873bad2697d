// Rules of a policy: what is refused and why, what is masked, blocked and reported, and where.
#include "policy/base/bytes.hpp"
#include "policy/redact/redactor.hpp"
#include "policy/redact/user_rule.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>

using namespace sluice;
using namespace sluice::redact;

namespace {

RuleText text_of(std::string pattern, std::size_t max_length = 0) {
  RuleText out;
  out.id = "own";
  out.pattern = std::move(pattern);
  out.max_length = max_length;
  return out;
}

std::string why_refused(const RuleText& text) {
  const auto made = compile_rule(text);
  return made ? "" : made.error().code + ": " + made.error().detail;
}

UserRule rule_of(const RuleText& text, Action action = Action::mask) {
  auto made = compile_rule(text);
  BOOST_TEST_REQUIRE(made.has_value(), text.pattern << why_refused(text));
  return {text.id, made.value(), action, UserRule().places};
}

std::shared_ptr<const RuleSet> rules_of(std::vector<UserRule> rules) {
  RuleSetConfig config;
  config.rules = std::move(rules);
  config.placeholder = "<>";
  config.fingerprint_key = "run";
  return RuleSet::build(config).value();
}

// Whole and in small pieces: the same, or the harness fails.
std::string redacted(const std::shared_ptr<const RuleSet>& rules, std::string_view text,
                     Scope scope = {}) {
  const auto whole = redact_whole(rules, text, scope);
  for (const std::size_t piece : {1, 2, 3, 7, 1000}) {
    Redactor redactor(rules, Redactor::Mask::placeholder, scope);
    std::string out;
    for (auto rest = text; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size()))) {
      redactor.feed(rest.substr(0, piece), out);
    }
    redactor.finish(out);
    BOOST_TEST(out == whole.text);
    BOOST_TEST((redactor.findings() == whole.findings));
    BOOST_TEST(redactor.blocked_by() == whole.blocked_by);
  }
  return whole.text;
}

std::string masked(const std::string& pattern, std::string_view text, std::size_t max_length = 0) {
  return redacted(rules_of({rule_of(text_of(pattern, max_length))}), text);
}

} // namespace

BOOST_AUTO_TEST_SUITE(user_rule)

BOOST_AUTO_TEST_CASE(all_of_a_match_is_masked) {
  BOOST_TEST(masked("EMP-\\d{6}", "x EMP-123456, EMP-12345 y") == "x <>, EMP-12345 y");
  BOOST_TEST(masked("project falcon", "our project falcon flies") == "our <> flies");
  BOOST_TEST(masked("(?i)falcon", "FALcon falcon") == "<> <>");
  BOOST_TEST(masked("(?i)\\bfalcon\\b", "falcons Falcon") == "falcons <>");
  BOOST_TEST(masked("\\bx\\d\\d\\b", "ax12 x12 x123 x12") == "ax12 <> x123 <>");
  BOOST_TEST(masked("[Kk]ey=(?P<secret>[^ ]{4,8})", "key=abcdef Key=x") == "key=<> Key=x");
  BOOST_TEST(masked("a.{2,4}?z", "abcz abcdez") == "<> <>");
  BOOST_TEST(masked("Schl\xC3\xBCssel\xC3\xBC+", "ein Schl\xC3\xBCssel\xC3\xBC\xC3\xBC!") ==
             "ein <>!");
}

BOOST_AUTO_TEST_CASE(what_runs_over_a_match_is_masked_with_it) {
  BOOST_TEST(masked("id:[a-z]+", "id:abcdefghij!") == "<>!");
  BOOST_TEST(masked("id:[a-z]+", "id:abcdefghij!", 5) == "<>!");
  BOOST_TEST(masked("<<.*>>", "a <<b>> c <<d", 20) == "a <> c <<d");
  BOOST_TEST(masked("<<.*>>", "<<0123456789012345678>>", 20) == "<<0123456789012345678>>");
}

BOOST_AUTO_TEST_CASE(an_anchor_stays_visible) {
  auto text = text_of("acme_live_[0-9a-z]{8,}");
  text.anchor = "acme_";
  const auto rules = rules_of({rule_of(text)});
  BOOST_TEST(redacted(rules, "k=acme_live_0a1b2c3d4e") == "k=acme_<>");
  // With nothing to see, the same token is found in base64 by its fixed beginning.
  const std::string coded = redacted(rules, "YWNtZV9saXZlXzBhMWIyYzNkNGU=");
  BOOST_TEST(coded != "YWNtZV9saXZlXzBhMWIyYzNkNGU=");
  BOOST_TEST(coded.find("<>") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(no_sign_is_cut) {
  const auto found = [](const char* pattern, std::string_view text) {
    return redacted(rules_of({rule_of(text_of(pattern))}), std::string(text));
  };
  BOOST_TEST(found("name: .{1,3}", "name: \u00E4\u20AC\U0001F600\u00E4") == "<>\u00E4");
  BOOST_TEST(found("[^a]x", "a\u00E4x\u20ACx") == "a<><>");
  BOOST_TEST(found("\\D{2}9", "1\u20AC9 \u20AC\u20AC9") == "1\u20AC9 <>");
  // What is no sign is taken, too, but a second byte that goes on with none.
  BOOST_TEST(found("id-[^ ]+", "id-a\x80\xFFz id-\xC3 id-\xE4t") == "<> <> <>");
  BOOST_TEST(found("id-[^ ]+", "id-a\x80\x80z") == "<>\x80z");
}

BOOST_AUTO_TEST_CASE(checks_are_of_each_end) {
  auto text = text_of("\\b\\d{4}(?: ?\\d{4}){1,3}\\b");
  text.check = TokenCheck::luhn;
  const auto rules = rules_of({rule_of(text)});
  BOOST_TEST(redacted(rules, "4111 1111 1111 1111 ab12") == "<> ab12");
  BOOST_TEST(redacted(rules, "4111 1111 1111 1112 x") == "4111 1111 1111 1112 x");
  text = text_of("key_[0-9a-z]{12,}");
  text.entropy = 3;
  const auto mixed = rules_of({rule_of(text)});
  BOOST_TEST(redacted(mixed, "key_aaaaaaaaaaaa key_0a1b2c3d4e5f") == "key_aaaaaaaaaaaa <>");
}

BOOST_AUTO_TEST_CASE(what_a_stream_cannot_hold_is_refused) {
  const std::tuple<RuleText, std::string_view> table[] = {
      {text_of("[a-z]+"), "no bound of 512"},
      {text_of("ab[a-z]*x"), "without bound"},
      {text_of("secret.*end"), "without bound"},
      {text_of("[a-z]{3,600}"), "no bound of 512"},
      {text_of("a*"), "empty text"},
      {text_of("x[a-z]*\\b"), "no bound"},
      {text_of("[a-z]+x", 600), "max_length: a pattern that begins with fewer"},
      {text_of("foobar", 5), "max_length: the shortest match is longer"},
      {text_of("foo[a-z]+bar", 6), "max_length: the shortest match is longer"},
      {text_of("abc(?:[^\\s\\S]|x[^\\w\\W])", 20), "matches nothing"},
      {text_of("[^\\s\\S]"), "matches nothing"},
      {text_of("^abc"), "no line that begins"},
      {text_of("abc$"), "no line that begins"},
      {text_of("a\\bb"), "two ends"},
      {text_of("\\babc|def\\b"), "one branch"},
      {text_of("\\b\\+49\\d{6}"), "would ask for one there"},
      {text_of("abc-\\b"), "would ask for one there"},
      {text_of("\\pL{4}"), "not in the subset"},
      {text_of("[\xC3\xA4\xC3\xB6]"), "a class is of bytes"},
      {text_of("abc[0-9]{0,4}(?P<secret>[0-9]{4})"), "inside (?P<secret>"},
      {text_of(std::string(3000, 'a')), "at most 2000 bytes"},
  };
  for (const auto& [text, why] : table) {
    const auto said = why_refused(text);
    BOOST_TEST(said.find(why) != std::string::npos, text.pattern << ": " << said);
  }
  for (const auto* pattern : {"secret.*end", "[a-z]+", "x[a-z]*\\b", "<[^>]*>"}) {
    BOOST_TEST(why_refused(text_of(pattern, 200)) == "", pattern);
  }
}

BOOST_AUTO_TEST_CASE(an_anchor_is_what_every_match_begins_with) {
  const std::tuple<const char*, const char*, std::string_view> table[] = {
      {"abcd[0-9]{4}", "ab", "3 to 32 bytes"},
      {"abcd[0-9]{4}", "abd", "not every match"},
      {"(?:abcd|abed)[0-9]{4}", "abcd", "not every match"},
      {"(?i)abcd[0-9]{4}", "abcd", "not every match"},
      {"abcd", "abcd", "nothing would be left"},
      {"abc(?P<secret>d[0-9]{4})", "abcd", "reaches into"},
      {"abcd[0-9]{4}", "abcd", ""},
  };
  for (const auto& [pattern, anchor, why] : table) {
    auto text = text_of(pattern);
    text.anchor = anchor;
    const auto said = why_refused(text);
    BOOST_TEST((why.empty() ? said.empty() : said.find(why) != std::string::npos), said);
  }
}

BOOST_AUTO_TEST_CASE(a_rule_does_as_it_says_in_a_call_and_masks_elsewhere) {
  const auto scope = Scope::in_call(Place::request_body, false);
  const auto report = rules_of({rule_of(text_of("EMP-\\d{3}"), Action::report)});
  BOOST_TEST(redacted(report, "EMP-123 EMP-123", scope) == "EMP-123 EMP-123");
  const auto told = redact_whole(report, "EMP-123 EMP-123", scope);
  BOOST_TEST_REQUIRE(told.findings.all().size() == 1U);
  BOOST_TEST(told.findings.all()[0].count == 2U);
  BOOST_TEST((told.findings.all()[0].action == Action::report));
  BOOST_TEST(!told.findings.changed());
  BOOST_TEST(redacted(report, "EMP-123") == "<>"); // a string of ours

  const auto block = rules_of({rule_of(text_of("EMP-\\d{3}"), Action::block)});
  BOOST_TEST(redacted(block, "a EMP-123", scope) == "a <>");
  BOOST_TEST(redact_whole(block, "a EMP-123", scope).blocked_by == "own");
  BOOST_TEST(redact_whole(block, "a EMP-12", scope).blocked_by == "");
  BOOST_TEST(redact_whole(block, "a EMP-123").blocked_by == "");
}

// Before its bytes could leave: with the piece that makes the match certain.
BOOST_AUTO_TEST_CASE(a_block_is_known_at_once) {
  const auto rules = rules_of({rule_of(text_of("EMP-\\d{3,}"), Action::block)});
  Redactor redactor(rules, Redactor::Mask::placeholder, Scope::in_call(Place::request_body, false));
  std::string out;
  redactor.feed("hello EMP-12", out);
  BOOST_TEST(out == "hello ");
  BOOST_TEST(redactor.blocked_by() == "");
  redactor.feed("3", out);
  BOOST_TEST(redactor.blocked_by() == "own");
  redactor.finish(out);
  BOOST_TEST(redactor.findings().total() == 1U);
  BOOST_TEST(redactor.blocked_by() == "own");
}

BOOST_AUTO_TEST_CASE(a_rule_looks_only_where_it_is_told_to) {
  auto rule = rule_of(text_of("EMP-\\d{3}"));
  rule.places = bit_of(Place::response_body);
  const auto rules = rules_of({rule});
  for (std::size_t i = 1; i < kPlaces; ++i) {
    const auto place = static_cast<Place>(i);
    const bool here = place == Place::response_body;
    BOOST_TEST(redacted(rules, "EMP-123", Scope::in_call(place, true)) ==
               (here ? "<>" : "EMP-123"));
  }
  BOOST_TEST(redacted(rules, "EMP-123") == "<>");
}

BOOST_AUTO_TEST_CASE(a_built_in_rule_can_be_given_another_action) {
  UserRule rule;
  rule.id = "aws-access-key-id";
  const std::string key = "AKIA2OGYBAH6SLUICEQS";
  const auto with = [&](Action action) {
    rule.action = action;
    return redact_whole(rules_of({rule}), key, Scope::in_call(Place::request_body, false));
  };
  const auto id = with(Action::mask).findings.all().at(0).rule;
  rule.id = id;
  BOOST_TEST(with(Action::mask).text == "AKIA<>");
  BOOST_TEST(with(Action::report).text == key);
  BOOST_TEST(with(Action::block).blocked_by == id);
}

BOOST_AUTO_TEST_CASE(a_placeholder_must_not_match) {
  RuleSetConfig config;
  config.rules = {rule_of(text_of("RED[A-Z]{3,9}"))};
  BOOST_TEST(!RuleSet::build(config).has_value());
  config.keep_length = true;
  BOOST_TEST_REQUIRE(RuleSet::build(config).has_value());
  BOOST_TEST(redact_whole(RuleSet::build(config).value(), "a REDCAP b").text == "a ****** b");
}

// Hostile texts for rules that begin anywhere: slow, and no slower with their length.
BOOST_AUTO_TEST_CASE(the_time_grows_with_the_text) {
  const auto rules = rules_of({rule_of(text_of("[a-z.]{1,200}@x", 300))});
  const auto seconds = [&](std::size_t size) {
    std::string text;
    while (text.size() < size) text += "a.";
    const auto begun = std::chrono::steady_clock::now();
    redact_whole(rules, text);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  };
  seconds(1000);
  BOOST_TEST(seconds(40'000) < 20 * seconds(10'000) + 0.05);
}

// Every repeat begins a match inside the one before, and none of them ends.
BOOST_AUTO_TEST_CASE(a_repeated_beginning_is_read_about_once) {
  const std::tuple<const char*, std::string_view> table[] = {
      {"acme(?:-[a-z0-9]+)+", "acme-"},
      {"foo(?:foo|bar)+", "foo"},
      {"foo(?:foo|bar)+", "foobar"},
      {"(?:EMP-\\d{6},?)+", "EMP-123456,"},
      {"x:(?:a[a-z0-9: ]+|y\\d)", "x:a x:y1 x:y2 "},
      {"key(?P<secret>(?:-[a-z]+)+)", "key-"},
  };
  for (const auto& [pattern, repeat] : table) {
    const auto rules = rules_of({rule_of(text_of(pattern))});
    std::string text;
    while (text.size() < 200'000) text += repeat;
    text += "acme-x foobar EMP-654321 x:a key-x";
    for (const auto& written : {text, to_hex(text), to_base64(text)}) {
      const auto begun = std::chrono::steady_clock::now();
      const auto out = redact_whole(rules, written);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
      BOOST_TEST(took.count() < 2, pattern << ": " << took.count() << " s");
      if (text != written && pattern[1] == ':') continue; // too short a beginning to be looked for
      BOOST_TEST(out.text.size() < 120U, pattern << ": " << out.text.size());
      BOOST_TEST(out.findings.total() <= 2U, pattern << ": " << out.findings.total());
    }
  }
}

// One that waits at a stop for its second digit does not meet itself there.
BOOST_AUTO_TEST_CASE(half_a_byte_is_waited_for_anywhere) {
  const auto rules = rules_of({rule_of(text_of("CUS-\\d{8}"))});
  const auto hex = to_hex("CUS-12345678");
  for (std::size_t before = 90; before < 150; ++before) {
    const auto text = std::string(before, '.') + hex + "a";
    BOOST_TEST(redacted(rules, text) == std::string(before, '.') + hex.substr(0, 8) + "<>a");
    for (std::size_t cut = before; cut < text.size(); ++cut) {
      Redactor redactor(rules, Redactor::Mask::placeholder, {});
      std::string out;
      redactor.feed(std::string_view(text).substr(0, cut), out);
      redactor.feed(std::string_view(text).substr(cut), out);
      redactor.finish(out);
      BOOST_TEST(out == std::string(before, '.') + hex.substr(0, 8) + "<>a");
    }
  }
}

// The same under every cut (see redacted), and no match is lost to another that only looks alike.
BOOST_AUTO_TEST_CASE(what_joins_an_earlier_match_changes_nothing) {
  const auto times = [](std::string_view text, int count) {
    std::string out;
    while (count-- > 0) out += text;
    return out;
  };
  const auto found = [](const RuleText& text, const std::string& in) {
    const auto rules = rules_of({rule_of(text)});
    const auto out = redacted(rules, in);
    return out + " " + std::to_string(redact_whole(rules, in).findings.total());
  };
  const auto acme = text_of("acme(?:-[a-z0-9]+)+");
  BOOST_TEST(found(acme, "a " + times("acme-", 700) + "x! acme-1 " + times("acme-", 99)) ==
             "a <>! <> <>- 3");
  BOOST_TEST(found(text_of("foo(?:foo|bar)+"), times("foo", 900) + "fobar foobar") ==
             "<>fobar <> 2");
  BOOST_TEST(found(text_of("(?:EMP-\\d{6},?)+"), times("EMP-123456,", 300) + "EMP-12") ==
             "<>EMP-12 1");
  BOOST_TEST(found(text_of("x:(?:a[a-z0-9: ]+|y\\d)"), "x:a" + times(" x:y1", 500) + "! x:y2") ==
             "<>! <> 2");
  BOOST_TEST(found(text_of("key(?P<secret>(?:-[a-z]+)+)"), times("key-", 300) + "x") == "key<> 1");
  // Only the later one of two in the same state has enough different bytes at first.
  auto mixed = text_of("key[a-z0-9]{8}(?:-[a-z0-9]+)*");
  mixed.entropy = 2.5;
  BOOST_TEST(found(mixed, "keyaaaaaaaa-key1b2c3d4e" + times("-ab", 200)) == "keyaaaaaaaa-<> 1");
  // The first has matched at "abx", and what it goes on with is none; the second one is.
  BOOST_TEST(found(text_of("abx(?:abycd)?|abyc"), times("abxabyc ", 100)) ==
             times("<><> ", 100) + " 200");
}

BOOST_AUTO_TEST_SUITE_END()

// Rules of a policy and personal data, which have no anchor, against an oracle that knows the whole
// text and asks RE2 about every piece of it: exhaustively over small alphabets under every two
// cuts, and on mixtures of personal data under random ones.
#include "policy/redact/folder.hpp"
#include "policy/redact/redactor.hpp"
#include "policy/redact/token_checks.hpp"

#include "tests/support/pack_samples.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <tuple>

using namespace sluice;
using namespace sluice::redact;
using test::below;
using test::Random;

namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

struct OracleRule {
  std::string id, pattern; // without the \b at its ends
  bool starts = false, ends = false;
  std::size_t max_length = 0, visible = 0;
  TokenCheck check = TokenCheck::none;
  Action action = Action::mask;
  bool personal = false;
  std::shared_ptr<RE2> re2 = {};
};

struct Said {
  std::string text;
  std::map<std::string, std::uint64_t> found;
  bool operator==(const Said&) const = default;
};

struct Span {
  std::size_t begin = 0, end = 0, rule = 0;
};

// The longest match that begins here; the check digits of each are its own.
Span match_at(const OracleRule& rule, std::string_view text, std::size_t at) {
  Span out{at, at, 0};
  if (rule.starts && at > 0 && is_word(text[at - 1])) return out;
  bool before = false;
  const re2::StringPiece all(text.data(), text.size());
  for (std::size_t end = at + 1; end <= text.size(); ++end) {
    re2::StringPiece groups[2];
    const bool split = rule.re2->NumberOfCapturingGroups() == 1;
    bool matches = rule.re2->Match(all, at, end, RE2::ANCHOR_BOTH, groups, split ? 2 : 1);
    const bool too_long = rule.max_length > 0 && end - at > rule.max_length;
    const bool waits = rule.ends || rule.check != TokenCheck::none;
    if (too_long && (!matches || !before || waits)) return out;
    before = matches;
    if (!matches) continue;
    if (rule.ends && end < text.size() && is_word(text[end])) continue;
    const auto& group = groups[split ? 1 : 0];
    const auto begin = static_cast<std::size_t>(group.data() - text.data()) + rule.visible;
    const auto secret = text.substr(begin, group.size() - rule.visible);
    if (secret.empty() || !passes(rule.check, secret)) continue;
    out.begin = begin, out.end = begin + secret.size();
  }
  return out;
}

Said oracle(const std::vector<OracleRule>& rules, std::string_view text) {
  Said out;
  std::vector<Span> spans;
  std::vector<std::size_t> covered(rules.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    Span person; // of personal data that begins here, the longest
    for (std::size_t rule = 0; rule < rules.size(); ++rule) {
      auto span = match_at(rules[rule], text, at);
      if (span.begin == span.end) continue;
      span.rule = rule;
      const bool first = span.begin >= covered[rule];
      if (first && !rules[rule].personal) ++out.found[rules[rule].id];
      if (first && rules[rule].personal && span.end > person.end) person = span;
      covered[rule] = std::max(covered[rule], span.end);
      if (rules[rule].action != Action::report) spans.push_back(span);
    }
    if (person.end > 0) ++out.found[rules[person.rule].id];
  }
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
    return std::tuple(a.begin, a.rule) < std::tuple(b.begin, b.rule);
  });
  std::size_t masked_until = 0, next = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (; next < spans.size() && spans[next].begin == at; ++next) {
      if (at >= masked_until) out.text += "<" + rules[spans[next].rule].id + ">";
      masked_until = std::max(masked_until, spans[next].end);
    }
    if (at >= masked_until) out.text += text[at];
  }
  return out;
}

std::map<std::string, std::uint64_t> counts(const Findings& findings) {
  std::map<std::string, std::uint64_t> out;
  for (const auto& one : findings.all()) out[one.rule] += one.count;
  return out;
}

const Scope kScope = Scope::in_call(Place::request_body, true);

std::shared_ptr<const RuleSet> compiled(std::vector<OracleRule>& rules) {
  RuleSetConfig config;
  config.token_formats = false;
  config.placeholder = "<{rule}>";
  for (auto& one : rules) {
    one.re2 = test::re2_of(one.pattern);
    BOOST_TEST_REQUIRE(one.re2->ok(), one.pattern);
    RuleText text;
    text.id = one.id;
    text.pattern = (one.starts ? "\\b" : "") + one.pattern + (one.ends ? "\\b" : "");
    text.max_length = one.max_length;
    text.check = one.check;
    if (one.visible > 0) text.anchor = one.pattern.substr(0, one.visible);
    auto format = compile_rule(text);
    BOOST_TEST_REQUIRE(format.has_value(),
                       one.pattern << ": " << (format ? "" : format.error().detail));
    config.rules.push_back({one.id, format.value(), one.action, UserRule().places});
  }
  return RuleSet::build(config).value();
}

Said cut(const std::shared_ptr<const RuleSet>& rules, std::string_view text,
         const std::vector<std::size_t>& cuts) {
  Redactor redactor(rules, Redactor::Mask::placeholder, kScope);
  Said out;
  std::size_t from = 0;
  for (const auto at : cuts) {
    redactor.feed(text.substr(from, at - from), out.text);
    BOOST_TEST_REQUIRE(redactor.held() <= rules->max_hold());
    from = at;
  }
  redactor.feed(text.substr(from), out.text);
  redactor.finish(out.text);
  out.found = counts(redactor.findings());
  return out;
}

void exhaust(std::vector<OracleRule> rules, std::string_view alphabet, std::size_t length) {
  const auto set = compiled(rules);
  std::size_t total = 1, masked = 0, wrong = 0;
  for (std::size_t i = 0; i < length; ++i) total *= alphabet.size();
  for (std::size_t code = 0; code < total && wrong < 3; ++code) {
    std::string text;
    for (std::size_t i = 0, rest = code; i < length; ++i, rest /= alphabet.size()) {
      text += alphabet[rest % alphabet.size()];
    }
    const auto expected = oracle(rules, text);
    masked += expected.found.empty() ? 0 : 1;
    if (expected.found.empty() && code % 7 != 0) continue;
    for (std::size_t a = 0; a <= length && wrong < 3; ++a) {
      for (std::size_t b = a; b <= length; ++b) {
        const auto got = cut(set, text, {a, b});
        if (got == expected) continue;
        ++wrong;
        BOOST_TEST(got.text == expected.text,
                   text << " cut at " << a << ", " << b << " by " << rules.front().pattern);
        for (const auto& [id, count] : expected.found) {
          const auto at = got.found.find(id);
          BOOST_TEST((at != got.found.end() && at->second == count),
                     text << ": " << id << " is not found " << count << " times");
        }
        BOOST_TEST(got.found.size() == expected.found.size());
        break;
      }
    }
  }
  BOOST_TEST(masked > 20U, rules.front().pattern);
  BOOST_TEST(wrong == 0U, rules.front().pattern);
}

OracleRule rule(std::string pattern) {
  OracleRule out;
  out.id = "r";
  out.pattern = std::move(pattern);
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(rules_oracle)

BOOST_AUTO_TEST_CASE(every_text_under_every_two_cuts) {
  exhaust({rule("a[ab]{1,3}b")}, "ab.", 7);
  exhaust({rule("(?:ab|b)a{0,2}1")}, "ab1", 7);
  exhaust({rule("a(?P<secret>[b1]{2})")}, "ab1", 7);
  auto word = rule("[ab]{2,4}");
  word.starts = word.ends = true;
  exhaust({word}, "ab -", 7);
  word.ends = false;
  exhaust({word}, "ab -", 7);
  word.ends = true, word.starts = false;
  exhaust({word}, "ab -", 7);
}

BOOST_AUTO_TEST_CASE(a_length_bounds_what_has_no_bound) {
  auto bounded = rule("a.*b");
  bounded.max_length = 4;
  exhaust({bounded}, "ab.", 7);
  bounded.pattern = "a[ab]+";
  exhaust({bounded}, "ab.", 7);
  bounded.ends = true;
  exhaust({bounded}, "ab.", 7);
  bounded = rule("aba[1.]*b");
  bounded.max_length = 6, bounded.visible = 3;
  exhaust({bounded}, "ab1.", 7);
}

BOOST_AUTO_TEST_CASE(each_end_has_its_own_check_digits) {
  auto number = rule("[0-9](?: ?[0-9]){1,5}");
  number.check = TokenCheck::luhn, number.ends = number.starts = true;
  exhaust({number}, "018 ", 6);
  number.ends = false;
  exhaust({number}, "018 ", 6);
}

BOOST_AUTO_TEST_CASE(rules_beside_each_other) {
  auto one = rule("ab?a"), other = rule("[ab]{3}"), told = rule("b1");
  one.id = "one", other.id = "two", told.id = "told";
  told.action = Action::report;
  exhaust({one, other, told}, "ab1", 7);
}

// A rare byte decides where is looked at all: the alphabet has it.
BOOST_AUTO_TEST_CASE(near_a_rare_byte) {
  auto mail = rule("[a-zA-Z0-9]{1,3}(?:\\.[a-zA-Z0-9]{1,2}){0,1}@[a-z]{1,2}");
  mail.starts = true;
  exhaust({mail}, "ab.@", 7);
  mail.starts = false;
  exhaust({mail}, "a@. ", 7);
}

BOOST_AUTO_TEST_CASE(mixtures_of_personal_data) {
  RuleSetConfig config;
  config.token_formats = false, config.pii = true;
  config.placeholder = "<{rule}>";
  const auto set = RuleSet::build(config).value();
  std::vector<OracleRule> rules;
  for (const auto& one : test::formats_of_pack("pii")) {
    OracleRule& made = rules.emplace_back();
    made.id = one.id, made.pattern = one.pattern, made.personal = true;
    made.starts = one.starts_at_boundary, made.ends = one.ends_at_boundary;
    made.check = one.check == "luhn"    ? TokenCheck::luhn
                 : one.check == "mod97" ? TokenCheck::mod97
                                        : TokenCheck::none;
    made.re2 = test::re2_of(one.pattern);
  }
  Random random(5);
  const std::string joints[] = {" ", "",  ", ", ".",  "-",  "\n", "@",
                                "a", "1", "+",  ": ", "\"", "  "};
  const std::string known[] = {"4111 1111 1111 1111",         "DE89370400440532013000",
                               "GB82 WEST 1234 5698 7654 32", "811218-9876",
                               "jane.doe@mail.example.com",   "3782-822463-10005"};
  std::size_t masked = 0;
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (auto pieces = 1 + below(random, 5); pieces-- > 0;) {
      const bool sample = below(random, 2) == 0;
      auto piece = sample ? test::sample_of(rules[below(random, rules.size())].pattern, random)
                          : known[below(random, std::size(known))];
      if (below(random, 4) == 0) piece.erase(below(random, piece.size()), 1);
      text += piece + joints[below(random, std::size(joints))];
    }
    const auto expected = oracle(rules, text);
    masked += expected.found.empty() ? 0 : 1;
    for (const std::size_t longest : {std::size_t{1}, std::size_t{4}, std::size_t{90}}) {
      std::vector<std::size_t> cuts;
      for (std::size_t at = 0; at < text.size(); cuts.push_back(at)) {
        at = std::min(text.size(), at + 1 + below(random, longest));
      }
      const auto got = cut(set, text, cuts);
      BOOST_TEST(got.text == expected.text, text);
      BOOST_TEST((got.found == expected.found), "other counts in: " << text);
    }
  }
  BOOST_TEST(masked > 150U);
}

// Escaped in any way a text means what it means as it is, and no mask ends inside of an escape.
BOOST_AUTO_TEST_CASE(signs_beyond_ascii_however_they_are_written) {
  const std::vector<std::string> kSigns[] = {
      {"a", "\\u0061", "%61", "&#97;"},
      {"b"},
      {"-"},
      {"ü", "\\u00fc", "%C3%BC", "%25c3%25bc", "&#252;", "%5Cu00FC", "\\\\u00fc"},
      {"€", "\\u20AC", "%E2%82%AC", "&#x20ac;"},
      {"😀", "\\ud83d\\ude00", "%F0%9F%98%80", "&#128512;"}};
  const char* const kPatterns[] = {"a[^b]{1,3}b", "ü.{0,2}€", "(?:ü|😀){2,3}",
                                   "b[^a-]+-",    "[ab]ü",    "-(?P<secret>.{2})-"};
  std::mt19937 random(20261122);
  std::size_t found = 0;
  for (const char* const pattern : kPatterns) {
    std::vector<OracleRule> rules{rule(pattern)};
    rules.front().max_length = 40;
    const auto set = compiled(rules);
    rules.front().re2 = std::make_shared<RE2>(pattern); // of signs, not of bytes
    for (int round = 0; round < 1500; ++round) {
      std::string plain, written;
      for (int i = 0; i < 12; ++i) {
        const auto& forms = kSigns[random() % std::size(kSigns)];
        plain += forms.front();
        written += forms[random() % forms.size()];
      }
      std::vector<std::size_t> cuts{random() % written.size(), random() % written.size()};
      std::sort(cuts.begin(), cuts.end());
      auto got = cut(set, written, cuts);
      Folder folder(Folder::Signs::read);
      std::string meant;
      std::vector<Disguise> disguises;
      folder.fold(got.text, Folder::Ending::at_end, 0, meant, disguises);
      got.text = meant;
      const auto expected = oracle(rules, plain);
      found += expected.found.size();
      BOOST_REQUIRE_MESSAGE(got == expected, pattern << ": " << written << " became " << got.text
                                                     << ", not " << expected.text);
    }
  }
  BOOST_TEST(found > 1000U);
}

BOOST_AUTO_TEST_SUITE_END()

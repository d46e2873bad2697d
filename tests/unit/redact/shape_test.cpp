// Shape against RE2, on every pattern of the packs and on random ones, and what it must refuse.
#include "policy/redact/shape.hpp"

#include "tests/support/pack_samples.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>

using namespace sluice;
using redact::Shape;
using test::below;
using test::Random;

namespace {

struct Border {
  bool matches = false;
  std::size_t begin = 0, end = 0; // of the secret part; equal when there is none
  bool operator==(const Border&) const = default;
};

// For each prefix of `text`, what the automaton says after its last byte.
std::vector<Border> by_shape(const Shape& shape, std::string_view text) {
  std::vector<Border> out;
  auto state = shape.start();
  std::size_t begin = 0, end = 0;
  for (std::size_t i = 0;; ++i) {
    const bool accepts = shape.accepts(state);
    out.push_back(accepts ? Border{true, begin, end} : Border{});
    if (i == text.size()) return out;
    state = shape.next(state, text[i]);
    if (!shape.in_secret(state)) continue;
    if (begin == end) begin = i;
    end = i + 1;
  }
}

Border by_re2(const RE2& re2, std::string_view text) {
  re2::StringPiece groups[16];
  const re2::StringPiece all(text.data(), text.size());
  const auto& names = re2.NamedCapturingGroups();
  const auto named = names.find("secret");
  const int group = named == names.end() ? 0 : named->second;
  BOOST_TEST_REQUIRE(group < 16);
  if (!re2.Match(all, 0, text.size(), RE2::ANCHOR_BOTH, groups, group + 1)) return {};
  const auto& secret = groups[group];
  const auto begin = static_cast<std::size_t>(secret.data() - text.data());
  if (secret.empty()) return {true, 0, 0};
  return {true, begin, begin + secret.size()};
}

// Returns the number of prefixes that matched. Only every `step`-th prefix and the neighbours of
// where the automaton's answer changes are asked of RE2, which is slow.
std::size_t compare(const std::string& pattern, const Shape& shape, const RE2& re2,
                    const std::string& text, std::size_t step) {
  const auto shapes = by_shape(shape, text);
  std::size_t matches = 0;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    matches += shapes[size].matches ? 1 : 0;
    const bool edge = (size > 0 && shapes[size].matches != shapes[size - 1].matches) ||
                      (size < text.size() && shapes[size].matches != shapes[size + 1].matches);
    if (size % step != 0 && !edge && size != text.size()) continue;
    const auto expected = by_re2(re2, std::string_view(text).substr(0, size));
    const bool same = shapes[size] == expected;
    if (!same) {
      BOOST_TEST(same, pattern << " on " << text.substr(0, size) << ": shape "
                               << shapes[size].matches << " " << shapes[size].begin << ".."
                               << shapes[size].end << ", RE2 " << expected.matches << " "
                               << expected.begin << ".." << expected.end);
    }
  }
  return matches;
}

std::string mutated(std::string text, Random& random) {
  for (std::size_t i = 1 + below(random, 2); i > 0 && !text.empty(); --i) {
    const auto at = below(random, text.size());
    switch (below(random, 4)) {
    case 0: text[at] = static_cast<char>(random()); break;
    case 1: text[at] = text[below(random, text.size())]; break;
    case 2: text.erase(at, 1); break;
    default: text.insert(at, 1, text[below(random, text.size())]); break;
    }
  }
  return text;
}

// A small pattern over "ab" after a fixed beginning.
class Patterns {
 public:
  explicit Patterns(unsigned seed) : random_(seed) {}
  std::string next() {
    std::string out = below(random_, 3) == 0 ? "(?i:abA)" : "abb";
    const bool split = below(random_, 2) == 0;
    if (split) out += choice(1) + "(?P<secret>";
    out += choice(2);
    if (split) out += ")" + choice(1);
    return out;
  }
  Random& random() { return random_; }

 private:
  std::string choice(int depth) {
    std::string out = sequence(depth);
    if (depth == 0 || below(random_, 3) != 0) return out;
    return "(?:" + out + "|" + sequence(depth) + ")";
  }
  std::string sequence(int depth) {
    std::string out;
    for (std::size_t i = below(random_, 3); i-- > 0;) out += item(depth) + repeat();
    return out;
  }
  std::string item(int depth) {
    static const std::string kItems[] = {
        "a",         "b",    "[ab]",        "[^a]",          "c",      "(?i:a)", "\\w",   ".",
        "(?s:.)",    "(a)",  "[[:alpha:]]", "[^[:^digit:]]", "[a-b_]", "\\W",    "\\x2e", "[^b\\d]",
        "(?i:[^b])", "[]a]", "(?i:[B])"};
    if (depth > 0 && below(random_, 3) == 0) return "(?:" + choice(depth - 1) + ")";
    auto one = kItems[below(random_, std::size(kItems))];
    return one == "\\x2e" ? "\\." : one;
  }
  std::string repeat() {
    static const std::string kRepeats[] = {"",   "",  "",    "?",     "*",     "+?",  "{1,2}?",
                                           "??", "+", "{2}", "{1,3}", "{0,2}", "{2,}"};
    return kRepeats[below(random_, std::size(kRepeats))];
  }
  Random random_;
};

std::string why_refused(const std::string& pattern) {
  const auto shape = Shape::compile(pattern);
  return shape ? "" : shape.error().detail;
}

} // namespace

BOOST_AUTO_TEST_SUITE(shape)

BOOST_AUTO_TEST_CASE(every_format_agrees_with_re2) {
  Random random(1);
  for (const auto& format : test::formats_of_pack("secrets")) {
    const auto shape = Shape::compile(format.pattern);
    BOOST_TEST_REQUIRE(shape.has_value(), format.id << ": " << (shape ? "" : shape.error().detail));
    const auto re2 = test::re2_of(format.pattern);
    BOOST_TEST_REQUIRE(re2->ok(), format.id);
    for (int round = 0; round < 20; ++round) {
      const auto sample = test::sample_of(format.pattern, random);
      BOOST_TEST(compare(format.pattern, shape.value(), *re2, sample, 16) > 0U,
                 format.id << ": " << sample);
      compare(format.pattern, shape.value(), *re2, mutated(sample, random), 16);
      compare(format.pattern, shape.value(), *re2, sample + mutated(sample, random), 64);
    }
  }
}

// Personal data has no fixed beginning. Nothing of it may be taken for a shape that cannot be
// found.
BOOST_AUTO_TEST_CASE(what_compiles_of_personal_data_agrees_too) {
  Random random(2);
  for (const auto& format : test::formats_of_pack("pii")) {
    const auto shape = Shape::compile(format.pattern);
    const auto re2 = test::re2_of(format.pattern);
    BOOST_TEST(re2->ok(), format.id);
    if (!shape) continue;
    for (int round = 0; round < 20; ++round) {
      const auto sample = test::sample_of(format.pattern, random);
      BOOST_TEST(compare(format.pattern, shape.value(), *re2, sample, 1) > 0U);
    }
  }
}

BOOST_AUTO_TEST_CASE(random_patterns_agree_with_re2) {
  std::size_t compiled = 0, matches = 0;
  Patterns patterns(3);
  for (int i = 0; i < 4000; ++i) {
    const auto pattern = patterns.next();
    const auto re2 = test::re2_of(pattern);
    BOOST_TEST_REQUIRE(re2->ok(), pattern);
    const auto shape = Shape::compile(pattern);
    if (!shape) continue;
    ++compiled;
    for (int round = 0; round < 30; ++round) {
      std::string text;
      if (round % 3 != 0) {
        text = test::sample_of(pattern, patterns.random());
        if (round % 3 == 2) text = mutated(text, patterns.random());
      } else {
        text = below(patterns.random(), 2) == 0 ? "abb" : "aBA";
        for (int k = 0; k < 8; ++k) text += "abcAB_. 1]"[below(patterns.random(), 10)];
      }
      matches += compare(pattern, shape.value(), *re2, text, 1);
    }
  }
  BOOST_TEST(compiled > 1000U);
  BOOST_TEST(matches > 10'000U);
}

// A rule of a policy takes whole signs, as RE2 does of UTF-8.
BOOST_AUTO_TEST_CASE(random_patterns_of_signs_agree_with_re2) {
  const std::string signs[] = {"a", "b", "B", "\u00E4", "\u20AC", "\U0001F600", "\n", "1", "_"};
  std::size_t compiled = 0, matches = 0;
  Patterns patterns(5);
  for (int i = 0; i < 2000; ++i) {
    const auto pattern = patterns.next();
    // RE2 of 2022 forgets the free case of a class when it joins it with another: [a-b_]|(?i:[B]).
    if (pattern.find("(?i:[B])") != std::string::npos && pattern.find('|') != std::string::npos)
      continue;
    const RE2 re2(pattern, RE2::Quiet);
    BOOST_TEST_REQUIRE(re2.ok(), pattern);
    const auto shape = Shape::compile(pattern, {false, 0, true});
    if (!shape) continue;
    ++compiled;
    for (int round = 0; round < 20; ++round) {
      std::string text = below(patterns.random(), 2) == 0 ? "abb" : "aBA";
      std::vector<std::size_t> ends{text.size()}; // inside a sign nothing is compared
      for (int k = 0; k < 8; ++k) {
        text += signs[below(patterns.random(), std::size(signs))];
        ends.push_back(text.size());
      }
      const auto shapes = by_shape(shape.value(), text);
      for (std::size_t size = 0; size <= text.size(); ++size) {
        if (std::find(ends.begin(), ends.end(), size) == ends.end()) continue;
        matches += shapes[size].matches ? 1 : 0;
        BOOST_TEST((shapes[size] == by_re2(re2, std::string_view(text).substr(0, size))),
                   pattern << " on " << text.substr(0, size));
      }
    }
  }
  BOOST_TEST(compiled > 500U);
  BOOST_TEST(matches > 3'000U);
}

BOOST_AUTO_TEST_CASE(a_byte_is_what_re2_takes_it_for) {
  for (const std::string item :
       {"\\d",         "\\D",         "\\w",          "\\W",           "\\s",
        "\\S",         "\\n",         "\\r",          "\\t",           "\\.",
        "[^a]",        "[\\s\\S]",    "[a-]",         "[]x]",          "[^]x]",
        "(?i:k)",      "(?i:[^k])",   "(?i:\\W)",     "[\\]\\\\^]",    "[!-~]",
        "[+--]",       ".",           "(?s:.)",       "\\x41",         "\\x{fe}",
        "(?i:\\x6b)",  "\\f",         "\\v",          "\\a",           "[[:alnum:]]",
        "[[:alpha:]]", "[[:ascii:]]", "[[:blank:]]",  "[[:cntrl:]]",   "[[:digit:]]",
        "[[:graph:]]", "[[:lower:]]", "[[:print:]]",  "[[:punct:]]",   "[[:space:]]",
        "[[:upper:]]", "[[:word:]]",  "[[:xdigit:]]", "[[:^space:]x]", "(?i:[[:upper:]])",
        "(?i)[k]",     "((?i)k)"}) {
    const auto pattern = "abc" + item + "{2}";
    const auto re2 = test::re2_of(pattern);
    const auto shape = Shape::compile(pattern);
    BOOST_TEST_REQUIRE((re2->ok() && shape.has_value()), pattern);
    for (int c = 0; c < 256; ++c) {
      compare(pattern, shape.value(), *re2, "abc" + std::string(2, static_cast<char>(c)), 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_a_stream_cannot_hold_is_refused) {
  const auto has = [](const std::string& pattern, std::string_view why) {
    const auto detail = why_refused(pattern);
    BOOST_TEST(detail.find(why) != std::string::npos, pattern << ": " << detail);
  };
  has("abc[0-9]*x", "without bound");
  has("abc_(?P<secret>[0-9]+)x", "without bound");
  has("abc(?:xy)*z", "without bound");
  has("abc(?P<secret>[a-z]{4})[0-9]*x", "without bound");
  has("abc[0-9]{0,4}(?P<secret>[0-9]{4})", "inside (?P<secret>");
  has("abc(?P<secret>[0-9]{4,8})[0-9]", "inside (?P<secret>");
  has("ab", "at least three fixed bytes");
  has("", "at least three fixed bytes");
  has("ab?c?d?", "at least three fixed bytes");
  has("[0-9]{16}", "at least three fixed bytes");
  has("ab(?P<secret>cdefgh)", "at least three fixed bytes");
  has("(?:abc|d)[0-9]{4}", "at least three fixed bytes");
  has("abc(?:[0-9]{1000}){1000}", "too large");
  has("abc[^\\d\\D]", "nothing");
  BOOST_TEST(why_refused("abc[0-9]+") == "");
  BOOST_TEST(why_refused("abc_(?P<secret>[0-9]+)") == "");
}

BOOST_AUTO_TEST_CASE(a_fault_is_reported_at_its_byte) {
  const std::pair<std::string, int> table[] = {{"abc)", 4},
                                               {"abc(?:x", 8},
                                               {"(?abc)", 2},
                                               {"abc(?P<name>x)", 5},
                                               {"abc(?=x)", 5},
                                               {"abc*??", 6},
                                               {"abc**", 5},
                                               {"abc{2}{3}", 7},
                                               {"^abc", 1},
                                               {"abc$", 4},
                                               {"abc.**", 6},
                                               {"*abc", 1},
                                               {"abc[a", 6},
                                               {"abc[", 5},
                                               {"abc[b-a]", 8},
                                               {"abc[\\d-\\w", 10},
                                               {"abc\\", 5},
                                               {"abc\\b", 6},
                                               {"abc\\1", 6},
                                               {"abc{", 5},
                                               {"abc{x}", 5},
                                               {"abc{2", 6},
                                               {"abc{3,2}", 9},
                                               {"abc{1001}", 10},
                                               {"abc{1,1001}", 12},
                                               {"(?:(?P<secret>abc))", 15},
                                               {"(?P<secret>abc){2}", 19},
                                               {"(?P<secret>abc)(?P<secret>d)", 27}};
  for (const auto& [pattern, byte] : table) {
    const auto wanted = "byte " + std::to_string(byte) + ":";
    const auto detail = why_refused(pattern);
    BOOST_TEST(detail.find(wanted) != std::string::npos, pattern << ": " << detail);
  }
  std::string deep = "abc", end;
  for (int i = 0; i < 100'000; ++i) deep += "(?:", end += ")";
  BOOST_TEST(why_refused(deep + end).find("nested too deeply") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_hostile_pattern_ends_quickly) {
  std::string alternatives = "abc(?:x";
  for (int i = 0; i < 3000; ++i)
    alternatives += "|[a-" + std::string(1, char('b' + i % 20)) + "]{5}";
  std::string braids = "abc";
  for (int i = 0; i < 18; ++i) braids += "[ab]{0,1000}";
  std::string classes = "abc";
  for (int i = 0; i < 200; ++i) {
    classes += std::string("[^\\") + char('!' + i % 15) + "]{0,40}";
  }
  std::string anchors = "abc";
  for (int i = 0; i < 40; ++i) anchors += "[ab]";
  for (const std::string& pattern :
       {std::string("abc(?:(?:(?:a{1000}){1000}){1000}){1000}"),
        std::string("abc(?:(?:(?:){1000}){1000}){1000}"),
        std::string("abc(?:(?:(?:(?:a?){1000}){1000}){1000})"), std::string("abc(?:a*)*"),
        std::string("abc(?:a|a|a){0,1000}"), std::string("abc(?:[a-z]{0,40}[0-9]?){0,200}"),
        std::string("abc[ab]*a[ab]{20}"), std::string("abc(?:[ab]{0,60}a[ab]{0,60}){0,20}"),
        alternatives + ")", braids, classes, anchors, std::string("abc(?:[^a]{1,30}){1,30}"),
        std::string("abc[ -~]{0,30}a[ -~]{12}"), std::string("abc(?i:[a-z]?){0,1000}[0-9]{20}")}) {
    const auto begin = std::chrono::steady_clock::now();
    const auto shape = Shape::compile(pattern);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    BOOST_TEST(took.count() < 10.0, pattern.substr(0, 60) << " took " << took.count() << " s, "
                                                          << (shape ? "" : shape.error().detail));
  }
}

BOOST_AUTO_TEST_SUITE_END()

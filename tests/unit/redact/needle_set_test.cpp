// Both ways to look against a naive search: few and many needles, short and long, in both letter
// modes, and everything that can be said of a text that is cut off.
#include "policy/redact/needle_set.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace sluice::redact;
using Letters = NeedleSet::Letters;

namespace {

using Hit = std::pair<std::size_t, std::uint32_t>; // place, rule
using Hits = std::multiset<Hit>;

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

struct Set {
  Set(const std::vector<std::string>& texts, Letters mode) : letters(mode) {
    std::vector<Needle> made;
    for (const auto& text : texts) {
      Needle& one = made.emplace_back();
      one.text = mode == Letters::any_case ? lower(text) : text;
      one.rule = static_cast<std::uint32_t>(made.size() - 1);
      by_text.emplace(one.text, one.rule);
      sizes.insert(one.text.size());
    }
    needles = NeedleSet(std::move(made), mode);
  }
  Hits expected_at(const std::string& text, std::size_t at) const {
    Hits out;
    for (const auto size : sizes) {
      if (at + size > text.size()) break;
      const auto [from, to] = by_text.equal_range(text.substr(at, size));
      for (auto one = from; one != to; ++one) out.emplace(at, one->second);
    }
    return out;
  }
  bool may_go_on(const std::string& rest) const { // some needle is longer and begins so
    const auto next = by_text.upper_bound(rest);
    return next != by_text.end() && next->first.starts_with(rest);
  }

  Letters letters;
  std::multimap<std::string, std::uint32_t> by_text;
  std::set<std::size_t> sizes;
  NeedleSet needles;
};

void check(const Set& set, const std::string& text) {
  const auto plain = set.letters == Letters::any_case ? lower(text) : text;
  Hits expected, found;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto here = set.expected_at(plain, at);
    expected.insert(here.begin(), here.end());
    Hits matched;
    std::size_t last = 0;
    const auto rest = set.needles.match(std::string_view(text).substr(at), [&](const Needle& one) {
      BOOST_TEST_REQUIRE(one.text.size() >= last);
      last = one.text.size();
      matched.emplace(at, one.rule);
    });
    BOOST_REQUIRE(matched == here);
    if (!here.empty()) BOOST_REQUIRE(set.needles.may_begin(text.data() + at));
    // `open` may be said too often of one or two bytes, and never too seldom.
    if (set.may_go_on(plain.substr(at))) BOOST_REQUIRE(rest == NeedleSet::Rest::open);
    if (text.size() - at >= Needle::kLeast && !set.may_go_on(plain.substr(at))) {
      BOOST_REQUIRE(rest == NeedleSet::Rest::settled);
    }
  }
  set.needles.find_all(text,
                       [&](std::size_t at, const Needle& one) { found.emplace(at, one.rule); });
  BOOST_REQUIRE(found == expected);
}

std::string random_text(std::mt19937& random, std::size_t size, std::string_view alphabet) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i) {
    out += alphabet.empty() ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
  }
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(needle_set)

BOOST_AUTO_TEST_CASE(nothing_is_found_by_nothing) {
  const NeedleSet none;
  BOOST_TEST(none.empty());
  BOOST_TEST(none.longest() == 0U);
  none.find_all("text", [](std::size_t, const Needle&) { BOOST_FAIL("found"); });
  BOOST_TEST((none.match("text", [](const Needle&) {}) == NeedleSet::Rest::settled));
}

// Over few letters needles are beginnings, ends and parts of each other.
BOOST_AUTO_TEST_CASE(needles_that_overlap) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const bool is_long = round % 2 == 0;
    std::vector<std::string> texts;
    for (auto count = 1 + random() % 40; count-- > 0;) {
      texts.push_back(random_text(random, (is_long ? 11 : 3) + random() % 6, "ab"));
    }
    const Set set(texts, Letters::exact);
    std::string text = random_text(random, random() % 200, "ab");
    for (int i = 0; i < 3; ++i) text += texts[random() % texts.size()];
    check(set, text);
    const Set any(texts, Letters::any_case);
    check(any, random_text(random, 200, "abAB"));
  }
}

BOOST_AUTO_TEST_CASE(any_bytes) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> texts;
    const std::size_t least = round % 3 == 0 ? 3 : round % 3 == 1 ? 11 : 40;
    for (auto count = 1 + random() % 20; count-- > 0;) {
      texts.push_back(random_text(random, least + random() % 80, ""));
    }
    for (const auto letters : {Letters::exact, Letters::any_case}) {
      const Set set(texts, letters);
      std::string text;
      for (int i = 0; i < 10; ++i) {
        text += random_text(random, random() % 50, "");
        const auto& one = texts[random() % texts.size()];
        text += one.substr(0, random() % 3 == 0 ? random() % one.size() : one.size());
      }
      check(set, text);
    }
  }
}

BOOST_AUTO_TEST_CASE(from_one_to_twenty_thousand) {
  std::mt19937 random(3);
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (const std::size_t count : {1U, 2U, 10U, 100U, 1000U, 20'000U}) {
    for (const std::size_t least : {3U, 6U, 11U, 16U, 33U, 64U}) {
      std::vector<std::string> texts;
      for (std::size_t i = 0; i < count; ++i) {
        texts.push_back(random_text(random, least + random() % 30, kAlphabet));
      }
      if (count > 1) texts.back() = texts.front(); // two rules may look for one text
      const Set set(texts, Letters::exact);
      std::string text;
      for (int i = 0; i < 40; ++i) {
        text += random_text(random, random() % 40, kAlphabet);
        text += texts[random() % texts.size()];
      }
      check(set, text);
    }
  }
}

BOOST_AUTO_TEST_CASE(each_cut_of_a_needle_is_open) {
  const std::string secret = "correct-horse-battery-staple";
  const Set set({secret, "correct-h", "cow"}, Letters::exact);
  for (std::size_t size = 1; size <= secret.size(); ++size) check(set, secret.substr(0, size));
}

BOOST_AUTO_TEST_SUITE_END()

// Base64 folded at line ends: what a line end is, and that secrets and tokens are found over it
// wherever it stands and however the stream is cut.
#include "policy/redact/line_join.hpp"
#include "policy/redact/redactor.hpp"

#include "policy/base/bytes.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>

using namespace sluice;
using namespace sluice::redact;

namespace {

using Rules = std::shared_ptr<const RuleSet>;

Rules rules_with(std::vector<std::string> values, bool formats) {
  RuleSetConfig config;
  config.token_formats = formats;
  config.fingerprint_key = "run";
  for (const auto& value : values) {
    config.known.push_back({std::to_string(config.known.size()), Secret(value), false});
  }
  return RuleSet::build(config).value();
}

Redacted in_pieces(const Rules& rules, std::string_view text, std::size_t first,
                   std::size_t piece) {
  Redactor redactor(rules);
  Redacted out;
  for (auto size = first; !text.empty(); size = piece) {
    size = std::min(std::max<std::size_t>(size, 1), text.size());
    redactor.feed(text.substr(0, size), out.text);
    text.remove_prefix(size);
    BOOST_TEST_REQUIRE(redactor.held() <= rules->max_hold());
  }
  redactor.finish(out.text);
  out.findings = redactor.findings();
  return out;
}

std::string redacted(const Rules& rules, const std::string& text) {
  const auto whole = redact_whole(rules, text);
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    const auto two = in_pieces(rules, text, cut, text.size());
    BOOST_REQUIRE_MESSAGE(two.text == whole.text && two.findings == whole.findings,
                          "differs when cut at " << cut << ": " << text << "\n"
                                                 << two.text);
  }
  for (const std::size_t piece : {1U, 2U, 3U, 7U}) {
    const auto cut = in_pieces(rules, text, piece, piece);
    BOOST_REQUIRE_MESSAGE(cut.text == whole.text && cut.findings == whole.findings,
                          "differs in pieces of " << piece << ": " << text << "\n"
                                                  << cut.text);
  }
  return whole.text;
}

std::string folded(std::string_view base64, std::size_t width, std::string_view line_end) {
  std::string out;
  for (; base64.size() > width; base64.remove_prefix(width)) {
    out.append(base64.substr(0, width)).append(line_end);
  }
  return out.append(base64);
}

std::string filler(std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>('!' + i * 7 % 90);
  return out;
}

const std::string kLineEnds[] = {"\n",     "\r\n",  "\n  ",       "\r\n\t", "\\n",
                                 "\\r\\n", "\\\\n", "\\\\r\\\\n", "\\n    "};

} // namespace

BOOST_AUTO_TEST_SUITE(line_join)

BOOST_AUTO_TEST_CASE(what_a_line_end_is) {
  for (const auto& end : kLineEnds) {
    const auto found = line_end_at(end + "QUJD");
    BOOST_TEST((found.kind == LineEnd::Kind::whole), end);
    BOOST_TEST(found.length == end.size());
    for (std::size_t size = 0; size <= end.size(); ++size) {
      BOOST_TEST((line_end_at(end.substr(0, size)).kind == LineEnd::Kind::open), end);
    }
  }
  for (const std::string none :
       {"x", "\rx", " \n", "\\x", "\\t", "\\rx", "\\\\\\\\\\\\\\\\\\n", "=\n"}) {
    BOOST_TEST((line_end_at(none).kind == LineEnd::Kind::none), none);
  }
  const auto blank = line_end_at("\n" + std::string(100, ' '));
  BOOST_TEST(blank.length == 1 + LineEnd::kMostIndent);
}

BOOST_AUTO_TEST_CASE(lines_are_joined_and_places_kept) {
  const std::string line(64, 'A');
  const std::string text = "!" + line + "\r\n  " + line + "\\nBBB, next";
  const JoinedLines lines({text, 100}, 101, 1000);
  BOOST_TEST(lines.text() == line + line + "BBB");
  BOOST_TEST_REQUIRE(lines.lines() == 3U);
  BOOST_TEST((lines.ended(0) && lines.ended(1) && !lines.ended(2) && !lines.open()));
  BOOST_TEST(lines.place_at(0) == 101U);
  BOOST_TEST(lines.place_at(64) == 101U + 64 + 4);
  BOOST_TEST(lines.place_at(130) == 100 + text.find("BBB") + 2);
  // A short line ends the text, and so does a second line end.
  const std::string shorter = std::string(39, 'A') + "\nBBB", longer = line + "\n\nBBB";
  BOOST_TEST(JoinedLines({shorter, 0}, 0, 1000).lines() == 1U);
  BOOST_TEST(JoinedLines({longer, 0}, 0, 1000).text() == line);
}

BOOST_AUTO_TEST_CASE(a_known_secret_over_a_line_end) {
  const std::string secret = "correct-horse/battery+staple?42";
  const auto rules = rules_with({secret}, false);
  for (const auto& end : kLineEnds) {
    for (std::size_t before = 30; before < 62; ++before) {
      const auto text = folded(to_base64(filler(before) + secret + filler(20)), 76, end);
      const auto out = redacted(rules, "body: \"" + text + "\"");
      BOOST_TEST(out.find("[REDACTED:secret:0]") != std::string::npos, text << "\n" << out);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_long_secret_over_many_lines) {
  const std::string secret = filler(700);
  const auto rules = rules_with({secret}, false);
  for (const auto& end : {std::string("\n"), std::string("\\r\\n   ")}) {
    for (std::size_t before = 0; before < 3; ++before) {
      const auto text = folded(to_base64(filler(before) + secret + "12"), 64, end);
      const auto out = redacted(rules, text);
      BOOST_TEST(out.size() < 32U, out);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_token_over_a_line_end) {
  const auto rules = rules_with({}, true);
  const std::string token = "glpat-Ab3dE5gH7jK9mN1pQ2rS";
  for (const auto& end : kLineEnds) {
    for (std::size_t before = 24; before < 60; ++before) {
      const auto text = folded(to_base64(filler(before) + " " + token + " " + filler(20)), 76, end);
      const auto out = redacted(rules, "{\"body\": \"" + text + "\"}");
      BOOST_TEST(out.find("[REDACTED:gitlab-personal-access-token]") != std::string::npos,
                 before << ": " << text << "\n"
                        << out);
    }
  }
}

// Lines that are no base64 body: what follows is a text of its own.
BOOST_AUTO_TEST_CASE(a_short_line_is_no_fold) {
  const std::string secret = "correct-horse-battery";
  const auto rules = rules_with({secret}, false);
  const auto text = folded(to_base64(secret), 20, "\n");
  BOOST_TEST(redacted(rules, text) == text);
  const auto words = std::string("word\n") + to_base64(secret).substr(0, 10) + "\n\n" +
                     to_base64(secret).substr(10);
  BOOST_TEST(redacted(rules, words) == words);
}

// A candidate that waits for its end must not wait for ever while nothing but line ends comes.
BOOST_AUTO_TEST_CASE(endless_line_ends_are_not_held) {
  const auto rules = rules_with({"correct-horse-battery"}, true);
  const auto beginning = to_base64("x glpat-Ab3dE5gH7j correct-horse-batt");
  for (const std::string end : {"\n", "\r\n", "\\n", "\n ", "\\", " "}) {
    Redactor redactor(rules);
    std::string text = beginning + beginning, out;
    for (int i = 0; i < 5000; ++i) text += end;
    for (std::size_t at = 0; at < text.size(); at += 5) {
      redactor.feed(std::string_view(text).substr(at, 5), out);
      BOOST_TEST_REQUIRE(redactor.held() < 400U);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

// Redaction: formats, known secrets in every encoding, overlaps, blocks, and that nothing depends
// on cuts.
#include "policy/redact/redactor.hpp"
#include "policy/redact/secret_encodings.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <thread>

using namespace sluice;
using redact::RuleSet;

namespace {

using Rules = std::shared_ptr<const RuleSet>;

Rules rules_with(std::vector<std::string> values, bool formats = true) {
  redact::RuleSetConfig config;
  config.token_formats = formats;
  config.fingerprint_key = "run";
  for (std::size_t i = 0; i < values.size(); ++i) {
    config.known.push_back({"s" + std::to_string(i), Secret(values[i]), false});
  }
  return RuleSet::build(config).value();
}

struct Result2 {
  std::string text;
  redact::Findings findings;
  bool operator==(const Result2&) const = default;
};

Result2 in_pieces(const Rules& rules, const std::string& text,
                  const std::function<std::size_t()>& size) {
  redact::Redactor redactor(rules);
  Result2 out;
  for (std::size_t at = 0; at < text.size();) {
    const auto n = std::min(size(), text.size() - at);
    redactor.feed(std::string_view(text).substr(at, n), out.text);
    at += n;
  }
  redactor.finish(out.text);
  out.findings = redactor.findings();
  return out;
}

// Whole, byte by byte and in random pieces: the same output and findings, or the harness fails.
std::string redacted(const Rules& rules, const std::string& text) {
  const auto whole = in_pieces(rules, text, [&] { return text.size(); });
  BOOST_CHECK(in_pieces(rules, text, [] { return std::size_t{1}; }) == whole);
  const auto at_once = redact::redact_whole(rules, text);
  BOOST_CHECK((Result2{at_once.text, at_once.findings} == whole));
  std::mt19937 random(7);
  for (int i = 0; i < 20; ++i) {
    BOOST_CHECK(in_pieces(rules, text, [&] { return std::size_t{1 + random() % 9}; }) == whole);
  }
  return whole.text;
}

std::string body(std::size_t n, std::string_view alphabet) {
  std::string out;
  std::mt19937 random(42);
  for (std::size_t i = 0; i < n; ++i) out += alphabet[random() % alphabet.size()];
  return out;
}

const std::string kHexDigits = "0123456789abcdef";
const std::string kMixed = "Ab3dE5gH7jK9mN1pQ2rS4tU6vW8x";

} // namespace

BOOST_AUTO_TEST_SUITE(redactor)

BOOST_AUTO_TEST_CASE(tokens_are_told_apart_by_their_fingerprints) {
  const auto rules = rules_with({});
  const auto finding = [&](const std::string& text, std::size_t piece) {
    return in_pieces(rules, text, [&] { return piece; }).findings;
  };
  const std::string one = "a AKIAIOSFODNN7EXAMPLQ b ", other = "a AKIA2OGYBAH6SLUICEQS b ";
  BOOST_CHECK(finding(one, 3) == redact::redact_whole(rules, one).findings);
  BOOST_CHECK(finding(one, 3) == finding(one, one.size()));
  BOOST_CHECK(!(finding(one, 3) == finding(other, 3)));
}

BOOST_AUTO_TEST_CASE(the_prefix_stays_and_the_secret_does_not) {
  const auto rules = rules_with({});
  struct Row {
    std::string rule, prefix, secret;
  };
  const Row table[] = {
      {"aws-access-key-id", "AKIA", "2OGYBAH6SLUICEQS"},
      {"github-token", "ghp_", body(36, kMixed)},
      {"gitlab-personal-access-token", "glpat-", body(20, kMixed)},
      {"anthropic-api-key", "sk-ant-", "api03-" + body(93, kMixed) + "AA"},
      {"google-api-key", "AIza", body(35, kMixed)},
      {"npm-access-token", "npm_", body(36, kMixed)},
      {"digitalocean-token", "dop_v1_", body(64, kHexDigits)},
      {"jwt", "eyJ", body(20, kMixed) + ".eyJ" + body(30, kMixed) + "." + body(20, kMixed)},
  };
  for (const auto& [rule, prefix, secret] : table) {
    for (const auto& [before, after] :
         {std::pair{"", ""}, {"key=", " end"}, {"\"k\":\"", "\"}"}, {"x\\n", "\\n"}}) {
      const auto out = redacted(rules, before + prefix + secret + after);
      BOOST_TEST(out == before + prefix + "[REDACTED:" + rule + "]" + after);
    }
    const auto beginning = (prefix + secret).substr(0, 12); // too short to be one
    BOOST_TEST(redacted(rules, beginning) == beginning);
  }
}

BOOST_AUTO_TEST_CASE(a_longer_token_leaves_no_tail) {
  const auto rules = rules_with({});
  BOOST_TEST(redacted(rules, "a ghp_" + body(200, kMixed) + " b") ==
             "a ghp_[REDACTED:github-token] b");
}

BOOST_AUTO_TEST_CASE(ordinary_text_is_untouched) {
  const auto rules = rules_with({"correct horse battery"});
  for (const std::string text :
       {"", "the task-list is in skeleton.hf_x", "AKIA is a prefix", "eyJ alone. eyJ",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"}) {
    BOOST_TEST(redacted(rules, text) == text);
  }
}

BOOST_AUTO_TEST_CASE(known_secret_in_every_encoding) {
  const std::string secret = "p@ss/w\"rd <42>\\x";
  const auto rules = rules_with({secret}, false);
  for (const auto& form : redact::encodings_of(secret, 6)) {
    const auto out = redacted(rules, "left " + form + " right");
    BOOST_TEST(out == "left [REDACTED:secret:s0] right", form);
  }
}

BOOST_AUTO_TEST_CASE(known_secret_in_hexadecimal_of_any_case) {
  const std::string secret = "Kokosnuss-jklmno", hex = "4b6f6b6f736e7573732d6a6b6c6d6e6f";
  const auto rules = rules_with({secret}, false);
  std::mt19937 random(3);
  for (int i = 0; i < 50; ++i) {
    auto mixed = hex;
    for (char& c : mixed) c = static_cast<char>(random() % 2 == 0 ? std::toupper(c) : c);
    BOOST_TEST(redacted(rules, "f" + mixed + "0") == "f[REDACTED:secret:s0]0", mixed);
    BOOST_TEST(redact::redact_whole(rules, mixed).findings.total() == 1U);
  }
  BOOST_TEST(redacted(rules, "KOKOSNUSS-jklmno") == "KOKOSNUSS-jklmno");
}

// What stands beside a secret may look like a part of a disguise together with its first or last
// bytes: as it is written it is found all the same.
BOOST_AUTO_TEST_CASE(a_known_secret_glued_to_half_a_disguise) {
  const auto rules = rules_with(
      {"41bcdef0123456789abcdef012345678", "Abracadabra-Zulu", "hunter2pass%",
       "\xD0\x9C\xD0\xBE\xD1\x80\xD0\xBA\xD0\xBE\xD0\xB2\xD1\x8C-2024-\xD0\xA0\xD0\x9E\xD0\xA2"});
  const std::string cyrillic =
      "\xD0\x9C\xD0\xBE\xD1\x80\xD0\xBA\xD0\xBE\xD0\xB2\xD1\x8C-2024-\xD0\xA0\xD0\x9E\xD0\xA2";
  const std::pair<std::string, std::string> rows[] = {
      {"100%41bcdef0123456789abcdef012345678", "100%[REDACTED:secret:s0]"},
      {"%4Abracadabra-Zulu", "%4[REDACTED:secret:s1]"},
      {"\\u004Abracadabra-Zulu", "\\u004[REDACTED:secret:s1]"},
      {"hunter2pass%41", "[REDACTED:secret:s2]41"},
      {"\"a\\n" + cyrillic + "\"", "\"a\\n[REDACTED:secret:s3]\""},
      {"x" + cyrillic + "x", "x[REDACTED:secret:s3]x"},
  };
  for (const auto& [text, expected] : rows) BOOST_TEST(redacted(rules, text) == expected);
}

BOOST_AUTO_TEST_CASE(a_plain_token_absorbs_no_coded_one) {
  const auto out =
      redacted(rules_with({}),
               "eyJiJub25lIn0aa.eyJleGFtcGxl9.ZXlKaGJHY2lPaUp1YjI1bEluMC5leUp6ZFdJaU9pSlRSVU5TU"
               "lZRdFUxVkNTa1ZE\nVkMwd01USXpORFUyTnpnNUluMC5jMmxuYm1GMGRYSmw=\n");
  BOOST_TEST(out == "eyJ[REDACTED:jwt]=\n");
}

// An even number of backslashes ends no escape: the string ends, and with it the key.
BOOST_AUTO_TEST_CASE(a_private_key_ends_with_its_string) {
  const auto rules = rules_with({});
  const std::string begin = "{\"k\":\"-----BEGIN PRIVATE KEY-----";
  const std::string masked = "{\"k\":\"-----BEGIN [REDACTED:pem-private-key]";
  BOOST_TEST(redacted(rules, begin + "\\\\\",\"b\":1}") == masked + "\",\"b\":1}");
  BOOST_TEST(redacted(rules, begin + "\\\"MII\",\"b\":1}") == masked + "\",\"b\":1}");
}

BOOST_AUTO_TEST_CASE(one_secret_one_fingerprint) {
  const auto rules = rules_with({"correct-horse"}, false);
  std::string text;
  for (const auto& form : redact::encodings_of("correct-horse", 6)) text += form + " | ";
  const auto found = redact::redact_whole(rules, text).findings;
  BOOST_TEST(found.all().size() == 1U);
  BOOST_TEST(found.all().front().fingerprint.size() == 16U);
}

BOOST_AUTO_TEST_CASE(overlapping_secrets_leave_no_tail) {
  const auto rules = rules_with({"abcdefgh", "efghijkl", "ghijklmnop"}, false);
  BOOST_TEST(redacted(rules, "-abcdefghijklmnop-") == "-[REDACTED:secret:s0]-");
  BOOST_TEST(redact::redact_whole(rules, "abcdefghijklmnop").findings.total() == 3U);
}

BOOST_AUTO_TEST_CASE(private_keys_are_swallowed_whole) {
  const auto rules = rules_with({});
  const std::string begin = "-----BEGIN RSA PRIVATE KEY-----",
                    end = "-----END RSA PRIVATE KEY-----";
  BOOST_TEST(redacted(rules, "a " + begin + "\nMIIE" + body(900, kMixed) + "\n" + end + " b") ==
             "a -----BEGIN [REDACTED:pem-private-key] b");
  BOOST_TEST(redacted(rules, "{\"k\":\"" + begin + "\\nMIIE\",\"n\":1}") ==
             "{\"k\":\"-----BEGIN [REDACTED:pem-private-key]\",\"n\":1}");
  BOOST_TEST(redacted(rules, begin + body(100, kMixed)) ==
             "-----BEGIN [REDACTED:pem-private-key]"); // no END: closed
}

// A whole header inside a block begins the block anew, and is not counted: however the bytes are
// cut, the same is found. One that the block ends in is another key.
BOOST_AUTO_TEST_CASE(a_header_inside_a_private_key_is_part_of_it) {
  const auto rules = rules_with({});
  const std::string begin = "-----BEGIN RSA PRIVATE KEY-----", masked = "-----BEGIN [REDACTED:"
                                                                        "pem-private-key]";
  const std::string filler = body(300, kMixed);
  struct Row {
    std::string text, expected;
    std::uint64_t keys;
  };
  const Row rows[] = {
      {"\"" + begin + "3+7@.q" + filler + "469" + begin + filler + "\" b", "\"" + masked + "\" b",
       1},
      {begin + "a" + begin + "END X-----\nMIIE\n-----END X----- b", masked + " b", 1},
      {begin + "a-----END" + begin + "MIIE-----END X----- b",
       masked + "BEGIN [REDACTED:pem-private-key] b", 2},
  };
  for (const auto& [text, expected, keys] : rows) {
    BOOST_TEST(redacted(rules, text) == expected);
    for (std::size_t first = 1; first < text.size(); ++first) {
      redact::Redactor redactor(rules);
      std::string out;
      redactor.feed(text.substr(0, first), out);
      redactor.feed(text.substr(first), out);
      redactor.finish(out);
      BOOST_TEST(out == expected);
      BOOST_TEST(redactor.findings().total() == keys, first << " bytes first of: " << text);
    }
  }
}

// As a notebook has it, as settings have it, and what only looks like it. The document stays one.
BOOST_AUTO_TEST_CASE(a_private_key_as_a_list_of_strings) {
  const auto rules = rules_with({});
  const std::string begin = "-----BEGIN RSA PRIVATE KEY-----",
                    end = "-----END RSA PRIVATE KEY-----";
  const std::string masked = "[1, [\"-----BEGIN [REDACTED:pem-private-key]";
  const std::string line = body(64, kMixed);
  const std::pair<std::string, std::string> rows[] = {
      {"\\n\",\n    \"" + line + "\\n\",\n    \"" + line + "\\n\",\n    \"ab==\\n\",\n    \"" +
           end + "\\n\",\n \"x\"]]",
       "\\n\",\n \"x\"]]"},
      {"\",\"" + line + "\",\"ab==\",\"" + end + "\",\"x\"]]", "\",\"x\"]]"},
      {"\", \"" + body(1600, kMixed) + "\", \"" + end + "\"]]", "\"]]"},
      {"\\n\", \"Proc-Type: 4,ENCRYPTED\\n\", \"DEK-Info: AES-128-CBC,6AB\\n\", \"\\n\", \"" +
           line + "\\n\", \"" + end + "\\n\"]]",
       "\\n\"]]"},
      {"\\n\", \"" + line + "\" ]]", "\" ]]"},                 // its end is missing
      {"\\n\", \"" + line + "\", \"a b\"]]", "\", \"a b\"]]"}, // something else follows
      {"\", \"a b\"]]", "\", \"a b\"]]"},
      {"\", 1]]", "\", 1]]"},
      {"\"], {\"name\": 1}]", "\"], {\"name\": 1}]"},
  };
  for (const auto& [text, rest] : rows) {
    BOOST_TEST(redacted(rules, "[1, [\"" + begin + text) == masked + rest);
  }
  BOOST_TEST(redacted(rules, "{\"k\":\"" + begin + "\", \"MIIE\" : \"MIIE\"}") ==
             "{\"k\":\"-----BEGIN [REDACTED:pem-private-key]\", \"MIIE\" : \"MIIE\"}");
}

BOOST_AUTO_TEST_CASE(a_list_of_key_lines_is_not_buffered) {
  const auto rules = rules_with({});
  redact::Redactor redactor(rules);
  std::string out;
  redactor.feed("[\"-----BEGIN PRIVATE KEY-----\\n\"", out);
  for (int i = 0; i < 100; ++i) {
    redactor.feed(",\n \"" + body(64, kMixed), out);
    BOOST_TEST(redactor.held() <= 70U);
    redactor.feed("\\n\"", out);
    BOOST_TEST(redactor.held() <= 1U);
  }
  redactor.feed(", \"-----END PRIVATE KEY-----\\n\"]", out);
  redactor.finish(out);
  BOOST_TEST(out == "[\"-----BEGIN [REDACTED:pem-private-key]\\n\"]");
  BOOST_TEST(redactor.findings().total() == 1U);
}

BOOST_AUTO_TEST_CASE(clean_text_is_not_delayed) {
  const auto rules = rules_with({"correct-horse"});
  redact::Redactor redactor(rules);
  std::string out;
  std::size_t delayed = 0;
  const std::string words = "The quick brown fox jumps over the lazy dog and says so. ";
  for (int i = 0; i < 1000; ++i) {
    redactor.feed("data: {\"choices\":[{\"delta\":{\"content\":\"" +
                      words.substr(static_cast<std::size_t>(i) % 50, 5) + "\"}}]}\n\n",
                  out);
    if (redactor.held() > 0) ++delayed;
  }
  BOOST_TEST(delayed == 0U);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_a_rule_is_refused) {
  redact::RuleSetConfig config;
  config.known.push_back({"short", Secret("abc"), false});
  BOOST_TEST(!RuleSet::build(config).has_value());
  config.known.clear();
  config.placeholder = "AKIA2OGYBAH6"
                       "SLUICEQS";
  BOOST_TEST(!RuleSet::build(config).has_value());
  config.placeholder = "a\nb";
  BOOST_TEST(!RuleSet::build(config).has_value());
}

// A thread's first text stands in memory of just its size: ASan sees one byte read too many.
BOOST_AUTO_TEST_CASE(nothing_beyond_the_text_is_read) {
  const auto rules = rules_with({});
  for (std::size_t size = 31; size < 31 + 70; ++size) {
    for (const std::string_view end : {"", "-", "-a", "-ab", "-sk-"}) {
      const std::string text = std::string(size - end.size() - 1, 'a') + "1" + std::string(end);
      std::thread([&] {
        BOOST_TEST(redact::redact_whole(rules, "AKIA " + text).text == "AKIA " + text);
      }).join();
    }
  }
}

BOOST_AUTO_TEST_CASE(length_can_be_kept) {
  redact::Redactor redactor(rules_with({"abcdefgh"}, false), redact::Redactor::Mask::keep_length);
  std::string out;
  redactor.feed("1 abcd", out);
  redactor.feed("efgh 2", out);
  redactor.finish(out);
  BOOST_TEST(out == "1 ******** 2");
}

// Raw TCP: a reader may wait for bytes that could begin a secret.
BOOST_AUTO_TEST_CASE(what_is_released_comes_out_once_and_the_rest_is_masked) {
  const std::string text = "say abcdefgh and abcdefgX";
  const std::string masked = "say ******** and abcdefgX";
  for (std::size_t first = 1; first < text.size(); ++first) {
    for (std::size_t second = first; second < text.size(); ++second) {
      redact::Redactor redactor(rules_with({"abcdefgh"}, false),
                                redact::Redactor::Mask::keep_length);
      std::string out;
      redactor.feed(text.substr(0, first), out);
      redactor.release(out);
      BOOST_TEST(redactor.held() == 0U);
      BOOST_TEST(out ==
                 text.substr(0, first).substr(0, 4) + out.substr(std::min<std::size_t>(4, first)));
      BOOST_TEST(out.size() == first);
      redactor.feed(text.substr(first, second - first), out);
      redactor.release(out);
      BOOST_TEST(out.size() == second);
      redactor.feed(text.substr(second), out);
      redactor.finish(out);
      BOOST_REQUIRE(out.size() == text.size());
      for (std::size_t i = 0; i < out.size(); ++i) {
        // Each byte is as sent or masked, and none is masked that belongs to no secret.
        BOOST_TEST((out[i] == text[i] || (out[i] == '*' && masked[i] == '*')));
      }
      const bool cut_inside = (first > 4 && first < 12) || (second > 4 && second < 12);
      if (!cut_inside) BOOST_TEST(out == masked);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

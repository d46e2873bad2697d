// The engine against the oracle, on mixtures of secrets, near misses, codings, escapes and line
// ends, under random cuts and in both masks.
#include "policy/base/bytes.hpp"
#include "policy/redact/redactor.hpp"
#include "policy/redact/secret_encodings.hpp"

#include "tests/property/redaction_oracle.hpp"

#include <boost/test/unit_test.hpp>

using namespace sluice;
using test::below;
using test::Random;

namespace {

const std::vector<std::string> kKnown = {"correct-horse/battery", "p@ss/w\"rd <42>\\x", "abcabc",
                                         "hunter2!", "0123456789abcdef0123456789abcdef01234567"};

std::shared_ptr<const redact::RuleSet> rules() {
  static const auto built = [] {
    redact::RuleSetConfig config;
    for (const auto& value : kKnown) {
      config.known.push_back({std::to_string(config.known.size()), Secret(value), false});
    }
    config.fingerprint_key = "run";
    return redact::RuleSet::build(config).value();
  }();
  return built;
}

class Mixture {
 public:
  explicit Mixture(unsigned seed) : random_(seed), formats_(test::formats_of_pack("secrets")) {}

  std::string next() {
    std::string out;
    for (auto pieces = 1 + below(random_, 5); pieces-- > 0;) {
      out += separator();
      out += disguised(coded(piece()));
    }
    return out + separator();
  }
  Random& random() { return random_; }

 private:
  std::string piece() {
    switch (below(random_, 7)) {
    case 0: return kKnown[below(random_, kKnown.size())];
    case 1: {
      const auto& secret = kKnown[below(random_, kKnown.size())];
      auto forms = redact::encodings_of(secret, 6);
      forms.push_back(to_hex(secret));
      for (char& c : forms.back())
        c = static_cast<char>(below(random_, 2) > 0 ? std::toupper(c) : c);
      return forms[below(random_, forms.size())];
    }
    case 2: { // a near miss
      auto text = token();
      text.erase(below(random_, text.size()), 1 + below(random_, 3));
      return text;
    }
    case 3: { // two in one
      const auto text = token(), other = token();
      return text.substr(0, below(random_, text.size())) + other;
    }
    case 4: return key_list();
    default: return token();
    }
  }
  std::string token() {
    return test::sample_of(formats_[below(random_, formats_.size())].pattern, random_);
  }

  // A private key as a list of strings, or nearly.
  std::string key_list() {
    static const std::string kBetween[] = {"\\n\",\n    \"", "\",\"", "\\n\" , \"", "\", \"",
                                           "\" : \"",        "\",",   "\\\", \""};
    static const std::string kLines[] = {"-----END PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED",
                                         "two words", "-----BEGIN PRIVATE KEY-----", ""};
    std::string out = "[\"-----BEGIN PRIVATE KEY-----";
    const auto& usual = kBetween[below(random_, 4)];
    for (auto lines = below(random_, 6); lines-- > 0;) {
      out += below(random_, 5) > 0 ? usual : kBetween[below(random_, std::size(kBetween))];
      out += below(random_, 4) > 0 ? to_base64(filler(below(random_, 110)))
                                   : kLines[below(random_, std::size(kLines))];
    }
    return out + (below(random_, 2) > 0 ? "\\n\"]" : "\", 1]");
  }

  std::string coded(const std::string& text) {
    std::string around = filler(below(random_, 4));
    switch (below(random_, 8)) {
    case 0: return to_base64(around + text + filler(below(random_, 6)));
    case 1: {
      auto url = to_base64(around + " " + text);
      for (char& c : url) c = c == '+' ? '-' : c == '/' ? '_' : c;
      return url.substr(0, url.find('='));
    }
    case 2: return to_hex(around + text);
    case 3: {
      auto hex = to_hex(text);
      for (char& c : hex) c = static_cast<char>(std::toupper(c));
      return hex;
    }
    case 4:
      return folded(to_base64(filler(10 + below(random_, 60)) + text + filler(below(random_, 60))));
    default: return text;
    }
  }
  std::string folded(std::string text) {
    static const std::string kEnds[] = {"\n",    "\r\n", "\\n",  "\\r\\n", "\n    ",
                                        "\\\\n", "\n\t", "\n\n", "\\"};
    const auto width = 36 + below(random_, 41);
    const auto& end = kEnds[below(random_, std::size(kEnds))];
    std::string out;
    for (; text.size() > width; text.erase(0, width)) out += text.substr(0, width) + end;
    return out + text;
  }
  std::string disguised(const std::string& text) {
    const auto kind = below(random_, 12);
    std::string out;
    for (const char c : text) {
      const auto hex = to_hex({&c, 1});
      if (kind > 5 || below(random_, 3) != 0) {
        out += c;
      } else if (kind == 0) {
        out += "\\u00" + hex;
      } else if (kind == 1) {
        out += "%" + hex;
      } else if (kind == 2) {
        out += "&#" + std::to_string(static_cast<unsigned char>(c)) + ";";
      } else if (kind == 3) {
        out += std::string("\xE2\x80\x8B") + c;
      } else if (kind == 4) {
        out += "\\\\u00" + hex;
      } else {
        out += "%25" + hex;
      }
    }
    return out;
  }
  std::string filler(std::size_t size) {
    std::string out;
    for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(' ' + below(random_, 95));
    return out;
  }
  std::string separator() {
    static const std::string kAll[] = {
        "",      " ",        "\n",      "\\n",        "\"",
        "\\\"",  "=",        ":",       "key=",       "a",
        "_",     "%0A",      "\\u000a", "{\"k\": \"", "\"}",
        "'",     "&",        "word ",   "://",        "https://",
        "-----", "\xD0\xB0", "==",      ".",          "Authorization: Bearer "};
    return kAll[below(random_, std::size(kAll))];
  }

  Random random_;
  std::vector<test::PackFormat> formats_;
};

struct Got {
  std::string text;
  redact::Findings findings;
};

Got in_pieces(std::string_view text, redact::Redactor::Mask mask, Random& random,
              std::size_t longest) {
  redact::Redactor redactor(rules(), mask);
  Got out;
  while (!text.empty()) {
    const auto piece = text.substr(0, 1 + below(random, longest));
    redactor.feed(piece, out.text);
    text.remove_prefix(piece.size());
    BOOST_TEST_REQUIRE(redactor.held() <= rules()->max_hold());
  }
  redactor.finish(out.text);
  out.findings = redactor.findings();
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_engine_agrees_with_the_oracle) {
  using Mask = redact::Redactor::Mask;
  const test::Oracle oracle(test::formats_of_pack("secrets"), kKnown);
  Mixture mixture(11);
  std::size_t masked = 0, wrong = 0;
#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
  constexpr int kTexts = 150; // a sanitizer takes ten times as long
#else
  constexpr int kTexts = 1000;
#endif
  for (int i = 0; i < kTexts && wrong < 5; ++i) {
    const auto text = mixture.next();
    const auto expected = oracle.redact(text);
    masked += expected.placeholders != text ? 1 : 0;
    redact::Findings first;
    for (const std::size_t longest :
         {std::size_t{1} << 20, std::size_t{1}, std::size_t{5}, std::size_t{60}}) {
      const auto named = in_pieces(text, Mask::placeholder, mixture.random(), longest);
      const auto starred = in_pieces(text, Mask::keep_length, mixture.random(), longest);
      const bool same = named.text == expected.placeholders && starred.text == expected.stars;
      if (!same) ++wrong;
      BOOST_TEST(same, "pieces up to " << longest << " of: " << text << "\nexpected "
                                       << expected.placeholders << "\ngot      " << named.text
                                       << "\nstars    " << starred.text);
      if (longest > 1000) first = named.findings;
      BOOST_TEST((named.findings == first && starred.findings == first),
                 "findings depend on cuts: " << text);
      if (!same) break;
    }
    std::map<std::string, std::uint64_t> known;
    for (const auto& one : first.all()) {
      if (one.rule.starts_with("secret:")) {
        known[one.rule] += one.count;
      } else {
        BOOST_TEST(expected.rules.contains(one.rule), one.rule << " was found in: " << text);
      }
    }
    BOOST_TEST((known == expected.known), "known secrets are counted otherwise: " << text);
  }
  BOOST_TEST(masked > static_cast<std::size_t>(kTexts) / 2);
}

// What is found: every token format and random known secrets, in every coding of the specification,
// in every place where agents put secrets. Prints the share found; what is claimed must be kept.
#include "policy/base/bytes.hpp"
#include "policy/redact/packs.hpp"
#include "policy/redact/redactor.hpp"

#include "tests/property/recall_codings.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <map>

using namespace sluice;
using test::below;
using test::Random;

namespace {

struct Tally {
  std::size_t found = 0, tried = 0;
  std::map<std::string, std::string> missed; // by place or id: an example
};

std::string in_pieces(const std::shared_ptr<const redact::RuleSet>& rules, std::string_view text,
                      Random& random) {
  redact::Redactor redactor(rules, redact::Redactor::Mask::keep_length);
  std::string out;
  while (!text.empty()) {
    const auto piece = text.substr(0, 1 + below(random, 40));
    redactor.feed(piece, out);
    text.remove_prefix(piece.size());
  }
  redactor.finish(out);
  return out;
}

// At least as many bytes are masked as the secret has; stars of its own are none.
bool is_masked(const std::string& out, const std::string& text, const std::string& coded,
               std::size_t secret) {
  const auto stars = [](const std::string& in) {
    return static_cast<std::size_t>(std::count(in.begin(), in.end(), '*'));
  };
  return out != text && stars(out) + stars(coded) >= stars(text) + secret;
}

void report(const char* what, const std::map<std::string, Tally>& tallies) {
  for (const auto& [coding, tally] : tallies) {
    std::printf("recall, %s, %-24s %zu of %zu\n", what, coding.c_str(), tally.found, tally.tried);
    std::size_t shown = 0;
    for (const auto& [id, text] : tally.missed) {
      if (shown++ == 12) break;
      std::printf("    missed: %s: %s\n", id.c_str(), text.substr(0, 220).c_str());
    }
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(known_secrets_are_all_found) {
  Random random(5);
  std::vector<std::string> secrets;
  while (secrets.size() < 50) secrets.push_back(test::random_secret(random, secrets.size()));
  redact::RuleSetConfig config;
  config.token_formats = false;
  for (const auto& value : secrets) {
    config.known.push_back({std::to_string(config.known.size()), Secret(value), false});
  }
  const auto rules = redact::RuleSet::build(config).value();
  std::map<std::string, Tally> tallies;
  for (const auto& coding : test::codings()) {
    Tally& tally = tallies[coding.name];
    for (const auto& secret : secrets) {
      for (const auto& place : test::places()) {
        const auto coded = coding.apply(secret, random);
        const auto text = place.apply(coded);
        const auto out = in_pieces(rules, text, random);
        ++tally.tried;
        const bool found = is_masked(out, text, coded, secret.size());
        tally.found += found ? 1 : 0;
        if (!found)
          tally.missed.emplace(std::string(place.name) + " " + secret, text + " -> " + out);
      }
    }
  }
  report("known", tallies);
  for (const auto& [coding, tally] : tallies) BOOST_TEST(tally.found == tally.tried, coding);
}

BOOST_AUTO_TEST_CASE(token_formats_are_found) {
  Random random(6);
  const auto rules = redact::RuleSet::build({}).value();
  std::map<std::string, Tally> tallies;
  std::map<std::string, bool> has_coded_anchors;
  for (const auto& format : redact::secrets_pack()) {
    const auto& anchors = format->shape.anchors();
    constexpr std::size_t kMostCoded = 24; // see rule_set.cpp
    has_coded_anchors[format->id] =
        anchors.size() <= kMostCoded &&
        std::none_of(anchors.begin(), anchors.end(), [](const auto& one) { return one.any_case; });
  }
  std::size_t by_name = 0;
  for (const auto& format : test::formats_of_pack("secrets")) {
    const auto token = test::valid_token(format, random);
    BOOST_TEST_REQUIRE(!token.text.empty(), format.id << " has no valid sample");
    const bool coded_too = has_coded_anchors.at(format.id);
    by_name += coded_too ? 0 : 1;
    for (const auto& coding : test::codings()) {
      if (coding.opaque && !coded_too) continue;
      Tally& tally = tallies[coding.name];
      for (const auto& place : test::places()) {
        const auto coded = coding.apply(token.text, random);
        const auto text = place.apply(coded);
        const auto out = in_pieces(rules, text, random);
        ++tally.tried;
        const bool found = is_masked(out, text, coded, token.secret);
        tally.found += found ? 1 : 0;
        if (!found) tally.missed.emplace(format.id + " " + place.name, text + " -> " + out);
      }
    }
  }
  std::printf("%zu formats are known by a name in any case, and not claimed in base64 and hex\n",
              by_name);
  report("formats", tallies);
  for (const auto& [coding, tally] : tallies) {
    BOOST_TEST(static_cast<double>(tally.found) >= 0.99 * static_cast<double>(tally.tried), coding);
  }
}

// Tokens under every cut: what a stream makes and what it puts back is a function of the bytes
// alone, and putting back gives what was there. Texts are made of what is near a token or a secret.
#include "policy/base/bytes.hpp"
#include "policy/redact/redactor.hpp"
#include "policy/redact/token_vault.hpp"
#include "tests/support/own_rule.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace sluice;
using namespace sluice::redact;

namespace {

using test::own_rule;

std::shared_ptr<const RuleSet> rules_of(std::vector<UserRule> own,
                                        const std::shared_ptr<TokenVault>& vault) {
  RuleSetConfig config;
  config.rules = std::move(own);
  config.token_formats = false;
  config.fingerprint_key = "run";
  config.placeholder = "<{rule}>";
  config.vault = vault;
  return RuleSet::build(config).value();
}

Scope scope_of(bool restores) {
  auto out = Scope::in_call(Place::request_body, false).written_as(Escape::text);
  out.restores = restores;
  return out;
}

using Random = std::mt19937;

std::string text_of(const std::vector<std::string>& parts, Random& random,
                    std::string_view between = "") {
  std::string out;
  for (auto count = 1 + random() % 8; count > 0; --count) {
    const std::string& part = parts[random() % parts.size()];
    const auto from = random() % 4 == 0 ? random() % part.size() : 0;
    out += part.substr(from, random() % 4 == 0 ? random() % part.size() : std::string::npos);
    out += between;
  }
  return out;
}

Redacted in_pieces(const std::shared_ptr<const RuleSet>& rules, std::string_view text, Scope scope,
                   Random& random) {
  Redactor redactor(rules, Redactor::Mask::placeholder, scope);
  Redacted out;
  while (!text.empty()) {
    const auto size = std::min<std::size_t>(text.size(), 1 + random() % (1U << random() % 6));
    redactor.feed(text.substr(0, size), out.text);
    text.remove_prefix(size);
  }
  redactor.finish(out.text);
  out.findings = redactor.findings();
  out.blocked_by = redactor.blocked_by();
  return out;
}

void same_in_pieces(const std::shared_ptr<const RuleSet>& rules, const std::string& text,
                    Scope scope, Random& random) {
  const auto whole = redact_whole(rules, text, scope);
  for (int cuts = 0; cuts < 4; ++cuts) {
    const auto pieces = in_pieces(rules, text, scope, random);
    BOOST_TEST_REQUIRE(pieces.text == whole.text, text);
    BOOST_TEST_REQUIRE((pieces.findings == whole.findings), text);
    BOOST_TEST_REQUIRE(pieces.blocked_by == whole.blocked_by, text);
  }
}

} // namespace

BOOST_AUTO_TEST_SUITE(token_property)

BOOST_AUTO_TEST_CASE(the_cuts_do_not_matter) {
  const auto vault = std::make_shared<TokenVault>();
  const auto rules = rules_of({own_rule("employee", "EMP-[0-9]{4,6}", Action::tokenize),
                               own_rule("over", "[0-9]{4}-[a-z]{2,30}", Action::tokenize),
                               own_rule("key", "key=[a-z0-9_-]{4,}", Action::tokenize),
                               own_rule("word", "\\b[a-z_]{3}[a-z0-9_]{9,90}\\b", Action::mask),
                               own_rule("stop", "[0-9a-z]{16}x", Action::block)},
                              vault);
  const auto token = vault->token_for("employee", "EMP-123456");
  const auto other = vault->token_for("key", "key=abcd");
  const std::vector<std::string> parts = {
      token,      other, "sl_", "sl_employee_", "EMP-123456", "EMP-1234-abc", "key=", "abcdef", "_",
      "0123456x", " ",   "-",   "\\u0045MP-1",  "key%3Dabcd"};
  Random random(7);
  for (int round = 0; round < 4000; ++round) {
    const auto text = text_of(parts, random);
    same_in_pieces(rules, text, scope_of(false), random);
    same_in_pieces(rules, text, scope_of(true), random);
  }
}

BOOST_AUTO_TEST_CASE(what_is_put_back_is_what_was_there) {
  const auto vault = std::make_shared<TokenVault>();
  const auto rules = rules_of({own_rule("employee", "EMP-[0-9]{4,6}", Action::tokenize),
                               own_rule("over", "[0-9]{4}-[A-Z]{2,30}", Action::tokenize),
                               own_rule("key", "KEY=[A-Z0-9]{4,}", Action::tokenize)},
                              vault);
  const std::vector<std::string> parts = {"EMP-123456", "EMP-1234-ABC", "KEY=", "ABCDEF", " ",
                                          "-",          "sl_",          "_",    "x",      "0123"};
  Random random(11);
  std::size_t made = 0;
  for (int round = 0; round < 4000; ++round) {
    const auto text = text_of(parts, random);
    const auto sent = redact_whole(rules, text, scope_of(false));
    made += sent.findings.empty() ? 0 : 1;
    BOOST_TEST_REQUIRE(redact_whole(rules, sent.text, scope_of(true)).text == text);
    // Once more over the same changes nothing, where no match reaches from a token into what is
    // beside it: what an agent repeats stays as it was.
    const auto apart = redact_whole(rules, text_of(parts, random, " "), scope_of(false)).text;
    BOOST_TEST_REQUIRE(redact_whole(rules, apart, scope_of(false)).text == apart, apart);
  }
  BOOST_TEST(made > 1000U);
}

BOOST_AUTO_TEST_SUITE_END()

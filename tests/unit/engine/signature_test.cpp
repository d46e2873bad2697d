#include "policy/engine/signature.hpp"

#include "policy/base/bytes.hpp"
#include "tests/unit/engine/fixture.hpp"

#include <string>

namespace sluice::engine {
namespace {

using testing::policy;

constexpr std::string_view kPolicy =
    "version: 1\nmetadata: {id: agent, title: An agent, version: 1.2.0}\n"
    "egress:\n  - {name: a, allow: {hosts: [a.test], methods: [GET]}}\n";

struct Signed {
  std::shared_ptr<const Snapshot> snapshot = policy(kPolicy);
  Ed25519Private key = Ed25519Private::generate();
  std::string text = write_signature(*snapshot, key);
  std::string fingerprint = key.public_key().fingerprint();

  // "" when it holds for a policy of this text, otherwise what is said.
  std::string fault(std::string_view signature, std::string_view of = kPolicy) const {
    Diagnostics out;
    const auto by = verify_signature(*policy(of), signature, "p.sig", {fingerprint}, out);
    BOOST_TEST(by.has_value() == out.empty(), format(out));
    if (by) BOOST_TEST(*by == fingerprint);
    return format(out);
  }
};

std::string with(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  BOOST_REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

bool says(const std::string& text, std::string_view words) {
  return text.find(words) != std::string::npos;
}

BOOST_AUTO_TEST_SUITE(signature)

BOOST_AUTO_TEST_CASE(holds_for_the_meaning_and_not_for_the_spelling) {
  const Signed one;
  BOOST_TEST(one.fault(one.text) == "");
  BOOST_TEST(one.fault(one.text, "# a comment\n" + std::string(kPolicy) + "\n\n") == "");
  BOOST_TEST(one.fault(one.text, with(std::string(kPolicy), "An agent", "The agent")) == "");
  const auto changes = {std::pair{"a.test", "b.test"},
                        {"GET", "PUT"},
                        {"allow", "block"},
                        {"name: a", "name: b"},
                        {"id: agent", "id: agenT"},
                        {"1.2.0", "1.2.1"},
                        {"{id: agent, ", "{"}};
  for (const auto& [from, to] : changes) {
    const auto said = one.fault(one.text, with(std::string(kPolicy), from, to));
    BOOST_TEST(says(said, "the signature is not of this policy"), from << ": " << said);
  }
}

// What the file says of the policy is not what is believed: the signature itself must be of it.
BOOST_AUTO_TEST_CASE(a_swapped_id_or_version_or_digest_does_not_hold) {
  const Signed one;
  for (const auto& [from, to] :
       {std::pair{"id: agent", "id: other"}, {"1.2.0", "9.9.9"}, {"a.test", "b.test"}}) {
    const auto text = with(std::string(kPolicy), from, to);
    const auto theirs = policy(text);
    auto forged = with(one.text, one.snapshot->digest, theirs->digest);
    forged = with(forged, "\"agent\"", '"' + theirs->id + '"');
    forged = with(forged, "\"1.2.0\"", '"' + theirs->version + '"');
    BOOST_TEST(says(one.fault(forged, text), "/signature: the signature does not hold"));
  }
}

BOOST_AUTO_TEST_CASE(only_who_is_trusted_can_sign) {
  const Signed one, other;
  BOOST_TEST(says(one.fault(other.text), "a key that is not trusted"));
  const auto key = [](const Signed& of) { return to_base64(of.key.public_key().der()); };
  BOOST_TEST(says(one.fault(with(other.text, key(other), key(one))), "does not hold"));
  Diagnostics out;
  BOOST_TEST(!verify_signature(*one.snapshot, one.text, "p.sig", {}, out).has_value());
  BOOST_TEST(says(format(out), "not trusted"));
}

BOOST_AUTO_TEST_CASE(a_signature_for_another_purpose_is_none_of_a_policy) {
  const Signed one;
  const auto raw = to_base64(one.key.sign(one.snapshot->digest));
  const auto real = to_base64(one.key.sign(signed_statement(*one.snapshot)));
  BOOST_TEST(says(one.fault(with(one.text, real, raw)), "does not hold"));
  BOOST_TEST(signed_statement(*one.snapshot) == "sluice policy signature v1\npolicy_digest " +
                                                    one.snapshot->digest +
                                                    "\npolicy_id agent\npolicy_version 1.2.0\n");
}

BOOST_AUTO_TEST_CASE(a_policy_without_labels_can_be_signed) {
  const auto bare = policy("version: 1\negress: []\n");
  const auto key = Ed25519Private::generate();
  Diagnostics out;
  BOOST_TEST(verify_signature(*bare, write_signature(*bare, key), "p.sig",
                              {key.public_key().fingerprint()}, out)
                 .has_value());
  const auto odd = policy("version: 1\nmetadata: {id: 'a\"\\b'}\negress: []\n");
  BOOST_TEST(verify_signature(*odd, write_signature(*odd, key), "p.sig",
                              {key.public_key().fingerprint()}, out)
                 .has_value());
  BOOST_TEST(format(out) == "");
}

BOOST_AUTO_TEST_CASE(whatever_else_the_file_holds_is_refused) {
  const Signed one;
  for (std::size_t cut = 0; cut + 2 < one.text.size(); ++cut) {
    if (one.fault(one.text.substr(0, cut)).empty()) BOOST_ERROR("cut at " << cut);
  }
  const std::pair<std::string, std::string_view> bad[] = {
      {"hello", "this is no signature"},
      {"", "this is no signature"},
      {"[]", "this is no signature"},
      {"{}", "\"signature\" is missing"},
      {std::string(kMaxSignatureFile + 1, '{'), "larger than a signature"},
      {with(one.text, "\"1\"", "\"2\""), "/schema_version: this form of a signature is not known"},
      {with(one.text, "ed25519", "ed448"), "/algorithm: policies are signed with ed25519"},
      {with(one.text, "\"algorithm\"", "\"algoritm\""), "did you mean \"algorithm\"?"},
      {with(one.text, "\"ed25519\"", "\"ed25519\", \"algorithm\": \"ed25519\""), ""},
      {with(one.text, "\"agent\"", "[]"), "/policy_id: expected a string"},
      {with(one.text, "\"agent\"", "null"), "/policy_id: expected a string"},
      {with(one.text, "\"public_key\": \"", "\"public_key\": \"A"), "no Ed25519 key"},
      {with(one.text, "\"signature\": \"", "\"signature\": \"A"), "does not hold"},
      {with(one.text, "\n}", ", \"more\": 1}"), "unknown key \"more\""},
  };
  for (const auto& [text, words] : bad) {
    const auto said = one.fault(text);
    BOOST_TEST(!said.empty(), text);
    BOOST_TEST(says(said, words), said);
  }
}

// An EC P-256 key, and its own good signature of the same statement: of the wrong kind all the
// same.
BOOST_AUTO_TEST_CASE(a_key_of_another_algorithm_is_no_key) {
  const Signed one;
  const auto der = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVPy2pBC72PMS/yyW9+RFXiAmy4uI"
                   "SL74/Q0PPZDAaBfALplmA5MydmamCML62LjxXchGSaWlfcDLvajgTg7hvA==";
  const auto ours = to_base64(one.key.public_key().der());
  BOOST_TEST(says(one.fault(with(one.text, ours, der)), "/public_key: this is no Ed25519 key"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace sluice::engine

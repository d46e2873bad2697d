// A rule as a policy writes it, for tests. Fails the test when it does not compile.
#pragma once

#include "policy/redact/user_rule.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>

namespace sluice::test {

inline redact::UserRule own_rule(std::string id, std::string pattern,
                                 redact::Action action = redact::Action::tokenize) {
  redact::RuleText text;
  text.id = id;
  text.pattern = std::move(pattern);
  auto made = redact::compile_rule(text);
  BOOST_TEST_REQUIRE(made.has_value());
  return {std::move(id), made.value(), action, redact::UserRule().places};
}

} // namespace sluice::test

// Scenarios as far as a compose project is made of them.
#pragma once

#include "overlay/compose/compose_parts.hpp"
#include "tests/unit/overlay/scenario_support.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>

namespace sluice::overlay::test {

struct ComposeInput {
  explicit ComposeInput(const Texts& texts) : linked(must_link(texts)) {
    Diagnostics problems;
    auto made = prepare(linked, linked.scenario, nullptr, problems);
    BOOST_TEST_REQUIRE(made.has_value(), format(problems));
    prepared = std::move(*made);
    wish.name = "shown";
    wish.external_url = [](const std::string&) { return std::string(); };
    wish.trust["SSL_CERT_FILE"] = kComposeTrustBundle;
  }
  const Unit& unit(const std::string& moniker) const {
    for (const Unit& one : prepared.deployment.units) {
      if (linked.scenario.at(one.stands.front()).moniker == moniker) return one;
    }
    throw std::invalid_argument(moniker);
  }
  SecretTexts secrets() const { return secret_texts(linked.scenario, prepared.configs); }
  std::optional<ProgramPlan> try_plan(const std::string& moniker, Diagnostics& problems) const {
    return plan_program(linked.scenario, prepared, unit(moniker), secrets(), problems);
  }
  ProgramPlan plan(const std::string& moniker) const {
    Diagnostics problems;
    auto made = try_plan(moniker, problems);
    BOOST_TEST_REQUIRE(made.has_value(), format(problems));
    return std::move(*made);
  }
  std::string refusal(const std::string& moniker) const {
    Diagnostics problems;
    BOOST_TEST(!try_plan(moniker, problems));
    return format(problems);
  }
  ComposeProject project() const {
    Diagnostics problems;
    auto made = compose_project(linked.scenario, prepared, wish, problems);
    BOOST_TEST_REQUIRE(made.has_value(), format(problems));
    return std::move(*made);
  }

  Linked linked;
  Prepared prepared;
  ComposeWish wish;
};

} // namespace sluice::overlay::test

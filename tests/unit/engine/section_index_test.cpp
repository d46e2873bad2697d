#include "policy/engine/section_index.hpp"

#include "tests/unit/engine/fixture.hpp"

#include <string>

namespace {

using namespace sluice::engine;
using namespace sluice::engine::testing;

// The ids of the rules that match, by rank.
std::string found(const SectionIndex& index, const sluice::model::EgressCall& made) {
  const Question question(index, made);
  std::string out;
  for (std::size_t rank = question.next(0, index.size()); rank < index.size();
       rank = question.next(rank + 1, index.size())) {
    out += index.rule(rank).name + ' ';
  }
  return out;
}

BOOST_AUTO_TEST_SUITE(section_index)

BOOST_AUTO_TEST_CASE(rules_are_ranked_by_what_beats_what_and_then_by_source) {
  const auto loaded = policy(R"(
version: 1
egress:
  - {name: a1, allow: {hosts: [a.test]}}
  - {name: r1, block: {hosts: [a.test]}, mode: report}
  - {name: b1, block: {hosts: [a.test]}}
  - {name: q1, require_approval: {hosts: [a.test]}}
  - {name: r2, allow: {hosts: [a.test]}, mode: report}
  - {name: a2, allow: {hosts: [a.test]}}
  - {name: b2, block: {hosts: [a.test]}}
)");
  const SectionIndex index(loaded->egress);
  BOOST_TEST(found(index, call("GET http://a.test/")) == "b1 b2 q1 a1 a2 r1 r2 ");
  BOOST_TEST(index.refusing() == 3U);
  BOOST_TEST(index.deciding() == 5U);
  BOOST_TEST(found(SectionIndex(), call("GET http://a.test/")).empty());
}

std::string method_of(int number) {
  std::string out = "M";
  for (; number > 0; number /= 26) out += static_cast<char>('A' + number % 26);
  return out;
}

// More methods than there are sets of them, and more ports than there are stretches.
BOOST_AUTO_TEST_CASE(what_shares_a_set_is_still_told_apart) {
  std::string text = "version: 1\negress:\n";
  for (int i = 0; i < 700; ++i) {
    const std::string method = method_of(i);
    text += "  - {name: n" + std::to_string(i) + ", allow: {hosts: [\"**\"], ports: [" +
            std::to_string(2 * i + 1) + ", \"" + std::to_string(60000 + i) + "-" +
            std::to_string(60003 + i) + "\"], methods: [" + method + "]}}\n";
  }
  const auto loaded = policy(text);
  const SectionIndex index(loaded->egress);
  for (int i = 0; i < 700; ++i) {
    const std::string method = method_of(i);
    const auto asked = [&](const std::string& with, int port) {
      return found(index, call(with + " http://a.test:" + std::to_string(port) + "/"));
    };
    BOOST_TEST_REQUIRE(asked(method, 2 * i + 1) == "n" + std::to_string(i) + " ");
    BOOST_TEST_REQUIRE(asked(method, 60003 + i) == "n" + std::to_string(i) + " ");
    BOOST_TEST_REQUIRE(asked(method, 2 * i + 2).empty());
    BOOST_TEST_REQUIRE(asked(method, 60004 + i).empty());
    BOOST_TEST_REQUIRE(asked("GET", 2 * i + 1).empty());
  }
  BOOST_TEST(found(index, call("CONNECT a.test:60003")) == "n0 n1 n2 n3 ");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace

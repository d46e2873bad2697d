#include "policy/evidence/checkpoint.hpp"

#include <boost/test/unit_test.hpp>

namespace sluice::evidence {
namespace {

const std::string kHash = "a13a3ed1d9ee67e77e7e817e4d2ff94aff0b2e1088c8a1ebe6e78dbbc2ddf56f";

// The reference's vector (reference §5.2).
Checkpoint reference() {
  return next_checkpoint({}, {3, kHash}, "2026-01-02T03:04:07Z");
}

std::string without_newline(std::string line) {
  line.pop_back();
  return line;
}

} // namespace

BOOST_AUTO_TEST_SUITE(checkpoint)

BOOST_AUTO_TEST_CASE(hashes_as_agentpaas_does) {
  BOOST_TEST(reference().checkpoint_hash ==
             "416de1e87a6337e9491cb89d729736b9a275928f73555391bf01e63f43e58ecd");
}

BOOST_AUTO_TEST_CASE(has_the_members_of_agentpaas_in_their_order) {
  Checkpoint one = reference();
  one.signature = "AA==";
  BOOST_TEST(line_of(one) ==
             R"({"seq":1,"head_anchor_seq":3,"head_anchor_hash":")" + kHash +
                 R"(","prev_checkpoint_hash":"","checkpoint_hash":")" + one.checkpoint_hash +
                 R"(","signature":"AA==","timestamp":"2026-01-02T03:04:07Z"})" + "\n");
}

BOOST_AUTO_TEST_CASE(is_read_back_as_it_was_written) {
  Checkpoint one = next_checkpoint(reference(), {7, std::string(64, 'b')}, "t");
  one.signature = "AAEC";
  const auto read = parse_checkpoint(without_newline(line_of(one)));
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST(line_of(*read) == line_of(one));
  BOOST_TEST(!check_link(reference(), *read).has_value());
}

BOOST_AUTO_TEST_CASE(every_changed_byte_is_refused_or_changes_what_is_checked) {
  Checkpoint one = reference();
  one.signature = "AAE="; // whose last digit has two bits that mean nothing
  const std::string good = without_newline(line_of(one));
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string bad = good;
      bad[at] = static_cast<char>(byte);
      if (bad == good) continue;
      const auto read = parse_checkpoint(bad);
      if (!read || read->signature != one.signature || check_link({}, *read)) continue;
      BOOST_ERROR("byte " << at << " changed to " << byte);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_checkpoint_follows_the_one_before) {
  const Checkpoint first = reference();
  const Checkpoint second = next_checkpoint(first, {5, kHash}, "t");
  const Checkpoint third = next_checkpoint(second, {6, kHash}, "t");
  BOOST_TEST(!check_link(first, second).has_value());
  BOOST_TEST(check_link(first, third)->type == "missing_checkpoint");
  BOOST_TEST(check_link(third, second)->type == "broken_checkpoint_chain");
  BOOST_TEST(check_link({}, second)->type == "missing_checkpoint");
  Checkpoint other = second;
  other.prev_checkpoint_hash = std::string(64, '0');
  BOOST_TEST(check_link(first, other)->type == "broken_checkpoint_chain"); // its hash is wrong
  other.checkpoint_hash = hash_of(other);
  BOOST_TEST(check_link(first, other)->type == "broken_checkpoint_chain"); // its link is
  const Checkpoint behind = next_checkpoint(first, {3, kHash}, "t");
  BOOST_TEST(check_link(first, behind)->type == "broken_checkpoint_chain");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence

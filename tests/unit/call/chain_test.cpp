#include "proxy/call/chain.hpp"

#include "policy/base/digest.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice;
using call::kEndlessHops;

const std::string kId = "01HZZZZZZZZZZZZZZZZZZZZZZZ";
const std::string kOurs = "01J00000000000000000000000";

wire::Fields fields(std::initializer_list<wire::Field> all) {
  wire::Fields out;
  for (const auto& one : all) out.add(one.name, one.value);
  return out;
}

std::string text(const wire::Fields& of) {
  std::string out;
  for (const auto& one : of.all()) out += one.name + "=" + one.value + ";";
  return out;
}

std::string put(const std::string& peer, const std::string& upstream_peer, std::uint32_t hops) {
  model::EgressCall call;
  call.call_id = kOurs;
  call.chain = {peer, upstream_peer, kId, hops};
  wire::Fields out;
  call::put_chain_fields(out, call);
  return text(out);
}

} // namespace

BOOST_AUTO_TEST_SUITE(chain)

BOOST_AUTO_TEST_CASE(ids_of_ours) {
  BOOST_TEST(call::is_call_id(kId));
  for (int i = 0; i < 100; ++i) BOOST_TEST(call::is_call_id(new_id(i * 1'000'000'000'000'000)));
  for (const std::string& id :
       {std::string(), kId + "0", kId.substr(1), std::string("81HZZZZZZZZZZZZZZZZZZZZZZZ"),
        std::string("01hzzzzzzzzzzzzzzzzzzzzzzz"), std::string("01HZZZZZZZZZZZZZZZZZZZZZZU"),
        std::string("01HZZZZZZZZZZZZZZZZZZZZZZ\n"), std::string(26, ' ')}) {
    BOOST_TEST(!call::is_call_id(id), id);
  }
}

BOOST_AUTO_TEST_CASE(taken_out_in_every_spelling) {
  auto all = fields({{"Accept", "a"},
                     {"X-Sluice-Call", kId},
                     {"x_sluice_call", kOurs},
                     {"X-SLUICE_HOPS", "1"},
                     {"x-sluice-hops", "3"},
                     {"x-sluice-decision", "b"},
                     {"x-sluice-calls", "c"}});
  const auto said = call::take_chain_fields(all);
  BOOST_TEST(said.call_id == kId); // the one spelling of ours
  BOOST_TEST(said.hops == 3U);
  BOOST_TEST(text(all) == "Accept=a;x-sluice-decision=b;x-sluice-calls=c;");
}

BOOST_AUTO_TEST_CASE(what_is_said_twice_or_wrongly) {
  auto twice = fields({{"x-sluice-call", kId}, {"X-Sluice-Call", kOurs}});
  BOOST_TEST(call::take_chain_fields(twice).call_id == "");
  auto forged = fields({{"x-sluice-call", "../../etc/passwd"}});
  BOOST_TEST(call::take_chain_fields(forged).call_id == "");
  for (const char* hops : {"", "-1", "+1", " 1", "1 ", "0x1", "1e3", "1000000", "4294967296",
                           "99999999999999999999", "one", "1,2"}) {
    auto wrong = fields({{"x-sluice-hops", hops}});
    BOOST_TEST(call::take_chain_fields(wrong).hops == kEndlessHops, hops);
  }
  auto two = fields({{"x-sluice-hops", "1"}, {"x-sluice-hops", "1"}});
  BOOST_TEST(call::take_chain_fields(two).hops == kEndlessHops);
  auto right = fields({{"x-sluice-hops", "999999"}});
  BOOST_TEST(call::take_chain_fields(right).hops == 999'999U);
  wire::Fields none;
  BOOST_TEST(call::take_chain_fields(none).hops == 0U);
}

BOOST_AUTO_TEST_CASE(who_is_told_what) {
  BOOST_TEST(put("", "", 5) == "");
  BOOST_TEST(put("spiffe://d/a", "", 5) == "x-sluice-call=" + kOurs + ";");
  BOOST_TEST(put("", "spiffe://d/b", 5) == "x-sluice-call=" + kOurs + ";x-sluice-hops=5;");
  BOOST_TEST(put("spiffe://d/a", "spiffe://d/b", 5) ==
             "x-sluice-call=" + kOurs +
                 ";x-sluice-hops=6;"); // or two sidecars could go on for ever
}

BOOST_AUTO_TEST_CASE(only_a_peer_is_believed) {
  call::OpenCalls open;
  model::Chain of_peer{"spiffe://d/a", "", "", 0};
  call::place_in_chain(of_peer, {kId, 9}, &open);
  BOOST_TEST(of_peer.parent_call_id == kId);
  BOOST_TEST(of_peer.hops == 9U);
  model::Chain of_program;
  call::place_in_chain(of_program, {kId, 9}, &open);
  BOOST_TEST(of_program.parent_call_id == "");
  BOOST_TEST(of_program.hops == 0U);
  open.open(kOurs, 2);
  call::place_in_chain(of_program, {kId, 9}, &open);
  BOOST_TEST(of_program.parent_call_id == kOurs);
  BOOST_TEST(of_program.hops == 3U);
  model::Chain alone;
  call::place_in_chain(alone, {kId, 9}, nullptr);
  BOOST_TEST(alone.hops == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

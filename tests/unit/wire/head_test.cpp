#include "proxy/wire/head.hpp"

#include <boost/test/unit_test.hpp>

#include <initializer_list>
#include <string>

namespace {

using sluice::wire::Field;
using sluice::wire::Fields;

Fields fields(std::initializer_list<Field> list) {
  Fields out;
  for (const auto& field : list) out.add(field.name, field.value);
  return out;
}

std::string names(const Fields& all) {
  std::string out;
  for (const auto& field : all.all()) out += field.name + " ";
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(head)

BOOST_AUTO_TEST_CASE(a_repeated_field_has_no_only_value) {
  const auto all = fields({{"A", "1"}, {"b", "2"}, {"a", "3"}});
  BOOST_TEST(all.count("a") == 2U);
  BOOST_TEST(!all.only("A").has_value());
  BOOST_TEST(all.only("B").value() == "2");
  BOOST_TEST(!all.only("c").has_value());
  BOOST_TEST(all.joined("a") == "1, 3");
  BOOST_TEST(all.joined("c") == "");
}

BOOST_AUTO_TEST_CASE(set_replaces_every_one_and_erase_counts) {
  auto all = fields({{"A", "1"}, {"B", "2"}, {"a", "3"}});
  all.set("a", "4");
  BOOST_TEST(all.joined("a") == "4");
  all.set("C", "5");
  BOOST_TEST(all.joined("c") == "5");
  BOOST_TEST(all.erase("A") == 1U);
  BOOST_TEST(all.erase("A") == 0U);
  BOOST_TEST(names(all) == "B C ");
}

BOOST_AUTO_TEST_CASE(erase_with_a_name_that_lives_in_the_fields) {
  auto all = fields({{"a-name-too-long-for-the-small-string", "1"},
                     {"other", "2"},
                     {"a-name-too-long-for-the-small-string", "3"}});
  BOOST_TEST(all.erase(all.all().front().name) == 2U);
  BOOST_TEST(names(all) == "other ");
}

BOOST_AUTO_TEST_CASE(tokens_are_whole_elements_in_any_case) {
  const auto all = fields({{"Connection", "keep-alive , Close"}, {"connection", "x"}});
  BOOST_TEST(all.has_token("connection", "close"));
  BOOST_TEST(all.has_token("connection", "X"));
  BOOST_TEST(!all.has_token("connection", "clos"));
  BOOST_TEST(!all.has_token("connection", "keep"));
  BOOST_TEST(!fields({{"connection", ", ,"}}).has_token("connection", ""));
  const auto codings = fields({{"Accept-Encoding", "gzip;q=0.5, br;q=0, deflate ; q=0.0"}});
  BOOST_TEST(codings.has_token("accept-encoding", "gzip"));
  BOOST_TEST(!codings.has_token("accept-encoding", "br"));
  BOOST_TEST(!codings.has_token("accept-encoding", "deflate"));
}

BOOST_AUTO_TEST_CASE(what_ends_at_one_hop) {
  auto all = fields({{"Connection", "close, X-Private"},
                     {"x-private", "1"},
                     {"Keep-Alive", "1"},
                     {"Proxy-Connection", "x"},
                     {"Proxy-Authorization", "x"},
                     {"TE", "trailers"},
                     {"Trailer", "x"},
                     {"Transfer-Encoding", "chunked"},
                     {"Upgrade", "h2c"},
                     {"HTTP2-Settings", "x"},
                     {"X-Kept", "1"}});
  remove_hop_by_hop(all);
  BOOST_TEST(names(all) == "X-Kept ");
}

// Naming a field in Connection must not strip what the next hop or redaction reads the message by.
BOOST_AUTO_TEST_CASE(connection_cannot_take_away_what_decides_meaning) {
  auto all =
      fields({{"Connection", "host, content-length, Content-Encoding, authorization, cookie"},
              {"Host", "a"},
              {"Content-Length", "1"},
              {"Content-Encoding", "gzip"},
              {"Authorization", "x"},
              {"Cookie", "x"}});
  remove_hop_by_hop(all);
  BOOST_TEST(names(all) == "Host Content-Length Content-Encoding Authorization Cookie ");
}

BOOST_AUTO_TEST_CASE(a_default_head_keeps_nothing_alive) {
  BOOST_TEST(!sluice::wire::RequestHead{}.keep_alive);
  BOOST_TEST((sluice::wire::RequestHead{}.framing == sluice::wire::BodyFraming::none));
}

BOOST_AUTO_TEST_SUITE_END()

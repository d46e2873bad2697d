#include "proxy/call/inspection.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace {

using namespace sluice;
using call::Inspection;
using State = model::Content::State;

std::string coded(std::string_view text, std::string_view coding) {
  std::string out;
  wire::Encoder encoder(wire::parse_codings(coding).value());
  encoder.feed(text, wire::Encoder::Flush::none, out);
  encoder.finish(out);
  return out;
}

State state_of(std::string_view body, std::string_view coding, std::uint64_t most,
               std::size_t step = 7) {
  wire::RequestHead head;
  head.framing = wire::BodyFraming::chunked;
  if (!coding.empty()) head.fields.add("Content-Encoding", std::string(coding));
  model::EgressCall asked;
  asked.method = "POST";
  Inspection inspection(asked, most, head);
  bool more = true;
  for (std::size_t at = 0; at < body.size() && more; at += step)
    more = inspection.feed(body.substr(at, step));
  if (more) inspection.end({});
  BOOST_TEST(inspection.bytes() <= std::max<std::uint64_t>(most + step, 64));
  return inspection.take_call().content->state;
}

BOOST_AUTO_TEST_SUITE(inspection)

BOOST_AUTO_TEST_CASE(what_a_coding_hides_is_read) {
  const std::string text = R"({"a":1,"b":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"})";
  for (const std::string_view coding : {"", "gzip", "br", "zstd", "deflate", "gzip, br"}) {
    const auto body = coding.empty() ? text : coded(text, coding);
    BOOST_TEST((state_of(body, coding, 1'000) == State::json), coding);
    BOOST_TEST((state_of(body, coding, 20) == State::unread), coding);
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_decoded_is_unread) {
  BOOST_TEST((state_of("{}", "gzip", 100) == State::unread));
  BOOST_TEST((state_of("{}", "rot13", 100) == State::unread));
  const auto whole = coded("{\"a\":1}", "gzip");
  BOOST_TEST((state_of(whole.substr(0, whole.size() - 3), "gzip", 100) == State::unread));
  BOOST_TEST((state_of(whole + "x", "gzip", 100) == State::unread));
}

BOOST_AUTO_TEST_CASE(a_bomb_costs_no_more_than_what_is_read) {
  const auto bomb = coded("{" + std::string(50'000'000, ' ') + "}", "gzip");
  BOOST_TEST((state_of(bomb, "gzip", 1'000'000, bomb.size()) == State::unread));
}

BOOST_AUTO_TEST_CASE(blanks_before_a_body_hide_nothing) {
  BOOST_TEST((state_of(std::string(5'000, ' ') + "{}", "", 1'000) == State::unread));
  BOOST_TEST((state_of(std::string(5'000, ' ') + "{}", "", 10'000) == State::json));
}

BOOST_AUTO_TEST_CASE(bytes_and_trailers_come_back_as_they_came) {
  wire::RequestHead head;
  head.framing = wire::BodyFraming::chunked;
  Inspection one({}, 100, head);
  BOOST_TEST(one.feed("{\"a\""));
  BOOST_TEST(one.feed(":1}"));
  wire::Fields trailers;
  trailers.add("x", "y");
  one.end(trailers);
  BOOST_TEST((one.take_call().content->state == State::json));
  BOOST_TEST(one.take_bytes() == "{\"a\":1}");
  BOOST_TEST(one.take_trailers().joined("x") == "y");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace

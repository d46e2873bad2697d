#include "proxy/wire/websocket_deflate.hpp"

#include "tests/support/websocket_text.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace {

using namespace sluice;
using namespace sluice::wire;
using namespace std::string_literals;
using test::Frame;
using test::kCompressed;
using test::kFinal;
using test::written;

std::string offers(std::string_view field) {
  const auto read = read_deflate_offers(field);
  return read ? deflate_offers(*read) : "malformed";
}

std::string answer(std::string_view offered, std::string_view field) {
  const auto read = read_deflate_answer(field, read_deflate_offers(offered).value());
  return read ? deflate_answer(*read) : "refused";
}

std::string transcript(const std::string& bytes, test::ReadBy how = {}) {
  how.from = WebSocketPeer::server;
  if (!how.terms) how.terms.emplace();
  const auto whole = test::websocket_transcript(bytes, how);
  for (const std::size_t piece : {1U, 2U, 5U}) {
    how.piece = piece;
    BOOST_TEST(test::websocket_transcript(bytes, how) == whole);
  }
  return whole;
}

std::string compressed(std::string payload) {
  return written({kFinal | kCompressed | 1, std::move(payload), false});
}

const std::string kName = "permessage-deflate";

} // namespace

BOOST_AUTO_TEST_SUITE(websocket_deflate)

BOOST_AUTO_TEST_CASE(offers_that_can_be_honoured) {
  BOOST_TEST(offers("") == "");
  BOOST_TEST(offers(kName) == kName);
  BOOST_TEST(offers("Permessage-Deflate ;client_max_window_bits") ==
             kName + "; client_max_window_bits");
  BOOST_TEST(offers(kName + "; client_max_window_bits=\"12\"; server_max_window_bits=8") ==
             kName + "; server_max_window_bits=8; client_max_window_bits=12");
  BOOST_TEST(offers("x-webkit-deflate-frame, " + kName +
                    ";server_no_context_takeover; client_no_context_takeover, " + kName) ==
             kName + "; client_no_context_takeover; server_no_context_takeover, " + kName);
}

BOOST_AUTO_TEST_CASE(offers_that_cannot) { // RFC 7692 §7.1: declined, the others stand
  for (const char* bad :
       {"client_no_context_takeover=1", "server_max_window_bits", "server_max_window_bits=7",
        "server_max_window_bits=16", "server_max_window_bits=010", "server_max_window_bits=1x",
        "client_max_window_bits=0", "client_max_window_bits=08", "unknown", "unknown=1",
        "client_max_window_bits; client_max_window_bits=9",
        "server_no_context_takeover; server_no_context_takeover"}) {
    BOOST_TEST(offers(kName + "; " + bad) == "");
    BOOST_TEST(offers(kName + "; " + bad + ", " + kName) == kName);
  }
  for (const char* bad : {"a b", "; x", "permessage-deflate;", "permessage-deflate; =1",
                          "permessage-deflate; a=", "permessage-deflate; a=\"b c\"",
                          "permessage-deflate; a=\"\"", "permessage-deflate;;a", "\""}) {
    BOOST_TEST(offers(bad) == "malformed");
  }
  std::string many;
  for (int i = 0; i < 17; ++i) many += kName + ",";
  BOOST_TEST(offers(many) == "malformed");
}

BOOST_AUTO_TEST_CASE(answers) {
  const auto limits = kName + "; client_max_window_bits";
  BOOST_TEST(answer(kName, kName) == kName);
  BOOST_TEST(answer(kName, kName + "; server_no_context_takeover; client_no_context_takeover") ==
             kName + "; client_no_context_takeover; server_no_context_takeover");
  BOOST_TEST(answer(limits, kName + "; client_max_window_bits=15; server_max_window_bits=10") ==
             kName + "; server_max_window_bits=10; client_max_window_bits=15");
  BOOST_TEST(answer(kName + "; server_max_window_bits=10, " + kName, kName) == kName);
  for (const auto& [offered, field] :
       {std::pair{""s, kName},
        {kName, kName + "; client_max_window_bits=15"},
        {limits, kName + "; client_max_window_bits"},
        {kName, kName + ", " + kName},
        {kName, "x-other"s},
        {kName, ""s},
        {kName, kName + "; x"},
        {kName + "; server_no_context_takeover", kName},
        {kName + "; server_max_window_bits=10", kName},
        {kName + "; server_max_window_bits=10", kName + "; server_max_window_bits=11"}}) {
    BOOST_TEST(answer(offered, field) == "refused");
  }
}

BOOST_AUTO_TEST_CASE(examples_of_the_rfc) { // RFC 7692 §7.2.3
  const auto hello = "\xf2\x48\xcd\xc9\xc9\x07\x00"s;
  BOOST_TEST(transcript(compressed(hello)) == "text Hello; ");
  BOOST_TEST(transcript(written({kCompressed | 1, hello.substr(0, 3), false}) +
                        written({kFinal, hello.substr(3), false})) == "text Hello; ");
  BOOST_TEST(transcript(compressed(hello) + compressed("\xf2\x00\x11\x00\x00"s)) ==
             "text Hello; text Hello; "); // context taken over
  BOOST_TEST(transcript(compressed("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"s)) ==
             "text Hello; "); // stored
  BOOST_TEST(transcript(compressed("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s)) ==
             "text Hello; "); // a final block
  BOOST_TEST(transcript(compressed("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s)) ==
             "text Hello; "); // two blocks
  BOOST_TEST(transcript(compressed("\x00"s)) == "text ; ");
}

BOOST_AUTO_TEST_CASE(a_final_block_keeps_the_window) {
  const auto hello = "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s;
  BOOST_TEST(transcript(compressed(hello) + compressed("\xf2\x00\x11\x00\x00"s)) ==
             "text Hello; text Hello; ");
  std::string many; // each is two copies of the window
  for (int i = 0; i < 100; ++i) many += "\x03\x00"s;
  BOOST_TEST(transcript(compressed(many + '\0')).starts_with("fault 1007"));
}

BOOST_AUTO_TEST_CASE(without_context_takeover_nothing_is_taken_over) {
  test::ReadBy how;
  how.terms.emplace().server_takeover = false;
  const auto hello = "\xf2\x48\xcd\xc9\xc9\x07\x00"s;
  BOOST_TEST(transcript(compressed(hello) + compressed("\xf2\x00\x11\x00\x00"s), how)
                 .starts_with("text Hello; fault 1007"));
}

BOOST_AUTO_TEST_CASE(damaged_messages) {
  BOOST_TEST(transcript(compressed("\x07")).starts_with("fault 1007"));
  BOOST_TEST(transcript(compressed("\xf2\x48\xcd")).starts_with("fault 1007")); // cut short
  BOOST_TEST(transcript(compressed("")).starts_with("fault 1007"));
  const auto bad_text = "\x00\x01\x00\xfe\xff\xff\x00"s; // inflates to 0xff
  BOOST_TEST(transcript(compressed(bad_text)).starts_with("fault 1007"));
  BOOST_TEST(transcript(written({kFinal | kCompressed | 2, bad_text, false})) == "binary \xff; ");
  BOOST_TEST(transcript(written({kFinal | 0x40 | 0, "", false})).starts_with("fault 1002"));
}

BOOST_AUTO_TEST_CASE(bombs) {
  const std::string zeros(16 << 20, 'a');
  std::string bomb;
  MessageDeflater deflater(true, kMostWindowBits);
  deflater.feed(zeros, MessageDeflater::Until::message, bomb);
  BOOST_TEST(bomb.size() < zeros.size() / 900);
  test::ReadBy how;
  how.from = WebSocketPeer::server;
  how.terms.emplace();
  BOOST_TEST(test::websocket_transcript(compressed(bomb), how).starts_with("fault 1009"));
  std::string slow; // in many messages
  MessageDeflater again(true, kMostWindowBits);
  for (int i = 0; i < 16; ++i) {
    std::string one;
    again.feed(std::string_view(zeros).substr(0, 1 << 20), MessageDeflater::Until::message, one);
    slow += compressed(one);
  }
  BOOST_TEST(test::websocket_transcript(slow, how).find("fault 1009") != std::string::npos);
  how.limits.message_bytes = 1000;
  for (const std::size_t size : {1000U, 1001U}) {
    std::string small;
    MessageDeflater fresh(true, kMostWindowBits);
    fresh.feed(std::string(size, 'a'), MessageDeflater::Until::message, small);
    const auto said = test::websocket_transcript(compressed(small), how);
    BOOST_TEST(said.starts_with(size > 1000 ? "fault 1009" : "text aaa"));
  }
}

// A screen that is sent again and again compresses well, in good faith.
BOOST_AUTO_TEST_CASE(repetitive_messages_are_no_bomb) {
  std::string state;
  for (int i = 0; i < 100; ++i) state += "{\"row\":" + std::to_string(i * 7919) + ",\"ok\":true},";
  MessageDeflater deflater(true, kMostWindowBits);
  MessageInflater inflater(true, {});
  std::size_t total = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string packed;
    deflater.feed(state, MessageDeflater::Until::message, packed);
    std::string_view in = packed;
    for (auto step = inflater.step(in); !step.bytes.empty(); step = inflater.step(in))
      total += step.bytes.size();
    for (auto step = inflater.finish_step();; step = inflater.finish_step()) {
      BOOST_REQUIRE(!step.fault);
      if (step.bytes.empty()) break;
      total += step.bytes.size();
    }
  }
  BOOST_TEST(total == 20'000 * state.size());
}

BOOST_AUTO_TEST_SUITE_END()

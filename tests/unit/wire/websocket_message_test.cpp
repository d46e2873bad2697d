#include "proxy/wire/websocket_message.hpp"

#include "tests/support/websocket_text.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace {

using namespace sluice;
using namespace sluice::wire;
using Payload = MessageWriter::Payload;
using test::kFinal;
using test::written;

std::string read_back(const std::string& bytes, WebSocketPeer from,
                      const std::optional<DeflateTerms>& terms, Inspect inspect = Inspect::yes) {
  test::ReadBy how;
  how.from = from;
  how.terms = terms;
  how.inspect = inspect;
  const auto whole = test::websocket_transcript(bytes, how);
  for (const std::size_t piece : {1U, 3U, 1000U}) {
    how.piece = piece;
    BOOST_TEST(test::websocket_transcript(bytes, how) == whole);
  }
  return whole;
}

DeflateTerms terms_with(bool takeover, int bits) {
  DeflateTerms terms;
  terms.client_takeover = terms.server_takeover = takeover;
  terms.client_bits = terms.server_bits = bits;
  return terms;
}

std::string large_text() {
  std::string out;
  for (int i = 0; out.size() < 100'000; ++i) out += "€ line " + std::to_string(i * 7919) + "\n";
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(websocket_message)

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
  const auto large = large_text();
  for (const auto by : {WebSocketPeer::client, WebSocketPeer::server}) {
    for (const bool takeover : {true, false}) {
      for (const int bits : {8, 9, 12, 15}) {
        for (const auto payload : {Payload::plain, Payload::deflate}) {
          const auto terms = terms_with(takeover, bits);
          MessageWriter writer(by, terms);
          std::string bytes;
          writer.begin(Opcode::text, payload);
          writer.write("one ", bytes);
          writer.write("", bytes);
          writer.control(Opcode::ping, "p", bytes);
          writer.write("two ", bytes);
          writer.end("", bytes);
          writer.begin(Opcode::text, payload);
          writer.end("", bytes);
          writer.begin(Opcode::binary, payload);
          writer.write(large, bytes);
          writer.end("end", bytes);
          writer.control(Opcode::close, close_payload(CloseCode::going_away, ""), bytes);
          BOOST_TEST(read_back(bytes, by, terms) ==
                     "ping 70; text one two ; text ; binary " + large + "end; close 03e9; ");
          // What zlib cannot deflate in so small a window goes as it is.
          const bool deflated = payload == Payload::deflate && bits >= 9;
          BOOST_TEST((bytes.size() < large.size() / 2) == deflated);
          BOOST_TEST(((bytes[0] & 0x40) != 0) == deflated);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_message_at_once_is_one_frame) {
  MessageWriter writer(WebSocketPeer::server, std::nullopt);
  std::string bytes;
  writer.begin(Opcode::text, Payload::plain);
  writer.end("hello", bytes);
  BOOST_TEST(bytes == written({kFinal | 1, "hello", false}));
  BOOST_TEST(!writer.open());
}

BOOST_AUTO_TEST_CASE(without_inspection_compressed_bytes_pass_as_they_are) {
  const DeflateTerms terms;
  MessageWriter first(WebSocketPeer::client, terms);
  std::string bytes;
  first.begin(Opcode::text, Payload::deflate);
  first.end("hello hello hello", bytes);
  const auto seen = read_back(bytes, WebSocketPeer::client, terms, Inspect::no);
  BOOST_REQUIRE(seen.starts_with("text compressed "));
  const auto payload = seen.substr(16, seen.size() - 18);
  MessageWriter second(WebSocketPeer::client, terms);
  std::string again;
  second.begin(Opcode::text, Payload::compressed_already);
  second.write(payload.substr(0, 4), again);
  second.end(payload.substr(4), again);
  BOOST_TEST(read_back(again, WebSocketPeer::client, terms) == "text hello hello hello; ");
}

BOOST_AUTO_TEST_CASE(text_is_utf8) {
  const auto fault = [](const std::string& bytes) {
    const auto said = read_back(bytes, WebSocketPeer::client, std::nullopt);
    return said.find("fault 1007") != std::string::npos;
  };
  BOOST_TEST(!fault(written({1, "\xE2\x82"}) + written({kFinal, "\xAC"}))); // over two fragments
  BOOST_TEST(fault(written({kFinal | 1, "\xE2\x82"})));
  BOOST_TEST(fault(written({1, "\xE2\x82"}) + written({kFinal, "x"})));
  BOOST_TEST(fault(written({kFinal | 1, "\xED\xA0\x80"})));
  BOOST_TEST(!fault(written({kFinal | 2, "\xFF"})));
  BOOST_TEST(!fault(written({kFinal | 1, ""})));
  // Fails fast: before the message is whole.
  BOOST_TEST(fault(written({1, "\xFF"})));
}

BOOST_AUTO_TEST_SUITE_END()

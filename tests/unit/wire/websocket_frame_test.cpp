#include "proxy/wire/websocket_frame.hpp"

#include "tests/support/websocket_text.hpp"

#include <boost/test/unit_test.hpp>

#include <set>
#include <string>

namespace {

using namespace sluice;
using namespace sluice::wire;
using namespace std::string_literals;
using test::Frame;
using test::kFinal;
using test::written;

constexpr std::size_t kPieces[] = {1, 2, 3, 7, std::string::npos};

std::string transcript(const std::string& bytes, WebSocketPeer from = WebSocketPeer::client) {
  test::ReadBy how;
  how.from = from;
  const auto whole = test::websocket_transcript(bytes, how);
  for (const auto piece : kPieces) {
    how.piece = piece;
    BOOST_TEST(test::websocket_transcript(bytes, how) == whole);
  }
  return whole;
}

std::string text(std::string payload) {
  return written({kFinal | 1, std::move(payload)});
}
std::string close(std::string payload) {
  return written({kFinal | 8, std::move(payload)});
}
bool faults(const std::string& bytes, const char* section, int code = 1002,
            WebSocketPeer from = WebSocketPeer::client) {
  const auto said = transcript(bytes, from);
  const auto at = said.find("fault " + std::to_string(code));
  return at != std::string::npos && said.find(section, at) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(websocket_frame)

BOOST_AUTO_TEST_CASE(examples_of_the_rfc) { // RFC 6455 §5.7
  BOOST_TEST(transcript("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58") == "text Hello; ");
  const auto server = WebSocketPeer::server;
  BOOST_TEST(transcript("\x81\x05Hello", server) == "text Hello; ");
  BOOST_TEST(transcript("\x01\x03Hel\x80\x02lo"s, server) == "text Hello; ");
  BOOST_TEST(transcript("\x89\x05Hello", server) == "ping 48656c6c6f; ");
  BOOST_TEST(transcript("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58") == "pong 48656c6c6f; ");
}

BOOST_AUTO_TEST_CASE(lengths) {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 127U, 65535U, 65536U, 70001U}) {
    const std::string payload(size, 'x');
    BOOST_TEST(transcript(text(payload)) == "text " + payload + "; ");
    std::string ours;
    encode_frame(WebSocketPeer::client, {Opcode::text, true, false}, payload, ours);
    BOOST_TEST(transcript(ours) == "text " + payload + "; ");
    ours.clear();
    encode_frame(WebSocketPeer::server, {Opcode::text, true, false}, payload, ours);
    BOOST_TEST(ours == written({kFinal | 1, payload, false}));
  }
  for (const auto& [size, bytes] : {std::pair{125U, 2}, {125U, 8}, {65535U, 8}}) {
    BOOST_TEST(faults(written({kFinal | 1, std::string(size, 'x'), true, bytes}), "§5.2"));
  }
  BOOST_TEST(faults("\x82\xff\x80\0\0\0\0\0\0\0"s + "mask", "§5.2")); // 2^63
  BOOST_TEST(faults("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"s + "mask", "§10.4", 1009));
}

BOOST_AUTO_TEST_CASE(masks) {
  BOOST_TEST(faults(written({kFinal | 1, "x", false}), "§5.1"));
  BOOST_TEST(faults(written({kFinal | 9, "", false}), "§5.1"));
  BOOST_TEST(faults(text("x"), "§5.1", 1002, WebSocketPeer::server));
  std::set<std::string> keys;
  for (int i = 0; i < 1000; ++i) {
    std::string out;
    encode_frame(WebSocketPeer::client, {}, "", out);
    keys.insert(out.substr(2));
  }
  BOOST_TEST(keys.size() >= 999U); // fresh ones
}

BOOST_AUTO_TEST_CASE(reserved_bits_and_opcodes) {
  for (unsigned first = 0; first < 256; ++first) {
    const unsigned opcode = first & 15U;
    const bool known = opcode <= 2 || (opcode >= 8 && opcode <= 10);
    const bool right =
        (first & 0x70U) == 0 && known && opcode != 0 && (opcode < 8 || (first & kFinal) != 0);
    const auto said = transcript(written({first, ""}));
    BOOST_TEST((said.find("fault 1002") == std::string::npos) == right);
  }
}

BOOST_AUTO_TEST_CASE(fragments_in_order) {
  const auto begin = written({1, "one "}), middle = written({0, "two "}),
             end = written({kFinal | 0, "three"}), ping = written({kFinal | 9, "p"});
  BOOST_TEST(transcript(begin + middle + end) == "text one two three; ");
  BOOST_TEST(transcript(begin + ping + end) == "ping 70; text one three; ");
  BOOST_TEST(transcript(begin + middle) == "text one two …");
  BOOST_TEST(faults(begin + text("x"), "§5.4"));
  BOOST_TEST(faults(end, "§5.4"));
  BOOST_TEST(faults(begin + end + end, "§5.4"));
  BOOST_TEST(transcript(written({2, ""}) + written({kFinal, ""})) == "binary ; ");
}

BOOST_AUTO_TEST_CASE(control_frames) {
  BOOST_TEST(transcript(written({kFinal | 9, std::string(125, 'p')})).starts_with("ping 7070"));
  BOOST_TEST(faults(written({kFinal | 9, std::string(126, 'p')}), "§5.5"));
  BOOST_TEST(faults(written({9, "p"}), "§5.5"));
  BOOST_TEST(faults(written({kFinal | 0x40 | 9, "p"}), "RFC 7692"));
}

BOOST_AUTO_TEST_CASE(closes) {
  BOOST_TEST(transcript(close("")) == "close ; ");
  BOOST_TEST(transcript(close("\x03\xe8"s + "bye")) == "close 03e8627965; ");
  BOOST_TEST(faults(close("\x03"), "§5.5.1"));
  BOOST_TEST(faults(close("\x03\xe8\xff"), "§5.5.1", 1007));
  BOOST_TEST(faults(close("\x03\xe8\xe2\x82"), "§5.5.1", 1007));
  for (unsigned code = 0; code < 65536; ++code) {
    const bool sent = (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) ||
                      (code >= 3000 && code < 5000);
    FrameReader reader(WebSocketPeer::server, false, 100);
    const std::string bytes = written(
        {kFinal | 8, {static_cast<char>(code >> 8), static_cast<char>(code & 255U)}, false});
    std::string_view in = bytes;
    if (std::holds_alternative<ControlFrame>(reader.next(in)) != sent) BOOST_ERROR(code);
  }
  BOOST_TEST(faults(close("") + text("x"), "§5.5.1"));
  BOOST_TEST(faults(close("") + close(""), "§5.5.1"));
  BOOST_TEST(close_payload(CloseCode::going_away, "x") == "\x03\xe9x");
}

BOOST_AUTO_TEST_CASE(messages_have_a_limit) {
  test::ReadBy how;
  how.limits.message_bytes = 10;
  const auto say = [&](const std::string& bytes) { return test::websocket_transcript(bytes, how); };
  BOOST_TEST(say(text("0123456789") + text("0123456789")) == "text 0123456789; text 0123456789; ");
  BOOST_TEST(say(text("0123456789a")).starts_with("fault 1009"));
  BOOST_TEST(say(written({1, "012345678"}) + written({kFinal, "9a"})).starts_with("fault 1009"));
}

BOOST_AUTO_TEST_CASE(a_fault_stays_one) {
  FrameReader reader(WebSocketPeer::client, false, 100);
  const std::string bytes = "\xff" + text("x");
  std::string_view in = bytes;
  BOOST_TEST(std::holds_alternative<WebSocketFault>(reader.next(in)));
  in = bytes;
  in.remove_prefix(1);
  BOOST_TEST(std::holds_alternative<WebSocketFault>(reader.next(in)));
}

BOOST_AUTO_TEST_SUITE_END()

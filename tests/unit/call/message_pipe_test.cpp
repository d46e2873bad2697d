// One direction of a WebSocket: what is said arrives redacted, in messages as they were sent,
// however the bytes were cut; nothing waits that cannot be part of a secret.
#include "proxy/call/message_pipe.hpp"

#include "tests/support/websocket_text.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using namespace sluice;
using namespace sluice::call;
using namespace std::string_literals;
using test::kCompressed;
using test::kFinal;
using test::ReadBy;
using test::written;
using wire::WebSocketPeer;

const std::string kToken = std::string("AKIA") + "IOSFODNN7EXAMPLQ";
const std::string kMask = "AKIA[REDACTED:aws-access-key-id]";
const std::string kStars = "AKIA" + std::string(16, '*');
const std::string kKnown = "correct-horse-battery";

std::shared_ptr<const redact::RuleSet> rules() {
  static const auto built = [] {
    redact::RuleSetConfig config;
    config.known.push_back({"pass", Secret(kKnown), false});
    return redact::RuleSet::build(config).value();
  }();
  return built;
}

MessagePipe::Config config(WebSocketPeer from = WebSocketPeer::client) {
  MessagePipe::Config out;
  out.from = from;
  out.rules = rules();
  return out;
}

ReadBy reading(const MessagePipe::Config& of) {
  ReadBy how;
  how.from = of.from;
  how.terms = of.deflate;
  return how;
}

struct Passed {
  std::string said;   // as the other side reads it
  std::string frames; // the same as bytes
  redact::Findings findings;
};

Passed pass(const MessagePipe::Config& how, const std::string& in, std::size_t piece) {
  MessagePipe pipe(how);
  Passed out;
  for (std::string_view rest = in; !rest.empty();
       rest.remove_prefix(std::min(piece, rest.size()))) {
    BOOST_REQUIRE(!pipe.feed(rest.substr(0, piece), out.frames));
  }
  out.said = test::websocket_transcript(out.frames, reading(how));
  out.findings = pipe.findings();
  return out;
}

std::string redacted(const MessagePipe::Config& how, const std::string& in) {
  const auto whole = pass(how, in, in.size());
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 50U}) {
    const auto cut = pass(how, in, piece);
    BOOST_TEST(cut.said == whole.said);
    BOOST_TEST((cut.findings == whole.findings));
  }
  return whole.said;
}

std::string text(const MessagePipe::Config& how, std::string payload, unsigned first = kFinal | 1) {
  return written({first, std::move(payload), how.from == WebSocketPeer::client});
}

std::string deflated(const MessagePipe::Config& how, const std::vector<std::string>& messages) {
  wire::MessageWriter writer(how.from, how.deflate);
  std::string out;
  for (const auto& one : messages) {
    writer.begin(wire::Opcode::text, wire::MessageWriter::Payload::deflate);
    writer.end(one, out);
  }
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(message_pipe)

BOOST_AUTO_TEST_CASE(texts_and_bytes) {
  for (const auto from : {WebSocketPeer::client, WebSocketPeer::server}) {
    const auto how = config(from);
    BOOST_TEST(redacted(how, text(how, "a " + kToken + " b") + text(how, "clean")) ==
               "text a " + kMask + " b; text clean; ");
    BOOST_TEST(redacted(how, text(how, "a " + kToken + " b", kFinal | 2)) ==
               "binary a " + kStars + " b; ");
    BOOST_TEST(redacted(how, text(how, "")) == "text ; ");
  }
}

BOOST_AUTO_TEST_CASE(a_secret_over_fragments) {
  const auto how = config();
  for (std::size_t cut = 1; cut < kToken.size(); ++cut) {
    const auto in = text(how, "x " + kToken.substr(0, cut), 1) + text(how, "ping", kFinal | 9) +
                    text(how, kToken.substr(cut) + " y", kFinal);
    BOOST_TEST(redacted(how, in) == "ping 70696e67; text x " + kMask + " y; ");
  }
  std::string each = text(how, kKnown.substr(0, 1), 1);
  for (std::size_t i = 1; i < kKnown.size(); ++i) each += text(how, kKnown.substr(i, 1), 0);
  BOOST_TEST(redacted(how, each + text(how, "", kFinal)) == "text [REDACTED:secret:pass]; ");
}

BOOST_AUTO_TEST_CASE(messages_are_texts_of_their_own) {
  const auto how = config();
  const auto half = kToken.substr(0, 10), rest = kToken.substr(10);
  BOOST_TEST(redacted(how, text(how, half) + text(how, rest)) ==
             "text " + half + "; text " + rest + "; ");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_secret_goes_on_at_once) {
  const auto how = config();
  MessagePipe pipe(how);
  std::string out;
  const auto in = text(how, std::string(1000, 'a') + " b", 1);
  BOOST_REQUIRE(!pipe.feed(std::string_view(in).substr(0, 508), out));
  BOOST_TEST(test::websocket_transcript(out, reading(how)) ==
             "text " + std::string(500, 'a') + "…");
  out.clear();
  BOOST_REQUIRE(!pipe.feed(std::string_view(in).substr(508), out));
  BOOST_TEST(out.size() > 500U);
  BOOST_TEST(pipe.messages() == 0U);
}

BOOST_AUTO_TEST_CASE(a_message_at_hand_stays_one_frame) {
  const auto how = config(WebSocketPeer::server);
  const auto in = text(how, "hello") + text(how, "x", kFinal | 2);
  BOOST_TEST(pass(how, in, in.size()).frames == in);
}

BOOST_AUTO_TEST_CASE(a_client_is_masked_anew) {
  const auto how = config();
  const auto in = text(how, "hello");
  const auto out = pass(how, in, in.size()).frames;
  BOOST_TEST(out.size() == in.size());
  BOOST_TEST(out.substr(2, 4) != in.substr(2, 4));
}

BOOST_AUTO_TEST_CASE(control_frames_are_looked_into) {
  const auto how = config();
  const auto in =
      text(how, kToken, kFinal | 9) + text(how, std::string("\x03\xe8") + kToken, kFinal | 8);
  BOOST_TEST(redacted(how, in) ==
             "ping " + to_hex(kStars) + "; close 03e8" + to_hex(kStars) + "; ");
  MessagePipe pipe(how);
  std::string out;
  pipe.feed(text(how, "", kFinal | 8), out);
  BOOST_TEST(pipe.closed());
  out.clear();
  pipe.close(wire::CloseCode::going_away, "again", out);
  BOOST_TEST(out.empty());
}

BOOST_AUTO_TEST_CASE(compressed_messages) {
  for (const bool takeover : {true, false}) {
    auto how = config();
    how.deflate.emplace().client_takeover = takeover;
    const auto in = deflated(how, {"one " + kToken, "two " + kToken, "clean clean clean"});
    BOOST_TEST(redacted(how, in) ==
               "text one " + kMask + "; text two " + kMask + "; text clean clean clean; ");
    BOOST_TEST((pass(how, in, in.size()).frames[0] & 0x40) != 0);
  }
  auto narrow = config(); // zlib cannot deflate so, but nobody has to
  narrow.deflate.emplace().client_bits = 8;
  auto wide = config();
  wide.deflate.emplace();
  const auto in = deflated(wide, {kToken});
  BOOST_TEST(redacted(narrow, in) == "text " + kMask + "; ");
  BOOST_TEST((pass(narrow, in, in.size()).frames[0] & 0x40) == 0);
}

BOOST_AUTO_TEST_CASE(without_rules_it_is_a_pipe) {
  auto how = config();
  how.rules = nullptr;
  how.deflate.emplace();
  BOOST_TEST(redacted(how, text(how, kToken)) == "text " + kToken + "; ");
  const auto packed = deflated(how, {"one " + kToken, "two " + kToken});
  BOOST_TEST(redacted(how, packed) == "text one " + kToken + "; text two " + kToken + "; ");
  BOOST_TEST(pass(how, packed, packed.size()).frames.size() == packed.size());
}

BOOST_AUTO_TEST_CASE(faults_end_it) {
  const auto fault = [](const MessagePipe::Config& how, const std::string& in) {
    MessagePipe pipe(how);
    std::string out;
    const auto found = pipe.feed(in, out);
    return found ? static_cast<int>(found->code) : 0;
  };
  auto how = config();
  how.message_bytes = 10;
  BOOST_TEST(fault(how, text(how, "0123456789")) == 0);
  BOOST_TEST(fault(how, text(how, "0123456789a")) == 1009);
  BOOST_TEST(fault(how, text(how, "\xff")) == 1007);
  BOOST_TEST(fault(how, text(how, "x", kFinal | kCompressed | 1)) == 1002);
}

// ---- pieces of a text, a JSON message each ------------------------------------------------------

namespace {

MessagePipe::Config joining() {
  auto out = config(WebSocketPeer::server);
  out.joins_events = true;
  return out;
}

std::string delta(std::string_view piece) {
  return "{\"type\":\"response.text.delta\",\"item_id\":\"i\",\"delta\":\"" + std::string(piece) +
         "\"}";
}
const std::string kDone = "{\"type\":\"response.text.done\",\"item_id\":\"i\"}";

// The deltas of a transcript put together.
std::string said(const std::string& transcript) {
  std::string out;
  const std::string key = "\"delta\":\"";
  for (auto at = transcript.find(key); at != std::string::npos; at = transcript.find(key, at)) {
    at += key.size();
    out += transcript.substr(at, transcript.find('"', at) - at);
  }
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_streamed_secret_is_found_over_messages) {
  const auto how = joining();
  for (const std::size_t size : {1U, 3U, 7U}) {
    std::string in, plain = "The key is " + kToken + " and the pass " + kKnown + ".";
    for (std::size_t at = 0; at < plain.size(); at += size)
      in += text(how, delta(std::string_view(plain).substr(at, size)));
    in += text(how, kDone);
    const auto seen = redacted(how, in);
    BOOST_TEST(said(seen) == "The key is " + kMask + " and the pass [REDACTED:secret:pass].");
    BOOST_TEST(seen.ends_with("text " + kDone + "; "));
    const auto messages = [](const std::string& all) {
      std::size_t count = 0;
      for (auto i = all.find("text {"); i != std::string::npos; i = all.find("text {", i + 1))
        ++count;
      return count;
    };
    BOOST_TEST(messages(seen) <= plain.size() / size + 3);
  }
}

BOOST_AUTO_TEST_CASE(what_a_text_holds_goes_before_its_end_or_the_close) {
  const auto how = joining();
  const auto begin = text(how, delta("see " + kKnown.substr(0, 7)));
  const auto held = redacted(how, begin);
  BOOST_TEST(said(held) == "see ");
  for (const auto& [end, last] : {std::pair{text(how, kDone), "text " + kDone + "; "},
                                  {text(how, "", kFinal | 8), "close ; "s}}) {
    const auto seen = redacted(how, begin + end);
    BOOST_TEST(said(seen) == "see " + kKnown.substr(0, 7));
    BOOST_TEST(seen.ends_with("\"}; " + last));
  }
}

BOOST_AUTO_TEST_CASE(clean_messages_pass_byte_for_byte_and_at_once) {
  const auto how = joining();
  for (const std::string& one :
       {delta("hello"), "{\n \"a\": [1, 2],\n \"b\": \"x\"\n}\n"s, "[]"s, "not json {"s, "{broken"s,
        "  "s, "42"s, "[DONE]"s, delta(std::string(40'000, 'a'))}) {
    const auto in = text(how, one);
    BOOST_TEST(pass(how, in, in.size()).frames == in);
    BOOST_TEST(redacted(how, in + in) == "text " + one + "; text " + one + "; ");
  }
  MessagePipe pipe(how); // what its sender cuts is not held
  std::string out;
  pipe.feed(text(how, delta("a b c"), 1), out);
  BOOST_TEST(!out.empty());
}

BOOST_AUTO_TEST_CASE(pretty_json_keeps_its_lines) {
  const auto how = joining();
  const std::string one = "{\n  \"delta\": \"see " + kKnown + " end\"\n}";
  BOOST_TEST(redacted(how, text(how, one)) ==
             "text {\n  \"delta\": \"see [REDACTED:secret:pass] end\"\n}; ");
  const std::string half = "{\n  \"type\": \"x.delta\",\n  \"delta\": \"see correct-h\"\n}";
  const auto seen = redacted(how, text(how, half) + text(how, "", kFinal | 8));
  BOOST_TEST(seen == "text {\n  \"type\": \"x.delta\",\n  \"delta\": \"see \"\n}; "
                     "text {\n  \"type\": \"x.delta\",\n  \"delta\": \"correct-h\"\n}; close ; ");
}

BOOST_AUTO_TEST_CASE(other_messages_between_are_whole) {
  const auto how = joining();
  const auto in = text(how, delta("AKIA")) + text(how, "plain " + kToken) +
                  text(how, "{\"other\":\"" + kToken + "\"}") +
                  text(how, delta(kToken.substr(4) + " "));
  const auto seen = redacted(how, in);
  BOOST_TEST(seen.find(kToken.substr(4)) == std::string::npos);
  BOOST_TEST(seen.find("text plain " + kMask + "; ") != std::string::npos);
  BOOST_TEST(seen.find("text {\"other\":\"" + kMask + "\"}; ") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

// Streams of events: a secret in pieces is found in every protocol, wherever it is cut; nothing
// else changes, waits or depends on cuts.
#include "policy/redact/event_stream.hpp"
#include "policy/redact/redactor.hpp"

#include "tests/support/event_transcript.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

namespace {

using namespace sluice;
using redact::EventFormat;
using redact::EventStream;
using test::Pieces;

const std::string kKnown = "correct-horse-battery";
const std::string kToken = std::string("AKIA") + "IOSFODNN7EXAMPLQ";

std::shared_ptr<const redact::RuleSet> rules() {
  static const auto all = [] {
    redact::RuleSetConfig config;
    config.known.push_back({"pass", Secret(kKnown), false});
    config.fingerprint_key = "run";
    return redact::RuleSet::build(config).value();
  }();
  return all;
}

struct Done {
  std::string text;
  redact::Findings findings;
  bool operator==(const Done&) const = default;
};

Done pass(const std::string& in, const std::function<std::size_t()>& size,
          EventFormat format = EventFormat::server_sent) {
  EventStream stream(rules(), format);
  Done out;
  for (std::size_t at = 0; at < in.size();) {
    const auto n = std::min(size(), in.size() - at);
    stream.feed(std::string_view(in).substr(at, n), out.text);
    at += n;
  }
  stream.finish(out.text);
  out.findings = stream.findings();
  return out;
}

// Whole, byte by byte, cut once anywhere and in random pieces: the same, or the case fails.
std::string redacted(const std::string& in, EventFormat format = EventFormat::server_sent) {
  const auto whole = pass(
      in, [&] { return in.size(); }, format);
  BOOST_CHECK(pass(
                  in, [] { return std::size_t{1}; }, format) == whole);
  for (std::size_t cut = 1; cut < in.size(); cut += 1 + in.size() / 400) {
    bool first = true;
    const auto size = [&] { return std::exchange(first, false) ? cut : in.size(); };
    BOOST_REQUIRE(pass(in, size, format) == whole);
  }
  std::mt19937 random(7);
  for (int i = 0; i < 20; ++i) {
    BOOST_CHECK(pass(
                    in, [&] { return std::size_t{1 + random() % 40}; }, format) == whole);
  }
  return whole.text;
}

std::string json_data(const std::string& payload) {
  return "data: " + payload + "\n\n";
}
std::string chat(int choice, const std::string& text, const std::string& reason = "null") {
  return json_data(R"({"choices":[{"index":)" + std::to_string(choice) + R"(,"delta":{"content":)" +
                   test::quoted(text) + R"(},"finish_reason":)" + reason + "}]}");
}

} // namespace

BOOST_AUTO_TEST_SUITE(event_stream)

BOOST_AUTO_TEST_CASE(content_types) {
  for (const auto* type : {"text/event-stream", "TEXT/Event-Stream ; charset=utf-8"}) {
    BOOST_CHECK(redact::event_format_of(type) == EventFormat::server_sent);
  }
  for (const auto* type : {"application/x-ndjson", "application/jsonl", "application/json-seq"}) {
    BOOST_CHECK(redact::event_format_of(type) == EventFormat::line_each);
  }
  for (const auto* type : {"", "text/plain", "application/json", "text/event-stream-x"}) {
    BOOST_CHECK(!redact::event_format_of(type).has_value());
  }
}

// In two pieces cut anywhere, and in small ones: what a reader joins is what one redactor gives.
BOOST_AUTO_TEST_CASE(a_secret_in_pieces_in_every_protocol) {
  for (const auto& protocol : test::protocols()) {
    for (const auto& secret : {kKnown, kToken}) {
      const std::string text = "The \"key\"\nis " + secret + ", good; cor";
      const auto wanted = redact::redact_whole(rules(), text);
      for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        const auto in = test::stream_of(protocol, {text.substr(0, cut), text.substr(cut)});
        const auto out = pass(in, [&] { return in.size(); });
        BOOST_TEST(test::joined(protocol, out.text) == wanted.text, protocol.name << " " << cut);
        BOOST_TEST((out.findings == wanted.findings), protocol.name);
      }
      for (std::size_t size = 1; size < 8; ++size) {
        Pieces pieces;
        for (std::size_t at = 0; at < text.size(); at += size)
          pieces.push_back(text.substr(at, size));
        const auto out = redacted(test::stream_of(protocol, pieces));
        BOOST_TEST(test::joined(protocol, out) == wanted.text, protocol.name << " by " << size);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(clean_events_pass_at_once_and_as_they_are) {
  for (const auto& protocol : test::protocols()) {
    const Pieces pieces = {"Hello", " wor\\ld \"x\"", "\xF0\x9F\x98\x80 \n!", "", " end."};
    EventStream stream(rules(), EventFormat::server_sent);
    std::string all;
    for (const auto& piece : pieces) {
      const auto event = protocol.piece(piece);
      std::string out;
      stream.feed(event, out);
      BOOST_TEST(out == event, protocol.name);
    }
    const auto in = test::stream_of(protocol, pieces);
    BOOST_TEST(redacted(in) == in, protocol.name);
    BOOST_TEST(!stream.rewrote());
  }
}

BOOST_AUTO_TEST_CASE(interleaved_texts_are_not_joined_to_one_another) {
  std::string in;
  for (std::size_t i = 0; i < kToken.size(); ++i) {
    in += chat(0, kToken.substr(i, 1)) + chat(1, std::string(1, static_cast<char>('a' + i % 20)));
  }
  const auto out = redacted(in);
  BOOST_TEST(out.find("[REDACTED:aws-access-key-id]") != std::string::npos);
  BOOST_TEST(out.find(chat(1, "b")) != std::string::npos);
  BOOST_TEST(pass(in, [] { return std::size_t{99}; }).findings.total() == 1U);
}

// Text that may be part of a secret moves to the next event, and out before the end.
BOOST_AUTO_TEST_CASE(held_text_moves_on) {
  BOOST_TEST(redacted(chat(0, "a corr") + chat(0, "idor")) == chat(0, "a ") + chat(0, "corridor"));
  const std::string stop =
      json_data(R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})");
  BOOST_TEST(redacted(chat(0, "a corr") + stop) == chat(0, "a ") + chat(0, "corr") + stop);
  BOOST_TEST(redacted(chat(0, "a cor") + chat(0, "r", "\"stop\"")) ==
             chat(0, "a ") + chat(0, "corr", "\"stop\""));
  BOOST_TEST(redacted(chat(0, "a corr") + "data: [DONE]\n\n") ==
             chat(0, "a ") + chat(0, "corr") + "data: [DONE]\n\n");
  BOOST_TEST(redacted(chat(0, "a corr")) == chat(0, "a ") + chat(0, "corr"));
  BOOST_TEST(redacted(chat(1, "a corr") + stop) == chat(1, "a ") + stop + chat(1, "corr"));
}

BOOST_AUTO_TEST_CASE(held_text_goes_before_the_block_that_it_is_in_ends) {
  const auto block = [](const std::string& text) {
    return "event: content_block_delta\nid: 7\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
           "\"delta\":{\"type\":\"text_delta\",\"text\":\"" +
           text + "\"}}\n\n";
  };
  const std::string stop =
      "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
  auto clone = block("corr");
  clone.erase(clone.find("id: 7\n"), 6);
  BOOST_TEST(redacted(block("a corr") + stop) == block("a ") + clone + stop);
}

BOOST_AUTO_TEST_CASE(strings_that_are_whole) {
  const auto out = redacted(
      json_data(R"({"type":"response.completed","response":{"output":[{"content":[{"text":"\n)" +
                kToken + R"("}]}]},"corre\u0063t-horse-battery":1})"));
  BOOST_TEST(out == json_data(R"({"type":"response.completed","response":{"output":[{"content":)"
                              R"([{"text":"\nAKIA[REDACTED:aws-access-key-id]"}]}]},)"
                              R"("[REDACTED:secret:pass]":1})"),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(lines_that_are_no_data) {
  for (const std::string line : {": ", "id: ", "event: ", "retry: ", "x", ""}) {
    for (const std::string rest : {"\n", "data: {\"a\":1}\n\n", "\r\ndata: x\r\n\r\n"}) {
      const auto out = redacted(line + kKnown + "\n" + rest);
      BOOST_TEST(out == line + "[REDACTED:secret:pass]\n" + rest);
    }
  }
}

BOOST_AUTO_TEST_CASE(framing_stays) {
  for (const std::string in :
       {"\xEF\xBB\xBF"
        "data: {\"delta\":\"x\"}\n\n",
        "data:{\"delta\":\"x\"}\r\r", "data\n\n", "data: {\"delta\":\"x\"}\r\n\r\n",
        "data:\n\n\n\r\r\n", "data: {\ndata:  \"delta\":\"x\"\ndata:}\n\n",
        "event: x\ndata: {\"delta\":\"x\"}\nid: 1\n\n", "data: {\"delta\":\"x\"}", "data: {\"del",
        ": ping\n\n", "\n\n\n", "data: {} \r\n\r", "dat", "data: \"a\"\n: c\ndata: \n\n"}) {
    BOOST_TEST(redacted(in) == in);
  }
}

BOOST_AUTO_TEST_CASE(payload_of_several_lines) {
  BOOST_TEST(redacted("data:{\r\ndata: \"delta\":\"a corr\"\r\ndata: }\r\n\r\n"
                      "data:{\"delta\":\"ect-horse-battery\"}\n\n") ==
             "data:{\r\ndata: \"delta\":\"a \"\r\ndata: }\r\n\r\n"
             "data:{\"delta\":\"[REDACTED:secret:pass]\"}\n\n");
}

BOOST_AUTO_TEST_CASE(payload_without_json) {
  const auto text =
      redacted("data: see corr\n\ndata: ect-horse\n\ndata: -battery!\n\ndata: [DONE]\n\n");
  BOOST_TEST(text == "data: see \n\ndata: \n\ndata: [REDACTED:secret:pass]!\n\ndata: [DONE]\n\n");
  BOOST_TEST(redacted("event: endpoint\ndata: /messages?c=corr\n\n") ==
             "event: endpoint\ndata: /messages?c=corr\n\n");
  BOOST_TEST(redacted("data: 1corr\n\n: x\n\n") == "data: 1\n\n: x\n\ndata: corr\n\n");
}

// As one who reads each event for itself sees it: a token behind nothing.
BOOST_AUTO_TEST_CASE(a_token_at_the_beginning_of_a_piece) {
  const std::string mask = "AKIA[REDACTED:aws-access-key-id]";
  BOOST_TEST(redacted(chat(0, "hello") + chat(0, kToken) + chat(0, " ") + chat(0, kToken + " x")) ==
             chat(0, "hello") + chat(0, mask) + chat(0, " ") + chat(0, mask + " x"));
  BOOST_TEST(redacted("data: hello\n\ndata: " + kToken + "\n\ndata: end\n\n") ==
             "data: hello\n\ndata: " + mask + "\n\ndata: end\n\n");
  for (const std::string secret :
       {"glpat-Ab3dE5gH7jK9mN1pQ2rS", "sk_live_Ab3dE5gH7jK9mN1pQ2rS4tU6"}) {
    BOOST_TEST(redacted(chat(0, "hello") + chat(0, secret)).find(secret.substr(8)) ==
               std::string::npos);
  }
}

// A number is whole, and no piece of a text.
BOOST_AUTO_TEST_CASE(numbers_and_words_of_json_stay_where_they_are) {
  const std::string in = "event: progress\ndata: 16\n\nevent: progress\ndata: 36\n\nevent: "
                         "progress\ndata: 6\n\ndata: true\n\n"
                         "data: -6.1e7\n\ndata: null\n\n";
  BOOST_TEST(redacted(in) == in);
}

// Each text that is held may come back in an event of its own: how many and how large is bounded.
BOOST_AUTO_TEST_CASE(held_texts_do_not_multiply_a_large_event) {
  std::string pieces;
  for (int i = 0; i < 256; ++i)
    pieces += "{\"index\":" + std::to_string(i) + ",\"text\":\"a correct\"},";
  pieces.back() = ']';
  const auto event = [&](std::size_t pad) {
    return "data: {\"choices\":[" + pieces + ",\"pad\":\"" + std::string(pad, 'x') + "\"}\n\n";
  };
  for (const std::size_t pad : {std::size_t{1'000}, std::size_t{20'000}, std::size_t{900'000}}) {
    const std::string in = event(pad) + "data: [DONE]\n\n";
    EventStream stream(rules(), EventFormat::server_sent);
    std::string out;
    stream.feed(in, out);
    stream.finish(out);
    BOOST_TEST(out.size() <= in.size() + 40 * std::min<std::size_t>(in.size(), 32'768));
  }
}

// The stream breaks off in the middle of an event.
BOOST_AUTO_TEST_CASE(an_event_without_an_end) {
  const auto event = "event: a\nid: 1\ndata: {\ndata: \"delta\":\"" + kKnown + "\"}\n\n";
  for (std::size_t size = 0; size <= event.size(); ++size) {
    const auto in = chat(0, "a co") + event.substr(0, size);
    const auto out = redacted(in);
    BOOST_TEST(out.find(kKnown) == std::string::npos);
    if (in.find(kKnown) == std::string::npos) BOOST_TEST(out.ends_with(event.substr(0, size)));
  }
}

BOOST_AUTO_TEST_CASE(escapes_and_cut_characters) {
  std::string in, spelled;
  for (const char c : kKnown) {
    char unit[8];
    std::snprintf(unit, sizeof unit, "\\u%04x", static_cast<unsigned>(c));
    in += json_data("{\"delta\":\"" + std::string(unit) + "\"}");
  }
  BOOST_TEST(redacted(in).find("[REDACTED:secret:pass]") != std::string::npos);
  const auto cut = json_data(R"({"delta":"corr \ud83d"})") + json_data(R"({"delta":"\ude00 c"})");
  BOOST_TEST(redacted(cut).find("\\ud83d") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_event_too_large_is_redacted_as_bytes) {
  const std::string filler(1 << 20, 'x');
  const auto in = chat(0, "a") + json_data("{\"delta\":\"" + filler + " " + kKnown + " \"}") +
                  "data: " + filler + kKnown + "\r\r\ndata: {\"delta\":\"b\"}\n\n";
  const auto whole = pass(in, [&] { return in.size(); });
  BOOST_CHECK(pass(in, [] { return std::size_t{4097}; }) == whole);
  BOOST_CHECK(pass(in, [] { return std::size_t{65536}; }) == whole);
  BOOST_TEST(whole.text.find(kKnown) == std::string::npos);
  BOOST_TEST(whole.findings.total() == 2U);
  BOOST_TEST(whole.text.ends_with("\r\r\ndata: {\"delta\":\"b\"}\n\n"));
}

BOOST_AUTO_TEST_CASE(a_line_each) {
  const auto line = [](const std::string& text) {
    return "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"" + text +
           "\"},\"done\":false}\n";
  };
  const std::string done = "{\"model\":\"m\",\"message\":{\"content\":\"\"},\"done\":true}\n";
  BOOST_TEST(redacted(line("a corr") + line("ect-horse-battery") + done, EventFormat::line_each) ==
             line("a ") + line("[REDACTED:secret:pass]") + done);
  BOOST_TEST(redacted("x\n" + kKnown + "\n{}\n\x1E{\"delta\":\"" + kKnown + "\"}",
                      EventFormat::line_each) ==
             "x\n[REDACTED:secret:pass]\n{}\n\x1E{\"delta\":\"[REDACTED:secret:pass]\"}");
}

BOOST_AUTO_TEST_CASE(a_message_each) {
  using Messages = std::vector<std::string>;
  const auto delta = [](const std::string& text) {
    return "{\"type\":\"response.text.delta\",\n\"delta\":\"" + text + "\"}";
  };
  const std::string done = "{\"type\":\"response.text.done\"}";
  EventStream stream(rules(), EventFormat::message_each);
  Messages out;
  BOOST_TEST(stream.take_message(delta("a corr"), out));
  BOOST_TEST(stream.take_message(delta("ect-horse-battery b corr"), out));
  BOOST_TEST((out == Messages{delta("a "), delta("[REDACTED:secret:pass] b ")}));
  out.clear();
  BOOST_TEST(stream.take_message(done, out)); // what is held goes before the end of its text
  BOOST_TEST((out == Messages{delta("corr"), done}));
  out.clear();
  BOOST_TEST(stream.take_message(delta("more corr"), out));
  for (const char* other : {"no json", "{", "", "1"}) BOOST_TEST(!stream.take_message(other, out));
  stream.finish_messages(out);
  BOOST_TEST((out == Messages{delta("more "), delta("corr")}));
  BOOST_TEST(stream.findings().total() == 1U);
  BOOST_TEST(stream.rewrote());
}

BOOST_AUTO_TEST_CASE(more_texts_than_are_kept_apart) {
  std::string in;
  for (int i = 0; i < 400; ++i) in += chat(i, "a");
  in += chat(1000, "corr") + chat(1000, "ect-horse-battery") + chat(0, "x");
  EventStream stream(rules(), EventFormat::server_sent);
  std::string out;
  stream.feed(in, out);
  stream.finish(out);
  BOOST_TEST(out.find("[REDACTED:secret:pass]") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

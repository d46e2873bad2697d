#include "proxy/call/usage_scanner.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <string>
#include <vector>

namespace {

using sluice::call::UsageScanner;
using Form = UsageScanner::Form;
using Ended = UsageScanner::Ended;

std::uint64_t tokens(std::string_view text, Form form, Ended ended = Ended::yes) {
  UsageScanner scanner(form);
  scanner.feed(text);
  return scanner.tokens(ended);
}

struct Case {
  std::string_view what, text;
  Form form;
  std::uint64_t tokens;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"openai chat",
       R"({"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant",
"content":"{\"usage\":{\"total_tokens\":999999}}"},"finish_reason":"stop"}],
"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,
"prompt_tokens_details":{"cached_tokens":7777}}})",
       Form::whole, 29},
      {"openai chat without a total", R"({"usage":{"prompt_tokens":19,"completion_tokens":10}})",
       Form::whole, 29},
      {"openai stream",
       "data: {\"choices\":[{\"delta\":{\"content\":\"a \\\"usage\\\" \"}}],\"usage\":null}\n\n"
       "data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}],\"usage\":null}\n\n"
       "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,"
       "\"total_tokens\":7}}\n\ndata: [DONE]\n\n",
       Form::events, 7},
      {"openai stream that names none",
       "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\n"
       "data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\r\n\r\ndata: [DONE]\r\n\r\n",
       Form::events, 2},
      {"openai responses",
       R"({"output":[{"content":[{"text":"hi"}]}],"usage":{"input_tokens":36,
"input_tokens_details":{"cached_tokens":0},"output_tokens":87,"total_tokens":123}})",
       Form::whole, 123},
      {"openai responses stream",
       "event: response.output_text.delta\ndata: {\"type\":\"x\",\"delta\":\"usage: 9\"}\n\n"
       "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":"
       "{\"id\":\"r\",\"output\":[{\"usage\":{\"total_tokens\":500}}],\"usage\":"
       "{\"input_tokens\":4,\"output_tokens\":6,\"total_tokens\":10}}}\n\n",
       Form::events, 10},
      {"anthropic",
       R"({"type":"message","content":[{"type":"tool_use","input":{"usage":{"input_tokens":900}}}],
"usage":{"input_tokens":10,"cache_read_input_tokens":500,"output_tokens":25}})",
       Form::whole, 35},
      {"anthropic stream",
       "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\","
       "\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n"
       "event: ping\ndata: {\"type\": \"ping\"}\n\n"
       "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":"
       "{\"type\":\"text_delta\",\"text\":\"Hello\"}}\n\n"
       "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
       "\"end_turn\"},\"usage\":{\"output_tokens\":15}}\n\n"
       "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
       Form::events, 40},
      {"gemini",
       R"({"candidates":[{"content":{"parts":[{"text":"x"}]}}],
"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":6,"thoughtsTokenCount":50,"totalTokenCount":60}})",
       Form::whole, 60},
      {"gemini's list",
       "[{\"candidates\":[],\"usageMetadata\":{\"promptTokenCount\":4,\"totalTokenCount\":5}}\n,\n"
       "{\"candidates\":[],\"usageMetadata\":{\"promptTokenCount\":4,\"totalTokenCount\":9}}\n]",
       Form::whole, 9},
      {"ollama",
       "{\"response\":\"a\",\"done\":false}\n{\"response\":\"b\",\"done\":false}\n"
       "{\"response\":\"\",\"done\":true,\"total_duration\":123456,\"prompt_eval_count\":26,"
       "\"eval_count\":298,\"eval_duration\":4}\n",
       Form::events, 324},
      {"an event over several lines",
       "data: {\ndata: \"usage\":\ndata: {\"total_tokens\":\ndata: 12}\ndata: }\n\n", Form::events,
       12},
      {"a line that was cut", "data: {\"a\":\"half\ndata: {\"usage\":{\"total_tokens\":8}}\n\n",
       Form::events, 8},
      {"usage where no format has it",
       R"({"a":{"usage":{"total_tokens":1}},"b":{"b":{"usage":{"total_tokens":2}}},
"usage":[{"total_tokens":3}],"message":[{"usage":4},{"total_tokens":5}],
"usage_of":{"total_tokens":6},"usage":"total_tokens 7","message":{"total_tokens":8}})",
       Form::whole, 0},
      {"a list where an object had usage before",
       R"({"x":{"usage":1},"message":[{"total_tokens":999}]})", Form::whole, 0},
      {"numbers that are none",
       R"({"usage":{"total_tokens":-5,"prompt_tokens":"7","completion_tokens":2.9e3}})",
       Form::whole, 2},
      {"a number without end", R"({"usage":{"total_tokens":99999999999999999999999999}})",
       Form::whole, 1'000'000'000'000},
      {"no JSON", "usage: {total_tokens: 5} \"usage\" \\ ]]}}", Form::whole, 0},
      {"nothing", "", Form::events, 0},
  };
  return all;
}

BOOST_AUTO_TEST_SUITE(usage_scanner)

BOOST_AUTO_TEST_CASE(what_the_answers_say) {
  for (const Case& one : cases())
    BOOST_TEST(tokens(one.text, one.form) == one.tokens,
               one.what << ": " << tokens(one.text, one.form));
}

BOOST_AUTO_TEST_CASE(no_cut_changes_what_is_said) {
  for (const Case& one : cases()) {
    for (std::size_t first = 0; first <= one.text.size(); ++first) {
      for (std::size_t second = first; second <= one.text.size(); second += 7) {
        UsageScanner scanner(one.form);
        scanner.feed(one.text.substr(0, first));
        scanner.feed(one.text.substr(first, second - first));
        scanner.feed(one.text.substr(second));
        BOOST_TEST_REQUIRE(scanner.tokens(Ended::yes) == one.tokens,
                           one.what << " cut at " << first << " and " << second);
      }
    }
    UsageScanner by_byte(one.form);
    for (const char c : one.text) by_byte.feed({&c, 1});
    BOOST_TEST(by_byte.tokens(Ended::yes) == one.tokens, one.what);
  }
}

// Any bytes at all, however they are cut: the same, and no crash.
BOOST_AUTO_TEST_CASE(no_cut_changes_what_is_said_of_any_text) {
  constexpr std::string_view kPieces[] = {"{",
                                          "}",
                                          "[",
                                          "]",
                                          "\"",
                                          "\\",
                                          ":",
                                          ",",
                                          "\n",
                                          " ",
                                          "7",
                                          "12",
                                          "-",
                                          ".",
                                          "\"usage\"",
                                          "data: ",
                                          "\"a\"",
                                          "\"x",
                                          "e",
                                          "\xff",
                                          "\"usage\":{",
                                          "\"total_tokens\":",
                                          "\"message\":{",
                                          "\"eval_count\":3"};
  std::mt19937 random(7);
  const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  std::uint64_t said = 0;
  for (int run = 0; run < 20'000; ++run) {
    std::string text;
    for (std::size_t left = below(40); left > 0; --left) text += kPieces[below(std::size(kPieces))];
    const Form form = below(2) == 0 ? Form::whole : Form::events;
    UsageScanner cut(form);
    for (std::size_t at = 0; at < text.size();) {
      const auto size = std::min(text.size() - at, 1 + below(5));
      cut.feed(std::string_view(text).substr(at, size));
      at += size;
    }
    for (const Ended ended : {Ended::no, Ended::yes}) {
      BOOST_TEST_REQUIRE(cut.tokens(ended) == tokens(text, form, ended), text);
    }
    said += cut.tokens(Ended::yes) > 0 ? 1 : 0;
  }
  BOOST_TEST(said > 1'000U);
}

BOOST_AUTO_TEST_CASE(a_stream_that_was_cut_counts_at_least_its_events) {
  std::string text = "data: {\"type\":\"message_start\",\"message\":{\"usage\":"
                     "{\"input_tokens\":3,\"output_tokens\":1}}}\n\n";
  for (int i = 0; i < 50; ++i) text += "data: {\"delta\":{\"text\":\"x\"}}\n\n";
  BOOST_TEST(tokens(text, Form::events, Ended::no) == 51U);
  text += "data: {\"usage\":{\"output_tokens\":40}}\n\n";
  BOOST_TEST(tokens(text, Form::events, Ended::yes) == 43U);
}

BOOST_AUTO_TEST_CASE(depth_and_length_cost_no_memory) {
  std::string text(100'000, '[');
  text += std::string(100'000, ']') + std::string(100'000, '{') + std::string(100'000, '}');
  text += "{\"" + std::string(100'000, 'k') + "\":1,\"usage\":{\"total_tokens\":6}}";
  BOOST_TEST(tokens(text, Form::whole) == 6U);
  static_assert(sizeof(UsageScanner) <= 160);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace

#include "policy/content/read_content.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

namespace {

using namespace sluice;
using namespace sluice::content;
using model::Content;
using model::Operation;

std::shared_ptr<const Content> read(std::string_view text, std::string_view path = "/",
                                    Ended ended = Ended::yes, std::string_view type = "") {
  model::EgressCall head;
  head.method = "POST";
  head.path = path;
  if (!type.empty()) model::add_field(head, "content-type", type);
  return read_content(head, text, ended);
}

// "tool tools/call read_file; model gpt (streaming)", with ! before what could not be read.
std::string found(const std::shared_ptr<const Content>& content) {
  std::string out;
  for (const Operation& one : content->operations) {
    out += (out.empty() ? "" : "; ") + std::string(one.read ? "" : "!") +
           std::string(to_string(one.kind));
    if (!one.method.empty()) out += ' ' + one.method;
    for (const auto& name : one.names) out += ' ' + name;
    if (one.streaming) out += " (streaming)";
  }
  return out;
}

BOOST_AUTO_TEST_SUITE(read_content_suite)

BOOST_AUTO_TEST_CASE(tools_are_found_wherever_they_go) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"rm","arguments":{}}})",
       "tool tools/call rm"},
      {R"({"method":"tools/call","params":{"name":"rm"}})", "tool tools/call rm"},
      {R"([{"method":"tools/call","params":{"name":"a"}},{"method":"ping"},)"
       R"({"method":"tools/call","params":{"name":"b"}}])",
       "tool tools/call a; tool tools/call b"},
      {R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})", ""},
      {R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"name":"x"}})", ""},
      // What some server may read otherwise.
      {R"({"Method":"tools/call","params":{"name":"rm"}})", "!tool tools/call rm"},
      {R"({"method":"ping","METHOD":"tools/call","params":{"name":"rm"}})", "!tool tools/call rm"},
      {R"({"method":"Tools/Call","params":{"name":"rm"}})", "!tool tools/call rm"},
      {R"({"method":"tools/call","params":{"Name":"rm"}})", "!tool tools/call rm"},
      {R"({"method":"tools/call","params":{"name":"a","NAME":"rm"}})", "!tool tools/call a"},
      {R"({"method":"tools/call","Params":{"name":"rm"}})", "!tool tools/call rm"},
      {R"({"method":"tools/call","params":{"name":["rm"]}})", "!tool tools/call rm"},
      {R"({"method":"tools/call","params":{"name":7}})", "!tool tools/call"},
      {R"({"method":"tools/call","params":["rm"]})", "!tool tools/call"},
      {R"({"method":"tools/call"})", "!tool tools/call"},
      {R"({"method":"tools/call","params":{"name":"a","Arguments":{"x":1}}})",
       "!tool tools/call a"},
      {R"({"method":["tools/call"],"params":{"name":"rm"}})", ""},
  };
  for (const auto& [text, expected] : rows) BOOST_TEST(found(read(text)) == expected, text);
}

BOOST_AUTO_TEST_CASE(agents_are_found_by_method_and_by_path) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {R"({"method":"message/send","params":{"message":{"metadata":{"skillId":"sum"}}}})",
       "agent message/send sum"},
      {R"({"method":"message/stream","params":{"metadata":{"skills":["a","b"]}}})",
       "agent message/stream a b (streaming)"},
      {R"({"method":"SendMessage","params":{}})", "agent message/send"},
      {R"({"method":"SendStreamingMessage"})", "agent message/stream (streaming)"},
      {R"({"method":"tasks/get","params":{"id":"1"}})", "agent tasks/get"},
      {R"({"method":"tasks/get","params":{"taskId":"1"}})", ""}, // a task of MCP
      {R"({"method":"tasks/get","params":{"taskId":"1","id":"1"}})", "agent tasks/get"},
      {R"({"method":"tasks/cancel","params":{"taskId":"1","Id":"1"}})", "agent tasks/cancel"},
      {R"({"method":"tasks/pushNotificationConfig/set","params":{"taskId":"1"}})",
       "agent tasks/pushNotificationConfig/set"},
      {R"({"method":"message/send","params":{"Message":{"metadata":{"skill":"x"}}}})",
       "!agent message/send x"},
      {R"({"method":"message/send","params":{"Metadata":{"skill":"x"}}})", "!agent message/send x"},
      {R"([[{"method":"message/send"}]])", "agent message/send"},
      {R"({"method":"tasks/send","params":{}})", "agent tasks/send"},
      {R"({"Method":"message/send","params":{}})", "!agent message/send"},
      {R"({"method":"messages"})", ""},
  };
  for (const auto& [text, expected] : rows) BOOST_TEST(found(read(text)) == expected, text);
  BOOST_TEST(found(read("{}", "/v1/message:send")) == "agent message/send");
  BOOST_TEST(found(read("{}", "/message:stream")) == "agent message/stream (streaming)");
  BOOST_TEST(found(read("", "/v1/tasks/7:cancel")) == "agent tasks/cancel");
  BOOST_TEST(found(read("{}", "/v1/jobs/7:cancel")) == "");
  for (const std::string_view path :
       {"/v1/message%3Astream", "/v1/message:stream/", "/v1/Message:Stream"})
    BOOST_TEST(found(read("{}", path)) == "agent message/stream (streaming)", path);
  BOOST_TEST(found(read("{}", "/v1/tasks/1/pushNotificationConfigs")) ==
             "agent tasks/pushNotificationConfig/set");
}

BOOST_AUTO_TEST_CASE(models_are_found_by_body_and_by_path) {
  const std::tuple<std::string_view, std::string_view, std::string_view> rows[] = {
      {"/v1/chat/completions", R"({"model":"gpt-4o","messages":[]})", "model gpt-4o"},
      {"/v1/chat/completions", R"({"model":"gpt-4o","messages":[],"stream":true})",
       "model gpt-4o (streaming)"},
      {"/anything", R"({"model":"m","prompt":"x"})", "model m"},
      {"/anything", R"({"model":"T","colour":"red"})", ""}, // a car
      {"/api/v1/chat/completions", R"({"models":["a","b"],"messages":[]})", "model a b"},
      {"/v1/messages/batches",
       R"({"requests":[{"params":{"model":"a"}},{"params":{"model":"b"}}]})", "model a b"},
      {"/v1beta/models/gemini-2:streamGenerateContent", R"({"contents":[]})",
       "model gemini-2 (streaming)"},
      {"/v1/projects/p/locations/l/publishers/google/models/gemini-2:generateContent", "{}",
       "model gemini-2"},
      {"/openai/deployments/dep/chat/completions", R"({"messages":[]})", "model dep"},
      {"/openai/deployments/dep/chat/completions", R"({"model":"x","messages":[]})", "model dep x"},
      {"/model/anthropic.claude-3/invoke", R"({"messages":[]})", "model anthropic.claude-3"},
      {"/model/a/converse-stream", R"({"messages":[]})", "model a (streaming)"},
      {"/v1/chat/completions", R"({"messages":[]})", "!model"}, // whichever is its default
      {"/v1/audio/transcriptions", "--b\r\n", "!model"},
      {"/v1/chat/completions", R"({"Model":"gpt","messages":[]})", "!model gpt"},
      {"/v1/chat/completions", R"({"model":"a","MODEL":"b","messages":[]})", "!model a b"},
      {"/v1/messages", R"([1])", "!model"},
      {"/channels/7/messages", R"({"text":"hello"})", ""},
      {"/v1beta/models/gemini-2%3AgenerateContent", "{}", "model gemini-2"},
      {"/v1beta/models/gemini-2:generateContent/", "{}", "model gemini-2"},
      {"/v1beta/tunedModels/x:generateContent", "{}", "model x"},
      {"/v1/p/endpoints/123:generateContent", "{}", "model 123"},
      {"/openai/Deployments/gpt-4/Chat/Completions", "{}", "model gpt-4"},
      {"/v1/Chat/Completions/", "{}", "!model"},
      {"/v1/chat", R"({"model":"command-r","message":"hi"})", "model command-r"},
      {"/x", R"({"model":"a","fallbacks":[{"model":"b"}],"messages":[]})", "!model a"},
      {"/x", R"({"models":["a",{"model":"b"}],"messages":[]})", "!model a"},
      {"/x", R"({"model":"a","messages":[],"stream":1})", "!model a"},
      {"/x", R"({"model":"a","messages":[],"stream":"true"})", "!model a"},
  };
  for (const auto& [path, text, expected] : rows)
    BOOST_TEST(found(read(text, path)) == expected, path << ' ' << text);
}

BOOST_AUTO_TEST_CASE(what_nobody_can_read_is_unread_and_what_is_no_json_is_not) {
  using State = Content::State;
  const auto state = [](std::string_view text, Ended ended = Ended::yes) {
    return static_cast<int>(read(text, "/", ended)->state);
  };
  const auto number = [](State one) { return static_cast<int>(one); };
  BOOST_TEST(state("") == number(State::none));
  BOOST_TEST(state("a=b&c=d") == number(State::other));
  BOOST_TEST(state("\"text\"") == number(State::other));
  BOOST_TEST(state("{}") == number(State::json));
  BOOST_TEST(state("{\"a\":1") == number(State::unread));
  BOOST_TEST(state("{\"a\":1}{\"a\":2}") == number(State::unread));
  BOOST_TEST(state("{\"a\":1}", Ended::no) == number(State::unread));
  BOOST_TEST(state("GIF89a", Ended::no) == number(State::other));
  BOOST_TEST(state("    ", Ended::no) == number(State::unread)); // it may begin behind them
  BOOST_TEST(state("    ") == number(State::other));
  BOOST_TEST(state(std::string_view("\xff\xfe{\0}\0", 6)) == number(State::unread)); // UTF-16
  BOOST_TEST((unreadable("x")->state == State::unread));
  BOOST_TEST((head_only()->state == State::head_only));
}

BOOST_AUTO_TEST_CASE(what_a_server_reads_otherwise_is_unread) {
  constexpr std::string_view kPlain = R"({"method":"ping"})";
  const auto state = [](std::string_view text, std::string_view type) {
    return read(text, "/", Ended::yes, type)->state;
  };
  for (const std::string_view type :
       {"application/json", "application/json; charset=utf-8", "application/json;charset=\"UTF-8\"",
        "text/plain; charset=ISO-8859-1"})
    BOOST_TEST((state(kPlain, type) == Content::State::json), type);
  for (const std::string_view type :
       {"application/json; charset=utf-7", "application/json; charset=cp037",
        "application/json; charset=utf-8; charset=utf-7", "text/plain;charset='UTF-7'",
        "application/json; charset = ibm500"})
    BOOST_TEST((state(kPlain, type) == Content::State::unread), type);
  for (const std::string_view text : {")]}'\n{}", "//x\n{}", "1\n{}", "null {}", "json={}"}) {
    BOOST_TEST((state(text, "application/json") == Content::State::unread), text);
    BOOST_TEST((state(text, "image/gif") == Content::State::other), text);
  }
  model::EgressCall twice;
  twice.method = "POST";
  model::add_field(twice, "content-type", "application/json");
  model::add_field(twice, "content-type", "application/json; charset=utf-7");
  BOOST_TEST((read_content(twice, kPlain, Ended::yes)->state == Content::State::unread));
}

BOOST_AUTO_TEST_CASE(keys_are_folded_as_a_server_may) {
  BOOST_TEST(found(read("{\"method\":\"tools/call\",\"params\":{\"name\":\"a\"},"
                        "\"param\xc5\xbf\":{\"name\":\"rm\"}}")) == "!tool tools/call a");
  BOOST_TEST(model::same_key("\xc5\xbfKILL\xc5\xbf", "s\xe2\x84\xaaills"));
  BOOST_TEST(!model::same_key("s", ""));
  BOOST_TEST(!model::same_key("\xc5", "s"));
}

BOOST_AUTO_TEST_CASE(what_is_decided_keeps_names_and_no_text) {
  const std::string padding(kSmallTree, 'x');
  const auto light =
      without_large_tree(read(R"([{"method":"tools/call","params":{"name":"a","arguments":{"x":")" +
                              padding + R"("}}},{"method":"message/send"}])"));
  BOOST_TEST(found(light) == "!tool tools/call a; agent message/send");
  BOOST_TEST((light->state == Content::State::names_only));
  BOOST_TEST(light->tree.items.empty());
  BOOST_TEST(light->operations.front().arguments == nullptr);
  BOOST_TEST(without_large_tree(nullptr) == nullptr);
  const auto small = read(R"({"method":"tools/call","params":{"name":"a","arguments":{"x":1}}})");
  BOOST_TEST(without_large_tree(small) == small);
  BOOST_TEST(memory_of(small.get()) > 5 * sizeof(Node));
  BOOST_TEST(memory_of(nullptr) == 0U);
}

BOOST_AUTO_TEST_CASE(a_body_that_calls_too_much_is_unread) {
  const auto many = [](std::size_t count, std::string_view one) {
    std::string out = "[";
    for (std::size_t i = 0; i < count; ++i) out += (i > 0 ? "," : "") + std::string(one);
    return out + "]";
  };
  constexpr std::string_view kTool = R"({"method":"tools/call","params":{"name":"x"}})";
  BOOST_TEST(read(many(200, kTool))->operations.size() == 200U);
  BOOST_TEST((read(many(201, kTool))->state == Content::State::unread));
  BOOST_TEST((read(many(20'000, kTool))->state == Content::State::unread));
  const auto batch = [&](std::size_t count) {
    return read("{\"requests\":" + many(count, R"({"params":{"model":"m"}})") + "}",
                "/v1/messages/batches")
        ->state;
  };
  BOOST_TEST((batch(1'000) == Content::State::json));
  BOOST_TEST((batch(1'001) == Content::State::unread));
}

BOOST_AUTO_TEST_CASE(ids_of_requests_are_json_again) {
  BOOST_TEST(request_ids(*read(R"({"jsonrpc":"2.0","id":7,"method":"x"})")) ==
                 std::vector<std::string>{"7"},
             boost::test_tools::per_element());
  const auto ids = request_ids(
      *read(R"([{"jsonrpc":"2.0","id":"a\"b","method":"x"},{"jsonrpc":"2.0","method":"n"},)"
            R"({"jsonrpc":"2.0","id":null,"method":"x"},{"id":1,"method":"x"}])"));
  BOOST_TEST(ids == std::vector<std::string>{"\"a\\\"b\""}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(any_bytes_are_read_without_harm) {
  std::mt19937 random(7);
  const std::string_view pieces[] = {
      "{",        "}", "[", "]",  ",",       ":",    "\"method\"", "\"params\"", "\"tools/call\"",
      "\"name\"", "1", " ", "\"", "\\u0000", "\xff", "null",       "\"model\"",  "\"messages\""};
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto left = random() % 12; left > 0; --left) text += pieces[random() % std::size(pieces)];
    const auto content = read(text, "/v1/chat/completions", random() % 2 ? Ended::yes : Ended::no);
    for (const Operation& one : content->operations)
      BOOST_REQUIRE(!one.read || content->state == Content::State::json);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace

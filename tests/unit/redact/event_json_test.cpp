// What an event says: pieces, whose text they are, what ends; and what is no JSON.
#include "policy/redact/event_json.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace sluice;
using redact::EventJson;

namespace {

// The pieces, with a letter for each text in the order they appear.
std::string pieces_of(std::initializer_list<std::string> events) {
  std::string out;
  std::vector<std::uint64_t> channels;
  for (const auto& event : events) {
    EventJson json;
    if (!json.read(event)) return "(none)";
    for (const auto& one : json.strings()) {
      if (!one.piece) continue;
      const auto found = std::find(channels.begin(), channels.end(), one.channel);
      out += static_cast<char>('A' + (found - channels.begin()));
      if (found == channels.end()) channels.push_back(one.channel);
      out += event.substr(one.begin, one.end - one.begin) + " ";
    }
  }
  return out;
}

bool ends(const std::string& event, const std::string& piece) {
  EventJson text, end;
  BOOST_REQUIRE(text.read(piece));
  BOOST_REQUIRE(end.read(event));
  for (const auto& one : text.strings()) {
    if (one.piece) return end.ends(text.scope(), text.lineage_of(one));
  }
  return false;
}

} // namespace

BOOST_AUTO_TEST_SUITE(event_json)

BOOST_AUTO_TEST_CASE(what_is_no_json) {
  for (const std::string bad :
       {"", "x", "1", "null", "{", "[1", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1 2]", "{} x",
        "\"a", "{\"a\":nul}", "\"\\x\"", "\"\\u00g0\"", "\"\n\"", "{a:1}", "[1}"}) {
    BOOST_TEST(pieces_of({bad}) == "(none)", bad);
  }
  const std::string deep(EventJson::kDeepest + 1, '['), end(EventJson::kDeepest + 1, ']');
  BOOST_TEST(pieces_of({deep + end}) == "(none)");
  BOOST_TEST(pieces_of({deep.substr(1) + end.substr(1)}) == "");
}

BOOST_AUTO_TEST_CASE(texts_are_told_apart) {
  BOOST_TEST(pieces_of({R"({"delta":{"role":"r","content":"a","refusal":"b"}})",
                        R"({ "delta" : {"c\u006fntent":"c"}})"}) == "Aa Bb Ac ");
  BOOST_TEST(pieces_of({R"({"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]})",
                        R"({"choices":[{"delta":{"content":"c"},"index":1}]})"}) == "Aa Bb Bc ");
  BOOST_TEST(pieces_of({R"({"delta":"a","item_id":"x"})", R"({"item_id":"y","delta":"b"})",
                        R"({"item_id":"x","delta":"c","sequence_number":2})"}) == "Aa Bb Ac ");
  BOOST_TEST(pieces_of({R"({"candidates":[{"content":{"parts":[{"text":"a"},{"text":"b"},)"
                        R"({"thought":true,"text":"c"}]}}]})"}) == "Aa Ab Bc ");
  BOOST_TEST(pieces_of({R"({"index":0,"content_block":{"type":"text","text":"a"}})",
                        R"({"index":0,"delta":{"type":"text_delta","text":"b"}})"}) == "Aa Ab ");
}

BOOST_AUTO_TEST_CASE(what_is_whole_is_no_piece) {
  for (const auto* whole :
       {R"({"choices":[{"message":{"content":"a"}}]})", R"({"text":"a"})", R"({"delta":["a"]})",
        R"({"result":{"content":[{"type":"text","text":"a"}]}})", R"({"choices":["text"]})",
        R"({"response":{"output":[{"content":[{"text":"a"}]}]}})", R"({"parts":[{"text":"a"}]})",
        R"([{"parts":[{"text":"a"}]}])", R"({"delta":{"type":"t","role":"r","name":"n"}})"}) {
    BOOST_TEST(pieces_of({whole}) == "", whole);
  }
}

BOOST_AUTO_TEST_CASE(ends_concern_their_own_texts) {
  const std::string chat = R"({"choices":[{"index":1,"delta":{"content":"a"}}]})";
  BOOST_TEST(ends(R"({"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]})", chat));
  BOOST_TEST(!ends(R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})", chat));
  BOOST_TEST(!ends(R"({"choices":[{"index":1,"finish_reason":null}]})", chat));
  BOOST_TEST(!ends(R"({"choices":[{"index":1,"finish_reason":""}]})", chat));
  const std::string block = R"({"index":1,"delta":{"text":"a"}})";
  BOOST_TEST(ends(R"({"type":"content_block_stop","index":1})", block));
  BOOST_TEST(!ends(R"({"type":"content_block_stop","index":0})", block));
  BOOST_TEST(ends(R"({"type":"message_stop"})", block));
  const std::string part =
      R"({"result":{"taskId":"t","artifact":{"artifactId":"x","parts":[{"text":"a"}]}}})";
  BOOST_TEST(
      ends(R"({"result":{"taskId":"t","artifact":{"artifactId":"x"},"lastChunk":true}})", part));
  BOOST_TEST(
      !ends(R"({"result":{"taskId":"t","artifact":{"artifactId":"y"},"lastChunk":true}})", part));
  BOOST_TEST(ends(R"({"result":{"taskId":"t","status":{},"final":true}})", part));
}

BOOST_AUTO_TEST_SUITE_END()

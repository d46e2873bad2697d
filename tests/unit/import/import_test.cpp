// Each vector is a document of somebody else, with what is lost of it and how calls are decided, by
// its own tool and by the imported policy. The files say what they hold.
#include "policy/content/read_content.hpp"
#include "policy/import/import.hpp"

#include "policy/base/document.hpp"
#include "policy/base/reader.hpp"
#include "policy/engine/explain.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace sluice::import {
namespace {

namespace fs = std::filesystem;

const fs::path kVectors = fs::path(SLUICE_SOURCE_DIR) / "tests/vectors/import";
constexpr const char* kMalformed = "malformed.yaml";
constexpr std::string_view kSecret = "THE-SECRET";

const Node& member(const Node& map, std::string_view key) {
  static const Node none;
  const Node* found = map.find(key);
  return found == nullptr ? none : *found;
}

Source source_of(std::string_view name) {
  BOOST_REQUIRE(name == "agentpaas" || name == "cavra");
  return name == "cavra" ? Source::cavra : Source::agentpaas;
}

// `tool`: an MCP tool that it calls, or "".
model::EgressCall call_of(const std::string& words, const std::string& tool = {}) {
  const auto space = words.find(' ');
  const auto target = model::parse_target(words.substr(space + 1));
  BOOST_REQUIRE_MESSAGE(target && target.value().absolute, words);
  model::EgressCall call;
  call.method = words.substr(0, space);
  call.to = *target.value().absolute;
  call.path = target.value().path;
  const auto body =
      tool.empty() ? "" : R"({"method":"tools/call","params":{"name":")" + tool + "\"}}";
  call.content = content::read_content(call, body, content::Ended::yes);
  return call;
}

void check_case(const Node& one, const std::shared_ptr<const engine::Snapshot>& policy) {
  const std::string words = member(one, "call").text;
  const Node* tool = one.find("tool");
  const auto call = call_of(words, tool == nullptr ? "" : tool->text);
  const auto decision = engine::explain(policy, call).decision;
  BOOST_TEST(to_string(decision.verdict) == member(one, "ours").text, words);
  // Whatever a vector says: what was not allowed does not become so.
  if (decision.allowed()) BOOST_TEST(member(one, "theirs").text == "allow", words);
  if (one.find("rule") != nullptr)
    BOOST_TEST(decision.rule_name == member(one, "rule").text, words);
  BOOST_TEST(!decision.obligations.private_addresses, words);
}

void check_vector(const fs::path& file) {
  Diagnostics problems;
  const auto vector = load_document(file.string(), problems);
  BOOST_REQUIRE_MESSAGE(vector, format(problems));
  const Node& root = vector->root;
  const auto imported = import_policy(source_of(member(root, "from").text),
                                      member(root, "document").text, "theirs.yaml", problems);
  BOOST_REQUIRE_MESSAGE(imported, format(problems));
  BOOST_TEST(problems.empty(), format(problems));

  std::multiset<std::string> lossy, expected;
  for (const auto& one : imported->lossy) {
    lossy.insert(one.pointer);
    BOOST_TEST(one.line > 0, one.pointer);
    BOOST_TEST(!one.what.empty());
    BOOST_TEST(one.what.find(kSecret) == std::string::npos);
  }
  for (const Node& one : member(root, "lossy").items) expected.insert(one.text);
  BOOST_TEST(lossy == expected, boost::test_tools::per_element());
  BOOST_TEST(imported->policy.find(kSecret) == std::string::npos);

  const auto load = engine::load_policy_text(imported->policy, "imported.yaml");
  BOOST_REQUIRE_MESSAGE(load.snapshot, format(load.diagnostics));
  BOOST_TEST(load.diagnostics.empty(), format(load.diagnostics));
  BOOST_TEST(!member(root, "cases").items.empty());
  for (const Node& one : member(root, "cases").items) check_case(one, load.snapshot);
  for (const Node& one : member(root, "acts").items) {
    const auto& by = member(one, "by").text;
    BOOST_TEST((by.empty() || lossy.count(by) == 1), member(one, "target").text);
  }
  if (root.find("acts") != nullptr) BOOST_TEST(load.snapshot->egress.empty());
  for (const Node& one : member(root, "says").items)
    BOOST_TEST(imported->policy.find(one.text) != std::string::npos, imported->policy);
}

BOOST_AUTO_TEST_SUITE(importing)

BOOST_AUTO_TEST_CASE(decides_as_the_original_or_closes) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(kVectors)) {
    if (entry.path().filename() == kMalformed) continue;
    BOOST_TEST_CONTEXT(entry.path().filename().string()) {
      check_vector(entry.path());
    }
    ++count;
  }
  BOOST_TEST(count >= 8U);
}

BOOST_AUTO_TEST_CASE(refuses_what_their_own_tool_refuses) {
  Diagnostics problems;
  const auto vector = load_document((kVectors / kMalformed).string(), problems);
  BOOST_REQUIRE_MESSAGE(vector, format(problems));
  for (const Member& source : vector->root.members) {
    for (const Node& one : source.value.items) {
      const auto& what = member(one, "what").text;
      Diagnostics said;
      const auto imported =
          import_policy(source_of(source.key), member(one, "document").text, "theirs.yaml", said);
      BOOST_TEST(!imported, source.key << ": " << what);
      const std::string text = format(said);
      BOOST_TEST(text.rfind("theirs.yaml:", 0) == 0U, what << ": " << text);
      BOOST_TEST(text.find(member(one, "says").text) != std::string::npos, what << ": " << text);
      BOOST_TEST(text.find(kSecret) == std::string::npos, what << ": " << text);
      for (const auto& each : said) {
        BOOST_TEST((each.line > 0 && each.column > 0 && !each.hint.empty()), what << ": " << text);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_text_is_refused) {
  for (const auto source : {Source::agentpaas, Source::cavra}) {
    for (const std::string& text : {std::string("\0\x01\x02\xff", 4), std::string("\xff\xfe"),
                                    std::string(kMaxDocumentBytes + 1, ' ')}) {
      Diagnostics said;
      BOOST_TEST(!import_policy(source, text, "theirs.yaml", said));
      BOOST_TEST(has_errors(said));
    }
  }
}

BOOST_AUTO_TEST_CASE(two_thousand_rules_take_no_time_and_are_the_same_each_time) {
  std::string text = "version: \"1.0\"\negress:\n";
  for (int i = 0; i < 2000; ++i) {
    text += "  - {domain: h" + std::to_string(i) + ".test, ports: [443, 80], methods: [GET]}\n";
  }
  Diagnostics said;
  const auto begin = std::chrono::steady_clock::now();
  const auto first = import_policy(Source::agentpaas, text, "theirs.yaml", said);
  BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::seconds(60)));
  BOOST_REQUIRE_MESSAGE(first, format(said));
  BOOST_TEST(first->policy == import_policy(Source::agentpaas, text, "x", said)->policy);
  BOOST_TEST(engine::load_policy_text(first->policy, "p").snapshot->egress.size() == 4000U);
}

// Whatever is cut off or turned around in a document: a result loads, or there is an error.
BOOST_AUTO_TEST_CASE(a_damaged_document_never_opens_more) {
  Diagnostics problems;
  const auto vector = load_document((kVectors / "agentpaas_closed.yaml").string(), problems);
  BOOST_REQUIRE(vector.has_value());
  const std::string text = member(vector->root, "document").text;
  const auto outside = call_of("GET https://never-named.invalid/");
  for (std::size_t at = 0; at < text.size(); at += 7) {
    for (const std::string& damaged :
         {text.substr(0, at), text.substr(0, at) + text.substr(at + 1)}) {
      Diagnostics said;
      const auto imported = import_policy(Source::agentpaas, damaged, "theirs.yaml", said);
      if (imported.has_value() == has_errors(said)) BOOST_ERROR("at " << at);
      if (!imported) continue;
      const auto load = engine::load_policy_text(imported->policy, "p");
      if (!load.snapshot || engine::explain(load.snapshot, outside).decision.allowed())
        BOOST_ERROR("at " << at);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace sluice::import

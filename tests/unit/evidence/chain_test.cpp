#include "policy/evidence/chain.hpp"

#include "policy/base/bytes.hpp"
#include "tests/unit/evidence/evidence_support.hpp"

#include <sstream>

namespace sluice::evidence {
namespace {

using namespace test;

Line parsed(std::string_view text) {
  std::size_t stopped_at = 0;
  const std::optional<Line> line = parse_line(text, stopped_at);
  BOOST_REQUIRE_MESSAGE(line.has_value(), "stopped at " << stopped_at << " of " << text);
  return *line;
}

std::string without_newline(std::string line) {
  line.pop_back();
  return line;
}

} // namespace

BOOST_AUTO_TEST_SUITE(chain)

BOOST_AUTO_TEST_CASE(the_canonical_form_of_each_reference_line_has_the_reference_hash) {
  const std::vector<std::string> lines = lines_of(vector_text("agentpaas.jsonl"));
  std::istringstream canon(vector_text("agentpaas.canon"));
  for (const std::string& text : lines) {
    std::string form;
    std::string hash;
    BOOST_REQUIRE(std::getline(canon, form) && std::getline(canon, hash));
    form.erase(0, std::string_view("CANON ").size());
    hash.erase(0, std::string_view("HASH ").size());
    const std::string line_text = without_newline(text);
    const Line line = parsed(line_text);
    const std::string payload(line.payload == "null" ? "{}" : line.payload);
    BOOST_TEST(std::string(line.before_hash) + std::string(line.before_payload) + payload +
                   std::string(line.after_payload) ==
               form);
    BOOST_TEST(line.record_hash == hash);
    BOOST_TEST(to_hex(sha256(form)) == hash);
  }
}

BOOST_AUTO_TEST_CASE(the_reference_lines_are_a_chain) {
  ChainCheck check;
  for (const std::string& text : lines_of(vector_text("agentpaas.jsonl"))) {
    const std::string line_text = without_newline(text);
    BOOST_TEST(!check.next(parsed(line_text)).has_value());
  }
  BOOST_TEST(check.head().seq == 3U);
}

BOOST_AUTO_TEST_CASE(writes_the_reference_lines_to_the_byte) {
  const std::vector<std::string> lines = lines_of(vector_text("agentpaas.jsonl"));
  std::string out;
  ChainWriter daemon({}, "daemon");
  daemon.append(out, kStart, {"run_start", R"({"agent_name":"demo","run_id":"run-1"})"});
  BOOST_TEST(out == lines[0]);
  ChainWriter interposer(daemon.head(), "interposer");
  out.clear();
  const std::size_t at = interposer.append(
      out, kStart + 1'123'456'789,
      {"policy_denied",
       R"({"destination":"evil.example:443","f":1.5,"html":"\u003ca\u0026b\u003e","n":3,)"
       R"("nested":{"a":["x",{"k1":null,"k2":true}],"z":1},"rule_id":"default_deny","run_id":"run-1"})"});
  BOOST_TEST(out == lines[1]);
  BOOST_TEST(out.substr(at, kHashDigits) == interposer.head().hash);
  BOOST_TEST(interposer.head().seq == 2U);
}

BOOST_AUTO_TEST_CASE(writes_what_it_reads) {
  std::string out;
  ChainWriter writer({}, "an \"actor\"");
  const std::int64_t times[] = {kStart, kStart + 1, kStart + 120'000'000, kStart - 5'000'000'000,
                                0,      -1};
  for (const std::int64_t time : times) {
    out.clear();
    writer.append(out, time, {"e<v>", R"({"a":1})"});
    const std::string text = without_newline(out);
    const Line line = parsed(text);
    BOOST_TEST(line.timestamp == format_rfc3339_nanos(time));
    BOOST_TEST(line.event_type == R"(e\u003cv\u003e)");
    BOOST_TEST(line.actor == R"(an \"actor\")");
    BOOST_TEST(line.deployment_mode == "local");
    BOOST_TEST(line.payload == R"({"a":1})");
  }
}

BOOST_AUTO_TEST_CASE(a_rewound_writer_writes_the_same_again) {
  ChainWriter writer({}, "a");
  std::string first;
  writer.append(first, kStart, {"e", "{}"});
  const Head head = writer.head();
  std::string second;
  writer.append(second, kStart, {"e", "{}"});
  writer.rewind(head);
  std::string again;
  writer.append(again, kStart, {"e", "{}"});
  BOOST_TEST(second == again);
}

BOOST_AUTO_TEST_CASE(refuses_lines_of_any_other_layout) {
  const std::string good = without_newline(lines_of(vector_text("agentpaas.jsonl"))[0]);
  const auto refused = [](std::string_view text) {
    std::size_t stopped_at = 0;
    return !parse_line(text, stopped_at).has_value();
  };
  const auto replaced = [&good](std::string_view what, std::string_view with) {
    std::string text = good;
    const std::size_t at = text.find(what);
    BOOST_REQUIRE(at != text.npos);
    return text.replace(at, what.size(), with);
  };
  BOOST_TEST(!refused(good));
  BOOST_TEST(refused(""));
  BOOST_TEST(refused("{}"));
  BOOST_TEST(refused(good + " "));
  BOOST_TEST(refused(good + "\r"));
  BOOST_TEST(refused(" " + good));
  BOOST_TEST(refused(good.substr(0, good.size() - 1)));
  BOOST_TEST(refused(replaced(R"("seq":1)", R"("seq":01)")));
  BOOST_TEST(refused(replaced(R"("seq":1)", R"("seq":-1)")));
  BOOST_TEST(refused(replaced(R"("seq":1)", R"("seq":1.0)")));
  BOOST_TEST(refused(replaced(R"("seq":1)", R"("seq":99999999999999999999)")));
  BOOST_TEST(refused(replaced(R"("seq":1)", R"("seq": 1)")));
  BOOST_TEST(refused(replaced(R"("prev_hash":"")", R"("prev_hash":"00")")));
  BOOST_TEST(refused(replaced("28f7349b", "28F7349B")));
  BOOST_TEST(refused(replaced(R"("payload":{)", R"("payload":[{)")));
  BOOST_TEST(refused(replaced(R"("agent_name":"demo","run_id":"run-1")",
                              R"("run_id":"run-1","agent_name":"demo")")));
  BOOST_TEST(refused(replaced(R"("actor":"daemon")", R"("actor":"daemon","extra":1)")));
  BOOST_TEST(refused(replaced(R"("payload":)", R"("seq":1,"payload":)")));
}

BOOST_AUTO_TEST_CASE(names_what_is_wrong_with_a_chain) {
  std::vector<std::string> lines;
  ChainWriter writer({}, "a");
  for (int i = 0; i < 5; ++i) {
    std::string out;
    writer.append(out, kStart, {"e", R"({"n":)" + std::to_string(i) + "}"});
    lines.push_back(without_newline(out));
  }
  const auto issue = [&lines](std::vector<std::size_t> order) {
    ChainCheck check;
    std::string types;
    for (const std::size_t i : order) {
      if (const auto found = check.next(parsed(lines[i]))) types += found->type + ' ';
    }
    return types;
  };
  BOOST_TEST(issue({0, 1, 2, 3, 4}) == "");
  BOOST_TEST(issue({0, 1, 2}) == "");
  BOOST_TEST(issue({1, 2}) == "tamper_middle ");
  BOOST_TEST(issue({0, 2, 3}) == "tamper_middle ");
  BOOST_TEST(issue({0, 1, 1, 2}) == "reorder ");
  BOOST_TEST(issue({0, 2, 1, 3}) == "tamper_middle reorder tamper_middle ");

  ChainWriter forger({3, std::string(kHashDigits, 'f')}, "a");
  std::string out;
  forger.append(out, kStart, {"e", "{}"});
  lines[3] = without_newline(out);
  BOOST_TEST(issue({0, 1, 2, 3}) == "tamper_middle "); // its own hash is right, the link is not
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence

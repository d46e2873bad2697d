// Tokens of a run: stable in it, worth nothing in another, bounded; and what a stream does with
// them, whole and in pieces.
#include "policy/redact/event_stream.hpp"
#include "policy/redact/redactor.hpp"
#include "policy/redact/token_vault.hpp"
#include "tests/support/own_rule.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <thread>

using namespace sluice;
using namespace sluice::redact;

namespace {

using test::own_rule;

struct Run {
  explicit Run(std::vector<UserRule> own, std::shared_ptr<TokenVault> of = nullptr,
               std::vector<KnownSecret> known = {}, bool formats = true)
      : vault(of ? std::move(of) : std::make_shared<TokenVault>()) {
    RuleSetConfig config;
    config.rules = std::move(own);
    config.known = std::move(known);
    config.fingerprint_key = "run";
    config.placeholder = "<{rule}>";
    config.token_formats = formats;
    config.vault = vault;
    rules = RuleSet::build(config).value();
  }
  std::string token(std::string_view rule, std::string_view secret) const {
    return vault->token_for(rule, secret);
  }

  std::shared_ptr<TokenVault> vault;
  std::shared_ptr<const RuleSet> rules;
};

Scope sending() {
  return Scope::in_call(Place::request_body, false);
}
Scope restoring(Escape escape = Escape::text) {
  auto out = sending().written_as(escape);
  out.restores = true;
  return out;
}

// Whole and in pieces: the same, or the harness fails.
Redacted through(const Run& run, std::string_view text, Scope scope = sending()) {
  const auto whole = redact_whole(run.rules, text, scope);
  for (const std::size_t piece : {1, 2, 3, 7, 64}) {
    Redactor redactor(run.rules, Redactor::Mask::placeholder, scope);
    std::string out;
    std::size_t most = 0;
    for (auto rest = text; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size()))) {
      redactor.feed(rest.substr(0, piece), out);
      most = std::max(most, redactor.held());
    }
    redactor.finish(out);
    BOOST_TEST(out == whole.text);
    BOOST_TEST((redactor.findings() == whole.findings));
    BOOST_TEST(redactor.blocked_by() == whole.blocked_by);
    BOOST_TEST(most <= run.rules->max_hold());
  }
  return whole;
}

const std::string kEmployee = "EMP-\\d{6}";

} // namespace

BOOST_AUTO_TEST_SUITE(token_vault)

BOOST_AUTO_TEST_CASE(a_token_is_stable_in_a_run_and_unknown_in_another) {
  TokenVault one, other;
  const auto token = one.token_for("employee", "EMP-123456");
  BOOST_TEST(token.size() == 3U + 8 + 1 + 16);
  BOOST_TEST(token.starts_with("sl_employee_"));
  BOOST_TEST(token.find("123456") == std::string::npos);
  BOOST_TEST(one.token_for("employee", "EMP-123456") == token);
  BOOST_TEST(one.token_for("employee", "EMP-123457") != token);
  BOOST_TEST(one.token_for("Badge:x", "EMP-123456").starts_with("sl_-adge-x_"));
  BOOST_TEST(one.secret_of(token)->secret.reveal() == "EMP-123456");
  BOOST_TEST(one.secret_of(token)->rule == "employee");
  BOOST_TEST(other.token_for("employee", "EMP-123456") != token);
  BOOST_TEST(!other.secret_of(token).has_value());
  BOOST_TEST(!other.knows(token));
}

BOOST_AUTO_TEST_CASE(what_there_is_no_room_for_has_no_token) {
  TokenVault few(TokenVault::Limits{2, 1000}), small(TokenVault::Limits{10, 12});
  BOOST_TEST(!few.token_for("r", "a").empty());
  BOOST_TEST(!few.token_for("r", "b").empty());
  BOOST_TEST(few.token_for("r", "c").empty());
  BOOST_TEST(!few.token_for("r", "a").empty());
  BOOST_TEST(!small.token_for("r", "0123456789").empty());
  BOOST_TEST(small.token_for("r", "abc").empty());
  TokenVault vault;
  BOOST_TEST(vault.token_for("r", "").empty());
  BOOST_TEST(vault.token_for("r", std::string(4097, 'x')).empty());
  BOOST_TEST(vault.token_for("r", "a\rb").empty());
  BOOST_TEST(vault.token_for("r", std::string_view("a\0b", 3)).empty());
  BOOST_TEST(!vault.token_for("r", "a\nb\tc").empty());
}

BOOST_AUTO_TEST_CASE(threads_share_it) {
  TokenVault vault;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&vault] {
      for (int i = 0; i < 500; ++i) {
        const auto token = vault.token_for("r", "secret-" + std::to_string(i));
        if (vault.secret_of(token)->secret.reveal() != "secret-" + std::to_string(i)) std::abort();
      }
    });
  }
  for (auto& one : threads) one.join();
}

BOOST_AUTO_TEST_CASE(a_match_becomes_a_token_and_back) {
  const Run run({own_rule("employee", kEmployee)});
  const auto token = run.token("employee", "EMP-123456");
  const auto sent = through(run, "ask EMP-123456 and EMP-123456, not EMP-12");
  BOOST_TEST(sent.text == "ask " + token + " and " + token + ", not EMP-12");
  BOOST_TEST_REQUIRE(sent.findings.all().size() == 1U);
  BOOST_TEST(sent.findings.all()[0].count == 2U);
  BOOST_CHECK(sent.findings.all()[0].action == Action::tokenize);
  const auto back = through(run, sent.text, restoring());
  BOOST_TEST(back.text == "ask EMP-123456 and EMP-123456, not EMP-12");
  BOOST_TEST_REQUIRE(back.findings.all().size() == 1U);
  BOOST_TEST(back.findings.all()[0].rule == "employee");
  BOOST_TEST(back.findings.all()[0].fingerprint == sent.findings.all()[0].fingerprint);
  BOOST_CHECK(back.findings.all()[0].action == Action::restore);
  BOOST_TEST(back.findings.changed());
}

BOOST_AUTO_TEST_CASE(without_leave_a_token_stays) {
  const Run run({own_rule("employee", kEmployee)});
  const auto text = "x " + run.token("employee", "EMP-123456") + " y";
  const auto sent = through(run, text);
  BOOST_TEST(sent.text == text);
  BOOST_TEST(sent.findings.empty());
}

BOOST_AUTO_TEST_CASE(where_tokens_are_put_back_what_would_become_one_stays) {
  const Run run({own_rule("employee", kEmployee)});
  const auto sent = through(run, "ask EMP-123456", restoring());
  BOOST_TEST(sent.text == "ask EMP-123456");
  BOOST_TEST_REQUIRE(sent.findings.all().size() == 1U);
  BOOST_CHECK(sent.findings.all()[0].action == Action::restore);
}

BOOST_AUTO_TEST_CASE(an_unknown_token_stays) {
  const Run run({own_rule("employee", kEmployee)});
  const std::string text = "sl_employee_0123456789abcdef sl__ sl_a_ sl_sl_employee_0123456789abcde";
  BOOST_TEST(through(run, text, restoring()).text == text);
  const auto token = run.token("employee", "EMP-123456");
  BOOST_TEST(through(run, "sl_" + token + "s", restoring()).text == "sl_EMP-123456s");
  BOOST_TEST(through(run, token + token, restoring()).text == "EMP-123456EMP-123456");
}

// Ours are of lower case letters and look like keys to many a format.
// Beside a match that goes on and on, neither those nor known ones are kept.
BOOST_AUTO_TEST_CASE(many_tokens_take_no_more_time_each) {
  const Run run({own_rule("memo", "<<[a-z0-9 ]{0,60}>>"), own_rule("run", "run:[^!]+")});
  const std::string known = run.token("memo", "<<other>>");
  const auto seconds = [&](const std::string& one, std::size_t count) {
    std::string text = "run: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.";
    while (count-- > 0) text += one;
    const auto begun = std::chrono::steady_clock::now();
    through(run, text, restoring());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  };
  for (const auto& one : {std::string("sl_a_0123456789abcdef-"), known + "-"}) {
    seconds(one, 100);
    BOOST_TEST(seconds(one, 8000) < 20 * seconds(one, 1000) + 0.2);
  }
}

BOOST_AUTO_TEST_CASE(a_token_is_not_taken_for_a_secret) {
  const Run run({own_rule("key", "sk-(?P<secret>[A-Za-z0-9_-]{20,})"),
                 own_rule("word", "[a-z0-9_]{12,40}", Action::mask),
                 own_rule("signs", "[0-9a-z]{16}", Action::block)},
                nullptr, {}, false);
  const auto sent = through(run, "key sk-ABCDEFGHIJKLMNOPQRSTUVWX.");
  const auto token = run.token("key", "ABCDEFGHIJKLMNOPQRSTUVWX");
  BOOST_TEST(sent.text == "key sk-" + token + ".");
  const auto again = through(run, sent.text);
  BOOST_TEST(again.text == sent.text);
  BOOST_TEST(again.findings.empty());
  BOOST_TEST(again.blocked_by.empty());
  BOOST_TEST(through(run, sent.text, restoring()).text == "key sk-ABCDEFGHIJKLMNOPQRSTUVWX.");
}

BOOST_AUTO_TEST_CASE(what_holds_a_token_and_more_is_masked) {
  const Run run({own_rule("key", "sk-[A-Za-z0-9_-]{20,}")});
  const auto token = run.token("key", "sk-ABCDEFGHIJKLMNOPQRSTUVWX");
  BOOST_TEST(through(run, "sk-" + token + "-more.").text == "<key>.");
  BOOST_TEST(through(run, "sk-0" + token + ".").text == "<key>.");
}

BOOST_AUTO_TEST_CASE(overlapping_matches_are_one_token_or_the_mask) {
  const Run both({own_rule("one", "abcd[0-9]{4}"), own_rule("two", "[0-9]{4}wxyz")});
  const auto text = through(both, "(abcd1234wxyz)").text;
  BOOST_TEST(text == "(" + both.token("one", "abcd1234wxyz") + ")");
  BOOST_TEST(through(both, text, restoring()).text == "(abcd1234wxyz)");
  const Run mixed({own_rule("one", "abcd[0-9]{4}"), own_rule("two", "[0-9]{4}wxyz", Action::mask)});
  BOOST_TEST(through(mixed, "(abcd1234wxyz)").text == "(<one>)");
}

BOOST_AUTO_TEST_CASE(a_known_secret_is_never_put_back) {
  std::vector<KnownSecret> known;
  known.push_back({"db", Secret("hunter2hunter2")});
  const Run run({own_rule("memo", "<<[a-z0-9 ]{0,60}>>")}, nullptr, std::move(known));
  const auto sent = through(run, "a <<my hunter2hunter2 x>> b <<other>>");
  BOOST_TEST(sent.text == "a <memo> b " + run.token("memo", "<<other>>"));
}

BOOST_AUTO_TEST_CASE(a_disguise_is_read_and_written_anew) {
  const Run run({own_rule("employee", kEmployee)});
  const auto token = run.token("employee", "EMP-123456");
  BOOST_TEST(through(run, "\"\\u0045MP-12345\\u0036\"").text == "\"" + token + "\"");
  BOOST_TEST(through(run, "q=EMP%2D123456&").text == "q=" + token + "&");
}

BOOST_AUTO_TEST_CASE(what_is_put_back_is_written_for_its_place) {
  const Run run({own_rule("quote", "<<[^>]{1,40}>>")});
  const auto token = run.token("quote", "<<a \"b\"\n\\>>");
  const auto back = [&](Escape how) {
    return through(run, "[" + token + "]", restoring(how)).text;
  };
  BOOST_TEST(back(Escape::text) == "[<<a \"b\"\n\\>>]");
  BOOST_TEST(back(Escape::json) == "[" + token + "]"); // it may be JSON in a string of JSON
  const auto lines = run.token("quote", "<<a\nb\t&>>");
  BOOST_TEST(through(run, lines, restoring(Escape::json)).text == "<<a\\nb\\t&>>");
  BOOST_TEST(back(Escape::url) == "[%3C%3Ca%20%22b%22%0A%5C%3E%3E]");
  BOOST_TEST(back(Escape::header) == "[" + token + "]");
  BOOST_TEST(back(Escape::nothing_special) == "[" + token + "]");
}

// The same secret has the same token, however its place writes it.
BOOST_AUTO_TEST_CASE(what_becomes_a_token_is_read_as_its_place_writes_it) {
  const Run run({own_rule("quote", "<<[^>]{1,60}>>")});
  const std::string secret = "<<a \"b\"\n\\ \xC3\xA9>>";
  const auto token = run.token("quote", secret);
  const std::pair<Escape, std::string> ways[] = {
      {Escape::text, secret},
      {Escape::json, "<<a \\\"b\\\"\\n\\\\ \xC3\xA9>>"},
      {Escape::json, "\\u003c<a\\u0020\\\"b\\u0022\\n\\u005c \\u00e9>>"},
      {Escape::url, "%3C%3Ca+%22b%22%0A%5C%20%C3%A9%3E%3E"}};
  for (const auto& [how, written] : ways) {
    BOOST_TEST(through(run, "[" + written + "]", sending().written_as(how)).text ==
               "[" + token + "]");
  }
  // Over the end of a string, or half an escape: no text of its place.
  const auto json = sending().written_as(Escape::json);
  BOOST_TEST(through(run, "{\"a\":\"<<x\",\"b\":\"y>>\"}", json).text == "{\"a\":\"<quote>\"}");
  BOOST_TEST(through(run, "<<x\n>>", json).text == "<quote>");
  BOOST_TEST(through(run, "<<\\x>>", json).text == "<quote>");
}

// A secret that is looked for in what becomes a token is looked for beside the stream.
BOOST_AUTO_TEST_CASE(a_token_is_made_beside_known_secrets) {
  std::vector<KnownSecret> known;
  known.push_back({"db", Secret("hunter2hunter2")});
  const Run run({own_rule("employee", kEmployee)}, nullptr, std::move(known));
  const auto token = run.token("employee", "EMP-123456");
  const std::string after = " and what stands behind it, hunter2hunter2 and more, is as it was";
  BOOST_TEST(through(run, "ask EMP-123456" + after).text ==
             "ask " + token + " and what stands behind it, <secret:db> and more, is as it was");
}

BOOST_AUTO_TEST_CASE(without_a_vault_or_room_it_masks) {
  RuleSetConfig config;
  config.rules = {own_rule("employee", kEmployee)};
  config.placeholder = "<>";
  const auto rules = RuleSet::build(config).value();
  BOOST_TEST(redact_whole(rules, "a EMP-123456", sending()).text == "a <>");
  BOOST_TEST(redact_whole(rules, "a EMP-123456", restoring()).text == "a <>");
  const Run full({own_rule("employee", kEmployee)},
                 std::make_shared<TokenVault>(TokenVault::Limits{1, 1000}));
  const auto text = through(full, "EMP-111111 EMP-222222").text;
  BOOST_TEST(text == full.token("employee", "EMP-111111") + " <employee>");
  Redactor same_length(full.rules, Redactor::Mask::keep_length, sending());
  std::string out;
  same_length.whole("a EMP-111111", out);
  BOOST_TEST(out == "a **********");
  // A string of ours is not of a call.
  BOOST_TEST(redact_whole(full.rules, "a EMP-111111").text == "a <employee>");
}

BOOST_AUTO_TEST_CASE(what_is_too_long_is_masked_and_does_not_wait) {
  const Run run({own_rule("long", "acme_[a-z]{4,}")});
  const auto text = "x acme_" + std::string(10'000, 'q') + " y";
  BOOST_TEST(through(run, text).text == "x <long> y");
  const auto fits = "acme_" + std::string(4091, 'q');
  BOOST_TEST(through(run, fits + " y").text == run.token("long", fits) + " y");
}

BOOST_AUTO_TEST_CASE(a_secret_that_would_end_a_string_stays_a_token_in_deltas) {
  const Run run({own_rule("quote", "<<[^>]{1,40}>>")});
  const auto token = run.token("quote", "<<x\", \"admin\": true>>");
  const auto stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
                      "\"function\":{\"arguments\":\"{\\\"id\\\": \\\"" +
                      token + "\\\"}\"}}]}}]}\n\ndata: [DONE]\n\n";
  EventStream events(run.rules, EventFormat::server_sent, restoring());
  std::string out;
  events.feed(stream, out);
  events.finish(out);
  BOOST_TEST(out == stream);
}

// Where it was percent-encoded it comes back percent-encoded: a sign in a URL is none of UTF-8.
BOOST_AUTO_TEST_CASE(a_sign_comes_back_as_it_was_written) {
  const Run run({own_rule("name", "M[^-]{1,8}ller-[0-9]{4}")});
  for (const auto escape : {Escape::json, Escape::json_read, Escape::text}) {
    for (const std::string text : {"q=M%C3%BCller-1234 y", "q=M\xC3\xBCller-1234 y"}) {
      auto there = Scope::in_call(Place::request_body, true).written_as(escape);
      const auto sent = redact_whole(run.rules, text, there).text;
      BOOST_TEST(sent.find("sl_name_") != std::string::npos, sent);
      there.restores = true;
      BOOST_TEST(redact_whole(run.rules, sent, there).text == text);
    }
  }
  const auto token = run.token("name", "M\xC3\xBCller-1234");
  auto field = Scope::in_call(Place::request_header, false).written_as(Escape::header);
  field.restores = true;
  BOOST_TEST(redact_whole(run.rules, token + " y", field).text == token + " y");
}

BOOST_AUTO_TEST_CASE(a_token_in_the_deltas_of_a_model_is_put_back) {
  const Run run({own_rule("quote", "<<[^>]{1,40}>>")});
  const auto token = run.token("quote", "<<say hi>>");
  std::string stream;
  for (std::size_t at = 0; at < token.size(); at += 5) {
    stream += "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + token.substr(at, 5) +
              "\"}}]}\n\n";
  }
  stream += "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" there\"}}]}\n\n";
  stream += "data: [DONE]\n\n";
  std::string first;
  for (const std::size_t piece : {std::size_t{1}, std::size_t{17}, stream.size()}) {
    EventStream events(run.rules, EventFormat::server_sent, restoring());
    std::string out;
    for (std::size_t at = 0; at < stream.size(); at += piece)
      events.feed(std::string_view(stream).substr(at, piece), out);
    events.finish(out);
    BOOST_TEST(out.find("<<say hi>>") != std::string::npos, out);
    BOOST_TEST(out.find("sl_") == std::string::npos, out);
    BOOST_TEST(events.rewrote());
    BOOST_TEST(events.findings().total() == 1U);
    if (first.empty()) first = out;
    BOOST_TEST(out == first);
  }
}

BOOST_AUTO_TEST_CASE(a_secret_in_the_deltas_of_a_model_becomes_a_token) {
  const Run run({own_rule("employee", kEmployee)});
  std::string stream;
  for (const auto* part : {"it is EM", "P-12", "3456", " indeed"}) {
    stream += std::string("data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
                          "\"text_delta\",\"text\":\"") +
              part + "\"}}\n\n";
  }
  EventStream events(run.rules, EventFormat::server_sent, sending());
  std::string out;
  events.feed(stream, out);
  events.finish(out);
  BOOST_TEST(out.find(run.token("employee", "EMP-123456")) != std::string::npos, out);
}

BOOST_AUTO_TEST_SUITE_END()

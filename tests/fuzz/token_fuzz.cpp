// Invariants, for any bytes and rules that mask, block, report and tokenize: what becomes a token,
// what is put back and what is found do not depend on how the bytes were cut, in a text and in the
// events of a stream; no more than max_hold() is held; a text in which all that was found became
// tokens is as it was when they are put back.
#include "policy/redact/event_stream.hpp"
#include "policy/redact/redactor.hpp"
#include "policy/redact/token_vault.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace sluice;
using redact::Action;
using redact::EventStream;
using redact::Redactor;
using redact::Scope;

void require(bool holds) {
  if (!holds) std::abort();
}

// Rules with a vault that is anew now and then: it never gets full.
struct Run {
  Run() {
    redact::RuleSetConfig config;
    config.known.push_back({"one", Secret("abcabd"), false});
    config.known.push_back({"two", Secret("hunter2hunter2"), false});
    config.fingerprint_key = "key";
    config.pii = true;
    config.placeholder = "@@";
    config.vault = vault;
    const auto own = [&](const char* pattern, Action action, std::size_t most = 0) {
      redact::RuleText text;
      text.id = "own-" + std::to_string(config.rules.size());
      text.pattern = pattern, text.max_length = most;
      config.rules.push_back(
          {text.id, redact::compile_rule(text).value(), action, redact::kAllPlaces});
    };
    own("EMP-[0-9]{4,6}", Action::tokenize);
    own("[0-9]{4}-[a-z]{2,30}", Action::tokenize);
    own("key=[a-z0-9_-]{4,}", Action::tokenize);
    own("<<[^>]{1,40}>>", Action::tokenize);
    own("~[^x]*y", Action::tokenize, 30);
    own("\\b[a-z_]{3}[a-z0-9_]{9,90}!", Action::mask);
    own("\\bq+\\b", Action::mask, 9);
    own("[0-9a-z]{16}x", Action::block);
    own("sl_[a-z]+", Action::report);
    for (const auto* id : {"aws-access-key-id", "jwt", "url-password", "datadog-api-key", "email"})
      config.rules.push_back({id, nullptr, Action::tokenize, redact::kAllPlaces});
    rules = redact::RuleSet::build(config).value();
    for (const auto& [rule, secret] :
         {std::pair{"own-0", "EMP-123456"}, {"own-2", "key=abcd"}, {"own-3", "<<say \"a&b\">>"}})
      tokens.push_back(vault->token_for(rule, secret));
  }

  std::shared_ptr<redact::TokenVault> vault =
      std::make_shared<redact::TokenVault>(redact::TokenVault::Limits(), Secret("the same"));
  std::shared_ptr<const redact::RuleSet> rules;
  std::vector<std::string> tokens;
};

std::string expanded(std::string_view bytes, const Run& run) {
  static const std::vector<std::string> pieces = {"sl_",
                                                  "sl_own-0_",
                                                  "0123456789abcdef",
                                                  "EMP-123456",
                                                  "EMP-1234-abc",
                                                  "key=",
                                                  "key%3Dabcd",
                                                  "\\u0045MP-1",
                                                  "<<say ",
                                                  ">>",
                                                  "~abc",
                                                  "hunter2hunter2",
                                                  "AKIA2OGYBAH6SLUICEQS",
                                                  "eyJhbGciOiJIUzI1NiJ9.",
                                                  "https://user:",
                                                  "@host.example",
                                                  "DD_API_KEY=",
                                                  "0123456789abcdef0123456789abcdef",
                                                  "jane@mail.example",
                                                  "-----BEGIN RSA PRIVATE KEY-----",
                                                  "data: {\"choices\":[{\"delta\":{\"content\":\"",
                                                  "\"}}]}\n\n",
                                                  "data: ",
                                                  "\n\n",
                                                  "\xC2\xAD",
                                                  "&#45;"};
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else if (byte < 0xA0) {
      const std::string& token = run.tokens[byte % run.tokens.size()];
      out += byte < 0x98 ? token : token.substr(byte % 7, 1 + byte % 19);
    } else {
      out += pieces[byte % pieces.size()];
    }
  }
  return out;
}

struct Cuts {
  std::uint32_t state;
  std::size_t next() { // mostly short, now and then long
    state = state * 1664525U + 1013904223U;
    const auto value = state >> 16U;
    return value % 5 == 0 ? 1 + value % 300 : 1 + value % 7;
  }
};

redact::Redacted in_pieces(const Run& run, std::string_view text, Scope scope, Cuts cuts) {
  Redactor redactor(run.rules, Redactor::Mask::placeholder, scope);
  redact::Redacted out;
  while (!text.empty()) {
    const auto piece = text.substr(0, cuts.next());
    redactor.feed(piece, out.text);
    text.remove_prefix(piece.size());
    require(redactor.held() <= run.rules->max_hold());
  }
  redactor.finish(out.text);
  out.findings = redactor.findings();
  out.blocked_by = redactor.blocked_by();
  return out;
}

redact::Redacted events(const Run& run, std::string_view text, Scope scope, Cuts cuts, bool cut) {
  EventStream stream(run.rules, redact::EventFormat::server_sent, scope);
  redact::Redacted out;
  while (!text.empty()) {
    const auto piece = cut ? text.substr(0, cuts.next()) : text;
    stream.feed(piece, out.text);
    text.remove_prefix(piece.size());
  }
  stream.finish(out.text);
  out.findings = stream.findings();
  return out;
}

bool is_plain(char c) { // none of a disguise
  return (c >= ' ' && c <= '~' && c != '\\' && c != '%' && c != '&') || c == '\n';
}

void check_back(const Run& run, const std::string& text, const redact::Redacted& sent,
                Scope restoring) {
  if (text.find("sl_") != std::string::npos || text.find("@@") != std::string::npos) return;
  if (!std::all_of(text.begin(), text.end(), is_plain)) return;
  for (const auto& one : sent.findings.all()) {
    if (one.action != Action::tokenize && one.action != Action::report) return;
  }
  if (sent.text.find("@@") != std::string::npos) return;
  const auto back = redact::redact_whole(run.rules, sent.text, restoring);
  for (const auto& one : back.findings.all()) {
    if (one.rule == "own-5") return; // reaches from a token into the '!' beside it: masks both
  }
  require(back.text == text);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLargest = 4096, kInputsOfARun = 2000;
  if (size < 2 || size > kLargest) return 0;
  static auto run = std::make_unique<Run>();
  static std::size_t inputs = 0;
  if (++inputs % kInputsOfARun == 0) run = std::make_unique<Run>();
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string text = data[0] % 2 == 0 ? std::string(bytes) : expanded(bytes, *run);
  const Cuts cuts{data[0] * 256U + data[1]};

  const auto escape = static_cast<redact::Escape>(data[1] % 6);
  const auto sending = Scope::in_call(redact::Place::request_body, true).written_as(escape);
  auto restoring = sending;
  restoring.restores = true;
  // The key is known here: a text may hold the very token that a secret of it gets for the first
  // time.
  (void)redact::redact_whole(run->rules, text, sending);
  for (const Scope& scope : {sending, restoring}) {
    const auto whole = redact::redact_whole(run->rules, text, scope);
    const auto pieces = in_pieces(*run, text, scope, cuts);
    require(pieces.text == whole.text);
    require(pieces.findings == whole.findings);
    require(pieces.blocked_by == whole.blocked_by);
    const auto event_stream = events(*run, text, scope, cuts, false);
    const auto event_pieces = events(*run, text, scope, cuts, true);
    require(event_pieces.text == event_stream.text);
    require(event_pieces.findings == event_stream.findings);
    const bool back = escape == redact::Escape::text || escape == redact::Escape::json;
    if (back && !scope.restores) check_back(*run, text, whole, restoring);
  }
  return 0;
}

// What redaction costs, in instructions: run by check_cost.py under callgrind, which counts them.
// Prints each text's name and size; the counts of text N are those of the Nth dump.
#include "bench/hostile_text.hpp"
#include "policy/redact/redactor.hpp"

#include <valgrind/callgrind.h>

#include <cstdio>

using namespace sluice;

namespace {

constexpr std::size_t kBytes = 128 * 1024;

// Words, names, numbers and some JSON, as an agent and a model say them.
std::string ordinary_text(std::size_t bytes) {
  constexpr std::string_view kWords[] = {
      "the",          "function",  "returns",
      "request_id",   "a",         "list of",
      "userAccounts", "and",       "prints",
      "{\"role\":",   "\"user\",", "\"content\":\"",
      "then\\n",      "42",        "2026-11-21",
      "please",       "read",      "/usr/lib/python3.11/site-packages/requests/api.py",
      "it's",         "[0]",       "std::vector<int>",
      "error"};
  bench::Random random(8);
  std::string out;
  while (out.size() < bytes) out.append(kWords[random() % std::size(kWords)]).append(" ");
  return out;
}

void redact_all(const std::shared_ptr<const redact::RuleSet>& rules, std::string_view text,
                std::size_t piece) {
  redact::Redactor redactor(rules);
  std::string out;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    out.clear();
    redactor.feed(text.substr(0, piece), out);
  }
  redactor.finish(out);
}

void measure(const char* name, const std::shared_ptr<const redact::RuleSet>& rules,
             const std::string& text, std::size_t piece) {
  redact_all(rules, text.substr(0, 2 * piece), piece); // what is made once
  CALLGRIND_ZERO_STATS;
  redact_all(rules, text, piece);
  CALLGRIND_DUMP_STATS_AT(name);
  std::printf("%s\t%zu\n", name, text.size());
}

} // namespace

int main() {
  constexpr std::size_t kRead = 16 * 1024;
  const auto packs = redact::RuleSet::build({}).value();
  redact::RuleSetConfig config;
  config.token_formats = false;
  bench::Random random(9);
  for (int i = 0; i < 100; ++i) {
    config.known.push_back({std::to_string(i), Secret(bench::token(random, "", 40)), false});
  }
  const auto known = redact::RuleSet::build(config).value();
  const auto text = ordinary_text(kBytes);
  measure("ordinary", packs, text, kRead);
  measure("ordinary, 100 bytes a read", packs, text, 100);
  measure("ordinary, 100 known secrets", known, text, kRead);
  for (const auto& [name, hostile] : bench::hostile_texts(kBytes)) {
    measure(name, packs, hostile, kRead);
  }
  redact::RuleText every; // a policy may say so; many matches in one piece must not meet each other
  every.id = "every", every.pattern = "q";
  redact::RuleSetConfig own;
  own.placeholder = "[R]";
  own.rules.push_back({every.id, redact::compile_rule(every).value(), redact::Action::mask,
                       redact::UserRule().places});
  measure("a match a byte", redact::RuleSet::build(own).value(), std::string(kBytes, 'q'), kRead);
}

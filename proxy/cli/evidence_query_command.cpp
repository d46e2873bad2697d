// sluice evidence show|query|index
#include "policy/base/bytes.hpp"
#include "policy/evidence/follow.hpp"
#include "policy/evidence/query.hpp"
#include "proxy/cli/evidence_records.hpp"
#include "proxy/cli/evidence_support.hpp"

#include <array>
#include <chrono>
#include <deque>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>

#include <poll.h>
#include <unistd.h>

namespace sluice::cli {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(100);
constexpr std::uint64_t kMaxLast = 1'000'000; // they are kept in memory
constexpr std::uint64_t kLastWhenFollowed = 10;

struct RecordOptions {
  std::array<std::string, evidence::kFactCount> wanted;
  std::string since, until;
  std::uint64_t limit = 0, last = 0;
  bool ndjson = false, scan = false, follow = false, rebuild = false;
};

std::optional<evidence::Filter> read_filter(const Output& out, const RecordOptions& options,
                                            int& failed) {
  evidence::Filter filter;
  filter.wanted = options.wanted;
  auto& host = filter.wanted[static_cast<std::size_t>(evidence::Fact::host)];
  host = ascii_lower(host);
  if (!read_moment(out, options.since, "--since", filter.since, failed) ||
      !read_moment(out, options.until, "--until", filter.until, failed)) {
    return std::nullopt;
  }
  return filter;
}

RecordPrinter::Form form_of(const Output& out, const RecordOptions& options) {
  if (options.ndjson) return RecordPrinter::Form::ndjson;
  return out.json() ? RecordPrinter::Form::json : RecordPrinter::Form::text;
}

int find(const Output& out, const Program& program, const RecordOptions& options,
         evidence::From from) {
  if (out.json() && options.ndjson)
    return out.fail(kUsage, "usage", "--json is one document, and --ndjson is none");
  int failed = kDone;
  const auto filter = read_filter(out, options, failed);
  if (!filter) return failed;
  const std::string dir = evidence_directory(program);
  evidence::QueryOptions question;
  question.filter = *filter;
  question.limit = options.limit;
  question.last = options.last;
  question.from = options.scan ? evidence::From::log : from;
  RecordPrinter printer(form_of(out, options), dir);
  evidence::QueryTold told;
  told.each = [&printer](std::string_view text, const evidence::Line& line) {
    return printer.record(text, line);
  };
  told.note = [&printer](const std::string& said) { printer.note(said); };
  told.issue = [&printer](const evidence::Issue& issue) { printer.issue(issue); };
  const auto done = evidence::query(dir, question, told);
  if (!done) return out.fail(kNotFound, "not_found", done.error().detail);
  return printer.finish();
}

bool nobody_reads() {
  pollfd out{STDOUT_FILENO, 0, 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

// Until it is interrupted, or nobody reads its output any more.
int follow(const Output& out, const Program& program, const RecordOptions& options) {
  if (out.json())
    return out.fail(kUsage, "usage", "--json is one document, and --follow has no end",
                    "use --ndjson");
  int failed = kDone;
  const auto filter = read_filter(out, options, failed);
  if (!filter) return failed;
  const std::string dir = evidence_directory(program);
  evidence::Matcher matcher(*filter);
  evidence::Follower follower(dir);
  RecordPrinter printer(form_of(out, options), dir);
  const std::uint64_t last = options.last != 0 ? options.last : kLastWhenFollowed;
  std::deque<std::string> before; // what is there already, the last of it
  bool live = false;
  std::size_t stopped_at = 0;
  const auto each = [&](std::string_view text, const evidence::Line& line) {
    if (!matcher.matches(line)) return true;
    if (live) return printer.record(text, line);
    before.emplace_back(text);
    if (before.size() > last) before.pop_front();
    return true;
  };
  bool any = false;
  const auto report = [&](const evidence::Issue& issue) {
    any = true;
    printer.issue(issue);
  };
  bool goes_on = follower.read(each, report);
  if (!goes_on && any && before.empty())
    return out.fail(kNotFound, "not_found", dir + " holds no evidence log");
  for (const std::string& text : before) {
    if (const auto line = evidence::parse_line(text, stopped_at)) printer.record(text, *line);
  }
  live = true;
  while (goes_on) {
    std::cout << std::flush;
    if (!std::cout.good() || nobody_reads()) break;
    std::this_thread::sleep_for(kLookEvery);
    goes_on = follower.read(each, report);
  }
  return printer.finish();
}

int index(const Output& out, const Program& program, const RecordOptions& options) {
  const std::string dir = evidence_directory(program);
  const auto note = [&out](const std::string& said) {
    if (!out.json()) std::cerr << "sluice: " << said << "\n";
  };
  const auto added = evidence::update_index(
      dir, options.rebuild ? evidence::Rebuild::yes : evidence::Rebuild::no, note);
  if (!added) {
    const bool broken = added.error().code == "evidence_chain_broken";
    return out.fail(added.error().code == "evidence_not_found" ? kNotFound
                    : broken                                   ? kVerificationFailed
                                                               : kFailed,
                    added.error().code, added.error().detail);
  }
  out.print({{"added", added.value()}}, std::to_string(added.value()) + " records added\n");
  return kDone;
}

void add_filters(CLI::App* verb, RecordOptions& options) {
  using evidence::Fact;
  const auto fact = [&](const char* name, Fact which, const char* what) {
    return verb->add_option(name, options.wanted[static_cast<std::size_t>(which)], what);
  };
  fact("--type", Fact::type, "event type, such as policy_denied or egress_outcome");
  fact("--decision", Fact::decision, "allow, block or require_approval")
      ->check(CLI::IsMember({"allow", "block", "require_approval"}));
  fact("--rule", Fact::rule, "id or name of the rule that decided");
  fact("--host", Fact::host, "the whole name, or address, of the destination");
  fact("--agent", Fact::agent, "agent_id");
  fact("--call", Fact::call, "call_id, which is the decision_id too");
  fact("--run", Fact::run, "run_id");
  verb->add_option("--since", options.since, "RFC 3339, or how long ago: 90s, 15m, 2h, 7d");
  verb->add_option("--until", options.until, "the same; records of that moment are not in");
  verb->add_flag("--ndjson", options.ndjson, "the lines of the log, to the byte");
}

} // namespace

void add_query_commands(CLI::App& group, Program& program) {
  auto options = std::make_shared<RecordOptions>();
  auto* list = add_evidence_options(
      add_verb(group, program, "show", "print the records; exit 4 when a line is none",
               "sluice evidence show --follow --decision block",
               [&program, options](const Output& out) {
                 return options->follow ? follow(out, program, *options)
                                        : find(out, program, *options, evidence::From::lines);
               }),
      program);
  list->add_option("--last", options->last, "only the last N records")
      ->check(CLI::Range(std::uint64_t{1}, kMaxLast));
  list->add_flag("-f,--follow", options->follow,
                 "go on with what is appended; begins with the last 10, or N of --last");
  add_filters(list, *options);

  auto asked = std::make_shared<RecordOptions>();
  auto* ask = add_evidence_options(
      add_verb(group, program, "query", "records by what they hold and when, found by an index",
               "sluice evidence query --decision block --host api.example.com --since 2h",
               [&program, asked](const Output& out) {
                 return find(out, program, *asked, evidence::From::index);
               }),
      program);
  auto* last = ask->add_option("--last", asked->last, "only the last N of them")
                   ->check(CLI::Range(std::uint64_t{1}, kMaxLast));
  ask->add_option("--limit", asked->limit, "only the first N of them")
      ->check(CLI::PositiveNumber)
      ->excludes(last);
  ask->add_flag("--scan", asked->scan, "read the whole log and its chain, and no index");
  add_filters(ask, *asked);

  auto made = std::make_shared<RecordOptions>();
  auto* make = add_evidence_options(
      add_verb(group, program, "index", "bring index.sqlite up to the log, as query does",
               "sluice evidence index --rebuild",
               [&program, made](const Output& out) { return index(out, program, *made); }),
      program);
  make->add_flag("--rebuild", made->rebuild, "make it anew");
}

} // namespace sluice::cli

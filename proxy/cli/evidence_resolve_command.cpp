// sluice evidence resolve: what an evidence ref of an operator answer speaks of, as the log has it
#include "policy/base/bytes.hpp"
#include "policy/evidence/file.hpp"
#include "policy/evidence/layout.hpp"
#include "policy/evidence/query.hpp"
#include "policy/evidence/segments.hpp"
#include "proxy/cli/evidence_records.hpp"
#include "proxy/cli/evidence_support.hpp"

#include <charconv>
#include <memory>
#include <optional>
#include <utility>

namespace sluice::cli {
namespace {

constexpr std::size_t kMaxRecords = 1000;
constexpr std::size_t kMaxPolicy = std::size_t{64} << 20;

struct ResolveOptions {
  std::string type, ref;
};

struct Range {
  std::uint64_t first = 0, last = 0;
};

// "42" or "42-45"
std::optional<Range> parse_range(const std::string& text) {
  const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (digits.empty() || error != std::errc{} || stop != end || value == 0) return std::nullopt;
    return value;
  };
  const auto dash = text.find('-');
  const auto first = number(std::string_view(text).substr(0, dash));
  const auto last = dash == text.npos ? first : number(std::string_view(text).substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return Range{*first, *last};
}

class Resolver {
 public:
  Resolver(const Output& out, std::string dir, const ResolveOptions& options)
      : out_(out), dir_(std::move(dir)), options_(options) {}

  int run() {
    if (options_.type == "audit_seq") return records_of_range();
    if (options_.type == "run_id") return records_with(evidence::Fact::run);
    if (options_.type == "call_id") return records_with(evidence::Fact::call);
    if (options_.type == "policy_rule") return rule();
    return nothing("no record of this log is a " + options_.type);
  }

 private:
  int nothing(const std::string& why) const { return out_.fail(kNotFound, "not_found", why); }

  int broken(const std::string& why) const {
    return out_.fail(kVerificationFailed, "evidence_chain_broken", why,
                     "see: sluice evidence verify");
  }

  int print(Json records, Json more) const {
    std::string text;
    for (const Json& one : records) text += dump(one) + "\n";
    Json document = {{"type", options_.type}, {"ref", options_.ref}, {"records", records}};
    for (auto& [key, value] : more.items()) {
      text += key + ": " + (value.is_structured() ? "\n" + dump(value, 2) : dump(value)) + "\n";
      document[key] = value;
    }
    out_.print(std::move(document), text);
    return kDone;
  }

  int records_of_range() {
    const auto range = parse_range(options_.ref);
    if (!range || range->last - range->first >= kMaxRecords) {
      return out_.fail(kUsage, "usage", "the ref is not a record's number",
                       "write 42, or 42-45 for at most 1000 records");
    }
    std::uint64_t segment = 0; // the file that holds the first of them
    for (const auto& name : evidence::closed_segments(dir_)) {
      const std::uint64_t first = *evidence::first_seq_of(name);
      if (first <= range->first) segment = first;
    }
    evidence::SegmentReader reader(dir_, {segment, 0}, segment);
    Json found = Json::array();
    for (auto item = reader.next(); item.kind == evidence::LineReader::Kind::line;
         item = reader.next()) {
      std::size_t stopped_at = 0;
      const auto line = evidence::parse_line(item.text, stopped_at);
      if (!line) return broken(reader.file() + ": a line is no record");
      if (line->seq < range->first) continue;
      if (line->seq > range->last) break;
      if (to_hex(view(evidence::hash_of(*line))) != line->record_hash)
        return broken("record " + std::to_string(line->seq) + " does not have the hash it names");
      found.push_back(to_json(evidence::view_of(*line)));
    }
    if (found.size() != range->last - range->first + 1)
      return nothing("the log does not hold record " + options_.ref);
    return print(std::move(found), Json::object());
  }

  // The first records that name it, and how many do.
  int records_with(evidence::Fact fact) {
    if (options_.ref.empty()) return nothing("no record has an empty " + options_.type);
    evidence::QueryOptions question;
    question.filter.wanted[static_cast<std::size_t>(fact)] = options_.ref;
    std::uint64_t count = 0;
    Json found = Json::array();
    std::string issue;
    if (const auto done = ask(question, issue,
                              [&](const evidence::Line& line) {
                                if (++count <= kMaxRecords)
                                  found.push_back(to_json(evidence::view_of(line)));
                                return true;
                              });
        !done) {
      return nothing(done.error().detail);
    }
    if (!issue.empty()) return broken(issue);
    if (count == 0) return nothing("no record has this " + options_.type);
    return print(std::move(found), {{"count", count}});
  }

  template <class Each>
  Result<> ask(const evidence::QueryOptions& question, std::string& issue, const Each& each) {
    evidence::QueryTold told;
    told.each = [&](std::string_view, const evidence::Line& line) { return each(line); };
    told.note = [](const std::string&) {};
    told.issue = [&issue](const evidence::Issue& one) { issue = one.message; };
    return evidence::query(dir_, question, told);
  }

  // The digest of the policy that was loaded last.
  Result<> loaded(std::string& digest, std::string& issue) {
    evidence::QueryOptions question;
    question.filter.wanted[static_cast<std::size_t>(evidence::Fact::type)] = "policy_loaded";
    question.last = 1;
    return ask(question, issue, [&](const evidence::Line& line) {
      digest = line.policy_digest;
      return true;
    });
  }

  // "egress[2]" in the policy that was loaded last, or "egress[2]@sha256:…".
  int rule() {
    const auto at = options_.ref.find('@');
    const std::string name = options_.ref.substr(0, at);
    std::string digest = at == std::string::npos ? "" : options_.ref.substr(at + 1);
    std::string issue;
    if (digest.empty()) {
      if (const auto done = loaded(digest, issue); !done) return nothing(done.error().detail);
      if (!issue.empty()) return broken(issue);
    }
    if (!evidence::is_policy_digest(digest)) return nothing("no policy is on record");
    const auto text = evidence::read_file(evidence::policy_path(dir_, digest), kMaxPolicy);
    if (!text) return nothing("no snapshot of " + digest);
    if (evidence::policy_digest(text.value()) != digest)
      return broken("the snapshot of " + digest + " was changed");
    const Json policy = Json::parse(text.value(), nullptr, false);
    const auto bracket = name.find('[');
    const std::string section = name.substr(0, bracket);
    std::size_t number = 0;
    const bool named =
        bracket != std::string::npos && name.back() == ']' &&
        std::from_chars(name.data() + bracket + 1, name.data() + name.size() - 1, number).ptr ==
            name.data() + name.size() - 1;
    if (!named)
      return out_.fail(kUsage, "usage", "the ref is not a rule", "write egress[2] or tcp[0]");
    const auto rules = policy.is_object() ? policy.find(section) : policy.end();
    if (rules == policy.end() || !rules->is_array() || number >= rules->size())
      return nothing("the policy " + digest + " has no rule " + name);
    return print(Json::array(), {{"policy_digest", digest}, {"rule", (*rules)[number]}});
  }

  const Output& out_;
  const std::string dir_;
  const ResolveOptions& options_;
};

} // namespace

void add_resolve_command(CLI::App& group, Program& program) {
  auto options = std::make_shared<ResolveOptions>();
  auto* verb = add_evidence_options(
      add_verb(group, program, "resolve", "what an evidence ref speaks of; exit 3 when nothing is",
               "sluice evidence resolve audit_seq 42",
               [&program, options](const Output& out) {
                 return Resolver(out, evidence_directory(program), *options).run();
               }),
      program);
  verb->add_option("type", options->type,
                   "audit_seq, run_id, call_id or policy_rule; of the other types the log has none")
      ->required()
      ->check(CLI::IsMember({"audit_seq", "run_id", "call_id", "policy_rule", "span", "log",
                             "redacted_excerpt", "verification"}));
  verb->add_option("ref", options->ref, "42 or 42-45, an id, egress[2] or egress[2]@sha256:…")
      ->required();
}

} // namespace sluice::cli

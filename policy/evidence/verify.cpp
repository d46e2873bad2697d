#include "policy/evidence/verify.hpp"

#include "policy/evidence/canonical.hpp"
#include "policy/evidence/chain.hpp"
#include "policy/evidence/file.hpp"
#include "policy/evidence/layout.hpp"

#include <cerrno>
#include <system_error>
#include <unordered_set>

#include <fcntl.h>
#include <sys/stat.h>

namespace sluice::evidence {
namespace {

constexpr std::size_t kMaxPolicyBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxRememberedDigests = 4096; // each is checked once, or once again

// O_NONBLOCK so that a FIFO put in the log's place cannot make the verifier wait.
UniqueFd open_log(const std::string& directory, int& error) {
  UniqueFd fd = open_file(audit_path(directory), O_RDONLY | O_NONBLOCK);
  struct stat info {};
  error = 0;
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) {
    error = errno;
  } else if (!S_ISREG(info.st_mode)) {
    error = EINVAL;
  }
  return error == 0 ? std::move(fd) : UniqueFd();
}

// A policy that was in force when one of these was written has its snapshot in the log.
bool names_policy_in_force(std::string_view event_type) {
  return event_type == "policy_loaded" || event_type == "egress_allowed" ||
         event_type == "policy_denied" || event_type == "approval_required";
}

Issue not_canonical(std::uint64_t line, std::size_t stopped_at) {
  return {"malformed", "not a canonical record, from byte " + std::to_string(stopped_at + 1), line,
          0};
}

// What is wrong with a line before it is looked into.
std::optional<Issue> issue_of(const LineReader::Item& item) {
  switch (item.kind) {
  case LineReader::Kind::torn:
    return Issue{"tail_truncation", "the last line has no newline", item.number, 0};
  case LineReader::Kind::too_long:
    return Issue{"malformed", "the line is longer than 1 MiB", item.number, 0};
  case LineReader::Kind::failed:
    return Issue{"missing_file", file_error("read", kAuditFile, item.error).detail, item.number, 0};
  case LineReader::Kind::line:
  case LineReader::Kind::end: break;
  }
  return std::nullopt;
}

class Verifier {
 public:
  Verifier(const std::string& directory, const std::optional<ExpectedHead>& head)
      : directory_(directory), expected_(head) {}

  Verification run() {
    int error = 0;
    const UniqueFd fd = open_log(directory_, error);
    if (!fd.valid()) {
      report({"missing_file", file_error("open", kAuditFile, error).detail, 0, 0});
      return std::move(result_);
    }
    LineReader reader(fd.get());
    LineReader::Item item = reader.next();
    for (; item.kind != LineReader::Kind::end; item = reader.next()) {
      check(item);
      if (item.kind == LineReader::Kind::failed) break;
    }
    result_.audit_head_seq = chain_.head().seq;
    result_.audit_head_hash = chain_.head().hash;
    check_end(item.number);
    return std::move(result_);
  }

 private:
  void report(Issue issue) {
    if (result_.issues.size() == kMaxIssues) issue = {"more_issues", "the list ends here", 0, 0};
    if (result_.issues.size() <= kMaxIssues) result_.issues.push_back(std::move(issue));
  }

  void check(const LineReader::Item& item) {
    if (auto issue = issue_of(item)) return report(std::move(*issue));
    check_line(item);
  }

  void check_line(const LineReader::Item& item) {
    std::size_t stopped_at = 0;
    const std::optional<Line> line = parse_line(item.text, stopped_at);
    if (!line) {
      return report(not_canonical(item.number, stopped_at));
    }
    ++result_.audit_record_count;
    if (std::optional<Issue> issue = chain_.next(*line)) {
      issue->line = item.number;
      report(std::move(*issue));
    }
    if (expected_ && line->seq == expected_->seq) {
      seen_expected_ = true;
      if (line->record_hash != expected_->hash) {
        report({"tamper_middle", "the record is not the one the witness remembers", item.number,
                line->seq});
      }
    }
    if (!line->policy_digest.empty() && names_policy_in_force(line->event_type)) {
      check_policy(*line, item.number);
    }
  }

  void check_end(std::uint64_t lines) {
    if (lines == 0) report({"tail_truncation", "the log has no records", 0, 0});
    // Record 0 is the head of a log before its first record: nothing to look for.
    if (!expected_ || seen_expected_ || expected_->seq == 0) return;
    report(
        {"tail_truncation",
         "record " + std::to_string(expected_->seq) + ", which the witness remembers, is not here",
         0, expected_->seq});
  }

  void check_policy(const Line& line, std::uint64_t number) {
    if (policies_.size() >= kMaxRememberedDigests) policies_.clear();
    const auto [digest, is_new] = policies_.emplace(line.policy_digest);
    if (!is_new) return;
    if (!is_policy_digest(*digest)) {
      report({"missing_policy", "policy_digest is not a SHA-256 digest", number, line.seq});
      return;
    }
    const Result<std::string> text = read_file(policy_path(directory_, *digest), kMaxPolicyBytes);
    if (!text) {
      report({"missing_policy", "no snapshot of " + *digest, number, line.seq});
    } else if (policy_digest(text.value()) != *digest) {
      report({"missing_policy", "the snapshot of " + *digest + " was changed", number, line.seq});
    }
  }

  const std::string& directory_;
  const std::optional<ExpectedHead>& expected_;
  bool seen_expected_ = false;
  ChainCheck chain_;
  std::unordered_set<std::string> policies_;
  Verification result_;
};

} // namespace

Verification verify_directory(const std::string& directory,
                              const std::optional<ExpectedHead>& head) {
  return Verifier(directory, head).run();
}

bool read_records(const std::string& directory, const std::function<bool(const RecordView&)>& each,
                  const std::function<void(const Issue&)>& unread) {
  int error = 0;
  const UniqueFd fd = open_log(directory, error);
  if (!fd.valid()) return false;
  LineReader reader(fd.get());
  for (auto item = reader.next(); item.kind != LineReader::Kind::end; item = reader.next()) {
    if (const auto issue = issue_of(item)) {
      if (unread) unread(*issue);
      if (item.kind == LineReader::Kind::failed) break;
      continue;
    }
    std::size_t stopped_at = 0;
    const std::optional<Line> line = parse_line(item.text, stopped_at);
    if (!line) {
      if (unread) unread(not_canonical(item.number, stopped_at));
      continue;
    }
    const RecordView view{line->seq,
                          std::string(line->prev_hash),
                          std::string(line->record_hash),
                          unescape(line->timestamp),
                          unescape(line->event_type),
                          unescape(line->deployment_mode),
                          unescape(line->actor),
                          std::string(line->payload)};
    if (!each(view)) break;
  }
  return true;
}

} // namespace sluice::evidence

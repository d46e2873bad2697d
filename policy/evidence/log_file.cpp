#include "policy/evidence/log_file.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "policy/evidence/file.hpp"
#include "policy/evidence/layout.hpp"
#include "policy/evidence/retention.hpp"
#include "policy/evidence/segments.hpp"

#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace sluice::evidence {
namespace {

constexpr int kLockAttempts = 10; // a reader that asks whether a writer is there holds it shortly
constexpr useconds_t kLockPause = 20'000;

Error broken(const Issue& issue) {
  std::string where = issue.file.empty() ? std::string(kAuditFile) : issue.file;
  if (issue.line != 0) where += " line " + std::to_string(issue.line);
  return make_error(Origin::evidence, "evidence_chain_broken", where + ": " + issue.message);
}

} // namespace

Result<LogFile> LogFile::open(const std::string& directory, Seal seal) {
  LogFile log(directory);
  SLUICE_TRY(make_directory(directory));
  SLUICE_TRY(log.lock());
  SLUICE_TRY(log.audit_, AppendFile::open(audit_path(directory)));
  SLUICE_TRY(log.verify(seal));
  SLUICE_TRY(finish_removal(directory));
  log.found_empty_ = !log.audit_.created() && log.audit_.size() == 0 && log.found_.head.seq == 0;
  log.segment_from_ = log.found_.last_segment_from;
  if (log.segment_from_ == 0) log.segment_from_ = log.found_.head.seq + 1;
  SLUICE_TRY(log.set_tail_aside(log.audit_, kAuditFile, log.found_.audit_tail));
  if (seal == Seal::with_checkpoints) {
    SLUICE_TRY(log.checkpoints_, AppendFile::open(checkpoint_path(directory)));
    SLUICE_TRY(log.set_tail_aside(log.checkpoints_, kCheckpointFile, log.found_.checkpoint_tail));
  }
  SLUICE_TRY(sync_directory(directory));
  return log;
}

Result<> LogFile::lock() {
  const std::string path = lock_path(directory_);
  lock_ = open_file(path, O_RDWR | O_CREAT, 0600);
  if (!lock_.valid()) return file_error("open", path, errno);
  for (int attempt = 0; attempt < kLockAttempts; ++attempt) {
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return success();
    if (errno != EWOULDBLOCK && errno != EINTR) return file_error("lock", path, errno);
    ::usleep(kLockPause);
  }
  return make_error(Origin::evidence, "evidence_locked",
                    path + " is locked: another process writes this log");
}

Result<> LogFile::verify(Seal seal) {
  std::optional<Issue> first;
  const auto keep_first = [&first](Issue issue) {
    if (!first) first = std::move(issue);
  };
  found_ = walk_log(directory_, {}, keep_first);
  if (first && first->type == "missing_file") {
    return unavailable(first->message);
  }
  if (first) return broken(*first);
  if (seal == Seal::none && (found_.has_checkpoint_file || found_.key)) {
    return make_error(Origin::evidence, "evidence_key_missing",
                      "the log is signed, and no key was given to go on with");
  }
  // A process that died leaves records that no checkpoint covers. One that stopped does not.
  if (const std::uint64_t seq = found_.added_after_stop; seq != 0) {
    return broken({"unsigned_tail",
                   "record " + std::to_string(seq) + " was added after the log was closed", 0,
                   seq});
  }
  return success();
}

// A process that died between moving a tail and writing the record about it left a file numbered
// with the record that is still to come: it is reported now.
Result<> LogFile::set_tail_aside(AppendFile& file, std::string_view name,
                                 const std::optional<Tail>& tail) {
  constexpr int kMaxCopies = 100;
  const std::uint64_t next = found_.head.seq + 1;
  int copy = 0;
  for (; copy < kMaxCopies; ++copy) {
    const std::string aside = torn_name(name, next, copy);
    const std::string path = directory_ + '/' + aside;
    if (::access(path.c_str(), F_OK) != 0) break;
    SLUICE_TRY(const std::string text, read_file(path, 2 * kMaxLineBytes));
    torn_.push_back({aside, text.size(), to_hex(sha256(text))});
  }
  if (!tail) return success();
  const std::string aside = torn_name(name, next, copy);
  if (copy == kMaxCopies) {
    return unavailable("too many files like " + aside);
  }
  SLUICE_TRY(write_file_atomically(directory_ + '/' + aside, tail->text));
  torn_.push_back({aside, tail->text.size(), to_hex(sha256(tail->text))});
  file.set_size(tail->offset);
  return file.cut();
}

Result<> LogFile::rotate(std::uint64_t next_seq) {
  const std::string path = directory_ + '/' + segment_name(segment_from_);
  if (::access(path.c_str(), F_OK) == 0) return file_error("close as", path, EEXIST);
  SLUICE_TRY(audit_.sync());
  if (std::rename(audit_path(directory_).c_str(), path.c_str()) != 0) {
    return file_error("close as", path, errno);
  }
  segment_from_ = next_seq;
  between_segments_ = true;
  return begin_segment();
}

Result<> LogFile::begin_segment() {
  SLUICE_TRY(AppendFile next, AppendFile::open(audit_path(directory_)));
  if (!next.created()) {
    return unavailable(next.path() + " was made by somebody else");
  }
  SLUICE_TRY(sync_directory(directory_));
  audit_ = std::move(next);
  between_segments_ = false;
  return success();
}

Result<> LogFile::write(std::string_view lines, Commit commit) {
  if (between_segments_) {
    SLUICE_TRY(begin_segment());
  }
  return audit_.write(lines,
                      commit == Commit::synced ? AppendFile::Sync::yes : AppendFile::Sync::no);
}

Result<> LogFile::write_checkpoint(std::string_view line) {
  SLUICE_TRY(audit_.sync());
  return checkpoints_.write(line, AppendFile::Sync::yes);
}

} // namespace sluice::evidence

#include "policy/evidence/verify.hpp"

#include "policy/evidence/canonical.hpp"
#include "policy/evidence/chain.hpp"
#include "policy/evidence/file.hpp"
#include "policy/evidence/layout.hpp"
#include "policy/evidence/log_walk.hpp"
#include "policy/evidence/manifest.hpp"
#include "policy/evidence/retained.hpp"
#include "policy/evidence/segments.hpp"

#include <cerrno>
#include <unordered_set>
#include <utility>

#include <unistd.h>

namespace sluice::evidence {
namespace {

constexpr std::size_t kMaxPolicyBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxManifestBytes = 16384;
constexpr std::size_t kMaxRememberedDigests = 4096; // each is checked once, or once again

// A policy that was in force when one of these was written has its snapshot in the log.
bool names_policy_in_force(std::string_view event_type) {
  return event_type == "policy_loaded" || event_type == "egress_allowed" ||
         event_type == "policy_denied" || event_type == "approval_required";
}

class Verifier {
 public:
  Verifier(const std::string& directory, VerifyOptions options)
      : directory_(directory), options_(std::move(options)) {}

  Verification run() {
    result_.being_written = options_.copied_while_written || is_being_written(directory_);
    WalkOptions walk;
    walk.checkpoints = options_.checkpoints;
    walk.pin = options_.pin;
    walk.each = [this](const Line& line, std::uint64_t number) { check(line, number); };
    const Walk found =
        walk_log(directory_, std::move(walk), [this](Issue issue) { report(std::move(issue)); });
    result_.audit_record_count = found.records;
    result_.audit_head_seq = found.head.seq;
    result_.removed_up_to = found.removed_up_to;
    result_.audit_head_hash = found.head.hash;
    check_end(found);
    if (options_.checkpoints == Checkpoints::check) check_seals(found);
    return std::move(result_);
  }

 private:
  void report(Issue issue) {
    if (result_.issues.size() == kMaxIssues) issue = {"more_issues", "the list ends here", 0, 0};
    if (result_.issues.size() <= kMaxIssues) result_.issues.push_back(std::move(issue));
  }

  void check(const Line& line, std::uint64_t number) {
    if (options_.head && line.seq == options_.head->seq) {
      seen_expected_ = true;
      if (line.record_hash != options_.head->hash) {
        report(
            {"tamper_middle", "the record is not the one the witness remembers", number, line.seq});
      }
    }
    if (!line.policy_digest.empty() && names_policy_in_force(line.event_type)) {
      check_policy(line, number);
    }
  }

  void check_end(const Walk& found) {
    if (found.audit_tail && !result_.being_written) {
      report({"tail_truncation", "the last line has no newline", found.audit_tail->line, 0});
    }
    if (found.lines == 0) report({"tail_truncation", "the log has no records", 0, 0});
    // Record 0 is the head of a log before its first record: nothing to look for.
    if (!options_.head || seen_expected_ || options_.head->seq == 0) return;
    if (options_.head->seq <= found.removed_up_to && names_checkpoint(*options_.head)) return;
    report({"tail_truncation",
            "record " + std::to_string(options_.head->seq) +
                ", which the witness remembers, is not here",
            0, options_.head->seq});
  }

  // Of a record that retention removed its checkpoint stays, which is what a witness was given.
  bool names_checkpoint(const Head& head) const {
    int error = 0;
    const UniqueFd fd = open_regular(checkpoint_path(directory_), error);
    if (!fd.valid()) return false;
    LineReader reader(fd.get());
    for (auto item = reader.next(); item.kind == LineReader::Kind::line; item = reader.next()) {
      const auto checkpoint = parse_checkpoint(item.text);
      if (checkpoint && to_string(checkpoint->anchor) == to_string(head)) return true;
    }
    return false;
  }

  void check_seals(const Walk& found) {
    result_.checkpoint_count = found.checkpoints;
    result_.latest_anchor_seq = found.last_checkpoint.anchor.seq;
    result_.latest_anchor_hash = found.last_checkpoint.anchor.hash;
    result_.signed_up_to = found.signed_up_to;
    if (found.key) result_.key_fingerprint = found.key->fingerprint();
    if (found.checkpoints == 0) {
      report({"missing_checkpoint", "no checkpoint: nothing of the log is signed", 0, 0,
              std::string(kCheckpointFile)});
    }
    check_manifest(found);
    if (!result_.being_written) check_last_seal(found);
  }

  // A bundle says where it ends; its signature is then the witness of that.
  void check_manifest(const Walk& found) {
    const std::string path = directory_ + '/' + std::string(kManifestFile);
    if (::access(path.c_str(), F_OK) != 0) return;
    const auto bad = [this](std::string_view what) {
      report({"bad_manifest", std::string(what), 0, 0, std::string(kManifestFile)});
    };
    const Result<std::string> text = read_file(path, kMaxManifestBytes);
    const auto said = text ? parse_manifest(text.value()) : std::nullopt;
    if (!said || said->hash != hash_of(*said)) return bad("the manifest is not whole");
    if (!found.key || !found.key->verifies(said->hash, said->signature)) {
      return bad("the manifest is not signed by the key that signs the log");
    }
    const Head& anchor = found.last_checkpoint.anchor;
    if (said->records != found.records || to_string(said->head) != to_string(found.head) ||
        said->checkpoints != found.checkpoints ||
        to_string(said->latest_anchor) != to_string(anchor)) {
      return bad("the manifest does not count what is there");
    }
    const Result<std::string> pem =
        read_file(directory_ + '/' + std::string(kBundleKeyFile), kMaxManifestBytes);
    const auto key = pem ? PublicKey::from_pem(pem.value()) : std::nullopt;
    if (!key || key->pem() != pem.value() || key->fingerprint() != said->key_fingerprint ||
        key->fingerprint() != found.key->fingerprint()) {
      return bad("the public key is not the one that the manifest names");
    }
    end_is_signed_ = true;
  }

  // The end of a log that nobody writes any more.
  void check_last_seal(const Walk& found) {
    if (found.checkpoint_tail) {
      report({"malformed", "the last line has no newline", found.checkpoint_tail->line, 0,
              std::string(kCheckpointFile)});
    }
    if (found.lacks_last_checkpoint) {
      report({"missing_checkpoint", "the last record was to be signed by a checkpoint", 0,
              found.head.seq});
    }
    const bool end_is_pinned =
        options_.head && seen_expected_ && options_.head->seq == found.head.seq;
    if (found.checkpoints == 0 || end_is_pinned || end_is_signed_ || found.closed) return;
    const std::uint64_t first = found.signed_up_to + 1;
    if (found.head.seq >= first) {
      report({"unsigned_tail",
              "records " + std::to_string(first) + " to " + std::to_string(found.head.seq) +
                  " are behind the last checkpoint: the writer died, or they were added",
              0, first});
    } else if (found.speaks_of_checkpoints) {
      report({"unclosed", "no clean stop: the writer died, or the end was cut off", 0,
              found.head.seq});
    }
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
  const VerifyOptions options_;
  bool seen_expected_ = false;
  bool end_is_signed_ = false; // by the manifest of a bundle
  std::unordered_set<std::string> policies_;
  Verification result_;
};

} // namespace

Verification verify_directory(const std::string& directory, const VerifyOptions& options) {
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    const Head before = retained_head(directory);
    Verification result = Verifier(directory, options).run();
    // Segments may be removed while they are read: then it was a log that is not there any more.
    const bool moved = retained_head(directory).seq != before.seq;
    if (result.passed() || !moved || attempt == kAttempts) return result;
  }
}

RecordView view_of(const Line& line) {
  return {line.seq,
          std::string(line.prev_hash),
          std::string(line.record_hash),
          unescape(line.timestamp),
          unescape(line.event_type),
          unescape(line.deployment_mode),
          unescape(line.actor),
          std::string(line.payload)};
}

bool read_records(const std::string& directory, const std::function<bool(const RecordView&)>& each,
                  const std::function<void(const Issue&)>& unread) {
  SegmentReader reader(directory);
  const auto complain = [&](Issue issue) {
    if (!reader.in_last()) issue.file = reader.file();
    if (unread) unread(issue);
  };
  bool opened = false;
  for (auto item = reader.next(); item.kind != LineReader::Kind::end; item = reader.next()) {
    if (item.kind == LineReader::Kind::failed && !opened) return false;
    opened = true;
    if (const auto issue = issue_of(item)) {
      complain(*issue);
      if (item.kind == LineReader::Kind::failed) break;
      continue;
    }
    std::size_t stopped_at = 0;
    const std::optional<Line> line = parse_line(item.text, stopped_at);
    if (!line) {
      complain(not_canonical(item.number, stopped_at));
      continue;
    }
    if (!each(view_of(*line))) break;
  }
  return true;
}

} // namespace sluice::evidence

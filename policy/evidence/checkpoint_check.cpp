#include "policy/evidence/checkpoint_check.hpp"

#include "policy/base/bytes.hpp"
#include "policy/evidence/layout.hpp"
#include "policy/evidence/seal_record.hpp"

#include <utility>

namespace sluice::evidence {
namespace {

std::string name_of(const Checkpoint& checkpoint) {
  return "checkpoint " + std::to_string(checkpoint.seq);
}

} // namespace

CheckpointCheck::CheckpointCheck(KeyPin pin, Next next, Report report)
    : pin_(std::move(pin)), next_(std::move(next)), report_(std::move(report)), key_(pin_.key),
      trusted_(pin_.key.has_value()) {}

void CheckpointCheck::peek() {
  if (ahead_) return;
  ahead_ = next_();
  at_end_ = !ahead_;
}

void CheckpointCheck::record(const Line& line, std::uint64_t number, const MerkleTree& before) {
  if (lacking_) {
    find_lacking();
    report_lacking();
  }
  closed_ = closing_ = false;
  promised_.reset();
  const bool seals = line.event_type == kLogCheckpoint;
  const bool names_key = line.event_type == kKeyCreated || line.event_type == kKeyRotated;
  if (!at_end_ || seals) peek();
  while (ahead_ && ahead_->checkpoint.anchor.seq < line.seq) { // by the key that was in force then
    accept(nullptr);
    peek();
  }
  if (names_key) learn_key(line, number);
  if (last_is_stop_ && added_after_stop_ == 0 && !seals && !names_key &&
      line.event_type != kLogRecovered) {
    added_after_stop_ = line.seq;
  }
  if (seals) check_root(line, number, before);
  const bool named = ahead_ && ahead_->checkpoint.anchor.seq == line.seq;
  if (!named && !seals) return;
  lacking_ = Named{number, line.seq, std::string(line.record_hash)};
  if (named) find_lacking();
}

bool CheckpointCheck::expects_more(std::uint64_t seq) {
  peek();
  return ahead_ && ahead_->checkpoint.anchor.seq > seq;
}

void CheckpointCheck::finish(const Head& head) {
  if (lacking_) find_lacking();
  for (bool told = false; peek(), ahead_; accept(nullptr)) {
    const Checkpoint& checkpoint = ahead_->checkpoint;
    if (checkpoint.anchor.seq <= head.seq || std::exchange(told, true)) continue;
    report_({"tail_truncation",
             name_of(checkpoint) + " names record " + std::to_string(checkpoint.anchor.seq) +
                 ", which is not here",
             0, checkpoint.anchor.seq});
  }
  if (count_ > 0 && !pin_.fingerprint.empty() && !last_trusted_) {
    report_({"invalid_signature",
             "the last checkpoint is not signed by the pinned key, nor by one it vouches for", 0,
             last_.anchor.seq, std::string(kCheckpointFile)});
  }
}

void CheckpointCheck::find_lacking() {
  peek();
  if (!ahead_ || ahead_->checkpoint.anchor.seq != lacking_->seq) return;
  const Named record = *std::exchange(lacking_, std::nullopt);
  accept(&record);
}

void CheckpointCheck::report_lacking() {
  if (!lacking_) return;
  report_({"missing_checkpoint",
           "record " + std::to_string(lacking_->seq) + " was to be signed by a checkpoint",
           lacking_->line, lacking_->seq});
  lacking_.reset();
}

// Requires: ahead_. `record` is the one it names, null when that is not here.
void CheckpointCheck::accept(const Named* record) {
  const Checkpoint& checkpoint = ahead_->checkpoint;
  const auto report = [&](std::string type, std::string message) {
    report_({std::move(type), std::move(message), ahead_->line, checkpoint.anchor.seq,
             std::string(kCheckpointFile)});
  };
  if (auto issue = check_link(last_, checkpoint)) {
    report(std::move(issue->type), std::move(issue->message));
  }
  check_signature();
  if (record != nullptr && record->hash != checkpoint.anchor.hash) {
    report_({"tamper_middle", name_of(checkpoint) + " names another record of this number",
             record->line, record->seq});
  }
  if (record != nullptr && promised_ && *promised_ != checkpoint.seq) {
    report("broken_checkpoint_chain", "record " + std::to_string(record->seq) +
                                          " speaks of checkpoint " + std::to_string(*promised_));
  }
  ++count_;
  added_after_stop_ = 0;
  if (record != nullptr) signed_up_to_ = record->seq;
  closed_ = last_is_stop_ = record != nullptr && closing_;
  last_trusted_ = trusted_;
  last_ = std::move(ahead_->checkpoint);
  ahead_.reset();
}

void CheckpointCheck::check_signature() {
  const Checkpoint& checkpoint = ahead_->checkpoint;
  const auto report = [&](const std::string& what) {
    report_({"invalid_signature", name_of(checkpoint) + what, ahead_->line, checkpoint.anchor.seq,
             std::string(kCheckpointFile)});
  };
  if (checkpoint.signature.empty()) return report(" is not signed");
  if (!key_) return report(": no key is known that could have signed it");
  if (!key_->verifies(checkpoint.checkpoint_hash, checkpoint.signature)) {
    report(" is not signed by the key in force, " + key_->fingerprint());
  }
}

void CheckpointCheck::learn_key(const Line& line, std::uint64_t number) {
  const auto report = [&](const std::string& what) {
    report_({"invalid_signature", what, number, line.seq});
  };
  std::optional<KeyFacts> facts = read_key(line.payload);
  if (!facts) return report("the record does not hold the key it names");
  const bool first = !std::exchange(first_key_seen_, true);
  const bool vouched = line.event_type == kKeyRotated && key_ &&
                       key_->verifies(rotation_text(facts->key), facts->signature);
  if (line.event_type == kKeyRotated ? !vouched : !first) {
    report("a new key that the one before did not sign");
  }
  trusted_ = facts->fingerprint == pin_.fingerprint || (trusted_ && vouched);
  key_ = std::move(facts->key);
}

void CheckpointCheck::check_root(const Line& line, std::uint64_t number, const MerkleTree& before) {
  const std::optional<CheckpointFacts> facts = read_checkpoint(line.payload);
  const bool right = facts && facts->merkle_size == before.size() &&
                     facts->merkle_root == to_hex(view(before.root()));
  if (!right && !std::exchange(wrong_root_told_, true)) { // all behind a wrong one are wrong too
    report_({"wrong_root", "the Merkle root is not that of the records before", number, line.seq});
  }
  if (!facts) return;
  promised_ = facts->checkpoint_seq;
  closing_ = facts->cause == kCauseStop;
}

} // namespace sluice::evidence

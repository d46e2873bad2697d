#include "policy/evidence/sealer.hpp"

#include "policy/base/clock.hpp"
#include "policy/evidence/file.hpp"
#include "policy/evidence/seal_record.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include <unistd.h>

namespace sluice::evidence {
namespace {

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

Result<SigningKey> make_key(const std::string& path) {
  SigningKey key = SigningKey::generate();
  SLUICE_TRY(key.store(path));
  return key;
}

std::string next_path(const std::string& path) {
  return path + ".next";
}

Result<> put_in_place(const std::string& path) {
  if (::rename(next_path(path).c_str(), path.c_str()) != 0) {
    return file_error("replace", path, errno);
  }
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return sync_directory(folder.empty() ? "." : folder);
}

// A process died between the record about a new key and the rename that puts it in place.
Result<> finish_rotation(const std::string& path, const std::string& fingerprint) {
  if (!exists(next_path(path))) return success();
  const Result<SigningKey> next = SigningKey::load(next_path(path));
  if (!next || next.value().public_key().fingerprint() != fingerprint) return success();
  return put_in_place(path);
}

} // namespace

Result<Sealer> Sealer::open(const std::string& key_path, const Walk& found, RunIdentity who) {
  if (found.key) {
    SLUICE_TRY(finish_rotation(key_path, found.key->fingerprint()));
  }
  const bool there = exists(key_path);
  if (found.key && !there) {
    return make_error(Origin::evidence, "evidence_key_missing",
                      key_path + " is gone, and the log was signed with it (put it back, or begin "
                                 "a new log in another directory)");
  }
  SLUICE_TRY(SigningKey key, there ? SigningKey::load(key_path) : make_key(key_path));
  if (found.key && found.key->fingerprint() != key.public_key().fingerprint()) {
    return make_error(Origin::evidence, "evidence_key_mismatch",
                      key_path + " is not the key that signed the log, which is " +
                          found.key->fingerprint());
  }
  Sealer sealer(key_path, std::move(key), found.last_checkpoint, std::move(who));
  if (!found.key) sealer.opening_.push_back(key_created_record(sealer.who_, sealer.public_key()));
  return sealer;
}

Result<> Sealer::rotate() {
  const std::string path = next_path(path_);
  ::unlink(path.c_str()); // of a rotation that never came on record
  SLUICE_TRY(SigningKey key, make_key(path));
  opening_.push_back(key_rotated_record(who_, key_, key.public_key()));
  next_key_ = std::move(key);
  return success();
}

Result<> Sealer::use_next_key() {
  if (!next_key_) return success();
  SLUICE_TRY(put_in_place(path_));
  key_ = *std::exchange(next_key_, std::nullopt);
  return success();
}

Record Sealer::record(std::string_view cause, const MerkleTree& tree) const {
  return checkpoint_record(who_, cause, last_.seq + 1, tree);
}

std::string Sealer::checkpoint(Head head, std::int64_t unix_nanos) {
  Checkpoint next = next_checkpoint(last_, std::move(head), format_rfc3339_nanos(unix_nanos));
  next.signature = key_.sign(next.checkpoint_hash);
  last_ = std::move(next);
  return line_of(last_);
}

} // namespace sluice::evidence

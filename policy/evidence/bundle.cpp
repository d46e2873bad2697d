#include "policy/evidence/bundle.hpp"

#include "policy/base/clock.hpp"
#include "policy/evidence/layout.hpp"
#include "policy/evidence/retained.hpp"
#include "policy/evidence/segments.hpp"
#include "policy/evidence/verify.hpp"

#include <cerrno>
#include <filesystem>
#include <functional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::evidence {
namespace {

constexpr std::size_t kMaxPolicyBytes = std::size_t{64} << 20;
constexpr std::size_t kChunk = std::size_t{1} << 20;

Error broken(std::string what) {
  return make_error(Origin::evidence, "evidence_chain_broken", std::move(what));
}

// Whole lines into a new file, synced when it is done.
class CopyFile {
 public:
  static Result<CopyFile> create(const std::string& path) {
    CopyFile out;
    out.path_ = path;
    out.fd_ = open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (!out.fd_.valid()) return file_error("create", path, errno);
    return out;
  }
  Result<> add(std::string_view line) {
    buffer_.append(line) += '\n';
    return buffer_.size() < kChunk ? Result<>(success()) : flush();
  }
  Result<> finish() {
    SLUICE_TRY(flush());
    if (::fsync(fd_.get()) != 0) return file_error("sync", path_, errno);
    return success();
  }

 private:
  Result<> flush() {
    if (const int error = write_all(fd_.get(), buffer_); error != 0) {
      return file_error("write", path_, error);
    }
    buffer_.clear();
    return success();
  }
  std::string path_;
  UniqueFd fd_;
  std::string buffer_;
};

// Lines until `wanted` of them are copied.
Result<> copy_lines(const std::function<LineReader::Item()>& next, std::uint64_t wanted,
                    const std::string& to) {
  SLUICE_TRY(CopyFile out, CopyFile::create(to));
  for (std::uint64_t n = 0; n < wanted; ++n) {
    const LineReader::Item item = next();
    if (item.kind != LineReader::Kind::line) return broken("the log changed while it was copied");
    SLUICE_TRY(out.add(item.text));
  }
  return out.finish();
}

Result<> copy_policies(const std::string& from, const std::string& to) {
  SLUICE_TRY(make_directory(policies_path(to)));
  std::error_code error;
  for (std::filesystem::directory_iterator at(policies_path(from), error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    std::string digest = at->path().stem().string();
    if (const std::size_t dash = digest.find('-'); dash != digest.npos) digest[dash] = ':';
    if (!is_policy_digest(digest)) continue;
    SLUICE_TRY(const std::string text, read_file(at->path().string(), kMaxPolicyBytes));
    SLUICE_TRY(write_file_atomically(policies_path(to) + '/' + name, text));
  }
  return success();
}

} // namespace

Result<Manifest> export_bundle(const std::string& directory, const SigningKey& key,
                               const std::string& to, std::int64_t unix_nanos) {
  const Verification found = verify_directory(directory);
  if (!found.passed()) return broken(found.issues.front().message);
  if (found.key_fingerprint != key.public_key().fingerprint()) {
    return make_error(Origin::evidence, "evidence_key_mismatch",
                      "the key does not sign this log, but " + found.key_fingerprint);
  }
  if (::mkdir(to.c_str(), 0700) != 0) {
    return errno == EEXIST ? make_error(Origin::evidence, "evidence_exists", to + " exists")
                           : file_error("create", to, errno);
  }
  Manifest manifest;
  manifest.exported_at = format_rfc3339_nanos(unix_nanos);
  manifest.head = {found.latest_anchor_seq, found.latest_anchor_hash};
  manifest.latest_anchor = manifest.head;
  manifest.records = found.latest_anchor_seq - found.removed_up_to;
  manifest.checkpoints = found.checkpoint_count;
  manifest.key_fingerprint = found.key_fingerprint;
  manifest.hash = hash_of(manifest);
  manifest.signature = key.sign(manifest.hash);

  SegmentReader records(directory);
  SLUICE_TRY(copy_lines([&records] { return records.next(); }, manifest.records, audit_path(to)));
  int error = 0;
  const UniqueFd fd = open_regular(checkpoint_path(directory), error);
  if (!fd.valid()) return file_error("open", kCheckpointFile, error);
  LineReader checkpoints(fd.get());
  SLUICE_TRY(copy_lines([&checkpoints] { return checkpoints.next(); }, manifest.checkpoints,
                        checkpoint_path(to)));
  SLUICE_TRY(const std::optional<Retained> retained, read_retained(directory));
  if (retained) {
    SLUICE_TRY(write_file_atomically(retained_path(to), text_of(*retained)));
  }
  SLUICE_TRY(copy_policies(directory, to));
  SLUICE_TRY(write_file_atomically(to + '/' + std::string(kBundleKeyFile), key.public_key().pem()));
  SLUICE_TRY(write_file_atomically(to + '/' + std::string(kManifestFile), text_of(manifest)));
  return manifest;
}

} // namespace sluice::evidence

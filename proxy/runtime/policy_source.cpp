#include "proxy/runtime/policy_source.hpp"

#include "policy/base/document.hpp"
#include "policy/base/read_below.hpp"
#include "policy/base/unique_fd.hpp"
#include "policy/engine/signature.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

namespace sluice::runtime {
namespace {

Diagnostic about(const std::string& file, std::string message, std::string hint) {
  return {Diagnostic::Level::error, file, 0, 0, "", std::move(message), std::move(hint)};
}

std::string name_of(const std::string& file) {
  const auto slash = file.rfind('/');
  return slash == std::string::npos ? file : file.substr(slash + 1);
}

// At most one byte over `limit`, so that who reads it sees that it is too long. 0, or errno.
int read_from(int folder, const std::string& name, std::size_t limit, std::string& out) {
  const UniqueFd fd(::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return errno;
  char piece[65536];
  while (out.size() <= limit) {
    const ssize_t got = ::read(fd.get(), piece, std::min(sizeof piece, limit + 1 - out.size()));
    if (got == 0) return 0;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    out.append(piece, static_cast<std::size_t>(got));
  }
  return 0;
}

Diagnostic unreadable_file(const std::string& file, int reason) {
  return about(file, "the file cannot be read", std::generic_category().message(reason));
}

} // namespace

PolicySource::PolicySource(const Config& config)
    : file_(config.policy_file), signature_(engine::signature_file(config.policy_file)),
      folder_(folder_of(config.policy_file)), known_parents_(config.policy_parents),
      config_file_(config.file), places_(config.places), key_files_(config.trusted_policy_keys),
      require_signature_(config.require_signature), pinned_(config.policy_folder_pinned),
      folder_id_(look_at(folder_).id), policy_state_(look_at(file_)),
      signature_state_(look_at(signature_)) {}

Diagnostics PolicySource::read_keys() {
  Diagnostics problems;
  trusted_.clear();
  for (std::size_t i = 0; i < key_files_.size(); ++i) {
    auto key = Ed25519Public::load(key_files_[i]);
    if (key) {
      trusted_.push_back(key.value().fingerprint());
      continue;
    }
    const auto pointer = "/trusted_policy_keys/" + std::to_string(i);
    const auto at = places_.find(pointer);
    const auto place = at == places_.end() ? Place{} : at->second;
    problems.push_back({Diagnostic::Level::error, config_file_, place.line, place.column, pointer,
                        key.error().detail, "the .pub file that sluice policy new-key wrote"});
  }
  return problems;
}

// Of a pinned folder only what was covered from CMD's eyes and hands when its box was made.
Result<std::string> PolicySource::read_parent(int folder, const std::string& name) {
  const auto& known = known_parents_;
  if (pinned_ && std::find(known.begin(), known.end(), name) == known.end()) {
    return make_error(Origin::config, "not_known",
                      "it was not inherited when sluice exec started; start again");
  }
  const std::string file = folder_ + name;
  parents_.emplace_back(file, look_at(file)); // as it is before it is read
  return read_below(folder, name, kMaxDocumentBytes, pinned_ ? Links::refuse : Links::inside);
}

PolicyRead PolicySource::read() {
  PolicyRead out;
  const UniqueFd folder(::open(folder_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat found {};
  const int reason = folder.valid() && ::fstat(folder.get(), &found) == 0 ? 0 : errno;
  if (pinned_ && (reason != 0 || FileId{found.st_dev, found.st_ino} != folder_id_)) {
    out.diagnostics.push_back(about(file_, "its folder is another than when sluice started",
                                    "somebody put it there; start again if it was you"));
    return out;
  }
  std::string text;
  const int unread =
      reason != 0 ? reason : read_from(folder.get(), name_of(file_), kMaxDocumentBytes, text);
  if (unread != 0) {
    out.diagnostics.push_back(unreadable_file(file_, unread));
    return out;
  }
  parents_.clear();
  auto load = engine::load_policy_text(
      text, file_, [&](const std::string& name) { return read_parent(folder.get(), name); });
  out.snapshot = std::move(load.snapshot);
  out.diagnostics = std::move(load.diagnostics);
  if (out.snapshot) check_signature(folder.get(), out);
  return out;
}

// Without require_signature a signature that does not hold is only told of: the policy is as good
// as an unsigned one.
void PolicySource::check_signature(int folder, PolicyRead& out) const {
  if (trusted_.empty() && !require_signature_) return;
  std::string text;
  Diagnostics problems;
  const int unread = read_from(folder, name_of(signature_), engine::kMaxSignatureFile, text);
  if (unread == ENOENT) {
    if (!require_signature_) return;
    problems.push_back(about(signature_, "the policy is not signed, and require_signature is set",
                             "sign it with: sluice policy sign " + file_ + " --key KEY"));
  } else if (unread != 0) {
    problems.push_back(unreadable_file(signature_, unread));
  } else {
    out.signed_by =
        engine::verify_signature(*out.snapshot, text, signature_, trusted_, problems).value_or("");
  }
  if (out.signed_by.empty() && require_signature_) out.snapshot.reset();
  for (auto& one : problems) {
    if (!require_signature_) one.level = Diagnostic::Level::warning;
  }
  out.diagnostics.insert(out.diagnostics.end(), std::make_move_iterator(problems.begin()),
                         std::make_move_iterator(problems.end()));
}

bool PolicySource::changed() {
  const bool policy = has_changed(file_, policy_state_);
  const bool signature = !key_files_.empty() && has_changed(signature_, signature_state_);
  bool parents = false;
  for (auto& [file, state] : parents_) parents = has_changed(file, state) || parents;
  return policy || signature || parents;
}

} // namespace sluice::runtime

#include "policy/evidence/layout.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"

namespace sluice::evidence {
namespace {

constexpr std::string_view kPrefix = "sha256:";

} // namespace

std::string audit_path(const std::string& directory) {
  return directory + '/' + std::string(kAuditFile);
}

std::string checkpoint_path(const std::string& directory) {
  return directory + '/' + std::string(kCheckpointFile);
}

std::string key_path(const std::string& directory) {
  return directory + '/' + std::string(kKeyFile);
}

std::string lock_path(const std::string& directory) {
  return audit_path(directory) + ".lock";
}

std::string torn_name(std::string_view file, std::uint64_t seq, int copy) {
  std::string name = std::string(file) + ".torn-" + std::to_string(seq);
  if (copy > 0) name += '.' + std::to_string(copy);
  return name;
}

std::string policy_digest(std::string_view canonical_json) {
  return std::string(kPrefix) + to_hex(sha256(canonical_json));
}

bool is_policy_digest(std::string_view text) {
  return text.size() == kPrefix.size() + 64 && text.starts_with(kPrefix) &&
         text.find_first_not_of("0123456789abcdef", kPrefix.size()) == text.npos;
}

std::string policies_path(const std::string& directory) {
  return directory + "/policies";
}

std::string policy_path(const std::string& directory, std::string_view digest) {
  std::string name(digest);
  name[kPrefix.size() - 1] = '-';
  return policies_path(directory) + '/' + name + ".json";
}

} // namespace sluice::evidence

#include "certs/spiffe_id.hpp"

namespace sluice::certs {
namespace {

constexpr std::string_view kSpiffeScheme = "spiffe://";
constexpr std::size_t kLongestTrustDomain = 255;
constexpr std::string_view kDomainCharacters = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
constexpr std::string_view kPathCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

std::string_view path_fault(std::string_view path) noexcept {
  while (!path.empty()) { // begins with '/'
    path.remove_prefix(1);
    const auto segment = path.substr(0, path.find('/'));
    if (segment.empty()) return "a segment of its path is empty";
    if (segment == "." || segment == "..") return "a segment of its path is . or ..";
    if (segment.find_first_not_of(kPathCharacters) != segment.npos)
      return "its path has characters other than letters, digits, '.', '-', '_' and '/'";
    path.remove_prefix(segment.size());
  }
  return {};
}

} // namespace

std::string_view spiffe_id_fault(std::string_view id) noexcept {
  if (id.size() > kLongestSpiffeId) return "it is longer than 2048 bytes";
  if (!id.starts_with(kSpiffeScheme)) return "it does not begin with spiffe://";
  id.remove_prefix(kSpiffeScheme.size());
  const auto slash = id.find('/');
  const auto domain = id.substr(0, slash);
  if (domain.empty()) return "it has no trust domain";
  if (domain.size() > kLongestTrustDomain) return "its trust domain is longer than 255 bytes";
  if (domain.find_first_not_of(kDomainCharacters) != domain.npos)
    return "its trust domain has characters other than a-z, 0-9, '.', '-' and '_'";
  if (slash == id.npos) return "it has no path";
  return path_fault(id.substr(slash));
}

} // namespace sluice::certs

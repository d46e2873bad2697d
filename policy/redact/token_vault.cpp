#include "policy/redact/token_vault.hpp"

#include "policy/base/digest.hpp"

#include <algorithm>
#include <mutex>

namespace sluice::redact {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kSigns = 16; // 80 bits
constexpr std::size_t kMostOfARuleName = 64;

std::string name_of(std::string_view rule) {
  std::string out(rule.substr(0, kMostOfARuleName));
  for (char& c : out) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!plain) c = '-';
  }
  return out;
}

// Five bits a sign.
std::string signs_of(std::string_view bytes) {
  constexpr std::string_view kSignOf = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string out;
  unsigned bits = 0, count = 0;
  for (const char c : bytes) {
    bits = (bits << 8U | static_cast<unsigned char>(c)) & 0xFFFU;
    for (count += 8; count >= 5 && out.size() < kSigns; count -= 5)
      out += kSignOf[bits >> (count - 5) & 0x1FU];
    if (out.size() == kSigns) break;
  }
  return out;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F;
}

} // namespace

TokenVault::TokenVault(Limits limits) : TokenVault(limits, Secret(random_bytes(kKeyBytes))) {}

std::string TokenVault::token_for(std::string_view rule, std::string_view secret) {
  if (rule.empty() || secret.empty() || secret.size() > kMostOfASecret) return {};
  if (std::any_of(secret.begin(), secret.end(), is_control)) return {};
  std::string named(rule);
  named += '\0';
  named += secret;
  const Secret both(std::move(named));
  std::string token = "sl_" + name_of(rule) + "_";
  token += signs_of(hmac_sha256(key_.reveal(), both.reveal()));
  const std::unique_lock lock(mutex_);
  if (const auto at = entries_.find(token); at != entries_.end())
    return at->second.rule == rule && at->second.secret.reveal() == secret ? token : std::string();
  if (entries_.size() >= limits_.tokens || bytes_ + secret.size() > limits_.bytes) return {};
  bytes_ += secret.size();
  entries_.emplace(token, Entry{std::string(rule), Secret(std::string(secret))});
  return token;
}

std::optional<TokenVault::Entry> TokenVault::secret_of(std::string_view token) const {
  const std::shared_lock lock(mutex_);
  const auto at = entries_.find(token);
  return at == entries_.end() ? std::nullopt : std::optional(at->second);
}

bool TokenVault::knows(std::string_view token) const {
  const std::shared_lock lock(mutex_);
  return entries_.find(token) != entries_.end();
}

} // namespace sluice::redact

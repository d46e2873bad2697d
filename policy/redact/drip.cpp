#include "policy/redact/drip.hpp"

#include "policy/base/digest.hpp"
#include "policy/redact/needle_set.hpp"
#include "policy/redact/shape.hpp"

#include <algorithm>
#include <bit>
#include <set>

namespace sluice::redact {
namespace {

// What of it nobody else writes. Of a URL it is the password, of a JWT the signature.
std::string_view secret_part(std::string_view value) {
  if (value.starts_with("eyJ")) return value.substr(std::min(value.size(), value.rfind('.') + 1));
  const auto scheme = value.find("://");
  if (scheme == std::string_view::npos) return value;
  const auto authority =
      value.substr(scheme + 3, value.find_first_of("/?#", scheme + 3) - scheme - 3);
  const auto at = authority.rfind('@');
  const auto colon = authority.find(':');
  if (at == std::string_view::npos)
    return value.substr(std::min(value.size(), scheme + 3 + authority.size()));
  return colon < at ? authority.substr(colon + 1, at - colon - 1) : authority.substr(0, at);
}

} // namespace

DripWatch::DripWatch(const std::vector<KnownSecret>& known) {
  std::vector<Needle> needles;
  for (const KnownSecret& one : known) {
    watch("secret:" + one.id, secret_part(one.value.reveal()), needles);
  }
  pieces_ = std::make_unique<const NeedleSet>(std::move(needles));
}

DripWatch::~DripWatch() = default;

void DripWatch::watch(std::string rule, std::string_view value, std::vector<Needle>& needles) {
  if (value.size() < kDripLeast || value.size() > kDripMost) return;
  if (!std::all_of(value.begin(), value.end(), is_token_byte)) return;
  const auto which = static_cast<std::uint32_t>(watched_.size());
  std::set<std::string_view> seen; // the same piece again is no further one
  for (std::uint32_t at = 0; at + kDripPiece <= value.size(); ++at) {
    if (!seen.insert(value.substr(at, kDripPiece)).second) continue;
    Needle needle;
    needle.text = value.substr(at, kDripPiece);
    needle.rule = static_cast<std::uint32_t>(places_.size());
    needles.push_back(std::move(needle));
    places_.push_back({which, at});
  }
  Watched watched;
  watched.rule = std::move(rule);
  watched.digest = sha256(value);
  watched.size = value.size();
  watched.words = (value.size() + 63) / 64;
  watched.sent = std::make_unique<std::atomic<std::uint64_t>[]>(watched.words);
  watched_.push_back(std::move(watched));
}

void DripWatch::take_over(const DripWatch& before) {
  for (Watched& watched : watched_) {
    for (const Watched& other : before.watched_) {
      if (other.digest != watched.digest) continue;
      for (std::size_t word = 0; word < watched.words; ++word) {
        watched.sent[word].fetch_or(other.sent[word].load(std::memory_order_relaxed),
                                    std::memory_order_relaxed);
      }
    }
  }
}

bool DripWatch::send(const Piece& piece) {
  Watched& watched = watched_[piece.watched];
  watched.sent[piece.at / 64].fetch_or(std::uint64_t{1} << (piece.at % 64),
                                       std::memory_order_relaxed);
  return 2 * bytes_sent(watched) >= watched.size;
}

std::size_t DripWatch::bytes_sent(const Watched& watched) const {
  std::size_t bytes = 0, covered_until = 0;
  for (std::size_t word = 0; word < watched.words; ++word) {
    auto begins = watched.sent[word].load(std::memory_order_relaxed);
    for (; begins != 0; begins &= begins - 1) {
      const auto at = word * 64 + static_cast<std::size_t>(std::countr_zero(begins));
      bytes += at + kDripPiece - std::max(at, covered_until);
      covered_until = at + kDripPiece;
    }
  }
  return bytes;
}

void DripMeter::feed(std::string_view text) {
  if (watch_ == nullptr || watch_->empty() || text.empty()) return;
  if (!tail_.empty()) look(tail_ + std::string(text.substr(0, kDripPiece - 1)));
  look(text);
  tail_ += text.substr(text.size() - std::min(text.size(), kDripPiece - 1));
  tail_.erase(0, tail_.size() - std::min(tail_.size(), kDripPiece - 1));
}

void DripMeter::look(std::string_view text) {
  watch_->pieces_->find_all(text, [&](std::size_t, const Needle& needle) {
    const auto& place = watch_->places_[needle.rule];
    if (watch_->send(place) && !over_) over_ = watch_->watched_[place.watched].rule;
  });
}

} // namespace sluice::redact

#include "proxy/call/body_digest.hpp"

#include "policy/base/bytes.hpp"

#include <algorithm>

namespace sluice::call {
namespace {

std::size_t common(std::string_view a, std::string_view b) {
  const auto most = std::min(a.size(), b.size());
  if (a.substr(0, most) == b.substr(0, most)) return most; // nearly always
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.begin() + most, b.begin()).first -
                                  a.begin());
}

} // namespace

void BodyDigest::feed(std::string_view came, std::string_view went) {
  if (!key_ || (came.empty() && went.empty())) return;
  if (!before_) before_.emplace(*key_);
  any_came_ = any_came_ || !came.empty();
  any_went_ = any_went_ || !went.empty();
  if (!after_ && !kept_.empty()) {
    const auto same = common(kept_, went);
    before_->update(std::string_view(kept_).substr(0, same));
    kept_.erase(0, same);
    went.remove_prefix(same);
  }
  if (!after_ && kept_.empty()) {
    const auto same = common(came, went);
    before_->update(came.substr(0, same));
    came.remove_prefix(same);
    went.remove_prefix(same);
  }
  if (after_ || !went.empty() || kept_.size() + came.size() > kMostKept) return part(came, went);
  kept_ += came;
}

void BodyDigest::part(std::string_view came, std::string_view went) {
  if (!after_) after_ = before_;
  before_->update(kept_);
  kept_.clear();
  before_->update(came);
  after_->update(went);
}

BodyDigests BodyDigest::take() {
  BodyDigests out;
  if (!before_) return out;
  if (!kept_.empty()) part({}, {});
  if (any_came_) out.before = to_hex(before_->finish());
  if (!any_went_) return out;
  out.after = after_ ? to_hex(after_->finish()) : out.before;
  return out;
}

} // namespace sluice::call

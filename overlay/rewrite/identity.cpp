#include "overlay/rewrite/identity.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"

namespace sluice::overlay {

std::string interposer_digest(std::string_view overlay_digest, std::string_view request_digest,
                              const Json& interposition) {
  return sha256_text(canonical_json({{"overlay", overlay_digest},
                                     {"request", request_digest},
                                     {"interposition", interposition}}));
}

std::string plan_digest(const InterpositionPlan& plan) {
  Json all = Json::array();
  for (const Interposition& one : plan.interpositions) all.push_back(one.written);
  return sha256_text(canonical_json({{"interpositions", std::move(all)}}));
}

std::string interposer_alias(std::string_view scope, std::string_view use,
                             const Json& interposition) {
  const std::string what =
      canonical_json({{"scope", scope}, {"use", use}, {"interposition", interposition}});
  return std::string(use) + '-' + to_hex(sha256(what)).substr(0, 8);
}

} // namespace sluice::overlay

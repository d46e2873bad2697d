#include "overlay/plan/lock.hpp"

#include "overlay/manifest/json5.hpp"
#include "policy/base/reader.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice::overlay {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr auto kMostPlaces = std::numeric_limits<std::int32_t>::max();

bool same_place(const LockedPlan& a, const LockedPlan& b) noexcept {
  return a.scope == b.scope && a.overlay == b.overlay && a.place == b.place;
}

std::string name_of(const LockedPlan& one) {
  return one.scope + ' ' + one.overlay;
}

LockedPlan read_plan(Reader& item) {
  LockedPlan out;
  out.scope = item.required("scope").string().value_or("");
  out.overlay = item.required("overlay").string().value_or("");
  out.place = static_cast<std::size_t>(item.required("place").integer(0, kMostPlaces).value_or(0));
  out.overlay_digest = item.required("overlay_digest").string().value_or("");
  out.request_digest = item.required("request_digest").string().value_or("");
  Reader plan = item.required("plan");
  if (plan.present() && !plan.node()->is_map()) plan.error("expected a map");
  if (plan.present()) out.plan = to_json(*plan.node());
  item.finish();
  return out;
}

Json plan_json(const LockedPlan& one) {
  return {{"scope", one.scope},
          {"overlay", one.overlay},
          {"place", one.place},
          {"overlay_digest", one.overlay_digest},
          {"request_digest", one.request_digest},
          {"plan", one.plan}};
}

// "" when nothing did.
std::string what_changed(const LockedPlan& before, const LockedPlan& after) {
  if (before.overlay_digest != after.overlay_digest) return "the overlay changed";
  if (before.request_digest != after.request_digest) return "the question changed";
  return before.plan == after.plan ? "" : "the answer changed";
}

} // namespace

std::optional<PlanLock> PlanLock::parse(std::string_view text, const std::string& file,
                                        Diagnostics& out) {
  Diagnostics found;
  const auto document = parse_json5(text, file, found);
  PlanLock lock;
  if (document) {
    Reader root(*document, found);
    Reader version = root.required("version");
    if (version.present() && !version.says(kVersion)) {
      version.error("this is no lock of a version we read", "make it again with --lock");
    }
    for (Reader& item : root.required("plans").items()) {
      LockedPlan one = read_plan(item);
      const bool twice = std::any_of(lock.plans_.begin(), lock.plans_.end(),
                                     [&](const auto& other) { return same_place(one, other); });
      if (twice) item.error("this overlay is locked twice");
      lock.add(std::move(one));
    }
    root.finish();
  }
  const bool wrong = !document || has_errors(found);
  out.insert(out.end(), std::make_move_iterator(found.begin()),
             std::make_move_iterator(found.end()));
  if (wrong) return std::nullopt;
  return lock;
}

const Json* PlanLock::find(const LockedPlan& asked) const noexcept {
  for (const LockedPlan& one : plans_) {
    const bool same = same_place(one, asked) && one.overlay_digest == asked.overlay_digest &&
                      one.request_digest == asked.request_digest;
    if (same) return &one.plan;
  }
  return nullptr;
}

std::string PlanLock::text() const {
  Json plans = Json::array();
  for (const LockedPlan& one : plans_) plans.push_back(plan_json(one));
  return Json({{"version", kVersion}, {"plans", std::move(plans)}}).dump(2) + '\n';
}

std::vector<std::string> changes(const PlanLock& before, const PlanLock& after) {
  std::vector<std::string> out;
  const auto find = [](const PlanLock& in, const LockedPlan& one) {
    return std::find_if(in.plans().begin(), in.plans().end(),
                        [&](const auto& other) { return same_place(one, other); });
  };
  for (const LockedPlan& one : after.plans()) {
    const auto was = find(before, one);
    const std::string what =
        was == before.plans().end() ? "is not in the lock" : what_changed(*was, one);
    if (!what.empty()) out.push_back(name_of(one) + ": " + what);
  }
  for (const LockedPlan& one : before.plans()) {
    if (find(after, one) == after.plans().end()) {
      out.push_back(name_of(one) + ": is in the lock and not in the scenario");
    }
  }
  return out;
}

} // namespace sluice::overlay

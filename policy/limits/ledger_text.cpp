// Ledger, the part that writes the counters down and reads them again. What cannot be read whole is
// not read at all: a counter that was lost would open its limit.
#include "policy/base/document.hpp"
#include "policy/base/reader.hpp"
#include "policy/evidence/json_writer.hpp"
#include "policy/limits/ledger.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace sluice::limits {
namespace {

using model::Quota;

constexpr std::int64_t kLatest = std::numeric_limits<std::int64_t>::max() / kSecond - 1;
constexpr auto kMost = static_cast<std::int64_t>(model::kMaxQuota);

// In the order in which JSON has their keys.
constexpr std::array kBeforeMinute = {Quota::requests_per_day, Quota::requests_per_hour};

void write_window(evidence::JsonWriter& json, Quota quota, const Counter& counter) {
  const FixedWindow& window = counter.window(quota);
  if (window.used == 0) return;
  json.key(to_string(quota)).begin_array();
  json.integer(window.number).integer(static_cast<std::int64_t>(window.used)).end_array();
}

void write_minute(evidence::JsonWriter& json, const MinuteWindow& minute) {
  if (minute.used() == 0) return;
  std::string slots;
  for (const std::uint32_t one : minute.slots()) {
    slots += (slots.empty() ? "" : " ") + std::to_string(one);
  }
  json.key(to_string(Quota::requests_per_minute)).begin_array();
  json.integer(minute.second()).string(slots).end_array();
}

void read_window(Reader& item, Quota quota, Counter& out) {
  Reader written = item.at(to_string(quota));
  if (!written.present()) return;
  auto parts = written.items();
  if (parts.size() != 2) return written.error("expected the window and what was used in it");
  out.window(quota).number = parts[0].integer(0, kLatest).value_or(0);
  out.window(quota).used = static_cast<std::uint64_t>(parts[1].integer(0, kMost).value_or(0));
}

bool read_slots(std::string_view text, std::array<std::uint32_t, MinuteWindow::kSlots>& out) {
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i > 0 && (at == end || *at++ != ' ')) return false;
    const auto read = std::from_chars(at, end, out[i]);
    if (read.ec != std::errc()) return false;
    at = read.ptr;
  }
  return at == end;
}

void read_minute(Reader& item, Counter& out) {
  Reader written = item.at(to_string(Quota::requests_per_minute));
  if (!written.present()) return;
  auto parts = written.items();
  std::array<std::uint32_t, MinuteWindow::kSlots> slots{};
  if (parts.size() != 2 || !read_slots(parts[1].string().value_or(""), slots)) {
    return written.error("expected a second and the requests of 61 seconds");
  }
  out.minute().restore(parts[0].integer(0, kLatest).value_or(0), slots);
}

} // namespace

void Ledger::not_saved() {
  const std::lock_guard lock(lock_);
  changed_ = true;
}

std::string Ledger::changed_text() {
  const std::lock_guard lock(lock_);
  if (!std::exchange(changed_, false)) return "";
  evidence::JsonWriter json;
  json.begin_object().key("counters").begin_array();
  for (auto at = counters_.begin(); at != counters_.end();) {
    auto& [key, counter] = *at;
    counter->advance(second());
    if (counter->stale()) { // a call that runs still knows its own
      at = counter.use_count() == 1 ? counters_.erase(at) : std::next(at);
      continue;
    }
    json.begin_object().key("agent").string(key.agent);
    write_window(json, Quota::bytes_per_day, *counter);
    json.key("counter").string(key.counter);
    for (const Quota quota : kBeforeMinute) write_window(json, quota, *counter);
    write_minute(json, counter->minute());
    write_window(json, Quota::tokens_per_day, *counter);
    json.end_object();
    ++at;
  }
  // Rounded up: what is read again must not be earlier than it was.
  json.end_array().key("schema_version").string("1").key("time").integer(second() + 1);
  return json.end_object().take() + "\n";
}

Result<> Ledger::restore(std::string_view text, const std::string& file) {
  Diagnostics problems;
  const auto document = parse_document(text, file, problems);
  std::map<CounterKey, std::shared_ptr<Counter>> counters;
  std::int64_t time = 0;
  if (document) {
    Reader root(*document, problems);
    if (root.required("schema_version").string().value_or("1") != "1") {
      root.at("schema_version").error("this version does not know it");
    }
    time = root.required("time").integer(0, kLatest).value_or(0);
    for (Reader& item : root.required("counters").items()) {
      CounterKey key{item.required("agent").text().value_or(""),
                     item.required("counter").string().value_or("")};
      auto counter = std::make_shared<Counter>();
      read_minute(item, *counter);
      for (const Quota quota : {Quota::requests_per_hour, Quota::requests_per_day,
                                Quota::bytes_per_day, Quota::tokens_per_day}) {
        read_window(item, quota, *counter);
      }
      item.finish();
      counter->advance(time);
      if (!counters.emplace(std::move(key), std::move(counter)).second) {
        item.error("this counter stands here twice");
      }
    }
    root.finish();
  }
  if (has_errors(problems)) {
    return make_error(Origin::evidence, "limits_unreadable",
                      format(problems.front()) + "; what was counted cannot be known");
  }
  const std::lock_guard lock(lock_);
  counters_ = std::move(counters);
  nanos_ = std::max(nanos_, time * kSecond);
  return success();
}

} // namespace sluice::limits

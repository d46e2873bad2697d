#include "proxy/runtime/limit_keeper.hpp"

#include "policy/base/document.hpp"
#include "policy/base/quiet_thread.hpp"
#include "policy/evidence/file.hpp"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace sluice::runtime {
namespace {

constexpr auto kPause = std::chrono::seconds(1);

} // namespace

Result<> read_limits(const std::string& file, limits::Ledger& ledger) {
  if (!evidence::open_file(file, O_RDONLY).valid()) {
    if (errno == ENOENT) return success();
    return make_error(Origin::evidence, "limits_unreadable", file + ": " + std::strerror(errno));
  }
  auto text = evidence::read_file(file, kMaxDocumentBytes);
  if (!text) return make_error(Origin::evidence, "limits_unreadable", text.error().detail);
  return ledger.restore(text.value(), file);
}

LimitKeeper::LimitKeeper(limits::Ledger& ledger, std::string file, const Clock& clock, Told told)
    : ledger_(ledger), file_(std::move(file)), clock_(clock), told_(std::move(told)),
      thread_(start_quiet_thread([this] { run(); })) {}

LimitKeeper::~LimitKeeper() {
  {
    const std::lock_guard lock(lock_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void LimitKeeper::run() {
  for (bool last = false; !last;) {
    {
      std::unique_lock lock(lock_);
      last = wake_.wait_for(lock, kPause, [this] { return stopping_; });
    }
    ledger_.tick(limits::Instant::of(clock_));
    save();
  }
}

void LimitKeeper::save() {
  const auto text = ledger_.changed_text();
  if (text.empty()) return;
  auto written = evidence::write_file_atomically(file_, text);
  if (!written) ledger_.not_saved();
  if (failing_ != written.has_value()) return; // as before
  failing_ = !written;
  told_(failing_ ? written.error().detail : "");
}

} // namespace sluice::runtime

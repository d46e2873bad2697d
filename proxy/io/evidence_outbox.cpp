#include "proxy/io/evidence_outbox.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>

#include <mutex>
#include <utility>

namespace sluice::io {

using Receipts = std::vector<Result<evidence::Receipt>>;

// Outlives the outbox, for an answer that comes when there is no worker left.
struct EvidenceOutbox::Mailbox {
  std::mutex mutex;
  EvidenceOutbox* outbox = nullptr;

  void deliver(Receipts receipts) {
    const std::lock_guard lock(mutex);
    if (outbox == nullptr) return;
    net::post(outbox->executor_, [to = outbox, receipts = std::move(receipts)]() mutable {
      to->accept(std::move(receipts));
    });
  }
};

template <class Handler> struct EvidenceOutbox::HandlerWaiter final : Waiter {
  explicit HandlerWaiter(Handler with) : handler(std::move(with)) {}
  void resume(Result<evidence::Receipt> receipt) override { handler(std::move(receipt)); }
  Handler handler;
};

// A named function, not a lambda in the awaiting expression, because of g++ 12. The record stays in
// the frame of the coroutine that waits.
template <class Token> auto EvidenceOutbox::async_append(evidence::Record& record, Token&& token) {
  return net::async_initiate<Token, void(Result<evidence::Receipt>)>(
      [this, &record](auto handler) {
        using Handler = decltype(handler);
        add(std::move(record), std::make_unique<HandlerWaiter<Handler>>(std::move(handler)));
      },
      token);
}

EvidenceOutbox::EvidenceOutbox(const Executor& executor, evidence::EvidenceLog& log)
    : executor_(executor), log_(log), mailbox_(std::make_shared<Mailbox>()) {
  mailbox_->outbox = this;
}

EvidenceOutbox::~EvidenceOutbox() {
  abandon();
  if (!records_.empty()) log_.append(std::move(records_), nullptr);
}

void EvidenceOutbox::abandon() {
  {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->outbox = nullptr;
  }
  // A coroutine that dies here closes its permit, which appends: not while we walk the lists.
  const auto handed_over = std::exchange(handed_over_, {});
  const auto waiters = std::exchange(waiters_, Waiters(records_.size()));
}

Task<Result<evidence::Receipt>> EvidenceOutbox::append(evidence::Record record) {
  auto receipt = co_await async_append(record, use_value);
  co_return receipt;
}

void EvidenceOutbox::append_unwatched(evidence::Record record) {
  add(std::move(record), nullptr);
}

void EvidenceOutbox::add(evidence::Record record, WaiterPtr waiter) {
  // Behind everything that is ready to run now.
  if (records_.empty()) net::post(executor_, [this] { hand_over(); });
  somebody_waits_ = somebody_waits_ || waiter != nullptr;
  records_.push_back(std::move(record));
  waiters_.push_back(std::move(waiter));
}

void EvidenceOutbox::hand_over() {
  if (records_.empty()) return;
  evidence::EvidenceLog::BatchDone done;
  if (std::exchange(somebody_waits_, false)) {
    handed_over_.push_back(std::exchange(waiters_, {}));
    done = [mailbox = mailbox_](Receipts receipts) { mailbox->deliver(std::move(receipts)); };
  }
  waiters_.clear();
  log_.append(std::exchange(records_, {}), std::move(done));
}

void EvidenceOutbox::accept(Receipts receipts) {
  const Waiters waiters = std::move(handed_over_.front());
  handed_over_.pop_front();
  for (std::size_t i = 0; i < waiters.size(); ++i) {
    if (waiters[i]) waiters[i]->resume(std::move(receipts[i]));
  }
}

} // namespace sluice::io

// The worker's side of the evidence log: collects the records of one turn of the event loop and
// hands them over together, so that a busy worker wakes the writer thread once and not once a call.
// Never says that a record is kept before the log has said so; never resumes a coroutine on any
// thread but the worker's.
// Tested by tests/socket/evidence_outbox_test.cpp.
#pragma once

#include "policy/evidence/log.hpp"
#include "proxy/io/task.hpp"

#include <deque>
#include <memory>
#include <vector>

namespace sluice::io {

class EvidenceOutbox { // one per worker, used on its thread only
 public:
  EvidenceOutbox(const Executor& executor, evidence::EvidenceLog& log);
  ~EvidenceOutbox(); // hands over what is left
  EvidenceOutbox(const EvidenceOutbox&) = delete;
  EvidenceOutbox& operator=(const EvidenceOutbox&) = delete;

  // Returns when the log has accepted the record, or has refused it.
  Task<Result<evidence::Receipt>> append(evidence::Record record);
  // For the record of what is over already. A log that fails here refuses the next append().
  void append_unwatched(evidence::Record record);
  // Requires: the worker's thread has ended. Destroys the coroutines that wait.
  void abandon();

 private:
  struct Waiter {
    virtual ~Waiter() = default;
    virtual void resume(Result<evidence::Receipt> receipt) = 0;
  };
  using WaiterPtr = std::unique_ptr<Waiter>; // null: nobody waits for this record
  using Waiters = std::vector<WaiterPtr>;
  struct Mailbox; // what the writer thread may touch
  template <class Handler> struct HandlerWaiter;
  template <class Token> auto async_append(evidence::Record& record, Token&& token);

  void add(evidence::Record record, WaiterPtr waiter);
  void hand_over();
  void accept(std::vector<Result<evidence::Receipt>> receipts);

  Executor executor_;
  evidence::EvidenceLog& log_;
  std::vector<evidence::Record> records_; // of this turn
  Waiters waiters_;                       // of those
  bool somebody_waits_ = false;
  std::deque<Waiters> handed_over_; // answered in this order
  std::shared_ptr<Mailbox> mailbox_;
};

} // namespace sluice::io

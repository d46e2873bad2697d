#include "proxy/call/permit.hpp"

#include <stdexcept>
#include <utility>

namespace sluice::call {

Permit& Permit::operator=(Permit&& other) noexcept {
  if (this != &other) {
    if (state_) close(Outcome{});
    state_ = std::move(other.state_);
  }
  return *this;
}

Permit::~Permit() {
  if (state_) close(Outcome{});
}

void Permit::close(const Outcome& how_it_ended) {
  if (!state_ || !state_->on_close) return;
  const auto on_close = std::exchange(state_->on_close, nullptr);
  on_close(state_->facts, how_it_ended);
}

Permit PermitMaker::make(PermitFacts facts, Permit::OnClose on_close) {
  // A permit without its proof is a bug of the gate, and a bug must not become an open door.
  if (!facts.decision.allowed() || facts.receipt.seq == 0 || facts.addresses.empty()) {
    throw std::logic_error("permit without an allow decision, a receipt and an address");
  }
  auto state = std::make_unique<Permit::State>();
  state->facts = std::move(facts);
  state->on_close = std::move(on_close);
  return Permit(std::move(state));
}

} // namespace sluice::call

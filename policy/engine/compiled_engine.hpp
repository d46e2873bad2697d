// The compiled engine: indexes of a snapshot, made once, so that what a call costs does not grow
// with the rules. Its answers are those of the reference engine, with which it shares no matching
// code. Never allocates to find a decision, except where more than eight expressions stand for
// hosts; the words of the decision itself may. Tested by tests/property/engine_parity_test.cpp, and
// with the reference engine by tests/unit/engine.
#pragma once

#include "policy/engine/engine.hpp"

#include <cstddef>
#include <memory>

namespace sluice::engine {

class Question;

class CompiledEngine final : public Engine {
 public:
  explicit CompiledEngine(std::shared_ptr<const Snapshot> policy);
  ~CompiledEngine() override;
  model::Decision decide(const model::EgressCall& call) const noexcept override;
  model::Decision decide_address(const model::EgressCall& call, const model::Decision& by_name,
                                 const model::IpAddress& address) const noexcept override;
  bool could_allow(const model::Host& host, const model::Given& given = {}) const noexcept override;

 private:
  struct Section;
  struct Indexes;
  const Section& section_for(model::Protocol protocol) const noexcept;
  model::Decision by_rules(const model::EgressCall& call, bool& opened,
                           const model::IpAddress* address) const noexcept override;
  model::Obligations obligations(const Section& section, const Question& question,
                                 std::size_t first, model::Protocol protocol) const noexcept;
  struct Operations;
  void add_operation(model::Operation::Kind kind, const Subject& subject,
                     Operations& out) const noexcept;
  Operations by_operations(const model::EgressCall& call) const noexcept;
  template <class Each> void each_section(const model::EgressCall& call, Each each) const noexcept;
  void report_at(const model::EgressCall& call, const model::IpAddress& address,
                 std::vector<model::Reported>& reported) const noexcept;
  const Rule* refusal_at(const model::EgressCall& call,
                         const model::IpAddress& address) const noexcept;
  bool passes_unseen(const model::EgressCall& call) const noexcept;

  std::unique_ptr<const Indexes> indexes_;
};

} // namespace sluice::engine

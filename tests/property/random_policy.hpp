// Random policies, and calls, over few words, so that rules meet and calls match often. The same
// seed gives the same text. Never makes a document that does not load.
#pragma once

#include "policy/model/egress_call.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::testing {

class RandomPolicy {
 public:
  explicit RandomPolicy(std::uint32_t seed) : random_(seed) {}

  std::string document(int rules); // of about so many rules
  // A rule under `egress` or `tcp`, for a document that inherits one of those above as "base".
  std::string child_rule(bool tcp) { return rule(tcp ? Section::tcp : Section::egress, 1'000); }
  model::EgressCall call();
  std::vector<model::IpAddress> addresses(std::size_t count);

 private:
  enum class Section { egress, tcp };
  using Words = std::vector<std::string_view>;

  int below(int end) { return static_cast<int>(random_() % static_cast<std::uint32_t>(end)); }
  bool once_in(int times) { return below(times) == 0; }
  std::string_view one_of(const Words& words) {
    return words[static_cast<std::size_t>(below(static_cast<int>(words.size())))];
  }
  template <class Make> std::string list(int most, Make make); // "[x, y]"
  std::string name();                                          // of a host
  std::string host_pattern();
  std::string path();
  std::string path_pattern();
  std::string value_pattern();
  std::string fields_match();
  std::string given_match(std::string_view section); // "" most of the time
  std::string value_tests();
  std::string operation_match(std::string_view section);
  std::string operation_rule(std::string_view section);
  std::string operation_sections(int rules);
  std::string body();
  std::string ask();
  std::string rule(Section section, int number);
  std::string egress_duties(bool looks_inside, bool named);

  std::mt19937 random_;
};

} // namespace sluice::testing

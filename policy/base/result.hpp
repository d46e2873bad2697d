// What a fallible function returns. An Error names whose fault it was, so that one table can turn
// it into a status; it never carries a secret or bytes of a body. Exceptions are for bugs only.
// Tested by tests/unit/base/result_test.cpp.
#pragma once

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <boost/outcome/try.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace sluice {

// Whose fault. `internal` is zero, so that a forgotten origin is ours and the call is refused.
enum class Origin : std::uint8_t { internal = 0, downstream, upstream, policy, evidence, config };

struct Error {
  Origin origin = Origin::internal;
  std::string code;   // stable snake_case phrase, e.g. "upstream_tls_unverified"
  std::string detail; // this instance, for people; never a secret
};

template <class T = void>
using Result = boost::outcome_v2::basic_result<T, Error, boost::outcome_v2::policy::terminate>;

inline Error make_error(Origin origin, std::string code, std::string detail = {}) {
  return Error{origin, std::move(code), std::move(detail)};
}

using boost::outcome_v2::success;

} // namespace sluice

// TRY(auto x, f()): x on success, otherwise returns the error from the enclosing function.
#define SLUICE_TRY(...) BOOST_OUTCOME_TRY(__VA_ARGS__)

#include "policy/model/credential.hpp"

namespace sluice::model {

std::string_view to_string(Credential::Type type) noexcept {
  switch (type) {
  case Credential::Type::header: return "header";
  case Credential::Type::query: return "query";
  case Credential::Type::basic: return "basic";
  }
  return "header";
}

} // namespace sluice::model

#include "policy/model/egress_call.hpp"

namespace sluice::model {

std::string_view to_string(Protocol protocol) noexcept {
  switch (protocol) {
  case Protocol::http: return "http";
  case Protocol::connect: return "connect";
  case Protocol::tcp: return "tcp";
  case Protocol::websocket: return "websocket";
  }
  return "tcp";
}

} // namespace sluice::model

// Session, the part that speaks DNS over TCP (RFC 7766): length-prefixed messages, one at a time.
#include "proxy/io/session.hpp"
#include "proxy/io/worker.hpp"

#include <utility>

namespace sluice::io {

Task<> Session::serve_dns() {
  for (;;) {
    at_rest_ = in_.data().empty();
    expect_within(worker_.settings().limits.idle_timeout);
    std::string_view bytes = in_.data();
    const auto message = wire::take_dns_frame(bytes);
    if (!message) {
      if (worker_.draining() && at_rest_) break;
      const bool more = co_await fill();
      if (!more) break;
      continue;
    }
    std::string query(*message);
    in_.consume_until(bytes);
    auto reply =
        co_await worker_.dns().answer(listener_, std::move(query), wire::DnsTransport::tcp);
    if (reply.empty()) break;
    to_downstream_.pending() += wire::dns_frame(reply);
    co_await to_downstream_.flush(downstream_);
    if (!to_downstream_.ok()) break;
  }
  downstream_.close();
}

} // namespace sluice::io

// The DNS of a contained agent: answers only names that some rule could allow, only with addresses,
// and only after the query is on record. What it answers is pinned, so that a captured connection
// can be tied to a name. Never forwards a query: it asks the system's resolver for a name, so
// nothing an agent writes into a query leaves but the name itself.
// Tested by tests/e2e/test_dns.py.
#pragma once

#include "policy/model/reason.hpp"
#include "proxy/io/task.hpp"
#include "proxy/wire/dns_message.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::io {

class Worker;
struct ListenerSettings;

class DnsServer { // one per worker
 public:
  explicit DnsServer(Worker& worker) : worker_(worker) {}

  Task<> serve_datagrams(const ListenerSettings& listener, UdpSocket socket);
  // One message in, one out; "" when there is nothing to answer to.
  Task<std::string> answer(const ListenerSettings& listener, std::string message,
                           wire::DnsTransport transport);

 private:
  struct Judged {
    model::Reason reason = model::Reason::none; // none: to be answered
    wire::DnsRcode rcode = wire::DnsRcode::no_error;
  };
  Judged judge(const wire::DnsQuery& query) const;
  Task<bool> record(const ListenerSettings& listener, const wire::DnsQuery& query,
                    const Judged& judged);
  Task<std::string> resolve(const wire::DnsQuery& query, wire::DnsTransport transport);
  Task<> answer_datagram(const ListenerSettings& listener, UdpSocket& socket, Udp::endpoint peer,
                         std::string message);

  Worker& worker_;
  std::size_t in_flight_ = 0;
};

} // namespace sluice::io

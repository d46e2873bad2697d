// Matchers that do not depend on the bytes of a call: by whom, when, to which class of address,
// under which name of the TLS handshake.
#include "policy/engine/parse.hpp"

#include <algorithm>

namespace sluice::engine {
namespace {

using model::AddressClass;

// The words are those of the records.
constexpr std::array kClasses = {
    Word<AddressClass>{"global", AddressClass::global},
    Word<AddressClass>{"private", AddressClass::private_use},
    Word<AddressClass>{"loopback", AddressClass::loopback},
    Word<AddressClass>{"link_local", AddressClass::link_local},
    Word<AddressClass>{"cgnat", AddressClass::cgnat},
    Word<AddressClass>{"metadata", AddressClass::metadata},
    Word<AddressClass>{"multicast", AddressClass::multicast},
    Word<AddressClass>{"reserved", AddressClass::reserved},
    Word<AddressClass>{"embedded", AddressClass::embedded},
};
static_assert(kClasses.size() == model::kAddressClasses);

void add_window(Reader& item, ParseContext& shared, std::vector<TimeWindow>& out) {
  const auto text = item.string();
  if (!text || !charge_pattern(item, shared)) return;
  PatternFault fault;
  if (const auto window = TimeWindow::parse(*text, fault)) {
    out.push_back(*window);
  } else {
    item.error(item.quoted() + ": " + fault.message, fault.hint);
  }
}

// Whom `private: true` opens them to; the others nothing opens.
bool opens_by_policy(AddressClass klass) {
  return klass == AddressClass::private_use || klass == AddressClass::loopback ||
         klass == AddressClass::link_local || klass == AddressClass::cgnat;
}

} // namespace

void parse_sessions_and_time(Reader& match, ParseContext& shared, Match& out) {
  out.sessions = parse_text_patterns(match.at("sessions"), shared);
  for (Reader& item : match.at("time").one_or_items(EmptyList::refuse))
    add_window(item, shared, out.time);
}

void parse_agents(Reader& match, ParseContext& shared, Match& out) {
  out.agents = parse_text_patterns(match.at("agents"), shared);
}

void parse_address_classes(Reader classes, Match& out) {
  for (Reader& item : classes.items(EmptyList::refuse)) {
    if (const auto klass = item.one_of(kClasses)) out.address_classes.push_back(*klass);
  }
}

void parse_sni(const Reader& names, ParseContext& shared, Match& out) {
  out.server_names = parse_host_patterns(names, shared);
  const bool addresses =
      std::any_of(out.server_names.begin(), out.server_names.end(),
                  [](const HostPattern& one) { return one.address().has_value(); });
  if (addresses)
    names.error("a server name is never an address", "match addresses by hosts or address_classes");
}

void check_address_classes(Reader& item, const Rule& rule) {
  const auto& classes = rule.match.address_classes;
  if (rule.effect != model::Verdict::allow || classes.empty()) return;
  Reader written = item.at("allow").at("address_classes");
  const auto never = std::find_if(classes.begin(), classes.end(), [](AddressClass klass) {
    return klass != AddressClass::global && !opens_by_policy(klass);
  });
  if (never != classes.end())
    written.warning("addresses of the class " + std::string(to_string(*never)) +
                        " are never dialled",
                    "leave it out");
}

} // namespace sluice::engine

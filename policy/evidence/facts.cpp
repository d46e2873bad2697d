#include "policy/evidence/facts.hpp"

#include "policy/base/clock.hpp"
#include "policy/evidence/canonical.hpp"

#include <algorithm>
#include <utility>

namespace sluice::evidence {
namespace {

struct Row {
  std::string_view key; // of the payload
  Fact fact;
};
constexpr std::array<Row, 8> kRows = {{{"agent_id", Fact::agent},
                                       {"call_id", Fact::call},
                                       {"decision", Fact::decision},
                                       {"name", Fact::host}, // of a dns_query
                                       {"rule_id", Fact::rule},
                                       {"rule_name", Fact::rule},
                                       {"run_id", Fact::run},
                                       {"host", Fact::host}}};

// "host:port" and "[address]:port", as an outcome names its destination.
std::string_view without_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon != text.npos) text = text.substr(0, colon);
  if (text.size() > 1 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  return text;
}

class Collector {
 public:
  explicit Collector(std::vector<FoundFact>& out) : out_(out) { out_.clear(); }

  void add(Fact fact, std::string value) {
    const auto same = [&](const FoundFact& one) { return one.fact == fact && one.value == value; };
    if (value.empty() || std::any_of(out_.begin(), out_.end(), same)) return;
    out_.push_back({fact, std::move(value)});
  }

  void payload(std::string_view object) {
    Scanner scanner(object);
    std::string_view name;
    for (bool more = scanner.literal("{"); more && scanner.string(name);
         more = scanner.literal(",")) {
      if (!scanner.literal(":")) return;
      const std::size_t begin = scanner.offset();
      if (!scanner.value()) return;
      member(name, object.substr(begin, scanner.offset() - begin));
    }
  }

 private:
  void member(std::string_view name, std::string_view value) {
    for (const Row& row : kRows) {
      if (row.key == name) add(row.fact, string_of(value));
    }
    if (name == "destination") add(Fact::host, string_of(member_of(value, "host")));
    if (name == "destination_text") add(Fact::host, std::string(without_port(string_of(value))));
  }

  std::vector<FoundFact>& out_;
};

} // namespace

void facts_of(const Line& line, std::vector<FoundFact>& out) {
  Collector collector(out);
  collector.add(Fact::type, unescape(line.event_type));
  collector.payload(line.payload);
}

std::optional<std::int64_t> time_of(const Line& line) {
  return parse_rfc3339_nanos(line.timestamp);
}

bool Filter::empty() const noexcept {
  const auto unset = [](const std::string& one) { return one.empty(); };
  return !since && !until && std::all_of(wanted.begin(), wanted.end(), unset);
}

bool Matcher::has_facts(const Line& line) {
  facts_of(line, found_);
  for (std::size_t i = 0; i < kFactCount; ++i) {
    const auto is_it = [&](const FoundFact& one) {
      return one.fact == static_cast<Fact>(i) && one.value == filter_.wanted[i];
    };
    if (!filter_.wanted[i].empty() && std::none_of(found_.begin(), found_.end(), is_it)) {
      return false;
    }
  }
  return true;
}

bool Matcher::in_time(const Line& line) const {
  if (!filter_.since && !filter_.until) return true;
  const std::optional<std::int64_t> time = time_of(line);
  if (!time) return true;
  return (!filter_.since || *time >= *filter_.since) && (!filter_.until || *time < *filter_.until);
}

} // namespace sluice::evidence

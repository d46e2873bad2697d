#include "policy/evidence/chain.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/clock.hpp"
#include "policy/evidence/canonical.hpp"
#include "policy/evidence/json_writer.hpp"

#include <charconv>
#include <utility>

namespace sluice::evidence {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

void append_integer(std::string& out, std::uint64_t value) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

std::string_view since(const std::string& text, std::size_t from, std::size_t to) {
  return std::string_view(text).substr(from, to - from);
}

bool parse_seq(Scanner& scanner, std::uint64_t& seq) {
  std::string_view raw;
  if (!scanner.digits(raw)) return false;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), seq);
  return error == std::errc{};
}

bool parse_hosted_context(Scanner& scanner) {
  std::string_view ignored;
  return scanner.literal(R"({"tenant_id":)") && scanner.string(ignored) &&
         scanner.literal(R"(,"project_id":)") && scanner.string(ignored) &&
         scanner.literal(R"(,"region":)") && scanner.string(ignored) &&
         scanner.literal(R"(,"runtime_provider":)") && scanner.string(ignored) &&
         scanner.literal("}");
}

bool parse_links(Scanner& scanner, std::string_view text, Line& line) {
  if (!scanner.literal(R"({"seq":)") || !parse_seq(scanner, line.seq)) return false;
  if (!scanner.literal(R"(,"prev_hash":)") || !scanner.string(line.prev_hash)) return false;
  if (!line.prev_hash.empty() && !is_hash(line.prev_hash)) return false;
  if (!scanner.literal(",")) return false;
  line.before_hash = text.substr(0, scanner.offset());
  return scanner.literal(R"("record_hash":)") && scanner.string(line.record_hash) &&
         is_hash(line.record_hash) && scanner.literal(",");
}

bool parse_content(Scanner& scanner, std::string_view text, Line& line) {
  const std::size_t content = scanner.offset();
  if (!scanner.literal(R"("timestamp":)") || !scanner.string(line.timestamp) ||
      !scanner.literal(R"(,"event_type":)") || !scanner.string(line.event_type) ||
      !scanner.literal(R"(,"deployment_mode":)") || !scanner.string(line.deployment_mode) ||
      !scanner.literal(R"(,"actor":)") || !scanner.string(line.actor) ||
      !scanner.literal(R"(,"payload":)")) {
    return false;
  }
  const std::size_t payload = scanner.offset();
  Watch watch{"policy_digest", {}};
  if (!scanner.literal("null") && !scanner.object(&watch)) return false;
  line.policy_digest = watch.value;
  line.before_payload = text.substr(content, payload - content);
  line.payload = text.substr(payload, scanner.offset() - payload);
  line.after_payload = text.substr(scanner.offset());
  if (scanner.literal(R"(,"hosted_context":)") && !parse_hosted_context(scanner)) return false;
  return scanner.literal("}") && scanner.done();
}

std::string missing(std::uint64_t first, std::uint64_t last) {
  if (first == last) return "record " + std::to_string(first) + " is missing before this one";
  return "records " + std::to_string(first) + " to " + std::to_string(last) +
         " are missing before this one";
}

} // namespace

ChainWriter::ChainWriter(Head head, std::string_view actor)
    : head_(std::move(head)), middle_(R"(,"deployment_mode":"local","actor":)") {
  append_json_string(middle_, actor);
  middle_ += R"(,"payload":)";
}

void ChainWriter::append_timestamp(std::string& out, std::int64_t unix_nanos) {
  if (unix_nanos < 0) { // before 1970, only from a wrong clock: written as given
    out += format_rfc3339_nanos(unix_nanos);
    return;
  }
  const std::int64_t second = unix_nanos / kNanosPerSecond;
  if (second != second_) {
    second_ = second;
    second_text_ = format_rfc3339_nanos(second * kNanosPerSecond);
    second_text_.pop_back();
  }
  out += second_text_;
  if (auto fraction = static_cast<unsigned>(unix_nanos % kNanosPerSecond); fraction != 0) {
    char digits[10];
    digits[0] = '.';
    for (std::size_t i = 9; i > 0; --i, fraction /= 10) {
      digits[i] = static_cast<char>('0' + fraction % 10);
    }
    std::size_t size = sizeof digits;
    while (digits[size - 1] == '0') --size; // as Go's RFC3339Nano
    out.append(digits, size);
  }
  out += 'Z';
}

std::size_t ChainWriter::append(std::string& out, std::int64_t unix_nanos, const Record& record) {
  const std::size_t begin = out.size();
  out += R"({"seq":)";
  append_integer(out, head_.seq + 1);
  out += R"(,"prev_hash":")";
  out += head_.hash;
  out += R"(",)";
  const std::size_t before_hash = out.size();
  out += R"("record_hash":")";
  const std::size_t hash_at = out.size();
  out.append(kHashDigits, '0');
  out += R"(",)";
  const std::size_t content = out.size();
  out += R"("timestamp":")";
  append_timestamp(out, unix_nanos);
  out += R"(","event_type":)";
  append_json_string(out, record.event_type);
  out += middle_;
  out += record.payload;
  out += '}';

  hasher_.update(since(out, begin, before_hash));
  hasher_.update(since(out, content, out.size()));
  digest_ = hasher_.digest();
  head_.hash = to_hex(view(digest_));
  out.replace(hash_at, kHashDigits, head_.hash);
  ++head_.seq;
  out += '\n';
  return hash_at;
}

std::optional<Line> parse_line(std::string_view text, std::size_t& stopped_at) {
  Scanner scanner(text);
  Line line;
  if (parse_links(scanner, text, line) && parse_content(scanner, text, line)) return line;
  stopped_at = scanner.offset();
  return std::nullopt;
}

std::string text_of(const Line& line) {
  std::string text(line.before_hash);
  text.append(R"("record_hash":")").append(line.record_hash).append(R"(",)");
  return text.append(line.before_payload).append(line.payload).append(line.after_payload);
}

Digest hash_of(const Line& line) {
  thread_local Sha256 hasher;
  hasher.update(line.before_hash);
  hasher.update(line.before_payload);
  hasher.update(line.payload == "null" ? "{}" : line.payload);
  hasher.update(line.after_payload);
  return hasher.digest();
}

std::optional<Issue> ChainCheck::next(const Line& line) {
  const Head before = std::exchange(head_, Head{line.seq, std::string(line.record_hash)});
  digest_ = hash_of(line);
  if (to_hex(view(digest_)) != line.record_hash) {
    return Issue{"tamper_middle", "the record does not have the hash it names", 0, line.seq};
  }
  if (line.seq <= before.seq) {
    return Issue{"reorder",
                 "seq " + std::to_string(line.seq) + " after " + std::to_string(before.seq), 0,
                 line.seq};
  }
  if (line.seq != before.seq + 1) {
    return Issue{"tamper_middle", missing(before.seq + 1, line.seq - 1), 0, line.seq};
  }
  if (line.prev_hash != before.hash) {
    return Issue{"tamper_middle", "prev_hash is not the hash of the record before", 0, line.seq};
  }
  return std::nullopt;
}

} // namespace sluice::evidence

// RequestReader and ResponseReader: where a head ends, who parses it, and what comes after it.
#include "proxy/wire/chunked.hpp"
#include "proxy/wire/framing.hpp"
#include "proxy/wire/head_scan.hpp"
#include "proxy/wire/http1.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace sluice::wire {
namespace {

namespace http = boost::beast::http;
using boost::beast::string_view;
using ErrorCode = boost::beast::error_code;

// Beast for the grammar of start line and fields. Bodies never reach it.
template <bool is_request> class HeadParser final : public http::basic_parser<is_request> {
 public:
  std::string method, target, reason;
  int status = 0;
  Version version = Version::http11;
  Fields fields;

 private:
  static Version version_of(int number) { return number == 10 ? Version::http10 : Version::http11; }
  static std::string_view view(string_view text) { return {text.data(), text.size()}; }

  void on_request_impl(http::verb, string_view verb, string_view uri, int number,
                       ErrorCode&) override {
    method = view(verb);
    target = view(uri);
    version = version_of(number);
  }
  void on_response_impl(int code, string_view phrase, int number, ErrorCode&) override {
    status = code;
    reason = view(phrase);
    version = version_of(number);
  }
  void on_field_impl(http::field, string_view name, string_view value, ErrorCode&) override {
    fields.add(view(name), view(value));
  }
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(string_view body, ErrorCode&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, string_view, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, ErrorCode&) override {
    return body.size();
  }
  void on_finish_impl(ErrorCode&) override {}
};

// Runs Beast over a whole head that the scan has accepted: two parsers of different authors must
// agree on it, and what Beast refuses besides is refused.
template <bool is_request>
std::optional<ProtocolError> parse_head(HeadParser<is_request>& parser, std::string_view head) {
  ErrorCode error;
  parser.body_limit(boost::none);
  parser.header_limit(std::numeric_limits<std::uint32_t>::max()); // the scan has our limit
  parser.eager(false);
  parser.skip(true); // the message is over for Beast when its head is
  const auto used = parser.put(boost::beast::net::const_buffer(head.data(), head.size()), error);
  if (!error && parser.is_done() && used == head.size()) return std::nullopt;
  if (error == http::error::bad_content_length || error == http::error::multiple_content_length ||
      error == http::error::bad_transfer_encoding) {
    return ProtocolError{ProtocolFault::framing,
                         "Content-Length or Transfer-Encoding in doubt (RFC 9112 §6.3)"};
  }
  return ProtocolError{ProtocolFault::framing, "a malformed head (RFC 9112 §2.1)"};
}

// What follows a head, in either direction.
class BodyReader {
 public:
  using Step = ChunkedDecoder::Step;

  explicit BodyReader(const Limits& limits) : chunks_(limits) {}

  void start(const Head& head) {
    framing_ = head.framing;
    left_ = head.content_length;
    chunks_.restart();
  }

  Step next(std::string_view& in) {
    switch (framing_) {
    case BodyFraming::none: return MessageEnd{};
    case BodyFraming::length: return left_ == 0 ? Step(MessageEnd{}) : take(left_, in);
    case BodyFraming::chunked: return chunks_.next(in);
    case BodyFraming::until_close: {
      std::uint64_t no_end = std::numeric_limits<std::uint64_t>::max();
      return take(no_end, in);
    }
    }
    return MessageEnd{};
  }

  bool ends_at_close() const { return framing_ == BodyFraming::until_close; }

 private:
  static Step take(std::uint64_t& left, std::string_view& in) {
    if (in.empty()) return NeedMore{};
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, in.size()));
    const BodyBytes body{in.substr(0, size)};
    in.remove_prefix(size);
    left -= size;
    return body;
  }

  ChunkedDecoder chunks_;
  BodyFraming framing_ = BodyFraming::none;
  std::uint64_t left_ = 0; // when framing_ is length
};

// The loop both readers are made of; `Traits` knows how a head of its direction is read.
template <class Traits> class MessageReader {
 public:
  using HeadType = typename Traits::HeadType;
  using Event = typename Traits::Event;

  explicit MessageReader(const Limits& limits) : scan_(Traits::kSection, limits), body_(limits) {}

  Event next(std::string_view& in) {
    if (fault_) return *fault_;
    if (!in_body_) return read_head(in);
    auto step = body_.next(in);
    if (auto* fault = std::get_if<ProtocolError>(&step)) return fail(std::move(*fault));
    if (std::holds_alternative<MessageEnd>(step)) in_body_ = false;
    return std::visit([](auto& what) -> Event { return std::move(what); }, step);
  }

  Event finish() {
    if (fault_) return *fault_;
    if (between_messages()) return NeedMore{};
    if (in_body_ && body_.ends_at_close()) {
      in_body_ = false;
      return MessageEnd{};
    }
    return fail({ProtocolFault::end_of_stream, "the message is incomplete (RFC 9112 §8)"});
  }

  bool between_messages() const { return !in_body_ && !seen_ && !fault_; }
  Traits traits;

 private:
  Event read_head(std::string_view& in) {
    if (Traits::kSection == Section::request_head) forgive_empty_line(in);
    if (in.empty()) return NeedMore{};
    seen_ = true;
    switch (scan_.scan(in)) {
    case HeadScan::Progress::need_more: return NeedMore{};
    case HeadScan::Progress::refused: return fail(scan_.error());
    case HeadScan::Progress::complete: break;
    }
    HeadType head;
    head.fields.all().reserve(scan_.field_count() + 1); // one more: what is added on the way
    if (auto fault = traits.read(in.substr(0, scan_.size()), head)) return fail(std::move(*fault));
    in.remove_prefix(scan_.size());
    scan_.restart();
    seen_ = forgiven_ = false;
    in_body_ = !traits.is_interim(head);
    if (in_body_) body_.start(head);
    return head;
  }

  // RFC 9112 §2.2: one empty line before a request line, once; more is somebody else's message.
  void forgive_empty_line(std::string_view& in) {
    if (forgiven_ || scan_.size() > 0 || !in.starts_with("\r\n")) return;
    in.remove_prefix(2);
    forgiven_ = true;
    seen_ = false; // the CR may have come alone
  }

  Event fail(ProtocolError fault) {
    fault_ = std::move(fault);
    return *fault_;
  }

  HeadScan scan_;
  BodyReader body_;
  std::optional<ProtocolError> fault_;
  bool in_body_ = false;
  bool seen_ = false;     // bytes of the next head are there
  bool forgiven_ = false; // its empty line was
};

struct RequestTraits {
  using HeadType = RequestHead;
  using Event = RequestEvent;
  static constexpr Section kSection = Section::request_head;
  static bool is_interim(const RequestHead&) { return false; }

  static std::optional<ProtocolError> read(std::string_view bytes, RequestHead& head) {
    HeadParser<true> parser;
    parser.fields = std::move(head.fields); // with its reserve
    if (auto fault = parse_head(parser, bytes)) return fault;
    head.method = std::move(parser.method);
    head.target = std::move(parser.target);
    head.version = parser.version;
    head.fields = std::move(parser.fields);
    return settle_request(head);
  }
};

struct ResponseTraits {
  using HeadType = ResponseHead;
  using Event = ResponseEvent;
  static constexpr Section kSection = Section::response_head;
  std::string request_method;
  // RFC 9110 §15.2: the final answer follows.
  static bool is_interim(const ResponseHead& head) { return head.status < 200; }

  std::optional<ProtocolError> read(std::string_view bytes, ResponseHead& head) const {
    HeadParser<false> parser;
    parser.fields = std::move(head.fields);
    if (auto fault = parse_head(parser, bytes)) return fault;
    head.status = parser.status;
    head.reason = std::move(parser.reason);
    head.version = parser.version;
    head.fields = std::move(parser.fields);
    return settle_response(head, request_method);
  }
};

} // namespace

struct RequestReader::Impl : MessageReader<RequestTraits> {
  using MessageReader::MessageReader;
};
struct ResponseReader::Impl : MessageReader<ResponseTraits> {
  using MessageReader::MessageReader;
};

RequestReader::RequestReader(const Limits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;
RequestReader::~RequestReader() = default;
RequestEvent RequestReader::next(std::string_view& in) {
  return impl_->next(in);
}
RequestEvent RequestReader::finish() {
  return impl_->finish();
}
bool RequestReader::between_messages() const noexcept {
  return impl_->between_messages();
}

ResponseReader::ResponseReader(const Limits& limits) : impl_(std::make_unique<Impl>(limits)) {}
ResponseReader::ResponseReader(ResponseReader&&) noexcept = default;
ResponseReader& ResponseReader::operator=(ResponseReader&&) noexcept = default;
ResponseReader::~ResponseReader() = default;
void ResponseReader::expect(std::string_view request_method) {
  impl_->traits.request_method = request_method;
}
ResponseEvent ResponseReader::next(std::string_view& in) {
  return impl_->next(in);
}
ResponseEvent ResponseReader::finish() {
  return impl_->finish();
}

} // namespace sluice::wire

// RequestReader and ResponseReader: where a head ends, who parses it, and what comes after it.
#include "proxy/wire/chunked.hpp"
#include "proxy/wire/framing.hpp"
#include "proxy/wire/http1.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
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

  void on_request_impl(http::verb, string_view verb, string_view uri, int number, ErrorCode&) override {
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
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, ErrorCode&) override { return body.size(); }
  void on_finish_impl(ErrorCode&) override {}
};

// Finds the end of a head that arrives in pieces without looking at a byte twice, and refuses a
// bare LF as soon as it is there: waiting for a CRLF that never comes would be a way to stay.
class HeadFinder {
 public:
  struct Found { std::size_t size = 0; };
  using Step = std::variant<NeedMore, Found, ProtocolError>;

  Step scan(std::string_view in, std::size_t limit) {
    while (scanned_ < in.size()) {
      const auto newline = in.find('\n', scanned_);
      if (newline == std::string_view::npos) {
        scanned_ = in.size();
        break;
      }
      if (newline == 0 || in[newline - 1] != '\r') return ProtocolError{ProtocolFault::framing, "RFC 9112 §2.2: bare LF"};
      const bool empty_line = newline - 1 == line_start_;
      scanned_ = line_start_ = newline + 1;
      if (empty_line) {
        if (scanned_ > limit) break;
        return Found{scanned_};
      }
    }
    if (in.size() > limit) return ProtocolError{ProtocolFault::head_too_large, "the head is too large"};
    return NeedMore{};
  }
  void reset() { scanned_ = line_start_ = 0; }

 private:
  std::size_t scanned_ = 0, line_start_ = 0;
};

// Runs Beast over a whole head. The gate has seen the bytes before; what Beast refuses besides is refused.
template <bool is_request>
std::optional<ProtocolError> parse_head(HeadParser<is_request>& parser, std::string_view head) {
  ErrorCode error;
  parser.body_limit(boost::none);
  parser.header_limit(static_cast<std::uint32_t>(head.size() + 1));
  parser.eager(false);
  parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error || !parser.is_header_done()) {
    return ProtocolError{ProtocolFault::framing, "RFC 9112 §2: malformed head"};
  }
  return std::nullopt;
}

// What both directions share once a head is known.
class BodyReader {
 public:
  explicit BodyReader(const Limits& limits) : limits_(limits), chunks_(limits) {}

  void start(const Head& head) {
    framing_ = head.framing;
    left_ = head.content_length;
    if (framing_ == BodyFraming::chunked) chunks_ = ChunkedDecoder(limits_);
  }
  ChunkedDecoder::Step next(std::string_view& in) {
    if (framing_ == BodyFraming::chunked) return chunks_.next(in);
    if (framing_ == BodyFraming::none || (framing_ == BodyFraming::length && left_ == 0)) return MessageEnd{};
    if (in.empty()) return NeedMore{};
    const std::uint64_t most = framing_ == BodyFraming::length ? left_ : in.size();
    const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(most, in.size()));
    const BodyBytes body{in.substr(0, take)};
    in.remove_prefix(take);
    if (framing_ == BodyFraming::length) left_ -= take;
    return body;
  }
  bool ends_at_close() const { return framing_ == BodyFraming::until_close; }

 private:
  Limits limits_;
  ChunkedDecoder chunks_;
  BodyFraming framing_ = BodyFraming::none;
  std::uint64_t left_ = 0;
};

// The loop both readers are made of; `Traits` knows how a head of its direction is read.
template <class Traits> class MessageReader {
 public:
  using HeadType = typename Traits::HeadType;
  using Event = typename Traits::Event;

  explicit MessageReader(const Limits& limits) : limits_(limits), body_(limits) {}

  Event next(std::string_view& in) {
    if (fault_) return *fault_;
    if (!in_body_) return read_head(in);
    auto step = body_.next(in);
    if (std::holds_alternative<MessageEnd>(step)) {
      in_body_ = false;
      seen_ = false;
    }
    if (auto* fault = std::get_if<ProtocolError>(&step)) fault_ = *fault;
    return std::visit([](auto& what) -> Event { return std::move(what); }, step);
  }

  Event finish() {
    if (fault_) return *fault_;
    if (in_body_ && body_.ends_at_close()) {
      in_body_ = false;
      seen_ = false;
      return MessageEnd{};
    }
    if (!in_body_ && !seen_) return NeedMore{};
    fault_ = ProtocolError{ProtocolFault::end_of_stream, "RFC 9112 §8: the message is incomplete"};
    return *fault_;
  }

  bool between_messages() const { return !in_body_ && !seen_ && !fault_; }
  Traits traits;

 private:
  Event read_head(std::string_view& in) {
    // RFC 9112 §2.2: one empty line before a request line is forgiven, once.
    if (Traits::kind == MessageKind::request && !seen_ && !forgiven_ && in.starts_with("\r\n")) {
      in.remove_prefix(2);
      forgiven_ = true;
    }
    if (in.empty()) return NeedMore{};
    if (Traits::kind == MessageKind::request && !forgiven_ && in == "\r") return NeedMore{};
    seen_ = true;
    auto step = finder_.scan(in, limits_.head_bytes);
    if (auto* fault = std::get_if<ProtocolError>(&step)) return fail(std::move(*fault));
    if (std::holds_alternative<NeedMore>(step)) return NeedMore{};
    const auto bytes = in.substr(0, std::get<typename HeadFinder::Found>(step).size);
    in.remove_prefix(bytes.size());
    finder_.reset();
    forgiven_ = false;
    if (auto fault = check_raw_head(bytes, Traits::kind, limits_)) return fail(std::move(*fault));
    HeadType head;
    if (auto fault = traits.parse(bytes, head)) return fail(std::move(*fault));
    if (traits.has_message_end(head)) {
      in_body_ = true;
      body_.start(head);
    } else {
      seen_ = false;  // an interim answer: the next head follows
    }
    return head;
  }
  Event fail(ProtocolError fault) {
    fault_ = std::move(fault);
    return *fault_;
  }

  Limits limits_;
  BodyReader body_;
  HeadFinder finder_;
  std::optional<ProtocolError> fault_;
  bool in_body_ = false, seen_ = false, forgiven_ = false;
};

struct RequestTraits {
  using HeadType = RequestHead;
  using Event = RequestEvent;
  static constexpr MessageKind kind = MessageKind::request;
  static bool has_message_end(const RequestHead&) { return true; }

  static std::optional<ProtocolError> parse(std::string_view bytes, RequestHead& head) {
    HeadParser<true> parser;
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
  static constexpr MessageKind kind = MessageKind::response;
  std::string request_method;
  static bool has_message_end(const ResponseHead& head) { return head.status >= 200; }

  std::optional<ProtocolError> parse(std::string_view bytes, ResponseHead& head) const {
    HeadParser<false> parser;
    if (auto fault = parse_head(parser, bytes)) return fault;
    head.status = parser.status;
    head.reason = std::move(parser.reason);
    head.version = parser.version;
    head.fields = std::move(parser.fields);
    return settle_response(head, request_method);
  }
};

}  // namespace

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
RequestEvent RequestReader::next(std::string_view& in) { return impl_->next(in); }
RequestEvent RequestReader::finish() { return impl_->finish(); }
bool RequestReader::between_messages() const noexcept { return impl_->between_messages(); }

ResponseReader::ResponseReader(const Limits& limits) : impl_(std::make_unique<Impl>(limits)) {}
ResponseReader::ResponseReader(ResponseReader&&) noexcept = default;
ResponseReader& ResponseReader::operator=(ResponseReader&&) noexcept = default;
ResponseReader::~ResponseReader() = default;
void ResponseReader::expect(std::string_view request_method) { impl_->traits.request_method = request_method; }
ResponseEvent ResponseReader::next(std::string_view& in) { return impl_->next(in); }
ResponseEvent ResponseReader::finish() { return impl_->finish(); }

}  // namespace sluice::wire

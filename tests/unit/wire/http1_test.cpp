// The readers as their callers see them, and the encoder. Single messages are in the vectors.
#include "proxy/wire/http1.hpp"

#include "tests/support/http1_transcript.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>
#include <variant>

namespace {

using namespace sluice;
using namespace sluice::wire;
using test::Transcript;

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kPost = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
const std::string kChunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "5;x\r\nhello\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

template <class What, class Event> bool is(const Event& event) {
  return std::holds_alternative<What>(event);
}

RequestHead request_head() {
  RequestHead head;
  head.method = "POST";
  head.target = "/x";
  head.keep_alive = true;
  head.fields.add("Host", "a");
  return head;
}

} // namespace

BOOST_AUTO_TEST_SUITE(http1)

BOOST_AUTO_TEST_CASE(the_caller_decides_when_the_next_request_is_read) {
  RequestReader reader;
  const std::string bytes = kPost + kGet;
  std::string_view in = bytes;
  BOOST_TEST(reader.between_messages());
  BOOST_TEST(is<RequestHead>(reader.next(in)));
  BOOST_TEST(!reader.between_messages());
  const auto body = reader.next(in);
  BOOST_TEST(std::get<BodyBytes>(body).bytes == "hello");
  BOOST_TEST((std::get<BodyBytes>(body).bytes.data() == bytes.data() + kPost.size() - 5));
  BOOST_TEST(is<MessageEnd>(reader.next(in)));
  BOOST_TEST(reader.between_messages());
  BOOST_TEST(in == kGet);
  BOOST_TEST(is<RequestHead>(reader.next(in)));
  BOOST_TEST(is<MessageEnd>(reader.next(in)));
  BOOST_TEST(is<NeedMore>(reader.next(in)));
  BOOST_TEST(is<NeedMore>(reader.finish()));
}

BOOST_AUTO_TEST_CASE(a_message_without_body_ends_without_more_bytes) {
  RequestReader reader;
  std::string_view in = kGet, nothing;
  BOOST_TEST(is<RequestHead>(reader.next(in)));
  BOOST_TEST(is<MessageEnd>(reader.next(nothing)));
}

BOOST_AUTO_TEST_CASE(a_partial_head_is_not_consumed) {
  RequestReader reader;
  std::string_view in = std::string_view(kGet).substr(0, 10);
  BOOST_TEST(is<NeedMore>(reader.next(in)));
  BOOST_TEST(in.size() == 10U);
  BOOST_TEST(!reader.between_messages());
}

BOOST_AUTO_TEST_CASE(an_error_stays) {
  RequestReader reader;
  std::string_view bad = "\n", good = kGet;
  BOOST_TEST(is<ProtocolError>(reader.next(bad)));
  BOOST_TEST(is<ProtocolError>(reader.next(good)));
  BOOST_TEST(is<ProtocolError>(reader.finish()));
  BOOST_TEST(good.size() == kGet.size());
  BOOST_TEST(!reader.between_messages());
}

BOOST_AUTO_TEST_CASE(one_empty_line_is_between_messages) {
  RequestReader reader;
  std::string_view in = "\r\n";
  BOOST_TEST(is<NeedMore>(reader.next(in)));
  BOOST_TEST(in.empty());
  BOOST_TEST(reader.between_messages());
  BOOST_TEST(is<NeedMore>(reader.finish()));
  std::string_view again = "\r\n";
  BOOST_TEST(is<ProtocolError>(reader.next(again)));
}

BOOST_AUTO_TEST_CASE(one_empty_line_that_comes_in_two_pieces) {
  RequestReader reader;
  std::string_view half = "\r", whole = "\r\n";
  BOOST_TEST(is<NeedMore>(reader.next(half)));
  BOOST_TEST(half.size() == 1U);
  BOOST_TEST(is<NeedMore>(reader.next(whole)));
  BOOST_TEST(reader.between_messages());
}

// Cut at every offset, a message ends in an error, never in a shorter whole.
BOOST_AUTO_TEST_CASE(the_stream_ends_anywhere) {
  for (const auto& message : {kGet, kPost, kChunked}) {
    for (std::size_t size = 1; size < message.size(); ++size) {
      const auto lines = test::outline(test::read_requests(message.substr(0, size)));
      BOOST_TEST(lines.back() == "error end_of_stream", size);
      BOOST_TEST(std::count(lines.begin(), lines.end(), "end") == 0, size);
    }
  }
  for (std::size_t size = 1; size < kOk.size(); ++size) {
    const auto lines = test::outline(test::read_responses(kOk.substr(0, size)));
    BOOST_TEST(lines.back() == "error end_of_stream", size);
  }
}

BOOST_AUTO_TEST_CASE(limits_of_a_head) {
  Limits limits;
  limits.head_bytes = 100;
  const std::string fits = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(65, 'x') + "\r\n\r\n";
  BOOST_REQUIRE(fits.size() < 100);
  BOOST_TEST(test::outline(test::read_requests(fits, {}, limits)).back() == "end");
  const std::string exact = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(68, 'x') + "\r\n\r\n";
  BOOST_REQUIRE(exact.size() == 100);
  BOOST_TEST(test::outline(test::read_requests(exact, {}, limits)).back() == "end");
  const std::string over = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(69, 'x') + "\r\n\r\n";
  const Transcript too_large{"error head_too_large"};
  for (const auto& cuts : {std::vector<std::size_t>{}, test::every_byte(over.size())}) {
    BOOST_TEST((test::outline(test::read_requests(over, cuts, limits)) == too_large));
  }
  // Without an end in sight, at the limit and not a byte later.
  RequestReader reader(limits);
  const std::string endless = "GET /" + std::string(95, 'x');
  std::string_view in = endless;
  BOOST_TEST(is<ProtocolError>(reader.next(in)));
}

BOOST_AUTO_TEST_CASE(limits_of_fields_and_target) {
  const auto request = [](std::size_t fields, std::size_t target) {
    std::string out = "GET /" + std::string(target - 1, 'x') + " HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 1; i < fields; ++i) out += "X: y\r\n";
    return out + "\r\n";
  };
  Limits limits;
  limits.field_count = 5;
  limits.target_bytes = 10;
  BOOST_TEST(test::outline(test::read_requests(request(5, 10), {}, limits)).back() == "end");
  const Transcript too_large{"error head_too_large"};
  BOOST_TEST((test::outline(test::read_requests(request(6, 10), {}, limits)) == too_large));
  BOOST_TEST((test::outline(test::read_requests(request(5, 11), {}, limits)) == too_large));
}

BOOST_AUTO_TEST_CASE(a_fault_before_the_limit_wins_however_cut) {
  Limits limits;
  limits.head_bytes = 64;
  const std::string inside = "GET / HTTP/1.1\r\nX\r\n" + std::string(100, 'x');
  const std::string beyond = "GET / HTTP/1.1\r\nX: " + std::string(100, 'x') + "\n";
  for (const auto& cuts : {std::vector<std::size_t>{}, test::every_byte(120)}) {
    BOOST_TEST(test::outline(test::read_requests(inside, cuts, limits)).back() == "error framing");
    BOOST_TEST(test::outline(test::read_requests(beyond, cuts, limits)).back() ==
               "error head_too_large");
  }
}

BOOST_AUTO_TEST_CASE(responses_follow_what_was_asked) {
  ResponseReader reader;
  const std::string bytes = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + kOk;
  std::string_view in = bytes;
  reader.expect("HEAD");
  BOOST_TEST(is<ResponseHead>(reader.next(in)));
  BOOST_TEST(is<MessageEnd>(reader.next(in)));
  reader.expect("GET");
  BOOST_TEST(is<ResponseHead>(reader.next(in)));
  BOOST_TEST(std::get<BodyBytes>(reader.next(in)).bytes == "ok");
  BOOST_TEST(is<MessageEnd>(reader.next(in)));
}

BOOST_AUTO_TEST_CASE(interim_answers_have_no_end_of_their_own) {
  ResponseReader reader;
  reader.expect("POST");
  const std::string bytes = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching\r\n\r\n" + kOk;
  std::string_view in = bytes;
  BOOST_TEST(std::get<ResponseHead>(reader.next(in)).status == 100);
  BOOST_TEST(std::get<ResponseHead>(reader.next(in)).status == 101);
  BOOST_TEST(std::get<ResponseHead>(reader.next(in)).status == 200);
}

BOOST_AUTO_TEST_CASE(until_close_ends_at_the_end_of_the_stream_only) {
  ResponseReader reader;
  reader.expect("GET");
  std::string_view in = "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
  BOOST_TEST(is<ResponseHead>(reader.next(in)));
  BOOST_TEST(is<BodyBytes>(reader.next(in)));
  BOOST_TEST(is<NeedMore>(reader.next(in)));
  BOOST_TEST(is<MessageEnd>(reader.finish()));
}

BOOST_AUTO_TEST_CASE(readers_can_be_moved_in_the_middle) {
  RequestReader first;
  std::string_view in = kPost;
  BOOST_TEST(is<RequestHead>(first.next(in)));
  RequestReader second(std::move(first));
  BOOST_TEST(std::get<BodyBytes>(second.next(in)).bytes == "hello");
}

// ---- encoding ----------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_framing_of_the_head_is_the_framing_written) {
  auto head = request_head();
  head.fields.add("Content-Length", "99");
  head.fields.add("transfer-encoding", "gzip");
  std::string out = "before ";
  encode(head, out);
  BOOST_TEST(out == "before POST /x HTTP/1.1\r\nHost: a\r\n\r\n");
  head.framing = BodyFraming::length;
  head.content_length = 5;
  out.clear();
  encode(head, out);
  BOOST_TEST(out == "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  head.framing = BodyFraming::chunked;
  out.clear();
  encode(head, out);
  BOOST_TEST(out == "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(a_response_says_that_it_closes) {
  ResponseHead head;
  head.status = 200;
  head.reason = "OK";
  head.framing = BodyFraming::until_close;
  head.keep_alive = true; // a contradiction, settled towards closing
  std::string out;
  encode(head, out);
  BOOST_TEST(out == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  head.fields.add("Connection", "Close");
  out.clear();
  encode(head, out);
  BOOST_TEST(out == "HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(no_framing_field_in_interim_answers_and_204) {
  for (const int status : {100, 103, 204}) {
    ResponseHead head;
    head.status = status;
    head.framing = BodyFraming::length;
    head.keep_alive = true;
    std::string out;
    encode(head, out);
    BOOST_TEST(out == "HTTP/1.1 " + std::to_string(status) + " \r\n\r\n");
  }
}

BOOST_AUTO_TEST_CASE(chunks) {
  std::string out;
  encode_chunk("", out);
  BOOST_TEST(out == "");
  encode_chunk(std::string(26, 'x'), out);
  BOOST_TEST(out == "1a\r\n" + std::string(26, 'x') + "\r\n");
  out.clear();
  Fields trailers;
  trailers.add("X-T", "1");
  encode_last_chunk(trailers, out);
  BOOST_TEST(out == "0\r\nX-T: 1\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(a_field_that_would_split_the_message_is_never_written) {
  for (const auto& [name, value] : {std::pair<std::string, std::string>{"X", "a\r\nb"},
                                    {"X", "a\nb"},
                                    {"X", std::string("a\0b", 3)},
                                    {"X\r\nY", "a"},
                                    {"X: y", "a"},
                                    {"", "a"}}) {
    std::string out = "kept";
    auto head = request_head();
    head.fields.add(name, value);
    BOOST_CHECK_THROW(encode(head, out), std::logic_error);
    ResponseHead answer;
    answer.status = 200;
    answer.fields = head.fields;
    BOOST_CHECK_THROW(encode(answer, out), std::logic_error);
    BOOST_CHECK_THROW(encode_last_chunk(head.fields, out), std::logic_error);
    BOOST_TEST(out == "kept");
  }
}

BOOST_AUTO_TEST_CASE(a_malformed_start_line_is_never_written) {
  std::string out = "kept";
  for (const auto* target : {"", "/a b", "/a\r\nb", "/\xc3\xa4"}) {
    auto head = request_head();
    head.target = target;
    BOOST_CHECK_THROW(encode(head, out), std::logic_error);
  }
  auto head = request_head();
  head.method = "GET /";
  BOOST_CHECK_THROW(encode(head, out), std::logic_error);
  head = request_head();
  head.framing = BodyFraming::until_close;
  BOOST_CHECK_THROW(encode(head, out), std::logic_error);
  ResponseHead answer;
  BOOST_CHECK_THROW(encode(answer, out), std::logic_error); // status 0
  answer.status = 200;
  answer.reason = "a\r\nb";
  BOOST_CHECK_THROW(encode(answer, out), std::logic_error);
  BOOST_TEST(out == "kept");
}

BOOST_AUTO_TEST_SUITE_END()

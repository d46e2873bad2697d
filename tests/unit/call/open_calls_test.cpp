#include "proxy/call/open_calls.hpp"

#include <boost/test/unit_test.hpp>

#include <thread>
#include <vector>

namespace {

using sluice::call::OpenCall;
using sluice::call::OpenCalls;

struct Fixture {
  std::shared_ptr<OpenCalls> all = std::make_shared<OpenCalls>();
  OpenCall open(const char* id, std::uint32_t hops) { return OpenCall(all, id, hops); }
  std::string link(std::string_view named) {
    const auto found = all->link(named);
    return found.parent + "/" + std::to_string(found.hops);
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(open_calls, Fixture)

BOOST_AUTO_TEST_CASE(with_none_open_a_call_begins_a_chain) {
  BOOST_TEST(link("") == "/0");
  BOOST_TEST(link("A") == "/0");
}

BOOST_AUTO_TEST_CASE(the_only_one_is_meant_whatever_is_named) {
  const auto one = open("A", 4);
  BOOST_TEST(link("") == "A/5");
  BOOST_TEST(link("A") == "A/5");
  BOOST_TEST(link("X") == "A/5");
}

BOOST_AUTO_TEST_CASE(of_several_only_the_named_one) {
  const auto one = open("A", 0), two = open("B", 7);
  BOOST_TEST(link("A") == "A/1");
  BOOST_TEST(link("B") == "B/8");
  BOOST_TEST(link("") == "/8"); // nothing is guessed, but the longest chain counts
  BOOST_TEST(link("X") == "/8");
}

BOOST_AUTO_TEST_CASE(what_ended_is_no_parent) {
  auto one = open("A", 7);
  {
    const auto two = open("B", 0);
    one.close();
    one.close(); // once is enough
    BOOST_TEST(link("A") == "B/1");
    BOOST_TEST(link("") == "B/1");
  }
  BOOST_TEST(all->size() == 0U);
  BOOST_TEST(link("B") == "/0");
}

BOOST_AUTO_TEST_CASE(moved_it_is_still_one) {
  auto one = open("A", 1), same = std::move(one);
  BOOST_TEST(all->size() == 1U);
  same = open("B", 2); // and the first has ended
  BOOST_TEST(link("") == "B/3");
  same = OpenCall();
  BOOST_TEST(all->size() == 0U);
}

BOOST_AUTO_TEST_CASE(an_id_twice_counts_once) {
  auto one = open("A", 1);
  { const auto again = open("A", 5); }
  BOOST_TEST(all->size() == 0U); // ours are unique: whoever ends first ends it
  one.close();
  BOOST_TEST(link("") == "/0");
}

BOOST_AUTO_TEST_CASE(from_many_threads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      for (int round = 0; round < 2'000; ++round) {
        const OpenCall one(all, std::to_string(i) + "-" + std::to_string(round), round % 5);
        (void)all->link("0-1");
      }
    });
  }
  for (auto& thread : threads) thread.join();
  BOOST_TEST(all->size() == 0U);
  BOOST_TEST(link("") == "/0");
}

BOOST_AUTO_TEST_SUITE_END()

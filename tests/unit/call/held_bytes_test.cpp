#include "proxy/call/held_bytes.hpp"

#include <boost/test/unit_test.hpp>

#include <thread>
#include <vector>

namespace {

using sluice::call::HeldBytes;
using sluice::call::HeldShare;

BOOST_AUTO_TEST_SUITE(held_bytes)

BOOST_AUTO_TEST_CASE(a_share_grows_as_long_as_there_is_room_and_gives_all_back) {
  const auto all = std::make_shared<HeldBytes>(100);
  {
    HeldShare one(all), two(all);
    BOOST_TEST(one.hold(60));
    BOOST_TEST(!two.hold(41));
    BOOST_TEST(all->left() == 40U); // what was refused took nothing
    BOOST_TEST(two.hold(40));
    BOOST_TEST(!one.hold(61));
    BOOST_TEST(one.hold(10));
    BOOST_TEST(all->left() == 50U);
    BOOST_TEST(!two.hold(UINT64_MAX));
    HeldShare moved(std::move(two));
    BOOST_TEST(two.hold(1'000)); // nobody counts what was moved from
    one = std::move(moved);
    BOOST_TEST(all->left() == 60U);
  }
  BOOST_TEST(all->left() == 100U);
}

BOOST_AUTO_TEST_CASE(without_a_bound_everything_is_held) {
  HeldShare share;
  BOOST_TEST(share.hold(UINT64_MAX));
}

BOOST_AUTO_TEST_CASE(threads_never_take_more_than_there_is) {
  const auto all = std::make_shared<HeldBytes>(1'000);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([all] {
      for (int round = 0; round < 2'000; ++round) {
        HeldShare share(all);
        if (share.hold(400)) (void)share.hold(700);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  BOOST_TEST(all->left() == 1'000U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace

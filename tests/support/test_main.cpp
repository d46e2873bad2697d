// The one main of every Boost.Test executable; a folder of tests is one executable.
#define BOOST_TEST_MODULE sluice
#include <boost/test/unit_test.hpp>

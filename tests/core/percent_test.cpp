#include "core/percent.h"

#include <gtest/gtest.h>

namespace braintrust::detail {
namespace {

TEST(PercentDecoded, LeavesWhatIsNoEscape) { EXPECT_EQ(percent_decoded("a%3Ab%2fc%zz%4"), "a:b/c%zz%4"); }

TEST(PercentDecoded, TakesBytesOfAnyValue) { EXPECT_EQ(percent_decoded("%00%ff%C3%BC+%"), std::string("\0\xff\xc3\xbc+%", 6)); }

}  // namespace
}  // namespace braintrust::detail

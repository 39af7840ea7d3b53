// Each way of using libcurl, by each way of hooking it: the program sees what it sees without us, and each model call becomes a
// span with what was asked and said.

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auto/provider.h"
#include "auto/traced_run.h"
#include "support/sanitized.h"

namespace braintrust::test {
namespace {

using testing::HasSubstr;

enum class Way { linked, preloaded, wrapped };

struct Expected {
  const char* asked;
  const char* said;  // "you said" and what was asked, where null
  const char* error = "";
};

const std::string many_letters(100'000, 'c');

// What each case must be seen to do. Where `said` is null it is "you said " and what was asked.
const std::map<std::string, std::vector<Expected>> cases = {
    {"plain", {{"plain", nullptr}}},
    {"many_on_one_handle", {{"one", nullptr}, {"two", nullptr}, {"three", nullptr}}},
    {"body_to_standard_output", {{"stdout", nullptr}, {"stdout", nullptr}}},
    {"body_to_a_file", {{"file", nullptr}}},
    {"copied_fields", {{"copied", nullptr}}},
    {"fields_longer_than_their_size", {{"sized", nullptr}}},
    {"read_callback", {{"read", nullptr}}},
    {"chunked_read_callback", {{"chunked", nullptr}}},
    {"upload_that_says_post", {{"upload", nullptr}}},
    {"redirect_with_a_seek_callback", {{"redirected", nullptr}}},
    {"redirect_of_a_file", {{"rewound", nullptr}}},
    {"redirect_that_cannot_be_rewound", {{"stuck", "", "HTTP 307"}}},
    {"form", {{"a form", ""}}},
    {"head_in_the_body", {{"head", nullptr}}},
    {"header_target_without_function", {{"target", nullptr}, {"target", nullptr}}},
    {"header_function", {{"function", nullptr}}},
    {"stream", {{"stream", nullptr}}},
    {"pause_in_a_multi", {{"paused", nullptr}}},
    {"stopped_by_the_program", {{"stopped", nullptr}}},
    {"exception_through_perform", {{"thrown", nullptr, "exception"}, {"after", nullptr}}},
    {"target_changed_by_its_callback", {{many_letters.c_str(), nullptr}}},
    {"perform_in_a_callback", {{"outer", nullptr}, {"inner", nullptr}}},
    {"duplicate", {{"twin", nullptr}, {"twin", nullptr}}},
    {"duplicate_in_a_callback", {{"cloned", nullptr}, {"cloned", nullptr}}},
    {"reset_and_again", {{"before", nullptr}, {"behind", nullptr}}},
    {"get_with_freed_fields", {{"freed", nullptr}}},
    {"many_addresses", {{"reused", nullptr}}},
    {"url_object", {{"object", nullptr}}},
    {"made_here_used_there", {{"moved", nullptr}}},
    {"three_in_a_multi", {{"m1", nullptr}, {"m2", nullptr}, {"m3", nullptr}}},
    {"multi_without_messages", {{"silent", nullptr}}},
    {"multi_cleaned_up_first", {{"orphan", nullptr}}},
    {"removed_in_the_midst", {{"removed", ""}, {"after removal", nullptr}}},
    {"multi_with_epoll", {{"epoll", nullptr}}},
    {"forks_among_threads", {}},
    {"parent_and_child", {{"parent", nullptr}, {"child", nullptr}, {"parent again", nullptr}}},
    {"refused", {{"refused", "", "slow down"}}},
    {"refused_and_fail_on_error", {{"failed", "", "429"}}},
    {"nobody_listens", {{"nobody", "", "curl: (7)"}}},
    {"broken_off", {{"broken", nullptr, "curl: (18)"}}},
    {"no_answer_in_time", {{"late", "", "Operation timed out"}}},
    {"compressed_and_decoded", {{"zipped", nullptr}}},
    {"compressed_and_left_so", {{"raw", nullptr}}},
    {"other_requests", {}},
    {"connect_only", {}},
    {"threads_that_share", {}},  // counted below
};

std::vector<std::string> command(Way way, const std::string& name, const std::string& provider) {
  const char* const program = way == Way::linked    ? BRAINTRUST_CURL_TRACED_PROGRAM
                              : way == Way::wrapped ? BRAINTRUST_CURL_WRAPPED_PROGRAM
                                                    : BRAINTRUST_CURL_PROGRAM;
  return {program, name, provider};
}

class CurlCase : public testing::TestWithParam<std::tuple<Way, std::string>> {};

TEST_P(CurlCase, IsSeenAndLeftAsItIs) {
  const auto& [way, name] = GetParam();
  const bool sanitized = std::string(BRAINTRUST_AUTO_LIBRARY).empty();
  if (sanitized && name == "forks_among_threads") GTEST_SKIP() << "a sanitizer's own locks do not survive a fork among threads";
#if BRAINTRUST_THREAD_SANITIZED
  if (name == "parent_and_child") GTEST_SKIP() << "this sanitizer starts no threads in a forked child";
#endif
  const Provider provider;
  TracedRun run(provider.url());
  if (way == Way::wrapped && command(way, name, "").front().empty()) GTEST_SKIP() << "there is no static libcurl here";
  if (way == Way::preloaded && std::string(BRAINTRUST_AUTO_LIBRARY).empty()) GTEST_SKIP() << "a sanitizer cannot be preloaded";
  // An exception leaves libcurl without its cleaning up, and a forked child forgets what was its parent's.
  const std::vector<std::string> nothing;
  const bool leaks = name == "exception_through_perform" || name == "parent_and_child";
  const std::vector<std::string> no_leaks = leaks ? std::vector<std::string>{"ASAN_OPTIONS=detect_leaks=0"} : nothing;
  const std::string without = run.run({BRAINTRUST_CURL_PROGRAM, name, provider.url()}, sanitized ? no_leaks : nothing);
  ASSERT_EQ(run.code, 0) << without;
  ASSERT_EQ(run.rows().size(), 0U);
  const auto requests_without = provider.count();

  const std::vector<std::string> preload = {std::string("LD_PRELOAD=") + BRAINTRUST_AUTO_LIBRARY};
  const std::string with = run.run(command(way, name, provider.url()), way == Way::preloaded ? preload
                                                                       : sanitized           ? no_leaks
                                                                                             : nothing);
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(with, without);
  // One that is removed at once may or may not have been sent.
  if (name != "removed_in_the_midst") {
    EXPECT_EQ(provider.count(), 2 * requests_without);
  }

  const auto calls = run.calls();
  if (name == "threads_that_share") {
    EXPECT_EQ(calls.size(), 30U);
    for (const ModelCall& call : calls) EXPECT_EQ(call.said, "you said " + call.asked);
    return;
  }
  std::vector<testing::Matcher<ModelCall>> expected;
  for (const Expected& one : cases.at(name)) {
    const std::string said = one.said != nullptr ? one.said : std::string("you said ") + one.asked;
    expected.push_back(
        testing::AllOf(testing::Field("asked", &ModelCall::asked,
                                      name == "form" ? testing::Matcher<std::string>(HasSubstr(one.asked))
                                                     : testing::Matcher<std::string>(one.asked)),
                       testing::Field("said", &ModelCall::said, said),
                       testing::Field("error", &ModelCall::error,
                                      *one.error == '\0' ? testing::Matcher<std::string>(std::string())
                                                         : testing::Matcher<std::string>(HasSubstr(one.error)))));
  }
  EXPECT_THAT(calls, testing::UnorderedElementsAreArray(expected));
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& [name, expected] : cases) all.push_back(name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(AsIs, CurlCase,
                         testing::Combine(testing::Values(Way::linked, Way::preloaded, Way::wrapped),
                                          testing::ValuesIn(names())),
                         [](const auto& one) {
                           const char* const way = std::get<0>(one.param) == Way::linked      ? "linked_"
                                                   : std::get<0>(one.param) == Way::preloaded ? "preloaded_"
                                                                                              : "wrapped_";
                           return way + std::get<1>(one.param);
                         });

}  // namespace
}  // namespace braintrust::test

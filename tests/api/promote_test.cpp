// From what happened in production to a case to test with.

#include <set>

#include <gtest/gtest.h>

#include <braintrust/api/dataset.h>

#include "api/dataset_rows.h"
#include "trace/backend.h"

namespace braintrust::test {
namespace {

using nlohmann::json;

// A span in the logger's project; its id.
std::string log_span(Backend& backend, const SpanFields& fields) {
  auto span = backend.logger().start_span("answer");
  span.log(fields);
  return to_string(span.span_id());
}

struct Cases {
  Backend backend{{.project = "P"}};
  Dataset dataset = init_dataset({.project = "P", .name = "D"});
};

TEST(Promote, MakesACaseOfASpanWithALinkBack) {
  Cases cases;
  const auto span_id =
      log_span(cases.backend, {.input = "why?", .output = "because", .metadata = {{"user", "u1"}}, .tags = {"support"}});
  const auto promoted = cases.dataset.promote({.span_id = span_id});
  ASSERT_TRUE(promoted) << promoted.error().message;
  ASSERT_EQ(promoted->ids.size(), 1u);
  const auto rows = rows_of(cases.dataset);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].input, "why?");
  EXPECT_EQ(rows[0].expected, "because");
  EXPECT_EQ(rows[0].metadata, json({{"user", "u1"}}));
  EXPECT_EQ(rows[0].tags, std::vector<std::string>{"support"});
  const Row span = cases.backend.row("answer");
  EXPECT_EQ(rows[0].origin, (json{{"object_type", "project_logs"},
                                  {"object_id", span["project_id"]},
                                  {"id", span["id"]},
                                  {"_xact_id", span["_xact_id"]},
                                  {"created", span["created"]}}));
}

TEST(Promote, TakesWhatAPersonSaidIsRightBeforeTheAnswer) {
  Cases cases;
  const auto span_id = log_span(cases.backend, {.input = "2+2?", .output = "5", .expected = "4"});
  ASSERT_TRUE(cases.dataset.promote({.span_id = span_id}));
  EXPECT_EQ(rows_of(cases.dataset).at(0).expected, "4");
}

TEST(Promote, TakesTheExpectedAnswerAndTagsThatAreGiven) {
  Cases cases;
  const auto span_id = log_span(cases.backend, {.input = "2+2?", .output = "5", .tags = {"old"}});
  ASSERT_TRUE(cases.dataset.promote({.span_id = span_id, .expected = "4", .tags = {"arithmetic"}}));
  const auto rows = rows_of(cases.dataset);
  EXPECT_EQ(rows.at(0).expected, "4");
  EXPECT_EQ(rows.at(0).tags, std::vector<std::string>{"arithmetic"});
}

TEST(Promote, MapsASpanAsTheUserSays) {
  Cases cases;
  const auto span_id = log_span(cases.backend, {.input = json{{"messages", json::array({"hello"})}}, .output = "hi"});
  ASSERT_TRUE(cases.dataset.promote({.span_id = span_id, .map = [](const json& span) {
                                       return DatasetRecord{.input = span["input"]["messages"][0], .expected = "greeting"};
                                     }}));
  const auto rows = rows_of(cases.dataset);
  EXPECT_EQ(rows.at(0).input, "hello");
  EXPECT_EQ(rows.at(0).expected, "greeting");
  EXPECT_EQ(rows.at(0).origin["object_type"], "project_logs");
}

TEST(Promote, WritesNothingWhenTheMappingThrows) {
  Cases cases;
  for (int i = 0; i < 3; ++i) log_span(cases.backend, {.input = i, .error = "broken"});
  const auto promoted = cases.dataset.promote({.where = "error IS NOT NULL", .map = [](const json& span) -> DatasetRecord {
                                                 if (span["input"] == 1) throw std::runtime_error("cannot map this");
                                                 return {.input = span["input"]};
                                               }});
  ASSERT_FALSE(promoted);
  EXPECT_EQ(promoted.error().code, ErrorCode::callback_failed);
  EXPECT_NE(promoted.error().message.find("cannot map this"), std::string::npos);
  EXPECT_TRUE(rows_of(cases.dataset).empty());
}

TEST(Promote, FindsSpansByACondition) {
  Cases cases;
  log_span(cases.backend, {.input = "good", .scores = {{"grounded", 0.9}}});
  log_span(cases.backend, {.input = "bad", .scores = {{"grounded", 0.2}}});
  log_span(cases.backend, {.input = "broken", .error = "no answer"});
  const auto promoted = cases.dataset.promote({.where = *btql_text("error IS NOT NULL OR scores.grounded < {}", 0.5)});
  ASSERT_TRUE(promoted) << promoted.error().message;
  EXPECT_EQ(promoted->ids.size(), 2u);
  std::set<std::string> inputs;
  for (const auto& row : rows_of(cases.dataset)) inputs.insert(row.input.get<std::string>());
  EXPECT_EQ(inputs, (std::set<std::string>{"bad", "broken"}));
}

TEST(Promote, TakesTheNewestOfMany) {
  Cases cases;
  for (int i = 0; i < 5; ++i) log_span(cases.backend, {.input = i, .error = "broken"});
  ASSERT_EQ(cases.dataset.promote({.where = "error IS NOT NULL", .limit = 2})->ids.size(), 2u);
  std::set<int> inputs;
  for (const auto& row : rows_of(cases.dataset)) inputs.insert(row.input.get<int>());
  EXPECT_EQ(inputs, (std::set<int>{3, 4}));
}

// A server that gives a row a page, however many are asked for.
void serve_promotion(ScriptedServer& server, std::vector<json>& queries) {
  server.on("/api/dataset/register", {{.body = R"({"project":{"id":"p1","name":"P"},"dataset":{"id":"d1","name":"D"}})"}});
  server.handle("/btql", [&queries](const ServerRequest& request) -> Answer {
    const json query = json::parse(request.body)["query"];
    queries.push_back(query);
    const int at = query.is_object() && query.contains("cursor") ? std::stoi(query["cursor"].get<std::string>()) : 0;
    json row = {{"id", "span " + std::to_string(at)}, {"input", at}};
    json answer = {{"data", json::array({row})}, {"cursor", nullptr}};
    if (at < 4) answer["cursor"] = std::to_string(at + 1);
    return {.body = answer.dump()};
  });
}

TEST(Promote, LeavesNothingOutThatComesOnALaterPage) {
  Wire wire;
  std::vector<json> queries;
  serve_promotion(wire.server, queries);
  const auto dataset = init_dataset({.project = "P", .name = "D"});
  const auto promoted = dataset.promote({.where = "error IS NOT NULL", .replace = true});
  ASSERT_TRUE(promoted) << promoted.error().message;
  EXPECT_EQ(promoted->ids.size(), 5u);
  EXPECT_EQ(queries.at(0)["filter"], (json{{"btql", "error IS NOT NULL"}}));

  const auto some = dataset.promote({.where = "error IS NOT NULL", .limit = 3, .replace = true});
  ASSERT_TRUE(some) << some.error().message;
  EXPECT_EQ(some->ids, (std::vector<std::string>{"span 0", "span 1", "span 2"}));
}

TEST(Promote, SeesARecordThatIsThereOnALaterPage) {
  Wire wire;
  std::vector<json> queries;
  serve_promotion(wire.server, queries);
  const auto promoted = init_dataset({.project = "P", .name = "D"}).promote({.where = "error IS NOT NULL"});
  ASSERT_TRUE(promoted) << promoted.error().message;
  EXPECT_TRUE(promoted->ids.empty());
  EXPECT_EQ(promoted->unchanged.size(), 5u);
}

TEST(Promote, LeavesARecordAsPeopleCorrectedIt) {
  Cases cases;
  const auto span_id = log_span(cases.backend, {.input = "2+2?", .output = "5"});
  const auto id = cases.dataset.promote({.span_id = span_id})->ids.at(0);
  cases.dataset.update(id, {.expected = "4"});
  ASSERT_TRUE(cases.dataset.flush(long_enough).complete());
  const auto again = cases.dataset.promote({.span_id = span_id});
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->ids.empty());
  EXPECT_EQ(again->unchanged, std::vector<std::string>{id});
  EXPECT_EQ(rows_of(cases.dataset).at(0).expected, "4");

  ASSERT_TRUE(cases.dataset.promote({.span_id = span_id, .replace = true}));
  const auto rows = rows_of(cases.dataset);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].expected, "5");
}

TEST(Promote, LooksInTheProjectThatIsNamed) {
  Cases cases;
  const auto dataset = init_dataset({.project = "tests", .name = "D"});
  const auto span_id = log_span(cases.backend, {.input = "here"});
  ASSERT_TRUE(dataset.promote({.span_id = span_id, .project = "P"}));
  EXPECT_EQ(rows_of(dataset).at(0).input, "here");
}

TEST(Promote, WantsToBeToldWhich) {
  Cases cases;
  EXPECT_EQ(cases.dataset.promote({}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(cases.dataset.promote({.span_id = "x", .where = "true"}).error().code, ErrorCode::invalid_argument);
  const auto refused = cases.dataset.promote({.where = "this is no condition ((("});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::http_status);
}

}  // namespace
}  // namespace braintrust::test

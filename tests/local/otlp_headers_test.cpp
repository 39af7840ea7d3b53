#include "local/otlp_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace braintrust::local {
namespace {

using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;
using Variables = detail::Environment::Variables;

auto variables(const Variables& environment, std::string_view parent = "project_name:Global") {
  return otlp_variables("http://127.0.0.1:8700", parent, detail::Environment(environment));
}

TEST(OtlpVariables, SendTracesHereAndNothingElse) {
  EXPECT_THAT(variables({}), UnorderedElementsAre(Pair("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:8700/otel"),
                                                  Pair("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
                                                  Pair("OTEL_EXPORTER_OTLP_HEADERS",
                                                       "Authorization=Bearer%20local,x-bt-parent=project_name:Global"),
                                                  Pair("OTEL_LOGS_EXPORTER", "none"), Pair("OTEL_METRICS_EXPORTER", "none")));
}

TEST(OtlpVariables, EncodeWhatHasAMeaningInAListOfHeaders) {
  const auto set = variables({}, "project_name:A, b=100% größe;\n");
  EXPECT_EQ((std::map<std::string, std::string>(set.begin(), set.end())["OTEL_EXPORTER_OTLP_HEADERS"]),
            "Authorization=Bearer%20local,x-bt-parent=project_name:A%2C%20b%3D100%25%20gr%C3%B6%C3%9Fe%3B%0A");
}

TEST(OtlpVariables, LeaveAloneWhatTheUserSet) {
  EXPECT_THAT(variables({{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"}, {"OTEL_METRICS_EXPORTER", "prometheus"}}),
              UnorderedElementsAre(Pair("OTEL_EXPORTER_OTLP_ENDPOINT", testing::_),
                                   Pair("OTEL_EXPORTER_OTLP_HEADERS", testing::_), Pair("OTEL_LOGS_EXPORTER", "none")));
}

TEST(OtlpVariables, AreNotSetForWhoSendsTracesElsewhere) {
  for (const auto* name : {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS",
                           "OTEL_EXPORTER_OTLP_TRACES_HEADERS"}) {
    EXPECT_THAT(variables({{name, "x"}}), IsEmpty()) << name;
    EXPECT_EQ(variables({{name, " "}}).size(), 5U) << name;
  }
  EXPECT_THAT(variables({{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}}), IsEmpty());
  EXPECT_THAT(variables({{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"}}), IsEmpty());
}

}  // namespace
}  // namespace braintrust::local

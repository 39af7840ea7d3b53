// The names of objects that other processes and OpenTelemetry know. Numbers are those of INST.

#include "pipeline/container.h"

#include <gtest/gtest.h>

namespace braintrust::pipeline {
namespace {

const Settings by_id = {.project = "P", .project_id = "i"}, by_name = {.project = "P"}, by_file = {};

std::string name_of(ObjectType type, std::string id, std::string project, const Settings& settings = by_name) {
  return container_of(Destination(type, std::move(id), std::move(project)), settings);
}

// 19.4
TEST(Container, OfAProjectOrExperimentIsItsIdElseTheProjectsName) {
  EXPECT_EQ(name_of(ObjectType::experiment, "e", ""), "experiment_id:e");
  EXPECT_EQ(name_of(ObjectType::project_logs, "j", "Q"), "project_id:j");
  EXPECT_EQ(name_of(ObjectType::project_logs, "", "Q"), "project_name:Q");
  Destination resolved(ObjectType::project_logs, "", "Q");
  resolved.publish_id("j");
  EXPECT_EQ(container_of(resolved, by_name), "project_id:j");
}

TEST(Container, OfAProjectWithoutANameIsWhatTheSettingsSay) {
  EXPECT_EQ(name_of(ObjectType::project_logs, "", "", by_id), "project_id:i");
  EXPECT_EQ(name_of(ObjectType::project_logs, "", "", by_name), "project_name:P");
  EXPECT_EQ(name_of(ObjectType::project_logs, "", "", by_file), "");
  EXPECT_EQ(container_of(by_id), "project_id:i");
  EXPECT_EQ(container_of(by_name), "project_name:P");
  EXPECT_EQ(container_of(Settings{.project = " ", .project_id = "\t"}), "");
}

TEST(Container, IsBlankForWhatHasNoSuchNameOrNotYet) {
  EXPECT_EQ(name_of(ObjectType::experiment, "", "Q"), "");
  EXPECT_EQ(name_of(ObjectType::playground_logs, "p", "Q"), "");
  EXPECT_EQ(name_of(ObjectType::dataset, "d", "Q"), "");
}

TEST(Container, IsReadAsItWasWritten) {
  for (const std::string text : {"project_id:a", "project_name:a:b ", "experiment_id: é"}) {
    const auto container = read_container(text);
    ASSERT_TRUE(container) << text;
    EXPECT_EQ(write_container(*container), text);
  }
}

TEST(Container, OfAnotherKindOrOfNothingIsNone) {
  for (const char* const text : {"", ":", "a", "project_id", "project_id:", "project_name: \t", "experiment_id:\n",
                                 "dataset_id:d", "Project_id:a", " project_id:a", "playground_id:a"}) {
    EXPECT_FALSE(read_container(text)) << text;
  }
}

}  // namespace
}  // namespace braintrust::pipeline

#pragma once

// `Destination`: the Braintrust object that rows belong to (a project's logs, an experiment, a playground, a dataset).
//
// Made by a logger or a dataset, and for a `parent` slug that names another object; never destroyed, so that a pointer to it is
// always good. Named by id, or by what it is registered as, and then looked up by whoever needs the id first (PROTO 2).
//
// Threads: `type`, `id`, `name`, `dataset` never change. The resolved id is published once, and read by any.

#include <atomic>
#include <string>

namespace braintrust::pipeline {

enum class ObjectType : unsigned char {
  experiment = 1,  // these numbers of PROTO 7.1
  project_logs = 2,
  playground_logs = 3,
  dataset = 255,  // no slug names one
};

// What a dataset is registered as.
struct DatasetName {
  std::string project_id = {};   // beats the project's name
  std::string name = {};         // blank: the server finds one
  std::string description = {};  // blank: none
  std::string metadata = {};     // JSON text; blank: none

  bool operator==(const DatasetName&) const = default;
};

class Destination {
 public:
  Destination(ObjectType object_type, std::string object_id, std::string project_name, DatasetName dataset_name = {})
      : type(object_type), name(std::move(project_name)), dataset(std::move(dataset_name)) {
    if (!object_id.empty()) publish_id(std::move(object_id));
  }
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;
  ~Destination() { delete id_.load(std::memory_order_relaxed); }

  // The object's id, or null while only its name is known.
  const std::string* id() const noexcept { return id_.load(std::memory_order_acquire); }

  // The first one stays.
  void publish_id(std::string object_id) {
    auto* const mine = new std::string(std::move(object_id));
    const std::string* none = nullptr;
    if (!id_.compare_exchange_strong(none, mine, std::memory_order_acq_rel)) delete mine;
  }

  const ObjectType type;
  const std::string name;     // of the project; blank when made from an id, or for "what the settings or .env.braintrust say"
  const DatasetName dataset;  // of a dataset

 private:
  std::atomic<const std::string*> id_ = nullptr;
};

}  // namespace braintrust::pipeline

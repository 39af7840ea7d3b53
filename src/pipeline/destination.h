#pragma once

// `Destination`: the Braintrust object that rows belong to (a project's logs, an experiment, a playground).
//
// Made by a logger, and for a `parent` slug that names another object; never destroyed, so that a pointer to it is always good.
// Named by id, or by a project name that the background thread resolves (PROTO 2).
//
// Threads: `type`, `id`, `name` never change. The resolved id is published once by the background thread and read by any.

#include <atomic>
#include <string>

namespace braintrust::pipeline {

enum class ObjectType : unsigned char { experiment = 1, project_logs = 2, playground_logs = 3 };  // numbers of PROTO 7.1

class Destination {
 public:
  Destination(ObjectType object_type, std::string object_id, std::string project_name)
      : type(object_type), name(std::move(project_name)) {
    if (!object_id.empty()) publish_id(std::move(object_id));
  }
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;
  ~Destination() { delete id_.load(std::memory_order_relaxed); }

  // The object's id, or null while only the project's name is known.
  const std::string* id() const noexcept { return id_.load(std::memory_order_acquire); }

  // Background thread only, once.
  void publish_id(std::string object_id) { id_.store(new std::string(std::move(object_id)), std::memory_order_release); }

  const ObjectType type;
  const std::string name;  // blank when made from an id; both blank = "what the settings or .env.braintrust say"

 private:
  std::atomic<const std::string*> id_ = nullptr;
};

}  // namespace braintrust::pipeline

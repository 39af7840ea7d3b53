#pragma once

// `Exporter`: a place other than Braintrust where a logger's spans go. Made by `otlp` (otlp/otlp.h), given to `init_logger`.
//
// Threads: a plain value; copies name the same. Errors: none.

#include <memory>

namespace braintrust {

namespace pipeline {
struct OutletMaker;
}

class Exporter {
 public:
  Exporter() = default;  // none
  explicit Exporter(std::shared_ptr<const pipeline::OutletMaker> maker) noexcept : maker_(std::move(maker)) {}

  explicit operator bool() const noexcept { return maker_ != nullptr; }
  const std::shared_ptr<const pipeline::OutletMaker>& maker() const noexcept { return maker_; }

 private:
  std::shared_ptr<const pipeline::OutletMaker> maker_;
};

}  // namespace braintrust

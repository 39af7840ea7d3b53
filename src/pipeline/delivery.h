#pragma once

// Brings one batch to the server: in one POST, or by way of the object store when it is too large for that.
//
// Threads: the courier's. Errors: in the outcome. Source: PROTO 4.1, 4.5.

#include <chrono>
#include <functional>

#include "pipeline/batch.h"
#include "pipeline/http.h"
#include "pipeline/session.h"

namespace braintrust::pipeline {

struct Outcome {
  HttpResponse response = {};  // of the step that ended it
  bool from_store = false;     // the object store said so, not Braintrust: a 401 is not about our key
};

using Delivered = std::function<void(Outcome)>;

// One attempt. `batch` must stay until `delivered` is called; `session` must be ready and outlive the client.
// With `batch.progress.overflow`: asks for a place, uploads, and posts the key; steps that succeeded are not repeated.
void deliver(HttpClient& http, const Session& session, Batch& batch, std::chrono::milliseconds timeout, Delivered delivered);

}  // namespace braintrust::pipeline

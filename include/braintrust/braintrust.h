#pragma once

// Everything a tracing program needs: loggers, spans, traced functions, context, executors, coroutines, masking, model calls.
// For a file that only traces functions, <braintrust/trace/traced.h> is lighter; coroutines of asio want
// <braintrust/trace/asio.h>, too.
//
// What reads JSON back is apart, because it includes the whole of nlohmann/json.hpp, and a file with it takes a compiler more
// than twice as long: <braintrust/api/dataset.h>, btql.h, prompt.h and function.h; <braintrust/eval/eval.h> and its neighbours.

#include <braintrust/core/diagnostics.h>
#include <braintrust/core/json.h>
#include <braintrust/core/result.h>
#include <braintrust/instrument/auto.h>
#include <braintrust/instrument/call.h>
#include <braintrust/instrument/prices.h>
#include <braintrust/instrument/wrap.h>
#include <braintrust/trace/attachment.h>
#include <braintrust/trace/context.h>
#include <braintrust/trace/coroutine.h>
#include <braintrust/trace/executor.h>
#include <braintrust/trace/logger.h>
#include <braintrust/trace/masking.h>
#include <braintrust/trace/span.h>
#include <braintrust/trace/traced.h>
#include <braintrust/version.h>

#pragma once

// Everything that a tracing program needs: loggers, spans, traced functions, context, executors, coroutines, masking, model
// calls. Without datasets, evals and prompts it takes a compiler less than half as long as <braintrust/braintrust.h>.
//
// For a file that only traces functions, <braintrust/trace/traced.h> is lighter yet; coroutines of asio want
// <braintrust/trace/asio.h>, too.

#include <braintrust/core/diagnostics.h>
#include <braintrust/core/json.h>
#include <braintrust/core/result.h>
#include <braintrust/instrument/auto.h>
#include <braintrust/instrument/call.h>
#include <braintrust/instrument/prices.h>
#include <braintrust/instrument/wrap.h>
#include <braintrust/otlp/otlp.h>
#include <braintrust/trace/attachment.h>
#include <braintrust/trace/context.h>
#include <braintrust/trace/coroutine.h>
#include <braintrust/trace/executor.h>
#include <braintrust/trace/logger.h>
#include <braintrust/trace/masking.h>
#include <braintrust/trace/propagation.h>
#include <braintrust/trace/span.h>
#include <braintrust/trace/traced.h>
#include <braintrust/version.h>

#pragma once

// Everything that needs no further library: tracing and model calls (tracing.h), datasets, queries, prompts and functions
// (api/), experiments and evals (eval/). Programs made of evals want <braintrust/eval/main.h>, too.
//
// Cost: includes the whole of nlohmann/json.hpp, because what is read back is JSON. A file that only traces is compiled in less
// than half the time with <braintrust/tracing.h>.

#include <braintrust/api/btql.h>
#include <braintrust/api/dataset.h>
#include <braintrust/api/function.h>
#include <braintrust/api/prompt.h>
#include <braintrust/eval/eval.h>
#include <braintrust/eval/experiment.h>
#include <braintrust/eval/judges.h>
#include <braintrust/eval/reporter.h>
#include <braintrust/eval/scorers.h>
#include <braintrust/eval/threshold.h>
#include <braintrust/tracing.h>

#pragma once

// Slugs: a span's address as one text, for a `parent` in another process; and links to spans. Pure but for the interning of
// destinations. Errors: a slug that cannot be read is told to diagnostics and names nothing. Source: PROTO 7.1 and 7.2.

#include <string>
#include <string_view>

#include <braintrust/trace/span.h>

#include "pipeline/destination.h"

namespace braintrust::detail {

// What a slug says. Ids are as in the slug; blank when absent.
struct SlugParts {
  pipeline::ObjectType type = pipeline::ObjectType::project_logs;
  std::string object_id = {};
  std::string project_name = {};  // from compute_object_metadata_args, as is the next
  std::string project_id = {};
  std::string row_id = {};
  std::string span_id = {};
  std::string root_span_id = {};
  std::string propagated_event = {};  // JSON object text
};

// V4, as the Python and JavaScript SDKs read it.
std::string encode_slug(const SlugParts& parts);

// V3 and V4. False for anything that is not properly encoded.
bool decode_slug(std::string_view slug, SlugParts& parts);

std::string write_slug(const SpanRef& span);

// A parent in another process.
struct SlugParent {
  SpanRef ref = {};          // no `core`: the slug cannot be read; no `span`: it names an object only. Holds its `lineage`.
  std::string span_id = {};  // where that is not 16 hex digits
};
SlugParent read_slug(std::string_view slug, LoggerCore& core);

// The object a slug names. The logger's own is the same object, so that rows of one key meet; and stands in, told to
// diagnostics once, where others have named more than this process will keep.
pipeline::Destination* destination_of(const SlugParts& parts, const LoggerCore& core);

std::string link_to(const SpanRef& span);

}  // namespace braintrust::detail

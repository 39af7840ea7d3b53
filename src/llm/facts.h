#pragma once

// `Facts`: what one model call means, in the texts a span's row is made of.
//
// Made by `read_request` and `ResponseReader::finish` (reader.h). Request and response are interpreted apart from each other,
// because the row with the request's part may have left long before the response is complete; `merge` lays the response's
// facts over the request's: a model that the response names beats the one that was asked for.
//
// Threads: plain values. Errors: what is not known is blank. Source: INST 4 to 18.

#include <string>

namespace braintrust::llm {

struct Facts {
  std::string name = {};   // span_attributes.name, plain text
  std::string input = {};  // JSON text, as all below
  std::string output = {};
  std::string metadata = {};  // an object: model, provider, settings, tools
  std::string metrics = {};   // an object of numbers; time_to_first_token is the watcher's to add, where `streamed`
  std::string error = {};     // a string; blank = the call did not fail
  bool streamed = false;      // the response came in events
  std::string note = {};      // plain text for diagnostics, not for the row: what could not be understood
};

// `later` over `earlier`, field by field; metadata and metrics member by member.
Facts merge(Facts earlier, Facts later);

}  // namespace braintrust::llm

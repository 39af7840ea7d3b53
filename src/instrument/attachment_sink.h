#pragma once

// Where media of model calls go: into the table of pending attachments, from which the row that refers to them takes them.
//
// Used while a row is written, on a background thread. Errors: none; media that find no room stay in the row.
// Source: INST 18.17, 18.50, 18.57.

#include "llm/media.h"
#include "pipeline/uploads.h"

namespace braintrust::instrument {

// What is uploaded of a medium, under a key of its own.
pipeline::Upload upload_of(llm::Media media);

// Null while media are to stay as they are: BRAINTRUST_AUTO_CONVERT_AI_ATTACHMENTS=false, or uploads have failed lately.
llm::MediaSink* attachment_sink();

}  // namespace braintrust::instrument

#pragma once

// Media in what was said to a model and what it said: base64 text that becomes an attachment.
//
// A dialect knows where its provider puts images, sound and documents (`MediaFormat`); `with_references` finds them in a
// payload and puts references in their place. `MediaSink` is whoever keeps the bytes: it hands out the references.
//
// Threads: the sink is called where `read_request` and `ResponseReader::finish` are. Errors: what does not decode, has no known
// type or is not taken stays as it is. Units: bytes. Source: INST 18.1 to 18.32.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json_scan.h"
#include "llm/json_view.h"

namespace braintrust::llm {

struct Media {
  std::string content_type;  // image/png
  std::string filename;      // the provider's or the user's, else attachment.png; never blank
  std::string bytes;
};

class MediaSink {
 public:
  virtual ~MediaSink() = default;
  // All media of one payload in order. Takes all of them and returns as many references, each the JSON text that stands for its
  // media from now on; or takes none and returns nothing (INST 18.17).
  virtual std::vector<std::string> take(std::vector<Media> media) = 0;
};

// What a format is shown: each object of a payload, and each string that is an element of an array.
struct MediaNode {
  std::string_view key;  // the member of its parent that it is; blank for elements
  JsonView value;
  std::span<const detail::JsonMember> members;  // of an object
  JsonView operator[](std::string_view name) const;
};

struct MediaFound {
  std::string_view replaced;  // the part of the payload that makes way
  std::string_view before;    // what stands around the reference
  std::string_view after;
  Media media;
};

// Adds what it recognises in the node.
using MediaFormat = void (*)(const MediaNode& node, std::vector<MediaFound>& found);

// `payload`, valid JSON, with references where `formats` found media and the sink took them; else as it was. Of several formats
// the first that recognises a node counts.
std::string with_references(std::string payload, std::span<const MediaFormat> formats, MediaSink* sink);

// Each string that is nothing but a data URL; a `filename` beside it is kept (INST 18.19 to 18.21).
void data_urls(const MediaNode& node, std::vector<MediaFound>& found);

// For formats of their own. `base64`: a string in either alphabet, padded or not, of 20 characters or more; nothing when it
// does not decode, or `content_type` is blank and the bytes do not tell (INST 18.7). `otherwise`: the type they have then.
std::optional<Media> decoded_media(std::string_view content_type, JsonView base64, std::string_view filename = {},
                                   std::string_view otherwise = {});

// For media that come in pieces: adds `piece` to `to`, whether one text was cut anywhere or each piece was made into base64 by
// itself, with padding. What is no base64 makes the whole none.
void append_base64(std::string& to, std::string_view piece);

}  // namespace braintrust::llm

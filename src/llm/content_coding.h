#pragma once

// `ContentDecoder`: takes off gzip, deflate, br or zstd as the body comes in.
//
// HTTP libraries often decode a body and leave the header standing, so each decoder first looks whether the bytes are encoded
// at all. Which encodings can be read depends on the libraries this was built with; zlib's come with libcurl nearly everywhere.
//
// Threads: a plain object. Errors: after broken bytes nothing more comes out, and `failed` says so. Units: bytes.

#include <functional>
#include <memory>
#include <string_view>

namespace braintrust::llm {

class ContentDecoder {
 public:
  using Output = std::function<void(std::string_view)>;

  virtual ~ContentDecoder() = default;
  virtual void feed(std::string_view bytes, const Output& output) = 0;
  virtual bool failed() const = 0;

  // `encoding`: the header's value. Nothing when it means that bytes are sent as they are. What cannot be decoded
  // becomes a decoder that has failed.
  static std::unique_ptr<ContentDecoder> of(std::string_view encoding);
};

}  // namespace braintrust::llm

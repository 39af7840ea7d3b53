#pragma once

// `ContentDecoder`: takes off gzip, deflate, br or zstd as the body comes in.
//
// HTTP libraries often decode a body and leave the header standing, so it first looks whether the bytes are encoded at all.
// Which encodings can be read depends on the libraries this was built with; zlib's come with libcurl nearly everywhere.
//
// What comes out is bounded: a few kilobytes can be gigabytes when decoded.
//
// Threads: a plain object. Errors: after broken bytes nothing more comes out, and `failed` says so. Units: bytes.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace braintrust::llm {

class Decompressor;

class ContentDecoder {
 public:
  using Output = std::function<void(std::string_view)>;

  // `encoding`: the header's value. Nothing when it means that bytes are sent as they are. `most`: of decoded bytes, in all.
  static std::unique_ptr<ContentDecoder> of(std::string_view encoding, std::size_t most);
  ~ContentDecoder();

  void feed(std::string_view bytes, const Output& output);
  // Bytes are missing here: what follows cannot be decompressed.
  void skip();
  bool failed() const noexcept { return failed_; }
  // The body went on beyond `most`; the rest was left undecoded.
  bool too_long() const noexcept { return too_long_; }

 private:
  ContentDecoder(std::unique_ptr<Decompressor> decompressor, std::string_view magic, std::size_t most);
  void decide(const Output& output);
  void hand_on(std::string_view bytes, const Output& output);

  std::unique_ptr<Decompressor> decompressor_;  // null: there is none for this encoding
  std::string first_;                           // the bytes held back until they tell whether there is anything to decode
  std::string_view magic_;                      // how encoded bytes begin, where the encoding says
  std::size_t room_;
  bool decided_ = false;
  bool plain_ = false;
  bool failed_ = false;
  bool too_long_ = false;
};

}  // namespace braintrust::llm

#include "llm/content_coding.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/environment.h"
#include "llm/url.h"

#if BRAINTRUST_HAS_ZLIB
#include <zlib.h>
#endif
#if BRAINTRUST_HAS_BROTLI
#include <brotli/decode.h>
#endif
#if BRAINTRUST_HAS_ZSTD
#include <zstd.h>
#endif

namespace braintrust::llm {
namespace {

constexpr std::size_t piece_size = std::size_t{32} * 1024;

// Text as models send it: an object, an array of objects, the first line of a stream of events.
bool looks_plain(std::string_view bytes) {
  while (!bytes.empty() && (bytes.front() == ' ' || bytes.front() == '\n' || bytes.front() == '\r')) bytes.remove_prefix(1);
  if (bytes.starts_with("{\"") || bytes.starts_with("{\n") || bytes.starts_with("{\r") || bytes.starts_with("{}")) return true;
  if (bytes.starts_with("[{") || bytes.starts_with("[\n") || bytes.starts_with("[\r")) return true;
  return bytes.starts_with("data:") || bytes.starts_with("event:") || bytes.starts_with("id:") || bytes.starts_with(": ");
}

#if BRAINTRUST_HAS_ZLIB
// gzip and deflate; the latter with zlib's header, as the standard says, or without, as some servers send it.
class ZlibDecoder final : public ContentDecoder {
 public:
  ~ZlibDecoder() override {
    if (open_) inflateEnd(&stream_);
  }

  void feed(std::string_view bytes, const Output& output) override {
    if (failed_ || bytes.empty()) return;
    if (!open_) {
      constexpr int largest_window = 15, find_header = 32;
      const bool headed = bytes.front() == '\x1F' || (static_cast<unsigned char>(bytes.front()) & 0x0F) == Z_DEFLATED;
      open_ = inflateInit2(&stream_, headed ? largest_window + find_header : -largest_window) == Z_OK;
      failed_ = !open_;
      if (failed_) return;
    }
    std::array<char, piece_size> piece;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    for (;;) {
      stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream_.avail_out = piece_size;
      const int result = inflate(&stream_, Z_SYNC_FLUSH);
      const std::size_t written = piece_size - stream_.avail_out;
      if (written > 0) output({piece.data(), written});
      if (result == Z_STREAM_END) {
        if (stream_.avail_in == 0 || *stream_.next_in != 0x1F) return;  // else: another gzip member follows
        inflateReset(&stream_);
      } else if (result == Z_BUF_ERROR) {
        return;  // wants more
      } else if (result != Z_OK) {
        failed_ = true;
        return;
      } else if (stream_.avail_in == 0 && stream_.avail_out != 0) {
        return;
      }
    }
  }
  bool failed() const override { return failed_; }

 private:
  z_stream stream_ = {};
  bool open_ = false;
  bool failed_ = false;
};
#endif

#if BRAINTRUST_HAS_BROTLI
class BrotliDecoder final : public ContentDecoder {
 public:
  void feed(std::string_view bytes, const Output& output) override {
    if (failed() || bytes.empty()) return;
    std::array<char, piece_size> piece;
    auto* in = reinterpret_cast<const std::uint8_t*>(bytes.data());
    std::size_t in_left = bytes.size();
    for (;;) {
      auto* out = reinterpret_cast<std::uint8_t*>(piece.data());
      std::size_t out_left = piece_size;
      result_ = BrotliDecoderDecompressStream(state_.get(), &in_left, &in, &out_left, &out, nullptr);
      if (out_left < piece_size) output({piece.data(), piece_size - out_left});
      if (result_ != BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) return;
    }
  }
  bool failed() const override { return !state_ || result_ == BROTLI_DECODER_RESULT_ERROR; }

 private:
  struct Destroy {
    void operator()(BrotliDecoderState* state) const { BrotliDecoderDestroyInstance(state); }
  };
  std::unique_ptr<BrotliDecoderState, Destroy> state_{BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)};
  BrotliDecoderResult result_ = BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT;
};
#endif

#if BRAINTRUST_HAS_ZSTD
class ZstdDecoder final : public ContentDecoder {
 public:
  void feed(std::string_view bytes, const Output& output) override {
    if (failed() || bytes.empty()) return;
    std::array<char, piece_size> piece;
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{piece.data(), piece.size(), 0};
      const std::size_t result = ZSTD_decompressStream(state_.get(), &out, &in);
      failed_ = ZSTD_isError(result) != 0;
      if (out.pos > 0) output({piece.data(), out.pos});
      if (failed_ || (in.pos == in.size && out.pos < out.size)) return;
    }
  }
  bool failed() const override { return !state_ || failed_; }

 private:
  struct Destroy {
    void operator()(ZSTD_DStream* state) const { ZSTD_freeDStream(state); }
  };
  std::unique_ptr<ZSTD_DStream, Destroy> state_{ZSTD_createDStream()};
  bool failed_ = false;
};
#endif

class Undecodable final : public ContentDecoder {
 public:
  void feed(std::string_view, const Output&) override {}
  bool failed() const override { return true; }
};

// Holds back the first bytes until they tell whether there is anything to decode.
class CheckedDecoder final : public ContentDecoder {
 public:
  explicit CheckedDecoder(std::unique_ptr<ContentDecoder> decoder) : decoder_(std::move(decoder)) {}

  void feed(std::string_view bytes, const Output& output) override {
    if (decided_) return hand_on(bytes, output);
    constexpr std::size_t enough = 16;
    const std::size_t taken = std::min(enough - first_.size(), bytes.size());
    first_ += bytes.substr(0, taken);
    // Fewer bytes than this can be the whole body of no compressed response; of a plain one they tell soon enough.
    if (first_.size() < enough && !looks_plain(first_)) return;
    decided_ = true;
    plain_ = looks_plain(first_);
    hand_on(first_, output);
    hand_on(bytes.substr(taken), output);
  }
  bool failed() const override { return decided_ && !plain_ && decoder_->failed(); }

 private:
  void hand_on(std::string_view bytes, const Output& output) {
    if (!plain_) return decoder_->feed(bytes, output);
    if (!bytes.empty()) output(bytes);
  }

  std::unique_ptr<ContentDecoder> decoder_;
  std::string first_;
  bool decided_ = false;
  bool plain_ = false;
};

std::unique_ptr<ContentDecoder> decoder_of(std::string_view encoding) {
#if BRAINTRUST_HAS_ZLIB
  for (const std::string_view name : {"gzip", "x-gzip", "deflate"}) {
    if (same_ignoring_case(encoding, name)) return std::make_unique<ZlibDecoder>();
  }
#endif
#if BRAINTRUST_HAS_BROTLI
  if (same_ignoring_case(encoding, "br")) return std::make_unique<BrotliDecoder>();
#endif
#if BRAINTRUST_HAS_ZSTD
  if (same_ignoring_case(encoding, "zstd")) return std::make_unique<ZstdDecoder>();
#endif
  return std::make_unique<Undecodable>();
}

}  // namespace

std::unique_ptr<ContentDecoder> ContentDecoder::of(std::string_view encoding) {
  encoding = detail::trimmed(encoding);
  if (encoding.empty() || same_ignoring_case(encoding, "identity")) return nullptr;
  return std::make_unique<CheckedDecoder>(decoder_of(encoding));
}

}  // namespace braintrust::llm

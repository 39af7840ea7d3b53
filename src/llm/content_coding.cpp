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

class Decompressor {
 public:
  using Output = ContentDecoder::Output;
  virtual ~Decompressor() = default;
  // False when the bytes are broken.
  virtual bool feed(std::string_view bytes, const Output& output) = 0;
};

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
class Zlib final : public Decompressor {
 public:
  ~Zlib() override {
    if (open_) inflateEnd(&stream_);
  }

  bool feed(std::string_view bytes, const Output& output) override {
    if (over_) return true;
    if (!open_ && !open(bytes.front())) return false;
    std::array<char, piece_size> piece;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    for (;;) {
      if (at_end_) {
        if (stream_.avail_in == 0) return true;
        // Another gzip member may follow; what else does is no part of the text.
        if (*stream_.next_in != 0x1F) over_ = true;
        if (over_) return true;
        inflateReset(&stream_);
        at_end_ = false;
      }
      stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream_.avail_out = piece_size;
      const int result = inflate(&stream_, Z_SYNC_FLUSH);
      const std::size_t written = piece_size - stream_.avail_out;
      if (written > 0) output({piece.data(), written});
      if (result == Z_STREAM_END) {
        at_end_ = true;
      } else if (result == Z_BUF_ERROR) {
        return true;  // wants more
      } else if (result != Z_OK) {
        return false;
      } else if (stream_.avail_in == 0 && stream_.avail_out != 0) {
        return true;
      }
    }
  }

 private:
  bool open(char first) {
    constexpr int largest_window = 15, find_header = 32;
    const bool headed = first == '\x1F' || (static_cast<unsigned char>(first) & 0x0F) == Z_DEFLATED;
    open_ = inflateInit2(&stream_, headed ? largest_window + find_header : -largest_window) == Z_OK;
    return open_;
  }

  z_stream stream_ = {};
  bool open_ = false;
  bool at_end_ = false;  // of a member
  bool over_ = false;    // the rest is none
};
#endif

#if BRAINTRUST_HAS_BROTLI
class Brotli final : public Decompressor {
 public:
  bool feed(std::string_view bytes, const Output& output) override {
    if (!state_) return false;
    std::array<char, piece_size> piece;
    auto* in = reinterpret_cast<const std::uint8_t*>(bytes.data());
    std::size_t in_left = bytes.size();
    for (;;) {
      auto* out = reinterpret_cast<std::uint8_t*>(piece.data());
      std::size_t out_left = piece_size;
      const auto result = BrotliDecoderDecompressStream(state_.get(), &in_left, &in, &out_left, &out, nullptr);
      if (out_left < piece_size) output({piece.data(), piece_size - out_left});
      if (result != BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) return result != BROTLI_DECODER_RESULT_ERROR;
    }
  }

 private:
  struct Destroy {
    void operator()(BrotliDecoderState* state) const { BrotliDecoderDestroyInstance(state); }
  };
  std::unique_ptr<BrotliDecoderState, Destroy> state_{BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)};
};
#endif

#if BRAINTRUST_HAS_ZSTD
class Zstd final : public Decompressor {
 public:
  bool feed(std::string_view bytes, const Output& output) override {
    if (!state_) return false;
    std::array<char, piece_size> piece;
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{piece.data(), piece.size(), 0};
      const std::size_t result = ZSTD_decompressStream(state_.get(), &out, &in);
      if (out.pos > 0) output({piece.data(), out.pos});
      if (ZSTD_isError(result) != 0) return false;
      if (in.pos == in.size && out.pos < out.size) return true;
    }
  }

 private:
  struct Destroy {
    void operator()(ZSTD_DStream* state) const { ZSTD_freeDStream(state); }
  };
  std::unique_ptr<ZSTD_DStream, Destroy> state_{ZSTD_createDStream()};
};
#endif

std::unique_ptr<Decompressor> decompressor_of(std::string_view encoding) {
#if BRAINTRUST_HAS_ZLIB
  for (const std::string_view name : {"gzip", "x-gzip", "deflate"}) {
    if (same_ignoring_case(encoding, name)) return std::make_unique<Zlib>();
  }
#endif
#if BRAINTRUST_HAS_BROTLI
  if (same_ignoring_case(encoding, "br")) return std::make_unique<Brotli>();
#endif
#if BRAINTRUST_HAS_ZSTD
  if (same_ignoring_case(encoding, "zstd")) return std::make_unique<Zstd>();
#endif
  return nullptr;
}

}  // namespace

std::unique_ptr<ContentDecoder> ContentDecoder::of(std::string_view encoding) {
  encoding = detail::trimmed(encoding);
  if (encoding.empty() || same_ignoring_case(encoding, "identity")) return nullptr;
  return std::unique_ptr<ContentDecoder>(new ContentDecoder(decompressor_of(encoding)));
}

ContentDecoder::ContentDecoder(std::unique_ptr<Decompressor> decompressor) : decompressor_(std::move(decompressor)) {}
ContentDecoder::~ContentDecoder() = default;

void ContentDecoder::feed(std::string_view bytes, const Output& output) {
  if (!decided_) {
    constexpr std::size_t enough = 16;
    const std::size_t taken = std::min(enough - first_.size(), bytes.size());
    first_ += bytes.substr(0, taken);
    bytes.remove_prefix(taken);
    // Fewer bytes than this are the whole body of no compressed response; of a plain one they tell soon enough.
    if (first_.size() < enough && !looks_plain(first_)) return;
    decide(output);
  }
  hand_on(bytes, output);
}

void ContentDecoder::decide(const Output& output) {
  decided_ = true;
  plain_ = looks_plain(first_);
  hand_on(first_, output);
}

void ContentDecoder::hand_on(std::string_view bytes, const Output& output) {
  if (bytes.empty() || failed_) return;
  if (plain_) return output(bytes);
  failed_ = !decompressor_ || !decompressor_->feed(bytes, output);
}

void ContentDecoder::skip() { failed_ = failed_ || !plain_; }

}  // namespace braintrust::llm

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
  using Output = std::function<bool(std::string_view)>;  // false: no more is wanted
  virtual ~Decompressor() = default;
  // False when the bytes are broken, or no more is wanted.
  virtual bool feed(std::string_view bytes, const Output& output) = 0;
};

namespace {

[[maybe_unused]] constexpr std::size_t piece_size = std::size_t{32} * 1024;

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Text as models send it: an object, an array, the first line of a stream of events.
bool looks_plain(std::string_view bytes) {
  while (!bytes.empty() && is_blank(bytes.front())) bytes.remove_prefix(1);
  for (const std::string_view field : {"data:", "event:", "id:", "retry:", ": ", ":\n", ":\r", "{\"", "{}", "[{"}) {
    if (bytes.starts_with(field)) return true;
  }
  return bytes.size() > 1 && (bytes[0] == '{' || bytes[0] == '[') && is_blank(bytes[1]);
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
      if (written > 0 && !output({piece.data(), written})) return false;
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
      if (out_left < piece_size && !output({piece.data(), piece_size - out_left})) return false;
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
      if (out.pos > 0 && !output({piece.data(), out.pos})) return false;
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

std::unique_ptr<Decompressor> decompressor_of([[maybe_unused]] std::string_view encoding) {
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

std::unique_ptr<ContentDecoder> ContentDecoder::of(std::string_view encoding, std::size_t most) {
  encoding = detail::trimmed(encoding);
  if (encoding.empty() || same_ignoring_case(encoding, "identity")) return nullptr;
  std::string_view magic;
  if (same_ignoring_case(encoding, "gzip") || same_ignoring_case(encoding, "x-gzip")) magic = "\x1F\x8B";
  return std::unique_ptr<ContentDecoder>(new ContentDecoder(decompressor_of(encoding), magic, most));
}

ContentDecoder::ContentDecoder(std::unique_ptr<Decompressor> decompressor, std::string_view magic, std::size_t most)
    : decompressor_(std::move(decompressor)), magic_(magic), room_(most) {}
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
  const auto is_text = [](char c) { return is_blank(c) || (c > ' ' && c <= '~'); };
  // Whatever text it is, it is not encoded when the encoding would begin otherwise.
  plain_ = looks_plain(first_) ||
           (!magic_.empty() && !first_.starts_with(magic_) && std::all_of(first_.begin(), first_.end(), is_text));
  hand_on(first_, output);
}

void ContentDecoder::hand_on(std::string_view bytes, const Output& output) {
  if (bytes.empty() || failed_ || too_long_) return;
  if (plain_) return output(bytes);
  const bool whole = decompressor_ && decompressor_->feed(bytes, [&](std::string_view decoded) {
    if (decoded.size() > room_) {
      too_long_ = true;
      return false;
    }
    room_ -= decoded.size();
    output(decoded);
    return true;
  });
  failed_ = !whole && !too_long_;
}

void ContentDecoder::skip() { failed_ = failed_ || !plain_; }

}  // namespace braintrust::llm

#include "core/gzip.h"

#if BRAINTRUST_HAS_ZLIB
#include <zlib.h>
#endif

namespace braintrust::detail {

#if BRAINTRUST_HAS_ZLIB
namespace {

constexpr int gzip_window = 15 + 16;  // zlib's way to say gzip, and not its own header
constexpr std::size_t piece = std::size_t{64} << 10;

z_stream over(std::string_view bytes) {
  z_stream stream = {};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  return stream;
}

}  // namespace

std::string gzip(std::string_view bytes) {
  z_stream stream = over(bytes);
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return std::string(bytes);
  }
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return result == Z_STREAM_END ? out : std::string(bytes);
}
#else
std::string gzip(std::string_view bytes) { return std::string(bytes); }
#endif

bool is_gzip(std::string_view bytes) noexcept { return bytes.starts_with("\x1F\x8B"); }

std::optional<std::string> gunzip(std::string_view bytes, std::size_t most) {
  if (!is_gzip(bytes)) return bytes.size() <= most ? std::optional(std::string(bytes)) : std::nullopt;
#if BRAINTRUST_HAS_ZLIB
  z_stream stream = over(bytes);
  if (inflateInit2(&stream, gzip_window) != Z_OK) return std::nullopt;
  std::string out;
  int result = Z_OK;
  while (result == Z_OK && out.size() <= most) {
    const std::size_t had = out.size();
    out.resize(had + piece);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    stream.avail_out = static_cast<uInt>(piece);
    result = inflate(&stream, Z_NO_FLUSH);
    out.resize(had + piece - stream.avail_out);
  }
  inflateEnd(&stream);
  if (result == Z_STREAM_END && out.size() <= most) return out;
#endif
  return std::nullopt;
}

}  // namespace braintrust::detail

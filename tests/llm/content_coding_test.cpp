// Compressed bodies, and bodies that only say so.

#include "llm/content_coding.h"

#include "llm/exchange.h"

#if BRAINTRUST_HAS_ZLIB
#include <zlib.h>
#endif
#if BRAINTRUST_HAS_BROTLI_ENCODER
#include <brotli/encode.h>
#endif
#if BRAINTRUST_HAS_ZSTD
#include <zstd.h>
#endif

namespace braintrust::llm {
namespace {

Exchange stream() {
  Exchange exchange;
  exchange.content_type = "text/event-stream";
  exchange.response = sse({R"({"choices":[{"index":0,"delta":{"content":"hello "}}]})",
                           R"({"choices":[{"index":0,"delta":{"content":"world"}}]})", "[DONE]"});
  return exchange;
}

const std::string output = R"([{"index":0,"message":{"role":"assistant","content":"hello world"}}])";

#if BRAINTRUST_HAS_ZLIB
// `window`: 15 zlib, 31 gzip, -15 raw
std::string deflated(const std::string& text, int window) {
  z_stream stream = {};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(ContentCoding, GzipAndDeflateAreTakenOff) {
  for (const auto& [encoding, window] : {std::pair("gzip", 31), {"X-GZIP", 31}, {"deflate", 15}, {"deflate", -15}}) {
    Exchange exchange = stream();
    exchange.response = deflated(exchange.response, window);
    exchange.content_encoding = encoding;
    EXPECT_EQ(response_facts(exchange).output, output) << encoding << window;
    expect_same_however_cut(exchange);
  }
}

TEST(ContentCoding, SeveralGzipMembersAreOneBody) {
  Exchange exchange = stream();
  exchange.response = deflated(exchange.response.substr(0, 50), 31) + deflated(exchange.response.substr(50), 31);
  exchange.content_encoding = "gzip";
  EXPECT_EQ(response_facts(exchange).output, output);
  expect_same_however_cut(exchange);
}

TEST(ContentCoding, WhatFollowsTheLastMemberIsNoPartOfTheBodyHoweverItIsCut) {
  for (const int window : {31, 15, -15}) {
    Exchange exchange = stream();
    exchange.response = deflated(exchange.response, window) + "padding \x1F and more";
    exchange.content_encoding = window == 31 ? "gzip" : "deflate";
    const Facts facts = response_facts(exchange);
    EXPECT_EQ(facts.output, output);
    EXPECT_EQ(facts.note, "");
    expect_same_however_cut(exchange);
  }
}

TEST(ContentCoding, BrokenBytesAreNoErrorButAreSaid) {
  Exchange exchange = stream();
  exchange.response = deflated(exchange.response, 31).substr(0, 10) + std::string(200, '\xFF');
  exchange.content_encoding = "gzip";
  EXPECT_NE(response_facts(exchange).note.find("gzip"), std::string::npos);
}

// A few kilobytes that are gigabytes when decoded would keep the background thread busy for long.
TEST(ContentCoding, ABodyThatGrowsBeyondMeasureIsDecodedNoFurther) {
  std::size_t seen = 0;
  const auto decoder = ContentDecoder::of("gzip", 100'000);
  const std::string bytes = deflated(std::string(5'000'000, ' '), 31);
  decoder->feed(bytes, [&](std::string_view decoded) { seen += decoded.size(); });
  EXPECT_TRUE(decoder->too_long());
  EXPECT_FALSE(decoder->failed());
  EXPECT_GT(seen, 50'000U);
  EXPECT_LE(seen, 100'000U);

  Exchange exchange = stream();
  exchange.content_encoding = "gzip";
  ResponseReader reader(endpoint_of(exchange), "/v1/chat/completions", {200, exchange.content_type, "gzip"}, nullptr, 1000);
  reader.feed(bytes);
  EXPECT_NE(reader.finish(End::complete()).note.find("too long"), std::string::npos);
}

TEST(ContentCoding, AGapEndsACompressedBody) {
  Exchange exchange = stream();
  exchange.content_encoding = "gzip";
  const std::string bytes = deflated(exchange.response, 31);
  ResponseReader reader(endpoint_of(exchange), "/v1/chat/completions", {200, exchange.content_type, "gzip"}, nullptr);
  reader.feed(bytes.substr(0, 40));
  reader.skip();
  EXPECT_NE(reader.finish(End::complete()).note.find("gzip"), std::string::npos);
}
#endif

#if BRAINTRUST_HAS_BROTLI_ENCODER
TEST(ContentCoding, BrotliIsTakenOff) {
  Exchange exchange = stream();
  std::string bytes(1000, '\0');
  std::size_t size = bytes.size();
  BrotliEncoderCompress(5, 22, BROTLI_MODE_TEXT, exchange.response.size(),
                        reinterpret_cast<const std::uint8_t*>(exchange.response.data()), &size,
                        reinterpret_cast<std::uint8_t*>(bytes.data()));
  exchange.response = bytes.substr(0, size);
  exchange.content_encoding = "br";
  EXPECT_EQ(response_facts(exchange).output, output);
  expect_same_however_cut(exchange);
}
#endif

#if BRAINTRUST_HAS_ZSTD
TEST(ContentCoding, ZstdIsTakenOff) {
  Exchange exchange = stream();
  std::string bytes(ZSTD_compressBound(exchange.response.size()), '\0');
  bytes.resize(ZSTD_compress(bytes.data(), bytes.size(), exchange.response.data(), exchange.response.size(), 3));
  exchange.response = bytes;
  exchange.content_encoding = "zstd";
  EXPECT_EQ(response_facts(exchange).output, output);
  expect_same_however_cut(exchange);
}
#endif

TEST(ContentCoding, ABodyThatWasDecodedAlreadyIsLeftAlone) {
  for (const char* encoding : {"gzip", "deflate", "br", "zstd", "identity", "something"}) {
    Exchange exchange = stream();
    exchange.content_encoding = encoding;
    EXPECT_EQ(response_facts(exchange).output, output) << encoding;
    EXPECT_EQ(response_facts(exchange).note, "") << encoding;
    expect_same_however_cut(exchange);
    exchange.content_type = "application/json";
    exchange.response = R"({"choices":[]})";
    EXPECT_EQ(response_facts(exchange).output, "[]") << encoding;
  }
}

TEST(ContentCoding, ABodyThatWasDecodedAlreadyMayBeginAsItLikes) {
  for (const char* beginning : {"retry: 3000\n\n", ":ok\n\n", ": ok\n\n", "\n\n"}) {
    Exchange exchange = stream();
    exchange.content_encoding = "gzip";
    exchange.response.insert(0, beginning);
    EXPECT_EQ(response_facts(exchange).output, output) << beginning;
    EXPECT_EQ(response_facts(exchange).note, "") << beginning;
    expect_same_however_cut(exchange);
  }
  for (const char* body : {R"({ "choices":[], "model":"m" })", "{\t\"choices\":[]}", " {\"choices\":[]}"}) {
    Exchange exchange = stream();
    exchange.content_encoding = "gzip";
    exchange.content_type = "application/json";
    exchange.response = body;
    EXPECT_EQ(response_facts(exchange).output, "[]") << body;
  }
}

TEST(ContentCoding, AGapInABodyThatWasDecodedAlreadyIsAsAnyOther) {
  const Exchange exchange = stream();
  ResponseReader reader(endpoint_of(exchange), "/v1/chat/completions", {200, exchange.content_type, "gzip"}, nullptr);
  reader.feed(exchange.response.substr(0, 30));
  reader.skip();
  reader.feed(exchange.response.substr(40));
  EXPECT_EQ(reader.finish(End::complete()).output, R"([{"index":0,"message":{"role":"assistant","content":"world"}}])");
}

TEST(ContentCoding, AnUnknownEncodingIsSaidAndNoError) {
  Exchange exchange = stream();
  exchange.response = std::string(100, '\x81');
  exchange.content_encoding = "compress";
  const Facts facts = response_facts(exchange);
  EXPECT_EQ(facts.note, "the response's body could not be decoded from compress");
  EXPECT_EQ(facts.error, "");
}

}  // namespace
}  // namespace braintrust::llm

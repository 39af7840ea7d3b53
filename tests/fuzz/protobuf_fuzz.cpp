// Protocol Buffers: whatever comes in, what is read lies within it; and what is read and written again reads the same.

#include "fuzz/fuzz.h"
#include "otlp/protobuf_reader.h"
#include "otlp/protobuf_writer.h"

namespace braintrust::fuzz {
namespace {

using detail::otlp::ProtobufReader, detail::otlp::ProtobufWriter, detail::otlp::WireType;

void write_again(const ProtobufReader& reader, ProtobufWriter& writer) {
  switch (reader.type()) {
    case WireType::varint:
      return writer.varint(reader.field(), reader.integer());
    case WireType::fixed64:
      return writer.fixed64(reader.field(), reader.integer());
    case WireType::fixed32:
      return writer.fixed32(reader.field(), static_cast<std::uint32_t>(reader.integer()));
    case WireType::length:
      return writer.bytes(reader.field(), reader.bytes());
  }
}

std::string written_again(std::string_view message) {
  detail::Buffer buffer;
  ProtobufWriter writer(buffer);
  ProtobufReader reader(message);
  while (reader.next()) {
    must(reader.field() > 0 && reader.field() < 1U << 29, "a field has a number that fields have", message);
    if (!reader.bytes().empty()) {
      must(reader.bytes().data() >= message.data() &&
               reader.bytes().data() + reader.bytes().size() <= message.data() + message.size(),
           "bytes are slices of the message", message);
    }
    write_again(reader, writer);
  }
  return std::string(buffer.view());
}

}  // namespace
}  // namespace braintrust::fuzz

std::vector<std::string> fuzz_seeds() {
  braintrust::detail::Buffer buffer;
  braintrust::detail::otlp::ProtobufWriter writer(buffer);
  writer.varint(1, 150);
  writer.bytes(2, "testing");
  writer.fixed64(7, 12345);
  writer.fixed32(16, 1);
  writer.number(4, 0.5);
  writer.varint(100, ~std::uint64_t{0});
  return {std::string(buffer.view()), "\x1a\x03\x08\x96\x01"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace braintrust::fuzz;
  const auto once = written_again(as_text(data, size));
  must(written_again(once) == once, "what was read can be written and read again", as_text(data, size));
  return 0;
}

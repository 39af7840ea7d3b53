#include "otlp/protobuf_reader.h"
#include "otlp/protobuf_writer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace braintrust::detail::otlp {
namespace {

using namespace std::string_literals;

template <class Write>
std::string written(Write&& write) {
  detail::Buffer buffer;
  ProtobufWriter writer(buffer);
  write(writer);
  return std::string(buffer.view());
}

// The only field of a message.
ProtobufReader first_of(std::string_view message) {
  ProtobufReader reader(message);
  EXPECT_TRUE(reader.next());
  return reader;
}

// The examples of protobuf.dev, "Encoding".
TEST(ProtobufWriter, WritesTheBytesOfThePublishedExamples) {
  EXPECT_EQ(written([](ProtobufWriter& w) { w.varint(1, 150); }), "\x08\x96\x01");
  EXPECT_EQ(written([](ProtobufWriter& w) { w.bytes(2, "testing"); }), "\x12\x07testing");
  EXPECT_EQ(written([](ProtobufWriter& w) {
              w.begin_message(3, 3);
              w.varint(1, 150);
            }),
            "\x1a\x03\x08\x96\x01");
  EXPECT_EQ(written([](ProtobufWriter& w) { w.fixed32(5, 1); }), "\x2d\x01\0\0\0"s);
  EXPECT_EQ(written([](ProtobufWriter& w) { w.fixed64(7, 0x0102030405060708); }), "\x39\x08\x07\x06\x05\x04\x03\x02\x01");
  EXPECT_EQ(written([](ProtobufWriter& w) { w.varint(16, 1); }), "\x80\x01\x01");
}

TEST(ProtobufWriter, KnowsBeforehandHowLongAFieldWillBe) {
  for (const std::size_t size : {0, 1, 127, 128, 16383, 16384, 100000}) {
    for (const unsigned field : {1U, 15U, 16U, 127U}) {
      const std::string value(size, 'x');
      EXPECT_EQ(written([&](ProtobufWriter& w) { w.bytes(field, value); }).size(), bytes_size(field, size)) << size;
    }
  }
  EXPECT_EQ(varint_size(std::numeric_limits<std::uint64_t>::max()), 10U);
}

TEST(ProtobufReader, ReadsBackWhatWasWritten) {
  const std::vector<std::uint64_t> integers = {0, 1, 127, 128, 300, 1ULL << 32, std::numeric_limits<std::uint64_t>::max()};
  for (const auto integer : integers) {
    const auto varint = written([&](ProtobufWriter& w) { w.varint(3, integer); });
    EXPECT_EQ(first_of(varint).integer(), integer);
    const auto fixed = written([&](ProtobufWriter& w) { w.fixed64(7, integer); });
    EXPECT_EQ(first_of(fixed).integer(), integer);
    EXPECT_EQ(first_of(fixed).type(), WireType::fixed64);
  }
  const auto negative = written([](ProtobufWriter& w) { w.varint(3, static_cast<std::uint64_t>(std::int64_t{-5})); });
  EXPECT_EQ(static_cast<std::int64_t>(first_of(negative).integer()), -5);
  for (const double number : {0.0, -0.5, 3.25, 1e300, std::numeric_limits<double>::infinity()}) {
    const auto message = written([&](ProtobufWriter& w) { w.number(4, number); });
    EXPECT_EQ(first_of(message).number(), number);
  }
  const auto bytes = written([](ProtobufWriter& w) { w.bytes(1, "a\0b"s); });
  EXPECT_EQ(first_of(bytes).bytes(), "a\0b"s);
}

TEST(ProtobufReader, GoesThroughFieldsInOrderAndPastThoseNobodyKnows) {
  const auto message = written([](ProtobufWriter& w) {
    w.varint(100, 7);
    w.bytes(2, "name");
    w.fixed32(101, 8);
    w.fixed64(102, 9);
    w.bytes(2, "");
  });
  std::vector<std::pair<unsigned, std::string>> fields;
  ProtobufReader reader(message);
  while (reader.next()) fields.emplace_back(reader.field(), reader.bytes());
  EXPECT_TRUE(reader.ok());
  const std::vector<std::pair<unsigned, std::string>> expected = {{100, ""}, {2, "name"}, {101, ""}, {102, ""}, {2, ""}};
  EXPECT_EQ(fields, expected);
}

TEST(ProtobufReader, GivesNothingForAValueOfAnotherType) {
  const auto integer = written([](ProtobufWriter& w) { w.varint(1, 5); });
  EXPECT_EQ(first_of(integer).bytes(), "");
  EXPECT_EQ(first_of(integer).number(), 0);
  const auto bytes = written([](ProtobufWriter& w) { w.bytes(1, "12345678"); });
  EXPECT_EQ(first_of(bytes).integer(), 0U);
  EXPECT_EQ(first_of(bytes).number(), 0);
}

TEST(ProtobufReader, StopsAtAFaultAndKeepsWhatCameBefore) {
  const std::vector<std::pair<const char*, std::string>> faults = {
      {"a tag that does not end", "\x80"s},
      {"a number that does not end", "\x08\x80"s},
      {"a number of more than ten bytes", "\x08" + std::string(10, '\x80') + "\x01"},
      {"a text longer than the message", "\x12\x05test"s},
      {"a length of 2^64 - 1", "\x12" + std::string(9, '\xff') + "\x01"},
      {"half of a fixed number", "\x39\x01\x02\x03"s},
      {"half of a short fixed number", "\x2d\x01\x02"s},
      {"field number 0", "\x00\x01"s},
      {"a field number beyond 2^29", "\x80\x80\x80\x80\x10\x01"s},
      {"the beginning of a group", "\x0b"s},
      {"the end of a group", "\x0c"s},
      {"a type that does not exist", "\x0e\x01"s},
  };
  for (const auto& [what, fault] : faults) {
    const auto message = written([](ProtobufWriter& w) { w.varint(1, 42); }) + fault;
    ProtobufReader reader(message);
    EXPECT_TRUE(reader.next()) << what;
    EXPECT_EQ(reader.integer(), 42U) << what;
    EXPECT_FALSE(reader.next()) << what;
    EXPECT_FALSE(reader.ok()) << what;
    EXPECT_FALSE(reader.next()) << what;
  }
}

TEST(ProtobufReader, TakesAnEmptyMessageForOne) {
  ProtobufReader reader("");
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.ok());
}

}  // namespace
}  // namespace braintrust::detail::otlp

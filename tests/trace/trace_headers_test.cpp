// The values of a trace's headers: syntax, escapes and limits, byte for byte. Numbers are those of INST.

#include "trace/trace_headers.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace braintrust::detail {
namespace {

constexpr std::string_view valid = "00-00112233445566778899aabbccddeeff-0123456789abcdef-01";

std::string members(int count, const std::string& value = "v") {
  std::string text;
  for (int i = 0; i < count; ++i) text += (i > 0 ? ",key" : "key") + std::to_string(i) + "=" + value;
  return text;
}
std::ptrdiff_t count_of(std::string_view baggage) {
  return baggage.empty() ? 0 : std::count(baggage.begin(), baggage.end(), ',') + 1;
}

TEST(TraceparentHeader, IsReadAndWrittenByteForByte) {
  const auto parent = read_traceparent(valid);
  ASSERT_TRUE(parent);
  EXPECT_EQ(parent->trace, (TraceId{0x0011223344556677, 0x8899aabbccddeeff}));
  EXPECT_EQ(parent->span, (SpanId{0x0123456789abcdef}));
  EXPECT_EQ(write_traceparent(*parent), valid);
  EXPECT_EQ(write_traceparent({{1, 2}, {3}}), "00-00000000000000010000000000000002-0000000000000003-01");
}

TEST(TraceparentHeader, KeepsEveryFlagVerbatim) {
  for (const char* const flags : {"00", "01", "02", "7f", "ff", "c3"}) {
    const std::string text = std::string(valid.substr(0, valid.size() - 2)) + flags;
    ASSERT_TRUE(read_traceparent(text)) << text;
    EXPECT_EQ(write_traceparent(*read_traceparent(text)), text);
  }
}

// 19.38, 19.16
TEST(TraceparentHeader, OfAnotherVersionLengthCaseOrWithZeroIdsIsNone) {
  for (const std::string text : {
           "",
           "00",
           "garbage",
           "01-00112233445566778899aabbccddeeff-0123456789abcdef-01",
           "ff-00112233445566778899aabbccddeeff-0123456789abcdef-01",
           "00-00112233445566778899aabbccddeef-0123456789abcdef-01",
           "00-00112233445566778899aabbccddeefff-0123456789abcdef-01",
           "00-00112233445566778899aabbccddeeff-0123456789abcde-01",
           "00-00112233445566778899aabbccddeeff-0123456789abcdef-1",
           "00-00112233445566778899aabbccddeeff-0123456789abcdef-01-extra",
           "00-00112233445566778899AABBCCDDEEFF-0123456789abcdef-01",
           "00-00112233445566778899aabbccddeeff-0123456789ABCDEF-01",
           "00-00112233445566778899aabbccddeeff-0123456789abcdef-0A",
           "00-00112233445566778899aabbccddeefg-0123456789abcdef-01",
           "00-00000000000000000000000000000000-0123456789abcdef-01",
           "00-00112233445566778899aabbccddeeff-0000000000000000-01",
           "00_00112233445566778899aabbccddeeff-0123456789abcdef-01",
           "00-00112233445566778899aabbccddeeff_0123456789abcdef-01",
           "00-00112233445566778899aabbccddeeff-0123456789abcdef_01",
           " 00-00112233445566778899aabbccddeeff-0123456789abcdef-01",
       }) {
    EXPECT_FALSE(read_traceparent(text)) << text;
  }
  for (std::size_t size = 0; size < valid.size(); ++size) EXPECT_FALSE(read_traceparent(valid.substr(0, size)));
}

TEST(TracestateHeader, IsSentOnAsItIsUnlessItIsNoHeader) {
  for (const std::string text : {"a=b", "rojo=00f067aa0ba902b7 , congo=t61rcWkgMzE", "not even a list"}) {
    EXPECT_EQ(sendable_tracestate(text), text);
  }
  for (const std::string& text :
       {std::string(""), std::string(" \t"), std::string("a=b\r\nX-Injected: 1"), std::string("a=\0", 3), std::string("a=\x7F"),
        std::string("a=\xC3\xA9"), std::string(8193, 'a')}) {
    EXPECT_EQ(sendable_tracestate(text), "");
  }
}

// 19.19, 30.5
TEST(BaggageHeader, EscapesWhatTheGrammarDoesNotAllow) {
  EXPECT_EQ(baggage_with("project_name:Zoë, 50%+x", ""), "braintrust.parent=project_name:Zo%C3%AB%2C%2050%25+x");
  EXPECT_EQ(container_in("braintrust.parent=project_name:Zo%C3%AB%2C%2050%25+x"), "project_name:Zoë, 50%+x");
  EXPECT_EQ(container_in("braintrust.parent=project_name%3AZo%C3%AB%2C%2050%25%2Bx"), "project_name:Zoë, 50%+x");
  EXPECT_EQ(baggage_with("project_id:!#$&'()*+-./09:<=>?@AZ[]^_`az{|}~", ""),
            "braintrust.parent=project_id:!#$&'()*+-./09:<=>?@AZ[]^_`az{|}~");
}

// 19.33
TEST(BaggageHeader, BringsEveryNameBackAsItWas) {
  std::string every;
  for (char c = 1; c < 127; ++c) every += c;
  for (const std::string& name : {std::string("\"quoted\" \\ , ; = \t\n\r % %41 é 🚀 +"), every, std::string("zero\0byte", 9),
                                  std::string("  blanks around  "), std::string("日本語")}) {
    const std::string sent = baggage_with("project_name:" + name, "");
    EXPECT_TRUE(std::all_of(sent.begin(), sent.end(), [](unsigned char c) { return c > 0x20 && c < 0x7F; })) << sent;
    EXPECT_EQ(sent.find_first_of("\",;\\"), std::string::npos) << sent;
    EXPECT_EQ(container_in(sent), "project_name:" + name);
  }
}

// 19.21, 19.34
TEST(BaggageHeader, RelaysForeignMembersByteForByte) {
  const std::string foreign = "x=1%2F2,empty=,flag,props=a;p1=v1;p2,raw=\xC3\xA9,bad=%zz,Key=\"q\"";
  EXPECT_EQ(baggage_with("", foreign), foreign);
  EXPECT_EQ(baggage_with("project_id:p", " a=1 ,\t b = 2 ,,"), "braintrust.parent=project_id:p,a=1,b = 2");
}

// 19.7
TEST(BaggageHeader, ReplacesAContainerThatWasThere) {
  const std::string former =
      "a=1,braintrust.parent=project_id:old;p=1, braintrust.parent = x,braintrust.parent,Braintrust.Parent=y";
  EXPECT_EQ(baggage_with("project_id:new", former), "braintrust.parent=project_id:new,a=1,Braintrust.Parent=y");
  EXPECT_EQ(baggage_with("", "braintrust.parent=project_id:old"), "") << "that was somebody else's";
}

TEST(BaggageHeader, LosesMembersThatWouldBreakTheHeader) {
  EXPECT_EQ(baggage_with("", std::string("a=1,b=2\r\nX-Injected: 1,c=\0,d=4", 30)), "a=1,d=4");
}

// 19.22, 19.40
TEST(BaggageHeader, OfWhichTheContainerIsReadAmongOtherMembers) {
  EXPECT_EQ(container_in("a=1, braintrust.parent = project_id:x ; prop=1 ,b=2"), "project_id:x");
  EXPECT_EQ(container_in("braintrust.parent=experiment_id:e,braintrust.parent=project_id:x"), "experiment_id:e");
  for (const char* const none :
       {"", ",,,", "a=1", "braintrust.parent", "braintrust.parent=", "braintrust.parent=;x=project_id:y",
        "Braintrust.Parent=project_id:x", "braintrust.parent=project_id:", "braintrust.parent=project_id:%20",
        "braintrust.parent=playground_id:x", "braintrust.parent=project_id", "braintrust.parent=project_name:%",
        "braintrust.parent=project_name:%4", "braintrust.parent=project_name:%4x", "braintrust.parent=project_name:%FF",
        "braintrust.parent=project_name:%C3", "braintrust.parent=%ED%A0%80", "braintrust.parent=BAICAwEjRWeJq83v",
        "braintrust.parent=%zz,braintrust.parent=project_id:x"}) {
    EXPECT_EQ(container_in(none), "") << none;
  }
}

// 19.45
TEST(BaggageHeader, KeepsTheFirst64Members) {
  EXPECT_EQ(baggage_with("", members(64)), members(64));
  EXPECT_EQ(baggage_with("", members(65)), members(64));
  EXPECT_EQ(container_in(members(63) + ",braintrust.parent=project_id:x"), "project_id:x");
  EXPECT_EQ(container_in(members(64) + ",braintrust.parent=project_id:x"), "");
}

// 19.46
TEST(BaggageHeader, Keeps8192BytesOfWholeLeadingMembers) {
  const std::string full = "a=" + std::string(4093, 'x') + ",b=" + std::string(4094, 'y');
  ASSERT_EQ(full.size(), 8192u);
  EXPECT_EQ(baggage_with("", full), full);
  EXPECT_EQ(baggage_with("", full + "y"), full.substr(0, 4095)) << "none is cut, and none behind it is taken";
  EXPECT_EQ(baggage_with("", full + "y,c=1"), full.substr(0, 4095));
  const std::string accents = "a=" + std::string(2700, 'x') + ",b=";
  std::string multi = accents;
  while (multi.size() < 8192) multi += "é";
  multi.resize(8192);
  EXPECT_EQ(baggage_with("", multi), multi) << "bytes are counted, not characters";
  EXPECT_EQ(baggage_with("", multi + "\xA9"), accents.substr(0, 2702));
  EXPECT_EQ(baggage_with("", "huge=" + std::string(9000, 'x')), "");
  EXPECT_EQ(container_in("braintrust.parent=project_name:" + std::string(9000, 'x')), "");
  EXPECT_EQ(container_in("a=" + std::string(9000, 'x') + ",braintrust.parent=project_id:x"), "") << "not even looked at";
}

TEST(BaggageHeader, OfWhichAContainerOfMoreThanAKilobyteIsNotRead) {
  const auto of_size = [](std::size_t size) {
    std::string container = "project_id:";
    return container.append(size - container.size(), 'x');
  };
  EXPECT_EQ(container_in("braintrust.parent=" + of_size(1024)), of_size(1024));
  EXPECT_EQ(container_in("braintrust.parent=" + of_size(1025)), "");
  // Of what it says, not of how that is written.
  std::string escaped = "braintrust.parent=project_id:";
  for (int i = 0; i < 1000; ++i) escaped += "%20";
  EXPECT_EQ(container_in(escaped + "x").size(), 1012U);
}

// 19.24, 19.47
TEST(BaggageHeader, AlwaysHasRoomForOurOwnMember) {
  const std::string relayed = baggage_with("project_name:" + std::string(100, 'p'), members(64, std::string(80, 'v')));
  EXPECT_EQ(container_in(relayed), "project_name:" + std::string(100, 'p'));
  EXPECT_EQ(count_of(relayed), 64);
  const std::string bytes = baggage_with("project_name:p", members(50, std::string(400, 'v')));
  EXPECT_EQ(container_in(bytes), "project_name:p");
  EXPECT_LE(bytes.size(), 8192u);
  EXPECT_GT(bytes.size(), 8192u - 408u);
  EXPECT_EQ(baggage_with("project_name:" + std::string(9000, 'p'), "a=1"), "a=1") << "unless it is too long by itself";
}

}  // namespace
}  // namespace braintrust::detail

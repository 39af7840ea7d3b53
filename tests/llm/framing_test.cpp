// Streams cut into events, whatever way their bytes come.

#include "llm/framing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "llm/event_stream_writer.h"

namespace braintrust::llm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Make = std::unique_ptr<Framing> (*)(std::size_t);

struct Collected final : EventSink {
  std::vector<std::string> all;
  void event(std::string_view name, std::string_view data) override {
    all.push_back(std::string(name) + '|' + std::string(data));
  }
  void failure(std::string_view kind, std::string_view data) override {
    all.push_back("!" + std::string(kind) + '|' + std::string(data));
  }
};

constexpr std::size_t roomy = 1'000'000;

std::vector<std::string> events_of(Make make, std::string_view bytes, std::size_t piece = roomy, std::size_t limit = roomy) {
  const auto framing = make(limit);
  Collected collected;
  for (std::size_t at = 0; at < bytes.size(); at += piece) framing->feed(std::string(bytes.substr(at, piece)), collected);
  framing->finish(collected);
  return collected.all;
}

std::vector<std::string> events_however_cut(Make make, std::string_view bytes) {
  const auto whole = events_of(make, bytes);
  for (std::size_t piece = 1; piece < bytes.size(); ++piece) EXPECT_EQ(events_of(make, bytes, piece), whole) << piece;
  return whole;
}

TEST(Sse, FieldsAndLineEndsAreThoseOfTheStandard) {
  EXPECT_THAT(
      events_however_cut(sse_framing,
                         "\xEF\xBB\xBF"
                         "data: a\n\n: comment\nevent: x\r\ndata:b\r\ndata:  c\r\n\r\nid: 1\rdata\r\rretry: 5\n\ndata: d\n\n"),
      ElementsAre("|a", "x|b\n c", "|", "|d"));
}

TEST(Sse, AnEventWithoutItsBlankLineCountsAtTheEnd) {
  EXPECT_THAT(events_however_cut(sse_framing, "data: a\n\ndata: b"), ElementsAre("|a", "|b"));
}

TEST(Sse, TooLongAnEventIsDroppedAndTheNextIsNot) {
  EXPECT_THAT(events_of(sse_framing, "data: " + std::string(100, 'x') + "\n\ndata: y\n\n", 7, 50), ElementsAre("|y"));
  EXPECT_THAT(
      events_of(sse_framing, "data: " + std::string(40, 'x') + "\ndata: " + std::string(40, 'x') + "\n\ndata: y\n\n", 7, 50),
      ElementsAre("|y"));
}

TEST(Sse, TooLongALineMakesTheEventTooLongHoweverItIsCut) {
  const std::string bytes =
      "data: a\n" + std::string(60, 'x') + "\ndata: b\n\ndata: " + std::string(46, 'y') + "\n\ndata: c\n\n";
  for (std::size_t piece = 1; piece < 100; ++piece)
    EXPECT_THAT(events_of(sse_framing, bytes, piece, 50), ElementsAre("|c")) << piece;
}

TEST(Sse, AByteOrderMarkDoesNotCountForTheLengthOfTheFirstLine) {
  const std::string longest =
      "\xEF\xBB\xBF"
      "data: " +
      std::string(44, 'x') + "\n\n";
  for (std::size_t piece = 1; piece < longest.size(); ++piece) {
    EXPECT_THAT(events_of(sse_framing, longest, piece, 50), ElementsAre("|" + std::string(44, 'x'))) << piece;
  }
}

TEST(Sse, AfterAGapTheNextWholeEventCounts) {
  const auto framing = sse_framing(roomy);
  Collected collected;
  framing->feed("event: e\ndata: a", collected);
  framing->skip();
  framing->feed("rest\ndata: torn\n\ndata: b\n\n", collected);
  framing->skip();
  framing->feed("\n\ndata: c\n\n", collected);  // the gap may end inside an end of line
  EXPECT_EQ(collected.all.front(), "|b");
  EXPECT_EQ(collected.all.back(), "|c");
}

TEST(Ndjson, LinesAreEventsAndBlankOnesAreNot) {
  EXPECT_THAT(events_however_cut(ndjson_framing, "{\"a\":1}\r\n\n  \n{\"b\":2}\n{\"c\":3}"),
              ElementsAre("|{\"a\":1}\r", "|{\"b\":2}", "|{\"c\":3}"));
}

TEST(Ndjson, TooLongALineIsDroppedHoweverItIsCut) {
  for (const std::size_t piece : {1, 7, 60, 1000}) {
    EXPECT_THAT(events_of(ndjson_framing, std::string(100, 'x') + "\ny\n", piece, 50), ElementsAre("|y")) << piece;
  }
}

TEST(Ndjson, AfterAGapTheNextLineCounts) {
  const auto framing = ndjson_framing(roomy);
  Collected collected;
  framing->feed("{\"a\"", collected);
  framing->skip();
  framing->feed(":1}\n{\"b\":2}\n", collected);
  EXPECT_THAT(collected.all, ElementsAre("|{\"b\":2}"));
}

TEST(JsonArray, ElementsAreEvents) {
  EXPECT_THAT(events_however_cut(json_array_framing, " [{\"a\":\"],\\\"[{\"},\r\n [1,2] ,3]\n"),
              ElementsAre("|{\"a\":\"],\\\"[{\"}", "|\r\n [1,2] ", "|3"));
  EXPECT_THAT(events_however_cut(json_array_framing, "[]"), IsEmpty());
  EXPECT_THAT(events_however_cut(json_array_framing, "[{\"a\":1},{\"b\""), ElementsAre("|{\"a\":1}", "|{\"b\""));
}

TEST(JsonArray, TooLongAnElementIsDropped) {
  EXPECT_THAT(events_of(json_array_framing, "[\"" + std::string(100, 'x') + "\",1]", 7, 50), ElementsAre("|1"));
}

TEST(EventStream, MessagesAreEventsWithTheirType) {
  const std::string bytes =
      event_stream_message({{":message-type", "event"}, {":event-type", "chunk"}}, "{}") +
      event_stream_message({{":message-type", "exception"}, {":exception-type", "bad"}}, "{\"message\":\"m\"}") +
      event_stream_message({{":message-type", "error"}, {":error-code", "E"}, {":error-message", "why"}}, "") +
      event_stream_message({}, "");
  EXPECT_THAT(events_however_cut(event_stream_framing, bytes),
              ElementsAre("chunk|{}", "!bad|{\"message\":\"m\"}", "!E|why", "|"));
}

TEST(EventStream, GarbageInFrontIsPassedOver) {
  const std::string message = event_stream_message({{":event-type", "x"}}, "1");
  EXPECT_THAT(events_however_cut(event_stream_framing, "garbage" + message + std::string(20, '\0') + message),
              ElementsAre("x|1", "x|1"));
}

TEST(EventStream, TooLongAMessageIsDroppedAndNotLookedThrough) {
  const std::string inside = event_stream_message({{":event-type", "z"}}, "0");
  const std::string bytes = event_stream_message({{":event-type", "x"}}, inside + std::string(500, 'x')) +
                            event_stream_message({{":event-type", "y"}}, "1");
  EXPECT_THAT(events_of(event_stream_framing, bytes, 7, 100), ElementsAre("y|1"));
}

}  // namespace
}  // namespace braintrust::llm

// Attachments through the public API: what stands in the row, what is uploaded, and when. INST 18.1 to 18.75, where they
// concern references, the table and the order.

#include <braintrust/trace/attachment.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <braintrust/tracing.h>

#include "core/media_type.h"
#include "support/sanitized.h"
#include "support/told.h"
#include "trace/backend.h"
#include "trace/ids.h"
#include "trace/json_indent.h"
#include "trace/pending_attachments.h"

namespace braintrust {
namespace {

using detail::pending_attachments;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Answer;
using test::Deed;
using test::FakeBraintrust;
using test::long_enough;
using test::reported_attachments;
using test::Row;
using test::ScriptedServer;
using test::stored_attachments;
using test::Told;
using testing::HasSubstr;
using testing::MatchesRegex;

// A logger, and servers that take its rows and attachments.
class AttachmentTest : public testing::Test {
 protected:
  AttachmentTest() : folder(std::filesystem::temp_directory_path() / ("attachments-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder);
    play_attachments(wire.server, store);
  }
  ~AttachmentTest() override {
    set_masking_function({});
    std::filesystem::remove_all(folder);
  }

  std::string write(const std::string& name, const std::string& bytes) const {
    const auto path = folder / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }
  // The input of a span that logged it.
  Row logged(const Json& input) {
    const std::string name = "span " + std::to_string(++spans);
    { wire.logger.start_span(name).log({.input = input}); }
    return test::only_row(wire.rows(), name)["input"];
  }
  std::map<std::string, std::string> stored() const { return stored_attachments(store); }
  std::string stored(const Row& reference) const { return stored()[reference["key"].get<std::string>()]; }

  std::filesystem::path folder;
  ScriptedServer store;
  test::Wire wire;
  int spans = 0;
  const std::size_t held_before = pending_attachments().held_bytes();  // of values that other tests never logged
};

// --- what stands in the row

TEST_F(AttachmentTest, LeavesAReferenceInTheRowAndTheBytesInTheStore) {
  const std::string bytes("\x89PNG\r\n\x1A\n\0\0", 10);
  const Row input = logged({{"question", "what is it?"}, {"image", Attachment::bytes(bytes, {.filename = "cat.png"})}});
  const Row& reference = input["image"];
  EXPECT_EQ(reference.size(), 4U);
  EXPECT_EQ(reference["type"], "braintrust_attachment");
  EXPECT_EQ(reference["content_type"], "image/png");
  EXPECT_EQ(reference["filename"], "cat.png");
  EXPECT_THAT(reference["key"].get<std::string>(),
              MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_EQ(stored(reference), bytes);
  const auto place = Row::parse(wire.server.requests("/attachment").at(0).body);
  EXPECT_EQ(place,
            (Row{{"key", reference["key"]}, {"filename", "cat.png"}, {"content_type", "image/png"}, {"org_id", "id of acme"}}));
  EXPECT_EQ(store.requests().at(0).headers.at("content-type"), "image/png");
  EXPECT_THAT(reported_attachments(wire.server)[reference["key"]], testing::ElementsAre(Row{{"upload_status", "done"}}));
}

TEST_F(AttachmentTest, StandsWhereverAValueMay) {
  const Attachment image = Attachment::bytes("png", {.filename = "a.png"});
  auto span = wire.logger.start_span("span");
  span.log({.input = image, .metadata = {{"seed", Attachment::bytes("seed")}}});
  span.log({.output = {{"list", Json::array({1, Json::array({{{"deep", Attachment::bytes("deep")}}})})}},
            .expected = std::vector<Attachment>{Attachment::bytes("one"), Attachment::bytes("two")}});
  span.end();
  const Row row = test::only_row(wire.rows(), "span");
  EXPECT_EQ(stored(row["input"]), "png");
  EXPECT_EQ(stored(row["output"]["list"][1][0]["deep"]), "deep");
  EXPECT_EQ(stored(row["expected"][0]), "one");
  EXPECT_EQ(stored(row["expected"][1]), "two");
  EXPECT_EQ(stored(row["metadata"]["seed"]), "seed");
  EXPECT_EQ(stored().size(), 5U);
}

TEST_F(AttachmentTest, TakesBytesAsTheyComeInAProgram) {
  const std::vector<std::byte> bytes = {std::byte{1}, std::byte{2}};
  const std::vector<unsigned char> octets = {3, 4};
  const std::string_view view = "view";
  const std::string kept = "kept";
  const Row input =
      logged(Json::array({Attachment::bytes(bytes), Attachment::bytes(octets), Attachment::bytes(view),
                          Attachment::bytes("literal"), Attachment::bytes(kept), Attachment::bytes(std::string())}));
  std::vector<std::string> found;
  for (const Row& reference : input) found.push_back(stored(reference));
  EXPECT_THAT(found, testing::ElementsAre("\1\2", "\3\4", "view", "literal", "kept", ""));
}

TEST_F(AttachmentTest, NeverLeavesNameOrTypeBlank) {
  const auto named = [](const Json& value) {
    const Row row = Row::parse(value.text());
    return row["filename"].get<std::string>() + " " + row["content_type"].get<std::string>();
  };
  EXPECT_EQ(named(Attachment::bytes("x")), "attachment.bin application/octet-stream");
  EXPECT_EQ(named(Attachment::bytes("%PDF-1.7")), "attachment.pdf application/pdf");
  EXPECT_EQ(named(Attachment::bytes("%PDF-1.7", {.filename = "cat.JPEG"})), "cat.JPEG image/jpeg");
  EXPECT_EQ(named(Attachment::bytes("x", {.content_type = "image/svg+xml"})), "attachment.svg image/svg+xml");
  EXPECT_EQ(named(Attachment::bytes("x", {.filename = "../../etc/pass\nwd", .content_type = " text/plain\r\nx-evil: 1 "})),
            "....etcpasswd text/plainx-evil: 1");
  EXPECT_EQ(named(Attachment::file(write("photo.webp", "x"))), "photo.webp image/webp");
  EXPECT_EQ(named(Attachment::file(write("Makefile", "x"))), "Makefile application/octet-stream");
  EXPECT_EQ(named(Attachment::file(write("a.png", "x"), {.filename = "b.gif", .content_type = "image/x"})), "b.gif image/x");
  EXPECT_EQ(named(ExternalAttachment{.url = "https://h/a/b/cat.png?sig=x/y.gif#f"}), "cat.png image/png");
  EXPECT_EQ(named(ExternalAttachment{.url = "s3://bucket"}), "bucket application/octet-stream");
  EXPECT_EQ(named(ExternalAttachment{}), "attachment.bin application/octet-stream");
}

TEST_F(AttachmentTest, OfJsonIsUploadedAsJson) {
  const Row input =
      logged(Json::array({JsonAttachment({{"a", Json::array({1, 2})}, {"b", 1}}),
                          JsonAttachment::raw(R"({ "n" : 12345678901234567890 })", {.filename = "n.json"}),
                          JsonAttachment({{"a", Json::array({1, "x,{}\""})}, {"b", Json::array({})}}, {.pretty = true})}));
  EXPECT_EQ(input[0]["content_type"], "application/json");
  EXPECT_EQ(input[0]["filename"], "data.json");
  EXPECT_EQ(stored(input[0]), R"({"a":[1,2],"b":1})");
  EXPECT_EQ(input[1]["filename"], "n.json");
  EXPECT_EQ(stored(input[1]), R"({ "n" : 12345678901234567890 })");
  EXPECT_EQ(stored(input[2]), "{\n  \"a\": [\n    1,\n    \"x,{}\\\"\"\n  ],\n  \"b\": []\n}");
}

TEST_F(AttachmentTest, OfTextThatIsNoJsonIsUploadedAsAString) {
  const Told told;
  const Row input = logged(JsonAttachment::raw("{oops", {.pretty = true}));
  EXPECT_EQ(stored(input), R"("{oops")");
  EXPECT_TRUE(told.mentions("not valid JSON"));
}

TEST(JsonIndent, ChangesNothingButWhiteSpace) {
  EXPECT_EQ(detail::indented(R"( [ ] )"), "[]");
  EXPECT_EQ(detail::indented("1e400"), "1e400");
  EXPECT_EQ(detail::indented(R"({"a":{"b":[true,null]},"c":{ }})"),
            "{\n  \"a\": {\n    \"b\": [\n      true,\n      null\n    ]\n  },\n  \"c\": {}\n}");
  for (const char* const text : {R"({"a":[1,{"b":"\\\" ,:{}[]"}]})", R"([[[[]]],{}])", R"("x")"}) {
    EXPECT_EQ(Row::parse(detail::indented(text)), Row::parse(text));
    EXPECT_EQ(Row::parse(text).is_string() ? text : Row::parse(text).dump(2), detail::indented(text));
  }
}

TEST_F(AttachmentTest, KeptElsewhereIsReferredToAndNotFetched) {
  const Row input = logged({{"video", ExternalAttachment{.url = store.url() + "/movie.mp4", .filename = "m.mp4"}}});
  EXPECT_EQ(input["video"], (Row{{"type", "external_attachment"},
                                 {"content_type", "video/mp4"},
                                 {"filename", "m.mp4"},
                                 {"url", store.url() + "/movie.mp4"}}));
  EXPECT_EQ(store.count(), 0U);
  EXPECT_EQ(wire.server.count("/attachment"), 0U);
}

// --- files

TEST_F(AttachmentTest, OfAFileIsReadWhenItIsUploaded) {
  const std::string path = write("cat.png", "first");
  const Attachment cat = Attachment::file(path);
  { wire.logger.start_span("s").log({.input = cat}); }
  write("cat.png", "second");
  const Row input = test::only_row(wire.rows(), "s")["input"];
  EXPECT_EQ(input["filename"], "cat.png");
  EXPECT_EQ(stored(input), "second");
}

TEST_F(AttachmentTest, OfAFileThatCannotBeReadSaysSoAndLeavesNoReference) {
  const Told told;
  const Row input = logged({{"gone", Attachment::file((folder / "gone.png").string())},
                            {"folder", Attachment::file(folder.string())},
                            {"blank", Attachment::file("")}});
  EXPECT_THAT(input["gone"].get<std::string>(),
              MatchesRegex("<attachment gone.png is left out: cannot read .*gone.png: No such.*>"));
  EXPECT_THAT(input["folder"].get<std::string>(), HasSubstr("is not a file"));
  EXPECT_THAT(input["blank"].get<std::string>(), HasSubstr("left out"));
  EXPECT_EQ(told.count(ErrorCode::io), 3U);
  EXPECT_TRUE(told.mentions("gone.png"));
  EXPECT_EQ(wire.server.count("/attachment"), 0U);
}

TEST_F(AttachmentTest, OfAPipeDoesNotWaitForItsOtherEnd) {
  const std::string path = (folder / "pipe").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(logged(Attachment::file(path)).get<std::string>(), HasSubstr("is not a file"));
}

TEST_F(AttachmentTest, OfAFileThatIsGoneBeforeItIsReadIsReportedAsFailed) {
  const Told told;
  const std::string path = write("cat.png", "x");
  const Attachment cat = Attachment::file(path);
  std::filesystem::remove(path);
  const Row input = logged(cat);
  const auto reports = reported_attachments(wire.server)[input["key"]];
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0]["upload_status"], "error");
  EXPECT_THAT(reports[0]["error_message"].get<std::string>(), HasSubstr("cannot read"));
  EXPECT_TRUE(told.mentions("cannot read"));
  EXPECT_EQ(wire.logger.stats().attachments.failed, 1U);
}

TEST_F(AttachmentTest, OfTooManyBytesIsLeftOut) {
  const Told told;
  const std::string path = write("huge.bin", "");
  std::filesystem::resize_file(path, (64u << 20) + 1);
  const Row input = logged(Json::array({Attachment::file(path), Attachment::bytes(std::string((64u << 20) + 1, 'x'))}));
  EXPECT_THAT(input[0].get<std::string>(), HasSubstr("larger than 64 MiB"));
  EXPECT_THAT(input[1].get<std::string>(), HasSubstr("larger than 64 MiB"));
  EXPECT_EQ(store.count(), 0U);
}

TEST_F(AttachmentTest, OfSixtyMegabytesArrivesWhole) {
  const std::string bytes(60u << 20, 'x');
  const Row input = logged(Attachment::bytes(bytes));
  EXPECT_TRUE(stored(input) == bytes);
}

// --- what is uploaded, and how often

TEST_F(AttachmentTest, LoggedSeveralTimesIsUploadedOnce) {
  const Attachment image = Attachment::bytes("png");
  const Row first = logged(Json::array({image, image})), second = logged(image);
  EXPECT_EQ(first[0], first[1]);
  EXPECT_EQ(first[0], second);
  EXPECT_EQ(store.count("/store"), 1U);
  EXPECT_EQ(pending_attachments().held_bytes(), held_before);
}

TEST_F(AttachmentTest, ThatMaskingTookOutIsNotUploaded) {
  set_masking_function([](const Row& value) {
    Row masked = value;
    if (masked.is_object() && masked.contains("secret")) masked["secret"] = "masked";
    return masked;
  });
  const Row input = logged({{"secret", Attachment::bytes("secret bytes")}, {"open", Attachment::bytes("open bytes")}});
  EXPECT_EQ(input["secret"], "masked");
  EXPECT_EQ(stored(), (std::map<std::string, std::string>{{input["open"]["key"], "open bytes"}}));
}

TEST_F(AttachmentTest, ThatWasNeverLoggedIsNotUploaded) {
  const Json value = Attachment::bytes("never logged");
  logged("something else");
  logged(value.text());  // as a string: no reference
  wire.logger.flush(long_enough);
  EXPECT_EQ(store.count(), 0U);
}

TEST_F(AttachmentTest, OfASpanThatIsStillOpenIsUploadedWithWhatIsShownOfIt) {
  auto span = wire.logger.start_span("open");
  span.log({.input = Attachment::bytes("early")});
  EXPECT_TRUE(test::eventually([&] { return store.count("/store") == 1; }));
  span.log({.output = Attachment::bytes("late")});
  span.end();
  wire.logger.flush(long_enough);
  EXPECT_EQ(store.count("/store"), 2U);
}

TEST_F(AttachmentTest, InUpdatesAndFeedbackIsUploadedToo) {
  std::string id;
  {
    auto span = wire.logger.start_span("s");
    id = span.id();
  }
  wire.logger.update_span(id, {.output = Attachment::bytes("update")});
  wire.logger.log_feedback({.id = id, .expected = Attachment::bytes("expected")});
  wire.logger.flush(long_enough);
  EXPECT_EQ(store.count("/store"), 2U);
}

TEST(AttachmentWithoutLogger, IsNotKept) {
  const std::size_t before = pending_attachments().held_bytes();
  const Json value = Attachment::bytes(std::string(1'000'000, 'x'));
  EXPECT_THAT(value.text(), HasSubstr("braintrust_attachment"));
  EXPECT_EQ(pending_attachments().held_bytes(), before);
}

// --- flush, shutdown, and the counts

TEST_F(AttachmentTest, IsCoveredByAFlushOfItsRow) {
  for (int i = 0; i < 20; ++i) wire.logger.start_span("s").log({.input = Attachment::bytes("bytes")});
  const FlushResult result = wire.logger.flush(long_enough);
  EXPECT_EQ(store.count("/store"), 20U);
  EXPECT_EQ(result.attachments_sent, 20U);
  EXPECT_TRUE(result.complete());
  const Stats stats = wire.logger.stats();
  EXPECT_EQ(stats.attachments.sent, 20U);
  EXPECT_EQ(stats.attachments.sent_bytes, 100U);
  EXPECT_EQ(stats.attachments.queued, 0U);
  EXPECT_EQ(pending_attachments().held_bytes(), held_before) << "memory that was counted is given back";
}

TEST_F(AttachmentTest, ThatHangsHoldsUpAFlushAndAShutdownNoLongerThanTheirDeadline) {
  store.on("/store", {{.deed = Deed::hang}});
  { wire.logger.start_span("s").log({.input = Attachment::bytes("bytes")}); }
  auto begin = std::chrono::steady_clock::now();
  FlushResult result = wire.logger.flush(milliseconds(300));
  EXPECT_EQ(result.attachments_pending, 1U);
  EXPECT_FALSE(result.complete());
  EXPECT_EQ(result.sent, 1U) << "rows first";
  result = wire.logger.shutdown(milliseconds(300));
  EXPECT_EQ(result.attachments_pending, 1U);
  EXPECT_EQ(result.attachments_failed, 0U);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(30));
  EXPECT_EQ(wire.logger.stats().attachments.closed, 1U);
  EXPECT_EQ(wire.logger.shutdown(long_enough).attachments_pending, 0U) << "a second shutdown has nothing to do";
}

TEST_F(AttachmentTest, ThatWaitsToBeSentAgainDoesNotHoldUpAShutdown) {
  store.on("/store", {{.status = 503, .headers = {{"Retry-After", "200"}}}});
  { wire.logger.start_span("s").log({.input = Attachment::bytes("bytes")}); }
  ASSERT_TRUE(test::eventually([&] { return store.count("/store") == 1; }));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(wire.logger.shutdown(milliseconds(100)).attachments_pending, 1U);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(30));
}

TEST_F(AttachmentTest, ThatIsRefusedFailsAloneAndIsCounted) {
  const Told told;
  store.on("/store", {{.status = 403}, {}});
  const Row input = logged(Attachment::bytes("refused"));
  EXPECT_EQ(input["type"], "braintrust_attachment") << "the row was sent before";
  EXPECT_EQ(stored(logged(Attachment::bytes("taken"))), "taken");
  EXPECT_EQ(wire.logger.stats().attachments.failed, 1U);
  EXPECT_EQ(wire.logger.stats().attachments.sent, 1U);
  EXPECT_EQ(told.all().size(), 1U);
  EXPECT_EQ(reported_attachments(wire.server)[input["key"]].at(0)["upload_status"], "error");
}

TEST_F(AttachmentTest, GoesToTheServerOfTheLoggerWhoseRowHoldsIt) {
  ScriptedServer other_store;
  test::Wire other({.set_current = false}, {.org_name = "other"});
  play_attachments(other.server, other_store);
  { other.logger.start_span("s").log({.input = Attachment::bytes("for the other")}); }
  other.logger.flush(long_enough);
  EXPECT_EQ(store.count(), 0U);
  EXPECT_EQ(other_store.requests("/store").at(0).body, "for the other");
  EXPECT_THAT(other.server.requests("/attachment").at(0).body, HasSubstr("id of other"));
}

TEST_F(AttachmentTest, OfManyThreadsAllArrive) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 25; ++i) {
        wire.logger.start_span("s").log({.input = Attachment::bytes(std::to_string(t) + "/" + std::to_string(i))});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(wire.logger.flush(long_enough).complete());
  EXPECT_EQ(stored().size(), 100U);
}

TEST_F(AttachmentTest, MadeBeforeAForkIsUploadedByTheChildThatLogsIt) {
#if BRAINTRUST_THREAD_SANITIZED
  GTEST_SKIP() << "the thread sanitizer lets no threads begin in a forked child";
#endif
  { wire.logger.start_span("warm up").log({.input = Attachment::bytes("of the parent")}); }
  wire.logger.flush(long_enough);
  const Json value = Attachment::bytes("made before");
  const pid_t child = ::fork();
  if (child == 0) {
    { wire.logger.start_span("in the child").log({.input = value}); }
    const bool complete = wire.logger.flush(long_enough).complete();
    ::_exit(complete ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(store.count("/store"), 2U);
  EXPECT_EQ(store.requests("/store").at(1).body, "made before");
  EXPECT_GT(pending_attachments().held_bytes(), held_before) << "the parent's own is still there";
  { wire.logger.start_span("in the parent").log({.input = value}); }
  wire.logger.flush(long_enough);
  EXPECT_EQ(pending_attachments().held_bytes(), held_before);
}

}  // namespace

// --- the table

namespace detail {
namespace {

using From = PendingAttachments::From;
using pipeline::Upload;

constexpr std::size_t entry = PendingAttachments::bytes_of_entry;

Upload upload(std::size_t bytes = 0) {
  return {.key = random_row_id(), .content_type = "image/png", .filename = "a.png", .held_bytes = bytes};
}
std::string row_with(const Upload& upload) { return R"({"input":)" + std::string(reference_to(upload).text()) + "}"; }

TEST(PendingAttachments, TakesAllOrNone) {
  PendingAttachments table(1000 + 2 * entry);
  const Upload large = upload(800);
  std::vector<Upload> two = {large, upload(300)};
  EXPECT_FALSE(table.add(two, From::value));
  EXPECT_FALSE(table.any());
  EXPECT_EQ(table.held_bytes(), 0U);
  two[1].held_bytes = 200;
  EXPECT_TRUE(table.add(two, From::value));
  EXPECT_FALSE(table.add({upload()}, From::value));
  EXPECT_EQ(table.take(row_with(large)).size(), 1U);
}

TEST(PendingAttachments, CountsWhatIsUploadedUntilItIsDone) {
  PendingAttachments table(1000 + entry);
  const Upload first = upload(1000);
  ASSERT_TRUE(table.add({first}, From::value));
  auto taken = table.take(row_with(first));
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_FALSE(table.any());
  EXPECT_FALSE(table.add({upload(1)}, From::value)) << "its bytes are still in memory";
  taken.clear();
  EXPECT_TRUE(table.add({upload(1)}, From::value));
}

TEST(PendingAttachments, FindsKeysHoweverTheRowIsWritten) {
  PendingAttachments table;
  const Upload one = upload(), two = upload(), absent = upload();
  ASSERT_TRUE(table.add({one, two}, From::value));
  EXPECT_TRUE(table.take(R"({"id":")" + to_string(one.key) + R"("})").empty()) << "no reference in it";
  EXPECT_TRUE(table.take(row_with(absent)).empty());
  const auto taken = table.take(R"({ "a" : [ { "key" : ")" + to_string(two.key) +
                                R"(", "type" : "braintrust_attachment" }, { "key":")" + to_string(one.key) + R"("}]})");
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].key, two.key);
  EXPECT_FALSE(table.any());
}

TEST(PendingAttachments, ForgetTheOldestWhenRoomIsNeeded) {
  PendingAttachments table(3 * entry, milliseconds(0));
  std::vector<Upload> uploads;
  for (int i = 0; i < 4; ++i) {
    uploads.push_back(upload());
    ASSERT_TRUE(table.add({uploads.back()}, From::value));
  }
  EXPECT_TRUE(table.take(row_with(uploads[0])).empty());
  EXPECT_EQ(table.take(row_with(uploads[1])).size(), 1U);
  EXPECT_FALSE(table.add({upload(4 * entry)}, From::value)) << "never fits";
  EXPECT_EQ(table.take(row_with(uploads[2])).size(), 1U) << "and costs nobody anything";
}

TEST(PendingAttachments, KeepWhatIsYoungerThanAMinute) {
  PendingAttachments table(entry);
  const Upload kept = upload();
  ASSERT_TRUE(table.add({kept}, From::value));
  EXPECT_FALSE(table.add({upload()}, From::value));
  EXPECT_EQ(table.take(row_with(kept)).size(), 1U);
}

TEST(PendingAttachments, ForgetWhatTheRowDidNotHoldInTheEnd) {
  PendingAttachments table;
  const Upload masked = upload(), of_a_value = upload();
  ASSERT_TRUE(table.add({of_a_value}, From::value));
  ASSERT_TRUE(table.add({masked}, From::row));
  std::thread([&] { table.end_row(); }).join();
  EXPECT_EQ(table.held_bytes(), 2 * entry) << "another thread's row";
  EXPECT_TRUE(table.take(R"({"input":"masked"})").empty());
  table.end_row();
  EXPECT_EQ(table.held_bytes(), entry);
  EXPECT_EQ(table.take(row_with(of_a_value)).size(), 1U);
}

}  // namespace
}  // namespace detail
}  // namespace braintrust

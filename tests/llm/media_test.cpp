// Media become attachments, at the place where they stood. INST 18, its test scenarios 18.60 to 18.75 as far as they concern
// this room.

#include "llm/media.h"
#include "core/media_type.h"

#include "core/base64.h"
#include "llm/exchange.h"

namespace braintrust::llm {
namespace {

const std::string png = base64::encode("\x89PNG\r\n\x1A\n and then the rest");
const std::string pdf = base64::encode("%PDF-1.4 and then the rest");

Tree input_with(const std::string& url, const std::string& request, FakeSink& sink) {
  Exchange exchange;
  exchange.url = url;
  exchange.request = request;
  exchange.sink = &sink;
  return tree(request_facts(exchange).input);
}

Tree reference(const std::string& type, const std::string& name, int key = 0) {
  return {{"type", "braintrust_attachment"}, {"content_type", type}, {"filename", name}, {"key", "key-" + std::to_string(key)}};
}

const std::string openai = "https://api.openai.com/v1/chat/completions";
const std::string anthropic = "https://api.anthropic.com/v1/messages";
const std::string google = "https://generativelanguage.googleapis.com/v1beta/models/g:generateContent";
const std::string bedrock = "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse";

TEST(Media, ADataUrlOfOpenaiBecomesAReferenceAndItsNeighboursStay) {  // INST 18.20
  FakeSink sink;
  const Tree input =
      input_with(openai,
                 R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image\/png;base64,)" +
                     png + R"(","detail":"low"}}]}]})",
                 sink);
  Tree expected = tree(R"({"url":null,"detail":"low"})");
  expected["url"] = reference("image/png", "attachment.png");
  EXPECT_EQ(input[0]["content"][0]["image_url"], expected);
  ASSERT_EQ(sink.taken.size(), 1U);
  EXPECT_EQ(sink.taken[0].bytes, "\x89PNG\r\n\x1A\n and then the rest");
}

TEST(Media, AFileOfOpenaiKeepsItsName) {  // INST 18.21, 18.4
  FakeSink sink;
  const Tree input = input_with(
      openai,
      R"({"messages":[{"content":[{"type":"file","file":{"filename":"..\\/a\u0007b.pdf","file_data":"data:application/pdf;base64,)" +
          pdf + R"("}}]}]})",
      sink);
  EXPECT_EQ(input[0]["content"][0]["file"]["file_data"], reference("application/pdf", "..ab.pdf"));
}

TEST(Media, SoundOfOpenaiHasItsTypeFromItsFormat) {  // INST 18.22
  FakeSink sink;
  const Tree input = input_with(
      openai, R"({"messages":[{"content":[{"type":"input_audio","input_audio":{"data":")" + pdf + R"(","format":"mp3"}}]}]})",
      sink);
  EXPECT_EQ(input[0]["content"][0]["input_audio"]["data"], reference("audio/mpeg", "attachment.mp3"));
  EXPECT_EQ(input[0]["content"][0]["input_audio"]["format"], "mp3");
}

TEST(Media, StreamedSoundIsOneAttachmentWhereverItWasCut) {  // INST 18.32, 12.9
  const std::string sound("\x01\x00\x02\x00\xFE\xFF and so on, for more bytes than three pieces hold", 55);
  const std::string whole = base64::encode(sound);
  const auto answer = [](const std::vector<std::string>& pieces, FakeSink& sink) {
    std::vector<std::string> events = {R"({"choices":[{"delta":{"audio":{"id":"a","transcript":"hi"}}}]})"};
    for (const std::string& piece : pieces) events.push_back(R"({"choices":[{"delta":{"audio":{"data":")" + piece + "\"}}}]}");
    events.push_back(R"({"choices":[{"delta":{"audio":{"expires_at":17}}}]})");
    Exchange exchange;
    exchange.sink = &sink;
    exchange.content_type = "text/event-stream";
    exchange.response = sse(events);
    return tree(response_facts(exchange).output)[0]["message"]["audio"];
  };
  Tree expected = tree(R"({"id":"a","data":null,"transcript":"hi","expires_at":17})");
  for (const auto& pieces : std::vector<std::vector<std::string>>{
           {whole},
           {whole.substr(0, 13), whole.substr(13)},
           {base64::encode(sound.substr(0, 10)), base64::encode(sound.substr(10, 6)), base64::encode(sound.substr(16))}}) {
    FakeSink sink;
    expected["data"] = reference("audio/pcm", "attachment.pcm");
    EXPECT_EQ(answer(pieces, sink), expected);
    ASSERT_EQ(sink.taken.size(), 1U);
    EXPECT_EQ(sink.taken[0].bytes, sound);
  }
  FakeSink sink;
  expected["data"] = whole + "=!" + whole;
  EXPECT_EQ(answer({whole + "=!", whole}, sink), expected);
}

TEST(Media, SoundOfAnAnswerThatSaysWhatItIsKeepsItsType) {
  using namespace std::string_view_literals;
  const std::pair<std::string_view, std::string_view> known[] = {{"RIFF\0\0\0\0WAVE"sv, "audio/wav"},
                                                                 {"\xFF\xF3\x44\xC4", "audio/mpeg"},
                                                                 {"fLaC", "audio/flac"},
                                                                 {"\xFF\xF1\x50\x80", "audio/aac"}};
  for (const auto& [bytes, type] : known) {
    FakeSink sink;
    Exchange exchange;
    exchange.sink = &sink;
    exchange.response = R"({"choices":[{"message":{"audio":{"id":"a","data":")" +
                        base64::encode(std::string(bytes) + " and then the rest") + R"("}}}]})";
    EXPECT_EQ(tree(response_facts(exchange).output)[0]["message"]["audio"]["data"]["content_type"], type);
  }
}

TEST(Media, SoundOfARequestThatDoesNotSayWhatItIsStays) {  // INST 18.6
  FakeSink sink;
  const std::string request = R"({"messages":[{"role":"user","content":[{"type":"audio","audio":{"data":")" +
                              base64::encode("no sound that is known") + R"("}}]}]})";
  EXPECT_EQ(input_with(openai, request, sink), tree(request)["messages"]);
  EXPECT_TRUE(sink.taken.empty());
}

TEST(Media, SoundOfMistralIsRecognisedByItsBytes) {  // INST 18.7
  using namespace std::string_view_literals;
  FakeSink sink;
  const std::string wav = base64::encode("RIFF\0\0\0\0WAVE and then the rest"sv);
  const auto part = [](const std::string& sound) { return R"({"type":"input_audio","input_audio":")" + sound + "\"}"; };
  const std::string unknown = base64::encode("no sound that is known");
  const Tree content = input_with("https://api.mistral.ai/v1/chat/completions",
                                  R"({"messages":[{"role":"user","content":[)" + part(wav) + "," +
                                      part("https://example.com/a.wav") + "," + part(unknown) + "]}]}",
                                  sink)[0]["content"];
  EXPECT_EQ(content[0]["type"], "input_audio");
  EXPECT_EQ(content[0]["input_audio"], reference("audio/wav", "attachment.wav"));
  EXPECT_EQ(content[1]["input_audio"], "https://example.com/a.wav");
  EXPECT_EQ(content[2]["input_audio"], unknown);
}

TEST(Media, AGeneratedImageBecomesAReference) {  // INST 18.23
  FakeSink sink;
  Exchange exchange;
  exchange.url = "https://api.openai.com/v1/responses";
  exchange.sink = &sink;
  exchange.response =
      R"({"output":[{"type":"image_generation_call","id":"i","result":")" + png + R"(","output_format":"webp"}]})";
  EXPECT_EQ(tree(response_facts(exchange).output)[0]["result"], reference("image/webp", "attachment.webp"));
  exchange.url = "https://api.openai.com/v1/images/generations";
  exchange.response = R"({"data":[{"b64_json":")" + png + R"(","revised_prompt":"p"}],"usage":{"input_tokens":1}})";
  const Tree image = tree(response_facts(exchange).output)[0];
  EXPECT_EQ(image["b64_json"], reference("image/png", "attachment.png", 1));
  EXPECT_EQ(image["revised_prompt"], "p");
}

TEST(Media, TheWholeSourceOfAnthropicMakesWay) {  // INST 18.25
  FakeSink sink;
  const Tree input = input_with(
      anthropic,
      R"({"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":")" +
          png + R"("}}]},{"type":"image","source":{"type":"url","url":"https://x/y.png"}}]}]})",
      sink);
  EXPECT_EQ(input[0]["content"][0]["content"][0]["source"], reference("image/png", "attachment.png"));
  EXPECT_EQ(input[0]["content"][1]["source"]["url"], "https://x/y.png");
}

TEST(Media, InlineDataOfGoogleChangesItsKey) {  // INST 18.26, 18.27
  std::string url_safe = png;
  for (char& c : url_safe) c = c == '+' ? '-' : c == '/' ? '_' : c;
  while (url_safe.ends_with('=')) url_safe.pop_back();
  FakeSink sink;
  const Tree input =
      input_with(google,
                 R"({"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":")" + url_safe +
                     R"("},"thought":false},{"inline_data":{"data":")" + pdf + R"(","mime_type":"application/pdf"}}]}]})",
                 sink);
  const Tree parts = input["contents"][0]["parts"];
  EXPECT_EQ(parts[0]["image_url"]["url"], reference("image/png", "attachment.png", 0));
  EXPECT_EQ(parts[0]["thought"], false);
  EXPECT_EQ(parts[1]["file"]["file_data"], reference("application/pdf", "attachment.pdf", 1));
}

TEST(Media, BytesOfBedrockHaveTheirTypeFromTheirBlock) {  // INST 18.24, 18.66
  FakeSink sink;
  const Tree input = input_with(
      bedrock,
      R"({"messages":[{"role":"user","content":[{"video":{"format":"mp4","source":{"bytes":")" + pdf +
          R"("}}},{"audio":{"format":"mp4","source":{"bytes":")" + pdf +
          R"("}}},{"document":{"name":"my doc","format":"pdf","source":{"bytes":")" + pdf +
          R"("}}},{"image":{"format":"png","source":{"s3Location":{"uri":"s3://x"}}}},{"image":{"format":"tiff","source":{"bytes":")" +
          pdf + R"("}}}]}]})",
      sink);
  const Tree content = input[0]["content"];
  EXPECT_EQ(content[0]["video"]["source"]["bytes"], reference("video/mp4", "attachment.mp4", 0));
  EXPECT_EQ(content[1]["audio"]["source"]["bytes"], reference("audio/mp4", "attachment.mp4", 1));
  EXPECT_EQ(content[2]["document"]["source"]["bytes"], reference("application/pdf", "my doc.pdf", 2));
  EXPECT_EQ(content[2]["document"]["name"], "my doc");
  EXPECT_EQ(content[3]["image"]["source"]["s3Location"]["uri"], "s3://x");
  EXPECT_EQ(content[4]["image"]["source"]["bytes"], pdf);
}

TEST(Media, WhatIsNoMediumStaysAsItWas) {  // INST 18.61, 18.62, 18.73, 18.74
  for (const std::string& value : std::vector<std::string>{
           "see data:image/png;base64," + png, "data:image/png;base64,c2hvcnQ=", "data:image/png;base64,!!!!" + png,
           "data:;base64," + png, "data:text/plain," + png, "https://example.com/" + png, "data:image/png;base64," + png + "=",
           png}) {
    FakeSink sink;
    Exchange exchange;
    exchange.sink = &sink;
    exchange.request = R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":")" + value +
                       R"("}},{"type":"braintrust_attachment","key":"k"}]}]})";
    const std::string before = Tree::parse(exchange.request)["messages"].dump();
    EXPECT_EQ(request_facts(exchange).input, before) << value;
    EXPECT_TRUE(sink.taken.empty());
  }
}

TEST(Media, WhenTheSinkTakesNothingAllStaysAsItWas) {  // INST 18.17, 18.64
  FakeSink sink;
  sink.refuses = true;
  const std::string request = R"({"messages":[{"content":"data:image/png;base64,)" + png +
                              R"("},{"content":["data:image/png;base64,)" + png + R"("]}]})";
  const Tree before = Tree::parse(request)["messages"];
  EXPECT_EQ(input_with(openai, request, sink), before);
  sink.refuses = false;
  const Tree after = input_with(openai, request, sink);
  EXPECT_EQ(after[0]["content"], reference("image/png", "attachment.png", 0));
  EXPECT_EQ(after[1]["content"][0], reference("image/png", "attachment.png", 1));
}

TEST(Media, WhatLiesDeeperThanTheCapStays) {  // INST 18.16, 18.65
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + "\"data:image/png;base64," + png + "\"" + std::string(depth, ']');
  };
  FakeSink sink;
  constexpr MediaFormat formats[] = {data_urls};
  EXPECT_NE(with_references(nested(128), formats, &sink), nested(128));
  EXPECT_EQ(with_references(nested(129), formats, &sink), nested(129));
}

class CountingSink final : public MediaSink {
 public:
  std::size_t taken = 0;
  std::string last_filename;
  std::vector<std::string> take(std::vector<Media> media) override {
    taken += media.size();
    last_filename = media.back().filename;
    return std::vector<std::string>(media.size(), "null");
  }
};

// With a look through all members for each of them, these two would take minutes and end at the time limit of the test.
constexpr std::size_t many = 200'000;

TEST(Media, AnObjectOfManyMembersIsLookedThroughOnce) {
  std::string object = R"({"long":"aaaaaaaaaaaaaaaaaaaaaaaa")";
  for (std::size_t i = 0; i < many; ++i) object += R"(,"k":"v")";
  object += '}';
  FakeSink sink;
  constexpr MediaFormat formats[] = {data_urls};
  EXPECT_EQ(with_references(object, formats, &sink), object);
}

TEST(Media, AnObjectOfManyDataUrlsIsLookedThroughOnce) {
  std::string object = "{";
  for (std::size_t i = 0; i < many; ++i) object += R"("k":"data:image/png;base64,)" + png + R"(",)";
  object += R"("filename":"cat.png"})";
  CountingSink sink;
  constexpr MediaFormat formats[] = {data_urls};
  const std::string referenced = with_references(object, formats, &sink);
  EXPECT_EQ(referenced.find(png), std::string::npos);
  EXPECT_EQ(sink.taken, many);
  EXPECT_EQ(sink.last_filename, "cat.png");
}

TEST(Media, ANameThatIsTooLongForAFileIsNotRepeatedWithEachOfItsNeighbours) {
  const std::string url = R"("data:image/png;base64,)" + png + '"';
  FakeSink sink;
  constexpr MediaFormat formats[] = {data_urls};
  (void)with_references(R"({"filename":")" + std::string(1025, 'a') + R"(","k":)" + url + R"(,"l":)" + url + "}", formats,
                        &sink);
  ASSERT_EQ(sink.taken.size(), 2U);
  EXPECT_EQ(sink.taken[1].filename, "attachment.png");
}

TEST(Media, WhatLiesInsideAnotherMediumGoesWithIt) {
  const std::string inner = R"({"type":"base64","media_type":"image/png","data":")" + png + R"("})";
  FakeSink sink;
  const Tree input = input_with(anthropic,
                                R"({"messages":[{"content":[{"source":{"type":"base64","media_type":"application/pdf","x":[)" +
                                    inner + "," + inner + R"(],"data":")" + pdf + R"("}},{"source":)" + inner + "}]}]}",
                                sink);
  ASSERT_EQ(sink.taken.size(), 2U);
  EXPECT_EQ(input[0]["content"][0]["source"], reference("application/pdf", "attachment.pdf", 0));
  EXPECT_EQ(input[0]["content"][1]["source"], reference("image/png", "attachment.png", 1));
}

TEST(Media, AnImageOfOllamaIsRecognisedByItsBytes) {  // INST 18.7, 18.8
  FakeSink sink;
  const std::string request = R"({"messages":[{"role":"user","content":"what?","images":[")" + png + R"("]}]})";
  const Tree message = input_with("https://ollama.com/api/chat", request, sink)[0];
  EXPECT_EQ(message["content"][0]["text"], "what?");
  EXPECT_EQ(message["content"][1]["image_url"]["url"], reference("image/png", "attachment.png"));
  EXPECT_FALSE(message.contains("images"));
}

TEST(Media, PiecesOfBase64AddUpToTheirBytes) {
  for (std::size_t first = 0; first <= 4; ++first) {
    for (std::size_t second = 0; second <= 4; ++second) {
      const std::string bytes = "\xFB\xFF\xFE\xFB\xFF\xFE\xFB\xFF\xFE\xFB\xFF\xFE";
      const std::string pieces[] = {bytes.substr(0, first), bytes.substr(first, second), bytes.substr(first + second)};
      std::string joined;
      for (const std::string& piece : pieces) append_base64(joined, base64::encode(piece));
      EXPECT_EQ(joined, base64::encode(bytes)) << first << ' ' << second;
      const std::string whole = base64::encode(bytes.substr(1));
      std::string cut = whole.substr(0, first);
      append_base64(cut, whole.substr(first, second));
      append_base64(cut, whole.substr(first + second));
      EXPECT_EQ(cut, whole);
    }
  }
  std::string garbage = "AA==";
  append_base64(garbage, "?\"");
  EXPECT_EQ(garbage, "AA==?\"");
}

TEST(Media, TheFirstBytesTellTheType) {  // INST 18.7
  using namespace std::string_view_literals;
  const std::pair<std::string_view, std::string_view> known[] = {{"\x89PNG\r\n\x1A\n", "image/png"},
                                                                 {"\xFF\xD8\xFF\xE0", "image/jpeg"},
                                                                 {"GIF89a", "image/gif"},
                                                                 {"RIFF\0\0\0\0WEBPVP8 "sv, "image/webp"},
                                                                 {"RIFF\0\0\0\0WAVE"sv, "audio/wav"},
                                                                 {"%PDF-1.7", "application/pdf"},
                                                                 {"ID3\x04", "audio/mpeg"},
                                                                 {"\xFF\xF3\x44\xC4", "audio/mpeg"},
                                                                 {"\xFF\xF1\x50\x80", "audio/aac"},
                                                                 {"fLaC", "audio/flac"},
                                                                 {"OggS", "audio/ogg"},
                                                                 {"\0\0\0\x18"
                                                                  "ftypmp42"sv,
                                                                  "video/mp4"},
                                                                 {"abcdefghWEBP", ""},
                                                                 {"RIFF", ""},
                                                                 {"ab", ""},
                                                                 {"", ""}};
  for (const auto& [bytes, type] : known) EXPECT_EQ(detail::type_of_bytes(bytes), type) << bytes;
}

TEST(Media, FilesOfAFormBecomeAttachments) {  // INST 12.5
  FakeSink sink;
  Exchange exchange;
  exchange.url = "https://api.openai.com/v1/images/edits";
  exchange.sink = &sink;
  exchange.request_type = "multipart/form-data; boundary=\"b\"";
  exchange.request =
      "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ngpt-image-1\r\n"
      "--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nmake it blue\r\n"
      "--b\r\nContent-Disposition: form-data; name=\"image[]\"; filename=\"cat.png\"\r\nContent-Type: image/png\r\n\r\n"
      "\x89PNG\r\n\x1A\n bytes of a cat\r\n--b--\r\n";
  const Facts facts = request_facts(exchange);
  EXPECT_EQ(facts.name, "openai.images.edit");
  EXPECT_EQ(tree(facts.metadata), tree(R"({"model":"gpt-image-1","provider":"openai"})"));
  const Tree content = tree(facts.input)[0]["content"];
  EXPECT_EQ(content[0], tree(R"({"type":"text","text":"make it blue"})"));
  EXPECT_EQ(content[1]["image_url"]["url"], reference("image/png", "cat.png"));
}

}  // namespace
}  // namespace braintrust::llm

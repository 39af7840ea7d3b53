// OpenAI's embeddings, moderations and images. Source: INST 12.

#include "llm/dialects.h"
#include "llm/openai.h"

namespace braintrust::llm {
namespace {

// What the three have in common: no streams but for images, model and usage as everywhere.
class OtherParser : public ResponseParser {
 public:
  explicit OtherParser(const CallTarget& call) : provider_(call.provider) {}

  void body(JsonView body) override {
    read_common(body);
    answer.output = output_of(body);
  }
  void event(std::string_view, JsonView data) override { read_common(data); }
  void end_of_events() override {}

 protected:
  virtual std::string output_of(JsonView body) const = 0;

  void read_common(JsonView body) {
    if (answer.error.empty()) answer.error = openai_error(body);
    if (const std::string model = body["model"].string(); !model.empty()) answer.model = model;
    if (const JsonView usage = body["usage"]; usage.is_object()) answer.metrics = openai_usage(usage, provider_);
  }

 private:
  std::string_view provider_;
};

template <class Parser>
std::unique_ptr<ResponseParser> new_response(const CallTarget& call) {
  return std::make_unique<Parser>(call);
}

Request named_request(std::string name, const CallTarget& call, JsonView body) {
  Request request;
  request.name = std::move(name);
  request.input = body["input"].text();
  request.model = body["model"].string();
  if (request.model.empty()) request.model = path_segment(call.path, "/deployments/");
  return request;
}

// --- embeddings: INST 12.2 ---

Request read_embeddings_request(const CallTarget& call, JsonView body) { return named_request("Embedding", call, body); }

class EmbeddingsParser final : public OtherParser {
 public:
  using OtherParser::OtherParser;

 private:
  // A vector is an array of numbers, or the base64 text of floats of four bytes.
  std::string output_of(JsonView body) const override {
    const JsonView vector = body["data"].element(0)["embedding"];
    std::size_t length = 0;
    if (vector.is_array()) {
      vector.each_element([&](JsonView) { ++length; });
    } else if (vector.is_string()) {
      const std::string text = vector.string();
      const std::size_t digits = text.find_last_not_of('=') + 1;
      length = digits * 3 / 4 / 4;
    } else {
      return {};
    }
    return ObjectText().add("embedding_length", std::to_string(length)).text();
  }
};

// --- moderations: INST 12.3 ---

Request read_moderations_request(const CallTarget& call, JsonView body) { return named_request("Moderation", call, body); }

class ModerationsParser final : public OtherParser {
 public:
  using OtherParser::OtherParser;

 private:
  std::string output_of(JsonView body) const override { return std::string(body["results"].text()); }
};

// --- images: INST 12.5 ---

// A file of a form, or an image in a JSON body; both as a part of a message.
void add_image(ArrayText& parts, JsonView image) {
  if (image.is_array()) return image.each_element([&](JsonView one) { add_image(parts, one); });
  ObjectText inner;
  inner.add("url", image["file_data"] ? image["file_data"] : image["image_url"] ? image["image_url"] : image);
  add_setting(inner, "filename", image["filename"]);
  parts.add(ObjectText().add("type", "\"image_url\"").add("image_url", inner.text()).text());
}

Request read_images_request(const CallTarget& call, JsonView body) {
  Request request = named_request(call.path.ends_with("/edits") ? "openai.images.edit" : "openai.images.generate", call, body);
  const JsonView prompt = body["prompt"];
  ArrayText parts;
  if (prompt) parts.add(ObjectText().add("type", "\"text\"").add("text", prompt).text());
  bool images = false;
  body.each_member([&](std::string_view key, JsonView value) {
    if (key == "image" || key == "image[]" || key == "images" || key == "mask") {
      add_image(parts, value);
      images = true;
    }
  });
  const std::string content = images ? parts.text() : std::string(prompt.text());
  request.input.clear();
  if (!content.empty()) request.input = ArrayText().add(message("user", content)).text();
  return request;
}

class ImagesParser final : public OtherParser {
 public:
  using OtherParser::OtherParser;

  // The image is complete in the last event; those before hold sketches.
  void event(std::string_view name, JsonView data) override {
    read_common(data);
    const std::string_view type = data["type"].is_string() ? data["type"].inside() : name;
    if (!type.ends_with(".completed")) return;
    ObjectText image;
    data.each_member([&](std::string_view key, JsonView value) {
      if (key != "type" && key != "usage") image.add(key, value);
    });
    const std::string text = image.text();
    if (take_room(text.size())) images_.add(text);
  }
  void end_of_events() override { answer.output = images_.text(); }

 private:
  // An item says its format only as a whole with the others.
  std::string output_of(JsonView body) const override {
    const JsonView format = body["output_format"];
    if (!body["data"].is_array()) return {};
    ArrayText images;
    body["data"].each_element([&](JsonView image) {
      images.add(image["b64_json"] && format ? changed(image, {{"output_format", format.text()}}) : std::string(image.text()));
    });
    return images.text();
  }

  ArrayText images_;
};

}  // namespace

const Dialect openai_embeddings{"openai", read_embeddings_request, new_response<EmbeddingsParser>, openai_media};
const Dialect openai_moderations{"openai", read_moderations_request, new_response<ModerationsParser>, openai_media};
const Dialect openai_images{"openai", read_images_request, new_response<ImagesParser>, openai_media};

}  // namespace braintrust::llm

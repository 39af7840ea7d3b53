#pragma once

// Prompts that are kept in Braintrust: loaded, filled in, and known again in the traces.
//
//   auto prompt = braintrust::load_prompt({.project = "Support", .slug = "greeting"});
//   if (!prompt) return complain(prompt.error());
//   auto built = prompt->build({{"name", "Ada"}});
//   if (!built) return complain(built.error());
//
//   auto scope = built->trace();  // model calls that start below, on this thread, say which prompt they used
//   auto answer = create(built->request);
//
// `load_prompt` waits for the network, and leaves a copy of what came in a cache, in memory and on disk. The copy is used only
// when the server cannot be asked: no connection, or status 408, 425, 429 or 5xx; never for a version or an environment that
// was asked for. Those are told to the diagnostics handler.
//
// A prompt's texts are Mustache templates: {{name}}, {{#list}}…{{/list}}. Values are inserted without HTML escaping, texts as
// they are, all else as JSON. What is missing is nothing, unless `BuildOptions::strict`.
//
// Threads: `load_prompt` from any; `Prompt` and `BuiltPrompt` are plain values; a `PromptScope` counts on its thread, and where
// the current span is carried to (context.h, coroutine.h).
// Errors: of `load_prompt`, `invalid_argument` without a slug or id, `not_found`, `bad_response`, and those of the connection.
// Of `build`, `invalid_argument`: a template that cannot be read, a variable that is missing in `strict`, no model, nunjucks.
// Of `build_with_attachments` also those of `read_attachment` (dataset.h).
// This header needs nlohmann_json's. Source: PROTO 16, 20 (36 to 38); INST 6.7 to 6.16.

#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include <braintrust/api/connection.h>
#include <braintrust/core/result.h>

namespace braintrust {

namespace detail {
class PromptMark;
}

// The order is part of the interface: fields are only ever appended.
struct PromptOptions {
  std::string project = {};  // its name. Blank, and no `project_id`: the connection's project
  std::string slug = {};
  std::string project_id = {};   // beats `project`
  std::string id = {};           // the prompt's own; instead of project and slug
  std::string version = {};      // a transaction id. Blank: the newest
  std::string environment = {};  // the version that "production", say, points to. `version` beats it
  nlohmann::json defaults = {};  // an object of settings, for what the prompt does not set: {{"model", "gpt-5-mini"}}
  bool no_trace = false;         // spans do not tell of this prompt
  ConnectionOptions connection = {};
};

struct BuildOptions {
  bool strict = false;           // a variable that is missing is an error
  nlohmann::json messages = {};  // goes on after the prompt's, as it is; `system` messages only where the prompt has none
};

// While it lives, `llm` spans that start under it carry `metadata.prompt`.
class [[nodiscard]] PromptScope {
 public:
  ~PromptScope();
  PromptScope(const PromptScope&) = delete;
  PromptScope& operator=(const PromptScope&) = delete;

 private:
  friend struct BuiltPrompt;
  explicit PromptScope(const nlohmann::json& provenance);
  std::unique_ptr<detail::PromptMark> mark_;
};

struct BuiltPrompt {
  // Ready to be sent, in OpenAI's format: model, settings, and `messages` (with `tools`) or, of a completion, `prompt`.
  nlohmann::json request = {};
  // Which prompt this came of: {id, project_id, version, variables}. Null for a prompt that was never saved, or is not traced.
  nlohmann::json provenance = {};

  PromptScope trace() const;
};

class Prompt {
 public:
  const std::string& id() const noexcept { return id_; }
  const std::string& project_id() const noexcept { return project_id_; }
  const std::string& version() const noexcept { return version_; }  // a transaction id
  const std::string& name() const noexcept { return name_; }
  const std::string& slug() const noexcept { return slug_; }

  // `variables` is an object; as a whole it is the variable `input`, too. Anything else is that variable alone.
  Result<BuiltPrompt> build(const nlohmann::json& variables = {}, const BuildOptions& options = {}) const;

  // The same with each attachment among the variables, as rows of datasets have them, read and put in as a data URL, which any
  // provider takes; those that are in the row itself stay as they are. Waits for the network. All of them are in memory at
  // once, and are read with this program's key: not for variables of people who could name attachments that they may not see.
  // `build` leaves a picture or file that is an attachment the object that it is, for servers that read it themselves. Spans
  // name the attachment in either case.
  Result<BuiltPrompt> build_with_attachments(const nlohmann::json& variables, const BuildOptions& options = {}) const;

  // Of a row as the server keeps it.
  static Result<Prompt> from_row(const nlohmann::json& row, const nlohmann::json& defaults = {}, bool no_trace = false);

 private:
  Prompt() = default;
  friend Result<Prompt> load_prompt(const PromptOptions& options);
  // `given` is what spans tell of.
  Result<BuiltPrompt> build_of(const nlohmann::json& variables, const nlohmann::json& given, const BuildOptions& options) const;

  std::string id_, project_id_, version_, name_, slug_, session_id_;
  nlohmann::json data_ = {};  // {prompt, options, template_format}
  nlohmann::json defaults_ = {};
  bool no_trace_ = false;
  ConnectionOptions connection_ = {};
};

// Waits for the network.
Result<Prompt> load_prompt(const PromptOptions& options);

}  // namespace braintrust

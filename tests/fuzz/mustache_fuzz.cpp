// Templates: whatever comes in is rendered or refused, soon, and what holds no tags comes out as it went in.

#include "api/mustache.h"
#include "fuzz/fuzz.h"

std::vector<std::string> fuzz_seeds() {
  return {
      "Dear {{name}},\n{{#items}}\n- {{.}} {{{a.b}}} {{&c}}\n{{/items}}\n{{^items}}none{{/items}}",
      "{{! note }}\n{{=<% %>=}}<%#list%> <%list.length%> <%/list%>\n<%={{ }}=%>{{>part}}",
      "{{#list}}{{#list}}{{#list}}{{list}}{{/list}}{{/list}}{{/list}}",
      "{{#a}} {{#b}} {{c}} {{/b}} {{/a}}\r\n{{list.0}}{{list.1.name}}",
  };
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace braintrust;
  static const nlohmann::json variables = nlohmann::json::parse(
      R"({"name":"Ada","items":["<a>",1,null],"a":{"b":true,"c":"c"},"b":{"c":0},"c":"}}","list":[1,{"name":"{{c}}"},[]]})");
  const std::string_view text = fuzz::as_text(data, size);
  const auto lax = detail::render_mustache(text, variables);
  const auto strict = detail::render_mustache(text, variables, {.strict = true});
  if (strict) fuzz::must(lax && *lax == *strict, "what strict renders, lax renders the same", text);
  if (text.find("{{") == std::string_view::npos) fuzz::must(lax && *lax == text, "text without tags stays", text);
  if (!lax) fuzz::must(!lax.error().message.empty(), "an error says something", text);
  return 0;
}

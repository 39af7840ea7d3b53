#pragma once

// `render_mustache`: a Mustache template and its variables become text. For prompts, and for the templates of model judges.
//
// As mustache.js 4 reads the language, but for what PROTO 16 says: nothing is HTML-escaped ({{x}}, {{{x}}} and {{&x}} are the
// same), texts are inserted as they are and other values as JSON text, null as nothing. A variable that is not there is
// nothing, too, or in `strict` an error that names it; a section's name may always be missing, for that is how one asks.
// `{{list.0}}` and `{{list.length}}` work. There are no partials: `{{>name}}` is nothing, or an error in `strict`.
//
// Of our own, because what Debian packages (kainjow mustache 4.1) is made of strings only and cannot do `strict`: every value
// would have to be copied into its tree, and a missing variable cannot be told from a blank one.
//
// Threads: a pure function. Errors: `invalid_argument`, with line and column, for a tag or section that is not closed, and for
// what would not end: sections nest 100 deep, output is 64 MiB, and ten million steps are taken at most, because lists in lists
// in lists multiply. Apart from that multiplication, time is linear. Source: PROTO 16; mustache(5).

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <braintrust/core/result.h>

namespace braintrust::detail {

struct MustacheOptions {
  bool strict = false;
};

Result<std::string> render_mustache(std::string_view tmpl, const nlohmann::json& variables,
                                    const MustacheOptions& options = {});

// What `{{name}}` means among `variables`: null when there is nothing.
const nlohmann::json* find_variable(const nlohmann::json& variables, std::string_view name);

// A value as it is inserted.
std::string mustache_text(const nlohmann::json& value);

}  // namespace braintrust::detail

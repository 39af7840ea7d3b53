#include "eval/json_schema.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/percent.h"
#include "eval/code_points.h"

namespace braintrust::eval {
namespace {

using nlohmann::json;

// Far more than values need, so a schema that gets there goes round in circles.
constexpr int most_depth = 1000;

[[noreturn]] void refuse(const std::string& problem) { throw std::invalid_argument("The JSON schema " + problem); }

// What of a schema is not of the type it has to be makes these throw; `Checker` then names the keyword.
const json::object_t& members(const json& object) { return object.get_ref<const json::object_t&>(); }
const json::array_t& elements(const json& array) { return array.get_ref<const json::array_t&>(); }
const std::string& string(const json& text) { return text.get_ref<const std::string&>(); }
double number(const json& value) { return value.get<double>(); }

// Compared as it is: a double is too coarse for large integers.
const json& bound(const json& value) {
  static_cast<void>(number(value));
  return value;
}

class Checker {
 public:
  explicit Checker(const json& root) : root_(root) {}

  bool fits(const json& value, const json& schema);
  bool matches(const std::string& text, const std::string& pattern);
  const json& target(const std::string& reference) const;

 private:
  const json& root_;
  int depth_ = 0;
  std::map<std::string, std::wregex> patterns_;  // to read one takes longer than to try it
};

// ------------------------------------------------------------------------------------------------------------- values

bool is_of_type(const json& value, const std::string& type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_boolean();
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  if (type == "integer") {
    return value.is_number_integer() || (value.is_number_float() && std::trunc(number(value)) == number(value));  // 1.0, too
  }
  refuse("names an unknown type, '" + type + "'");
}

bool is_of_types(const json& value, const json& types) {
  if (types.is_string()) return is_of_type(value, string(types));
  return std::any_of(elements(types).begin(), elements(types).end(),
                     [&](const json& type) { return is_of_type(value, string(type)); });
}

bool is_among(const json& value, const json& list) {
  return std::find(elements(list).begin(), elements(list).end(), value) != elements(list).end();
}

bool is_multiple(const json& value, const json& divisor) {
  if (value.is_number_unsigned() && divisor.is_number_unsigned() && divisor != 0) {
    return value.get<std::uint64_t>() % divisor.get<std::uint64_t>() == 0;  // where a double is too coarse
  }
  const double quotient = number(value) / number(divisor);
  // 0.3 / 0.1 is not quite 3.
  return std::abs(quotient - std::round(quotient)) <= 4 * std::numeric_limits<double>::epsilon() * std::abs(quotient);
}

double length(const json& text) { return static_cast<double>(code_points(string(text)).size()); }

// -------------------------------------------------------------------------------------------------------------- lists

double count(const json& container) { return static_cast<double>(container.size()); }

bool all_differ(const json& list) {
  const auto less = [](const json* left, const json* right) { return *left < *right; };
  std::set<const json*, decltype(less)> seen(less);
  return std::all_of(list.begin(), list.end(), [&](const json& element) { return seen.insert(&element).second; });
}

bool fit_one_each(Checker& checker, const json& list, const json& schemas) {
  const auto both = std::min(list.size(), elements(schemas).size());
  for (std::size_t i = 0; i < both; ++i) {
    if (!checker.fits(list[i], schemas[i])) return false;
  }
  return true;
}

bool rest_fits(Checker& checker, const json& list, std::size_t from, const json& schema) {
  for (std::size_t i = from; i < list.size(); ++i) {
    if (!checker.fits(list[i], schema)) return false;
  }
  return true;
}

bool holds_enough(Checker& checker, const json& list, const json& wanted, const json& schema) {
  const auto found = static_cast<double>(
      std::count_if(list.begin(), list.end(), [&](const json& element) { return checker.fits(element, wanted); }));
  const auto least = schema.find("minContains");
  const auto most = schema.find("maxContains");
  return found >= (least == schema.end() ? 1 : number(*least)) && (most == schema.end() || found <= number(*most));
}

// ------------------------------------------------------------------------------------------------------------ objects

bool has_all(const json& object, const json& keys) {
  return std::all_of(elements(keys).begin(), elements(keys).end(),
                     [&](const json& key) { return object.contains(string(key)); });
}

bool has_place_for(Checker& checker, const json& schema, const std::string& key) {
  if (const auto known = schema.find("properties"); known != schema.end() && known->contains(key)) return true;
  const auto patterns = schema.find("patternProperties");
  return patterns != schema.end() && std::any_of(members(*patterns).begin(), members(*patterns).end(),
                                                 [&](const auto& pattern) { return checker.matches(key, pattern.first); });
}

// What a member asks of the whole object: more keys, or a schema.
bool dependence_holds(Checker& checker, const json& object, const json& dependences) {
  return std::all_of(members(dependences).begin(), members(dependences).end(), [&](const auto& dependence) {
    if (!object.contains(dependence.first)) return true;
    return dependence.second.is_array() ? has_all(object, dependence.second) : checker.fits(object, dependence.second);
  });
}

// -------------------------------------------------------------------------------------------------------------- rules

std::size_t fitting(Checker& checker, const json& value, const json& schemas) {
  return static_cast<std::size_t>(std::count_if(elements(schemas).begin(), elements(schemas).end(),
                                                [&](const json& schema) { return checker.fits(value, schema); }));
}

bool branch_fits(Checker& checker, const json& value, const json& condition, const json& schema) {
  const auto branch = schema.find(checker.fits(value, condition) ? "then" : "else");
  return branch == schema.end() || checker.fits(value, *branch);
}

// A value, and what a keyword wants of it. Keywords may depend on others beside them in the schema.
struct Question {
  Checker& checker;
  const json& value;
  const json& wanted;
  const json& schema;
};

enum class Of { any, number, text, list, object };

struct Rule {
  std::string_view keyword;
  Of of;                             // values of other types always hold
  bool (*holds)(const Question& q);  // none: not supported; to ignore it would let too much pass
};

constexpr Rule rules[] = {
    {"type", Of::any, [](const Question& q) { return is_of_types(q.value, q.wanted); }},
    {"enum", Of::any, [](const Question& q) { return is_among(q.value, q.wanted); }},
    {"const", Of::any, [](const Question& q) { return q.value == q.wanted; }},
    {"allOf", Of::any, [](const Question& q) { return fitting(q.checker, q.value, q.wanted) == q.wanted.size(); }},
    {"anyOf", Of::any, [](const Question& q) { return fitting(q.checker, q.value, q.wanted) > 0; }},
    {"oneOf", Of::any, [](const Question& q) { return fitting(q.checker, q.value, q.wanted) == 1; }},
    {"not", Of::any, [](const Question& q) { return !q.checker.fits(q.value, q.wanted); }},
    {"if", Of::any, [](const Question& q) { return branch_fits(q.checker, q.value, q.wanted, q.schema); }},
    {"$ref", Of::any, [](const Question& q) { return q.checker.fits(q.value, q.checker.target(string(q.wanted))); }},

    {"minimum", Of::number, [](const Question& q) { return q.value >= bound(q.wanted); }},
    {"maximum", Of::number, [](const Question& q) { return q.value <= bound(q.wanted); }},
    {"exclusiveMinimum", Of::number, [](const Question& q) { return q.value > bound(q.wanted); }},
    {"exclusiveMaximum", Of::number, [](const Question& q) { return q.value < bound(q.wanted); }},
    {"multipleOf", Of::number, [](const Question& q) { return is_multiple(q.value, q.wanted); }},

    {"minLength", Of::text, [](const Question& q) { return length(q.value) >= number(q.wanted); }},
    {"maxLength", Of::text, [](const Question& q) { return length(q.value) <= number(q.wanted); }},
    {"pattern", Of::text, [](const Question& q) { return q.checker.matches(string(q.value), string(q.wanted)); }},

    {"minItems", Of::list, [](const Question& q) { return count(q.value) >= number(q.wanted); }},
    {"maxItems", Of::list, [](const Question& q) { return count(q.value) <= number(q.wanted); }},
    {"uniqueItems", Of::list, [](const Question& q) { return !q.wanted.get<bool>() || all_differ(q.value); }},
    {"prefixItems", Of::list, [](const Question& q) { return fit_one_each(q.checker, q.value, q.wanted); }},
    {"items", Of::list,
     [](const Question& q) {
       if (q.wanted.is_array()) return fit_one_each(q.checker, q.value, q.wanted);  // draft 7
       const auto first = q.schema.find("prefixItems");
       return rest_fits(q.checker, q.value, first == q.schema.end() ? 0 : first->size(), q.wanted);
     }},
    {"additionalItems", Of::list,
     [](const Question& q) {
       const auto items = q.schema.find("items");
       if (items == q.schema.end() || !items->is_array()) return true;
       return rest_fits(q.checker, q.value, items->size(), q.wanted);
     }},
    {"contains", Of::list, [](const Question& q) { return holds_enough(q.checker, q.value, q.wanted, q.schema); }},

    {"minProperties", Of::object, [](const Question& q) { return count(q.value) >= number(q.wanted); }},
    {"maxProperties", Of::object, [](const Question& q) { return count(q.value) <= number(q.wanted); }},
    {"required", Of::object, [](const Question& q) { return has_all(q.value, q.wanted); }},
    {"properties", Of::object,
     [](const Question& q) {
       return std::all_of(members(q.wanted).begin(), members(q.wanted).end(), [&](const auto& property) {
         const auto member = q.value.find(property.first);
         return member == q.value.end() || q.checker.fits(*member, property.second);
       });
     }},
    {"patternProperties", Of::object,
     [](const Question& q) {
       return std::all_of(members(q.wanted).begin(), members(q.wanted).end(), [&](const auto& property) {
         return std::all_of(members(q.value).begin(), members(q.value).end(), [&](const auto& member) {
           return !q.checker.matches(member.first, property.first) || q.checker.fits(member.second, property.second);
         });
       });
     }},
    {"additionalProperties", Of::object,
     [](const Question& q) {
       return std::all_of(members(q.value).begin(), members(q.value).end(), [&](const auto& member) {
         return has_place_for(q.checker, q.schema, member.first) || q.checker.fits(member.second, q.wanted);
       });
     }},
    {"propertyNames", Of::object,
     [](const Question& q) {
       return std::all_of(members(q.value).begin(), members(q.value).end(),
                          [&](const auto& member) { return q.checker.fits(member.first, q.wanted); });
     }},
    {"dependentRequired", Of::object, [](const Question& q) { return dependence_holds(q.checker, q.value, q.wanted); }},
    {"dependentSchemas", Of::object, [](const Question& q) { return dependence_holds(q.checker, q.value, q.wanted); }},
    {"dependencies", Of::object, [](const Question& q) { return dependence_holds(q.checker, q.value, q.wanted); }},

    {"unevaluatedItems", Of::any, nullptr},
    {"unevaluatedProperties", Of::any, nullptr},
    {"$dynamicRef", Of::any, nullptr},
    {"$recursiveRef", Of::any, nullptr},
};

bool concerns(Of of, const json& value) {
  switch (of) {
    case Of::any:
      return true;
    case Of::number:
      return value.is_number();
    case Of::text:
      return value.is_string();
    case Of::list:
      return value.is_array();
    case Of::object:
      return value.is_object();
  }
  return false;
}

// ------------------------------------------------------------------------------------------------------------ Checker

bool Checker::fits(const json& value, const json& schema) {
  if (schema.is_boolean()) return schema.get<bool>();
  if (!schema.is_object()) refuse(std::string("is of type ") + schema.type_name() + " where an object, true or false belongs");
  if (depth_ == most_depth) refuse("refers to itself in a circle, or nests too deep");
  ++depth_;
  bool result = true;
  for (auto keyword = schema.begin(); result && keyword != schema.end(); ++keyword) {
    const auto* const rule =
        std::find_if(std::begin(rules), std::end(rules), [&](const Rule& known) { return known.keyword == keyword.key(); });
    if (rule == std::end(rules) || !concerns(rule->of, value)) continue;
    if (rule->holds == nullptr) refuse("has the keyword '" + keyword.key() + "', which is not supported");
    try {
      result = rule->holds({*this, value, *keyword, schema});
    } catch (const json::exception&) {
      refuse("has a wrong value for '" + keyword.key() + "'");
    }
  }
  --depth_;
  return result;
}

bool Checker::matches(const std::string& text, const std::string& pattern) {
  const auto wide = [](const std::string& bytes) {
    const std::u32string points = code_points(bytes);
    return std::wstring(points.begin(), points.end());
  };
  auto flags = std::regex_constants::ECMAScript;
#ifdef __GLIBCXX__
  // The default recurses once a character, and a text of some 100 000 ends the program; it also may take exponential time.
  flags |= std::regex_constants::__polynomial;
#endif
  try {
    auto known = patterns_.find(pattern);
    if (known == patterns_.end()) known = patterns_.emplace(pattern, std::wregex(wide(pattern), flags)).first;
    return std::regex_search(wide(text), known->second);
  } catch (const std::regex_error& error) {
    refuse("has a pattern that cannot be tried, '" + pattern + "': " + error.what());
  }
}

const json& Checker::target(const std::string& reference) const {
  if (reference == "#") return root_;
  if (!reference.starts_with("#/")) refuse("refers to '" + reference + "', which is not a place in it (#/…)");
  const json::json_pointer place(detail::percent_decoded(std::string_view(reference).substr(1)));
  if (!root_.contains(place)) refuse("refers to '" + reference + "', which is not in it");
  return root_.at(place);
}

}  // namespace

bool fits_schema(const json& value, const json& schema) { return Checker(schema).fits(value, schema); }

}  // namespace braintrust::eval

// ValidJson, and with it the keywords of JSON Schema. The cases are written after the standard (drafts 2020-12 and 7).

#include <braintrust/eval/scorers.h>

#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braintrust {
namespace {

using nlohmann::json;
using testing::HasSubstr;

bool valid(const json& output) { return scorers::valid_json(output).score == 1.0; }

// Schema and value as JSON text.
bool fits(const std::string& schema, const std::string& value) {
  return scorers::ValidJson{.schema = json::parse(schema)}(value).score == 1.0;
}

std::string refusal(const std::string& schema, const std::string& value) {
  try {
    fits(schema, value);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no refusal";
}

TEST(ValidJson, IsAListOrAnObjectOrATextThatHoldsOne) {
  EXPECT_TRUE(valid(json::array()));
  EXPECT_TRUE(valid({{"a", 1}}));
  EXPECT_TRUE(valid(R"({"a": [1, 2, {"b": null}]})"));
  EXPECT_TRUE(valid(" [] \n"));
  EXPECT_TRUE(valid("[1e400]"));
  for (const char* const text : {"", "1", "null", "\"a\"", "{", "{a: 1}", "[1,]", "[1] and more", "hello"}) {
    EXPECT_FALSE(valid(text)) << text;
  }
  EXPECT_FALSE(valid(1));
  EXPECT_FALSE(valid(nullptr));
}

TEST(ValidJson, MayBeAnyJsonThatFitsTheSchema) {
  const scorers::ValidJson named{.schema = {{"type", "object"}, {"required", {"name"}}}};
  EXPECT_EQ(named(R"({"name": "Ada"})").score, 1.0);
  EXPECT_EQ(named(json{{"name", "Ada"}}).score, 1.0);
  EXPECT_EQ(named(R"({"age": 36})").score, 0.0);
  EXPECT_EQ(named("name").score, 0.0);
  EXPECT_EQ(named(ScorerArgs{.output = "{}"}).score, 0.0);
  const scorers::ValidJson text{.schema = {{"type", "string"}}};
  EXPECT_EQ(text(R"("a")").score, 1.0) << "the text is the JSON of a text";
  EXPECT_EQ(text("a").score, 0.0);
}

TEST(ValidJson, IsNoTextThatNestsWithoutEnd) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_FALSE(valid(deep));
  EXPECT_FALSE(fits(R"({"items": {"$ref": "#"}})", deep));
  EXPECT_TRUE(valid(std::string(500, '[') + std::string(500, ']')));
}

TEST(ValidJson, TellsTheSchemaBesideTheScore) {
  const scorers::ValidJson list{.schema = {{"type", "array"}}};
  EXPECT_EQ(list("[]").metadata, (json{{"schema", {{"type", "array"}}}}));
  EXPECT_EQ(scorers::valid_json("[]").metadata, nullptr);
}

TEST(JsonSchema, MayBeTrueOrFalse) {
  EXPECT_TRUE(fits("true", "1"));
  EXPECT_FALSE(fits("false", "1"));
  EXPECT_TRUE(fits("{}", "1"));
}

TEST(JsonSchema, KnowsTypes) {
  const json values = {{"null", nullptr}, {"boolean", true}, {"number", 1.5},
                       {"string", "a"},   {"array", {1}},    {"object", {{"a", 1}}}};
  for (const auto& [type, schema_value] : values.items()) {
    for (const auto& [other, value] : values.items()) {
      EXPECT_EQ(fits(json{{"type", type}}.dump(), value.dump()), type == other) << type << " " << value;
    }
  }
  EXPECT_TRUE(fits(R"({"type": "integer"})", "2"));
  EXPECT_TRUE(fits(R"({"type": "integer"})", "2.0"));
  EXPECT_TRUE(fits(R"({"type": "number"})", "2"));
  EXPECT_FALSE(fits(R"({"type": "integer"})", "2.5"));
  EXPECT_TRUE(fits(R"({"type": ["string", "null"]})", "null"));
  EXPECT_FALSE(fits(R"({"type": ["string", "null"]})", "1"));
}

TEST(JsonSchema, KnowsEnumAndConst) {
  EXPECT_TRUE(fits(R"({"enum": ["a", 1, [2]]})", "[2]"));
  EXPECT_FALSE(fits(R"({"enum": ["a", 1, [2]]})", "2"));
  EXPECT_TRUE(fits(R"({"const": {"a": 1}})", R"({"a": 1.0})"));
  EXPECT_FALSE(fits(R"({"const": false})", "0"));
}

TEST(JsonSchema, KnowsLimitsOfNumbers) {
  EXPECT_TRUE(fits(R"({"minimum": 3, "maximum": 5})", "3"));
  EXPECT_TRUE(fits(R"({"minimum": 3, "maximum": 5})", "5"));
  EXPECT_FALSE(fits(R"({"minimum": 3})", "2.9"));
  EXPECT_FALSE(fits(R"({"maximum": 5})", "5.1"));
  EXPECT_FALSE(fits(R"({"exclusiveMinimum": 3})", "3"));
  EXPECT_TRUE(fits(R"({"exclusiveMinimum": 3})", "3.1"));
  EXPECT_FALSE(fits(R"({"exclusiveMaximum": 5})", "5"));
  EXPECT_TRUE(fits(R"({"exclusiveMaximum": 5})", "4.9"));
  EXPECT_TRUE(fits(R"({"minimum": 3})", R"("a")")) << "no number, no limit";
  EXPECT_FALSE(fits(R"({"minimum": 9007199254740993})", "9007199254740992")) << "more than a double can tell apart";
}

TEST(JsonSchema, KnowsMultiples) {
  EXPECT_TRUE(fits(R"({"multipleOf": 3})", "9"));
  EXPECT_FALSE(fits(R"({"multipleOf": 3})", "10"));
  EXPECT_TRUE(fits(R"({"multipleOf": 3})", "-9"));
  EXPECT_FALSE(fits(R"({"multipleOf": 3})", "-10"));
  EXPECT_TRUE(fits(R"({"multipleOf": 0.1})", "0.3"));
  EXPECT_FALSE(fits(R"({"multipleOf": 0.1})", "0.35"));
  EXPECT_TRUE(fits(R"({"multipleOf": 1.5})", "4.5"));
  EXPECT_FALSE(fits(R"({"multipleOf": 2})", "9007199254740993"));
  EXPECT_FALSE(fits(R"({"multipleOf": 0})", "1"));
}

TEST(JsonSchema, CountsTheCodePointsOfTexts) {
  EXPECT_TRUE(fits(R"({"minLength": 2, "maxLength": 2})", R"("é🙂")"));
  EXPECT_FALSE(fits(R"({"minLength": 3})", R"("é🙂")"));
  EXPECT_FALSE(fits(R"({"maxLength": 1})", R"("é🙂")"));
}

TEST(JsonSchema, FindsPatternsAnywhereInATextAndTriesThemOnCodePoints) {
  EXPECT_TRUE(fits(R"({"pattern": "b+"})", R"("abbc")"));
  EXPECT_FALSE(fits(R"({"pattern": "^b+$"})", R"("abbc")"));
  EXPECT_TRUE(fits(R"({"pattern": "^.$"})", R"("世")"));
  EXPECT_TRUE(fits(R"({"pattern": "^[à-ü]+$"})", R"("éè")"));
  EXPECT_TRUE(fits(R"({"pattern": "^\\d{3}-\\w+$"})", R"("123-abc")"));
  EXPECT_TRUE(fits(R"x({"pattern": "^(?=.*1)(?!.*2)"})x", R"("a1")"));
  EXPECT_FALSE(fits(R"x({"pattern": "^(?=.*1)(?!.*2)"})x", R"("a12")"));
}

TEST(JsonSchema, TriesPatternsOnLongTextsAndInBearableTime) {
  const std::string longest = '"' + std::string(300'000, 'a') + '"';
  EXPECT_TRUE(fits(R"({"pattern": "^a*$"})", longest));
  EXPECT_FALSE(fits(R"({"pattern": "^(a+)+$"})", '"' + std::string(40, 'a') + "b\""));
}

TEST(JsonSchema, KnowsLists) {
  EXPECT_TRUE(fits(R"({"items": {"type": "integer"}})", "[1, 2]"));
  EXPECT_FALSE(fits(R"({"items": {"type": "integer"}})", R"([1, "2"])"));
  EXPECT_TRUE(fits(R"({"minItems": 1, "maxItems": 2})", "[1, 2]"));
  EXPECT_FALSE(fits(R"({"minItems": 1})", "[]"));
  EXPECT_FALSE(fits(R"({"maxItems": 2})", "[1, 2, 3]"));
  EXPECT_TRUE(fits(R"({"uniqueItems": true})", R"([1, true, "1", [1], {"a": 1}, {"a": 2}])"));
  EXPECT_FALSE(fits(R"({"uniqueItems": true})", R"([{"a": 1}, 2, {"a": 1.0}])"));
  EXPECT_TRUE(fits(R"({"uniqueItems": false})", "[1, 1]"));
}

TEST(JsonSchema, KnowsListsWithASchemaForEachPlace) {
  const std::string pair = R"({"prefixItems": [{"type": "string"}, {"type": "integer"}], "items": false})";
  EXPECT_TRUE(fits(pair, R"(["a", 1])"));
  EXPECT_TRUE(fits(pair, R"(["a"])"));
  EXPECT_FALSE(fits(pair, R"([1, "a"])"));
  EXPECT_FALSE(fits(pair, R"(["a", 1, 2])"));
  const std::string draft7 = R"({"items": [{"type": "string"}, {"type": "integer"}], "additionalItems": {"type": "null"}})";
  EXPECT_TRUE(fits(draft7, R"(["a", 1, null])"));
  EXPECT_FALSE(fits(draft7, R"(["a", 1, 2])"));
  EXPECT_FALSE(fits(draft7, R"([1, 1])"));
  EXPECT_TRUE(fits(R"({"items": {}, "additionalItems": false})", "[1, 2]"));
}

TEST(JsonSchema, KnowsWhatAListContains) {
  EXPECT_TRUE(fits(R"({"contains": {"const": 1}})", "[0, 1]"));
  EXPECT_FALSE(fits(R"({"contains": {"const": 1}})", "[0, 2]"));
  EXPECT_TRUE(fits(R"({"contains": {"const": 1}, "minContains": 0})", "[0]"));
  EXPECT_FALSE(fits(R"({"contains": {"const": 1}, "minContains": 2})", "[0, 1]"));
  EXPECT_FALSE(fits(R"({"contains": {"const": 1}, "maxContains": 1})", "[1, 1]"));
}

TEST(JsonSchema, KnowsObjects) {
  const std::string person =
      R"({"properties": {"name": {"type": "string"}, "age": {"minimum": 0}}, "required": ["name"], "additionalProperties": false})";
  EXPECT_TRUE(fits(person, R"({"name": "Ada", "age": 36})"));
  EXPECT_TRUE(fits(person, R"({"name": "Ada"})"));
  EXPECT_FALSE(fits(person, R"({"age": 36})"));
  EXPECT_FALSE(fits(person, R"({"name": "Ada", "age": -1})"));
  EXPECT_FALSE(fits(person, R"({"name": "Ada", "job": "x"})"));
  EXPECT_TRUE(fits(R"({"additionalProperties": {"type": "integer"}})", R"({"a": 1})"));
  EXPECT_FALSE(fits(R"({"additionalProperties": {"type": "integer"}})", R"({"a": "1"})"));
  EXPECT_FALSE(fits(R"({"minProperties": 1})", "{}"));
  EXPECT_FALSE(fits(R"({"maxProperties": 1})", R"({"a": 1, "b": 2})"));
  EXPECT_TRUE(fits(R"({"minProperties": 1, "maxProperties": 1})", R"({"a": 1})"));
}

TEST(JsonSchema, KnowsKeysByTheirPatterns) {
  const std::string schema = R"({"patternProperties": {"^n_": {"type": "integer"}}, "additionalProperties": false})";
  EXPECT_TRUE(fits(schema, R"({"n_a": 1})"));
  EXPECT_FALSE(fits(schema, R"({"n_a": "1"})"));
  EXPECT_FALSE(fits(schema, R"({"a": 1})"));
  EXPECT_TRUE(fits(R"({"propertyNames": {"maxLength": 2}})", R"({"ab": 1})"));
  EXPECT_FALSE(fits(R"({"propertyNames": {"maxLength": 2}})", R"({"abc": 1})"));
}

TEST(JsonSchema, KnowsWhatMembersAskFor) {
  EXPECT_FALSE(fits(R"({"dependentRequired": {"card": ["address"]}})", R"({"card": 1})"));
  EXPECT_TRUE(fits(R"({"dependentRequired": {"card": ["address"]}})", R"({"card": 1, "address": 2})"));
  EXPECT_TRUE(fits(R"({"dependentRequired": {"card": ["address"]}})", "{}"));
  EXPECT_FALSE(fits(R"({"dependentSchemas": {"card": {"maxProperties": 1}}})", R"({"card": 1, "a": 2})"));
  EXPECT_FALSE(fits(R"({"dependencies": {"card": ["address"]}})", R"({"card": 1})"));
  EXPECT_FALSE(fits(R"({"dependencies": {"card": {"maxProperties": 1}}})", R"({"card": 1, "a": 2})"));
}

TEST(JsonSchema, CombinesSchemas) {
  const std::string parts = R"([{"minimum": 2}, {"maximum": 4}])";
  EXPECT_TRUE(fits(R"({"allOf": )" + parts + "}", "3"));
  EXPECT_FALSE(fits(R"({"allOf": )" + parts + "}", "5"));
  EXPECT_TRUE(fits(R"({"anyOf": )" + parts + "}", "5"));
  EXPECT_FALSE(fits(R"({"anyOf": [{"minimum": 2}, {"type": "string"}]})", "1"));
  EXPECT_TRUE(fits(R"({"oneOf": )" + parts + "}", "5"));
  EXPECT_FALSE(fits(R"({"oneOf": )" + parts + "}", "3"));
  EXPECT_TRUE(fits(R"({"not": {"type": "string"}})", "3"));
  EXPECT_FALSE(fits(R"({"not": {"type": "integer"}})", "3"));
}

TEST(JsonSchema, ChoosesSchemas) {
  const std::string schema = R"({"if": {"minimum": 10}, "then": {"multipleOf": 10}, "else": {"multipleOf": 2}})";
  EXPECT_TRUE(fits(schema, "20"));
  EXPECT_FALSE(fits(schema, "12"));
  EXPECT_TRUE(fits(schema, "8"));
  EXPECT_FALSE(fits(schema, "7"));
  EXPECT_TRUE(fits(R"({"if": {"minimum": 10}})", "20"));
}

TEST(JsonSchema, FollowsReferencesWithinItself) {
  const std::string tree = R"({"properties": {"children": {"items": {"$ref": "#"}}, "name": {"$ref": "#/$defs/a~1b%25"}},
                               "$defs": {"a/b%": {"type": "string"}}})";
  EXPECT_TRUE(fits(tree, R"({"name": "x", "children": [{"children": []}, {"name": "y"}]})"));
  EXPECT_FALSE(fits(tree, R"({"children": [{"children": [{"name": 1}]}]})"));
  EXPECT_FALSE(fits(R"({"$ref": "#/$defs/any", "maximum": 1, "$defs": {"any": {}}})", "2")) << "beside other keywords, too";
}

TEST(JsonSchema, IgnoresWhatItDoesNotKnow) {
  EXPECT_TRUE(fits(R"({"$schema": "x", "title": "t", "format": "email", "madeUp": {"type": 7}})", "1"));
}

TEST(JsonSchema, ThatCannotBeReadIsAnError) {
  EXPECT_THAT(refusal("3", "1"), HasSubstr("number"));
  EXPECT_THAT(refusal(R"({"items": {"type": "int"}})", "[1]"), HasSubstr("'int'"));
  EXPECT_THAT(refusal(R"({"type": 1})", "1"), HasSubstr("'type'"));
  EXPECT_THAT(refusal(R"({"minimum": "1"})", "1"), HasSubstr("'minimum'"));
  EXPECT_THAT(refusal(R"({"required": "a"})", "{}"), HasSubstr("'required'"));
  EXPECT_THAT(refusal(R"({"properties": []})", "{}"), HasSubstr("'properties'"));
  EXPECT_THAT(refusal(R"({"pattern": "("})", R"("a")"), HasSubstr("'('"));
}

TEST(JsonSchema, ThatWouldBeCheckedWronglyIsAnError) {
  for (const std::string keyword : {"unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef"}) {
    EXPECT_THAT(refusal(json{{keyword, false}}.dump(), "{}"), HasSubstr("'" + keyword + "'"));
  }
  EXPECT_THAT(refusal(R"({"$ref": "https://example.com/schema"})", "1"), HasSubstr("example.com"));
  EXPECT_THAT(refusal(R"({"$ref": "#/$defs/gone"})", "1"), HasSubstr("gone"));
  EXPECT_THAT(refusal(R"({"$ref": "#anchor"})", "1"), HasSubstr("#anchor"));
}

TEST(JsonSchema, ThatRefersToItselfInACircleIsAnError) {
  EXPECT_THAT(refusal(R"({"$ref": "#"})", "1"), HasSubstr("circle"));
  EXPECT_THAT(refusal(R"({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"anyOf": [{"$ref": "#"}]}}})", "1"),
              HasSubstr("circle"));
}

}  // namespace
}  // namespace braintrust

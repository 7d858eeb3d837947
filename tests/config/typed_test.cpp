// Tests settings as values of their type.
#include "sim/config/typed.hpp"

#include "tests/support/catch.hpp"

namespace moesim::testing {

using config::means;
using config::typed_value;
using config::TypedValue;

TEST_CASE("a setting has the type of its option", "[config]") {
  CHECK(typed_value("integer", "12") == TypedValue(std::int64_t{12}));
  CHECK(typed_value("number", "12") == TypedValue(12.0));
  CHECK(typed_value("number", "3e-3") == TypedValue(0.003));
  CHECK(typed_value("flag", "true") == TypedValue(std::int64_t{1}));
  CHECK(typed_value("flag", "false") == TypedValue(std::int64_t{0}));
  CHECK(typed_value("choice", "12") == TypedValue(std::string("12")));
  CHECK(typed_value("text", "") == TypedValue(std::string()));
}

TEST_CASE("a typed value is told from what a config does not say", "[config]") {
  CHECK(means(std::int64_t{2}, "2"));
  CHECK(means(2.0, "2"));
  CHECK(means(0.003, "0.003"));
  CHECK(means(std::int64_t{1}, "true"));
  CHECK(means(std::string("true"), "true"));
  CHECK_FALSE(means(std::int64_t{0}, "true"));
  CHECK_FALSE(means(std::int64_t{3}, "2"));
  CHECK_FALSE(means(2.5, "2"));
  CHECK_FALSE(means(std::string("soft"), "hash"));
}

TEST_CASE("typed settings are those that were read, in that order", "[config]") {
  Settings settings;
  settings.set("router.token_choice.k", "2", "test");
  settings.set("data.root", "/somewhere", "test");
  Options data(settings, "data"), router(settings, "router.token_choice");
  router.integer("k", 1, {1, 8}, "experts per token");
  data.text("root", "", "folder");
  router.flag("allow", true, "a flag");
  router.number("factor", 1.25, {0, 4}, "places");
  const auto typed = config::typed_settings(settings);
  REQUIRE(typed.size() == 3);
  CHECK(typed[0] == std::pair<std::string, TypedValue>("router.token_choice.k", std::int64_t{2}));
  CHECK(typed[1] ==
        std::pair<std::string, TypedValue>("router.token_choice.allow", std::int64_t{1}));
  CHECK(typed[2] == std::pair<std::string, TypedValue>("router.token_choice.factor", 1.25));
}

}  // namespace moesim::testing

// Tests the settings of a model: sizes that do not fit each other, and preset.scale.
#include "sim/model/architecture.hpp"

#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

using Values = std::vector<std::string>;

Settings settings_of(const Values& values, const std::string& origin = "f:1") {
  Settings settings;
  for (std::size_t i = 0; i < values.size(); i += 2) settings.set(values[i], values[i + 1], origin);
  return settings;
}

constexpr const char* kPreset = "any/presets/f.ini:1";

std::string error_of(const Values& values, const std::string& origin = "f:1") {
  Settings settings = settings_of(values, origin);
  try {
    read_model_config(settings);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("architecture: heads and blocks that do not fit", "[nn]") {
  CHECK(error_of({"model.heads", "6", "model.width", "12", "model.kv_heads", "4"}) ==
        "f:1: model.kv_heads = 4: does not divide model.heads = 6; the nearest that does is 3");
  CHECK(error_of({"model.heads", "6", "model.width", "12", "model.kv_heads", "12"}) ==
        "f:1: model.kv_heads = 12: does not divide model.heads = 6; the nearest that does is 6");
  CHECK(error_of({"model.heads", "5"}) ==
        "f:1: model.heads = 5: does not divide model.width = 64; the nearest that does is 4");
  CHECK(error_of({"model.heads", "5", "model.head_width", "8"}).empty());
  CHECK(error_of({"model.head_width", "7", "model.positions", "rotary"}) ==
        "f:1: model.positions = rotary: rotary needs an even head size, head_width is 7");
  CHECK(error_of({"model.layers", "5", "moe.every", "2", "moe.first_dense", "3"}).empty());
  CHECK(error_of({"model.layers", "5", "moe.every", "2", "moe.first_dense", "4"}) ==
        "f:1: moe.first_dense = 4: no block would carry an MoE layer: with every = 2 the last is "
        "block 3, counted from 0; set a smaller number");
}

TEST_CASE("architecture: a scaled preset is resolved as the sizes that it has", "[nn]") {
  Settings settings =
      settings_of({"preset.scale", "3", "model.width", "24", "model.heads", "4", "model.kv_heads",
                   "2", "expert.hidden", "10", "moe.latent", "6", "moe.experts", "8"},
                  kPreset);
  for (int i = 0; i < 2; ++i) {  // a second reading scales nothing
    const ModelConfig c = read_model_config(settings);
    CHECK(c.width == 72);
    CHECK(c.heads == 12);
    CHECK(c.kv_heads == 6);
    CHECK(c.hidden == 30);
    CHECK(c.latent == 18);
    CHECK(c.feed_forward_hidden == 30);
    CHECK(c.experts == 8);
    CHECK(c.layers == 2);
  }
  const std::string resolved = settings.resolved();
  CHECK(resolved.find("width = 72\n") != resolved.npos);
  CHECK(resolved.find("scale") == resolved.npos);
  CHECK(settings.declared().at("preset.scale").former);

  // Sizes that are not set keep their defaults; wrong values are reported as they are written.
  Settings defaults = settings_of({"preset.scale", "2", "expert.hidden", "10"}, kPreset);
  CHECK(read_model_config(defaults).width == 64);
  CHECK(error_of({"preset.scale", "0"}) ==
        "f:1: preset.scale = 0: out of range; write a whole number, 1 .. 64");
  CHECK(error_of({"preset.scale", "2", "model.width", "x"}, kPreset) ==
        "any/presets/f.ini:1: model.width = x: not an integer; write a whole number, 1 .. 1048576");
  CHECK(
      error_of({"preset.scale", "2", "model.width", "9", "model.heads", "2"}, kPreset) ==
      "any/presets/f.ini:1 times preset.scale = 2: model.heads = 4: does not divide model.width = "
      "18; the nearest that does is 3");
}

TEST_CASE("architecture: preset.scale leaves what the user sets", "[nn]") {
  Settings settings = settings_of({"model.heads", "4", "expert.hidden", "10"}, kPreset);
  settings.set("preset.scale", "3", "command line");
  settings.set("model.width", "24", "command line");
  settings.set("moe.latent", "6", "own.ini:4");
  const ModelConfig c = read_model_config(settings);
  CHECK(c.width == 24);
  CHECK(c.heads == 12);
  CHECK(c.hidden == 30);
  CHECK(c.latent == 6);
  CHECK(error_of({"preset.scale", "2", "model.width", "24"}) ==
        "f:1: preset.scale = 2: has no effect: no size is a preset's; include one, e.g. include = "
        "presets/mixtral.ini, or leave it out");
}

}  // namespace
}  // namespace moesim::testing

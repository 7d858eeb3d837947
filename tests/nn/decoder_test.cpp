// Tests passes over new tokens against passes over whole windows: every router and variant, every
// kind of model, batches, and the reasons for whole windows.
#include "sim/model/decoder.hpp"

#include "sim/moe/variants.hpp"
#include "tests/nn/trained.hpp"

#include <algorithm>
#include <sstream>

namespace moesim::testing {
namespace {

// The settings of a variant, "key=value key=value" of the router's section.
Values settings_of(const std::string& router, const std::string& variant) {
  Values values = {"router.name", router};
  std::istringstream words(variant);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    values.push_back("router." + router + "." + word.substr(0, equals));
    values.push_back(word.substr(equals + 1));
  }
  return values;
}

Ids pieces(const std::vector<Ids>& texts, std::size_t from, std::size_t to) {
  Ids ids;
  for (const Ids& text : texts)
    ids.insert(ids.end(), text.begin() + std::ptrdiff_t(from), text.begin() + std::ptrdiff_t(to));
  return ids;
}

// Texts of 19 tokens, longer than the window of 16.
std::vector<Ids> texts_of(std::size_t count) {
  std::vector<Ids> texts;
  for (std::size_t b = 0; b < count; ++b) {
    Ids text = kText;
    for (const std::int32_t id : {2, 3, 8}) text.push_back(id);
    std::rotate(text.begin(), text.begin() + std::ptrdiff_t(5 * b), text.end());
    texts.push_back(text);
  }
  return texts;
}

// Compares the logits of all lengths from 5 on, with and without the cache. Returns the reason for
// whole windows.
std::string require_equal_ways(Training& t, Rules rules = Rules::own) {
  const std::vector<Ids> texts = texts_of(1);
  Decoder cached(*t.model, 16, 1, t.backend, {.rules = rules, .domains = {1}}),
      whole(*t.model, 16, 1, t.backend, {.rules = rules, .cached = false, .domains = {1}});
  for (std::size_t from = 0, to = 5; to <= texts[0].size(); from = to, ++to) {
    CAPTURE(to);
    const Ids ids = pieces(texts, from, to);
    require_same_logits(cached.extend(ids), whole.extend(ids), kCached);
    REQUIRE(cached.cached() == (cached.whole_windows().empty() && to <= 16));
    REQUIRE(!whole.cached());
  }
  return cached.whole_windows();
}

TEST_CASE("decoder: every router and variant, with and without the cache", "[decoder]") {
  int caches = 0, windows = 0;
  for (const std::string& router : Registry<Router>::names()) {
    std::vector<std::string> settings = {""};
    for (const Variant& variant : variants_of(router))
      if (variant.causal) settings.push_back(variant.settings);
    for (const std::string& variant : settings) {
      CAPTURE(router, variant);
      Trained t(settings_of(router, variant));
      ++(require_equal_ways(t).empty() ? caches : windows);
    }
  }
  REQUIRE(caches > 50);
  REQUIRE(windows > 20);
}

TEST_CASE("decoder: every kind of model, with and without the cache", "[decoder]") {
  const Values dropless = {"router.name",
                           "token_choice",
                           "router.token_choice.k",
                           "2",
                           "router.token_choice.capacity_factor_eval",
                           "0"};
  for (const Values& more :
       {Values{"model.positions", "rotary"},
        {"model.positions", "rotary", "model.kv_heads", "2", "model.qk_norm", "head"},
        {"model.kv_heads", "1", "model.qk_norm", "all", "model.bias", "true"},
        {"model.head_width", "6", "model.norm", "rms", "moe.output_norm", "true"},
        {"moe.shared", "1", "moe.latent", "8", "expert.name", "swiglu"},
        {"moe.at", "block", "model.positions", "rotary", "moe.every", "2"},
        {"moe.at", "block", "model.kv_heads", "2"},
        {"moe.at", "block", "router.name", "mixture_of_depths", "router.mixture_of_depths.combine",
         "difference", "model.positions", "rotary"},
        {"moe.at", "attention", "router.name", "moa"},
        {"moe.at", "attention", "router.name", "moh"},
        {"moe.at", "attention", "router.name", "switchhead"}}) {
    CAPTURE(more);
    Values values = {"model.heads", "4"};
    values.insert(values.end(), dropless.begin(), dropless.end());
    values.insert(values.end(), more.begin(), more.end());
    Trained t(values);
    REQUIRE(require_equal_ways(t).empty());
  }
}

TEST_CASE("decoder: says why passes cover whole windows", "[decoder]") {
  const auto reason = [](const Values& values, Rules rules) {
    Trained t(values);
    return require_equal_ways(t, rules);
  };
  REQUIRE(reason({"router.name", "soft"}, Rules::own) ==
          "block 0: router.name = soft may route a token by later tokens, or by their number");
  const Values drops = {
      "router.name", "token_choice", "moe.every", "2", "router.token_choice.capacity_factor_eval",
      "0.5"};
  REQUIRE(reason(drops, Rules::own) ==
          "block 1: router.name = token_choice has a capacity, by which a new token may reroute "
          "earlier ones");
  REQUIRE(reason(drops, Rules::dropless).empty());
}

TEST_CASE("decoder: texts of a batch are those alone", "[decoder]") {
  for (const std::string& router : Registry<Router>::names()) {
    CAPTURE(router);
    Trained t({"router.name", router});
    const std::vector<Ids> texts = texts_of(3);
    Decoder batch(*t.model, 16, 3, t.backend, {.domains = {2, 0, 1}});
    std::vector<std::vector<real>> logits;
    for (std::size_t from = 0, to = 6; to <= 18; from = to, to += 3)
      logits.push_back(batch.extend(pieces(texts, from, to)));
    for (std::size_t b = 0; b < texts.size(); ++b) {
      const auto task = static_cast<std::int32_t>((b + 2) % 3);
      Decoder alone(*t.model, 16, 1, t.backend, {.cached = false, .domains = {task}});
      std::size_t at = 0;
      for (std::size_t from = 0, to = 6; to <= 18; from = to, to += 3) {
        const std::vector<real>& all = logits[at++];
        const auto outputs = static_cast<std::ptrdiff_t>(all.size() / 3);
        const auto own = all.begin() + std::ptrdiff_t(b) * outputs;
        require_same_logits({own, own + outputs}, alone.extend(pieces({texts[b]}, from, to)),
                            kCached);
      }
    }
  }
}

TEST_CASE("decoder: texts of a batch have their own tasks", "[decoder]") {
  Trained t({"data.name", "tasks", "data.tasks", "copy:20 sort:20", "data.source_length", "5",
             "data.symbols", "8", "data.tokens", "chars", "router.name", "task"});
  const Ids text = {3, 1, 4, 1, 5, 2, 2, 6, 5, 3, 5, 4, 1, 7, 6, 3, 2, 0};
  const auto logits = [&](const Ids& domains, bool cached) {
    const auto texts = static_cast<index>(domains.size());
    Decoder decoder(*t.model, 16, texts, t.backend, {.cached = cached, .domains = domains});
    std::vector<std::vector<real>> all;
    for (std::size_t from = 0, to = 6; to <= 18; from = to, to += 3)
      all.push_back(decoder.extend(
          pieces(std::vector<Ids>(static_cast<std::size_t>(texts), text), from, to)));
    return all;
  };
  const auto copy = logits({0}, false), sort = logits({1}, false), both = logits({1, 0}, true);
  for (std::size_t i = 0; i < both.size(); ++i) {
    std::vector<real> apart = sort[i];
    REQUIRE(sort[i] != copy[i]);
    apart.insert(apart.end(), copy[i].begin(), copy[i].end());
    require_same_logits(both[i], apart, kCached);
  }
  Decoder unknown(*t.model, 16, 1, t.backend, {});
  REQUIRE_THROWS_WITH(unknown.extend({1, 2}), contains("the task of these tokens is not known"));
  REQUIRE_THROWS_WITH(Decoder(*t.model, 16, 2, t.backend, {.domains = {0}}),
                      contains("1 domains for 2 texts"));
}

}  // namespace
}  // namespace moesim::testing

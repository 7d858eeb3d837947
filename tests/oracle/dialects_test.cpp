// Proves that every dialect that names golden files is compared with them: the tests of this folder
// take the settings for these families from the text that `moesim explain --as` prints.
#include "tests/oracle/dialect.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace moesim::testing {
namespace {

// All tests of this folder but this one.
std::string sources() {
  std::string text;
  for (const auto& file :
       std::filesystem::directory_iterator(std::string(MOESIM_SOURCE_DIR) + "/tests/oracle")) {
    if (file.path().extension() != ".cpp" || file.path().filename() == "dialects_test.cpp")
      continue;
    std::ifstream in(file.path());
    text.append(std::istreambuf_iterator<char>(in), {});
  }
  return text;
}

}  // namespace

TEST_CASE("dialects: each that names golden files is compared with them", "[oracle]") {
  const std::string tests = sources();
  const std::vector<std::string>& families = oracle_families();
  for (const Dialect& dialect : dialects()) {
    CAPTURE(dialect.name());
    for (const Proof& proof : dialect.proofs) {
      CAPTURE(proof.family);
      CHECK(std::find(families.begin(), families.end(), proof.family) != families.end());
    }
    const bool compared = tests.find("\"" + dialect.name() + "\"") != tests.npos;
    CHECK(compared == !dialect.proofs.empty());
    // Without golden files the text states that.
    const bool says_none = dialect_text(dialect_settings(dialect, Carried{dialect.router, {}}), 400)
                               .find("none: the library's code") != std::string::npos;
    CHECK(says_none == dialect.proofs.empty());
  }
}

TEST_CASE("dialects: the settings of each build its router, whatever is carried over", "[oracle]") {
  Site site;
  site.width = 8, site.experts = 8, site.batch = 8, site.length = 8, site.vocabulary = 16;
  for (const Dialect& dialect : dialects())
    for (const char* k : {"1", "2", "3"}) {
      CAPTURE(dialect.name(), k);
      CHECK(make_router(dialect.router, site, as(dialect.name(), {{"k", k}})) != nullptr);
      CHECK(make_router(dialect.router, site,
                        as(dialect.name(), {{"k", k}, {"capacity_factor", "1.5"}})) != nullptr);
    }
}

TEST_CASE("dialects: a config that is one already gets the same settings", "[oracle]") {
  for (const Dialect& dialect : dialects())
    for (const char* k : {"1", "2", "3"})
      for (const char* weight : {"0.5", ""}) {
        CAPTURE(dialect.name(), k, weight);
        OptionValues values = {{"k", k}};
        if (*weight != 0) values["balance_weight"] = weight;
        const OptionValues once = as(dialect.name(), values);
        CHECK(as(dialect.name(), once) == once);
        CHECK(choose_dialect(dialect.library, {dialect.router, once}).name() == dialect.name());
      }
}

TEST_CASE("dialects: one is chosen by the config, or by name", "[oracle]") {
  const auto chosen = [](const std::string& library, const Carried& from) {
    return choose_dialect(library, from).name();
  };
  CHECK(chosen("deepspeed", {"token_choice", {{"k", "1"}}}) == "deepspeed:top1");
  CHECK(chosen("deepspeed", {"token_choice", {{"k", "2"}}}) == "deepspeed:top2");
  CHECK(chosen("deepspeed", {"token_choice", {{"k", "4"}}}) == "deepspeed:topk");
  CHECK(chosen("deepspeed:top1", {"token_choice", {{"k", "4"}}}) == "deepspeed:top1");
  CHECK(chosen("megatron", {"token_choice", {{"k", "1"}}}) == "megatron:pre_softmax");
  CHECK(chosen("megatron", {"token_choice", {{"k", "2"}}}) == "megatron:softmax");
  CHECK(chosen("megatron", {"bias_balanced", {{"k", "2"}}}) == "megatron:sigmoid");
  CHECK(chosen("megatron", {"sinkhorn", {}}) == "megatron:sinkhorn");
  CHECK(chosen("vmoe", {"soft", {}}) == "vmoe:soft");
  CHECK(chosen("tutel", {"lory", {}}) == "tutel:top");  // its default gate
  CHECK_THROWS_AS(choose_dialect("deepsped", {}), Error);
  CHECK_THROWS_AS(choose_dialect("deepspeed:top9", {}), Error);
  // Of another top-k router k is taken over, but not what only that router has.
  const Carried over =
      carried_to(dialect_named("megatron:softmax"),
                 {"token_choice", {{"k", "4"}, {"fill", "token"}, {"capacity_factor", "1.25"}}});
  CHECK(over.values == std::map<std::string, std::string>{{"capacity_factor", "1.25"}, {"k", "4"}});
  CHECK(
      carried_to(dialect_named("tutel:top"), {"soft", {{"capacity_factor", "2"}}}).values.empty());
}

}  // namespace moesim::testing

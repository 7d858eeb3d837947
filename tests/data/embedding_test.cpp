// Tests the embedding of documents against formulas on maps of terms, without hashing.
#include "sim/data/embedding.hpp"

#include "sim/data/folded.hpp"
#include "tests/data/support.hpp"

#include <cmath>
#include <vector>

namespace moesim::testing {
namespace {

using Weights = std::map<std::string, double>;
using Views = std::vector<std::string_view>;

// The terms of a folded ASCII text, with their counts.
Weights terms_of(const std::string& text, bool ngrams) {
  Weights terms;
  for (std::size_t n = 3; ngrams && n <= 5; ++n)
    for (std::size_t i = 0; i + n <= text.size(); ++i) ++terms[text.substr(i, n)];
  std::string word;
  for (const char c : text + " ") {
    if (c != ' ')
      word += c;
    else if (!word.empty())
      ++terms["word " + word], word.clear();
  }
  return terms;
}

double cosine(const Weights& a, const Weights& b) {
  double product = 0, squares[2] = {0, 0};
  for (const auto& [term, weight] : a) {
    squares[0] += weight * weight;
    if (b.contains(term)) product += weight * b.at(term);
  }
  for (const auto& [term, weight] : b) squares[1] += weight * weight;
  return product / std::sqrt(squares[0] * squares[1]);
}

}  // namespace

TEST_CASE("folded: case and white space", "[data][documents]") {
  CHECK(fold("  The\t\n QUICK \r\n").text == "the quick");
  CHECK(fold("ÄÖÜ ŁÓDŹ ΆΣΩ ЁЖИК İ ×ß").text == "äöü łódź άσω ёжик i ×ß");
  CHECK(fold("").text.empty());
  CHECK(fold(" \n").begin == std::vector<std::size_t>{0});
  CHECK(fold("aÄ\xff€").begin == std::vector<std::size_t>{0, 1, 3, 4, 7});
  CHECK(fold("a\xc3").text == "a\xc3");  // cut inside a character
}

// Both by Python: every c from U+0180 to U+024F and U+0370 to U+052F with c.lower() != c, and c.lower().
TEST_CASE("folded: letters of Latin, Greek and Cyrillic", "[data][documents]") {
  const std::string capitals =
      "ƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƠƢƤƦƧƩƬƮƯƱƲƳƵƷƸƼǄǅǇǈ"
      "ǊǋǍǏǑǓǕǗǙǛǞǠǢǤǦǨǪǬǮǱǲǴǶǷǸǺǼǾȀȂȄȆȈȊȌȎȐȒȔȖ"
      "ȘȚȜȞȠȢȤȦȨȪȬȮȰȲȺȻȽȾɁɃɄɅɆɈɊɌɎͰͲͶͿΆΈΉΊΌΎΏΑΒ"
      "ΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΪΫϏϘϚϜϞϠϢϤϦϨϪϬϮϴϷϹ"
      "ϺϽϾϿЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙКЛМНОПРСТУ"
      "ФХЦЧШЩЪЫЬЭЮЯѠѢѤѦѨѪѬѮѰѲѴѶѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞ"
      "ҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӁӃӅӇӉӋӍӐӒӔӖӘӚӜӞӠӢӤӦӨӪӬӮ"
      "ӰӲӴӶӸӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮ";
  const std::string small =
      "ɓƃƅɔƈɖɗƌǝəɛƒɠɣɩɨƙɯɲɵơƣƥʀƨʃƭʈưʊʋƴƶʒƹƽǆǆǉǉ"
      "ǌǌǎǐǒǔǖǘǚǜǟǡǣǥǧǩǫǭǯǳǳǵƕƿǹǻǽǿȁȃȅȇȉȋȍȏȑȓȕȗ"
      "șțȝȟƞȣȥȧȩȫȭȯȱȳⱥȼƚⱦɂƀʉʌɇɉɋɍɏͱͳͷϳάέήίόύώαβ"
      "γδεζηθικλμνξοπρστυφχψωϊϋϗϙϛϝϟϡϣϥϧϩϫϭϯθϸϲ"
      "ϻͻͼͽѐёђѓєѕіїјљњћќѝўџабвгдежзийклмнопрсту"
      "фхцчшщъыьэюяѡѣѥѧѩѫѭѯѱѳѵѷѹѻѽѿҁҋҍҏґғҕҗҙқҝҟ"
      "ҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӂӄӆӈӊӌӎӑӓӕӗәӛӝӟӡӣӥӧөӫӭӯ"
      "ӱӳӵӷӹӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯ";
  CHECK(fold(capitals).text == small);
  CHECK(fold(small).text == small);
  CHECK(fold("ȘI ȚARĂ ƠN ƯU Əİ").text == "și țară ơn ưu əi");
}

TEST_CASE("embedding: tf-idf of words and n-grams", "[data][documents]") {
  const std::vector<std::string> texts = {"red green red red", "green blue", "violet blue blue red",
                                          "grey"};
  for (const bool ngrams : {false, true}) {
    CAPTURE(ngrams);
    const SparseVectors vectors =
        embed(Views(texts.begin(), texts.end()), ngrams ? Terms::all : Terms::words);
    std::vector<Weights> expected;
    std::map<std::string, int> texts_with;
    for (const std::string& text : texts) {
      expected.push_back(terms_of(text, ngrams));
      for (const auto& [term, count] : expected.back()) ++texts_with[term];
    }
    for (Weights& each : expected)
      for (auto& [term, count] : each)
        count = (1 + std::log(count)) * (std::log(5.0 / (1 + texts_with[term])) + 1);
    for (index a = 0; a < 4; ++a)
      for (index b = 0; b < 4; ++b) {
        CAPTURE(a, b);
        const auto x = static_cast<std::size_t>(a), y = static_cast<std::size_t>(b);
        CHECK_THAT(similarity(vectors, a, b), WithinAbs(cosine(expected[x], expected[y]), 1e-6));
        CHECK(similarity(vectors, a, b) == similarity(vectors, b, a));
      }
  }
}

TEST_CASE("embedding: broken bytes and texts without terms", "[data][documents]") {
  const SparseVectors vectors = embed({"\xff\xfe\xfd and so on", "\xff\xfe\xfd AND  so on",
                                       "\xfc\xfe\xfd something", "", "  ", ".", "%%"},
                                      Terms::all);
  CHECK(vectors.rows() == 7);
  CHECK_THAT(similarity(vectors, 0, 1), WithinAbs(1, 1e-6));
  CHECK(similarity(vectors, 0, 2) < 0.5);
  for (index empty = 3; empty < 7; ++empty) CHECK(similarity(vectors, empty, empty) == 0);
  CHECK(embed({}, Terms::all).rows() == 0);
}

TEST_CASE("embedding: the order of texts changes no bit", "[data][documents]") {
  const Views forth = {"one of these", "another of those", "these and those", "none"};
  const Views back(forth.rbegin(), forth.rend());
  const SparseVectors a = embed(forth, Terms::all), b = embed(back, Terms::all);
  for (index i = 0; i < 4; ++i)
    for (index j = 0; j < 4; ++j) CHECK(similarity(a, i, j) == similarity(b, 3 - i, 3 - j));
  const SparseVectors two = selected(a, {3, 1});
  CHECK(two.rows() == 2);
  CHECK(similarity(two, 0, 1) == similarity(a, 3, 1));
}

TEST_CASE("embedding: the mean cosine of pairs in windows", "[data][documents]") {
  // Unit vectors (1, 0), (0, 1), (0.6, 0.8), in this order, of 4, 2 and 5 tokens: they begin at 0, 4, 6.
  SparseVectors vectors;
  vectors.begin = {0, 1, 2, 4};
  vectors.feature = {7, 9, 7, 9};
  vectors.weight = {1, 1, 0.6f, 0.8f};
  const std::vector<index> order = {0, 1, 2}, size = {4, 2, 5};
  // Windows of 4 start at 0 .. 6. That at 0 has one document; 1 and 2 have the first two (cosine 0);
  // 3 has all: (0 + 0.6 + 0.8) / 3; 4 and 5 have the last two: 0.8; 6 has one.
  const double want = (0 + 0 + 1.4 / 3 + 0.8 + 0.8) / 5;
  CHECK_THAT(window_similarity(vectors, order, size, 4), WithinAbs(want, 1e-7));
  // One window of 10: all three.
  CHECK_THAT(window_similarity(vectors, order, size, 10), WithinAbs(1.4 / 3, 1e-7));
  // Documents that are longer than windows by far meet in few of them; no pair: -1.
  CHECK(window_similarity(vectors, {0}, size, 2) == -1);
  CHECK(window_similarity(vectors, order, size, 11) == -1);
  CHECK(window_similarity(vectors, {2, 0}, {4, 2, 5}, 1) == -1);
  CHECK_THAT(window_similarity(vectors, {2, 0}, size, 2), WithinAbs(0.6, 1e-7));
}

}  // namespace moesim::testing

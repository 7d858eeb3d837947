// Tests the HTML page of a report: escaping, ids, security policy, contrast of colours.
#include "analysis/render/escape.hpp"
#include "analysis/report/html.hpp"
#include "analysis/report/page.hpp"
#include "tests/support/catch.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <cmath>
#include <map>
#include <regex>
#include <string>

namespace moesim::testing {
namespace {

std::string base64_sha256(const std::string& text) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash);
  unsigned char encoded[4 * ((SHA256_DIGEST_LENGTH + 2) / 3) + 1];
  EVP_EncodeBlock(encoded, hash, SHA256_DIGEST_LENGTH);
  return reinterpret_cast<const char*>(encoded);
}

// Relative luminance of "#rrggbb" (WCAG 2.2).
double luminance(const std::string& colour) {
  constexpr double kWeights[] = {0.2126, 0.7152, 0.0722};
  double sum = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const double c = std::stoi(colour.substr(1 + 2 * i, 2), nullptr, 16) / 255.0;
    sum += kWeights[i] * (c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4));
  }
  return sum;
}

double contrast(const std::string& a, const std::string& b) {
  const double x = luminance(a), y = luminance(b);
  return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

// The colours of each scheme: light, dark and print, in the order of the style sheet.
std::vector<std::map<std::string, std::string>> schemes() {
  std::vector<std::map<std::string, std::string>> all;
  const std::string style = html::kStyle;
  for (std::size_t at = style.find(":root {"); at != style.npos;
       at = style.find(":root {", at + 1)) {
    const std::string block = style.substr(at, style.find('}', at) - at);
    std::map<std::string, std::string> colours;
    const std::regex colour("--([a-z-]+|e[0-9]+): (#[0-9a-f]{6});");
    for (std::sregex_iterator i(block.begin(), block.end(), colour), end; i != end; ++i)
      colours[(*i)[1]] = (*i)[2];
    all.push_back(colours);
  }
  return all;
}

}  // namespace

TEST_CASE("report: text of a run file is no markup", "[analysis]") {
  CHECK(html_text("</script><img src=x onerror='a(\"b\")'>&") ==
        "&lt;/script&gt;&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt;&amp;");
  CHECK(html_text("\x1b[31mred\x07") == "?[31mred?");
  CHECK(html_text("a\xE2\x80\xAE"
                  "b\xFF") == "a?b?");
  CHECK(html_text("Z\xC3\xBCrich\n") == "Z\xC3\xBCrich?");
  CHECK(html::lines("a = 1\n\tb < 2\r\n") == "a = 1\n\tb &lt; 2?\n");
}

TEST_CASE("report: names for ids and files", "[analysis]") {
  CHECK(html::slug("Soft MoE, k = 2") == "soft-moe-k-2");
  CHECK(html::slug("-dash --flag") == "dash-flag");
  CHECK(html::slug("; rm -rf $HOME") == "rm-rf-home");
  CHECK(html::slug("\xE6\x9D\xB1") == "unnamed");
  CHECK(html::slug("") == "unnamed");
  CHECK(html::slug(std::string(100, 'x')).size() == 40);
  html::Names names;
  CHECK(names.unique("a") == "a");
  CHECK(names.unique("A") == "a-2");
  CHECK(names.unique("a 3") == "a-3");
  CHECK(names.unique("a!") == "a-4");  // a-3 is taken
  CHECK(names.unique("b") == "b");
}

TEST_CASE("report: lists and folds", "[analysis]") {
  CHECK(html::list({}) == "");
  CHECK(html::list({"one"}) == "<p>one</p>\n");
  CHECK(html::list({"one", "two"}) == "<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n");
  CHECK(html::fold("a < b", "<p>c</p>\n") ==
        "<details>\n<summary>a &lt; b</summary>\n<p>c</p>\n</details>\n");
}

TEST_CASE("report: a page has its sections, and a list of them", "[analysis]") {
  const std::string page = html::document({.title = "A & B",
                                           .lead = {"21 runs"},
                                           .generator = "moesim 0",
                                           .sections = {{"one", "First <1>", "<p>x</p>\n"},
                                                        {"none", "Empty", ""},
                                                        {"two", "Second", "<p>y</p>\n"}}});
  CHECK(
      page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"));
  CHECK(page.find("<title>A &amp; B</title>") != page.npos);
  CHECK(page.find("<h1>A &amp; B</h1>\n<p>21 runs</p>") != page.npos);
  CHECK(page.find("<ol>\n<li><a href=\"#one\">First &lt;1&gt;</a></li>\n"
                  "<li><a href=\"#two\">Second</a></li>\n</ol>") != page.npos);
  CHECK(page.find("<section id=\"two\" aria-labelledby=\"two-title\">\n<h2 id=\"two-title\">"
                  "<a href=\"#two\">Second</a></h2>\n<p>y</p>\n</section>") != page.npos);
  CHECK(page.find("Empty") == page.npos);
}

TEST_CASE("report: the policy of a page allows its script and nothing else", "[analysis]") {
  CHECK(std::string(html::kScriptHash) == "sha256-" + base64_sha256(html::kScript));
  const std::string page = html::document({});
  CHECK(page.find("content=\"default-src 'none'; style-src 'unsafe-inline'; script-src '" +
                  std::string(html::kScriptHash) +
                  "'; img-src data:; base-uri 'none'; form-action 'none'\"") != page.npos);
  CHECK(page.find("<script>" + std::string(html::kScript) + "</script>") != page.npos);
  // Neither ends its element, nor fetches anything.
  for (const std::string part : {html::kStyle, html::kScript})
    for (const char* word : {"</", "url(", "@import", "http", "fetch", "innerHTML"})
      CHECK(part.find(word) == part.npos);
}

TEST_CASE("report: colours have the contrast of WCAG in every scheme", "[analysis]") {
  CHECK(std::abs(contrast("#ffffff", "#000000") - 21) < 1e-9);
  CHECK(std::abs(contrast("#777777", "#ffffff") - 4.478) <
        1e-3);  // as computed by hand, 1.05 / 0.23448
  const auto all = schemes();
  REQUIRE(all.size() == 3);
  for (const auto& scheme : all) {
    REQUIRE(scheme.size() == 9 + 12);
    for (const char* ground : {"page", "row", "box"})
      for (const char* ink : {"ink", "soft", "link"}) {
        INFO(ink << " " << scheme.at(ink) << " on " << ground << " " << scheme.at(ground));
        CHECK(contrast(scheme.at(ink), scheme.at(ground)) >= 4.5);
      }
    CHECK(contrast(scheme.at("mark-ink"), scheme.at("mark")) >= 4.5);
    for (int expert = 0; expert < 12; ++expert)  // the ground of a token, whose number is small
      CHECK(contrast(scheme.at("ink"), scheme.at("e" + std::to_string(expert))) >= 4.5);
  }
}

}  // namespace moesim::testing

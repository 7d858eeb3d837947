// Tests the explorer of a report: tokens stay text, choices are those of the trace, and what is too
// much is left out and said.
#include "analysis/report/explorer.hpp"

#include "analysis/report/page.hpp"
#include "analysis/report/token_html.hpp"
#include "analysis/traces/token_text.hpp"
#include "sim/record/trace_variables.hpp"
#include "tests/analysis/hostile.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <vector>

namespace moesim::testing {
namespace {

using Type = Variable::Type;

// Tokens of a file of moesim route: 3 experts, layers 0 and 2, k = 2. In layer 0 token t chooses
// t mod 3 with gate 0.75, and then the next expert with 0.25, which drops it.
RunFile routed_file(const std::vector<std::string>& texts, std::int64_t length) {
  const auto tokens = static_cast<std::int64_t>(texts.size());
  RunFile file;
  file.attribute("moesim_schema", kRunFileSchema);
  file.attribute("run_id", std::string("<b>run</b>"));
  file.attribute("router", std::string("token_choice"));
  file.attribute("config", std::string("[router.token_choice]\nk = 2\n"));
  file.attribute("trace_rows", std::string("tokens"));
  for (const auto& [name, value] :
       {std::pair("trace_tokens", tokens), std::pair("trace_length", length),
        std::pair("trace_pass_tokens", length), std::pair("trace_k_max", std::int64_t{2}),
        std::pair("trace_fixed", std::int64_t{0})})
    file.attribute(name, value);
  file.put({.name = "layer",
            .type = Type::int32,
            .dims = {"layer"},
            .shape = {2},
            .values = {0, 2},
            .texts = {},
            .long_name = "layer",
            .units = ""});
  declare_trace(file, {.layers = 2, .experts = 3, .tokens = tokens, .ids = true, .domains = false});
  std::vector<double> begin, token, gate, served, choice, ids;
  for (const int layer : {0, 2})
    for (int e = 0; e <= 3; ++e) {
      begin.push_back(static_cast<double>(token.size()));
      for (std::int64_t t = 0; t < tokens && e < 3; ++t)
        for (const int rank : {0, 1})
          if ((t + rank + layer) % 3 == e) {
            token.push_back(static_cast<double>(t));
            gate.push_back(rank == 0 ? 0.75 : 0.25);
            served.push_back(rank == 0 ? 1 : 0);
            choice.push_back(rank);
          }
    }
  for (std::int64_t t = 0; t < tokens; ++t) ids.push_back(static_cast<double>(100 + t));
  file.append("trace_step", 7.0);
  file.append("trace_begin", begin);
  file.append("trace_token", token);
  file.append("trace_gate", gate);
  file.append("trace_served", served);
  file.append("trace_choice", choice);
  file.append("trace_token_id", ids);
  Variable labels{.name = "trace_vocabulary",
                  .type = Type::int32,
                  .dims = {"trace_vocabulary"},
                  .shape = {tokens},
                  .values = ids,
                  .texts = {},
                  .long_name = "token id",
                  .units = ""};
  Variable words = labels;
  words.name = "trace_vocabulary_text";
  words.type = Type::text;
  words.values.clear();
  for (const std::string& text : texts) words.texts.push_back(escaped_token(text));
  file.put(labels);
  file.put(words);
  return file;
}

std::size_t count_of(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("tokens: any bytes survive a run file", "[analysis]") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  CHECK(unescaped_token(escaped_token(all)) == all);
  CHECK(escaped_token("a\\x41\n\xC3") == "a\\\\x41\\x0a\\xc3");
  CHECK(escaped_token("\xC3\xA9 \xF0\x9F\x98\x80") == "\xC3\xA9 \xF0\x9F\x98\x80");
  CHECK(unescaped_token("\\x4 \\xzz \\q \\") == "\\x4 \\xzz \\q \\");
  for (const std::string& name : hostile_names())
    CHECK(unescaped_token(escaped_token(name)) == name);
}

TEST_CASE("tokens: what cannot be seen has a name", "[analysis]") {
  CHECK(token_html("</script><b>") == "&lt;/script&gt;&lt;b&gt;");
  CHECK(token_html(" a?") == " a?");
  CHECK(token_html("\n\t\x1b\x7f") ==
        "<code>LF</code><code>TAB</code><code>ESC</code><code>DEL</code>");
  CHECK(token_html("\xE2\x80\xAE"
                   "\xE2\x80\xA8\xC2\x85\xEF\xBB\xBF") ==
        "<code>U+202E</code><code>U+2028</code><code>U+0085</code><code>U+FEFF</code>");
  CHECK(token_html("\xF0\x9F") == "<code>F0</code><code>9F</code>");  // half an emoji
  CHECK(token_html("\xD7\xA9\xF0\x9F\x98\x80") == "\xD7\xA9\xF0\x9F\x98\x80");
  CHECK(token_html("") == "<code>empty</code>");
  CHECK(token_html(std::string(10000, '<')).size() < 200);
  CHECK(token_html(std::string(kMostCharacters, 'x')) == std::string(kMostCharacters, 'x'));
}

TEST_CASE("explorer: choices are those of the trace, and the script reads digits only",
          "[analysis]") {
  const TemporaryFolder folder;
  const std::string path = folder / "routed.h5";
  routed_file({"one", " two", "\n", "four"}, 3).publish(path);
  const ReportPart part = explorer_part({path});
  CHECK(part.left_out.empty());
  const std::string& html = part.html;
  CHECK(html.find("<h3>&lt;b&gt;run&lt;/b&gt;</h3>") != html.npos);
  CHECK(html.find("step 7: 4 tokens in 2 sequences, 2 MoE layers, 3 experts.") != html.npos);
  // The first layer, readable without the script.
  CHECK(html.find("<p dir=\"auto\"><bdi\nclass=\"e0 u0\" data-e=\"0\">one</bdi>"
                  "<bdi\nclass=\"e1 u1\" data-e=\"1\"> two</bdi>"
                  "<bdi\nclass=\"e2 u2\" data-e=\"2\"><code>LF</code></bdi><br></p>\n"
                  "<p dir=\"auto\"><bdi\nclass=\"e0 u0\" data-e=\"0\">four</bdi></p>") !=
        html.npos);
  CHECK(html.find("<li><span class=\"expert e0 u0\" data-e=\"0\">0</span> 2</li>") != html.npos);
  CHECK(html.find("<p class=\"routes\" data-layer=\"0\" hidden>"
                  "0:0.75,1:0.25! 1:0.75,2:0.25! 2:0.75,0:0.25! 0:0.75,1:0.25!</p>") != html.npos);
  CHECK(html.find("<p class=\"routes\" data-layer=\"2\" hidden>"
                  "2:0.75,0:0.25! 0:0.75,1:0.25! 1:0.75,2:0.25! 2:0.75,0:0.25!</p>") != html.npos);
  CHECK(html.find("<p class=\"ids\" hidden>100 101 102 103</p>") != html.npos);
  CHECK(html.find("max=\"1\" step=\"1\" value=\"0\"> <output for=\"text-1-layer\">0<") !=
        html.npos);
}

TEST_CASE("explorer: hostile tokens are text", "[analysis]") {
  const TemporaryFolder folder;
  const std::string path = folder / "routed.h5";
  std::vector<std::string> texts = hostile_names();
  for (const char* more : {"</script>", "<!--", "]]>", "\" onmouseover=\"alert(1)", "&lt;",
                           "\xE2\x80\xA8", "\xD7\xA9\xD7\x9C", "\xE2\x81\xA6", ""})
    texts.emplace_back(more);
  routed_file(texts, static_cast<std::int64_t>(texts.size())).publish(path);
  const std::string html = explorer_part({path}).html;
  CHECK(count_of(html, "<bdi\n") == texts.size());
  for (const char* word : {"<script", "</script", "<!--", "<img", "\x1b", "\xE2\x80\xAE",
                           "\xE2\x80\xA8", "\xE2\x81\xA6", "\" onmouseover", "\xff"})
    CHECK(html.find(word) == html.npos);
  CHECK(html.find("&amp;lt;") != html.npos);
  CHECK(html.find("\xD7\xA9\xD7\x9C") != html.npos);
  CHECK(html.size() < 20000);  // the name of 5000 letters is cut
}

TEST_CASE("explorer: bytes of one character are joined in the first token", "[analysis]") {
  const TemporaryFolder folder;
  const std::string path = folder / "routed.h5";
  // U+00E9 in two tokens; U+1F600 in three, the last with more; a character across two sequences; half
  // of one.
  routed_file({"\xC3", "\xA9", "\xF0\x9F", "\x98", "\x80!", "\xC3", "\xA9", "\xE2", "x"}, 6)
      .publish(path);
  const std::string html = explorer_part({path}).html;
  for (const char* token : {">\xC3\xA9</bdi>", "><code>A9</code></bdi>", ">\xF0\x9F\x98\x80</bdi>",
                            "><code>98</code></bdi>", "><code>80</code>!</bdi>",
                            "><code>C3</code></bdi>", "><code>E2</code></bdi>"})
    CHECK(count_of(html, token) ==
          (std::string(token).find("A9</code>") == std::string::npos ? 1 : 2));
}

TEST_CASE("explorer: losses of tokens, where the file has them", "[analysis]") {
  const TemporaryFolder folder;
  const std::string path = folder / "routed.h5";
  RunFile file = routed_file({"a", "b", "c"}, 3);
  CHECK((file.publish(path), explorer_part({path}).html).find("losses") == std::string::npos);
  file.declare("trace_loss", Type::float64, {"trace", "token"}, {3}, "loss");
  file.append("trace_loss", {1.25, kMissing, 0.5});
  file.publish(path);
  CHECK(explorer_part({path}).html.find("<p class=\"losses\" hidden>1.250 - 0.500</p>") !=
        std::string::npos);
}

TEST_CASE("explorer: what is too much is left out, and said", "[analysis]") {
  const TemporaryFolder folder;
  const std::string path = folder / "routed.h5";
  routed_file(std::vector<std::string>(50, "x"), 10).publish(path);
  const std::string ten = explorer_part({path}, {.tokens = 10, .choices = 1000}).html;
  CHECK(count_of(ten, "<bdi\n") == 10);
  CHECK(ten.find("<p>the first 10 of 50 tokens are shown</p>") != ten.npos);
  // 4 choices of a token in two layers
  CHECK(count_of(explorer_part({path}, {.tokens = 4096, .choices = 20}).html, "<bdi\n") == 5);
  const ReportPart many =
      explorer_part({path, folder / "none.h5", path, path, path, path}, ExplorerLimits());
  CHECK(count_of(many.html, "class=\"routing\"") == kMostTexts);
  CHECK(count_of(many.html, "id=\"text-4\"") == 1);
  CHECK(many.left_out.find("none.h5") != many.left_out.npos);
  CHECK(many.left_out.find(path + ": the routing of 4 files is shown") != many.left_out.npos);
}

}  // namespace moesim::testing

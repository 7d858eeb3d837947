#include "analysis/report/explorer.hpp"

#include "analysis/render/escape.hpp"
#include "analysis/report/html.hpp"
#include "analysis/report/token_html.hpp"
#include "sim/core/counted.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace moesim {
namespace {

using Choices = std::vector<ExploredChoice>;

// "e3 u1": colour and underline. 48 experts differ in one of them.
std::string class_of(std::int32_t expert) {
  constexpr int kColours = 12, kLines = 4;
  return fmt::format("e{} u{}", expert % kColours, (expert + expert / kColours) % kLines);
}

bool is_lost(const Choices& choices) {
  return std::none_of(choices.begin(), choices.end(),
                      [](const ExploredChoice& choice) { return choice.served; });
}

// The script reads this: "3:0.62,1:0.38!" are two choices with their gates, the second dropped; "-"
// is none. It has digits and signs only, whatever the tokens are.
std::string routes_of(const ExploredLayer& layer) {
  std::string all;
  for (const Choices& choices : layer.of) {
    if (!all.empty()) all += ' ';
    if (choices.empty()) all += '-';
    for (std::size_t i = 0; i < choices.size(); ++i)
      fmt::format_to(std::back_inserter(all), "{}{}:{:.3g}{}", i > 0 ? "," : "", choices[i].expert,
                     choices[i].gate, choices[i].served ? "" : "!");
  }
  return all;
}

// A line of the page ends inside of a tag, since spaces between tokens would be shown.
std::string tokens_html(const ExploredText& text) {
  const ExploredLayer& layer = text.layers.front();
  std::string html = "<div class=\"tokens\">\n";
  const auto length = static_cast<std::size_t>(std::max<std::int64_t>(1, text.length));
  for (std::size_t t = 0; t < text.texts.size(); ++t) {
    if (t % length == 0) html += t == 0 ? "<p dir=\"auto\">" : "</p>\n<p dir=\"auto\">";
    const Choices& choices = layer.of[t];
    if (choices.empty())
      html += "<bdi\nclass=\"none\">";
    else
      fmt::format_to(std::back_inserter(html), "<bdi\nclass=\"{}{}\" data-e=\"{}\">",
                     class_of(choices[0].expert), is_lost(choices) ? " lost" : "",
                     choices[0].expert);
    html += token_html(text.texts[t]);
    html += "</bdi>";
    if (text.texts[t].find('\n') != std::string::npos) html += "<br>";
  }
  return html + "</p>\n</div>\n";
}

// The experts of the first layer with their tokens, those with most first; the script makes those of
// the others.
std::string legend_html(const ExploredLayer& layer) {
  constexpr std::size_t kMostExperts = 64;
  std::map<std::int32_t, std::size_t> count;
  for (const Choices& choices : layer.of)
    if (!choices.empty()) ++count[choices[0].expert];
  std::vector<std::pair<std::int32_t, std::size_t>> experts(count.begin(), count.end());
  if (experts.size() > kMostExperts) {
    std::stable_sort(experts.begin(), experts.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    experts.resize(kMostExperts);
    std::sort(experts.begin(), experts.end());
  }
  std::string html =
      "<p class=\"quiet\">Experts, and the number of tokens whose first choice they are:</p>\n"
      "<ul class=\"experts\">\n";
  for (const auto& [expert, tokens] : experts)
    fmt::format_to(std::back_inserter(html),
                   "<li><span class=\"expert {}\" data-e=\"{}\">{}</span> {}</li>\n",
                   class_of(expert), expert, expert, tokens);
  return html + "</ul>\n";
}

std::string about(const ExploredText& text) {
  const std::int64_t length = std::max<std::int64_t>(1, text.length);
  return fmt::format("{}, router {}, step {}: {} in {}, {}, {}.", text.file, text.router, text.step,
                     counted(text.tokens, "token"),
                     counted((text.tokens + length - 1) / length, "sequence"),
                     counted(static_cast<std::int64_t>(text.layers.size()), "MoE layer"),
                     counted(text.experts, "expert"));
}

// Shown by the script, which hides it where there is one layer.
std::string slider_html(const ExploredText& text, const std::string& id) {
  return fmt::format(
      "<p class=\"layers\" hidden><label for=\"{0}-layer\">MoE layer</label> <input "
      "id=\"{0}-layer\" "
      "type=\"range\" min=\"0\" max=\"{1}\" step=\"1\" value=\"0\"> <output for=\"{0}-layer\">{2}"
      "</output></p>\n",
      id, text.layers.size() - 1, text.layers.front().label);
}

}  // namespace

std::string explorer_html(const ExploredText& text, std::size_t number) {
  const std::string id = fmt::format("text-{}", number);
  std::string html = "<div class=\"routing\" id=\"" + id + "\">\n<h3>" + html_text(text.name) +
                     "</h3>\n<p class=\"quiet\">" + html_text(about(text)) + "</p>\n";
  std::vector<std::string> notes;
  notes.reserve(text.notes.size());
  for (const std::string& note : text.notes) notes.push_back(html_text(note));
  html += html::list(notes);
  fmt::format_to(std::back_inserter(html),
                 "<p>Colour, underline and number are the expert of a token's first choice in MoE "
                 "layer <span class=\"layer\">{}</span>. Tokens that no expert processes are "
                 "struck out.</p>\n",
                 text.layers.front().label);
  html += slider_html(text, id);
  html += legend_html(text.layers.front());
  html += "<p class=\"about\" role=\"status\" hidden></p>\n";
  html += tokens_html(text);
  if (!text.ids.empty())
    html += fmt::format("<p class=\"ids\" hidden>{}</p>\n", fmt::join(text.ids, " "));
  if (!text.losses.empty()) {
    std::vector<std::string> losses;
    for (const double loss : text.losses)
      losses.push_back(std::isnan(loss) ? "-" : fmt::format("{:.3f}", loss));
    html += fmt::format("<p class=\"losses\" hidden>{}</p>\n", fmt::join(losses, " "));
  }
  for (const ExploredLayer& layer : text.layers)
    html += fmt::format("<p class=\"routes\" data-layer=\"{}\" hidden>{}</p>\n", layer.label,
                        routes_of(layer));
  return html + "</div>\n";
}

ReportPart explorer_part(const std::vector<std::string>& files, const ExplorerLimits& limits) {
  ReportPart part;
  std::vector<std::string> left_out;
  std::size_t shown = 0;
  for (const std::string& file : files) {
    if (shown == kMostTexts) {
      left_out.push_back(fmt::format("{}: the routing of {} files is shown", file, kMostTexts));
      continue;
    }
    try {
      TracedRun run(file);
      part.html += explorer_html(explored_text(run, limits), ++shown);
    } catch (const Error& problem) {
      if (problem.code() != Exit::data) throw;
      left_out.emplace_back(problem.what());
    }
  }
  if (!left_out.empty()) part.left_out = "no routing of a text: " + joined(left_out, "; ");
  return part;
}

}  // namespace moesim

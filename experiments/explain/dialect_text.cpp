// Prints the settings of a dialect: as part of a config file, and as JSON.
#include "experiments/explain/dialect_settings.hpp"
#include "experiments/terminal/text_width.hpp"
#include "sim/config/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moesim {
namespace {

// Lines of other sections with their headers, then those of the router.
void add_lines(const DialectLines& lines, std::string& elsewhere, std::string& own) {
  for (const auto& [key, value] : lines) {
    const std::string line =
        fmt::format("{} ={}{}\n", config::short_key(key), value.empty() ? "" : " ", value);
    if (key.find('.') == key.npos)
      own += line;
    else
      elsewhere += fmt::format("[{}]\n{}", config::section_of(key), line);
  }
}

// A comment whose later lines are further to the right than `mark`.
std::string comment(const std::string& mark, const std::string& text, std::size_t width) {
  const std::size_t indent = mark.size() + 2;
  std::string lines = mark + wrapped(text, width, indent) + "\n";
  for (std::size_t at = lines.find('\n'); at + 1 < lines.size(); at = lines.find('\n', at + 1))
    lines[at + 1] = '#';
  return lines;
}

}  // namespace

std::string dialect_text(const DialectSettings& settings, std::size_t width) {
  const Dialect& dialect = *settings.dialect;
  std::string text = comment("# ", fmt::format("{}: {}", dialect.name(), dialect.gate), width);
  for (const std::string& each : settings.notes) text += comment("# ", each, width);
  for (const std::string& each : settings.impossible)
    text += comment("# ", "cannot be reproduced: " + each, width);
  for (const std::string& each : settings.remove)
    text += comment("# ", "remove from the config: " + each, width);
  std::string elsewhere, own, rest;
  add_lines(settings.lines, elsewhere, own);
  add_lines(settings.rest, elsewhere, rest);
  if (!rest.empty())
    rest.insert(0, comment("# ", "what the library lacks, or leaves open, at its default:", width));
  text += fmt::format("[router]\nname = {}\n{}[router.{}]\n{}{}", dialect.router, elsewhere,
                      dialect.router, own, rest);
  text += "# not reproduced:\n";
  if (dialect.differs.empty()) text += "#   nothing that is known\n";
  for (const std::string& each : dialect.differs) text += comment("#   ", each, width);
  text += comment("# ", "proven by golden files, outputs to 1e-10 in double:", width);
  if (dialect.proofs.empty())
    text += comment("#   ", "none: the library's code was read, not run", width);
  for (const Proof& proof : dialect.proofs)
    text += comment("#   ", proof.family + (proof.cases.empty() ? "" : ": " + proof.cases), width);
  return text;
}

nlohmann::ordered_json dialect_json(const DialectSettings& settings) {
  using Json = nlohmann::ordered_json;
  const Dialect& dialect = *settings.dialect;
  Json json = {{"library", dialect.library},
               {"variant", dialect.variant},
               {"gate", dialect.gate},
               {"counterpart", settings.counterpart},
               {"settings", Json::object()},
               {"notes", settings.notes},
               {"cannot_be_reproduced", settings.impossible},
               {"remove", settings.remove},
               {"not_reproduced", dialect.differs},
               {"proofs", Json::array()}};
  json["settings"]["router.name"] = dialect.router;
  for (const DialectLines* lines : {&settings.lines, &settings.rest})
    for (const auto& [key, value] : *lines)
      json["settings"][key.find('.') == key.npos ? fmt::format("router.{}.{}", dialect.router, key)
                                                 : key] = value;
  for (const Proof& proof : dialect.proofs)
    json["proofs"].push_back({{"family", proof.family}, {"cases", proof.cases}});
  return json;
}

}  // namespace moesim

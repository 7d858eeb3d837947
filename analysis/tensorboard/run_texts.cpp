#include "analysis/tensorboard/run_texts.hpp"

#include "analysis/render/escape.hpp"
#include "sim/io/sha256.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <variant>

namespace moesim {
namespace {

// The attributes shown in the table, in order.
constexpr std::array<const char*, 18> kShown = {"experiment",
                                                "arm",
                                                "router",
                                                "seed",
                                                "status",
                                                "sees",
                                                "leak",
                                                "plan_kind",
                                                "parameters_total",
                                                "parameters_active",
                                                "flops_per_token",
                                                "bayes_loss",
                                                "uniform_loss",
                                                "version",
                                                "git",
                                                "build",
                                                "device",
                                                "created_utc"};

constexpr const char* kTags =
    "`load/layer L/expert E` is the load of an expert over uniform: 1 is balanced, 0 is dead. "
    "Of Soft MoE it is the combine mass, and of merged experts the merge mass. Tags that begin "
    "with "
    "`eval` are of the validation data; the others are of training. "
    "`train` is by the number of the step, from 0; `eval` by the steps done before.\n";

std::string shown(const Attribute& attribute) {
  if (const auto* text = std::get_if<std::string>(&attribute))
    return markdown_cell(terminal_safe(*text));
  if (const auto* whole = std::get_if<std::int64_t>(&attribute)) return fmt::format("{}", *whole);
  return fmt::format("{}", std::get<double>(attribute));
}

// Indents text by four spaces, which makes it a code block.
std::string as_code(const std::string& text) {
  std::string code = "    ";
  for (const char c : text) {
    code += c;
    if (c == '\n') code += "    ";
  }
  return code;
}

bool is_plain(unsigned char c) {
  constexpr std::string_view kSpecial = "/\\:*?\"<>|'`$&;!%~";
  return c >= 0x20 && c != 0x7f && kSpecial.find(static_cast<char>(c)) == std::string_view::npos;
}

}  // namespace

double seconds_since_1970(const std::string& utc) {
  std::tm time{};
  if (std::sscanf(utc.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d", &time.tm_year, &time.tm_mon,
                  &time.tm_mday, &time.tm_hour, &time.tm_min, &time.tm_sec) != 6)
    return 0;
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  return static_cast<double>(::timegm(&time));
}

std::vector<std::pair<std::string, std::string>> texts_of(const Run& run) {
  std::string table = "| | |\n|---|---|\n";
  for (const char* name : kShown)
    if (const auto found = run.file.attributes().find(name); found != run.file.attributes().end())
      table += fmt::format("| {} | {} |\n", name, shown(found->second));
  std::vector<std::pair<std::string, std::string>> texts = {{"run", table + "\n" + kTags}};
  if (run.has("config")) texts.emplace_back("config", as_code(run.file.text("config")));
  return texts;
}

std::string safe_file_name(const std::string& text) {
  constexpr std::size_t kMostBytes = 100;
  std::string name;
  const std::string printable = terminal_safe(text);
  for (const char c : printable) name += is_plain(static_cast<unsigned char>(c)) ? c : '_';
  if (name.size() > kMostBytes) {
    std::size_t end = kMostBytes;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
    name.resize(end);
  }
  // Some file systems drop a trailing space or dot; a leading dot hides a file, and a leading
  // hyphen looks like an option.
  while (!name.empty() && (name.back() == ' ' || name.back() == '.')) name.pop_back();
  if (!name.empty() && (name[0] == '.' || name[0] == '-' || name[0] == ' ')) name[0] = '_';
  if (name == text && !name.empty()) return name;
  return name + (name.empty() ? "" : "-") + sha256_hex(text.data(), text.size()).substr(0, 8);
}

std::string event_folder_of(const Run& run) {
  const auto& attributes = run.file.attributes();
  const auto seed = attributes.find("seed");
  const std::string router = run.file.text("router", "unknown");
  return safe_file_name(run.file.text("experiment", "experiment")) + "/" +
         safe_file_name(run.file.text("arm", router)) + "/" +
         safe_file_name("seed " + (seed == attributes.end() ? "unknown" : shown(seed->second)));
}

}  // namespace moesim

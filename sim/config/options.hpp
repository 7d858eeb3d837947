// Options reads the settings of one part of the program, such as a router, from its config section.
//
// An option is read once, where it is used, with its default, its range and one sentence of help.
// That one call is the option's declaration: the help text, the validation (with file:line), the
// resolved config and the "unknown option" error all come from it.
//
//   Options options(settings, "router.token_choice");
//   k_ = options.integer("k", 1, {1, site.experts}, "experts per token");
#pragma once

#include "sim/config/explanation.hpp"
#include "sim/config/names.hpp"
#include "sim/core/types.hpp"

#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace moesim {

struct IntegerRange {
  index low = std::numeric_limits<index>::min();
  index high = std::numeric_limits<index>::max();
};

struct NumberRange {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

// OptionInfo is one declared option, as `moesim list options` prints it.
struct OptionInfo {
  std::string key;            // "router.token_choice.k"
  std::string type;           // "integer", "number", "flag", "choice", "text"
  std::string default_value;  // as a config file writes it
  std::string range;          // "1 .. 8", "ceil | floor | round", ""
  std::string help;
  bool former = false;  // a deprecated spelling of another option
  bool silent = false;  // left out of the resolved config while it has its default
};

// Setting is a value as text, and where it was set: "quickstart.ini:12", "command line", "default".
struct Setting {
  std::string value;
  std::string origin;
  std::string list = {};   // the list that contains it, as written; "" for a single value
  std::size_t column = 0;  // of its first character in the line; 0: unknown
};

// Settings holds the values of one run by full key ("section.key"), and the options that its parts
// have declared by reading them.
class Settings {
 public:
  void set(const std::string& key, std::string value, std::string origin);
  void unset(const std::string& key);
  void set(const std::string& key, Setting setting);
  bool has(const std::string& key) const;
  const std::map<std::string, Setting>& values() const { return values_; }
  const std::map<std::string, OptionInfo>& declared() const { return declared_; }

  // Throws (exit 2, with origin and the nearest declared key) if a key was set but never read. Keys
  // in a section of `dormant` (e.g. "router.soft" when another router runs) are only checked
  // against the options listed for that section.
  void check_all_read(const std::map<std::string, std::vector<std::string>>& dormant = {}) const;

  // Every declared option with its effective value, as a complete config file: sections in the
  // order in which they were first read. Dormant sections are left out. Deprecated options are left
  // out too; the options that they set contain their values.
  std::string resolved() const;

  // Declares an option whose value is already known, without reading it.
  void declare(const OptionInfo& info, const std::string& effective);
  // Declared keys in the order in which they were first read.
  const std::vector<std::string>& order() const { return order_; }

  // True if the resolved config has the option.
  bool is_resolved(const std::string& key) const;
  // The effective value of an option that was read.
  const std::string& effective(const std::string& key) const;

  // Sentences that describe the parts of the run, in the order in which they were added, each once.
  const std::vector<Explained>& explained() const { return explained_; }
  void explain(Explained sentence);

 private:
  friend class Options;
  std::map<std::string, Setting> values_;
  std::map<std::string, OptionInfo> declared_;
  std::map<std::string, std::string> effective_;
  std::vector<std::string> order_;
  std::vector<Explained> explained_;
};

// Options reads and declares the options of one section.
class Options {
 public:
  Options(Settings& settings, std::string section)
      : settings_(&settings), section_(std::move(section)) {}

  // The options of a nested part: in section "router.NAME", part("outer") is "router.NAME.outer".
  Options part(const std::string& role) const;

  index integer(const std::string& key, index otherwise, IntegerRange range,
                const std::string& help);
  // Reads a deprecated option, if it is set; the caller makes its value the default of the option
  // that replaced it. `help` names that option and the conversion.
  std::optional<index> former_integer(const std::string& key, IntegerRange range,
                                      const std::string& help);
  double number(const std::string& key, double otherwise, NumberRange range,
                const std::string& help);
  bool flag(const std::string& key, bool otherwise, const std::string& help);
  std::string choice(const std::string& key, const std::string& otherwise,
                     const std::vector<std::string>& allowed, const std::string& help);
  // The same for an enum with a table of names.
  template <class E>
  requires std::is_enum_v<E> E choice(const std::string& key, E otherwise,
                                      std::type_identity_t<Names<E>> names,
                                      const std::string& help) {
    return value_of<E>(names, choice(key, name_of<E>(names, otherwise), all_names<E>(names), help));
  }
  std::string text(const std::string& key, const std::string& otherwise, const std::string& help);

  // Leaves an option that was read out of the resolved config while it has its default. An option
  // that changes nothing by default then changes no run's identity.
  void keep_silent(const std::string& key);

  // Adds a sentence that describes the settings (moesim explain).
  void explain(Topic topic, std::string text) const;

  const std::string& section() const { return section_; }
  // "file:line: section.key = value", for errors that need more than a range.
  std::string where(const std::string& key) const;
  // Throws (exit 2): "where: message".
  [[noreturn]] void reject(const std::string& key, const std::string& message) const;
  Settings& settings() { return *settings_; }

 private:
  std::string raw(const std::string& key, OptionInfo info);
  index whole(const std::string& key, const std::string& text, IntegerRange range);
  void check_characters(const std::string& key, const std::string& text) const;
  void check_list(const std::string& key, bool whole) const;
  Settings* settings_;
  std::string section_;
};

}  // namespace moesim

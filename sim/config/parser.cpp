#include "sim/config/parser.hpp"

#include "sim/config/characters.hpp"
#include "sim/config/list.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace moesim {
namespace {

using config::Place;
using config::printable;
using config::trimmed;

constexpr std::size_t kLongestLine = std::size_t{64} << 10;
constexpr std::size_t kMostSettings = 2000;  // of a file and its includes together

class Parser {
 public:
  Parser(const std::string& name, const ReadInclude& read_include)
      : name_(printable(name, 512)), read_include_(read_include) {}

  ConfigFile parse(std::string_view text);

 private:
  enum class Kind { none, ordinary, sweep, zip, variant, exclude };

  void parse_line(std::string_view line);
  void check_characters(std::string_view part) const;
  void parse_section(std::string_view line);
  void parse_setting(const Place& place);
  void parse_axis(const Place& place, std::vector<ConfigFile::Axis>& axes);
  void parse_exclusion(const Place& place);
  void include(const Place& place);
  void open_named(const std::string& name);
  void check_count();
  void check_dotless(const Place& place) const;
  void check_once(const Place& place, const std::string& scope);

  std::string origin() const { return fmt::format("{}:{}", name_, line_); }
  [[noreturn]] void reject(const std::string& message) const {
    fail(Exit::usage, origin() + ": " + message);
  }

  // The place of a part of the current line.
  std::size_t column(std::string_view part) const {
    return config::column_of(whole_line_,
                             static_cast<std::size_t>(part.data() - whole_line_.data()));
  }

  std::string name_;
  const ReadInclude& read_include_;
  std::size_t line_ = 0;
  std::string_view whole_line_;
  Kind kind_ = Kind::none;
  std::string section_;                      // "router.token_choice", "zip.size"
  ConfigFile included_;                      // all includes, merged
  ConfigFile own_;                           // this file's own lines
  std::size_t settings_ = 0;                 // lines of own_, plus the settings of the includes
  std::size_t items_ = 0;                    // in all lists
  std::map<std::string, std::string> seen_;  // scope and key -> origin, to detect duplicates
};

ConfigFile Parser::parse(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++line_;
    parse_line(line);
  }
  config::check_zips(own_);
  config::lay_over(included_, own_);
  // Checked against this file: an including file or the command line may narrow an axis later.
  config::check_exclusions(own_, included_);
  return std::move(included_);
}

// Rejects characters that look like others, in a part of a line that takes only plain ones.
void Parser::check_characters(std::string_view part) const {
  if (const auto character = config::mistakable(part))
    reject(config::complaint(*character, part, column(part)));
}

void Parser::parse_line(std::string_view line) {
  whole_line_ = line;
  if (const std::size_t at = config::find_foreign_byte(line); at != std::string_view::npos)
    reject(fmt::format("byte 0x{:02x} in column {} is not text; give a config file saved as UTF-8",
                       static_cast<unsigned char>(line[at]), config::column_of(line, at)));
  if (line.size() > kLongestLine) reject("longer than 64 KiB; split the line");
  line = trimmed(line);
  if (line.empty() || line.front() == '#' || line.front() == ';') return;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '#' && (line[i - 1] == ' ' || line[i - 1] == '\t')) {
      line = trimmed(line.substr(0, i));
      break;
    }
  }
  if (line.front() == '[') return parse_section(line);

  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) {
    check_characters(line);
    reject(
        fmt::format("'{}' is neither [section] nor key = value; add what is missing, or begin "
                    "the line with #",
                    printable(line)));
  }
  const std::string_view key = trimmed(line.substr(0, equals));
  if (const auto character = config::beyond_ascii(key))
    reject(config::complaint(*character, key, column(key)));
  if (!config::is_key(key))
    reject(fmt::format("bad key '{}'; use letters, digits, '_', '-' and '.'", printable(key)));
  std::string_view value = trimmed(line.substr(equals + 1));
  if (value.starts_with('#')) value = {};
  Place place{origin(), std::string(key), std::string(value)};
  if (!value.empty()) place.column = column(value);
  if (const auto character = config::invisible(value))
    Place{place.origin, kind_ == Kind::ordinary ? section_ + "." + place.key : place.key,
          place.value}
        .reject(config::complaint(*character, value, place.column));
  parse_setting(place);
}

void Parser::parse_section(std::string_view line) {
  if (const auto character = config::beyond_ascii(line))
    reject(config::complaint(*character, line, column(line)));
  if (!line.ends_with(']'))
    reject(fmt::format("'{}' does not end with ']'; write [section]", printable(line)));
  section_ = line.substr(1, line.size() - 2);
  if (!config::is_name(section_))
    reject(fmt::format("bad section '[{}]'; use 1 to 64 letters, digits, '_', '-' and '.'",
                       printable(section_)));

  const std::size_t dot = std::min(section_.find('.'), section_.size());
  const std::string head = section_.substr(0, dot);
  const std::string name = section_.substr(std::min(dot + 1, section_.size()));
  if (head == "zip" || head == "variant") {
    kind_ = head == "zip" ? Kind::zip : Kind::variant;
    open_named(name);
  } else if (head == "sweep" || head == "exclude") {
    kind_ = head == "sweep" ? Kind::sweep : Kind::exclude;
    if (dot < section_.size())
      reject(fmt::format("[{}] takes no name; write [{}]", printable(section_), head));
  } else {
    kind_ = Kind::ordinary;
  }
}

void Parser::open_named(const std::string& name) {
  check_count();
  const std::string head = kind_ == Kind::zip ? "zip" : "variant";
  if (!config::is_name(name))
    reject(fmt::format("[{}] needs a name; write [{}.NAME]", printable(section_), head));
  const auto [first, is_new] = seen_.try_emplace("[" + section_, origin());
  if (!is_new)
    reject(fmt::format("[{}] stands twice, first at {}; merge or rename one", section_,
                       first->second));
  if (kind_ == Kind::zip) {
    own_.zips.push_back({name, origin(), {}});
  } else {
    own_.variants.push_back({name, origin(), {}});
  }
}

void Parser::parse_setting(const Place& place) {
  if (place.key == "include" && kind_ != Kind::exclude) return include(place);
  check_count();
  if (kind_ == Kind::none)
    place.reject(config::is_full_key(place.key)
                     ? fmt::format("stands before any section; write '{} = ...' under [{}]",
                                   config::short_key(place.key), config::section_of(place.key))
                     : "stands before any section; put it under its [section]");
  if (kind_ == Kind::exclude) return parse_exclusion(place);
  if (kind_ == Kind::ordinary) {
    check_dotless(place);
    const Place full{place.origin, section_ + "." + place.key, place.value};
    check_once(full, "");
    own_.values[full.key] = {full.value, full.origin, "", place.column};
    return;
  }

  if (!config::is_full_key(place.key))
    place.reject(
        fmt::format("a key in [{}] is written in full; write it like router.name", section_));
  if (kind_ == Kind::variant) {
    check_once(place, section_);
    own_.variants.back().values[place.key] = {place.value, place.origin, "", place.column};
  } else {
    check_once(place, "axis");
    parse_axis(place, kind_ == Kind::sweep ? own_.sweep : own_.zips.back().columns);
  }
}

void Parser::parse_axis(const Place& place, std::vector<ConfigFile::Axis>& axes) {
  std::vector<std::string> items = config::parse_list(place, config::kMostItems - items_);
  items_ += items.size();
  axes.push_back({place.key, std::move(items), place.origin, place.value, place.column});
}

// Parses when = key:value & key:value.
void Parser::parse_exclusion(const Place& place) {
  if (place.key != "when")
    place.reject("unknown key in [exclude]; write when = key:value & key:value");
  ConfigFile::Exclusion exclusion{place.origin, {}};
  std::string_view rest = place.value;
  for (bool more = true; more;) {
    const std::size_t end = rest.find('&');
    const std::string_view term = trimmed(rest.substr(0, end));
    if (const auto character = config::mistakable(term))
      place.reject(config::complaint(
          *character, term,
          place.column +
              config::column_of(place.value,
                                static_cast<std::size_t>(term.data() - place.value.data())) -
              1));
    const std::size_t colon = std::min(term.find(':'), term.size());
    const std::string_view key = trimmed(term.substr(0, colon));
    if (colon == term.size() || !config::is_full_key(key))
      place.reject(
          fmt::format("'{}' is no condition; write key:value & key:value, such as "
                      "router.name:soft",
                      printable(term)));
    exclusion.terms.emplace_back(key, trimmed(term.substr(colon + 1)));
    more = end != std::string_view::npos;
    if (more) rest.remove_prefix(end + 1);
  }
  own_.exclusions.push_back(std::move(exclusion));
}

void Parser::include(const Place& place) {
  if (kind_ != Kind::none)
    place.reject("stands inside a section; move it before the first [section]");
  if (place.value.empty()) place.reject("no path; write include = FILE");
  if (!read_include_) place.reject("text from memory includes no files; give a file");
  const ConfigFile file = read_include_(place);
  config::lay_over(included_, file);
  settings_ = config::setting_count(included_);
  items_ = config::item_count(included_);
  if (items_ > config::kMostItems)
    place.reject(fmt::format("more than {} items in all lists; shorten them", config::kMostItems));
  if (settings_ > kMostSettings)
    place.reject(
        fmt::format("more than {} settings with the includes; remove some", kMostSettings));
}

void Parser::check_count() {
  if (++settings_ > kMostSettings)
    reject(fmt::format("more than {} settings; this is no config file", kMostSettings));
}

void Parser::check_dotless(const Place& place) const {
  if (place.key.find('.') == std::string::npos) return;
  const std::string special = nearest(section_, {"sweep", "zip", "variant", "exclude"});
  place.reject(fmt::format("a key in [{}] has no '.'; {}", section_,
                           !special.empty()
                               ? "did you mean [" + special + "]?"
                               : fmt::format("put it under [{}]", config::section_of(place.key))));
}

void Parser::check_once(const Place& place, const std::string& scope) {
  const auto [first, is_new] = seen_.try_emplace(scope + " " + place.key, place.origin);
  if (!is_new)
    place.reject(fmt::format("set twice in this file, first at {}; keep one", first->second));
}

}  // namespace

ConfigFile parse_config(std::string_view text, const std::string& name,
                        const ReadInclude& read_include) {
  ConfigFile file = Parser(name, read_include).parse(text);
  file.path = name;
  return file;
}

}  // namespace moesim

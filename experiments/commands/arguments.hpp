// Arguments declares and parses the options of a command (with Boost.Program_options), with
// one-line errors.
#pragma once

#include "sim/config/names.hpp"

#include <boost/program_options.hpp>

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

// Offer is the words of an option's value: completions of a shell and, with one_of, all that are allowed.
struct Offer {
  std::vector<std::string> words = {};
  bool files = false;
  bool only = false;     // a given value is one of the words; the help ends in [a | b]
  bool several = false;  // or a list of them: a, b

  static Offer file() { return {{}, true}; }
  static Offer one_of(std::vector<std::string> words) { return {std::move(words), false, true}; }
  static Offer some_of(std::vector<std::string> words) {
    return {std::move(words), false, true, true};
  }
};

// Argument is one declared option of a command.
struct Argument {
  enum class Kind { flag, value, list };
  Kind kind;
  std::string name;       // "out"
  std::string otherwise;  // the default value
  std::string help;
  Offer offer;
};

class Arguments {
 public:
  // usage: "run CONFIG [key=value ...]"; about: one paragraph for --help.
  Arguments(std::string usage, std::string about);

  // Begins a group: the options declared after this call appear under `title` in --help.
  Arguments& group(const std::string& title);
  Arguments& flag(const std::string& name, const std::string& help);
  Arguments& value(const std::string& name, const std::string& otherwise, const std::string& help,
                   Offer offer = {});
  // Declares an option that may be given several times.
  Arguments& list(const std::string& name, const std::string& help);

  // Parses the words. False if they contain --help, which is then printed. Throws Exit::usage, also
  // for a value that is none of the words of Offer::one_of, or has another in a list of some_of.
  bool parse(const std::vector<std::string>& words);

  bool has(const std::string& name) const {
    return values_.count(name) > 0 && values_[name].as<bool>();
  }
  std::string text(const std::string& name) const { return values_[name].as<std::string>(); }
  const std::vector<std::string>& texts(const std::string& name) const {  // of a list, in order
    return values_[name].as<std::vector<std::string>>();
  }
  // The value that a word of Offer::one_of(all_names(names)) stands for.
  template <class E>
  E chosen(const std::string& name, Names<E> names) const {
    return value_of<E>(names, text(name));
  }
  // True if the command line has the option, even with its default value.
  bool given(const std::string& name) const { return !values_[name].defaulted(); }
  long integer(const std::string& name, long low, long high) const;
  double number(const std::string& name, double low, double high) const;
  // The description of the command, as --help prints it.
  const std::string& usage() const { return usage_; }
  const std::string& about() const { return about_; }
  const std::vector<Argument>& declared() const { return declared_; }

  const std::vector<std::string>& rest() const {
    return rest_;
  }  // the words that are not options, in order
  // Throws Exit::usage with the question ("status of what?") and the usage if rest() is empty.
  void require_rest(const std::string& question) const;

 private:
  void require_offered() const;

  std::string usage_, about_;
  std::deque<boost::program_options::options_description> groups_;
  boost::program_options::variables_map values_;
  std::vector<Argument> declared_;
  std::vector<std::string> rest_;
};

}  // namespace moesim

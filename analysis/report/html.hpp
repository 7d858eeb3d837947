// Builds pieces of HTML.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace moesim::html {

// Escapes text of several lines; keeps '\n' and tabs.
std::string lines(std::string_view text);

// Returns a <ul> of HTML items; one item is a <p>, no items are "".
std::string list(const std::vector<std::string>& items);

// Returns a <details> element, open in print and closed on screen. The summary is text, the content
// HTML.
std::string fold(std::string_view summary, const std::string& content);

// Returns a box that scrolls sideways if its content is wider than the page and that is reachable
// by keyboard. The label is text.
std::string scroll_box(std::string_view label, const std::string& content);

// Converts text to lower-case letters, digits and '-': "Soft MoE, k = 2" becomes "soft-moe-k-2". At
// most 40 characters; never empty.
std::string slug(std::string_view text);

// Names makes ids and file names unique: "a", then "a-2".
class Names {
 public:
  std::string unique(std::string_view text);

 private:
  std::map<std::string, int> last_;
  std::set<std::string> taken_;
};

}  // namespace moesim::html

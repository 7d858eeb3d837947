// Page is an HTML document of sections that needs nothing but itself: style and script are in it,
// and its policy forbids every request.
#pragma once

#include <string>
#include <vector>

namespace moesim::html {

struct Section {
  std::string id;       // unique in the page
  std::string title;    // text
  std::string content;  // HTML; a section without any is left out
};

struct Page {
  std::string title;              // text
  std::vector<std::string> lead;  // below the title: lines of text
  std::string generator;          // text: the program that wrote it
  std::vector<Section> sections;
};

// The whole document. The same page gives the same bytes.
std::string document(const Page& page);

// The style sheet and the script of every page.
extern const char* const kStyle;
extern const char* const kScript;
// The hash of the script, as a policy has it: no other script runs.
extern const char* const kScriptHash;

}  // namespace moesim::html

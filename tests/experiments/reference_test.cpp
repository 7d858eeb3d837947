// Tests the manual page and the shell completions.
#include "experiments/commands/reference.hpp"

#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"

#include <map>
#include <set>

namespace moesim::testing {
namespace {

// Commands of a build that is not this one, with what shells and roff take for something else.
Reference small_reference() {
  Arguments arguments("run CONFIG [key=value ...]", ".starts with a dot\n  and a `list\\ of` it's");
  arguments.flag("dry-run", "plan [only]: stop").value("out", "runs", "a folder", Offer::file());
  arguments.value("format", "", "it's text", {{"text", "csv"}});
  Reference reference{"1.2.3", {{"run", "train: a run", arguments}}, {}, {"dense", "mlp"}};
  reference.settings["router.name"] = {"router.name", "choice", "dense", "dense | soft",
                                       "C:\\ how, it's"};
  reference.settings["run.steps"] = {"run.steps", "integer", "300", "1 .. 9", "steps"};
  return reference;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("operands are read from the usage of a command", "[reference]") {
  const Operands run = operands_of("run CONFIG [key=value ...]");
  CHECK((run.first.configs && !run.first.settings));
  CHECK((run.later.settings && !run.later.configs));
  const Operands bench = operands_of("bench [CONFIG] [key=value ...]");
  CHECK((bench.first.configs && bench.first.settings));
  CHECK((bench.later.settings && !bench.later.configs));
  const Operands report = operands_of("report PATH... --out report.html");
  CHECK((report.first.files && report.later.files));
  const Operands import = operands_of("import-trace FILE... --out TRACE.h5");
  CHECK((import.first.files && import.later.files));
  CHECK(operands_of("whatif TRACE... [--capacity LIST]").first.files);
  const Operands sample = operands_of("sample RUN --prompt TEXT");
  CHECK((sample.first.files && !sample.later.files));
  const Operands explain = operands_of("explain CONFIG|RUN|ROUTER [OTHER] [key=value ...]");
  CHECK((explain.first.configs && explain.first.files && !explain.first.settings));
  CHECK((explain.later.configs && explain.later.files && explain.later.settings));
  const Operands list = operands_of("list routers|options [PATTERN]");
  CHECK(list.first.words == std::vector<std::string>{"routers", "options"});
  CHECK(list.later.words.empty());
  // Behind a router keys are those of its own section.
  const Operands check = operands_of("check [ROUTER|EXPERT [key=value ...]]...");
  CHECK((check.first.plugins && check.later.plugins));
  CHECK((!check.first.settings && !check.later.settings));
  CHECK_THROWS_AS(operands_of("run NOBODY"), Error);
}

TEST_CASE("settings have the values of their ranges where these are few", "[reference]") {
  const auto values = [](const std::string& type, const std::string& range) {
    return values_of({"a.b", type, "", range, ""});
  };
  CHECK(values("choice", "a | b") == std::vector<std::string>{"a", "b"});
  CHECK(values("flag", "true | false") == std::vector<std::string>{"true", "false"});
  CHECK(values("choice", "a | b or b | none") == std::vector<std::string>{"a", "b", "none"});
  CHECK(values("integer", "1 .. 8").empty());
  CHECK(values("text", "").empty());
}

TEST_CASE("texts are quoted as each reader wants them", "[reference]") {
  const Reference reference = small_reference();
  const std::string man = manual_page(reference);
  CHECK(has(man, "\n\\&.starts with a dot\n.RS\n.nf\nand a \\(galist\\e of\\(ga it's\n.fi\n.RE\n"));
  CHECK(has(man, "\n.TP\n\\fB\\-\\-out\\fR \\fIFILE\\fR\na folder (default: runs)\n"));
  CHECK(has(man, "\n.TP\n\\fBrouter.name\\fR\nC:\\e how, it's; dense | soft (default: dense)\n"));
  CHECK(has(man, "\"moesim 1.2.3\""));

  const std::string bash = bash_completion(reference);
  CHECK(has(bash, "    run) echo '--help --dry-run --out --format' ;;\n"));
  CHECK(has(bash, "    'run --out') echo '@files' ;;\n    'run --format') echo 'text csv' ;;\n"));
  CHECK(has(bash, "    router.name) echo 'dense soft' ;;\n"));
  CHECK(!has(bash, "'run --dry-run')"));  // takes no value

  const std::string zsh = zsh_completion(reference);
  CHECK(has(zsh, "'--dry-run[plan \\[only\\]\\: stop]' \\\n"));
  CHECK(has(zsh, "'--format=[it'\\''s text]:format:(text csv)' \\\n"));
  CHECK(has(zsh, "'router.name=:C\\:\\\\ how, it'\\''s'\n"));
  CHECK(has(zsh, "'run:train\\: a run'\n"));

  const std::string fish = fish_completion(reference);
  CHECK(has(fish, "-l format -x -a 'text csv' -d 'it\\'s text'\n"));
  CHECK(has(fish, "router.name= 'C:\\\\ how, it\\'s'\n"));
  CHECK(has(fish, "-l out -r -F -d 'a folder'\n"));
}

TEST_CASE("every command of this build has what completes it, and nothing takes its words twice",
          "[reference]") {
  const Reference reference = whole_reference();
  std::set<std::string> names;
  for (const auto& [name, summary, arguments] : reference.commands) {
    CHECK(names.insert(name).second);
    CHECK(arguments.usage().starts_with(name));
    CHECK_NOTHROW(operands_of(arguments.usage()));
    std::set<std::string> options;
    for (const Argument& option : arguments.declared()) {
      CHECK(options.insert(option.name).second);
      CHECK(!option.help.empty());
    }
  }
  CHECK(manual_page(reference) == manual_page(whole_reference()));
}

}  // namespace moesim::testing

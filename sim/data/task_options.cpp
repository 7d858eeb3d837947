#include "sim/data/task_options.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/name_lists.hpp"
#include "sim/data/pair_files.hpp"
#include "sim/data/root.hpp"
#include "sim/io/file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace moesim {
namespace {

constexpr index kMostPairs = index{1} << 31;

constexpr Named<TaskInput> kInputs[] = {{"label", TaskInput::label},
                                        {"instruction", TaskInput::instruction},
                                        {"none", TaskInput::none}};
constexpr Named<LossOn> kLossOn[] = {{"target", LossOn::target}, {"all", LossOn::all}};

// The sentences of a list; | separates them.
std::vector<std::string> sentences_of(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream stream(text);
  for (std::string one; std::getline(stream, one, '|');) all.emplace_back(config::trimmed(one));
  return all;
}

std::vector<std::string> generated_names() {
  std::vector<std::string> names;
  for (const GeneratedTask& task : generated_tasks()) names.push_back(task.name);
  return names;
}

// Reads "copy, reverse:500": names of generated tasks, each with its number of training pairs.
std::vector<std::pair<const GeneratedTask*, index>> generated_of(const Options& options,
                                                                 const std::string& text,
                                                                 index pairs) {
  std::vector<std::pair<const GeneratedTask*, index>> tasks;
  for (const std::string& word : words_of(text)) {
    const std::size_t colon = word.find(':');
    const std::string name = word.substr(0, colon);
    const GeneratedTask* const task = generated_task(name);
    if (task == nullptr)
      options.reject("tasks",
                     fmt::format("no generated task is called '{}'{}", config::printable(name),
                                 perhaps(name, generated_names())));
    index count = pairs;
    if (colon != word.npos && (config::parse(word.substr(colon + 1), count) != std::errc{} ||
                               count < 1 || count > kMostPairs))
      options.reject("tasks", fmt::format("'{}': expected name:pairs with 1 to {} pairs",
                                          config::printable(word), kMostPairs));
    tasks.emplace_back(task, count);
  }
  return tasks;
}

// Length of a text in tokens, before there is a tokenizer of characters.
index tokens_in(const std::string& text, const Tokenizer* tokenizer) {
  index count = 0;
  if (tokenizer != nullptr)
    tokenizer->encode(text, [&](std::int32_t) { ++count; });
  else
    count = std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
  return count;
}

// Tokens of an example but for source and target: the longest beginning, [sep] and [eos].
index frame_of(const ExampleFormat& format, const std::string& label, const Tokenizer* tokenizer) {
  index most = format.input == TaskInput::label ? 1 : 0;
  if (format.input == TaskInput::instruction)
    for (index i = 0; i < static_cast<index>(format.instructions.size()); ++i)
      most = std::max(most, tokens_in(instruction_of(format, label, i), tokenizer));
  return most + 2;
}

// One token for every character that occurs.
std::unique_ptr<Tokenizer> characters_of(const std::vector<LabelledPairs>& tasks,
                                         const TaskOptions& read) {
  std::set<std::string> texts;
  const auto take = [&](const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const CodePoint point = code_point(text, at);
      texts.insert(text.substr(at, static_cast<std::size_t>(point.bytes)));
      at += static_cast<std::size_t>(point.bytes);
    }
  };
  if (!read.tasks.empty()) take("abcdefghijklmnopqrstuvwxyz0123456789+:()[]{}<>");
  if (read.format.input == TaskInput::instruction)
    for (const LabelledPairs& task : tasks)
      for (index i = 0; i < static_cast<index>(read.format.instructions.size()); ++i)
        take(instruction_of(read.format, task.label, i));
  for (std::size_t task = read.tasks.size(); task < tasks.size(); ++task)  // those of files
    for (const Split split : {Split::train, Split::validation})
      for (index i = 0; i < tasks[task].pairs->size(split); ++i) {
        const Pair pair = tasks[task].pairs->pair(split, i);
        take(pair.source), take(pair.target);
      }
  return character_tokenizer({texts.begin(), texts.end()});
}

}  // namespace

TaskOptions TaskOptions::read(Options& options) {
  // Declare every option before anything can fail: `moesim list options` relies on it.
  TaskOptions read;
  const std::string tasks = options.text(
      "tasks", "",
      fmt::format("generated tasks, of {}; NAME:N has N training pairs instead of data.pairs",
                  fmt::join(generated_names(), ", ")));
  const index pairs =
      options.integer("pairs", 10000, {1, kMostPairs}, "training pairs of each generated task");
  read.validation_pairs = options.integer("validation_pairs", 256, {1, 1 << 20},
                                          "validation pairs of each generated task");
  read.generated.symbols =
      options.integer("symbols", 26, {2, 26}, "letters of the sources of generated tasks");
  read.generated.longest = options.integer("source_length", 8, {2, 1000},
                                           "most letters or brackets of a generated source; the "
                                           "fewest are half of it");
  read.generated.modulus = options.integer("modulus", 97, {2, 1000000}, "modulus of the task add");
  read.generated.seed = static_cast<std::uint64_t>(options.integer(
      "seed", 0, {0, IntegerRange{}.high}, "seed of the generated pairs, independent of run.seed"));
  const std::string path = options.text(
      "path", "",
      "files of pairs, JSON lines or .tsv (source, tab, target): file, folder, pattern, or several "
      "label:pattern separated by ';', each a task");
  read.source_field =
      options.text("source_field", "source", "JSON lines: the key of the source; a.b is b in a");
  read.target_field = options.text("target_field", "target", "JSON lines: the key of the target");
  read.domain_field = options.text("domain_field", "",
                                   "JSON lines: the key of the task's label; empty: those of path");
  read.tokens = options.choice("tokens", "bytes", {"bytes", "chars", "sentencepiece"},
                               "kind of tokens of sources and targets");
  const std::string root = data_root(options);
  read.model_path = under_root(root, options.text("model", "", "SentencePiece model file"));
  read.length = options.integer("length", 64, {1, 65536}, "positions per sequence");
  read.packed = options.flag("packed", false,
                             "fill training sequences with examples, of which the last is cut; "
                             "false: one each. Validation always has one each");
  read.format.input = options.choice(
      "input", TaskInput::label, kInputs,
      "what says which task it is: the label as a token, a sentence of data.instructions, or none");
  read.format.instructions = sentences_of(options.text(
      "instructions", "{}:|apply {} to|task {}, input",
      "sentences before the source, separated by |, with {} for the label; one is drawn"));
  read.format.loss_on = options.choice("loss_on", LossOn::target, kLossOn,
                                       "tokens that count: of the target, or all of an example");
  read.cap = options.integer("cap", 1000000, {1, kMostPairs},
                             "pairs of a task that count for its share of the examples");
  read.temperature = options.number(
      "temperature", 1, {0.01, 1e6},
      "T: a task of n training pairs has a share proportional to min(n, cap)^(1/T); large: equal");
  read.held_out = words_of(options.text("held_out", "", "tasks without training examples"));
  read.evaluated =
      words_of(options.text("evaluated", "", "tasks of the validation split; empty: all"));
  const double fraction = options.number(
      "validation_fraction", 0.1, {0.001, 0.9},
      "share of all sources, in every task the same ones, that only the validation split has");

  read.generated.validation_fraction = fraction;
  read.tasks = generated_of(options, tasks, pairs);
  if (!path.empty()) read.parts = corpus_parts(options, "path", path, root);
  if (read.parts.empty() && read.tasks.empty())
    options.reject("tasks", fmt::format("no pairs; name generated tasks ({}), or files of pairs in "
                                        "data.path",
                                        fmt::join(generated_names(), ", ")));
  if (read.parts.empty() && !read.domain_field.empty())
    options.reject("domain_field", "is of the files in data.path, and there are none");
  if (!read.domain_field.empty() && (read.parts.size() > 1 || !read.parts.front().label.empty()))
    options.reject("domain_field", "data.path names tasks already; leave out its labels");
  if (read.format.instructions.empty())
    options.reject("instructions", "no sentence; write one, or set data.input = none");
  if (read.tokens == "sentencepiece") {
    if (read.model_path.empty())
      options.reject("model", "tokens = sentencepiece needs a model file");
    if (!read.tasks.empty())
      options.reject("tokens", "generated tasks are letters and digits; choose bytes or chars");
    within([&] { return options.where("model"); },
           [&] { read.model = read_file(read.model_path, std::uint64_t{1} << 30); });
  }
  return read;
}

std::string TaskOptions::fingerprint() const {
  return fmt::format(
      "tasks length {} packed {} input {} instructions {} loss_on {} cap {} temperature {} "
      "held_out "
      "{} evaluated {} validation_fraction {}",
      length, packed, name_of<TaskInput>(kInputs, format.input),
      fmt::join(format.instructions, "|"), name_of<LossOn>(kLossOn, format.loss_on), cap,
      temperature, fmt::join(held_out, ","), fmt::join(evaluated, ","),
      generated.validation_fraction);
}

TaskData read_task_data(Options& options, const TaskOptions& read) {
  TaskData data;
  std::unique_ptr<Tokenizer> text;
  if (read.tokens == "bytes") text = byte_tokenizer();
  if (read.tokens == "sentencepiece")
    within([&] { return options.where("model"); },
           [&] { text = sentencepiece_tokenizer(read.model_path, read.model); });
  for (const auto& [task, pairs] : read.tasks) {
    const index most =
        frame_of(read.format, task->name, text.get()) + most_characters(task->kind, read.generated);
    if (most > read.length + 1)
      options.reject("length",
                     fmt::format("examples of {} have up to {} tokens; set {} or more, or "
                                 "shorten data.source_length",
                                 task->name, most, most - 1));
    data.tasks.push_back(
        {task->name, generate_pairs(*task, read.generated, pairs, read.validation_pairs)});
    within([&] { return options.where("tasks"); },
           [&] {
             for (const Split split : {Split::train, Split::validation})
               data.tasks.back().pairs->pair(split, 0);
           });
  }
  if (!read.parts.empty())
    within([&] { return options.where("path"); },
           [&] {
             PairReading reading{read.source_field, read.target_field, read.domain_field,
                                 read.tokens != "bytes", read.generated.validation_fraction};
             reading.fits = [&](const Pair& pair, const std::string& label) {
               return frame_of(read.format, label, text.get()) +
                          tokens_in(pair.source, text.get()) + tokens_in(pair.target, text.get()) <=
                      read.length + 1;
             };
             PairFiles files = read_pairs(read.parts, reading);
             for (LabelledPairs& task : files.tasks) data.tasks.push_back(std::move(task));
             if (files.empty + files.too_long > 0)
               data.note = fmt::format(
                   "pairs left out: {} without source or target, {} longer than "
                   "data.length",
                   files.empty, files.too_long);
           });
  std::vector<std::string> labels;
  for (const LabelledPairs& task : data.tasks) {
    const char* const key = labels.size() < read.tasks.size() ? "tasks" : "path";
    if (TaskTokenizer::is_reserved(task.label))
      options.reject(key, fmt::format("a task cannot be called {}; name it otherwise", task.label));
    if (std::find(labels.begin(), labels.end(), task.label) != labels.end())
      options.reject(key, fmt::format("two tasks are called {}", task.label));
    labels.push_back(task.label);
  }
  require_names(options, "held_out", "task", read.held_out, labels);
  require_names(options, "evaluated", "task", read.evaluated, labels);
  require_some_left(options, "held_out", "task", read.held_out, labels);
  if (text == nullptr) text = characters_of(data.tasks, read);
  data.tokenizer = std::make_unique<TaskTokenizer>(std::move(text), labels);
  return data;
}

}  // namespace moesim

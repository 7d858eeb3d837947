#include "sim/train/trace_recorder.hpp"

#include "sim/train/evaluator.hpp"

#include <algorithm>

namespace moesim {
namespace {

constexpr std::int64_t kRowBytes = 4 + 4 + 1 + 1;  // token, gate, served, choice
constexpr index kTraces = 10;                      // of a run, by default

// Ten of `steps`, at steps whose routing is recorded, too, if these are at least as many.
index spread(index steps, index every) {
  const index stride = std::max<index>(1, (steps + kTraces - 1) / kTraces);
  return stride < every ? stride : (stride + every - 1) / every * every;
}

std::int64_t most_choices(const StepTrace& trace) {
  std::int64_t most = 0;
  for (const LayerTrace& layer : trace.layers) {
    std::vector<std::int64_t> of(static_cast<std::size_t>(trace.tokens), 0);
    for (const TraceRow& row : layer.rows)
      most = std::max(most, ++of[static_cast<std::size_t>(row.token)]);
  }
  return most;
}

std::int64_t integer(const RunFile& file, const std::string& name) {
  const auto found = file.attributes().find(name);
  const auto* value =
      found == file.attributes().end() ? nullptr : std::get_if<std::int64_t>(&found->second);
  return value == nullptr ? 0 : *value;
}

std::vector<double> doubles_of(const std::vector<std::int32_t>& values) {
  return {values.begin(), values.end()};
}

}  // namespace

std::int64_t TraceWriter::bytes(index rows) const {
  const std::int64_t each = 8 + 8 * sizes_.layers * (sizes_.experts + 1) +
                            4 * sizes_.tokens * (int{sizes_.ids} + int{sizes_.domains}) +
                            8 * sizes_.tokens * int{sizes_.losses};
  return each + kRowBytes * rows;
}

double TraceWriter::bytes_of(double rows) const {
  return static_cast<double>(bytes(index{0})) + static_cast<double>(kRowBytes) * rows;
}

std::int64_t TraceWriter::bytes(const StepTrace& trace) const {
  index rows = 0;
  for (const LayerTrace& layer : trace.layers) rows += static_cast<index>(layer.rows.size());
  return bytes(rows);
}

void TraceWriter::append_rows(RunFile& file, const std::vector<TraceRow>& rows) const {
  // A block's worth at a time, so that memory holds few doubles.
  constexpr std::size_t kPiece = 1 << 16;
  for (std::size_t first = 0; first < rows.size(); first += kPiece) {
    const std::size_t last = std::min(rows.size(), first + kPiece);
    const auto append = [&](const char* name, const auto& get) {
      std::vector<double> values;
      values.reserve(last - first);
      for (std::size_t i = first; i < last; ++i)
        values.push_back(static_cast<double>(get(rows[i])));
      file.append(name, values);
    };
    append("trace_token", [](const TraceRow& row) { return row.token; });
    append("trace_gate", [](const TraceRow& row) { return row.gate; });
    append("trace_served", [](const TraceRow& row) { return row.served ? 1 : 0; });
    append("trace_choice", [](const TraceRow& row) { return row.choice; });
    file.finish_blocks();
  }
}

void TraceWriter::describe(RunFile& file, const StepTrace& trace) const {
  LayerTrace::Rows kind = LayerTrace::Rows::none;
  for (const LayerTrace& layer : trace.layers) kind = std::max(kind, layer.kind);
  file.attribute("trace_rows", std::string(name_of(kind)));
  file.attribute("trace_tokens", std::int64_t{trace.tokens});
  file.attribute("trace_length", std::int64_t{trace.length});
  file.attribute("trace_pass_tokens", std::int64_t{trace.pass_tokens});
  file.attribute("trace_k_max", std::max(integer(file, "trace_k_max"), most_choices(trace)));
  file.attribute("trace_fixed", std::int64_t{trace.fixed});
}

void TraceWriter::append(RunFile& file, index step, const StepTrace& trace) {
  written_ += bytes(trace);
  std::vector<double> begin;
  begin.reserve(static_cast<std::size_t>(sizes_.layers * (sizes_.experts + 1)));
  for (const LayerTrace& layer : trace.layers) {
    std::vector<index> count(static_cast<std::size_t>(sizes_.experts), 0);
    for (const TraceRow& row : layer.rows) ++count[static_cast<std::size_t>(row.expert)];
    if (layer.kind == LayerTrace::Rows::slots)
      std::fill_n(count.begin(), layer.experts, layer.slots);
    begin.push_back(static_cast<double>(next_));
    for (const index rows : count) begin.push_back(static_cast<double>(next_ += rows));
    append_rows(file, layer.rows);
  }
  describe(file, trace);
  file.append("trace_step", static_cast<double>(step));
  file.append("trace_begin", begin);
  if (sizes_.ids) file.append("trace_token_id", doubles_of(trace.ids));
  if (sizes_.domains) file.append("trace_domain", doubles_of(trace.domains));
  if (sizes_.losses) file.append("trace_loss", trace.losses);
  file.finish_blocks();
}

void TraceWriter::restore(const RunFile& file) {
  next_ = 0, written_ = 0;
  const Variable *steps = file.find("trace_step"), *rows = file.find("trace_token");
  if (steps == nullptr || rows == nullptr || steps->shape[0] == 0) return;
  next_ = static_cast<index>(file.all_values("trace_begin").back());
  written_ = steps->shape[0] * bytes(index{0}) + kRowBytes * rows->shape[0];
}

TraceRecorder::TraceRecorder(Settings& settings, index every, TraceSizes sizes) : writer_(sizes) {
  Options record(settings, "record");
  on_ = record.flag("trace", false, "record the assignments of whole steps, row by row");
  every_ = record.integer("trace_every", 0, {0, kManySteps},
                          "steps between traced steps; 0: ten of them, spread over the training");
  most_bytes_ =
      record.integer("trace_bytes", 256 << 20, {0, 1ll << 50},
                     "tracing ends before the step that would pass this, before compression");
  for (const char* key : {"trace", "trace_every", "trace_bytes"}) record.keep_silent(key);
  const index steps =
      Options(settings, "run").integer("steps", 300, {1, kManySteps}, "optimiser steps");
  if (every_ == 0) every_ = spread(steps, every);
}

void TraceRecorder::append(RunFile& file, index step, const StepTrace& trace) {
  ended_ = writer_.written() + writer_.bytes(trace) > most_bytes_;
  if (ended_)
    file.attribute("trace_end", std::int64_t{step});
  else
    writer_.append(file, step, trace);
}

void TraceRecorder::restore(const RunFile& file) {
  ended_ = file.attributes().contains("trace_end");
  if (on_) writer_.restore(file);
}

}  // namespace moesim

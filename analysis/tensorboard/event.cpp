#include "analysis/tensorboard/event.hpp"

#include "analysis/tensorboard/crc32c.hpp"
#include "analysis/tensorboard/protobuf.hpp"

namespace moesim {
namespace {

enum EventField { kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7 };
enum ValueField { kTag = 1, kSimpleValue = 2, kTensor = 8, kMetadata = 9 };
constexpr int kSummaryValue = 1;
constexpr int kDtype = 1, kDtypeString = 7, kTensorShape = 2, kStringValue = 8;
constexpr int kPluginData = 1, kPluginName = 1;
constexpr int kStatus = 1, kStatusStart = 1;

Message text_value(const std::string& tag, const std::string& text) {
  const Message tensor = Message()
                             .integer(kDtype, kDtypeString)
                             .message(kTensorShape, Message())
                             .text(kStringValue, text);
  const Message metadata = Message().message(kPluginData, Message().text(kPluginName, "text"));
  return Message().text(kTag, tag).message(kTensor, tensor).message(kMetadata, metadata);
}

}  // namespace

std::string framed(std::string_view data) {
  const std::string length = little_endian(data.size(), 8);
  std::string record = length + little_endian(masked_crc32c(length), 4);
  record += data;
  return record + little_endian(masked_crc32c(data), 4);
}

std::string beginning(double wall_time) {
  const Message version = Message().real(kWallTime, wall_time).text(kFileVersion, "brain.Event:2");
  const Message start = Message()
                            .real(kWallTime, wall_time)
                            .message(kSessionLog, Message().integer(kStatus, kStatusStart));
  return framed(version.bytes()) + framed(start.bytes());
}

std::string record_of(const Event& event) {
  Message summary;
  for (const auto& [tag, value] : event.scalars)
    summary.message(kSummaryValue,
                    Message().text(kTag, tag).real(kSimpleValue, static_cast<float>(value)));
  for (const auto& [tag, text] : event.texts) summary.message(kSummaryValue, text_value(tag, text));
  const Message message = Message()
                              .real(kWallTime, event.wall_time)
                              .integer(kStep, event.step)
                              .message(kSummary, summary);
  return framed(message.bytes());
}

}  // namespace moesim

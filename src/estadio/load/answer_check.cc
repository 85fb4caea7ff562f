#include "estadio/load/answer_check.h"

#include <fmt/format.h>

#include "base/printable.h"

namespace estadio::load {
namespace {

constexpr std::size_t kShown = 120;  // characters of a body

}  // namespace

std::optional<std::string> AnswerCheck::difference(const Answer& answer, std::string_view body,
                                                   const SentEntries& sent) {
  switch (answer.kind) {
    case Answer::Kind::kOne:
      if (batch_ == 1) return difference_of_one(answer, sent);
      break;
    case Answer::Kind::kSeveral:
      if (batch_ > 1 || answer.accepted != 1) return difference_of_several(answer);
      if (foreign_ == ForeignBody::kFits) return std::nullopt;
      break;
    case Answer::Kind::kForeign:
      if (foreign_ == ForeignBody::kFits) return std::nullopt;
      break;
    case Answer::Kind::kMalformed: break;
  }
  return fmt::format("'{}', expected {}", base::printable(body, kShown), expected());
}

std::optional<std::string> AnswerCheck::difference_of_one(const Answer& answer,
                                                          const SentEntries& sent) {
  if (answer.repeated > 1) return fmt::format("repeated {}, expected at most 1", answer.repeated);
  switch (sent.id_source) {
    case SentEntries::IdSource::kClient:
      // Most servers answer in the letters that were sent.
      if (answer.id == sent.ids || base::Uuid::parse(sent.ids) == answer.uuid) return std::nullopt;
      return fmt::format("id {}, expected {}, the id that was sent", answer.uuid.to_string(),
                         sent.ids);
    case SentEntries::IdSource::kServer:
      if (seen_.add(answer.uuid)) return std::nullopt;
      return fmt::format("id {} to a second entry, expected an id of its own",
                         answer.uuid.to_string());
    case SentEntries::IdSource::kUnknown: break;
  }
  return std::nullopt;
}

std::optional<std::string> AnswerCheck::difference_of_several(const Answer& answer) const {
  if (answer.accepted != batch_) {
    return fmt::format("accepted {}, expected {}, the number of entries that were sent",
                       answer.accepted, batch_);
  }
  if (answer.has_outcomes &&
      (answer.winners > batch_ || answer.losers != batch_ - answer.winners)) {
    return fmt::format("winners {} and losers {}, expected {} together", answer.winners,
                       answer.losers, batch_);
  }
  if (answer.repeated > batch_) {
    return fmt::format("repeated {}, expected at most {}", answer.repeated, batch_);
  }
  return std::nullopt;
}

std::string AnswerCheck::expected() const {
  return batch_ == 1 ? R"({"id":"UUID","outcome":"winner" or "loser"})"
                     : fmt::format(R"({{"accepted":{},…}})", batch_);
}

}  // namespace estadio::load

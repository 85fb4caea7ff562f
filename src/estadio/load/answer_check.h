// Whether the answer to an accepted request fits what was sent.
//
//   entries      answer                      fits when
//   1, with id   {"id":…,"outcome":…}        the id is the one that was sent
//   1, no id     {"id":…,"outcome":…}        no other entry has got the id (answered_ids.h)
//   several      {"accepted":n,"winners":…}  n is the number of entries
//                                            winners and losers add up to n
//                                            repeated is at most n
//
// A sent id that is no UUID is not compared. Another server than a contest's may answer with
// another body, such as "{}". The check cannot judge such a body: ForeignBody decides. It also
// decides on {"accepted":1,…} as the answer to one entry.
//
// Threads: belongs to a generator's thread; the AnsweredIds are shared.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "estadio/load/answered_ids.h"
#include "estadio/load/json_reader.h"
#include "estadio/load/request_writer.h"

namespace estadio::load {

// Whether a body that is no answer of a contest's server fits. kIsWrong when acks are written.
enum class ForeignBody { kFits, kIsWrong };

class AnswerCheck {
 public:
  // Each request has `batch` entries. REQUIRES: `seen` outlives this.
  AnswerCheck(std::int64_t batch, ForeignBody foreign, AnsweredIds& seen)
      : batch_(static_cast<std::uint64_t>(batch)), foreign_(foreign), seen_(seen) {}

  // Returns nothing when the answer fits, else a text: what the server answered and what was
  // expected. The text has no character that steers a terminal. Remembers the ids that the server
  // gives.
  [[nodiscard]] std::optional<std::string> difference(const Answer& answer, std::string_view body,
                                                      const SentEntries& sent);

 private:
  [[nodiscard]] std::optional<std::string> difference_of_one(const Answer& answer,
                                                             const SentEntries& sent);
  [[nodiscard]] std::optional<std::string> difference_of_several(const Answer& answer) const;
  [[nodiscard]] std::string expected() const;

  const std::uint64_t batch_;
  const ForeignBody foreign_;
  AnsweredIds& seen_;
};

}  // namespace estadio::load

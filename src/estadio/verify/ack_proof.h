// The part of a proof that is about acks. Compares them with the records of the log.
//
// Threads: belongs to one thread.
#pragma once

#include "estadio/contest/contest.h"
#include "estadio/contest/record.h"
#include "estadio/verify/acks.h"
#include "estadio/verify/report.h"

namespace estadio {

class AckProof {
 public:
  // REQUIRES: all of these outlive the AckProof.
  struct Options {
    const Contest& contest;
    Acks* acks = nullptr;  // null: nothing is compared
    bool are_acks_complete = true;
    VerifyReport& report;      // gets the numbers of acks
    Differences& differences;  // gets what acks and log do not have in common
  };

  explicit AckProof(const Options& options) : options_(options) {}

  // Compares a record that counts with its ack. A repeat is compared in its outcome alone.
  void add(const Record& record, bool is_repeat, const RecordPlace& place);
  // Finds the acks without a record. To be called after the last record.
  void finish();

 private:
  // Compares the faculty and the discipline of an ack with those of its record.
  void compare_place(const Acks::Ack& ack, const Record& record, const RecordPlace& place);

  const Options options_;
};

}  // namespace estadio

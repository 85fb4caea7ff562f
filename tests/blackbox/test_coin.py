"""The coin is committed to before the contest, revealed after it, and recomputed here."""

import datetime
import hashlib
import shutil
import uuid

from deadlines import seconds, wait_until
from estadio import CLOSED_CONTEST, CONTEST, assert_verified, entry
from wire import assert_problem

MASK = 2**64 - 1


def rotate_left(value, bits):
    return (value << bits | value >> (64 - bits)) & MASK


def siphash_2_4(key, message):
    """SipHash-2-4 (Aumasson and Bernstein, 2012) of `message` under a key of 16 bytes."""
    k0, k1 = (int.from_bytes(key[i:i + 8], "little") for i in (0, 8))
    v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
         k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573]

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & MASK
            v[2] = (v[2] + v[3]) & MASK
            v[1] = rotate_left(v[1], 13) ^ v[0]
            v[3] = rotate_left(v[3], 16) ^ v[2]
            v[0] = rotate_left(v[0], 32)
            v[2] = (v[2] + v[1]) & MASK
            v[0] = (v[0] + v[3]) & MASK
            v[1] = rotate_left(v[1], 17) ^ v[2]
            v[3] = rotate_left(v[3], 21) ^ v[0]
            v[2] = rotate_left(v[2], 32)

    padded = message + bytes(-(len(message) + 1) % 8) + bytes([len(message) & 0xFF])
    for i in range(0, len(padded), 8):
        word = int.from_bytes(padded[i:i + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def test_siphash_here_is_siphash():
    """The SipHash of these tests gives the example of the paper's appendix A."""
    assert siphash_2_4(bytes(range(16)), bytes(range(15))) == 0xa129ca6149be45e5


def test_an_open_contest_never_shows_its_seed(start, tmp_path):
    contest = tmp_path / "contest.toml"
    contest.write_text("closes_at = 2999-01-01T00:00:00Z\n" + CONTEST, encoding="utf-8")
    server = start("--contest", contest)
    assert server.post(entry()).status == 200
    assert not server.contest().get("seed")


def test_a_closed_contest_refuses_entries(start, tmp_path):
    contest = tmp_path / "contest.toml"
    contest.write_text(CLOSED_CONTEST, encoding="utf-8")
    server = start("--contest", contest)
    assert_problem(server.post(entry()), 403)
    assert_problem(server.post([entry(), entry()]), 403)
    assert_problem(server.post(entry(), path="/ingenieria"), 403)
    assert server.scores()["total"] == 0
    assert_verified(server.data, "--contest", contest)


def test_a_closed_contest_reveals_the_seed_it_committed_to_and_every_outcome_follows_from_it(
        start, tmp_path):
    contest = tmp_path / "contest.toml"
    contest.write_text(CONTEST, encoding="utf-8")
    open_server = start("--contest", contest)
    commitment = open_server.contest()["seed_commitment"]
    ids = [str(uuid.uuid4()) for _ in range(200)]
    outcomes = {i: open_server.post(entry(id=i)).json()["outcome"] for i in ids}
    open_server.scores_of_all_accepted()
    open_server.stop()

    contest.write_text(CLOSED_CONTEST, encoding="utf-8")
    closed = start("--contest", contest)
    wait_until(lambda: closed.contest().get("seed"), "the seed")
    published = closed.contest()
    assert published["seed_commitment"] == commitment
    seed = bytes.fromhex(published["seed"])
    assert hashlib.sha256(seed).hexdigest() == commitment

    # The outcome is one bit of the hash of one form of the id: 200 outcomes fit only one choice.
    explanations = [
        (form, bit, sign)
        for form, of in (("bytes", lambda i: uuid.UUID(i).bytes), ("text", str.encode))
        for bit in range(64) for sign in (0, 1)
        if all((siphash_2_4(seed[:16], of(i)) >> bit & 1) ^ sign == (outcomes[i] == "winner")
               for i in ids)]
    assert len(explanations) == 1, explanations


def test_a_retry_after_the_end_and_a_crash_is_answered_also_where_the_score_is_behind(
        start, tmp_path):
    contest = tmp_path / "contest.toml"
    contest.write_text(CONTEST, encoding="utf-8")
    server = start("--contest", contest)
    accepted = [entry(id=str(uuid.uuid4())) for _ in range(20)]
    outcomes = {each["id"]: server.post(each).json()["outcome"] for each in accepted}
    server.kill()
    shutil.rmtree(server.data / "score")  # older than the log, as after a power cut, or gone

    contest.write_text(CLOSED_CONTEST, encoding="utf-8")
    again = start("--contest", contest)
    wait_until(lambda: again.post(accepted[0]).status == 200, "the accepted ids to be read")
    for each in accepted:
        answer = again.post(each)
        assert answer.status == 200, answer
        assert answer.json()["outcome"] == outcomes[each["id"]]
    assert_problem(again.post(entry(id=str(uuid.uuid4()))), 403)
    again.scores_at(20)
    assert_verified(again.data, "--contest", contest)


def test_a_contest_closes_while_it_is_played_and_counts_what_came_before(start, tmp_path):
    closes_at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds(5))
    contest = tmp_path / "contest.toml"
    contest.write_text(f"closes_at = {closes_at:%Y-%m-%dT%H:%M:%SZ}\n{CONTEST}", encoding="utf-8")
    server = start("--contest", contest)

    accepted = entry(id=str(uuid.uuid4()))
    outcome = server.post(accepted).json()["outcome"]

    def is_closed():
        response = server.post(entry())
        assert response.status in (200, 403), response
        return response.status == 403

    wait_until(is_closed, "a refusal after the contest closed")
    played = server.accepted
    # A client whose entry was accepted without an answer may ask again. No new entry is taken.
    assert server.post(accepted).json() == {"id": accepted["id"], "outcome": outcome,
                                            "repeated": True}
    counts = server.post([accepted, accepted]).json()
    assert (counts["accepted"], counts["repeated"]) == (2, 2)
    never = entry(id=str(uuid.uuid4()))
    wait_until(lambda: server.post(never).status == 403, "the accepted ids to be read")
    assert_problem(server.post([accepted, never]), 403)
    assert_problem(server.post([accepted, entry()]), 403)
    server.scores_at(played)
    wait_until(lambda: server.contest().get("seed"), "the seed")
    assert_verified(server.data, "--contest", contest)

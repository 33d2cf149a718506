"""Which rows stay and on which side, from what is known of them: pure decisions, no picture is opened.

Every row leaves by the first door that is open to it, with one reason, or stays. The doors, in order: the blocklist,
a person's `drop`, a picture that cannot be had, the benchmark's words, the licence, the picture's looks, the texts'
length, contradictory labels, words and fonts, copies, class sizes.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from stages.blocklist import Blocklist
from stages.curate.balance import surplus
from stages.curate.blocklist import blocklisted
from stages.curate.candidate import Candidate
from stages.curate.copies import CONTRADICTORY, DUPLICATE, NEAR_DUPLICATE, Verdict, chosen, contradictions
from stages.curate.decisions import Decided, Decision
from stages.curate.decode import Facts, Quarantine
from stages.curate.filters import TEXT_LENGTH, fitting, picture_flaw
from stages.curate.groups import Groups, group
from stages.curate.licences import is_allowed
from stages.curate.parameters import Curate
from stages.curate.split import components, side_by_word
from stages.record import Drop, Record
from stages.sides import SPLITS, side_by_entity

BY_A_PERSON = "dropped by a person"
WITHHELD = "withheld benchmark word"
NOT_MARKED = "label is not the marked letter"
LICENCE = "licence not allowed"
ON_THE_OTHER_SIDE = "looks like a test picture"


@dataclass(frozen=True)
class Evidence:
    """What decisions are made from. Keys of `facts` and `pixels` are `Image.sha256`.

    `pixels` holds the digest of the PNG that a picture became, as far as it was re-encoded; `withheld` holds
    case-folded words.
    """

    records: Sequence[Record]
    facts: Mapping[str, Facts | Quarantine] = field(default_factory=dict)
    pixels: Mapping[str, str] = field(default_factory=dict)
    decided: Decided = field(default_factory=Decided)
    withheld: frozenset[str] = frozenset()
    blocklist: Blocklist = field(default_factory=Blocklist)


@dataclass(frozen=True)
class Copy:
    """One row of a group of copies. `role`: kept, merged, contradictory, or left out (by a later door)."""

    group: str
    record: Record
    role: str
    reason: str = ""
    of: str = ""  # the row that stays instead
    bits: int | None = None


@dataclass(frozen=True)
class Ruling:
    """`kept` have their `split`; `linked`: id of a kept row -> the group that must stand on one side."""

    kept: list[Record]
    drops: list[Drop]
    copies: list[Copy]
    linked: dict[str, str]
    applied: dict[str, int] = field(default_factory=dict)  # decisions of a person that had their effect, by kind
    not_applied: tuple[str, ...] = ()
    texts_left_out: int = 0


def decide(params: Curate, evidence: Evidence) -> Ruling:
    """Every row of the evidence is kept, with its `split`, or dropped, with one reason.

    Raises UserError for rows that the split cannot be read off.
    """
    records = sorted(evidence.records, key=lambda record: record.id)
    blocked = blocklisted(
        evidence.blocklist, records, evidence.facts, evidence.pixels, evidence.decided, params.near_duplicates
    )
    drops: list[Drop] = []
    sound: list[Candidate] = []
    for record in records:
        found = blocked.get(record.id) or _single(params, evidence, record)
        if isinstance(found, Drop):
            drops.append(found)
        else:
            sound.append(found)

    groups = group(sound, params.near_duplicates, evidence.decided)
    verdicts = {verdict.candidate.record.id: verdict for verdict in contradictions(sound, groups)}
    agreed = [candidate for candidate in sound if candidate.record.id not in verdicts]
    side = _sides(params, agreed, groups)
    placed = [candidate for candidate in agreed if side(candidate) in SPLITS]
    for candidate in agreed:
        if side(candidate) not in SPLITS:
            verdicts[candidate.record.id] = _misplaced(candidate, side(candidate))

    verdicts |= {verdict.candidate.record.id: verdict for verdict in chosen(placed, groups)}
    if params.split == "words_and_fonts":
        _keep_one_side(placed, verdicts, side, groups)
    if params.per_class is not None:
        staying = [candidate for candidate in placed if not verdicts[candidate.record.id].reason]
        for candidate, reason, detail in surplus(params.per_class, staying):
            verdicts[candidate.record.id] = Verdict(candidate, reason, detail)

    kept = [candidate for candidate in placed if not verdicts[candidate.record.id].reason]
    drops += [Drop(row_id, verdict.reason, verdict.detail) for row_id, verdict in verdicts.items() if verdict.reason]
    refused = [*groups.refused, *_wanted_in_vain(evidence, drops)]
    before = {record.id: len(record.texts) for record in evidence.records}
    return Ruling(
        [replace(candidate.record, split=side(candidate)) for candidate in kept],
        drops,
        _copies(sound, verdicts, groups),
        {candidate.record.id: groups.linked[candidate.picture] for candidate in kept},
        dict(Counter(evidence.decided.counts) - Counter(decision.decision for decision, _ in refused)),
        (*evidence.decided.not_applied, *(f"line {one.line}: {one.decision}: {why}" for one, why in refused)),
        sum(before[candidate.record.id] - len(candidate.record.texts) for candidate in kept),
    )


def _single(params: Curate, evidence: Evidence, record: Record) -> Candidate | Drop:
    """All that can be said of a row without the others."""
    decision = evidence.decided.drop.get(record.origin)
    if decision is not None:
        return Drop(record.id, BY_A_PERSON, f"{decision.by}: {decision.note}" if decision.note else decision.by)
    digest = record.image.sha256
    facts = evidence.facts.get(digest)
    if isinstance(facts, Quarantine):
        return Drop(record.id, facts.reason, facts.detail)
    wanted = record.origin in evidence.decided.keep
    row = Candidate(record, evidence.pixels.get(digest, digest), facts, wanted)
    if row.word.casefold() in evidence.withheld:
        return Drop(record.id, WITHHELD, row.word)
    if not _label_is_marked(row):
        return Drop(record.id, NOT_MARKED, f"{record.label!r} is not letter {row.drawn['index']} of {row.word!r}")
    if not is_allowed(params.licences, record.source.licence):
        return Drop(record.id, LICENCE, record.source.licence or "none given")
    flaw = None if wanted else picture_flaw(params.pictures, row.size, facts)
    if flaw is not None:
        return Drop(record.id, *flaw)
    if params.texts is not None and record.texts:
        texts = fitting(params.texts, record.texts)
        if not texts:
            lengths = ", ".join(str(len(text.text.split())) for text in record.texts)
            return Drop(record.id, TEXT_LENGTH, f"{lengths} words")
        return replace(row, record=replace(record, texts=texts))
    return row


def _label_is_marked(row: Candidate) -> bool:
    """False when the row says which letter is marked and its label is another one."""
    if "word" not in row.drawn or "index" not in row.drawn:
        return True
    word, index = row.word, int(row.drawn["index"])
    return 0 <= index < len(word) and word[index] == row.record.label


def _sides(params: Curate, candidates: list[Candidate], groups: Groups) -> Callable[[Candidate], str]:
    if params.split == "words_and_fonts":
        sides = {candidate.record.id: side_by_word(candidate) for candidate in candidates}
        return lambda candidate: sides[candidate.record.id]
    tied = components(candidates, groups.linked)
    return lambda candidate: side_by_entity(tied[candidate.record.entity.casefold()], params.test_share)


def _misplaced(candidate: Candidate, reason: str) -> Verdict:
    return Verdict(candidate, reason, f"{candidate.word}, {candidate.drawn['family']}")


def _keep_one_side(
    placed: list[Candidate], verdicts: dict[str, Verdict], side: Callable[[Candidate], str], groups: Groups
) -> None:
    """Words and fonts fix a row's side: of pictures that look alike and both stay, those in training go."""
    staying: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in placed:
        if not verdicts[candidate.record.id].reason:
            staying[groups.linked[candidate.picture]].append(candidate)
    for members in staying.values():
        tested = [member for member in members if side(member) == "test"]
        for member in members if 0 < len(tested) < len(members) else ():
            if member not in tested:
                detail = f"like {tested[0].record.id}"
                verdicts[member.record.id] = Verdict(member, ON_THE_OTHER_SIDE, detail, tested[0])


def _wanted_in_vain(evidence: Evidence, drops: list[Drop]) -> list[tuple[Decision, str]]:
    """`keep` decisions about pictures of which no row stays, with the reason of one of the drops."""
    dropped = {drop.id: drop.reason for drop in drops}
    rows: dict[str, list[str]] = defaultdict(list)
    for record in evidence.records:
        if record.origin in evidence.decided.keep:
            rows[record.origin].append(record.id)
    return [
        (evidence.decided.keep[origin], f"{dropped[min(ids)]} (row {min(ids)})")
        for origin, ids in sorted(rows.items())
        if all(row_id in dropped for row_id in ids)
    ]


def _copies(sound: list[Candidate], verdicts: Mapping[str, Verdict], groups: Groups) -> list[Copy]:
    """Rows that have a copy, group by group."""
    members: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in sound:
        members[groups.linked[candidate.picture]].append(candidate)
    found = []
    for name, rows in sorted(members.items()):
        for row in rows if len(rows) > 1 else ():
            verdict = verdicts[row.record.id]
            of = verdict.of.record.id if verdict.of is not None else ""
            found.append(Copy(name[:12], row.record, _role(verdict), verdict.reason, of, verdict.bits))
    return found


def _role(verdict: Verdict) -> str:
    if not verdict.reason:
        return "kept"
    if verdict.reason == CONTRADICTORY:
        return "contradictory"
    return "merged" if verdict.reason in (DUPLICATE, NEAR_DUPLICATE) else "left out"

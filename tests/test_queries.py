"""data/queries: what a person writes is taken as meant, or refused by name."""

import datetime
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.params import UserError
from stages.scrape.parameters import Catalogue
from stages.scrape.queries import Queries, Query, read_queries
from stages.scrape.service import queries_of

DATA = Path(__file__).parent.parent / "data" / "queries"


def read(tmp_path: Path, text: str) -> Queries:
    path = tmp_path / "birds.yaml"
    path.write_text(text, encoding="utf-8")
    return read_queries(path)


def test_defaults(tmp_path: Path) -> None:
    queries = read(
        tmp_path, "snapshot: 2026-11-21\nqueries:\n- text: ' a  robin '\n- {text: wren, entity: w, pages: 2}"
    )
    assert queries.snapshot == datetime.date(2026, 11, 21)
    assert (queries.safe, queries.licences, queries.gl, queries.hl, queries.pages) == ("active", None, None, None, 1)
    assert queries.queries == (
        Query(text="a robin", entity="a robin", label="a robin"),
        Query(text="wren", entity="w", label="w", pages=2),
    )


def test_all_keys(tmp_path: Path) -> None:
    rows = "queries: [{text: robin, entity: bird, label: Robin, pages: 3}]"
    head = "snapshot: '2026-11-21'\nsafe: off\nlicences: fc\ngl: us\nhl: zh-CN\npages: 100\n"
    queries = read(tmp_path, head + rows)
    assert (queries.safe, queries.licences, queries.gl, queries.hl, queries.pages) == ("off", "fc", "us", "zh-CN", 100)
    assert Queries.model_validate(queries.model_dump(mode="json")) == queries


GOOD = "snapshot: 2026-11-21\nqueries: [{text: robin}]\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("queries: [{text: robin}]", "`birds.snapshot` is missing"),
        ("snapshot: 2026-11-21", "`birds.queries` is missing"),
        ("snapshot: 2026-11-21\nqueries: []", "`birds.queries` .* at least 1"),
        ("snapshot: 20261121\nqueries: [{text: robin}]", "`birds.snapshot` = 20261121 .*YYYY-MM-DD"),
        ("snapshot: soon\nqueries: [{text: robin}]", "`birds.snapshot` = 'soon'"),
        ("snapshot: 2026-13-45\nqueries: [{text: robin}]", "no valid YAML: month must be in 1..12"),
        (GOOD + "license: fc", "`birds.license` is not a parameter; allowed here: gl, hl, licences, pages"),
        (GOOD + "licences: free", "`birds.licences` = 'free' is not allowed"),
        (GOOD + "safe: maybe", "`birds.safe` = 'maybe'"),
        (GOOD + "gl: no", "`birds.gl` = False .*quotes"),
        (GOOD + "hl: english", "`birds.hl` = 'english'"),
        (GOOD + "pages: 0", "`birds.pages` = 0"),
        (GOOD + "pages: true", "`birds.pages` = True"),
        (GOOD + "pages: 2.0", "`birds.pages` = 2.0"),
        (GOOD + "snapshot: 2026-11-22", "the key `snapshot` stands there twice"),
        (
            "snapshot: 2026-11-21\nqueries: [{text: robin, entities: x}]",
            "`birds.queries.0.entities` is not a parameter",
        ),
        ("snapshot: 2026-11-21\nqueries: [{entity: robin}]", "`birds.queries.0.text` is missing"),
        ("snapshot: 2026-11-21\nqueries: [{text: '  '}]", "birds.queries.0.*must not be empty"),
        ("snapshot: 2026-11-21\nqueries: [{text: 7}]", "`birds.queries.0.text` = 7"),
        ('snapshot: 2026-11-21\nqueries: [{text: "a\\nb"}]', "one line of text"),
        ("snapshot: 2026-11-21\nqueries: [robin]", "`birds.queries.0` = 'robin'"),
        ("snapshot: 2026-11-21\nqueries: [{text: robin}, {text: robin}]", "the query `robin` stands there twice"),
        ("- robin", "must be a mapping with `snapshot`"),
        ("", "must be a mapping"),
        ("a: [", "no valid YAML"),
        ("a: !!python/object:os.system x", "no valid YAML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as raised:
        read(tmp_path, text)
    assert str(tmp_path / "birds.yaml") in str(raised.value)


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"birds.yaml is missing: write one like data/queries/scizor.yaml"):
        read_queries(tmp_path / "birds.yaml")
    (tmp_path / "birds.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="not UTF-8"):
        read_queries(tmp_path / "birds.yaml")


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.text(max_size=6)
KEYS = st.sampled_from([*Queries.model_fields, *Query.model_fields, "other"]) | VALUES
TREES = st.recursive(VALUES, lambda tree: st.lists(tree, max_size=3) | st.dictionaries(KEYS, tree, max_size=4))
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text(alphabet="ab:-[]{}!&*<|>%@'\"\\ \n\t2016?,#")
FILES = (
    st.dictionaries(KEYS, TREES | st.lists(st.dictionaries(KEYS, VALUES), max_size=3)).map(yaml.safe_dump) | ANY_TEXT
)
ODD_TAGS = st.sampled_from(
    ["!!int ''", "!!timestamp x", "!!float .", "!!binary é", "<<: 3", "*a", "? [x]\n: y", "[" * 500]
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=50
)
@given(text=FILES | ODD_TAGS | ODD_TAGS.map(lambda value: f"snapshot: {value}"))
def test_any_file_is_read_or_refused(tmp_path: Path, text: str) -> None:
    with suppress(UserError):
        queries = read(tmp_path, text)
        assert queries.queries
        assert all(query.text and query.entity and query.label for query in queries.queries)


@given(st.builds(dict, text=st.text("abc é", min_size=1).filter(str.strip), entity=st.text("abc", max_size=3)))
def test_what_is_written_is_read(row: dict[str, str]) -> None:
    query = Query.model_validate(row)
    assert query.text == " ".join(row["text"].split())
    assert query.entity == (row["entity"] or query.text)


def test_the_creatures_are_those_of_the_catalogue() -> None:
    queries = read_queries(DATA / "creatures.yaml")
    *known, unknown = queries.queries
    assert known == queries_of(Catalogue())
    assert unknown.entity not in {query.entity for query in known}
    assert queries.pages * 8 >= Catalogue().views + 1  # pages of 8, and an odd result more


def test_the_example_for_the_real_service() -> None:
    queries = read_queries(DATA / "scizor.yaml")
    text = (DATA / "scizor.yaml").read_text(encoding="utf-8")
    assert len(queries.queries) == 10
    assert (queries.safe, queries.gl, queries.hl) == ("active", "us", "en")
    assert {query.label for query in queries.queries} == {"scizor"}
    assert f"at most {sum(query.pages or queries.pages for query in queries.queries)} searches" in text

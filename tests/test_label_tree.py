"""Labels as a tree: each beginning is there once, each label can be found, and none is there twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.evaluate.label_tree import LabelTree
from stages.params import UserError

END = 2


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([], "there are no labels"),
        ([[5, END], []], "label 1 has no tokens"),
        ([[5, END], [6, END], [5, END]], r"labels 0, 2 are the same tokens, \[5, 2\].*synonym"),
    ],
)
def test_labels_that_can_t_be_told_apart_are_refused(labels: list[list[int]], said: str) -> None:
    with pytest.raises(UserError, match=said):
        LabelTree.of(labels)


@given(st.lists(st.lists(st.integers(3, 6), min_size=1, max_size=4).map(tuple), min_size=1, max_size=12, unique=True))
def test_a_tree_has_every_beginning_once(labels: list[tuple[int, ...]]) -> None:
    tree = LabelTree.of(labels)
    paths = [tuple(tree.tokens[node] for node in reversed(tree.lineage(node))) for node in range(len(tree.tokens))]
    assert [paths[end] for end in tree.ends] == labels
    assert set(paths) == {label[:length] for label in labels for length in range(len(label) + 1)}
    assert len(set(paths)) == len(paths)
    assert all(parent < node for node, parent in enumerate(tree.parents))
    assert {paths[node] for node in tree.inner} == {path[:-1] for path in paths if len(path) > 1}
